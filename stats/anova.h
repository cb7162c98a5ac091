// Means of more than two groups: whether they differ at all, and which pairs do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stats/distributions.h"
#include "stats/intervals.h"
#include "stats/moments.h"
#include "stats/t_tests.h"

namespace peira::stats {

struct Anova {
  double f = 0;
  double df1 = 0;  // groups less one
  double df2 = 0;
  PValue p;
  std::vector<std::string> warnings;  // "constant_data": nothing varies and nothing differs; p is 1
};

struct OneWayAnova : Anova {
  double eta_squared = 0;    // share of the sum of squares that lies between groups
  double omega_squared = 0;  // the same with less bias; may be negative
  double mean_square_within = 0;
};

// One-way analysis of variance with one variance for all groups. R aov.
//
// groups  [k], k >= 2, one value each or more, more values than groups.
// throws  Error(kData): "TooFewObservations"; "ZeroVariance" when no group varies, yet means
// differ.
OneWayAnova one_way_anova(std::span<const Moments> groups);

// Welch's analysis of variance: variances may differ. R oneway.test.
//
// groups  [k], k >= 2, two values each or more.
// throws  Error(kData): "TooFewObservations"; "ZeroVariance" when a group does not vary.
// source  Welch (1951), Biometrika 38, 330-336: w = n / v, m' = sum w m / sum w,
//         L = sum (1 - w / sum w)^2 / (n - 1),
//         F = [sum w (m - m')^2 / (k - 1)] / [1 + 2 (k - 2) L / (k^2 - 1)], df2 = (k^2 - 1) / (3 L)
Anova welch_anova(std::span<const Moments> groups);

// Whether the effects of two assignments of the same units add up, or one changes the other's: the
// F test of interaction in a two-way analysis of variance, cells of any sizes.
//
// cells        [num_rows * num_columns], outcomes of the units in each pair of variants, rows one
//              after another; none empty.
// throws       Error(kUsage) "InvalidArgument": not a table of two rows and two columns or more;
//              Error(kData): "TooFewObservations" (an empty cell, or no more values than cells),
//              "ZeroVariance" when nothing varies within cells, yet effects do not add up.
// source       residual sum of squares of the additive model, cell means weighted by their counts,
//              over (r - 1)(c - 1), to the mean square within cells. statsmodels
//              anova_lm(typ=2) of y ~ C(a) * C(b).
Anova interaction_test(std::span<const Moments> cells, std::size_t num_columns);

struct PairComparison {
  std::size_t i = 0;
  std::size_t j = 0;      // i < j
  double difference = 0;  // mean of j - mean of i
  double std_error = 0;   // of the difference
  double q = 0;           // studentized range statistic, sqrt(2) |difference| / std_error
  double df = 0;
  double p = 1;  // adjusted for all pairs
  std::size_t num_groups = 0;

  // Of the difference, simultaneous for all pairs.
  // throws  Error(kUsage) "InvalidProbability".
  // cost    some ten tails of the studentized range: ten milliseconds.
  Interval interval(double confidence = 0.95) const;
};

// All pairs by Tukey's honest significant difference, with Kramer's change for unequal sizes.
//
// throws  as one_way_anova; Error(kData) "ZeroVariance" also when nothing varies at all.
// source  Tukey (1953), Kramer (1956): q = |diff| / sqrt(MSW / 2 (1/ni + 1/nj)), N - k degrees of
//         freedom. R TukeyHSD.
std::vector<PairComparison> tukey_hsd(std::span<const Moments> groups);

// All pairs, variances may differ: Tukey's q with Welch's standard error and degrees of freedom.
// throws  Error(kData): "TooFewObservations" below two values a group; "ZeroVariance" when neither
//         group of a pair varies.
// source  Games and Howell (1976): q = |diff| / sqrt((vi/ni + vj/nj) / 2)
std::vector<PairComparison> games_howell(std::span<const Moments> groups);

struct ControlComparison {
  std::size_t group = 0;
  TTest test;             // Welch's, group - control
  double adjusted_p = 1;  // Holm's over all groups
};

// Every other group against groups[control]: Welch's tests, Holm's adjustment.
// throws  as welch_t_test; Error(kUsage) "InvalidArgument": no such control.
std::vector<ControlComparison> many_to_one(std::span<const Moments> groups, std::size_t control,
                                           const TestOptions& options = {});

}  // namespace peira::stats
