// Runs judged by a scripted judge: nonsense, failures, kills.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "base/error.h"
#include "evals/judge.h"
#include "evals/judges/judges.h"
#include "evals/suite.h"
#include "runner/judging/agreement.h"
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
  const RescoreResult again =
      rescore(f.store, first, options.suite, "", options.samples, {.desk = &desk});
  EXPECT_EQ(again.num_changed, 0);
  EXPECT_EQ(desk.counts().asked, 0);
  EXPECT_EQ(desk.counts().cached, 24);

  // Another judge is asked.
  FakeClient harsh = judge_that([](const ModelRequest&) { return say(verdict(false)); });
  harsh.weights = "harsh";
  JudgeDesk other(harsh, hle(), f.store.path());
  const RescoreResult harsher =
      rescore(f.store, first, options.suite, "", options.samples, {.desk = &other});
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

// Prefers the longer response; with_bias: whatever is shown first where they are equally long.
FakeClient::Respond longer(bool with_bias) {
  return [with_bias](const ModelRequest& request) {
    const std::string text = text_of(request.messages.front());
    const auto length = [&](const std::string& name) {
      const std::size_t begin = text.find(name) + name.size();
      return text.find("\n\n", begin) - begin;
    };
    const auto a = length("[response A]\n");
    const auto b = length("[response B]\n");
    const char* const winner = a > b ? "A" : b > a ? "B" : with_bias ? "A" : "tie";
    return say(dump_json(Json{{"reasoning", "length"}, {"winner", winner}}));
  };
}

TEST(PairedRuns, AreJudgedInBothOrders) {
  Fixture f;
  const RunOptions options = sums_options(6);
  const std::string a = execute_run(f.store, f.model, options).run_id;
  // Longer in rows 0 and 1, shorter in 4 (twenty for 8), as long and different in 2 and 3, equal in
  // 5.
  FakeClient other([](const ModelRequest& request) {
    const char* const replies[] = {"much longer", "longer", "77", "7", "", "-1"};
    return say(replies[request.row]);
  });
  other.weights = "other";
  const std::string b = execute_run(f.store, other, options).run_id;

  FakeClient biased = judge_that(longer(true));
  const auto judge = evals::plain_pairwise_judge();
  const evals::Suite suite = evals::with_judge(options.suite, "exact", judge);
  JudgeDesk desk(biased, judge, f.store.path());
  Store reader(f.store.path(), Store::Access::kReadOnly);
  std::map<std::int64_t, std::string> replies;
  StoryReader stories = reader.stories(b);
  while (const auto story = stories.next()) {
    replies[story->answer.row] = story->transcript.response;
  }
  const RescoreResult result =
      rescore(f.store, a, suite, "", options.samples,
              {.desk = &desk,
               .other = [&](std::int64_t row, int) -> std::optional<std::string> {
                 return replies.at(row);
               },
               .against = b,
               .on_progress = {}});
  std::vector<std::string> verdicts;
  std::vector<int> positions;
  OutcomeReader outcomes = f.store.outcomes(result.run_id);
  while (const auto outcome = outcomes.next()) {
    verdicts.push_back(outcome->score.answer);
    positions.push_back(evals::position_of(outcome->score));
  }
  // a says 0, 2, -1, 6, 8, -1.
  EXPECT_EQ(verdicts, (std::vector<std::string>{"loss", "loss", "tie", "tie", "", "tie"}));
  EXPECT_EQ(positions, (std::vector<int>{0, 0, 1, 1, 0, 0}));
  const RunInfo info = f.store.run(result.run_id);
  EXPECT_EQ(info.failures, 1);  // row 4: no reply to compare with
  EXPECT_EQ(info.manifest["values"]["judge"]["against"], f.store.run(b).identity);
}

// Verdicts of the runs by hand: both right 20, A alone 5, B alone 10, both wrong 15. Agreement 0.7,
// by chance (25 * 30 + 25 * 20) / 2500 = 0.5, kappa 0.4.
TEST(Agreement, IsCohensKappaOfTheVerdicts) {
  Fixture f;
  RunOptions options = sums_options(50);
  const std::string run = execute_run(f.store, f.model, options).run_id;
  const auto judged = [&](const char* name, const std::function<bool(std::int64_t)>& is_right) {
    evals::Suite suite = options.suite;
    suite.profiles[0].name = name;
    suite.profiles[0].score = [is_right](const evals::ScoreRequest& request) {
      evals::Score score;
      score.state = evals::AnswerState::kScored;
      score.value = is_right(request.sample->row) ? 1 : 0;
      score.why = "as told";
      return score;
    };
    return rescore(f.store, run, suite, name, options.samples).run_id;
  };
  const std::string a = judged("a", [](std::int64_t row) { return row < 25; });
  const std::string b =
      judged("b", [](std::int64_t row) { return row < 20 || (row >= 25 && row < 35); });
  const JudgeAgreement agreement = judge_agreement(f.store, a, b);
  EXPECT_EQ(agreement.num_items, 50);
  EXPECT_DOUBLE_EQ(agreement.observed, 0.7);
  EXPECT_NEAR(agreement.kappa->kappa, 0.4, 1e-12);
  EXPECT_EQ(agreement.counts, (std::vector<std::vector<std::int64_t>>{{15, 10}, {5, 20}}));
  ASSERT_EQ(agreement.disagreements.size(), 15U);
  EXPECT_EQ(agreement.disagreements[0].sample_id, "sum-20");

  // One category alone: no kappa, and a reason.
  const std::string all = judged("all", [](std::int64_t) { return true; });
  const JudgeAgreement flat = judge_agreement(f.store, all, all);
  EXPECT_FALSE(flat.kappa.has_value());
  EXPECT_FALSE(flat.why_no_kappa.empty());
  EXPECT_EQ(flat.observed, 1);

  EXPECT_THROW(judge_agreement(f.store, a, execute_run(f.store, f.model, sums_options(3)).run_id),
               Error);

  // Labels on ten questions; by hand: the judge is right on 8 of them, calls 25 of 50 right.
  const auto labels = f.folder / "labels.csv";
  std::ofstream file(labels);
  file << "id,label\n";
  for (int row = 0; row < 50; row += 5) {
    file << "sum-" << row << "," << (row == 0 || row == 40 ? row == 40 : row < 25) << "\n";
  }
  file.close();
  const LabelledScore score = score_with_labels(f.store, a, labels);
  EXPECT_EQ(score.num_labels, 10);
  EXPECT_EQ(score.num_unlabelled, 40);
  EXPECT_DOUBLE_EQ(score.judge_mean, 0.5);
  EXPECT_DOUBLE_EQ(score.labels_alone.estimate, 0.5);
  // Labels 0 1 1 1 1 and 0 0 0 1 0 beside verdicts 1 1 1 1 1 and 0 0 0 0 0: agreement 0.8, by
  // chance 0.5.
  EXPECT_NEAR(score.kappa->kappa, 0.6, 1e-12);
  EXPECT_LT(score.powered->std_error, score.labels_alone.std_error);

  std::ofstream(labels) << "id,label\nsum-1,maybe\n";
  EXPECT_THROW(score_with_labels(f.store, a, labels), Error);
  std::ofstream(labels) << "id,label\nsum-99,1\n";
  EXPECT_THROW(score_with_labels(f.store, a, labels), Error);
}

}  // namespace
}  // namespace peira::runner::testing
