#include "model/token_guide.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/logit_processor.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using test::golden_engine;

// Position k takes the tokens of steps[k]; the text may end from may_end_from on and must after
// the last step.
class StepGuide : public TokenGuide {
 public:
  StepGuide(std::vector<std::vector<std::int32_t>> steps, std::size_t may_end_from)
      : steps_(std::move(steps)), may_end_from_(may_end_from) {}
  std::span<const std::uint64_t> allowed() override {
    mask_.assign(2, 0);  // 128 ids: fewer or more than the vocabulary has
    if (at_ < steps_.size()) {
      for (const std::int32_t token : steps_[at_]) {
        mask_[static_cast<std::size_t>(token) / 64] |= std::uint64_t{1} << (token % 64);
      }
    }
    return mask_;
  }
  void accept(std::int32_t token) override {
    ASSERT_TRUE(std::count(steps_.at(at_).begin(), steps_.at(at_).end(), token));
    ++at_;
  }
  bool may_end() const override { return at_ >= may_end_from_; }
  bool must_end() const override { return at_ >= steps_.size(); }

 private:
  std::vector<std::vector<std::int32_t>> steps_;
  std::size_t may_end_from_;
  std::size_t at_ = 0;
  std::vector<std::uint64_t> mask_;
};

struct StepGrammar : TokenGrammar {
  std::vector<std::vector<std::int32_t>> steps;
  std::size_t may_end_from = std::numeric_limits<std::size_t>::max();
  std::unique_ptr<TokenGuide> start() const override {
    return std::make_unique<StepGuide>(steps, may_end_from);
  }
};

std::vector<float> logits_after(Engine& engine, const std::vector<std::int32_t>& tokens) {
  TokenRequest request;
  request.tokens = tokens;
  request.max_tokens = 0;
  request.last_prompt_logits = true;
  return engine.generate({&request, 1}).front().last_prompt_logits;
}

TEST(TokenGuide, GreedyTakesTheBestAllowedTokenAndReportsTheModelsLogprob) {
  Engine engine = golden_engine("gqa");
  const auto grammar = std::make_shared<StepGrammar>();
  grammar->steps = {{3, 5, 9}, {1, 7}, {2, 4, 6, 8, 10}};
  TokenRequest request;
  request.tokens = {1, 2, 3};
  request.max_tokens = 10;
  request.grammar = grammar;

  const TokenResult result = engine.generate({&request, 1}).front();

  ASSERT_EQ(result.tokens.size(), 3U);
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
  std::vector<std::int32_t> before = request.tokens;
  for (std::size_t k = 0; k < 3; ++k) {
    const std::vector<float> logits = logits_after(engine, before);
    std::int32_t best = grammar->steps[k].front();
    for (const std::int32_t token : grammar->steps[k]) {
      if (logits[static_cast<std::size_t>(token)] > logits[static_cast<std::size_t>(best)]) {
        best = token;
      }
    }
    EXPECT_EQ(result.tokens[k], best);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit});
    EXPECT_NEAR(result.logprobs[k], logits[static_cast<std::size_t>(best)] - std::log(sum), 1e-4);
    before.push_back(best);
  }
}

TEST(TokenGuide, SampledTokensAreAllowedAndStopTokensWaitForTheEnd) {
  Engine engine = golden_engine("gqa");
  const auto grammar = std::make_shared<StepGrammar>();
  grammar->steps = {{3, 5}, {1, 7}, {2, 4}, {11}, {12, 13}};
  grammar->may_end_from = 2;
  std::vector<TokenRequest> requests;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    TokenRequest& request = requests.emplace_back();
    request.tokens = {4, 4};
    request.max_tokens = 10;
    request.sampling.temperature = 2;
    request.seed = seed;
    request.stop_tokens = {0, 3};  // 3 is also a token that the first step would take
    request.grammar = grammar;
  }
  std::size_t shortest = 10, longest = 0;
  const std::vector<TokenResult> together = engine.generate(requests);
  for (std::size_t i = 0; i < together.size(); ++i) {
    EXPECT_EQ(together[i].finish_reason, FinishReason::kStop);
    ASSERT_GE(together[i].tokens.size(), 2U);
    EXPECT_EQ(together[i].tokens[0], 5);
    shortest = std::min(shortest, together[i].tokens.size());
    longest = std::max(longest, together[i].tokens.size());
    EXPECT_EQ(engine.generate({&requests[i], 1}).front().tokens, together[i].tokens);
  }
  EXPECT_EQ(shortest, 2U);
  EXPECT_EQ(longest, 5U);
}

// The only token of the step is a stop token, and it may not end there.
TEST(TokenGuide, NothingLeftCutsTheSequence) {
  Engine engine = golden_engine("gqa");
  const auto grammar = std::make_shared<StepGrammar>();
  grammar->steps = {{3}, {5}};
  TokenRequest request;
  request.tokens = {4};
  request.stop_tokens = {5};
  request.grammar = grammar;
  const TokenResult result = engine.generate({&request, 1}).front();
  EXPECT_EQ(result.tokens, (std::vector<std::int32_t>{3}));
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
}

TEST(TokenGuide, ABiasBelowFloatStillLeavesTheAllowed) {
  StepGuide guide({{1, 2}}, 5);
  const std::vector<float> logits{9, -INFINITY, -INFINITY, 7};
  LogitProcessor processor;
  const std::span<const float> got = processor.restrict(logits, guide, {});
  ASSERT_EQ(got.size(), 4U);
  EXPECT_EQ(got[0], -INFINITY);
  EXPECT_TRUE(std::isfinite(got[1]));
  EXPECT_TRUE(std::isfinite(got[2]));
  EXPECT_EQ(got[3], -INFINITY);
}

}  // namespace
}  // namespace peira::model
