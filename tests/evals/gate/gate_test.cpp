#include "evals/gate/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/evals/gate/gate_arms.h"

namespace peira::evals {
namespace {

using ::testing::HasSubstr;

GateResult judge(const Gate& gate, const GateArm& candidate, const GateArm* baseline = nullptr) {
  return judged(policy_of({gate}), candidate, baseline).gates[0];
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "";
}

// ---- targets ----

TEST(GateTarget, ReadsSuiteCellAndMetric) {
  const GateTarget cell = parse_gate_target("gpqa[High-level domain=Physics].accuracy");
  EXPECT_EQ(cell.suite, "gpqa");
  EXPECT_EQ(cell.field, "High-level domain");
  EXPECT_EQ(cell.value, "Physics");
  EXPECT_EQ(cell.metric, "accuracy");
  EXPECT_EQ(parse_gate_target("gpqa.latency.p95").metric, "latency.p95");
  EXPECT_EQ(parse_gate_target("gpqa.pass@4").metric, "pass@4");
  EXPECT_EQ(parse_gate_target("gpqa").metric, "accuracy");
}

TEST(GateTarget, SuggestsTheNearestMetric) {
  EXPECT_THAT(message_of([] { parse_gate_target("gpqa.unprased"); }), HasSubstr("try: unparsed"));
  EXPECT_THAT(message_of([] { parse_gate_target("gpqa.acuracy"); }), HasSubstr("try: accuracy"));
  for (const char* bad : {"", ".accuracy", "gpqa[", "gpqa[=x]", "gpqa[a]", "gpqa[a=b]x",
                          "gpqa.pass@0", "gpqa.", "gpqa.pass@99999999999999"}) {
    EXPECT_NE(message_of([bad] { parse_gate_target(bad); }), "") << bad;
  }
}

// ---- verdicts ----

// scipy 1.17.1: binom.sf(89, 100, .8) and binom.cdf(90, 100, .8);
// beta.ppf([.05], 90, 11), beta.ppf(.95, 91, 10).
TEST(Gate, TestsIndependentScoresByTheBinomialTail) {
  const GateResult got = judge(gate_of("s", GateKind::kMin, 0.8), gate_arm("c", answers(100, 90)));
  EXPECT_NEAR(got.pass_p, 0.005696380955793522, 1e-12);
  EXPECT_NEAR(got.fail_p, 0.9976664390137892, 1e-9);
  EXPECT_NEAR(*got.low, 0.8362823767241852, 1e-9);
  EXPECT_NEAR(*got.high, 0.94473676231713, 1e-9);
  EXPECT_EQ(got.status, GateStatus::kPass);
}

TEST(Gate, FailsOrStaysOpenBySize) {
  EXPECT_EQ(judge(gate_of("s", GateKind::kMin, 0.8), gate_arm("c", answers(100, 60))).status,
            GateStatus::kFail);
  const GateResult open = judge(gate_of("s", GateKind::kMin, 0.8), gate_arm("c", answers(100, 83)));
  EXPECT_EQ(open.status, GateStatus::kUndecided);
  // By hand: (t_.95,99 + t_.8,99)^2 * .83 * .17 / 99 / .03^2 * 100 = 994.2, rounded up (scipy
  // t.ppf).
  ASSERT_TRUE(open.questions_needed);
  EXPECT_NEAR(static_cast<double>(*open.questions_needed), 995, 1);
  EXPECT_THAT(open.why, HasSubstr("questions would decide"));
}

TEST(Gate, ComparesWithABaselineOrientedByTheMetric) {
  const GateArm base = gate_arm("b", answers(1000, 800));
  EXPECT_EQ(judge(gate_of("s", GateKind::kNoWorse, 0.02, "base"), gate_arm("c", answers(1000, 800)),
                  &base)
                .status,
            GateStatus::kPass);
  EXPECT_EQ(judge(gate_of("s", GateKind::kNoWorse, 0.02, "base"), gate_arm("c", answers(1000, 700)),
                  &base)
                .status,
            GateStatus::kFail);
  EXPECT_EQ(judge(gate_of("s", GateKind::kEquivalent, 0.02, "base"),
                  gate_arm("c", answers(1000, 900)), &base)
                .status,
            GateStatus::kFail);
  // More unparsed replies are worse.
  std::vector<SampleOutcome> outcomes = answers(1000, 800);
  for (int row = 900; row < 1000; ++row) {
    outcomes[static_cast<std::size_t>(row)] = unanswered(row, 0, AnswerState::kUnparsed);
  }
  const GateResult worse = judge(gate_of("s.unparsed", GateKind::kNoWorse, 0.02, "base"),
                                 gate_arm("c", outcomes), &base);
  EXPECT_EQ(worse.status, GateStatus::kFail);
  EXPECT_DOUBLE_EQ(*worse.estimate, 0.1);
}

// Section 20's vector of 1000 pairs: z_tango 2.86499933282904, p 0.00208505056446817.
TEST(Gate, UsesTangosScoreOnRightAndWrongPairs) {
  std::vector<SampleOutcome> before, after;
  const auto add = [&](int count, double a, double b) {
    for (int i = 0; i < count; ++i) {
      const auto row = static_cast<std::int64_t>(before.size());
      before.push_back(scored(row, 0, a, row % 2 == 0 ? "A" : "B"));
      after.push_back(scored(row, 0, b, row % 2 == 0 ? "A" : "B"));
    }
  };
  add(700, 1, 1);
  add(60, 1, 0);
  add(40, 0, 1);
  add(200, 0, 0);
  const GateArm base = gate_arm("b", before);
  const GateResult got =
      judge(gate_of("s", GateKind::kNoWorse, 0.05, "base"), gate_arm("c", after), &base);
  EXPECT_NEAR(got.pass_p, 0.00208505056446817, 1e-12);
  EXPECT_EQ(got.status, GateStatus::kPass);
  EXPECT_EQ(got.flips->total(), 100);
}

// Three clusters of 100 questions that agree within: 2^-3 is the least p there is.
TEST(Gate, DoesNotTakeThreeClustersForThreeHundredQuestions) {
  std::vector<SampleOutcome> before, after;
  for (int row = 0; row < 300; ++row) {
    before.push_back(scored(row, 0, 1, row % 2 == 0 ? "A" : "B"));
    after.push_back(scored(row, 0, 1, row % 2 == 0 ? "A" : "B"));
    before.back().cluster = after.back().cluster = "c" + std::to_string(row / 100);
  }
  after[7].score.value = 0;
  const GateArm base = gate_arm("b", before);
  const GateResult got =
      judge(gate_of("s", GateKind::kNoWorse, 0.02, "base"), gate_arm("c", after), &base);
  EXPECT_EQ(got.num_clusters, 3);
  EXPECT_DOUBLE_EQ(got.pass_p, 0.125);
  EXPECT_EQ(got.status, GateStatus::kUndecided);
}

TEST(Gate, TakesFailuresForWrongWhereAClaimIsToBeShown) {
  std::vector<SampleOutcome> outcomes = answers(100, 90);
  for (int row = 0; row < 10; ++row) {
    outcomes[static_cast<std::size_t>(row)] = unanswered(row, 0, AnswerState::kFailed);
  }
  const GateResult got = judge(gate_of("s", GateKind::kMin, 0.8), gate_arm("c", outcomes));
  EXPECT_EQ(got.status, GateStatus::kUndecided);
  EXPECT_EQ(got.num_items, 90);
  EXPECT_DOUBLE_EQ(*got.estimate, 80.0 / 90);
}

TEST(Gate, JudgesLatencyByItsOrderStatistics) {
  std::vector<SampleOutcome> outcomes = answers(200, 100);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].latency_s = 1 + static_cast<double>(i) / 100;  // 1 to 2.99
  }
  const GateArm arm = gate_arm("c", outcomes);
  EXPECT_EQ(judge(gate_of("s.latency.p95", GateKind::kMax, 3), arm).status, GateStatus::kPass);
  EXPECT_EQ(judge(gate_of("s.latency.p50", GateKind::kMax, 1.5), arm).status, GateStatus::kFail);
  EXPECT_EQ(judge(gate_of("s.latency.p50", GateKind::kMax, 2), arm).status, GateStatus::kUndecided);
  EXPECT_EQ(judge(gate_of("s.latency.mean", GateKind::kMax, 2.5), arm).status, GateStatus::kPass);
}

