// Comparisons beyond the paired test: margins, effect intervals, few clusters, where the variance
// lies, unpaired runs, rankings and plans. Expected figures: SciPy 1.17.1 and statsmodels 0.15.0,
// tests/golden/evals/comparison_designs.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "evals/comparison.h"
#include "evals/planning.h"
#include "evals/ranking.h"
#include "tests/evals/outcomes.h"

namespace peira::evals {
namespace {

using testing::HasSubstr;
using Outcomes = std::vector<SampleOutcome>;

RunRecord record(const std::string& id) {
  RunRecord run;
  run.run_id = id;
  run.suite = "gpqa";
  run.complete = true;
  return run;
}

Comparison compare(Outcomes a, Outcomes b, const ComparisonOptions& options = {}) {
  return compare_outcomes(record("run-a"), record("run-b"), stream_of(std::move(a)),
                          stream_of(std::move(b)), {}, options);
}

// Forty pairs: 18 both right, 4 only A, 11 only B, 7 both wrong; in clusters of row % clusters.
struct FortyPairs {
  Outcomes a, b;
  explicit FortyPairs(int clusters = 0) {
    for (int row = 0; row < 40; ++row) {
      a.push_back(scored(row, 0, row < 22));
      b.push_back(scored(row, 0, row < 18 || (row >= 22 && row < 33)));
      if (clusters == 0) continue;
      a.back().cluster = b.back().cluster = "passage " + std::to_string(row % clusters);
    }
  }
};

TEST(CompareMargins, AgreeWithStatsmodels) {
  ComparisonOptions options;
  options.equivalent_within = 0.4;
  options.no_worse_by = 0.02;
  const FortyPairs pairs;
  const Comparison got = compare(pairs.a, pairs.b, options);
  ASSERT_TRUE(got.equivalence && got.no_worse);
  EXPECT_NEAR(got.equivalence->p, 0.010775472242579706, 1e-12);
  EXPECT_NEAR(got.equivalence->low, 0.01667437092742502, 1e-12);
  EXPECT_NEAR(got.equivalence->high, 0.33332562907257496, 1e-12);
  EXPECT_EQ(got.equivalence->outcome, MarginTest::Outcome::kPass);
  EXPECT_NEAR(got.no_worse->p, 0.02230751028126876, 1e-12);
  EXPECT_EQ(got.no_worse->outcome, MarginTest::Outcome::kPass);
  EXPECT_EQ(
      equivalence_sentence(*got.equivalence),
      "Equivalent within 40.0 points: shown (90 % CI of B - A 1.7 to 33.3 points, p = 0.011).");
}

TEST(CompareMargins, FailOnlyWhenTheOppositeIsShown) {
  Outcomes good, bad, same;
  for (int row = 0; row < 200; ++row) {
    good.push_back(scored(row, 0, row < 160));
    bad.push_back(scored(row, 0, row < 100));
    same.push_back(scored(row, 0, row % 20 == 0 ? row >= 160 : row < 160));
  }
  ComparisonOptions options;
  options.equivalent_within = options.no_worse_by = 0.01;
  const Comparison worse = compare(good, bad, options);
  EXPECT_EQ(worse.equivalence->outcome, MarginTest::Outcome::kFail);
  EXPECT_EQ(worse.no_worse->outcome, MarginTest::Outcome::kFail);
  const Comparison better = compare(bad, good, options);
  EXPECT_EQ(better.equivalence->outcome, MarginTest::Outcome::kFail);
  EXPECT_EQ(better.no_worse->outcome, MarginTest::Outcome::kPass);
  const Comparison open = compare(good, same, options);
  EXPECT_EQ(open.equivalence->outcome, MarginTest::Outcome::kInconclusive);
  EXPECT_EQ(open.no_worse->outcome, MarginTest::Outcome::kInconclusive);
  options.no_worse_by = 0;
  EXPECT_THROW(compare(good, bad, options), Error);
}

TEST(CompareEffect, HasAnIntervalByTheNoncentralT) {
  const FortyPairs pairs;
  const Comparison got = compare(pairs.a, pairs.b);
  EXPECT_NEAR(*got.effect_size, 0.2944588071542568, 1e-12);
  EXPECT_NEAR(*got.effect_low, -0.024014443222082883, 1e-8);
  EXPECT_NEAR(*got.effect_high, 0.6093226485171879, 1e-8);
  EXPECT_TRUE(got.mcnemar_mid_p && got.tango_low && got.tango_high);
  EXPECT_FALSE(got.permutation_p);
}

TEST(CompareClusters, ArePermutedExactlyWhereTheyAreFew) {
  const FortyPairs pairs(10);
  const Comparison got = compare(pairs.a, pairs.b);
  EXPECT_EQ(got.num_clusters, 10);
  EXPECT_NEAR(got.permutation_p.value(), 0.03125, 1e-12);
  EXPECT_EQ(got.df, 9);
  EXPECT_NE(got.variance->design_effect, 1);
}

// The reference numbers of "variance_decomposition" in the statistics specification.
TEST(CompareVariance, FallsIntoQuestionsAndSampling) {
  const std::vector<std::vector<int>> scores_a{{1, 1, 0, 1}, {0, 0, 0, 1}, {1, 1, 1, 1},
                                               {0, 1, 0, 0}, {1, 0, 1, 1}, {0, 0, 0, 0}};
  const std::vector<std::vector<int>> scores_b{{1, 1, 1, 1}, {0, 1, 0, 1}, {1, 1, 1, 1},
                                               {1, 1, 0, 0}, {1, 0, 1, 1}, {0, 0, 1, 0}};
  Outcomes a, b;
  for (std::size_t row = 0; row < 6; ++row) {
    for (std::size_t epoch = 0; epoch < 4; ++epoch) {
      const auto at = static_cast<std::int64_t>(row);
      a.push_back(scored(at, static_cast<int>(epoch), scores_a[row][epoch]));
      b.push_back(scored(at, static_cast<int>(epoch), scores_b[row][epoch]));
    }
  }
  const Comparison got = compare(a, b);
  const VarianceParts parts = got.variance.value();
  EXPECT_NEAR(got.std_error.value(), 0.052704627669473, 1e-12);
  EXPECT_NEAR(got.correlation.value(), 0.959403223600247, 1e-12);
  EXPECT_NEAR(parts.sampling_a.value(), 0.166666666666667, 1e-12);
  EXPECT_NEAR(parts.sampling_b.value(), 0.194444444444444, 1e-12);
  EXPECT_NEAR(parts.questions.value(), -0.0736111111111111, 1e-12);
  EXPECT_EQ(parts.std_error_endless.value(), 0);
  EXPECT_NEAR(parts.std_error_single.value(), 0.218898758942728, 1e-12);
  EXPECT_EQ(parts.sampling_share().value(), 1);
  EXPECT_THAT(got.advice, HasSubstr("Sampling noise is 100 % of the variance"));
  EXPECT_THAT(got.advice, HasSubstr("twice the epochs would cut the standard error by 29 %"));
}

// Observed variance 0.04 of the differences, all between questions: epochs buy nothing.
TEST(CompareVariance, SaysWhatToBuyMoreOf) {
  Outcomes a, b;
  for (int row = 0; row < 40; ++row) {
    for (int epoch = 0; epoch < 2; ++epoch) {
      a.push_back(scored(row, epoch, row < 20));
      b.push_back(scored(row, epoch, row < 20 ? row != 3 : row < 23));
    }
  }
  const Comparison got = compare(a, b);
  EXPECT_THAT(got.advice, HasSubstr("Sampling noise is 0 %"));
  EXPECT_THAT(got.advice, HasSubstr("twice the epochs would cut the standard error by 0 %"));
  // (1.96 + 0.84)^2 * var / 0.05^2, var = (4 - 40 * 0.05^2) / 39.
  const double needed = 7.848879734349088 * ((4 - 40 * 0.0025) / 39) / 0.0025;
  EXPECT_THAT(got.advice, HasSubstr("with " + std::to_string(static_cast<int>(std::ceil(needed))) +
                                    " questions"));
  const FortyPairs single;
  EXPECT_THAT(compare(single.a, single.b).advice, HasSubstr("--epochs 2 or more"));
}

TEST(CompareUnpaired, IsAutomaticWithoutSharedQuestions) {
  Outcomes a, b;
  for (int row = 0; row < 50; ++row) a.push_back(scored(row, 0, row < 30));
  for (int row = 0; row < 60; ++row) b.push_back(scored(row + 1000, 0, row < 45));
  const Comparison got = compare(a, b);
  EXPECT_FALSE(got.paired);
  EXPECT_NEAR(got.difference, 0.15, 1e-12);
  EXPECT_NEAR(got.p_value.value(), 0.09260069782067576, 1e-12);
  EXPECT_EQ(got.interval, "miettinen-nurminen");
  EXPECT_LT(got.low.value(), 0);
  EXPECT_THAT(got.verdict, HasSubstr("unpaired: 50 questions in A, 60 others in B"));
  EXPECT_THAT(got.verdict, HasSubstr("The runs have no question in common."));
}

TEST(CompareUnpaired, IsWelchsForScoresBetween) {
  Outcomes a, b;
  for (int row = 0; row < 12; ++row) {
    for (int epoch = 0; epoch < 4; ++epoch) a.push_back(scored(row, epoch, epoch < row * 7 % 5));
  }
  for (int row = 0; row < 10; ++row) {
    for (int epoch = 0; epoch < 4; ++epoch)
      b.push_back(scored(row, epoch, epoch < row * 3 % 4 + 1));
  }
  ComparisonOptions options;
  options.unpaired = true;
  const Comparison got = compare(a, b, options);
  EXPECT_FALSE(got.paired);
  EXPECT_NEAR(got.difference, 0.16666666666666669, 1e-12);
  EXPECT_NEAR(got.df.value(), 19.95624947861107, 1e-9);
  EXPECT_NEAR(got.p_value.value(), 0.26670998680537794, 1e-12);
  EXPECT_NEAR(got.low.value(), -0.1376355366662244, 1e-12);
  EXPECT_NEAR(got.high.value(), 0.4709688699995578, 1e-12);
  EXPECT_EQ(got.test, "Welch's t");
  EXPECT_THAT(got.verdict, testing::Not(HasSubstr("in common")));
}

Outcomes by_step(int step, int limit, int rows = 30) {
  Outcomes outcomes;
  for (int row = 0; row < rows; ++row) outcomes.push_back(scored(row, 0, row * step % 7 < limit));
  return outcomes;
}

TEST(Ranking, AgreesWithStatsmodelsAndNumpy) {
  const Ranking got =
      rank_outcomes({record("one"), record("two"), record("three")},
                    {stream_of(by_step(1, 3)), stream_of(by_step(2, 4)), stream_of(by_step(3, 6))});
  EXPECT_EQ(got.num_questions, 30);
  EXPECT_EQ(got.test, "Cochran's Q");
  EXPECT_NEAR(got.statistic, 11.2, 1e-12);
  EXPECT_NEAR(got.p, 0.0036978637164829338, 1e-12);
  ASSERT_EQ(got.ranked.size(), 3U);
  EXPECT_EQ(got.ranked[0].run, 2U);
  EXPECT_NEAR(got.ranked[0].strength, 0.46425248, 1e-6);
  EXPECT_NEAR(got.ranked[2].strength, -0.37129704, 1e-6);
  constexpr double kZ = 1.959963984540054;
  EXPECT_NEAR((got.ranked[0].high - got.ranked[0].low) / 2 / kZ, 0.14100552, 1e-6);
  EXPECT_NEAR((got.ranked[1].high - got.ranked[1].low) / 2 / kZ, 0.10196969, 1e-6);
  EXPECT_NEAR((got.ranked[2].high - got.ranked[2].low) / 2 / kZ, 0.16914975, 1e-6);
  ASSERT_EQ(got.pairs.size(), 3U);
  // Each pair is the comparison of its two runs.
  const Comparison pair = compare(by_step(1, 3), by_step(3, 6));
  EXPECT_DOUBLE_EQ(got.pairs[1].p.value(), pair.p_value.value());
  EXPECT_DOUBLE_EQ(got.pairs[1].low.value(), pair.low.value());
  EXPECT_EQ(got.pairs[1].wins_j, pair.to_right);
  EXPECT_GE(got.pairs[1].holm_p.value(), got.pairs[1].bh_p.value());
  EXPECT_THAT(got.verdict, HasSubstr("The 3 runs differ (Cochran's Q, p = 0.004, 30 questions)."));
}

TEST(Ranking, BearsARunThatWinsEverything) {
  const Ranking got =
      rank_outcomes({record("one"), record("two"), record("all")},
                    {stream_of(by_step(1, 0)), stream_of(by_step(2, 0)), stream_of(by_step(1, 7))});
  EXPECT_TRUE(got.penalised);
  EXPECT_EQ(got.ranked[0].run, 2U);
  EXPECT_TRUE(std::isfinite(got.ranked[0].high));
}

TEST(Ranking, LeavesOutWhatIsNotInEveryRun) {
  Outcomes failing = by_step(2, 4);
  failing[3] = unanswered(3, 0, AnswerState::kFailed);
  const Ranking got =
      rank_outcomes({record("one"), record("two"), record("three")},
                    {stream_of(by_step(1, 3)), stream_of(failing), stream_of(by_step(3, 6, 28))});
  EXPECT_EQ(got.num_questions, 27);
  EXPECT_EQ(got.left_out, 3);
  EXPECT_THROW(rank_outcomes({record("one"), record("two")}, {stream_of({}), stream_of({})}),
               Error);
}

// By Miller's formula: (1.96 + 0.84)^2 (omega^2 + 2 sigma^2 / K) / 0.03^2.
TEST(Planning, FollowsMillersFormula) {
  const ComparisonPlan plan = plan_from(0.7, 0.5, 0.4);
  ASSERT_TRUE(plan.split);
  EXPECT_NEAR(plan.design.question_variance, 2 * 0.6 * 0.21 * 0.5, 1e-15);
  EXPECT_NEAR(plan.design.sampling_variance_a, 0.4 * 0.21, 1e-15);
  stats::EvalDesign design = plan.design;
  design.epochs_a = design.epochs_b = 4;
  const double expected = 7.848879734349088 * (0.126 + 2 * 0.084 / 4) / 0.0009;
  EXPECT_NEAR(stats::sample_size_eval(design, 0.03).exact, expected, 1e-6);
  EXPECT_THROW(plan_from(1.2, 0.5, std::nullopt), Error);
  EXPECT_THROW(plan_from(0.7, 1.0, std::nullopt), Error);
}

TEST(Planning, ReadsAPilot) {
  Outcomes pilot;
  for (int row = 0; row < 6; ++row) {
    for (int epoch = 0; epoch < 2; ++epoch) {
      pilot.push_back(scored(row, epoch, row < 3 || (row == 3 && epoch == 0)));
    }
  }
  const RunVariance variance = run_variance(stream_of(pilot));
  EXPECT_EQ(variance.num_questions, 6);
  // Means 1, 1, 1, 1/2, 0, 0; within: one question's squares 1/2 over six degrees of freedom.
  EXPECT_NEAR(variance.mean, 3.5 / 6, 1e-15);
  EXPECT_NEAR(variance.within.value(), 0.5 / 6, 1e-15);
  EXPECT_NEAR(variance.total, (3.25 - 3.5 * 3.5 / 6) / 5, 1e-15);
  const ComparisonPlan plan = plan_from(variance, 0.25);
  EXPECT_NEAR(plan.design.question_variance, 2 * (variance.total - 0.5 / 12) * 0.75, 1e-15);
  EXPECT_THROW(run_variance(stream_of({scored(0, 0, 1)})), Error);
}

// psi = 2 * 0.21 * 0.5 + 0.0009: Connor's formula on shares (psi -+ 0.03) / 2.
TEST(Planning, HasMcNemarsForm) {
  const ComparisonPlan plan = plan_from(0.7, 0.5, std::nullopt);
  EXPECT_TRUE(plan.binary);
  const double psi = 0.21 + 0.0009;
  const double root =
      1.959963984540054 * std::sqrt(psi) + 0.8416212335729143 * std::sqrt(psi - 0.0009);
  EXPECT_NEAR(mcnemar_size(plan, 0.03, {}).exact, root * root / 0.0009, 1e-6);
}

TEST(Planning, TakesTheSpreadOfTwoRuns) {
  const FortyPairs pairs;
  const ComparisonPlan plan = plan_from(compare(pairs.a, pairs.b));
  EXPECT_FALSE(plan.split);
  EXPECT_NEAR(plan.design.question_variance, 40 * 0.0939687618580143 * 0.0939687618580143, 1e-12);
  EXPECT_THROW(plan_from(compare(pairs.a, pairs.a)), Error);
}

}  // namespace
}  // namespace peira::evals
