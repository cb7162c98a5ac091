// The golden thinker of tests/golden/tiny_omni: sounds and prompts with media, and what
// transformers answered.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "model/config.h"
#include "model/towers/medium.h"

namespace peira::test {

inline std::filesystem::path omni_folder() {
  return std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/tiny_omni/thinker";
}

inline Json omni_expected(const std::filesystem::path& folder = omni_folder()) {
  const std::filesystem::path file = folder / "expected.json";
  return parse_json(read_file(file), file.string());
}

// features_of() of make_tiny_qwen3_omni.py.
inline model::Buffer<float> omni_features(std::uint32_t seed, std::int64_t count) {
  model::Buffer<float> out;
  out.resize(static_cast<std::size_t>(count));
  std::uint32_t state = seed;
  for (float& value : out) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 16U) / 32768.0F - 1.0F;
  }
  return out;
}

inline std::shared_ptr<const model::Medium> omni_sound(const Json& given,
                                                       const model::ModelConfig& config) {
  model::Medium medium;
  medium.modality = model::Modality::kAudio;
  medium.grid_t = given.at("frames").get<std::int32_t>();
  medium.features = omni_features(given.at("seed").get<std::uint32_t>(),
                                  std::int64_t{config.audio_config->num_mel_bins} * medium.grid_t);
  medium.name = "sound " + std::to_string(medium.grid_t);
  medium.digest = dump_json(given);
  return std::make_shared<const model::Medium>(std::move(medium));
}

inline std::shared_ptr<const model::Medium> omni_medium(const Json& given,
                                                        const model::ModelConfig& config) {
  const auto kind = given.at("kind").get<std::string>();
  if (kind == "audio") return omni_sound(given, config);
  const auto grid = given.at("grid").get<std::vector<std::int32_t>>();
  model::Medium medium;
  medium.modality = kind == "image" ? model::Modality::kImage : model::Modality::kVideo;
  medium.grid_t = grid.at(0);
  medium.grid_h = grid.at(1);
  medium.grid_w = grid.at(2);
  medium.seconds_per_grid = given.value("seconds_per_grid", 0.0);
  medium.features = omni_features(given.at("seed").get<std::uint32_t>(),
                                  std::int64_t{medium.grid_t} * medium.grid_h * medium.grid_w *
                                      config.vision_config->patch_features());
  if (given.contains("sound")) medium.sound = omni_sound(given.at("sound"), config);
  medium.name = kind;
  medium.digest = dump_json(given);
  return std::make_shared<const model::Medium>(std::move(medium));
}

}  // namespace peira::test