// Each question takes 0.2 s more than before: so does every quantile, in every resample.
TEST(Gate, ComparesQuantilesQuestionByQuestion) {
  std::vector<SampleOutcome> outcomes = answers(200, 100);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].latency_s = 1 + static_cast<double>(i % 40) / 10;
  }
  const GateArm base = gate_arm("b", outcomes);
  for (SampleOutcome& outcome : outcomes) outcome.latency_s += 0.2;
  const GateArm slower = gate_arm("c", outcomes);
  for (const char* target : {"s.latency.p95", "s.latency.p50"}) {
    const auto against = [&](GateKind kind, double margin) {
      return judge(gate_of(target, kind, margin, "base"), slower, &base);
    };
    const GateResult borne = against(GateKind::kNoWorse, 0.5);
    EXPECT_EQ(borne.status, GateStatus::kPass) << borne.why;
    EXPECT_NEAR(*borne.estimate, 0.2, 1e-9);
    EXPECT_NEAR(*borne.low, 0.2, 1e-9);
    EXPECT_NEAR(*borne.high, 0.2, 1e-9);
    EXPECT_THAT(borne.method, HasSubstr("1999 resamples, seed 1"));
    EXPECT_EQ(against(GateKind::kNoWorse, 0.1).status, GateStatus::kFail);
    EXPECT_EQ(against(GateKind::kEquivalent, 0.3).status, GateStatus::kPass);
    EXPECT_EQ(against(GateKind::kEquivalent, 0.1).status, GateStatus::kFail);
  }
}

