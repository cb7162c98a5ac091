// Confidence sequences for the mean of bounded scores: intervals that hold at every moment at once,
// so that one may look after each score and stop when one likes.
//
// Scores lie in [0, 1]; of others (x - low) / (high - low), and a difference of two scores d maps
// by (d + 1) / 2. They are independent with one mean, or drawn from a finite list in random order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// What the bets and weights of both procedures follow: spread seen so far, before the next score.
// A plain value: copy it to save it.
struct BetSizes {
  std::int64_t count = 0;
  double sum = 0;
  double squares = 0;  // sum of (x_i - m_i)^2, m_i = (1/2 + sum_{j <= i} x_j) / (i + 1)

  // lambda_t = sqrt(2 ln(1/a) / (t ln(1 + t) v_{t-1})) for the next score, t = count + 1.
  double next(double log_inverse_a) const;
  void add(double x);
};

// Empirical Bernstein confidence sequence with predictable plug-in weights.
//
// A plain value in flat memory: copy it to save it; the same scores in the same order give the same
// bits.
// source  Waudby-Smith and Ramdas (2024), JRSS B 86, theorem 2 (confseq predmix_empbern_cs):
//         [sum l x - ln(1/a) - sum (x_i - xbar_{i-1})^2 psi(l)] / sum l, psi(l) = -ln(1-l) - l,
//         l = min(lambda, truncation), a = alpha / 2 on either side, xbar_0 = 0
class EmpiricalBernstein {
 public:
  struct Options {
    double alpha = 0.05;
    double truncation = 0.5;  // of the weights, in (0, 1)
  };

  // throws Error(kUsage) "InvalidProbability".
  explicit EmpiricalBernstein(const Options& options);
  EmpiricalBernstein() : EmpiricalBernstein(Options()) {}

  // throws Error(kData) "NonFiniteInput"; Error(kUsage) "InvalidArgument": x outside [0, 1].
  void add(double x);

  std::int64_t count() const { return sizes_.count; }
  Interval interval() const;                            // after the last score alone
  const Interval& running() const { return running_; }  // intersection over all moments

 private:
  // Of the scores, or of 1 - scores.
  struct Side {
    double sum = 0;  // of the scores
    double weights = 0, weighted = 0, penalty = 0;

    void add(double x, std::int64_t before, double weight, double psi);
    double lower(double log_inverse_a) const;
  };

  double truncation_, log_inverse_a_;
  BetSizes sizes_;
  Side below_, above_;
  Interval running_{0, 1};
};

// Hedged betting: for each candidate mean, two gamblers bet on scores above and below it; a mean
// against which either grows rich is out. Tighter than EmpiricalBernstein.
//
// Keeps the scores, 8 bytes each, since every candidate sees other bets: capital is O(count), the
// interval about a hundred times that. Saved as its scores, in order.
// source  Waudby-Smith and Ramdas (2024), theorem 3 and section 5 (confseq betting_mart):
//         K+ = prod (1 + min(lambda, c/m) (x - m)), K- = prod (1 - min(lambda, c/(1-m)) (x - m)),
//         capital max(theta K+, (1 - theta) K-), out when >= 1/alpha;
//         without replacement from N: m_t = (N m - sum_{i<t} x_i) / (N - t + 1) for m
class HedgedBetting {
 public:
  struct Options {
    double alpha = 0.05;
    double theta = 0.5;       // share of the capital that bets on means above the candidate
    double truncation = 0.5;  // c
    // Length of the list the scores are drawn from without replacement, in random order; empty:
    // independent scores.
    std::optional<std::int64_t> population = {};
  };

  // throws Error(kUsage) "InvalidProbability"; "InvalidArgument": a population below 1.
  explicit HedgedBetting(const Options& options);

  // throws as EmpiricalBernstein::add; Error(kUsage) "InvalidArgument": more than the population.
  void add(double x);

  const std::vector<double>& scores() const { return scores_; }

  // ln of the capital against mean m; +infinity where the scores seen rule m out.
  // throws Error(kUsage) "InvalidProbability": m outside [0, 1].
  double log_capital(double m) const;

  // The means not out at this moment. [0, 1] before the first score.
  Interval interval() const;

 private:
  Options options_;
  BetSizes sizes_;
  double sum_ = 0;
  std::vector<double> scores_;
  std::vector<double> bets_;  // lambda of each score at theta's share of alpha
  double down_ratio_;         // lambda of the gambler on lower means over that
};

}  // namespace peira::stats
