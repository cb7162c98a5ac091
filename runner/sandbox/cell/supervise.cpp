#include "runner/sandbox/cell/supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runner/sandbox/cell/isolate.h"

namespace peira::cell {
namespace {

std::int64_t now_us() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000LL + time.tv_nsec / 1000;
}

// The text of a small file below /proc. Empty if it cannot be read, as when the process is gone.
template <std::size_t Size>
const char* read_small(const char* path, char (&buffer)[Size]) {
  buffer[0] = '\0';
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return buffer;
  const ssize_t got = ::read(file, buffer, Size - 1);
  ::close(file);
  buffer[got > 0 ? got : 0] = '\0';
  return buffer;
}

struct Usage {
  std::int64_t cpu_us = 0;        // of living processes and the children they waited for
  std::int64_t memory_bytes = 0;  // sum of resident sizes: shared pages once for each
  std::int64_t num_tasks = 0;
};

// Calls visit(pid) for every process of this pid namespace but this one.
template <typename Visit>
void each_process(const Visit& visit) {
  DIR* const folder = ::opendir("/proc");
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) {
    const long pid = std::strtol(entry->d_name, nullptr, 10);
    if (pid > 1) visit(static_cast<int>(pid));
  }
  ::closedir(folder);
}

Usage measure() {
  static const long kTicks = ::sysconf(_SC_CLK_TCK);
  static const long kPage = ::sysconf(_SC_PAGESIZE);
  Usage usage;
  each_process([&usage](int pid) {
    char path[64];
    char text[1024];
    std::snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    // The second field is a name in parentheses that may hold anything; fields are counted after
    // it.
    const char* fields = std::strrchr(read_small(path, text), ')');
    if (fields == nullptr) return;
    long long user = 0, system = 0, children_user = 0, children_system = 0, threads = 0, pages = 0;
    if (std::sscanf(fields + 1,
                    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld %*d %*d %lld "
                    "%*d %*u %*u %lld",
                    &user, &system, &children_user, &children_system, &threads, &pages) != 6) {
      return;
    }
    usage.cpu_us += (user + system + children_user + children_system) * 1'000'000LL / kTicks;
    usage.memory_bytes += pages * kPage;
    usage.num_tasks += std::max(threads, 1LL);
  });
  return usage;
}

// The tree's resident memory, each shared page counted once in all: slow, so asked only when the
// sum of resident sizes is beyond the limit.
std::int64_t proportional_memory_bytes() {
  std::int64_t total = 0;
  each_process([&total](int pid) {
    char path[64];
    char text[2048];
    std::snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    const char* line = std::strstr(read_small(path, text), "\nPss:");
    long long kib = 0;
    if (line != nullptr && std::sscanf(line, " Pss: %lld", &kib) == 1) {
      total += kib * 1024;
      return;
    }
    // Not readable: what it holds resident counts in full.
    std::snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    long long pages = 0;
    if (std::sscanf(read_small(path, text), "%*u %lld", &pages) == 1) {
      total += pages * ::sysconf(_SC_PAGESIZE);
    }
  });
  return total;
}

bool is_full(int folder) {
  struct statfs status {};
  return ::fstatfs(folder, &status) == 0 && (status.f_bavail == 0 || status.f_ffree == 0);
}

// Whether a file below `folder` has reached `size` bytes. Does not follow links; depth is limited
// by the descriptors it holds open.
bool has_file_of(int folder, std::int64_t size, int depth = 0) {
  DIR* const listing = ::fdopendir(folder);
  if (listing == nullptr) {
    ::close(folder);
    return false;
  }
  bool found = false;
  while (const dirent* entry = ::readdir(listing)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    struct stat status {};
    if (::fstatat(::dirfd(listing), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(status.st_mode) && status.st_size >= size) found = true;
    if (S_ISDIR(status.st_mode) && depth < 32 && !found) {
      const int inner = ::openat(::dirfd(listing), entry->d_name,
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner >= 0) found = has_file_of(inner, size, depth + 1);
    }
    if (found) break;
  }
  ::closedir(listing);
  return found;
}

bool file_limit_reached(std::int64_t size) {
  for (const char* path : {"/work", "/tmp", "/dev/shm"}) {
    const int folder = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 && has_file_of(folder, size)) return true;
  }
  return false;
}

