// LiveCodeBench's traps that need no program to run: extraction (L1 to L10), aggregation (L103 to
// L109), prompts. Expected verdicts: benchmarks.md section 10, taken from the official code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "datasets/catalogue.h"
#include "datasets/dataset.h"
#include "datasets/date_window.h"
#include "evals/code/generations.h"
#include "evals/code/livecodebench.h"
#include "evals/suite.h"
#include "tests/evals/scoring.h"

namespace peira::evals {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ExtractProgram, L1TakesTheLastOfTwoBlocks) {
  EXPECT_EQ(extract_program("```python\na\n```\ntext\n```python\nb\n```"), "b");
}

TEST(ExtractProgram, L2TakesTheTextBetweenABlockAndAnUnclosedFence) {
  EXPECT_EQ(extract_program("```python\na\n```\nand so on\n```python\nb"), "and so on");
}

TEST(ExtractProgram, L3TakesAnExampleAfterTheSolution) {
  EXPECT_EQ(extract_program("```python\na\n```\nExample:\n```\n1 2\n```"), "1 2");
}

TEST(ExtractProgram, L4IsEmptyWithOneFence) { EXPECT_EQ(extract_program("```python\na = 1"), ""); }

TEST(ExtractProgram, L5IsEmptyWhenAllIsOnOneLine) {
  EXPECT_EQ(extract_program("```print(3)```"), "");
}

TEST(ExtractProgram, L6KnowsNoTildes) { EXPECT_EQ(extract_program("~~~\na\n~~~"), ""); }

TEST(ExtractProgram, L7CutsAtACommentWithBackticks) {
  EXPECT_EQ(extract_program("```python\na\n# like ```this\nb\n```"), "b");
}

TEST(ExtractProgram, L8KeepsIndentation) {
  EXPECT_EQ(extract_program("1. so:\n    ```python\n    a\n    ```"), "    a");
}

TEST(ExtractProgram, L9KeepsCarriageReturns) {
  EXPECT_EQ(extract_program("```python\r\na\r\nb\r\n```\r\n"), "a\r\nb\r");
}

TEST(ExtractProgram, L10TakesTheTestInTheSecondBlock) {
  EXPECT_EQ(extract_program("```python\nsolution\n```\n```python\ntest\n```"), "test");
}

TEST(ProgramVerdict, L103IsRightWithoutTests) {
  EXPECT_TRUE(ProgramVerdict().is_right());
  CodeResult result;
  result.cause = ExitCause::kExited;
  result.exit_code = 0;
  result.result = R"({"results": []})";
  EXPECT_TRUE(read_verdict(result).is_right());
}

TEST(PassAtK, L104ScriptCountsOneWrongProgramAsSolvedAtFive) {
  const std::vector<ProblemCount> problems{{1, 0}};
  EXPECT_EQ(script_pass_at_k(problems).at(5), 1.0);
  EXPECT_EQ(script_pass_at_k(problems).at(1), 0.0);
}

TEST(PassAtK, L105RunnerPrintsNoTenWhenAProblemHasNine) {
  const std::vector<ProblemCount> problems{{10, 3}, {9, 3}, {10, 0}};
  EXPECT_EQ(runner_pass_at_k(problems).count(5), 1U);
  EXPECT_EQ(runner_pass_at_k(problems).count(10), 0U);
}

// benchmarks.md 4.7.
TEST(PassAtK, IsTheUnbiasedEstimator) {
  const auto one = [](std::int64_t n, std::int64_t c, int k) {
    const std::vector<ProblemCount> problems{{n, c}};
    return script_pass_at_k(problems).at(k);
  };
  EXPECT_NEAR(one(10, 3, 1), 0.3, 1e-12);
  EXPECT_NEAR(one(10, 3, 5), 0.916667, 5e-7);
  EXPECT_EQ(one(10, 0, 5), 0.0);
  EXPECT_NEAR(one(20, 2, 5), 0.447368, 5e-7);
  EXPECT_EQ(one(5, 1, 5), 1.0);
}

TEST(DateWindow, L106ExcludesTheEveningOfItsLastDay) {
  const datasets::DateWindow window = datasets::parse_window("", "2025-01-04");
  EXPECT_FALSE(window.contains("2025-01-04T18:30:00"));
  EXPECT_TRUE(window.contains("2025-01-04T00:00:00"));
}

