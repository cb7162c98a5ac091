// Reading the store: runs, outcomes, stories.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "evals/stop_rule.h"
#include "runner/storage/columns.h"
#include "runner/storage/statements.h"
#include "runner/store.h"

namespace peira::runner {

using columns::answer_from;
using columns::kAnswerColumns;
using columns::key_bytes;
using columns::kNumAnswerColumns;
using columns::kTranscriptColumns;
using columns::list_from;
using columns::metadata_from;
using columns::score_from;
using columns::state_from;
using columns::transcript_from;

namespace {

constexpr const char* kRunColumns =
    "key, id, identity, suite, profile, variant, model, dataset, method, manifest, epochs, seed, "
    "num_rows, expected_answers, limited, restricted, complete, why_stopped, started_at, "
    "finished_at, wall_s, answers, failures, cached, value_sum, prompt_tokens, completion_tokens, "
    "warnings, breakdowns, rescored_from, transcript_key";

}  // namespace

std::optional<evals::SampleOutcome> OutcomeReader::next() {
  if (done_ || !statement_.step()) {
    done_ = true;
    return std::nullopt;
  }
  evals::SampleOutcome outcome;
  outcome.row = statement_.integer(0);
  outcome.epoch = static_cast<int>(statement_.integer(1));
  if (scores_only_) {
    outcome.score.state = state_from(statement_);
    outcome.score.value = statement_.real(3);
    outcome.score.answer = statement_.text(4);
    outcome.gold = statement_.text(5);
    outcome.sample_id = statement_.text(6);
    outcome.cluster = statement_.text(7);
    return outcome;
  }
  outcome.score = score_from(statement_);
  outcome.gold = statement_.text(10);
  outcome.finish_reason = statement_.text(12);
  outcome.failure = statement_.text(13);
  outcome.prompt_tokens = statement_.integer(14);
  outcome.completion_tokens = statement_.integer(15);
  outcome.latency_s = statement_.real(16);
  outcome.sample_id = statement_.text(kNumAnswerColumns);
  outcome.cluster = statement_.text(kNumAnswerColumns + 1);
  if (outcome.row != metadata_row_) {  // epochs of one row follow each other
    metadata_ = metadata_from(statement_.text(kNumAnswerColumns + 2));
    metadata_row_ = outcome.row;
  }
  outcome.metadata = metadata_;
  // Options may be shown in another order in each epoch: votes are counted by the file's own.
  const std::string& answer = outcome.score.answer;
  if (answer.size() == 1 && answer[0] >= 'A' && answer[0] <= 'Z') {
    const auto permutation = list_from<std::vector<int>>(statement_.text(11));
    const auto shown = static_cast<std::size_t>(answer[0] - 'A');
    if (shown < permutation.size()) outcome.vote = "option " + std::to_string(permutation[shown]);
  }
  return outcome;
}

std::optional<SampleStory> StoryReader::next() {
  if (done_ || !statement_.step()) {
    done_ = true;
    return std::nullopt;
  }
  SampleStory story;
  story.answer = answer_from(statement_);
  story.sample.row = story.answer.row;
  story.sample.id = statement_.text(kNumAnswerColumns);
  story.sample.cluster = statement_.text(kNumAnswerColumns + 1);
  story.sample.metadata = metadata_from(statement_.text(kNumAnswerColumns + 2));
  story.sample.digest = statement_.text(kNumAnswerColumns + 3);
  story.transcript = transcript_from(statement_, kNumAnswerColumns + 4);
  return story;
}

std::string Store::run_columns() const {
  return std::string(kRunColumns) +
         (has_decisions_ ? ", (SELECT decision FROM decisions WHERE decisions.run = runs.key)"
                         : ", NULL");
}

RunInfo Store::run_from(const Statement& statement) const {
  RunInfo info;
  int column = 0;
  const auto text = [&] { return statement.text(column++); };
  const auto number = [&] { return statement.integer(column++); };
  info.key = number();
  info.id = text();
  info.identity = text();
  info.suite = text();
  info.profile = text();
  info.variant = text();
  info.model = text();
  info.dataset = text();
  info.method = text();
  info.manifest = parse_json(text(), path_.string() + ": manifest of " + info.id);
  info.epochs = static_cast<int>(number());
  info.seed = std::strtoull(text().c_str(), nullptr, 10);
  info.num_rows = number();
  info.expected_answers = number();
  info.limited = number() != 0;
  info.restricted = number() != 0;
  info.complete = number() != 0;
  info.why_stopped = text();
  info.started_at = text();
  info.finished_at = text();
  info.wall_s = statement.real(column++);
  info.answers = number();
  info.failures = number();
  info.cached = number();
  info.value_sum = statement.real(column++);
  info.prompt_tokens = number();
  info.completion_tokens = number();
  info.warnings = list_from<std::vector<std::string>>(text());
  info.breakdowns = list_from<std::vector<std::string>>(text());
  info.rescored_from = text();
  info.transcript_key = number();
  if (!statement.is_null(column)) {
    const std::string where = path_.string() + ": decision of " + info.id;
    info.decision = evals::decision_from_json(parse_json(statement.text(column), where), where);
  }
  info.running = is_running(info.key);
  return info;
}

std::vector<RunInfo> Store::runs() const {
  Statement statement =
      database_->prepare("SELECT " + run_columns() + " FROM runs ORDER BY key DESC");
  std::vector<RunInfo> infos;
  while (statement.step()) infos.push_back(run_from(statement));
  return infos;
}

RunInfo Store::run(const std::string& id) const {
  Statement statement = database_->prepare("SELECT " + run_columns() + " FROM runs WHERE id = ?");
  statement.bind(1, std::string_view(id));
  if (!statement.step()) {
    throw Error(ErrorCode::kUsage,
                path_.string() + ": there is no run '" + id + "'\n  try: peira list");
  }
  return run_from(statement);
}

std::string Store::resolve_run(const std::string& reference) const {
  Statement newest = database_->prepare("SELECT id FROM runs ORDER BY key DESC LIMIT 1 OFFSET ?");
  const auto nth = [&](std::int64_t offset) -> std::optional<std::string> {
    newest.bind(1, offset);
    if (!newest.step()) return std::nullopt;
    std::string id = newest.text(0);
    newest.reset();
    return id;
  };
  constexpr std::string_view kLatest = "latest";
  if (reference == kLatest || reference.starts_with("latest~")) {
    std::int64_t offset = 0;
    if (reference.size() > kLatest.size()) {
      const std::string digits = reference.substr(kLatest.size() + 1);
      const bool is_number = !digits.empty() && digits.size() < 10 &&
                             digits.find_first_not_of("0123456789") == std::string::npos;
      if (!is_number) {
        throw Error(ErrorCode::kUsage,
                    "'" + reference + "' names no run\n  try: latest, latest~1, latest~2, ...");
      }
      offset = std::stoll(digits);
    }
    if (std::optional<std::string> id = nth(offset)) return *id;
    Statement count = database_->prepare("SELECT count(*) FROM runs");
    count.step();
    const std::int64_t num_runs = count.integer(0);
    throw Error(ErrorCode::kUsage,
                num_runs == 0 ? path_.string() +
                                    ": the store holds no runs yet\n  try: peira run SUITE "
                                    "--model MODEL"
                              : "'" + reference + "' names no run: the store holds " +
                                    std::to_string(num_runs) + "\n  try: peira list");
  }

  Statement matches = database_->prepare(
      "SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id = ?1 DESC, key DESC");
  matches.bind(1, std::string_view(reference));
  std::vector<std::string> candidates;
  while (matches.step()) {
    candidates.push_back(matches.text(0));
    if (candidates.front() == reference && !reference.empty()) return reference;
  }
  if (candidates.size() == 1 && !reference.empty()) return candidates.front();

  const bool several = !candidates.empty();
  if (!several) {
    for (std::int64_t offset = 0; offset < 5; ++offset) {
      if (std::optional<std::string> id = nth(offset)) candidates.push_back(*id);
    }
  }
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(candidates.size(), 8); ++i) {
    list += (i == 0 ? "" : ", ") + candidates[i];
  }
  if (candidates.size() > 8) list += ", ...";
  throw Error(ErrorCode::kUsage,
              "'" + reference + "' " +
                  (several ? "could be several runs" : "names no run in " + path_.string()) +
                  (list.empty() ? std::string("\n  the store holds no runs yet")
                                : (several ? "\n  one of: " : "\n  the newest are: ") + list));
}

