#include "runner/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <set>

#include "base/error.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Executor, AsksEverySampleOnceAndStoresItsStory) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(30);

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_TRUE(outcome.complete);
  EXPECT_FALSE(outcome.resumed);
  EXPECT_EQ(outcome.progress.done, 30);
  EXPECT_DOUBLE_EQ(outcome.progress.mean_score, 20.0 / 30);
  EXPECT_EQ(model.asked.size(), 30U);
  for (const auto& [key, times] : model.asked) EXPECT_EQ(times, 1);
  EXPECT_EQ(model.most_in_flight, 8);

  const SampleStory story = store.story(outcome.run_id, "sum-4").at(0);
  EXPECT_EQ(story.answer.score.answer, "8");
  EXPECT_EQ(story.answer.gold, "8");
  EXPECT_EQ(story.answer.score.value, 1);
  EXPECT_EQ(story.transcript.messages, R"([{"content":"what is 4 plus 4?","role":"user"}])");
  EXPECT_EQ(story.transcript.prompt_text, "<what is 4 plus 4?>");
  EXPECT_THAT(story.transcript.prompt_tokens, ElementsAre(1, 2, 3));
  EXPECT_EQ(story.transcript.seed, derive_seed({"request", "0", "sum-4", "0"}));
  EXPECT_EQ(story.sample.digest, sample_digest(sums(30)[4]));

  const RunInfo info = store.run(outcome.run_id);
  EXPECT_EQ(info.status(), "complete");
  EXPECT_EQ(info.num_rows, 30);
  EXPECT_FALSE(info.limited);
  const Json& values = info.manifest["values"];
  EXPECT_EQ(values["weights"], "fake-1");
  EXPECT_EQ(values["sampling"]["temperature"], 0.5);
  EXPECT_EQ(values["sampling"]["max_tokens"], 32);
  EXPECT_EQ(values["limit"], nullptr);
  EXPECT_EQ(values["scorer"]["profile"], "exact");
}

TEST(Executor, StoresTheSameWhateverTheOrderOfArrival) {
  RunOptions options = sums_options(60);
  options.epochs = 3;
  std::set<std::string> stores;
  for (const std::uint64_t order : {0, 1, 2, 3}) {
    const TempFolder folder;
    Store store(folder / "peira.sqlite");
    FakeClient model(mostly_right);
    model.order_seed = order;
    model.in_flight = order == 3 ? 1 : 16;
    options.batch_answers = order == 2 ? 1 : 256;
    const RunOutcome outcome = execute_run(store, model, options);
    stores.insert(contents(store, outcome.run_id));
  }
  EXPECT_EQ(stores.size(), 1U);
}

TEST(Executor, SeedsEveryRequestByRunSampleAndEpoch) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  std::set<std::uint64_t> seeds;
  for (const std::uint64_t seed : {0, 1}) {
    FakeClient model(mostly_right);
    model.on_submit = [&](const ModelRequest& request) { seeds.insert(request.seed); };
    RunOptions options = sums_options(10);
    options.epochs = 2;
    options.seed = seed;
    execute_run(store, model, options);
  }
  EXPECT_EQ(seeds.size(), 40U);
}

