#include "runner/nightly/night.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "base/sqlite.h"
#include "runner/nightly/night_report.h"
#include "runner/nightly/notify.h"
#include "tests/runner/nightly/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::HasSubstr;

NightResult run(const NightlyFolder& folder, const std::string& date, bool again = false,
                const NightEvents& events = {}) {
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  return run_night(store, nights, folder.plan(), date, again, events);
}

int status_of(const NightResult& result) { return exit_status_of(result.night, result.judgements); }

TEST(Night, NoticesAModelThatGotWorse) {
  const NightlyFolder folder;
  for (int night = 0; night < 12; ++night) {
    folder.set_night(night, 24 + night % 3);
    const NightResult result = run(folder, night_date(night));
    EXPECT_EQ(status_of(result), 0) << headline_of(result.night, result.judgements);
  }
  folder.set_night(12, 70);
  const NightResult worse = run(folder, night_date(12));
  EXPECT_EQ(status_of(worse), 1);
  ASSERT_EQ(worse.judgements.size(), 1U);
  const evals::NightJudgement& said = worse.judgements[0].second;
  EXPECT_TRUE(is_alarm(said.verdict)) << said.sentence;
  EXPECT_NEAR(said.estimate, 50.0 / 120, 1e-12);
  EXPECT_NEAR(said.difference.value(), -45.0 / 120, 0.01);
  EXPECT_THAT(headline_of(worse.night, worse.judgements),
              HasSubstr("1 series is worse: sums/replay"));
  EXPECT_EQ(worse.night.outcome["exit_status"], 1);
  EXPECT_EQ(worse.night.outcome["series"][0]["alarm"], true);

  // Its report has the whole series, what tonight cost, and tonight against the last good night.
  const NightlyPlan plan = folder.plan();
  const Store store(folder / "store.sqlite");
  const NightStore nights(folder / "store.sqlite");
  const reports::Report report = night_report(store, nights, plan, worse);
  EXPECT_THAT(headline(report), HasSubstr("1 series is worse: sums/replay"));
  ASSERT_EQ(report.series.size(), 1U);
  ASSERT_EQ(report.series[0].nights.size(), 13U);
  EXPECT_EQ(report.series[0].nights.back().night, night_date(12));
  EXPECT_TRUE(report.series[0].nights.back().limit_low);
  ASSERT_EQ(report.comparisons.size(), 1U);
  EXPECT_EQ(report.comparisons[0].b.run_id, said.run_id);
  ASSERT_EQ(report.details.size(), 1U);
  EXPECT_FALSE(report.details[0].cost);
}

TEST(Night, AsksNothingAgainWhereNothingChanged) {
  const NightlyFolder folder;
  const NightResult first = run(folder, night_date(0));
  EXPECT_EQ(first.night.entries[0].why, "no night yet");
  EXPECT_EQ(first.night.entries[0].run, "smoke-2026-01-01-sums-replay-official");
  const NightResult second = run(folder, night_date(1));
  EXPECT_EQ(second.night.entries[0].action, EntryAction::kRepeat);
  EXPECT_EQ(second.night.entries[0].run, first.night.entries[0].run);
  EXPECT_EQ(second.judgements[0].second.verdict, evals::SeriesVerdict::kSteady);
  EXPECT_FALSE(second.judgements[0].second.counted);
  const Store store(folder / "store.sqlite", Store::Access::kReadOnly);
  EXPECT_EQ(store.runs().size(), 1U);
  folder.set_night(2, 30);
  EXPECT_THAT(run(folder, night_date(2)).night.entries[0].why,
              HasSubstr("changed since 2026-01-02: weights"));
}

