// Tests of paired differences: the same questions answered by A and by B. Every difference is b -
// a.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stats/clustered_mean.h"
#include "stats/t_tests.h"

namespace peira::stats {

// Paired t, cluster-robust: one cluster a pair gives the textbook test.
//
// differences  [n], b - a of one pair each.
// cluster_ids  [n], equal for pairs that may be correlated; empty: every pair stands alone.
// throws       Error(kData): "TooFewObservations" below two clusters, "LengthMismatch",
//              "NonFiniteInput"; "ZeroVariance" when all differences are equal and not zero. All
//              zero gives p = 1 and the warning "all_differences_zero".
TTest paired_t_test(std::span<const double> differences,
                    std::span<const std::int64_t> cluster_ids = {},
                    const TestOptions& options = {});

// The same from both runs' scores. Differences that vary no more than rounding of the scores
// explains count as equal. The error keeps the mean difference.
//
// a, b    [n], paired by position.
// throws  as above.
TTest paired_t_test_of(std::span<const double> a, std::span<const double> b,
                       const TestOptions& options = {});

// The same from an accumulator fed with the differences.
TTest paired_t_test(const ClusteredMean& differences, const TestOptions& options = {});

// Cohen's d_z: mean over standard deviation of the differences. Empty below two pairs and when the
// differences do not vary.
std::optional<double> cohens_d_z(const Moments& differences);

}  // namespace peira::stats
