#include "abtest/assigner.h"

#include <algorithm>
#include <cmath>

#include "abtest/assignment.h"
#include "abtest/condition.h"
#include "abtest/growthbook.h"
#include "base/error.h"
#include "base/utf8.h"

namespace peira::abtest {
namespace {

constexpr std::size_t kMaxUnitBytes = 512;

std::string text_of(const Json& attributes, const std::string& name) {
  if (!attributes.is_object()) return {};
  const auto found = attributes.find(name);
  if (found == attributes.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number()) return found->dump();
  return {};
}

int version_of(HashMode mode) { return mode == HashMode::kFnv1aV1 ? 1 : 2; }

bool is_fnv(HashMode mode) { return mode == HashMode::kFnv1aV1 || mode == HashMode::kFnv1aV2; }

bool in_layer_place(const Experiment& experiment, const std::string& unit) {
  if (!experiment.layer) return true;
  return std::ranges::any_of(experiment.layer->ranges, [&](const BucketRange& range) {
    return in_layer(unit, experiment.layer->name, range.low, range.high);
  });
}

bool passes_filters(const Experiment& experiment, const Json& attributes, const std::string& unit) {
  if (!experiment.filters.empty()) {
    return std::ranges::all_of(experiment.filters, [&](const Filter& filter) {
      const std::string value = filter.attribute == experiment.hash_attribute
                                    ? unit
                                    : text_of(attributes, filter.attribute);
      if (value.empty()) return false;
      const std::optional<double> place = growthbook::hash(filter.seed, value, filter.hash_version);
      return place && std::ranges::any_of(filter.ranges, [&](const auto& range) {
               return range.first <= *place && *place < range.second;
             });
    });
  }
  if (!experiment.name_space) return true;
  const Namespace& space = *experiment.name_space;
  return growthbook::in_namespace(unit, space.id, space.low, space.high);
}

// Variant and bucket by the experiment's hash; the variant is empty outside the coverage.
void choose(const Experiment& experiment, AssignmentDecision& out) {
  if (is_fnv(experiment.mode)) {
    std::vector<double> weights;
    for (const Variant& variant : experiment.variants) {
      weights.push_back(static_cast<double>(variant.share) / kNumBuckets);
    }
    const double place = *growthbook::hash(experiment.salt, out.unit, version_of(experiment.mode));
    // A place is a whole number of thousandths or ten-thousandths, which a double may miss by a
    // bit.
    out.bucket = static_cast<int>(std::lround(place * kNumBuckets));
    // One hash: each variant keeps its start while the coverage grows.
    out.variant = growthbook::choose_variation(
        place,
        growthbook::bucket_ranges(weights.size(),
                                  static_cast<double>(experiment.coverage) / kNumBuckets, weights));
  } else {
    const bool coarse = experiment.mode == HashMode::kMd5_100;
    out.bucket = coarse ? 100 * bucket_100(out.unit, experiment.salt)
                        : bucket_10000(out.unit, experiment.salt);
    const std::vector<int> shares = experiment.shares();
    const bool covered = experiment.coverage == kNumBuckets ||
                         bucket_10000(out.unit, experiment.id + "/traffic") < experiment.coverage;
    if (covered) out.variant = variant_of_bucket(out.bucket, shares);
  }
  out.reason = out.variant ? Reason::kAssigned : Reason::kCoverage;
  out.should_stick = experiment.sticky && out.variant.has_value();
}

// Whether the sticky store settles the matter.
bool stuck(const Experiment& experiment, const Json& attributes, const StickyLookup& sticky,
           AssignmentDecision& out) {
  std::vector<std::pair<std::string, std::string>> keys{{out.attribute, out.unit}};
  if (!experiment.fallback_attribute.empty() && out.attribute != experiment.fallback_attribute) {
    const std::string fallback = text_of(attributes, experiment.fallback_attribute);
    if (!fallback.empty()) keys.emplace_back(experiment.fallback_attribute, fallback);
  }
  for (const auto& [attribute, value] : keys) {
    for (int version = 0; version < experiment.min_bucket_version; ++version) {
      if (!sticky.find(attribute, value, version)) continue;
      out.reason = Reason::kStickyVersion;
      return true;
    }
  }
  for (const auto& [attribute, value] : keys) {
    const std::optional<std::string> key = sticky.find(attribute, value, experiment.bucket_version);
    if (!key) continue;
    const std::optional<std::size_t> variant = experiment.variant_index(*key);
    if (!variant) return false;  // of a variant that is gone: assigned anew
    out.variant = variant;
    out.reason = Reason::kSticky;
    return true;
  }
  return false;
}

}  // namespace

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::kAssigned:
      return "assigned";
    case Reason::kForced:
      return "forced";
    case Reason::kSticky:
      return "sticky";
    case Reason::kNotRunning:
      return "not_running";
    case Reason::kNoUnit:
      return "no_unit";
    case Reason::kHoldout:
      return "holdout";
    case Reason::kLayer:
      return "layer";
    case Reason::kNamespace:
      return "namespace";
    case Reason::kCondition:
      return "condition";
    case Reason::kStickyVersion:
      return "sticky_version";
    case Reason::kCoverage:
      return "coverage";
  }
  throw Error(ErrorCode::kInternal, "a reason without a name");
}

AssignmentDecision decide_assignment(const Experiment& experiment, const Json& attributes,
                                     const StickyLookup* sticky) {
  AssignmentDecision out;
  out.attribute = experiment.hash_attribute;
  const auto leave = [&out](Reason reason) {
    out.reason = reason;
    return out;
  };
  if (experiment.status != Status::kRunning) return leave(Reason::kNotRunning);
  out.unit = text_of(attributes, experiment.hash_attribute);
  if (out.unit.empty() && experiment.sticky && !experiment.fallback_attribute.empty()) {
    out.attribute = experiment.fallback_attribute;
    out.unit = text_of(attributes, experiment.fallback_attribute);
  }
  if (out.unit.empty() || out.unit.size() > kMaxUnitBytes || !is_valid_utf8(out.unit)) {
    return leave(Reason::kNoUnit);
  }
  if (const auto forced = experiment.forced.find(out.unit); forced != experiment.forced.end()) {
    out.variant = experiment.variant_index(forced->second);
    return leave(Reason::kForced);
  }
  if (experiment.holdout &&
      in_holdout(out.unit, experiment.holdout->name, experiment.holdout->share)) {
    return leave(Reason::kHoldout);
  }
  if (experiment.sticky && sticky != nullptr && stuck(experiment, attributes, *sticky, out)) {
    return out;
  }
  if (!in_layer_place(experiment, out.unit)) return leave(Reason::kLayer);
  if (!passes_filters(experiment, attributes, out.unit)) return leave(Reason::kNamespace);
  if (!experiment.condition.empty() && !meets_condition(attributes, experiment.condition)) {
    return leave(Reason::kCondition);
  }
  choose(experiment, out);
  return out;
}

AssignmentDecision decide_unit(const Experiment& experiment, std::string_view unit) {
  return decide_assignment(experiment, Json{{experiment.hash_attribute, std::string(unit)}});
}

}  // namespace peira::abtest
