#include "runner/exchange/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "runner/exchange/fields.h"

namespace peira::runner::exchange {
namespace {

struct CloseReader {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// libarchive reads and writes names in the thread's character set: UTF-8 for as long as this lives.
class Utf8Names {
 public:
  Utf8Names() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

std::string message_of(archive* handle) {
  const char* text = archive_error_string(handle);
  return text == nullptr ? "unknown failure" : one_line(text);
}

}  // namespace

void read_zip(const std::filesystem::path& path,
              const std::function<bool(std::string_view)>& wanted,
              const std::function<void(const std::string& name, std::string_view content)>& take,
              const ZipLimits& limits) {
  std::error_code no_size;
  const std::uintmax_t file_bytes = std::filesystem::file_size(path, no_size);
  if (no_size) throw system_error(path.string(), no_size.value());
  const std::uint64_t most_bytes = file_bytes > (UINT64_MAX - limits.spare_bytes) / limits.ratio
                                       ? UINT64_MAX
                                       : file_bytes * limits.ratio + limits.spare_bytes;

  const Utf8Names names;
  const std::unique_ptr<archive, CloseReader> handle(archive_read_new());
  archive_read_support_format_zip(handle.get());
  if (archive_read_open_filename(handle.get(), path.c_str(), 1U << 16U) != ARCHIVE_OK) {
    throw Error(ErrorCode::kData, path.string() + ": not a zip file: " + message_of(handle.get()));
  }
  const auto refuse = [&](const std::string& name, const std::string& reason) {
    throw Error(ErrorCode::kData, path.string() + ": " + one_line(name) + ": " + reason);
  };
  std::uint64_t num_entries = 0, total_bytes = 0;
  std::string content;
  while (true) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(handle.get(), &entry);
    if (result == ARCHIVE_EOF) break;
    if (result < ARCHIVE_WARN) {
      throw Error(ErrorCode::kData,
                  path.string() + ": not a readable zip file: " + message_of(handle.get()));
    }
    if (++num_entries > limits.num_entries) {
      refuse("entry " + std::to_string(num_entries), "more entries than are read");
    }
    const char* text = archive_entry_pathname_utf8(entry);
    if (text == nullptr) text = archive_entry_pathname(entry);
    const std::string name = text == nullptr ? "(no name)" : text;
    if (!wanted(name)) continue;
    content.clear();
    while (true) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int read = archive_read_data_block(handle.get(), &block, &size, &offset);
      if (read == ARCHIVE_EOF) break;
      if (read < ARCHIVE_WARN) refuse(name, "cannot be unpacked: " + message_of(handle.get()));
      total_bytes += size;
      if (content.size() + size > limits.entry_bytes) {
        refuse(name, "unpacks to more than " + std::to_string(limits.entry_bytes >> 20U) + " MiB");
      }
      if (total_bytes > most_bytes) {
        refuse(name,
               "the file unpacks to more than " + std::to_string(limits.ratio) + " times its size");
      }
      content.append(static_cast<const char*>(block), size);
    }
    take(name, content);
  }
}

struct ZipWriter::Handle {
  archive* writer = archive_write_new();
  std::unique_ptr<archive_entry, FreeEntry> entry{archive_entry_new()};
  ~Handle() { archive_write_free(writer); }
};

ZipWriter::ZipWriter(std::filesystem::path path)
    : path_(std::move(path)),
      part_(path_.string() + ".part-" + std::to_string(getpid())),
      handle_(std::make_unique<Handle>()) {
  archive_write_set_format_zip(handle_->writer);
  check(archive_write_set_format_option(handle_->writer, "zip", "compression", "deflate"));
  check(archive_write_set_format_option(handle_->writer, "zip", "hdrcharset", "UTF-8"));
  check(archive_write_open_filename(handle_->writer, part_.c_str()));
}

ZipWriter::~ZipWriter() {
  if (committed_) return;
  handle_.reset();
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
}

void ZipWriter::check(int result) {
  if (result >= ARCHIVE_WARN) return;
  throw Error(ErrorCode::kUnavailable,
              path_.string() + ": cannot be written: " + message_of(handle_->writer));
}

void ZipWriter::header(const std::string& name, std::int64_t size) {
  const Utf8Names names;
  archive_entry* entry = handle_->entry.get();
  archive_entry_clear(entry);
  archive_entry_set_pathname_utf8(entry, name.c_str());
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_entry_set_mtime(entry, 0, 0);
  if (size >= 0) archive_entry_set_size(entry, size);
  check(archive_write_header(handle_->writer, entry));
}

void ZipWriter::add(const std::string& name, std::string_view content) {
  header(name, static_cast<std::int64_t>(content.size()));
  write(content);
}

void ZipWriter::begin(const std::string& name) { header(name, -1); }

void ZipWriter::write(std::string_view piece) {
  const la_ssize_t written = archive_write_data(handle_->writer, piece.data(), piece.size());
  if (written < 0 || static_cast<std::size_t>(written) != piece.size()) check(ARCHIVE_FATAL);
}

void ZipWriter::commit() {
  check(archive_write_close(handle_->writer));
  std::error_code error;
  std::filesystem::rename(part_, path_, error);
  if (error) throw system_error(path_.string(), error.value());
  committed_ = true;
}

}  // namespace peira::runner::exchange
