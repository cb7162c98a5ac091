// The columns of a sample table, and a run's own record: what CSV, Parquet and JSONL hold, and what
// other formats carry along in their metadata.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "runner/store.h"

namespace peira::runner::exchange {

enum class ColumnKind { kText, kJson, kInteger, kReal, kBool };

struct Column {
  const char* name;
  ColumnKind kind;
};

// In the order they are written. The last, "run_record", is filled on a run's first row only.
std::span<const Column> columns();

// A cell: text (also of kJson columns), integer, real, truth, or nothing.
using Value = std::variant<std::monostate, std::string, std::int64_t, double, bool>;

// The cells of one answer, one a column. `record` is empty on all rows but a run's first.
std::vector<Value> row_of(const RunInfo& info, const SampleStory& story, const std::string& record);

// The same without "run_record" and `without`, as an object; lists and objects unfolded.
Json object_of(const RunInfo& info, const SampleStory& story,
               std::span<const std::string_view> without);

// A cell's text by column name: numbers as decimals, truths as "true" or "false", lists and objects
// as JSON; empty where there is no such column or it is null.
using Lookup = std::function<std::optional<std::string>(std::string_view)>;
Lookup lookup_in(const Json& object);

// The answer that row_of or object_of told. Columns may be missing but for "id" and "score".
// where   named in errors: "samples.csv:12".
// throws  Error(kData): a cell that is not what its column holds.
FinishedAnswer answer_from(const Lookup& lookup, const std::string& where);

// Takes everything out of `story` that would publish gated data: what is left are ids, verdicts and
// numbers.
void withhold(SampleStory& story);

// A run as an object: {"format": "peira-run", "version": 1, ...}.
// withheld  whether the answers that go with it lost their content.
Json run_record(const RunInfo& info, bool withheld, bool guarded_cells);

// The run that `record` tells of, with the digests of its manifest computed anew.
// throws  Error(kData): a field is missing, of another type, or the manifest's digests do not fit.
RunInfo run_from_record(const Json& record, const std::string& where);

}  // namespace peira::runner::exchange
