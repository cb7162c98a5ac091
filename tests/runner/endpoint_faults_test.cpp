// Runs against an endpoint that does everything wrong, and that are killed on their way: every
// sample is there in the end, once, with its own answer; and once the faults stop, answers come as
// fast as from a server that never had any.
//
// PEIRA_FAULT_SAMPLES  samples of a run [1000]; from 10,000 on its speed is judged too.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runner/endpoints/openai_client.h"
#include "tests/runner/support.h"
#include "tests/support/scripted_server.h"

namespace peira::runner {
namespace {

using test::ScriptedServer;
using test::ServedReply;
using test::ServedRequest;
using Clock = std::chrono::steady_clock;

enum Fault {
  kLate,         // up to 0.3 s
  kReset,        // RST instead of a reply
  kClosed,       // closed without a byte
  kThrottled,    // 429 with Retry-After
  kServerError,  // 500
  kUnavailable,  // 503 that is an HTML page
  kHalf,         // closed in the middle of the body
  kHalfHead,     // closed in the middle of the headers
  kMalformed,    // JSON cut short, its length right
  kTwice,        // delivered twice at once
  kTwiceLater,   // and again when the next question may be on its way
  kDrip,         // a few bytes at a time
  kLengthLess,   // Content-Length too small
  kLengthMore,   // too large, and the connection stays open
  kEmpty,        // 200 with an object that holds no choices
  kNumFaults
};

// What the test, the server's process and the run's processes all see.
struct Shared {
  std::atomic<bool> faults{false};
  std::atomic<std::int64_t> requests{0};
  std::array<std::atomic<std::int64_t>, kNumFaults> served{};

  static Shared& make() {
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    return *new (memory) Shared();
  }
};

std::string completion(std::int64_t number, const std::string& text) {
  return dump_json(Json{{"id", "c" + std::to_string(number)},
                        {"choices",
                         {{{"index", 0},
                           {"message", {{"role", "assistant"}, {"content", text}}},
                           {"finish_reason", "stop"}}}},
                        {"usage", {{"prompt_tokens", 9}, {"completion_tokens", 1}}}});
}

ServedReply with_length(ServedReply reply, const std::string& length) {
  const std::string name = "Content-Length: ";
  const std::size_t from = reply.bytes.find(name) + name.size();
  reply.bytes.replace(from, reply.bytes.find('\r', from) - from, length);
  return reply;
}

ServedReply faulty(Fault fault, ServedReply reply, std::mt19937& random) {
  switch (fault) {
    case kLate:
      reply.delay_ms += static_cast<int>(random() % 300);
      break;
    case kReset:
      reply.reset = true;
      break;
    case kClosed:
      reply.bytes.clear();
      reply.close = true;
      break;
    case kThrottled:
      return ServedReply::of(429, R"({"error": {"message": "slow down"}})", "application/json",
                             "Retry-After: 0.1\r\n");
    case kServerError:
      return ServedReply::of(500, "oops");
    case kUnavailable:
      return ServedReply::of(503, "<html>Service Unavailable</html>", "text/html");
    case kHalf:
      reply.bytes.resize(reply.bytes.size() - 30);
      reply.close = true;
      break;
    case kHalfHead:
      reply.bytes.resize(40);
      reply.close = true;
      break;
    case kMalformed:
      return ServedReply::of(200, R"({"id": "c", "choices": [{"mess)");
    case kTwice:
      reply.bytes += reply.bytes;
      break;
    case kTwiceLater:
      reply.drip_bytes = static_cast<int>(reply.bytes.size());
      reply.drip_ms = 10;
      reply.bytes += reply.bytes;
      break;
    case kDrip:
      reply.drip_bytes = 7;
      reply.drip_ms = 1;
      break;
    case kLengthLess:
      return with_length(std::move(reply), "12");
    case kLengthMore:
      return with_length(std::move(reply), "5000");
    case kEmpty:
      return ServedReply::of(200, R"({"id": "c", "object": "chat.completion"})");
    case kNumFaults:
      break;
  }
  return reply;
}

// The sum that is asked for; while there are faults, 3 of 8 replies with one.
class ServerProcess {
 public:
  ServerProcess(Shared& shared, int delay_ms) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    child_ = ::fork();
    if (child_ == 0) {
      std::mt19937 random(20261127);
      const ScriptedServer server([&](const ServedRequest& request) {
        const Json body = parse_json(request.body, "request");
        const std::string question = body["messages"][0]["content"].get<std::string>();
        ServedReply reply = ServedReply::of(
            200, completion(shared.requests++, std::to_string(2 * std::stoi(question.substr(8)))));
        reply.delay_ms = delay_ms;
        if (!shared.faults || random() % 8 >= 3) return reply;
        const auto fault = static_cast<Fault>(random() % kNumFaults);
        ++shared.served[fault];
        return faulty(fault, std::move(reply), random);
      });
      const int port = server.port();
      if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
      while (true) ::pause();
    }
    if (::read(ends[0], &port_, sizeof port_) != sizeof port_) std::abort();
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~ServerProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  std::string spec() const { return "m@http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

 private:
  pid_t child_ = -1;
  int port_ = 0;
};

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
  Shared& shared = Shared::make();
  shared.faults = true;
  const ServerProcess server(shared, 10);
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
  for (std::size_t fault = 0; fault < kNumFaults; ++fault) {
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

// Answers a second from three seconds on after two fifths of a run, which had faults or not, until
// there is no longer as much to ask for as there may be in flight.
double later_rate(bool with_faults) {
  Shared& shared = Shared::make();
  shared.faults = with_faults;
  const ServerProcess server(shared, 200);
  const testing::TempFolder folder;
  Store store(folder / "store.sqlite");
  OpenAiClient client(server.spec(), endpoint_options());
  RunOptions options = options_of_run();
  std::int64_t from = 0, to = 0;
  Clock::time_point stopped_at, from_at, to_at;
  options.on_progress = [&](const RunProgress& progress) {
    const double share = static_cast<double>(progress.done) / num_samples();
    if (share < 0.4) {
      stopped_at = Clock::now();
      return;
    }
    shared.faults = false;
    const bool is_settled = Clock::now() - stopped_at > std::chrono::seconds(3);
    if (from == 0 && is_settled) {
      from = progress.done;
      from_at = Clock::now();
    } else if (from > 0 && share <= 0.95) {
      to = progress.done;
      to_at = Clock::now();
    }
  };
  EXPECT_TRUE(execute_run(store, client, options).complete);
  return static_cast<double>(to - from) / std::chrono::duration<double>(to_at - from_at).count();
}

TEST_F(EndpointFaults, AreForgottenOnceTheyStop) {
  if (num_samples() < 10'000) GTEST_SKIP() << "a rate needs 10,000 samples";
  std::vector<double> ratios;
  for (int i = 0; i < 3; ++i) {
    const double healthy = later_rate(false);
    const double after_faults = later_rate(true);
    std::printf("healthy %.0f answers/s, after faults %.0f\n", healthy, after_faults);
    ratios.push_back(after_faults / healthy);
  }
  std::sort(ratios.begin(), ratios.end());
  EXPECT_GE(ratios[1], 0.95);
}

}  // namespace
}  // namespace peira::runner