TEST(Gate, OfQuantilesTakesFailuresForTheSlowestWhereAClaimIsToBeShown) {
  std::vector<SampleOutcome> outcomes = answers(200, 100);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].latency_s = 1 + static_cast<double>(i % 40) / 10;
  }
  const GateArm base = gate_arm("b", outcomes);
  for (std::size_t i = 0; i < 20; ++i) outcomes[10 * i].score.state = AnswerState::kFailed;
  const GateResult held = judge(gate_of("s.latency.p95", GateKind::kNoWorse, 0.5, "base"),
                                gate_arm("c", outcomes), &base);
  // Every tenth question failed: the 95 % of answers may have taken any time.
  EXPECT_EQ(held.status, GateStatus::kUndecided);
  EXPECT_GT(held.pass_p, 0.9);
}

TEST(Gate, OfQuantilesNeedsEnoughIndependentQuestions) {
  std::vector<SampleOutcome> outcomes = answers(200, 100);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].latency_s = 1;
    outcomes[i].cluster = "c" + std::to_string(i % 58);
  }
  const GateArm base = gate_arm("b", outcomes);
  const GateResult held = judge(gate_of("s.latency.p95", GateKind::kNoWorse, 0.5, "base"),
                                gate_arm("c", outcomes), &base);
  EXPECT_EQ(held.status, GateStatus::kUndecided);
  EXPECT_THAT(
      held.why,
      HasSubstr("a difference of latency.p95 needs 59 independent questions, there are 58"));
}

// Two families: levels in the first, cells in the second.
GatePolicy ranked(std::vector<Gate> gates, double share = 0) {
  GatePolicy policy = policy_of(std::move(gates));
  policy.families = {{"first"}, {"second", share}};
  policy.gates.back().family = 1;
  return policy;
}

TEST(GateFamilies, PassInTheirOrder) {
  const GateArm arm = gate_arm("c", answers(100, 60));
  // 60 of 100: 0.3 is shown by far, 0.55 is not.
  const GateReport open =
      judged(ranked({gate_of("s", GateKind::kMin, 0.55), gate_of("s", GateKind::kMin, 0.3)}), arm);
  EXPECT_EQ(open.gates[1].status, GateStatus::kUndecided);
  EXPECT_TRUE(open.gates[1].waits_for_family);
  EXPECT_THAT(open.gates[1].why, HasSubstr("counts only once every family before its own passes"));
  ASSERT_EQ(open.families.size(), 2U);
  EXPECT_EQ(open.families[1].status, GateStatus::kUndecided);
  const GateReport shown =
      judged(ranked({gate_of("s", GateKind::kMin, 0.4), gate_of("s", GateKind::kMin, 0.3)}), arm);
  EXPECT_EQ(shown.status, GateStatus::kPass);
  EXPECT_EQ(shown.families[0].status, GateStatus::kPass);
  EXPECT_DOUBLE_EQ(shown.families[0].family.share, 1);
}