std::optional<std::int64_t> Store::known_num_rows(const std::string& dataset_digest) const {
  Statement statement = database_->prepare(
      "SELECT num_rows FROM runs WHERE json_extract(manifest, '$.digests.dataset') = ? LIMIT 1");
  statement.bind(1, std::string_view(dataset_digest));
  if (!statement.step()) return std::nullopt;
  return statement.integer(0);
}

OutcomeReader Store::outcomes(const std::string& run_id) const {
  const RunInfo info = run(run_id);
  // CROSS JOIN keeps the order of the loops: answers by key, then each one's sample.
  Statement statement = database_->prepare(
      std::string("SELECT ") + kAnswerColumns +
      ", s.id, s.cluster, s.metadata FROM answers a CROSS JOIN samples s ON s.run = a.run AND "
      "s.row = a.row WHERE a.run = ? ORDER BY a.row, a.epoch");
  statement.bind(1, info.key);
  return OutcomeReader(std::move(statement));
}

OutcomeReader Store::scores(const std::string& run_id) const {
  const RunInfo info = run(run_id);
  Statement statement = database_->prepare(
      "SELECT a.row, a.epoch, a.state, a.value, a.answer, a.gold, s.id, s.cluster FROM answers a "
      "CROSS JOIN samples s ON s.run = a.run AND s.row = a.row WHERE a.run = ? ORDER BY a.row, "
      "a.epoch");
  statement.bind(1, info.key);
  return OutcomeReader(std::move(statement), true);
}

