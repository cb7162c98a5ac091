#include "stats/rank_tests.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/detail/checks.h"
#include "stats/ranks.h"

namespace peira::stats {
namespace {

constexpr std::int64_t kMostExactPairs = 50;
constexpr double kMostExactProduct = 2500;  // na nb
constexpr double kInfinity = std::numeric_limits<double>::infinity();

PValue p_value_of(double p) {
  return {.value = std::min(1.0, p), .log10 = std::min(0.0, std::log10(p))};
}

// Shared by both tests once statistic, mean and standard deviation are known.
struct NormalApproximation {
  double z, corrected_z;
  PValue p, corrected_p;
};

NormalApproximation approximate(double gap, double std_dev, Alternative alternative) {
  // Half a step towards the mean; one-sided, away from the alternative.
  double corrected = gap;
  if (alternative == Alternative::kGreater) {
    corrected -= 0.5;
  } else if (alternative == Alternative::kLess) {
    corrected += 0.5;
  } else {
    corrected = std::copysign(std::max(0.0, std::abs(gap) - 0.5), gap);
  }
  NormalApproximation result{
      .z = gap / std_dev, .corrected_z = corrected / std_dev, .p = {}, .corrected_p = {}};
  result.p = normal_p_value(result.z, alternative);
  result.corrected_p = normal_p_value(result.corrected_z, alternative);
  return result;
}

double exact_p_of(const RankSumDistribution& null, std::int64_t sum, std::int64_t twice_centre,
                  Alternative alternative) {
  switch (alternative) {
    case Alternative::kGreater:
      return null.at_least(sum);
    case Alternative::kLess:
      return null.at_most(sum);
    case Alternative::kTwoSided:
      return null.as_far(sum, twice_centre);
  }
  detail::invalid_argument("no such alternative");
}

std::int64_t doubled(double rank) { return std::llround(2 * rank); }

std::vector<std::int64_t> first_doubled_ranks(std::int64_t n) {
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = 2 * static_cast<std::int64_t>(i + 1);
  return ranks;
}

// The exact distribution of kept ranks. Many zeros (Pratt) make every rank large; then a sum is
// told apart by how many ranks it has and what they exceed the smallest by.
double exact_signed_rank_p(const std::vector<std::int64_t>& ranks, std::int64_t sum,
                           Alternative alternative) {
  const std::int64_t all = std::accumulate(ranks.begin(), ranks.end(), std::int64_t{0});
  constexpr std::int64_t kLargestTable = 20'000;
  if (all <= kLargestTable) {
    return exact_p_of(signed_rank_distribution(ranks), sum, all, alternative);
  }
  const std::int64_t base = *std::min_element(ranks.begin(), ranks.end());
  const std::int64_t excess = all - base * static_cast<std::int64_t>(ranks.size());
  const auto width = static_cast<std::size_t>(excess) + 1;
  std::vector<std::vector<double>> ways(ranks.size() + 1, std::vector<double>(width, 0));
  ways[0][0] = 1;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const auto step = static_cast<std::size_t>(ranks[i] - base);
    for (std::size_t k = i + 1; k > 0; --k) {
      for (std::size_t s = 0; s + step < width; ++s) ways[k][s + step] += ways[k - 1][s];
    }
  }
  double extreme = 0;
  for (std::size_t k = 0; k < ways.size(); ++k) {
    for (std::size_t s = 0; s < width; ++s) {
      const std::int64_t at = base * static_cast<std::int64_t>(k) + static_cast<std::int64_t>(s);
      const bool counts = alternative == Alternative::kGreater ? at >= sum
                          : alternative == Alternative::kLess
                              ? at <= sum
                              : std::abs(2 * at - all) >= std::abs(2 * sum - all);
      if (counts) extreme += ways[k][s];
    }
  }
  return extreme / std::exp2(static_cast<double>(ranks.size()));
}

// Limits at the order statistics of `count` numbers whose lower one has rank `rank` + 1 tail.
template <typename Select>
Shift shift_of(std::int64_t count, std::int64_t tail_rank, Alternative alternative, Select select) {
  Shift shift;
  const std::int64_t lower = (count + 1) / 2;
  const std::int64_t upper = count / 2 + 1;
  const double low_middle = select(lower);
  shift.estimate = lower == upper ? low_middle : low_middle + (select(upper) - low_middle) / 2;
  const std::int64_t rank = std::clamp<std::int64_t>(tail_rank, 1, (count + 1) / 2);
  shift.interval.low = alternative == Alternative::kLess ? -kInfinity : select(rank);
  shift.interval.high = alternative == Alternative::kGreater ? kInfinity : select(count - rank + 1);
  return shift;
}

double tail_of(const TestOptions& options) {
  detail::require_open_unit(options.confidence, "confidence");
  const double alpha = 1 - options.confidence;
  return options.alternative == Alternative::kTwoSided ? alpha / 2 : alpha;
}

// Rank of the lower limit by the normal approximation.
std::int64_t asymptotic_rank(double mean, double std_dev, double tail) {
  return static_cast<std::int64_t>(std::floor(mean + normal_quantile(tail) * std_dev));
}

}  // namespace

