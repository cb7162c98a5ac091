// Sufficient statistics instead of outcomes: a warehouse adds up, Peira decides. The rows that the
// query of abtest/summary_query.h returns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "abtest/analysis.h"

namespace peira::abtest {

// Reads rows as CSV with a header, or as JSON Lines, of
//
//     variant   key; empty in the row of crossovers
//     metric    name; empty in the rows that count units: n exposed units of `variant`, or, without
//               a variant, n units seen in two variants
//     n         units
//     mean, m2  of the outcomes (of the numerators of a ratio): m2 = sum of (y - mean)^2
//     mean_x, m2_x, sxy   of the covariates (denominators), sxy = sum of (y - mean)(x - mean_x);
//               empty for the units without a covariate, which have a row of their own
//
// In place of mean and m2 (mean_x, m2_x, sxy) plain sums are taken: sum, sum_squares (sum_x,
// sum_squares_x, sum_products); they lose digits where the mean is large beside the spread. Rows of
// one variant and metric are merged, so that a table may be cut in shards.
//
// arms     keys and weights, the control first.
// metrics  to be analysed; rows of others are not looked at. None of kQuantile.
// where    named in errors.
// throws   Error(kData) "where:line: ...": a column missing, a variant not known, a number not
//          finite, sums no numbers can have ("InvalidArgument: inconsistent aggregate"), a metric
//          without a row; Error(kUsage): a bad metric or a quantile.
AnalysisInput read_summary(std::string_view text, std::vector<ArmInput> arms,
                           const std::vector<Metric>& metrics, const std::string& where);

}  // namespace peira::abtest
