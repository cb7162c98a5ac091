// Rows of the sample table into a file, one after the other.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "runner/exchange/columns.h"

namespace peira::runner::exchange {

// Memory holds a batch of rows at most. threads: one at a time.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  // One cell a column. throws Error(kUnavailable): the disk is full.
  virtual void add(const std::vector<Value>& row) = 0;
  // Puts the file into place; without it none appears.
  virtual void commit() = 0;
};

// RFC 4180: CRLF ends records, cells with commas, quotes or line ends are quoted. UTF-8; bytes that
// are not become U+FFFD. Reals at their shortest form that reads back the same.
// guard_formulas  as ExportOptions has it.
std::unique_ptr<TableWriter> make_csv_writer(const std::filesystem::path& path,
                                             bool guard_formulas);
std::unique_ptr<TableWriter> make_jsonl_writer(const std::filesystem::path& path);
// throws Error(kUnavailable): this build has no Arrow.
std::unique_ptr<TableWriter> make_parquet_writer(const std::filesystem::path& path);

// Whether a spreadsheet may take a cell that begins like this for a formula: = + - @, their
// full-width forms, tab, CR and LF (OWASP, CSV Injection); also an apostrophe, so that guarding can
// be undone.
bool needs_guard(std::string_view cell);

}  // namespace peira::runner::exchange
