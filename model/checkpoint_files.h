// The files of a checkpoint, wherever they lie: a folder, or inside the binary (peira-mini).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.h"
#include "base/files.h"

namespace peira::model {

class GgufCheckpoint;

// Named read-only files. The bytes stay valid as long as any copy of this object lives.
class CheckpointFiles {
 public:
  // A folder in Hugging Face format. throws Error(kUsage): it is not a folder; Error(kData): it has
  // no config.json (says what it has instead).
  static CheckpointFiles folder(const std::filesystem::path& path);
  // A GGUF file, or one part of a set: its metadata is seen as config.json, tokenizer.json and so
  // on. throws Error(kData): what GgufCheckpoint refuses; Error(kUnavailable): it cannot be read.
  static CheckpointFiles gguf_file(const std::filesystem::path& path);
  // Whichever `path` is: a GGUF file, a folder in Hugging Face format, or a folder with one GGUF
  // file (or set of parts) in it.
  // throws as these do; Error(kData): a folder with several GGUF files.
  static CheckpointFiles at(const std::filesystem::path& path);
  // Files linked into the binary. `name` is what messages and manifests call it.
  static CheckpointFiles embedded(std::string name, std::span<const EmbeddedFile> files);

  const std::string& name() const { return name_; }
  // "name/file", for messages; "name (as file)" for what a GGUF file's metadata stands for.
  std::string where(std::string_view file) const;
  // The GGUF checkpoint this is; null when it is none.
  const GgufCheckpoint* gguf() const { return gguf_.get(); }
  // Where `file` lies; empty when it is no file on disk.
  std::filesystem::path path_of(std::string_view file) const;
  std::vector<std::string> list() const;  // sorted
  bool has(std::string_view file) const;
  // The file's bytes, mapped on first use; empty when there is no such file.
  std::optional<std::span<const std::byte>> open(std::string_view file) const;
  std::optional<std::string_view> open_text(std::string_view file) const;

 private:
  struct Mapped;
  std::string name_;
  std::filesystem::path path_;
  std::span<const EmbeddedFile> embedded_;
  std::shared_ptr<Mapped> mapped_;
  std::shared_ptr<const GgufCheckpoint> gguf_;
};

}  // namespace peira::model
