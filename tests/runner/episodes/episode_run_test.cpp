// Runs of conversations: turns are stored as they come, and none is asked twice.
#include <gmock/gmock.h>

#include <atomic>

#include "base/error.h"
#include "runner/episodes/episode_run.h"
#include "runner/episodes/exercise_source.h"
#include "runner/episodes/turn_store.h"
#include "tests/runner/support.h"

namespace peira::runner {
namespace {

using ::testing::ElementsAre;
using testing::FakeClient;
using ::testing::HasSubstr;
using testing::say;
using testing::source_from;
using testing::TempFolder;

// Runs nothing: the tests pass where the file to edit says "right".
class FakePrograms : public evals::CodeRunner {
 public:
  evals::CodeResult run(const evals::CodeRequest& request) override {
    ++runs;
    evals::CodeResult result;
    if (!is_there) {
      result.detail = "sh is missing";
      return result;
    }
    result.cause = evals::ExitCause::kExited;
    result.exit_code = 1;
    result.out = "1 failed in 0.5s\n";
    for (const evals::CodeFile& file : request.files) {
      if (file.bytes == "right\n") result.exit_code = 0;
    }
    return result;
  }
  void run_many(std::int64_t, const std::function<evals::CodeRequest(std::int64_t)>&,
                const std::function<void(std::int64_t, evals::CodeResult)>&) override {}
  int num_workers() const override { return 2; }
  std::string isolation() const override { return "none"; }

  std::atomic<int> runs{0};
  bool is_there = true;
};

std::vector<datasets::Sample> exercises(int count) {
  std::vector<datasets::Sample> samples;
  for (int row = 0; row < count; ++row) {
    auto exercise = std::make_shared<datasets::Exercise>();
    exercise->language = row % 2 == 0 ? "python" : "go";
    exercise->name = "task-" + std::to_string(row);
    const std::string suffix = row % 2 == 0 ? ".py" : ".go";
    exercise->files = {{"a" + suffix, "stub\n", false}, {"a_test" + suffix, "tests\n", false}};
    exercise->editable = {"a" + suffix};
    exercise->tests = {"a_test" + suffix};
    datasets::Sample sample;
    sample.id = exercise->language + "/" + exercise->name;
    sample.row = row;
    sample.cluster = exercise->name;
    sample.parts.push_back(Part::from_text("Write task " + std::to_string(row) + ".\n"));
    sample.metadata = {{"language", exercise->language}};
    sample.exercise = std::move(exercise);
    samples.push_back(std::move(sample));
  }
  return samples;
}

bool is_second_try(const ModelRequest& request) {
  return text_of(request.messages.back()).find("errors of the tests") != std::string::npos;
}

std::string file_of(const ModelRequest& request) { return request.row % 2 == 0 ? "a.py" : "a.go"; }

ModelResponse write(const ModelRequest& request, const std::string& text) {
  return say(file_of(request) + "\n```\n" + text + "\n```\n");
}

class EpisodeRun : public ::testing::Test {
 protected:
  RunOptions options(int count) {
    RunOptions made;
    made.suite = evals::find_suite("aider-polyglot");
    made.samples = source_from("exercises", exercises(count));
    made.programs = &programs_;
    made.retry_wait_s = 0.001;
    made.batch_interval = std::chrono::milliseconds(1);
    return made;
  }
  std::vector<Turn> turns(const RunOutcome& outcome, std::int64_t row) {
    return TurnStore(store_.path()).turns(store_.run(outcome.run_id).key, row, 0);
  }

