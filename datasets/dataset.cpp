#include "datasets/dataset.h"

#include <span>

#include "base/embedded.h"
#include "base/error.h"
#include "base/hash.h"
#include "datasets/canary.h"
#include "datasets/catalogue.h"
#include "datasets/detail/readers.h"

namespace peira {
// Made by peira_embed().
std::span<const EmbeddedFile> embedded_dataset_samples();
std::span<const EmbeddedFile> embedded_video_mme_sample();
}  // namespace peira

namespace peira::datasets {
namespace {

std::string known_names() {
  std::string names;
  for (const CatalogueEntry& entry : catalogue()) {
    names += (names.empty() ? "" : ", ") + entry.name;
  }
  return names;
}

std::string_view embedded_bytes(const std::string& path) {
  const auto bytes = embedded_sample_file(std::filesystem::path(path).filename().string());
  if (!bytes) throw Error(ErrorCode::kInternal, path + " is not embedded");
  return *bytes;
}

// The format that the columns of the file at `path` speak of.
std::string infer_kind(const DatasetFile& file) {
  const auto table = open_table(file);
  if (table->find_column("options") && table->find_column("videoID")) return "video-mme";
  if (table->find_column("options") &&
      (table->find_column("image_1") || table->find_column("image"))) {
    return table->find_column("question_type") ? "mmmu" : "mmmu-pro";
  }
  if (table->find_column("Correct Answer") || table->find_column("Record ID")) return "gpqa";
  if (table->find_column("question") && table->find_column("answer_type")) return "hle";
  const bool has_question =
      table->find_column_any_case("problem") || table->find_column_any_case("question");
  const bool has_gold =
      table->find_column_any_case("answer") || table->find_column_any_case("solution");
  if (has_question && has_gold) return "aime";
  if (table->find_column("private_test_cases")) return "livecodebench";
  throw_missing_columns(*table, "a file of no benchmark that is known here",
                        "a suite of your own with its \"fields\"");
}

}  // namespace

std::optional<std::string_view> embedded_sample_file(std::string_view file_name) {
  for (const auto files : {embedded_dataset_samples(), embedded_video_mme_sample()}) {
    for (const EmbeddedFile& file : files) {
      if (file.name != file_name) continue;
      return std::string_view(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
    }
  }
  return std::nullopt;
}

std::unique_ptr<SampleReader> open_samples(const DatasetFile& file) {
  if (file.kind == "gpqa") return open_gpqa(open_table(file));
  if (file.kind == "aime") return open_aime(open_table(file), file.name);
  if (file.kind == "hle") return open_hle(open_table(file), false);
  if (file.kind == "hle-text") return open_hle(open_table(file), true);
  if (file.kind == "exercises") return open_exercises(file);
  if (file.kind == "livecodebench") {
    std::vector<std::unique_ptr<TableReader>> tables;
    tables.push_back(open_table(file));
    for (const std::filesystem::path& path : file.more) {
      tables.push_back(open_table(ByteSource::from_file(path), table_format(path.string())));
    }
    return open_livecodebench(std::move(tables), file.path.empty());
  }
  if (file.kind == "mmmu" || file.kind == "mmmu-pro") return open_mmmu(open_table(file));
  if (file.kind == "video-mme") return open_video_mme(open_table(file), file.path, false);
  if (file.kind == "video-mme-subtitles") return open_video_mme(open_table(file), file.path, true);
  if (file.kind == "table") return open_declared_table(file);
  throw Error(ErrorCode::kUsage,
              "\"" + file.kind + "\" is no kind of dataset\n  try: gpqa, aime, hle, " +
                  "hle-text, livecodebench, mmmu, mmmu-pro, video-mme, video-mme-subtitles, "
                  "exercises or table");
}

std::int64_t count_samples(const DatasetFile& file) {
  const auto reader = open_samples(file);
  std::int64_t count = 0;
  while (reader->next()) ++count;
  return count;
}

std::string digest_of(const DatasetFile& file) {
  if (file.kind == "exercises") return digest_of_exercises(file);
  if (file.path.empty()) return sha256_hex(file.embedded);
  std::vector<std::filesystem::path> files = file.more;  // in their order, wherever they lie
  std::error_code ignored;
  if (std::filesystem::is_directory(file.path, ignored)) {
    files = tables_in(file.path);
  } else if (files.empty()) {
    return sha256_file(file.path);
  } else {
    files.insert(files.begin(), file.path);
  }
  std::string digests;
  for (const std::filesystem::path& path : files) digests += sha256_file(path) + "\n";
  return sha256_hex(digests);
}

std::vector<std::string> parts_of(std::string_view name) {
  constexpr std::string_view kSuite = "livecodebench_";
  constexpr std::string_view kRelease = "release_v";
  if (!name.starts_with(kSuite)) return {};
  name.remove_prefix(kSuite.size());
  const auto file_number = [](char digit) {
    return digit >= '1' && digit <= '9' ? digit - '0' : 0;
  };
  int first = 0;
  int last = 0;
  if (name == "release_latest") {
    first = 1;
    while (find_entry(std::string(kSuite) + "v" + std::to_string(last + 1)) != nullptr) ++last;
  } else if (name.starts_with(kRelease) && name.size() == kRelease.size() + 1) {
    first = 1;
    last = file_number(name.back());
  } else if (name.size() == 5 && name[0] == 'v' && name.substr(2, 2) == "_v") {
    first = file_number(name[1]);
    last = file_number(name[4]);
  }
  if (first < 1) return {};
  std::vector<std::string> parts;
  for (int number = first; number <= last; ++number) {
    parts.push_back(std::string(kSuite) + "v" + std::to_string(number));
    if (find_entry(parts.back()) == nullptr) return {};
  }
  return parts;
}

namespace {

// A dataset of several files under one name.
DatasetFile find_parts(const std::string& name, const std::vector<std::string>& parts,
                       const std::string& kind) {
  std::vector<DatasetFile> files;
  std::string missing;
  for (const std::string& part : parts) {
    const CatalogueEntry& entry = *find_entry(part);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(cached_path(entry), ignored)) {
      files.push_back(find_dataset(part, kind));
    } else {
      missing += (missing.empty() ? "" : ", ") + part;
    }
  }
  if (!missing.empty()) {
    throw Error(ErrorCode::kUnavailable, name + " is not on this machine: " + missing +
                                             "\n  try: peira datasets fetch " + name);
  }
  DatasetFile all = files.front();
  all.name = name;
  for (std::size_t i = 1; i < files.size(); ++i) all.more.push_back(files[i].path);
  return all;
}

// The official files of LiveCodeBench in a folder.
DatasetFile find_in_folder(const std::filesystem::path& folder) {
  DatasetFile file;
  file.kind = "livecodebench";
  file.path = folder / "test.jsonl";
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file.path, ignored)) {
    throw Error(ErrorCode::kUsage, folder.string() + ": a folder without test.jsonl\n  try: " +
                                       "a file, or a folder with LiveCodeBench's test*.jsonl");
  }
  for (int number = 2;; ++number) {
    const std::filesystem::path next = folder / ("test" + std::to_string(number) + ".jsonl");
    if (!std::filesystem::is_regular_file(next, ignored)) break;
    file.more.push_back(next);
  }
  file.name = "livecodebench_v1_v" + std::to_string(file.more.size() + 1);
  return file;
}

}  // namespace

