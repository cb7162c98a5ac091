// Aider's polyglot benchmark: the conversation, running tests, and how a run is summed up. Row
// names are those of the table of traps, E51 to E57 (E57 with the reader of exercises).
#include <gmock/gmock.h>

#include "base/error.h"
#include "evals/suite.h"
#include "evals/suites/aider/episode.h"
#include "evals/suites/aider/tests.h"
#include "evals/suites/aider/totals.h"

namespace peira::evals::aider {
namespace {

using edits::EditFormat;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// An exercise of one file; its tests pass, for who drives it here, when the file says "right".
datasets::Sample exercise(const std::string& language = "python") {
  auto exercise = std::make_shared<datasets::Exercise>();
  exercise->language = language;
  exercise->name = "two-fer";
  exercise->files = {{"two_fer.py", "stub\n", false}, {"two_fer_test.py", "the tests\n", false}};
  exercise->editable = {"two_fer.py"};
  exercise->tests = {"two_fer_test.py"};
  datasets::Sample sample;
  sample.id = language + "/two-fer";
  sample.parts.push_back(Part::from_text("Write it.\n"));
  sample.exercise = std::move(exercise);
  return sample;
}

std::string whole(const std::string& text) { return "two_fer.py\n```\n" + text + "\n```\n"; }

EpisodeReply reply(const std::string& text, const std::string& finish_reason = "stop") {
  EpisodeReply made;
  made.text = text;
  made.finish_reason = finish_reason;
  return made;
}

CodeResult exited(int code, const std::string& out) {
  CodeResult result;
  result.cause = ExitCause::kExited;
  result.exit_code = code;
  result.out = out;
  return result;
}

std::string bytes_of(const CodeRequest& request, const std::string& path) {
  for (const CodeFile& file : request.files) {
    if (file.path == path) return file.bytes;
  }
  return "(absent)";
}

// The last message that is asked.
std::string last_asked(Episode& episode) {
  const EpisodeStep step = episode.next();
  EXPECT_EQ(step.kind, EpisodeStep::Kind::kAsk);
  return step.messages.empty() ? "" : text_of(step.messages.back());
}

ExerciseRecord end_of(Episode& episode) {
  const EpisodeStep step = episode.next();
  EXPECT_EQ(step.kind, EpisodeStep::Kind::kEnd);
  return record_from(step.record, "test");
}

TEST(AiderEpisode, PassesOnTheFirstTry) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  EXPECT_THAT(last_asked(*episode), HasSubstr("Write it."));
  EXPECT_THAT(last_asked(*episode), HasSubstr("two_fer.py"));
  episode->take(reply(whole("right")));
  const EpisodeStep run = episode->next();
  ASSERT_EQ(run.kind, EpisodeStep::Kind::kRun);
  EXPECT_EQ(run.toolchain, "python");
  EXPECT_EQ(bytes_of(run.program, "two-fer/two_fer.py"), "right\n");
  EXPECT_EQ(run.program.limits.wall_time, std::chrono::minutes(3));
  episode->take(exited(0, "1 passed"));

  const ExerciseRecord record = end_of(*episode);
  EXPECT_THAT(record.tests_outcomes, ElementsAre(true));
  EXPECT_TRUE(record.passed());
}

// No test, example or other file of the exercise but those to edit is ever shown.
TEST(AiderEpisode, ShowsTheFilesToEditAndNoOthers) {
  const auto episode = make_episode(exercise(), EditFormat::kDiff);
  std::string all;
  for (const Message& message : episode->next().messages) all += text_of(message);
  EXPECT_THAT(all, HasSubstr("two_fer.py\n```\nstub\n```\n"));
  EXPECT_THAT(all, Not(HasSubstr("the tests")));
}

TEST(AiderEpisode, TellsTheOutputOfFailedTestsOnce) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  episode->take(reply(whole("wrong")));
  episode->take(exited(1,
                       "E  SyntaxError\nSyntaxError: at /work/two-fer/two_fer.py\n"
                       "1 failed in 0.12s\n"));
  const std::string asked = last_asked(*episode);
  EXPECT_THAT(asked, HasSubstr("SyntaxError: at two-fer/two_fer.py\n1 failed \n####"));
  // What was written is among the files, and the first try is a thing of the past.
  std::string all;
  const EpisodeStep step = episode->next();
  for (const Message& message : step.messages) all += message.role + ": " + text_of(message) + "\n";
  EXPECT_THAT(all, HasSubstr("two_fer.py\n```\nwrong\n```\n"));

  episode->take(reply(whole("still wrong")));
  episode->take(exited(1, "IndentationError: x\n"));
  const ExerciseRecord record = end_of(*episode);
  EXPECT_THAT(record.tests_outcomes, ElementsAre(false, false));
  EXPECT_EQ(record.syntax_errors, 1);
  EXPECT_EQ(record.indentation_errors, 1);
}

