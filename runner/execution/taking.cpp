// What becomes of a reply: judged here, by its programs or by another model.
#include "runner/execution/execution.h"

#include <utility>

#include "evals/judge.h"
#include "runner/judge.h"

namespace peira::runner {

void Execution::take(ModelClient::Finished finished) {
  const auto found = in_flight_.find(finished.ticket);
  if (found == in_flight_.end()) return;  // given up on earlier
  InFlight flight = std::move(found->second);
  in_flight_.erase(found);
  ModelResponse& response = finished.response;
  if (response.latency_s == 0) {
    response.latency_s = std::chrono::duration<double>(Clock::now() - flight.asked_at).count();
  }
  if (response.finish_reason == "timeout" && response.failure.empty()) {
    response.failure = timeout_text();
  }
  if (is_failure(response.finish_reason) && response.retryable &&
      may_retry(flight.work, response.throttled)) {
    waiting_.push_back({std::move(flight.work), Clock::now()});
    Waiting& waiting = waiting_.back();
    waiting.ready_at += retry_wait(waiting.work, response);
    return;
  }
  take_response(std::move(flight.work), std::move(response));
}

void Execution::take_response(Work work, ModelResponse response) {
  FinishedAnswer& finished = work.finished;
  AnswerRecord& answer = finished.answer;
  Transcript& transcript = finished.transcript;
  answer.finish_reason = response.finish_reason;
  answer.failure = response.failure;
  const auto count = [](std::int64_t told, const std::vector<std::int32_t>& tokens) {
    return told > 0 ? told : static_cast<std::int64_t>(tokens.size());
  };
  answer.prompt_tokens = count(response.num_prompt_tokens, response.prompt_tokens);
  answer.completion_tokens = count(response.num_completion_tokens, response.tokens);
  answer.latency_s = response.latency_s;
  if (response.num_media_left_out > 0 && ++answers_without_media_ == 1) {
    first_without_media_ =
        work.sample->id + " (" + std::to_string(response.num_media_left_out) + " left out)";
  }
  transcript.prompt_text = std::move(response.prompt_text);
  transcript.prompt_tokens = std::move(response.prompt_tokens);
  transcript.response = std::move(response.text);
  transcript.reasoning = std::move(response.reasoning);
  transcript.tokens = std::move(response.tokens);
  transcript.continuation_logprobs = std::move(response.continuation_logprobs);

  if (plan_.by_likelihood && !is_failure(answer.finish_reason) &&
      transcript.continuation_logprobs.size() != transcript.continuations.size()) {
    fail(std::move(work), "error", "the model gives no log-likelihoods of continuations");
    return;
  }
  if (programs_ != nullptr && !plan_.by_likelihood) {
    const auto held = running_.emplace(next_program_++, std::move(work)).first;
    programs_->give(held->first, [this, &kept = held->second] { return verdict_on(kept); });
    return;
  }
  answer.score = verdict_on(work);
  if (options_.judge != nullptr && evals::is_judge_failure(answer.score.why)) {
    ask_judge(std::move(work));
    return;
  }
  take_score(std::move(work));
}

evals::Score Execution::verdict_on(const Work& work) const {
  const AnswerRecord& answer = work.finished.answer;
  const Transcript& transcript = work.finished.transcript;
  Reply reply;
  reply.response = transcript.response;
  reply.finish_reason = answer.finish_reason;
  reply.failure = answer.failure;
  reply.completion_tokens = answer.completion_tokens;
  reply.continuation_logprobs = transcript.continuation_logprobs;
  return judge(*plan_.profile, *work.sample, answer.permutation, reply, options_.seed, answer.epoch,
               plan_.programs.get());
}

void Execution::take_programs(std::chrono::milliseconds patience) {
  if (running_.empty()) return;
  for (CodeDesk::Judged& judged : programs_->take(patience)) {
    const auto found = running_.find(judged.ticket);
    Work work = std::move(found->second);
    running_.erase(found);
    work.finished.answer.score = std::move(judged.score);
    take_score(std::move(work));
  }
}

void Execution::ask_judge(Work work) {
  const AnswerRecord& answer = work.finished.answer;
  JudgeTask task;
  task.sample = work.sample;
  task.permutation = answer.permutation;
  task.response = work.finished.transcript.response;
  task.finish_reason = answer.finish_reason;
  task.completion_tokens = answer.completion_tokens;
  task.epoch = answer.epoch;
  judging_.emplace(options_.judge->submit(options_.arm, std::move(task)), std::move(work));
}

void Execution::take_verdicts(double wait_s) {
  for (JudgeDesk::Verdict& verdict : options_.judge->poll(options_.arm, wait_s)) {
    const auto found = judging_.find(verdict.ticket);
    if (found == judging_.end()) continue;
    Work work = std::move(found->second);
    judging_.erase(found);
    AnswerRecord& answer = work.finished.answer;
    answer.score = std::move(verdict.score);
    judgements_.push_back({answer.row, answer.epoch, std::move(verdict.how)});
    take_score(std::move(work));
  }
}

void Execution::keep_unjudged() {
  for (auto& [ticket, work] : judging_) {
    AnswerRecord& answer = work.finished.answer;
    answer.score = evals::judge_failure("the run ended before there was a verdict");
    answer.failure = answer.score.why;
    batch_.push_back(std::move(work.finished));
  }
  judging_.clear();
}

void Execution::take_score(Work work) {
  FinishedAnswer& finished = work.finished;
  AnswerRecord& answer = finished.answer;
  const Transcript& transcript = finished.transcript;
  if (answer.score.state == evals::AnswerState::kFailed && answer.failure.empty()) {
    answer.failure = answer.score.why;
  }
  if (!answer.cached) sitting_tokens_ += answer.completion_tokens;
  // A failure may pass next time; an empty reply is more often a fault than an answer.
  const bool is_empty = transcript.response.empty() && transcript.continuation_logprobs.empty();
  const bool has_no_reply =
      answer.score.state == evals::AnswerState::kFailed && !evals::is_judge_failure(answer.failure);
  if (has_no_reply || is_empty) {
    finished.cache_key.clear();
  }
  add(std::move(finished));
}

void Execution::fail(Work work, const std::string& finish_reason, const std::string& failure) {
  AnswerRecord& answer = work.finished.answer;
  answer.finish_reason = finish_reason;
  // One line: hints for a command make no sense in a sample's record.
  answer.failure = failure.substr(0, failure.find('\n'));
  Reply reply;
  reply.finish_reason = answer.finish_reason;
  reply.failure = answer.failure;
  answer.score =
      judge(*plan_.profile, *work.sample, answer.permutation, reply, options_.seed, answer.epoch);
  work.finished.cache_key.clear();
  add(std::move(work.finished));
}

}  // namespace peira::runner