SignedRankTest signed_rank_test(std::span<const double> differences, ZeroMethod zeros,
                                Alternative alternative, double noise) {
  if (differences.empty()) detail::empty_input("no pairs");
  std::vector<double> snapped = snap(differences, noise);
  if (zeros == ZeroMethod::kWilcox) std::erase(snapped, 0.0);
  SignedRankTest test;
  test.num_kept =
      static_cast<std::int64_t>(snapped.size()) - std::count(snapped.begin(), snapped.end(), 0.0);
  if (test.num_kept == 0) {
    test.method = "exact";
    test.exact_p = PValue{};
    test.warnings.emplace_back("no_nonzero_differences");
    return test;
  }
  std::vector<double> magnitudes(snapped.size());
  std::transform(snapped.begin(), snapped.end(), magnitudes.begin(),
                 [](double value) { return std::abs(value); });
  const Ranks ranked = mid_ranks(magnitudes);
  std::vector<std::int64_t> kept;
  std::int64_t plus = 0;  // doubled
  double split = 0;       // of zeros, to each side
  double variance = 0;
  for (std::size_t i = 0; i < snapped.size(); ++i) {
    const double rank = ranked.ranks[i];
    if (snapped[i] == 0) {
      if (zeros != ZeroMethod::kZsplit) continue;
      split += rank / 2;
      variance += rank * rank / 4;
      continue;
    }
    kept.push_back(doubled(rank));
    if (snapped[i] > 0) plus += kept.back();
    variance += rank * rank / 4;
  }
  const std::int64_t all = std::accumulate(kept.begin(), kept.end(), std::int64_t{0});
  test.w_plus = static_cast<double>(plus) / 2 + split;
  test.w_minus = static_cast<double>(all - plus) / 2 + split;
  test.rank_biserial = (test.w_plus - test.w_minus) / (test.w_plus + test.w_minus);
  const NormalApproximation normal =
      approximate(static_cast<double>(2 * plus - all) / 4, std::sqrt(variance), alternative);
  test.z = normal.z;
  test.asymptotic_p = normal.p;
  test.corrected_z = normal.corrected_z;
  test.corrected_p = normal.corrected_p;
  if (test.num_kept <= kMostExactPairs) {
    test.exact_p = p_value_of(exact_signed_rank_p(kept, plus, alternative));
  }
  test.p = test.exact_p.value_or(test.corrected_p);
  test.method = test.exact_p ? "exact" : "asymptotic";
  return test;
}

SignedRankTest signed_rank_test(std::span<const double> a, std::span<const double> b,
                                ZeroMethod zeros, Alternative alternative) {
  detail::require_same_length(a.size(), b.size(), "a and b");
  std::vector<double> differences(a.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences[i] = b[i] - a[i];
    largest = std::max({largest, std::abs(a[i]), std::abs(b[i])});
  }
  return signed_rank_test(differences, zeros, alternative, largest);
}

