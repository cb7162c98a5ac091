#include "runner/endpoints/engine_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "datasets/dataset.h"
#include "runner/executor.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<ModelClient> open_bundled(const model::EngineOptions& engine = {}) {
  ModelOptions options;
  options.engine = engine;
  try {
    return open_model("bundled", options);
  } catch (const Error& failure) {
    if (failure.code() == ErrorCode::kUnavailable) return nullptr;
    throw;
  }
}

RunOptions gpqa_options() {
  RunOptions options;
  options.suite = evals::find_suite("gpqa");
  options.variant = evals::parse_variant("direct");
  options.samples = source_of(datasets::find_dataset("gpqa-sample", "gpqa"));
  options.limit = 24;
  options.max_tokens = 16;
  options.use_cache = false;
  return options;
}

std::vector<ModelClient::Finished> finish(ModelClient& model, std::size_t count) {
  std::vector<ModelClient::Finished> all;
  for (int poll = 0; poll < 10'000 && all.size() < count; ++poll) {
    for (ModelClient::Finished& finished : model.poll()) all.push_back(std::move(finished));
  }
  return all;
}

ModelRequest question(const std::string& text) {
  ModelRequest request;
  request.messages = {Message::from_text("user", text)};
  request.max_tokens = 8;
  return request;
}

