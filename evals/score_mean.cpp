#include "evals/score_mean.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace peira::evals {

void ClusteredValues::add(std::string_view cluster, double value) {
  ++count_;
  if (cluster.empty()) {
    alone_.add(value);
    return;
  }
  auto found = clusters_.find(cluster);
  if (found == clusters_.end()) {
    found = clusters_.emplace(std::string(cluster), stats::Moments()).first;
  } else {
    has_repeated_cluster_ = true;
  }
  found->second.add(value);
}

stats::ClusteredMean ClusteredValues::mean() const {
  stats::ClusteredMean mean = alone_;
  for (const auto& [name, cluster] : clusters_) mean.add_cluster(cluster);
  return mean;
}

std::vector<double> ClusteredValues::sums() const {
  std::vector<double> sums;
  for (const auto& [name, cluster] : clusters_) sums.push_back(cluster.sum());
  return sums;
}

void ScoreMean::add(std::string_view cluster, double score) {
  values_.add(cluster, score);
  is_binary_ = is_binary_ && (score == 0 || score == 1);
}

Metric ScoreMean::metric(std::string name, double confidence) const {
  Metric metric;
  metric.name = std::move(name);
  metric.num_samples = values_.count();
  if (metric.num_samples == 0) return metric;

  const stats::ClusteredMean mean = values_.mean();
  const stats::MeanEstimate estimate = mean.estimate();
  metric.value = estimate.mean;
  metric.std_error = estimate.std_error;
  metric.num_clusters = estimate.num_clusters;

  const double num_clusters = static_cast<double>(estimate.num_clusters);
  stats::Interval interval;
  if (is_binary_ && !values_.has_repeated_cluster()) {
    interval = stats::wilson_interval(mean.sum(), num_clusters, confidence);
    metric.interval = "wilson";
  } else if (estimate.std_error.value_or(0) > 1e-12) {
    interval = *estimate.t_interval(confidence);
    metric.interval = "clustered-t";
  } else {
    // A score in [0, 1] of mean p varies at most as a coin of that p, so this cannot be too narrow
    // where a t interval would have no width at all.
    interval = stats::wilson_interval(metric.value * num_clusters, num_clusters, confidence);
    metric.interval = "wilson-clusters";
  }
  metric.low = std::max(0.0, interval.low);
  metric.high = std::min(1.0, interval.high);
  return metric;
}

std::string_view cluster_key(std::string_view cluster, std::string_view sample_id) {
  return cluster == sample_id ? std::string_view() : cluster;
}

}  // namespace peira::evals
