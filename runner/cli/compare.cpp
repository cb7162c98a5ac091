// peira compare: two runs paired by sample, or more of them ranked.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "reports/json.h"
#include "reports/tables.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner::cli {
namespace {

struct CompareFlags {
  std::vector<std::string> runs, vary;
  std::string store;
  std::optional<double> equivalent_within, no_worse_by;
  std::size_t flips = 10;
  bool unpaired = false, json = false;
};

// The verdict of the margins: what fails before what is open.
int margin_status(const evals::Comparison& comparison) {
  using Outcome = evals::MarginTest::Outcome;
  bool failed = false;
  bool open = false;
  for (const auto& test : {comparison.equivalence, comparison.no_worse}) {
    if (!test) continue;
    failed = failed || test->outcome == Outcome::kFail;
    open = open || test->outcome == Outcome::kInconclusive;
  }
  return failed ? kFailed : open ? kIncomplete : kPassed;
}

int rank(const CompareFlags& flags, const Store& store, const std::vector<std::string>& ids) {
  if (flags.unpaired || flags.equivalent_within || flags.no_worse_by) {
    throw Error(ErrorCode::kUsage,
                "--unpaired, --equivalent-within and --no-worse-by compare two runs, not " +
                    std::to_string(ids.size()));
  }
  const evals::Ranking ranking = rank_runs(store, ids, flags.vary);
  if (flags.json) {
    print_json(reports::to_json(ranking));
  } else {
    print(ranking.verdict + "\n\n" + draw(reports::ranking_table(ranking)) + "\n" +
          draw(reports::ranking_pairs_table(ranking)));
    if (ranking.penalised) {
      note(
          "one run won or lost every question that told runs apart: its strength is held back by "
          "a penalty");
    }
  }
  const bool decided_on_all = std::all_of(ranking.runs.begin(), ranking.runs.end(),
                                          [](const auto& run) { return run.complete; });
  if (!decided_on_all) note("a run is incomplete: only questions answered in all are compared");
  return decided_on_all ? kPassed : kIncomplete;
}

int compare(const CompareFlags& flags) {
  const Store store(
      flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
      Store::Access::kReadOnly);
  if (flags.runs.size() < 2) {
    throw Error(ErrorCode::kUsage, "name two runs or more\n  try: peira compare latest~1 latest");
  }
  std::vector<std::string> ids;
  for (const std::string& run : flags.runs) ids.push_back(store.resolve_run(run));
  if (ids.size() > 2) return rank(flags, store, ids);

  evals::ComparisonOptions options;
  options.unpaired = flags.unpaired;
  options.equivalent_within = flags.equivalent_within;
  options.no_worse_by = flags.no_worse_by;
  const evals::Comparison comparison = compare_runs(store, ids[0], ids[1], flags.vary, options);
  if (flags.json) {
    print_json(reports::to_json(comparison));
  } else {
    print(comparison_text(comparison, flags.flips));
  }
  for (const evals::RunRecord* run : {&comparison.a, &comparison.b}) {
    if (run->decision && run->decision->stopped_early()) {
      note("warning: run " + run->run_id +
           " stopped when its claim was decided: p and intervals here do not allow for that");
    }
  }
  if ((flags.equivalent_within && !comparison.equivalence) ||
      (flags.no_worse_by && !comparison.no_worse)) {
    note("the margin cannot be judged: there is no standard error to judge it by");
    return kIncomplete;
  }
  const bool decided_on_all = comparison.a.complete && comparison.b.complete;
  if (!decided_on_all) note("one of the runs is incomplete: only samples in both are compared");
  return decided_on_all ? margin_status(comparison) : kIncomplete;
}

}  // namespace

Command add_compare(CLI::App& root) {
  CLI::App* app =
      add_subcommand(root, "compare", "Compare two runs, or rank more, paired by sample",
                     R"(Examples  peira compare RUN_A RUN_B --vary prompt
          peira compare latest~1 latest --vary model --flips 50
          peira compare main latest --vary model --no-worse-by 0.01      exit 0: no worse, 1: worse, 5: open
          peira compare a b --vary prompt --equivalent-within 0.02
          peira compare a b c d --vary model                             differences, ranking with intervals
Two runs are compared only if they are equal in everything that --vary does not name; otherwise the
command says what else differs. --vary takes model, prompt, scorer, profile, sampling, seed, engine,
dataset, epochs, limit, method, or all. Runs without a question in common are compared unpaired, and
the first sentence says so. Margins are in score units: 0.01 is a point.)");
  const auto flags = std::make_shared<CompareFlags>();
  app->add_option(
         "RUN", flags->runs,
         "A, the run compared with, then B, the run in question; or three and more (an id, "
         "its start, latest, latest~1)")
      ->required();
  app->add_option("--vary", flags->vary, "what is meant to differ; repeatable")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("--no-worse-by", flags->no_worse_by,
                  "is B at most this much worse than A, at 5 %?");
  app->add_option("--equivalent-within", flags->equivalent_within,
                  "do A and B differ by less than this, at 5 % (two one-sided tests)?");
  app->add_flag("--unpaired", flags->unpaired, "as if the runs had asked different questions");
  app->add_option("--flips", flags->flips, "samples listed whose verdict changed")
      ->capture_default_str();
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "one JSON object, every flip in it");
  return {app, [flags] { return compare(*flags); }};
}

}  // namespace peira::runner::cli
