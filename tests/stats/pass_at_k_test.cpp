#include "stats/pass_at_k.h"

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(PassAtK, RefusesMoreDrawsThanAnswers) {
  expect_error(ErrorCode::kUsage, "InvalidArgument: pass@k needs 1 <= k <= n, but k is 8",
               [] { pass_at_k(5, 0, 8); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { pass_at_k(5, 5, 8); });
  expect_error(ErrorCode::kUsage, "BudgetExceeded",
               [] { pass_hat_k(1'000'000'000'000, 1'000'000'000'000, 900'000'000'000); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { pass_at_k(5, 1, 0); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { pass_at_k(5, 6, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { g_pass_at_k(5, 1, 2, 1.5); });
}

TEST(PassAtK, IsTheShareOfRightAnswersForOneDraw) {
  for (int n = 1; n <= 12; ++n) {
    for (int c = 0; c <= n; ++c) {
      EXPECT_NEAR(pass_at_k(n, c, 1), static_cast<double>(c) / n, 1e-15);
    }
  }
}

TEST(PassAtK, RisesWithDrawsAndHoldsForTenThousandAnswers) {
  double previous = 0;
  for (int k = 1; k <= 10000; k *= 10) {
    const double value = pass_at_k(10000, 3, k);
    EXPECT_GT(value, previous);
    previous = value;
  }
  EXPECT_EQ(previous, 1);
  EXPECT_NEAR(g_pass_at_k(10000, 5000, 100, 0.5), 0.5, 0.05);
}

// 20 answers of a model that is right with chance 0.3: over 3,000 problems the estimate's mean is
// 1 - 0.7^5 within 4 standard errors.
TEST(PassAtK, IsUnbiased) {
  Random random(12);
  constexpr int kProblems = 3000;
  double sum = 0, sum_sq = 0;
  for (int problem = 0; problem < kProblems; ++problem) {
    int right = 0;
    for (int i = 0; i < 20; ++i) right += random.uniform() < 0.3;
    const double value = pass_at_k(20, right, 5);
    sum += value;
    sum_sq += value * value;
  }
  const double mean = sum / kProblems;
  const double std_error = std::sqrt((sum_sq / kProblems - mean * mean) / kProblems);
  EXPECT_NEAR(mean, 1 - std::pow(0.7, 5), 4 * std_error);
}

// Enumerated in Python over the ten draws: tests/golden/stats/make_references.py.
TEST(MajAtK, BreaksTiesEvenly) {
  EXPECT_NEAR(maj_at_k(std::vector<std::int64_t>{2, 2, 1}, 3), 0.433333333333333, 1e-13);
  EXPECT_EQ(maj_at_k(std::vector<std::int64_t>{0, 3}, 2), 0);
}

TEST(MajAtK, RefusesTooManyWays) {
  const std::vector<std::int64_t> counts(40, 2);
  expect_error(ErrorCode::kUsage, "BudgetExceeded", [&] { maj_at_k(counts, 20); });
}

TEST(MajorityVote, TakesTheEarliestOfTiedAnswers) {
  EXPECT_EQ(majority_vote(std::vector<std::string>{"B", "A", "A", "B"}), 0u);
  EXPECT_EQ(majority_vote(std::vector<std::string>{"B", "A", "A", "C"}), 1u);
}

TEST(MajorityVote, GivesMissingAnswersNoVote) {
  EXPECT_EQ(majority_vote(std::vector<std::string>{"", "", "C"}), 2u);
  EXPECT_EQ(majority_vote(std::vector<std::string>{"", ""}), 2u);
  EXPECT_EQ(majority_vote({}), 0u);
}

TEST(SampledMajAtK, AgreesWithTheExactChance) {
  // Six right, three and one wrong: 0.827380952380952 of five drawn (exact rational).
  const std::vector<std::int64_t> answers{7, 7, 3, 7, 3, 7, 9, 7, 3, 7};
  const SampledPlurality got = maj_at_k_sampled(answers, 7, 5, PluralityTies::kUniform, 200'000, 1);
  EXPECT_NEAR(got.chance, 0.827380952380952, 4 * got.std_error);
  EXPECT_LT(got.std_error, 0.001);
  const SampledPlurality again =
      maj_at_k_sampled(answers, 7, 5, PluralityTies::kUniform, 200'000, 1);
  EXPECT_EQ(got.chance, again.chance);
}

// Two answers, both drawn: a tie, which the first one takes.
TEST(SampledMajAtK, GivesTiesToTheFirst) {
  const std::vector<std::int64_t> answers{4, 8};
  EXPECT_EQ(maj_at_k_sampled(answers, 4, 2, PluralityTies::kFirst, 10, 1).chance, 1);
  EXPECT_EQ(maj_at_k_sampled(answers, 8, 2, PluralityTies::kFirst, 10, 1).chance, 0);
  EXPECT_EQ(maj_at_k_sampled(answers, 8, 2, PluralityTies::kUniform, 10, 1).chance, 0.5);
  EXPECT_EQ(maj_at_k_sampled(answers, 5, 2, PluralityTies::kUniform, 10, 1).chance, 0);
}

TEST(SampledMajAtK, RefusesDrawsThatCannotBe) {
  const std::vector<std::int64_t> answers{4, 8};
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { maj_at_k_sampled(answers, 4, 3, PluralityTies::kFirst, 10, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { maj_at_k_sampled(answers, 4, 1, PluralityTies::kFirst, 0, 1); });
}

}  // namespace
}  // namespace peira::stats
