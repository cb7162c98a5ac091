// How often the tests of experiments and of several groups reject when nothing is there, and how
// often intervals hold the truth: 20,000 seeded studies each (tests/stats/null_rates.h). Tests that
// are exact or normal by construction must meet their level within Monte-Carlo error; those that
// promise only "at most" must not exceed it.
#include <cmath>
#include <vector>

#include "stats/agreement.h"
#include "stats/anova.h"
#include "stats/bradley_terry.h"
#include "stats/cuped.h"
#include "stats/e_values.h"
#include "stats/equivalence.h"
#include "stats/item_response.h"
#include "stats/multiple_comparisons.h"
#include "stats/online_fdr.h"
#include "stats/prediction_powered.h"
#include "stats/quantiles.h"
#include "stats/rank_anova.h"
#include "stats/ratio_metrics.h"
#include "stats/srm.h"
#include "stats/two_proportions.h"
#include "tests/stats/null_rates.h"

namespace peira::stats {
namespace {

constexpr double kAlpha = 0.05;

void expect_level(double rate, double level = kAlpha) {
  EXPECT_NEAR(rate, level, monte_carlo_error(level));
}

void expect_at_most(double rate, double level = kAlpha) {
  EXPECT_LE(rate, level + monte_carlo_error(level));
}

std::int64_t draw_binomial(Random& random, int n, double p) {
  std::int64_t count = 0;
  for (int i = 0; i < n; ++i) count += random.uniform() < p;
  return count;
}

std::vector<std::int64_t> draw_split(Random& random, int units, const std::vector<double>& shares) {
  std::vector<std::int64_t> counts(shares.size(), 0);
  for (int u = 0; u < units; ++u) {
    double rest = random.uniform();
    std::size_t arm = 0;
    while (arm + 1 < shares.size() && rest >= shares[arm]) rest -= shares[arm++];
    ++counts[arm];
  }
  return counts;
}

TEST(NullRate, OfSampleRatioMismatch) {
  const std::vector<double> shares{0.2, 0.3, 0.5};
  expect_level(mean_over_studies(1, [&](Random& random) {
    return *sample_ratio_mismatch(draw_split(random, 2000, shares), shares).p_value < kAlpha;
  }));
}

TEST(NullRate, OfExactSampleRatioMismatch) {
  const std::vector<double> shares{0.1, 0.9};
  expect_at_most(mean_over_studies(2, [&](Random& random) {
    const SrmResult test = sample_ratio_mismatch(draw_split(random, 40, shares), shares);
    return test.exact && *test.p_value < kAlpha;
  }));
}

// Looked at after every 25 of 2,000 units: the e-value ever reaches 1 / alpha in at most alpha.
TEST(NullRate, OfSequentialSampleRatioMismatch) {
  const std::vector<double> shares{0.5, 0.5};
  expect_at_most(mean_over_studies(3, [&](Random& random) {
    std::vector<std::int64_t> counts(2, 0);
    for (int look = 0; look < 80; ++look) {
      const auto more = draw_split(random, 25, shares);
      counts[0] += more[0];
      counts[1] += more[1];
      if (sample_ratio_mismatch(counts, shares, {.threshold = kAlpha}).sequential_mismatch)
        return 1;
    }
    return 0;
  }));
}

TEST(NullRate, OfAssignmentIndependence) {
  expect_level(mean_over_studies(4, [](Random& random) {
    std::vector<std::int64_t> table(6, 0);
    for (int u = 0; u < 1200; ++u) ++table[3 * random.below(2) + random.below(3)];
    return assignment_independence(table, 3).p.value < kAlpha;
  }));
}

// Tokens per answer: numerator and denominator correlated, 150 units an arm.
PairedMoments draw_ratio_arm(Random& random, int units) {
  PairedMoments arm;
  for (int u = 0; u < units; ++u) {
    const double size = 5 + std::abs(draw_normal(random));
    arm.add(2 * size + draw_normal(random), size);
  }
  return arm;
}

TEST(NullRate, OfRatioMetricTest) {
  expect_level(mean_over_studies(5, [](Random& random) {
    const PairedMoments a = draw_ratio_arm(random, 150);
    const PairedMoments b = draw_ratio_arm(random, 250);
    return ratio_metric_test(a, b).p.value < kAlpha;
  }));
}

TEST(Coverage, OfRatioMetric) {
  expect_level(1 - mean_over_studies(6, [](Random& random) {
                 const Interval interval = ratio_metric(draw_ratio_arm(random, 200)).t_interval();
                 return interval.low <= 2 && 2 <= interval.high;
               }));
}

// A baseline seven standard errors from 0: never unbounded, yet the delta method's interval is off.
TEST(Coverage, OfFiellersRelativeLift) {
  expect_level(1 - mean_over_studies(7, [](Random& random) {
                 const ArmEstimate a{7 + draw_normal(random), 1};
                 const ArmEstimate b{10.5 + 0.5 * draw_normal(random), 0.5};
                 const auto interval = relative_lift(a, b).fieller_interval;
                 return interval && interval->low <= 0.5 && 0.5 <= interval->high;
               }));
}

CupedArm draw_cuped_arm(Random& random, int units) {
  CupedArm arm;
  for (int u = 0; u < units; ++u) {
    const double before = draw_normal(random);
    const double outcome = 0.8 * before + 0.6 * draw_normal(random);
    if (u % 10 == 0) {
      arm.add_without_covariate(outcome);
    } else {
      arm.add(outcome, before);
    }
  }
  return arm;
}

TEST(NullRate, OfCuped) {
  expect_level(mean_over_studies(8, [](Random& random) {
    const CupedArm a = draw_cuped_arm(random, 200);
    const CupedArm b = draw_cuped_arm(random, 300);
    return cuped(a, b).adjusted.p.value < kAlpha;
  }));
}

TEST(NullRate, OfCupedWithPooledSlope) {
  expect_level(mean_over_studies(9, [](Random& random) {
    const CupedArm a = draw_cuped_arm(random, 300);
    const CupedArm b = draw_cuped_arm(random, 300);
    return cuped(a, b, {.slope = CupedSlope::kPooled, .test = {}}).adjusted.p.value < kAlpha;
  }));
}

// The true difference lies on a bound: equivalence is found in alpha at most, and in nearly alpha
// when the other bound is far.
TEST(NullRate, OfEquivalence) {
  expect_level(mean_over_studies(10, [](Random& random) {
    ClusteredMean differences;
    for (int i = 0; i < 20; ++i) differences.add(0.5 + draw_normal(random));
    return equivalence_paired(differences, {-3, 0.5}).equivalent;
  }));
}

TEST(NullRate, OfNonInferiorityOfShares) {
  expect_level(mean_over_studies(
                   11,
                   [](Random& random) {
                     const ProportionCounts counts{.successes_a = draw_binomial(random, 700, 0.8),
                                                   .trials_a = 700,
                                                   .successes_b = draw_binomial(random, 900, 0.75),
                                                   .trials_b = 900};
                     return non_inferior_proportions(counts, {.margin = 0.05}).non_inferior;
                   }),
               kAlpha);
}

TEST(NullRate, OfNonInferiorityOfPairs) {
  const std::vector<double> shares{0.7, 0.1, 0.05, 0.15};
  expect_level(mean_over_studies(12, [&](Random& random) {
    const auto counts = draw_split(random, 900, shares);
    return non_inferior_pairs({counts[0], counts[1], counts[2], counts[3]}, {.margin = 0.05})
        .non_inferior;
  }));
}

std::vector<Moments> draw_groups(Random& random, const std::vector<int>& sizes,
                                 const std::vector<double>& spreads) {
  std::vector<Moments> groups(sizes.size());
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    for (int i = 0; i < sizes[g]; ++i) groups[g].add(spreads[g] * draw_normal(random));
  }
  return groups;
}

TEST(NullRate, OfAnova) {
  expect_level(mean_over_studies(13, [](Random& random) {
    return one_way_anova(draw_groups(random, {4, 6, 9}, {1, 1, 1})).p.value < kAlpha;
  }));
}

TEST(NullRate, OfWelchAnova) {
  expect_level(mean_over_studies(14, [](Random& random) {
    return welch_anova(draw_groups(random, {25, 30, 40}, {1, 3, 0.5})).p.value < kAlpha;
  }));
}

// Any pair of any kind: family-wise. A tenth of the studies, for each p costs two integrals.
TEST(NullRate, OfTukeyHsd) {
  const int studies = std::max(100, num_studies() / 10);
  int rejected = 0;
  for (int s = 0; s < studies; ++s) {
    Random random(split_seed(15, static_cast<std::uint64_t>(s)));
    bool any = false;
    for (const PairComparison& pair : tukey_hsd(draw_groups(random, {6, 6, 6}, {1, 1, 1}))) {
      any = any || pair.p < kAlpha;
    }
    rejected += any;
  }
  EXPECT_NEAR(rejected / static_cast<double>(studies), kAlpha,
              4 * std::sqrt(kAlpha * (1 - kAlpha) / studies));
}

TEST(NullRate, OfGamesHowell) {
  const int studies = std::max(100, num_studies() / 10);
  int rejected = 0;
  for (int s = 0; s < studies; ++s) {
    Random random(split_seed(16, static_cast<std::uint64_t>(s)));
    bool any = false;
    for (const PairComparison& pair :
         games_howell(draw_groups(random, {20, 25, 30}, {1, 2, 0.5}))) {
      any = any || pair.p < kAlpha;
    }
    rejected += any;
  }
  EXPECT_NEAR(rejected / static_cast<double>(studies), kAlpha,
              4 * std::sqrt(kAlpha * (1 - kAlpha) / studies));
}

TEST(NullRate, OfManyToOne) {
  expect_at_most(mean_over_studies(17, [](Random& random) {
    for (const ControlComparison& comparison :
         many_to_one(draw_groups(random, {12, 12, 12, 12}, {1, 1, 1, 1}), 0)) {
      if (comparison.adjusted_p < kAlpha) return 1;
    }
    return 0;
  }));
}

TEST(NullRate, OfKruskalWallis) {
  expect_level(mean_over_studies(18, [](Random& random) {
    std::vector<std::vector<double>> groups(3);
    for (auto& group : groups) {
      for (int i = 0; i < 60; ++i) group.push_back(static_cast<double>(random.below(12)));
    }
    return kruskal_wallis(groups).p.value < kAlpha;
  }));
}

TEST(NullRate, OfFriedman) {
  expect_level(mean_over_studies(19, [](Random& random) {
    std::vector<double> table;
    for (int row = 0; row < 150; ++row) {
      for (int column = 0; column < 4; ++column) {
        table.push_back(static_cast<double>(random.below(6)) + row % 5);
      }
    }
    return friedman_test(table, 4).p.value < kAlpha;
  }));
}

TEST(NullRate, OfCochranQ) {
  expect_level(mean_over_studies(20, [](Random& random) {
    std::vector<double> table;
    for (int row = 0; row < 250; ++row) {
      const double ease = random.uniform();
      for (int column = 0; column < 3; ++column) table.push_back(random.uniform() < ease);
    }
    return cochran_q(table, 3).p.value < kAlpha;
  }));
}

// Ten tests of nothing: Holm and Hochberg reject any in at most alpha; so does Benjamini-Hochberg,
// whose false discovery rate is exactly alpha when all nulls are true and independent.
TEST(NullRate, OfAdjustedPValues) {
  const auto any = [](auto adjust) {
    return [adjust](Random& random) {
      std::vector<double> p(10);
      for (double& value : p) value = random.uniform();
      for (const double adjusted : adjust(p)) {
        if (adjusted < kAlpha) return 1;
      }
      return 0;
    };
  };
  expect_at_most(mean_over_studies(21, any(holm)));
  expect_at_most(mean_over_studies(21, any(hochberg)));
  expect_at_most(mean_over_studies(21, any(benjamini_yekutieli)));
  expect_level(mean_over_studies(21, any(benjamini_hochberg)));
  expect_level(mean_over_studies(21, any(bonferroni)), 1 - std::pow(1 - kAlpha / 10, 10));
}

TEST(NullRate, OfFleissKappa) {
  expect_level(mean_over_studies(22,
                                 [](Random& random) {
                                   std::vector<std::int64_t> counts;
                                   for (int item = 0; item < 200; ++item) {
                                     const auto row = draw_split(random, 5, {0.5, 0.3, 0.2});
                                     counts.insert(counts.end(), row.begin(), row.end());
                                   }
                                   return std::abs(fleiss_kappa(counts, 3).z) > 1.959963984540054;
                                 }),
               kAlpha);
}

TEST(NullRate, OfCohensKappa) {
  expect_level(mean_over_studies(23, [](Random& random) {
    AgreementTable table(3);
    for (int item = 0; item < 400; ++item) table.add(random.below(3), random.below(3));
    const Kappa kappa = cohens_kappa(table, KappaWeights::kLinear);
    return std::abs(kappa.kappa / kappa.std_error_null) > 1.959963984540054;
  }));
}

// Four players, 400 battles a study, a tenth of them ties.
TEST(Coverage, OfBradleyTerry) {
  const std::vector<double> truth{0.6, 0.2, -0.1, -0.7};
  expect_level(1 - mean_over_studies(24, [&](Random& random) {
                 std::vector<Battles> battles;
                 for (int b = 0; b < 400; ++b) {
                   const std::size_t i = random.below(4);
                   const std::size_t j = (i + 1 + random.below(3)) % 4;
                   const double p = 1 / (1 + std::exp(truth[j] - truth[i]));
                   const bool wins = random.uniform() < p;
                   battles.push_back({i, j, wins ? 1.0 : 0.0, wins ? 0.0 : 1.0, 0});
                 }
                 const Interval interval = bradley_terry(battles, 4).interval(0);
                 return interval.low <= truth[0] && truth[0] <= interval.high;
               }));
}

// Continuous labels and a biased judge, 150 labels and 600 judged items.
TEST(Coverage, OfPredictionPoweredMean) {
  expect_level(1 - mean_over_studies(25, [](Random& random) {
                 PredictionPoweredSums sums;
                 for (int i = 0; i < 750; ++i) {
                   const double label = draw_normal(random);
                   const double judged = 0.3 + 0.7 * label + 0.5 * draw_normal(random);
                   if (i < 150) {
                     sums.labelled.add(label, judged);
                   } else {
                     sums.unlabelled.add(judged);
                   }
                 }
                 const Interval interval = prediction_powered_mean(sums).interval();
                 return interval.low <= 0 && 0 <= interval.high;
               }));
}

TEST(Coverage, OfQuantileInterval) {
  double nominal = 0;
  const double rate = mean_over_studies(26, [&nominal](Random& random) {
    std::vector<double> values(80);
    for (double& value : values) value = random.uniform();
    const QuantileInterval interval = quantile_interval(values, 0.9);
    nominal = interval.coverage;
    return interval.low <= 0.9 && 0.9 <= interval.high;
  });
  EXPECT_GE(nominal, 0.95);
  expect_level(rate, nominal);
}

TEST(Coverage, OfAbility) {
  std::vector<ResponseItem> items;
  for (int i = 0; i < 120; ++i) items.push_back({0.7 + 0.01 * i, (i % 24) / 6.0 - 2});
  expect_level(1 - mean_over_studies(27, [&items](Random& random) {
                 std::vector<double> scores;
                 for (const ResponseItem& item : items) {
                   scores.push_back(random.uniform() < chance_right(item, 0.3));
                 }
                 const Ability got = ability_mle(items, scores);
                 return std::abs(got.ability - 0.3) < 1.959963984540054 * got.std_error;
               }));
}

// Streams of 60 tests, a fifth with an effect.
double online_false_discovery_rate(OnlineProcedure procedure, std::uint64_t seed) {
  return mean_over_studies(seed, [procedure](Random& random) {
    OnlineState state{.procedure = procedure, .alpha = 0.1, .rejections = {}};
    double wrong = 0;
    for (int t = 0; t < 60; ++t) {
      const bool effect = random.uniform() < 0.2;
      const double u = random.uniform();
      const auto decision = test_online(state, effect ? std::pow(u, 8) : u);
      wrong += decision->reject && !effect;
    }
    return state.rejections.empty() ? 0 : wrong / static_cast<double>(state.rejections.size());
  });
}

TEST(FalseDiscoveryRate, OfOnlineProcedures) {
  expect_at_most(online_false_discovery_rate(OnlineProcedure::kLordPlusPlus, 28), 0.1);
  expect_at_most(online_false_discovery_rate(OnlineProcedure::kSaffron, 29), 0.1);
  expect_at_most(online_false_discovery_rate(OnlineProcedure::kAddis, 30), 0.1);
  expect_at_most(online_false_discovery_rate(OnlineProcedure::kLond, 31), 0.1);
}

// e-values exp(z c - c^2 / 2) that share one noise: dependent as can be.
TEST(FalseDiscoveryRate, OfDependentEValues) {
  expect_at_most(mean_over_studies(
                     32,
                     [](Random& random) {
                       const double shared = draw_normal(random);
                       std::vector<double> e;
                       for (int i = 0; i < 20; ++i) {
                         const double z = std::sqrt(0.7) * shared +
                                          std::sqrt(0.3) * draw_normal(random) + (i < 4 ? 3 : 0);
                         e.push_back(std::exp(2 * z - 2));
                       }
                       const auto rejected = e_benjamini_hochberg(e, 0.1);
                       double wrong = 0;
                       for (const std::size_t i : rejected) wrong += i >= 4;
                       return rejected.empty() ? 0 : wrong / static_cast<double>(rejected.size());
                     }),
                 0.1);
}

}  // namespace
}  // namespace peira::stats
