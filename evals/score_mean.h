// Means of scores with their intervals, fed one by one: what metrics and comparisons are made of.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "evals/run_record.h"
#include "stats/clustered_mean.h"

namespace peira::evals {

// Values that may belong to clusters. Memory grows with the number of named clusters only.
class ClusteredValues {
 public:
  // cluster  equal for values that are not independent; "" for one that stands alone.
  void add(std::string_view cluster, double value);

  std::int64_t count() const { return count_; }
  bool has_repeated_cluster() const { return has_repeated_cluster_; }
  stats::ClusteredMean mean() const;
  // Of the named clusters, by name, and of nothing else: what is permuted where clusters are few.
  std::vector<double> sums() const;

 private:
  stats::ClusteredMean alone_;
  std::map<std::string, stats::Moments, std::less<>> clusters_;
  std::int64_t count_ = 0;
  bool has_repeated_cluster_ = false;
};

// A mean of scores in [0, 1] and the interval that fits them (see Summarizer).
class ScoreMean {
 public:
  void add(std::string_view cluster, double score);
  std::int64_t count() const { return values_.count(); }
  bool is_binary() const { return is_binary_; }
  bool has_repeated_cluster() const { return values_.has_repeated_cluster(); }
  double sum() const { return values_.mean().sum(); }
  Metric metric(std::string name, double confidence = 0.95) const;

 private:
  ClusteredValues values_;
  bool is_binary_ = true;  // every score so far is 0 or 1
};

// `sample`'s cluster as ClusteredValues takes it: "" when it is its own.
std::string_view cluster_key(std::string_view cluster, std::string_view sample_id);

}  // namespace peira::evals
