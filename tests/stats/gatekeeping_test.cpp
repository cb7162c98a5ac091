#include "stats/gatekeeping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "stats/distributions.h"
#include "stats/multiple_comparisons.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Hypotheses = std::vector<RankedHypothesis>;
using Shares = std::vector<double>;

void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-12) << i;
}

TEST(Gatekeeping, OfOneFamilyIsHolms) {
  const std::vector<double> p{0.02, 0.02, 0.5, 1, 0.0004};
  Hypotheses family;
  for (const double one : p) family.push_back({one});
  expect_near(gatekeeping(family, Shares{1}), holm(p));
}

// By hand: a fixed sequence stops at the first p above alpha, so each is adjusted to the largest
// so far.
TEST(Gatekeeping, OfSingleHypothesesIsAFixedSequence) {
  const Hypotheses sequence{{0.01, 0}, {0.03, 1}, {0.002, 2}, {0.2, 3}, {0.0001, 4}};
  expect_near(gatekeeping(sequence, Shares{1, 0, 0, 0, 0}), {0.01, 0.03, 0.03, 0.2, 0.2});
}

// By hand: Holm's within the first family, the second only after the whole first.
TEST(Gatekeeping, TestsAFamilyOnceAllOfTheOnesBeforeItAreRejected) {
  const Hypotheses two{{0.01, 0}, {0.04, 0}, {0.001, 1}, {0.03, 1}};
  expect_near(gatekeeping(two, Shares{1, 0}), {0.02, 0.04, 0.04, 0.04});
  const Hypotheses shut{{0.01, 0}, {0.06, 0}, {0.001, 1}};
  expect_near(gatekeeping(shut, Shares{1, 0}), {0.02, 0.06, 0.06});
}

// By hand, Wiens' fallback at shares 0.8 and 0.2: p / 0.8 = 0.0125; then the second has all.
TEST(Gatekeeping, HandsAnEmptiedFamilysShareOn) {
  expect_near(gatekeeping(Hypotheses{{0.01, 0}, {0.04, 1}}, Shares{0.8, 0.2}), {0.0125, 0.04});
  // Not rejected, the first still leaves the second its own share, and gets that in turn.
  expect_near(gatekeeping(Hypotheses{{0.3, 0}, {0.004, 1}}, Shares{0.8, 0.2}), {0.3, 0.02});
}

// ---- against the closed test that it is a short cut of ----

// How an intersection's alpha is shared: within families by weight, and families of which nothing
// is in it leave their share to the next that has something.
std::vector<double> weights_of(unsigned members, const Hypotheses& all, const Shares& shares) {
  std::vector<double> family_weight(shares.size(), 0), open(shares.size(), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((members >> i & 1U) != 0) open[all[i].family] += all[i].weight;
  }
  for (std::size_t f = 0; f < shares.size(); ++f) {
    std::size_t heir = f;
    while (open[heir] == 0) heir = (heir + 1) % shares.size();
    family_weight[heir] += shares[f];
  }
  std::vector<double> weights(all.size(), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((members >> i & 1U) == 0) continue;
    weights[i] = family_weight[all[i].family] * all[i].weight / open[all[i].family];
  }
  return weights;
}

std::vector<double> closed_test(const Hypotheses& all, const Shares& shares) {
  std::vector<double> adjusted(all.size(), 0);
  for (unsigned members = 1; members < 1U << all.size(); ++members) {
    const std::vector<double> weights = weights_of(members, all, shares);
    double p = 1;  // weighted Bonferroni of the intersection
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (weights[i] > 0) p = std::min(p, all[i].p_value / weights[i]);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((members >> i & 1U) != 0) adjusted[i] = std::max(adjusted[i], p);
    }
  }
  return adjusted;
}

