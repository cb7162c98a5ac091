#include "stats/ranks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

// Whole numbers in the order of the doubles they stand for.
std::uint64_t order_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}

double value_of(std::uint64_t order) {
  return std::bit_cast<double>((order >> 63) != 0 ? order & ~(std::uint64_t{1} << 63) : ~order);
}

// The smallest double in [low, high] that at least `rank` of some numbers do not exceed.
template <typename CountAtMost>
double select(double low, double high, std::int64_t rank, CountAtMost count_at_most) {
  std::uint64_t from = order_of(low);
  std::uint64_t to = order_of(high);
  while (from < to) {
    const std::uint64_t middle = from + (to - from) / 2;
    if (count_at_most(value_of(middle)) >= rank) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return value_of(from) + 0.0;  // never -0
}

}  // namespace

Ranks mid_ranks(std::span<const double> values) {
  detail::require_finite(values, "a value");
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  Ranks result;
  result.ranks.resize(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t next = first;
    while (next < order.size() && values[order[next]] == values[order[first]]) ++next;
    const double ties = static_cast<double>(next - first);
    const double rank = static_cast<double>(first + 1 + next) / 2;
    for (std::size_t i = first; i < next; ++i) result.ranks[order[i]] = rank;
    result.tie_sum += ties * ties * ties - ties;
    first = next;
  }
  return result;
}

std::vector<double> snap(std::span<const double> values, double noise) {
  double largest = 0;
  for (const double value : values) {
    detail::require_finite(value, "a value");
    largest = std::max(largest, std::abs(value));
  }
  std::vector<double> snapped(values.begin(), values.end());
  if (largest == 0) return snapped;
  // A power of ten, so that decimals are whole multiples of it and never lie halfway between two.
  const double finest =
      std::max(1e-10 * largest, 8 * std::numeric_limits<double>::epsilon() * std::abs(noise));
  if (!(finest > 1e-300)) return snapped;  // too small to tell rounding from value
  const int exponent = static_cast<int>(std::floor(std::log10(finest)));
  // Two factors: one alone may leave the range of a double.
  const double half = std::pow(10.0, -(exponent / 2));
  const double other = std::pow(10.0, -(exponent - exponent / 2));
  for (double& value : snapped) value = std::round(value * half * other) + 0.0;
  return snapped;
}

double RankSumDistribution::at_most(std::int64_t sum) const {
  double ways = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (smallest + static_cast<std::int64_t>(i) <= sum) ways += counts[i];
  }
  return ways / total;
}

double RankSumDistribution::at_least(std::int64_t sum) const {
  double ways = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (smallest + static_cast<std::int64_t>(i) >= sum) ways += counts[i];
  }
  return ways / total;
}

double RankSumDistribution::as_far(std::int64_t sum, std::int64_t twice_centre) const {
  const std::int64_t distance = std::abs(2 * sum - twice_centre);
  double ways = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (std::abs(2 * (smallest + static_cast<std::int64_t>(i)) - twice_centre) >= distance) {
      ways += counts[i];
    }
  }
  return ways / total;
}

std::int64_t RankSumDistribution::quantile(double p) const {
  const double enough = (p - 10 * std::numeric_limits<double>::epsilon()) * total;
  double ways = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    ways += counts[i];
    if (counts[i] > 0 && ways >= enough) return smallest + static_cast<std::int64_t>(i);
  }
  return smallest + static_cast<std::int64_t>(counts.size()) - 1;
}

RankSumDistribution signed_rank_distribution(std::span<const std::int64_t> doubled_ranks) {
  RankSumDistribution distribution;
  const std::int64_t largest =
      std::accumulate(doubled_ranks.begin(), doubled_ranks.end(), std::int64_t{0});
  distribution.counts.assign(static_cast<std::size_t>(largest) + 1, 0);
  distribution.counts[0] = 1;
  std::size_t reached = 0;
  for (const std::int64_t rank : doubled_ranks) {
    const auto step = static_cast<std::size_t>(rank);
    for (std::size_t sum = reached + 1; sum-- > 0;) {
      distribution.counts[sum + step] += distribution.counts[sum];
    }
    reached += step;
  }
  distribution.total = std::exp2(static_cast<double>(doubled_ranks.size()));
  return distribution;
}

