// peira: the command. Parses, hands over to a subcommand, turns failures into exit statuses.

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "runner/cli/command.h"
#include "runner/cli/monitor.h"

namespace peira::runner::cli {
namespace {

constexpr const char* kFooter = R"(First steps
  peira run gpqa aime --model bundled        both sample suites on the embedded model
  peira list                                 the runs so far
  peira show latest                          one sample's whole story
  peira report latest -o report.html         what to show others

Exit  0 done and passed · 1 failed · 2 usage · 3 bad data · 4 unavailable ·
      5 incomplete or undecided · 70 a bug of ours)";

// Options as people write them: a short type and the default, without the checks behind them.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string out;
    if (option->get_expected_max() != 0) {
      const std::string type = option->get_type_name();
      const std::string name = type.substr(0, type.find_first_of(":{"));
      out += name == "INT" || name == "UINT" ? " N"
             : name == "FLOAT"               ? " X"
             : name.empty()                  ? " TEXT"
                                             : " " + name;
      std::string value = option->get_default_str();
      if (value.starts_with('[') && value.ends_with(']')) value = value.substr(1, value.size() - 2);
      if (!value.empty()) out += " [" + value + "]";
    }
    if (option->get_required()) out += " (required)";
    return out;
  }
};

// An argument as a shell takes it.
std::string quoted(const std::string& argument) {
  const bool is_plain =
      !argument.empty() && std::all_of(argument.begin(), argument.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || std::strchr("_./:=@,+-", c) != nullptr;
      });
  if (is_plain) return argument;
  std::string out = "'";
  for (const char c : argument) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// What is wrong with a command line, and what to write instead.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error, int argc,
                          char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  const std::vector<const CLI::App*> commands = app.get_subcommands(nullptr);
  const auto command = std::find_if(given.begin(), given.end(), [&](const std::string& word) {
    return std::any_of(commands.begin(), commands.end(),
                       [&](const CLI::App* one) { return one->get_name() == word; });
  });
  // Options stand behind the command: most belong to one, and several have the same name.
  if (command != given.end() && command != given.begin() && given.front().starts_with('-')) {
    std::string right = "peira";
    for (auto word = command; word != given.end(); ++word) right += " " + quoted(*word);
    for (auto word = given.begin(); word != command; ++word) right += " " + quoted(*word);
    return quoted(given.front()) + " stands in front of the command\n  try: " + right;
  }
  const CLI::App* deepest = &app;
  std::string path = "peira";
  while (!deepest->get_subcommands().empty()) {
    deepest = deepest->get_subcommands().front();
    path += " " + deepest->get_name();
  }
  std::string told = error.what();
  if (deepest == &app && given.empty()) told = "no command is given";
  if (deepest == &app && !given.empty() && !given.front().starts_with('-')) {
    told = "there is no command " + quoted(given.front());
  }
  std::replace(told.begin(), told.end(), '\n', ' ');
  return told + "\n  try: " + path + " --help";
}

int run_command(int argc, char** argv) {
  CLI::App app("Peira: run benchmarks on language models, compare, decide.", "peira");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(34);
  app.formatter(formatter);
  app.set_version_flag("--version", std::string("peira ") + PEIRA_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);

  const std::vector<Command> commands{
      // A line each, so that one is added without touching others.
      // clang-format off
      add_run(app),
      add_list(app),
      add_show(app),
      add_compare(app),
      add_gate(app),
      add_tag(app),
      add_power(app),
      add_experiment(app),
      add_score(app),
      add_report(app),
      add_view(app),
      add_nightly(app),
      add_suites(app),
      add_datasets(app),
      add_models(app),
      add_generate(app),
      add_serve(app),
      add_monitor(app),
      add_tokenize(app),
      add_sandbox(app),
      add_bench(app),
      add_stats(app),
      add_toolchains(app),
      add_optimize(app), add_export(app),
      add_import(app),
      // clang-format on
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has exit codes of its own; ours are 0 for help and 2 for wrong usage.
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error);
      return kPassed;
    }
    throw Error(ErrorCode::kUsage, usage_message(app, error, argc, argv));
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return static_cast<int>(ErrorCode::kInternal);
}

}  // namespace
}  // namespace peira::runner::cli

int main(int argc, char** argv) {
  // A reader that went away (head, less) is an ordinary failed write, not a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return peira::runner::cli::run_command(argc, argv);
  } catch (const peira::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exit_status();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "error: out of memory\n");
    return static_cast<int>(peira::ErrorCode::kUnavailable);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: internal: %s\n  this is a bug of ours: please report it\n",
                 error.what());
    return static_cast<int>(peira::ErrorCode::kInternal);
  }
}
