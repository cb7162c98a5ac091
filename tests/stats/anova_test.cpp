#include "stats/anova.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Groups = std::vector<Moments>;

Groups moments(const std::vector<std::vector<double>>& groups) {
  Groups out;
  for (const auto& group : groups) out.push_back(moments_of(group));
  return out;
}

const std::vector<std::vector<double>> kGroups{
    {2.9, 3.0, 2.5, 2.6, 3.2}, {3.8, 2.7, 4.0, 2.4}, {2.8, 3.4, 3.7, 2.2, 2.0}};

// SciPy 1.17.1 f_oneway; R 4.2.2 oneway.test; tests/golden/stats/anova_references.py.
TEST(Anova, AgreesWithScipyAndR) {
  const OneWayAnova anova = one_way_anova(moments(kGroups));
  EXPECT_NEAR(anova.f, 0.56007326007326, 1e-13);
  EXPECT_NEAR(anova.p.value, 0.5866329910417377, 1e-13);
  const Anova welch = welch_anova(moments(kGroups));
  EXPECT_NEAR(welch.f, 0.391905478385786, 1e-13);
  EXPECT_NEAR(welch.df2, 5.518701575163452, 1e-11);
  EXPECT_NEAR(welch.p.value, 0.693185476837351, 1e-12);
}

// Two groups: F is t squared, Welch's or Student's.
TEST(Anova, IsTheTTestForTwoGroups) {
  const Groups groups = moments({{1, 2, 4, 8}, {3, 3, 9, 5, 11}});
  const TTest student = student_t_test(groups[0], groups[1]);
  EXPECT_NEAR(one_way_anova(groups).f, student.statistic * student.statistic, 1e-12);
  EXPECT_NEAR(one_way_anova(groups).p.value, student.p.value, 1e-13);
  const TTest welch = welch_t_test(groups[0], groups[1]);
  EXPECT_NEAR(welch_anova(groups).f, welch.statistic * welch.statistic, 1e-12);
  EXPECT_NEAR(welch_anova(groups).df2, welch.df, 1e-11);
  EXPECT_NEAR(welch_anova(groups).p.value, welch.p.value, 1e-13);
}

TEST(Anova, SaysWhenNothingVaries) {
  const Groups equal(3, Moments(5, 0.04, 0));
  const OneWayAnova anova = one_way_anova(equal);
  EXPECT_EQ(anova.p.value, 1);
  EXPECT_EQ(anova.warnings, std::vector<std::string>{"constant_data"});
  expect_error(ErrorCode::kData, "ZeroVariance", [] {
    one_way_anova(Groups{Moments(3, 1, 0), Moments(3, 2, 0)});
  });
  expect_error(ErrorCode::kData, "ZeroVariance", [] {
    welch_anova(Groups{Moments(3, 1, 1), Moments(3, 2, 0)});
  });
  expect_error(ErrorCode::kData, "ZeroVariance", [&] { tukey_hsd(equal); });
  expect_error(ErrorCode::kData, "ZeroVariance", [&] { games_howell(equal); });
}

TEST(Anova, RefusesTooFewValues) {
  expect_error(ErrorCode::kData, "TooFewObservations",
               [] { one_way_anova(Groups{Moments(3, 1, 1)}); });
  expect_error(ErrorCode::kData, "TooFewObservations", [] {
    one_way_anova(Groups{Moments(3, 1, 1), Moments()});
  });
  expect_error(ErrorCode::kData, "TooFewObservations", [] {
    one_way_anova(Groups{Moments(1, 1, 0), Moments(1, 2, 0)});
  });
  expect_error(ErrorCode::kData, "TooFewObservations", [] {
    welch_anova(Groups{Moments(3, 1, 1), Moments(1, 2, 0)});
  });
}

