// Runs that stop once their claim is decided: what they decide does not depend on the order in
// which answers come, on how many are in flight, or on when a sitting ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <set>

#include "base/error.h"
#include "runner/decision_control.h"
#include "runner/executor.h"
#include "runner/summary.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

constexpr int kNumSamples = 400;

evals::StopRule rule_of(const std::string& text) {
  return evals::parse_stop_rule(text, std::vector<std::string>{"sums"});
}

// Nine of ten right.
ModelResponse mostly(const ModelRequest& request) {
  return say(std::to_string(request.row % 10 == 3 ? -1 : 2 * request.row));
}

struct Sitting {
  RunOutcome outcome;
  RunInfo info;
};

Sitting sit(Store& store, FakeClient& model, const std::string& rule, RunOptions options) {
  DecisionControl control(rule_of(rule), 0.05, options.seed);
  options.control = &control;
  Sitting sitting;
  sitting.outcome = execute_run(store, model, options);
  sitting.info = store.run(sitting.outcome.run_id);
  return sitting;
}

// All of a decision but which further answers happened to be there.
Json core(const evals::StopDecision& decision) {
  Json json = evals::to_json(decision);
  json.erase("rows_beyond");
  return json;
}

TEST(DecisionRun, StopsEarlyAndSaysWhy) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly);
  const Sitting got = sit(store, model, "sums>=0.7", sums_options(kNumSamples));
  EXPECT_TRUE(got.outcome.complete);
  EXPECT_EQ(got.info.status(), "stopped");
  ASSERT_TRUE(got.info.decision.has_value());
  const evals::StopDecision& decision = *got.info.decision;
  EXPECT_EQ(decision.verdict, evals::Verdict::kTrue);
  EXPECT_LT(decision.num_used, 100);
  EXPECT_EQ(decision.num_questions, kNumSamples);
  EXPECT_EQ(decision.rows_beyond.size() + static_cast<std::size_t>(decision.num_used),
            static_cast<std::size_t>(got.info.answers));
  // 20 in flight at most: a twentieth of the questions.
  EXPECT_LE(got.info.answers, decision.num_used + 20);

  const evals::RunRecord record = summarize(store, got.info.id);
  EXPECT_EQ(record.metrics[0].num_samples, decision.num_used);
  EXPECT_DOUBLE_EQ(record.metrics[0].value, decision.estimate.value());
  EXPECT_THAT(record.warnings, ::testing::Contains(::testing::HasSubstr("stopped early")));
  EXPECT_TRUE(record.manifest["values"]["stop"]["rule"] == "sums>=0.7");
}

TEST(DecisionRun, AsksInASeededRandomOrder) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  std::vector<std::int64_t> first, second;
  for (auto* rows : {&first, &second}) {
    FakeClient model(mostly);
    model.on_submit = [&](const ModelRequest& request) { rows->push_back(request.row); };
    RunOptions options = sums_options(kNumSamples);
    options.seed = rows == &first ? 0 : 1;
    sit(store, model, "sums>=0.7", options);
  }
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  EXPECT_NE(first, second);
}

TEST(DecisionRun, DecidesTheSameInWhateverOrderAnswersCome) {
  std::optional<Json> expected;
  for (const int in_flight : {1, 4, 64, 400}) {
    for (const std::uint64_t order : {0U, 7U, 99U}) {
      const TempFolder folder;
      Store store(folder / "peira.sqlite");
      FakeClient model(mostly);
      model.order_seed = order;
      RunOptions options = sums_options(kNumSamples);
      options.epochs = 2;
      options.in_flight = in_flight;
      const Sitting got = sit(store, model, "sums>=0.85", options);
      const Json decision = core(got.info.decision.value());
      if (!expected) expected = decision;
      EXPECT_EQ(decision, *expected) << in_flight << " in flight, order " << order;
      // Nor does what the run says of itself.
      EXPECT_DOUBLE_EQ(summarize(store, got.info.id).metrics[0].value,
                       got.info.decision->estimate.value());
    }
  }
}

