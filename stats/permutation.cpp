#include "stats/permutation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "stats/detail/checks.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

constexpr std::int64_t kMostArrangements = 200'000;
constexpr std::size_t kMostFlipped = 20;

// What moves as one: a value, or a cluster of them.
struct Unit {
  double sum = 0;
  double count = 0;
};

// Counts arrangements at least as extreme as the observed statistic.
class Tally {
 public:
  // noise  size of the numbers that a statistic is a difference of
  Tally(double observed, double noise)
      : observed_(observed),
        tolerance_(1e-12 * std::abs(observed) +
                   16 * std::numeric_limits<double>::epsilon() * noise) {}

  void add(double statistic) {
    ++tried_;
    greater_ += statistic >= observed_ - tolerance_;
    less_ += statistic <= observed_ + tolerance_;
    extreme_ += std::abs(statistic) >= std::abs(observed_) - tolerance_;
  }

  PermutationTest result(bool exact) const {
    // The observed arrangement is one of all, but not of those drawn.
    const double extra = exact ? 0 : 1;
    const double all = static_cast<double>(tried_) + extra;
    PermutationTest test;
    test.estimate = observed_;
    test.num_arrangements = tried_;
    test.greater_p = (static_cast<double>(greater_) + extra) / all;
    test.less_p = (static_cast<double>(less_) + extra) / all;
    test.two_sided_p = (static_cast<double>(extreme_) + extra) / all;
    test.doubled_p = std::min(1.0, 2 * std::min(test.greater_p, test.less_p));
    test.method = exact ? "exact" : "monte-carlo";
    if (!exact) {
      const double p = test.two_sided_p;
      test.two_sided_std_error = std::sqrt(p * (1 - p) / static_cast<double>(tried_));
    }
    return test;
  }

 private:
  double observed_, tolerance_;
  std::int64_t tried_ = 0, greater_ = 0, less_ = 0, extreme_ = 0;
};

void require_options(const PermutationOptions& options) {
  if (options.num_resamples < 1) {
    detail::invalid_argument("a Monte Carlo test needs at least one resample");
  }
}

// C(n, k), or any number above `limit` once it is larger.
std::int64_t choose_up_to(std::int64_t n, std::int64_t k, std::int64_t limit) {
  k = std::min(k, n - k);
  std::int64_t ways = 1;
  for (std::int64_t i = 1; i <= k; ++i) {
    ways = ways * (n - k + i) / i;
    if (ways > limit) return ways;
  }
  return ways;
}

// Values, or the sums of their clusters, in order of first appearance.
std::vector<Unit> units_of(std::span<const double> values, std::span<const std::int64_t> clusters,
                           double centre, std::map<std::int64_t, std::size_t>& places) {
  if (!clusters.empty()) {
    detail::require_same_length(values.size(), clusters.size(), "values and cluster labels");
  }
  std::vector<Unit> units;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::size_t place = units.size();
    if (!clusters.empty()) place = places.emplace(clusters[i], place).first->second;
    if (place == units.size()) units.emplace_back();
    units[place].sum += values[i] - centre;
    units[place].count += 1;
  }
  return units;
}

// Every choice of `left` units from `first` on, added to what was chosen before.
template <typename Visit>
void choose(std::span<const Unit> units, std::size_t first, std::size_t left, Unit chosen,
            const Visit& visit) {
  if (left == 0) {
    visit(chosen);
    return;
  }
  for (std::size_t i = first; i + left <= units.size(); ++i) {
    choose(units, i + 1, left - 1, Unit{chosen.sum + units[i].sum, chosen.count + units[i].count},
           visit);
  }
}

// Both signs of every sum from `first` on.
template <typename Visit>
void flip(std::span<const double> sums, std::size_t first, double total, const Visit& visit) {
  if (first == sums.size()) {
    visit(total);
    return;
  }
  flip(sums, first + 1, total + sums[first], visit);
  flip(sums, first + 1, total - sums[first], visit);
}

}  // namespace