TEST(GateFamilies, GiveTheFirstAllOfTheFalseFailureRate) {
  // scipy binom.cdf(60, 100, .685) = 0.0445: a failure by itself, of two gates by Holm none.
  const GateArm arm = gate_arm("c", answers(100, 60));
  const std::vector<Gate> gates{gate_of("s", GateKind::kMin, 0.685),
                                gate_of("s", GateKind::kMin, 0.7)};
  EXPECT_EQ(judged(policy_of({gates[0], gate_of("s", GateKind::kMin, 0.3)}), arm).status,
            GateStatus::kUndecided);
  const GateReport first = judged(ranked({gates[0], gate_of("s", GateKind::kMin, 0.3)}), arm);
  EXPECT_EQ(first.gates[0].status, GateStatus::kFail);
  EXPECT_NEAR(first.gates[0].fail_p_adjusted, 0.0445, 5e-5);
  // The second family's turn comes once the whole first has failed ...
  EXPECT_EQ(judged(ranked({gates[0], gates[1]}), arm).gates[1].status, GateStatus::kFail);
  const GateArm good = gate_arm("c", answers(100, 60));
  const std::vector<Gate> waiting{gate_of("s", GateKind::kMin, 0.5),
                                  gate_of("s", GateKind::kMin, 0.9)};
  const GateReport shut = judged(ranked(waiting), good);
  EXPECT_EQ(shut.gates[1].status, GateStatus::kUndecided);
  EXPECT_THAT(shut.gates[1].why, HasSubstr("refuted by itself"));
  // ... or at once on a share of its own.
  EXPECT_EQ(judged(ranked(waiting, 0.2), good).gates[1].status, GateStatus::kFail);
}

TEST(GateFamilies, AreRefusedWhereTheyRankNothing) {
  const GateArm arm = gate_arm("c", answers(100, 60));
  const auto refusal = [&](const auto& change) {
    GatePolicy policy =
        ranked({gate_of("s", GateKind::kMin, 0.5), gate_of("s", GateKind::kMin, 0.3)});
    change(policy);
    return message_of([&] { judged(policy, arm); });
  };
  EXPECT_THAT(refusal([](GatePolicy& p) { p.gates[1].family = 0; }), HasSubstr("no gate is in it"));
  EXPECT_THAT(refusal([](GatePolicy& p) { p.gates[1].family = 7; }), HasSubstr("no gate is in it"));
  EXPECT_THAT(refusal([](GatePolicy& p) { p.families[0].share = 0.5; }),
              HasSubstr("the share that the others leave"));
  EXPECT_THAT(refusal([](GatePolicy& p) { p.families[1].share = 1; }),
              HasSubstr("between 0 and 1"));
  EXPECT_THAT(refusal([](GatePolicy& p) { p.families[1].name = "first"; }),
              HasSubstr("two of that name"));
  EXPECT_THAT(refusal([](GatePolicy& p) { p.families.clear(); }), HasSubstr("is in no family"));
}

TEST(Gate, JudgesCostByPricesGiven) {
  std::vector<SampleOutcome> outcomes = answers(50, 25);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].prompt_tokens = 1000;
    outcomes[i].completion_tokens = 100 + static_cast<std::int64_t>(i % 3);
  }
  GateArm arm = gate_arm("c", outcomes);
  arm.record.model = "gpt-x";
  const GatePolicy policy = policy_of({gate_of("s.cost", GateKind::kMax, 0.01)});
  EXPECT_THAT(message_of([&] { judged(policy, arm); }),
              HasSubstr("no price of model gpt-x (run c) is known"));
  arm.prices = GatePrices{1, 10};
  const GateResult got = judged(policy, arm).gates[0];
  EXPECT_EQ(got.status, GateStatus::kPass);
  EXPECT_NEAR(*got.estimate, (1000 + 10 * 100.98) / 1e6, 1e-12);

  // An endpoint that leaves token counts out of some replies must not look cheap.
  arm.outcomes[7].prompt_tokens = arm.outcomes[7].completion_tokens = 0;
  const GateResult held = judged(policy, arm).gates[0];
  EXPECT_EQ(held.status, GateStatus::kUndecided);
  EXPECT_THAT(held.why, HasSubstr("1 answers of the run c came without token counts"));
}

