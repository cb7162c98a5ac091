#include "runner/media_folder.h"

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace peira::runner {
namespace {

constexpr std::size_t kDigestChars = 64;
constexpr std::size_t kMostSeen = 100'000;

// Nothing but 64 hex digits becomes part of a path.
bool is_digest(const std::string& text) {
  return text.size() == kDigestChars &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::int64_t bytes_in(const std::filesystem::path& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) bytes += static_cast<std::int64_t>(entry->file_size(gone));
  }
  return bytes;
}

}  // namespace

MediaFolder::MediaFolder(const std::filesystem::path& store, std::int64_t most_bytes)
    : folder_(store.string() + ".media"), most_bytes_(most_bytes) {}

std::filesystem::path MediaFolder::file_of(const std::string& sha256) const {
  return folder_ / sha256.substr(0, 2) / sha256.substr(2);
}

void MediaFolder::keep(const std::vector<Message>& messages) {
  if (most_bytes_ <= 0) return;
  for (const Message& message : messages) {
    for (const Part& part : message.parts) {
      if (part.kind != PartKind::kText) keep(part);
    }
  }
}

void MediaFolder::keep(const Part& part) {
  try {
    const std::string bytes = part.path.empty() ? part.bytes : read_file(part.path);
    const auto size = static_cast<std::int64_t>(bytes.size());
    const std::string digest = sha256_hex(bytes);
    if (seen_.size() >= kMostSeen) seen_.clear();
    if (!seen_.insert(digest).second) return;
    const std::filesystem::path file = file_of(digest);
    if (std::filesystem::exists(file)) return;
    if (!bytes_) bytes_ = bytes_in(folder_);
    if (size > kMostBytesEach || *bytes_ + size > most_bytes_) {
      ++left_out_;
      return;
    }
    std::filesystem::create_directories(file.parent_path());
    write_file_atomic(file, bytes);
    *bytes_ += size;
  } catch (const Error&) {
    ++left_out_;
  } catch (const std::filesystem::filesystem_error&) {
    ++left_out_;
  }
}

std::optional<std::string> MediaFolder::read(const std::string& sha256) const {
  if (!is_digest(sha256)) return std::nullopt;
  const std::filesystem::path file = file_of(sha256);
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error || size > static_cast<std::uintmax_t>(kMostBytesEach)) return std::nullopt;
  try {
    std::string bytes = read_file(file);
    if (sha256_hex(bytes) != sha256) return std::nullopt;
    return bytes;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace peira::runner
