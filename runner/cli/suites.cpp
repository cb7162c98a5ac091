// peira suites: what can be run.

#include <memory>
#include <string>

#include "evals/suite.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/strategies.h"
#include "runner/cli/tables.h"

namespace peira::runner::cli {
namespace {

OrderedJson as_json(const evals::Suite& suite) {
  OrderedJson profiles = OrderedJson::array();
  for (const evals::Profile& profile : suite.profiles) {
    profiles.push_back(
        {{"name", profile.name}, {"version", profile.version}, {"source", profile.source}});
  }
  return {{"name", suite.name},
          {"title", suite.title},
          {"default_data", suite.default_data},
          {"profiles", std::move(profiles)},
          {"breakdowns", suite.breakdowns},
          {"default_max_tokens", suite.default_max_tokens}};
}

int suites(bool json) {
  if (json) {
    OrderedJson all = OrderedJson::array();
    for (const evals::Suite& suite : evals::registered_suites()) all.push_back(as_json(suite));
    print_json(OrderedJson{{"suites", std::move(all)}, {"strategies", strategies_json()}});
    return kPassed;
  }
  reports::Table table{.headers = {"suite", "profile", "reproduces"}, .rows = {}, .alignments = {}};
  std::string titles;
  for (const evals::Suite& suite : evals::registered_suites()) {
    titles += suite.name + ": " + suite.title +
              (suite.default_data.empty() ? " (needs --data)"
                                          : " (data: " + suite.default_data + " unless --data)") +
              "\n";
    for (std::size_t i = 0; i < suite.profiles.size(); ++i) {
      const evals::Profile& profile = suite.profiles[i];
      table.rows.push_back(
          {i == 0 ? suite.name : "", profile.name + (i == 0 ? " (default)" : ""), profile.source});
    }
  }
  print(titles + "\n" + draw(table) +
        "\nprompts: official, direct, chain-of-thought, few-shot-N, a template file, or a strategy "
        "by name:\n\n" +
        strategies_text());
  return kPassed;
}

}  // namespace

Command add_suites(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "suites", "List the suites, their profiles and prompts",
                                 "Examples  peira suites\n          peira suites --json");
  const auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json, "one JSON object");
  return {app, [json] { return suites(*json); }};
}

}  // namespace peira::runner::cli
