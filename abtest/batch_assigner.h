// Assignment of many bare unit ids at once: the same variants as decide_unit, many times faster.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/experiment.h"

namespace peira::abtest {

// A variant's index, or one of these.
constexpr int kNotAssigned = -1;  // not in the experiment
constexpr int kBadUnit = -2;      // empty, above 512 bytes, or not UTF-8

// threads: none; give each thread its own.
class BatchAssigner {
 public:
  // throws Error(kUsage): the experiment is not running, or asks for more than an id (a condition,
  //        filters by other attributes): decide_assignment takes those. Sticky assignments are not
  //        consulted.
  explicit BatchAssigner(const Experiment& experiment);

  // variants  [units.size()], set to an index of a variant or one of the constants above.
  void assign(std::span<const std::string_view> units, std::span<int> variants);

 private:
  void assign_batch(std::span<const std::string_view> units, std::span<int> variants);
  int assign_fnv(std::string_view unit) const;
  void assign_fnv_v1(std::span<const std::string_view> units, std::span<int> variants);

  Experiment experiment_;
  bool is_plain_ = false;                        // nothing but the two hashes decides
  std::vector<std::uint8_t> variant_of_bucket_;  // [10000]; 255: none
  std::vector<int> buckets_, traffic_buckets_;
  // Of the FNV modes.
  std::uint32_t seed_state_ = 0;
  std::vector<int> variant_of_place_;
  std::vector<std::uint32_t> states_;
};

// bucket_10000 of many units with one salt.
// buckets  [units.size()].
void buckets_10000(std::span<const std::string_view> units, std::string_view salt,
                   std::span<int> buckets);

}  // namespace peira::abtest
