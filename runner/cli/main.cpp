// peira: the command. Parses, hands over to a subcommand, turns failures into exit statuses.

#include <csignal>
#include <cstdio>
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
    return app.exit(error) == 0 ? kPassed : static_cast<int>(ErrorCode::kUsage);
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
