// Who is writing a run: a byte of the lock file, held by the process that writes.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "runner/store.h"

namespace peira::runner {
namespace {

int set_lock(int file, int command, std::int64_t run_key, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = run_key;
  range.l_len = 1;
  const int result = fcntl(file, command, &range);
  if (result != 0) return -1;
  return command == F_OFD_GETLK ? static_cast<int>(range.l_type != F_UNLCK) : 0;
}

}  // namespace

RunLock::~RunLock() {
  if (file_ >= 0) close(file_);
}
RunLock::RunLock(RunLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

bool Store::is_running(std::int64_t run_key) const {
  const int file = open((path_.string() + "-lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const int locked = set_lock(file, F_OFD_GETLK, run_key, F_WRLCK);
  close(file);
  return locked == 1;
}

RunLock Store::lock_run(std::int64_t run_key, const std::string& id) {
  const std::string lock_path = path_.string() + "-lock";
  RunLock lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock) throw system_error(lock_path, errno);
  if (set_lock(lock.file_, F_OFD_SETLK, run_key, F_WRLCK) == 0) return lock;
  if (errno != EAGAIN && errno != EACCES) throw system_error(lock_path + ": cannot lock", errno);
  Statement statement = database_->prepare("SELECT owner FROM runs WHERE key = ?");
  statement.bind(1, run_key);
  const std::string owner = statement.step() ? statement.text(0) : "";
  throw Error(ErrorCode::kUnavailable,
              "run " + id + " is being written by " + (owner.empty() ? "another process" : owner) +
                  "\n  try: wait for it to end, or --new for a second run beside it");
}

}  // namespace peira::runner
