// False-positive rates of the tests of one and two samples, of pairs, tables, ranks, permutations
// and clusters, each under its null. A rate is the share of studies with p < 0.05, or whose 95 %
// interval leaves the true value out. Exact tests of few possible outcomes may reject less often.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "stats/bootstrap.h"
#include "stats/clustered_mean.h"
#include "stats/contingency.h"
#include "stats/effect_sizes.h"
#include "stats/mcnemar.h"
#include "stats/paired_tests.h"
#include "stats/permutation.h"
#include "stats/rank_tests.h"
#include "stats/t_tests.h"
#include "stats/two_proportions.h"
#include "tests/stats/null_rates.h"

namespace peira::stats {
namespace {

constexpr double kAlpha = 0.05;

// `slack`: what an approximation may be off besides the simulation.
void expect_nominal(double rate, double slack = 0) {
  EXPECT_NEAR(rate, kAlpha, monte_carlo_error(kAlpha) + slack);
}

// A test of few possible p-values: never above nominal, nor so far below that it tests nothing.
void expect_conservative(double rate, double least) {
  EXPECT_LE(rate, kAlpha + monte_carlo_error(kAlpha));
  EXPECT_GE(rate, least - monte_carlo_error(least));
}

std::vector<double> normals(Random& random, std::size_t count, double scale = 1) {
  std::vector<double> values(count);
  for (double& value : values) value = scale * draw_normal(random);
  return values;
}

std::int64_t successes(Random& random, int trials, double p) {
  std::int64_t count = 0;
  for (int i = 0; i < trials; ++i) count += random.uniform() < p;
  return count;
}

bool leaves_out(const Interval& interval, double value) {
  return interval.low > value || interval.high < value;
}

TEST(FalsePositives, OfWelch) {
  expect_nominal(mean_over_studies(101,
                                   [](Random& random) {
                                     const auto a = normals(random, 15);
                                     const auto b = normals(random, 30, 3);
                                     return welch_t_test(a, b).p.value < kAlpha;
                                   }),
                 0.001);
}

TEST(FalsePositives, OfStudentOneSided) {
  expect_nominal(mean_over_studies(102, [](Random& random) {
    const auto a = normals(random, 6);
    const auto b = normals(random, 9);
    return student_t_test(a, b, {.alternative = Alternative::kLess}).p.value < kAlpha;
  }));
}

TEST(FalsePositives, OfOneSampleT) {
  expect_nominal(mean_over_studies(103, [](Random& random) {
    return one_sample_t_test(normals(random, 5), 0).p.value < kAlpha;
  }));
}

TEST(FalsePositives, OfPairedT) {
  expect_nominal(mean_over_studies(104, [](Random& random) {
    auto a = normals(random, 8);
    auto b = normals(random, 8);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double item = 3 * draw_normal(random);
      a[i] += item;
      b[i] += item;
    }
    return paired_t_test_of(a, b).p.value < kAlpha;
  }));
}

// 0/1 scores, as benchmarks have them: 300 questions, runs that agree on most.
TEST(FalsePositives, OfPairedTOnRightAndWrong) {
  expect_nominal(mean_over_studies(105,
                                   [](Random& random) {
                                     std::vector<double> a, b;
                                     for (int i = 0; i < 300; ++i) {
                                       const double ability = random.uniform();
                                       a.push_back(random.uniform() < ability);
                                       b.push_back(random.uniform() < ability);
                                     }
                                     return paired_t_test_of(a, b).p.value < kAlpha;
                                   }),
                 0.002);
}

TEST(FalsePositives, OfTwoProportions) {
  int studies = 0, newcombe = 0, miettinen_nurminen = 0, agresti_caffo = 0, yates = 0;
  expect_nominal(
      mean_over_studies(106,
                        [&](Random& random) {
                          const ProportionCounts counts{.successes_a = successes(random, 400, 0.3),
                                                        .trials_a = 400,
                                                        .successes_b = successes(random, 300, 0.3),
                                                        .trials_b = 300};
                          const TwoProportions test = two_proportions_test(counts);
                          ++studies;
                          newcombe += leaves_out(newcombe_interval(counts), 0);
                          miettinen_nurminen += leaves_out(miettinen_nurminen_interval(counts), 0);
                          agresti_caffo += leaves_out(agresti_caffo_interval(counts), 0);
                          yates += test.yates_p.value < kAlpha;
                          return test.pooled_p.value < kAlpha;
                        }),
      0.002);
  const auto share = [studies](int count) { return static_cast<double>(count) / studies; };
  expect_nominal(share(newcombe), 0.003);
  expect_nominal(share(miettinen_nurminen), 0.002);
  expect_nominal(share(agresti_caffo), 0.003);
  expect_conservative(share(yates), 0.03);
}

TEST(FalsePositives, OfFisher) {
  int studies = 0, exact_interval = 0, woolf = 0;
  expect_conservative(
      mean_over_studies(107,
                        [&](Random& random) {
                          const std::int64_t a = successes(random, 60, 0.4);
                          const std::int64_t c = successes(random, 50, 0.4);
                          const FisherTest test = fisher_test({a, 60 - a, c, 50 - c});
                          ++studies;
                          exact_interval +=
                              test.exact_interval && leaves_out(*test.exact_interval, 1);
                          woolf += test.woolf && leaves_out(test.woolf->interval, 1);
                          return test.two_sided_p < kAlpha;
                        }),
      0.02);
  expect_conservative(static_cast<double>(exact_interval) / studies, 0.02);
  expect_nominal(static_cast<double>(woolf) / studies, 0.01);
}

TEST(FalsePositives, OfMcNemar) {
  int studies = 0, exact = 0, corrected = 0, asymptotic = 0, tango = 0, newcombe = 0;
  expect_nominal(mean_over_studies(108,
                                   [&](Random& random) {
                                     PairedCounts counts;
                                     for (int i = 0; i < 250; ++i) {
                                       const double u = random.uniform();
                                       if (u < 0.15) {
                                         ++counts.only_a;
                                       } else if (u < 0.3) {
                                         ++counts.only_b;
                                       } else if (u < 0.8) {
                                         ++counts.both_right;
                                       } else {
                                         ++counts.both_wrong;
                                       }
                                     }
                                     const McNemar test = mcnemar_test(counts);
                                     ++studies;
                                     exact += test.exact_p < kAlpha;
                                     corrected += test.corrected_p < kAlpha;
                                     asymptotic += test.asymptotic_p < kAlpha;
                                     tango += leaves_out(tango_interval(counts), 0);
                                     newcombe += leaves_out(newcombe_paired_interval(counts), 0);
                                     return test.mid_p < kAlpha;
                                   }),
                 0.004);
  const auto share = [studies](int count) { return static_cast<double>(count) / studies; };
  expect_conservative(share(exact), 0.02);
  expect_conservative(share(corrected), 0.02);
  expect_nominal(share(asymptotic), 0.004);
  expect_nominal(share(tango), 0.004);
  expect_nominal(share(newcombe), 0.006);
}

TEST(FalsePositives, OfSignedRanks) {
  int studies = 0, shift = 0, tied = 0;
  expect_conservative(
      mean_over_studies(109,
                        [&](Random& random) {
                          const auto differences = normals(random, 14);
                          // Differences of whole points, with zeros and ties.
                          std::vector<double> coarse = normals(random, 25, 1.5);
                          for (double& value : coarse) value = std::round(value);
                          ++studies;
                          tied += signed_rank_test(coarse, ZeroMethod::kPratt).p.value < kAlpha;
                          shift += leaves_out(paired_shift(differences)->interval, 0);
                          return signed_rank_test(differences).p.value < kAlpha;
                        }),
      0.04);
  expect_conservative(static_cast<double>(shift) / studies, 0.035);
  expect_conservative(static_cast<double>(tied) / studies, 0.035);
}

TEST(FalsePositives, OfSignedRanksByTheNormal) {
  expect_nominal(mean_over_studies(110,
                                   [](Random& random) {
                                     return signed_rank_test(normals(random, 60)).p.value < kAlpha;
                                   }),
                 0.001);
}

TEST(FalsePositives, OfMannWhitney) {
  int studies = 0, shift = 0, tied = 0;
  expect_conservative(mean_over_studies(111,
                                        [&](Random& random) {
                                          const auto a = normals(random, 8);
                                          const auto b = normals(random, 10);
                                          std::vector<double> stars_a(9), stars_b(11);
                                          for (double& value : stars_a)
                                            value = static_cast<double>(random.below(5));
                                          for (double& value : stars_b)
                                            value = static_cast<double>(random.below(5));
                                          ++studies;
                                          tied +=
                                              mann_whitney_test(stars_a, stars_b).p.value < kAlpha;
                                          shift += leaves_out(independent_shift(a, b).interval, 0);
                                          return mann_whitney_test(a, b).p.value < kAlpha;
                                        }),
                      0.035);
  expect_conservative(static_cast<double>(shift) / studies, 0.03);
  expect_conservative(static_cast<double>(tied) / studies, 0.035);
}

TEST(FalsePositives, OfMannWhitneyByTheNormal) {
  expect_nominal(mean_over_studies(
                     112,
                     [](Random& random) {
                       return mann_whitney_test(normals(random, 55), normals(random, 60)).p.value <
                              kAlpha;
                     }),
                 0.001);
}

// Of 252 arrangements 12 have p < 0.05: 0.0476 of studies without ties.
TEST(FalsePositives, OfPermutedMeans) {
  const double rate = mean_over_studies(113, [](Random& random) {
    return permutation_mean_difference(normals(random, 5), normals(random, 5)).two_sided_p < kAlpha;
  });
  EXPECT_NEAR(rate, 12.0 / 252, monte_carlo_error(12.0 / 252));
}

// (1 + extreme) / 200 < 0.05 for fewer than 9 of 199: a share of 9 / 200.
TEST(FalsePositives, OfPermutedMeansByMonteCarlo) {
  const double rate = mean_over_studies(114, [](Random& random) {
    const PermutationOptions options{.num_resamples = 199, .seed = random.below(1u << 30)};
    return permutation_mean_difference(normals(random, 20), normals(random, 12), options)
               .two_sided_p < kAlpha;
  });
  EXPECT_NEAR(rate, 9.0 / 200, monte_carlo_error(9.0 / 200));
}

// Values of one cluster share a draw; whole clusters change arms.
TEST(FalsePositives, OfPermutedClusters) {
  const std::vector<std::int64_t> ids_a{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5};
  std::vector<std::int64_t> ids_b = ids_a;
  for (std::int64_t& id : ids_b) id += 5;
  const double rate = mean_over_studies(115, [&](Random& random) {
    const auto arm = [&random] {
      std::vector<double> values;
      for (int cluster = 0; cluster < 5; ++cluster) {
        const double shared = 2 * draw_normal(random);
        for (int i = 0; i < 3; ++i) values.push_back(shared + draw_normal(random));
      }
      return values;
    };
    const auto a = arm();
    const auto b = arm();
    return permutation_mean_difference(a, b, {}, ids_a, ids_b).two_sided_p < kAlpha;
  });
  EXPECT_NEAR(rate, 12.0 / 252, monte_carlo_error(12.0 / 252));
}

// 2^10 signs come in pairs: 50 of 1024 have p < 0.05.
TEST(FalsePositives, OfFlippedSigns) {
  const double rate = mean_over_studies(
      116, [](Random& random) { return sign_flip_test(normals(random, 10)).two_sided_p < kAlpha; });
  EXPECT_NEAR(rate, 50.0 / 1024, monte_carlo_error(50.0 / 1024));
}

TEST(FalsePositives, OfFlippedClusters) {
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 32; ++i) ids.push_back(i / 4);
  const double rate = mean_over_studies(117, [&](Random& random) {
    std::vector<double> differences;
    for (int cluster = 0; cluster < 8; ++cluster) {
      const double shared = draw_normal(random);
      for (int i = 0; i < 4; ++i) differences.push_back(shared + draw_normal(random));
    }
    return sign_flip_test(differences, {}, ids).two_sided_p < kAlpha;
  });
  EXPECT_NEAR(rate, 12.0 / 256, monte_carlo_error(12.0 / 256));
}

