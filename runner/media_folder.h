// The pictures, sounds and films that runs showed, beside their store: each once, by its digest, so
// that reports and the viewer can show what a model saw.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/message.h"

namespace peira::runner {

// "STORE.media/ab/cdef...": a file each, named by the SHA-256 of its bytes.
//
// threads: one at a time; several processes may hold the same folder.
class MediaFolder {
 public:
  static constexpr std::int64_t kDefaultLimit = std::int64_t{1} << 30U;
  static constexpr std::int64_t kMostBytesEach = std::int64_t{64} << 20U;

  // most_bytes  of all files together; what would go beyond is not kept. Nothing is made before
  //             something is kept.
  explicit MediaFolder(const std::filesystem::path& store, std::int64_t most_bytes = kDefaultLimit);

  // Keeps the media in `messages` that are not there yet. What cannot be read or written, or is too
  // much, is counted in num_left_out(), never an error: a run does not fail for want of a picture.
  void keep(const std::vector<Message>& messages);
  std::int64_t num_left_out() const { return left_out_; }
  const std::filesystem::path& path() const { return folder_; }
  // Where the file of `sha256` (64 hex digits) lies, or would.
  std::filesystem::path file_of(const std::string& sha256) const;

  // The bytes of `sha256` (64 hex digits); empty where they are not kept, or are others by now.
  std::optional<std::string> read(const std::string& sha256) const;

 private:
  void keep(const Part& part);

  std::filesystem::path folder_;
  std::int64_t most_bytes_;
  std::optional<std::int64_t> bytes_;  // in all, once counted
  std::int64_t left_out_ = 0;
  std::set<std::string> seen_;  // keys of parts that were looked at
};

}  // namespace peira::runner
