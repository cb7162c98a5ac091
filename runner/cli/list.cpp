// peira list: the runs of a store.

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evals/stop_rule.h"
#include "reports/details_tables.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/run_cost.h"
#include "runner/store.h"

namespace peira::runner::cli {
namespace {

struct ListFlags {
  std::string store, suite, prices;
  bool json = false;
};

OrderedJson as_json(const RunInfo& run, const std::optional<RunCost>& cost) {
  OrderedJson out{{"run_id", run.id},
                  {"suite", run.suite},
                  {"profile", run.profile},
                  {"variant", run.variant},
                  {"model", run.model},
                  {"dataset", run.dataset},
                  {"method", run.method},
                  {"status", run.status()},
                  {"answers", run.answers},
                  {"expected_answers", run.expected_answers},
                  {"failures", run.failures},
                  {"epochs", run.epochs},
                  {"seed", run.seed},
                  {"started_at", run.started_at},
                  {"finished_at", run.finished_at},
                  {"wall_s", run.wall_s}};
  out["mean_score"] = run.answers > 0
                          ? OrderedJson(run.value_sum / static_cast<double>(run.answers))
                          : OrderedJson(nullptr);
  if (cost) out["cost_usd"] = cost->dollars;
  if (run.decision) out["decision"] = evals::to_json(*run.decision);
  if (!run.why_stopped.empty()) out["why_stopped"] = run.why_stopped;
  if (!run.rescored_from.empty()) out["rescored_from"] = run.rescored_from;
  return out;
}

int list(const ListFlags& flags) {
  const std::filesystem::path path =
      flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store);
  std::vector<RunInfo> runs;
  std::vector<std::optional<RunCost>> costs;  // a run each
  bool has_prices = false;
  if (std::filesystem::exists(path) || !flags.store.empty()) {
    const Store store(path, Store::Access::kReadOnly);
    const PriceTable prices = prices_for(store, flags.prices);
    has_prices = !prices.empty();
    for (RunInfo& run : store.runs()) {
      if (!flags.suite.empty() && run.suite != flags.suite) continue;
      costs.push_back(run_cost(store, run, prices));
      runs.push_back(std::move(run));
    }
  }
  if (flags.json) {
    OrderedJson all = OrderedJson::array();
    for (std::size_t i = 0; i < runs.size(); ++i) all.push_back(as_json(runs[i], costs[i]));
    print_json(OrderedJson{{"runs", std::move(all)}});
    return kPassed;
  }
  if (runs.empty()) {
    note("no runs in " + path.string() + "\n  try: peira run gpqa aime --model bundled");
    return kPassed;
  }
  using reports::Align;
  reports::Table table{
      .headers = {"run", "suite", "profile", "prompt", "model", "answers", "score", "status"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft,
                     Align::kRight, Align::kRight, Align::kLeft}};
  if (has_prices) {
    table.headers.push_back("cost");
    table.alignments.push_back(Align::kRight);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunInfo& run = runs[i];
    char score[32] = "-";
    if (run.answers > 0) {
      std::snprintf(score, sizeof(score), "%.3f", run.value_sum / static_cast<double>(run.answers));
    }
    table.rows.push_back({run.id, run.suite, run.profile, run.variant, run.model,
                          std::to_string(run.answers) + "/" + std::to_string(run.expected_answers),
                          score, run.status()});
    if (has_prices) {
      table.rows.back().push_back(costs[i] ? reports::dollars_text(costs[i]->dollars) : "-");
    }
  }
  print(draw(table));
  return kPassed;
}

}  // namespace

Command add_list(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "list", "List the runs, newest first",
                                 R"(Examples  peira list
          peira list --suite gpqa --json
          peira list --prices prices.json      {"gpt-x": {"input": 1.25, "output": 10}}: dollars a
                                               million tokens, also by "gpt-x@URL" and with "since"
"score" is the plain mean over answers; peira report adds the intervals. The score of a "stopped" run
(--stop-when) is of the questions it had asked when its claim was decided.)");
  const auto flags = std::make_shared<ListFlags>();
  app->add_option("--suite", flags->suite, "runs of this suite only");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_option("--prices", flags->prices,
                  "what models' tokens cost, for a column of costs [prices.json beside the store]")
      ->type_name("FILE");
  app->add_flag("--json", flags->json, "one JSON object");
  return {app, [flags] { return list(*flags); }};
}

}  // namespace peira::runner::cli
