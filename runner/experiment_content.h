// From recorded experiments to what their reports and pages say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abtest/breakdown.h"
#include "abtest/experiment_store.h"
#include "reports/experiment_report.h"

namespace peira::runner {

struct ExperimentView {
  std::string segment = {};        // attribute of the exposures to break down by; "" for none
  bool by_day = false;             // also each day of exposure, alone and up to it
  std::optional<int> phase = {};   // bucket version; empty: the current one
  std::vector<double> looks = {};  // share of the planned information at each look so far
  bool is_last_look = false;
};

// The experiment's variants with their shares.
std::vector<abtest::ArmInput> arms_of(const abtest::Experiment& experiment);
// As the experiment is declared to be read.
abtest::AnalysisOptions analysis_options(const abtest::Experiment& experiment,
                                         const ExperimentView& view);

struct ExperimentParts {
  std::vector<abtest::BreakdownRow> segments, days, cumulative;
};
// cost  reads every unit where there is something to break down.
ExperimentParts break_down(const abtest::ExperimentStore& store,
                           const abtest::Experiment& experiment, const ExperimentView& view);

// The whole report of a recorded experiment, but for when and by what it was made.
// throws  Error(kUsage): no such experiment (lists those there are).
// cost    reads every unit, twice where there is something to break down.
reports::ExperimentReport experiment_report(const abtest::ExperimentStore& store,
                                            const std::string& id, const ExperimentView& view);

// "2026-11-26" of milliseconds since 1970, UTC.
std::string date_of_ms(std::int64_t ms);

}  // namespace peira::runner
