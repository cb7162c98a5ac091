// From stored runs to what a night says of each series.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "evals/series.h"
#include "runner/nightly/night_store.h"
#include "runner/nightly/plan.h"
#include "runner/nightly/schedule.h"
#include "runner/store.h"

namespace peira::runner {

// The suites x models x prompts of a plan, in its order. Names of prompts are the variants' own.
// throws Error(kData): two are the same.
std::vector<NightlyEntry> entries_of(const NightlyPlan& plan);

// One number a question out of a run: "score" is its mean over the answers that did not fail, a
// rate the share of its answers in that state.
evals::NightValues values_of_run(const Store& store, const std::string& run_id,
                                 const std::string& metric);

// Judges nights one after another; what it says is a function of the nights before and of the
// stored runs.
class SeriesBook {
 public:
  // `until`: nights before this one are history.
  SeriesBook(const Store& store, const NightStore& nights, const NightlyPlan& plan,
             const std::string& until);

  // Judges all series of `night`, whose entries are done, and sets its stream. `gate_failed` names
  // entries whose gates failed. The night becomes history.
  std::vector<SeriesJudgement> judge(NightRecord& night,
                                     const std::vector<std::string>& gate_failed);

  // Every series with its nights, for reports; the plan's order.
  std::vector<evals::SeriesReport> reports() const;

  // Series names of the plan, in its order.
  std::vector<std::string> series() const;

 private:
  struct Series {
    std::string name, metric;
    std::size_t entry;
  };
  const evals::NightValues& values(const std::string& run_id, const std::string& metric);
  void renew_stream(const std::string& night);
  // How much runs of tonight's very manifest differ, of those that were asked, not cached.
  struct Repeats {
    std::optional<evals::NoiseFloor> floor;
    bool equal = true;  // in every answer
  };
  Repeats measure_repeats(const Series& series, const RunInfo& tonight) const;
  std::string accepted_from(const Series& series, const std::string& night) const;

  const Store& store_;
  const NightlyPlan& plan_;
  std::vector<NightlyEntry> entries_;
  std::vector<Series> series_;
  std::vector<Acceptance> acceptances_;
  std::map<std::string, std::string> night_of_run_;  // of the plan's own runs
  std::map<std::string, std::vector<evals::NightJudgement>> history_;
  stats::OnlineState stream_;
  std::string stream_begun_;
  std::vector<std::string> nights_of_stream_;
  std::map<std::pair<std::string, std::string>, evals::NightValues> cache_;  // by run, metric
};

}  // namespace peira::runner