TEST(Executor, ContinuesAnInterruptedRunWithTheSameCommand) {
  const TempFolder folder;
  std::atomic<bool> stop = false;
  RunOptions options = sums_options(50);
  options.stop_requested = &stop;
  std::string first_id;
  std::set<std::pair<std::int64_t, int>> finished;
  {
    Store store(folder / "peira.sqlite");
    FakeClient model(mostly_right);
    int polls = 0;
    model.on_poll = [&] { stop = ++polls == 20; };
    const RunOutcome outcome = execute_run(store, model, options);
    EXPECT_TRUE(outcome.interrupted);
    EXPECT_FALSE(outcome.complete);
    EXPECT_EQ(outcome.why_stopped, "interrupted");
    EXPECT_EQ(store.run(outcome.run_id).status(), "incomplete");
    EXPECT_EQ(model.cancels.size(), 7U);  // in flight, given up
    first_id = outcome.run_id;
    store.visit_finished(store.run(first_id).key,
                         [&](std::int64_t row, int epoch, bool) { finished.emplace(row, epoch); });
    EXPECT_EQ(finished.size(), 20U);
  }
  stop = false;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  std::int64_t done_at_start = -1;
  options.on_start = [&](const RunInfo& info, bool resumed, std::int64_t done) {
    EXPECT_EQ(info.id, first_id);
    EXPECT_TRUE(resumed);
    done_at_start = done;
  };

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_TRUE(outcome.complete);
  EXPECT_TRUE(outcome.resumed);
  EXPECT_EQ(done_at_start, 20);
  EXPECT_EQ(model.asked.size(), 30U);
  for (const auto& key : finished) EXPECT_FALSE(model.asked.contains(key));

  const TempFolder other;
  Store whole(other / "peira.sqlite");
  FakeClient fresh(mostly_right);
  options.on_start = nullptr;
  EXPECT_EQ(contents(store, first_id), contents(whole, execute_run(whole, fresh, options).run_id));
}

TEST(Executor, ContinuesOnAnotherDayUnderTheDateOfTheRun) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  RunOptions options = sums_options(6);
  std::vector<std::string> told;
  FakeClient model([](const ModelRequest& request) { return mostly_right(request); });
  model.in_flight = 1;
  model.on_submit = [&](const ModelRequest&) { told.push_back(model.date); };
  const auto run_on = [&](const std::string& day, std::size_t answers) {
    std::atomic<bool> stop = false;
    options.stop_requested = &stop;
    model.on_poll = [&] { stop = told.size() >= answers; };
    model.today = day;
    told.clear();
    return execute_run(store, model, options);
  };
  const RunOutcome begun = run_on("2026-11-26", 2);
  EXPECT_TRUE(begun.interrupted);
  const RunOutcome next_day = run_on("2026-11-27", 2);
  EXPECT_EQ(next_day.run_id, begun.run_id);
  EXPECT_EQ(told, std::vector<std::string>(2, "2026-11-26"));

  // Another run of that day does not keep the date of the first; nor does one begun anew.
  options.seed = 5;
  const RunOutcome other = run_on("2026-11-27", 1);
  EXPECT_NE(other.run_id, begun.run_id);
  EXPECT_EQ(told, std::vector<std::string>{"2026-11-27"});
  options.seed = 0;
  options.resume = Resume::kNew;
  EXPECT_NE(run_on("2026-11-27", 1).run_id, begun.run_id);
  EXPECT_EQ(told, std::vector<std::string>{"2026-11-27"});

  // By name it continues too; a chosen date is not put aside for it.
  options.resume = Resume::kRun;
  options.resume_run = begun.run_id;
  model.date = "2026-11-30";
  model.today = "";
  EXPECT_THROW(execute_run(store, model, options), Error);
  EXPECT_TRUE(run_on("2026-11-28", 100).complete);
  EXPECT_EQ(told, std::vector<std::string>(2, "2026-11-26"));
  EXPECT_EQ(store.run(begun.run_id).manifest["values"]["template"]["date"], "2026-11-26");
}

TEST(Executor, BeginsAnewAfterACompleteRunOrWhenToldTo) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(5);
  const std::string first = execute_run(store, model, options).run_id;
  EXPECT_NE(execute_run(store, model, options).run_id, first);
  options.resume = Resume::kNew;
  EXPECT_FALSE(execute_run(store, model, options).resumed);
  EXPECT_EQ(store.runs().size(), 3U);
}

