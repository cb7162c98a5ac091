// Programs to run and what became of them: what a scorer of code asks for. Nothing here runs
// anything; runner/sandbox does, behind CodeRunner.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace peira::evals {

// What one program may use, all its processes together unless said otherwise. Each is a hard limit:
// beyond it the whole process tree is killed and the result names the limit.
struct CodeLimits {
  std::int64_t memory_bytes = std::int64_t{1} << 30;  // resident, shared pages once; shared
                                                      // memory without a file as it is made
  std::chrono::milliseconds cpu_time{10'000};
  std::chrono::milliseconds wall_time{20'000};
  int num_processes = 64;                                // threads count
  std::int64_t file_size_bytes = std::int64_t{1} << 28;  // one file
  std::int64_t folder_bytes = std::int64_t{1} << 28;     // /work, /tmp and /dev/shm together
  std::int64_t output_bytes = std::int64_t{16} << 20;    // stdout, stderr and result, each
};

// A file laid into the program's folder before it starts.
struct CodeFile {
  std::string path;  // relative to /work; folders are made; no "..", not absolute
  std::string bytes;
  bool executable = false;
};

// A folder of this machine that the program may read, e.g. a toolchain outside /usr.
struct HostFolder {
  std::string path;  // absolute, exists
  std::string at;    // where the program sees it; empty: at the same path. Not below /tmp, /work,
                     // /dev or /proc, which are the program's own
};

// One program to run: a command in a private, empty, writable folder /work.
//
// It sees /usr and what it needs of /etc read-only, its files in /work, an empty /tmp, the
// processes it started itself, no network, and the environment given here besides PATH, HOME=/work,
// TMPDIR, LANG=C.UTF-8 and PYTHONHASHSEED=0.
struct CodeRequest {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH unless it has a slash
  std::vector<CodeFile> files;
  std::vector<HostFolder> read_only;
  std::string input;  // stdin, then end of file
  std::vector<std::pair<std::string, std::string>> environment;
  // For argv = {a Python interpreter, script, arguments...}: modules that are imported before the
  // program starts. Such an interpreter is kept warm and each program gets a fork of it in a fresh
  // sandbox, so that neither the interpreter's start nor these imports cost time again. Otherwise
  // the program sees what it would see in an interpreter of its own (`__main__`, sys.argv,
  // sys.path).
  std::vector<std::string> preload;
  // Opens descriptor 3 for writing: bytes written there come back as `result`, apart from stdout
  // and stderr, so that what a program prints is never taken for a verdict. A trusted driver keeps
  // it from the program it judges: fork, close 3 in the child, and prctl(PR_SET_DUMPABLE, 0) in the
  // driver, without which a child of the same user could reopen it through /proc.
  bool result_channel = false;
  // Allows IPv4 and IPv6 sockets, for tools that talk to themselves over 127.0.0.1. There is no
  // other network, with or without.
  bool loopback = false;
  CodeLimits limits = {};
};

// How a program ended.
enum class ExitCause {
  kExited,      // by itself; see exit_code
  kSignal,      // by a signal that no limit of ours sent; see signal
  kCpuTime,     // limits.cpu_time
  kWallTime,    // limits.wall_time
  kMemory,      // limits.memory_bytes
  kOutput,      // limits.output_bytes
  kProcesses,   // limits.num_processes
  kDisk,        // limits.folder_bytes or limits.file_size_bytes
  kRefused,     // ended badly (exit code not 0, or a signal) after the isolation refused it a call
  kNotStarted,  // argv[0] is missing or cannot be run; `detail` says why
};

// "exited", "signal", "cpu time", ...: stable words for records and tables.
const char* name(ExitCause cause);

struct CodeUsage {
  std::chrono::microseconds cpu_time{0};   // user and system, the whole tree
  std::chrono::microseconds wall_time{0};  // from the program's first instruction to its end
  std::int64_t peak_memory_bytes = 0;      // resident, as sampled every few milliseconds
};

struct CodeResult {
  ExitCause cause = ExitCause::kNotStarted;
  int exit_code = -1;   // kExited and kRefused: the status, or -1 if a signal ended it
  int signal = 0;       // kSignal and kRefused: the signal, else 0
  std::string detail;   // one line a person can check: which limit and its value, what was refused
  std::string refused;  // the first call that the isolation refused, e.g. "socket"; mostly empty
  std::string out;      // stdout up to the limit; any bytes
  std::string err;      // stderr up to the limit; any bytes
  std::string result;   // what was written to descriptor 3, up to the limit
  CodeUsage usage = {};

  bool ok() const { return cause == ExitCause::kExited && exit_code == 0; }
};

// The last line of `text` that is not blank, without trailing blanks; at most `max_bytes` of it.
// For a Python traceback that is the exception.
std::string last_line(const std::string& text, std::size_t max_bytes = 300);

// Runs programs in isolation.
// threads: all members may be called from any thread; run from several threads at once runs that
// many programs at once.
class CodeRunner {
 public:
  virtual ~CodeRunner() = default;

  // Runs one program and waits for it.
  // throws Error(kData): a request that cannot be: no argv, a path outside /work, a limit not above
  // 0. throws Error(kUnavailable): this machine failed, not the program.
  virtual CodeResult run(const CodeRequest& request) = 0;

  // Runs `count` programs, num_workers() at a time. make(i) gives the i-th just before it runs, on
  // a worker's thread, several at once; take(i, result) receives results in the order of i, one
  // call at a time. The first exception of either, or of a run, stops the batch and is rethrown.
  virtual void run_many(std::int64_t count, const std::function<CodeRequest(std::int64_t)>& make,
                        const std::function<void(std::int64_t, CodeResult)>& take) = 0;

  virtual int num_workers() const = 0;

  // What separates programs from this machine, for the manifest: "bubblewrap 0.8.0, seccomp, ..."
  // or "none".
  virtual std::string isolation() const = 0;
};

}  // namespace peira::evals
