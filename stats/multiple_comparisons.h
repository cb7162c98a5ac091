// p-values adjusted for having looked more than once. Order of the input is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace peira::stats {

// All follow R p.adjust. throws Error(kUsage) "InvalidProbability": a p outside [0, 1] or NaN.

std::vector<double> bonferroni(std::span<const double> p_values);
// Family-wise error under any dependence; never weaker than Bonferroni. The default.
std::vector<double> holm(std::span<const double> p_values);
// Family-wise error for independent or positively dependent tests.
std::vector<double> hochberg(std::span<const double> p_values);
// False discovery rate for independent or positively dependent tests.
std::vector<double> benjamini_hochberg(std::span<const double> p_values);
// False discovery rate under any dependence.
std::vector<double> benjamini_yekutieli(std::span<const double> p_values);

// Levels at which each comparison is tested when one metric matters most.
struct PreferentialAlphas {
  double primary = 0;           // of the primary metric, each treatment
  std::optional<double> other;  // of each other metric, each treatment; empty when there is none
};

// Bonferroni with the share `primary_share` of alpha kept for the primary metric.
//
// primary_share  gamma in (0, 1); the whole of alpha goes to the primary metric if it is the only
// one. throws         Error(kUsage) "InvalidProbability": alpha or primary_share outside (0, 1);
//                "InvalidArgument": num_metrics or num_treatments below 1.
// source         gamma alpha / k for the primary metric, (1 - gamma) alpha / (k (m - 1)) for each
// of
//                the other m - 1, with k treatments (Eppo's preferential Bonferroni).
PreferentialAlphas preferential_bonferroni(double alpha, double primary_share,
                                           std::int64_t num_metrics, std::int64_t num_treatments);

}  // namespace peira::stats
