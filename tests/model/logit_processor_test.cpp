#include "model/logit_processor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/files.h"
#include "base/json.h"

namespace peira::model {
namespace {

// tests/golden/model/make_penalties.py: transformers' processors, OpenAI's formula.
TEST(LogitProcessor, ChangesLogitsAsTransformersAndOpenAiDo) {
  const std::filesystem::path path =
      std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/model/penalties.json";
  LogitProcessor processor;
  for (const Json& golden : parse_json(read_file(path), path.string()).at("cases")) {
    SCOPED_TRACE(golden.dump().substr(0, 100));
    SamplingParams params;
    params.repetition_penalty = golden.value("repetition_penalty", 1.0);
    params.presence_penalty = golden.value("presence_penalty", 0.0);
    params.frequency_penalty = golden.value("frequency_penalty", 0.0);
    for (const Json& bias : golden.value("logit_bias", Json::array())) {
      params.logit_bias.emplace_back(bias[0].get<std::int32_t>(), bias[1].get<float>());
    }
    const auto logits = golden.at("logits").get<std::vector<float>>();
    const auto want = golden.at("changed").get<std::vector<float>>();
    const std::span<const float> got =
        processor.process(logits, params, golden.at("prompt").get<std::vector<std::int32_t>>(),
                          golden.at("answer").get<std::vector<std::int32_t>>());
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(got[i], want[i], 1e-6 * (1 + std::abs(want[i]))) << "token " << i;
    }
  }
}

TEST(LogitProcessor, LeavesLogitsAloneUnlessAsked) {
  LogitProcessor processor;
  const std::vector<float> logits{1, -2, 3};
  const std::vector<std::int32_t> tokens{0, 1, 1};
  EXPECT_EQ(processor.process(logits, {}, tokens, tokens).data(), logits.data());
  // What one call counted, the next one does not see.
  const std::span<const float> once =
      processor.process(logits, {.repetition_penalty = 2}, tokens, {});
  EXPECT_EQ(std::vector<float>(once.begin(), once.end()), (std::vector<float>{0.5F, -4, 3}));
  const std::span<const float> then =
      processor.process(logits, {.presence_penalty = 1}, {}, std::vector<std::int32_t>{2});
  EXPECT_EQ(std::vector<float>(then.begin(), then.end()), (std::vector<float>{1, -2, 2}));
}

}  // namespace
}  // namespace peira::model
