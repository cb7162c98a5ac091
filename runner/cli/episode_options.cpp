#include "runner/cli/episode_options.h"

#include <utility>

#include "base/error.h"
#include "reports/terminal_table.h"
#include "runner/cli/tables.h"
#include "runner/episodes/exercise_source.h"
#include "runner/episodes/turn_store.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner::cli {
namespace {

constexpr const char* kIndent = "    ";

OrderedJson totals_json(const evals::aider::Totals& totals) {
  OrderedJson out{{"test_cases", totals.completed}};
  for (std::size_t i = 0; i < totals.pass_rate.size(); ++i) {
    out["pass_rate_" + std::to_string(i + 1)] = totals.pass_rate[i];
  }
  for (std::size_t i = 0; i < totals.pass_num.size(); ++i) {
    out["pass_num_" + std::to_string(i + 1)] = totals.pass_num[i];
  }
  out["percent_cases_well_formed"] = totals.percent_cases_well_formed;
  out["error_outputs"] = totals.error_outputs;
  out["num_malformed_responses"] = totals.num_malformed_responses;
  out["num_with_malformed_responses"] = totals.num_with_malformed_responses;
  out["user_asks"] = totals.user_asks;
  out["lazy_comments"] = totals.lazy_comments;
  out["syntax_errors"] = totals.syntax_errors;
  out["indentation_errors"] = totals.indentation_errors;
  out["exhausted_context_windows"] = totals.exhausted_context_windows;
  out["prompt_tokens"] = totals.prompt_tokens;
  out["completion_tokens"] = totals.completion_tokens;
  out["test_timeouts"] = totals.test_timeouts;
  return out;
}

std::vector<std::string> table_row(const std::string& name, const evals::aider::Totals& totals) {
  const auto rate = [&](std::size_t index) {
    return index < totals.pass_rate.size() ? fixed(totals.pass_rate[index], 1) : std::string("-");
  };
  return {name,
          std::to_string(totals.completed),
          rate(0),
          rate(1),
          fixed(totals.percent_cases_well_formed, 1),
          std::to_string(totals.error_outputs),
          std::to_string(totals.exhausted_context_windows),
          std::to_string(totals.test_timeouts)};
}

}  // namespace

