#include "stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/errors.h"
#include "stats/moments.h"
#include "stats/quantiles.h"
#include "stats/random.h"
#include "stats/resample.h"

namespace peira::stats {
namespace {

void require_options(const BootstrapOptions& options) {
  detail::require_open_unit(options.confidence, "confidence");
  constexpr std::int64_t kMostResamples = 10'000'000;
  if (options.num_resamples < 2) detail::invalid_argument("a bootstrap needs two resamples");
  if (options.num_resamples > kMostResamples) {
    throw StatsError("BudgetExceeded", std::to_string(options.num_resamples) +
                                           " resamples, at most " + std::to_string(kMostResamples));
  }
}

void require_sample(std::span<const double> values, SampleStatistic statistic) {
  detail::require_finite(values, "a value");
  const std::size_t least = statistic == SampleStatistic::kStdDev ? 3 : 2;
  if (values.size() < least) {
    const bool has_estimate = values.size() == 1 && statistic != SampleStatistic::kStdDev;
    throw StatsError("TooFewObservations",
                     "a bootstrap needs " + std::to_string(least) + " values, there are " +
                         std::to_string(values.size()),
                     has_estimate ? std::optional(values[0]) : std::nullopt);
  }
}

// Sorts part of `values`.
double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double below = *std::max_element(values.begin(), middle);
  return below + (*middle - below) / 2;
}

// May reorder `values`.
double statistic_of(std::vector<double>& values, SampleStatistic statistic) {
  if (statistic == SampleStatistic::kMedian) return median_of(values);
  if (statistic == SampleStatistic::kStdDev) return *moments_of(values).std_dev();
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// The statistic without each value, in any order.
std::vector<double> jackknife_of(std::span<const double> values, SampleStatistic statistic) {
  const std::size_t n = values.size();
  const double size = static_cast<double>(n);
  std::vector<double> left_out(n);
  if (statistic == SampleStatistic::kMedian) {
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t out = 0; out < n; ++out) {
      const auto rest = [&](std::size_t i) { return sorted[i < out ? i : i + 1]; };
      const double low = rest((n - 2) / 2);
      left_out[out] = low + (rest((n - 1) / 2) - low) / 2;
    }
    return left_out;
  }
  const Moments all = moments_of(values);
  for (std::size_t i = 0; i < n; ++i) {
    const double deviation = values[i] - all.mean();
    if (statistic == SampleStatistic::kMean) {
      left_out[i] = all.mean() - deviation / (size - 1);
    } else {
      const double squares =
          all.sum_squared_deviations() - deviation * deviation * size / (size - 1);
      left_out[i] = std::sqrt(std::max(0.0, squares) / (size - 2));
    }
  }
  return left_out;
}

double estimate_of(std::span<const double> values, SampleStatistic statistic) {
  if (statistic == SampleStatistic::kMean) return moments_of(values).mean();
  std::vector<double> copy(values.begin(), values.end());
  return statistic_of(copy, statistic);
}

double two_sample_statistic(double mean_a, double mean_b, TwoSampleStatistic statistic) {
  if (statistic == TwoSampleStatistic::kMeanDifference) return mean_b - mean_a;
  if (mean_a == 0) {
    throw StatsError("NotEstimable", "the mean of a, or of a resample of it, is 0: no ratio to it");
  }
  return mean_b / mean_a;
}

// The statistic without each value of a, then without each of b.
std::vector<double> jackknife_of(std::span<const double> a, std::span<const double> b,
                                 TwoSampleStatistic statistic) {
  const double mean_a = moments_of(a).mean();
  const double mean_b = moments_of(b).mean();
  std::vector<double> left_out;
  left_out.reserve(a.size() + b.size());
  for (const double value : jackknife_of(a, SampleStatistic::kMean)) {
    left_out.push_back(two_sample_statistic(value, mean_b, statistic));
  }
  for (const double value : jackknife_of(b, SampleStatistic::kMean)) {
    left_out.push_back(two_sample_statistic(mean_a, value, statistic));
  }
  return left_out;
}

// sum d^3 / (6 (sum d^2)^{3/2}) of d = mean - t_(i); empty when leaving out any value changes
// nothing.
std::optional<double> acceleration_of(std::span<const double> jackknife, double estimate) {
  const double mean = moments_of(jackknife).mean();
  double largest = 0;
  for (const double value : jackknife) largest = std::max(largest, std::abs(mean - value));
  if (largest <= 1e-14 * std::max(std::abs(estimate), std::abs(mean))) return std::nullopt;
  double squares = 0;
  double cubes = 0;
  for (const double value : jackknife) {
    const double d = (mean - value) / largest;  // scaled: cubes of small numbers underflow
    squares += d * d;
    cubes += d * d * d;
  }
  return cubes / (6 * squares * std::sqrt(squares));
}

struct ClusterSums {
  std::vector<std::vector<double>> values;
  std::vector<double> sums;
};

ClusterSums clusters_of(std::span<const double> values, std::span<const std::int64_t> clusters) {
  ClusterSums result;
  std::map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t place = places.emplace(clusters[i], places.size()).first->second;
    if (place == result.values.size()) {
      result.values.emplace_back();
      result.sums.push_back(0);
    }
    result.values[place].push_back(values[i]);
    result.sums[place] += values[i];
  }
  return result;
}

}  // namespace