TEST(Gatekeeping, IsTheClosedTestItIsAShortCutOf) {
  Random random(20261127);
  for (int trial = 0; trial < 300; ++trial) {
    const std::size_t families = 1 + random.below(3);
    Hypotheses all;
    for (std::size_t f = 0; f < families; ++f) {
      const std::size_t count = 1 + random.below(3);
      for (std::size_t i = 0; i < count; ++i) {
        all.push_back({std::pow(random.uniform(), 4), f, 0.5 + random.uniform()});
      }
    }
    Shares shares(families, 0);
    if (trial % 2 == 0) {
      shares[0] = 1;
    } else {
      double sum = 0;
      for (double& share : shares) sum += share = 0.1 + random.uniform();
      for (double& share : shares) share /= sum;
    }
    expect_near(gatekeeping(all, shares), closed_test(all, shares));
  }
}

// ---- the rate it states ----

int num_simulations() {
  const char* text = std::getenv("PEIRA_SIMULATIONS");
  return text == nullptr ? 4000 : std::atoi(text);
}

// Of two families of three hypotheses with equally correlated normal statistics, those in `is_true`
// true; how often one of them is rejected at 0.05.
double family_wise_error(const std::vector<bool>& is_true, const Shares& shares,
                         double correlation) {
  constexpr double kAlpha = 0.05, kEffect = 3;
  Random random(7);
  int wrong = 0;
  for (int i = 0; i < num_simulations(); ++i) {
    const auto normal = [&] { return normal_quantile(std::max(random.uniform(), 1e-300)); };
    const double common = normal();
    Hypotheses all;
    for (std::size_t h = 0; h < is_true.size(); ++h) {
      const double z = std::sqrt(correlation) * common + std::sqrt(1 - correlation) * normal() +
                       (is_true[h] ? 0 : kEffect);
      all.push_back({normal_upper_tail(z), h / 3});
    }
    const std::vector<double> adjusted = gatekeeping(all, shares);
    bool any = false;
    for (std::size_t h = 0; h < is_true.size(); ++h)
      any = any || (is_true[h] && adjusted[h] <= kAlpha);
    wrong += any ? 1 : 0;
  }
  return wrong / static_cast<double>(num_simulations());
}

TEST(Gatekeeping, RejectsATrueHypothesisAtMostAtTheRateStated) {
  const double allowed = 0.05 + 3 * std::sqrt(0.05 * 0.95 / num_simulations());
  for (const Shares& shares : {Shares{1, 0}, Shares{0.7, 0.3}}) {
    for (const double correlation : {0.0, 0.5, 0.95}) {
      for (const std::vector<bool>& is_true :
           {std::vector<bool>{true, true, true, true, true, true},
            std::vector<bool>{false, true, true, true, true, true},
            std::vector<bool>{false, false, true, true, false, false},
            std::vector<bool>{false, false, false, true, true, true},
            std::vector<bool>{true, true, true, false, false, false},
            std::vector<bool>{false, false, false, false, false, true}}) {
        EXPECT_LE(family_wise_error(is_true, shares, correlation), allowed);
      }
    }
  }
  // It is used, too: independent tests of which one after another is true come near it.
  EXPECT_GE(family_wise_error({true, true, true, true, true, true}, Shares{1, 0}, 0), 0.035);
}

TEST(Gatekeeping, RefusesWhatIsNoHierarchy) {
  const auto refused = [](const Hypotheses& all, const Shares& shares, const char* name) {
    expect_error(ErrorCode::kUsage, name, [&] { gatekeeping(all, shares); });
  };
  refused({{1.5, 0}}, {1}, "InvalidProbability");
  refused({{std::nan(""), 0}}, {1}, "InvalidProbability");
  refused({{0.5, 0, 0}}, {1}, "InvalidArgument");
  refused({{0.5, 1}}, {1}, "InvalidArgument");
  refused({{0.5, 0}}, {0.5, 0.5}, "InvalidArgument");
  refused({{0.5, 0}, {0.5, 1}}, {0.5, 0.2}, "InvalidArgument");
  refused({{0.5, 0}, {0.5, 1}}, {1.5, -0.5}, "InvalidArgument");
  EXPECT_TRUE(gatekeeping({}, {}).empty());
}

}  // namespace
}  // namespace peira::stats
