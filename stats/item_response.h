// Item response theory: how able a model is, from a few items whose difficulty is known, and what
// it would score on all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// Two-parameter logistic item: P(right) = 1 / (1 + exp(-a (ability - b))).
struct ResponseItem {
  double discrimination = 1;  // a > 0
  double difficulty = 0;      // b
};

double chance_right(const ResponseItem& item, double ability);

struct Ability {
  double ability = 0;
  double std_error = 0;  // 1 / sqrt(information); the item parameters' own error is not in it
};

// Maximum likelihood.
//
// items, scores  [n]; scores in [0, 1], as a rule 0 or 1.
// throws         Error(kData): "EmptyInput", "LengthMismatch", "NonFiniteInput", "NotEstimable"
// (all
//                right or all wrong: the maximum is infinite; use ability_map); Error(kUsage)
//                "InvalidArgument": a discrimination not positive or a score outside [0, 1].
// source         root of sum a (y - P); information sum a^2 P (1 - P). Birnbaum (1968).
Ability ability_mle(std::span<const ResponseItem> items, std::span<const double> scores);

// Mode of the posterior with a standard normal prior: always there.
// source  root of sum a (y - P) - ability; information + 1.
Ability ability_map(std::span<const ResponseItem> items, std::span<const double> scores);

// Mean chance of being right over `items`.
double expected_score(std::span<const ResponseItem> items, double ability);

// Items of a whole benchmark as one calibration estimated them.
struct ItemBank {
  std::string version;  // hash of the calibration file
  std::vector<ResponseItem> items;
};

// What a model scored on a few of them.
struct AnchorScores {
  std::string version;               // of the bank that the anchors were picked from
  std::vector<std::size_t> indices;  // of the bank's items, all different
  std::vector<double> scores;        // [num_anchors], in [0, 1]
  std::vector<double> weights;       // [num_anchors], >= 0, summing to 1; empty: equal
};

struct BenchmarkEstimate {
  Ability ability;    // by ability_map
  double p_irt = 0;   // anchors as scored, the rest as the model predicts
  double gp_irt = 0;  // blend of the weighted anchor mean and p_irt
  // p_irt over the ability's normal interval: the error of the item parameters is not in it.
  Interval interval;
  std::vector<std::string> warnings;  // "ignores_item_parameter_error"
};

// Score on the whole benchmark from anchors.
//
// blend   weight of the anchors' weighted mean in gp_irt, in [0, 1].
// throws  as ability_map; Error(kUsage) "InvalidArgument": versions differ, an index out of range
// or
//         twice, weights that do not sum to 1, a bad blend.
// source  Polo et al. (2024), tinyBenchmarks, arXiv:2402.14992:
//         p-IRT = |I|/N mean(y_I) + (1 - |I|/N) mean_{i not in I} P_i(ability),
//         gp-IRT = blend sum w_i y_i + (1 - blend) p-IRT
BenchmarkEstimate estimate_benchmark(const ItemBank& bank, const AnchorScores& anchors,
                                     double blend, double confidence = 0.95);

}  // namespace peira::stats
