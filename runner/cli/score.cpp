// peira score: judge replies made elsewhere, or judge a stored run again. Of models, only a judge
// is asked.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "datasets/dataset.h"
#include "datasets/date_window.h"
#include "evals/code/generations.h"
#include "evals/code/livecodebench.h"
#include "evals/code_judge.h"
#include "evals/gate/gate.h"
#include "evals/suite.h"
#include "evals/summary.h"
#include "reports/json.h"
#include "runner/cli/command.h"
#include "runner/cli/judged_score.h"
#include "runner/cli/tables.h"
#include "runner/code_desk.h"
#include "runner/judge.h"
#include "runner/rescore.h"
#include "runner/sandbox/sandbox.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner::cli {
namespace {

struct ScoreFlags {
  std::string what, suite, data, responses, profile, store, diff;
  std::string since, until;
  std::uint64_t seed = 0;
  bool json = false, unsafe_no_sandbox = false;
  JudgedScoreFlags judged;
};

// One line of the responses file.
struct Response {
  std::size_t sample = 0;  // index into the samples
  int epoch = 0;
  std::vector<int> permutation;  // as given, else empty
  std::string text, finish_reason;
  std::int64_t completion_tokens = -1;
};

struct Questions {
  std::vector<datasets::Sample> samples;
  std::unordered_map<std::string, std::size_t> by_id;
  std::unordered_map<std::int64_t, std::size_t> by_row;
};

Questions read_questions(const datasets::DatasetFile& file, const datasets::DateWindow& window) {
  Questions questions;
  const auto reader = datasets::within(window, datasets::open_samples(file));
  while (auto sample = reader->next()) {
    const std::size_t index = questions.samples.size();
    questions.by_id.emplace(sample->id, index);
    questions.by_row.emplace(sample->row, index);
    questions.samples.push_back(std::move(*sample));
  }
  return questions;
}

std::string text_field(const Json& line, const char* key, const std::string& where,
                       const std::string& otherwise) {
  const auto found = line.find(key);
  if (found == line.end() || found->is_null()) return otherwise;
  if (!found->is_string()) {
    throw Error(ErrorCode::kData, where + ": \"" + key + "\" must be a string");
  }
  return found->get<std::string>();
}

std::int64_t integer_field(const Json& line, const char* key, const std::string& where,
                           std::int64_t otherwise) {
  const auto found = line.find(key);
  if (found == line.end() || found->is_null()) return otherwise;
  if (!found->is_number_integer()) {
    throw Error(ErrorCode::kData, where + ": \"" + key + "\" must be a whole number");
  }
  return found->get<std::int64_t>();
}

std::size_t sample_of(const Json& line, const Questions& questions, const std::string& where) {
  if (line.contains("id")) {
    // Ids are text in our files, but some sets count: 7 and "7" mean the same question.
    const Json& id = line["id"];
    const std::string text = id.is_string() ? id.get<std::string>() : dump_json(id);
    const auto found = questions.by_id.find(text);
    if (found != questions.by_id.end()) return found->second;
    throw Error(ErrorCode::kData, where + ": no sample has the id \"" + text +
                                      "\"\n  try: \"row\", the zero-based row of the data file");
  }
  if (!line.contains("row")) {
    throw Error(ErrorCode::kData, where + ": neither \"id\" nor \"row\" says which sample");
  }
  const std::int64_t row = integer_field(line, "row", where, -1);
  const auto found = questions.by_row.find(row);
  if (found == questions.by_row.end()) {
    throw Error(ErrorCode::kData, where + ": there is no row " + std::to_string(row) +
                                      "; the data has " + std::to_string(questions.samples.size()) +
                                      " rows");
  }
  return found->second;
}

std::vector<int> permutation_of(const Json& line, const datasets::Sample& sample,
                                const std::string& where) {
  const auto found = line.find("permutation");
  if (found == line.end() || found->is_null()) return {};
  std::vector<int> permutation;
  std::vector<bool> used(sample.choices.size(), false);
  const auto refuse = [&] {
    throw Error(ErrorCode::kData, where + ": \"permutation\" must hold each of 0 to " +
                                      std::to_string(sample.choices.size() - 1) + " once");
  };
  if (!found->is_array() || found->size() != sample.choices.size()) refuse();
  for (const Json& entry : *found) {
    if (!entry.is_number_integer()) refuse();
    const auto index = entry.get<std::int64_t>();
    if (index < 0 || index >= static_cast<std::int64_t>(used.size()) ||
        used[static_cast<std::size_t>(index)]) {
      refuse();
    }
    used[static_cast<std::size_t>(index)] = true;
    permutation.push_back(static_cast<int>(index));
  }
  return permutation;
}

// LiveCodeBench's own form, a JSON list of {"question_id", "code_list"}: programs, not replies.
std::vector<Response> read_programs(const std::string& path, const Questions& questions) {
  std::vector<Response> responses;
  for (const evals::Generations& one : evals::read_generations(read_file(path), path)) {
    const auto found = questions.by_id.find(one.question_id);
    if (found == questions.by_id.end()) {
      throw Error(ErrorCode::kData, path + ": no problem has the question_id \"" + one.question_id +
                                        "\"\n  try: --data, --since and --until as they were when "
                                        "the programs were made");
    }
    for (const std::string& program : one.programs) {
      Response& response = responses.emplace_back();
      response.sample = found->second;
      response.epoch = static_cast<int>(&program - one.programs.data());
      response.text = program;
      response.finish_reason = evals::kGivenProgram;
    }
  }
  if (responses.empty()) throw Error(ErrorCode::kData, path + ": holds no program");
  return responses;
}

bool is_json_list(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char first = ' ';
  while (file.get(first) && (first == ' ' || first == '\n' || first == '\r' || first == '\t')) {
  }
  return first == '[';
}

std::vector<Response> read_responses(const std::string& path, const Questions& questions) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kUnavailable, path + ": cannot be read");
  std::vector<Response> responses;
  std::map<std::pair<std::size_t, int>, std::int64_t> line_of;
  std::vector<int> epochs_seen(questions.samples.size(), 0);
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = path + ":" + std::to_string(number);
    const Json line = parse_json(text, where);
    if (!line.is_object()) throw Error(ErrorCode::kData, where + ": expected a JSON object");
    Response response;
    response.sample = sample_of(line, questions, where);
    const datasets::Sample& sample = questions.samples[response.sample];
    int& seen = epochs_seen[response.sample];
    response.epoch = static_cast<int>(integer_field(line, "epoch", where, seen));
    ++seen;
    response.permutation = permutation_of(line, sample, where);
    static_cast<void>(require(line, "response", where));
    response.text = text_field(line, "response", where, "");
    response.finish_reason = text_field(line, "finish_reason", where, "stop");
    response.completion_tokens = integer_field(line, "completion_tokens", where, -1);
    if (response.epoch < 0) throw Error(ErrorCode::kData, where + ": \"epoch\" is negative");
    const auto [entry, fresh] = line_of.emplace(std::pair(response.sample, response.epoch), number);
    if (!fresh) {
      throw Error(ErrorCode::kData, where + ": sample " + sample.id + " epoch " +
                                        std::to_string(response.epoch) + " was answered on line " +
                                        std::to_string(entry->second) + " already");
    }
    responses.push_back(std::move(response));
  }
  if (responses.empty()) throw Error(ErrorCode::kData, path + ": holds no response");
  return responses;
}

