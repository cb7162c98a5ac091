// What a night's report says: tonight's runs, what moved, every series night by night.
#pragma once

#include "reports/report.h"
#include "runner/nightly/night.h"
#include "runner/nightly/night_store.h"
#include "runner/nightly/plan.h"
#include "runner/store.h"

namespace peira::runner {

// The report of a finished night, but for when and by what it was made. A series that moved is
// compared with its last good night; costs are at the plan's prices.
//
// throws  Error(kUsage): a run of the night is no longer in the store.
// cost    reads tonight's runs, and of series that moved the last good night's.
reports::Report night_report(const Store& store, const NightStore& nights, const NightlyPlan& plan,
                             const NightResult& result);

}  // namespace peira::runner
