// McNemar's test that may be looked at after every question: paired right/wrong answers of A and B.
#pragma once

#include <cstdint>

#include "stats/distributions.h"
#include "stats/intervals.h"

namespace peira::stats {

// Only questions on which A and B fall differently say anything; under the null each falls to
// either side with chance 1/2. A plain value: copy it to save it.
//
// source  Beta(a, a) mixture against 1/2: E = B(a + s, a + f) / B(a, a) 2^(s + f), s and f the
//         questions that only B, only A got right. Its running maximum reaches 1 / alpha with
//         probability at most alpha (Ville).
class SequentialMcNemar {
 public:
  // throws Error(kUsage) "InvalidArgument": a <= 0.
  explicit SequentialMcNemar(double a = 1);

  // One question.
  void add(bool a_right, bool b_right);
  // Many at once, as a table. throws Error(kUsage) "InvalidArgument": a negative count.
  void add_discordant(std::int64_t only_a, std::int64_t only_b);

  std::int64_t only_a() const { return only_a_; }
  std::int64_t only_b() const { return only_b_; }

  double log_e() const;  // 0 without discordant questions
  PValue p() const;      // min(1, 1 / E) now; RunningP keeps the smallest

  // Shares of discordant questions that B may win in the long run, at 1 - alpha for every moment
  // at once; [0, 1] without discordant questions. throws Error(kUsage) "InvalidProbability".
  Interval share_interval(double alpha = 0.05) const;

 private:
  double a_;
  std::int64_t only_a_ = 0, only_b_ = 0;
};

}  // namespace peira::stats