int score_responses(const ScoreFlags& flags) {
  const evals::Suite suite = evals::find_suite(flags.what);
  const evals::Profile& profile = suite.profile(flags.profile);
  if (profile.judge != nullptr) {
    throw Error(ErrorCode::kUsage, "profile " + profile.name + " of suite " + suite.name +
                                       " is judged by a model\n  try: peira run " + suite.name +
                                       " --model replay:" + flags.responses +
                                       " --judge MODEL: it keeps the verdicts");
  }
  datasets::DatasetFile file =
      datasets::find_dataset(flags.data.empty() ? suite.default_data : flags.data, suite.data_kind);
  if (suite.data_kind == "table") file.fields = suite.fields;
  const Questions questions =
      read_questions(file, datasets::parse_window(flags.since, flags.until));
  std::vector<Response> responses = profile.code != nullptr && is_json_list(flags.responses)
                                        ? read_programs(flags.responses, questions)
                                        : read_responses(flags.responses, questions);

  evals::OptionOrders orders(profile.option_order,
                             static_cast<std::int64_t>(questions.samples.size()), flags.seed);
  std::unique_ptr<evals::CodeRunner> programs;
  std::unique_ptr<CodeDesk> desk;
  if (profile.code != nullptr) {
    programs = open_code_runner({.unsafe_no_sandbox = flags.unsafe_no_sandbox});
    static_cast<void>(execution_value(*profile.code, *programs));  // there is an interpreter
    desk = std::make_unique<CodeDesk>(programs->num_workers());
  }
  std::vector<evals::SampleOutcome> outcomes;
  int epochs = 1;
  for (Response& response : responses) {
    const datasets::Sample& sample = questions.samples[response.sample];
    if (response.permutation.empty() && !sample.choices.empty()) {
      response.permutation = orders.permutation(sample, response.epoch);
    }
    evals::ScoreRequest request;
    request.sample = &sample;
    request.permutation = response.permutation;
    request.response = response.text;
    request.finish_reason = response.finish_reason;
    request.completion_tokens = response.completion_tokens;
    request.seed = derive_seed(
        {"score", std::to_string(flags.seed), sample.id, std::to_string(response.epoch)});
    evals::SampleOutcome outcome;
    outcome.sample_id = sample.id;
    outcome.row = sample.row;
    outcome.epoch = response.epoch;
    outcome.cluster = sample.cluster;
    outcome.gold = evals::gold_text(sample, response.permutation);
    if (programs == nullptr) {
      outcome.score = profile.score(request);
    } else {
      desk->give(static_cast<std::int64_t>(outcomes.size()), [&profile, &programs, request] {
        return evals::judge_by_running(*profile.code, request, *programs);
      });
    }
    outcome.finish_reason = response.finish_reason;
    outcome.completion_tokens = std::max<std::int64_t>(0, response.completion_tokens);
    outcome.metadata = sample.metadata;
    epochs = std::max(epochs, response.epoch + 1);
    outcomes.push_back(std::move(outcome));
  }
  while (desk != nullptr && desk->num_pending() > 0) {
    for (CodeDesk::Judged& judged : desk->take(std::chrono::seconds(1))) {
      outcomes[static_cast<std::size_t>(judged.ticket)].score = std::move(judged.score);
    }
  }
  for (std::size_t i = 0; flags.json && i < outcomes.size(); ++i) {
    OrderedJson line = outcome_json(outcomes[i]);
    line["permutation"] = responses[i].permutation;
    print_json(line);
  }
  // The summary counts by sample: rows in order, their epochs together.
  std::stable_sort(outcomes.begin(), outcomes.end(), [](const auto& a, const auto& b) {
    return std::pair(a.row, a.epoch) < std::pair(b.row, b.epoch);
  });
  evals::Summarizer summarizer({.epochs = epochs, .breakdowns = suite.breakdowns});
  for (const evals::SampleOutcome& outcome : outcomes) summarizer.add(outcome);
  evals::RunRecord record;
  record.suite = suite.name;
  record.profile = profile.name;
  record.dataset = file.name;
  record.method = "generate";
  record.epochs = epochs;
  record.seed = flags.seed;
  record.restricted = file.restricted;
  record.expected_answers = static_cast<std::int64_t>(questions.samples.size()) * epochs;
  record.complete = record.expected_answers == static_cast<std::int64_t>(outcomes.size());
  summarizer.summary().apply_to(record);
  if (flags.json) {
    print_json(OrderedJson{{"summary", reports::to_json(record)}});
  } else {
    record.run_id = "(" + flags.responses + ")";
    print(run_details(record));
  }
  if (!record.complete) {
    note(std::to_string(outcomes.size()) + " of " + std::to_string(record.expected_answers) +
         " answers were given: the score is over those");
  }
  return kPassed;
}

