#include "abtest/assigner.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>

#include "abtest/assignment.h"

namespace peira::abtest {
namespace {

Experiment running(const std::string& id) {
  Experiment experiment;
  experiment.id = id;
  experiment.salt = id;
  experiment.variants = {{.key = "control", .share = 5000}, {.key = "treatment", .share = 5000}};
  experiment.metrics = {{.name = "m"}};
  experiment.status = Status::kRunning;
  return experiment;
}

std::string arm_of(const Experiment& experiment, const std::string& unit) {
  const AssignmentDecision got = decide_unit(experiment, unit);
  return got.variant ? experiment.variants[*got.variant].key : to_string(got.reason);
}

class Kept : public StickyLookup {
 public:
  std::optional<std::string> find(const std::string& attribute, const std::string& value,
                                  int version) const override {
    const auto found = kept.find({attribute, value, version});
    if (found == kept.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::tuple<std::string, std::string, int>, std::string> kept;
};

// The two-hash ramp of the statistics specification, section 39.
TEST(Assigner, RampsAsPublished) {
  Experiment experiment = running("checkout_prompt");
  const auto at = [&experiment](int coverage, const std::string& unit) {
    experiment.coverage = coverage;
    return arm_of(experiment, unit);
  };
  EXPECT_EQ(at(500, "user_12"), "control");
  EXPECT_EQ(at(500, "user_1"), "coverage");
  EXPECT_EQ(at(2000, "user_1"), "control");
  EXPECT_EQ(at(2000, "user_3"), "coverage");
  EXPECT_EQ(at(10'000, "user_3"), "treatment");
  EXPECT_EQ(at(10'000, "user_10"), "control");
}

// The layer `rag` and the holdout `2026q4` of section 39.
TEST(Assigner, KeepsLayersAndHoldoutsApart) {
  Experiment a = running("exp_a");
  a.layer = LayerPlace{.name = "rag", .ranges = {{0, 4000}}};
  a.holdout = Holdout{.name = "2026q4", .share = 500};
  Experiment b = running("exp_b");
  b.layer = LayerPlace{.name = "rag", .ranges = {{4000, 7000}}};
  b.holdout = a.holdout;
  EXPECT_EQ(arm_of(a, "user_1"), "layer");
  EXPECT_EQ(arm_of(b, "user_1"), "layer");
  EXPECT_EQ(arm_of(b, "user_2"), "treatment");
  EXPECT_EQ(arm_of(a, "user_2"), "layer");
  EXPECT_EQ(arm_of(a, "user_5"), "control");
  EXPECT_EQ(arm_of(a, "user_7"), "treatment");
  EXPECT_EQ(arm_of(a, "user_42"), "holdout");
  EXPECT_EQ(arm_of(b, "user_50"), "holdout");
}

// Modes of the specification's table, rows 1 to 3: md5 buckets 3512, 8370, 3736; GrowthBook places.
TEST(Assigner, HashesByTheMode) {
  Experiment experiment = running("prompt_v2_test");
  EXPECT_EQ(decide_unit(experiment, "user_1").bucket, 3512);
  EXPECT_EQ(arm_of(experiment, "user_2"), "treatment");
  experiment.mode = HashMode::kMd5_100;
  EXPECT_EQ(decide_unit(experiment, "user_2").bucket, 8300);
  EXPECT_EQ(arm_of(experiment, "user_3"), "control");
  experiment.mode = HashMode::kFnv1aV1;
  EXPECT_EQ(arm_of(experiment, "user_1"), "treatment");  // 0.834
  EXPECT_EQ(arm_of(experiment, "user_3"), "control");    // 0.104
  experiment.mode = HashMode::kFnv1aV2;
  EXPECT_EQ(arm_of(experiment, "user_1"), "treatment");  // 0.9188
  EXPECT_EQ(arm_of(experiment, "user_2"), "control");    // 0.0885
  for (const auto& [unit, bucket] : {std::pair{"user_1", 9188}, std::pair{"user_2", 885},
                                     std::pair{"user_3", 5270}, std::pair{"user_4", 2588}}) {
    EXPECT_EQ(decide_unit(experiment, unit).bucket, bucket);
  }
}

TEST(Assigner, GoesInOrder) {
  Experiment experiment = running("exp1");
  experiment.forced = {{"alice", "control"}};
  experiment.condition = Json::parse(R"({"country": "DE"})");
  EXPECT_EQ(arm_of(experiment, "alice"), "control");  // forced past the condition
  EXPECT_EQ(arm_of(experiment, "bob"), "condition");
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "bob"}, {"country", "DE"}}).reason,
            Reason::kAssigned);
  EXPECT_EQ(decide_assignment(experiment, Json{{"country", "DE"}}).reason, Reason::kNoUnit);
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "\xff"}}).reason, Reason::kNoUnit);
  EXPECT_EQ(decide_assignment(experiment, Json(3)).reason, Reason::kNoUnit);
  experiment.status = Status::kStopped;
  EXPECT_EQ(arm_of(experiment, "alice"), "not_running");
}

