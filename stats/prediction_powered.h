// A mean by human labels, sharpened by a judge's scores of many more items: as sure as the labels
// allow, without trusting the judge.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"
#include "stats/moments.h"

namespace peira::stats {

struct PredictionPoweredMean {
  double estimate = 0;
  double std_error = 0;
  double lambda = 1;  // how far the judge is trusted: 0 not at all, 1 as a substitute to correct
  double lambda_raw = 1;  // before it was held within [0, 1]
  std::int64_t num_labelled = 0;
  std::int64_t num_unlabelled = 0;
  std::vector<std::string>
      warnings;  // "few_labels" (fewer than 30), "constant_judge" (lambda is 0)

  Interval interval(double confidence = 0.95) const;  // normal
};

// Sums of both kinds of items, by one pass and mergeable.
// threads: none; give each thread its own and merge.
struct PredictionPoweredSums {
  PairedMoments labelled;  // a() the human label, b() the judge's score of one item each
  Moments unlabelled;      // the judge's scores of the other items
};

// Estimate with a given lambda: 1 is prediction-powered inference, 0 the labels alone.
//
// The labelled items must be a random subset of all. For two systems give the differences per item.
// throws  Error(kData): "TooFewObservations" below two labelled items or without an unlabelled one;
//         Error(kUsage) "InvalidArgument": lambda not finite.
// source  Angelopoulos et al. (2023), Science 382: lambda mean(f_u) + mean(y - lambda f), variances
//         with denominator n as in ppi_py.
PredictionPoweredMean prediction_powered_mean(const PredictionPoweredSums& sums, double lambda);

// The same with the lambda that makes the variance least.
// source  PPI++, Angelopoulos, Duchi and Zrnic (2023): lambda =
//         cov(y, f) / [(1 + n/N) var(f of all items)], held within [0, 1]; the covariance with
//         denominator n, the variance with n + N - 1 as in ppi_py.
PredictionPoweredMean prediction_powered_mean(const PredictionPoweredSums& sums);

// Of values. throws  also Error(kData) "LengthMismatch", "NonFiniteInput".
PredictionPoweredSums prediction_powered_sums(std::span<const double> labels,
                                              std::span<const double> judged_labelled,
                                              std::span<const double> judged_unlabelled);

}  // namespace peira::stats
