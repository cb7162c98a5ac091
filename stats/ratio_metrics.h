// Ratios of two means a unit has both of (tokens per answer, errors per request), and the relative
// lift of one arm over another. From sums, so that a warehouse may have computed them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"
#include "stats/moments.h"
#include "stats/t_tests.h"

namespace peira::stats {

struct RatioEstimate {
  double ratio = 0;      // mean numerator over mean denominator
  double std_error = 0;  // by the delta method
  double df = 0;         // units less one
  std::int64_t num_units = 0;

  Interval t_interval(double confidence = 0.95) const;
};

// Ratio of means over the units of randomisation.
//
// units   a() is the numerator, b() the denominator of one unit each.
// throws  Error(kData): "TooFewObservations" below two units, "NotEstimable" when the mean
//         denominator is 0.
// source  delta method: var = [s_y^2 - 2 R s_xy + R^2 s_x^2] / (n xbar^2), R = ybar / xbar
RatioEstimate ratio_metric(const PairedMoments& units);
RatioEstimate ratio_metric(std::span<const double> numerators,
                           std::span<const double> denominators);

// Difference of two arms' ratios, b - a: the estimates' standard errors in Welch's test.
// throws  as ratio_metric; Error(kData) "ZeroVariance".
TTest ratio_metric_test(const PairedMoments& a, const PairedMoments& b,
                        const TestOptions& options = {});

// A mean, ratio or any other estimate of one arm, for its lift.
struct ArmEstimate {
  double mean = 0;
  double std_error = 0;
};

struct RelativeLift {
  double lift = 0;       // (b - a) / |a|
  double std_error = 0;  // by the delta method
  Interval delta_interval;
  // Fieller's interval, right also when the baseline is uncertain; empty when it is unbounded:
  // z^2 se_a^2 >= a^2, the baseline not significantly different from 0.
  std::optional<Interval> fieller_interval;
  std::vector<std::string> warnings;  // "baseline_near_zero"
};

// Relative lift of b over a, with normal intervals.
//
// covariance  of the two estimates; not 0 when both arms answered the same questions.
// throws      Error(kData) "NotEstimable": a's mean is 0; "NonFiniteInput"; Error(kUsage)
//             "InvalidArgument" for a negative standard error or a covariance beyond what both
//             allow, "InvalidProbability".
// source      delta method: var = [vb - 2 R cov + R^2 va] / ma^2, R = mb / ma; Fieller (1954): the
// R
//             with (mb - R ma)^2 <= z^2 (vb - 2 R cov + R^2 va)
RelativeLift relative_lift(const ArmEstimate& a, const ArmEstimate& b, double confidence = 0.95,
                           double covariance = 0);
// Of two independent samples. throws  also Error(kData) "TooFewObservations" below two values.
RelativeLift relative_lift(const Moments& a, const Moments& b, double confidence = 0.95);

}  // namespace peira::stats
