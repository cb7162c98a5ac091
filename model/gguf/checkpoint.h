// A GGUF checkpoint seen as one in Hugging Face format: its metadata as config.json, tokenizer.json
// and so on, its tensors under the names and in the layouts that families ask for. What reads and
// checks those then serves both.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "model/gguf/container.h"

namespace peira::model {

// A tensor under its Hugging Face name, and what takes it there from what the file stores.
struct GgufTensor {
  StoredTensor tensor;
  std::string where;  // its file and its own name, for messages
  // The rows of each of this many heads are stored in pairs (i, i + half) instead of by halves;
  // 0: in order.
  std::int64_t interleaved_heads = 0;
  float offset = 0;              // to be added to each element
  bool is_negative_exp = false;  // each element x stands for log(-x)
};

// All parts of one checkpoint. threads: any number at a time.
class GgufCheckpoint {
 public:
  struct Part {
    std::string where;  // named in errors
    std::span<const std::byte> bytes;
  };

  // throws Error(kData): what GgufFile refuses, a tensor in two parts, or parts that are not those
  //        which split.count and split.no ask for.
  explicit GgufCheckpoint(const std::vector<Part>& parts);

  // The file `path`, or all parts of the set that it names as NAME-00001-of-00003.gguf.
  // throws Error(kData): a part is missing, or as above; Error(kUnavailable): it cannot be read.
  static std::unique_ptr<GgufCheckpoint> open(const std::filesystem::path& path);

  // Metadata, which stands in the first part.
  const GgufFile& metadata() const { return files_.front(); }
  // A tensor by the name it has in the file; null when absent.
  const StoredTensor* find(std::string_view name) const;
  std::string_view architecture() const { return architecture_; }

  // config.json, generation_config.json, tokenizer.json or tokenizer_config.json, made when first
  // asked for; empty when the metadata says nothing of it.
  // throws Error(kData): a key is missing, of the wrong type, or asks for what is not supported.
  std::optional<std::string_view> derived(std::string_view file) const;
  // The names of those there are.
  std::vector<std::string> derived_files() const;
  // The parts: file names and where they lie; empty for bytes in memory.
  const std::vector<std::filesystem::path>& paths() const { return paths_; }
  std::span<const std::byte> bytes_of_part(std::size_t part) const { return parts_[part].bytes; }

  // The tensors that families know, renamed; the others keep their names.
  std::vector<GgufTensor> tensors() const;

 private:
  std::vector<MappedFile> mapped_;
  std::vector<std::filesystem::path> paths_;
  std::vector<Part> parts_;
  std::vector<GgufFile> files_;
  std::string_view architecture_;
  struct Found {
    const StoredTensor* tensor;
    const GgufFile* file;
  };
  std::map<std::string_view, Found> tensors_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::optional<std::string>, std::less<>> derived_;
};

// What derived() is made of.
//
// gguf_config             as config.json has it, for the architecture's family.
// gguf_generation_config  end-of-text ids and the sampling that the file recommends.
// gguf_tokenizer          a tokenizer.json; empty when there is no vocabulary.
// gguf_tokenizer_config   special tokens and chat templates.
// throws                  Error(kData), naming file and key.
Json gguf_config(const GgufCheckpoint& checkpoint);
Json gguf_generation_config(const GgufFile& metadata);
std::optional<std::string> gguf_tokenizer(const GgufFile& metadata);
Json gguf_tokenizer_config(const GgufFile& metadata);

}  // namespace peira::model