// The dates that the questions of a stored run were taken from.
datasets::DateWindow window_of(const RunInfo& info) {
  const Json dataset = require(info.manifest, "values", "manifest of " + info.id)["dataset"];
  if (!dataset.is_object()) return {};
  return {dataset.value("since", ""), dataset.value("until", "")};
}

int score_run(const ScoreFlags& flags) {
  Store store(flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store));
  const std::string run_id = store.resolve_run(flags.what);
  const RunInfo info = store.run(run_id);
  const evals::Suite suite = evals::find_suite(flags.suite.empty() ? info.suite : flags.suite);
  datasets::DatasetFile file =
      datasets::find_dataset(flags.data.empty() ? info.dataset : flags.data, suite.data_kind);
  if (suite.data_kind == "table") file.fields = suite.fields;
  const evals::Profile& profile = suite.profile(flags.profile);
  if (profile.judge != nullptr) check_judge(suite, profile, nullptr);
  Judging judging;
  judging.unsafe_no_sandbox = flags.unsafe_no_sandbox;
  const RescoreResult result =
      rescore(store, run_id, suite, flags.profile, source_of(file, window_of(info)), judging);
  const evals::RunRecord record = summarize(store, result.run_id);
  if (flags.json) {
    OrderedJson changed = OrderedJson::array();
    for (const ChangedVerdict& verdict : result.changed) {
      changed.push_back({{"sample_id", verdict.sample_id},
                         {"epoch", verdict.epoch},
                         {"before", verdict.before.value},
                         {"after", verdict.after.value},
                         {"answer_before", verdict.before.answer},
                         {"answer_after", verdict.after.answer}});
    }
    print_json(OrderedJson{{"rescored_from", run_id},
                           {"num_changed", result.num_changed},
                           {"changed", std::move(changed)},
                           {"run", reports::to_json(record)}});
    return kPassed;
  }
  print(run_details(record));
  print("\n" + std::to_string(result.num_changed) + " of " + std::to_string(result.num_answers) +
        " verdicts differ from " + run_id + "\n");
  for (std::size_t i = 0; i < std::min<std::size_t>(result.changed.size(), 20); ++i) {
    const ChangedVerdict& verdict = result.changed[i];
    print("  " + verdict.sample_id + "  " + fixed(verdict.before.value, 2) + " -> " +
          fixed(verdict.after.value, 2) + "  " + verdict.after.why + "\n");
  }
  return kPassed;
}

