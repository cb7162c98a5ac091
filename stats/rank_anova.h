// Tests of more than two groups or columns that use ranks or right/wrong only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/distributions.h"

namespace peira::stats {

struct KruskalWallis {
  double h_uncorrected = 0;
  double tie_correction = 1;  // 1 - sum (t^3 - t) / (N^3 - N); 0 when all values are tied
  double h = 0;               // h_uncorrected / tie_correction
  int df = 0;
  PValue p;
  double epsilon_squared = 0;         // effect size, h (N + 1) / (N^2 - 1)
  std::vector<std::string> warnings;  // "all_tied": p is 1
};

// Kruskal and Wallis's test that independent groups come from one distribution. Mid-ranks for ties.
//
// groups  [k], k >= 2, none empty, finite; three values or more in all.
// throws  Error(kData): "TooFewObservations", "EmptyInput" (an empty group), "NonFiniteInput".
// source  H = 12 / (N (N + 1)) sum R_j^2 / n_j - 3 (N + 1). R kruskal.test.
KruskalWallis kruskal_wallis(std::span<const std::vector<double>> groups);

struct Friedman {
  double chi_squared = 0;
  int df = 0;
  PValue p;
  double kendall_w = 0;               // agreement of the rows, chi_squared / (n (k - 1))
  std::vector<std::string> warnings;  // "all_tied": every row is constant; p is 1
};

// Friedman's test that the columns (models) rank alike within rows (questions).
//
// table   [num_rows * num_columns], rows one after another; 2 columns or more, 1 row or more.
// throws  Error(kUsage) "InvalidArgument": not a table; Error(kData): "TooFewObservations",
//         "NonFiniteInput".
// source  chi^2 = 12 sum (R_j - n (k + 1) / 2)^2 / (n k (k + 1) - sum (t^3 - t) / (k - 1)).
//         R friedman.test.
Friedman friedman_test(std::span<const double> table, std::size_t num_columns);

struct CochranQ {
  double q = 0;
  int df = 0;
  PValue p;
  std::vector<std::string> warnings;  // "no_variation": every row is constant; p is 1
};

// Cochran's test that the columns (models) of a table of rights (1) and wrongs (0) are right alike.
//
// throws  as friedman_test; Error(kUsage) "InvalidArgument" for a value other than 0 or 1.
// source  Q = (k - 1) (k sum G_j^2 - T^2) / (k T - sum L_i^2). statsmodels cochrans_q.
CochranQ cochran_q(std::span<const double> table, std::size_t num_columns);

}  // namespace peira::stats
