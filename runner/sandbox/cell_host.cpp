#include "runner/sandbox/cell_host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <string_view>

#include "base/error.h"
#include "runner/sandbox/descriptor.h"
#include "runner/sandbox/filter.h"
#include "runner/sandbox/launch.h"
#include "runner/sandbox/program_streams.h"

namespace peira::runner {
namespace {

using evals::CodeRequest;
using evals::CodeResult;
using evals::ExitCause;
using std::chrono::steady_clock;

// How long a cell may take to start (a warm interpreter imports its modules), and how long beyond a
// program's own wall limit a report may take to come: only a machine in distress needs either.
constexpr auto kStartPatience = std::chrono::seconds(60);
constexpr auto kReportPatience = std::chrono::seconds(30);

void append(std::string& to, std::string_view bytes) {
  const std::uint64_t size = bytes.size();
  to.append(reinterpret_cast<const char*>(&size), sizeof(size));
  to.append(bytes);
}

std::string serialize(const CodeRequest& request) {
  const evals::CodeLimits& limits = request.limits;
  const auto environment = program_environment(request);
  cell::RequestHead head;
  head.num_arguments = request.argv.size();
  head.num_environment = environment.size();
  head.num_files = request.files.size();
  head.has_result_channel = request.result_channel ? 1 : 0;
  head.memory_bytes = limits.memory_bytes;
  head.cpu_us = std::chrono::microseconds(limits.cpu_time).count();
  head.wall_us = std::chrono::microseconds(limits.wall_time).count();
  head.num_processes = limits.num_processes;
  head.file_size_bytes = limits.file_size_bytes;
  head.folder_bytes = limits.folder_bytes;
  head.last_known_syscall = last_known_system_call();
  static const std::string filters[2] = {sandbox_filter(false), sandbox_filter(true)};
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof(head));
  for (const std::string& argument : request.argv) append(bytes, argument);
  for (const std::string& entry : environment) append(bytes, entry);
  append(bytes, filters[request.loopback ? 1 : 0]);
  for (const evals::CodeFile& file : request.files) {
    append(bytes, file.path);
    append(bytes, file.executable ? "x" : "-");
    append(bytes, file.bytes);
  }
  return bytes;
}

void send_request(int control, const std::vector<int>& descriptors) {
  char byte = cell::kRun;
  iovec part{&byte, 1};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(5 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
  std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size() * sizeof(int));
  ssize_t sent = 0;
  while ((sent = ::sendmsg(control, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  if (sent != 1) throw system_error("sandbox: a cell does not take programs", errno);
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::int64_t kMiB = 1 << 20;
  return bytes % kMiB == 0 ? std::to_string(bytes / kMiB) + " MiB"
                           : std::to_string(bytes) + " bytes";
}

std::string milliseconds_text(std::chrono::milliseconds time) {
  return std::to_string(time.count()) + " ms";
}

// Which limit, and its value.
std::string limit_text(ExitCause cause, const evals::CodeLimits& limits) {
  switch (cause) {
    case ExitCause::kCpuTime:
      return "more than " + milliseconds_text(limits.cpu_time) + " of CPU time";
    case ExitCause::kWallTime:
      return "not done after " + milliseconds_text(limits.wall_time);
    case ExitCause::kMemory:
      return "more than " + bytes_text(limits.memory_bytes) + " of memory";
    case ExitCause::kOutput:
      return "more than " + bytes_text(limits.output_bytes) + " of output";
    case ExitCause::kProcesses:
      return "more than " + std::to_string(limits.num_processes) + " processes and threads";
    case ExitCause::kDisk:
      return "files beyond " + bytes_text(limits.folder_bytes) + " in all or " +
             bytes_text(limits.file_size_bytes) + " each";
    default:
      return {};
  }
}

ExitCause cause_of(cell::Ended ended) {
  switch (ended) {
    case cell::Ended::kByItself:
      return ExitCause::kExited;
    case cell::Ended::kCpuTime:
      return ExitCause::kCpuTime;
    case cell::Ended::kWallTime:
      return ExitCause::kWallTime;
    case cell::Ended::kMemory:
      return ExitCause::kMemory;
    case cell::Ended::kOutput:
      return ExitCause::kOutput;
    case cell::Ended::kProcesses:
      return ExitCause::kProcesses;
    case cell::Ended::kDisk:
      return ExitCause::kDisk;
  }
  return ExitCause::kExited;
}

std::string end_text(const CodeResult& result) {
  if (result.signal != 0) {
    const char* const abbreviation = ::sigabbrev_np(result.signal);
    return abbreviation != nullptr ? std::string("SIG") + abbreviation
                                   : "signal " + std::to_string(result.signal);
  }
  return "exit code " + std::to_string(result.exit_code);
}

}  // namespace

CodeResult result_of(const cell::Report& report, const CodeRequest& request, CodeResult streams) {
  CodeResult result = std::move(streams);
  if (report.kind == cell::ReportKind::kNotStarted) {
    result.cause = ExitCause::kNotStarted;
    result.detail = request.argv[0] + ": " + std::strerror(report.error);
    return result;
  }
  result.usage = {std::chrono::microseconds(report.cpu_us),
                  std::chrono::microseconds(report.wall_us), report.peak_memory_bytes};
  if (report.refused_syscall >= 0) result.refused = system_call_name(report.refused_syscall);
  result.cause = cause_of(report.ended);
  if (result.cause != ExitCause::kExited) {
    result.detail = limit_text(result.cause, request.limits);
    return result;
  }
  if (WIFSIGNALED(report.wait_status)) {
    result.cause = ExitCause::kSignal;
    result.signal = WTERMSIG(report.wait_status);
  } else {
    result.exit_code = WEXITSTATUS(report.wait_status);
  }
  // The filter kills at once what calls by another architecture's numbers.
  if (result.signal == SIGSYS && result.refused.empty()) result.refused = "a foreign call";
  result.detail = end_text(result);
  const bool ended_badly = result.signal != 0 || result.exit_code != 0;
  if (ended_badly && !result.refused.empty()) {
    result.cause = ExitCause::kRefused;
    result.detail += " after " + result.refused + " was refused";
  }
  if (ended_badly) {
    if (const std::string line = evals::last_line(result.err); !line.empty()) {
      result.detail += ": " + line;
    }
  }
  return result;
}

std::string CellSpec::key() const {
  std::string key;
  for (const auto& folder : read_only) {
    append(key, folder.path);
    append(key, folder.at);
  }
  append(key, interpreter);
  for (const auto& module : preload) append(key, module);
  append(key, "");
  for (const auto& entry : environment) append(key, entry);
  return key;
}

CellSpec cell_spec(const CodeRequest& request) {
  CellSpec spec;
  spec.read_only = request.read_only;
  if (!request.preload.empty()) {
    spec.interpreter = request.argv[0];
    spec.preload = request.preload;
    spec.environment = program_environment(request);
  }
  return spec;
}

std::vector<std::string> program_environment(const CodeRequest& request) {
  std::vector<std::pair<std::string, std::string>> entries{{"HOME", "/work"},
                                                           {"LANG", "C.UTF-8"},
                                                           {"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                                           {"PYTHONHASHSEED", "0"},
                                                           {"TMPDIR", "/tmp"}};
  for (const auto& [name, value] : request.environment) {
    const auto same = std::find_if(entries.begin(), entries.end(),
                                   [&](const auto& entry) { return entry.first == name; });
    if (same != entries.end()) {
      same->second = value;
    } else {
      entries.emplace_back(name, value);
    }
  }
  std::vector<std::string> environment;
  for (const auto& [name, value] : entries) environment.push_back(name + "=" + value);
  return environment;
}

void check_request(const CodeRequest& request) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::kData, "sandbox: request: " + what);
  };
  const auto has_zero = [](const std::string& text) {
    return text.find('\0') != std::string::npos;
  };
  if (request.argv.empty() || request.argv[0].empty()) refuse("no command");
  if (!request.preload.empty() && request.argv.size() < 2) refuse("preload without a script");
  for (const auto& argument : request.argv) {
    if (has_zero(argument)) refuse("an argument with a zero byte");
  }
  for (const auto& [name, value] : request.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_zero(name) || has_zero(value)) {
      refuse("environment name \"" + name + "\"");
    }
  }
  std::set<std::string> paths;
  for (const auto& file : request.files) {
    const bool plain = !file.path.empty() && file.path.size() < 4096 && file.path[0] != '/' &&
                       file.path.back() != '/' && !has_zero(file.path);
    if (!plain || ("/" + file.path + "/").find("/../") != std::string::npos) {
      std::string shown = file.path;
      std::replace(shown.begin(), shown.end(), '\0', '?');
      refuse("file path \"" + shown + "\" is not inside the work folder");
    }
    if (!paths.insert(file.path).second) refuse("file \"" + file.path + "\" comes twice");
  }
  for (const auto& folder : request.read_only) {
    if (folder.path.empty() || folder.path[0] != '/' || has_zero(folder.path) ||
        (!folder.at.empty() && folder.at[0] != '/') || has_zero(folder.at)) {
      refuse("folder \"" + folder.path + "\" is not absolute");
    }
    const std::string& at = folder.at.empty() ? folder.path : folder.at;
    for (const char* own : {"/tmp", "/work", "/proc", "/dev"}) {
      if (at == own || at.starts_with(std::string(own) + "/")) {
        refuse("folder \"" + at + "\" would be hidden by the program's own " + own +
               ": show it at another place");
      }
    }
  }
  const evals::CodeLimits& limits = request.limits;
  const std::pair<const char*, std::int64_t> values[] = {
      {"memory_bytes", limits.memory_bytes},       {"cpu_time", limits.cpu_time.count()},
      {"wall_time", limits.wall_time.count()},     {"num_processes", limits.num_processes},
      {"file_size_bytes", limits.file_size_bytes}, {"folder_bytes", limits.folder_bytes},
      {"output_bytes", limits.output_bytes}};
  for (const auto& [name, value] : values) {
    // The upper end keeps every sum of limits and times far from overflow.
    if (value <= 0 || value > (std::int64_t{1} << 48)) {
      refuse(std::string(name) + " is " + std::to_string(value));
    }
  }
}

