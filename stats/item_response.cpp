#include "stats/item_response.h"

#include <algorithm>
#include <cmath>

#include "stats/detail/checks.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

void require_item(const ResponseItem& item) {
  detail::require_finite(item.difficulty, "an item's difficulty");
  if (!(item.discrimination > 0) || !std::isfinite(item.discrimination)) {
    detail::invalid_argument("an item's discrimination must be positive, is " +
                             std::to_string(item.discrimination));
  }
}

void require_answers(std::span<const ResponseItem> items, std::span<const double> scores) {
  detail::require_same_length(items.size(), scores.size(), "items and scores");
  if (items.empty()) detail::empty_input("no items");
  for (const ResponseItem& item : items) require_item(item);
  detail::require_finite(scores, "a score");
  for (const double score : scores) {
    if (!(score >= 0 && score <= 1)) {
      detail::invalid_argument("a score of " + std::to_string(score) + " lies outside [0, 1]");
    }
  }
}

// Root of the falling function sum a (y - P) - precision * ability.
Ability solve(std::span<const ResponseItem> items, std::span<const double> scores,
              double precision) {
  const auto slope = [&](double ability) {
    double sum = -precision * ability;
    for (std::size_t i = 0; i < items.size(); ++i) {
      sum += items[i].discrimination * (scores[i] - chance_right(items[i], ability));
    }
    return sum;
  };
  double reach = 1;
  while (slope(-reach) < 0 || slope(reach) > 0) {
    reach *= 2;
    if (reach > 1e9) detail::no_convergence("an ability beyond 1e9");
  }
  Ability result;
  result.ability = find_root(slope, -reach, reach);
  double information = precision;
  for (const ResponseItem& item : items) {
    const double p = chance_right(item, result.ability);
    const double q = chance_right({item.discrimination, -item.difficulty}, -result.ability);
    information += item.discrimination * item.discrimination * p * q;
  }
  result.std_error = 1 / std::sqrt(information);
  return result;
}

}  // namespace

double chance_right(const ResponseItem& item, double ability) {
  return 1 / (1 + std::exp(-item.discrimination * (ability - item.difficulty)));
}

Ability ability_mle(std::span<const ResponseItem> items, std::span<const double> scores) {
  require_answers(items, scores);
  const auto all = [&](double value) {
    return std::all_of(scores.begin(), scores.end(), [value](double s) { return s == value; });
  };
  if (all(0) || all(1)) {
    detail::not_estimable(
        "all answers are " + std::string(all(1) ? "right" : "wrong") +
        ": the likelihood has no maximum\n  try: the estimate with a prior (MAP)");
  }
  return solve(items, scores, 0);
}

Ability ability_map(std::span<const ResponseItem> items, std::span<const double> scores) {
  require_answers(items, scores);
  return solve(items, scores, 1);
}

double expected_score(std::span<const ResponseItem> items, double ability) {
  if (items.empty()) detail::empty_input("no items");
  detail::require_finite(ability, "an ability");
  double sum = 0;
  for (const ResponseItem& item : items) {
    require_item(item);
    sum += chance_right(item, ability);
  }
  return sum / static_cast<double>(items.size());
}

BenchmarkEstimate estimate_benchmark(const ItemBank& bank, const AnchorScores& anchors,
                                     double blend, double confidence) {
  if (anchors.version != bank.version) {
    detail::invalid_argument("item parameters of version \"" + bank.version +
                             "\" and anchors of version \"" + anchors.version +
                             "\" must not be mixed");
  }
  if (!(blend >= 0 && blend <= 1)) detail::invalid_argument("a blend must lie in [0, 1]");
  const double z = detail::two_sided_z(confidence);
  detail::require_same_length(anchors.indices.size(), anchors.scores.size(), "anchors and scores");
  std::vector<bool> is_anchor(bank.items.size(), false);
  std::vector<ResponseItem> items;
  for (const std::size_t index : anchors.indices) {
    if (index >= bank.items.size()) detail::invalid_argument("an anchor is no item of the bank");
    if (is_anchor[index]) {
      detail::invalid_argument("item " + std::to_string(index) + " is an anchor twice");
    }
    is_anchor[index] = true;
    items.push_back(bank.items[index]);
  }
  std::vector<ResponseItem> rest;
  for (std::size_t i = 0; i < bank.items.size(); ++i) {
    if (!is_anchor[i]) rest.push_back(bank.items[i]);
  }

  BenchmarkEstimate result;
  result.ability = ability_map(items, anchors.scores);
  result.warnings.emplace_back("ignores_item_parameter_error");
  const double share = static_cast<double>(items.size()) / static_cast<double>(bank.items.size());
  double mean = 0;
  double weighted = 0;
  double total_weight = 0;
  if (!anchors.weights.empty()) {
    detail::require_same_length(anchors.weights.size(), items.size(), "weights and anchors");
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    mean += anchors.scores[i] / static_cast<double>(items.size());
    const double weight =
        anchors.weights.empty() ? 1 / static_cast<double>(items.size()) : anchors.weights[i];
    if (!(weight >= 0)) detail::invalid_argument("an anchor's weight is " + std::to_string(weight));
    weighted += weight * anchors.scores[i];
    total_weight += weight;
  }
  if (!(std::abs(total_weight - 1) < 1e-6)) {
    detail::invalid_argument("the anchors' weights sum to " + std::to_string(total_weight));
  }
  const auto score_at = [&](double ability) {
    return rest.empty() ? mean : share * mean + (1 - share) * expected_score(rest, ability);
  };
  result.p_irt = score_at(result.ability.ability);
  result.gp_irt = blend * weighted + (1 - blend) * result.p_irt;
  const double reach = z * result.ability.std_error;
  result.interval = {score_at(result.ability.ability - reach),
                     score_at(result.ability.ability + reach)};
  return result;
}

}  // namespace peira::stats
