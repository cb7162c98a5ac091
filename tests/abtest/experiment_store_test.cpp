#include "abtest/experiment_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/error.h"
#include "tests/support/temporary_folder.h"

namespace peira::abtest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kDay = 86'400'000;

Experiment draft(const std::string& id) {
  return parse_experiment(
      Json{{"id", id},
           {"variants", {{{"key", "control"}, {"share", 50}}, {{"key", "new"}, {"share", 50}}}},
           {"metrics", {"quality", "tokens:ratio:secondary", "solved:proportion:missing=zero"}}},
      id);
}

class ExperimentStoreTest : public testing::Test {
 protected:
  template <typename Call>
  std::string refusal(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  void outcome(const Experiment& e, const std::string& event, const std::string& unit,
               const std::string& metric, double value, std::int64_t ts) {
    EXPECT_EQ(
        store.record(
            e, {.event_id = event, .unit = unit, .metric = metric, .value = value, .ts_ms = ts}),
        Recorded::kNew);
  }

  test::TemporaryFolder folder;
  ExperimentStore store{folder / "experiments.sqlite"};
};

TEST_F(ExperimentStoreTest, KeepsDeclarationsAndTheirHistory) {
  store.create(draft("one"), 1000);
  store.create(draft("two"), 2000);
  EXPECT_THAT(refusal([&] { store.create(draft("one"), 3000); }), HasSubstr("already"));
  EXPECT_THAT(refusal([&] { store.get("three"); }), HasSubstr("there are one, two"));
  EXPECT_EQ(store.start("one", 5000).status, Status::kRunning);
  EXPECT_EQ(store.get("one").started_ms, 5000);
  EXPECT_THAT(refusal([&] { store.start("one", 6000); }), HasSubstr("only a draft"));
  store.ramp("one", 2000, std::nullopt, 7000);
  EXPECT_EQ(store.stop("one", "ship it", 9000).conclusion, "ship it");
  EXPECT_THAT(refusal([&] { store.ramp("one", 100, std::nullopt, 9500); }), HasSubstr("stopped"));
  EXPECT_THAT(store.history("one"),
              ElementsAre("1970-01-01T00:00:01Z create", "1970-01-01T00:00:05Z start",
                          "1970-01-01T00:00:07Z ramp coverage 100 % -> 20 %",
                          "1970-01-01T00:00:09Z stop ship it"));
  const ExperimentStore again(folder / "experiments.sqlite", ExperimentStore::Access::kReadOnly);
  EXPECT_EQ(again.list().size(), 2U);
}

// New shares move boundaries: a phase of its own, with a salt of its own.
TEST_F(ExperimentStoreTest, BeginsAPhaseWithANewSplit) {
  store.create(draft("one"), 1000);
  store.start("one", 2000);
  EXPECT_THAT(refusal([&] {
                store.ramp("one", {}, std::vector<int>{5000, 4000}, 3000);
              }),
              HasSubstr("add up to 90 %"));
  EXPECT_EQ(store.get("one").bucket_version, 1);  // nothing was changed
  const Experiment now = store.ramp("one", {}, std::vector<int>{2000, 8000}, 3000);
  EXPECT_EQ(now.bucket_version, 2);
  EXPECT_EQ(now.salt, "one.v2");
  ASSERT_EQ(now.phases.size(), 2U);
  EXPECT_EQ(now.phases[0].ended_ms, 3000);
  EXPECT_THAT(now.phases[1].shares, ElementsAre(2000, 8000));
}

// Two experiments with one salt would put the same units together: every effect would be both's.
TEST_F(ExperimentStoreTest, SaltsAreNotShared) {
  store.create(draft("ext"), 0);
  store.create(draft("ext.v2"), 0);
  store.start("ext", 0);
  EXPECT_EQ(store.ramp("ext", {}, std::vector<int>{2000, 8000}, 1).salt, "ext.v3");
  EXPECT_THAT(refusal([&] { store.create(draft("ext.v3"), 2); }), HasSubstr("the salt of another"));
  Experiment other = draft("other");
  other.salt = "ext";
  EXPECT_THAT(refusal([&] { store.create(other, 2); }), HasSubstr("the salt of another"));
}

TEST_F(ExperimentStoreTest, StartsAtOnceOrIsNotThere) {
  Experiment one = draft("one"), two = draft("two");
  one.layer = two.layer = LayerPlace{.name = "rag", .ranges = {{0, 4000}}};
  store.create(one, 0, true);
  EXPECT_EQ(store.get("one").status, Status::kRunning);
  EXPECT_THAT(refusal([&] { store.create(two, 1, true); }), HasSubstr("owns some of these"));
  EXPECT_THAT(refusal([&] { store.get("two"); }), HasSubstr("there is no experiment"));
}

TEST_F(ExperimentStoreTest, LayersAreNotSharedAndRest) {
  Experiment one = draft("one"), two = draft("two");
  one.layer = LayerPlace{.name = "rag", .ranges = {{0, 4000}}};
  two.layer = LayerPlace{.name = "rag", .ranges = {{3999, 5000}}};
  store.create(one, 0);
  store.create(two, 0);
  store.start("one", kDay);
  EXPECT_THAT(refusal([&] { store.start("two", kDay); }), HasSubstr("owns some of these"));
  store.stop("one", "", 2 * kDay);
  EXPECT_THAT(refusal([&] { store.start("two", 5 * kDay); }), HasSubstr("less than 7 days"));
  EXPECT_EQ(store.start("two", 10 * kDay).status, Status::kRunning);
}

TEST_F(ExperimentStoreTest, TheFirstStickyAssignmentWins) {
  store.create(draft("one"), 0);
  const Experiment e = store.start("one", 0);
  EXPECT_EQ(store.stick(e, "id", "u", "new", 1), "new");
  EXPECT_EQ(store.stick(e, "id", "u", "control", 2), "new");
  EXPECT_EQ(store.sticky("one")->find("id", "u", 1), "new");
  EXPECT_FALSE(store.sticky("one")->find("id", "u", 2).has_value());
}

TEST_F(ExperimentStoreTest, RefusesWhatWouldSpoilTheData) {
  store.create(draft("one"), 0);
  EXPECT_THAT(refusal([&] { store.expose(store.get("one"), {.unit = "u", .variant = "new"}); }),
              HasSubstr("not started"));
  const Experiment e = store.start("one", 0);
  EXPECT_THAT(refusal([&] { store.expose(e, {.unit = "u", .variant = "old"}); }),
              HasSubstr("its variants are control, new"));
  EXPECT_THAT(refusal([&] { store.expose(e, {.unit = "", .variant = "new"}); }),
              HasSubstr("empty"));
  EXPECT_THAT(refusal([&] { store.record(e, {.event_id = "e", .unit = "u", .metric = "x"}); }),
              HasSubstr("its metrics are quality, tokens, solved"));
  EXPECT_THAT(refusal([&] { store.record(e, {.event_id = "", .unit = "u", .metric = "quality"}); }),
              HasSubstr("event id"));
  EXPECT_THAT(refusal([&] {
                store.record(e, {.event_id = "e",
                                 .unit = "u",
                                 .metric = "quality",
                                 .value = std::numeric_limits<double>::infinity()});
              }),
              HasSubstr("NonFiniteInput"));
}

TEST_F(ExperimentStoreTest, CountsAnEventOnce) {
  store.create(draft("one"), 0);
  const Experiment e = store.start("one", 0);
  const Outcome outcome{.event_id = "e1", .unit = "u", .metric = "quality", .value = 1, .ts_ms = 5};
  EXPECT_EQ(store.record(e, outcome), Recorded::kNew);
  EXPECT_EQ(store.record(e, outcome), Recorded::kDuplicate);
  Outcome other = outcome;
  other.value = 2;
  EXPECT_EQ(store.record(e, other), Recorded::kConflict);
  const Exposure exposure{.unit = "u", .variant = "new", .ts_ms = 10};
  EXPECT_EQ(store.expose(e, exposure), Recorded::kNew);
  EXPECT_EQ(store.expose(e, exposure), Recorded::kDuplicate);
}

// By hand: a in control with quality (1 + 3) / 2; b in both; c never exposed; d from a replay; e in
// new with an outcome too early, a ratio of 30 / 4 and nothing solved.
TEST_F(ExperimentStoreTest, ReadsUnitsOnce) {
  store.create(draft("one"), 0);
  const Experiment e = store.start("one", 0);
  store.in_transaction([&] {
    store.expose(e, {.unit = "a", .variant = "control", .ts_ms = 100});
    store.expose(e, {.unit = "a", .variant = "control", .ts_ms = 50});
    store.expose(e, {.unit = "b", .variant = "control", .ts_ms = 50});
    store.expose(e, {.unit = "b", .variant = "new", .ts_ms = 60});
    store.expose(e, {.unit = "d", .variant = "new", .ts_ms = 60, .source = "replay"});
    store.expose(e, {.unit = "e", .variant = "new", .ts_ms = 60});
    outcome(e, "1", "a", "quality", 1, 60);  // after the first exposure
    outcome(e, "2", "a", "quality", 3, 70);
    outcome(e, "3", "a", "quality:covariate", 0.5, 1);
    outcome(e, "4", "a", "solved", 1, 70);
    outcome(e, "5", "b", "quality", 9, 70);
    outcome(e, "6", "c", "quality", 9, 70);
    outcome(e, "7", "e", "quality", 9, 59);
    outcome(e, "8", "e", "tokens", 10, 60);
    outcome(e, "9", "e", "tokens", 20, 61);
    outcome(e, "10", "e", "tokens:denominator", 4, 61);
    outcome(e, "11", "d", "quality", 9, 70);
  });
  const AnalysisInput input = store.read_input(e);
  EXPECT_EQ(input.num_crossovers, 1);
  EXPECT_EQ(input.num_unexposed, 2);  // c's and the replayed d's
  EXPECT_EQ(input.num_early, 1);
  EXPECT_EQ(input.arms[0].num_units, 1);
  EXPECT_EQ(input.arms[1].num_units, 1);
  EXPECT_DOUBLE_EQ(*input.arms[0].metrics.at("quality").estimate(), 2);
  EXPECT_EQ(input.arms[0].metrics.at("quality").values().known.a().count(), 1);
  EXPECT_FALSE(input.arms[1].metrics.contains("quality"));
  EXPECT_DOUBLE_EQ(*input.arms[1].metrics.at("tokens").estimate(), 7.5);
  EXPECT_DOUBLE_EQ(*input.arms[1].metrics.at("solved").estimate(), 0);
  const ReadCounts counts = store.read_units(e, {}, true, [](const ExposedUnit& unit) {
    if (unit.unit == "a") {
      ASSERT_EQ(unit.events[0].size(), 2U);
      EXPECT_EQ(unit.events[0][1].first, 70);
    }
  });
  EXPECT_EQ(counts.num_excluded, 1);
}

// Two writers at once, each with transactions of its own: every event is there once.
TEST_F(ExperimentStoreTest, TakesTwoWriters) {
  store.create(draft("one"), 0);
  const Experiment e = store.start("one", 0);
  const auto write = [&](const std::string& name) {
    ExperimentStore own(folder / "experiments.sqlite");
    for (int i = 0; i < 40; ++i) {
      own.in_transaction([&] {
        const std::string unit = "u" + std::to_string(i);
        own.expose(e, {.unit = unit, .variant = "new", .ts_ms = 1});
        own.record(e, {.event_id = name + std::to_string(i),
                       .unit = unit,
                       .metric = "quality",
                       .value = 1,
                       .ts_ms = 2});
        own.record(e, {.event_id = "shared" + std::to_string(i),
                       .unit = unit,
                       .metric = "quality",
                       .value = 4,
                       .ts_ms = 2});
      });
    }
  };
  std::thread one(write, "a"), two(write, "b");
  one.join();
  two.join();
  const AnalysisInput input = store.read_input(e);
  EXPECT_EQ(input.arms[1].num_units, 40);
  EXPECT_DOUBLE_EQ(*input.arms[1].metrics.at("quality").estimate(), 2);  // (1 + 1 + 4) / 3
}

TEST(ExperimentStoreFile, MustBeOne) {
  const test::TemporaryFolder folder;
  {
    Database other(folder / "other.sqlite");
    other.execute("CREATE TABLE t (x)");
  }
  EXPECT_THROW(ExperimentStore(folder / "other.sqlite"), Error);
  EXPECT_THROW(ExperimentStore(folder / "none.sqlite", ExperimentStore::Access::kReadOnly), Error);
}

}  // namespace
}  // namespace peira::abtest
