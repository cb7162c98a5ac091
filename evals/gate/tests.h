// The one-sided tests behind gates: of a mean against a bound, and of paired differences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::evals::detail {

struct ClusteredValue {
  std::string cluster;  // "" stands alone
  double value = 0;
};

// A pair's two values; their difference is second - first.
struct ClusteredPair {
  std::string cluster;
  double first = 0, second = 0;
};

struct OneSided {
  double above = 1;  // p of the null that the mean is at most the bound
  double below = 1;  // p of the null that it is at least the bound
};

struct Estimate {
  double value = 0;
  std::optional<double> std_error;  // a conservative guess where nothing varies
  stats::Interval interval;         // at 1 - 2 alpha
  std::int64_t num_units = 0, num_clusters = 0;
  std::string method;
  bool has_interval = false;
};

// is_share: values lie in [0, 1].
OneSided test_mean(const std::vector<ClusteredValue>& values, double bound, bool is_share);
Estimate estimate_mean(const std::vector<ClusteredValue>& values, bool is_share, double alpha);

OneSided test_difference(const std::vector<ClusteredPair>& pairs, double bound, bool is_share);
Estimate estimate_difference(const std::vector<ClusteredPair>& pairs, bool is_share, double alpha);

}  // namespace peira::evals::detail
