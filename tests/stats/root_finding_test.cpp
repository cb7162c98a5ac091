#include "stats/root_finding.h"

#include <cmath>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(FindRoot, FindsTheCrossing) {
  EXPECT_NEAR(find_root([](double x) { return x * x - 2; }, 0, 2), std::sqrt(2.0), 1e-15);
  EXPECT_NEAR(find_root([](double x) { return std::cos(x); }, 1, 2), std::acos(0.0), 1e-15);
  EXPECT_NEAR(find_root([](double x) { return 1e-3 - std::exp(-x); }, 0, 1e9), std::log(1e3),
              1e-13);
}

TEST(FindRoot, TakesAnEndThatIsTheRoot) {
  EXPECT_EQ(find_root([](double x) { return x - 3; }, 3, 5), 3);
  EXPECT_EQ(find_root([](double x) { return x - 5; }, 3, 5), 5);
}

TEST(FindRoot, RefusesABracketWithoutARoot) {
  expect_error(ErrorCode::kInternal, "NoConvergence",
               [] { find_root([](double x) { return x * x + 1; }, -1, 1); });
  expect_error(ErrorCode::kInternal, "NoConvergence",
               [] { find_root([](double) { return std::nan(""); }, -1, 1); });
  expect_error(ErrorCode::kData, "EmptyInput", [] {
    find_root(
        [](double x) -> double {
          if (x > -1 && x < 1) throw Error(ErrorCode::kData, "EmptyInput: nothing");
          return x;
        },
        -1, 1);
  });
}

}  // namespace
}  // namespace peira::stats
