// Windows over streams whose figures are known.
#include "runner/monitor/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "runner/durations.h"
#include "runner/monitor/monitor_report.h"
#include "tests/runner/monitor/support.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner {
namespace {

using testing::answered;
using ::testing::ElementsAre;
using testing::failed;
using ::testing::HasSubstr;
using testing::kNoon;
using testing::record_stream;

TEST(Durations, ReadAndWriteWhatPeopleWrite) {
  EXPECT_EQ(parse_duration_ms("90s"), 90'000);
  EXPECT_EQ(parse_duration_ms("1h30m"), 5'400'000);
  EXPECT_EQ(parse_duration_ms("30d"), 2'592'000'000);
  EXPECT_EQ(parse_duration_ms("250ms"), 250);
  EXPECT_EQ(duration_text(5'400'000), "1h30m");
  EXPECT_EQ(duration_text(86'400'000), "24h");
  EXPECT_EQ(duration_text(2'592'000'000), "30d");
  EXPECT_EQ(duration_text(90'000), "1m30s");
  for (const char* const bad : {"", "5", "m", "0s", "-5m", "5 m", "30m1h", "1x",
                                "99999999999999999999d", "10001d", "1h1h"}) {
    EXPECT_THROW(parse_duration_ms(bad), Error) << bad;
  }
  // date -u -d 2026-11-27T12:00:00Z +%s
  EXPECT_EQ(parse_utc_ms("2026-11-27T12:00:00Z"), kNoon);
  EXPECT_EQ(parse_utc_ms("2026-11-27 12:00"), kNoon);
  EXPECT_EQ(utc_text_of(kNoon), "2026-11-27T12:00:00Z");
  for (const char* const bad : {"", "noon", "2026-13-01", "2026-02-30", "2026-11-27T12:00:00+01"}) {
    EXPECT_THROW(parse_utc_ms(bad), Error) << bad;
  }
}

// 1,000 latencies 0.01, 0.02, ... 10 in a random order. By hand, type 7: the p-quantile lies at
// rank 999 p of the sorted ones from 0, so p95 is 9.50 + 0.05 * 0.01 and so on.
TEST(Window, HasTheExactPercentilesOfItsRequests) {
  const test::TemporaryFolder folder;
  std::vector<double> latencies;
  for (int i = 1; i <= 1000; ++i) latencies.push_back(i / 100.0);
  std::mt19937_64 random(3);
  std::shuffle(latencies.begin(), latencies.end(), random);
  std::vector<RequestRecord> requests;
  for (int i = 0; i < 1000; ++i) {
    requests.push_back(answered(kNoon - 1000 * i, latencies[static_cast<std::size_t>(i)]));
  }
  record_stream(folder / "store", kNoon - 1'000'000, kNoon, requests);
  const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);

  const WindowSummary window = summarize_windows(store, kNoon, {3'600'000}, {}).front();

  EXPECT_EQ(window.total.count, 1000);
  EXPECT_NEAR(window.total.mean, 5.005, 1e-12);
  EXPECT_NEAR(window.total.p50, 5.005, 1e-12);
  EXPECT_NEAR(window.total.p90, 9.001, 1e-12);
  EXPECT_NEAR(window.total.p95, 9.5005, 1e-12);
  EXPECT_NEAR(window.total.p99, 9.9001, 1e-12);
  EXPECT_EQ(window.total.max, 10);
  EXPECT_NEAR(window.first_token.p95, 0.95005, 1e-12);
  EXPECT_NEAR(window.queue.p50, 0.05005, 1e-12);
  // Nine tokens in nine tenths of the latency: 10 / latency, whose median over the ranks is the
  // mean of 10 / 5.00 and 10 / 5.01.
  EXPECT_NEAR(window.generation_rate.p50, (2 + 10 / 5.01) / 2, 1e-12);
  // The recorder was alive for 1,000 of the hour's seconds.
  EXPECT_NEAR(window.recorded_s, 1000, 1e-9);
  EXPECT_NEAR(window.rate(window.num_requests()).value(), 1, 1e-12);
  EXPECT_NEAR(window.rate(window.completion_tokens).value(), 10, 1e-12);
}

TEST(Window, CountsWhatIsInItAndNothingElse) {
  const test::TemporaryFolder folder;
  record_stream(folder / "store", kNoon - 600'000, kNoon + 600'000,
                {answered(kNoon - 60'000, 1),  // at the open end: not in it
                 answered(kNoon - 59'999, 2), answered(kNoon - 1, 3), answered(kNoon, 4),
                 answered(kNoon + 1, 5)});
  const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);
  const auto windows = summarize_windows(store, kNoon, {60'000, 60'001, 1, 86'400'000}, {});
  EXPECT_EQ(windows[0].num_requests(), 3);
  EXPECT_EQ(windows[0].total.p50, 3);
  EXPECT_EQ(windows[1].num_requests(), 4);
  EXPECT_EQ(windows[2].num_requests(), 1);
  EXPECT_EQ(windows[3].num_requests(), 4);
  EXPECT_NEAR(windows[3].recorded_s, 600, 1e-9);
  EXPECT_FALSE(windows[2].rate(1).has_value());  // a millisecond says nothing of a rate
}

TEST(Window, SharesAndErrorsSayWhoseTheyAre) {
  const test::TemporaryFolder folder;
  std::vector<RequestRecord> requests;
  for (int i = 0; i < 90; ++i) requests.push_back(answered(kNoon - 50'000 + i, 1));
  for (int i = 0; i < 4; ++i) {
    requests.push_back(failed(kNoon - 40'000 + i, RequestOutcome::kRejected, "queue_full"));
  }
  requests.push_back(failed(kNoon - 30'000, RequestOutcome::kFailed, "engine_broken"));
  requests.push_back(failed(kNoon - 20'000, RequestOutcome::kTimeout, "timeout"));
  for (int i = 0; i < 3; ++i) {
    requests.push_back(
        failed(kNoon - 10'000 + i, RequestOutcome::kClientError, "invalid_request: stop"));
  }
  requests.push_back(failed(kNoon - 1'000, RequestOutcome::kCancelled, "client_gone"));
  RequestRecord picture = answered(kNoon - 500, 1);
  picture.num_images = 2;
  picture.media_tokens.image = 1200;
  requests.push_back(picture);
  record_stream(folder / "store", kNoon - 60'000, kNoon, requests);
  const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);

  const WindowSummary window = summarize_windows(store, kNoon, {60'000}, {}).front();

  EXPECT_EQ(window.num_requests(), 101);
  EXPECT_NEAR(window.success_rate().value(), 91.0 / 101, 1e-12);
  EXPECT_EQ(window.num_accountable(), 97);
  EXPECT_NEAR(window.error_rate().value(), 6.0 / 97, 1e-12);
  EXPECT_EQ(window.total.count, 91);
  EXPECT_EQ(window.modalities.at("text").requests, 100);
  EXPECT_EQ(window.modalities.at("text+image").requests, 1);
  EXPECT_EQ(window.media_tokens.image, 1200);
  EXPECT_EQ(window.media_tokens.audio, std::nullopt);
  ASSERT_EQ(window.errors.size(), 5U);
  EXPECT_EQ(window.errors[0].error_class, "queue_full");
  EXPECT_EQ(window.errors[0].count, 4);
  EXPECT_EQ(window.errors[0].first_ms, kNoon - 40'000);
  EXPECT_EQ(window.errors[0].last_ms, kNoon - 39'997);
  EXPECT_THAT(window.errors[0].examples, ElementsAre("chatcmpl-" + std::to_string(kNoon - 39'997),
                                                     "chatcmpl-" + std::to_string(kNoon - 39'998),
                                                     "chatcmpl-" + std::to_string(kNoon - 39'999)));
  EXPECT_EQ(window.errors[1].error_class, "invalid_request: stop");
}

TEST(Window, IsOfTheModelsAndRoutesAskedFor) {
  const test::TemporaryFolder folder;
  RequestRecord completion = answered(kNoon - 3, 7);
  completion.route = "completions";
  record_stream(folder / "store", kNoon - 60'000, kNoon, {answered(kNoon - 5, 1), completion}, "a");
  record_stream(folder / "store", kNoon - 60'000, kNoon, {answered(kNoon - 4, 3)}, "b");
  const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);
  const auto count = [&](const RequestFilter& filter) {
    return summarize_windows(store, kNoon, {60'000}, filter).front().num_requests();
  };
  EXPECT_EQ(count({}), 3);
  EXPECT_EQ(count({"a", "", ""}), 2);
  EXPECT_EQ(count({"a", "", "completions"}), 1);
  EXPECT_EQ(count({"c", "", ""}), 0);
  EXPECT_EQ(count({"", "run", ""}), 0);
  // Two recorders at the same time record no longer than one.
  EXPECT_NEAR(summarize_windows(store, kNoon, {60'000}, {}).front().recorded_s, 60, 1e-9);
}

// Recorders that were killed leave the time in which they were last seen alive.
TEST(Window, KnowsHowLongAnybodyRecorded) {
  const test::TemporaryFolder folder;
  MonitorStore store(folder / "store", MonitorStore::Access::kReadWrite);
  const std::int64_t killed = store.begin_session("serve", "mini", kNoon - 3'000'000);
  store.write(killed, {}, 0, kNoon - 2'000'000);
  const std::int64_t ended = store.begin_session("serve", "mini", kNoon - 1'500'000);
  store.write(ended, {}, 7, kNoon - 1'000'000, true);
  const std::int64_t alive = store.begin_session("serve", "mini", kNoon - 100'000);
  store.write(alive, {}, 0, kNoon - 3'000);
  const WindowSummary hour = summarize_windows(store, kNoon, {3'600'000}, {}).front();
  EXPECT_NEAR(hour.recorded_s, 1000 + 500 + 100, 1e-9);
  EXPECT_EQ(hour.num_crashed, 1);
  EXPECT_EQ(hour.num_dropped, 7);
  EXPECT_EQ(summarize_windows(store, kNoon, {60'000}, {}).front().num_dropped, 0);
}

TEST(MonitorStore, ForgetsWhatIsOldAndNothingElse) {
  const test::TemporaryFolder folder;
  std::vector<RequestRecord> requests;
  for (int i = 0; i < 25'000; ++i) requests.push_back(answered(kNoon - 100'000 + i, 1));
  record_stream(folder / "store", kNoon - 200'000, kNoon - 75'000, requests);
  record_stream(folder / "store", kNoon - 50'000, kNoon, {answered(kNoon, 1)});
  MonitorStore store(folder / "store", MonitorStore::Access::kReadWrite);
  EXPECT_EQ(store.prune(kNoon - 100'000), 0);
  EXPECT_EQ(store.prune(kNoon - 80'000), 20'000);
  EXPECT_EQ(store.sessions(0, kNoon, {}).size(), 2U);
  EXPECT_EQ(store.prune(kNoon - 60'000), 5'000);
  EXPECT_EQ(store.sessions(0, kNoon, {}).size(), 1U);
  EXPECT_EQ(summarize_windows(store, kNoon, {86'400'000}, {}).front().num_requests(), 1);
}

TEST(MonitorStore, SaysWhereNothingWasRecorded) {
  const test::TemporaryFolder folder;
  try {
    const Store runs(folder / "store");
    const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr("no requests were recorded there yet"));
  }
}

TEST(MonitorReport, SaysItInASentenceAndTables) {
  const test::TemporaryFolder folder;
  std::vector<RequestRecord> requests;
  for (int i = 0; i < 99; ++i) requests.push_back(answered(kNoon - 30'000 + i, 0.5));
  requests.push_back(failed(kNoon - 20'000, RequestOutcome::kRejected, "queue_full"));
  record_stream(folder / "store", kNoon - 60'000, kNoon, requests);
  const MonitorReport report =
      make_monitor_report(folder / "store", kNoon, {86'400'000, 60'000}, {});
  EXPECT_EQ(monitor_sentence(report),
            "100 requests in 24h, 99.0 % answered, 95 % of them within 500 ms.");
  const std::vector<ReportSection> sections = monitor_sections(report);
  ASSERT_FALSE(sections.empty());
  EXPECT_EQ(sections[0].table.rows[0][0], "1m");
  EXPECT_EQ(sections[0].table.rows[1][0], "24h");
  EXPECT_THAT(sections[0].note, HasSubstr("1m of the last 24h"));
  const OrderedJson json = to_json(report);
  EXPECT_EQ(json["requests"], 100);
  EXPECT_EQ(json["windows"].size(), 2U);
  EXPECT_EQ(json["errors"][0]["class"], "queue_full");
}

}  // namespace
}  // namespace peira::runner
