#include "stats/pass_at_k.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "base/error.h"
#include "stats/distributions.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

constexpr std::int64_t kMostAnswers = 10'000'000;  // the work grows with their number

void require_draw(std::int64_t n, std::int64_t c, std::int64_t k) {
  if (k < 1 || k > n) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: pass@k needs 1 <= k <= n, but k is " +
                                       std::to_string(k) + " and there are " + std::to_string(n) +
                                       " answers per problem\n  try: more --epochs or a smaller k");
  }
  if (n > kMostAnswers) {
    throw Error(ErrorCode::kUsage, "BudgetExceeded: more than ten million answers to one problem");
  }
  if (c < 0 || c > n) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: " + std::to_string(c) + " right of " +
                                       std::to_string(n) + " answers");
  }
}

// P(exactly j right of k drawn): C(c, j) C(n-c, k-j) / C(n, k).
double hypergeometric(std::int64_t n, std::int64_t c, std::int64_t k, std::int64_t j) {
  if (j < 0 || j > c || k - j < 0 || k - j > n - c) return 0;
  return std::exp(log_choose(c, j) + log_choose(n - c, k - j) - log_choose(n, k));
}

// P(at least `least` right of k drawn).
double at_least(std::int64_t n, std::int64_t c, std::int64_t k, std::int64_t least) {
  double sum = 0;
  for (std::int64_t j = std::min(c, k); j >= least; --j) sum += hypergeometric(n, c, k, j);
  return std::min(1.0, sum);
}

// Walks all ways to draw k answers from the counts, adding up the chance that the first wins.
class PluralityWalk {
 public:
  PluralityWalk(std::span<const std::int64_t> counts, std::int64_t n, std::int64_t k)
      : counts_(counts), drawn_(counts.size(), 0), log_total_(log_choose(n, k)), left_(n) {}

  double run(std::int64_t k) {
    visit(0, k, 0);
    return chance_;
  }

 private:
  void visit(std::size_t answer, std::int64_t k, double log_ways) {
    if (answer == counts_.size()) {
      if (k != 0) return;
      if (++ways_ > kMaxWays) {
        throw Error(ErrorCode::kUsage,
                    "BudgetExceeded: more than a million ways to draw these answers");
      }
      const std::int64_t most = *std::max_element(drawn_.begin(), drawn_.end());
      if (drawn_[0] != most) return;
      const auto winners = std::count(drawn_.begin(), drawn_.end(), most);
      chance_ += std::exp(log_ways - log_total_) / static_cast<double>(winners);
      return;
    }
    left_ -= counts_[answer];
    const std::int64_t least = std::max<std::int64_t>(0, k - left_);
    for (std::int64_t j = least; j <= std::min(k, counts_[answer]); ++j) {
      drawn_[answer] = j;
      visit(answer + 1, k - j, log_ways + log_choose(counts_[answer], j));
    }
    drawn_[answer] = 0;
    left_ += counts_[answer];
  }

  static constexpr std::int64_t kMaxWays = 1'000'000;
  std::span<const std::int64_t> counts_;
  std::vector<std::int64_t> drawn_;
  double log_total_;
  std::int64_t left_;  // answers of those not yet visited
  std::int64_t ways_ = 0;
  double chance_ = 0;
};

}  // namespace

double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k) {
  require_draw(n, c, k);
  if (c == 0) return 0;
  if (n - c < k) return 1;
  // C(n-c, k) / C(n, k) as a product over the smaller of c and k factors, all in (0, 1).
  double all_wrong = 1;
  if (c <= k) {
    for (std::int64_t i = 0; i < c; ++i) {
      all_wrong *= static_cast<double>(n - k - i) / static_cast<double>(n - i);
    }
  } else {
    for (std::int64_t i = 0; i < k; ++i) {
      all_wrong *= static_cast<double>(n - c - i) / static_cast<double>(n - i);
    }
  }
  return 1 - all_wrong;
}

double pass_hat_k(std::int64_t n, std::int64_t c, std::int64_t k) {
  require_draw(n, c, k);
  if (c < k) return 0;
  double all_right = 1;
  for (std::int64_t i = 0; i < k; ++i) {
    all_right *= static_cast<double>(c - i) / static_cast<double>(n - i);
  }
  return all_right;
}

