#include "stats/power.h"

#include <cmath>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

// R 4.2.2 power.t.test(delta = 0.5, power = 0.8, strict = TRUE): 63.76561; the exact number from
// the specification.
TEST(PowerTwoSample, SolvesForTheSize) {
  const SampleSize size = sample_size_t_two_sample(0.5);
  EXPECT_NEAR(size.exact, 63.7656101909522, 1e-8);
  EXPECT_EQ(size.needed, 64);
  EXPECT_NEAR(power_t_two_sample(size.exact, size.exact, 0.5), 0.8, 1e-12);
  EXPECT_EQ(sample_size_t_two_sample(-0.5).needed, 64);
}

TEST(PowerTwoSample, SolvesForTheEffect) {
  for (const double n : {2.0, 10.0, 1000.0, 1e6}) {
    const double d = detectable_d_two_sample(n, 2 * n);
    EXPECT_NEAR(power_t_two_sample(n, 2 * n, d), 0.8, 1e-10) << n;
  }
  const double d_z = detectable_d_paired(40, {.power = 0.95});
  EXPECT_NEAR(power_t_paired(40, d_z), 0.95, 1e-10);
}

// statsmodels 0.15.0 TTestIndPower().power(0.3, 50, 0.05, ratio=2, alternative="larger") and
// TTestPower().solve_power(0.35, power=0.9, alpha=0.05).
TEST(Power, AgreesWithStatsmodels) {
  EXPECT_NEAR(power_t_two_sample(50, 100, 0.3, {.one_sided = true}), 0.5315922562229082, 1e-12);
  EXPECT_NEAR(sample_size_t_paired(0.35, {.power = 0.9}).exact, 87.71815073429917, 1e-6);
}

TEST(Power, NeverAsksForFewerThanTwo) {
  EXPECT_EQ(sample_size_t_paired(1e6).needed, 2);
  EXPECT_EQ(sample_size_t_two_sample(1e6).needed, 2);
}

// Each size gives back the power it was computed for.
TEST(Power, OfSizesAndDifferencesAgree) {
  const SampleSize shares = sample_size_two_proportions(0.8, 0.83);
  EXPECT_NEAR(power_two_proportions(shares.exact, 0.8, 0.83), 0.8, 1e-12);
  const SampleSize pairs = sample_size_mcnemar(0.05, 0.08);
  EXPECT_NEAR(power_mcnemar(pairs.exact, 0.05, 0.08), 0.8, 1e-12);
  EXPECT_NEAR(detectable_difference_mcnemar(pairs.exact, 0.13), 0.03, 1e-12);
  const EvalDesign design{.question_variance = 0.08,
                          .sampling_variance_a = 0.12,
                          .sampling_variance_b = 0.15,
                          .epochs_a = 4,
                          .epochs_b = 2};
  const SampleSize questions = sample_size_eval(design, 0.02);
  EXPECT_NEAR(detectable_difference_eval(design, questions.exact), 0.02, 1e-14);
  // The formula leaves the far tail out, here 7e-7 of power.
  EXPECT_NEAR(power_eval(design, questions.exact, 0.02), 0.8, 1e-5);
  EXPECT_NEAR(power_eval(design, questions.exact, -0.02, {.one_sided = true}),
              power_eval(design, questions.exact, 0.02, {.one_sided = true}), 0);
}

TEST(Power, GrowsWithClustersAsTheDesignEffectSays) {
  EvalDesign design{.question_variance = 0.1};
  const double alone = sample_size_eval(design, 0.05).exact;
  design.design_effect = 1 + 9 * 0.2;
  EXPECT_NEAR(sample_size_eval(design, 0.05).exact, 2.8 * alone, 1e-9);
}

TEST(Power, RefusesWhatCannotBe) {
  const auto usage = [](const char* name, auto call) {
    expect_error(ErrorCode::kUsage, name, call);
  };
  usage("InvalidArgument", [] { sample_size_t_two_sample(0); });
  usage("InvalidArgument", [] { sample_size_t_two_sample(NAN); });
  usage("InvalidArgument", [] { sample_size_t_two_sample(0.5, {.power = 0.05}); });
  usage("InvalidArgument", [] { sample_size_t_two_sample(0.5, {.alpha = 0.3, .power = 0.2}); });
  usage("InvalidProbability", [] { sample_size_t_two_sample(0.5, {.power = 1}); });
  usage("InvalidProbability", [] { sample_size_t_two_sample(0.5, {.alpha = 0}); });
  usage("InvalidArgument", [] { power_t_two_sample(1, 5, 0.5); });
  usage("InvalidArgument", [] { power_t_paired(NAN, 0.5); });
  usage("InvalidArgument", [] { sample_size_two_proportions(0.5, 0.5); });
  usage("InvalidArgument", [] { sample_size_two_proportions(0.5, 1.1); });
  usage("InvalidArgument", [] { sample_size_mcnemar(0.6, 0.5); });
  usage("InvalidArgument", [] { detectable_difference_mcnemar(100, 0); });
  usage("InvalidArgument", [] { sample_size_eval({.question_variance = -1}, 0.1); });
  usage("InvalidArgument", [] { sample_size_eval({.question_variance = 1, .epochs_a = 0}, 0.1); });
  usage("BudgetExceeded", [] { sample_size_t_two_sample(1e-6); });
  usage("BudgetExceeded", [] { sample_size_eval({.question_variance = 1}, 1e-6); });
  usage("BudgetExceeded", [] { sample_size_arcsine(0.5, 0.5 + 1e-7); });
}

}  // namespace
}  // namespace peira::stats
