// The golden checkpoints of tests/golden/tiny and what transformers answered on them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "model/engine.h"

namespace peira::test {

inline std::filesystem::path golden_folder(const std::string& name) {
  return std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/tiny" / name;
}

inline const std::vector<std::string>& golden_names() {
  static const std::vector<std::string> names{"gqa",
                                              "tied",
                                              "dense_mixed",
                                              "f16",
                                              "f32_top1",
                                              "sharded_v5",
                                              "fused",
                                              "rope_linear",
                                              "rope_yarn",
                                              "gpt_oss_mxfp4",
                                              "gpt_oss_bf16",
                                              "gpt_oss_f32_one",
                                              "gpt_oss_mxfp4_one",
                                              "qwen3_next",
                                              "qwen3_next_1x",
                                              "qwen3_next_step2",
                                              "qwen3_next_fp8",
                                              "qwen2_moe",
                                              "qwen2_moe_mixed",
                                              "qwen3",
                                              "qwen3_window",
                                              "qwen3_v5",
                                              "qwen3_fp8",
                                              "qwen3_moe_fp8",
                                              "llama2",
                                              "llama3",
                                              "llama_bias",
                                              "olmoe",
                                              "olmoe_all",
                                              "olmoe_one",
                                              "olmoe_input_major",
                                              "mixtral",
                                              "mixtral_window",
                                              "mixtral_square",
                                              "gemma3_text",
                                              "gemma3_text_v5",
                                              "gemma3",
                                              "gemma3_renamed"};
  return names;
}

struct GoldenCase {
  std::vector<std::int32_t> tokens;
  std::vector<std::vector<float>> logits;  // [tokens][vocab_size]
  std::vector<float> logprobs;             // [tokens - 1]
  std::vector<std::int32_t> greedy;
  std::vector<float> greedy_gap;
};

inline std::vector<GoldenCase> golden_cases(const std::filesystem::path& expected_json) {
  const Json expected = parse_json(read_file(expected_json), expected_json.string());
  std::vector<GoldenCase> out;
  for (const Json& given : expected.at("cases")) {
    GoldenCase& one = out.emplace_back();
    given.at("tokens").get_to(one.tokens);
    given.at("logits").get_to(one.logits);
    given.at("logprobs").get_to(one.logprobs);
    given.at("greedy").get_to(one.greedy);
    given.at("greedy_gap").get_to(one.greedy_gap);
  }
  return out;
}

inline model::Engine golden_engine(const std::string& name, model::EngineOptions options = {}) {
  return model::Engine(model::CheckpointFiles::folder(golden_folder(name)), options);
}

}  // namespace peira::test
