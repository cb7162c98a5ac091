// The header alone first: it must not need anything before it.
#include "abtest/embed/assign.h"

#include <gtest/gtest.h>

#include <string>

#include "abtest/assigner.h"

namespace peira::abtest {
namespace {

TEST(EmbeddedAssignment, AgreesWithTheLibrary) {
  Experiment experiment;
  experiment.id = "prompt_v2_test";
  experiment.salt = "prompt_v2_test.v2";
  experiment.variants = {
      {.key = "a", .share = 1000}, {.key = "b", .share = 4500}, {.key = "c", .share = 4500}};
  experiment.status = Status::kRunning;
  for (const int coverage : {10'000, 2000}) {
    experiment.coverage = coverage;
    const peira_assign::Experiment embedded{experiment.id, experiment.salt, experiment.shares(),
                                            coverage};
    for (int i = 0; i < 2000; ++i) {
      const std::string unit =
          std::string(static_cast<std::size_t>(i % 120), 'x') + "ü" + std::to_string(i);
      const auto variant = decide_unit(experiment, unit).variant;
      ASSERT_EQ(peira_assign::assign(unit, embedded), variant ? static_cast<int>(*variant) : -1)
          << unit;
    }
  }
  EXPECT_EQ(peira_assign::bucket_10000("user_1", "prompt_v2_test"), 3512);
  EXPECT_EQ(peira_assign::assign("", {"x", "x", {5000, 5000}}), -1);
}

}  // namespace
}  // namespace peira::abtest