TEST(Executor, RefusesToResumeUnderAnotherModelNamingBoth) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(5);
  options.resume_run = execute_run(store, model, options).run_id;
  options.resume = Resume::kRun;
  EXPECT_TRUE(execute_run(store, model, options).complete);  // nothing to ask, nothing changed
  EXPECT_EQ(model.asked.size(), 5U);

  model.weights = "fake-2";
  EXPECT_THAT(message_of([&] { execute_run(store, model, options); }),
              HasSubstr(R"(weights: "fake-1" in the run, "fake-2" in this command)"));
  model.weights = "fake-1";
  options.sampling.temperature = 0.9;
  EXPECT_THAT(message_of([&] { execute_run(store, model, options); }),
              HasSubstr("sampling.temperature: 0.5 in the run, 0.9 in this command"));
}

TEST(Executor, HoldsRepliesToAFormThatIsPartOfTheManifest) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  RunOptions options = sums_options(4);
  options.use_cache = true;
  options.suite.profiles[0].response_format = {.kind = ResponseFormat::Kind::kRegex,
                                               .pattern = "[0-9]+",
                                               .where = "suite.json:response_format.pattern"};
  std::vector<std::string> patterns;
  FakeClient model([](const ModelRequest& request) { return mostly_right(request); });
  model.on_submit = [&](const ModelRequest& request) {
    patterns.push_back(request.format.pattern);
  };
  try {
    execute_run(store, model, options);
    FAIL() << "the model takes no forms";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("suite.json:response_format.pattern: the answers of fake"));
  }
  EXPECT_TRUE(store.runs().empty());

  model.takes_formats = true;
  const std::string declared = execute_run(store, model, options).run_id;
  EXPECT_EQ(patterns, std::vector<std::string>(4, "[0-9]+"));
  const Json manifest = store.run(declared).manifest;
  EXPECT_EQ(manifest["values"]["response_format"],
            (Json{{"type", "regex"}, {"pattern", "[0-9]+"}}));

  patterns.clear();
  options.response_format = ResponseFormat{
      .kind = ResponseFormat::Kind::kRegex, .pattern = "[0-9]{1,3}", .where = "--regex"};
  const std::string narrower = execute_run(store, model, options).run_id;
  EXPECT_EQ(patterns, std::vector<std::string>(4, "[0-9]{1,3}")) << "nothing is from the cache";
  EXPECT_NE(store.run(narrower).identity, store.run(declared).identity);
  options.resume = Resume::kRun;
  options.resume_run = declared;
  try {
    execute_run(store, model, options);
    FAIL() << "a run does not continue under another form";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("response_format.pattern: \"[0-9]+\" in the run"));
  }
  options.resume = Resume::kAuto;
  options.response_format = ResponseFormat();
  const std::string free = execute_run(store, model, options).run_id;
  EXPECT_FALSE(store.run(free).manifest["digests"].contains("response_format"));
}

TEST(Executor, RetriesOnlyWhatMayPass) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  std::map<std::int64_t, int> attempts;
  FakeClient model([&](const ModelRequest& request) {
    const int attempt = ++attempts[request.row];
    ModelResponse response = mostly_right(request);
    if ((request.row == 1 && attempt < 3) || request.row == 2 || request.row == 3) {
      response = ModelResponse{};
      response.finish_reason = "error";
      response.failure = "busy";
      response.retryable = request.row != 3;
    }
    return response;
  });
  RunOptions options = sums_options(5);
  options.max_failures = FailureLimit::parse("50%");
  options.retries = 2;
  options.retry_wait_s = 0.001;

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.progress.failures, 2);
  EXPECT_EQ(attempts[1], 3);
  EXPECT_EQ(attempts[2], 3);  // the first and two retries
  EXPECT_EQ(attempts[3], 1);
  EXPECT_EQ(store.story(outcome.run_id, "#1")[0].answer.attempts, 3);
  const AnswerRecord failed = store.story(outcome.run_id, "#3")[0].answer;
  EXPECT_EQ(failed.score.state, evals::AnswerState::kFailed);
  EXPECT_EQ(failed.finish_reason, "error");
  EXPECT_EQ(failed.failure, "busy");
}