TEST(Generations, L107AreOrderedByIdAsText) {
  const auto all = read_generations(R"([{"question_id": "abc", "code_list": []},
      {"question_id": 9, "code_list": ["x"]}, {"question_id": "10", "code_list": []}])",
                                    "g.json");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].question_id, "10");
  EXPECT_EQ(all[1].question_id, "9");
  EXPECT_EQ(all[2].question_id, "abc");
}

// The official evaluator grades by position whatever the ids are; ours keeps them, and `peira
// score` refuses those that no problem has (tests/e2e).
TEST(Generations, L108KeepTheirIdsAndAreRefusedWhenTwice) {
  const auto all = read_generations(R"([{"question_id": "b", "code_list": ["for b"]},
      {"question_id": "a", "code_list": ["for a"]}])",
                                    "g.json");
  EXPECT_EQ(all[0].question_id, "a");
  EXPECT_THAT(all[0].programs, ElementsAre("for a"));
  try {
    read_generations(
        R"([{"question_id": "a", "code_list": []}, {"question_id": "a", "code_list": []}])",
        "g.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("g.json: question_id \"a\" stands twice"));
  }
}

TEST(Releases, L109ToldApartFromSingleFiles) {
  const auto num_problems = [](const std::vector<std::string>& names) {
    std::int64_t sum = 0;
    for (const std::string& name : names) sum += datasets::find_entry(name)->num_samples;
    return sum;
  };
  EXPECT_EQ(num_problems({"livecodebench_v5"}), 167);
  EXPECT_EQ(num_problems(datasets::parts_of("livecodebench_release_v5")), 880);
  EXPECT_EQ(num_problems(datasets::parts_of("livecodebench_release_latest")), 1055);
  EXPECT_THAT(datasets::parts_of("livecodebench_v4_v6"),
              ElementsAre("livecodebench_v4", "livecodebench_v5", "livecodebench_v6"));
  EXPECT_TRUE(datasets::parts_of("livecodebench_v5").empty());
  EXPECT_TRUE(datasets::parts_of("livecodebench_release_v7").empty());
}

datasets::Sample problem(const std::string& starter) {
  datasets::Sample sample = test::open_sample("passes 1 tests");
  auto task = std::make_shared<datasets::ProgramTask>();
  task->starter_code = starter;
  task->num_tests = 1;
  sample.program = std::move(task);
  return sample;
}

std::string user_message(const datasets::Sample& sample, const std::string& variant) {
  const Suite suite = find_suite("livecodebench");
  PromptRequest request;
  request.sample = &sample;
  const auto messages = suite.profile("").prompt(request, parse_variant(variant));
  EXPECT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages.front().role, "system");
  return text_of(messages.back());
}

TEST(LiveCodeBenchPrompt, HasThreeSectionsAndTheStarterCode) {
  const std::string text =
      user_message(problem("class Solution:\n    def f(self, x: {int}):\n        "), "official");
  EXPECT_THAT(text, testing::StartsWith("### Question:\nAn invented question?\n\n### Format: "));
  EXPECT_THAT(text,
              HasSubstr("delimiters.\n```python\nclass Solution:\n    def f(self, x: {int}):\n"
                        "        \n```\n\n### Answer: (use the provided format with backticks)"));
  EXPECT_THAT(user_message(problem(""), "direct"),
              HasSubstr("to stdout. Reply with the code only.\n```python\n# YOUR CODE HERE\n```"));
}

TEST(LiveCodeBenchPrompt, HasNoSolvedExamples) {
  const datasets::Sample sample = problem("");
  const Suite suite = find_suite("livecodebench");
  PromptRequest request;
  request.sample = &sample;
  EXPECT_THROW(suite.profile("").prompt(request, parse_variant("few-shot-2")), Error);
}

TEST(LiveCodeBenchScore, CountsRepliesWithoutProgramApart) {
  const Suite suite = find_suite("livecodebench");
  const datasets::Sample sample = problem("");
  const auto state = [&](const std::string& text, const std::string& finish) {
    return test::score(suite.profile(""), sample, {}, {text, finish}).state;
  };
  EXPECT_EQ(state("no code", "stop"), AnswerState::kUnparsed);
  EXPECT_EQ(state("```python\nx", "length"), AnswerState::kTruncated);
  EXPECT_EQ(state("", "stop"), AnswerState::kEmpty);
  EXPECT_EQ(state("", "refusal"), AnswerState::kRefused);
  // Never a verdict without a run.
  EXPECT_EQ(state("```python\nprint(1)\n```", "stop"), AnswerState::kFailed);
}

}  // namespace
}  // namespace peira::evals