double g_pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k, double tau) {
  require_draw(n, c, k);
  if (!(tau >= 0 && tau <= 1)) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: tau must lie in [0, 1]");
  }
  // 1e-9 keeps tau k = 3.0000000000000004 from asking for a fourth.
  const auto least = static_cast<std::int64_t>(std::ceil(tau * static_cast<double>(k) - 1e-9));
  return at_least(n, c, k, std::max<std::int64_t>(1, least));
}

double mg_pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k) {
  require_draw(n, c, k);
  // sum_i P(at least i) over i > ceil(k/2) counts P(exactly j) j - ceil(k/2) times.
  const std::int64_t half = (k + 1) / 2;
  double sum = 0;
  for (std::int64_t j = std::min(c, k); j > half; --j) {
    sum += static_cast<double>(j - half) * hypergeometric(n, c, k, j);
  }
  return std::min(1.0, 2 * sum / static_cast<double>(k));
}

double maj_at_k(std::span<const std::int64_t> answer_counts, std::int64_t k) {
  std::int64_t n = 0;
  for (const std::int64_t count : answer_counts) {
    if (count < 0) throw Error(ErrorCode::kUsage, "InvalidArgument: a count is negative");
    n += count;
  }
  require_draw(n, answer_counts.empty() ? 0 : answer_counts[0], k);
  return std::min(1.0, PluralityWalk(answer_counts, n, k).run(k));
}

SampledPlurality maj_at_k_sampled(std::span<const std::int64_t> answers, std::int64_t correct,
                                  std::int64_t k, PluralityTies ties, std::int64_t num_draws,
                                  std::uint64_t seed) {
  const std::size_t n = answers.size();
  require_draw(static_cast<std::int64_t>(n), 0, k);
  if (num_draws < 1) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: a chance by sampling needs a draw");
  }
  // Kinds of answers by first appearance; `right` is none of them if never given.
  std::map<std::int64_t, std::size_t> kinds;
  std::vector<std::size_t> kind_of(n);
  for (std::size_t i = 0; i < n; ++i) {
    kind_of[i] = kinds.emplace(answers[i], kinds.size()).first->second;
  }
  const auto found = kinds.find(correct);
  const std::size_t right = found == kinds.end() ? kinds.size() : found->second;

  Random random(seed);
  std::vector<std::size_t> order(n);
  std::vector<std::int64_t> votes(kinds.size() + 1);
  double sum = 0;
  double squares = 0;
  for (std::int64_t draw = 0; draw < num_draws; ++draw) {
    // The first k of a partial shuffle, then back in the order given.
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto size = static_cast<std::size_t>(k);
    for (std::size_t i = 0; i < size; ++i) std::swap(order[i], order[i + random.below(n - i)]);
    std::sort(order.begin(), order.begin() + k);
    std::fill(votes.begin(), votes.end(), 0);
    for (std::size_t i = 0; i < size; ++i) ++votes[kind_of[order[i]]];
    const std::int64_t most = *std::max_element(votes.begin(), votes.end());
    double win = 0;
    if (votes[right] == most && ties == PluralityTies::kUniform) {
      win = 1 / static_cast<double>(std::count(votes.begin(), votes.end(), most));
    } else if (votes[right] == most) {
      const auto first = std::find_if(order.begin(), order.begin() + k,
                                      [&](std::size_t i) { return votes[kind_of[i]] == most; });
      win = kind_of[*first] == right ? 1 : 0;
    }
    sum += win;
    squares += win * win;
  }
  const double draws = static_cast<double>(num_draws);
  const double chance = sum / draws;
  return {chance, std::sqrt(std::max(0.0, squares / draws - chance * chance) / draws), num_draws,
          seed};
}

std::size_t majority_vote(std::span<const std::string> answers) {
  std::size_t winner = answers.size();
  std::ptrdiff_t most = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].empty()) continue;
    const auto votes = std::count(answers.begin(), answers.end(), answers[i]);
    if (votes > most) {
      most = votes;
      winner = i;
    }
  }
  return winner;
}

}  // namespace peira::stats
