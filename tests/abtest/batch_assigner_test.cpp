#include "abtest/batch_assigner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "abtest/assigner.h"
#include "abtest/assignment.h"
#include "base/error.h"

namespace peira::abtest {
namespace {

Experiment running(HashMode mode, int coverage) {
  Experiment experiment;
  experiment.id = "prompt_v2_test";
  experiment.salt = "prompt_v2_test";
  experiment.variants = {
      {.key = "a", .share = 1000}, {.key = "b", .share = 4500}, {.key = "c", .share = 4500}};
  experiment.metrics = {{.name = "m"}};
  experiment.mode = mode;
  experiment.coverage = coverage;
  experiment.status = Status::kRunning;
  return experiment;
}

// Ids of every length around the one-block limit, of other scripts, and none at all.
std::vector<std::string> ids() {
  std::vector<std::string> out{
      "",     "Zoë",     "用户7", "😀", std::string(512, 'x'), std::string(513, 'x'),
      "\xff", " user_1", "a:b"};
  for (std::size_t length = 1; length < 80; ++length) out.push_back(std::string(length, 'k'));
  for (int i = 0; i < 500; ++i) out.push_back("user_" + std::to_string(i));
  return out;
}

TEST(BatchAssigner, AgreesWithTheSingleOne) {
  const std::vector<std::string> names = ids();
  const std::vector<std::string_view> units(names.begin(), names.end());
  for (const HashMode mode :
       {HashMode::kMd5_100, HashMode::kMd5_10000, HashMode::kFnv1aV1, HashMode::kFnv1aV2}) {
    for (const int coverage : {10'000, 3000}) {
      Experiment experiment = running(mode, coverage);
      for (const bool in_layer : {false, true}) {
        if (in_layer) experiment.layer = LayerPlace{.name = "l", .ranges = {{0, 5000}}};
        BatchAssigner batch(experiment);
        std::vector<int> variants(units.size(), 99);
        batch.assign(units, variants);
        for (std::size_t i = 0; i < units.size(); ++i) {
          const AssignmentDecision one = decide_unit(experiment, units[i]);
          const int expected = one.reason == Reason::kNoUnit ? kBadUnit
                               : one.variant                 ? static_cast<int>(*one.variant)
                                                             : kNotAssigned;
          ASSERT_EQ(variants[i], expected) << to_string(mode) << " " << names[i];
        }
      }
    }
  }
}

TEST(BatchAssigner, BucketsAreThoseOfOneUnit) {
  const std::vector<std::string> names = ids();
  const std::vector<std::string_view> units(names.begin(), names.end());
  for (const std::string& salt : {std::string("exp1"), std::string(60, 's')}) {
    std::vector<int> buckets(units.size());
    buckets_10000(units, salt, buckets);
    for (std::size_t i = 0; i < units.size(); ++i) {
      ASSERT_EQ(buckets[i], bucket_10000(units[i], salt)) << names[i];
    }
  }
}

TEST(BatchAssigner, RefusesWhatIdsCannotDecide) {
  Experiment experiment = running(HashMode::kMd5_10000, 10'000);
  experiment.condition = Json::parse(R"({"country": "DE"})");
  EXPECT_THROW(BatchAssigner{experiment}, Error);
  experiment.condition = Json::object();
  experiment.status = Status::kDraft;
  EXPECT_THROW(BatchAssigner{experiment}, Error);
}

}  // namespace
}  // namespace peira::abtest