RankSumDistribution rank_sum_distribution(std::span<const std::int64_t> doubled_ranks,
                                          std::size_t size) {
  if (size > doubled_ranks.size()) {
    detail::invalid_argument("a subset cannot be larger than its set");
  }
  // The larger of a subset and its complement has the same distribution, mirrored.
  if (2 * size > doubled_ranks.size()) {
    RankSumDistribution rest = rank_sum_distribution(doubled_ranks, doubled_ranks.size() - size);
    const std::int64_t all =
        std::accumulate(doubled_ranks.begin(), doubled_ranks.end(), std::int64_t{0});
    const auto width = static_cast<std::int64_t>(rest.counts.size());
    std::reverse(rest.counts.begin(), rest.counts.end());
    rest.smallest = all - (rest.smallest + width - 1);
    return rest;
  }
  std::vector<std::int64_t> ranks(doubled_ranks.begin(), doubled_ranks.end());
  std::sort(ranks.begin(), ranks.end());
  const auto middle = static_cast<std::ptrdiff_t>(size);
  const auto least = std::accumulate(ranks.begin(), ranks.begin() + middle, std::int64_t{0});
  const auto most = std::accumulate(ranks.end() - middle, ranks.end(), std::int64_t{0});
  // ways[k][s]: subsets of k of the ranks so far whose sum is s.
  const auto width = static_cast<std::size_t>(most) + 1;
  std::vector<std::vector<double>> ways(size + 1, std::vector<double>(width, 0));
  ways[0][0] = 1;
  std::size_t seen = 0;
  std::size_t reach = 0;  // largest sum so far
  for (const std::int64_t rank : ranks) {
    const auto step = static_cast<std::size_t>(rank);  // no more than `most`, as size >= 1 here
    const std::size_t end = size == 0 ? 0 : std::min(reach + 1, width - step);
    for (std::size_t k = std::min(seen + 1, size); k > 0; --k) {
      const double* without = ways[k - 1].data();
      double* with = ways[k].data() + step;
      for (std::size_t sum = 0; sum < end; ++sum) with[sum] += without[sum];
    }
    ++seen;
    reach += step;
  }
  RankSumDistribution distribution;
  distribution.smallest = least;
  distribution.counts.assign(ways[size].begin() + static_cast<std::ptrdiff_t>(least),
                             ways[size].end());
  for (const double count : distribution.counts) distribution.total += count;
  return distribution;
}

double walsh_average(std::span<const double> sorted, std::int64_t rank) {
  // Halves first: a sum of two large values must not overflow. Halving is exact but for subnormals.
  const auto count_at_most = [sorted](double limit) {
    std::int64_t count = 0;
    std::size_t j = sorted.size();
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      while (j > 0 && sorted[i] / 2 + sorted[j - 1] / 2 > limit) --j;
      if (j <= i) break;
      count += static_cast<std::int64_t>(j - i);
    }
    return count;
  };
  return select(sorted.front(), sorted.back(), rank, count_at_most);
}

double sorted_difference(std::span<const double> sorted_a, std::span<const double> sorted_b,
                         std::int64_t rank) {
  const auto count_at_most = [&](double limit) {
    std::int64_t count = 0;
    std::size_t j = 0;
    for (const double a : sorted_a) {
      while (j < sorted_b.size() && sorted_b[j] - a <= limit) ++j;
      count += static_cast<std::int64_t>(j);
    }
    return count;
  };
  return select(sorted_b.front() - sorted_a.back(), sorted_b.back() - sorted_a.front(), rank,
                count_at_most);
}

}  // namespace peira::stats
