// Paired arguments: a and b of the same items.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stats/procedures/fields.h"

namespace peira::stats {

struct PairedSample {
  std::vector<double> a, b;            // [num_pairs]
  std::vector<std::int64_t> clusters;  // [num_pairs], empty without "cluster"
  std::int64_t dropped_pairs = 0;      // a value missing (null), with nan_policy omit
  bool by_id = false;
  std::vector<std::string> unmatched_a, unmatched_b;  // ids of one arm only

  std::vector<double> differences() const;  // b - a

  // Adds what was left out to `out`.
  void report(OrderedJson& out) const;
};

// Whether "cluster" (one label a value of a) is an argument.
enum class PairClusters { kRefuse, kRead };

// "a", "b" and, where given, "ids_a" and "ids_b" (pairs are then made by id, in the order of a)
// and "nan_policy".
// throws  Error(kData): "LengthMismatch", "NonFiniteInput"; Error(kUsage) "InvalidArgument": an id
//         stands twice in an arm, or only one arm has ids.
PairedSample read_pairs(Fields& fields, PairClusters clusters = PairClusters::kRefuse);

// "diffs", or the differences of read_pairs; `pairs` reports what was left out.
struct Differences {
  std::vector<double> values;
  std::vector<double> a, b;  // empty for "diffs"
  PairedSample pairs;
};
Differences read_differences(Fields& fields, PairClusters clusters = PairClusters::kRefuse);

}  // namespace peira::stats
