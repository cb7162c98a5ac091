// peira experiment benchmark: an experiment whose arms are benchmark runs, paired by question.

#include <algorithm>
#include <map>

#include "base/error.h"
#include "reports/json.h"
#include "reports/terminal_table.h"
#include "runner/cli/experiment/common.h"
#include "runner/cli/tables.h"
#include "runner/store.h"
#include "runner/summary.h"
#include "stats/multiple_comparisons.h"

namespace peira::runner::cli {
namespace {

struct BenchmarkFlags {
  std::vector<std::string> arms, guardrails, vary{"model", "prompt"};
  std::string store;
  double alpha = 0.05;
  bool json = false;
};

struct Arm {
  std::string key;
  std::map<std::string, std::string> runs;  // by suite
};

// One suite of one arm against the control.
struct SuiteResult {
  std::string suite, arm;
  evals::Comparison comparison;
  std::optional<double> adjusted_p;
  bool is_guardrail = false;
  std::string verdict;
};

std::pair<std::string, std::string> keyed(const std::string& text, const char* option) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw Error(ErrorCode::kUsage, std::string(option) + " '" + text + "' is not NAME=VALUE");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<Arm> arms_of(const BenchmarkFlags& flags, const Store& store) {
  std::vector<Arm> arms;
  for (const std::string& text : flags.arms) {
    const auto [key, runs] = keyed(text, "--arm");
    if (std::ranges::find(arms, key, &Arm::key) != arms.end()) {
      throw Error(ErrorCode::kUsage, "two arms are called '" + key + "'");
    }
    Arm arm{.key = key, .runs = {}};
    for (std::size_t begin = 0; begin <= runs.size();) {
      const std::size_t end = std::min(runs.find(',', begin), runs.size());
      const std::string run = store.resolve_run(runs.substr(begin, end - begin));
      const std::string suite = summarize(store, run).suite;
      if (!arm.runs.emplace(suite, run).second) {
        throw Error(ErrorCode::kUsage, "arm '" + key + "' has two runs of suite " + suite);
      }
      begin = end + 1;
    }
    arms.push_back(std::move(arm));
  }
  if (arms.size() < 2) {
    throw Error(ErrorCode::kUsage,
                "a control and another arm are needed\n  try: --arm control=RUN --arm new=RUN");
  }
  for (const Arm& arm : arms) {
    for (const auto& [suite, run] : arms[0].runs) {
      if (!arm.runs.contains(suite)) {
        throw Error(ErrorCode::kUsage, "arm '" + arm.key + "' has no run of suite " + suite +
                                           ", which the control has");
      }
    }
    if (arm.runs.size() != arms[0].runs.size()) {
      throw Error(ErrorCode::kUsage,
                  "arm '" + arm.key + "' has runs of suites that the control has not");
    }
  }
  return arms;
}

std::string p_text(std::optional<double> p) {
  if (!p) return "-";
  return *p < 0.0001 ? "<0.0001" : fixed(*p, 4);
}

// A guardrail must be shown not to lose its margin; any other suite decides, after Holm.
std::string verdict_of(const SuiteResult& result, double alpha) {
  const evals::Comparison& c = result.comparison;
  if (result.is_guardrail) {
    if (!c.no_worse) return "no test";
    switch (c.no_worse->outcome) {
      case evals::MarginTest::Outcome::kPass:
        return "holds";
      case evals::MarginTest::Outcome::kFail:
        return "harmed";
      case evals::MarginTest::Outcome::kInconclusive:
        return "undecided";
    }
  }
  if (!result.adjusted_p) return "no test";
  if (*result.adjusted_p >= alpha) return "no difference shown";
  return c.difference > 0 ? "improved" : "worse";
}

struct ArmVerdict {
  std::string decision, reason;
};

ArmVerdict verdict_of_arm(const std::vector<SuiteResult>& results, const std::string& arm) {
  std::map<std::string, std::string> suites;  // by verdict
  for (const SuiteResult& result : results) {
    if (result.arm != arm) continue;
    std::string& names = suites[result.verdict];
    names += (names.empty() ? "" : ", ") + result.suite;
  }
  const bool guards_open = suites.contains("undecided");
  if (suites.contains("worse")) return {"keep-control", "worse on " + suites["worse"]};
  if (suites.contains("harmed")) return {"keep-control", "harms " + suites["harmed"]};
  if (!suites.contains("improved")) return {"undecided", "no suite shows a difference"};
  if (guards_open) {
    return {"undecided", "better on " + suites["improved"] + ", but " + suites["undecided"] +
                             " is not yet shown to hold"};
  }
  if (suites.contains("no test")) {
    return {"undecided", "no test of " + suites["no test"] + " is possible"};
  }
  return {"ship", "better on " + suites["improved"]};
}

int benchmark(const BenchmarkFlags& flags) {
  if (!(flags.alpha > 0 && flags.alpha < 0.5)) {
    throw Error(ErrorCode::kUsage, "--alpha must lie between 0 and 1/2");
  }
  const Store store(
      flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
      Store::Access::kReadOnly);
  const std::vector<Arm> arms = arms_of(flags, store);
  std::map<std::string, double> margins;
  for (const std::string& text : flags.guardrails) {
    const auto [suite, margin] = keyed(text, "--guardrail");
    char* end = nullptr;
    margins[suite] = std::strtod(margin.c_str(), &end);
    if (*end != '\0' || !(margins[suite] > 0)) {
      throw Error(ErrorCode::kUsage, "--guardrail '" + text + "': a margin above 0 is needed");
    }
    if (!arms[0].runs.contains(suite)) {
      throw Error(ErrorCode::kUsage, "--guardrail: no arm has a run of suite " + suite);
    }
  }
  bool is_complete = true;
  std::vector<SuiteResult> results;
  for (std::size_t i = 1; i < arms.size(); ++i) {
    for (const auto& [suite, run] : arms[i].runs) {
      evals::ComparisonOptions options;
      options.confidence = 1 - flags.alpha;
      const auto margin = margins.find(suite);
      if (margin != margins.end()) options.no_worse_by = margin->second;
      SuiteResult result;
      result.suite = suite;
      result.arm = arms[i].key;
      result.is_guardrail = margin != margins.end();
      result.comparison = compare_runs(store, arms[0].runs.at(suite), run, flags.vary, options);
      is_complete = is_complete && result.comparison.a.complete && result.comparison.b.complete;
      results.push_back(std::move(result));
    }
  }
  std::vector<double> p_values;
  std::vector<SuiteResult*> tested;
  for (SuiteResult& result : results) {
    if (result.is_guardrail || !result.comparison.p_value) continue;
    p_values.push_back(*result.comparison.p_value);
    tested.push_back(&result);
  }
  const std::vector<double> adjusted = stats::holm(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->adjusted_p = adjusted[i];
  for (SuiteResult& result : results) result.verdict = verdict_of(result, flags.alpha);

  OrderedJson verdicts = OrderedJson::array();
  std::string text;
  bool any_ship = false, all_keep = true;
  for (std::size_t i = 1; i < arms.size(); ++i) {
    ArmVerdict verdict = verdict_of_arm(results, arms[i].key);
    if (!is_complete && verdict.decision == "ship") {
      verdict = {"undecided", "a run is incomplete or was stopped early"};
    }
    any_ship = any_ship || verdict.decision == "ship";
    all_keep = all_keep && verdict.decision == "keep-control";
    verdicts.push_back(
        {{"arm", arms[i].key}, {"decision", verdict.decision}, {"reason", verdict.reason}});
    text += arms[i].key + ": " + verdict.decision + ", " + verdict.reason + "\n";
  }
  if (flags.json) {
    OrderedJson suites = OrderedJson::array();
    for (const SuiteResult& result : results) {
      suites.push_back(
          {{"suite", result.suite},
           {"arm", result.arm},
           {"verdict", result.verdict},
           {"guardrail", result.is_guardrail},
           {"adjusted_p", result.adjusted_p ? OrderedJson(*result.adjusted_p) : OrderedJson()},
           {"comparison", reports::to_json(result.comparison)}});
    }
    print_json(OrderedJson{
        {"control", arms[0].key}, {"alpha", flags.alpha}, {"arms", verdicts}, {"suites", suites}});
  } else {
    reports::Table table{
        .headers = {"Suite", "Arm", "Questions", "Control", "Arm's", "Change", "CI", "p",
                    "Adjusted", "Verdict"},
        .rows = {},
        .alignments = {reports::Align::kLeft, reports::Align::kLeft, reports::Align::kRight,
                       reports::Align::kRight, reports::Align::kRight, reports::Align::kRight,
                       reports::Align::kRight, reports::Align::kRight, reports::Align::kRight}};
    for (const SuiteResult& result : results) {
      const evals::Comparison& c = result.comparison;
      const auto points = [](double value) {
        return (value > 0 ? "+" : "") + fixed(100 * value, 1);
      };
      table.rows.push_back({result.suite, result.arm, std::to_string(c.num_pairs),
                            fixed(100 * c.mean_a, 1), fixed(100 * c.mean_b, 1),
                            points(c.difference),
                            c.low && c.high ? points(*c.low) + " to " + points(*c.high) : "-",
                            p_text(c.p_value), p_text(result.adjusted_p),
                            result.verdict + (result.is_guardrail ? " (guardrail)" : "")});
    }
    print(
        text + "\n" + draw(table) +
        "Scores in points, paired by question; adjusted: Holm over suites and arms that decide.\n");
  }
  return any_ship ? kPassed : all_keep ? kFailed : kIncomplete;
}

}  // namespace

std::vector<Command> add_experiment_benchmark(CLI::App& group) {
  const auto flags = std::make_shared<BenchmarkFlags>();
  CLI::App* app = add_subcommand(
      group, "benchmark", "An experiment whose arms are runs: models and prompts over suites",
      R"(Examples  peira experiment benchmark --arm control=GPQA_RUN,AIME_RUN --arm new=GPQA_RUN2,AIME_RUN2
          peira experiment benchmark --arm control=RUN --arm new=RUN --guardrail aime=0.02
An arm is a run of each suite. Suites decide, paired by question and corrected by Holm; a guardrail
must only be shown not to lose its margin.
Verdicts  0 an arm is to be shipped · 1 keep the control · 5 undecided)");
  app->add_option("--arm", flags->arms, "NAME=RUN[,RUN...]; repeat it, the control first")
      ->allow_extra_args(false)
      ->required();
  app->add_option("--guardrail", flags->guardrails, "SUITE=MARGIN, e.g. aime=0.02")
      ->allow_extra_args(false);
  app->add_option("--vary", flags->vary, "what is meant to differ, as for peira compare")
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("--alpha", flags->alpha, "error level")->capture_default_str();
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "JSON on standard output");
  return {{app, [flags] { return benchmark(*flags); }}};
}

}  // namespace peira::runner::cli
