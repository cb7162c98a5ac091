#include "runner/sandbox/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>

#include "base/embedded.h"
#include "base/error.h"

namespace peira {
std::span<const EmbeddedFile> embedded_sandbox_cell();
}

namespace peira::runner {
namespace {

namespace fs = std::filesystem;

// As root, cells run under this user, who owns nothing: root inside a user namespace would still be
// root to the kernel's accounting, which then limits no processes, and to the files it can see.
// From the range that systemd keeps for users that exist while a service runs.
constexpr uid_t kSpareUser = 64200;

// Descriptors that bubblewrap and the serving process get.
constexpr int kControl = 3;
constexpr int kServer = 4;     // the static program or the shared object
constexpr int kArguments = 5;  // bubblewrap's
constexpr int kPasswd = 6;
constexpr int kGroup = 7;
constexpr int kFirstUnused = 8;

std::span<const std::byte> embedded_file(std::string_view name) {
  for (const EmbeddedFile& file : embedded_sandbox_cell()) {
    if (file.name == name) return file.bytes;
  }
  throw Error(ErrorCode::kInternal, "sandbox: no embedded file " + std::string(name));
}

// A folder or file of the caller's.
struct Source {
  Descriptor folder;
  std::string path;
  std::string staged;  // where root's staging area shows it
  std::string at;
  bool is_folder = true;
};

constexpr const char* kStaging = "/tmp";

std::vector<Source> open_sources(const CellSpec& spec) {
  std::vector<Source> sources;
  for (const evals::HostFolder& wanted : spec.read_only) {
    Source source;
    source.path = wanted.path;
    source.folder = Descriptor(::open(wanted.path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (!source.folder.is_open() || ::fstat(source.folder.get(), &status) != 0) {
      throw Error(ErrorCode::kData, "sandbox: " + wanted.path + ": " + std::strerror(errno));
    }
    source.is_folder = S_ISDIR(status.st_mode);
    source.staged = std::string(kStaging) + "/" + std::to_string(sources.size());
    source.at = wanted.at.empty() ? wanted.path : wanted.at;
    sources.push_back(std::move(source));
  }
  return sources;
}

// The system as programs see it: /usr, what leads there, and the parts of /etc that programs need
// to find themselves and their libraries.
void add_system(std::vector<std::string>& arguments) {
  const auto add = [&arguments](std::initializer_list<std::string> words) {
    arguments.insert(arguments.end(), words);
  };
  add({"--ro-bind", "/usr", "/usr"});
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}) {
    const fs::path path = std::string("/") + name;
    std::error_code error;
    if (fs::is_symlink(path, error)) {
      add({"--symlink", fs::read_symlink(path, error).string(), path.string()});
    } else if (fs::is_directory(path, error)) {
      add({"--ro-bind", path.string(), path.string()});
    }
  }
  for (const char* name : {"alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"}) {
    const std::string path = std::string("/etc/") + name;
    add({"--ro-bind-try", path, path});
  }
  std::vector<std::string> java;  // a JDK's settings lie in /etc/java-17-openjdk
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/etc", error)) {
    if (entry.path().filename().string().starts_with("java-")) java.push_back(entry.path());
  }
  std::sort(java.begin(), java.end());
  for (const std::string& path : java) add({"--ro-bind-try", path, path});
}

std::vector<std::string> bubblewrap_arguments(const CellSpec& spec,
                                              const std::vector<Source>& sources, bool staged) {
  std::vector<std::string> arguments{
      "--unshare-user",       "--uid",      "1000",          "--gid",         "1000",
      "--unshare-pid",        "--as-pid-1", "--unshare-net", "--unshare-ipc", "--unshare-uts",
      "--unshare-cgroup-try", "--hostname", "sandbox"};
  const auto add = [&arguments](std::initializer_list<std::string> words) {
    arguments.insert(arguments.end(), words);
  };
  add_system(arguments);
  add({"--perms", "0444", "--file", std::to_string(kPasswd), "/etc/passwd"});
  add({"--perms", "0444", "--file", std::to_string(kGroup), "/etc/group"});
  add({"--proc", "/proc", "--tmpfs", "/dev"});
  // Without zero: mapped shared, it is memory that no limit counts.
  for (const char* device : {"null", "full", "random", "urandom"}) {
    const std::string path = std::string("/dev/") + device;
    add({"--dev-bind", path, path});
  }
  add({"--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/proc/self/fd/0", "/dev/stdin"});
  add({"--symlink", "/proc/self/fd/1", "/dev/stdout", "--symlink", "/proc/self/fd/2",
       "/dev/stderr"});
  // Each program mounts its own over these three; nothing in the cell itself can be written.
  add({"--dir", "/dev/shm", "--dir", "/tmp", "--dir", "/work"});
  for (std::size_t i = 0; i < sources.size(); ++i) {
    add({"--ro-bind", staged ? sources[i].staged : spec.read_only[i].path, sources[i].at});
  }
  add({"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"});
  return arguments;
}

std::vector<std::string> command(const CellSpec& spec) {
  if (spec.interpreter.empty()) {
    return {"/proc/self/fd/" + std::to_string(kServer), std::to_string(kControl)};
  }
  const auto script = embedded_file("warm_python.py");
  std::vector<std::string> words{
      spec.interpreter, "-c",
      std::string(reinterpret_cast<const char*>(script.data()), script.size()),
      std::to_string(kServer), std::to_string(kControl)};
  words.insert(words.end(), spec.preload.begin(), spec.preload.end());
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// Everything the new process needs, prepared before the fork: after it, other threads' locks may be
// held for ever, so only system calls are made.
struct Child {
  const char* bubblewrap;
  char** arguments;
  char** environment;
  std::span<const Source> sources;
  bool stage;
  bool drop_user;
  std::array<int, kFirstUnused> descriptors;  // what becomes descriptor i
  std::array<int, 2> joins;                   // cgroup.procs files; -1: none
};

[[noreturn]] void die(const char* what) {
  const int error = errno;
  const auto say = [](const char* text) {
    if (::write(2, text, std::strlen(text)) < 0) ::_exit(1);
  };
  say("bwrap: cannot ");
  say(what);
  say(": ");
  const char* const name = ::strerrorname_np(error);
  say(name != nullptr ? name : "unknown error");
  say("\n");
  ::_exit(1);
}

void stage(std::span<const Source> sources) {
  if (::unshare(CLONE_NEWNS) != 0) die("unshare mounts");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die("make mounts private");
  // Opened anew: a folder can be bound from this mount namespace's view of it only, and by path not
  // once the staging folder may hide it.
  for (const Source& source : sources) {
    const int folder = ::open(source.path.c_str(), O_PATH | O_CLOEXEC);
    if (folder < 0 || ::dup3(folder, source.folder.get(), O_CLOEXEC) < 0) die("open a folder");
    ::close(folder);
  }
  if (::mount("tmpfs", kStaging, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0) {
    die("mount a staging folder");
  }
  for (const Source& source : sources) {
    char from[64];
    std::snprintf(from, sizeof(from), "/proc/self/fd/%d", source.folder.get());
    if (source.is_folder) {
      if (::mkdir(source.staged.c_str(), 0755) != 0) die("make a staging folder");
    } else {
      const int file = ::open(source.staged.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
      if (file < 0) die("make a staging file");
      ::close(file);
    }
    if (::mount(from, source.staged.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
      die("bind a folder");
    }
  }
}

[[noreturn]] void become_bubblewrap(const Child& child) {
  // stderr first, so that die() is heard. All sources lie above the targets: see launch_cell.
  ::dup2(child.descriptors[2], 2);
  ::setsid();
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &by_default, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int group : child.joins) {
    if (group >= 0 && ::write(group, "0", 1) != 1) die("join the control group");
  }
  if (child.stage) stage(child.sources);
  if (child.drop_user) {
    // The raw calls: the library's wrappers would ask the threads that this process does not have.
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 ||
        ::syscall(SYS_setresgid, kSpareUser, kSpareUser, kSpareUser) != 0 ||
        ::syscall(SYS_setresuid, kSpareUser, kSpareUser, kSpareUser) != 0) {
      die("give up root");
    }
  }
  if (::chdir("/") != 0) die("enter /");
  for (int target = 0; target < kFirstUnused; ++target)
    ::dup2(child.descriptors[static_cast<std::size_t>(target)], target);
  ::syscall(SYS_close_range, kFirstUnused, ~0U, 0U);
  ::execve(child.bubblewrap, child.arguments, child.environment);
  die("execute bubblewrap");
}

// `descriptor` moved above those that the new process's own will be.
Descriptor moved_up(Descriptor descriptor) {
  const int moved = ::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 64);
  if (moved < 0) throw system_error("sandbox: too many open files", errno);
  return Descriptor(moved);
}

Descriptor moved_up_file(const char* name, std::string_view bytes) {
  return moved_up(file_in_memory(name, bytes.data(), bytes.size()));
}

}  // namespace

std::string find_bubblewrap() {
  const char* const variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/bin:/bin";
  while (!path.empty()) {
    const auto colon = path.find(':');
    const std::string folder(path.substr(0, colon));
    path = colon == std::string_view::npos ? std::string_view{} : path.substr(colon + 1);
    if (folder.empty() || folder[0] != '/') continue;
    std::string candidate = folder + "/bwrap";
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Launched launch_cell(const CellSpec& spec, const Cgroup* cgroup) {
  const std::string bubblewrap = find_bubblewrap();
  if (bubblewrap.empty()) {
    throw Error(ErrorCode::kUnavailable,
                "sandbox: bwrap: not found in PATH\n  try: apt-get install bubblewrap");
  }
  std::vector<Source> sources = open_sources(spec);
  for (Source& source : sources) source.folder = moved_up(std::move(source.folder));
  const bool is_root = ::geteuid() == 0;
  const bool staged = is_root && !sources.empty();

  std::string packed;
  for (const std::string& word : bubblewrap_arguments(spec, sources, staged)) {
    packed += word;
    packed += '\0';
  }
  const Descriptor arguments_file = moved_up_file("arguments", packed);
  const Descriptor passwd = moved_up_file("passwd", "user:x:1000:1000:user:/work:/bin/sh\n");
  const Descriptor group = moved_up_file("group", "user:x:1000:\n");
  const auto server_bytes =
      embedded_file(spec.interpreter.empty() ? "peira-sandbox-cell" : "peira-sandbox-cell.so");
  const Descriptor server =
      moved_up(file_in_memory("cell", server_bytes.data(), server_bytes.size()));

  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    throw system_error("sandbox: socketpair", errno);
  }
  Launched launched;
  launched.control = Descriptor(pair[0]);
  const Descriptor theirs = moved_up(Descriptor(pair[1]));
  // Pipes rather than /dev/null: an interpreter shapes its streams after what it finds at its
  // start, and its programs will have pipes.
  const Pipe in = open_pipe();
  const Pipe out = open_pipe();
  Pipe said = open_pipe();
  launched.said = std::move(said.read);
  const Descriptor in_up = moved_up(Descriptor(::fcntl(in.read.get(), F_DUPFD_CLOEXEC, 64)));
  const Descriptor out_up = moved_up(Descriptor(::fcntl(out.write.get(), F_DUPFD_CLOEXEC, 64)));
  const Descriptor said_up = moved_up(std::move(said.write));

  std::vector<std::string> words{bubblewrap, "--args", std::to_string(kArguments), "--"};
  for (std::string& word : command(spec)) words.push_back(std::move(word));
  std::vector<std::string> environment = spec.environment;
  if (environment.empty()) environment = program_environment({});
  const std::vector<char*> word_pointers = pointers(words);
  const std::vector<char*> environment_pointers = pointers(environment);
  std::vector<Descriptor> joins;
  if (cgroup != nullptr) {
    for (const std::string& path : cgroup->joining_files()) {
      joins.emplace_back(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      if (!joins.back().is_open()) throw system_error("sandbox: " + path, errno);
    }
  }
  const Child child{
      bubblewrap.c_str(),
      const_cast<char**>(word_pointers.data()),
      const_cast<char**>(environment_pointers.data()),
      sources,
      staged,
      is_root,
      {in_up.get(), out_up.get(), said_up.get(), theirs.get(), server.get(), arguments_file.get(),
       passwd.get(), group.get()},
      {joins.size() > 0 ? joins[0].get() : -1, joins.size() > 1 ? joins[1].get() : -1}};
  launched.process = ::fork();
  if (launched.process < 0) throw system_error("sandbox: fork", errno);
  if (launched.process == 0) become_bubblewrap(child);
  return launched;
}

}  // namespace peira::runner
