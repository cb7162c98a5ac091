#include "runner/exchange/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/error.h"

namespace peira::runner::exchange {

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)), part_(path_.string() + ".part-" + std::to_string(getpid())) {
  file_.reset(std::fopen(part_.c_str(), "wbe"));
  if (!file_) throw system_error(path_.string(), errno);
}

OutputFile::~OutputFile() {
  if (!file_) return;
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
}

void OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    throw system_error(path_.string(), errno);
  }
}

void OutputFile::commit() {
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0 ||
      std::rename(part_.c_str(), path_.c_str()) != 0) {
    throw system_error(path_.string(), errno);
  }
  file_.reset();
}

}  // namespace peira::runner::exchange