TEST(Executor, GivesUpOnASampleAfterItsTimeout) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model([](const ModelRequest& request) {
    ModelResponse response = mostly_right(request);
    if (request.row == 1) response.finish_reason = "never";
    return response;
  });
  RunOptions options = sums_options(4);
  options.timeout_s = 0.05;
  options.max_failures = FailureLimit::parse("1");

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.progress.failures, 1);
  const AnswerRecord failed = store.story(outcome.run_id, "#1")[0].answer;
  EXPECT_EQ(failed.finish_reason, "timeout");
  EXPECT_EQ(failed.failure, "no answer within 0.05 s");
}

TEST(Executor, DoesNotWaitForAModelThatNeverEndsWhatWasCancelled) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model([](const ModelRequest& request) {
    ModelResponse response = mostly_right(request);
    if (request.row == 1) response.finish_reason = "never";
    return response;
  });
  model.ignores_cancel = true;
  RunOptions options = sums_options(2);
  options.timeout_s = 0.05;
  options.cancel_grace_s = 0.05;
  options.max_failures = FailureLimit::parse("1");
  EXPECT_TRUE(execute_run(store, model, options).complete);
}

TEST(Executor, StopsIncompleteWhenTooManyFail) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  bool broken = true;
  const auto answer = [&](const ModelRequest& request) {
    ModelResponse response = mostly_right(request);
    if (broken && request.row >= 10) {
      response = ModelResponse{};
      response.finish_reason = "error";
      response.failure = "connection refused";
    }
    return response;
  };
  FakeClient model(answer);
  model.in_flight = 4;
  RunOptions options = sums_options(100);
  options.max_failures = FailureLimit::parse("5%");

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_FALSE(outcome.complete);
  EXPECT_FALSE(outcome.interrupted);
  EXPECT_THAT(outcome.why_stopped,
              HasSubstr("6 of 100 answers failed, more than --max-failures 5%"));
  EXPECT_THAT(outcome.why_stopped, HasSubstr("connection refused"));
  EXPECT_LT(model.asked.size(), 25U);
  EXPECT_EQ(store.run(outcome.run_id).status(), "incomplete");

  broken = false;
  FakeClient mended(answer);
  // The failures stay unless asked for again: they still are too many.
  EXPECT_FALSE(execute_run(store, mended, options).complete);
  options.retry_failed = true;
  const RunOutcome again = execute_run(store, mended, options);
  EXPECT_EQ(again.run_id, outcome.run_id);
  EXPECT_TRUE(again.complete);
  EXPECT_EQ(again.progress.done, 100);
  EXPECT_EQ(again.progress.failures, 0);
  EXPECT_EQ(store.run(again.run_id).failures, 0);
  EXPECT_EQ(store.run(again.run_id).answers, 100);
}

TEST(Executor, RecordsWhatTheScorerCannotJudgeAndGoesOn) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(4);
  options.max_failures = FailureLimit::parse("1");
  const auto inner = options.suite.profiles[0].score;
  options.suite.profiles[0].score = [=](const evals::ScoreRequest& request) {
    if (request.sample->row == 2) throw std::runtime_error("no such luck");
    return inner(request);
  };
  const RunOutcome outcome = execute_run(store, model, options);
  const SampleStory story = store.story(outcome.run_id, "#2")[0];
  EXPECT_EQ(story.answer.score.state, evals::AnswerState::kFailed);
  EXPECT_THAT(story.answer.failure, HasSubstr("the scorer failed: no such luck"));
  EXPECT_EQ(story.transcript.response, "-1");  // kept: it can be scored again
}

TEST(Executor, KeepsWhatIsInHandWhenTheModelBreaks) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  int polls = 0;
  model.on_poll = [&] {
    if (++polls == 11) throw Error(ErrorCode::kUnavailable, "the GPU is gone\n  try: another");
  };
  RunOptions options = sums_options(20);
  EXPECT_THAT(message_of([&] { execute_run(store, model, options); }),
              HasSubstr("the GPU is gone"));
  const RunInfo info = store.run(store.resolve_run("latest"));
  EXPECT_EQ(info.answers, 10);
  EXPECT_EQ(info.status(), "incomplete");
  EXPECT_EQ(info.why_stopped, "the GPU is gone");

  model.on_poll = nullptr;
  const RunOutcome outcome = execute_run(store, model, options);
  EXPECT_EQ(outcome.run_id, info.id);
  EXPECT_TRUE(outcome.complete);
}

