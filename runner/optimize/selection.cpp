#include "runner/optimize/selection.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "stats/mcnemar.h"
#include "stats/paired_tests.h"
#include "stats/permutation.h"

namespace peira::runner::optimize {
namespace {

constexpr std::size_t kLeastHeldOut = 10;

double share_of(std::uint64_t hash) { return static_cast<double>(hash >> 11U) * 0x1.0p-53; }

// Sign flips of whole clusters. Where all sums that are not zero are equally large the test is the
// binomial one on their signs, which is exact at any size.
double sign_flip_p(std::span<const double> sums, std::uint64_t seed) {
  double size = 0;
  bool equal = true;
  stats::PairedCounts counts;
  for (const double sum : sums) {
    if (sum == 0) {
      ++counts.both_right;
      continue;
    }
    if (size == 0) size = std::fabs(sum);
    equal = equal && std::fabs(sum) == size;
    ++(sum > 0 ? counts.only_b : counts.only_a);
  }
  if (equal) return stats::mcnemar_test(counts).exact_p;
  return stats::sign_flip_test(sums, {.seed = seed}).two_sided_p;
}

Final compare(std::span<const std::optional<double>> winner,
              std::span<const std::optional<double>> reference,
              std::span<const std::size_t> positions, std::span<const SampleKey> samples,
              double alpha, std::uint64_t seed) {
  Final result;
  std::vector<double> differences;
  std::vector<std::int64_t> clusters;
  std::map<std::string, std::int64_t> numbers;
  std::vector<double> sums;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (!winner[i] || !reference[i]) {
      ++result.failed_pairs;
      continue;
    }
    const std::string& cluster = samples[positions[i]].cluster;
    const auto [place, added] = numbers.emplace(cluster, static_cast<std::int64_t>(numbers.size()));
    if (added) sums.push_back(0);
    const double difference = *winner[i] - *reference[i];
    sums[static_cast<std::size_t>(place->second)] += difference;
    differences.push_back(difference);
    clusters.push_back(place->second);
    result.winner_mean += *winner[i];
    result.reference_mean += *reference[i];
  }
  result.num_pairs = static_cast<std::int64_t>(differences.size());
  result.num_clusters = static_cast<std::int64_t>(sums.size());
  if (result.num_pairs == 0) return result;
  const auto count = static_cast<double>(result.num_pairs);
  result.winner_mean /= count;
  result.reference_mean /= count;
  result.difference = std::accumulate(differences.begin(), differences.end(), 0.0) / count;
  result.p = sign_flip_p(sums, seed);
  const bool varies = std::any_of(differences.begin(), differences.end(),
                                  [&](double d) { return d != differences.front(); });
  if (varies && result.num_clusters >= 2) {
    const stats::TTest test =
        stats::paired_t_test(differences, clusters, {.confidence = 1 - alpha});
    result.low = test.interval.low;
    result.high = test.interval.high;
  }
  if (result.p <= alpha && result.difference != 0) {
    result.verdict = result.difference > 0 ? Verdict::kBetter : Verdict::kWorse;
  }
  return result;
}

}  // namespace

Split split_samples(std::span<const SampleKey> samples, std::uint64_t seed, double training_share) {
  Split split;
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  const std::string seed_text = std::to_string(seed);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    order.emplace_back(derive_seed({"optimize-order", seed_text, samples[i].cluster}), i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [unused, i] : order) {
    const double share = share_of(derive_seed({"optimize-split", seed_text, samples[i].cluster}));
    if (share < training_share) {
      split.training.push_back(i);
    } else if (share < training_share + (1 - training_share) / 2) {
      split.development.push_back(i);
    } else {
      split.held_out.push_back(i);
    }
  }
  return split;
}

