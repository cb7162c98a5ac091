// Whether stated confidence means what it says, and how well it tells right answers from wrong
// ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// How answers are put into bins.
struct Binning {
  enum class Kind {
    kEqualWidth,  // size is the number of bins of [0, 1], each (low, high]; 0 goes to the first
    kEqualMass,   // size is the number of bins of nearly equal counts, by confidence
    kConsecutive  // size is the count of a bin, by confidence; the rest joins the last bin
  };
  Kind kind = Kind::kEqualWidth;
  std::int64_t size = 10;
  // kConsecutive only: the sum leaves the last bin out, as the published code that "Humanity's Last
  // Exam" and BrowseComp+ use does. For comparing with its figures, not for reporting.
  bool drop_last_bin = false;
};

struct CalibrationBin {
  std::int64_t count = 0;
  double mean_confidence = 0;
  double accuracy = 0;
};

struct CalibrationError {
  double expected = 0;               // ECE, sum of count / n times the gap
  double largest = 0;                // MCE, largest gap of a bin
  double root_mean_square = 0;       // root of the sum of count / n times the gap's square
  std::vector<CalibrationBin> bins;  // those that hold answers, rising
};

// Gap between mean confidence and accuracy within bins.
//
// confidence  [n], in [0, 1]: percentages are not guessed.
// correct     [n], in [0, 1], as a rule 0 or 1. Equal confidences keep the order given: sort by
//             sample id first where bins are by count.
// throws      Error(kData): "EmptyInput", "LengthMismatch", "NonFiniteInput"; Error(kUsage)
//             "InvalidProbability": a confidence or score outside [0, 1]; "InvalidArgument": a size
//             below 1.
// source      Naeini et al. (2015); Guo et al. (2017). ECE is biased upwards for small bins: report
//             calibration_interval() with it.
CalibrationError calibration_error(std::span<const double> confidence,
                                   std::span<const double> correct, const Binning& binning = {});

struct CalibrationInterval {
  Interval expected;  // of the ECE
  Interval root_mean_square;
  std::uint64_t seed = 0;
};

// Percentile intervals over resampled answers. throws  also Error(kUsage) "InvalidArgument" below
// one resample.
CalibrationInterval calibration_interval(std::span<const double> confidence,
                                         std::span<const double> correct, const Binning& binning,
                                         std::int64_t num_resamples, std::uint64_t seed,
                                         double level = 0.95);

// Mean squared distance of confidence from correctness. throws  as calibration_error.
double brier_score(std::span<const double> confidence, std::span<const double> correct);

// Mean of -ln of the chance given to what happened, confidence kept within [1e-15, 1 - 1e-15].
double log_loss(std::span<const double> confidence, std::span<const double> correct);

// Area under the ROC curve: chance that a right answer has a higher score than a wrong one, ties
// counting half.
//
// positives, negatives  scores of either class, finite, any range.
// throws                Error(kData): "NotEstimable" when a class is empty, "NonFiniteInput".
// source                Mann-Whitney U / (n1 n0). scikit-learn roc_auc_score.
double area_under_roc(std::span<const double> positives, std::span<const double> negatives);

}  // namespace peira::stats
