// What several answers to one question say: at least one right, all right, most right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace peira::stats {

// Each is the chance over k answers drawn without replacement from the n given, c of them right,
// of one problem: n counts answers, never problems. A mean over problems and its standard error are
// clustered_mean() of one value a problem (stats/clustered_mean.h).
// throws Error(kUsage) "InvalidArgument": k > n, k < 1, or c outside [0, n]; never a made-up 1;
//        "BudgetExceeded" past ten million answers.

// At least one of k is right.
// source  Chen et al. (2021), arXiv:2107.03374: 1 - C(n-c, k) / C(n, k), unbiased
double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k);

// All k are right: C(c, k) / C(n, k).
double pass_hat_k(std::int64_t n, std::int64_t c, std::int64_t k);

// At least ceil(tau k) of k, and at least one, are right; 0 <= tau <= 1.
// source  Liu et al. (2024), arXiv:2412.13147, G-Pass@k
double g_pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k, double tau);

// Mean of G-Pass@k over tau in (1/2, 1]: (2/k) sum_{i = ceil(k/2)+1}^{k}.
double mg_pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k);

// Chance that the plurality of k answers drawn from n is right, ties broken evenly.
//
// answer_counts  how often each different answer was given, the right one first (0 if never).
// cost           grows with the number of ways to split k over the answers.
// throws         Error(kUsage) "InvalidArgument"; "BudgetExceeded" past a million ways: then
// sample.
double maj_at_k(std::span<const std::int64_t> answer_counts, std::int64_t k);

// How a plurality without a single winner is decided.
enum class PluralityTies {
  kUniform,  // each of the most frequent answers wins alike
  kFirst     // the one given first wins: depends on the order of the answers
};

struct SampledPlurality {
  double chance = 0;
  double std_error = 0;  // of the sampling, not of the answers
  std::int64_t num_draws = 0;
  std::uint64_t seed = 0;
};

// The same chance by sampling, for answers of too many kinds to walk through and for ties decided
// by order: `num_draws` subsets of k answers, in the order given.
//
// answers  [n], equal numbers for equal answers.
// correct  the number of the right answer; it may be none of them.
// throws   Error(kUsage) "InvalidArgument": k outside [1, n], num_draws below 1.
SampledPlurality maj_at_k_sampled(std::span<const std::int64_t> answers, std::int64_t correct,
                                  std::int64_t k, PluralityTies ties, std::int64_t num_draws,
                                  std::uint64_t seed);

// Index of the first answer among the most frequent ones; "" is no answer and has no vote.
// returns  answers.size() when there is no answer at all.
std::size_t majority_vote(std::span<const std::string> answers);

}  // namespace peira::stats