HalvingPlan plan_halving(std::size_t num_challengers, std::int64_t budget,
                         std::size_t num_development, std::size_t num_held_out) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    throw Error(ErrorCode::kUsage, what + "\n  try: " + hint);
  };
  if (num_challengers == 0) refuse("there is no prompt to try", "--variants all");
  HalvingPlan plan;
  const std::int64_t half = std::max<std::int64_t>(budget, 0) / 2;
  plan.num_held_out = static_cast<std::size_t>(
      std::min<std::int64_t>(half / 2, static_cast<std::int64_t>(num_held_out)));
  if (plan.num_held_out < kLeastHeldOut) {
    refuse("the final comparison has " + std::to_string(plan.num_held_out) +
               " held-out questions, fewer than 10: the budget is " + std::to_string(budget) +
               " questions, and " + std::to_string(num_held_out) + " are held out",
           "--budget 40 or more, or a larger dataset");
  }
  const std::int64_t for_final = 2 * static_cast<std::int64_t>(plan.num_held_out);
  std::vector<std::size_t> survivors;
  for (std::size_t k = num_challengers; k > 1; k = (k + 1) / 2) survivors.push_back(k);
  if (survivors.empty()) survivors.push_back(1);  // its development score is still worth telling
  const std::int64_t share = (budget - for_final) / static_cast<std::int64_t>(survivors.size());
  std::size_t at = 0;
  for (const std::size_t k : survivors) {
    const auto wanted = static_cast<std::size_t>(share / static_cast<std::int64_t>(k));
    const std::size_t end = std::min(num_development, at + wanted);
    if (end == at) {
      if (at == 0) {
        refuse("the budget of " + std::to_string(budget) + " questions does not reach for " +
                   std::to_string(num_challengers) + " prompts in development",
               "a larger --budget, or fewer --variants");
      }
      break;  // the development part is used up: the best so far goes to the final
    }
    plan.rounds.push_back({k, at, end});
    plan.num_questions += static_cast<std::int64_t>(k * (end - at));
    at = end;
  }
  plan.num_questions += for_final;
  return plan;
}

Selection select_prompt(const HalvingPlan& plan, const Split& split,
                        std::span<const SampleKey> samples, std::size_t num_challengers,
                        const Ask& ask, double alpha, std::uint64_t seed) {
  Selection selection;
  std::vector<std::size_t> alive(num_challengers);
  std::iota(alive.begin(), alive.end(), std::size_t{0});
  std::vector<Standing> standings(num_challengers);
  std::vector<double> sums(num_challengers, 0), squares(num_challengers, 0);
  for (std::size_t k = 0; k < num_challengers; ++k) standings[k].variant = k;
  const auto better = [&](std::size_t a, std::size_t b) {
    return std::pair(-standings[a].mean, a) < std::pair(-standings[b].mean, b);
  };
  for (std::size_t round = 0; round < plan.rounds.size(); ++round) {
    const Round& r = plan.rounds[round];
    std::sort(alive.begin(), alive.end(), better);
    alive.resize(std::min(alive.size(), r.num_variants));
    std::sort(alive.begin(), alive.end());
    const auto positions =
        std::span<const std::size_t>(split.development).subspan(r.begin, r.end - r.begin);
    for (const std::size_t k : alive) {
      for (const std::optional<double>& score : ask(k, round, positions)) {
        if (!score) continue;
        sums[k] += *score;
        squares[k] += *score * *score;
        ++standings[k].num_scored;
      }
      ++standings[k].num_rounds;
      if (standings[k].num_scored > 0) {
        standings[k].mean = sums[k] / static_cast<double>(standings[k].num_scored);
      }
    }
  }
  selection.winner = *std::min_element(alive.begin(), alive.end(), better);

  const auto held_out = std::span<const std::size_t>(split.held_out).first(plan.num_held_out);
  const auto winner = ask(selection.winner, plan.rounds.size(), held_out);
  const auto reference = ask(num_challengers, plan.rounds.size(), held_out);
  selection.final = compare(winner, reference, held_out, samples, alpha, seed);

  const Standing& chosen = standings[selection.winner];
  selection.optimism = chosen.mean - selection.final.winner_mean;
  const auto n = static_cast<double>(chosen.num_scored);
  const auto m = static_cast<double>(selection.final.num_pairs);
  if (n > 1 && m > 1) {
    const double variance =
        std::max(0.0, (squares[selection.winner] - n * chosen.mean * chosen.mean) / (n - 1));
    const double held_mean = selection.final.winner_mean;
    double held_sum = 0;
    for (std::size_t i = 0; i < winner.size(); ++i) {
      if (winner[i] && reference[i])
        held_sum += (*winner[i] - held_mean) * (*winner[i] - held_mean);
    }
    selection.optimism_std_error = std::sqrt(variance / n + held_sum / (m - 1) / m);
  }
  selection.standings = standings;
  std::sort(selection.standings.begin(), selection.standings.end(),
            [](const Standing& a, const Standing& b) {
              return std::tuple(-static_cast<long>(a.num_rounds), -a.mean, a.variant) <
                     std::tuple(-static_cast<long>(b.num_rounds), -b.mean, b.variant);
            });
  return selection;
}

}  // namespace peira::runner::optimize
