#include "datasets/canary.h"

#include <algorithm>
#include <array>

#include "datasets/catalogue.h"
#include "datasets/formats/table_reader.h"

namespace peira::datasets {
namespace {

constexpr std::array<std::string_view, 2> kPrefixes = {"gpqa:4b24:", "hle:3r2s:"};
constexpr std::string_view kGuidLead = "canary GUID ";

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "canary GUID 01234567-...": the line of the BIG-bench family.
bool contains_guid_line(std::string_view text) {
  for (std::size_t at = text.find(kGuidLead); at != std::string_view::npos;
       at = text.find(kGuidLead, at + 1)) {
    const std::string_view guid = text.substr(at + kGuidLead.size());
    if (guid.size() > 8 && guid[8] == '-' && std::all_of(guid.begin(), guid.begin() + 8, is_hex)) {
      return true;
    }
  }
  return false;
}

bool row_has_canary(TableReader& table) {
  Row row;
  if (!table.next(row)) return false;
  return std::any_of(row.cells.begin(), row.cells.end(),
                     [](const Cell& cell) { return contains_canary(cell.text); });
}

}  // namespace

bool contains_canary(std::string_view text) {
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) {
                       return text.find(prefix) != std::string_view::npos;
                     }) ||
         contains_guid_line(text);
}

bool is_restricted(const DatasetFile& file) {
  const CatalogueEntry* const entry = find_entry(file.name);
  if (entry != nullptr && entry->gated) return true;
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(file.path, ignored);
  const bool is_parquet = is_folder || (!file.path.empty() &&
                                        table_format(file.path.string()) == TableFormat::kParquet);
  const bool is_gpqa = file.kind == "gpqa";
  if (!is_parquet) {
    if (contains_canary(file.path.empty() ? file.embedded
                                          : ByteSource::from_file(file.path).text())) {
      return true;
    }
    return is_gpqa && !open_table(file)->find_column("Canary String");
  }
  const auto table = open_table(file);
  return (is_gpqa && !table->find_column("Canary String")) || row_has_canary(*table);
}

}  // namespace peira::datasets
