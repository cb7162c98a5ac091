#include "model/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "model/random.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

// The known answers of the authors' Random123 1.14.0, kat_vectors, philox4x32 10.
TEST(Random, Philox4x32HasTheKnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UniformsFillTheUnitInterval) {
  constexpr int kDraws = 20000;
  double sum = 0;
  double sum_sq = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = uniform_at(42, static_cast<std::uint64_t>(i));
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    sum_sq += u * u;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.01);
  EXPECT_NEAR(sum_sq / kDraws, 1.0 / 3, 0.01);
  EXPECT_NE(uniform_at(1, 0), uniform_at(2, 0));
}

TEST(Sampler, DistributionsAreThoseOfTransformersWarpers) {
  const auto path = std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/model/sampling.json";
  const Json golden = parse_json(read_file(path), path.string());
  const auto logits = golden.at("logits").get<std::vector<float>>();
  for (const Json& given : golden.at("cases")) {
    SamplingParams params;
    params.temperature = given.at("temperature");
    params.top_k = given.value("top_k", 0);
    params.top_p = given.value("top_p", 1.0);
    params.min_p = given.value("min_p", 0.0);
    const auto want = given.at("probabilities").get<std::vector<double>>();
    std::vector<double> got;
    sampling_distribution(logits, params, got);
    ASSERT_EQ(got.size(), want.size());
    // Scores of up to 50 are rounded to float32: a relative 50 * 2^-24 of each probability, twice.
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(got[i], want[i], 6e-6 * want[i])
          << "temperature " << params.temperature << " token " << i;
    }
  }
}

// By hand: e^0 : e^ln2 : e^ln3 = 1 : 2 : 3, so the cumulative steps are 1/6 and 3/6.
TEST(Sampler, InvertsTheCumulativeDistribution) {
  const std::vector<float> logits{0.0F, std::log(2.0F), std::log(3.0F)};
  const SamplingParams params{.temperature = 1};
  Sampler sampler;
  EXPECT_NEAR(sampler.sample(logits, params, 0.2).logprob, std::log(2.0 / 6), 1e-6);
  EXPECT_NEAR(sampler.logprob(logits, params, 2), std::log(3.0 / 6), 1e-6);
  const SamplingParams best{.temperature = 1, .top_k = 1};
  EXPECT_EQ(sampler.logprob(logits, best, 1), -INFINITY);
  EXPECT_EQ(sampler.logprob(logits, best, 2), 0);
  EXPECT_EQ(sampler.logprob(logits, {}, 2), 0);
  EXPECT_EQ(sampler.logprob(logits, {}, 1), -INFINITY);
  EXPECT_EQ(sampler.sample(logits, params, 0).token, 0);
  EXPECT_EQ(sampler.sample(logits, params, 0.16).token, 0);
  EXPECT_EQ(sampler.sample(logits, params, 0.17).token, 1);
  EXPECT_EQ(sampler.sample(logits, params, 0.49).token, 1);
  EXPECT_EQ(sampler.sample(logits, params, 0.51).token, 2);
  EXPECT_EQ(sampler.sample(logits, params, 1 - 0x1p-53).token, 2);
}

TEST(Sampler, DrawsWithTheDistributionsFrequencies) {
  const std::vector<float> logits{0.0F, std::log(2.0F), std::log(3.0F)};
  const SamplingParams params{.temperature = 1};
  Sampler sampler;
  constexpr int kDraws = 30000;
  std::array<int, 3> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const std::int32_t token =
        sampler.sample(logits, params, uniform_at(7, static_cast<std::uint64_t>(i))).token;
    ++counts[static_cast<std::size_t>(token)];
  }
  // Standard errors are below 0.003.
  EXPECT_NEAR(counts[0] / double{kDraws}, 1.0 / 6, 0.012);
  EXPECT_NEAR(counts[1] / double{kDraws}, 2.0 / 6, 0.012);
  EXPECT_NEAR(counts[2] / double{kDraws}, 3.0 / 6, 0.012);
}

TEST(Sampler, GreedyTakesTheLowestIdOfATie) {
  EXPECT_EQ(greedy_token(std::vector<float>{1, 5, 5, 2}), 1);
  EXPECT_EQ(greedy_token(std::vector<float>{NAN, 1, 2}), 2);
  Sampler sampler;
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 5, 2}, {.temperature = 0}, 0.99).token, 1);
  // float32 cannot hold such a temperature; and the smallest it can hold must not overflow.
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 2}, {.temperature = 1e-300}, 0.99).token, 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 2}, {.temperature = 1e-44}, 0.99).token, 1);
}

TEST(Sampler, TopKKeepsTies) {
  std::vector<double> got;
  sampling_distribution(std::vector<float>{1, 2, 2, 0}, {.temperature = 1, .top_k = 1}, got);
  EXPECT_THAT(got, ::testing::ElementsAre(0, 0.5, 0.5, 0));
}

TEST(Sampler, TopTokensAreBestFirstLowestIdOnATie) {
  const std::vector<TokenLogprob> top = top_tokens(std::vector<float>{1, 3, 2, 3}, 4.0F, 3);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_EQ(top[1].token, 3);
  EXPECT_EQ(top[2].token, 2);
  EXPECT_EQ(top[2].logprob, -2.0F);
}

TEST(Sampler, RefusesParametersOutOfRange) {
  for (const SamplingParams& params :
       {SamplingParams{.temperature = -1}, SamplingParams{.temperature = NAN},
        SamplingParams{.temperature = INFINITY}, SamplingParams{.top_k = -1},
        SamplingParams{.top_p = 0}, SamplingParams{.top_p = 1.1}, SamplingParams{.top_p = NAN},
        SamplingParams{.min_p = -0.1}, SamplingParams{.min_p = 1.1},
        SamplingParams{.repetition_penalty = 0}, SamplingParams{.repetition_penalty = NAN},
        SamplingParams{.presence_penalty = INFINITY}, SamplingParams{.frequency_penalty = NAN},
        SamplingParams{.logit_bias = {{10, 1.0F}}}, SamplingParams{.logit_bias = {{-1, 1.0F}}},
        SamplingParams{.logit_bias = {{3, NAN}}},
        SamplingParams{.logit_bias = {{3, 1.0F}, {3, 2.0F}}}}) {
    EXPECT_THROW(check_sampling(params, 10), Error);
  }
  check_sampling({.temperature = 1,
                  .top_k = 40,
                  .top_p = 0.9,
                  .min_p = 0.1,
                  .repetition_penalty = 1.2,
                  .presence_penalty = -2,
                  .frequency_penalty = 2,
                  .logit_bias = {{9, -100.0F}}},
                 10);
}

}  // namespace
}  // namespace peira::model
