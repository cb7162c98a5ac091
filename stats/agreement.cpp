#include "stats/agreement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "stats/detail/checks.h"
#include "stats/quantiles.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

constexpr std::size_t kMostRatios = 20'000;

double weight_of(std::size_t i, std::size_t j, std::size_t k, KappaWeights weights) {
  const double gap = (static_cast<double>(i) - static_cast<double>(j)) / static_cast<double>(k - 1);
  switch (weights) {
    case KappaWeights::kNone:
      return i == j ? 1 : 0;
    case KappaWeights::kLinear:
      return 1 - std::abs(gap);
    case KappaWeights::kQuadratic:
      return 1 - gap * gap;
  }
  return 0;
}

// Shares of each category in the ratings of the first and of the second rater.
struct Marginals {
  std::vector<double> first, second;
};

Marginals marginals_of(const AgreementTable& table) {
  if (table.total() == 0) detail::empty_input("no pairs of ratings");
  const std::size_t k = table.num_categories();
  const double n = static_cast<double>(table.total());
  Marginals marginals{std::vector<double>(k, 0), std::vector<double>(k, 0)};
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      const double share = static_cast<double>(table.count(i, j)) / n;
      marginals.first[i] += share;
      marginals.second[j] += share;
    }
  }
  return marginals;
}

// How often each rating was given, among units with two ratings or more.
using Frequencies = std::map<double, double>;

// sum over ordered pairs of different ratings of n_c n_k (c - k)^2, from the moments.
double expected_squares(const Frequencies& frequencies, double n) {
  double mean = 0;
  for (const auto& [value, count] : frequencies) mean += value * (count / n);
  double squares = 0;
  for (const auto& [value, count] : frequencies) squares += count * (value - mean) * (value - mean);
  return 2 * n * squares;
}

double ratio_distance(double a, double b) {
  return a + b == 0 ? 0 : (a - b) / (a + b) * ((a - b) / (a + b));
}

// 1 - Do / De; empty when De is 0.
std::optional<double> alpha_of(const std::vector<const std::vector<double>*>& units,
                               RatingScale scale) {
  Frequencies frequencies;
  double n = 0;
  for (const std::vector<double>* unit : units) {
    for (const double rating : *unit) frequencies[rating] += 1;
    n += static_cast<double>(unit->size());
  }
  // What a rating counts as: itself, or on an ordinal scale its mid-rank.
  std::map<double, double> position;
  double below = 0;
  for (const auto& [value, count] : frequencies) {
    position[value] = scale == RatingScale::kOrdinal ? below + count / 2 : value;
    below += count;
  }
  const auto distance = [&](double a, double b) {
    switch (scale) {
      case RatingScale::kNominal:
        return a == b ? 0.0 : 1.0;
      case RatingScale::kRatio:
        return ratio_distance(a, b);
      case RatingScale::kOrdinal:
      case RatingScale::kInterval:
        break;
    }
    const double gap = position.at(a) - position.at(b);
    return gap * gap;
  };
  double observed = 0;
  for (const std::vector<double>* unit : units) {
    double sum = 0;
    for (std::size_t i = 0; i < unit->size(); ++i) {
      for (std::size_t j = i + 1; j < unit->size(); ++j) {
        sum += 2 * distance((*unit)[i], (*unit)[j]);
      }
    }
    observed += sum / static_cast<double>(unit->size() - 1);
  }
  double expected = 0;
  if (scale == RatingScale::kNominal) {
    for (const auto& [value, count] : frequencies) expected += count * (n - count);
  } else if (scale == RatingScale::kRatio) {
    if (frequencies.size() > kMostRatios) {
      throw StatsError("BudgetExceeded", "more than 20,000 different ratings on a ratio scale");
    }
    for (const auto& [a, count_a] : frequencies) {
      for (const auto& [b, count_b] : frequencies) {
        expected += count_a * count_b * ratio_distance(a, b);
      }
    }
  } else {
    Frequencies positions;
    for (const auto& [value, count] : frequencies) positions[position.at(value)] += count;
    expected = frequencies.size() < 2 ? 0 : expected_squares(positions, n);
  }
  if (!(expected > 0)) return std::nullopt;
  return 1 - (n - 1) * observed / expected;
}

