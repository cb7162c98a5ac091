#include "runner/cli/strategies.h"

#include "evals/prompt_strategies.h"
#include "runner/cli/tables.h"

namespace peira::runner::cli {
namespace {

std::string fits(evals::StrategyFit fit) {
  switch (fit) {
    case evals::StrategyFit::kAny:
      return "every question";
    case evals::StrategyFit::kChoices:
      return "questions with options";
    case evals::StrategyFit::kCode:
      return "questions with code";
    case evals::StrategyFit::kMedia:
      break;
  }
  return "questions with media";
}

}  // namespace

std::string strategies_text() {
  reports::Table table{
      .headers = {"prompt", "kind", "fits", "what it does"}, .rows = {}, .alignments = {}};
  for (const evals::PromptStrategy& strategy : evals::prompt_strategies()) {
    table.rows.push_back({std::string(strategy.name), std::string(strategy.kind),
                          fits(strategy.fit), std::string(strategy.title)});
  }
  return draw(table);
}

OrderedJson strategies_json() {
  OrderedJson all = OrderedJson::array();
  for (const evals::PromptStrategy& strategy : evals::prompt_strategies()) {
    all.push_back({{"name", strategy.name},
                   {"kind", strategy.kind},
                   {"fits", fits(strategy.fit)},
                   {"title", strategy.title},
                   {"template", strategy.template_text}});
  }
  return all;
}

}  // namespace peira::runner::cli