TEST(Executor, TakesRepliesFromTheCacheOfTheSameModelAndRequestOnly) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  RunOptions options = sums_options(10);
  options.use_cache = true;
  const auto asked_by = [&](const std::string& weights, const RunOptions& run_options) {
    FakeClient model(mostly_right);
    model.weights = weights;
    const RunOutcome outcome = execute_run(store, model, run_options);
    EXPECT_TRUE(outcome.complete);
    EXPECT_EQ(outcome.progress.cached + static_cast<std::int64_t>(model.asked.size()),
              outcome.progress.expected);
    return model.asked.size();
  };
  EXPECT_EQ(asked_by("a", options), 10U);
  const std::string first = store.resolve_run("latest");
  EXPECT_EQ(asked_by("a", options), 0U);
  EXPECT_EQ(contents(store, store.resolve_run("latest")), contents(store, first));
  EXPECT_EQ(asked_by("b", options), 10U);

  RunOptions lenient = options;
  lenient.profile = "lenient";  // another scorer, the same requests
  EXPECT_EQ(asked_by("a", lenient), 0U);
  RunOptions limited = options;
  limited.limit = 4;
  EXPECT_EQ(asked_by("a", limited), 0U);
  RunOptions epochs = options;
  epochs.epochs = 2;  // the second epoch is a request of its own
  EXPECT_EQ(asked_by("a", epochs), 10U);
  RunOptions hotter = options;
  hotter.sampling.temperature = 1;
  EXPECT_EQ(asked_by("a", hotter), 10U);
  RunOptions longer = options;
  longer.max_tokens = 33;
  EXPECT_EQ(asked_by("a", longer), 10U);
  RunOptions stopped = options;
  stopped.stop = {"."};
  EXPECT_EQ(asked_by("a", stopped), 10U);
  RunOptions seeded = options;
  seeded.seed = 5;
  EXPECT_EQ(asked_by("a", seeded), 10U);
  RunOptions reworded = options;
  reworded.variant.name = "direct";
  EXPECT_EQ(asked_by("a", reworded), 10U);
  RunOptions off = options;
  off.use_cache = false;
  EXPECT_EQ(asked_by("a", off), 10U);
}

TEST(Executor, NeverCachesFailuresOrEmptyReplies) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  RunOptions options = sums_options(3);
  options.use_cache = true;
  options.max_failures = FailureLimit::parse("1");
  for (int sitting = 0; sitting < 2; ++sitting) {
    FakeClient model([](const ModelRequest& request) {
      ModelResponse response = mostly_right(request);
      if (request.row == 0) response.text.clear();
      if (request.row == 1) response.finish_reason = "error";
      return response;
    });
    options.resume = Resume::kNew;
    execute_run(store, model, options);
    EXPECT_EQ(model.asked.size(), sitting == 0 ? 3U : 2U);
  }
}

TEST(Executor, ChoosesByLogLikelihood) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model([](const ModelRequest& request) {
    EXPECT_THAT(request.continuations, ElementsAre("A", "B", "C", "D"));
    ModelResponse response;
    response.finish_reason = "stop";
    response.continuation_logprobs = {-3, -1.5, -0.25, -0.25};
    if (request.row == 5) response.continuation_logprobs.pop_back();
    return response;
  });
  RunOptions options;
  options.suite = choice_suite();
  options.variant.name = "official";
  options.samples = source_from("choices", choices(40));
  options.method = "loglikelihood";
  options.max_failures = FailureLimit::parse("1");

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.progress.failures, 1);  // three likelihoods for four options
  EXPECT_EQ(store.run(outcome.run_id).variant, "direct");
  int right = 0;
  StoryReader reader = store.stories(outcome.run_id);
  while (const auto story = reader.next()) {
    if (story->sample.row == 5) continue;
    EXPECT_EQ(story->answer.score.answer, "C");  // the first of the two equals
    EXPECT_EQ(story->answer.score.value, story->answer.gold == "C" ? 1 : 0);
    right += story->answer.gold == "C" ? 1 : 0;
  }
  EXPECT_GT(right, 2);
  EXPECT_LT(right, 25);

  options.suite = exact_suite();
  EXPECT_THAT(message_of([&] { execute_run(store, model, options); }), HasSubstr("has no options"));
}

