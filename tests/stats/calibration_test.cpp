#include "stats/calibration.h"

#include <cmath>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

// Edges belong to the bin below, 0 to the first, 1 to the last; 0.07 * 100 is 7.000000000000001.
TEST(CalibrationError, PutsEdgesInTheBinBelow) {
  const auto bins = [](Values confidence, std::int64_t size) {
    return calibration_error(confidence, Values(confidence.size(), 1), {.size = size}).bins;
  };
  EXPECT_EQ(bins({0, 0.5}, 2).size(), 1u);
  EXPECT_EQ(bins({0.5, 0.51}, 2).size(), 2u);
  EXPECT_EQ(bins({0.51, 1}, 2).size(), 1u);
  EXPECT_EQ(bins({0.065, 0.07}, 100).size(), 1u);
  EXPECT_EQ(bins({0.07, 0.0700001}, 100).size(), 2u);
  EXPECT_EQ(bins({0.29, 0.285}, 100).size(), 1u);
}

// By hand: bins {0.1, 0.2 | 0.3, 0.6}: gaps |0.15 - 0| and |0.45 - 1|.
TEST(CalibrationError, IsTheMeanGapOfBins) {
  const Values confidence{0.6, 0.1, 0.3, 0.2};
  const Values correct{1, 0, 1, 0};
  const CalibrationError got =
      calibration_error(confidence, correct, {Binning::Kind::kEqualMass, 2});
  EXPECT_NEAR(got.expected, (0.15 + 0.55) / 2, 1e-15);
  EXPECT_NEAR(got.largest, 0.55, 1e-15);
  EXPECT_NEAR(got.root_mean_square, std::sqrt((0.15 * 0.15 + 0.55 * 0.55) / 2), 1e-15);
}

TEST(CalibrationError, SharesTheRestAsArraySplitDoes) {
  const Values confidence{0.1, 0.2, 0.3, 0.4, 0.5};
  const auto counts = [&](Binning binning) {
    std::vector<std::int64_t> out;
    for (const auto& bin : calibration_error(confidence, Values(5, 1), binning).bins) {
      out.push_back(bin.count);
    }
    return out;
  };
  EXPECT_EQ(counts({Binning::Kind::kEqualMass, 3}), (std::vector<std::int64_t>{2, 2, 1}));
  EXPECT_EQ(counts({Binning::Kind::kEqualMass, 9}), (std::vector<std::int64_t>{1, 1, 1, 1, 1}));
  EXPECT_EQ(counts({Binning::Kind::kConsecutive, 2}), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(counts({Binning::Kind::kConsecutive, 6}), (std::vector<std::int64_t>{5}));
}

TEST(CalibrationError, RefusesPercentages) {
  const auto call = [](Values confidence, Values correct, Binning binning = {}) {
    return [=] { calibration_error(confidence, correct, binning); };
  };
  expect_error(ErrorCode::kUsage, "InvalidProbability", call({95}, {1}));
  expect_error(ErrorCode::kUsage, "InvalidProbability", call({0.5}, {2}));
  expect_error(ErrorCode::kData, "NonFiniteInput", call({NAN}, {1}));
  expect_error(ErrorCode::kData, "EmptyInput", call({}, {}));
  expect_error(ErrorCode::kData, "LengthMismatch", call({0.5}, {1, 0}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({0.5}, {1}, {.size = 0}));
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [] { brier_score(Values{1.1}, Values{1}); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { log_loss(Values{}, Values{}); });
}

TEST(LogLoss, StaysFiniteForAConfidentMistake) {
  EXPECT_NEAR(log_loss(Values{1}, Values{0}), -std::log(1e-15), 0.2);
  EXPECT_NEAR(log_loss(Values{0}, Values{1}), -std::log(1e-15), 1e-12);
  EXPECT_NEAR(log_loss(Values{1}, Values{1}), 0, 1e-14);
}

TEST(CalibrationInterval, HoldsTheEstimateAndRepeats) {
  Values confidence, correct;
  for (int i = 0; i < 200; ++i) {
    confidence.push_back((i % 20 + 0.5) / 20);
    correct.push_back(i % 3 == 0 ? 0 : 1);
  }
  const CalibrationInterval got = calibration_interval(confidence, correct, {}, 300, 4);
  const double ece = calibration_error(confidence, correct).expected;
  EXPECT_LT(got.expected.low, ece);
  EXPECT_GT(got.expected.high, ece);
  EXPECT_EQ(calibration_interval(confidence, correct, {}, 300, 4).expected.low, got.expected.low);
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { calibration_interval(confidence, correct, {}, 0, 4); });
}

TEST(AreaUnderRoc, NeedsBothClasses) {
  EXPECT_EQ(area_under_roc(Values{2, 3}, Values{0, 1}), 1);
  EXPECT_EQ(area_under_roc(Values{-5}, Values{0, 1}), 0);
  expect_error(ErrorCode::kData, "NotEstimable", [] { area_under_roc(Values{}, Values{1}); });
  expect_error(ErrorCode::kData, "NotEstimable", [] { area_under_roc(Values{1}, Values{}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { area_under_roc(Values{NAN}, Values{1}); });
}

}  // namespace
}  // namespace peira::stats
