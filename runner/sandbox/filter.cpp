#include "runner/sandbox/filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace peira::runner {
namespace {

// Refused and recorded: no program that solves a task needs one, and each is a way out or a way to
// hold memory that no limit counts.
constexpr std::array kRefused{
    // Other processes' memory and descriptors.
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    // Mounts, roots, namespaces.
    "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "move_mount", "open_tree", "mount_setattr", "setns", "unshare", "open_by_handle_at",
    "name_to_handle_at",
    // Kernel interfaces with a history.
    "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "fanotify_init",
    "fanotify_mark", "lookup_dcookie", "modify_ldt", "vmsplice",
    // The machine itself.
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
    "create_module", "reboot", "swapon", "swapoff", "syslog", "acct", "quotactl", "quotactl_fd",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl", "ioperm", "vhangup",
    "sethostname", "setdomainname", "nfsservctl", "uselib", "sysfs", "_sysctl", "move_pages",
    "migrate_pages",
    // System V objects outlive processes and their memory is counted nowhere.
    "shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd",
    "msgrcv", "msgctl"};

// Answered "no such call" (ENOSYS), quietly: run-time libraries try them and have another way.
constexpr std::array kAbsent{
    "clone3",  // its flags lie in memory, where no filter sees them; glibc falls back to clone
    "io_uring_setup", "io_uring_enter", "io_uring_register",
    "memfd_create",   "memfd_secret"};  // files whose memory is counted nowhere

// Looked at more closely below.
constexpr std::array kConditional{"clone", "mmap", "socket", "socketpair", "personality"};

// Above every number that a libseccomp of today knows.
constexpr int kMostSystemCalls = 1024;
constexpr std::string_view kNameless = "call ";

template <std::size_t Size>
bool is_among(std::string_view name, const std::array<const char*, Size>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

void check(int result, const char* what) {
  if (result < 0) throw system_error(std::string("sandbox: libseccomp: ") + what, -result);
}

void add(const Filter& filter, std::uint32_t action, const char* name,
         std::initializer_list<scmp_arg_cmp> conditions = {}) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number < 0) return;  // not a call of this machine's
  check(seccomp_rule_add_array(filter.get(), action, number,
                               static_cast<unsigned>(conditions.size()), conditions.begin()),
        name);
}

constexpr scmp_arg_cmp argument(unsigned index, scmp_compare compare, std::uint64_t a,
                                std::uint64_t b = 0) {
  return {index, compare, a, b};
}

// The low half of an argument equals `value`: what the kernel takes of an int.
constexpr scmp_arg_cmp int_equals(unsigned index, std::uint64_t value) {
  return argument(index, SCMP_CMP_MASKED_EQ, 0xffffffffU, value);
}

void add_conditional(const Filter& filter, bool allow_loopback) {
  // Threads and children, but no new namespaces. (NEWTIME shares a bit with the exit signal and is
  // taken from clone3 and unshare only.)
  constexpr std::uint64_t kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                        CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  add(filter, SCMP_ACT_ALLOW, "clone", {argument(0, SCMP_CMP_MASKED_EQ, kNamespaces, 0)});
  // Shared memory without a file stays when it is no longer mapped or seen as resident: the
  // supervisor counts it as it is made. All other kinds of mapping are free.
  for (const std::uint64_t kind : {0, MAP_SHARED, MAP_ANONYMOUS}) {
    add(filter, SCMP_ACT_ALLOW, "mmap",
        {argument(3, SCMP_CMP_MASKED_EQ, MAP_SHARED | MAP_ANONYMOUS, kind)});
  }
  for (const char* name : {"socket", "socketpair"}) {
    add(filter, SCMP_ACT_ALLOW, name, {int_equals(0, AF_UNIX)});
    if (allow_loopback) {
      // Streams and datagrams; raw sockets are for those who forge packets.
      for (const int family : {AF_INET, AF_INET6}) {
        for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
          add(filter, SCMP_ACT_ALLOW, name,
              {int_equals(0, static_cast<std::uint64_t>(family)),
               argument(1, SCMP_CMP_MASKED_EQ, 0xf, static_cast<std::uint64_t>(type))});
        }
      }
    }
  }
  // Which personality one has may be asked; changing it moves the address space's layout.
  add(filter, SCMP_ACT_ALLOW, "personality", {int_equals(0, 0xffffffffU)});
  add(filter, SCMP_ACT_ALLOW, "personality", {int_equals(0, PER_LINUX)});
}

}  // namespace

std::string sandbox_filter(bool allow_loopback) {
  const auto make = [](std::uint32_t otherwise) {
    Filter filter(seccomp_init(otherwise));
    if (!filter) throw Error(ErrorCode::kUnavailable, "sandbox: libseccomp: out of memory");
    // A call by another architecture's numbers (32 bit, x32) means another call than it says.
    check(seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
          "bad architecture");
    check(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
    return filter;
  };
  // What no rule allows goes to the supervisor.
  const Filter filter = make(SCMP_ACT_NOTIFY);
  for (int number = 0; number < kMostSystemCalls; ++number) {
    const std::unique_ptr<char, decltype(&std::free)> owned(
        seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), &std::free);
    if (!owned) continue;
    const char* const name = owned.get();
    if (is_among(name, kRefused) || is_among(name, kConditional)) continue;
    add(filter, is_among(name, kAbsent) ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW, name);
  }
  add_conditional(filter, allow_loopback);
  const int file = ::memfd_create("filter", MFD_CLOEXEC);
  if (file < 0) throw system_error("sandbox: memfd_create", errno);
  const int result = seccomp_export_bpf(filter.get(), file);
  std::string program(static_cast<std::size_t>(std::max<off_t>(::lseek(file, 0, SEEK_END), 0)),
                      '\0');
  const ssize_t got = ::pread(file, program.data(), program.size(), 0);
  ::close(file);
  check(result, "export");
  if (got != static_cast<ssize_t>(program.size()) || program.empty()) {
    throw Error(ErrorCode::kUnavailable, "sandbox: libseccomp: the filter could not be read back");
  }
  return program;
}

int last_known_system_call() {
  static const int last = [] {
    int number = kMostSystemCalls - 1;
    while (number > 0 && system_call_name(number).starts_with(kNameless)) --number;
    return number;
  }();
  return last;
}

std::string system_call_name(int number) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), &std::free);
  return name ? name.get() : std::string(kNameless) + std::to_string(number);
}

}  // namespace peira::runner
