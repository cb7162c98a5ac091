// Deciding on which side of a given number the mean of bounded scores lies, one score at a time:
// what a run that stops as soon as it can is stopped by.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "stats/intervals.h"

namespace peira::stats {

// Tests that the mean of scores in [0, 1] is at most `null_mean`, after each score anew: whatever
// the moment of looking, the capital reaches 1 / alpha with probability at most alpha if it is.
// For "at least" feed 1 - score and 1 - null_mean.
//
// The capital is the mean of kNumBets gamblers', each of whom always bets the same share c of what
// he has: prod (1 - c + c x_t / m_t). Some c is near the best one for whatever the mean turns out
// to be, and only its share of the mixture, ln(kNumBets), is lost; and each factor falls in m, so
// that the means not yet ruled out are an interval (betting_interval).
//
// A plain value in flat memory: copy it to save it; the same scores in the same order give the same
// bits.
// source  Waudby-Smith and Ramdas (2024), JRSS B 86: capital processes, section 5; without
//         replacement, section 6: m_t = (N m - sum_{i<t} x_i) / (N - t + 1); Cover (1991): mixture
//         over constant bets
class BettingTest {
 public:
  static constexpr std::size_t kNumBets = 20;

  // population  length of the list the scores are drawn from without replacement, in random order;
  //             empty: independent scores with one mean.
  // throws      Error(kUsage) "InvalidProbability": null_mean outside [0, 1]; "InvalidArgument".
  BettingTest(double null_mean, std::optional<std::int64_t> population);

  // throws Error(kData) "NonFiniteInput"; Error(kUsage) "InvalidArgument": x outside [0, 1], or
  // more
  //        scores than the population.
  void add(double x);

  std::int64_t count() const { return count_; }
  // ln of the capital; +infinity once the scores seen make the null impossible, -infinity when all
  // is lost.
  double log_capital() const;
  bool rejects(double alpha) const;

 private:
  double capital() const;

  double null_mean_;
  std::int64_t population_;  // 0: independent
  std::int64_t count_ = 0;
  double sum_ = 0;
  bool impossible_ = false;
  std::array<double, kNumBets> wealth_{};  // of one unit each; too little for a double is none
};

// The means that BettingTest has not ruled out after `scores`, each end at error level
// `alpha_each_side`: together a confidence interval of 1 - 2 alpha_each_side that holds at whatever
// moment it is looked at. [0, 1] without scores.
//
// cost    about fifty passes over the scores an end.
// throws  as BettingTest.
Interval betting_interval(std::span<const double> scores, std::optional<std::int64_t> population,
                          double alpha_each_side);

}  // namespace peira::stats