// Clusters of 1 to 4 questions that share half of their variance.
ClusteredMean clustered_study(Random& random, int num_clusters) {
  ClusteredMean mean;
  for (int cluster = 0; cluster < num_clusters; ++cluster) {
    const double shared = draw_normal(random);
    Moments scores;
    for (int i = 0; i < 1 + cluster % 4; ++i) scores.add(shared + draw_normal(random));
    mean.add_cluster(scores);
  }
  return mean;
}

TEST(FalsePositives, OfClusteredT) {
  expect_nominal(mean_over_studies(118,
                                   [](Random& random) {
                                     return paired_t_test(clustered_study(random, 40)).p.value <
                                            kAlpha;
                                   }),
                 0.006);
}

TEST(FalsePositives, OfBellAndMcCaffreyWithFewClusters) {
  expect_nominal(
      mean_over_studies(119,
                        [](Random& random) {
                          const MeanEstimate mean =
                              clustered_study(random, 12).estimate(ClusterCorrection::kCr2);
                          return leaves_out(*mean.t_interval(), 0);
                        }),
      0.008);
}

TEST(FalsePositives, OfCohensD) {
  expect_nominal(mean_over_studies(120, [](Random& random) {
    auto b = normals(random, 12);
    for (double& value : b) value += 0.8;
    const auto a = normals(random, 10);
    const StandardizedDifference effect = standardized_difference(moments_of(a), moments_of(b));
    return leaves_out(effect.d_interval, 0.8);
  }));
}