std::optional<Shift> paired_shift(std::span<const double> differences, const TestOptions& options) {
  const double tail = tail_of(options);
  detail::require_finite(differences, "a difference");
  std::vector<double> sorted(differences.begin(), differences.end());
  std::erase(sorted, 0.0);
  if (sorted.empty()) return std::nullopt;
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<std::int64_t>(sorted.size());
  const double size = static_cast<double>(n);
  const bool exact = n <= kMostExactPairs;
  const std::int64_t rank =
      exact ? signed_rank_distribution(first_doubled_ranks(n)).quantile(tail) / 2
            : asymptotic_rank(size * (size + 1) / 4,
                              std::sqrt(size * (size + 1) * (2 * size + 1) / 24), tail);
  Shift shift = shift_of(n * (n + 1) / 2, rank, options.alternative,
                         [&](std::int64_t k) { return walsh_average(sorted, k); });
  shift.method = exact ? "exact" : "asymptotic";
  return shift;
}

MannWhitneyTest mann_whitney_test(std::span<const double> a, std::span<const double> b,
                                  Alternative alternative) {
  if (a.empty() || b.empty()) detail::empty_input("an arm has no values");
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  const Ranks ranked = mid_ranks(all);
  const double na = static_cast<double>(a.size());
  const double nb = static_cast<double>(b.size());
  const double n = na + nb;
  double rank_sum = 0;
  for (std::size_t i = a.size(); i < all.size(); ++i) rank_sum += ranked.ranks[i];
  MannWhitneyTest test;
  test.u_b = rank_sum - nb * (nb + 1) / 2;
  test.u_a = na * nb - test.u_b;
  test.has_ties = ranked.tie_sum > 0;
  const double variance = na * nb / 12 * ((n + 1) - ranked.tie_sum / (n * (n - 1)));
  if (all.size() == static_cast<std::size_t>(std::count(all.begin(), all.end(), all.front()))) {
    test.method = "exact";
    test.exact_p = PValue{};
    test.warnings.emplace_back("all_tied");
    return test;
  }
  const NormalApproximation normal =
      approximate(test.u_b - na * nb / 2, std::sqrt(variance), alternative);
  test.z = normal.z;
  test.asymptotic_p = normal.p;
  test.corrected_z = normal.corrected_z;
  test.corrected_p = normal.corrected_p;
  if (na * nb <= kMostExactProduct) {
    std::vector<std::int64_t> ranks(all.size());
    std::transform(ranked.ranks.begin(), ranked.ranks.end(), ranks.begin(), doubled);
    const RankSumDistribution null = rank_sum_distribution(ranks, b.size());
    const auto twice_centre =
        2 * static_cast<std::int64_t>(b.size()) * static_cast<std::int64_t>(all.size() + 1);
    test.exact_p = p_value_of(exact_p_of(null, doubled(rank_sum), twice_centre, alternative));
  }
  test.p = test.exact_p.value_or(test.corrected_p);
  test.method = test.exact_p ? "exact" : "asymptotic";
  return test;
}

Shift independent_shift(std::span<const double> a, std::span<const double> b,
                        const TestOptions& options) {
  const double tail = tail_of(options);
  if (a.empty() || b.empty()) detail::empty_input("an arm has no values");
  detail::require_finite(a, "a value of arm a");
  detail::require_finite(b, "a value of arm b");
  std::vector<double> sorted_a(a.begin(), a.end());
  std::vector<double> sorted_b(b.begin(), b.end());
  std::sort(sorted_a.begin(), sorted_a.end());
  std::sort(sorted_b.begin(), sorted_b.end());
  const double na = static_cast<double>(a.size());
  const double nb = static_cast<double>(b.size());
  const bool exact = na * nb <= kMostExactProduct;
  std::int64_t rank = 0;
  if (exact) {
    const auto ranks = first_doubled_ranks(static_cast<std::int64_t>(a.size() + b.size()));
    const RankSumDistribution null = rank_sum_distribution(ranks, b.size());
    rank = (null.quantile(tail) - null.smallest) / 2;  // as U, which starts at 0
  } else {
    rank = asymptotic_rank(na * nb / 2, std::sqrt(na * nb * (na + nb + 1) / 12), tail);
  }
  Shift shift = shift_of(static_cast<std::int64_t>(a.size()) * static_cast<std::int64_t>(b.size()),
                         rank, options.alternative,
                         [&](std::int64_t k) { return sorted_difference(sorted_a, sorted_b, k); });
  shift.method = exact ? "exact" : "asymptotic";
  return shift;
}

}  // namespace peira::stats