Bootstrap bootstrap_from(double estimate, std::vector<double> replicates,
                         std::span<const double> jackknife, double confidence) {
  detail::require_open_unit(confidence, "confidence");
  detail::require_count(static_cast<std::int64_t>(replicates.size()), 2, "replicates");
  std::sort(replicates.begin(), replicates.end());
  const double count = static_cast<double>(replicates.size());
  const double tail = (1 - confidence) / 2;
  Bootstrap result;
  result.estimate = estimate;
  result.num_resamples = static_cast<std::int64_t>(replicates.size());
  const double tie = 1e-12 * std::max(1.0, std::abs(estimate));
  if (replicates.back() - replicates.front() <= tie &&
      std::abs(replicates.front() - estimate) <= tie) {
    result.percentile = {estimate, estimate};
    result.interval = result.percentile;
    result.method = "degenerate";
    result.warnings.emplace_back("degenerate");
    return result;
  }
  result.std_error = *moments_of(replicates).std_dev();
  result.percentile = {sorted_quantile(replicates, tail), sorted_quantile(replicates, 1 - tail)};
  result.interval = result.percentile;
  result.method = "percentile (bca undefined)";

  const auto below = std::lower_bound(replicates.begin(), replicates.end(), estimate - tie);
  const auto above = std::upper_bound(replicates.begin(), replicates.end(), estimate + tie);
  const double share =
      (static_cast<double>(below - replicates.begin()) + static_cast<double>(above - below) / 2) /
      count;
  const std::optional<double> acceleration = acceleration_of(jackknife, estimate);
  if (!(share > 0) || !(share < 1) || !acceleration) return result;
  const double z0 = normal_quantile(share);
  const auto level = [&](double z) {
    const double scale = 1 - *acceleration * (z0 + z);
    return scale > 0 ? std::optional(normal_cdf(z0 + (z0 + z) / scale)) : std::nullopt;
  };
  const std::optional<double> low = level(normal_quantile(tail));
  const std::optional<double> high = level(-normal_quantile(tail));
  if (!low || !high) return result;
  result.bias_correction = z0;
  result.acceleration = acceleration;
  result.levels = Interval{*low, *high};
  const auto quantile_at = [&](double p) {
    return p <= 0   ? replicates.front()
           : p >= 1 ? replicates.back()
                    : sorted_quantile(replicates, p);
  };
  result.interval = {quantile_at(*low), quantile_at(*high)};
  result.method = "bca";
  return result;
}

Bootstrap bootstrap(std::span<const double> values, SampleStatistic statistic,
                    const BootstrapOptions& options) {
  require_options(options);
  require_sample(values, statistic);
  std::vector<double> replicates(static_cast<std::size_t>(options.num_resamples));
  ResampleStream stream(options.seed);
  if (statistic == SampleStatistic::kMean) {
    const double n = static_cast<double>(values.size());
    for (double& replicate : replicates) {
      replicate = stream.sum_of_draws(values, values.size()) / n;
    }
  } else {
    std::vector<std::uint32_t> indices(values.size());
    std::vector<double> drawn(values.size());
    for (double& replicate : replicates) {
      stream.draw(values.size(), indices);
      for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] = values[indices[i]];
      replicate = statistic_of(drawn, statistic);
    }
  }
  return bootstrap_from(estimate_of(values, statistic), std::move(replicates),
                        jackknife_of(values, statistic), options.confidence);
}

Bootstrap enumerated_bootstrap(std::span<const double> values, SampleStatistic statistic,
                               double confidence) {
  detail::require_open_unit(confidence, "confidence");
  require_sample(values, statistic);
  constexpr std::size_t kMostValues = 7;  // 7^7 resamples are 823,543
  if (values.size() > kMostValues) {
    throw StatsError("BudgetExceeded", std::to_string(values.size()) +
                                           " values have too many resamples to try them all: at "
                                           "most " +
                                           std::to_string(kMostValues));
  }
  std::vector<double> replicates;
  std::vector<std::size_t> digits(values.size(), 0);
  std::vector<double> drawn(values.size());
  for (std::size_t place = 0; place < digits.size();) {
    for (std::size_t i = 0; i < digits.size(); ++i) drawn[i] = values[digits[i]];
    replicates.push_back(statistic_of(drawn, statistic));
    // Counts up in base n.
    for (place = 0; place < digits.size() && ++digits[place] == values.size(); ++place) {
      digits[place] = 0;
    }
  }
  return bootstrap_from(estimate_of(values, statistic), std::move(replicates),
                        jackknife_of(values, statistic), confidence);
}

