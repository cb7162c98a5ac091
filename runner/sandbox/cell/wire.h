// What the host and a cell say to each other over a SOCK_SEQPACKET socket.
//
// A cell is one bubblewrap sandbox that lives on and serves programs one after another, each in
// namespaces of its own inside it. The host sends one byte kRun with file descriptors; the cell
// answers with one Report when the program and everything it started are dead. Host and cell are
// one build on one machine, so structs travel as they lie in memory.
#pragma once

#include <cstdint>

namespace peira::cell {

// Host to cell, one byte. kRun carries descriptors: the request (a memfd), stdin, stdout, stderr
// and, if the request says so, the result channel. kKillOutput goes to the running program's
// supervisor: it has written more than it may.
constexpr char kRun = 'R';
constexpr char kKillOutput = 'O';

enum class ReportKind : std::uint32_t {
  kReady,        // the cell waits for programs
  kEnded,        // a program ran and is dead
  kNotStarted,   // it could not be executed: `error`
  kSetupFailed,  // the isolation could not be set up: `text` names the step, `error` says why
};

enum class Ended : std::uint32_t {
  kByItself,
  kCpuTime,
  kWallTime,
  kMemory,
  kOutput,
  kProcesses,
  kDisk,
};

struct Report {
  ReportKind kind = ReportKind::kReady;
  Ended ended = Ended::kByItself;
  std::int32_t wait_status = 0;        // of the program, as waitpid gives it
  std::int32_t error = 0;              // errno
  std::int32_t refused_syscall = -1;   // the first call that the filter refused
  std::uint64_t refused_argument = 0;  // its first argument
  std::int64_t cpu_us = 0;
  std::int64_t wall_us = 0;
  std::int64_t peak_memory_bytes = 0;
  std::int64_t num_tasks = 0;  // the most seen at once
  char text[64] = {};
};

// Heads the request memfd; then come, each as u64 size and bytes: the arguments, the environment
// entries ("NAME=value"), the seccomp program, and per file its path, one byte 'x' or '-', its
// bytes.
struct RequestHead {
  std::uint64_t num_arguments = 0;
  std::uint64_t num_environment = 0;
  std::uint64_t num_files = 0;
  std::uint64_t has_result_channel = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t cpu_us = 0;
  std::int64_t wall_us = 0;
  std::int64_t num_processes = 0;
  std::int64_t file_size_bytes = 0;
  std::int64_t folder_bytes = 0;
  std::int64_t last_known_syscall = 0;  // calls above it do not exist
};

}  // namespace peira::cell
