// Runs judged by a scripted judge: nonsense, failures, kills.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "evals/judge.h"
#include "evals/suite.h"
#include "runner/judging/judge_desk.h"
#include "runner/rescore.h"
#include "runner/summary.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::HasSubstr;

std::string verdict(bool is_right, int confidence = 80) {
  return dump_json(Json{{"extracted_final_answer", "x"},
                        {"reasoning", "because"},
                        {"correct", is_right ? "yes" : "no"},
                        {"confidence", confidence}});
}

// Right when the response in the question holds the reference answer.
ModelResponse honest(const ModelRequest& request) {
  const std::string text = text_of(request.messages.front());
  const auto field = [&](const std::string& name) {
    const std::size_t begin = text.find(name) + name.size();
    return text.substr(begin, text.find("\n\n", begin) - begin);
  };
  return say(verdict(field("[response]: ") == field("[reference answer]: ")));
}

// The sums of support.h under the judge of Humanity's Last Exam.
RunOptions judged_options(int count, JudgeDesk& desk) {
  RunOptions options = sums_options(count);
  options.suite = evals::find_suite("hle");
  options.judge = &desk;
  return options;
}

std::shared_ptr<const evals::ModelJudge> hle() {
  return evals::find_suite("hle").profile("official").judge;
}

struct Fixture {
  TempFolder folder;
  Store store{folder / "peira.sqlite"};
  FakeClient model{mostly_right};

  Fixture() { model.takes_formats = true; }
};

FakeClient judge_that(FakeClient::Respond respond) {
  FakeClient judge(std::move(respond));
  judge.takes_formats = true;
  return judge;
}

// Rows whose replies are in the store.
std::vector<std::int64_t> kept_rows(const Store& store, const std::string& run_id) {
  std::vector<std::int64_t> rows;
  OutcomeReader reader = store.outcomes(run_id);
  while (const auto outcome = reader.next()) rows.push_back(outcome->row);
  return rows;
}

TEST(JudgedRun, ScoresByTheJudgeAndSaysWhoItWas) {
  Fixture f;
  FakeClient judge = judge_that(honest);
  JudgeDesk desk(judge, hle(), f.store.path());
  const RunOutcome outcome = execute_run(f.store, f.model, judged_options(12, desk));
  EXPECT_TRUE(outcome.complete);
  const evals::RunRecord record = summarize(f.store, outcome.run_id);
  EXPECT_NEAR(record.metrics[0].value, 8.0 / 12, 1e-12);
  const Json& by = record.manifest["values"]["judge"];
  EXPECT_EQ(by["name"], "fake");
  EXPECT_EQ(by["prompt"]["sha256"].get<std::string>().size(), 64U);
  EXPECT_EQ(by["sampling"]["temperature"], 0.0);
  EXPECT_THAT(record.warnings.front(), HasSubstr("judged by fake (prompt hle 1"));
  const VerdictStore verdicts(f.store.path(), VerdictStore::Access::kReadOnly);
  const auto how = verdicts.judgement(f.store.run(outcome.run_id).key, 3, 0);
  ASSERT_TRUE(how.has_value());
  EXPECT_THAT((*how)["replies"][0]["text"].get<std::string>(), HasSubstr("because"));
}

TEST(JudgedRun, AsksAgainAfterNonsenseAndNeverScoresItAsWrong) {
  Fixture f;
  std::atomic<int> nonsense{0};
  FakeClient judge = judge_that([&](const ModelRequest& request) {
    // Row 1 gets nonsense always, row 2 the first time only.
    if (request.row == 1 || (request.row == 2 && nonsense++ == 0)) return say("certainly!");
    return honest(request);
  });
  std::vector<double> temperatures;
  judge.on_submit = [&](const ModelRequest& request) {
    if (request.row == 1) temperatures.push_back(request.sampling.temperature);
  };
  JudgeDesk desk(judge, hle(), f.store.path());
  RunOptions options = judged_options(6, desk);
  options.max_failures = FailureLimit::parse("50%");
  const RunOutcome outcome = execute_run(f.store, f.model, options);
  const SampleStory lost = f.store.story(outcome.run_id, "sum-1")[0];
  EXPECT_EQ(lost.answer.score.state, evals::AnswerState::kFailed);
  EXPECT_THAT(lost.answer.failure, HasSubstr("judge failure: no verdict in 3 attempts"));
  EXPECT_EQ(lost.transcript.response, "2");  // the reply is kept
  EXPECT_EQ(f.store.story(outcome.run_id, "sum-2")[0].answer.score.state,
            evals::AnswerState::kScored);
  EXPECT_EQ(temperatures, (std::vector<double>{0, 0.5, 0.5}));
  const JudgeDesk::Counts counts = desk.counts();
  EXPECT_EQ(counts.nonsense, 4);
  EXPECT_EQ(counts.failures, 1);
  const evals::RunRecord record = summarize(f.store, outcome.run_id);
  EXPECT_EQ(record.states.failed, 1);
  EXPECT_EQ(record.metrics[0].num_samples, 5);
  EXPECT_THAT(record.warnings.back(), HasSubstr("the judge gave no verdict on 1"));
}