std::vector<const std::vector<double>*> rated_twice(std::span<const std::vector<double>> units,
                                                    RatingScale scale) {
  std::vector<const std::vector<double>*> kept;
  for (const std::vector<double>& unit : units) {
    detail::require_finite(unit, "a rating");
    for (const double rating : unit) {
      if (scale == RatingScale::kRatio && rating < 0) {
        detail::invalid_argument("a ratio scale has no negative ratings");
      }
    }
    if (unit.size() >= 2) kept.push_back(&unit);
  }
  if (kept.empty()) detail::empty_input("no unit has two ratings");
  return kept;
}

}  // namespace

AgreementTable::AgreementTable(std::size_t num_categories) : num_categories_(num_categories) {
  if (num_categories < 2) detail::invalid_argument("agreement needs two categories or more");
  if (num_categories > 2000) detail::invalid_argument("more than 2,000 categories");
  counts_.assign(num_categories * num_categories, 0);
}

void AgreementTable::add(std::size_t rating1, std::size_t rating2, std::int64_t times) {
  if (rating1 >= num_categories_ || rating2 >= num_categories_) {
    detail::invalid_argument("a rating is none of the declared categories");
  }
  if (times < 0) detail::invalid_argument("a count of ratings is negative");
  counts_[rating1 * num_categories_ + rating2] += times;
  total_ += times;
}

void AgreementTable::merge(const AgreementTable& other) {
  if (other.num_categories_ != num_categories_) {
    detail::invalid_argument("tables of different categories cannot be merged");
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

Interval Kappa::interval(double confidence) const {
  const double reach = detail::two_sided_z(confidence) * std_error;
  return {kappa - reach, kappa + reach};
}

Kappa cohens_kappa(const AgreementTable& table, KappaWeights weights) {
  const Marginals marginals = marginals_of(table);
  const std::size_t k = table.num_categories();
  const double n = static_cast<double>(table.total());
  // Mean weight of each category against the other rater's ratings.
  std::vector<double> row_weights(k, 0);
  std::vector<double> column_weights(k, 0);
  double observed = 0;
  double expected = 0;
  double disagreement = 0;  // 1 - expected, without cancellation
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      const double weight = weight_of(i, j, k, weights);
      const double chance = marginals.first[i] * marginals.second[j];
      observed += weight * static_cast<double>(table.count(i, j)) / n;
      expected += weight * chance;
      disagreement += (1 - weight) * chance;
      row_weights[i] += weight * marginals.second[j];
      column_weights[j] += weight * marginals.first[i];
    }
  }
  if (disagreement == 0) {
    detail::not_estimable("kappa of raters who gave one category only; they agreed in " +
                          std::to_string(observed) + " of the items");
  }
  Kappa result;
  result.num_items = table.total();
  result.observed = observed;
  result.expected = expected;
  result.kappa = (observed - expected) / disagreement;
  double spread = 0;
  double spread_null = 0;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      const double weight = weight_of(i, j, k, weights);
      const double mean = row_weights[i] + column_weights[j];
      const double gap = weight - mean * (1 - result.kappa);
      const double gap_null = weight - mean;
      spread += static_cast<double>(table.count(i, j)) / n * gap * gap;
      spread_null += marginals.first[i] * marginals.second[j] * gap_null * gap_null;
    }
  }
  const double shift = result.kappa - expected * (1 - result.kappa);
  result.std_error = std::sqrt(std::max(0.0, spread - shift * shift) / n) / disagreement;
  result.std_error_null =
      std::sqrt(std::max(0.0, spread_null - expected * expected) / n) / disagreement;
  return result;
}

