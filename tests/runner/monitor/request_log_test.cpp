// Recording: nothing lost unseen, nobody kept waiting, a killed process's store readable.
#include "runner/monitor/request_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "runner/monitor/alert_sinks.h"
#include "runner/monitor/window.h"
#include "tests/runner/monitor/support.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner {
namespace {

using std::chrono::milliseconds;
using testing::answered;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kNoon;

RequestLogOptions quick(std::size_t capacity = 1000) {
  RequestLogOptions options;
  options.model = "mini";
  options.capacity = capacity;
  options.interval = milliseconds(5);
  options.now_ms = [] { return kNoon; };
  return options;
}

WindowSummary all_of(const std::filesystem::path& path) {
  const MonitorStore store(path, MonitorStore::Access::kReadOnly);
  return summarize_windows(store, kNoon + 1'000'000'000, {2'000'000'000}, {}).front();
}

TEST(RequestLog, KeepsWhatManyThreadsRecord) {
  const test::TemporaryFolder folder;
  {
    RequestLog log(folder / "store", quick(1 << 20));
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 2500; ++i) {
          EXPECT_TRUE(log.record(answered(kNoon + t * 2500 + i, t * 2500 + i)));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(log.flush(milliseconds(30'000)));
    EXPECT_EQ(log.num_written(), 20'000);
    log.record(answered(kNoon + 20'000, 20'000));  // written as it ends
  }
  const WindowSummary window = all_of(folder / "store");
  EXPECT_EQ(window.num_requests(), 20'001);
  EXPECT_EQ(window.num_crashed, 0);
  // Each just once: their sum is that of the numbers from 0 to 20,000.
  EXPECT_EQ(window.total.mean, 10'000);
}

TEST(RequestLog, WaitsForALockedStoreAndCountsWhatItDrops) {
  const test::TemporaryFolder folder;
  std::vector<std::string> notes;
  std::mutex mutex;
  RequestLogOptions options = quick(100);
  options.on_trouble = [&](const std::string& note) {
    const std::lock_guard lock(mutex);
    notes.push_back(note);
  };
  std::int64_t recorded = 0;
  {
    RequestLog log(folder / "store", options);
    {
      Database other(folder / "store");
      const Transaction lock(other);
      const auto began = std::chrono::steady_clock::now();
      for (int i = 0; i < 250; ++i) recorded += log.record(answered(kNoon + i, 1)) ? 1 : 0;
      // Whoever records is not kept waiting by the lock.
      EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(1000));
    }
    EXPECT_TRUE(log.flush(milliseconds(30'000)));
    EXPECT_EQ(log.num_dropped(), 250 - recorded);
    EXPECT_GE(log.num_dropped(), 50);  // at most a hundred wait and a hundred are being written
  }
  const WindowSummary window = all_of(folder / "store");
  EXPECT_EQ(window.num_requests(), recorded);
  EXPECT_EQ(window.num_dropped, 250 - recorded);
  const std::lock_guard lock(mutex);
  ASSERT_FALSE(notes.empty());
  EXPECT_THAT(notes.back(), HasSubstr(std::to_string(250 - recorded) + " were dropped"));
}

TEST(RequestLog, AKilledProcessLeavesAReadableStore) {
  const test::TemporaryFolder folder;
  for (int round = 0; round < 3; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      RequestLog log(folder / "store", quick(1 << 20));
      for (int i = 0;; ++i) {
        log.record(answered(kNoon + i, 1));
        if (i % 64 == 0) std::this_thread::sleep_for(milliseconds(1));
      }
    }
    std::this_thread::sleep_for(milliseconds(200 + 70 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const WindowSummary window = all_of(folder / "store");
    EXPECT_GT(window.num_requests(), 0);
    EXPECT_EQ(window.num_crashed, round + 1);
    // Of each session all of the first N: batches are whole.
    const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);
    for (const MonitorSession& session : store.sessions(0, kNoon * 2, {})) {
      std::int64_t count = 0;
      store.visit(0, kNoon * 2, {}, [&](const RequestRecord& request, const MonitorSession& of) {
        if (of.key != session.key) return;
        EXPECT_EQ(request.ended_ms, kNoon + count);
        ++count;
      });
      EXPECT_EQ(count, session.num_recorded);
    }
  }
}

const AlertEvent kEvent{kNoon, "slow", "latency.p95", "model m", true, "p95 of latency 12 s"};

TEST(AlertSinks, WriteLines) {
  const test::TemporaryFolder folder;
  {
    AlertSinks sinks(
        {{.kind = AlertSink::Kind::kLog, .file = (folder / "log").string(), .url = ""}});
    sinks.send(kEvent);
    AlertEvent resolved = kEvent;
    resolved.has_fired = false;
    sinks.send(resolved);
  }
  EXPECT_EQ(read_file(folder / "log"),
            "2026-11-27T12:00:00Z ALERT slow: p95 of latency 12 s\n"
            "2026-11-27T12:00:00Z resolved slow: p95 of latency 12 s\n");
  EXPECT_THROW(AlertSinks({{.kind = AlertSink::Kind::kLog, .file = "/nowhere/at/all", .url = ""}}),
               Error);
}

AlertSink webhook(const std::string& url, int retries = 3) {
  AlertSink sink;
  sink.kind = AlertSink::Kind::kWebhook;
  sink.url = url;
  sink.retries = retries;
  sink.timeout_ms = 2000;
  return sink;
}

// 500, a reset and a broken reply before it takes the first; then each at once, in order.
TEST(AlertSinks, PostUntilItIsTaken) {
  std::mutex mutex;
  std::vector<std::string> taken;
  test::ScriptedServer server([&](const test::ServedRequest& request) {
    test::ServedReply reply = test::ServedReply::of(200, "{}");
    if (request.number == 0) return test::ServedReply::of(500, "{}");
    if (request.number == 1) {
      reply.reset = true;
      return reply;
    }
    if (request.number == 2) {
      reply.bytes = "HTTP/1.1 20";
      reply.close = true;
      return reply;
    }
    const std::lock_guard lock(mutex);
    EXPECT_EQ(request.headers.at("content-type"), "application/json");
    taken.push_back(parse_json(request.body, "body")["rule"].get<std::string>());
    return reply;
  });
  {
    AlertSinks sinks({webhook(server.url() + "/hook")}, {.first_wait = milliseconds(5)});
    for (const char* const name : {"a", "b", "c"}) {
      AlertEvent event = kEvent;
      event.rule = name;
      sinks.send(event);
    }
  }
  const std::lock_guard lock(mutex);
  EXPECT_THAT(taken, ElementsAre("a", "b", "c"));
}

TEST(AlertSinks, TellWhatCouldNotBeDelivered) {
  std::mutex mutex;
  std::vector<std::string> notes;
  AlertSinksOptions options;
  options.first_wait = milliseconds(5);
  options.on_note = [&](const std::string& note) {
    const std::lock_guard lock(mutex);
    notes.push_back(note);
  };
  const auto began = std::chrono::steady_clock::now();
  {
    // Nobody listens on port 1.
    AlertSinks sinks({webhook("http://127.0.0.1:1/secret-path", 2)}, options);
    sinks.send(kEvent);
    const auto until = began + std::chrono::seconds(10);
    while (sinks.num_undelivered() == 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_EQ(sinks.num_undelivered(), 1);
  }
  {
    // One that never answers does not keep the end waiting beyond the patience.
    test::ScriptedServer silent([](const test::ServedRequest&) {
      test::ServedReply reply = test::ServedReply::of(200, "{}");
      reply.delay_ms = 60'000;
      return reply;
    });
    options.patience = milliseconds(500);
    AlertSinks sinks({webhook(silent.url())}, options);
    sinks.send(kEvent);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(15));
  const std::lock_guard lock(mutex);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_THAT(notes[0], HasSubstr("alert not delivered: webhook at 127.0.0.1:1"));
  EXPECT_THAT(notes[0], ::testing::Not(HasSubstr("secret")));
  EXPECT_THROW(AlertSinks({webhook("env:PEIRA_TEST_NO_SUCH_VARIABLE")}), Error);
}

}  // namespace
}  // namespace peira::runner