void add_episode_flags(CLI::App& app, EpisodeFlags& flags) {
  app.add_option("--edit-format", flags.edit_format,
                 "how files are edited: whole, diff or diff-fenced (aider-polyglot) [whole]")
      ->check(CLI::IsMember({"whole", "diff", "diff-fenced"}))
      ->group("Questions");
  app.add_option("--languages", flags.languages,
                 "exercises in these languages only, comma-separated (aider-polyglot) [all that "
                 "can be run here: peira toolchains]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group("Questions");
  app.add_flag("--unsafe-no-sandbox", flags.unsafe_no_sandbox,
               "run programs that the model wrote as yourself, isolated by nothing; the manifest "
               "says so")
      ->group("Run");
}

void Programs::equip(RunOptions& options) {
  const bool is_exercises = options.suite.data_kind == "exercises";
  if (!is_exercises && (!flags_.edit_format.empty() || !flags_.languages.empty())) {
    throw Error(ErrorCode::kUsage,
                std::string(flags_.edit_format.empty() ? "--languages" : "--edit-format") +
                    ": suite " + options.suite.name + " has no exercises\n  try: aider-polyglot");
  }
  if (!flags_.edit_format.empty()) {
    if (!options.profile.empty() && options.profile != flags_.edit_format) {
      throw Error(ErrorCode::kUsage, "--profile " + options.profile + " and --edit-format " +
                                         flags_.edit_format + " contradict each other");
    }
    options.profile = flags_.edit_format;
  }
  if (!options.suite.profile(options.profile).episode) return;
  if (runner_ == nullptr) {
    runner_ = open_code_runner({.num_workers = 0, .unsafe_no_sandbox = flags_.unsafe_no_sandbox});
    toolchains_ = detect_toolchains();
  }
  options.programs = runner_.get();
  options.toolchains = toolchains_;
  if (is_exercises) {
    RunnableExercises runnable = runnable_exercises(options.samples, toolchains_, flags_.languages);
    options.samples = std::move(runnable.source);
    options.notes = std::move(runnable.left_out);
  }
}

std::string editing_text(const EditingTotals& totals) {
  std::string out = "edit_format: " + totals.edit_format + "\n";
  const OrderedJson sums_of_all = totals_json(totals.all);
  for (const auto& [key, value] : sums_of_all.items()) {
    out += "  " + key + ": " +
           (value.is_number_float() ? fixed(value.get<double>(), 1) : dump_json(Json(value))) +
           "\n";
  }
  reports::Table table;
  table.headers = {"language",    "cases",  "pass_rate_1",       "pass_rate_2",
                   "well_formed", "errors", "exhausted windows", "timeouts"};
  for (const auto& [language, sums] : totals.by_language) {
    table.rows.push_back(table_row(language, sums));
  }
  if (totals.by_language.size() > 1) table.rows.push_back(table_row("all", totals.all));
  return out + "\n" + draw(table);
}

OrderedJson editing_json(const EditingTotals& totals) {
  OrderedJson out = totals_json(totals.all);
  out["edit_format"] = totals.edit_format;
  OrderedJson languages = OrderedJson::object();
  for (const auto& [language, sums] : totals.by_language) languages[language] = totals_json(sums);
  out["languages"] = std::move(languages);
  return out;
}

OrderedJson turns_json(const Store& store, const RunInfo& run, const SampleStory& story) {
  OrderedJson list = OrderedJson::array();
  const TurnStore turns(store.path(), TurnStore::Access::kReadOnly);
  for (const Turn& turn : turns.turns(run.transcript_key, story.sample.row, story.answer.epoch)) {
    list.push_back({{"turn", turn.number},
                    {"kind", turn.kind},
                    {"asked", parse_json(turn.asked, "a stored turn")},
                    {"result", turn.result},
                    {"seconds", turn.seconds},
                    {"cached", turn.cached}});
  }
  return list;
}

std::string turns_text(const Store& store, const RunInfo& run, const SampleStory& story) {
  const TurnStore turns(store.path(), TurnStore::Access::kReadOnly);
  std::string out;
  for (const Turn& turn : turns.turns(run.transcript_key, story.sample.row, story.answer.epoch)) {
    const Json asked = parse_json(turn.asked, "a stored turn");
    const std::string took = turn.cached ? "from an earlier run" : fixed(turn.seconds, 1) + " s";
    out += "\n-- turn " + std::to_string(turn.number);
    if (turn.kind == "ask") {
      out += ": asked, " + took + "\n";
      // What was said before is above, or is the same each time; the first turn shows it all.
      const std::size_t first = turn.number == 0 || asked.empty() ? 0 : asked.size() - 1;
      for (std::size_t i = first; i < asked.size(); ++i) {
        out += asked[i].value("role", "?") + ":\n" + quoted(asked[i].value("content", ""), kIndent);
      }
      const std::string reasoning = turn.result.value("reasoning", "");
      if (!reasoning.empty()) out += "reasoning:\n" + quoted(reasoning, kIndent);
      out += "reply (" + turn.result.value("finish_reason", "?") + ", " +
             std::to_string(turn.result.value("completion_tokens", 0)) + " tokens):\n" +
             quoted(turn.result.value("text", ""), kIndent);
    } else {
      out += ": tests of " + asked.value("toolchain", "?") + ", " + took + ", " +
             turn.result.value("cause_name", "?") + " " +
             std::to_string(turn.result.value("exit_code", -1)) + "\n" +
             quoted(turn.result.value("out", ""), kIndent);
      const std::string detail = turn.result.value("detail", "");
      if (!detail.empty()) out += "  " + detail + "\n";
    }
  }
  return out;
}

}  // namespace peira::runner::cli