// Asked again every third night: equal answers are no evidence, other answers are noise.
TEST(Night, MeasuresWhetherEqualManifestsGiveEqualAnswers) {
  const NightlyFolder folder(R"({"history": {"measure_every": 3}})");
  std::string actions;
  for (int night = 0; night < 7; ++night) {
    const NightResult result = run(folder, night_date(night));
    actions += std::string(to_string(result.night.entries[0].action)) + " ";
    if (night > 0) {
      EXPECT_FALSE(result.judgements[0].second.counted) << night;
    }
  }
  {
    // What a model that is not the same twice would have left on the last night.
    Database database(folder / "store.sqlite");
    database.execute(
        "UPDATE answers SET value = 0 WHERE row < 12 AND run = (SELECT max(key) FROM runs)");
  }
  EXPECT_EQ(actions, "run repeat repeat measure repeat repeat measure ");
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  backfill(store, nights, folder.plan(), night_date(6), night_date(7), {});
  const auto history = nights.history("smoke", "").at("sums/replay/official/score");
  EXPECT_FALSE(history[5].counted);
  EXPECT_TRUE(history[6].counted);  // evidence now, and judged with the noise that was seen
  EXPECT_FALSE(is_alarm(history[6].verdict)) << history[6].sentence;
  EXPECT_GT(history[6].std_error.value(), 0.04);
}

TEST(Night, OfOneDateIsCarriedOutOnce) {
  const NightlyFolder folder;
  const NightResult first = run(folder, night_date(0));
  EXPECT_FALSE(first.was_there);
  folder.set_night(1, 60);
  const NightResult same = run(folder, night_date(0));
  EXPECT_TRUE(same.was_there);
  EXPECT_EQ(said_text(same.judgements), said_text(first.judgements));
  const NightResult again = run(folder, night_date(0), true);
  EXPECT_FALSE(again.was_there);
  EXPECT_DOUBLE_EQ(again.judgements[0].second.estimate, 0.5);
  // The run of that name has another manifest: it stays, the new one is called otherwise.
  EXPECT_EQ(again.night.entries[0].run, "smoke-2026-01-01-sums-replay-official-2");
  run(folder, night_date(5));
  EXPECT_THROW(run(folder, night_date(3)), Error);
}

TEST(Night, IsRefusedWhileAnotherIsAtIt) {
  const NightlyFolder folder;
  run(folder, night_date(0));
  {
    const NightLock lock(folder / "store.sqlite", "smoke");
    EXPECT_THAT(NightLock::holder(folder / "store.sqlite", "smoke"), HasSubstr("process "));
    try {
      run(folder, night_date(1));
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
      EXPECT_THAT(error.what(), HasSubstr("is being carried out by process "));
    }
    const NightLock other(folder / "store.sqlite", "another plan");
  }
  EXPECT_EQ(NightLock::holder(folder / "store.sqlite", "smoke"), "");
  // What a killed process left behind locks nothing.
  folder.write("store.sqlite.nightly-smoke.lock",
               "process 1 on nowhere since 2020-01-01T00:00:00Z");
  EXPECT_EQ(status_of(run(folder, night_date(1))), 0);
}

TEST(Night, StopsWhenItsBudgetIsSpentAndGoesOnTheNextNight) {
  const NightlyFolder folder(
      R"({"suites": [{"suite": "gpqa", "limit": 40}, {"suite": "aime", "limit": 30}],
          "models": ["bundled"], "budget": {"tokens": 3000}, "in_flight": 4})");
  const NightResult first = run(folder, night_date(0));
  EXPECT_EQ(status_of(first), 5);
  EXPECT_EQ(first.night.entries[0].state, EntryState::kIncomplete);
  EXPECT_THAT(first.night.entries[0].note, HasSubstr("the token budget (3000) is spent after "));
  EXPECT_EQ(first.night.entries[1].state, EntryState::kLeftOut);
  EXPECT_EQ(first.judgements[0].second.verdict, evals::SeriesVerdict::kUndecided);
  EXPECT_GE(first.night.outcome["spent"]["tokens"], 3000);
  const Store store(folder / "store.sqlite", Store::Access::kReadOnly);
  const std::int64_t answered = store.run(first.night.entries[0].run).answers;
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, 40);

  const NightResult second = run(folder, night_date(1));
  EXPECT_EQ(second.night.entries[0].why, "continues " + first.night.entries[0].run);
  EXPECT_GT(store.run(first.night.entries[0].run).answers, answered);
  // Enough nights do the whole plan, whatever comes first in it.
  int night = 2;
  for (; night < 40; ++night) {
    if (status_of(run(folder, night_date(night))) == 0) break;
  }
  EXPECT_LT(night, 40);
}

