// Runs out to the files other tools read, and their files in as stored runs.
//
// What is written carries the whole run record and every column, so that what is imported again
// equals what was exported. What is imported from others' files keeps what they say; what they do
// not say stays unknown: such parts of the manifest are null.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/store.h"

namespace peira::runner::exchange {

enum class Format {
  kCsv,      // RFC 4180, a row an answer
  kParquet,  // the same columns, through Arrow
  kJsonl,    // the same, an object a line
  kInspect,  // an Inspect log: .eval (zip) or .json
  kLmEval    // lm-evaluation-harness: results_*.json and samples_*.jsonl in a folder
};

// "csv", "parquet", "jsonl", "inspect", "lm-eval"; empty for another name.
std::optional<Format> format_from(std::string_view name);
std::string_view to_string(Format format);

struct ExportOptions {
  // Gated data: questions, replies, answers and keys are left out unless this is set.
  bool include_restricted = false;
  // CSV: a text cell that a spreadsheet would take for a formula is written after an apostrophe, as
  // is one that begins with an apostrophe; importing takes it off again.
  bool guard_formulas = true;
};

struct ExportResult {
  std::vector<std::filesystem::path> files;
  std::int64_t num_answers = 0;
  bool withheld = false;  // a run on gated data lost its content
};

// Writes the runs `ids` to `out`: one file, or for kLmEval a folder. A file appears whole or not at
// all.
// throws  Error(kUsage): several runs into one Inspect log, a suffix of another format, no such
//         run; Error(kData): a run without answers; Error(kUnavailable): the disk, or a build
//         without Arrow for kParquet.
// cost    memory does not grow with the number of answers (Inspect: some 100 bytes an answer for
//         the zip's directory).
ExportResult export_runs(const Store& store, const std::vector<std::string>& ids, Format format,
                         const std::filesystem::path& out, const ExportOptions& options = {});

struct ImportOptions {
  std::optional<Format> format;  // empty: by name and content
  std::string scorer;            // whose scores count: a scorer, "scorer.key", a metric or
                                 // "filter/metric"; "" takes the log's first
  double scale = 1;              // scores are divided by this to lie in [0, 1]
  std::string name;              // of the stored run; "" keeps the log's where it is free
  bool again = false;            // also what has been imported before
};

struct ImportedRun {
  std::string id;
  std::int64_t num_answers = 0;
  bool was_there = false;          // imported before: nothing was added
  std::vector<std::string> notes;  // e.g. other scorers in the log
};

// Stores the runs in `file` as runs marked as imported: their manifest's "imported" says from what.
// The whole file is read and checked before anything is stored.
// throws  Error(kData) "file: line or entry: field: ..." for what cannot be read;
//         Error(kUsage): no such scorer, a name that is taken; Error(kUnavailable).
// cost    some 60 bytes an answer, and the largest answer.
std::vector<ImportedRun> import_file(Store& store, const std::filesystem::path& file,
                                     const ImportOptions& options = {});

}  // namespace peira::runner::exchange
