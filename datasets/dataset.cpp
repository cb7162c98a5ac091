#include "datasets/dataset.h"

#include <span>

#include "base/embedded.h"
#include "base/error.h"
#include "base/hash.h"
#include "datasets/canary.h"
#include "datasets/catalogue.h"
#include "datasets/detail/readers.h"

namespace peira {
std::span<const EmbeddedFile> embedded_dataset_samples();  // made by peira_embed()
}

namespace peira::datasets {
namespace {

std::string known_names() {
  std::string names;
  for (const CatalogueEntry& entry : catalogue()) {
    names += (names.empty() ? "" : ", ") + entry.name;
  }
  return names;
}

std::string_view embedded_bytes(const std::string& file_name) {
  for (const EmbeddedFile& file : embedded_dataset_samples()) {
    if (file.name == file_name) {
      return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
    }
  }
  throw Error(ErrorCode::kInternal, file_name + " is not embedded");
}

// The format that the columns of the file at `path` speak of.
std::string infer_kind(const DatasetFile& file) {
  const auto table = open_table(file);
  if (table->find_column("Correct Answer") || table->find_column("Record ID")) return "gpqa";
  if (table->find_column("question") && table->find_column("answer_type")) return "hle";
  const bool has_question =
      table->find_column_any_case("problem") || table->find_column_any_case("question");
  const bool has_gold =
      table->find_column_any_case("answer") || table->find_column_any_case("solution");
  if (has_question && has_gold) return "aime";
  throw_missing_columns(*table, "neither a GPQA nor an AIME nor an HLE file",
                        "a suite of your own with its \"fields\"");
}

}  // namespace

std::unique_ptr<SampleReader> open_samples(const DatasetFile& file) {
  if (file.kind == "gpqa") return open_gpqa(open_table(file));
  if (file.kind == "aime") return open_aime(open_table(file), file.name);
  if (file.kind == "hle") return open_hle(open_table(file), false);
  if (file.kind == "hle-text") return open_hle(open_table(file), true);
  if (file.kind == "exercises") return open_exercises(file);
  if (file.kind == "table") return open_declared_table(file);
  throw Error(ErrorCode::kUsage, "\"" + file.kind +
                                     "\" is no kind of dataset\n  try: gpqa, aime, hle, " +
                                     "hle-text, exercises or table");
}

std::int64_t count_samples(const DatasetFile& file) {
  const auto reader = open_samples(file);
  std::int64_t count = 0;
  while (reader->next()) ++count;
  return count;
}

std::string digest_of(const DatasetFile& file) {
  if (file.kind == "exercises") return digest_of_exercises(file);
  return file.path.empty() ? sha256_hex(file.embedded) : sha256_file(file.path);
}

DatasetFile find_dataset(const std::string& name_or_path, const std::string& kind) {
  DatasetFile file;
  if (const CatalogueEntry* const entry = find_entry(name_or_path)) {
    const bool is_subset = kind == entry->kind + "-text";  // of the same file
    if (!kind.empty() && kind != "table" && kind != entry->kind && !is_subset) {
      throw Error(ErrorCode::kUsage,
                  entry->name + " is a dataset of kind " + entry->kind + ", not " + kind);
    }
    file.name = entry->name;
    file.kind = kind.empty() ? entry->kind : kind;
    file.restricted = entry->gated;
    if (entry->embedded) {
      file.embedded = embedded_bytes(entry->path);
      return file;
    }
    file.path = cached_path(*entry);
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file.path, ignored)) {
      throw Error(ErrorCode::kUnavailable, entry->name + " is not on this machine\n  try: " +
                                               "peira datasets fetch " + entry->name);
    }
    return file;
  }
  std::error_code ignored;
  if (!std::filesystem::exists(name_or_path, ignored)) {
    throw Error(ErrorCode::kUsage,
                name_or_path + ": neither a file nor a known dataset\n  try: " + known_names());
  }
  file.path = name_or_path;
  file.name = file.path.stem().string();
  if (std::filesystem::is_directory(file.path, ignored)) {
    file.path = file.path.lexically_normal();
    if (!file.path.has_filename()) file.path = file.path.parent_path();
    file.name = file.path.filename().string();
    file.kind = kind.empty() ? "exercises" : kind;
    if (file.kind != "exercises") {
      throw Error(ErrorCode::kUsage,
                  name_or_path + ": is a folder; data of kind " + kind + " is one file");
    }
    return file;
  }
  file.kind = kind.empty() ? infer_kind(file) : kind;
  file.restricted = is_restricted(file);
  return file;
}

}  // namespace peira::datasets
