// What a night does: each suite x model x prompt of a plan, run or left, and why. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runner/nightly/plan.h"

namespace peira::runner {

// Days since 1970-01-01 of "2026-11-26". throws Error(kUsage): not a date.
int day_number(const std::string& date);
// The date so many days after 1970-01-01.
std::string date_of_day(int day);

// One suite x model x prompt.
struct NightlyEntry {
  std::size_t suite = 0;  // in NightlyPlan::suites
  std::string model;      // label
  std::string prompt;     // as the plan has it
  std::string name;       // "gpqa/bundled/official": of its series, within the plan
};

// What is known of an entry before its night.
struct EntryFacts {
  std::string last_night;            // newest with a complete run; "" for none
  std::string last_run;              // that run
  std::string last_identity;         // of its manifest
  std::string identity;              // of the manifest that a run tonight would have
  std::vector<std::string> changed;  // parts of the manifest that differ from the last run's
  bool measure_due = false;          // the last run that was asked is measure_every nights old
  std::string leftover_run;  // newest night's incomplete run of tonight's identity; "" for none
};

enum class EntryAction {
  kRun,      // ask
  kRepeat,   // equal to the byte to a run that is there: its answers stand
  kMeasure,  // as kRepeat, but asked again to see that the bytes are equal
  kSkip      // not due
};
std::string_view to_string(EntryAction action);  // "run", "repeat", "measure", "skip"
EntryAction entry_action_from(std::string_view name);

struct EntryDecision {
  EntryAction action = EntryAction::kRun;
  std::string why;  // one line
};

// Whether `entry` is due on `date`.
EntryDecision decide_entry(const NightlySchedule& schedule, const EntryFacts& facts,
                           bool repeatable, const std::string& date);

// The order in which entries are run when a budget may not do for all: the ones that waited longest
// first, those of one night in the plan's order. Returns indices into `facts`.
std::vector<std::size_t> running_order(std::span<const EntryFacts> facts);

}  // namespace peira::runner