TEST(EngineClient, StoresTheSameForAnyBatchSizeAndAcrossSittings) {
  if (open_bundled() == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  std::set<std::string> stores;
  for (const int batch : {1, 7, 32}) {
    const TempFolder folder;
    Store store(folder / "peira.sqlite");
    RunOptions options = gpqa_options();
    options.sampling.temperature = 0.8;
    options.in_flight = batch;
    std::atomic<bool> stop = false;
    options.stop_requested = &stop;
    // The second is interrupted after a few answers and continued by another client.
    if (batch == 7) {
      options.on_progress = [&](const RunProgress& progress) { stop = progress.done > 2; };
    }
    const auto first = open_bundled({.max_batch = batch});
    RunOutcome outcome = execute_run(store, *first, options);
    if (!outcome.complete) {
      EXPECT_EQ(outcome.why_stopped, "interrupted");
      options.on_progress = nullptr;
      stop = false;
      const auto second = open_bundled({.max_batch = 3});
      outcome = execute_run(store, *second, options);
      EXPECT_TRUE(outcome.resumed);
    }
    EXPECT_TRUE(outcome.complete);
    stores.insert(contents(store, outcome.run_id));
    const SampleStory story = store.story(outcome.run_id, "#0")[0];
    EXPECT_THAT(story.transcript.prompt_text, HasSubstr("Answer the following"));
    EXPECT_GT(story.transcript.prompt_tokens.size(), 20U);
    EXPECT_EQ(static_cast<std::int64_t>(story.transcript.tokens.size()),
              story.answer.completion_tokens);
  }
  EXPECT_EQ(stores.size(), 1U);
}

TEST(EngineClient, MakesAFailedSampleOfAPromptThatIsTooLong) {
  const auto model = open_bundled();
  if (model == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  const std::int64_t good = model->submit(question("What is 2 + 2?"));
  std::string words;
  for (int i = 0; i < 30'000; ++i) words += "word ";
  const std::int64_t bad = model->submit(question(words));
  for (const ModelClient::Finished& finished : finish(*model, 2)) {
    const bool is_bad = finished.ticket == bad;
    EXPECT_TRUE(is_bad || finished.ticket == good);
    EXPECT_EQ(finished.response.finish_reason == "error", is_bad) << finished.response.failure;
    EXPECT_EQ(finished.response.failure.empty(), !is_bad);
    EXPECT_FALSE(finished.response.retryable);
  }
}

// The room that the prompt leaves; none where the prompt alone is too long.
TEST(EngineClient, SaysHowManyTokensWouldFit) {
  const auto model = open_bundled();
  if (model == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  const auto asked = [&](int max_tokens) {
    ModelRequest request = question("What is 2 + 2?");
    request.max_tokens = max_tokens;
    model->submit(std::move(request));
    return finish(*model, 1).at(0).response;
  };
  const std::string told = asked(10'000'000).failure;
  const std::size_t at = told.find("; try: --max-tokens ");
  ASSERT_NE(at, std::string::npos) << told;
  const int room = std::stoi(told.substr(at + 20));
  EXPECT_EQ(asked(room + 1).failure.substr(asked(room + 1).failure.find(';')),
            "; try: --max-tokens " + std::to_string(room));
  ModelRequest stopped = question("What is 2 + 2?");
  stopped.max_tokens = room;
  const std::int64_t ticket = model->submit(std::move(stopped));
  model->cancel(ticket);
  EXPECT_EQ(finish(*model, 1).at(0).response.finish_reason, "timeout");  // it was taken
}

TEST(EngineClient, CancelsWhatRunsAndWhatWaits) {
  const auto model = open_bundled({.max_batch = 1});
  if (model == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  ModelRequest choice = question("pick");
  choice.continuations = {"A", "B"};
  const std::vector<std::int64_t> tickets{model->submit(question("one")),
                                          model->submit(question("two")),
                                          model->submit(std::move(choice))};
  for (const std::int64_t ticket : tickets) model->cancel(ticket);
  const std::vector<ModelClient::Finished> all = finish(*model, 3);
  ASSERT_EQ(all.size(), 3U);
  for (const ModelClient::Finished& finished : all) {
    EXPECT_EQ(finished.response.finish_reason, "timeout");
  }
  EXPECT_TRUE(model->poll().empty());
}

TEST(EngineClient, GivesLogLikelihoodsThatDoNotDependOnCompany) {
  const auto model = open_bundled();
  if (model == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  const auto likelihoods_of = [&](const std::vector<std::string>& questions) {
    std::map<std::int64_t, std::string> by_ticket;
    for (const std::string& text : questions) {
      ModelRequest request = question(text);
      request.continuations = {"Answer: A", "Answer: B", "Answer: C", "Answer: D"};
      by_ticket[model->submit(std::move(request))] = text;
    }
    std::map<std::string, std::vector<double>> likelihoods;
    for (ModelClient::Finished& finished : finish(*model, questions.size())) {
      EXPECT_EQ(finished.response.finish_reason, "stop");
      likelihoods[by_ticket.at(finished.ticket)] = finished.response.continuation_logprobs;
    }
    return likelihoods;
  };
  const auto together = likelihoods_of({"one", "two, and a good deal longer", "three"});
  for (const auto& [text, values] : together) {
    ASSERT_EQ(values.size(), 4U);
    for (const double value : values) EXPECT_LT(value, 0);
    EXPECT_EQ(likelihoods_of({text}).at(text), values);
  }
  // One prompt too long does not take the others with it.
  std::string words;
  for (int i = 0; i < 30'000; ++i) words += "word ";
  ModelRequest bad = question(words), good = question("one");
  bad.continuations = good.continuations = {"Answer: A", "Answer: B", "Answer: C", "Answer: D"};
  const std::int64_t bad_ticket = model->submit(std::move(bad));
  model->submit(std::move(good));
  for (const ModelClient::Finished& finished : finish(*model, 2)) {
    if (finished.ticket == bad_ticket) {
      EXPECT_EQ(finished.response.finish_reason, "error");
    } else {
      EXPECT_EQ(finished.response.continuation_logprobs, together.at("one"));
    }
  }
}

TEST(EngineClient, IdentityFollowsTheVariantNotTheMachineSettings) {
  const auto plain = open_bundled();
  if (plain == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  EXPECT_EQ(plain->name(), "bundled");
  EXPECT_EQ(open_bundled({.num_threads = 1, .max_batch = 3})->identity(), plain->identity());
  const auto one_expert = open_bundled({.num_experts_per_tok = 1});
  EXPECT_EQ(one_expert->name(), "bundled[experts=1]");
  EXPECT_NE(one_expert->identity()["engine"], plain->identity()["engine"]);
  EXPECT_EQ(one_expert->identity()["weights"], plain->identity()["weights"]);
  // So are quantised weights and caches: they change answers.
  const auto int8 = open_bundled({.weights = model::WeightPrecision::kInt8});
  EXPECT_EQ(int8->name(), "bundled[weights=int8]");
  EXPECT_NE(int8->identity()["engine"], plain->identity()["engine"]);
  EXPECT_NE(open_bundled({.kv_dtype = model::DType::kBF16})->identity()["engine"],
            plain->identity()["engine"]);
  // A folder with the same files is the same model.
  ModelOptions options;
  const std::string folder = PEIRA_SOURCE_DIR "/model/peira-mini";
  EXPECT_EQ(open_model(folder, options)->identity(), plain->identity());
}

TEST(OpenModel, SaysWhatCanBeOpened) {
  const auto message_for = [](const std::string& spec) -> std::string {
    try {
      const ModelOptions options;
      open_model(spec, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message_for("nowhere/at/all"), HasSubstr("no such file or folder"));
  EXPECT_THAT(message_for("nowhere/at/all"), HasSubstr("bundled"));
  EXPECT_THAT(message_for("openai:gpt"), HasSubstr("not MODEL@URL"));
  EXPECT_THAT(message_for("replay:nowhere.jsonl"), HasSubstr("nowhere.jsonl"));
  const TempFolder folder;
  EXPECT_THAT(message_for(folder.path().string()), HasSubstr("config.json"));
}

}  // namespace
}  // namespace peira::runner::testing