PermutationTest permutation_mean_difference(std::span<const double> a, std::span<const double> b,
                                            const PermutationOptions& options,
                                            std::span<const std::int64_t> clusters_a,
                                            std::span<const std::int64_t> clusters_b) {
  require_options(options);
  if (a.empty() || b.empty()) detail::empty_input("an arm has no values");
  if (clusters_a.empty() != clusters_b.empty()) {
    detail::invalid_argument("both arms have cluster labels or neither");
  }
  detail::require_finite(a, "a value of arm a");
  detail::require_finite(b, "a value of arm b");
  double all = 0;
  double largest = 0;
  for (const auto arm : {a, b}) {
    for (const double value : arm) all += value;
  }
  // Around the mean of all, sums are small and so is their rounding.
  const double centre = all / static_cast<double>(a.size() + b.size());
  for (const auto arm : {a, b}) {
    for (const double value : arm) largest = std::max(largest, std::abs(value - centre));
  }
  std::map<std::int64_t, std::size_t> places_a, places_b;
  std::vector<Unit> units = units_of(a, clusters_a, centre, places_a);
  const std::size_t num_a = units.size();
  const std::vector<Unit> units_b = units_of(b, clusters_b, centre, places_b);
  for (const auto& [cluster, place] : places_b) {
    if (places_a.contains(cluster)) {
      detail::invalid_argument("a cluster has values in both arms: flip signs of pairs instead");
    }
  }
  units.insert(units.end(), units_b.begin(), units_b.end());
  const std::size_t num_b = units_b.size();

  Unit total;
  for (const Unit& unit : units) total = {total.sum + unit.sum, total.count + unit.count};
  const auto statistic = [&total](const Unit& chosen) {
    return chosen.sum / chosen.count - (total.sum - chosen.sum) / (total.count - chosen.count);
  };
  Unit observed;
  for (const Unit& unit : units_b) {
    observed = {observed.sum + unit.sum, observed.count + unit.count};
  }
  Tally tally(statistic(observed), largest);
  const bool exact =
      choose_up_to(static_cast<std::int64_t>(units.size()), static_cast<std::int64_t>(num_b),
                   kMostArrangements) <= kMostArrangements;
  if (exact) {
    choose(units, 0, num_b, Unit{}, [&](const Unit& chosen) { tally.add(statistic(chosen)); });
    return tally.result(true);
  }
  Random random(options.seed);
  std::vector<Unit> shuffled;
  for (std::int64_t resample = 0; resample < options.num_resamples; ++resample) {
    shuffled = units;
    random.shuffle(std::span(shuffled));
    Unit chosen;
    for (std::size_t i = num_a; i < shuffled.size(); ++i) {
      chosen = {chosen.sum + shuffled[i].sum, chosen.count + shuffled[i].count};
    }
    tally.add(statistic(chosen));
  }
  return tally.result(false);
}

PermutationTest sign_flip_test(std::span<const double> differences,
                               const PermutationOptions& options,
                               std::span<const std::int64_t> clusters) {
  require_options(options);
  if (differences.empty()) detail::empty_input("no differences");
  detail::require_finite(differences, "a difference");
  std::map<std::int64_t, std::size_t> places;
  const std::vector<Unit> units = units_of(differences, clusters, 0, places);
  std::vector<double> sums;
  double observed = 0;
  double largest = 0;
  for (const Unit& unit : units) {
    sums.push_back(unit.sum);
    observed += unit.sum;
    largest += std::abs(unit.sum);
  }
  const double n = static_cast<double>(differences.size());
  Tally tally(observed / n, largest / n);
  if (sums.size() <= kMostFlipped) {
    flip(sums, 0, 0, [&](double total) { tally.add(total / n); });
    return tally.result(true);
  }
  Random random(options.seed);
  for (std::int64_t resample = 0; resample < options.num_resamples; ++resample) {
    double total = 0;
    for (const double sum : sums) total += random.below(2) == 1 ? -sum : sum;
    tally.add(total / n);
  }
  return tally.result(false);
}

}  // namespace peira::stats
