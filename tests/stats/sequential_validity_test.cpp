// What "always valid" promises, by simulation: runs in which nothing is to be found, looked at
// after every observation, end in a finding no more often than alpha. PEIRA_SIMULATIONS sets how
// many runs [20,000]; the limit allows three Monte-Carlo standard errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <numeric>
#include <vector>

#include "stats/betting_test.h"
#include "stats/confidence_sequence.h"
#include "stats/group_sequential.h"
#include "stats/moments.h"
#include "stats/random.h"
#include "stats/sequential_mcnemar.h"
#include "stats/sequential_mean.h"

namespace peira::stats {
namespace {

constexpr double kAlpha = 0.05;

int num_runs() {
  const char* text = std::getenv("PEIRA_SIMULATIONS");
  return text == nullptr ? 20'000 : std::max(100, std::atoi(text));
}

// Share of runs in which `found(random)` says that something was found.
template <typename Found>
double error_rate(std::uint64_t seed, int runs, Found found) {
  int errors = 0;
  for (int run = 0; run < runs; ++run) {
    Random random(split_seed(seed, static_cast<std::uint64_t>(run)));
    errors += found(random) ? 1 : 0;
  }
  const double rate = static_cast<double>(errors) / runs;
  ::testing::Test::RecordProperty("error_rate", std::to_string(rate));
  std::printf("error rate %.4f of %d runs\n", rate, runs);
  return rate;
}

double most_allowed(int runs) { return kAlpha + 3 * std::sqrt(kAlpha * (1 - kAlpha) / runs); }

double normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log1p(-random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

TEST(SequentialValidity, OfMsprt) {
  const int runs = num_runs();
  const double rate = error_rate(1, runs, [](Random& random) {
    double sum = 0;
    RunningP running;
    for (int n = 1; n <= 200; ++n) {
      sum += normal(random);
      running.add(msprt(sum / n, 1 / std::sqrt(n), {.tau = 0.3}).p);
    }
    return running.p.value <= kAlpha;
  });
  EXPECT_LE(rate, most_allowed(runs));
  EXPECT_GT(rate, 0.005);  // it does look
}

TEST(SequentialValidity, OfTheAsymptoticSequence) {
  const int runs = num_runs();
  const double rate = error_rate(2, runs, [](Random& random) {
    Moments moments;
    for (int n = 1; n <= 400; ++n) {
      moments.add(random.uniform() < 0.3 ? 0.7 : -0.3);
      if (n < 100) continue;
      const AsymptoticSequence now = asymptotic_sequence(
          moments.mean(), moments.std_error().value(), n, {.tuning_n = 200, .alpha = kAlpha});
      if (std::abs(moments.mean()) >= now.half_width) return true;
    }
    return false;
  });
  EXPECT_LE(rate, most_allowed(runs));
  EXPECT_GT(rate, 0.001);
}

TEST(SequentialValidity, OfEmpiricalBernstein) {
  const int runs = num_runs();
  const double rate = error_rate(3, runs, [](Random& random) {
    EmpiricalBernstein sequence({.alpha = kAlpha});
    for (int n = 1; n <= 200; ++n) sequence.add(random.uniform() < 0.2 ? 1 : 0);
    return sequence.running().low > 0.2 || sequence.running().high < 0.2;
  });
  EXPECT_LE(rate, most_allowed(runs));
}

TEST(SequentialValidity, OfHedgedBetting) {
  const int runs = num_runs();
  const double rate = error_rate(4, runs, [](Random& random) {
    HedgedBetting betting({.alpha = kAlpha});
    for (int n = 1; n <= 80; ++n) {
      betting.add(random.uniform() < 0.6 ? 1 : 0);
      if (betting.log_capital(0.6) >= -std::log(kAlpha)) return true;
    }
    return false;
  });
  EXPECT_LE(rate, most_allowed(runs));
  EXPECT_GT(rate, 0.005);
}

// A list of `size` scores of which a share `mean` is 1, in random order.
std::vector<double> shuffled_list(Random& random, int size, double mean) {
  std::vector<double> list(static_cast<std::size_t>(size), 0);
  std::fill_n(list.begin(), static_cast<std::ptrdiff_t>(std::llround(size * mean)), 1.0);
  random.shuffle(std::span<double>(list));
  return list;
}

TEST(SequentialValidity, OfHedgedBettingWithoutReplacement) {
  const int runs = num_runs();
  const double rate = error_rate(5, runs, [](Random& random) {
    HedgedBetting betting({.alpha = kAlpha, .population = 80});
    for (const double x : shuffled_list(random, 80, 0.6)) {
      betting.add(x);
      if (betting.log_capital(0.6) >= -std::log(kAlpha)) return true;
    }
    return false;
  });
  EXPECT_LE(rate, most_allowed(runs));
  EXPECT_GT(rate, 0.005);
}

TEST(SequentialValidity, OfBettingTests) {
  const int runs = num_runs();
  const double independent = error_rate(6, runs, [](Random& random) {
    BettingTest test(0.7, std::nullopt);
    for (int n = 1; n <= 200; ++n) {
      test.add(random.uniform() < 0.7 ? 1 : 0);
      if (n % 2 == 0 && test.rejects(kAlpha)) return true;
    }
    return false;
  });
  EXPECT_LE(independent, most_allowed(runs));
  EXPECT_GT(independent, 0.005);
  const double finite = error_rate(7, runs, [](Random& random) {
    BettingTest test(0.7, 200);
    for (const double x : shuffled_list(random, 200, 0.7)) {
      test.add(x);
      if (test.rejects(kAlpha)) return true;
    }
    return false;
  });
  EXPECT_LE(finite, most_allowed(runs));
  EXPECT_GT(finite, 0.005);
}

TEST(SequentialValidity, OfMcNemar) {
  const int runs = num_runs();
  const double rate = error_rate(8, runs, [](Random& random) {
    SequentialMcNemar test;
    for (int n = 1; n <= 300; ++n) {
      const std::uint64_t draw = random.below(10);
      test.add(draw == 0 || draw > 5, draw == 1 || draw > 5);
      if (test.p().value <= kAlpha) return true;
    }
    return false;
  });
  EXPECT_LE(rate, most_allowed(runs));
  EXPECT_GT(rate, 0.001);
}

// Spends alpha exactly, so that the rate is bounded on both sides.
TEST(SequentialValidity, OfGroupSequentialBoundaries) {
  const int runs = num_runs();
  const std::vector<double> info{0.15, 0.4, 0.6, 1};
  for (const Spending spending : {Spending::kObrienFleming, Spending::kPocock}) {
    const auto looks = group_sequential(info, {.alpha = kAlpha, .spending = spending});
    const double rate = error_rate(9, runs, [&](Random& random) {
      double sum = 0;
      double before = 0;
      for (const GroupLook& look : looks) {
        sum += std::sqrt(look.info - before) * normal(random);
        before = look.info;
        if (std::abs(sum) / std::sqrt(look.info) >= look.boundary) return true;
      }
      return false;
    });
    EXPECT_LE(rate, most_allowed(runs));
    EXPECT_GE(rate, 2 * kAlpha - most_allowed(runs));
  }
}

}  // namespace
}  // namespace peira::stats
