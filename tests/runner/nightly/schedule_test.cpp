#include "runner/nightly/schedule.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace peira::runner {
namespace {

// date -d DATE +%s divided by 86400 (GNU coreutils 9.1).
TEST(NightlyDates, CountDaysAsTheCalendarDoes) {
  EXPECT_EQ(day_number("1970-01-01"), 0);
  EXPECT_EQ(day_number("2000-02-29"), 11016);
  EXPECT_EQ(day_number("2026-11-26"), 20783);
  EXPECT_EQ(day_number("2100-03-01"), 47541);
  for (int day = 0; day < 60'000; day += 13) EXPECT_EQ(day_number(date_of_day(day)), day);
}

TEST(NightlyDates, RefuseWhatIsNoDate) {
  for (const char* text :
       {"", "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "26-11-2026",
        "2026-11-31", "2026/11/26", "2026-11-26T00", "1969-12-31"}) {
    EXPECT_THROW(day_number(text), Error) << text;
  }
}

EntryFacts known(const std::string& night, const std::string& was, const std::string& is) {
  EntryFacts facts;
  facts.last_night = night;
  facts.last_run = "run-1";
  facts.last_identity = was;
  facts.identity = is;
  if (was != is) facts.changed = {"weights", "engine"};
  return facts;
}

TEST(NightlySchedule, DecidesEachEntry) {
  const auto decide = [](const std::string& schedule, const EntryFacts& facts, bool repeatable) {
    const EntryDecision decision =
        decide_entry(parse_schedule(schedule), facts, repeatable, "2026-11-26");
    return std::string(to_string(decision.action)) + ": " + decision.why;
  };
  EXPECT_EQ(decide("every night", {}, true), "run: no night yet");
  EXPECT_EQ(decide("when changed", {}, true), "run: no night yet");
  EXPECT_EQ(decide("every night", known("2026-11-25", "a", "b"), true),
            "run: changed since 2026-11-25: weights, engine");
  EXPECT_EQ(decide("every night", known("2026-11-25", "a", "a"), true),
            "repeat: nothing changed since 2026-11-25: the answers of run-1 would be the same "
            "bytes");
  EXPECT_EQ(decide("every night", known("2026-11-25", "a", "a"), false),
            "run: due: last run on 2026-11-25");
  EXPECT_EQ(decide("every 7 days", known("2026-11-20", "a", "b"), true),
            "skip: not due: last run 6 days ago, every 7 days");
  EXPECT_EQ(decide("every 7 days or when changed", known("2026-11-25", "a", "b"), true),
            "run: changed since 2026-11-25: weights, engine");
  EXPECT_EQ(decide("every 7 days", known("2026-11-19", "a", "a"), false),
            "run: due: last run on 2026-11-19");
  EXPECT_EQ(decide("when changed", known("2026-01-01", "a", "a"), true),
            "skip: not due: last run 329 days ago, when changed");
  EntryFacts facts = known("2026-11-25", "a", "a");
  facts.leftover_run = "run-2";
  EXPECT_EQ(decide("when changed", facts, true), "run: continues run-2");
}

TEST(NightlySchedule, RunsFirstWhatWaitedLongest) {
  std::vector<EntryFacts> facts(4);
  facts[0].last_night = "2026-11-25";
  facts[1].last_night = "2026-11-20";
  facts[3].last_night = "2026-11-20";
  EXPECT_EQ(running_order(facts), (std::vector<std::size_t>{2, 1, 3, 0}));
}

}  // namespace
}  // namespace peira::runner
