// Which variant a unit gets in an experiment, and why: the whole decision, from the kill switch to
// the bucket.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "abtest/experiment.h"
#include "base/json.h"

namespace peira::abtest {

enum class Reason {
  kAssigned,       // by its bucket
  kForced,         // by the experiment's list of forced units
  kSticky,         // it had this variant before
  kNotRunning,     // draft or stopped
  kNoUnit,         // no id, or none that may be one
  kHoldout,        // kept out of experiments
  kLayer,          // another experiment of the layer owns its bucket
  kNamespace,      // outside the namespace or a filter
  kCondition,      // its attributes do not meet the condition
  kStickyVersion,  // stuck to a version that is excluded
  kCoverage        // not (yet) part of the traffic
};

const char* to_string(Reason reason);  // "assigned", "holdout", ...

struct AssignmentDecision {
  std::optional<std::size_t> variant;  // empty: not in the experiment
  Reason reason = Reason::kAssigned;
  std::string unit;       // the id that was hashed
  std::string attribute;  // and where it came from
  int bucket = -1;        // of the variant hash in [0, 10000); -1 where none was needed
  // Whether this is a new assignment that a sticky experiment should keep.
  bool should_stick = false;
};

// What a sticky store knows of a unit: variant key by bucket version, of one experiment.
class StickyLookup {
 public:
  virtual ~StickyLookup() = default;
  // The variant key kept for `attribute` = `value` in `bucket_version`; empty: none.
  virtual std::optional<std::string> find(const std::string& attribute, const std::string& value,
                                          int bucket_version) const = 0;
};

// Decides in the order: running, unit id, forced, holdout, layer, namespace and filters, condition,
// sticky, coverage, variant. A sticky unit passes layer, condition and coverage, as it was let in
// before.
//
// attributes  of the unit; its id is attributes[hash_attribute], numbers read as their digits.
//             With `sticky` an absent one falls back to fallback_attribute.
// sticky      may be null: nothing is kept.
// never throws for any attributes.
AssignmentDecision decide_assignment(const Experiment& experiment, const Json& attributes,
                                     const StickyLookup* sticky = nullptr);

// The same for a bare id and no attributes.
AssignmentDecision decide_unit(const Experiment& experiment, std::string_view unit);

}  // namespace peira::abtest
