// The gates of a night: a plan's policies on what each model and prompt came to.
#pragma once

#include <string>
#include <vector>

#include "runner/nightly/night_store.h"
#include "runner/nightly/plan.h"
#include "runner/store.h"

namespace peira::runner {

// Judges the plan's gates on the entries of `night`, which are done, into `night.gates`, and
// records of every run judged what its policies came to together: that is what "last-green@BRANCH"
// reads.
//
// A policy is judged where something that it gates was due; entries that were not are represented
// by their newest complete run. Of last green, runs of the plan's other entries are never the
// baseline. What a policy says of a wrong baseline or price leaves it undecided, and is its
// headline.
void judge_gates(const Store& store, const NightStore& nights, const NightlyPlan& plan,
                 NightRecord& night);

// Entries whose own gates failed that night.
std::vector<std::string> failed_entries(const NightRecord& night);

}  // namespace peira::runner
