// What suites of several turns need on the command line, and how their runs are told.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/code_runner.h"
#include "runner/episodes/episode_run.h"
#include "runner/executor.h"
#include "runner/store.h"

namespace peira::runner::cli {

struct EpisodeFlags {
  std::string edit_format;
  std::vector<std::string> languages;
  bool unsafe_no_sandbox = false;
};
void add_episode_flags(CLI::App& app, EpisodeFlags& flags);

// What runs programs, opened once for a command.
class Programs {
 public:
  explicit Programs(const EpisodeFlags& flags) : flags_(flags) {}

  // Gives `options` of a suite of several turns what it needs; of another suite, refuses the flags.
  // throws  Error(kUsage): flags that do not fit; Error(kUnavailable): no sandbox here, or no
  //         exercise that can be run.
  void equip(RunOptions& options);

 private:
  const EpisodeFlags& flags_;
  std::unique_ptr<evals::CodeRunner> runner_;
  std::vector<Toolchain> toolchains_;
};

// The sums as aider's leaderboard names them, and a table by language.
std::string editing_text(const EditingTotals& totals);
OrderedJson editing_json(const EditingTotals& totals);

// The turns of one conversation as people read them; "" when it had none.
std::string turns_text(const Store& store, const RunInfo& run, const SampleStory& story);
// The same as a list; empty when there were none.
OrderedJson turns_json(const Store& store, const RunInfo& run, const SampleStory& story);

}  // namespace peira::runner::cli