// statsmodels 0.15.0 anova_lm(typ=2) of y ~ C(a) * C(b), tests/golden/stats/anova_references.py.
TEST(InteractionTest, AgreesWithStatsmodels) {
  const Groups cells = moments(
      {{1.2, 0.7, 1.9}, {2.0, 2.6}, {3.1, 2.2, 2.9, 3.3}, {0.9, 1.4}, {3.8, 3.1, 4.2}, {2.4, 2.0}});
  const Anova got = interaction_test(cells, 3);
  EXPECT_NEAR(got.f, 5.923773436346644, 1e-11);
  EXPECT_EQ(got.df1, 2);
  EXPECT_EQ(got.df2, 10);
  EXPECT_NEAR(got.p.value, 0.020090308289343432, 1e-13);
}

// Adding a number to a row or a column changes no interaction.
TEST(InteractionTest, SeesNoMainEffects) {
  const auto cells = [](double row, double column) {
    return moments({{1, 2, 4},
                    {3 + column, 5 + column},
                    {2 + row, 7 + row},
                    {row + column, 1 + row + column, 4 + row + column}});
  };
  EXPECT_NEAR(interaction_test(cells(0, 0), 2).f, interaction_test(cells(100, -30), 2).f, 1e-9);
}

TEST(InteractionTest, RefusesWhatIsNoTable) {
  const Groups cells(6, Moments(3, 1, 2));
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { interaction_test(cells, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { interaction_test(cells, 4); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { interaction_test(cells, 6); });
  Groups empty = cells;
  empty[4] = Moments();
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { interaction_test(empty, 3); });
  const Groups single(4, Moments(1, 1, 0));
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { interaction_test(single, 2); });
  const Groups constant(4, Moments(5, 2, 0));
  EXPECT_EQ(interaction_test(constant, 2).p.value, 1);
  Groups apart = constant;
  apart[3] = Moments(5, 9, 0);
  expect_error(ErrorCode::kData, "ZeroVariance", [&] { interaction_test(apart, 2); });
}

// SciPy 1.17.1 tukey_hsd (i - j there), R 4.2.2 TukeyHSD, confidence 0.9.
TEST(TukeyHsd, AgreesWithScipyAndR) {
  const std::vector<PairComparison> pairs = tukey_hsd(moments(kGroups));
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[1].i, 0u);
  EXPECT_EQ(pairs[1].j, 2u);
  EXPECT_NEAR(pairs[0].p, 0.6462033406593282, 1e-9);
  EXPECT_NEAR(pairs[1].p, 0.9986188878453998, 1e-9);
  EXPECT_NEAR(pairs[2].p, 0.6180904423927072, 1e-9);
  EXPECT_NEAR(pairs[0].interval(0.9).low, -0.583774518181017, 1e-7);
  EXPECT_NEAR(pairs[0].interval(0.9).high, 1.353774518181017, 1e-7);
  EXPECT_NEAR(pairs[2].interval(0.9).low, -1.373774518181017, 1e-7);
  expect_error(ErrorCode::kUsage, "InvalidProbability", [&] { pairs[0].interval(1); });
}

// Two groups: Welch's test, for the range of two is |t| sqrt(2).
TEST(GamesHowell, IsWelchsTestForTwoGroups) {
  const Groups groups = moments({{1, 2, 4, 8}, {3, 3, 9, 5, 11}});
  const TTest welch = welch_t_test(groups[0], groups[1]);
  const PairComparison pair = games_howell(groups)[0];
  EXPECT_NEAR(pair.p, welch.p.value, 1e-11);
  EXPECT_NEAR(pair.interval().low, welch.interval.low, 1e-9);
  EXPECT_NEAR(pair.interval().high, welch.interval.high, 1e-9);
}

TEST(ManyToOne, AdjustsWelchsTestsByHolm) {
  const Groups groups = moments({{1, 2, 3, 4}, {5, 6, 8, 7}, {2, 3, 5, 4}});
  const std::vector<ControlComparison> got = many_to_one(groups, 1);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].group, 0u);
  EXPECT_EQ(got[1].group, 2u);
  EXPECT_EQ(got[0].test.estimate, -4);
  EXPECT_DOUBLE_EQ(got[0].adjusted_p, 2 * got[0].test.p.value);
  EXPECT_DOUBLE_EQ(got[1].adjusted_p, got[1].test.p.value);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { many_to_one(groups, 3); });
}

}  // namespace
}  // namespace peira::stats