TEST(Night, RecordsWhatCouldNotBeRun) {
  const NightlyFolder folder(R"({"models": ["no-such-folder", "instant"]})");
  const NightResult result = run(folder, night_date(0));
  EXPECT_EQ(status_of(result), 5);
  EXPECT_EQ(result.night.entries[0].state, EntryState::kFailed);
  EXPECT_THAT(result.night.entries[0].note, HasSubstr("no-such-folder"));
  EXPECT_EQ(result.night.entries[1].state, EntryState::kComplete);
  const NightlyFolder none(R"({"models": ["no-such-folder"]})");
  EXPECT_EQ(status_of(run(none, night_date(0))), 4);
}

TEST(Night, IsLeftUnfinishedByASignalAndContinues) {
  const NightlyFolder folder(R"({"in_flight": 1})");
  std::atomic<bool> interrupt{false};
  NightEvents events;
  events.interrupt = &interrupt;
  events.progress = [&](const RunProgress&) { interrupt.store(true); };
  const NightResult stopped = run(folder, night_date(0), false, events);
  EXPECT_TRUE(stopped.interrupted);
  const NightResult done = run(folder, night_date(0));
  EXPECT_EQ(status_of(done), 0);
  EXPECT_EQ(done.night.entries[0].run, stopped.night.entries[0].run);
  EXPECT_EQ(done.judgements[0].second.num_questions, 120);
}

TEST(Night, ThatWasNeverFinishedIsJudgedByWhatItCompleted) {
  const NightlyFolder folder;
  run(folder, night_date(0));
  {
    // A night killed between its last answer and its verdict.
    folder.set_night(1, 60);
    run(folder, night_date(1));
    Database database(folder / "store.sqlite");
    database.execute(
        "UPDATE nights SET finished = 0, outcome = 'null', stream = '' WHERE night = "
        "'2026-01-02'");
    database.execute("DELETE FROM night_judgements WHERE night = 2");
    database.execute("UPDATE night_entries SET state = 'waiting' WHERE night = 2");
  }
  std::string notes;
  NightEvents events;
  events.note = [&](const std::string& text) { notes += text + "\n"; };
  run(folder, night_date(2), false, events);
  EXPECT_THAT(notes, HasSubstr("night 2026-01-02 was never finished"));
  const NightStore nights(folder / "store.sqlite", NightStore::Access::kReadOnly);
  const auto history = nights.history("smoke", "").at("sums/replay/official/score");
  ASSERT_EQ(history.size(), 3U);
  EXPECT_TRUE(is_alarm(history[1].verdict));
}

TEST(Night, RefusesAnotherPlanInTheMiddle) {
  const NightlyFolder folder(R"({"in_flight": 1})");
  std::atomic<bool> interrupt{false};
  NightEvents events;
  events.interrupt = &interrupt;
  events.progress = [&](const RunProgress&) { interrupt.store(true); };
  EXPECT_TRUE(run(folder, night_date(0), false, events).interrupted);
  Json plan = parse_json(read_file(folder / "plan.json"), "plan");
  plan["prompts"] = {"official", "direct"};
  folder.write("plan.json", dump_json(plan));
  try {
    run(folder, night_date(0));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("--again"));
  }
}