TEST(FalsePositives, OfCliffsDelta) {
  expect_nominal(mean_over_studies(121,
                                   [](Random& random) {
                                     const auto a = normals(random, 30);
                                     const auto b = normals(random, 40);
                                     return leaves_out(cliffs_delta(a, b).interval, 0);
                                   }),
                 0.01);
}

// First-order correct only: a little above nominal for samples of this size.
TEST(FalsePositives, OfTheBootstrap) {
  expect_nominal(
      mean_over_studies(
          122,
          [](Random& random) {
            const BootstrapOptions options{.num_resamples = 499, .seed = random.below(1u << 30)};
            return leaves_out(
                bootstrap(normals(random, 80), SampleStatistic::kMean, options).interval, 0);
          }),
      0.015);
}

TEST(FalsePositives, OfTheClusterBootstrap) {
  std::vector<std::int64_t> ids;
  for (int cluster = 0; cluster < 40; ++cluster) {
    ids.insert(ids.end(), static_cast<std::size_t>(1 + cluster % 3), cluster);
  }
  expect_nominal(mean_over_studies(123,
                                   [&](Random& random) {
                                     std::vector<double> values;
                                     double shared = 0;
                                     for (std::size_t i = 0; i < ids.size(); ++i) {
                                       if (i == 0 || ids[i] != ids[i - 1])
                                         shared = draw_normal(random);
                                       values.push_back(shared + draw_normal(random));
                                     }
                                     const BootstrapOptions options{.num_resamples = 499,
                                                                    .seed = random.below(1u << 30)};
                                     return leaves_out(
                                         cluster_bootstrap(values, ids, options).interval, 0);
                                   }),
                 0.025);
}

}  // namespace
}  // namespace peira::stats
