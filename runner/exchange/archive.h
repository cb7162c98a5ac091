// Zip files through libarchive: read in order with limits, written in order, never unpacked to
// disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace peira::runner::exchange {

// What an archive from elsewhere may take.
struct ZipLimits {
  std::uint64_t entry_bytes = std::uint64_t{256} << 20U;  // one entry, unpacked
  std::uint64_t num_entries = 16'000'000;
  // All entries read, unpacked: at most this many times the file's size and `spare_bytes`.
  std::uint64_t ratio = 2000;
  std::uint64_t spare_bytes = std::uint64_t{64} << 20U;
};

// Visits the entries of `path` in the order they lie in it. `wanted` says by name whether `take`
// gets the content. Stored, deflated and Zstandard (method 93) entries are read.
// throws  Error(kData) "path: entry: ...": no zip file, damaged, beyond `limits`;
//         Error(kUnavailable): cannot be opened.
void read_zip(const std::filesystem::path& path,
              const std::function<bool(std::string_view)>& wanted,
              const std::function<void(const std::string& name, std::string_view content)>& take,
              const ZipLimits& limits = {});

// A zip file with deflated entries, in place when commit() returns. Memory grows by some 100 bytes
// an entry (the directory at the end). threads: one at a time.
class ZipWriter {
 public:
  // throws Error(kUnavailable).
  explicit ZipWriter(std::filesystem::path path);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  void add(const std::string& name, std::string_view content);
  // An entry of unknown size: begin, pieces, end.
  void begin(const std::string& name);
  void write(std::string_view piece);
  void commit();

 private:
  void header(const std::string& name, std::int64_t size);
  void check(int result);

  std::filesystem::path path_, part_;
  struct Handle;
  std::unique_ptr<Handle> handle_;
  bool committed_ = false;
};

}  // namespace peira::runner::exchange
