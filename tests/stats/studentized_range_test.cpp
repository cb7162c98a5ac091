#include "stats/studentized_range.h"

#include <cmath>

#include "stats/distributions.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

void expect_tail(double q, double k, double df, double want, double tolerance) {
  EXPECT_NEAR(studentized_range_upper_tail(q, k, df) / want, 1, tolerance)
      << q << " " << k << " " << df;
}

// mpmath quadrature, tests/golden/stats/anova_references.py.
TEST(StudentizedRange, AgreesWithQuadratureInManyDigits) {
  expect_tail(3.5, 3, 20, 0.0558918490817, 1e-11);
  expect_tail(12, 3, 6, 0.000359726853291, 1e-11);
  expect_tail(8.2, 5, 60, 2.60538868277193417e-6, 1e-13);
  expect_tail(2.2, 4, 1.3, 0.585717720453, 1e-11);
  expect_tail(25, 5, 3.7, 0.000475458574734, 1e-11);
  expect_tail(12, 4, HUGE_VAL, 1.2911823485653e-16, 1e-12);
  expect_tail(30, 10, HUGE_VAL, 3.245847377603e-98, 1e-12);
}

// SciPy 1.17.1 studentized_range.sf, of about 11 digits itself.
TEST(StudentizedRange, AgreesWithScipy) {
  expect_tail(0.3, 6, 8, 0.9999133809943687, 1e-11);
  expect_tail(5, 20, 12, 0.17472966999374162, 1e-10);
  expect_tail(4.4, 50, 120, 0.5388856098766703, 1e-10);
  // R 4.2.2 ptukey(3.6, 3, Inf, lower = FALSE); for df above 25000 R takes infinity too.
  expect_tail(3.6, 3, HUGE_VAL, 0.029370560781445, 1e-11);
}

// Two means: q / sqrt(2) is the absolute t statistic.
TEST(StudentizedRange, IsTwoSidedTForTwoMeans) {
  for (const double df : {1.0, 1.7, 2.0, 9.0, 250.0, 1e5, 1e9}) {
    for (const double q : {0.01, 1.0, 4.0, 9.0, 30.0}) {
      const double want = 2 * t_upper_tail(q / std::sqrt(2.0), df);
      if (want < 1e-290) continue;
      expect_tail(q, 2, df, want, 1e-10);
    }
  }
}

TEST(StudentizedRange, MeetsItsLimits) {
  EXPECT_EQ(studentized_range_upper_tail(0, 3, 5), 1);
  EXPECT_EQ(studentized_range_upper_tail(-1, 3, 5), 1);
  EXPECT_EQ(studentized_range_upper_tail(HUGE_VAL, 3, 5), 0);
  EXPECT_EQ(studentized_range_upper_tail(1e308, 3, 5), 0);
  // Two means and one degree of freedom: t's tail is 1 / (pi t), twice, far out.
  expect_tail(1e100, 2, 1, 2 / (3.141592653589793 * 1e100 / std::sqrt(2.0)), 1e-10);
  expect_tail(3.3, 4, 1e12, studentized_range_upper_tail(3.3, 4, HUGE_VAL), 1e-9);
}

TEST(StudentizedRange, HasQuantiles) {
  EXPECT_NEAR(studentized_range_quantile(0.9, 10, 8), 5.12582404260267, 1e-8);  // R 4.2.2 qtukey
  for (const double p : {0.001, 0.5, 0.999}) {
    const double q = studentized_range_quantile(p, 4, 1.5);
    EXPECT_NEAR(studentized_range_upper_tail(q, 4, 1.5), 1 - p, 1e-12) << p;
  }
}

TEST(StudentizedRange, RefusesParametersOutOfRange) {
  const auto call = [](double q, double k, double df) {
    return [=] { studentized_range_upper_tail(q, k, df); };
  };
  expect_error(ErrorCode::kUsage, "InvalidArgument", call(1, 1, 5));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call(1, 2.5, 5));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call(1, 3, 0.5));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call(1, 3, NAN));
  expect_error(ErrorCode::kData, "NonFiniteInput", call(NAN, 3, 5));
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [] { studentized_range_quantile(1, 3, 5); });
}

}  // namespace
}  // namespace peira::stats
