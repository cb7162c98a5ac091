#include "model/checkpoint_files.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "model/gguf/checkpoint.h"

namespace peira::model {

struct CheckpointFiles::Mapped {
  std::mutex mutex;
  std::map<std::string, MappedFile, std::less<>> files;
};

namespace {

// A checkpoint's files name each other (shards in an index): such a name must not leave the folder.
bool is_plain_name(std::string_view file) {
  return !file.empty() && file != "." && file != ".." &&
         file.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    out += (i > 0 ? ", " : "") + names[i];
  }
  if (names.size() > kMost) out += " and " + std::to_string(names.size() - kMost) + " more";
  return out.empty() ? "nothing" : out;
}

}  // namespace

CheckpointFiles CheckpointFiles::folder(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorCode::kUsage,
                path.string() +
                    ": not a folder\n  try: the folder of a Hugging Face checkpoint, "
                    "with config.json and *.safetensors in it");
  }
  CheckpointFiles files;
  files.path_ = path;
  files.name_ = path.lexically_normal().string();
  while (files.name_.size() > 1 && files.name_.back() == '/') files.name_.pop_back();
  files.mapped_ = std::make_shared<Mapped>();
  if (!files.has("config.json")) {
    throw Error(ErrorCode::kData, files.name_ + ": no config.json in this folder; it has " +
                                      joined(files.list()) +
                                      "\n  try: the folder of a Hugging Face checkpoint");
  }
  return files;
}

CheckpointFiles CheckpointFiles::gguf_file(const std::filesystem::path& path) {
  CheckpointFiles files;
  files.name_ = path.lexically_normal().string();
  files.gguf_ = GgufCheckpoint::open(path);
  return files;
}

CheckpointFiles CheckpointFiles::at(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.extension() == ".gguf" && !std::filesystem::is_directory(path, ignored)) {
    return gguf_file(path);
  }
  if (!std::filesystem::is_directory(path, ignored) ||
      std::filesystem::exists(path / "config.json", ignored)) {
    return folder(path);
  }
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    // Of a set of parts the first stands for all.
    const bool is_later_part =
        name.find("-of-") != std::string::npos && name.find("-00001-of-") == std::string::npos;
    if (name.ends_with(".gguf") && !is_later_part) found.push_back(name);
  }
  if (found.empty()) return folder(path);
  std::sort(found.begin(), found.end());
  if (found.size() > 1) {
    throw Error(ErrorCode::kData, path.string() + ": several GGUF files: " + joined(found) +
                                      "\n  try: the path of one of them");
  }
  return gguf_file(path / found.front());
}

std::string CheckpointFiles::where(std::string_view file) const {
  if (gguf_ != nullptr) return name_ + " (as " + std::string(file) + ")";
  return name_ + "/" + std::string(file);
}

std::filesystem::path CheckpointFiles::path_of(std::string_view file) const {
  if (gguf_ != nullptr) {
    for (const std::filesystem::path& part : gguf_->paths()) {
      if (part.filename() == file) return part;
    }
    return {};
  }
  return mapped_ != nullptr && has(file) ? path_ / file : std::filesystem::path();
}

CheckpointFiles CheckpointFiles::embedded(std::string name, std::span<const EmbeddedFile> files) {
  CheckpointFiles out;
  out.name_ = std::move(name);
  out.embedded_ = files;
  return out;
}

std::vector<std::string> CheckpointFiles::list() const {
  std::vector<std::string> names;
  if (gguf_ != nullptr) {
    names = gguf_->derived_files();
    for (const std::filesystem::path& part : gguf_->paths())
      names.push_back(part.filename().string());
  } else if (mapped_ == nullptr) {
    for (const EmbeddedFile& file : embedded_) names.emplace_back(file.name);
  } else {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code ignored;
      if (!entry->is_directory(ignored)) names.push_back(entry->path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool CheckpointFiles::has(std::string_view file) const {
  if (!is_plain_name(file)) return false;
  if (gguf_ != nullptr) {
    const std::vector<std::string> names = list();
    return std::find(names.begin(), names.end(), file) != names.end();
  }
  if (mapped_ == nullptr) {
    return std::any_of(embedded_.begin(), embedded_.end(),
                       [&](const EmbeddedFile& candidate) { return candidate.name == file; });
  }
  std::error_code ignored;
  const std::filesystem::path path = path_ / file;
  return std::filesystem::exists(path, ignored) && !std::filesystem::is_directory(path, ignored);
}

std::optional<std::span<const std::byte>> CheckpointFiles::open(std::string_view file) const {
  if (gguf_ != nullptr) {
    for (std::size_t i = 0; i < gguf_->paths().size(); ++i) {
      if (gguf_->paths()[i].filename() == file) return gguf_->bytes_of_part(i);
    }
    const auto text = gguf_->derived(file);
    if (!text) return std::nullopt;
    return std::as_bytes(std::span(text->data(), text->size()));
  }
  if (mapped_ == nullptr) {
    for (const EmbeddedFile& candidate : embedded_) {
      if (candidate.name == file) return candidate.bytes;
    }
    return std::nullopt;
  }
  if (!has(file)) return std::nullopt;
  const std::lock_guard lock(mapped_->mutex);
  auto found = mapped_->files.find(file);
  if (found == mapped_->files.end()) {
    found = mapped_->files.emplace(std::string(file), MappedFile(path_ / file)).first;
  }
  return found->second.bytes();
}

std::optional<std::string_view> CheckpointFiles::open_text(std::string_view file) const {
  const std::optional<std::span<const std::byte>> bytes = open(file);
  if (!bytes) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

}  // namespace peira::model
