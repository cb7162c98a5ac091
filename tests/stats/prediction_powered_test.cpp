#include "stats/prediction_powered.h"

#include <cmath>
#include <string>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

// Lambda 0 is the labels' own mean, its variance with denominator n.
TEST(PredictionPoweredMean, IsTheLabelsMeanWithoutTheJudge) {
  const Values labels{1, 0, 1, 1};
  const auto sums = prediction_powered_sums(labels, Values{0.9, 0.2, 0.7, 0.6}, Values{0.5, 0.4});
  const PredictionPoweredMean got = prediction_powered_mean(sums, 0);
  EXPECT_DOUBLE_EQ(got.estimate, 0.75);
  EXPECT_NEAR(got.std_error, std::sqrt(0.75 * 0.25 / 4), 1e-15);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"few_labels"});
}

TEST(PredictionPoweredMean, DoesNotTrustAConstantJudge) {
  const auto sums = prediction_powered_sums(Values{1, 0, 1}, Values(3, 0.7), Values(5, 0.7));
  const PredictionPoweredMean got = prediction_powered_mean(sums);
  EXPECT_EQ(got.lambda, 0);
  EXPECT_EQ(got.warnings, (std::vector<std::string>{"few_labels", "constant_judge"}));
}

TEST(PredictionPoweredMean, IsTheSameFromMergedSums) {
  const Values labels{1, 0, 1, 1, 0};
  const Values judged{0.9, 0.3, 0.8, 0.6, 0.2};
  const Values others{0.5, 0.4, 0.9, 0.1};
  const auto whole = prediction_powered_sums(labels, judged, others);
  auto part = prediction_powered_sums(Values{1, 0}, Values{0.9, 0.3}, Values{0.5});
  const auto rest =
      prediction_powered_sums(Values{1, 1, 0}, Values{0.8, 0.6, 0.2}, Values{0.4, 0.9, 0.1});
  part.labelled.merge(rest.labelled);
  part.unlabelled.merge(rest.unlabelled);
  EXPECT_NEAR(prediction_powered_mean(part).std_error, prediction_powered_mean(whole).std_error,
              1e-15);
  EXPECT_NEAR(prediction_powered_mean(part).estimate, prediction_powered_mean(whole).estimate,
              1e-15);
}

TEST(PredictionPoweredMean, RefusesTooFewItems) {
  expect_error(ErrorCode::kData, "TooFewObservations", [] {
    prediction_powered_mean(prediction_powered_sums(Values{1}, Values{1}, Values{1}));
  });
  expect_error(ErrorCode::kData, "TooFewObservations", [] {
    prediction_powered_mean(prediction_powered_sums(Values{1, 0}, Values{1, 0}, Values{}));
  });
  expect_error(ErrorCode::kData, "LengthMismatch", [] {
    prediction_powered_sums(Values{1, 0}, Values{1}, Values{});
  });
  expect_error(ErrorCode::kData, "NonFiniteInput",
               [] { prediction_powered_sums(Values{NAN}, Values{1}, Values{}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    prediction_powered_mean(prediction_powered_sums(Values{1, 0}, Values{1, 0}, Values{1}), NAN);
  });
}

// 2,000 studies of a biased judge: 95 % intervals hold the truth in 95 % (within 4 standard errors,
// and 1 % for the normal limits), and are narrower than the labels' own.
TEST(PredictionPoweredMean, CoversWithABiasedJudge) {
  Random random(21);
  constexpr int kStudies = 2000;
  int held = 0;
  double width = 0;
  double width_of_labels = 0;
  for (int study = 0; study < kStudies; ++study) {
    PredictionPoweredSums sums;
    for (int i = 0; i < 600; ++i) {
      const bool right = random.uniform() < 0.6;
      // The judge calls 85 % of rights and 30 % of wrongs right.
      const bool judged = random.uniform() < (right ? 0.85 : 0.3);
      if (i < 120) {
        sums.labelled.add(right, judged);
      } else {
        sums.unlabelled.add(judged);
      }
    }
    const PredictionPoweredMean got = prediction_powered_mean(sums);
    const Interval interval = got.interval();
    held += interval.low <= 0.6 && 0.6 <= interval.high;
    width += got.std_error;
    width_of_labels += prediction_powered_mean(sums, 0).std_error;
  }
  EXPECT_NEAR(held / static_cast<double>(kStudies), 0.95,
              0.01 + 4 * std::sqrt(0.95 * 0.05 / kStudies));
  EXPECT_LT(width, 0.92 * width_of_labels);
}

}  // namespace
}  // namespace peira::stats
