// Nights of an endpoint that answers a little differently each time, and worse from some night on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "base/hash.h"
#include "tests/runner/nightly/support.h"
#include "tests/support/scripted_server.h"

namespace peira::runner::testing {
namespace {

using ::testing::HasSubstr;

// Right with a chance of `percent`, drawn from the number of the request.
test::ServedReply answer(const test::ServedRequest& request, int percent) {
  const Json body = parse_json(request.body, "request");
  const std::string question = body["messages"].back()["content"].get<std::string>();
  const int number = std::stoi(question.substr(8));  // "What is N plus N?"
  const std::uint64_t draw = derive_seed({"answer", std::to_string(request.number)}) % 100;
  const int sum = 2 * number + (draw < static_cast<std::uint64_t>(percent) ? 0 : 1);
  const Json reply{{"id", "c" + std::to_string(request.number)},
                   {"choices",
                    {{{"index", 0},
                      {"message", {{"role", "assistant"}, {"content", std::to_string(sum)}}},
                      {"finish_reason", "stop"}}}},
                   {"usage", {{"prompt_tokens", 5}, {"completion_tokens", 1}}}};
  return test::ServedReply::of(200, dump_json(reply));
}

NightResult run(const NightlyFolder& folder, int night) {
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  return run_night(store, nights, folder.plan(), night_date(night), false, {});
}

class EndpointNight : public ::testing::Test {
 protected:
  EndpointNight()
      : server_([this](const test::ServedRequest& request) { return answer(request, percent_); }) {
    ::setenv("no_proxy", "127.0.0.1", 1);
  }
  std::string plan(const std::string& more = "") const {
    return R"({"models": [{"model": "openai:m@)" + server_.url() + R"(", "name": "remote",
              "price": {"input": 1, "output": 10}}])" +
           more + "}";
  }
  std::atomic<int> percent_{85};
  test::ScriptedServer server_;
};

TEST_F(EndpointNight, IsAskedAnewEachNightAndItsNoiseIsLearnt) {
  const NightlyFolder folder(plan());
  for (int night = 0; night < 14; ++night) {
    const NightResult result = run(folder, night);
    const evals::NightJudgement& said = result.judgements.at(0).second;
    EXPECT_TRUE(said.counted);
    EXPECT_EQ(said.verdict == evals::SeriesVerdict::kTooLittleHistory, night < 8) << night;
    EXPECT_EQ(exit_status_of(result.night, result.judgements), 0) << said.sentence;
    // 120 answers of 5 tokens read and 1 written, at 1 and 10 a million.
    EXPECT_EQ(result.night.outcome["spent"]["tokens"], 720);
    EXPECT_NEAR(result.night.outcome["spent"]["cost"].get<double>(), 120 * 15e-6, 1e-12);
  }
  EXPECT_EQ(server_.num_requests(), 14 * 120);
  percent_ = 45;
  int noticed = 0;
  for (int night = 14; night < 18 && noticed == 0; ++night) {
    const NightResult result = run(folder, night);
    if (exit_status_of(result.night, result.judgements) == 1) noticed = night;
  }
  EXPECT_GT(noticed, 0);
  EXPECT_LE(noticed, 15);
}

// Two runs beside each other on one day: their difference is the noise that the second night has.
TEST_F(EndpointNight, OfFewNightsIsJudgedByMeasuredNoise) {
  const NightlyFolder folder(plan());
  const NightlyPlan read = folder.plan();
  {
    Store store(folder / "store.sqlite");
    const std::unique_ptr<ModelClient> client = read.models[0].open();
    RunOptions options = options_of(read, entries_of(read)[0]);
    options.resume = Resume::kNew;
    for (int i = 0; i < 3; ++i) execute_run(store, *client, options);
  }
  const NightResult first = run(folder, 0);
  EXPECT_EQ(first.judgements[0].second.verdict, evals::SeriesVerdict::kTooLittleHistory);
  const NightResult second = run(folder, 1);
  EXPECT_EQ(second.judgements[0].second.verdict, evals::SeriesVerdict::kSteady)
      << second.judgements[0].second.sentence;
  EXPECT_TRUE(second.judgements[0].second.p);
}

TEST_F(EndpointNight, StopsAtItsCostBudget) {
  const NightlyFolder folder(plan(R"(, "budget": {"cost": 0.0005}, "in_flight": 2)"));
  const NightResult result = run(folder, 0);
  EXPECT_EQ(exit_status_of(result.night, result.judgements), 5);
  EXPECT_THAT(result.night.entries[0].note, HasSubstr("the cost budget (0.0005) is spent after "));
  EXPECT_LT(server_.num_requests(), 45);
}

TEST_F(EndpointNight, ThatIsGoneLeavesTheNightIncomplete) {
  const NightlyFolder folder(R"({"models": [{"model": "openai:m@http://127.0.0.1:1/v1"}],
                                 "retries": 0, "max_failures": "0"})");
  const NightResult result = run(folder, 0);
  EXPECT_NE(exit_status_of(result.night, result.judgements), 0);
  EXPECT_NE(result.night.entries[0].state, EntryState::kComplete);
  EXPECT_FALSE(result.night.entries[0].note.empty());
}

}  // namespace
}  // namespace peira::runner::testing
