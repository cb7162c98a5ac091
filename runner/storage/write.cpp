// Writing the store: batches of answers, and how runs end.
#include <utility>

#include "evals/stop_rule.h"
#include "runner/durations.h"
#include "runner/storage/columns.h"
#include "runner/storage/statements.h"
#include "runner/store.h"

namespace peira::runner {

using columns::key_bytes;
using columns::list_text;

namespace {

// Numbers as little-endian bytes; every machine we build for is one.
template <typename Number>
std::string to_bytes(const std::vector<Number>& numbers) {
  if (numbers.empty()) return {};
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

}  // namespace

void Store::commit(const RunInfo& run, std::span<const FinishedAnswer> batch, double add_wall_s) {
  using Text = std::string_view;
  Statements& prepared = *statements_;
  Transaction transaction(*database_);
  std::int64_t answers = 0, failures = 0, cached = 0, prompt_tokens = 0, completion_tokens = 0;
  double value_sum = 0;
  for (const FinishedAnswer& finished : batch) {
    const SampleRecord& sample = finished.sample;
    const AnswerRecord& answer = finished.answer;
    const Transcript& transcript = finished.transcript;
    const bool failed = answer.score.state == evals::AnswerState::kFailed;

    prepared.find_answer.bind_all(run.key, answer.row, answer.epoch);
    if (prepared.find_answer.step()) {  // a failed one, asked again
      answers -= 1;
      failures -= prepared.find_answer.text(0) == "failed" ? 1 : 0;
      value_sum -= prepared.find_answer.real(1);
      prompt_tokens -= prepared.find_answer.integer(2);
      completion_tokens -= prepared.find_answer.integer(3);
      cached -= prepared.find_answer.integer(4);
      prepared.find_answer.reset();
    }
    answers += 1;
    failures += failed ? 1 : 0;
    value_sum += answer.score.value;
    prompt_tokens += answer.prompt_tokens;
    completion_tokens += answer.completion_tokens;
    cached += answer.cached ? 1 : 0;

    prepared.put_sample.bind_all(run.key, sample.row, Text(sample.id), Text(sample.cluster),
                                 Text(sample.digest), Text(list_text(sample.metadata)));
    prepared.put_sample.run();

    prepared.put_answer.bind_all(
        run.key, answer.row, answer.epoch, evals::to_string(answer.score.state), answer.score.value,
        Text(answer.score.answer), Text(answer.score.rule), Text(answer.score.why),
        int{answer.score.guessed}, answer.score.parse_flag, Text(list_text(answer.score.notes)),
        Text(answer.gold), Text(list_text(answer.permutation)), Text(answer.finish_reason),
        Text(answer.failure), answer.prompt_tokens, answer.completion_tokens, answer.latency_s,
        answer.attempts, int{answer.cached});
    prepared.put_answer.run();

    if (run.transcript_key == run.key) {
      Statement& put = prepared.put_transcript;
      put.bind(1, run.key);
      put.bind(2, answer.row);
      put.bind(3, answer.epoch);
      put.bind(4, Text(std::to_string(transcript.seed)));
      put.bind(5, Text(list_text(transcript.shots)));
      put.bind(6, Text(transcript.messages));
      put.bind(7, Text(transcript.prompt_text));
      put.bind_blob(8, to_bytes(transcript.prompt_tokens));
      put.bind(9, Text(transcript.response));
      put.bind(10, Text(transcript.reasoning));
      put.bind_blob(11, to_bytes(transcript.tokens));
      put.bind(12, Text(list_text(transcript.continuations)));
      put.bind_blob(13, to_bytes(transcript.continuation_logprobs));
      put.run();
    }
    if (!finished.cache_key.empty()) {
      Statement& put = prepared.put_cache_key;
      put.bind_blob(1, key_bytes(finished.cache_key));
      put.bind(2, run.key);
      put.bind(3, answer.row);
      put.bind(4, answer.epoch);
      put.run();
    }
  }
  prepared.add_counts.bind_all(answers, failures, cached, value_sum, prompt_tokens,
                               completion_tokens, add_wall_s, run.key);
  prepared.add_counts.run();
  transaction.commit();
}

void Store::finish_run(const RunInfo& run, bool complete, const std::string& why_stopped,
                       const std::vector<std::string>& warnings) {
  finish_runs(std::vector<Ending>{{run, complete, why_stopped, warnings}});
}

void Store::finish_runs(std::span<const Ending> endings) {
  using Text = std::string_view;
  Transaction transaction(*database_);
  for (const Ending& ending : endings) {
    Statement statement = database_->prepare(
        "UPDATE runs SET complete = ?, why_stopped = ?, finished_at = ?, warnings = ?, owner = '' "
        "WHERE key = ?");
    statement.bind_all(int{ending.complete}, Text(ending.why_stopped),
                       Text(ending.finished_at.empty() ? utc_now() : ending.finished_at),
                       Text(list_text(ending.warnings)), ending.run.key);
    statement.run();
    // Batches added up in the order of arrival; the sum that stays is that of the stored order.
    Statement sum = database_->prepare(
        "UPDATE runs SET value_sum = (SELECT coalesce(sum(value), 0) FROM (SELECT value FROM "
        "answers WHERE run = ?1 ORDER BY row, epoch)) WHERE key = ?1");
    sum.bind(1, ending.run.key);
    sum.run();
    if (ending.decision) {
      Statement put = database_->prepare("INSERT OR REPLACE INTO decisions VALUES(?, ?)");
      put.bind_all(ending.run.key, Text(dump_json(evals::to_json(*ending.decision))));
      put.run();
    }
  }
  transaction.commit();
}

}  // namespace peira::runner