Cell::Cell(const CellSpec& spec) : cgroup_(Cgroup::make()) {
  Launched launched = launch_cell(spec, cgroup_.get());
  process_ = launched.process;
  control_ = launched.control.release();
  said_ = launched.said.release();
  cell::Report report;
  std::string said;
  // An interpreter that cannot import a module says so and ends, which closes `control`.
  ProgramStreams streams(Descriptor(), said,
                         {Descriptor(::fcntl(said_, F_DUPFD_CLOEXEC, 3)), &said}, {}, {}, 65536);
  const auto stop = streams.pump(control_, steady_clock::now() + kStartPatience);
  const ssize_t got =
      stop == ProgramStreams::Stop::kEvent ? ::recv(control_, &report, sizeof(report), 0) : -1;
  if (got == sizeof(report) && report.kind == cell::ReportKind::kReady) return;
  kill();
  streams.drain();
  const std::string line = evals::last_line(said);
  const bool is_request = !spec.interpreter.empty() && !line.starts_with("bwrap: ");
  throw Error(is_request ? ErrorCode::kData : ErrorCode::kUnavailable,
              "sandbox: " + (is_request ? spec.interpreter + ": " : "bubblewrap: ") +
                  (line.empty() ? "no answer" : line) +
                  (is_request ? "" : "\n  try: peira sandbox check"));
}

