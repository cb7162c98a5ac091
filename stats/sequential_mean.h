// Always-valid tests of a mean difference from its estimate and standard error: they may be looked
// at after every observation, and stopped at any.
#pragma once

#include <cstdint>
#include <optional>

#include "stats/distributions.h"
#include "stats/intervals.h"

namespace peira::stats {

struct MsprtOptions {
  double tau = 0;       // standard deviation of the effects expected; fixed before the first look
  double alpha = 0.05;  // of the interval
};

struct Msprt {
  double log_lambda = 0;  // logarithm of the mixture likelihood ratio against no difference
  PValue p;               // min(1, 1 / lambda)
  double half_width = 0;  // of the interval around the difference
  Interval interval;
};

// Mixture sequential probability ratio test of `difference` against 0, effects mixed by N(0,
// tau^2).
//
// std_error  of the difference, known or estimated, > 0.
// throws     Error(kUsage) "InvalidArgument": tau <= 0; "InvalidProbability"; Error(kData)
//            "NonFiniteInput", "ZeroVariance".
// source     Johari, Koomen, Pekelis and Walsh (2022), V = se^2:
//            lambda = sqrt(V / (V + tau^2)) exp(tau^2 D^2 / (2 V (V + tau^2)))
Msprt msprt(double difference, double std_error, const MsprtOptions& options);

// The p-value of a sequence of looks: the smallest so far. A plain value: copy it to save it.
struct RunningP {
  PValue p;

  const PValue& add(const PValue& look);
};

struct AsymptoticOptions {
  std::int64_t tuning_n = 5000;  // observations at which the interval is to be tightest
  double alpha = 0.05;
  Alternative alternative = Alternative::kTwoSided;
};

struct AsymptoticSequence {
  double rho = 0;
  double half_width = 0;
  Interval interval;            // one end infinite when one-sided
  std::optional<double> log_e;  // e-value against 0; two-sided only
  std::optional<PValue> p;      // min(1, 1 / e); two-sided only
};

// Asymptotic confidence sequence of a mean or a mean difference.
//
// num_observations  units of both arms together, at least 100: below, the limit theorem behind it
//                   says nothing.
// throws            Error(kUsage) "InvalidArgument": tuning_n < 1; "InvalidProbability";
// Error(kData)
//                   "TooFewObservations", "NonFiniteInput", "ZeroVariance".
// source            Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), arXiv:2103.06476, with
//                   s^2 = se^2 n and rho = sqrt((-2 ln a + ln(1 - 2 ln a)) / tuning_n):
//                   s sqrt(2 (n rho^2 + 1) / (n rho)^2 ln(sqrt(n rho^2 + 1) / a)); one-sided with
//                   2a in rho and ln(1 + sqrt(n rho^2 + 1) / (2a)). GrowthBook's sequential tests.
AsymptoticSequence asymptotic_sequence(double estimate, double std_error,
                                       std::int64_t num_observations,
                                       const AsymptoticOptions& options = {});

}  // namespace peira::stats
