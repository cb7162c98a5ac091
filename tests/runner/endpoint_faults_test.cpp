// Runs against an endpoint that does everything wrong, and that are killed on their way: every
// sample is there in the end, once, with its own answer. How fast answers come once faults stop is
// in AdaptiveLimit's tests, and measured by endpoint_bench.
//
// PEIRA_FAULT_SAMPLES  samples of a run [1000].
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runner/endpoints/openai_client.h"
#include "tests/runner/support.h"
#include "tests/support/faulty_endpoint.h"

namespace peira::runner {
namespace {

using test::FaultCounters;
using test::FaultyEndpoint;

int num_samples() {
  const char* text = std::getenv("PEIRA_FAULT_SAMPLES");
  return text == nullptr ? 1000 : std::max(100, std::atoi(text));
}

RunOptions options_of_run() {
  RunOptions options = testing::sums_options(num_samples());
  options.retries = 60;
  options.retry_wait_s = 0.02;
  options.batch_answers = 100;
  return options;
}

EndpointOptions endpoint_options() {
  EndpointOptions options;
  options.max_in_flight = 200;
  options.idle_timeout_s = 1;  // for the replies that never become as long as they say
  return options;
}

std::int64_t num_stored(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path) || std::filesystem::file_size(path) == 0) return 0;
  const Store store(path, Store::Access::kReadOnly);
  const std::vector<RunInfo> runs = store.runs();
  return runs.empty() ? 0 : runs[0].answers;
}

// Leaves it to be waited for.
bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == child;
}

class EndpointFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("PEIRA_API_KEY", "sk-test", 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
  }
};

TEST_F(EndpointFaults, AndKillsLoseAndDoubleNothing) {
  FaultCounters& shared = FaultCounters::make();
  shared.faults = true;
  const FaultyEndpoint server(shared, 10);
  const testing::TempFolder folder;
  const auto path = folder / "store.sqlite";
  const auto sit = [&] {
    Store store(path);
    OpenAiClient client(server.spec(), endpoint_options());
    return execute_run(store, client, options_of_run()).complete;
  };
  // Killed at random moments while there are faults, until most is there; then left in peace, the
  // first half of what remains with faults, too.
  std::mt19937 random(11);
  int kills = 0;
  bool complete = false;
  for (int sitting = 0; sitting < 1000 && !complete; ++sitting) {
    const bool is_last = num_stored(path) >= num_samples() * 3 / 4;
    if (is_last) shared.faults = false;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        ::_exit(sit() ? 0 : 1);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(2);
      }
    }
    if (!is_last) {
      // After a number of further requests, so that a slow machine gets as far as a fast one.
      const std::int64_t until =
          shared.requests + 50 +
          static_cast<std::int64_t>(random() % static_cast<unsigned>(num_samples() / 8 + 300));
      while (shared.requests < until && !has_ended(child)) ::usleep(500);
      ::usleep(static_cast<useconds_t>(random() % 20'000));
      kills += ::kill(child, SIGKILL) == 0 ? 1 : 0;
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    complete = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ASSERT_TRUE(complete || WIFSIGNALED(status)) << WEXITSTATUS(status);
    if (WIFSIGNALED(status)) {
      ASSERT_EQ(WTERMSIG(status), SIGKILL);
    }
  }
  EXPECT_TRUE(complete);
  EXPECT_GE(kills, 3);
  for (std::size_t fault = 0; fault < test::kNumFaults; ++fault) {
    EXPECT_GT(shared.served[fault], 0) << "fault " << fault << " never came about";
  }

  const Store store(path, Store::Access::kReadOnly);
  ASSERT_EQ(store.runs().size(), 1U);
  std::set<std::int64_t> rows;
  OutcomeReader reader = store.outcomes(store.resolve_run("latest"));
  while (const auto answer = reader.next()) {
    EXPECT_TRUE(rows.insert(answer->row).second) << answer->row << " is there twice";
    EXPECT_EQ(answer->score.value, 1)
        << answer->row << ": " << answer->score.why << answer->failure;
  }
  EXPECT_EQ(std::ssize(rows), num_samples());
  EXPECT_EQ(store.runs()[0].answers, num_samples());
  std::int64_t faults = 0;
  for (const auto& count : shared.served) faults += count;
  std::printf("%d samples, %ld requests, %ld of them with faults, %d kills\n", num_samples(),
              static_cast<long>(shared.requests), static_cast<long>(faults), kills);
}

}  // namespace
}  // namespace peira::runner
