// Seeded experiments without a difference: how often each kind of metric says there is one.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>

#include "abtest/analysis.h"
#include "stats/random.h"
#include "stats/sequential_mean.h"
#include "stats/t_tests.h"
#include "stats/two_proportions.h"

namespace peira::abtest {
namespace {

constexpr int kRuns = 20'000;

// Four standard errors of the share of kRuns draws of `rate`.
double band(double rate, int runs = kRuns) { return 4 * std::sqrt(rate * (1 - rate) / runs); }

double normal(stats::Random& random) {
  return std::sqrt(-2 * std::log(1 - random.uniform())) *
         std::cos(2 * std::numbers::pi * random.uniform());
}

using Fill = std::function<void(ArmData&, stats::Random&)>;

// Share of runs whose fixed-horizon p-value is below 0.05.
double rejected(MetricType type, int units, const Fill& add_unit, std::uint64_t seed,
                int runs = kRuns) {
  stats::Random random(seed);
  const Metric metric{.name = "m", .type = type};
  int count = 0;
  for (int run = 0; run < runs; ++run) {
    ArmData a(type), b(type);
    for (int i = 0; i < units; ++i) {
      add_unit(a, random);
      add_unit(b, random);
    }
    // The bootstrap's size, and nothing else, bounds this test's time.
    const ComparisonOptions options{
        .seed = stats::split_seed(seed, static_cast<std::uint64_t>(run)), .num_resamples = 199};
    const Comparison got = compare(metric, "b", a, b, options);
    count += !got.problem && got.fixed_p->value < 0.05 ? 1 : 0;
  }
  return count / static_cast<double>(runs);
}

TEST(ErrorRate, OfMeansIsNominal) {
  EXPECT_NEAR(rejected(
                  MetricType::kMean, 40,
                  [](ArmData& arm, stats::Random& random) { arm.add(normal(random)); }, 1),
              0.05, band(0.05));
}

TEST(ErrorRate, OfMeansWithCovariateIsNominal) {
  EXPECT_NEAR(rejected(
                  MetricType::kMean, 40,
                  [](ArmData& arm, stats::Random& random) {
                    const double before = normal(random);
                    arm.add(before + normal(random), before);
                  },
                  2),
              0.05, band(0.05) + 0.002);  // the slope's own noise is not in Welch's df
}

// Discrete: not every level can be met; 60 trials at 0.4 are near enough. By the test behind a
// comparison of shares, whose Bayesian part would take minutes here.
TEST(ErrorRate, OfSharesIsNearNominal) {
  stats::Random random(3);
  int count = 0;
  for (int run = 0; run < kRuns; ++run) {
    stats::ProportionCounts counts{0, 60, 0, 60};
    for (int i = 0; i < 60; ++i) {
      counts.successes_a += random.uniform() < 0.4 ? 1 : 0;
      counts.successes_b += random.uniform() < 0.4 ? 1 : 0;
    }
    count += stats::two_proportions_test(counts).pooled_p.value < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(count / double{kRuns}, 0.05, 0.01);
}

TEST(ErrorRate, OfCountsIsNearNominal) {
  EXPECT_NEAR(rejected(
                  MetricType::kCount, 80,
                  [](ArmData& arm, stats::Random& random) {
                    // Geometric counts: more spread than a Poisson of the same mean.
                    arm.add(std::floor(std::log(1 - random.uniform()) / std::log(0.6)));
                  },
                  4),
              0.05, band(0.05) + 0.003);
}

TEST(ErrorRate, OfRatiosIsNearNominal) {
  EXPECT_NEAR(rejected(
                  MetricType::kRatio, 80,
                  [](ArmData& arm, stats::Random& random) {
                    const double answers = 1 + static_cast<double>(random.below(5));
                    arm.add_ratio(answers * (3 + normal(random)), answers);
                  },
                  5),
              0.05, band(0.05) + 0.003);
}

TEST(ErrorRate, OfQuantilesIsNearNominal) {
  EXPECT_NEAR(rejected(
                  MetricType::kQuantile, 80,
                  [](ArmData& arm, stats::Random& random) { arm.add(normal(random)); }, 6, 500),
              0.045, 0.035);
}

// Looked at after every 50 units an arm, up to 500: how often a difference is ever claimed.
struct Peeking {
  double fixed = 0;
  double anytime = 0;
};

Peeking peeking(std::uint64_t seed) {
  stats::Random random(seed);
  constexpr int kPeekRuns = 20'000;
  int fixed = 0, anytime = 0;
  for (int run = 0; run < kPeekRuns; ++run) {
    ArmData a(MetricType::kMean), b(MetricType::kMean);
    bool fixed_claim = false, anytime_claim = false;
    for (int i = 1; i <= 500; ++i) {
      a.add(normal(random));
      b.add(normal(random));
      if (i % 50 != 0) continue;
      // The tests only: what else a comparison holds does not change with looking.
      const stats::TTest fixed_test = stats::welch_t_test(a.outcomes(), b.outcomes());
      fixed_claim = fixed_claim || fixed_test.p.value < 0.05;
      const stats::AsymptoticSequence sequence = stats::asymptotic_sequence(
          fixed_test.estimate, fixed_test.std_error, 2 * i, {.tuning_n = 400});
      anytime_claim = anytime_claim || sequence.p->value < 0.05;
    }
    fixed += fixed_claim ? 1 : 0;
    anytime += anytime_claim ? 1 : 0;
  }
  return {fixed / double{kPeekRuns}, anytime / double{kPeekRuns}};
}

TEST(ErrorRate, OfPeekingIsKeptByTheAlwaysValidPOnly) {
  const Peeking got = peeking(7);
  EXPECT_LT(got.anytime, 0.05 + band(0.05));
  EXPECT_GT(got.fixed, 0.15);  // why the fixed one is labelled as such
}

// Five looks with O'Brien and Fleming's boundaries: the error of the whole plan.
TEST(ErrorRate, OfAGroupSequentialPlanIsNominal) {
  stats::Random random(8);
  int claims = 0;
  // Boundaries once; each run compares its z at the looks, as a comparison does.
  const std::vector<double> info{0.2, 0.4, 0.6, 0.8, 1.0};
  const std::vector<stats::GroupLook> looks = stats::group_sequential(info);
  for (int run = 0; run < kRuns; ++run) {
    ArmData a(MetricType::kMean), b(MetricType::kMean);
    bool claim = false;
    for (const stats::GroupLook& look : looks) {
      for (int i = 0; i < 60; ++i) {
        a.add(normal(random));
        b.add(normal(random));
      }
      const stats::TTest test = stats::welch_t_test(a.outcomes(), b.outcomes());
      claim = claim || std::abs(test.statistic) >= look.boundary;
    }
    claims += claim ? 1 : 0;
  }
  EXPECT_NEAR(claims / double{kRuns}, 0.05, band(0.05) + 0.003);  // t for z
}

// Ten independent primary metrics and no difference: a wrong "ship" or "keep" at most as often as
// alpha says, for the whole family.
TEST(ErrorRate, OfTheWholeExperimentIsTheFamilys) {
  stats::Random random(9);
  int claims = 0;
  constexpr int kFamilies = 1500;
  AnalysisInput input;
  for (int m = 0; m < 10; ++m) input.metrics.push_back({.name = "m" + std::to_string(m)});
  for (int run = 0; run < kFamilies; ++run) {
    input.arms = {{.key = "control", .num_units = 20}, {.key = "b", .num_units = 20}};
    for (ArmInput& arm : input.arms) {
      for (const Metric& metric : input.metrics) {
        ArmData data(MetricType::kMean);
        for (int i = 0; i < 20; ++i) data.add(normal(random));
        arm.metrics.emplace(metric.name, std::move(data));
      }
    }
    claims += analyze(input).decision != Decision::kUndecided ? 1 : 0;
  }
  EXPECT_LT(claims / double{kFamilies}, 0.05 + band(0.05, kFamilies));
  EXPECT_GT(claims / double{kFamilies}, 0.03);
}

}  // namespace
}  // namespace peira::abtest
