// One night of a plan: what is due is run under its budgets, judged against its history, recorded.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runner/executor.h"
#include "runner/nightly/night_store.h"
#include "runner/nightly/plan.h"
#include "runner/nightly/schedule.h"
#include "runner/nightly/series_book.h"
#include "runner/store.h"

namespace peira::runner {

// Whoever shows what happens. Empty functions are not called.
struct NightEvents {
  std::function<void(const std::string&)> note;
  std::function<void(const RunProgress&)> progress;
  const std::atomic<bool>* interrupt = nullptr;  // set by a signal handler
};

// What a night would do with one suite x model x prompt.
struct PlannedEntry {
  NightlyEntry entry;
  EntryFacts facts;
  EntryDecision decision;
  std::string problem;  // why it cannot be run at all; "" otherwise
};

// The options of a run of `entry`; its data and prompt are looked up.
// throws Error(kUsage), (kData), (kUnavailable): as `peira run` with the same words.
RunOptions options_of(const NightlyPlan& plan, const NightlyEntry& entry);

// The run called `id`, if there is one.
std::optional<RunInfo> find_run(const Store& store, const std::string& id);

// What the night of `date` would do, in the plan's order. Opens each model, one at a time, to see
// what it is; a model that cannot be opened becomes its entries' problem.
//
// store, nights  null: no store yet, every entry is new.
std::vector<PlannedEntry> plan_night(const Store* store, const NightStore* nights,
                                     const NightlyPlan& plan, const std::string& date);

struct NightResult {
  NightRecord night;
  std::vector<SeriesJudgement> judgements;
  bool interrupted = false;  // not finished: the same command continues it
  bool was_there = false;    // finished earlier: nothing was done
};

// Carries out, or continues, the night of `date`. Holds the plan's lock meanwhile.
//
// A night goes on where it was killed: its decisions are kept, its runs continue, and what it spent
// counts. Earlier nights that were never finished are judged first with the runs they completed.
//
// again   forgets the night of that date first, keeping its runs.
// throws  Error(kUsage): `date` is before the plan's newest night; Error(kUnavailable): another
//         process carries out a night of the plan, or the store is gone.
NightResult run_night(Store& store, NightStore& nights, const NightlyPlan& plan,
                      const std::string& date, bool again, const NightEvents& events);

// One night that --since judged, or judged again.
struct BackfilledNight {
  std::string night;
  bool adopted = false;                // made of runs that were in the store, begun on that day
  bool is_new = false;                 // was not judged before
  std::vector<std::string> differing;  // series of which something else was said at the time
};

// Judges the nights from `since` on again, one by one as they would have been, those before `until`
// that were missed made of the complete runs begun on their days.
//
// cost  reads the runs of each night and of its reference.
std::vector<BackfilledNight> backfill(Store& store, NightStore& nights, const NightlyPlan& plan,
                                      const std::string& since, const std::string& until,
                                      const NightEvents& events);

// ---- what a night came to ----

bool is_alarm(evals::SeriesVerdict verdict);  // dropped or drifted

// 1: a series is worse or gates fail; 4: nothing could be run; 5: something is incomplete, or gates
// are undecided; else 0.
int exit_status_of(const NightRecord& night, std::span<const SeriesJudgement> judgements);

// One sentence: the worst first.
std::string headline_of(const NightRecord& night, std::span<const SeriesJudgement> judgements);

// The night for machines: as printed by --json and given to whom the plan notifies.
Json outcome_json(const NightRecord& night, std::span<const SeriesJudgement> judgements);

}  // namespace peira::runner