// The run that stands for `name` beside the run asked about: a run of the same replies, or the run
// judged again by the profile of that name.
std::string judged_by(Store& store, const RunInfo& info, const std::string& name,
                      const ScoreFlags& flags) {
  const evals::Suite suite = evals::find_suite(flags.suite.empty() ? info.suite : flags.suite);
  const bool is_profile =
      std::any_of(suite.profiles.begin(), suite.profiles.end(),
                  [&name](const evals::Profile& profile) { return profile.name == name; });
  if (!is_profile) {
    std::string id = store.resolve_run(name);
    if (store.run(id).transcript_key == info.transcript_key) return id;
    throw Error(ErrorCode::kUsage, "run " + id + " has other replies than run " + info.id +
                                       "\n  try: peira compare, or a run made by peira score " +
                                       info.id);
  }
  datasets::DatasetFile file =
      datasets::find_dataset(flags.data.empty() ? info.dataset : flags.data, suite.data_kind);
  if (suite.data_kind == "table") file.fields = suite.fields;
  Judging judging;
  judging.unsafe_no_sandbox = flags.unsafe_no_sandbox;
  return rescore(store, info.id, suite, name, source_of(file, window_of(info)), judging).run_id;
}

// What two scorers say of the same replies, verdict by verdict.
int diff_run(const ScoreFlags& flags) {
  const std::size_t comma = flags.diff.find(',');
  if (comma == std::string::npos || comma == 0 || comma + 1 == flags.diff.size()) {
    throw Error(ErrorCode::kUsage, "--diff " + flags.diff +
                                       ": names two profiles, or runs of the same replies\n  try: "
                                       "--diff simple-evals,official");
  }
  Store store(flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store));
  const RunInfo info = store.run(store.resolve_run(flags.what));
  const std::string before_id = judged_by(store, info, flags.diff.substr(0, comma), flags);
  const std::string after_id = judged_by(store, info, flags.diff.substr(comma + 1), flags);
  OutcomeReader before = store.outcomes(before_id);
  OutcomeReader after = store.outcomes(after_id);
  std::map<std::string, std::int64_t> counts;
  std::int64_t moved = 0;
  std::int64_t total = 0;
  OrderedJson lines = OrderedJson::array();
  std::string text;
  constexpr std::int64_t kMostShown = 50;
  for (auto a = before.next(), b = after.next(); a && b; a = before.next(), b = after.next()) {
    ++total;
    if (a->score.value == b->score.value && a->score.state == b->score.state &&
        a->score.answer == b->score.answer) {
      continue;
    }
    ++moved;
    std::string cause = evals::flip_cause(*a, *b, true);
    ++counts[cause];
    if (flags.json) {
      lines.push_back({{"sample_id", a->sample_id},
                       {"epoch", a->epoch},
                       {"cause", cause},
                       {"gold", b->gold},
                       {"value_before", a->score.value},
                       {"value_after", b->score.value},
                       {"answer_before", a->score.answer},
                       {"answer_after", b->score.answer},
                       {"why_before", a->score.why},
                       {"why_after", b->score.why}});
    } else if (moved <= kMostShown) {
      text += reports::printable(a->sample_id) + "  " + fixed(a->score.value, 2) + " -> " +
              fixed(b->score.value, 2) + "  " + cause + "\n" + quoted("- " + a->score.why, "    ") +
              quoted("+ " + b->score.why, "    ");
    }
  }
  if (flags.json) {
    print_json(OrderedJson{{"before", before_id},
                           {"after", after_id},
                           {"answers", total},
                           {"moved", moved},
                           {"causes", counts},
                           {"verdicts", std::move(lines)}});
    return moved == 0 ? kPassed : kFailed;
  }
  std::string summary = std::to_string(moved) + " of " + std::to_string(total) + " verdicts moved";
  for (const auto& [cause, count] : counts)
    summary += ", " + std::to_string(count) + " by " + cause;
  print(summary + " (" + before_id + " -> " + after_id + ")\n" + text);
  if (moved > kMostShown) note(std::to_string(moved - kMostShown) + " more: --json has all");
  return moved == 0 ? kPassed : kFailed;
}

}  // namespace