Cell::~Cell() { kill(); }

void Cell::kill() noexcept {
  if (control_ >= 0) ::close(control_);
  if (said_ >= 0) ::close(said_);
  control_ = said_ = -1;
  if (process_ <= 0) return;
  // bubblewrap and process 1 of the cell are in this process group; with the latter dies all of the
  // cell, whatever its programs did.
  ::kill(-process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

CodeResult Cell::run(const CodeRequest& request) {
  const evals::CodeLimits& limits = request.limits;
  std::int64_t kills_before = 0;
  std::int64_t refused_before = 0;
  if (cgroup_) {
    // Above what the supervisor enforces, so that it sees and names the cause, and below the
    // rlimits, which do not tell whom they stopped; files in memory and the cell's own processes
    // count too.
    cgroup_->limit(limits.memory_bytes + limits.memory_bytes / 4 + limits.folder_bytes +
                       (std::int64_t{96} << 20),
                   std::int64_t{limits.num_processes} * 3 + 48);
    kills_before = cgroup_->num_memory_kills();
    refused_before = cgroup_->num_refused_tasks();
  }
  CodeResult result;
  cell::Report report;
  {
    Pipe in = open_pipe();
    Pipe out = open_pipe();
    Pipe err = open_pipe();
    Pipe channel;
    std::vector<int> descriptors{-1, in.read.get(), out.write.get(), err.write.get()};
    if (request.result_channel) {
      channel = open_pipe();
      descriptors.push_back(channel.write.get());
    }
    const std::string bytes = serialize(request);
    Descriptor memory = file_in_memory("request", bytes.data(), bytes.size());
    descriptors[0] = memory.get();
    send_request(control_, descriptors);
    for (Descriptor* ours : {&memory, &in.read, &out.write, &err.write, &channel.write}) {
      ours->reset();
    }
    ProgramStreams streams(std::move(in.write), request.input, {std::move(out.read), &result.out},
                           {std::move(err.read), &result.err},
                           {std::move(channel.read), &result.result}, limits.output_bytes);
    const auto until = steady_clock::now() + limits.wall_time + kReportPatience;
    auto stop = streams.pump(control_, until);
    if (stop == ProgramStreams::Stop::kOutputLimit) {
      const char byte = cell::kKillOutput;
      if (::send(control_, &byte, 1, MSG_NOSIGNAL) != 1) {
        throw system_error("sandbox: a cell does not answer", errno);
      }
      stop = streams.pump(control_, until);
    }
    const ssize_t got =
        stop == ProgramStreams::Stop::kEvent ? ::recv(control_, &report, sizeof(report), 0) : -1;
    if (got != sizeof(report)) {
      throw Error(ErrorCode::kUnavailable, "sandbox: a cell ended without a report");
    }
    if (streams.drain() && report.ended == cell::Ended::kByItself) {
      report.ended = cell::Ended::kOutput;
    }
  }
  if (report.kind == cell::ReportKind::kSetupFailed) {
    const bool is_request = std::string_view(report.text).starts_with("file");
    throw Error(is_request ? ErrorCode::kData : ErrorCode::kUnavailable,
                std::string("sandbox: ") + report.text + ": " + std::strerror(report.error) +
                    (is_request ? "" : "\n  try: peira sandbox check"));
  }
  if (cgroup_) {
    const bool has_failed = report.ended == cell::Ended::kByItself && report.wait_status != 0;
    if (has_failed && cgroup_->num_memory_kills() > kills_before) {
      report.ended = cell::Ended::kMemory;
    }
    // On a busy machine a bomb may burst and fall silent between two looks of the supervisor, and
    // then run out of time.
    const bool is_out_of_time =
        report.ended == cell::Ended::kWallTime || report.ended == cell::Ended::kCpuTime;
    if ((has_failed || is_out_of_time) && cgroup_->num_refused_tasks() > refused_before) {
      report.ended = cell::Ended::kProcesses;
    }
  }
  return result_of(report, request, std::move(result));
}

}  // namespace peira::runner
