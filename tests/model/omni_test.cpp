// The thinker of Qwen3-Omni: sounds, pictures, videos, videos with sound and all of them in one
// prompt, against transformers, and against itself in other batches and chunks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/families/family.h"
#include "model/towers/encoders.h"
#include "tests/model/golden.h"
#include "tests/model/omni_golden.h"

namespace peira::model {
namespace {

using test::bits_of;
using test::relative_error;
using ::testing::HasSubstr;

// Sums in float32 differ from transformers' in their last bits alone.
constexpr double kTolerance = 2e-5;

Engine open_engine(const EngineOptions& options) {
  return Engine(CheckpointFiles::folder(test::omni_folder()), options);
}

TokenRequest request_of(const Json& golden, const ModelConfig& config) {
  TokenRequest request;
  golden.at("tokens").get_to(request.tokens);
  for (const Json& medium : golden.at("media")) {
    request.media.push_back(test::omni_medium(medium, config));
  }
  request.max_tokens = static_cast<int>(golden.at("greedy").size());
  request.last_prompt_logits = true;
  return request;
}

class OmniParity : public ::testing::TestWithParam<std::string> {};

TEST_P(OmniParity, LogitsAndGreedyTokensAreThoseOfTransformers) {
  Engine engine = open_engine({.device = GetParam()});
  const Json expected = test::omni_expected();
  ASSERT_EQ(expected.at("cases").size(), 12U);
  for (const Json& golden : expected.at("cases")) {
    SCOPED_TRACE(golden.at("about").get<std::string>());
    TokenRequest request = request_of(golden, engine.config());
    std::vector<std::vector<float>> all;
    request.prompt_logprobs = true;
    request.on_prompt_logits = [&](std::int64_t /*position*/, std::span<const float> logits) {
      all.emplace_back(logits.begin(), logits.end());
    };
    const TokenResult result = engine.generate({&request, 1}).front();
    all.push_back(result.last_prompt_logits);
    ASSERT_EQ(all.size(), golden.at("tokens").size());
    const auto rows = golden.at("rows").get<std::vector<std::size_t>>();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto want = golden.at("logits").at(i).get<std::vector<float>>();
      EXPECT_LT(relative_error(all.at(rows[i]), want), kTolerance) << "row " << rows[i];
    }
    const auto greedy = golden.at("greedy").get<std::vector<std::int32_t>>();
    const auto gaps = golden.at("greedy_gap").get<std::vector<float>>();
    for (std::size_t i = 0; i < greedy.size() && gaps[i] > 1e-2F; ++i) {
      EXPECT_EQ(result.tokens.at(i), greedy[i]) << i;
    }
  }
}

TEST_P(OmniParity, ResultsDoNotDependOnBatchOrChunks) {
  const Json expected = test::omni_expected();
  std::vector<std::vector<std::uint32_t>> want;
  for (const EngineOptions& base : {EngineOptions{.max_batch = 1, .prefill_chunk = 512},
                                    EngineOptions{.max_batch = 12, .prefill_chunk = 512},
                                    EngineOptions{.max_batch = 5, .prefill_chunk = 7},
                                    EngineOptions{.num_threads = 1, .prefix_cache = false}}) {
    EngineOptions options = base;
    options.device = GetParam();
    Engine engine = open_engine(options);
    std::vector<TokenRequest> requests;
    for (const Json& golden : expected.at("cases")) {
      requests.push_back(request_of(golden, engine.config()));
    }
    const std::vector<TokenResult> results = engine.generate(requests);
    std::vector<std::vector<std::uint32_t>> got;
    for (const TokenResult& result : results) {
      got.push_back(bits_of(result.last_prompt_logits));
      got.push_back(bits_of(result.logprobs));
    }
    if (want.empty()) want = got;
    EXPECT_EQ(got, want);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OmniParity, ::testing::Values("reference", "cpu"));

TEST(OmniPositions, AreThoseOfTransformers) {
  const CheckpointFiles files = CheckpointFiles::folder(test::omni_folder());
  const ModelConfig config = load_config(files);
  CheckpointTensors tensors(files);
  DecoderWeights host = take_decoder_weights(config, tensors);
  const std::unique_ptr<Backend> backend = make_backend({.device = "reference"});
  const MediaEncoders encoders(*backend, config, std::move(host.towers), 0);
  const Json expected = test::omni_expected();
  for (const Json& golden : expected.at("cases")) {
    SCOPED_TRACE(golden.at("about").get<std::string>());
    const TokenRequest request = request_of(golden, config);
    const PromptMedia placed =
        place_media(request.tokens, request.media, config.media_tokens, encoders);
    EXPECT_EQ(placed.positions, golden.at("positions").get<std::vector<AxisPosition>>());
  }
}

TEST(OmniThinker, TakesEveryModalityAndSaysWhatDoesNotRun) {
  const Engine engine = open_engine({});
  for (const Modality modality : {Modality::kImage, Modality::kVideo, Modality::kAudio}) {
    EXPECT_TRUE(engine.takes(modality));
  }
  ASSERT_EQ(engine.notes().size(), 2U);
  EXPECT_THAT(engine.notes()[0], HasSubstr("1 tensor talker.*: what speaks does not run"));
  EXPECT_THAT(engine.notes()[1], HasSubstr("code2wav.*"));
}

// A video with sound is encoded from both once, and its sound alone is found again.
TEST(OmniEncoders, KeepAVideoAndItsSound) {
  Engine engine = open_engine({.prefix_cache = false});
  const Json expected = test::omni_expected();
  const Json& golden = expected.at("cases").at(8);
  const TokenRequest request = request_of(golden, engine.config());
  ASSERT_NE(request.media.at(0)->sound, nullptr);
  engine.generate({&request, 1});
  EXPECT_EQ(engine.encoder_counts().num_encoded, 2);
  engine.generate({&request, 1});
  EXPECT_EQ(engine.encoder_counts().num_encoded, 2);
  EXPECT_EQ(engine.encoder_counts().num_reused, 1);
}

TEST(OmniRequest, ASoundThatDoesNotFitItsPlaceholdersIsNamed) {
  Engine engine = open_engine({});
  const Json expected = test::omni_expected();
  TokenRequest request = request_of(expected.at("cases").at(1), engine.config());
  request.tokens.erase(request.tokens.begin() + 6);
  try {
    engine.submit(request);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("sound 137: needs 18 placeholders of id 9 at position 5"));
  }
}

}  // namespace
}  // namespace peira::model
