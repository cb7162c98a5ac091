// CUPED: a difference of means sharpened by what was known of every unit before it was exposed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/moments.h"
#include "stats/t_tests.h"

namespace peira::stats {

// Slope of outcome on covariate by which outcomes are adjusted.
enum class CupedSlope {
  kWithin,  // pooled within arms, the slope of an analysis of covariance: the default
  kPooled   // over all units as one sample, as Deng et al. (2013) and GrowthBook
};

struct CupedOptions {
  CupedSlope slope = CupedSlope::kWithin;
  TestOptions test;
};

// What CUPED needs of one arm, by one pass and mergeable.
// threads: none; give each thread its own and merge.
struct CupedArm {
  PairedMoments known;  // a() is the outcome, b() the covariate, of units that have both
  Moments unknown;      // outcomes of units without a covariate

  // throws Error(kData) "NonFiniteInput".
  void add(double outcome, double covariate) { known.add(outcome, covariate); }
  void add_without_covariate(double outcome) { unknown.add(outcome); }
  void merge(const CupedArm& other);
};

struct CupedResult {
  double theta = 0;            // the slope; 0 when the covariate does not vary
  double adjusted_mean_a = 0;  // at the mean covariate of all units
  double adjusted_mean_b = 0;
  TTest adjusted;                 // Welch's test of the adjusted outcomes, b - a
  TTest raw;                      // Welch's test of the outcomes as they are
  double variance_reduction = 0;  // 1 - (adjusted / raw standard error)^2
  // Welch's test of the covariate between the arms: a small p means that the arms differed before
  // anything was done to them. Constant and equal: p = 1; constant and different: empty, with the
  // warning "covariate_imbalance".
  std::optional<TTest> balance;
  std::int64_t num_without_covariate = 0;  // their covariate counts as the mean of the others
  std::vector<std::string> warnings;  // "constant_covariate", "covariate_imbalance" (p < 0.001)
};

// Welch's test of y' = y - theta (x - mean x of all units).
//
// a, b    x measured before exposure: never an effect of the treatment.
// throws  Error(kData): "TooFewObservations" below two units in an arm or two with a covariate,
//         "ZeroVariance" as welch_t_test.
// source  Deng, Xu, Kohavi and Walker (2013), WSDM; kWithin is the slope of lm(y ~ x + arm).
CupedResult cuped(const CupedArm& a, const CupedArm& b, const CupedOptions& options = {});

// From values. outcomes and covariates of an arm: [n], of one unit each.
// throws  also Error(kData) "LengthMismatch".
CupedResult cuped(std::span<const double> outcomes_a, std::span<const double> covariates_a,
                  std::span<const double> outcomes_b, std::span<const double> covariates_b,
                  const CupedOptions& options = {});

}  // namespace peira::stats
