// peira show: a run's breakdowns, or one sample's whole story.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "reports/details_tables.h"
#include "reports/json.h"
#include "runner/cli/command.h"
#include "runner/cli/episode_options.h"
#include "runner/cli/shown_media.h"
#include "runner/cli/tables.h"
#include "runner/run_cost.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner::cli {
namespace {

struct ShowFlags {
  std::string run = "latest", sample, store, state, prices;
  bool wrong = false, right = false, json = false;
  int epoch = -1;
  std::int64_t max_samples = 20;
};

bool is_beyond(const RunInfo& run, const SampleStory& story) {
  if (!run.decision) return false;
  const std::vector<std::int64_t>& rows = run.decision->rows_beyond;
  return std::find(rows.begin(), rows.end(), story.sample.row) != rows.end();
}

OrderedJson as_json(const Store& store, const RunInfo& run, const SampleStory& story) {
  const evals::Score& score = story.answer.score;
  OrderedJson out{{"sample_id", story.sample.id},      {"row", story.sample.row},
                  {"epoch", story.answer.epoch},       {"cluster", story.sample.cluster},
                  {"metadata", story.sample.metadata}, {"permutation", story.answer.permutation},
                  {"gold", story.answer.gold}};
  out["messages"] =
      story.transcript.messages.empty()
          ? OrderedJson(nullptr)
          : messages_with_media(parse_json(story.transcript.messages, "stored messages"),
                                ShownMedia(store.path(), run.manifest));
  // What made the prompt of the messages: the chat template's digest, its options and its date.
  if (run.manifest.is_object() && run.manifest.contains("values")) {
    out["template"] = run.manifest["values"].value("template", Json(nullptr));
    out["response_format"] = run.manifest["values"].value("response_format", Json(nullptr));
  }
  out["prompt_text"] = story.transcript.prompt_text;
  out["prompt_tokens"] = story.transcript.prompt_tokens;
  out["response"] = story.transcript.response;
  out["reasoning"] = story.transcript.reasoning;
  out["tokens"] = story.transcript.tokens;
  if (!story.transcript.continuations.empty()) {
    out["continuations"] = story.transcript.continuations;
    out["continuation_logprobs"] = story.transcript.continuation_logprobs;
  }
  if (!story.transcript.shots.empty()) out["shots"] = story.transcript.shots;
  if (OrderedJson turns = turns_json(store, run, story); !turns.empty()) {
    out["turns"] = std::move(turns);
  }
  out["seed"] = story.transcript.seed;
  out["finish_reason"] = story.answer.finish_reason;
  out["failure"] = story.answer.failure;
  out["attempts"] = story.answer.attempts;
  out["cached"] = story.answer.cached;
  out["latency_s"] = story.answer.latency_s;
  out["state"] = evals::to_string(score.state);
  out["value"] = score.value;
  out["answer"] = score.answer;
  out["rule"] = score.rule;
  out["why"] = score.why;
  out["parse_flag"] = score.parse_flag;
  out["guessed"] = score.guessed;
  out["notes"] = score.notes;
  out["past_stopping_point"] = is_beyond(run, story);
  return out;
}

constexpr const char* kIndent = "    ";  // tells what was said from what surrounds it

std::string story_text(const Store& store, const RunInfo& run, const SampleStory& story) {
  const evals::Score& score = story.answer.score;
  std::string out = story.sample.id + "  row " + std::to_string(story.sample.row) + ", epoch " +
                    std::to_string(story.answer.epoch) + "  of " + run.id + "\n";
  for (const auto& [key, value] : story.sample.metadata) {
    if (value.size() <= 80) out += "  " + key + ": " + value + "\n";
  }
  const std::string turns = turns_text(store, run, story);
  out += turns;
  if (!story.transcript.messages.empty() && turns.empty()) {
    const Json messages = parse_json(story.transcript.messages, "stored messages");
    const ShownMedia media(store.path(), run.manifest);
    for (const Json& message : messages) {
      const std::string role = message.value("role", "?");
      out += "\n" + role + ":\n" + quoted(content_text(message["content"], media), kIndent);
    }
  }
  if (!story.transcript.reasoning.empty()) {
    out += "\nreasoning:\n" + quoted(story.transcript.reasoning, kIndent);
  }
  if (!story.transcript.continuations.empty()) {
    out += "\nlog-likelihoods:\n";
    for (std::size_t i = 0; i < story.transcript.continuations.size(); ++i) {
      out += "    " + story.transcript.continuations[i] + "  " +
             fixed(i < story.transcript.continuation_logprobs.size()
                       ? story.transcript.continuation_logprobs[i]
                       : 0,
                   4) +
             "\n";
    }
  } else {
    out += (turns.empty() ? "\nresponse (" : "\nrecord (") + story.answer.finish_reason + ", " +
           std::to_string(story.answer.completion_tokens) + " tokens):\n" +
           quoted(story.transcript.response, kIndent);
  }
  if (!story.answer.failure.empty()) out += "\nfailure: " + story.answer.failure + "\n";
  out += "\nverdict: " + std::string(score.value > 0 ? "right" : "wrong") + " (" +
         fixed(score.value, 2) + "), " + std::string(evals::to_string(score.state));
  if (!score.answer.empty()) out += ", answer " + score.answer;
  if (!score.rule.empty()) out += " by " + score.rule;
  out += ", gold " + story.answer.gold + "\n  " + score.why + "\n";
  for (const std::string& line : score.notes) out += "  note: " + line + "\n";
  if (is_beyond(run, story)) {
    out += "  note: answered past the point at which the run stopped: kept, not counted\n";
  }
  return out;
}

bool wanted(const ShowFlags& flags, const evals::SampleOutcome& outcome) {
  if (flags.epoch >= 0 && outcome.epoch != flags.epoch) return false;
  if (flags.wrong && outcome.score.value > 0) return false;
  if (flags.right && outcome.score.value <= 0) return false;
  return flags.state.empty() || evals::to_string(outcome.score.state) == flags.state;
}

int show_list(const ShowFlags& flags, const Store& store, const std::string& run_id) {
  OutcomeReader reader = store.outcomes(run_id);
  std::int64_t matched = 0;
  while (const auto outcome = reader.next()) {
    if (!wanted(flags, *outcome)) continue;
    ++matched;
    if (flags.json) {
      print_json(outcome_json(*outcome));
    } else if (matched <= flags.max_samples) {
      print(outcome->sample_id + "  epoch " + std::to_string(outcome->epoch) + "  " +
            fixed(outcome->score.value, 2) + "  " +
            std::string(evals::to_string(outcome->score.state)) + "  " + outcome->score.why + "\n");
    }
  }
  if (!flags.json) {
    note(std::to_string(matched) + " answers" +
         (matched > flags.max_samples
              ? ", the first " + std::to_string(flags.max_samples) + " shown (--max N)"
              : ""));
  }
  return kPassed;
}

std::string cost_line(const RunCost& cost) {
  const auto price = [](double dollars) {
    std::string text = fixed(dollars, 6);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return "$" + text;
  };
  return "\ncost " + reports::dollars_text(cost.dollars) + ": " +
         std::to_string(cost.prompt_tokens) + " tokens in at " + price(cost.price.input) + " and " +
         std::to_string(cost.completion_tokens) + " out at " + price(cost.price.output) +
         " a million; replies from the response cache cost nothing\n";
}

int show(const ShowFlags& flags) {
  if (!flags.state.empty() && !evals::answer_state_from(flags.state)) {
    throw Error(ErrorCode::kUsage,
                "--state " + flags.state +
                    ": states are scored, unparsed, truncated, empty, refused, failed");
  }
  const Store store(
      flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
      Store::Access::kReadOnly);
  const std::string run_id = store.resolve_run(flags.run);
  if (!flags.sample.empty()) {
    const RunInfo info = store.run(run_id);
    for (const SampleStory& story : store.story(run_id, flags.sample)) {
      if (flags.epoch >= 0 && story.answer.epoch != flags.epoch) continue;
      if (flags.json) {
        print_json(as_json(store, info, story));
      } else {
        print(story_text(store, info, story));
      }
    }
    return kPassed;
  }
  if (flags.wrong || flags.right || !flags.state.empty()) return show_list(flags, store, run_id);
  const evals::RunRecord record = summarize(store, run_id);
  const std::optional<RunCost> cost =
      run_cost(store, store.run(run_id), prices_for(store, flags.prices));
  if (flags.json) {
    OrderedJson out = reports::to_json(record);
    if (cost) out["cost_usd"] = cost->dollars;
    if (const auto totals = editing_totals(store, run_id)) out["editing"] = editing_json(*totals);
    print_json(out);
  } else {
    print(run_details(record));
    if (const auto totals = editing_totals(store, run_id)) {
      print("\n" + editing_text(*totals));
    }
    if (cost) print(cost_line(*cost));
    if (!cost && !flags.prices.empty()) {
      note(flags.prices + ": has no price for " + record.model +
           ", or its answers came without token counts");
    }
    note("one sample: peira show " + run_id + " SAMPLE   (or --wrong, --state unparsed)");
  }
  return kPassed;
}

}  // namespace

Command add_show(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "show", "Show a run, or one sample's whole story",
      R"(Examples  peira show                          the latest run with its breakdowns
          peira show latest --wrong            what it got wrong, a line each
          peira show latest '#12'              row 12: prompt, response, extraction, verdict
          peira show RUN recAbC --json)");
  const auto flags = std::make_shared<ShowFlags>();
  app->add_option("RUN", flags->run, "an id, its start, latest, latest~1")->capture_default_str();
  app->add_option("SAMPLE", flags->sample, "a sample's id, its start, or #ROW");
  app->add_flag("--wrong", flags->wrong, "list the answers that scored 0");
  app->add_flag("--right", flags->right, "list the answers that scored above 0");
  app->add_option("--state", flags->state,
                  "list those scored, unparsed, truncated, empty, refused or failed");
  app->add_option("--epoch", flags->epoch, "this epoch only");
  app->add_option("--max", flags->max_samples, "lines listed at most")->capture_default_str();
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_option("--prices", flags->prices,
                  "what models' tokens cost, as in peira list [prices.json beside the store]")
      ->type_name("FILE");
  app->add_flag("--json", flags->json, "JSON, one object a line");
  return {app, [flags] { return show(*flags); }};
}

}  // namespace peira::runner::cli