DatasetFile find_dataset(const std::string& name_or_path, const std::string& kind) {
  DatasetFile file;
  if (const std::vector<std::string> parts = parts_of(name_or_path); !parts.empty()) {
    return find_parts(name_or_path, parts, kind);
  }
  if (const CatalogueEntry* const entry = find_entry(name_or_path)) {
    const bool is_same_file = kind == entry->kind + "-text" || kind == entry->kind + "-subtitles";
    if (!kind.empty() && kind != "table" && kind != entry->kind && !is_same_file) {
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
  if (name_or_path.empty()) {
    throw Error(ErrorCode::kUsage,
                "this suite has no sample set\n  try: --data and a file or folder of kind " + kind);
  }
  std::error_code ignored;
  if (!std::filesystem::exists(name_or_path, ignored)) {
    throw Error(ErrorCode::kUsage,
                name_or_path + ": neither a file nor a known dataset\n  try: " + known_names());
  }
  if (std::filesystem::is_directory(name_or_path, ignored) &&
      (kind == "livecodebench" ||
       (kind.empty() &&
        std::filesystem::exists(std::filesystem::path(name_or_path) / "test.jsonl", ignored)))) {
    return find_in_folder(name_or_path);
  }
  file.path = name_or_path;
  file.name = file.path.stem().string();
  if (std::filesystem::is_directory(file.path, ignored)) {
    file.path = file.path.lexically_normal();
    if (!file.path.has_filename()) file.path = file.path.parent_path();
    file.name = file.path.filename().string();
    if (kind == "exercises" || (kind.empty() && holds_exercises(file.path))) {
      file.kind = "exercises";
      return file;
    }
  }
  file.kind = kind.empty() ? infer_kind(file) : kind;
  file.restricted = is_restricted(file);
  return file;
}

}  // namespace peira::datasets