TEST(JudgedRun, ContinuesByAskingTheJudgeAlone) {
  Fixture f;
  FakeClient broken = judge_that([](const ModelRequest&) { return say("?"); });
  std::string id;
  {
    JudgeDesk desk(broken, hle(), f.store.path(), {.attempts = 1});
    RunOptions options = judged_options(9, desk);
    options.use_cache = true;
    const RunOutcome outcome = execute_run(f.store, f.model, options);
    EXPECT_FALSE(outcome.complete);  // too many failures
    EXPECT_THAT(outcome.why_stopped, HasSubstr("judge failure"));
    id = outcome.run_id;
  }
  const std::vector<std::int64_t> kept = kept_rows(f.store, id);
  EXPECT_GE(kept.size(), 1U);
  FakeClient mended = judge_that(honest);
  JudgeDesk desk(mended, hle(), f.store.path(), {.attempts = 1});
  RunOptions options = judged_options(9, desk);
  options.use_cache = true;
  const RunOutcome outcome = execute_run(f.store, f.model, options);
  EXPECT_EQ(outcome.run_id, id);
  EXPECT_TRUE(outcome.complete);
  for (const std::int64_t row : kept) EXPECT_EQ(f.model.asked.at({row, 0}), 1) << row;
  EXPECT_EQ(f.store.run(id).failures, 0);
  EXPECT_EQ(f.store.run(id).answers, 9);
}

TEST(JudgedRun, NeverAsksForTheSameVerdictTwice) {
  Fixture f;
  FakeClient judge = judge_that(honest);
  std::string first;
  {
    JudgeDesk desk(judge, hle(), f.store.path());
    RunOptions options = judged_options(12, desk);
    options.epochs = 2;  // equal replies: one question
    first = execute_run(f.store, f.model, options).run_id;
    EXPECT_EQ(desk.counts().asked, 12);
    EXPECT_EQ(desk.counts().verdicts, 24);
  }
  JudgeDesk desk(judge, hle(), f.store.path());
  const RunOptions options = judged_options(12, desk);
  const RescoreResult again = rescore(f.store, first, options.suite, "", options.samples, &desk);
  EXPECT_EQ(again.num_changed, 0);
  EXPECT_EQ(desk.counts().asked, 0);
  EXPECT_EQ(desk.counts().cached, 24);

  // Another judge is asked.
  FakeClient harsh = judge_that([](const ModelRequest&) { return say(verdict(false)); });
  harsh.weights = "harsh";
  JudgeDesk other(harsh, hle(), f.store.path());
  const RescoreResult harsher = rescore(f.store, first, options.suite, "", options.samples, &other);
  EXPECT_EQ(other.counts().asked, 12);
  EXPECT_EQ(harsher.num_changed, 16);
}

TEST(JudgedRun, KeepsRepliesWithoutVerdictWhenInterrupted) {
  Fixture f;
  std::atomic<bool> stop{false};
  FakeClient silent = judge_that([&](const ModelRequest&) {
    stop = true;
    ModelResponse never;
    never.finish_reason = "never";
    return never;
  });
  std::string id;
  {
    JudgeDesk desk(silent, hle(), f.store.path());
    RunOptions options = judged_options(4, desk);
    options.use_cache = true;
    options.stop_requested = &stop;
    const RunOutcome outcome = execute_run(f.store, f.model, options);
    EXPECT_TRUE(outcome.interrupted);
    id = outcome.run_id;
  }
  const std::vector<std::int64_t> kept = kept_rows(f.store, id);
  EXPECT_GE(kept.size(), 1U);
  FakeClient judge = judge_that(honest);
  JudgeDesk desk(judge, hle(), f.store.path());
  RunOptions options = judged_options(4, desk);
  options.use_cache = true;
  EXPECT_TRUE(execute_run(f.store, f.model, options).complete);
  for (const std::int64_t row : kept) EXPECT_EQ(f.model.asked.at({row, 0}), 1) << row;
  EXPECT_EQ(f.store.run(id).answers, 4);
}

TEST(JudgedRun, RetriesWhatMayPassAndFailsWhatDoesNot) {
  Fixture f;
  std::atomic<int> calls{0};
  FakeClient judge = judge_that([&](const ModelRequest& request) {
    ModelResponse response = honest(request);
    if (request.row == 0) {
      response = ModelResponse();
      response.finish_reason = "error";
      response.failure = "401: no key";
    } else if (request.row == 1 && calls++ < 2) {
      response.finish_reason = "error";
      response.retryable = true;
    }
    return response;
  });
  JudgeDesk desk(judge, hle(), f.store.path(), {.retry_wait_s = 0.001});
  RunOptions options = judged_options(3, desk);
  options.max_failures = FailureLimit::parse("50%");
  const RunOutcome outcome = execute_run(f.store, f.model, options);
  EXPECT_THAT(f.store.story(outcome.run_id, "sum-0")[0].answer.failure, HasSubstr("401: no key"));
  EXPECT_EQ(f.store.story(outcome.run_id, "sum-1")[0].answer.score.value, 1);
  EXPECT_EQ(calls, 3);
}

TEST(JudgedRun, NeedsAJudgeAndRefusesAnIdleOne) {
  Fixture f;
  FakeClient judge = judge_that(honest);
  JudgeDesk desk(judge, hle(), f.store.path());
  RunOptions options = judged_options(2, desk);
  options.judge = nullptr;
  try {
    execute_run(f.store, f.model, options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("--profile hle-rule"));
  }
  options.judge = &desk;
  options.profile = "hle-rule";
  EXPECT_THROW(execute_run(f.store, f.model, options), Error);
}

}  // namespace
}  // namespace peira::runner::testing