TEST(Gate, CorrectsFailuresByHolm) {
  // p of 60 of 100 at 0.685: scipy binom.cdf(60, 100, .685) = 0.0445; twice is no failure, and one
  // gate that fails by far does not carry others.
  const GateArm arm = gate_arm("c", answers(100, 60));
  const GateReport report =
      judged(policy_of({gate_of("s", GateKind::kMin, 0.9), gate_of("s", GateKind::kMin, 0.685),
                        gate_of("s", GateKind::kMin, 0.3)}),
             arm);
  EXPECT_EQ(report.gates[0].status, GateStatus::kFail);
  EXPECT_LT(report.gates[1].fail_p, 0.05);
  EXPECT_NEAR(report.gates[1].fail_p_adjusted, 2 * report.gates[1].fail_p, 1e-12);
  EXPECT_EQ(report.gates[1].status, GateStatus::kUndecided);
  EXPECT_EQ(report.gates[2].status, GateStatus::kPass);
  EXPECT_EQ(report.status, GateStatus::kFail);
  EXPECT_THAT(report.headline, HasSubstr("Failed: s.accuracy >= 0.9"));
}

TEST(Gate, RefusesWhatNoTestCanShow) {
  const GateArm arm = gate_arm("c", answers(10, 5));
  EXPECT_NE(message_of([&] { judged(policy_of({}), arm); }), "");
  for (const double bound : {0.0, 1.0, -0.1, 1.5}) {
    EXPECT_NE(message_of([&] { judged(policy_of({gate_of("s", GateKind::kMin, bound)}), arm); }),
              "");
  }
  EXPECT_NE(
      message_of([&] { judged(policy_of({gate_of("s", GateKind::kNoWorse, 0, "base")}), arm); }),
      "");
}

// ---- what never passes ----

void expect_held(const GateResult& result, const std::string& why) {
  EXPECT_EQ(result.status, GateStatus::kUndecided);
  EXPECT_TRUE(result.vacuous);
  EXPECT_THAT(result.why, HasSubstr(why));
}

const Gate kEasy = gate_of("s", GateKind::kMin, 0.1);

TEST(GateNeverPasses, ASuiteThatIsAbsent) {
  const GateArm arm = gate_arm("c", answers(100, 90));
  expect_held(judge(gate_of("other", GateKind::kMin, 0.1), arm), "no run of suite other");
  const GateReport both = judged(policy_of({kEasy, gate_of("other", GateKind::kMin, 0.1)}), arm);
  EXPECT_EQ(both.gates[0].status, GateStatus::kPass);
  EXPECT_EQ(both.status, GateStatus::kUndecided);
}

TEST(GateNeverPasses, AnEmptyCellOrRun) {
  std::vector<SampleOutcome> outcomes = answers(100, 90);
  for (SampleOutcome& outcome : outcomes) outcome.metadata["domain"] = "Physics";
  const GateArm arm = gate_arm("c", outcomes);
  EXPECT_EQ(judge(gate_of("s[domain=Physics]", GateKind::kMin, 0.1), arm).status,
            GateStatus::kPass);
  expect_held(judge(gate_of("s[domain=Phsyics]", GateKind::kMin, 0.1), arm), "no question has");
  EXPECT_THAT(message_of([&] { judge(gate_of("s[area=x]", GateKind::kMin, 0.1), arm); }),
              HasSubstr("they have domain"));
  expect_held(judge(kEasy, gate_arm("c", {})), "no questions");
}

TEST(GateNeverPasses, AnIncompleteLimitedOrStoppedRun) {
  GateArm arm = gate_arm("c", answers(100, 90));
  arm.record.complete = false;
  expect_held(judge(kEasy, arm), "incomplete");
  arm.record.complete = true;
  arm.record.limited = true;
  expect_held(judge(kEasy, arm), "limited");
  arm.record.limited = false;
  arm.num_rows = 198;
  expect_held(judge(kEasy, arm), "100 of 198 questions");
  arm.num_rows = 100;
  arm.record.decision = StopDecision{};
  arm.record.decision->verdict = Verdict::kTrue;
  arm.record.decision->num_used = 50;
  arm.record.decision->num_questions = 100;
  expect_held(judge(kEasy, arm), "stopped early");
}

