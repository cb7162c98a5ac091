// What the subcommands of `peira experiment` share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/experiment_store.h"
#include "runner/cli/command.h"

namespace peira::runner::cli {

// Options every one of them has.
struct ExperimentFlags {
  std::string id, store;
  bool json = false;
};

// A subcommand of `group` with these options; `with_id` adds the experiment's id.
CLI::App* add_experiment_command(CLI::App& group, const std::string& name,
                                 const std::string& purpose, const std::string& examples,
                                 const std::shared_ptr<ExperimentFlags>& flags,
                                 bool with_id = true);

abtest::ExperimentStore open_experiments(
    const ExperimentFlags& flags,
    abtest::ExperimentStore::Access access = abtest::ExperimentStore::Access::kReadWrite);

std::int64_t now_ms();

// Milliseconds since 1970 of "1764150000000" or "2026-11-26T10:00:00[.123]Z" (or +01:00, or a bare
// date). throws Error(kUsage): neither.
std::int64_t parse_time(const std::string& text);

// Lines of a file, or of standard input for "-", without their line breaks, in flat memory.
// throws Error(kUnavailable): cannot be read; Error(kData): a line above 1 MiB.
class LineReader {
 public:
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // False at the end. The view holds until the next call.
  bool next(std::string_view& line);
  std::int64_t line_number() const { return line_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::FILE* file_ = nullptr;
  char* buffer_ = nullptr;
  std::size_t capacity_ = 0;
  std::int64_t line_ = 0;
};

// Each adds its subcommands to `group` and returns them.
std::vector<Command> add_experiment_definition(
    CLI::App& group);                                           // create list show start ramp stop
std::vector<Command> add_experiment_traffic(CLI::App& group);   // assign expose hash
std::vector<Command> add_experiment_outcomes(CLI::App& group);  // record
std::vector<Command> add_experiment_analysis(CLI::App& group);  // analyze selfcheck sql
std::vector<Command> add_experiment_benchmark(CLI::App& group);

}  // namespace peira::runner::cli