// Watches one program.
class Supervisor {
 public:
  Supervisor(int control, const Request& request, int folder, int listener, pid_t program)
      : control_(control),
        head_(*request.head),
        folder_(folder),
        listener_(listener),
        program_(program),
        started_us_(now_us()) {}

  // Until the program is over or over a limit; then kills what is left.
  [[noreturn]] void run() {
    process_ = static_cast<int>(::syscall(SYS_pidfd_open, program_, 0));
    while (!ended_ && report_.ended == Ended::kByItself) wait_and_look();
    report_.wall_us = now_us() - started_us_;
    kill_all();
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    report_.cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000LL +
                     used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    report_.peak_memory_bytes =
        std::max<std::int64_t>(report_.peak_memory_bytes, used.ru_maxrss * 1024LL);
    judge_end();
    report_.kind = ReportKind::kEnded;
    send(control_, report_);
    ::_exit(0);
  }

 private:
  // Often at first, as most bombs are lit at once, then less: a look costs about 100 us of a core
  // that other programs could use (measured on two busy cores).
  std::int64_t interval_us(std::int64_t elapsed_us) const {
    return elapsed_us < 20'000      ? 2'000
           : elapsed_us < 100'000   ? 5'000
           : elapsed_us < 1'000'000 ? 10'000
                                    : 20'000;
  }

  void wait_and_look() {
    const std::int64_t elapsed = now_us() - started_us_;
    if (elapsed >= head_.wall_us) {
      report_.ended = Ended::kWallTime;
      return;
    }
    const std::int64_t next = std::min(looked_us_ + interval_us(elapsed), head_.wall_us) - elapsed;
    pollfd events[3] = {{process_, POLLIN, 0}, {control_, POLLIN, 0}, {listener_, POLLIN, 0}};
    const timespec timeout{0, std::max<std::int64_t>(next, 0) * 1000};
    if (::ppoll(events, 3, &timeout, nullptr) > 0) {
      if ((events[2].revents & POLLIN) != 0) answer_refused();
      if (events[1].revents != 0) hear_host();
    }
    reap(WNOHANG);
    const std::int64_t now = now_us() - started_us_;
    if (!ended_ && now >= looked_us_ + interval_us(now)) {
      looked_us_ = now;
      look();
    }
  }

  void hear_host() {
    char byte = 0;
    const ssize_t got = ::recv(control_, &byte, 1, MSG_DONTWAIT);
    if (got == 1 && byte == kKillOutput) report_.ended = Ended::kOutput;
    // The host is gone: nobody waits for this program, and with this process all of it ends.
    if (got == 0) ::_exit(0);
  }

  // A call that the filter does not allow waits here: it fails with EPERM, and the first is
  // remembered; one newer than the filter fails as it would on an older kernel. Shared memory
  // passes while all of it ever made is within the limit: it may outlast being resident, where a
  // look would find it.
  void answer_refused() {
    seccomp_notif call{};
    if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
    seccomp_notif_resp answer{};
    answer.id = call.id;
    if (call.data.nr == SYS_mmap) {
      const std::uint64_t size = call.data.args[1];
      const auto limit = static_cast<std::uint64_t>(head_.memory_bytes);
      if (size > limit - shared_bytes_) {
        report_.ended = Ended::kMemory;
        return;
      }
      shared_bytes_ += size;
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
      return;
    }
    const bool is_unknown = call.data.nr > head_.last_known_syscall;
    if (!is_unknown && report_.refused_syscall < 0) {
      report_.refused_syscall = call.data.nr;
      report_.refused_argument = call.data.args[0];
    }
    answer.error = is_unknown ? -ENOSYS : -EPERM;
    ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }

