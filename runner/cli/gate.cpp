// peira gate: claims about runs, decided at a stated error. peira tag: names for baselines.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "reports/gate.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/durations.h"
#include "runner/gate/gate_runs.h"
#include "runner/nightly/night_store.h"
#include "runner/revision.h"
#include "runner/run_cost.h"

namespace peira::runner::cli {
namespace {

struct GateFlags {
  std::vector<std::string> runs, vary, min, max;
  std::string policy, no_worse_than, equivalent_to, junit, summary_md, branch, prices, store;
  std::optional<double> alpha, by, within;
  std::optional<std::int64_t> min_items;
  bool github = false, json = false;
};

std::filesystem::path store_path(const std::string& flag) {
  return flag.empty() ? Store::default_path() : std::filesystem::path(flag);
}

// "gpqa.unparsed=0.02". The value of a cell may hold "=", the number does not.
evals::Gate parse_bound(const std::string& text, evals::GateKind kind, const char* flag) {
  const std::size_t equals = text.rfind('=');
  const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
  char* end = nullptr;
  const double bound = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0') {
    throw Error(ErrorCode::kUsage, std::string(flag) + " " + text + ": \"" + number +
                                       "\" is no number\n  try: " + flag + " gpqa=0.80");
  }
  evals::Gate gate;
  gate.kind = kind;
  gate.target = evals::parse_gate_target(text.substr(0, equals));
  gate.bound = bound;
  return gate;
}

GatePlan plan_of(const GateFlags& flags, const std::vector<std::string>& suites) {
  GatePlan plan;
  if (!flags.policy.empty()) plan = read_gate_plan(flags.policy);
  std::vector<evals::Gate>& gates = plan.policy.gates;
  const std::size_t from_file = gates.size();
  for (const auto& text : flags.min) {
    gates.push_back(parse_bound(text, evals::GateKind::kMin, "--min"));
  }
  for (const auto& text : flags.max) {
    gates.push_back(parse_bound(text, evals::GateKind::kMax, "--max"));
  }
  constexpr double kDefaultMargin = 0.01;
  for (const std::string& suite : suites) {
    evals::Gate gate;
    gate.target.suite = suite;
    if (!flags.no_worse_than.empty()) {
      gate.kind = evals::GateKind::kNoWorse;
      gate.baseline = flags.no_worse_than;
      gate.bound = flags.by.value_or(kDefaultMargin);
      gates.push_back(gate);
    }
    if (!flags.equivalent_to.empty()) {
      if (!flags.within) {
        throw Error(ErrorCode::kUsage,
                    "--equivalent-to needs a margin\n  try: --within 0.01 for one point");
      }
      gate.kind = evals::GateKind::kEquivalent;
      gate.baseline = flags.equivalent_to;
      gate.bound = *flags.within;
      gates.push_back(gate);
    }
  }
  if (flags.by && flags.no_worse_than.empty()) {
    throw Error(ErrorCode::kUsage, "--by goes with --no-worse-than");
  }
  if (flags.within && flags.equivalent_to.empty()) {
    throw Error(ErrorCode::kUsage, "--within goes with --equivalent-to");
  }
  for (std::size_t i = from_file; i < gates.size(); ++i) gates[i].min_items = flags.min_items;
  if (flags.alpha) plan.policy.alpha = *flags.alpha;
  plan.vary.insert(plan.vary.end(), flags.vary.begin(), flags.vary.end());
  return plan;
}

void append_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::app | std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::kUnavailable, path + ": cannot be written");
}

int gate(const GateFlags& flags) {
  const Store store(store_path(flags.store), Store::Access::kReadOnly);
  std::vector<std::string> ids, suites;
  for (const std::string& run : flags.runs) {
    const std::string id = store.resolve_run(run);
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) continue;
    ids.push_back(id);
    suites.push_back(store.run(id).suite);
  }
  const GatePlan plan = plan_of(flags, suites);
  Tags tags(store.path());
  // --prices stands before the policy's own.
  const evals::GateReport report = gate_runs(
      store, tags, plan, ids,
      gate_sources(flags.prices.empty() ? plan : GatePlan{}, prices_for(store, flags.prices)));

  // Files first: a reader of them must find them whatever becomes of stdout.
  if (!flags.junit.empty()) write_file_atomic(flags.junit, reports::render_junit(report));
  if (!flags.summary_md.empty())
    append_file(flags.summary_md, reports::render_gate_markdown(report));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    // Where the run was made, not where it is judged.
    Revision revision = revision_from(store.run(ids[i]).manifest);
    if (revision.branch.empty()) revision = revision_of(".");
    if (!flags.branch.empty()) revision.branch = flags.branch;
    tags.record({ids[i], suites[i], revision.branch, revision.commit,
                 evals::to_string(report.status), utc_now()});
  }
  if (flags.json) {
    print_json(reports::to_json(report));
  } else {
    print(reports::printable(report.headline) + "\n\n" + draw(reports::gate_table(report)) + "\n" +
          reports::gate_error_note(report) + "\n");
  }
  if (flags.github) print(reports::render_github(report));
  switch (report.status) {
    case evals::GateStatus::kPass:
      return kPassed;
    case evals::GateStatus::kFail:
      return kFailed;
    case evals::GateStatus::kUndecided:
      break;
  }
  return kIncomplete;
}