TEST(Executor, ShowsOptionsInOrdersThatFiltersDoNotChange) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  const auto permutations_of = [&](const RunOptions& options) {
    FakeClient model(mostly_right);
    const RunOutcome outcome = execute_run(store, model, options);
    std::map<std::pair<std::string, int>, std::vector<int>> permutations;
    StoryReader reader = store.stories(outcome.run_id);
    while (const auto story = reader.next()) {
      permutations[{story->sample.id, story->answer.epoch}] = story->answer.permutation;
      const std::string shown(1, story->answer.gold[0]);
      EXPECT_EQ(story->answer.permutation[static_cast<std::size_t>(shown[0] - 'A')], 1);
    }
    return permutations;
  };
  RunOptions options;
  options.suite = choice_suite();
  options.variant.name = "official";
  options.samples = source_from("choices", choices(30));
  options.epochs = 2;
  const auto all = permutations_of(options);
  EXPECT_EQ(all.size(), 60U);
  std::vector<datasets::Sample> backwards = choices(30);
  std::reverse(backwards.begin(), backwards.end());
  backwards.resize(7);
  for (std::size_t i = 0; i < backwards.size(); ++i) {
    backwards[i].row = static_cast<std::int64_t>(i);
  }
  options.samples = source_from("backwards", backwards);
  const auto some = permutations_of(options);
  EXPECT_EQ(some.size(), 14U);
  for (const auto& [key, permutation] : some) EXPECT_EQ(permutation, all.at(key));
}

TEST(Executor, NeverAsksRowsTheOfficialCodeSkips) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(4);
  options.suite.profiles[0].skipped_rows = {0};
  const RunOutcome outcome = execute_run(store, model, options);
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(model.asked.size(), 3U);
  EXPECT_EQ(outcome.progress.done, 4);
  EXPECT_EQ(store.story(outcome.run_id, "#0")[0].answer.finish_reason, "skipped");
}

TEST(Executor, LimitsAreTheFirstSamplesAndSaySo) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(10);
  options.limit = 3;
  const RunInfo info = store.run(execute_run(store, model, options).run_id);
  EXPECT_TRUE(info.limited);
  EXPECT_EQ(info.expected_answers, 3);
  EXPECT_EQ(model.asked.rbegin()->first.first, 2);
  options.limit = 100;
  EXPECT_FALSE(store.run(execute_run(store, model, options).run_id).limited);
}

TEST(Executor, RefusesOptionsThatMakeNoSense) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  const auto refused = [&](const std::function<void(RunOptions&)>& change) {
    RunOptions options = sums_options(3);
    change(options);
    return message_of([&] { execute_run(store, model, options); });
  };
  EXPECT_THAT(refused([](RunOptions& o) { o.epochs = 0; }), HasSubstr("--epochs"));
  EXPECT_THAT(refused([](RunOptions& o) { o.limit = 0; }), HasSubstr("--limit"));
  EXPECT_THAT(refused([](RunOptions& o) { o.max_tokens = 0; }), HasSubstr("--max-tokens"));
  EXPECT_THAT(refused([](RunOptions& o) { o.timeout_s = 0; }), HasSubstr("--timeout"));
  EXPECT_THAT(refused([](RunOptions& o) { o.sampling.temperature = -1; }),
              HasSubstr("--temperature"));
  EXPECT_THAT(refused([](RunOptions& o) { o.sampling.top_p = std::nan(""); }),
              HasSubstr("--top-p"));
  EXPECT_THAT(refused([](RunOptions& o) { o.method = "guess"; }), HasSubstr("generate"));
  EXPECT_THAT(refused([](RunOptions& o) { o.profile = "none"; }), HasSubstr("none"));
  EXPECT_THAT(refused([](RunOptions& o) { o.samples = source_from("empty", {}); }),
              HasSubstr("holds no samples"));
  EXPECT_TRUE(store.runs().empty());
}

