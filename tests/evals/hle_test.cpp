// The traps of benchmarks.md 10.14, each a test, and the judge's fields. Official figures by NumPy:
// tests/golden/evals/make_hle_figures.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "evals/extractors/answer_line.h"
#include "evals/judge.h"
#include "evals/metrics/hle.h"
#include "evals/summary.h"
#include "tests/evals/scoring.h"

namespace peira::evals {
namespace {

using test::open_sample;
using ::testing::HasSubstr;

std::vector<HleVerdict> verdicts(int count, int right, double confidence) {
  std::vector<HleVerdict> list;
  for (int i = 0; i < count; ++i) list.push_back({i < right, confidence});
  return list;
}

TEST(HleTraps, H1SeventySevenRightOfAllAtFullConfidence) {
  const HleFigures figures = hle_figures(verdicts(2500, 77, 1), 2500);
  EXPECT_DOUBLE_EQ(figures.accuracy, 3.08);
  EXPECT_DOUBLE_EQ(figures.half_width, 0.68);
  EXPECT_DOUBLE_EQ(figures.calibration_error.value(), 96.0);
}

TEST(HleTraps, H2MissingPredictionsStayInTheDenominator) {
  const HleFigures figures = hle_figures(verdicts(2400, 77, 1), 2500);
  EXPECT_DOUBLE_EQ(figures.accuracy, 3.08);
  EXPECT_DOUBLE_EQ(figures.calibration_error.value(), 96.0);  // of a stable sort
}

TEST(HleTraps, H3TheLastBinIsDroppedAndThePrintedFigureIsNotRound) {
  const HleFigures figures = hle_figures(verdicts(250, 0, 0.9), 250);
  EXPECT_EQ(figures.accuracy, 0);
  EXPECT_EQ(figures.half_width, 0);
  EXPECT_EQ(dump_json(Json(figures.calibration_error.value())), "56.99999999999999");
}

TEST(HleTraps, H4BelowTwoHundredTheErrorIsZero) {
  EXPECT_EQ(hle_figures(verdicts(150, 0, 0.9), 150).calibration_error, 0.0);
}

TEST(HleTraps, H5BelowAHundredThereIsNone) {
  EXPECT_EQ(hle_figures(verdicts(99, 50, 0.9), 99).calibration_error, std::nullopt);
}

TEST(HleTraps, H6ConfidencesFromNoneToAll) {
  std::vector<HleVerdict> list;
  for (int i = 0; i < 1000; ++i) list.push_back({i < 500, (i % 100) / 100.0});
  const HleFigures figures = hle_figures(list, 1000);
  EXPECT_DOUBLE_EQ(figures.accuracy, 50.0);
  EXPECT_DOUBLE_EQ(figures.half_width, 3.1);
  EXPECT_DOUBLE_EQ(figures.calibration_error.value(), 25.0);
}

TEST(HleTraps, H7ConfidenceIsNotClamped) {
  EXPECT_DOUBLE_EQ(hle_figures(verdicts(300, 0, 2.5), 300).calibration_error.value(), 204.0);
}

Score judged_by(const std::string& reply, const std::string& response = "Answer: 7") {
  const Suite suite = find_suite("hle");
  const ModelJudge& judge = *suite.profile("official").judge;
  EXPECT_EQ(judge.defect(reply), "");
  const datasets::Sample sample = open_sample("7");
  JudgeRequest request;
  request.sample = &sample;
  request.response = response;
  request.finish_reason = "stop";
  return judge.verdict(request, std::vector<std::string>{reply});
}

TEST(HleTraps, H8AMissingConfidenceIsFull) {
  const Score score =
      judged_by(R"({"extracted_final_answer":"7","reasoning":"same","correct":"yes"})");
  EXPECT_EQ(score.value, 1);
  EXPECT_EQ(noted_confidence(score), 1.0);
}

TEST(HleTraps, H9AnAbsentPredictionIsWrongInTheOfficialFigureAndAFailureInOurs) {
  Summarizer summarizer({.epochs = 1, .breakdowns = {}, .num_hle_questions = 4});
  for (int row = 0; row < 4; ++row) {
    SampleOutcome outcome;
    outcome.sample_id = std::to_string(row);
    outcome.row = row;
    outcome.score.state = row == 3 ? AnswerState::kFailed : AnswerState::kScored;
    outcome.score.value = row < 3 ? 1 : 0;
    if (row < 3) note_confidence(outcome.score, 0.9);
    outcome.failure = row == 3 ? "error" : "";
    summarizer.add(outcome);
  }
  const RunSummary summary = summarizer.summary();
  EXPECT_EQ(summary.metrics[0].value, 1);  // of three answers
  const auto official =
      std::find_if(summary.metrics.begin(), summary.metrics.end(),
                   [](const Metric& metric) { return metric.name == "official_accuracy"; });
  ASSERT_NE(official, summary.metrics.end());
  EXPECT_DOUBLE_EQ(official->value, 0.75);
}

TEST(HleTraps, H10TiesMoveTheFigureByAPointAtMost) {
  int tied = 0;
  const std::string path = std::string(PEIRA_SOURCE_DIR) + "/tests/golden/evals/hle_figures.json";
  for (const Json& example : parse_json(read_file(path), path)) {
    std::vector<HleVerdict> list;
    const auto correct = example["correct"].get<std::string>();
    for (std::size_t i = 0; i < correct.size(); ++i) {
      list.push_back({correct[i] == '1', example["percent"][i].get<double>() / 100});
    }
    const HleFigures figures = hle_figures(list, example["rows"].get<std::int64_t>());
    EXPECT_EQ(figures.accuracy, example["accuracy"].get<double>());
    EXPECT_EQ(figures.half_width, example["half_width"].get<double>());
    EXPECT_EQ(figures.calibration_error.value(), example["stable"].get<double>());
    EXPECT_NEAR(figures.calibration_error.value(), example["default"].get<double>(), 1.0001);
    tied += example["tied"].get<bool>() ? 1 : 0;
  }
  EXPECT_EQ(tied, 4);
}

// Scores of 2025-04 and before left the division by 100 away.
TEST(HleTraps, H11ConfidenceIsDividedByAHundred) {
  const Score score = judged_by(
      R"({"extracted_final_answer":"8","reasoning":"differs","correct":"no","confidence":90})");
  EXPECT_EQ(noted_confidence(score), 0.9);
  EXPECT_DOUBLE_EQ(hle_figures(verdicts(200, 0, 0.9), 200).calibration_error.value(), 64.0);
  EXPECT_DOUBLE_EQ(hle_figures(verdicts(200, 0, 90), 200).calibration_error.value(), 6364.0);
}

TEST(HleJudge, RefusesRepliesWithoutAVerdict) {
  const Suite suite = find_suite("hle");
  const ModelJudge& judge = *suite.profile("official").judge;
  for (const char* const nonsense :
       {"", "yes", "I think it is correct.", "[1]", "{", R"({"correct":"yes"})",
        R"({"extracted_final_answer":7,"reasoning":"","correct":"yes","confidence":1})",
        R"({"extracted_final_answer":"7","reasoning":"","correct":"Yes.","confidence":1})",
        R"({"extracted_final_answer":"7","reasoning":"","correct":"yes","confidence":"high"})",
        R"({"extracted_final_answer":"7","reasoning":"","correct":"yes","confidence":0.5})"}) {
    EXPECT_NE(judge.defect(nonsense), "") << nonsense;
  }
  EXPECT_EQ(judge.defect("Here it is:\n```json\n{\"extracted_final_answer\": \"7\", \"reasoning\": "
                         "\"\", \"correct\": \"no\", \"confidence\": 5}\n```\n"),
            "");
}

TEST(HleJudge, ReadsNoneAsNoAnswer) {
  const std::string reply =
      R"({"extracted_final_answer":"None","reasoning":"nothing","correct":"no","confidence":100})";
  EXPECT_EQ(judged_by(reply, "I do not know").state, AnswerState::kUnparsed);
  const Score right = judged_by(
      R"({"extracted_final_answer":"None","reasoning":"none is right","correct":"yes","confidence":100})");
  EXPECT_EQ(right.value, 1);
}

TEST(HleJudge, AsksAboutQuestionResponseAndReferenceAnswer) {
  const Suite suite = find_suite("hle");
  const Profile& profile = suite.profile("official");
  const datasets::Sample sample = open_sample("the gold");
  JudgeRequest request;
  request.sample = &sample;
  request.response = "the reply";
  const std::vector<JudgeQuestion> questions = profile.judge->questions(request);
  ASSERT_EQ(questions.size(), 1U);
  const std::string text = text_of(questions[0].messages.at(0));
  for (const char* const part :
       {"[question]: An invented question?", "[response]: the reply",
        "[reference answer]: the gold", "extracted_final_answer", "confidence"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  // Only what a rule cannot settle comes to the judge.
  EXPECT_TRUE(is_judge_failure(profile.score(request).why));
  request.response = " \n";
  EXPECT_EQ(profile.score(request).state, AnswerState::kEmpty);
  request.finish_reason = "error";
  EXPECT_EQ(profile.score(request).state, AnswerState::kFailed);
  EXPECT_FALSE(is_judge_failure(profile.score(request).why));
}

TEST(HlePrompt, PutsTheFormInTheSystemMessageAndThePictureBehindTheQuestion) {
  const Suite suite = find_suite("hle");
  datasets::Sample sample = open_sample("7");
  Part picture;
  picture.kind = PartKind::kImage;
  picture.bytes = "bytes";
  sample.parts.push_back(picture);
  const auto messages =
      suite.profile("official").prompt({&sample, {}, {}}, parse_variant("official"));
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_THAT(text_of(messages[0]), HasSubstr("Confidence: "));
  ASSERT_EQ(messages[1].parts.size(), 2U);
  EXPECT_EQ(messages[1].parts[0].text, "An invented question?");
  EXPECT_EQ(messages[1].parts[1].bytes, "bytes");
}

Score by_rule(const std::string& target, const std::string& type, const std::string& reply) {
  const Suite suite = find_suite("hle");
  datasets::Sample sample = open_sample(target);
  sample.metadata["answer_type"] = type;
  return test::score(suite.profile("hle-rule"), sample, {}, {reply});
}

TEST(HleRule, ComparesLettersAndFoldedTexts) {
  EXPECT_EQ(by_rule("B", "multipleChoice", "Explanation: x\nAnswer: B\nConfidence: 90%").value, 1);
  EXPECT_EQ(by_rule("B", "multipleChoice", "**Answer:** (b) the second").value, 1);
  EXPECT_EQ(by_rule("B", "multipleChoice", "Answer: A bus").value, 0);
  EXPECT_EQ(by_rule("B", "multipleChoice", "Answer: A\nAnswer: B").value, 1);
  EXPECT_EQ(by_rule("Stra\xC3\x9F"
                    "e",
                    "exactMatch", "Answer:  STRASSE ")
                .value,
            1);
  EXPECT_EQ(by_rule("\xEF\xBC\x91\xEF\xBC\x92", "exactMatch", "answer: 12").value, 1);  // wide 12
  EXPECT_EQ(by_rule("12", "exactMatch", "Answer: 12.0").value, 0);
  EXPECT_EQ(by_rule("12", "exactMatch", "It is 12").state, AnswerState::kUnparsed);
  EXPECT_EQ(noted_confidence(by_rule("7", "exactMatch", "Answer: 7\nConfidence: 85 %")), 0.85);
  EXPECT_EQ(noted_confidence(by_rule("7", "exactMatch", "Answer: 7\nConfidence: 250")),
            std::nullopt);
}

}  // namespace
}  // namespace peira::evals
