#include "stats/rank_anova.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Groups = std::vector<std::vector<double>>;
using Table = std::vector<double>;

// SciPy 1.17.1 kruskal, friedmanchisquare; tests/golden/stats/anova_references.py.
TEST(RankAnova, AgreesWithScipy) {
  const Groups groups{{2.9, 3.0, 2.5, 2.6, 3.2}, {3.8, 2.7, 4.0, 2.4}, {2.8, 3.4, 3.7, 2.2, 2.0}};
  EXPECT_NEAR(kruskal_wallis(groups).h, 0.7714285714285722, 1e-13);
  EXPECT_NEAR(kruskal_wallis(groups).p.value, 0.6799647735788936, 1e-13);
  const Table rows{1, 2, 3, 4, 2, 1, 4, 3, 1, 3, 2, 4, 1, 1, 3, 3, 2, 3, 1, 4};
  EXPECT_NEAR(friedman_test(rows, 4).chi_squared, 8.25, 1e-12);
  EXPECT_NEAR(friedman_test(rows, 4).p.value, 0.04111787139162208, 1e-13);
}

TEST(KruskalWallis, IsOneWhenAllAreTied) {
  const KruskalWallis got = kruskal_wallis(Groups{{2, 2}, {2, 2, 2}});
  EXPECT_EQ(got.p.value, 1);
  EXPECT_EQ(got.tie_correction, 0);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"all_tied"});
}

TEST(KruskalWallis, SeesOnlyTheOrder) {
  const KruskalWallis got = kruskal_wallis(Groups{{1, 5, 9}, {2, 6, 6}});
  const KruskalWallis warped = kruskal_wallis(Groups{{-3, 1e6, 1e9}, {0, 1e7, 1e7}});
  EXPECT_EQ(got.h, warped.h);
  EXPECT_EQ(got.p.value, warped.p.value);
}

TEST(KruskalWallis, RefusesBadGroups) {
  expect_error(ErrorCode::kData, "TooFewObservations", [] { kruskal_wallis(Groups{{1, 2, 3}}); });
  expect_error(ErrorCode::kData, "TooFewObservations", [] { kruskal_wallis(Groups{{1}, {2}}); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { kruskal_wallis(Groups{{1, 2, 3}, {}}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] {
    kruskal_wallis(Groups{{1, 2}, {NAN, 1}});
  });
}

TEST(Friedman, IsOneWhenEveryRowIsTied) {
  const Friedman got = friedman_test(Table{1, 1, 2, 2}, 2);
  EXPECT_EQ(got.p.value, 1);
  EXPECT_EQ(got.kendall_w, 0);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"all_tied"});
}

TEST(Friedman, HasFullAgreementWhenAllRowsRankAlike) {
  EXPECT_DOUBLE_EQ(friedman_test(Table{1, 2, 3, 4, 5, 6, 0, 1, 9}, 3).kendall_w, 1);
}

// Two columns: McNemar's chi-squared without correction, (12 - 3)^2 / 15.
TEST(CochranQ, IsMcNemarForTwoColumns) {
  Table table;
  const auto add = [&table](int times, double a, double b) {
    for (int i = 0; i < times; ++i) table.insert(table.end(), {a, b});
  };
  add(40, 1, 1);
  add(3, 1, 0);
  add(12, 0, 1);
  add(45, 0, 0);
  EXPECT_NEAR(cochran_q(table, 2).q, 5.4, 1e-12);
  EXPECT_NEAR(cochran_q(table, 2).p.value, 0.0201367515503463, 1e-13);
}

TEST(CochranQ, IsOneWhenRowsAreConstant) {
  const CochranQ got = cochran_q(Table{1, 1, 0, 0}, 2);
  EXPECT_EQ(got.p.value, 1);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"no_variation"});
}

TEST(RankAnova, RefusesWhatIsNoTable) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { friedman_test(Table{1, 2, 3}, 2); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { friedman_test(Table{1, 2, 3}, 0); });
  expect_error(ErrorCode::kData, "TooFewObservations", [] { friedman_test(Table{1, 2, 3}, 1); });
  expect_error(ErrorCode::kData, "TooFewObservations", [] { cochran_q(Table{}, 2); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { friedman_test(Table{1, NAN}, 2); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { cochran_q(Table{1, 0.5}, 2); });
}

}  // namespace
}  // namespace peira::stats