  TempFolder folder_;
  Store store_{folder_ / "runs.sqlite"};
  FakePrograms programs_;
};

TEST_F(EpisodeRun, TellsFailedTestsAndSumsUp) {
  // Of four: row 0 passes at once, 1 and 2 on the second try, 3 never.
  FakeClient model([](const ModelRequest& request) {
    const bool right =
        request.row == 0 || (is_second_try(request) && (request.row == 1 || request.row == 2));
    return write(request, right ? "right" : "wrong");
  });

  const RunOutcome outcome = execute_run(store_, model, options(4));

  EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
  EXPECT_EQ(outcome.progress.failures, 0);
  EXPECT_DOUBLE_EQ(outcome.progress.mean_score, 0.75);
  const EditingTotals totals = *editing_totals(store_, outcome.run_id);
  EXPECT_THAT(totals.all.pass_rate, ElementsAre(25.0, 75.0));
  EXPECT_THAT(totals.by_language.at("python").pass_rate, ElementsAre(50.0, 100.0));
  EXPECT_THAT(totals.by_language.at("go").pass_rate, ElementsAre(0.0, 50.0));
  EXPECT_DOUBLE_EQ(totals.all.percent_cases_well_formed, 100.0);

  const std::vector<Turn> of_row_1 = turns(outcome, 1);
  ASSERT_EQ(of_row_1.size(), 4U);
  EXPECT_EQ(of_row_1[1].kind, "run");
  EXPECT_THAT(of_row_1[2].asked, HasSubstr("1 failed"));
  const SampleStory story = store_.story(outcome.run_id, "#1").at(0);
  EXPECT_EQ(story.answer.score.answer, "passed on try 2");
  EXPECT_EQ(story.answer.completion_tokens, 6);  // both replies'
}

TEST_F(EpisodeRun, GoesOnFromItsStoredTurns) {
  std::atomic<bool> stop{false};
  int replies = 0;
  FakeClient model([&](const ModelRequest& request) {
    // The command is interrupted in the midst of the second conversations' turns.
    if (++replies == 4) stop = true;
    return write(request, "wrong");
  });
  model.in_flight = 1;
  RunOptions first = options(3);
  first.in_flight = 1;
  first.stop_requested = &stop;
  const RunOutcome interrupted = execute_run(store_, model, first);
  EXPECT_TRUE(interrupted.interrupted);
  const int asked = replies;
  const int ran = programs_.runs;

  RunOptions again = options(3);
  again.use_cache = false;  // nor is the cache what makes it so
  const RunOutcome outcome = execute_run(store_, model, again);

  EXPECT_TRUE(outcome.resumed);
  EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
  // Three conversations of two tries: six replies and six runs of tests, each once.
  EXPECT_GT(asked, 2);
  EXPECT_LE(replies, 7);  // at most the one that was on its way is asked again
  EXPECT_LE(programs_.runs, ran + 6);
  int stored = 0;
  for (std::int64_t row = 0; row < 3; ++row) stored += static_cast<int>(turns(outcome, row).size());
  EXPECT_EQ(stored, 12);
}

TEST_F(EpisodeRun, AFailureOfTheModelCostsOneTurn) {
  std::map<std::int64_t, int> seconds;
  FakeClient model([&](const ModelRequest& request) {
    if (!is_second_try(request)) return write(request, "wrong");
    if (++seconds[request.row] == 1) {
      ModelResponse failed;
      failed.finish_reason = "error";
      failed.failure = "the server is restarting";
      failed.retryable = true;
      return failed;
    }
    return write(request, "right");
  });

  const RunOutcome outcome = execute_run(store_, model, options(2));

  EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
  EXPECT_DOUBLE_EQ(outcome.progress.mean_score, 1.0);
  // First tries, failed seconds and their repetition: no first try was asked again.
  EXPECT_EQ(model.asked.at({0, 0}), 3);
  EXPECT_EQ(model.asked.at({1, 0}), 3);
  EXPECT_EQ(programs_.runs, 4);
}

TEST_F(EpisodeRun, ASecondRunTakesRepliesFromTheFirst) {
  FakeClient model([](const ModelRequest& request) { return write(request, "wrong"); });
  static_cast<void>(execute_run(store_, model, options(2)));
  const int asked = model.asked.at({0, 0});

  const RunOutcome outcome = execute_run(store_, model, options(2));

  EXPECT_FALSE(outcome.resumed);
  EXPECT_EQ(model.asked.at({0, 0}), asked);
  EXPECT_TRUE(turns(outcome, 0).at(0).cached);
  EXPECT_EQ(turns(outcome, 0).size(), 4U);
}

TEST_F(EpisodeRun, MessagesThatDoNotFitExhaustTheWindow) {
  FakeClient model([](const ModelRequest& request) {
    if (!is_second_try(request)) return write(request, "wrong");
    ModelResponse failed;
    failed.finish_reason = "error";
    failed.failure = "400: This model's maximum context length is 4096 tokens";
    return failed;
  });

  const RunOutcome outcome = execute_run(store_, model, options(1));

  EXPECT_EQ(outcome.progress.failures, 0);
  EXPECT_EQ(editing_totals(store_, outcome.run_id)->all.exhausted_context_windows, 1);
}

// What the machine fails at is never a failed exercise.
TEST_F(EpisodeRun, TestsThatCannotBeRunAreFailuresOfTheMachine) {
  programs_.is_there = false;
  FakeClient model([](const ModelRequest& request) { return write(request, "right"); });

  const RunOutcome outcome = execute_run(store_, model, options(1));

  EXPECT_FALSE(outcome.complete);
  EXPECT_EQ(outcome.progress.failures, 1);
  const SampleStory story = store_.story(outcome.run_id, "#0").at(0);
  EXPECT_EQ(story.answer.score.state, evals::AnswerState::kFailed);
  EXPECT_THAT(story.answer.failure, HasSubstr("tests could not be run: sh is missing"));
}

TEST_F(EpisodeRun, NeedsProgramsAndRunsToItsEnd) {
  FakeClient model([](const ModelRequest& request) { return write(request, "right"); });
  RunOptions without = options(1);
  without.programs = nullptr;
  EXPECT_THROW(execute_run(store_, model, without), Error);
}

// The tools of a language that is not here: its exercises are left out, counted and told.
TEST(ExerciseSource, LeavesOutWhatCannotBeRun) {
  Toolchain python;
  python.name = "python";
  python.version = "3";
  Toolchain go;
  go.name = "go";
  go.missing = "no go: install it";
  const SampleSource source = source_from("exercises", exercises(5));

  const RunnableExercises runnable = runnable_exercises(source, {python, go}, {});

  EXPECT_EQ(runnable.source.count(), 3);
  EXPECT_THAT(runnable.left_out, ElementsAre("2 exercises in go are left out: no go: install it"));
  const auto reader = runnable.source.open();
  std::vector<std::int64_t> rows;
  while (const auto sample = reader->next()) rows.push_back(sample->row);
  EXPECT_THAT(rows, ElementsAre(0, 2, 4));
  EXPECT_NE(runnable.source.identity, source.identity);
  EXPECT_THROW(runnable_exercises(source, {python, go}, {"go"}), Error);
  EXPECT_THROW(runnable_exercises(source, {python, go}, {"cobol"}), Error);
}

TEST(Toolchains, SayWhatIsMissingAndHowToGetIt) {
  std::vector<std::string> names;
  for (const Toolchain& tools : detect_toolchains()) {
    names.push_back(tools.name);
    EXPECT_NE(tools.version.empty(), tools.available()) << tools.name;
  }
  EXPECT_THAT(names, ElementsAre("cpp", "go", "java", "javascript", "python", "rust"));
}

TEST(Toolchains, PackagesAreNeededWhereAnExerciseNamesThem) {
  Toolchain javascript;
  javascript.name = "javascript";
  javascript.version = "node 20";
  javascript.packages = "npm packages: npm install";
  datasets::Exercise exercise;
  exercise.tests = {"a.spec.js"};
  exercise.files = {{"package.json", R"({"scripts": {"test": "node --test"}})", false}};
  EXPECT_EQ(why_not(exercise, {javascript}), "");
  exercise.files = {{"package.json", R"({"devDependencies": {"jest": "29"}})", false}};
  EXPECT_EQ(why_not(exercise, {javascript}), "no npm packages: npm install");
  javascript.has_packages = true;
  EXPECT_EQ(why_not(exercise, {javascript}), "");

  Toolchain cpp;
  cpp.name = "cpp";
  cpp.version = "cmake 3.25";
  cpp.packages = "Boost: apt-get install it";
  exercise.tests = {"a_test.cpp"};
  exercise.files = {{"CMakeLists.txt", "project(a CXX)\n", false}};
  EXPECT_EQ(why_not(exercise, {cpp}), "");
  exercise.files = {{"CMakeLists.txt", "find_package(Boost 1.58 REQUIRED)\n", false}};
  EXPECT_EQ(why_not(exercise, {cpp}), "no Boost: apt-get install it");
  cpp.has_packages = true;
  EXPECT_EQ(why_not(exercise, {cpp}), "");
}

}  // namespace
}  // namespace peira::runner
