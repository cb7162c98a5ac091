// The golden checkpoints of tests/golden/tiny_vision: prompts with media, and what transformers
// answered.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "model/engine.h"

namespace peira::test {

inline std::filesystem::path vision_folder(const std::string& name) {
  return std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/tiny_vision" / name;
}

struct VisionCase {
  std::string name;
  std::vector<std::int32_t> tokens;
  std::vector<std::shared_ptr<const model::Medium>> media;
  std::vector<float> logits;    // after the last token
  std::vector<float> logprobs;  // [tokens - 1]
  std::vector<std::int32_t> greedy;
  std::vector<float> greedy_gap;
};

// A medium whose features are the formula of make_tiny_vision.py.
inline std::shared_ptr<const model::Medium> made_medium(model::Modality modality, int t, int h,
                                                        int w, int seed,
                                                        const model::VisionConfig& vision) {
  model::Medium medium;
  medium.modality = modality;
  medium.grid_t = t;
  medium.grid_h = h;
  medium.grid_w = w;
  medium.name = std::string(model::name_of(modality)) + " " + std::to_string(seed);
  const std::int64_t count = std::int64_t{t} * h * w * vision.patch_features();
  medium.features.resize(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    medium.features[static_cast<std::size_t>(i)] =
        static_cast<float>((i * 37 + seed * 101) % 64) / 32 - 1;
  }
  medium.digest =
      medium.name + " " + std::to_string(t) + "x" + std::to_string(h) + "x" + std::to_string(w);
  return std::make_shared<const model::Medium>(std::move(medium));
}

inline std::vector<VisionCase> vision_cases(const std::filesystem::path& folder,
                                            const model::ModelConfig& config) {
  const std::filesystem::path file = folder / "expected.json";
  const Json expected = parse_json(read_file(file), file.string());
  std::vector<VisionCase> out;
  for (const Json& given : expected.at("cases")) {
    VisionCase& one = out.emplace_back();
    given.at("name").get_to(one.name);
    given.at("tokens").get_to(one.tokens);
    given.at("logits").get_to(one.logits);
    given.at("logprobs").get_to(one.logprobs);
    given.at("greedy").get_to(one.greedy);
    given.at("greedy_gap").get_to(one.greedy_gap);
    for (const Json& medium : given.at("media")) {
      const auto grid = medium.at("grid").get<std::vector<int>>();
      const bool is_video = medium.at("modality") == "video";
      one.media.push_back(made_medium(is_video ? model::Modality::kVideo : model::Modality::kImage,
                                      grid.at(0), grid.at(1), grid.at(2),
                                      medium.at("seed").get<int>(), *config.vision_config));
    }
  }
  return out;
}

// Scores the prompt and gives the logits behind it, then continues greedily.
inline model::TokenRequest vision_request(const VisionCase& golden) {
  model::TokenRequest request;
  request.tokens = golden.tokens;
  request.media = golden.media;
  request.max_tokens = static_cast<int>(golden.greedy.size());
  request.prompt_logprobs = true;
  request.last_prompt_logits = true;
  return request;
}

}  // namespace peira::test