TEST(DecisionRun, ContinuesToTheSameDecision) {
  Json expected;
  {
    const TempFolder folder;
    Store store(folder / "peira.sqlite");
    FakeClient model(mostly);
    expected =
        core(sit(store, model, "sums>=0.85", sums_options(kNumSamples)).info.decision.value());
  }
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  std::set<std::string> ids;
  std::optional<evals::StopDecision> decision;
  int sittings = 0;
  while (!decision) {
    ASSERT_LT(++sittings, 100);
    std::atomic<bool> stop{false};
    FakeClient model(mostly);
    model.order_seed = 5;
    int polls = 0;
    model.on_poll = [&] { stop = ++polls > 4; };
    RunOptions options = sums_options(kNumSamples);
    options.stop_requested = &stop;
    const Sitting got = sit(store, model, "sums>=0.85", options);
    ids.insert(got.info.id);
    decision = got.info.decision;
    for (const auto& [key, count] : model.asked) EXPECT_EQ(count, 1);
  }
  EXPECT_GT(sittings, 3);
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(core(*decision), expected);
}

// 36 of 400 fail: enough to leave a claim near the score open, never enough to be counted wrong.
TEST(DecisionRun, LeavesFailuresOpen) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model([](const ModelRequest& request) {
    if (request.row % 11 == 5) {
      ModelResponse response;
      response.finish_reason = "error";
      response.failure = "context overflow";
      return response;
    }
    return mostly(request);
  });
  RunOptions options = sums_options(kNumSamples);
  options.max_failures = FailureLimit::parse("50%");
  const Sitting open = sit(store, model, "sums>=0.87", options);
  EXPECT_TRUE(open.outcome.complete);
  EXPECT_EQ(open.info.status(), "complete");
  EXPECT_EQ(open.info.decision.value().verdict, evals::Verdict::kUndecided);
  EXPECT_EQ(open.info.decision->num_used, kNumSamples);
  EXPECT_EQ(open.info.decision->num_unresolved, 36);
  EXPECT_LT(open.info.decision->low, 0.87);
  EXPECT_GT(open.info.decision->high, 0.87);
  EXPECT_EQ(sit(store, model, "sums>=0.6", options).info.decision->verdict, evals::Verdict::kTrue);
  EXPECT_EQ(sit(store, model, "sums>=0.97", options).info.decision->verdict,
            evals::Verdict::kFalse);
}

TEST(DecisionRun, ComparesWithAStoredRun) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient base(mostly);
  RunOptions options = sums_options(kNumSamples);
  options.name = "base";
  execute_run(store, base, options);
  options.name.clear();

  FakeClient model([](const ModelRequest& request) {
    return say(std::to_string(request.row % 20 == 3 ? -1 : 2 * request.row));
  });
  model.weights = "fake-2";
  const auto decide = [&](const std::string& text) {
    const evals::StopRule rule = rule_of(text);
    DecisionControl control(rule, 0.05, options.seed);
    const RunInfo reference = store.run(rule.reference);
    control.set_reference(reference_values(store, reference), reference.manifest);
    RunOptions now = options;
    now.control = &control;
    return store.run(execute_run(store, model, now).run_id).decision.value();
  };
  const evals::StopDecision no_worse = decide("no-worse-than base by 0.05");
  EXPECT_EQ(no_worse.verdict, evals::Verdict::kTrue);
  EXPECT_TRUE(no_worse.stopped_early());
  EXPECT_EQ(no_worse.reference, "base");
  EXPECT_EQ(decide("better-than base by 0.2").verdict, evals::Verdict::kFalse);
  // Exactly 5 points better: only the last question can tell "at least" from "above".
  EXPECT_EQ(decide("better-than base by 0.05").verdict, evals::Verdict::kTrue);

  const std::string stopped = sit(store, base, "sums>=0.5", sums_options(kNumSamples)).info.id;
  EXPECT_THROW(reference_values(store, store.run(stopped)), Error);
  options = sums_options(kNumSamples - 1);
  EXPECT_THROW(decide("no-worse-than base by 0.05"), Error);
}

struct PairResult {
  RunInfo arm, against;
};