// Nights that change, repeat and get worse: judged again they say the same, to the bit.
TEST(Backfill, SaysWhatTheNightsSaidAtTheTime) {
  const NightlyFolder folder(
      R"({"metrics": ["score", "unparsed"], "history": {"renew_after": 7}})");
  std::vector<std::string> said;
  for (int night = 0; night < 22; ++night) {
    if (night % 4 != 3) folder.set_night(night, night < 14 ? 24 + night % 5 : 50);
    said.push_back(said_text(run(folder, night_date(night)).judgements));
  }
  EXPECT_THAT(said.back(), HasSubstr("\"verdict\":\"drifted\""));
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  for (const int since : {9, 0}) {
    for (const BackfilledNight& night :
         backfill(store, nights, folder.plan(), night_date(since), night_date(22), {})) {
      EXPECT_TRUE(night.differing.empty()) << night.night;
      EXPECT_FALSE(night.is_new);
    }
  }

  // The nights forgotten, their runs kept with the days they were begun on: the same again.
  {
    Database database(folder / "store.sqlite");
    for (const RunInfo& one : store.runs()) {
      const std::string date = one.id.substr(6, 10);  // "smoke-2026-01-05-..."
      database.execute("UPDATE runs SET started_at = '" + date + "T02:00:00Z' WHERE id = '" +
                       one.id + "'");
    }
    database.execute("DELETE FROM night_judgements; DELETE FROM night_entries; DELETE FROM nights");
  }
  const std::vector<BackfilledNight> made =
      backfill(store, nights, folder.plan(), night_date(0), night_date(22), {});
  std::size_t with_runs = 0;
  for (const BackfilledNight& night : made) {
    EXPECT_TRUE(night.adopted);
    EXPECT_TRUE(night.is_new);
    const int index = day_number(night.night) - day_number(night_date(0));
    const std::optional<NightRecord> record = nights.find("smoke", night.night);
    ASSERT_TRUE(record);
    // Nights that repeated a run have none of their own; of the others the verdicts are the same.
    // The stream is renewed by nights judged, so its levels are compared by the verdicts only.
    for (const auto& [series, judgement] : nights.judgements(record->key)) {
      EXPECT_THAT(said[static_cast<std::size_t>(index)],
                  HasSubstr("\"verdict\":\"" + std::string(to_string(judgement.verdict)) + "\""))
          << night.night << " " << series;
      EXPECT_THAT(said[static_cast<std::size_t>(index)],
                  HasSubstr("\"level\":" + dump_json(Json(judgement.level))));
    }
    ++with_runs;
  }
  EXPECT_EQ(with_runs, 17U);  // 22 less the five nights that repeated
}

TEST(Backfill, DiffersWhereARunWasChangedSince) {
  const NightlyFolder folder;
  for (int night = 0; night < 5; ++night) {
    folder.set_night(night, 24 + night);
    run(folder, night_date(night));
  }
  {
    Database database(folder / "store.sqlite");
    database.execute("UPDATE answers SET value = 0 WHERE run = 3");
  }
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  const std::vector<BackfilledNight> again =
      backfill(store, nights, folder.plan(), night_date(0), night_date(5), {});
  ASSERT_EQ(again.size(), 5U);
  EXPECT_TRUE(again[1].differing.empty());
  EXPECT_EQ(again[2].differing, std::vector<std::string>{"sums/replay/official/score"});
  const auto history = nights.history("smoke", "").at("sums/replay/official/score");
  EXPECT_TRUE(is_alarm(history[2].verdict));
}

TEST(Acceptance, MakesTheNewLevelTheReference) {
  const NightlyFolder folder;
  for (int night = 0; night < 16; ++night) {
    folder.set_night(night, night < 10 ? 24 + night % 3 : 60 + night % 3);
    if (night == 13) {
      NightStore nights(folder / "store.sqlite");
      nights.accept("smoke",
                    {"sums/replay/official/score", night_date(10), night_date(12), "agreed"});
    }
    const NightResult result = run(folder, night_date(night));
    const bool expected = night >= 10 && night < 13;
    EXPECT_EQ(status_of(result), expected ? 1 : 0) << night << result.judgements[0].second.sentence;
  }
}

