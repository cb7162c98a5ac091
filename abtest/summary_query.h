// The query by which a database adds up an experiment's outcomes for abtest/summary.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abtest/metric.h"

namespace peira::abtest {

enum class SqlDialect { kSqlite, kPostgres };

SqlDialect sql_dialect(const std::string& name);  // "sqlite", "postgres"; throws Error(kUsage)

// Tables with the columns
//
//     exposures   experiment, unit, variant, ts
//     outcomes    unit, metric, value, ts
//     covariates  unit, metric, value: known before exposure; may be absent
//
// Names are quoted as identifiers ("schema.table" part by part).
struct SummaryTables {
  std::string exposures = "exposures";
  std::string outcomes = "outcomes";
  std::optional<std::string> covariates = {};
};

// One statement whose rows read_summary() takes: first exposures only, units seen in two variants
// counted and left out, outcomes at or after the exposure, one value a unit and metric (sums of
// counts and ratios, means of means, the largest of a proportion; 0 where missing counts as 0),
// squared deviations about the mean in a second pass, so that no digits are lost. A ratio's
// denominators are the outcomes called NAME:denominator.
//
// throws  Error(kUsage): no metric, a bad one, a quantile (it has no sufficient statistics), or a
//         name that holds a zero byte.
std::string summary_query(const std::string& experiment, const std::vector<Metric>& metrics,
                          const SummaryTables& tables, SqlDialect dialect);

}  // namespace peira::abtest
