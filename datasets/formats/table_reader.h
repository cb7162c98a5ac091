// One face for CSV, JSONL and Parquet: rows of named cells, read one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/formats/byte_source.h"

namespace peira::datasets {

enum class CellKind {
  kAbsent,   // a JSON object without this key
  kNull,     // JSON null, Parquet null
  kText,     // verbatim
  kInteger,  // decimal digits with an optional sign
  kReal,     // as printed by its format
  kBool,     // "true" or "false"
  kList,     // a JSON array
  kObject,   // a JSON object
  kBinary    // raw bytes; of a media struct its bytes, else its path
};

struct Cell {
  CellKind kind = CellKind::kAbsent;
  std::string text;  // meaning as `kind` says; empty for kAbsent and kNull

  bool has_value() const { return kind != CellKind::kAbsent && kind != CellKind::kNull; }
};

struct Row {
  std::vector<Cell> cells;   // as many as the reader has columns
  std::int64_t number = -1;  // zero-based among the rows of data
  std::int64_t position =
      0;  // what a message calls the row: its first line, in Parquet its row + 1
};

// Rows of a table in file order. Memory holds a row (Parquet: a batch of them), never the table.
// threads: one at a time.
class TableReader {
 public:
  virtual ~TableReader() = default;

  // Names of the columns. Those of JSONL are the keys met so far and may grow with next(): an index
  // once found stays valid.
  const std::vector<std::string>& columns() const { return columns_; }
  std::optional<std::size_t> find_column(std::string_view name) const;
  // The column whose name equals `name` but for upper and lower case of ASCII letters.
  std::optional<std::size_t> find_column_any_case(std::string_view name) const;

  // Only these columns are wanted: cells of the others may stay kAbsent. Before the first next().
  virtual void select(const std::vector<std::size_t>& columns);

  // Reads the next row into `row`; false at the end.
  // throws Error(kData) "file:line:column: ..." for a malformed record; in Parquet "file: row N
  // ...".
  virtual bool next(Row& row) = 0;

  // "file:12" for a row whose position is 12; "file: row 12" in Parquet.
  virtual std::string place(std::int64_t position) const;
  const std::string& name() const { return name_; }
  // True when rows may lack columns that others have (JSONL).
  virtual bool has_loose_columns() const { return false; }

 protected:
  explicit TableReader(std::string name) : name_(std::move(name)) {}
  bool is_selected(std::size_t column) const {
    return selected_.empty() || (column < selected_.size() && selected_[column]);
  }

  std::string name_;
  std::vector<std::string> columns_;

 private:
  std::vector<bool> selected_;  // empty: all
};

enum class TableFormat { kCsv, kJsonl, kParquet };

// The format by suffix: .csv, .jsonl/.ndjson/.json, .parquet, upper or lower case.
// throws Error(kData) naming the formats there are, and for compressed files what to do.
TableFormat table_format(const std::string& file_name);

// Opens a table; the header or schema is read and checked at once.
std::unique_ptr<TableReader> open_table(ByteSource source, TableFormat format);
// The same for the file, the folder of files or the embedded bytes of `file`.
std::unique_ptr<TableReader> open_table(const DatasetFile& file);

// The tables in `folder` and below, by path. Where files are named as parts of splits
// ("validation-00000-of-00001.parquet") and there are several splits: those of "validation", else
// of "test", else of the first by name. throws Error(kData): none; Error(kUnavailable): the folder
// cannot be read.
std::vector<std::filesystem::path> tables_in(const std::filesystem::path& folder);

// The tables of tables_in(folder) one after the other; rows are numbered through.
// throws Error(kData): also where a file has other columns than the first.
std::unique_ptr<TableReader> open_table_folder(const std::filesystem::path& folder);

// Comma-separated values as RFC 4180: records end in LF or CRLF, quoted cells hold anything with
// quotes doubled, every byte of a cell is kept. UTF-8, a byte order mark is skipped, empty lines
// are skipped. The first record names the columns; the first name may be empty (an index column as
// pandas writes it), no other. Columns in messages count bytes from 1.
std::unique_ptr<TableReader> open_csv(ByteSource source);

// One JSON object a line; empty lines are skipped.
std::unique_ptr<TableReader> open_jsonl(ByteSource source);

// Apache Parquet through Arrow, batch by batch. Strings, numbers, booleans, lists (as JSON), nested
// structs (as JSON), dictionaries, binary and media structs {bytes, path}; other types as Arrow
// prints them. Built without Arrow, throws Error(kUnavailable) saying what to install.
std::unique_ptr<TableReader> open_parquet(ByteSource source);

// "a, b, c", at most `limit` names and then how many more there are.
std::string join_names(const std::vector<std::string>& names, std::size_t limit = 12);

}  // namespace peira::datasets
