#include "stats/paired_tests.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "stats/detail/checks.h"
#include "stats/errors.h"

namespace peira::stats {

TTest paired_t_test(const ClusteredMean& differences, const TestOptions& options) {
  if (differences.num_clusters() < 2) {
    throw Error(ErrorCode::kData,
                "TooFewObservations: a paired test needs two independent pairs, "
                "there are " +
                    std::to_string(differences.num_clusters()));
  }
  const MeanEstimate mean = differences.estimate(ClusterCorrection::kCr1);
  return t_test_from(mean.mean, mean.std_error.value_or(0), mean.df.value_or(1),
                     std::abs(mean.mean), options, "all_differences_zero");
}

TTest paired_t_test(std::span<const double> differences, std::span<const std::int64_t> cluster_ids,
                    const TestOptions& options) {
  if (!cluster_ids.empty() && cluster_ids.size() != differences.size()) {
    throw Error(ErrorCode::kData, "LengthMismatch: " + std::to_string(differences.size()) +
                                      " differences with " + std::to_string(cluster_ids.size()) +
                                      " cluster ids");
  }
  ClusteredMean accumulator;
  if (cluster_ids.empty()) {
    for (const double difference : differences) accumulator.add(difference);
  } else {
    std::map<std::int64_t, Moments> clusters;
    for (std::size_t i = 0; i < differences.size(); ++i) {
      clusters[cluster_ids[i]].add(differences[i]);
    }
    for (const auto& [id, cluster] : clusters) accumulator.add_cluster(cluster);
  }
  return paired_t_test(accumulator, options);
}

TTest paired_t_test_of(std::span<const double> a, std::span<const double> b,
                       const TestOptions& options) {
  detail::require_same_length(a.size(), b.size(), "a and b");
  Moments differences;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences.add(b[i] - a[i]);
    largest = std::max({largest, std::abs(a[i]), std::abs(b[i])});
  }
  if (differences.count() < 2) {
    throw StatsError(
        "TooFewObservations",
        "a paired test needs two pairs, there are " + std::to_string(differences.count()),
        differences.count() == 1 ? std::optional(differences.mean()) : std::nullopt);
  }
  const bool varies = *differences.std_dev() > 4 * std::numeric_limits<double>::epsilon() * largest;
  return t_test_from(differences.mean(), varies ? *differences.std_error() : 0,
                     static_cast<double>(differences.count() - 1), varies ? 0 : largest, options,
                     "all_differences_zero");
}

std::optional<double> cohens_d_z(const Moments& differences) {
  const std::optional<double> spread = differences.std_dev();
  const double noise = 4 * std::numeric_limits<double>::epsilon() * std::abs(differences.mean());
  if (!spread || *spread <= noise) return std::nullopt;
  return differences.mean() / *spread;
}

}  // namespace peira::stats
