#include "abtest/breakdown.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "stats/random.h"

namespace peira::abtest {
namespace {

std::vector<ArmInput> arms() { return {{.key = "control"}, {.key = "new"}}; }

void add(std::vector<ArmInput>& part, std::size_t arm, double value) {
  ++part[arm].num_units;
  part[arm].metrics.try_emplace("m", MetricType::kMean).first->second.add(value);
}

TEST(Breakdown, ComparesEachPartAndAllBefore) {
  Breakdown breakdown(arms(), {{.name = "m"}, {.name = "p", .type = MetricType::kQuantile}});
  for (int i = 0; i < 40; ++i) {
    add(breakdown.part("b"), 0, i % 5);
    add(breakdown.part("b"), 1, i % 5 + 2);
    add(breakdown.part("a"), 0, i % 5);
    add(breakdown.part("a"), 1, i % 5);
  }
  const std::vector<BreakdownRow> rows = breakdown.rows({});
  ASSERT_EQ(rows.size(), 2U);  // the quantile is left out
  EXPECT_EQ(rows[0].part, "a");
  EXPECT_DOUBLE_EQ(*rows[0].comparison.estimate, 0);
  EXPECT_DOUBLE_EQ(*rows[1].comparison.estimate, 2);
  EXPECT_LE(*rows[1].adjusted_p, 2 * rows[1].comparison.fixed_p->value);
  const std::vector<BreakdownRow> cumulative = breakdown.cumulative_rows({});
  EXPECT_DOUBLE_EQ(*cumulative[1].comparison.estimate, 1);
  EXPECT_EQ(cumulative[1].comparison.num_control, 80);
}

TEST(Breakdown, PutsRarePartsTogether) {
  Breakdown breakdown(arms(), {{.name = "m"}});
  for (int i = 0; i < 500; ++i) add(breakdown.part("s" + std::to_string(1000 + i)), 0, 1);
  const std::vector<BreakdownRow> rows = breakdown.rows({});
  EXPECT_EQ(rows.size(), Breakdown::kMostParts + 1);
  EXPECT_EQ(rows.front().part, "(other)");
  EXPECT_EQ(rows.front().comparison.num_control, 100);
}

// By hand: means 3, 2, 1, 1 give (3 - 2) - (1 - 1) = 1; each cell of four values has variance 4/3,
// so the standard error is sqrt(4 * 1/3) with 12 degrees of freedom.
TEST(Interactions, AreTheDifferenceOfDifferences) {
  const auto cell = [](double mean) {
    return stats::moments_of(std::vector<double>{mean - 1, mean + 1, mean - 1, mean + 1});
  };
  const std::vector<Interaction> got =
      interactions("m", {"c", "v"}, {"c", "w"}, {{cell(1), cell(2)}, {cell(1), cell(3)}});
  ASSERT_EQ(got.size(), 1U);
  EXPECT_DOUBLE_EQ(*got[0].estimate, 1);
  EXPECT_DOUBLE_EQ(*got[0].std_error, std::sqrt(4.0 / 3));
  // SciPy 1.17.1: 2 * stats.t.sf(0.75**0.5, 12)
  EXPECT_NEAR(*got[0].p_value, 0.4034592531941528, 1e-12);
}

TEST(Interactions, KeepTheirLevel) {
  stats::Random random(3);
  int found = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<std::vector<stats::Moments>> cells(2, std::vector<stats::Moments>(2));
    for (auto& row : cells) {
      for (stats::Moments& cell : row) {
        for (int i = 0; i < 15; ++i) cell.add(random.uniform() + random.uniform());
      }
    }
    found += *interactions("m", {"c", "v"}, {"c", "w"}, cells)[0].p_value < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(found / double{kRuns}, 0.05, 4 * std::sqrt(0.05 * 0.95 / kRuns) + 0.002);
}

TEST(Interactions, WithoutUnitsAreNotDefined) {
  const std::vector<std::vector<stats::Moments>> cells(2, std::vector<stats::Moments>(2));
  EXPECT_FALSE(interactions("m", {"c", "v"}, {"c", "w"}, cells)[0].p_value.has_value());
}

}  // namespace
}  // namespace peira::abtest
