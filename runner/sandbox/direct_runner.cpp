#include "runner/sandbox/direct_runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "runner/sandbox/batch.h"
#include "runner/sandbox/cell_host.h"
#include "runner/sandbox/descriptor.h"
#include "runner/sandbox/program_streams.h"

namespace peira::runner {
namespace {

namespace fs = std::filesystem;
using evals::CodeRequest;
using evals::CodeResult;

// A folder of its own for one program, removed with all it left there.
class WorkFolder {
 public:
  WorkFolder() {
    std::string pattern = (fs::temp_directory_path() / "peira-program-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw system_error(pattern, errno);
    path_ = pattern;
  }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write_files(const CodeRequest& request, const fs::path& folder) {
  for (const auto& file : request.files) {
    const fs::path path = folder / file.path;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << file.bytes;
    if (file.executable) fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add);
  }
}

struct Child {
  const char* folder;
  char** arguments;
  char** environment;
  const evals::CodeLimits* limits;
  std::array<int, 4> descriptors;  // -1: none
  int failure;                     // close-on-exec; the errno of a failed execve is written there
};

[[noreturn]] void become_program(const Child& child) {
  ::setsid();
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &by_default, nullptr);
  int first_unused = 0;
  for (const int descriptor : child.descriptors) {
    if (descriptor >= 0) ::dup2(descriptor, first_unused++);
  }
  const int failure = ::dup3(child.failure, first_unused, O_CLOEXEC);
  ::syscall(SYS_close_range, static_cast<unsigned>(failure) + 1, ~0U, 0U);
  const auto limit = [](__rlimit_resource_t resource, std::int64_t value) {
    const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
    ::setrlimit(resource, &both);
  };
  limit(RLIMIT_CPU, (child.limits->cpu_time.count() + 999) / 1000);
  limit(RLIMIT_FSIZE, child.limits->file_size_bytes);
  limit(RLIMIT_CORE, 0);
  if (::chdir(child.folder) == 0) ::execvpe(child.arguments[0], child.arguments, child.environment);
  const int error = errno;
  if (::write(failure, &error, sizeof(error)) < 0) ::_exit(126);
  ::_exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// Descriptors from 64 on, so that none is overwritten while they are put in place.
Descriptor moved_up(const Descriptor& descriptor) {
  Descriptor moved(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 64));
  if (!moved.is_open()) throw system_error("sandbox: too many open files", errno);
  return moved;
}

CodeResult run_direct(const CodeRequest& request) {
  check_request(request);
  const WorkFolder folder;
  write_files(request, folder.path());
  std::vector<std::string> words = request.argv;
  std::vector<std::string> environment = program_environment(request);
  for (std::string& entry : environment) {
    if (entry == "HOME=/work") entry = "HOME=" + folder.path().string();
  }
  const std::vector<char*> arguments = pointers(words);
  const std::vector<char*> entries = pointers(environment);

  CodeResult result;
  cell::Report report;
  Pipe in = open_pipe(), out = open_pipe(), err = open_pipe(), failure = open_pipe(), channel;
  if (request.result_channel) channel = open_pipe();
  std::vector<Descriptor> theirs;
  for (const Descriptor* end : {&in.read, &out.write, &err.write, &failure.write}) {
    theirs.push_back(moved_up(*end));
  }
  if (request.result_channel) theirs.push_back(moved_up(channel.write));
  const Child child{folder.path().c_str(),
                    const_cast<char**>(arguments.data()),
                    const_cast<char**>(entries.data()),
                    &request.limits,
                    {theirs[0].get(), theirs[1].get(), theirs[2].get(),
                     request.result_channel ? theirs[4].get() : -1},
                    theirs[3].get()};
  const auto start = std::chrono::steady_clock::now();
  const pid_t process = ::fork();
  if (process < 0) throw system_error("sandbox: fork", errno);
  if (process == 0) become_program(child);
  theirs.clear();
  for (Descriptor* end : {&in.read, &out.write, &err.write, &failure.write, &channel.write}) {
    end->reset();
  }
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(failure.read.get(), &error, sizeof(error))) < 0 && errno == EINTR) {
  }
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  ProgramStreams streams(std::move(in.write), request.input, {std::move(out.read), &result.out},
                         {std::move(err.read), &result.err},
                         {std::move(channel.read), &result.result}, request.limits.output_bytes);
  const auto stop = streams.pump(ended.get(), start + request.limits.wall_time);
  if (stop == ProgramStreams::Stop::kTime) report.ended = cell::Ended::kWallTime;
  if (stop == ProgramStreams::Stop::kOutputLimit) report.ended = cell::Ended::kOutput;
  ::kill(-process, SIGKILL);  // its session; what has left it goes on: nothing here can find it
  ::kill(process, SIGKILL);
  rusage used{};
  while (::wait4(process, &report.wait_status, 0, &used) < 0 && errno == EINTR) {
  }
  if (streams.drain()) report.ended = cell::Ended::kOutput;
  report.kind = got == sizeof(error) ? cell::ReportKind::kNotStarted : cell::ReportKind::kEnded;
  report.error = error;
  report.wall_us = std::chrono::duration_cast<std::chrono::microseconds>(
                       std::chrono::steady_clock::now() - start)
                       .count();
  report.cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000LL +
                  used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  report.peak_memory_bytes = used.ru_maxrss * 1024LL;
  if (report.ended == cell::Ended::kByItself) {
    const bool by_cpu_limit =
        WIFSIGNALED(report.wait_status) &&
        (WTERMSIG(report.wait_status) == SIGXCPU || WTERMSIG(report.wait_status) == SIGKILL) &&
        std::chrono::microseconds(report.cpu_us) >= request.limits.cpu_time;
    if (by_cpu_limit) report.ended = cell::Ended::kCpuTime;
    if (WIFSIGNALED(report.wait_status) && WTERMSIG(report.wait_status) == SIGXFSZ) {
      report.ended = cell::Ended::kDisk;
    }
  }
  return result_of(report, request, std::move(result));
}

class DirectRunner : public evals::CodeRunner {
 public:
  explicit DirectRunner(int num_workers) : num_workers_(num_workers) {}
  CodeResult run(const CodeRequest& request) override { return run_direct(request); }
  void run_many(std::int64_t count, const std::function<CodeRequest(std::int64_t)>& make,
                const std::function<void(std::int64_t, CodeResult)>& take) override {
    run_batch(num_workers_, count, make, run_direct, take);
  }
  int num_workers() const override { return num_workers_; }
  std::string isolation() const override { return "none"; }

 private:
  int num_workers_;
};

}  // namespace

std::unique_ptr<evals::CodeRunner> open_direct_runner(int num_workers) {
  return std::make_unique<DirectRunner>(num_workers);
}

}  // namespace peira::runner