TEST(GateNeverPasses, FewerItemsThanDeclared) {
  Gate gate = kEasy;
  gate.min_items = 101;
  expect_held(judge(gate, gate_arm("c", answers(100, 90))), "101 declared");
  gate.min_items = 100;
  EXPECT_EQ(judge(gate, gate_arm("c", answers(100, 90))).status, GateStatus::kPass);
  // Pairs count those in both.
  Gate pairs = gate_of("s", GateKind::kNoWorse, 0.1, "base");
  pairs.min_items = 100;
  const GateArm base = gate_arm("b", answers(90, 80));
  expect_held(judge(pairs, gate_arm("c", answers(100, 90)), &base), "90 questions scored");
}

TEST(GateNeverPasses, ADegenerateModel) {
  std::vector<SampleOutcome> same = answers(100, 90);
  for (SampleOutcome& outcome : same) outcome.score.answer = "A";
  expect_held(judge(kEasy, gate_arm("c", same)), "same answer everywhere");
  std::vector<SampleOutcome> none;
  for (int row = 0; row < 100; ++row) {
    none.push_back(unanswered(row, 0, AnswerState::kUnparsed));
  }
  // Its failed rate is fine, and still says nothing.
  expect_held(judge(gate_of("s.failed", GateKind::kMax, 0.1), gate_arm("c", none)),
              "no answer could be read");
}

TEST(GateNeverPasses, ABaselineThatIsTheCandidate) {
  const Gate gate = gate_of("s", GateKind::kNoWorse, 0.1, "base");
  const GateArm arm = gate_arm("c", answers(100, 90));
  expect_held(judge(gate, arm, &arm), "own replies");
  GateArm rescored = gate_arm("d", answers(100, 90));
  rescored.replies = arm.replies;
  expect_held(judge(gate, arm, &rescored), "own replies");
  expect_held(judge(gate, arm), "no baseline");
}

TEST(GateNeverPasses, WhatWasNotMeasured) {
  const GateArm arm = gate_arm("c", answers(100, 90));
  expect_held(judge(gate_of("s.latency.p95", GateKind::kMax, 1), arm), "no latency.p95 measured");
  expect_held(judge(gate_of("s.completion_tokens", GateKind::kMax, 1), arm), "measured");
}

TEST(GateNeverPasses, AFewQuestionsThatAllAgree) {
  const GateArm base = gate_arm("b", answers(8, 4));
  EXPECT_EQ(
      judge(gate_of("s", GateKind::kNoWorse, 0.01, "base"), gate_arm("c", answers(8, 4)), &base)
          .status,
      GateStatus::kUndecided);
}

// ---- why scores move ----

TEST(FlipCause, NamesWhatDiffers) {
  const SampleOutcome right = scored(0, 0, 1, "A");
  EXPECT_STREQ(flip_cause(right, scored(0, 0, 0, "B")), "answer");
  EXPECT_STREQ(flip_cause(right, scored(0, 0, 0, "A")), "judge");
  EXPECT_STREQ(flip_cause(right, unanswered(0, 0, AnswerState::kUnparsed)), "extraction");
  EXPECT_STREQ(flip_cause(right, scored(0, 0, 0, "B"), true), "extraction");
  EXPECT_STREQ(flip_cause(unanswered(0, 0, AnswerState::kTruncated), right), "truncation");
  EXPECT_STREQ(flip_cause(right, unanswered(0, 0, AnswerState::kRefused)), "refusal");
  EXPECT_STREQ(flip_cause(right, unanswered(0, 0, AnswerState::kFailed)), "failure");
}

TEST(ExplainFlips, CountsEachVerdictThatMovedOnce) {
  std::vector<SampleOutcome> after = answers(6, 6);
  after[0] = scored(0, 0, 0, "C");
  after[1] = unanswered(1, 0, AnswerState::kTruncated);
  after[2] = unanswered(2, 0, AnswerState::kFailed);
  after[3] = unanswered(3, 0, AnswerState::kUnparsed);
  const FlipCauses causes = explain_flips(gate_arm("b", answers(6, 6)), gate_arm("c", after));
  EXPECT_EQ(causes.total(), 4);
  EXPECT_EQ(
      flips_sentence(causes),
      "4 verdicts moved: 1 by another answer, 1 by extraction, 1 by truncation, 1 by failure");
}

}  // namespace
}  // namespace peira::evals