struct TagFlags {
  std::string run, name, remove, store;
  bool list = false, json = false;
};

int tag(const TagFlags& flags) {
  const Store store(store_path(flags.store), Store::Access::kReadOnly);
  if (!flags.remove.empty()) {
    Tags(store.path()).remove(flags.remove);
    return kPassed;
  }
  if (!flags.run.empty()) {
    if (flags.name.empty()) {
      throw Error(ErrorCode::kUsage, "a tag needs a name\n  try: peira tag " + flags.run + " main");
    }
    const std::string id = store.resolve_run(flags.run);
    Tags(store.path()).set(flags.name, id);
    note(flags.name + " is " + id);
    return kPassed;
  }
  const auto tags = Tags(store.path(), Tags::Access::kReadOnly).list();
  if (flags.json) {
    OrderedJson all = OrderedJson::object();
    for (const auto& [name, run] : tags) all[name] = run;
    print_json(all);
    return kPassed;
  }
  reports::Table table;
  table.headers = {"Tag", "Run"};
  for (const auto& [name, run] : tags) table.rows.push_back({name, run});
  print(tags.empty() ? "no tags\n" : draw(table));
  return kPassed;
}

}  // namespace

Command add_gate(CLI::App& root) {
  CLI::App* app =
      add_subcommand(root, "gate", "Decide claims about runs: pass, fail or undecided",
                     R"(Examples  peira gate latest --min gpqa=0.80 --max gpqa.unparsed=0.02
          peira gate latest --no-worse-than last-green@main --by 0.01 --vary model
          peira gate latest --equivalent-to before-upgrade --within 0.02 --vary engine
          peira gate RUN_GPQA RUN_AIME --policy gates.json --junit gates.xml --github
Targets   SUITE, SUITE.METRIC or SUITE[FIELD=VALUE].METRIC; metrics: accuracy, pass@K, unparsed,
          truncated, refused, empty, failed, latency.mean, .p50, .p95 (seconds), prompt_tokens,
          completion_tokens, cost
Baselines a run, a tag (peira tag), or last-green@BRANCH: the newest other run of the suite that passed
          its gates there; until one has, the newest complete run made there that did not fail.
          A run remembers its branch: GITHUB_HEAD_REF, GITHUB_REF_NAME or the git folder's; --branch
          says another. Cost is dollars an answer, by --prices, the policy's or prices.json beside
          the store.
Verdicts  come from tests, not from points; the error rates are stated below the table. An incomplete,
          limited, empty or degenerate run, or one that is its own baseline, never passes.)");
  const auto flags = std::make_shared<GateFlags>();
  app->add_option("RUN", flags->runs, "the runs judged, one a suite")->required();
  app->add_option("--policy", flags->policy, "gates as JSON (README.md shows one)");
  const auto list = [app](const char* name, std::vector<std::string>& to, const char* text) {
    app->add_option(name, to, text)->allow_extra_args(false);
  };
  list("--min", flags->min, "TARGET=BOUND, e.g. gpqa=0.80; repeatable");
  list("--max", flags->max, "TARGET=BOUND, e.g. gpqa.unparsed=0.02; repeatable");
  app->add_option("--no-worse-than", flags->no_worse_than, "baseline of every run given");
  app->add_option("--by", flags->by, "the loss that can be borne [0.01]");
  app->add_option("--equivalent-to", flags->equivalent_to, "baseline of every run given");
  app->add_option("--within", flags->within, "the difference that does not matter");
  app->add_option("--vary", flags->vary, "what may differ from the baseline; repeatable")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("--min-items", flags->min_items,
                  "questions that must have a score [the whole dataset asked]");
  app->add_option("--alpha", flags->alpha, "error of the whole policy, either way [0.05]");
  app->add_option("--prices", flags->prices,
                  "JSON table of prices for gates on cost [the policy's, else prices.json]");
  app->add_option("--branch", flags->branch, "where the outcome counts for last-green");
  app->add_option("--junit", flags->junit, "write JUnit XML here");
  app->add_option("--summary-md", flags->summary_md,
                  "append Markdown here, e.g. \"$GITHUB_STEP_SUMMARY\"");
  app->add_flag("--github", flags->github, "print GitHub annotations too");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "one JSON object");
  return {app, [flags] { return gate(*flags); }};
}

Command add_tag(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "tag", "Name a run, as a baseline for gates",
                                 R"(Examples  peira tag latest main
          peira tag latest main/gpqa       what "main" means for suite gpqa
          peira tag --list
          peira tag --remove main)");
  const auto flags = std::make_shared<TagFlags>();
  app->add_option("RUN", flags->run, "the run");
  app->add_option("NAME", flags->name, "its name; moves if it was another run's");
  app->add_flag("--list", flags->list, "all tags (the default without a run)");
  app->add_option("--remove", flags->remove, "forget a tag, not its run");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "one JSON object");
  return {app, [flags] { return tag(*flags); }};
}

}  // namespace peira::runner::cli
