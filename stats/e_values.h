// e-values: evidence that may be averaged under any dependence, multiplied when sequential, and
// stopped on at any time. An e of 20 is as strong as p = 0.05.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace peira::stats {

// All throw Error(kUsage) "InvalidArgument" for an e-value below 0 or NaN; +infinity is one.

// Rejections of the e-BH procedure, rising indices: false discovery rate alpha under any
// dependence. throws  also Error(kUsage) "InvalidProbability": alpha outside (0, 1). source  Wang
// and Ramdas (2022): the k largest, k the largest with k e_(k) / K >= 1 / alpha.
std::vector<std::size_t> e_benjamini_hochberg(std::span<const double> e_values, double alpha);

// Mean of e-values, itself one under any dependence. throws  Error(kData) "EmptyInput".
double mean_e_value(std::span<const double> e_values);

// Natural logarithm of the product, an e-value only of independent or sequential ones: a product
// overflows soon. -infinity when one is 0. throws  Error(kData) "NotEstimable": both 0 and
// infinity.
double log_product_e_value(std::span<const double> e_values);

// min(1, 1 / e).
double p_from_e(double e_value);

// Calibrator from p to e: (1 - p + p ln p) / (p ln^2 p); 1/2 at p = 1, infinite at 0.
// throws  Error(kUsage) "InvalidProbability": p outside [0, 1].
// source  Vovk and Wang (2021), Annals of Statistics 49: the mean of kappa p^(kappa - 1) over
// kappa.
double e_from_p(double p_value);

}  // namespace peira::stats
