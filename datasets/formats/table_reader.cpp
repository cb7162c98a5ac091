#include "datasets/formats/table_reader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace peira::datasets {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return lower(c); });
  return text;
}

}  // namespace

std::optional<std::size_t> TableReader::find_column(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

std::optional<std::size_t> TableReader::find_column_any_case(std::string_view name) const {
  const auto found = std::find_if(columns_.begin(), columns_.end(), [&](const std::string& column) {
    return std::equal(column.begin(), column.end(), name.begin(), name.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
  });
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

void TableReader::select(const std::vector<std::size_t>& columns) {
  selected_.assign(columns_.size(), false);
  for (const std::size_t column : columns) selected_.at(column) = true;
}

std::string TableReader::place(std::int64_t position) const {
  return name_ + ":" + std::to_string(position);
}

TableFormat table_format(const std::string& file_name) {
  const std::string suffix = lower(std::filesystem::path(file_name).extension().string());
  if (suffix == ".csv") return TableFormat::kCsv;
  if (suffix == ".jsonl" || suffix == ".ndjson" || suffix == ".json") return TableFormat::kJsonl;
  if (suffix == ".parquet") return TableFormat::kParquet;
  for (const char* const packed : {".gz", ".zst", ".bz2", ".xz", ".zip", ".tar", ".lz4"}) {
    if (suffix == packed) {
      throw Error(ErrorCode::kData,
                  file_name + ": a compressed file is not read\n  try: unpack it first");
    }
  }
  throw Error(ErrorCode::kData,
              file_name + ": " +
                  (suffix.empty() ? "a name without suffix" : "the suffix " + suffix) +
                  " does not tell the format\n  try: a file named .csv, .jsonl or .parquet");
}

std::unique_ptr<TableReader> open_table(ByteSource source, TableFormat format) {
  switch (format) {
    case TableFormat::kCsv:
      return open_csv(std::move(source));
    case TableFormat::kJsonl:
      return open_jsonl(std::move(source));
    case TableFormat::kParquet:
      return open_parquet(std::move(source));
  }
  throw Error(ErrorCode::kInternal, "unknown table format");
}

std::unique_ptr<TableReader> open_table(const DatasetFile& file) {
  if (file.path.empty()) {
    const std::string& name = file.name;
    // Embedded sets are named without suffix; their first bytes tell the format.
    const TableFormat format = file.embedded.starts_with("PAR1") ? TableFormat::kParquet
                               : file.embedded.starts_with('{')  ? TableFormat::kJsonl
                                                                 : TableFormat::kCsv;
    return open_table(ByteSource::from_bytes(name, file.embedded), format);
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(file.path, ignored)) return open_table_folder(file.path);
  const TableFormat format = table_format(file.path.string());
  return open_table(ByteSource::from_file(file.path), format);
}

std::string join_names(const std::vector<std::string>& names, std::size_t limit) {
  std::string joined;
  for (std::size_t i = 0; i < std::min(limit, names.size()); ++i) {
    joined += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > limit) joined += " and " + std::to_string(names.size() - limit) + " more";
  return joined.empty() ? "none" : joined;
}

}  // namespace peira::datasets