TEST(Assigner, SticksPastConditionLayerAndCoverage) {
  Experiment experiment = running("exp1");
  experiment.sticky = true;
  experiment.coverage = 0;
  experiment.condition = Json::parse(R"({"country": "DE"})");
  experiment.fallback_attribute = "device";
  Kept kept;
  kept.kept[{"id", "bob", 1}] = "treatment";
  kept.kept[{"device", "d1", 1}] = "control";
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "bob"}}, &kept).variant, 1U);
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "bob"}}, &kept).reason, Reason::kSticky);
  // By its device, when it has no variant of its own; its id first.
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "new"}, {"device", "d1"}}, &kept).variant,
            0U);
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "bob"}, {"device", "d1"}}, &kept).variant,
            1U);
  EXPECT_EQ(decide_assignment(experiment, Json{{"device", "d1"}}, &kept).attribute, "device");
  // Stuck to a version that is excluded.
  experiment.bucket_version = 3;
  experiment.min_bucket_version = 2;
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "bob"}}, &kept).reason,
            Reason::kStickyVersion);
  // Without a store, or not sticky: by the rules.
  experiment.min_bucket_version = 0;
  EXPECT_EQ(decide_assignment(experiment, Json{{"id", "bob"}}).reason, Reason::kCondition);
}

// Raising the coverage moves nobody and drops nobody, in every mode.
TEST(Assigner, RampMovesNobody) {
  for (const HashMode mode :
       {HashMode::kMd5_100, HashMode::kMd5_10000, HashMode::kFnv1aV1, HashMode::kFnv1aV2}) {
    Experiment experiment = running("ramp");
    experiment.mode = mode;
    std::map<std::string, std::size_t> before;
    for (const int coverage : {100, 500, 2000, 5000, 10'000}) {
      experiment.coverage = coverage;
      std::map<std::string, std::size_t> now;
      for (int i = 0; i < 4000; ++i) {
        const std::string unit = "user_" + std::to_string(i);
        if (const auto variant = decide_unit(experiment, unit).variant) now[unit] = *variant;
      }
      for (const auto& [unit, variant] : before) {
        ASSERT_TRUE(now.contains(unit)) << to_string(mode) << " " << unit;
        ASSERT_EQ(now[unit], variant) << to_string(mode) << " " << unit;
      }
      EXPECT_NEAR(static_cast<double>(now.size()), 0.4 * coverage, 160) << to_string(mode);
      before = now;
    }
  }
}

TEST(Assigner, FiltersReplaceTheNamespace) {
  Experiment experiment = running("my-test");
  experiment.mode = HashMode::kFnv1aV2;
  experiment.name_space = Namespace{.id = "pricing", .low = 0, .high = 0.1};
  EXPECT_EQ(arm_of(experiment, "user_2"), "control");    // namespace 0.013, place 0.4654
  EXPECT_EQ(arm_of(experiment, "user_1"), "namespace");  // 0.83
  experiment.filters = {{.seed = "my-test", .ranges = {{0.1, 0.2}}}};
  EXPECT_EQ(arm_of(experiment, "user_1"), "control");  // 0.1121
  EXPECT_EQ(arm_of(experiment, "user_2"), "namespace");
}

}  // namespace
}  // namespace peira::abtest
