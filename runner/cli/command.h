// What every subcommand shares: how it is declared, how it prints, how it ends.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "base/json.h"

namespace peira::runner::cli {

// Exit statuses that are verdicts; failures carry theirs in Error.
constexpr int kPassed = 0;
constexpr int kFailed = 1;      // done, but a gate failed or samples failed beyond the limit
constexpr int kIncomplete = 5;  // undecided or incomplete

// A subcommand: `run` does the deed once its options are parsed and returns the exit status.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

// Declares a subcommand of `root`, with its one-line purpose and the closing part of its help
// (examples and exit codes).
CLI::App* add_subcommand(CLI::App& root, const std::string& name, const std::string& purpose,
                         const std::string& examples);

// One line of JSON to stdout. A reader that went away is no error. throws Error(kUnavailable):
// stdout cannot be written.
void print_json(const Json& value);
void print_json(const OrderedJson& value);
// Text to stdout, as is. throws as print_json.
void print(const std::string& text);
// One line to stderr, for notes that are not data.
void note(const std::string& text);

// Whether stdout and stderr are terminals that take colour (NO_COLOR and TERM=dumb are heeded).
bool stdout_has_colour();
bool stderr_is_terminal();

// A float at its shortest decimal form that reads back the same float; NaN and infinities as null.
Json json_number(float value);

// Each makes one subcommand. In the order `peira --help` lists them.
Command add_run(CLI::App& root);
Command add_list(CLI::App& root);
Command add_show(CLI::App& root);
Command add_compare(CLI::App& root);
Command add_gate(CLI::App& root);
Command add_tag(CLI::App& root);
Command add_power(CLI::App& root);
Command add_score(CLI::App& root);
Command add_report(CLI::App& root);
Command add_view(CLI::App& root);
Command add_optimize(CLI::App& root);
Command add_export(CLI::App& root);
Command add_import(CLI::App& root);
Command add_experiment(CLI::App& root);
Command add_nightly(CLI::App& root);
Command add_suites(CLI::App& root);
Command add_datasets(CLI::App& root);
Command add_models(CLI::App& root);
Command add_generate(CLI::App& root);
Command add_serve(CLI::App& root);
Command add_tokenize(CLI::App& root);
Command add_sandbox(CLI::App& root);
Command add_bench(CLI::App& root);
Command add_stats(CLI::App& root);
Command add_toolchains(CLI::App& root);

}  // namespace peira::runner::cli