PairResult sit_pair(Store& store, FakeClient& model, FakeClient& other, std::uint64_t order,
                    const std::atomic<bool>* stop = nullptr) {
  model.order_seed = other.order_seed = order;
  DecisionControl control(rule_of("no-worse-than against by 0.04"), 0.05, 0, 2);
  RunOptions options = sums_options(kNumSamples);
  options.stop_requested = stop;
  RunOptions against = options;
  against.variant = evals::PromptVariant{.name = "direct", .num_shots = 0, .template_text = {}};
  const auto [one, two] = execute_pair(store, {model, options}, {other, against}, control);
  return {store.run(one.run_id), store.run(two.run_id)};
}

TEST(DecisionRun, RunsTwoArmsQuestionByQuestion) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly);
  std::int64_t ahead = 0, most_ahead = 0;
  model.on_submit = [&](const ModelRequest& request) {
    const bool is_against = text_of(request.messages.back()).starts_with("direct");
    ahead += is_against ? -1 : 1;
    most_ahead = std::max(most_ahead, std::abs(ahead));
  };
  const PairResult got = sit_pair(store, model, model, 3);
  EXPECT_LE(most_ahead, 40);
  EXPECT_EQ(got.arm.variant, "official");
  EXPECT_EQ(got.against.variant, "direct");
  EXPECT_EQ(got.arm.status(), "stopped");
  EXPECT_EQ(got.against.status(), "stopped");
  EXPECT_EQ(got.arm.decision.value().verdict, evals::Verdict::kTrue);
  EXPECT_EQ(got.against.decision.value().role, "against");
  EXPECT_EQ(got.arm.decision->num_used, got.against.decision->num_used);
  EXPECT_EQ(summarize(store, got.against.id).metrics[0].num_samples, got.arm.decision->num_used);
}

TEST(DecisionRun, DecidesPairsTheSameHoweverOftenItIsInterrupted) {
  std::optional<Json> expected;
  for (const std::uint64_t order : {0U, 11U, 12U}) {
    const TempFolder folder;
    Store store(folder / "peira.sqlite");
    std::optional<PairResult> got;
    for (int sitting = 0; sitting < 200; ++sitting) {
      std::atomic<bool> stop{false};
      FakeClient model(mostly), other(mostly);
      other.weights = "fake-2";
      int polls = 0;
      // The first order is never interrupted.
      model.on_poll = [&] { stop = order != 0 && ++polls > 8; };
      got = sit_pair(store, model, other, order, &stop);
      if (got->arm.complete) break;
      EXPECT_FALSE(got->against.complete);
      EXPECT_FALSE(got->arm.decision.has_value());
    }
    EXPECT_EQ(store.runs().size(), 2U);
    const Json decision = core(got->arm.decision.value());
    if (!expected) expected = decision;
    EXPECT_EQ(decision, *expected);
    EXPECT_TRUE(got->against.complete);
  }
}

// One arm that fails beyond the limit must not leave the other waiting for it.
TEST(DecisionRun, EndsBothArmsWhenOneGivesUp) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly);
  FakeClient broken([](const ModelRequest&) {
    ModelResponse response;
    response.finish_reason = "error";
    response.failure = "gone";
    return response;
  });
  const PairResult got = sit_pair(store, model, broken, 0);
  EXPECT_EQ(got.against.status(), "incomplete");
  EXPECT_THAT(got.against.why_stopped, ::testing::HasSubstr("--max-failures"));
  EXPECT_EQ(got.arm.status(), "incomplete");
  EXPECT_EQ(got.arm.why_stopped, "the other arm stopped");
}

TEST(DecisionRun, LeavesStoresOfBeforeReadable) {
  const TempFolder folder;
  const auto path = folder / "peira.sqlite";
  {
    Store store(path);
    FakeClient model(mostly);
    RunOptions options = sums_options(10);
    options.name = "old";
    execute_run(store, model, options);
  }
  Database(path, Database::Mode::kReadWriteCreate).execute("DROP TABLE decisions");
  EXPECT_FALSE(Store(path, Store::Access::kReadOnly).run("old").decision.has_value());
  Store store(path);
  FakeClient model(mostly);
  EXPECT_TRUE(sit(store, model, "sums>=0.5", sums_options(40)).info.decision.has_value());
}

}  // namespace
}  // namespace peira::runner::testing
