// Rules over simulated streams, on clocks of the tests' own.
#include "runner/monitor/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "base/error.h"
#include "runner/durations.h"
#include "runner/executor.h"
#include "tests/runner/monitor/support.h"
#include "tests/runner/support.h"

namespace peira::runner {
namespace {

using testing::answered;
using testing::failed;
using ::testing::HasSubstr;
using testing::kNoon;
using testing::record_stream;
using Reading = RuleReading::State;
using State = AlertTracker::State;

AlertRules rules_of(const std::string& members) {
  return parse_alert_rules(R"({"rules": [{"name": "it", )" + members + "}]}", "rules.json");
}

WindowSummary window_of(const std::vector<RequestRecord>& requests, std::int64_t length_ms) {
  WindowAccumulator window(kNoon - length_ms, kNoon);
  for (const RequestRecord& request : requests) window.add(request, "mini");
  MonitorSession session;
  session.began_ms = kNoon - length_ms;
  session.alive_ms = kNoon;
  return std::move(window).finish({session}, 0);
}

std::vector<RequestRecord> latencies(int fast, int slow, double slow_s) {
  std::vector<RequestRecord> out;
  for (int i = 0; i < fast; ++i) out.push_back(answered(kNoon - 1000 - i, 1));
  for (int i = 0; i < slow; ++i) out.push_back(answered(kNoon - 500 - i, slow_s));
  return out;
}

// Which of the slowest must be slow before the 95 % interval of the p95 of 100 lies above the
// threshold. R 4: qbinom(0.025, 100, 0.95) is 90, so the lower limit is the 90th of the sorted
// ones: eleven slow ones are needed, where the estimate needs six.
TEST(AlertReadings, LatencyMustBeShownToBeSlow) {
  const AlertRule rule = rules_of(R"("metric": "latency.p95", "above": 10)").rules[0];
  EXPECT_EQ(read_requests(rule, window_of(latencies(99, 1, 60), 300'000)).state, Reading::kFine);
  EXPECT_EQ(read_requests(rule, window_of(latencies(94, 6, 60), 300'000)).state, Reading::kBetween);
  EXPECT_EQ(read_requests(rule, window_of(latencies(90, 10, 60), 300'000)).state,
            Reading::kBetween);
  const RuleReading slow = read_requests(rule, window_of(latencies(89, 11, 60), 300'000));
  EXPECT_EQ(slow.state, Reading::kBreach);
  EXPECT_EQ(slow.text,
            "p95 of latency 60 s (95 % CI 60 s to 60 s) over 100 answered requests in 5m");
  AlertRule point = rule;
  point.by_interval = false;
  EXPECT_EQ(read_requests(point, window_of(latencies(94, 6, 60), 300'000)).state, Reading::kBreach);
  const RuleReading few = read_requests(rule, window_of(latencies(0, 19, 60), 300'000));
  EXPECT_EQ(few.state, Reading::kTooLittle);
  EXPECT_THAT(few.text, HasSubstr("over 19 answered requests in 5m, 20 needed"));
  EXPECT_EQ(read_requests(rule, window_of({}, 300'000)).state, Reading::kNothing);
}

// R 4: prop.test(12, 100, correct = FALSE)$conf.int is 0.0700 to 0.1981, prop.test(9, 100, ...)
// 0.0481 to 0.1623.
TEST(AlertReadings, ErrorRatesMustBeShownToBeHigh) {
  const AlertRule rule = rules_of(R"("metric": "error_rate", "above": 0.05)").rules[0];
  const auto with = [&](int errors, int of_clients) {
    std::vector<RequestRecord> requests;
    for (int i = 0; i < 100 - errors; ++i) requests.push_back(answered(kNoon - i, 1));
    for (int i = 0; i < errors; ++i) {
      requests.push_back(failed(kNoon - i, RequestOutcome::kFailed, "engine_broken"));
    }
    for (int i = 0; i < of_clients; ++i) {
      requests.push_back(failed(kNoon - i, RequestOutcome::kClientError, "invalid_request"));
    }
    return read_requests(rule, window_of(requests, 300'000));
  };
  EXPECT_EQ(with(12, 0).state, Reading::kBreach);
  EXPECT_NEAR(with(12, 0).low.value(), 0.0700, 5e-5);
  EXPECT_NEAR(with(12, 0).high.value(), 0.1981, 5e-5);
  EXPECT_EQ(with(9, 0).state, Reading::kBetween);
  EXPECT_EQ(with(4, 0).state, Reading::kFine);
  EXPECT_EQ(with(12, 900).state, Reading::kBreach);  // whatever clients do wrong besides
  EXPECT_EQ(with(0, 900).state, Reading::kFine);
}

TEST(AlertReadings, ThroughputNeedsARecorderThatWasThereAllAlong) {
  const AlertRule rule = rules_of(R"("metric": "requests_per_s", "below": 0.1)").rules[0];
  std::vector<RequestRecord> requests;
  for (int i = 0; i < 12; ++i) requests.push_back(answered(kNoon - i * 20'000, 1));
  // 12 in 300 s; the score interval of a Poisson count by hand: (12 + 1.9207 -+ 1.96 sqrt(12 +
  // 0.9604)) / 300 is 0.0229 to 0.0699.
  const RuleReading low = read_requests(rule, window_of(requests, 300'000));
  EXPECT_EQ(low.state, Reading::kBreach);
  EXPECT_NEAR(low.low.value(), 0.0229, 5e-5);
  EXPECT_NEAR(low.high.value(), 0.0699, 5e-5);
  EXPECT_EQ(read_requests(rule, window_of({}, 300'000)).state, Reading::kBreach);
  WindowAccumulator fresh(kNoon - 300'000, kNoon);
  MonitorSession session;
  session.began_ms = kNoon - 30'000;
  session.alive_ms = kNoon;
  const RuleReading young = read_requests(rule, std::move(fresh).finish({session}, 0));
  EXPECT_EQ(young.state, Reading::kTooLittle);
  EXPECT_EQ(young.text, "requests: recorded for 30s of 5m");
}

TEST(AlertTracker, FiresAfterAWhileAndIsResolvedAfterAWhile) {
  AlertTracker tracker(
      rules_of(R"("metric": "latency.p95", "above": 10, "for": "1m", "resolve_for": "2m")")
          .rules[0]);
  std::int64_t now = kNoon;
  const auto step = [&](Reading reading) {
    now += 10'000;
    return tracker.step(now, reading);
  };
  EXPECT_FALSE(step(Reading::kBreach));
  EXPECT_EQ(tracker.state(), State::kPending);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(step(Reading::kBreach));
  EXPECT_TRUE(step(Reading::kBreach));  // a minute after the first
  EXPECT_EQ(tracker.state(), State::kFiring);
  EXPECT_EQ(tracker.since_ms(), kNoon + 10'000);
  EXPECT_FALSE(step(Reading::kBreach));  // told once
  // Neither beyond the threshold nor back: it goes on.
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(step(Reading::kBetween));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(step(Reading::kTooLittle));
  for (int i = 0; i < 12; ++i) EXPECT_FALSE(step(Reading::kFine));
  EXPECT_FALSE(step(Reading::kBetween));  // not back for two minutes on end
  for (int i = 0; i < 12; ++i) EXPECT_FALSE(step(Reading::kFine));
  EXPECT_TRUE(step(Reading::kFine));
  EXPECT_EQ(tracker.state(), State::kOk);
}

TEST(AlertTracker, ForgetsWhatDidNotLast) {
  AlertTracker tracker(rules_of(R"("metric": "latency.p95", "above": 10, "for": "1m")").rules[0]);
  std::int64_t now = kNoon;
  for (int i = 0; i < 50; ++i) {
    for (int k = 0; k < 6; ++k) EXPECT_FALSE(tracker.step(now += 10'000, Reading::kBreach));
    EXPECT_FALSE(tracker.step(now += 10'000, i % 2 == 0 ? Reading::kBetween : Reading::kTooLittle));
    EXPECT_EQ(tracker.state(), State::kOk);
  }
}

// A request every two seconds for an hour; `latency_s` of the seconds since its begin.
void record_hour(const std::filesystem::path& path,
                 const std::function<double(double)>& latency_s) {
  std::vector<RequestRecord> requests;
  for (int i = 0; i < 1800; ++i) {
    requests.push_back(answered(kNoon + i * 2000, latency_s(i * 2.0)));
  }
  record_stream(path, kNoon - 3'600'000, kNoon + 3'600'000, requests);
}

std::vector<std::pair<int, bool>> looks_of_an_hour(AlertBoard& board) {
  std::vector<std::pair<int, bool>> events;  // second, fired
  for (int s = 0; s < 3600; s += 10) {
    for (const AlertEvent& event : board.look(kNoon + s * 1000)) {
      events.emplace_back(s, event.has_fired);
    }
  }
  return events;
}

constexpr const char* kSlow =
    R"("metric": "latency.p95", "above": 10, "window": "5m", "for": "1m", "resolve_for": "2m")";

TEST(AlertBoard, FollowsAStreamThatGetsSlowAndRecovers) {
  const testing::TempFolder folder;
  // Slow from minute 20 to minute 30.
  record_hour(folder / "store", [](double s) { return s >= 1200 && s < 1800 ? 20.0 : 1.0; });
  AlertBoard board(rules_of(kSlow), folder / "store", kNoon);
  const auto events = looks_of_an_hour(board);
  ASSERT_EQ(events.size(), 2U);
  // In five minutes there are 150 requests; R 4: qbinom(0.025, 150, 0.95) is 137, so the interval
  // lies above once 14 of them are slow, 26 s after the first one; at the look at 1230 s, and a
  // minute later it fires.
  EXPECT_EQ(events[0], (std::pair{1290, true}));
  // With seven slow ones the estimate (rank 149 * 0.95 = 141.55 from 0) is fast again; the window
  // holds nine at 2080 s and four at 2090 s, and two minutes later it is resolved.
  EXPECT_EQ(events[1], (std::pair{2210, false}));
}

TEST(AlertBoard, OneSlowRequestNowAndThenIsNoAlert) {
  const testing::TempFolder folder;
  record_hour(folder / "store",
              [](double s) { return std::fmod(s, 100) < 2 ? 300.0 : 1.0; });  // one of fifty
  AlertBoard board(rules_of(kSlow), folder / "store", kNoon);
  EXPECT_TRUE(looks_of_an_hour(board).empty());
}

// Log-normal latencies whose true p95 is 9.5 s: the estimate is above 10 s in many a window.
TEST(AlertBoard, ChanceAloneFiresNothing) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(std::log(9.5) - 1.6449, 1);
  int above = 0, fired = 0, looks = 0;
  for (int hour = 0; hour < 3; ++hour) {
    const testing::TempFolder folder;
    record_hour(folder / "store", [&](double) { return std::exp(normal(random)); });
    AlertBoard board(rules_of(kSlow), folder / "store", kNoon);
    for (int s = 0; s < 3600; s += 60, ++looks) {
      for (const AlertEvent& event : board.look(kNoon + s * 1000)) fired += event.has_fired ? 1 : 0;
      above += board.status()[0].reading.value.value_or(0) > 10 ? 1 : 0;
    }
  }
  EXPECT_GT(above, looks / 10);
  EXPECT_EQ(fired, 0);
}

// One look, as cron has it, knows what held for a minute before it.
TEST(AlertBoard, BeginsWithWhatHeldBefore) {
  const testing::TempFolder folder;
  record_hour(folder / "store", [](double s) { return s >= 1200 ? 20.0 : 1.0; });
  const auto state_at = [&](int second) {
    AlertBoard board(rules_of(kSlow), folder / "store", kNoon + second * 1000);
    board.look(kNoon + second * 1000);
    return board.status()[0].state;
  };
  EXPECT_EQ(state_at(1220), State::kOk);
  EXPECT_EQ(state_at(1250), State::kPending);
  EXPECT_EQ(state_at(1280), State::kPending);
  EXPECT_EQ(state_at(1290), State::kFiring);
  EXPECT_EQ(state_at(3000), State::kFiring);
}

// Runs of 200 questions; `right` says whether a question is answered well in a run.
class QualityRule : public ::testing::Test {
 protected:
  void run(const std::function<bool(std::int64_t)>& right) {
    Store store(folder_ / "store");
    testing::FakeClient model([&](const ModelRequest& request) {
      return testing::say(std::to_string(right(request.row) ? 2 * request.row : -1));
    });
    RunOptions options = testing::sums_options(200);
    options.resume = Resume::kNew;
    ASSERT_TRUE(execute_run(store, model, options).complete);
  }
  RuleReading read(const std::string& more = "") {
    const Store store(folder_ / "store", Store::Access::kReadOnly);
    return read_quality(rules_of(R"("metric": "quality")" + more).rules[0], store,
                        wall_clock_ms() + 1000);
  }
  testing::TempFolder folder_;
};

TEST_F(QualityRule, HoldsTheNewestRunAgainstThoseBefore) {
  run([](std::int64_t row) { return row % 5 != 0; });
  EXPECT_EQ(read().state, Reading::kTooLittle);
  run([](std::int64_t row) { return row % 5 != 1; });  // as good, on other questions
  const RuleReading same = read();
  EXPECT_EQ(same.state, Reading::kFine);
  EXPECT_NEAR(same.value.value(), 0, 1e-12);
  // Ten questions of 200 lost: by numpy the mean difference is -0.05, and 2.6 standard errors
  // either way are 0.109.
  run([](std::int64_t row) { return row % 5 != 2 && row % 20 != 3; });
  const RuleReading noise = read();
  EXPECT_EQ(noise.state, Reading::kFine);
  EXPECT_NEAR(noise.value.value(), -0.05, 1e-12);
  EXPECT_NEAR(noise.low.value(), -0.159, 1e-3);
  EXPECT_NEAR(noise.high.value(), 0.059, 1e-3);
  // And sixty lost: -0.283 -+ 0.094.
  run([](std::int64_t row) { return row % 2 == 0; });
  const RuleReading drop = read();
  EXPECT_EQ(drop.state, Reading::kBreach);
  EXPECT_NEAR(drop.high.value(), -0.1896, 1e-3);
  EXPECT_THAT(drop.text, HasSubstr("points (99 % CI"));
  EXPECT_THAT(drop.text, HasSubstr("over 200 questions, against 3 runs before sums-"));
  EXPECT_EQ(read(R"(, "drop": 0.4)").state, Reading::kFine);
  EXPECT_EQ(read(R"(, "min_runs": 4)").state, Reading::kTooLittle);
  EXPECT_EQ(read(R"(, "suite": "other")").state, Reading::kNothing);
  EXPECT_EQ(read(R"(, "model": "fake")").state, Reading::kBreach);
}

TEST_F(QualityRule, IsAnAlertOfTheBoard) {
  run([](std::int64_t) { return true; });
  run([](std::int64_t row) { return row % 2 == 0; });
  record_stream(folder_ / "store", kNoon, kNoon, {});
  AlertBoard board(rules_of(R"("metric": "quality")"), folder_ / "store", wall_clock_ms());
  const std::int64_t now = wall_clock_ms() + 1000;
  const auto events = board.look(now);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(events[0].has_fired);
  EXPECT_TRUE(board.is_firing());
  EXPECT_TRUE(board.look(now + 1000).empty());
  // Eight days on, that run is no news any more.
  const auto later = board.look(now + 8 * std::int64_t{86'400'000});
  ASSERT_EQ(later.size(), 1U);
  EXPECT_FALSE(later[0].has_fired);
}

}  // namespace
}  // namespace peira::runner
