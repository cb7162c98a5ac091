// Judges for any suite: what they are asked, what they may answer, what it comes to.
#include "evals/judges/judges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "tests/evals/scoring.h"
#include "tests/support/temporary_folder.h"

namespace peira::evals {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

JudgeRequest asked_about(const datasets::Sample& sample, std::string_view response,
                         std::string_view other = {}) {
  JudgeRequest request;
  request.sample = &sample;
  request.response = response;
  request.other = other;
  request.finish_reason = "stop";
  return request;
}

std::string text_of_question(const JudgeQuestion& question) {
  return text_of(question.messages.at(0));
}

TEST(RubricJudge, WeighsGradesIntoTheUnitInterval) {
  const RubricSpec spec{.instructions = "Be strict.",
                        .criteria = {{"truth", "is it true", 3}, {"style", "", 1}},
                        .low = 1,
                        .high = 5,
                        .shows_reference = true,
                        .prompt = ""};
  const ModelJudge judge = rubric_judge(spec);
  const datasets::Sample sample = test::open_sample("the gold");
  const JudgeRequest request = asked_about(sample, "the {{question}} reply");

  const std::string text = text_of_question(judge.questions(request).at(0));
  for (const char* const part :
       {"Be strict.", "- truth: is it true", "- style", "the {{question}} reply", "the gold"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const std::string reply = R"({"reasoning":"so so","truth":5,"style":1})";
  EXPECT_EQ(judge.defect(reply), "");
  const Score score = judge.verdict(request, std::vector<std::string>{reply});
  EXPECT_DOUBLE_EQ(score.value, 0.75);  // (3 * 4 + 1 * 0) / 4 of 4
  EXPECT_EQ(score.answer, "truth 5, style 1");
  EXPECT_THAT(score.why, HasSubstr("so so"));

  EXPECT_THAT(judge.defect(R"({"reasoning":"","truth":6,"style":1})"), HasSubstr("outside 1 to 5"));
  EXPECT_THAT(judge.defect(R"({"reasoning":"","truth":5})"), HasSubstr("\"style\" has no whole"));
  EXPECT_THAT(judge.defect(R"({"truth":4.5,"style":1})"), HasSubstr("no whole grade"));
  EXPECT_THAT(judge.defect("five"), HasSubstr("no JSON object"));
}

TEST(RubricJudge, IsAnotherJudgeWithEveryChangeOfItsWords) {
  const auto digest = [](const RubricSpec& spec) { return judge_value(rubric_judge(spec)); };
  RubricSpec spec;
  const Json plain = digest(spec);
  EXPECT_EQ(plain, digest(spec));
  spec.instructions = "Be kind.";
  EXPECT_NE(digest(spec), plain);
  spec = {};
  spec.high = 10;
  EXPECT_NE(digest(spec), plain);
  spec = {};
  spec.criteria = {{"quality", "how well the response answers the question", 2}};
  EXPECT_NE(digest(spec), plain);
}

Score pair_verdict(const char* first, const char* swapped) {
  const ModelJudge judge = pairwise_judge({});
  const datasets::Sample sample = test::open_sample("g");
  const auto reply = [](const char* winner) {
    return std::string(R"({"reasoning":"r","winner":")") + winner + "\"}";
  };
  const std::vector<std::string> replies{reply(first), reply(swapped)};
  for (const std::string& one : replies) EXPECT_EQ(judge.defect(one), "");
  return judge.verdict(asked_about(sample, "x", "y"), replies);
}

TEST(PairwiseJudge, AsksInBothOrdersAndTiesWhatPositionDecides) {
  const ModelJudge judge = pairwise_judge({});
  const datasets::Sample sample = test::open_sample("g");
  const auto questions = judge.questions(asked_about(sample, "OWN", "OTHER"));
  ASSERT_EQ(questions.size(), 2U);
  EXPECT_THAT(text_of_question(questions[0]),
              HasSubstr("[response A]\nOWN\n\n[response B]\nOTHER"));
  EXPECT_THAT(text_of_question(questions[1]),
              HasSubstr("[response A]\nOTHER\n\n[response B]\nOWN"));

  EXPECT_EQ(pair_verdict("A", "B").value, 1);
  EXPECT_EQ(pair_verdict("B", "A").value, 0);
  for (const auto& [first, swapped] : std::vector<std::pair<const char*, const char*>>{
           {"A", "A"}, {"B", "B"}, {"tie", "B"}, {"A", "tie"}, {"tie", "tie"}}) {
    EXPECT_EQ(pair_verdict(first, swapped).value, 0.5) << first << swapped;
  }
  EXPECT_EQ(position_of(pair_verdict("A", "A")), 1);
  EXPECT_EQ(position_of(pair_verdict("B", "B")), 2);
  EXPECT_EQ(position_of(pair_verdict("A", "B")), 0);
  EXPECT_EQ(position_of(pair_verdict("tie", "tie")), 0);
  EXPECT_NE(judge.defect(R"({"winner":"C"})"), "");
  // Nothing to ask about two equal replies.
  EXPECT_EQ(judge.settled(asked_about(sample, "same", "same"))->value, 0.5);
  EXPECT_FALSE(judge.settled(asked_about(sample, "same", "other")).has_value());
}

TEST(PairwiseJudge, TakesTheGoldAnswerWhereThereIsNoOtherReply) {
  const ModelJudge judge = pairwise_judge({});
  const datasets::Sample sample = test::open_sample("the gold");
  EXPECT_THAT(text_of_question(judge.questions(asked_about(sample, "OWN")).at(0)),
              HasSubstr("[response B]\nthe gold"));
}

TEST(ReferenceJudge, ShowsOptionsAsTheyWereShown) {
  const ModelJudge judge = reference_judge({});
  const datasets::Sample sample = test::choice_sample();
  JudgeRequest request = asked_about(sample, "It is C");
  request.permutation = test::order_with_gold('C');
  const std::string text = text_of_question(judge.questions(request).at(0));
  EXPECT_THAT(text, HasSubstr("C) right"));
  EXPECT_THAT(text, HasSubstr("[reference answer]\nC) right"));
  EXPECT_EQ(
      judge.verdict(request, std::vector<std::string>{R"({"reasoning":"","correct":"yes"})"}).value,
      1);
  EXPECT_NE(judge.defect(R"({"reasoning":"","correct":true})"), "");
}

std::string refusal(const std::string& json) {
  try {
    read_judge(parse_json(json, "j"), "suite.json:judge");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "";
}

TEST(DeclaredJudge, NamesWhatIsWrong) {
  EXPECT_EQ(refusal(R"({"kind":"rubric","scale":[0,3],"criteria":["a",{"name":"b","weight":2}]})"),
            "");
  EXPECT_THAT(refusal(R"({"kind":"magic"})"), HasSubstr("rubric, reference or pairwise"));
  EXPECT_THAT(refusal(R"({"kind":"rubric","scale":[5,1]})"), HasSubstr("the lower first"));
  EXPECT_THAT(refusal(R"({"kind":"rubric","criteria":[]})"), HasSubstr("not empty"));
  EXPECT_THAT(refusal(R"({"kind":"rubric","criteria":["a","a"]})"), HasSubstr("there twice"));
  EXPECT_THAT(refusal(R"({"kind":"rubric","criteria":["reasoning"]})"), HasSubstr("cannot name"));
  EXPECT_THAT(refusal(R"({"kind":"rubric","prompt":"grade it"})"), HasSubstr("{{response}}"));
  EXPECT_THAT(refusal(R"({"kind":"pairwise","scale":[1,2]})"), HasSubstr("unknown key"));
}

TEST(DeclaredJudge, MakesASuiteOfItsOwnWithRulesOrWithout) {
  const peira::test::TemporaryFolder folder;
  std::ofstream(folder / "q.csv") << "question,answer\nWhy?,Because\n";
  const std::string start =
      R"({"name":"why","data":"q.csv","fields":{"question":"question","answer":"answer"},)"
      R"("prompt":"{{question}}","judge":{"kind":"reference"})";
  std::ofstream(folder / "a.json") << start << "}";
  const Suite judged = find_suite((folder / "a.json").string());
  ASSERT_EQ(judged.profiles.size(), 1U);
  EXPECT_EQ(judged.profiles[0].name, "declared+reference");
  EXPECT_NE(judged.profiles[0].judge, nullptr);

  std::ofstream(folder / "b.json") << start << R"(,"extractor":"exact","scorer":"math"})";
  const Suite both = find_suite((folder / "b.json").string());
  ASSERT_EQ(both.profiles.size(), 2U);
  EXPECT_EQ(both.profiles[1].name, "declared");
  EXPECT_EQ(both.profiles[1].judge, nullptr);

  std::ofstream(folder / "rubric.txt") << "A good reply is short.\n";
  const auto by_text = judge_from_file((folder / "rubric.txt").string());
  EXPECT_THAT(by_text->wording, HasSubstr("A good reply is short."));
  EXPECT_EQ(with_judge(both, "declared", by_text).profiles.at(0).name, "declared+rubric");
}

TEST(DeclaredSuite, TakesMathematicsInABox) {
  const peira::test::TemporaryFolder folder;
  std::ofstream(folder / "q.csv") << "question,answer\nHalf?,1/2\n";
  std::ofstream(folder / "m.json")
      << R"({"name":"half","data":"q.csv","fields":{"question":"question","answer":"answer"},)"
         R"("prompt":"{{question}}","extractor":"boxed","scorer":"math"})";
  const Suite suite = find_suite((folder / "m.json").string());
  const datasets::Sample sample = test::open_sample("1/2");
  const Score right = test::score(suite.profiles[0], sample, {}, {"So \\boxed{\\frac{2}{4}}."});
  EXPECT_EQ(right.value, 1);
  EXPECT_THAT(right.why, HasSubstr("equal exactly"));
  EXPECT_EQ(test::score(suite.profiles[0], sample, {}, {"\\boxed{\\sqrt{2}/2}"}).value, 0);
  EXPECT_EQ(test::score(suite.profiles[0], sample, {}, {"one half"}).state, AnswerState::kUnparsed);
}

TEST(HleMath, TakesExactMatchesOfAnyForm) {
  const Suite suite = find_suite("hle");
  datasets::Sample sample = test::open_sample("\\frac{3}{4}");
  sample.metadata["answer_type"] = "exactMatch";
  EXPECT_EQ(test::score(suite.profile("hle-math"), sample, {}, {"Answer: 0.75"}).value, 1);
  EXPECT_EQ(test::score(suite.profile("hle-rule"), sample, {}, {"Answer: 0.75"}).value, 0);
  EXPECT_EQ(test::score(suite.profile("hle-math"), sample, {}, {"Answer: 0.76"}).value, 0);
}

}  // namespace
}  // namespace peira::evals
