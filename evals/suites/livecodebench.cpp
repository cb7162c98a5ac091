// LiveCodeBench, code generation (lite): programs judged by tests.
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "evals/code/livecodebench.h"
#include "evals/code_judge.h"
#include "evals/prompt.h"
#include "evals/scorers/judgement.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

constexpr const char* kRule = "last-code-block";

constexpr const char* kSystem =
    "You are an expert Python programmer. You are given a question (the specification of a "
    "problem) and write a correct Python program that meets the specification and passes all "
    "tests.";
constexpr const char* kStdin =
    "Read the input from stdin, solve the problem and write the answer to stdout (do not test "
    "directly on the sample input). Put your code between the delimiters below, so that the "
    "program, when it is run, reads the input, runs the algorithm and writes its output to stdout.";
constexpr const char* kFunction =
    "Write the solution into the following starter code and put your code between the delimiters.";

// The suite's words, around the starter code of `sample`. peira-mini is trained on them byte for
// byte (datasets/generated/prompts.py): change both together.
PromptWording wording_for(const datasets::Sample& sample) {
  const bool has_starter = sample.program != nullptr && !sample.program->starter_code.empty();
  const std::string sentence = has_starter ? kFunction : kStdin;
  const std::string block =
      "```python\n" + (has_starter ? sample.program->starter_code : "# YOUR CODE HERE") + "\n```";
  PromptWording wording;
  wording.system = kSystem;
  wording.answer_format = sentence + "\n" + block;
  // Starter code may hold braces; none of them is a placeholder's.
  wording.body = "### Question:\n{question}\n\n### Format: " + sentence + "{style}\n" + block +
                 "\n\n### Answer: (use the provided format with backticks)\n\n";
  wording.style_direct = " Reply with the code only.";
  wording.style_steps = " " + std::string(five_steps()) + " The code comes last.";
  return wording;
}

std::vector<Message> render(const PromptRequest& request, const PromptVariant& variant) {
  if (variant.num_shots > 0) {
    throw Error(ErrorCode::kUsage, "--prompt " + variant.name +
                                       ": the problems of livecodebench come without solutions, "
                                       "so there are no solved examples\n  try: official, direct "
                                       "or chain-of-thought");
  }
  return render_prompt(wording_for(*request.sample), request, variant);
}

const datasets::ProgramTask& task_of(const ScoreRequest& request) {
  if (request.sample->program == nullptr) {
    throw Error(ErrorCode::kInternal, "sample " + request.sample->id + " has no tests");
  }
  return *request.sample->program;
}

std::string program_of(const ScoreRequest& request) {
  return request.finish_reason == kGivenProgram ? std::string(request.response)
                                                : extract_program(request.response);
}

// The verdict of a reply in which there is nothing to run.
std::optional<Score> settled(const ScoreRequest& request) {
  const std::string gold = request.sample->target;
  if (is_failure(request)) return without_answer(request, gold);
  const bool any = !program_of(request).empty();
  if (!any && task_of(request).num_tests > 0) return without_answer(request, gold);
  return std::nullopt;
}

std::string answer_of(const ProgramVerdict& verdict) {
  if (verdict.is_right()) return "right";
  switch (verdict.code) {
    case ProgramVerdict::kWrong:
      return "wrong answer";
    case ProgramVerdict::kTimeLimit:
      return "time limit";
    case ProgramVerdict::kError:
      return "runtime error";
    default:
      return verdict.limit.empty() ? "killed" : verdict.limit + " limit";
  }
}

Score verdict_of(const ScoreRequest& request, const CodeResult& result) {
  const ProgramVerdict verdict = read_verdict(result);
  const std::string num_tests = std::to_string(task_of(request).num_tests);
  Score score;
  score.state = AnswerState::kScored;
  score.rule = kRule;
  score.answer = answer_of(verdict);
  if (verdict.is_right()) {
    score.value = 1;
    score.why = "the program passes all " + num_tests + " tests";
    return score;
  }
  score.why = "test " + std::to_string(verdict.results.size()) + " of " + num_tests + ": " +
              excerpt(verdict.message, 200);
  if (!verdict.error.empty()) score.why += ": " + excerpt(verdict.error, 120);
  score.notes.push_back("error-code " + std::to_string(verdict.code));
  return score;
}

Profile profile_of(ProgramRules rules) {
  auto judge = std::make_shared<CodeJudge>();
  judge->language = "Python";
  judge->version.argv = {"python3", "-c", "import platform; print(platform.python_version())"};
  judge->settled = settled;
  judge->program = [rules](const ScoreRequest& request) {
    return program_request(task_of(request), program_of(request), rules);
  };
  judge->verdict = verdict_of;

  Profile profile;
  profile.prompt = render;
  profile.score = [](const ScoreRequest& request) {
    if (std::optional<Score> score = settled(request)) return std::move(*score);
    Score score;
    score.state = AnswerState::kFailed;
    score.why = "a program that nobody has run";
    return score;
  };
  profile.code = std::move(judge);
  return profile;
}

}  // namespace

Suite livecodebench_suite() {
  Suite suite;
  suite.name = "livecodebench";
  suite.title = "Programs judged by tests (LiveCodeBench, code generation)";
  suite.data_kind = "livecodebench";
  suite.default_data = "livecodebench-sample";
  suite.breakdowns = {"difficulty", "platform", "errata", "month"};
  suite.default_max_tokens = 2000;

  Profile official = profile_of(ProgramRules::kOfficial);
  official.name = "official";
  official.source = "LiveCodeBench/LiveCodeBench 28fef95, lcb_runner/evaluation/testing_util.py";
  suite.profiles.push_back(std::move(official));

  Profile fixed = profile_of(ProgramRules::kFixed);
  fixed.name = "fixed";
  fixed.source = "ours: each test in a process of its own, as __main__, with real pipes";
  suite.profiles.push_back(std::move(fixed));
  return suite;
}

}  // namespace peira::evals
