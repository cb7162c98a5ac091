// A file that is written piece by piece and appears whole or not at all.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

namespace peira::runner::exchange {

// Writes beside `path` and renames into place on commit(). Without it nothing is left behind.
// Move-only.
class OutputFile {
 public:
  // throws Error(kUnavailable): the folder is missing, no permission.
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // throws Error(kUnavailable): the disk is full.
  void write(std::string_view bytes);
  void commit();
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_, part_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace peira::runner::exchange
