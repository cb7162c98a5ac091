#include "evals/code_runner.h"

#include <algorithm>

namespace peira::evals {

const char* name(ExitCause cause) {
  switch (cause) {
    case ExitCause::kExited:
      return "exited";
    case ExitCause::kSignal:
      return "signal";
    case ExitCause::kCpuTime:
      return "cpu time";
    case ExitCause::kWallTime:
      return "wall time";
    case ExitCause::kMemory:
      return "memory";
    case ExitCause::kOutput:
      return "output";
    case ExitCause::kProcesses:
      return "processes";
    case ExitCause::kDisk:
      return "disk";
    case ExitCause::kRefused:
      return "refused";
    case ExitCause::kNotStarted:
      return "not started";
  }
  return "unknown";
}

std::string last_line(const std::string& text, std::size_t max_bytes) {
  const auto last = text.find_last_not_of(" \t\r\n\f\v");
  if (last == std::string::npos) return {};
  const auto line_break = text.find_last_of('\n', last);
  const std::size_t first = line_break == std::string::npos ? 0 : line_break + 1;
  return text.substr(first, std::min(max_bytes, last + 1 - first));
}

}  // namespace peira::evals