TEST(AiderEpisode, FaultyEditsAreToldBackThreeTimesATry) {
  const auto episode = make_episode(exercise(), EditFormat::kDiff);
  const std::string bad =
      "two_fer.py\n```\n<<<<<<< SEARCH\nnot there\n=======\nx\n>>>>>>> REPLACE\n```\n";
  for (int i = 0; i < 3; ++i) {
    episode->take(reply(bad));
    EXPECT_THAT(last_asked(*episode), HasSubstr("SEARCH/REPLACE block did not match"));
  }
  episode->take(reply(bad));
  ASSERT_EQ(episode->next().kind, EpisodeStep::Kind::kRun);
  episode->take(exited(1, "no\n"));
  for (int i = 0; i < 3; ++i) {
    episode->take(reply(bad));
    ASSERT_EQ(episode->next().kind, EpisodeStep::Kind::kAsk);
  }
  episode->take(
      reply("two_fer.py\n```\n<<<<<<< SEARCH\nstub\n=======\nright\n>>>>>>> REPLACE\n```\n"));
  const EpisodeStep run = episode->next();
  EXPECT_EQ(bytes_of(run.program, "two-fer/two_fer.py"), "right\n");
  episode->take(exited(0, ""));
  const ExerciseRecord record = end_of(*episode);
  EXPECT_EQ(record.num_malformed_responses, 7);
  EXPECT_THAT(record.tests_outcomes, ElementsAre(false, true));
}

TEST(AiderEpisode, ARepliesWithoutRoomExhaustsTheWindow) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  // Cut replies are not applied, however whole their listing is.
  episode->take(reply(whole("right"), "length"));
  const EpisodeStep run = episode->next();
  ASSERT_EQ(run.kind, EpisodeStep::Kind::kRun);
  EXPECT_EQ(bytes_of(run.program, "two-fer/two_fer.py"), "stub\n");
  episode->take(exited(1, "no\n"));
  EpisodeReply too_long = reply("", "error");
  too_long.too_long = true;
  episode->take(too_long);
  episode->take(exited(1, "no\n"));
  EXPECT_EQ(end_of(*episode).num_exhausted_context_windows, 2);
}

TEST(AiderEpisode, OnlyWhatIsAskedForMayBeTold) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  EXPECT_THROW(episode->take(exited(0, "")), Error);
  episode->take(reply(whole("x")));
  EXPECT_THROW(episode->take(reply("again")), Error);
}

// Told the same again, a conversation is the same again: so it is brought back from stored turns.
TEST(AiderEpisode, IsMadeOfItsRepliesAlone) {
  const auto drive = [](Episode& episode) {
    std::string all;
    for (const char* text : {"wrong", "right"}) {
      for (const Message& message : episode.next().messages) all += text_of(message);
      episode.take(reply(whole(text)));
      episode.take(exited(1, "no\n"));
    }
    return all + episode.next().record;
  };
  const auto first = make_episode(exercise(), EditFormat::kWhole);
  const auto second = make_episode(exercise(), EditFormat::kWhole);
  EXPECT_EQ(drive(*first), drive(*second));
}

ExerciseRecord with_outcomes(std::vector<bool> outcomes) {
  ExerciseRecord record;
  record.tests_outcomes = std::move(outcomes);
  return record;
}

TEST(AiderTotals, E51CrashedExercisesCount) {
  const std::vector<std::optional<ExerciseRecord>> records{
      with_outcomes({true}), with_outcomes({false, true}), with_outcomes({false, false}),
      std::nullopt};
  const Totals sums = totals(records);
  EXPECT_THAT(sums.pass_rate, ElementsAre(25.0, 50.0));
  EXPECT_THAT(sums.pass_num, ElementsAre(1, 2));
}

TEST(AiderTotals, E52OneTryIsAllThereIsWhereAllPass) {
  const std::vector<std::optional<ExerciseRecord>> records{with_outcomes({true}),
                                                           with_outcomes({true})};
  EXPECT_THAT(totals(records).pass_rate, ElementsAre(100.0));
}

TEST(AiderTotals, E53MalformedRepliesOfOneExerciseAreOneCase) {
  std::vector<std::optional<ExerciseRecord>> records(4, with_outcomes({true}));
  records[0]->num_malformed_responses = 3;
  const Totals sums = totals(records);
  EXPECT_EQ(sums.num_malformed_responses, 3);
  EXPECT_EQ(sums.num_with_malformed_responses, 1);
  EXPECT_DOUBLE_EQ(sums.percent_cases_well_formed, 75.0);
}

TEST(AiderTotals, E54SilentFailurePasses) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  episode->take(reply(whole("x")));
  episode->take(exited(1, "in 0.12s"));
  EXPECT_THAT(end_of(*episode).tests_outcomes, ElementsAre(true));
}

