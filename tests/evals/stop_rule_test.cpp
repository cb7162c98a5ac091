#include "evals/stop_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace peira::evals {
namespace {

using Relation = StopRule::Relation;
const std::vector<std::string> kSuites{"gpqa", "aime"};

std::string refusal(const std::string& text) {
  try {
    parse_stop_rule(text, kSuites);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "";
}

TEST(StopRule, ReadsClaimsAboutScores) {
  const StopRule rule = parse_stop_rule(" gpqa >= 0.80 ", kSuites);
  EXPECT_EQ(rule.text, "gpqa>=0.80");
  EXPECT_EQ(rule.suite, "gpqa");
  EXPECT_EQ(rule.metric, "score");
  EXPECT_EQ(rule.relation, Relation::kAtLeast);
  EXPECT_EQ(rule.threshold, 0.8);
  EXPECT_FALSE(rule.is_difference());

  EXPECT_EQ(parse_stop_rule("accuracy>80%", kSuites).relation, Relation::kAbove);
  EXPECT_DOUBLE_EQ(parse_stop_rule("accuracy>80%", kSuites).threshold, 0.8);
  EXPECT_EQ(parse_stop_rule("avg@4<0.5", kSuites).relation, Relation::kBelow);
  EXPECT_EQ(parse_stop_rule("aime.unparsed<=0.02", kSuites).metric, "unparsed");
  EXPECT_EQ(parse_stop_rule("aime.unparsed<=0.02", kSuites).suite, "aime");
  EXPECT_EQ(parse_stop_rule("pass@2>=0.5", kSuites).metric, "pass@2");
}

TEST(StopRule, ReadsClaimsAboutDifferences) {
  const StopRule no_worse = parse_stop_rule("no-worse-than  main by 0.01", kSuites);
  EXPECT_EQ(no_worse.text, "no-worse-than main by 0.01");
  EXPECT_EQ(no_worse.reference, "main");
  EXPECT_EQ(no_worse.threshold, -0.01);
  EXPECT_EQ(no_worse.relation, Relation::kAtLeast);

  const StopRule better = parse_stop_rule("better-than against", kSuites);
  EXPECT_EQ(better.reference, kAgainst);
  EXPECT_EQ(better.threshold, 0);
  EXPECT_EQ(better.relation, Relation::kAbove);
  EXPECT_EQ(parse_stop_rule("better-than against by 2%", kSuites).threshold, 0.02);
  EXPECT_EQ(parse_stop_rule("better-than against by 2%", kSuites).relation, Relation::kAtLeast);

  StopRule named = no_worse;
  named.name_reference("gpqa-20261126");
  EXPECT_EQ(named.text, "no-worse-than gpqa-20261126 by 0.01");
  EXPECT_EQ(named.reference, "gpqa-20261126");
}

TEST(StopRule, SaysWhatIsWrongWithOthers) {
  EXPECT_THAT(refusal("gpqa"), testing::HasSubstr("neither a comparison nor a claim"));
  EXPECT_THAT(refusal(""), testing::HasSubstr("try: --stop-when"));
  EXPECT_THAT(refusal(">=0.8"), testing::HasSubstr("neither"));
  EXPECT_THAT(refusal("gpqa>=80"), testing::HasSubstr("between 0 and 1"));
  EXPECT_THAT(refusal("gpqa>=0.8x"), testing::HasSubstr("no number"));
  EXPECT_THAT(refusal("gpqa>=nan"), testing::HasSubstr("no number"));
  EXPECT_THAT(refusal("maj@4>=0.8"), testing::HasSubstr("no metric 'maj@4'"));
  EXPECT_THAT(refusal("pass@0>=0.8"), testing::HasSubstr("no metric"));
  EXPECT_THAT(refusal("no-worse-than main"), testing::HasSubstr("by 0.01"));
  EXPECT_THAT(refusal("no-worse-than"), testing::HasSubstr("what?"));
  EXPECT_THAT(refusal("no-worse-than main by"), testing::HasSubstr("expected"));
}

TEST(QuestionValue, LeavesFailuresOpen) {
  const std::vector<EpochResult> epochs{{AnswerState::kScored, 1},
                                        {AnswerState::kFailed, 0},
                                        {AnswerState::kScored, 0},
                                        {AnswerState::kUnparsed, 0}};
  const QuestionValue score = question_value("score", epochs);
  EXPECT_EQ(score.low, 0.25);
  EXPECT_EQ(score.high, 0.5);
  const QuestionValue unparsed = question_value("unparsed", epochs);
  EXPECT_EQ(unparsed.low, 0.25);
  EXPECT_EQ(unparsed.high, 0.5);
  // One or two of four right: 1 - C(3,2)/C(4,2) = 1/2, 1 - C(2,2)/C(4,2) = 5/6.
  const QuestionValue pass = question_value("pass@2", epochs);
  EXPECT_DOUBLE_EQ(pass.low, 0.5);
  EXPECT_DOUBLE_EQ(pass.high, 5.0 / 6);
  EXPECT_THROW(question_value("pass@5", epochs), Error);
}

StopDecider decider(const std::string& rule, std::int64_t num_questions, double error = 0.05) {
  return StopDecider(parse_stop_rule(rule, kSuites), error, num_questions);
}

// Feeds `count` questions of `value` and returns after how many it was decided; 0 if it was not.
std::int64_t feed(StopDecider& decider, int count, const QuestionValue& value) {
  for (int i = 0; i < count && !decider.decided(); ++i) decider.add(value);
  return decider.decided() ? decider.num_used() : 0;
}

TEST(StopDecider, StopsLongBeforeTheEndWhereTheGapIsLarge) {
  StopDecider right = decider("gpqa>=0.8", 1000);
  EXPECT_LT(feed(right, 1000, {1, 1}), 40);
  const StopDecision decision = right.decision();
  EXPECT_EQ(decision.verdict, Verdict::kTrue);
  EXPECT_FALSE(decision.certain);
  EXPECT_TRUE(decision.stopped_early());
  EXPECT_GE(decision.low, 0.8);
  EXPECT_EQ(decision.estimate, 1.0);
  EXPECT_GT(decision.share_saved(), 0.9);

  StopDecider wrong = decider("gpqa<0.2", 1000);
  feed(wrong, 1000, {1, 1});
  EXPECT_EQ(wrong.decision().verdict, Verdict::kFalse);
}

// 8 of 10 is exactly 0.8: at least it, not above it.
TEST(StopDecider, TakesEqualityAtItsWord) {
  for (const auto& [rule, verdict] :
       std::vector<std::pair<std::string, Verdict>>{{"gpqa>=0.8", Verdict::kTrue},
                                                    {"gpqa>0.8", Verdict::kFalse},
                                                    {"gpqa<=0.8", Verdict::kTrue},
                                                    {"gpqa<0.8", Verdict::kFalse}}) {
    StopDecider now = decider(rule, 10, 1e-6);
    for (const double x : {1, 0, 1, 1, 1, 0, 1, 1, 1, 1}) {
      if (!now.decided()) now.add({x, x});
    }
    EXPECT_EQ(now.decision().verdict, verdict) << rule;
    EXPECT_TRUE(now.decision().certain) << rule;
  }
}

// Thirds do not add up exactly; three of them are one all the same.
TEST(StopDecider, ToleratesRounding) {
  StopDecider now = decider("gpqa>=0.3333333333333333", 30, 1e-9);
  for (int i = 0; i < 30 && !now.decided(); ++i) now.add({1.0 / 3, 1.0 / 3});
  EXPECT_EQ(now.decision().verdict, Verdict::kTrue);
  EXPECT_EQ(now.num_used(), 30);
}

TEST(StopDecider, IsCertainWhenTheRestCannotMatter) {
  StopDecider now = decider("gpqa>=0.5", 10, 1e-9);
  EXPECT_EQ(feed(now, 10, {1, 1}), 5);
  EXPECT_TRUE(now.decision().certain);
}

// 6 right, 2 wrong, 2 failed of 10: between 0.6 and 0.8.
TEST(StopDecider, LeavesOpenWhatFailuresCouldTurn) {
  const auto run = [](const std::string& rule) {
    StopDecider now = decider(rule, 10, 1e-9);
    for (const QuestionValue& value : std::vector<QuestionValue>{
             {1, 1}, {0, 1}, {1, 1}, {0, 0}, {1, 1}, {1, 1}, {0, 1}, {1, 1}, {0, 0}, {1, 1}}) {
      if (!now.decided()) now.add(value);
    }
    return now.decision();
  };
  const StopDecision open = run("gpqa>=0.7");
  EXPECT_EQ(open.verdict, Verdict::kUndecided);
  EXPECT_EQ(open.num_used, 10);
  EXPECT_EQ(open.num_unresolved, 2);
  EXPECT_DOUBLE_EQ(open.low, 0.6);
  EXPECT_DOUBLE_EQ(open.high, 0.8);
  EXPECT_DOUBLE_EQ(open.estimate.value(), 0.75);
  EXPECT_FALSE(open.stopped_early());
  EXPECT_EQ(run("gpqa>=0.6").verdict, Verdict::kTrue);
  EXPECT_EQ(run("gpqa>0.8").verdict, Verdict::kFalse);
}

TEST(StopDecider, DecidesDifferences) {
  StopDecider now = decider("no-worse-than main by 0.1", 400);
  int i = 0;
  while (!now.decided()) {
    const double d = i++ % 10 == 0 ? 1 : 0;  // 10 points better
    now.add({d, d});
  }
  const StopDecision decision = now.decision();
  EXPECT_EQ(decision.verdict, Verdict::kTrue);
  EXPECT_LT(decision.num_used, 200);
  EXPECT_GE(decision.low, -0.1 - 1e-9);
  EXPECT_LE(decision.high, 1);
  EXPECT_NEAR(decision.estimate.value(), 0.1, 0.05);
}

TEST(StopDecider, RefusesErrorLevelsOutOfRange) {
  EXPECT_THROW(decider("gpqa>=0.5", 10, 0.5), Error);
  EXPECT_THROW(decider("gpqa>=0.5", 10, 0), Error);
}

TEST(StopDecision, SurvivesItsJson) {
  StopDecider now = decider("gpqa>=0.8", 1000);
  feed(now, 1000, {1, 1});
  StopDecision decision = now.decision();
  decision.rows_beyond = {3, 17};
  decision.order_seed = 0xfedcba9876543210;
  const Json json = to_json(decision);
  const StopDecision back = decision_from_json(parse_json(dump_json(json), "test"), "test");
  EXPECT_EQ(to_json(back), json);
  EXPECT_EQ(back.low, decision.low);
  EXPECT_THROW(decision_from_json(Json::object(), "test"), Error);
}

TEST(StopDecision, IsOneSentence) {
  StopDecision decision;
  decision.rule = "gpqa>=0.8";
  decision.verdict = Verdict::kTrue;
  decision.num_used = 87;
  decision.num_questions = 240;
  decision.estimate = 0.9195;
  decision.low = 0.8004;
  decision.high = 0.9666;
  EXPECT_EQ(decision_sentence(decision),
            "Decided: 'gpqa>=0.8' is true after 87 of 240 questions (64 % saved); score 92.0 %, of "
            "all questions between 80.0 and 96.7; wrong with a chance of at most 5 %.");
  decision.verdict = Verdict::kUndecided;
  decision.num_used = 240;
  decision.num_unresolved = 3;
  EXPECT_EQ(decision_sentence(decision),
            "Undecided: 'gpqa>=0.8' after 240 of 240 questions; score 92.0 %; 3 questions failed "
            "and could have gone either way.");
}

}  // namespace
}  // namespace peira::evals