TEST(Executor, FindsABadDataFileBeforeItAsksAnything) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(3);
  options.samples.count = []() -> std::int64_t {
    throw Error(ErrorCode::kData, "data.csv:7: duplicate id sum-1");
  };
  EXPECT_THAT(message_of([&] { execute_run(store, model, options); }),
              HasSubstr("data.csv:7: duplicate id"));
  EXPECT_TRUE(model.asked.empty());
  EXPECT_TRUE(store.runs().empty());
}

TEST(Executor, ReportsProgress) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(9);
  std::vector<RunProgress> seen;
  options.on_progress = [&](const RunProgress& progress) { seen.push_back(progress); };
  execute_run(store, model, options);
  ASSERT_GE(seen.size(), 2U);
  EXPECT_EQ(seen.front().done, 0);
  EXPECT_EQ(seen.front().expected, 9);
  EXPECT_FALSE(seen.front().finished);
  EXPECT_TRUE(seen.back().finished);
  EXPECT_EQ(seen.back().done, 9);
  // Wilson's interval of 6 of 9 by hand: z = 1.959964, half = z / (1 + z^2 / 9) *
  // sqrt((2/3)(1/3)/9 + z^2 / 324) = 1.373685 * sqrt(0.02469136 + 0.01185638) = 0.262606
  EXPECT_NEAR(seen.back().half_width.value(), 0.26262, 1e-4);
}

// Not a quota but a limit on the size of files: writing past it fails as on a full disk.
TEST(Executor, LeavesAWholeStoreWhenTheDiskFillsUp) {
  const TempFolder folder;
  const auto path = folder / "peira.sqlite";
  RunOptions options = sums_options(400);
  options.batch_answers = 8;
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit { 200'000, 200'000 };
    setrlimit(RLIMIT_FSIZE, &limit);
    int status = 0;
    try {
      Store store(path);
      FakeClient model(mostly_right);
      execute_run(store, model, options);
    } catch (const Error& error) {
      status = error.exit_status();
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 4);  // unavailable

  Store store(path);
  const std::int64_t kept = store.run(store.resolve_run("latest")).answers;
  EXPECT_GT(kept, 0);
  EXPECT_LT(kept, 400);
  FakeClient model(mostly_right);
  const RunOutcome outcome = execute_run(store, model, options);
  EXPECT_TRUE(outcome.resumed);
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(static_cast<std::int64_t>(model.asked.size()), 400 - kept);

  const TempFolder other;
  Store whole(other / "peira.sqlite");
  FakeClient fresh(mostly_right);
  EXPECT_EQ(contents(store, outcome.run_id),
            contents(whole, execute_run(whole, fresh, options).run_id));
}

TEST(FailureLimit, ReadsCountsAndPercentages) {
  EXPECT_TRUE(FailureLimit::parse("5%").exceeded(6, 100));
  EXPECT_FALSE(FailureLimit::parse("5%").exceeded(5, 100));
  EXPECT_TRUE(FailureLimit::parse("0").exceeded(1, 100));
  EXPECT_FALSE(FailureLimit::parse("0").exceeded(0, 0));
  EXPECT_FALSE(FailureLimit::parse("2").exceeded(2, 3));
  EXPECT_EQ(FailureLimit::parse("2.5%").text(), "2.5%");
  EXPECT_EQ(FailureLimit::parse("10").text(), "10");
  for (const char* bad : {"", "%", "-1", "five", "1.5", "101%", "5%%", "1e3", " 5"}) {
    EXPECT_THROW(FailureLimit::parse(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace peira::runner::testing