namespace {

std::string story_sql(const std::string& where) {
  return std::string("SELECT ") + kAnswerColumns + ", s.id, s.cluster, s.metadata, s.digest, " +
         kTranscriptColumns +
         " FROM answers a CROSS JOIN samples s ON s.run = a.run AND s.row = a.row LEFT JOIN "
         "transcripts t ON t.run = ?2 AND t.row = a.row AND t.epoch = a.epoch WHERE a.run = ?1 " +
         where + " ORDER BY a.row, a.epoch";
}

}  // namespace

StoryReader Store::stories(const std::string& run_id) const {
  const RunInfo info = run(run_id);
  Statement statement = database_->prepare(story_sql(""));
  statement.bind(1, info.key);
  statement.bind(2, info.transcript_key);
  return StoryReader(std::move(statement));
}

std::vector<SampleStory> Store::story(const std::string& run_id, const std::string& sample) const {
  const RunInfo info = run(run_id);
  std::vector<std::pair<std::int64_t, std::string>> found;
  const auto collect = [&](Statement statement) {
    while (statement.step() && found.size() < 9) {
      found.emplace_back(statement.integer(0), statement.text(1));
    }
  };
  Statement by_id =
      database_->prepare("SELECT row, id FROM samples WHERE run = ?1 AND id = ?2 LIMIT 2");
  by_id.bind(1, info.key);
  by_id.bind(2, std::string_view(sample));
  collect(std::move(by_id));
  if (found.empty() && sample.size() > 1 && sample.size() < 19 && sample.front() == '#' &&
      sample.find_first_not_of("0123456789", 1) == std::string::npos) {
    Statement by_row =
        database_->prepare("SELECT row, id FROM samples WHERE run = ?1 AND row = ?2");
    by_row.bind(1, info.key);
    by_row.bind(2, static_cast<std::int64_t>(std::stoll(sample.substr(1))));
    collect(std::move(by_row));
  }
  if (found.empty() && !sample.empty()) {
    Statement by_prefix = database_->prepare(
        "SELECT row, id FROM samples WHERE run = ?1 AND substr(id, 1, length(?2)) = ?2 LIMIT 9");
    by_prefix.bind(1, info.key);
    by_prefix.bind(2, std::string_view(sample));
    collect(std::move(by_prefix));
  }
  if (found.size() != 1) {
    std::string list;
    if (found.empty()) {
      Statement first =
          database_->prepare("SELECT row, id FROM samples WHERE run = ? ORDER BY row LIMIT 5");
      first.bind(1, info.key);
      while (first.step()) list += (list.empty() ? "" : ", ") + first.text(1);
      throw Error(ErrorCode::kUsage,
                  "run " + info.id + " has no sample '" + sample + "'" +
                      (list.empty() ? std::string("\n  it has no samples yet")
                                    : "\n  its first are: " + list + "; #N takes row N"));
    }
    for (const auto& [row, id] : found) list += (list.empty() ? "" : ", ") + id;
    throw Error(ErrorCode::kUsage, "'" + sample + "' could be several samples\n  one of: " + list);
  }
  Statement statement = database_->prepare(story_sql("AND a.row = ?3"));
  statement.bind(1, info.key);
  statement.bind(2, info.transcript_key);
  statement.bind(3, found.front().first);
  StoryReader reader(std::move(statement));
  std::vector<SampleStory> epochs;
  while (std::optional<SampleStory> story = reader.next()) epochs.push_back(std::move(*story));
  return epochs;
}

std::optional<ModelResponse> Store::find_cached(const std::string& key) const {
  Statement& statement = statements_->find_reply;
  statement.reset();
  statement.bind_blob(1, key_bytes(key));
  if (!statement.step()) return std::nullopt;
  const Transcript transcript = transcript_from(statement, 4);
  ModelResponse response;
  response.finish_reason = statement.text(0);
  response.num_prompt_tokens = statement.integer(1);
  response.num_completion_tokens = statement.integer(2);
  response.latency_s = statement.real(3);
  response.text = transcript.response;
  response.reasoning = transcript.reasoning;
  response.prompt_text = transcript.prompt_text;
  response.prompt_tokens = transcript.prompt_tokens;
  response.tokens = transcript.tokens;
  response.continuation_logprobs = transcript.continuation_logprobs;
  statement.reset();  // an open read would keep other processes' batches out of sight
  return response;
}

}  // namespace peira::runner
