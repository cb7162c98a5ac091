// Showing that two things are as good as each other, or that the new one is not worse by more than
// a margin: what "no significant difference" never shows. Every difference is b - a.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/clustered_mean.h"
#include "stats/distributions.h"
#include "stats/intervals.h"
#include "stats/mcnemar.h"
#include "stats/moments.h"

namespace peira::stats {

// Differences between which a and b count as equivalent; low < high, in units of the metric.
struct EquivalenceBounds {
  double low = 0;
  double high = 0;
};

struct Equivalence {
  double estimate = 0;
  double std_error = 0;
  std::optional<double> df;             // empty: normal
  std::optional<double> statistic_low;  // (estimate - low) / std_error; empty without spread
  double p_low = 1;                     // of the difference lying at or below `low`
  std::optional<double> statistic_high;
  double p_high = 1;
  double p = 1;                       // the larger one: the two one-sided tests'
  std::optional<double> log10_p;      // finite also where p underflows; empty without spread
  Interval interval;                  // confidence 1 - 2 alpha
  bool equivalent = false;            // p < alpha
  std::vector<std::string> warnings;  // "zero_variance": p is 0 or 1 by where the estimate lies
};

// Two one-sided tests of any estimate with a standard error.
//
// df      degrees of freedom of its t; empty: normal.
// throws  Error(kUsage) "InvalidArgument": low >= high or a negative standard error,
//         "InvalidProbability": alpha outside (0, 1/2); Error(kData) "NonFiniteInput".
// source  Schuirmann (1987). statsmodels ttost_paired, ttost_ind.
Equivalence equivalence_test(double estimate, double std_error, std::optional<double> df,
                             const EquivalenceBounds& bounds, double alpha = 0.05);

// Of paired differences, cluster-robust. throws  also Error(kData) "TooFewObservations".
Equivalence equivalence_paired(const ClusteredMean& differences, const EquivalenceBounds& bounds,
                               double alpha = 0.05);
Equivalence equivalence_paired(std::span<const double> differences, const EquivalenceBounds& bounds,
                               double alpha = 0.05);

// Of two independent samples, variances may differ. throws  also Error(kData)
// "TooFewObservations".
Equivalence equivalence_welch(const Moments& a, const Moments& b, const EquivalenceBounds& bounds,
                              double alpha = 0.05);

// Which way a metric is better. Tests of "lower is better" negate both arms first.
enum class Better { kHigher, kLower };

struct NonInferiority {
  double difference = 0;  // b - a as measured, whichever way is better
  // Of the null that b is worse by at least the margin; empty without spread.
  std::optional<double> statistic;
  double p_value = 1;                 // its upper tail: small shows that b is not that much worse
  std::optional<double> log10_p;      // finite also where p_value underflows; empty without spread
  bool non_inferior = false;          // p < alpha
  std::vector<std::string> warnings;  // "zero_variance": p is 0 or 1 by where the estimate lies
};

struct NonInferiorityOptions {
  double margin = 0;  // > 0, in units of the metric: the largest loss that can be borne
  Better better = Better::kHigher;
  double alpha = 0.05;  // one-sided
};

// t = (estimate + margin) / std_error for kHigher.
// throws  Error(kUsage) "InvalidArgument": margin <= 0, negative std_error; "InvalidProbability";
//         Error(kData) "NonFiniteInput".
NonInferiority non_inferiority(double estimate, double std_error, std::optional<double> df,
                               const NonInferiorityOptions& options);

// That B is not right on a share of the questions lower by the margin than A, from pairs: z of
// Tango's score of -margin. For kLower the counts are of wrong answers, or whatever is to be rare.
// throws  Error(kUsage) "InvalidArgument": a margin outside (0, 1), a negative count; Error(kData)
//         "EmptyInput": no pairs.
NonInferiority non_inferior_pairs(const PairedCounts& counts, const NonInferiorityOptions& options);

// A relative margin in units of the metric: |baseline| * relative, the baseline being the reference
// run's. throws  Error(kUsage) "InvalidArgument": not positive.
double absolute_margin(double relative, double baseline);

}  // namespace peira::stats