Bootstrap bootstrap_independent(std::span<const double> a, std::span<const double> b,
                                TwoSampleStatistic statistic, const BootstrapOptions& options) {
  require_options(options);
  require_sample(a, SampleStatistic::kMean);
  require_sample(b, SampleStatistic::kMean);
  const double na = static_cast<double>(a.size());
  const double nb = static_cast<double>(b.size());
  const double estimate =
      two_sample_statistic(moments_of(a).mean(), moments_of(b).mean(), statistic);
  std::vector<double> replicates(static_cast<std::size_t>(options.num_resamples));
  ResampleStream stream(options.seed);
  for (double& replicate : replicates) {
    const double mean_a = stream.sum_of_draws(a, a.size()) / na;
    const double mean_b = stream.sum_of_draws(b, b.size()) / nb;
    replicate = two_sample_statistic(mean_a, mean_b, statistic);
  }
  return bootstrap_from(estimate, std::move(replicates), jackknife_of(a, b, statistic),
                        options.confidence);
}

Bootstrap bootstrap_pairs(std::span<const double> a, std::span<const double> b,
                          TwoSampleStatistic statistic, const BootstrapOptions& options) {
  detail::require_same_length(a.size(), b.size(), "a and b");
  require_options(options);
  require_sample(a, SampleStatistic::kMean);
  require_sample(b, SampleStatistic::kMean);
  if (statistic == TwoSampleStatistic::kMeanDifference) {
    std::vector<double> differences(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) differences[i] = b[i] - a[i];
    return bootstrap(differences, SampleStatistic::kMean, options);
  }
  const double n = static_cast<double>(a.size());
  const double sum_a = moments_of(a).mean() * n;
  const double sum_b = moments_of(b).mean() * n;
  const double estimate = two_sample_statistic(sum_a, sum_b, statistic);
  std::vector<double> replicates(static_cast<std::size_t>(options.num_resamples));
  std::vector<std::uint32_t> indices(a.size());
  ResampleStream stream(options.seed);
  for (double& replicate : replicates) {
    stream.draw(a.size(), indices);
    double drawn_a = 0;
    double drawn_b = 0;
    for (const std::uint32_t i : indices) {
      drawn_a += a[i];
      drawn_b += b[i];
    }
    replicate = two_sample_statistic(drawn_a, drawn_b, statistic);
  }
  std::vector<double> jackknife(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    jackknife[i] = two_sample_statistic(sum_a - a[i], sum_b - b[i], statistic);
  }
  return bootstrap_from(estimate, std::move(replicates), jackknife, options.confidence);
}

Bootstrap cluster_bootstrap(std::span<const double> values, std::span<const std::int64_t> clusters,
                            const BootstrapOptions& options, ClusterLevels levels) {
  detail::require_same_length(values.size(), clusters.size(), "values and cluster labels");
  require_options(options);
  detail::require_finite(values, "a value");
  const ClusterSums grouped = clusters_of(values, clusters);
  const std::size_t num_clusters = grouped.sums.size();
  const double n = static_cast<double>(values.size());
  double sum = 0;
  for (const double of_cluster : grouped.sums) sum += of_cluster;
  if (num_clusters < 2) {
    throw StatsError(
        "TooFewObservations",
        "a cluster bootstrap needs two clusters, there are " + std::to_string(num_clusters),
        num_clusters == 1 ? std::optional(sum / n) : std::nullopt);
  }
  std::vector<double> replicates(static_cast<std::size_t>(options.num_resamples));
  std::vector<std::uint32_t> drawn(num_clusters);
  ResampleStream stream(options.seed);
  for (double& replicate : replicates) {
    stream.draw(num_clusters, drawn);
    double total = 0;
    double count = 0;
    for (const std::uint32_t cluster : drawn) {
      const std::vector<double>& of_cluster = grouped.values[cluster];
      total += levels == ClusterLevels::kClusters
                   ? grouped.sums[cluster]
                   : stream.sum_of_draws(of_cluster, of_cluster.size());
      count += static_cast<double>(of_cluster.size());
    }
    replicate = total / count;
  }
  std::vector<double> jackknife(num_clusters);
  for (std::size_t i = 0; i < num_clusters; ++i) {
    jackknife[i] = (sum - grouped.sums[i]) / (n - static_cast<double>(grouped.values[i].size()));
  }
  Bootstrap result = bootstrap_from(sum / n, std::move(replicates), jackknife, options.confidence);
  constexpr std::size_t kFewClusters = 10;
  if (num_clusters < kFewClusters) result.warnings.emplace_back("few_clusters");
  return result;
}

}  // namespace peira::stats
