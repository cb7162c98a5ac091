// Studies drawn under a null hypothesis, and whether a test rejects it as often as it says.
// PEIRA_SIMULATIONS sets how many studies [20,000].
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numbers>

#include "stats/random.h"

namespace peira::stats {

inline int num_studies() {
  const char* text = std::getenv("PEIRA_SIMULATIONS");
  return text == nullptr ? 20'000 : std::max(100, std::atoi(text));
}

// Standard normal, by Box and Muller: two draws.
inline double draw_normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log1p(-random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

// Mean of `study(random)` over the studies, each with a seed of its own: a share, or a mean share.
template <typename Study>
double mean_over_studies(std::uint64_t seed, Study study) {
  const int studies = num_studies();
  double sum = 0;
  for (int s = 0; s < studies; ++s) {
    Random random(split_seed(seed, static_cast<std::uint64_t>(s)));
    sum += study(random);
  }
  const double rate = sum / studies;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::printf("%s.%s: %.4f of %d studies\n", test->test_suite_name(), test->name(), rate, studies);
  return rate;
}

// Four standard errors of a share `rate` over the studies: missed once in 16,000 times.
inline double monte_carlo_error(double rate) {
  return 4 * std::sqrt(rate * (1 - rate) / num_studies());
}

}  // namespace peira::stats