  void look() {
    const Usage usage = measure();
    rusage reaped{};
    ::getrusage(RUSAGE_CHILDREN, &reaped);
    const std::int64_t cpu_us = usage.cpu_us +
                                (reaped.ru_utime.tv_sec + reaped.ru_stime.tv_sec) * 1'000'000LL +
                                reaped.ru_utime.tv_usec + reaped.ru_stime.tv_usec;
    report_.num_tasks = std::max(report_.num_tasks, usage.num_tasks);
    // A bomb of processes soon fills memory too: it is named for what it is, and before the slower
    // look at memory.
    if (usage.num_tasks > head_.num_processes) {
      report_.ended = Ended::kProcesses;
      return;
    }
    std::int64_t memory_bytes = usage.memory_bytes;
    if (memory_bytes > head_.memory_bytes) memory_bytes = proportional_memory_bytes();
    report_.peak_memory_bytes = std::max(report_.peak_memory_bytes, memory_bytes);
    if (memory_bytes > head_.memory_bytes) {
      report_.ended = Ended::kMemory;
    } else if (cpu_us > head_.cpu_us) {
      report_.ended = Ended::kCpuTime;
    } else if (is_full(folder_)) {
      report_.ended = Ended::kDisk;
    }
  }

  void reap(int options) {
    for (;;) {
      int status = 0;
      const pid_t dead = ::waitpid(-1, &status, options);
      if (dead < 0 && errno == EINTR) continue;
      if (dead <= 0) return;
      if (dead == program_) {
        ended_ = true;
        report_.wait_status = status;
      }
    }
  }

  // Everything in this namespace but this process. What forks meanwhile inherits the signal or is
  // met by the next round.
  void kill_all() {
    while (::kill(-1, SIGKILL) == 0) reap_some();
  }

  void reap_some() {
    int status = 0;
    const pid_t dead = ::waitpid(-1, &status, 0);
    if (dead == program_ && !ended_) {
      ended_ = true;
      report_.wait_status = status;
    }
    reap(WNOHANG);
  }

  // A program that ended by itself may still have ended because of a limit.
  void judge_end() {
    if (report_.ended != Ended::kByItself) return;
    const int status = report_.wait_status;
    if (report_.cpu_us > head_.cpu_us || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
      report_.ended = Ended::kCpuTime;
    } else if (status != 0 && ((WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) ||
                               is_full(folder_) || file_limit_reached(head_.file_size_bytes))) {
      report_.ended = Ended::kDisk;
    }
  }

  int control_;
  const RequestHead& head_;
  int folder_;
  int listener_;
  pid_t program_;
  int process_ = -1;
  std::int64_t started_us_;
  std::int64_t looked_us_ = 0;
  std::uint64_t shared_bytes_ = 0;  // anonymous shared memory made so far; at most memory_bytes
  bool ended_ = false;
  Report report_;
};

}  // namespace

Program supervise(int control, const Request& request, const ProgramDescriptors& descriptors) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const int folder = mount_private(control, request);
  write_files(control, request);
  // The program must not read this process through /proc.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const int listener = install_filter(control, request);
  int start_pipe[2];
  if (::pipe2(start_pipe, O_CLOEXEC) != 0) fail(control, "pipe", errno);
  const pid_t program = ::fork();
  if (program < 0) fail(control, "fork", errno);
  if (program == 0) return become_program(request, descriptors, start_pipe[1]);

  descriptors.close();
  ::close(start_pipe[1]);
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(start_pipe[0], &error, sizeof(error))) < 0 && errno == EINTR) {
  }
  ::close(start_pipe[0]);
  if (got == sizeof(error)) {
    ::kill(-1, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    Report report;
    report.kind = ReportKind::kNotStarted;
    report.error = error;
    send(control, report);
    ::_exit(0);
  }
  Supervisor(control, request, folder, listener, program).run();
}

}  // namespace peira::cell
