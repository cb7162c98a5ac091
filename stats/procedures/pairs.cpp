#include "stats/procedures/pairs.h"

#include <cmath>
#include <map>

#include "stats/errors.h"

namespace peira::stats {
namespace {

std::vector<std::string> ids_of(Fields& fields, std::string_view name, std::size_t size) {
  const Json& list = fields.raw(name);
  if (!list.is_array()) {
    throw StatsError("InvalidArgument", std::string(name) + " must be a list of ids");
  }
  if (list.size() != size) {
    throw StatsError("LengthMismatch", std::string(name) + " has " + std::to_string(list.size()) +
                                           " ids for " + std::to_string(size) + " values");
  }
  std::vector<std::string> ids;
  for (const Json& id : list) {
    if (!id.is_string() && !id.is_number_integer()) {
      throw StatsError("InvalidArgument",
                       std::string(name) + " holds " + dump_json(id) + ", which is no id");
    }
    ids.push_back(id.is_string() ? id.get<std::string>() : dump_json(id));
  }
  return ids;
}

std::map<std::string, std::size_t> places_of(const std::vector<std::string>& ids,
                                             std::string_view name) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!places.emplace(ids[i], i).second) {
      throw StatsError("InvalidArgument",
                       std::string(name) + " holds \"" + ids[i] + "\" twice: pair it with which?");
    }
  }
  return places;
}

}  // namespace

std::vector<double> PairedSample::differences() const {
  std::vector<double> differences(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) differences[i] = b[i] - a[i];
  return differences;
}

void PairedSample::report(OrderedJson& out) const {
  if (dropped_pairs > 0) out["dropped_pairs"] = dropped_pairs;
  if (by_id) {
    out["unmatched_a"] = unmatched_a;
    out["unmatched_b"] = unmatched_b;
  }
}

PairedSample read_pairs(Fields& fields, PairClusters with_clusters) {
  const bool omit = fields.nan_policy() == NanPolicy::kOmit;
  const std::vector<double> a = omit ? fields.numbers_or_nan("a") : fields.numbers("a");
  const std::vector<double> b = omit ? fields.numbers_or_nan("b") : fields.numbers("b");
  PairedSample sample;
  sample.by_id = fields.has("ids_a");
  if (sample.by_id != fields.has("ids_b")) {
    throw StatsError("InvalidArgument", "ids_a and ids_b go together");
  }
  std::vector<std::int64_t> clusters;
  if (with_clusters == PairClusters::kRead && fields.has("cluster")) {
    clusters = fields.labels("cluster");
    if (clusters.size() != a.size()) {
      throw StatsError("LengthMismatch", "cluster has " + std::to_string(clusters.size()) +
                                             " labels, a " + std::to_string(a.size()) + " values");
    }
  }
  const auto add = [&](std::size_t i, std::size_t j) {
    if (std::isnan(a[i]) || std::isnan(b[j])) {
      ++sample.dropped_pairs;
      return;
    }
    sample.a.push_back(a[i]);
    sample.b.push_back(b[j]);
    if (!clusters.empty()) sample.clusters.push_back(clusters[i]);
  };
  if (!sample.by_id) {
    if (a.size() != b.size()) {
      throw StatsError("LengthMismatch", "a has " + std::to_string(a.size()) + " values, b " +
                                             std::to_string(b.size()) +
                                             "; without ids they pair by position");
    }
    for (std::size_t i = 0; i < a.size(); ++i) add(i, i);
    return sample;
  }
  const std::vector<std::string> ids_a = ids_of(fields, "ids_a", a.size());
  const std::vector<std::string> ids_b = ids_of(fields, "ids_b", b.size());
  const auto places_a = places_of(ids_a, "ids_a");
  const auto places_b = places_of(ids_b, "ids_b");
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto found = places_b.find(ids_a[i]);
    if (found == places_b.end()) {
      sample.unmatched_a.push_back(ids_a[i]);
    } else {
      add(i, found->second);
    }
  }
  for (const std::string& id : ids_b) {
    if (!places_a.contains(id)) sample.unmatched_b.push_back(id);
  }
  return sample;
}

Differences read_differences(Fields& fields, PairClusters with_clusters) {
  Differences differences;
  if (!fields.has("diffs")) {
    differences.pairs = read_pairs(fields, with_clusters);
    differences.values = differences.pairs.differences();
    differences.a = differences.pairs.a;
    differences.b = differences.pairs.b;
    return differences;
  }
  if (fields.has("a") || fields.has("b")) {
    throw StatsError("InvalidArgument", "give diffs, or a and b, not both");
  }
  const bool omit = fields.nan_policy() == NanPolicy::kOmit;
  const auto values = omit ? fields.numbers_or_nan("diffs") : fields.numbers("diffs");
  std::vector<std::int64_t> clusters;
  if (with_clusters == PairClusters::kRead && fields.has("cluster")) {
    clusters = fields.labels("cluster");
    if (clusters.size() != values.size()) {
      throw StatsError("LengthMismatch", "cluster has " + std::to_string(clusters.size()) +
                                             " labels, diffs " + std::to_string(values.size()));
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      ++differences.pairs.dropped_pairs;
      continue;
    }
    differences.values.push_back(values[i]);
    if (!clusters.empty()) differences.pairs.clusters.push_back(clusters[i]);
  }
  return differences;
}

}  // namespace peira::stats