TEST(NightMetrics, CountStatesAndLeaveFailuresOut) {
  const NightlyFolder folder(
      R"({"metrics": ["score", "unparsed", "failed"], "max_failures": "50%"})");
  std::string lines;
  for (int row = 0; row < 120; ++row) {
    if (row % 4 == 0) continue;  // no reply at all
    lines += dump_json(Json{{"id", "q" + std::to_string(row)},
                            {"response", row % 4 == 1 ? "no idea" : std::to_string(2 * row)}}) +
             "\n";
  }
  folder.write("model.jsonl", lines);
  const NightResult result = run(folder, night_date(0));
  ASSERT_EQ(result.judgements.size(), 3U);
  EXPECT_EQ(result.judgements[0].second.num_questions, 90);
  EXPECT_NEAR(result.judgements[0].second.estimate, 60.0 / 90, 1e-12);
  EXPECT_NEAR(result.judgements[1].second.estimate, 30.0 / 90, 1e-12);
  EXPECT_EQ(result.judgements[2].second.num_questions, 120);
  EXPECT_NEAR(result.judgements[2].second.estimate, 30.0 / 120, 1e-12);
}

// One request on a loopback port, answered with `status`.
class OneRequest {
 public:
  explicit OneRequest(int status) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 1);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, status] {
      const int client = accept(listener_, nullptr, nullptr);
      char buffer[4096];
      while (text_.find("}\n") == std::string::npos) {
        const ssize_t got = read(client, buffer, sizeof(buffer));
        if (got <= 0) break;
        text_.append(buffer, static_cast<std::size_t>(got));
      }
      const std::string reply = "HTTP/1.1 " + std::to_string(status) +
                                " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      static_cast<void>(!write(client, reply.data(), reply.size()));
      close(client);
    });
  }
  ~OneRequest() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/secret/path"; }
  const std::string& text() {
    if (thread_.joinable()) thread_.join();
    return text_;
  }

 private:
  int listener_ = -1;
  int port_ = 0;
  std::string text_;
  std::thread thread_;
};

TEST(Notify, PostsTheNightToAWebhook) {
  OneRequest good(204);
  NightlyNotify whom;
  whom.webhook = good.url();
  const Json night{{"night", "2026-01-01"}};
  EXPECT_TRUE(notify(whom, night, true, false).empty());
  EXPECT_THAT(good.text(), HasSubstr("POST /secret/path HTTP/1.1"));
  EXPECT_THAT(good.text(), HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(good.text(), HasSubstr("{\"night\":\"2026-01-01\"}"));

  OneRequest bad(500);
  whom.webhook = bad.url();
  const std::vector<std::string> failures = notify(whom, night, true, false);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], HasSubstr("answered with status 500"));
  EXPECT_THAT(failures[0], ::testing::Not(HasSubstr("secret")));
}

TEST(Notify, GivesTheNightToACommand) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "told";
  NightlyNotify whom;
  whom.command = {"sh", "-c", "cat > " + path};
  EXPECT_TRUE(notify(whom, Json{{"night", "2026-01-01"}}, true, false).empty());
  EXPECT_EQ(read_file(path), "{\"night\":\"2026-01-01\"}\n");
  std::filesystem::remove(path);
  EXPECT_TRUE(notify(whom, Json{}, false, true).empty());
  EXPECT_FALSE(std::filesystem::exists(path));  // nothing to tell
  whom.on = "change";
  notify(whom, Json{}, false, true);
  EXPECT_TRUE(std::filesystem::exists(path));
  whom.command = {"sh", "-c", "exit 3"};
  EXPECT_THAT(notify(whom, Json{}, true, true).at(0), HasSubstr("exit status 3"));
  whom.command = {"/no/such/command"};
  EXPECT_THAT(notify(whom, Json{}, true, true).at(0), HasSubstr("No such file"));
  // One that does not read is no failure by itself, and one that never ends is killed.
  run_command_with_input({"true"}, std::string(1 << 20, 'x'), std::chrono::seconds(10));
  EXPECT_THROW(run_command_with_input({"sleep", "60"}, "", std::chrono::seconds(0)), Error);
}

}  // namespace
}  // namespace peira::runner::testing
