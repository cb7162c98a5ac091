// SIGKILLs at random moments of runs with a claim to decide, one arm and two: what is left
// continues to the decision of a run that nothing happened to.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <random>

#include "base/error.h"
#include "runner/decision_control.h"
#include "runner/executor.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

constexpr int kNumSamples = 300;
constexpr int kNumKills = 60;

// Three of four right, a few failures.
ModelResponse respond(const ModelRequest& request) {
  if (request.row % 50 == 7) {
    ModelResponse response;
    response.finish_reason = "error";
    response.failure = "context overflow";
    return response;
  }
  return say(std::to_string(request.row % 4 == 1 ? -1 : 2 * request.row));
}

// One sitting; true when the decision is made.
bool sit(const std::filesystem::path& path, std::uint64_t order, int num_arms) {
  Store store(path);
  FakeClient model(respond);
  model.order_seed = order;
  model.on_poll = [] { usleep(100); };
  const std::string rule = num_arms == 1 ? "sums>=0.68" : "no-worse-than against by 0.06";
  DecisionControl control(evals::parse_stop_rule(rule, std::vector<std::string>{"sums"}), 0.05, 0,
                          num_arms);
  RunOptions options = sums_options(kNumSamples);
  options.batch_answers = 5;
  options.batch_interval = std::chrono::milliseconds(3);
  if (num_arms == 1) {
    options.control = &control;
    return execute_run(store, model, options).complete;
  }
  RunOptions against = options;
  against.variant.name = "direct";
  return execute_pair(store, {model, options}, {model, against}, control).first.complete;
}

Json decision_of(const Store& store) {
  Json decisions = Json::array();
  for (const RunInfo& run : store.runs()) {
    Json decision = evals::to_json(run.decision.value());
    decision.erase("rows_beyond");
    decision["variant"] = run.variant;
    decisions.push_back(decision);
  }
  return decisions;
}

class DecisionAfterKill : public ::testing::TestWithParam<int> {};

TEST_P(DecisionAfterKill, IsThatOfAnUnkilledRun) {
  const int num_arms = GetParam();
  const TempFolder whole;
  ASSERT_TRUE(sit(whole / "peira.sqlite", 0, num_arms));
  const Json expected = decision_of(Store(whole / "peira.sqlite", Store::Access::kReadOnly));
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(num_arms));
  EXPECT_EQ(expected[0]["verdict"], "true");
  EXPECT_TRUE(expected[0]["stopped_early"]);

  std::mt19937_64 random(20261126);
  int kills = 0, runs = 0;
  while (kills < kNumKills) {
    ++runs;
    const TempFolder folder;
    const auto path = folder / "peira.sqlite";
    for (bool done = false; !done;) {
      const std::uint64_t order = random() | 1U;
      const auto moment_us = static_cast<useconds_t>(random() % 30'000);
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        try {
          _exit(sit(path, order, num_arms) ? 0 : 5);
        } catch (const Error& error) {
          std::fprintf(stderr, "%s\n", error.what());
          _exit(error.exit_status());
        }
      }
      if (kills < kNumKills) {
        usleep(moment_us);
        kill(child, SIGKILL);
      }
      int status = 0;
      waitpid(child, &status, 0);
      if (WIFSIGNALED(status)) {
        ++kills;
      } else {
        ASSERT_EQ(WEXITSTATUS(status), 0);
        done = true;
      }
      if (std::filesystem::exists(path) && std::filesystem::file_size(path) > 0) {
        const std::vector<RunInfo> stored = Store(path).runs();
        ASSERT_LE(stored.size(), static_cast<std::size_t>(num_arms));
        int complete = 0;
        for (const RunInfo& run : stored) complete += run.complete ? 1 : 0;
        // Both arms or none.
        ASSERT_TRUE(complete == 0 || complete == num_arms);
        done = done || complete == num_arms;
      }
    }
    ASSERT_EQ(decision_of(Store(path, Store::Access::kReadOnly)), expected);
  }
  std::printf("%d kills in %d runs of %d arms\n", kills, runs, num_arms);
}

INSTANTIATE_TEST_SUITE_P(Arms, DecisionAfterKill, ::testing::Values(1, 2));

}  // namespace
}  // namespace peira::runner::testing
