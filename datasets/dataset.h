// A dataset on this machine: who made it, where its file lies, and a reader over its samples.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/sample.h"

namespace peira::datasets {

// Reads samples one by one, so that memory does not grow with the dataset. Move-through, no rewind.
class SampleReader {
 public:
  virtual ~SampleReader() = default;
  // The next sample, or empty at the end.
  // throws Error(kData): "file:line[:column]: ..." for a malformed record, "file:line: duplicate
  // id".
  virtual std::optional<Sample> next() = 0;
  // What is worth telling about the samples read so far, e.g. "file:12: the gold answer is 0 ...".
  virtual std::vector<std::string> warnings() const { return {}; }
};

// How the columns of a tabular file become a Sample. Used by the formats below and by user suites.
struct FieldMap {
  std::vector<std::string> id;        // candidates tried in order; none present: a content hash
  std::vector<std::string> question;  // candidates tried in order
  std::vector<std::string> choices;   // every name is one choice, or one name holding a JSON list
  std::vector<std::string> answer;    // candidates; a choice's text, letter or index, or open text
  std::map<std::string, std::string> metadata;  // sample key -> column
  std::vector<std::string> cluster;
  // What the answer column holds when there are choices: "choice" (the choice's text), "letter"
  // (A, B, ...), "index" (0, 1, ...) or "number" (1, 2, ...). "" finds out: one pass over the file
  // keeps the readings that fit every row; when those left disagree anywhere, it is an error.
  std::string answer_as;
};

// A dataset as a file. `kind` is the format: "gpqa", "aime", "hle", "hle-text" (the questions of
// "hle" without a picture), "livecodebench", "mmmu", "mmmu-pro", "video-mme", "video-mme-subtitles"
// (the same with the subtitles of its videos), "exercises" (a folder, or one packed into a JSONL
// file), or "table" with a field map.
struct DatasetFile {
  std::string name;  // "gpqa_diamond", "gpqa-sample", or the file's stem
  std::string kind;
  std::filesystem::path path;               // a file, or a folder of parts; empty for embedded data
  std::vector<std::filesystem::path> more;  // files whose rows follow; kind "livecodebench" only
  std::string_view embedded;                // the bytes of embedded data
  FieldMap fields;                          // for kind "table"
  bool restricted = false;  // gated data: outputs must not be published in plain text
};

// Opens `file` for reading (CSV, JSONL or Parquet by suffix; .csv.gz etc. are not read).
// throws Error(kData) for a schema mismatch (names the missing columns and those present),
//        Error(kUnavailable) when the file cannot be read.
std::unique_ptr<SampleReader> open_samples(const DatasetFile& file);

// The number of samples in `file` (one pass over it).
std::int64_t count_samples(const DatasetFile& file);

// SHA-256 of the file's bytes; of a folder of exercises, over all their files; of several files,
// over their digests as lines of hex.
std::string digest_of(const DatasetFile& file);

// The catalogue's names that a name of several files stands for ("livecodebench_release_v2":
// livecodebench_v1, livecodebench_v2); empty for any other name.
std::vector<std::string> parts_of(std::string_view name);

// Finds a dataset by what the user wrote after --data or a suite's default: a path, a name in the
// catalogue that is in the cache, or an embedded sample set ("gpqa-sample", "aime-sample", ...).
// A name in the catalogue wins over a file of that name in the current folder (write ./NAME).
// LiveCodeBench has releases that are several files: "livecodebench_release_v5" is 1 to 5,
// "livecodebench_v4_v6" is 4 to 6, a folder is test.jsonl, test2.jsonl ... as far as they are
// there. kind   the format wanted; "" takes the catalogue's, or for a path what its columns say.
// throws Error(kUsage) naming what is known, or when the dataset is of another kind;
//        Error(kUnavailable) with the `peira datasets fetch`
//        command to run when the dataset is known but not on this machine.
DatasetFile find_dataset(const std::string& name_or_path, const std::string& kind);

}  // namespace peira::datasets
