// How large a difference is in units of its spread, with intervals. Every difference is b - a.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"
#include "stats/moments.h"

namespace peira::stats {

struct StandardizedDifference {
  double cohens_d = 0;     // (mean b - mean a) / pooled standard deviation
  double correction = 1;   // J = Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)), m = na + nb - 2
  double hedges_g = 0;     // J d, unbiased
  Interval noncentrality;  // of the t that belongs to d
  Interval d_interval;
  Interval g_interval;
  std::optional<double> glass_delta;  // over a's standard deviation; empty when a does not vary
};

// Of two independent samples, intervals by the noncentral t.
//
// throws  Error(kData): "TooFewObservations" below 4 values in all (m >= 2) or 1 in an arm,
//         "ZeroVariance".
// source  Hedges (1981); F(t; m, L) = 1 - alpha/2 and F(t; m, U) = alpha/2 with
//         t = d sqrt(na nb / (na + nb)): Steiger and Fouladi (1997). R effectsize cohens_d.
StandardizedDifference standardized_difference(const Moments& a, const Moments& b,
                                               double confidence = 0.95);

// Hedges' exact correction of bias for m degrees of freedom, m > 1.
double hedges_correction(double degrees_of_freedom);

// Interval of the noncentrality of an observed t.
// throws  Error(kUsage) "InvalidArgument": df <= 0; "InvalidProbability".
Interval noncentrality_interval(double t, double df, double confidence = 0.95);

struct PairedEffect {
  double d_z = 0;  // mean over standard deviation of the differences
  Interval d_z_interval;
  double g_z = 0;   // d_z without bias
  double d_av = 0;  // mean difference over sqrt((va + vb) / 2): comparable with an unpaired d
  std::optional<double> d_rm;  // d_z sqrt(2 (1 - r)); empty when an arm does not vary
  std::optional<double> correlation;
};

// Of pairs. throws Error(kData) "TooFewObservations" below 3 pairs, "ZeroVariance": the differences
// do not vary, or neither arm does.
PairedEffect paired_effect(const PairedMoments& pairs, double confidence = 0.95);

struct CliffsDelta {
  double delta = 0;                   // P(b > a) - P(b < a) over all pairs of values
  double a12 = 0;                     // (delta + 1) / 2: P(b > a) + P(b = a) / 2
  double variance = 0;                // unbiased; 0 where the estimate is negative
  Interval interval;                  // Feng and Cliff's, with t of na + nb - 2
  std::vector<std::string> warnings;  // "complete_separation", "negative_variance"
};

// cost    O((na + nb) log(na + nb)).
// throws  Error(kData): "TooFewObservations" below two values in an arm, "NonFiniteInput".
// source  Cliff (1993), Psychological Bulletin 114, 494-509; Feng and Cliff (2004). R effsize
//         cliff.delta.
CliffsDelta cliffs_delta(std::span<const double> a, std::span<const double> b,
                         double confidence = 0.95);

}  // namespace peira::stats