Command add_score(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "score", "Judge replies made elsewhere, or a stored run again",
      R"(Examples  peira score gpqa --data gpqa_diamond.csv --responses replies.jsonl --profile official
          peira score aime --responses replies.jsonl --json
          peira score RUN --profile math-verify      a new run of the same replies
          peira score RUN --judge openai:JUDGE@URL --rubric good.txt   a model grades the stored replies
          peira score RUN --judges openai:A@URL,openai:B@URL     how far two judges agree
          peira score RUN --against RUN_B --judge MODEL          in pairs, each in both orders
          peira score RUN --judge MODEL --labels people.csv      with labels of people on some
          peira score RUN --diff simple-evals,official   what moves between two scorers; exit 1 if any does
Replies   JSON lines {"id": ..., "response": ...}, or "row" (zero-based, in the file) instead of "id";
          optional: "epoch", "permutation" (option k as shown is choice permutation[k] of correct,
          incorrect 1, 2, 3), "finish_reason", "completion_tokens". For suites of programs also a
          JSON list of {"question_id", "code_list"}, LiveCodeBench's form of programs alone
--json    one verdict a line in the order of the replies, then {"summary": ...})");
  const auto flags = std::make_shared<ScoreFlags>();
  app->add_option("WHAT", flags->what, "a suite (with --responses), or a run")->required();
  app->add_option("--responses", flags->responses, "the replies, JSON lines");
  app->add_option("--data", flags->data, "the questions [the suite's sample set, or the run's]");
  app->add_option("--profile", flags->profile, "the scorer [the suite's first]");
  app->add_option("--diff", flags->diff,
                  "OLD,NEW: two profiles, or runs of the same replies, verdict by verdict");
  app->add_option("--suite", flags->suite,
                  "the declaration of a suite of your own, to judge one of its runs again");
  app->add_option("--seed", flags->seed, "the run seed the option order was made with")
      ->capture_default_str();
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_option("--since", flags->since, "with --responses: as in peira run");
  app->add_option("--until", flags->until, "with --responses: as in peira run");
  app->add_flag("--unsafe-no-sandbox", flags->unsafe_no_sandbox,
                "run programs of replies as this user, without isolation");
  app->add_flag("--json", flags->json, "JSON lines");
  app->add_flag("--quiet", flags->judged.quiet, "no progress");
  add_judged_score_flags(*app, flags->judged);
  return {app, [flags] {
            if (!flags->diff.empty()) return diff_run(*flags);
            if (flags->judged.is_wanted()) {
              if (!flags->responses.empty()) {
                throw Error(ErrorCode::kUsage,
                            "--responses are judged by rules\n  try: peira run SUITE --model "
                            "replay:" +
                                flags->responses + " --judge MODEL");
              }
              JudgedScoreFlags& judged = flags->judged;
              judged.run = flags->what;
              judged.suite = flags->suite;
              judged.data = flags->data;
              judged.profile = flags->profile;
              judged.store = flags->store;
              judged.json = flags->json;
              return judged_score(judged);
            }
            return flags->responses.empty() ? score_run(*flags) : score_responses(*flags);
          }};
}

}  // namespace peira::runner::cli