double gwet_ac1(const AgreementTable& table) {
  const Marginals marginals = marginals_of(table);
  const std::size_t k = table.num_categories();
  double observed = 0;
  double expected = 0;
  for (std::size_t i = 0; i < k; ++i) {
    observed += static_cast<double>(table.count(i, i)) / static_cast<double>(table.total());
    const double share = (marginals.first[i] + marginals.second[i]) / 2;
    expected += share * (1 - share) / static_cast<double>(k - 1);
  }
  return (observed - expected) / (1 - expected);  // expected <= 1/2
}

FleissKappa fleiss_kappa(std::span<const std::int64_t> counts, std::size_t num_categories) {
  if (num_categories < 2 || counts.size() % num_categories != 0) {
    detail::invalid_argument(
        "Fleiss's kappa needs two categories or more and the same number for every item");
  }
  if (counts.empty()) detail::empty_input("no items");
  const std::size_t num_items = counts.size() / num_categories;
  const double items = static_cast<double>(num_items);
  std::int64_t ratings = 0;
  std::vector<double> shares(num_categories, 0);
  double agreement = 0;
  for (std::size_t item = 0; item < num_items; ++item) {
    std::int64_t sum = 0;
    double pairs = 0;
    for (std::size_t j = 0; j < num_categories; ++j) {
      const std::int64_t count = counts[item * num_categories + j];
      if (count < 0) detail::invalid_argument("a count of ratings is negative");
      sum += count;
      pairs += static_cast<double>(count) * static_cast<double>(count - 1);
      shares[j] += static_cast<double>(count);
    }
    if (item == 0) ratings = sum;
    if (sum != ratings) {
      throw StatsError("LengthMismatch", "item " + std::to_string(item) + " has " +
                                             std::to_string(sum) + " ratings, the first item " +
                                             std::to_string(ratings));
    }
    detail::require_count(ratings, 2, "ratings an item");
    agreement += pairs;
  }
  const double n = static_cast<double>(ratings);
  FleissKappa result;
  result.observed = agreement / (items * n * (n - 1));
  double spread = 0;  // sum p q
  double skew = 0;    // sum p q (q - p)
  for (double& share : shares) {
    share /= items * n;
    result.expected += share * share;
    spread += share * (1 - share);
    skew += share * (1 - share) * (1 - 2 * share);
  }
  if (spread == 0) detail::not_estimable("kappa of ratings of one category only");
  result.kappa = (result.observed - result.expected) / spread;
  result.std_error_null = std::sqrt(2 / (items * n * (n - 1))) *
                          std::sqrt(std::max(0.0, spread * spread - skew)) / spread;
  result.z = result.kappa / result.std_error_null;
  result.p = normal_p_value(result.z);
  return result;
}

double krippendorff_alpha(std::span<const std::vector<double>> units, RatingScale scale) {
  const std::optional<double> alpha = alpha_of(rated_twice(units, scale), scale);
  if (!alpha) detail::not_estimable("alpha of ratings that are all equal");
  return *alpha;
}

AlphaBootstrap krippendorff_bootstrap(std::span<const std::vector<double>> units, RatingScale scale,
                                      std::int64_t num_resamples, std::uint64_t seed,
                                      double confidence) {
  detail::require_open_unit(confidence, "confidence");
  if (num_resamples < 1) detail::invalid_argument("a bootstrap needs a resample");
  const auto kept = rated_twice(units, scale);
  Random random(seed);
  std::vector<double> replicates;
  std::vector<const std::vector<double>*> drawn(kept.size());
  for (std::int64_t r = 0; r < num_resamples; ++r) {
    for (auto& unit : drawn) unit = kept[random.below(kept.size())];
    if (const auto alpha = alpha_of(drawn, scale)) replicates.push_back(*alpha);
  }
  AlphaBootstrap result;
  result.num_resamples = num_resamples;
  result.num_degenerate = num_resamples - static_cast<std::int64_t>(replicates.size());
  result.seed = seed;
  if (result.num_degenerate * 2 > num_resamples) {
    detail::not_estimable("most resamples of the units hold equal ratings only");
  }
  const double tail = (1 - confidence) / 2;
  result.interval = {quantile(replicates, tail), quantile(replicates, 1 - tail)};
  return result;
}

}  // namespace peira::stats
