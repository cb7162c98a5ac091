// The golden checkpoints of tests/golden/tiny, what transformers answered on them, and how answers
// are held against it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <span>
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

// max |got - want| over max |want|.
inline double relative_error(std::span<const float> got, std::span<const float> want) {
  EXPECT_EQ(got.size(), want.size());
  double difference = 0;
  double scale = 0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    difference = std::max(difference, std::abs(double{got[i]} - double{want[i]}));
    scale = std::max(scale, std::abs(double{want[i]}));
  }
  return difference / scale;
}

inline std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> out;
  for (const float value : values) out.push_back(std::bit_cast<std::uint32_t>(value));
  return out;
}

// Requests for the logits after the first token, after two and so on.
inline std::vector<model::TokenRequest> prefix_requests(std::span<const std::int32_t> tokens) {
  std::vector<model::TokenRequest> out;
  for (std::size_t length = 1; length <= tokens.size(); ++length) {
    model::TokenRequest& request = out.emplace_back();
    const auto prefix = tokens.first(length);
    request.tokens.assign(prefix.begin(), prefix.end());
    request.max_tokens = 0;
    request.last_prompt_logits = true;
  }
  return out;
}

// Expects the engine to choose golden.greedy. Past a near tie two correct implementations may go
// different ways, so that is where it stops looking.
inline void expect_greedy_tokens(model::Engine& engine, const GoldenCase& golden) {
  model::TokenRequest request;
  request.tokens = golden.tokens;
  request.max_tokens = static_cast<int>(golden.greedy.size());
  const model::TokenResult result = engine.generate({&request, 1}).front();
  EXPECT_EQ(result.finish_reason, model::FinishReason::kLength);
  ASSERT_EQ(result.tokens.size(), golden.greedy.size());
  std::size_t comparable = 0;
  while (comparable < golden.greedy.size() && golden.greedy_gap[comparable] > 1e-2) ++comparable;
  ASSERT_GT(comparable, 0U);
  for (std::size_t i = 0; i < comparable; ++i) EXPECT_EQ(result.tokens[i], golden.greedy[i]) << i;
}

inline model::Engine golden_engine(const std::string& name, model::EngineOptions options = {}) {
  return model::Engine(model::CheckpointFiles::folder(golden_folder(name)), options);
}

}  // namespace peira::test
