// peira experiment: A/B experiments from declaration to verdict.

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/error.h"
#include "runner/cli/experiment/common.h"

namespace peira::runner::cli {

CLI::App* add_experiment_command(CLI::App& group, const std::string& name,
                                 const std::string& purpose, const std::string& examples,
                                 const std::shared_ptr<ExperimentFlags>& flags, bool with_id) {
  CLI::App* app = add_subcommand(group, name, purpose, examples);
  if (with_id) app->add_option("ID", flags->id, "the experiment")->required();
  app->add_option(
      "--experiments", flags->store,
      "the file experiments are kept in [$PEIRA_EXPERIMENTS, or the user's data folder]");
  app->add_flag("--json", flags->json, "JSON on standard output");
  return app;
}

abtest::ExperimentStore open_experiments(const ExperimentFlags& flags,
                                         abtest::ExperimentStore::Access access) {
  const std::filesystem::path path = flags.store.empty() ? abtest::ExperimentStore::default_path()
                                                         : std::filesystem::path(flags.store);
  if (access == abtest::ExperimentStore::Access::kReadWrite && path.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) throw system_error(path.parent_path().string(), error.value());
  } else if (!std::filesystem::exists(path)) {
    throw Error(ErrorCode::kUnavailable,
                path.string() +
                    ": there is no such file: no experiment was created yet"
                    "\n  try: peira experiment create, or --experiments FILE");
  }
  return abtest::ExperimentStore(path, access);
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t parse_time(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  if (errno == 0 && !text.empty() && *end == '\0') return number;
  std::tm tm{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%d", &tm);
  std::int64_t offset_ms = 0;
  if (rest != nullptr && (*rest == 'T' || *rest == ' ')) {
    rest = strptime(rest + 1, "%H:%M:%S", &tm);
    if (rest != nullptr && *rest == '.') {
      std::int64_t scale = 100;
      for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) {
        offset_ms += (*rest - '0') * scale;
      }
    }
    if (rest != nullptr && (*rest == 'Z' || *rest == 'z')) {
      ++rest;
    } else if (rest != nullptr && (*rest == '+' || *rest == '-')) {
      int hours = 0, minutes = 0, used = 0;
      if (std::sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2) {
        const std::int64_t shift = (hours * 60 + minutes) * std::int64_t{60'000};
        offset_ms += *rest == '+' ? -shift : shift;
        rest += 1 + used;
      }
    }
  }
  if (rest == nullptr || *rest != '\0') {
    throw Error(ErrorCode::kUsage, "'" + text +
                                       "' is no time\n  try: 2026-11-26T10:00:00Z, or "
                                       "milliseconds since 1970");
  }
  return static_cast<std::int64_t>(timegm(&tm)) * 1000 + offset_ms;
}

LineReader::LineReader(const std::string& path)
    : name_(path == "-" ? "standard input" : path),
      file_(path == "-" ? stdin : std::fopen(path.c_str(), "rb")) {
  if (file_ == nullptr) throw system_error(path, errno);
}

LineReader::~LineReader() {
  std::free(buffer_);
  if (file_ != nullptr && file_ != stdin) std::fclose(file_);
}

bool LineReader::next(std::string_view& line) {
  errno = 0;
  const ssize_t length = getline(&buffer_, &capacity_, file_);
  if (length < 0) {
    if (std::ferror(file_) != 0) throw system_error(name_, errno);
    return false;
  }
  ++line_;
  constexpr ssize_t kLongest = 1 << 20;
  if (length > kLongest) {
    throw Error(ErrorCode::kData,
                name_ + ":" + std::to_string(line_) + ": a line has more than 1 MiB");
  }
  line = {buffer_, static_cast<std::size_t>(length)};
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

Command add_experiment(CLI::App& root) {
  CLI::App* group = add_subcommand(
      root, "experiment", "A/B experiments: declare, assign, record, analyze",
      R"(Examples  peira experiment create prompt_v2 --variant control=50 --variant new=50 \
              --metric solved:proportion --metric latency:mean:guardrail:lower:margin=5%
          peira experiment start prompt_v2
          peira experiment assign prompt_v2 user_17
          peira experiment record prompt_v2 --file outcomes.csv
          peira experiment analyze prompt_v2)");
  group->require_subcommand(1);
  auto commands = std::make_shared<std::vector<Command>>();
  for (auto* add : {add_experiment_definition, add_experiment_traffic, add_experiment_outcomes,
                    add_experiment_analysis, add_experiment_benchmark}) {
    for (Command& command : add(*group)) commands->push_back(std::move(command));
  }
  return {group, [commands] {
            for (const Command& command : *commands) {
              if (command.app->parsed()) return command.run();
            }
            return static_cast<int>(ErrorCode::kInternal);
          }};
}

}  // namespace peira::runner::cli
