// Bayesian view of two arms: chance that B beats A and what choosing wrongly would cost. A chance
// to beat is not a p-value, and stopping when it is high enough does not keep a false-positive
// rate.
#pragma once

#include <cstdint>
#include <optional>

#include "stats/intervals.h"

namespace peira::stats {

// A distribution of an unknown share.
struct BetaDistribution {
  double a = 1;  // > 0; (1, 1) is uniform
  double b = 1;

  double mean() const { return a / (a + b); }
  // Posterior after `successes` of `trials`.
  // throws Error(kUsage) "InvalidArgument": successes outside [0, trials], a or b not positive.
  BetaDistribution updated(std::int64_t successes, std::int64_t trials) const;
  // Equal-tailed credible interval.
  Interval interval(double confidence = 0.95) const;
};

struct BayesianComparison {
  double chance_to_beat = 0.5;        // P(B > A)
  double expected_loss_choose_a = 0;  // E[max(B - A, 0)]: what keeping A forgoes
  double expected_loss_choose_b = 0;  // E[max(A - B, 0)]
};

// Two independent shares, by quadrature; both losses are computed without cancellation.
// throws  Error(kUsage) "InvalidArgument": a parameter not positive or above 1e12.
// source  P(B > A) = int f_B F_A; E[max(B - A, 0)] = int F_A (1 - F_B). For whole parameters equal
// to
//         the closed forms of Miller (2015), "Formulas for Bayesian A/B testing".
BayesianComparison compare_shares(const BetaDistribution& a, const BetaDistribution& b);

struct NormalPrior {
  double mean = 0;
  double std_dev = 1;  // > 0
};

struct NormalPosterior {
  double mean = 0;
  double std_dev = 0;
  BayesianComparison comparison;

  Interval interval(double confidence = 0.95) const;
};

// Posterior of a difference b - a with a normal likelihood.
//
// prior   empty: flat. std_error 0: the chance is 0, 1/2 or 1.
// throws  Error(kData) "NonFiniteInput"; Error(kUsage) "InvalidArgument": a negative standard error
//         or a prior without spread.
// source  precisions add; with z = mean / sd: chance = Phi(z),
//         loss(A) = sd [phi(z) + z Phi(z)], loss(B) = sd [phi(z) - z Q(z)]
NormalPosterior normal_posterior(double difference, double std_error,
                                 const std::optional<NormalPrior>& prior = std::nullopt);

}  // namespace peira::stats
