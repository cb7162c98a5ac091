// Outcomes as a table, one row a unit, read in one pass and flat memory: what a warehouse exports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/analysis.h"
#include "abtest/metric.h"

namespace peira::abtest {

// CSV with a header line:
//
//     unit,variant,solved,quality,quality:covariate,tokens,tokens:denominator
//     u1,control,1,0.8,0.7,5120,4
//
// `variant` and a column for each metric to be analysed are needed; `unit` may be left out when
// each row is one unit. With `unit`, rows must be in ascending order of its bytes, so that a unit
// that comes twice is seen without remembering any: rows of one unit are put together (sums of
// counts, numerators and denominators; means of means; the largest of a proportion). A unit seen in
// two variants is a crossover and left out. An empty cell is an outcome that was not measured,
// or 0 where the metric says so; a metric's covariate and denominator stand in NAME:covariate and
// NAME:denominator. Columns nobody asked for are not looked at. Cells may be quoted as in RFC 4180,
// without line breaks.
//
// Fed in pieces of any size; the same input gives the same sums whatever the pieces.
// threads: none.
class OutcomeTable {
 public:
  // arms     keys and weights of the variants, the control first; a row of another variant is an
  //          error.
  // metrics  of any type but kQuantile, which needs every value and so is no stream.
  // where    named in errors, e.g. "outcomes.csv".
  // throws   Error(kUsage): a bad metric, or a quantile.
  OutcomeTable(std::vector<ArmInput> arms, std::vector<Metric> metrics, std::string where);
  ~OutcomeTable();
  OutcomeTable(OutcomeTable&&) noexcept;
  OutcomeTable& operator=(OutcomeTable&&) noexcept;

  // throws Error(kData) "where:line: ...": a missing column, an unknown variant, a value that is no
  //        finite number or not one of its type, rows out of order, a line above 1 MiB.
  void add(std::string_view bytes);
  // The sums, once everything was fed. throws as add, for a last line without a line break, and
  // Error(kData) for no header.
  AnalysisInput finish();

  std::int64_t num_rows() const;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace peira::abtest