TEST(AiderTotals, E55TimeoutThenPass) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  episode->take(reply(whole("slow")));
  CodeResult late;
  late.cause = ExitCause::kWallTime;
  late.out = "some output\n";
  episode->take(late);
  EXPECT_THAT(last_asked(*episode), HasSubstr("Tests timed out!\n####"));
  EXPECT_THAT(last_asked(*episode), Not(HasSubstr("some output")));
  episode->take(reply(whole("right")));
  episode->take(exited(0, "ok\n"));
  const ExerciseRecord record = end_of(*episode);
  EXPECT_THAT(record.tests_outcomes, ElementsAre(false, true));
  EXPECT_EQ(record.test_timeouts, 1);
}

TEST(AiderTotals, E56TestsAreAsPublishedWhateverIsWritten) {
  const auto episode = make_episode(exercise(), EditFormat::kWhole);
  episode->take(reply("two_fer_test.py\n```\nassert True\n```\n"));
  EXPECT_EQ(bytes_of(episode->next().program, "two-fer/two_fer_test.py"), "the tests\n");
}

// The cases of aider's own test of its cleaning, and the bounds of the pattern.
TEST(AiderTests, DurationsAreTakenOut) {
  EXPECT_EQ(clean_output("Ran 5 tests in 0.003s\nOK", "x"), "Ran 5 tests \nOK");
  EXPECT_EQ(clean_output("OK", "x"), "OK");
  EXPECT_EQ(clean_output("begin 0.1s in 1s in 1.s in .5s in 1.5sec in 22.75s.", "x"),
            "begin 0.1s in 1s in 1.s in .5s in 1.5sec .");
  EXPECT_EQ(clean_output("in 1.5s", "x"), "");
  EXPECT_EQ(clean_output("\xFF /work/x/a.py /work/xy", "x"), "\xEF\xBF\xBD x/a.py xy");
}

// Python 3.11, re.sub(r"@Disabled\([^)]*\)\s*\n", "", text).
TEST(AiderTests, DisabledJavaTestsAreEnabled) {
  EXPECT_EQ(without_disabled("    @Disabled(\"x\")\n    @Test\n"), "        @Test\n");
  EXPECT_EQ(without_disabled("@Disabled(\"x\") void f()\n"), "@Disabled(\"x\") void f()\n");
  EXPECT_EQ(without_disabled("@Disabled(\"a\")\n\n  \n  b@Disabled(\n\"c\")\nd"), "  bd");
  EXPECT_EQ(without_disabled("@Disabled(\"x\""), "@Disabled(\"x\"");
}

TEST(AiderTests, EachLanguageHasItsCommand) {
  for (const auto& [test, toolchain] :
       std::initializer_list<std::pair<const char*, const char*>>{{"a_test.py", "python"},
                                                                  {"tests/a.rs", "rust"},
                                                                  {"a_test.go", "go"},
                                                                  {"a.spec.js", "javascript"},
                                                                  {"a_test.cpp", "cpp"},
                                                                  {"src/test/java/A.java", "java"},
                                                                  {"a.rb", ""}}) {
    datasets::Exercise exercise;
    exercise.tests = {test};
    EXPECT_EQ(toolchain_of(exercise), toolchain);
  }
}

// Python 3.11, len(re.findall(r"^[+]? *[#].* [.][.][.] ", text, re.MULTILINE)).
TEST(AiderRecord, LazyCommentsAreCounted) {
  EXPECT_EQ(count_lazy_comments("# ... rest\n+  # x ... y\n#... x\n# ...\ncode # ... x\n"), 2);
}

TEST(AiderRecord, SurvivesBeingWritten) {
  ExerciseRecord record = with_outcomes({false, true});
  record.edit_format = "diff";
  record.num_user_asks = 4;
  const ExerciseRecord read = record_from(to_json_text(record), "x");
  EXPECT_EQ(to_json_text(read), to_json_text(record));
  EXPECT_THROW(record_from("{}", "x"), Error);
}

TEST(AiderSuite, HasAProfileForEachFormat) {
  const Suite suite = find_suite("aider-polyglot");
  EXPECT_EQ(suite.profile("").name, "whole");
  EXPECT_EQ(suite.profile("diff").name, "diff");
  EXPECT_EQ(suite.profile("diff-fenced").name, "diff-fenced");
  const datasets::Sample sample = exercise();
  ExerciseRecord record = with_outcomes({false, true});
  record.num_malformed_responses = 2;
  const std::string text = to_json_text(record);
  ScoreRequest request;
  request.sample = &sample;
  request.response = text;
  const Score score = suite.profile("").score(request);
  EXPECT_EQ(score.value, 1);
  EXPECT_EQ(score.answer, "passed on try 2");
  EXPECT_THAT(score.notes, ElementsAre("2 malformed-response"));
}

}  // namespace
}  // namespace peira::evals::aider
