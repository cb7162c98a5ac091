// Two independent shares of successes. Every difference is b - a. For the same questions answered
// by both, McNemar (stats/mcnemar.h) is the test: this one would be badly under-powered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/distributions.h"
#include "stats/equivalence.h"
#include "stats/intervals.h"

namespace peira::stats {

struct ProportionCounts {
  std::int64_t successes_a = 0;
  std::int64_t trials_a = 0;
  std::int64_t successes_b = 0;
  std::int64_t trials_b = 0;

  double share_a() const {
    return static_cast<double>(successes_a) / static_cast<double>(trials_a);
  }
  double share_b() const {
    return static_cast<double>(successes_b) / static_cast<double>(trials_b);
  }
  double difference() const { return share_b() - share_a(); }
};

struct TwoProportions {
  double difference = 0;
  std::optional<double> z_pooled;    // empty, with p 1, when all trials of both arms end alike
  PValue pooled_p;                   // score test of equality, the default; z^2 is chi-squared
  PValue yates_p;                    // with continuity correction, as R prop.test's default
  std::optional<double> z_unpooled;  // empty when neither arm varies
  std::optional<PValue> unpooled_p;
  double cohens_h = 0;                // 2 asin sqrt(b) - 2 asin sqrt(a)
  std::vector<std::string> warnings;  // "no_variation"
};

// All of this file throw Error(kData) "EmptyInput" for an arm without trials and Error(kUsage)
// "InvalidArgument" for successes outside [0, trials].

// source  R prop.test(c(xb, xa), c(nb, na)); statsmodels proportions_ztest.
TwoProportions two_proportions_test(const ProportionCounts& counts,
                                    Alternative alternative = Alternative::kTwoSided);

// Difference from the Wilson limits of both shares: low = d - sqrt((pb - lb)^2 + (ua - pa)^2).
// source  Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.
Interval newcombe_interval(const ProportionCounts& counts, double confidence = 0.95);

// Score interval, the default of gates: right at 0 and 1 and for small arms.
// source  Miettinen and Nurminen (1985), Statistics in Medicine 4, 213-226; ratesci scoreci with
//         skew = FALSE.
Interval miettinen_nurminen_interval(const ProportionCounts& counts, double confidence = 0.95);

// Wald's after one more success and one more failure in each arm.
// source  Agresti and Caffo (2000), The American Statistician 54, 280-288.
Interval agresti_caffo_interval(const ProportionCounts& counts, double confidence = 0.95);

// sqrt(pa qa / na + pb qb / nb) on either side. For comparison with other tools only.
Interval wald_difference_interval(const ProportionCounts& counts, double confidence = 0.95);

// z of a true difference `difference` in (-1, 1), shares estimated under it; falls as it rises.
//
// bias_corrected  variance times N / (N - 1): Miettinen and Nurminen; without: Farrington and
//                 Manning (1990), Statistics in Medicine 9, 1447-1454.
// returns         infinite where the variance vanishes and the observed difference is another.
double difference_score(const ProportionCounts& counts, double difference,
                        bool bias_corrected = true);

// That b's share is not lower (kLower: higher) than a's by the margin: z of -margin, normal.
// throws  Error(kUsage) "InvalidArgument": a margin outside (0, 1).
NonInferiority non_inferior_proportions(const ProportionCounts& counts,
                                        const NonInferiorityOptions& options,
                                        bool bias_corrected = true);

}  // namespace peira::stats
