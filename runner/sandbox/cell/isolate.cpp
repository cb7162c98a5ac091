#include "runner/sandbox/cell/isolate.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace peira::cell {
namespace {

bool write_text(const char* path, const char* text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto size = static_cast<ssize_t>(std::strlen(text));
  const bool written = ::write(file, text, static_cast<std::size_t>(size)) == size;
  ::close(file);
  return written;
}

// Makes the folders that lead to `path`, which it changes while it walks and restores.
bool make_folders(char* path) {
  for (char* at = path; *at != '\0'; ++at) {
    if (*at != '/') continue;
    *at = '\0';
    const bool made = ::mkdir(path, 0755) == 0 || errno == EEXIST;
    *at = '/';
    if (!made) return false;
  }
  return true;
}

void limit(int resource, std::uint64_t soft, std::uint64_t hard) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &now);
  // A limit that the caller already has stays if it is lower.
  const rlimit wanted{std::min<rlim_t>(soft, now.rlim_max), std::min<rlim_t>(hard, now.rlim_max)};
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted);
}

void drop_capabilities() {
  for (int capability = 0; capability <= 63; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  ::syscall(SYS_capset, &head, none);
}

}  // namespace

void enter_namespaces(int control) {
  const unsigned uid = ::getuid();
  const unsigned gid = ::getgid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) != 0) {
    fail(control, "unshare", errno);
  }
  char text[64];
  if (!write_text("/proc/self/setgroups", "deny")) fail(control, "setgroups", errno);
  std::snprintf(text, sizeof(text), "%u %u 1", uid, uid);
  if (!write_text("/proc/self/uid_map", text)) fail(control, "uid_map", errno);
  std::snprintf(text, sizeof(text), "%u %u 1", gid, gid);
  if (!write_text("/proc/self/gid_map", text)) fail(control, "gid_map", errno);
}

int mount_private(int control, const Request& request) {
  constexpr unsigned long kSafe = MS_NOSUID | MS_NODEV;
  if (::mount("proc", "/proc", "proc", kSafe | MS_NOEXEC, nullptr) != 0) {
    fail(control, "mount /proc", errno);
  }
  // Inodes are kernel memory that no size counts: enough for a build tree, not for a flood.
  const auto bytes = static_cast<unsigned long long>(request.head->folder_bytes);
  const auto inodes = std::clamp<unsigned long long>(bytes / 4096, 1024, 65536);
  char options[96];
  std::snprintf(options, sizeof(options), "size=%llu,nr_inodes=%llu,mode=0755", bytes, inodes);
  if (::mount("tmpfs", "/tmp", "tmpfs", kSafe, options) != 0) fail(control, "mount tmpfs", errno);
  ::umask(0);
  const bool made = ::mkdir("/tmp/work", 0755) == 0 && ::mkdir("/tmp/tmp", 01777) == 0 &&
                    ::mkdir("/tmp/shm", 01777) == 0;
  ::umask(022);
  if (!made) fail(control, "folders", errno);
  if (::mount("/tmp/work", "/work", nullptr, MS_BIND, nullptr) != 0 ||
      ::mount("/tmp/shm", "/dev/shm", nullptr, MS_BIND, nullptr) != 0 ||
      ::mount("/tmp/tmp", "/tmp", nullptr, MS_BIND, nullptr) != 0) {
    fail(control, "bind", errno);
  }
  const int folder = ::open("/work", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::chdir("/work") != 0) fail(control, "/work", errno);
  return folder;
}

Reader after_environment(const Request& request) {
  Reader reader(request);
  const auto num_strings = request.head->num_arguments + request.head->num_environment;
  for (std::uint64_t i = 0; i < num_strings; ++i) reader.next();
  return reader;
}

void write_files(int control, Request request) {
  Reader reader = after_environment(request);
  reader.next();  // the filter
  for (std::uint64_t i = 0; i < request.head->num_files; ++i) {
    const auto path = reader.next();
    const bool executable = reader.next().data[0] == 'x';
    const auto bytes = reader.next();
    char name[4096];
    if (path.size >= sizeof(name)) fail(control, "file name", ENAMETOOLONG);
    std::memcpy(name, path.data, path.size);
    name[path.size] = '\0';
    char step[64];
    std::snprintf(step, sizeof(step), "file %.50s", name);
    if (!make_folders(name)) fail(control, step, errno);
    const int file =
        ::open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, executable ? 0755 : 0644);
    if (file < 0) fail(control, step, errno);
    for (std::size_t done = 0; done < bytes.size;) {
      const ssize_t written = ::write(file, bytes.data + done, bytes.size - done);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail(control, "files larger than folder_bytes", errno);
      done += static_cast<std::size_t>(written);
    }
    ::close(file);
  }
}

int install_filter(int control, const Request& request) {
  const auto code = after_environment(request).next();
  const sock_fprog program{static_cast<unsigned short>(code.size / sizeof(sock_filter)),
                           reinterpret_cast<sock_filter*>(const_cast<char*>(code.data))};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(control, "no_new_privs", errno);
  const long listener =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) fail(control, "seccomp", errno);
  ::fcntl(static_cast<int>(listener), F_SETFD, FD_CLOEXEC);
  return static_cast<int>(listener);
}

Program become_program(const Request& request, const ProgramDescriptors& descriptors,
                       int start_pipe) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
  // All of these lie above 3, so none is overwritten before it is copied.
  ::dup2(descriptors.in, 0);
  ::dup2(descriptors.out, 1);
  ::dup2(descriptors.err, 2);
  const int first_unused = descriptors.result >= 0 ? 4 : 3;
  if (descriptors.result >= 0) ::dup2(descriptors.result, 3);
  const int pipe = ::dup3(start_pipe, first_unused, O_CLOEXEC);
  ::syscall(SYS_close_range, static_cast<unsigned>(pipe) + 1, ~0U, 0U);

  // Backstops behind the supervisor, which watches the whole tree and knows the cause.
  const RequestHead& head = *request.head;
  const auto cpu_s = static_cast<std::uint64_t>(head.cpu_us / 1'000'000) + 2;
  limit(RLIMIT_CPU, cpu_s, cpu_s + 1);
  limit(RLIMIT_NPROC, static_cast<std::uint64_t>(head.num_processes) * 4 + 64,
        static_cast<std::uint64_t>(head.num_processes) * 4 + 64);
  limit(RLIMIT_FSIZE, static_cast<std::uint64_t>(head.file_size_bytes),
        static_cast<std::uint64_t>(head.file_size_bytes));
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NOFILE, 1024, 4096);
  limit(RLIMIT_MEMLOCK, 65536, 65536);
  limit(RLIMIT_MSGQUEUE, 0, 0);
  limit(RLIMIT_STACK, std::uint64_t{8} << 20, RLIM_INFINITY);
  drop_capabilities();
  // The supervisor hides its memory; the program is an ordinary process again. And if the machine
  // runs out of memory, it goes first.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  write_text("/proc/self/oom_score_adj", "1000");

  Program program;
  program.start_pipe = pipe;
  Reader reader(request);
  const auto strings = [&reader](std::uint64_t count) {
    auto** const list = static_cast<char**>(std::calloc(count + 1, sizeof(char*)));
    for (std::uint64_t i = 0; list != nullptr && i < count; ++i) {
      const auto text = reader.next();
      list[i] = ::strndup(text.data, text.size);
    }
    return list;
  };
  program.arguments = strings(head.num_arguments);
  program.environment = strings(head.num_environment);
  if (program.arguments == nullptr || program.environment == nullptr) ::_exit(1);
  return program;
}

}  // namespace peira::cell
