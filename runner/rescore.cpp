#include "runner/rescore.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "evals/judge.h"
#include "runner/code_desk.h"
#include "runner/judge.h"
#include "runner/manifest.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner {
namespace {

constexpr std::size_t kBatch = 1024;
constexpr std::size_t kMostChangesKept = 1000;

bool differs(const evals::Score& a, const evals::Score& b) {
  return a.value != b.value || a.state != b.state || a.answer != b.answer;
}

}  // namespace

RescoreResult rescore(Store& store, const std::string& run_id, const evals::Suite& suite,
                      const std::string& profile_name, const SampleSource& samples,
                      const Judging& options) {
  const RunInfo source = store.run(run_id);
  const evals::Profile& profile = suite.profile(profile_name);
  JudgeDesk* const desk = options.desk;
  const auto& on_progress = options.on_progress;
  check_judge(suite, profile, desk);
  if (source.running) {
    throw Error(ErrorCode::kUnavailable, "run " + run_id +
                                             " is still being written\n  try: again "
                                             "when it has ended");
  }
  if (source.method == "loglikelihood" && !profile.option_continuation) {
    throw Error(ErrorCode::kUsage, "run " + run_id + " chose by log-likelihood, and profile " +
                                       profile.name + " of " + suite.name + " has no options");
  }
  Json values = require(source.manifest, "values", "manifest of " + run_id);
  if (values["dataset"] != samples.identity) {
    throw Error(ErrorCode::kData, "run " + run_id + " was made on " + dump_json(values["dataset"]) +
                                      ", " + samples.name + " is " + dump_json(samples.identity) +
                                      "\n  try: --data with the file the run was made on");
  }

  RunInfo info = source;
  info.id.clear();  // a name of its own
  info.started_at.clear();
  values["scorer"] = scorer_value(suite, profile);
  std::unique_ptr<evals::CodeRunner> programs;
  if (profile.code != nullptr) {
    programs = open_code_runner({.unsafe_no_sandbox = options.unsafe_no_sandbox});
    values["scorer"]["execution"] = execution_value(*profile.code, *programs);
  }
  values.erase("judge");
  if (desk != nullptr) values["judge"] = desk->value();
  if (!options.against.empty()) {
    values["judge"]["against"] = store.run(options.against).identity;
  }
  info.manifest = make_manifest(values);
  info.identity = manifest_identity(info.manifest);
  info.suite = suite.name;
  info.profile = profile.name;
  info.rescored_from = source.id;  // transcript_key stays that of the replies
  const Store::OpenedRun opened = store.create_run(std::move(info));

  // Read through a connection of its own: a reader that also writes cannot see past other
  // processes' batches.
  const Store reader_store(store.path(), Store::Access::kReadOnly);
  StoryReader stories = reader_store.stories(run_id);
  const std::unique_ptr<datasets::SampleReader> reader = samples.open();
  std::optional<datasets::Sample> sample = reader->next();

  RescoreResult result;
  result.run_id = opened.info.id;
  std::vector<FinishedAnswer> batch;
  std::optional<VerdictStore> judgement_store;
  if (desk != nullptr) judgement_store.emplace(store.path(), VerdictStore::Access::kReadWrite);
  std::vector<Judgement> judgements;
  const auto commit = [&] {
    if (judgement_store) judgement_store->put(opened.info.key, judgements);
    judgements.clear();
    store.commit(opened.info, batch);
    batch.clear();
    if (on_progress) on_progress(result.num_answers);
  };
  const auto keep = [&](FinishedAnswer finished, evals::Score score) {
    AnswerRecord& answer = finished.answer;
    ++result.num_answers;
    if (differs(score, answer.score)) {
      ++result.num_changed;
      if (result.changed.size() < kMostChangesKept) {
        result.changed.push_back({finished.sample.id, answer.epoch, answer.score, score});
      }
    }
    // A judge's failure passes with its verdict; the model's own stay.
    if (evals::is_judge_failure(answer.failure)) answer.failure.clear();
    if (evals::is_judge_failure(score.why)) answer.failure = score.why;
    answer.score = std::move(score);
    batch.push_back(std::move(finished));
    if (batch.size() == kBatch) commit();
  };
  std::map<std::int64_t, FinishedAnswer> judging;
  const auto take_verdicts = [&] {
    for (JudgeDesk::Verdict& verdict : desk->poll(/*owner=*/0, /*wait_s=*/0.05)) {
      const auto found = judging.find(verdict.ticket);
      if (found == judging.end()) continue;
      FinishedAnswer finished = std::move(found->second);
      judging.erase(found);
      judgements.push_back({finished.answer.row, finished.answer.epoch, std::move(verdict.how)});
      keep(std::move(finished), std::move(verdict.score));
    }
    if (on_progress) on_progress(result.num_answers);
  };
  // Answers whose programs wait or run, with all that their verdicts are made of.
  struct Running {
    datasets::Sample sample;
    FinishedAnswer finished;
    std::string response;
  };
  std::map<std::int64_t, Running> running;
  std::int64_t next_program = 0;
  constexpr std::size_t kMostPrograms = 64;
  const auto code_desk =
      programs == nullptr ? nullptr : std::make_unique<CodeDesk>(programs->num_workers());
  const auto take_programs = [&] {
    for (CodeDesk::Judged& judged : code_desk->take(std::chrono::milliseconds(50))) {
      const auto found = running.find(judged.ticket);
      FinishedAnswer finished = std::move(found->second.finished);
      running.erase(found);
      keep(std::move(finished), std::move(judged.score));
    }
    if (on_progress) on_progress(result.num_answers);
  };
  while (std::optional<SampleStory> story = stories.next()) {
    while (sample && sample->row < story->sample.row) sample = reader->next();
    if (!sample || sample->row != story->sample.row) {
      throw Error(ErrorCode::kInternal, "row " + std::to_string(story->sample.row) + " of run " +
                                            run_id + " is not in " + samples.name);
    }
    FinishedAnswer finished;
    finished.sample = std::move(story->sample);
    finished.answer = std::move(story->answer);
    AnswerRecord& answer = finished.answer;

    Reply reply;
    reply.response = story->transcript.response;
    reply.finish_reason = answer.finish_reason;
    reply.failure = answer.failure;
    reply.completion_tokens = answer.completion_tokens;
    reply.continuation_logprobs = story->transcript.continuation_logprobs;
    if (answer.finish_reason == kSkipped && !asks_never(profile, finished.sample.row)) {
      reply.finish_reason = "error";
      reply.failure = "never asked: profile " + source.profile + " skips this row";
    }
    if (code_desk != nullptr && reply.continuation_logprobs.empty()) {
      const std::int64_t ticket = next_program++;
      const auto held = running.emplace(
          ticket, Running{*sample, std::move(finished), std::move(story->transcript.response)});
      code_desk->give(ticket, [&profile, &source, &programs, &one = held.first->second] {
        const AnswerRecord& kept = one.finished.answer;
        Reply again;
        again.response = one.response;
        again.finish_reason = kept.finish_reason;
        again.failure = kept.failure;
        again.completion_tokens = kept.completion_tokens;
        return judge(profile, one.sample, kept.permutation, again, source.seed, kept.epoch,
                     programs.get());
      });
      while (running.size() >= kMostPrograms) take_programs();
      continue;
    }
    evals::Score score =
        judge(profile, *sample, answer.permutation, reply, source.seed, answer.epoch);
    if (desk != nullptr && evals::is_judge_failure(score.why)) {
      JudgeTask task;
      task.sample = std::make_shared<const datasets::Sample>(*sample);
      task.permutation = answer.permutation;
      task.response = story->transcript.response;
      if (options.other) {
        const auto other = options.other(answer.row, answer.epoch);
        if (!other || other->empty()) {
          keep(std::move(finished), evals::judge_failure("the other run has no reply here"));
          continue;
        }
        task.other = *other;
      }
      task.finish_reason = answer.finish_reason;
      task.completion_tokens = answer.completion_tokens;
      task.epoch = answer.epoch;
      judging.emplace(desk->submit(/*owner=*/0, std::move(task)), std::move(finished));
      while (desk->is_full()) take_verdicts();
      continue;
    }
    keep(std::move(finished), std::move(score));
  }
  while (!judging.empty()) take_verdicts();
  while (!running.empty()) take_programs();
  commit();
  std::vector<std::string> warnings = source.warnings;
  if (source.decision && source.decision->stopped_early()) {
    warnings.push_back(
        "the run judged again was stopped early: its answers, those past the stopping "
        "point among them, are of " +
        std::to_string(source.answers) + " of " + std::to_string(source.expected_answers) +
        " asked for");
  }
  store.finish_run(opened.info, source.complete, source.why_stopped, warnings);
  return result;
}

}  // namespace peira::runner
