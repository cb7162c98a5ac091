#include "stats/bradley_terry.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "stats/detail/checks.h"
#include "stats/quantiles.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

constexpr int kMaxSteps = 200;
constexpr double kStepTolerance = 1e-12;
constexpr std::size_t kMostPlayers = 2000;  // a step solves k^3 / 3 products

void require_battles(std::span<const Battles> battles, std::size_t k,
                     const BradleyTerryOptions& options) {
  if (k < 2) detail::invalid_argument("a ranking needs two players or more");
  if (k > kMostPlayers) {
    throw StatsError("BudgetExceeded", "a ranking of more than 2,000 players");
  }
  if (options.reference >= k) detail::invalid_argument("the reference is no player");
  if (!(options.ridge >= 0) || !std::isfinite(options.ridge)) {
    detail::invalid_argument("a ridge penalty must not be negative");
  }
  double total = 0;
  for (const Battles& b : battles) {
    if (b.i >= k || b.j >= k) detail::invalid_argument("a battle names a player out of range");
    if (b.i == b.j) {
      detail::invalid_argument("player " + std::to_string(b.i) + " battles itself");
    }
    for (const double count : {b.wins_i, b.wins_j, b.ties}) {
      if (!(count >= 0) || !std::isfinite(count)) {
        detail::invalid_argument("a count of battles is " + std::to_string(count));
      }
      total += count;
    }
  }
  if (total == 0) detail::empty_input("no battles");
}

// Players reached from `start` along edges[from * k + to].
std::vector<bool> reached(const std::vector<bool>& edges, std::size_t k, std::size_t start) {
  std::vector<bool> seen(k, false);
  std::vector<std::size_t> stack{start};
  seen[start] = true;
  while (!stack.empty()) {
    const std::size_t from = stack.back();
    stack.pop_back();
    for (std::size_t to = 0; to < k; ++to) {
      if (edges[from * k + to] && !seen[to]) {
        seen[to] = true;
        stack.push_back(to);
      }
    }
  }
  return seen;
}

std::string list_of(const std::vector<bool>& members) {
  std::string text;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i]) text += (text.empty() ? "" : ", ") + std::to_string(i);
  }
  return text;
}

// beats[i * k + j]: i won against j, or half of a tie.
std::vector<bool> beats_of(std::span<const Battles> battles, std::size_t k) {
  std::vector<bool> beats(k * k, false);
  for (const Battles& b : battles) {
    if (b.wins_i > 0 || b.ties > 0) beats[b.i * k + b.j] = true;
    if (b.wins_j > 0 || b.ties > 0) beats[b.j * k + b.i] = true;
  }
  return beats;
}

// Every player must meet every other one through some chain of battles.
void require_connected(const std::vector<bool>& beats, std::size_t k) {
  std::vector<bool> met = beats;
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      if (beats[i * k + j]) met[j * k + i] = true;
    }
  }
  std::vector<bool> placed(k, false);
  std::string components;
  int count = 0;
  for (std::size_t i = 0; i < k; ++i) {
    if (placed[i]) continue;
    const std::vector<bool> component = reached(met, k, i);
    for (std::size_t j = 0; j < k; ++j) placed[j] = placed[j] || component[j];
    components += (count++ > 0 ? "; " : "") + list_of(component);
  }
  if (count > 1) {
    throw StatsError("DisconnectedGraph",
                     std::to_string(count) + " groups of players never met: " + components);
  }
}

// Ford's condition: wins lead from every player to every other one. Otherwise the players that some
// player's wins do not lead to are unbeaten from there, and the likelihood has no maximum.
std::optional<std::string> separation(const std::vector<bool>& beats, std::size_t k) {
  for (std::size_t i = 0; i < k; ++i) {
    std::vector<bool> below = reached(beats, k, i);
    if (std::find(below.begin(), below.end(), false) == below.end()) continue;
    // `below` beat nobody outside it.
    std::vector<bool> above = below;
    above.flip();
    return "players " + list_of(below) + " never beat any of " + list_of(above);
  }
  return std::nullopt;
}

// Symmetric matrices here are [k * k], rows one after another.
using Matrix = std::vector<double>;

// Cholesky factor L of a positive definite matrix of size n, in its lower half.
bool factorise(Matrix& a, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = a[j * n + j];
    for (std::size_t m = 0; m < j; ++m) pivot -= a[j * n + m] * a[j * n + m];
    if (!(pivot > 0)) return false;
    const double root = std::sqrt(pivot);
    a[j * n + j] = root;
    for (std::size_t i = j + 1; i < n; ++i) {
      double value = a[i * n + j];
      for (std::size_t m = 0; m < j; ++m) value -= a[i * n + m] * a[j * n + m];
      a[i * n + j] = value / root;
    }
  }
  return true;
}

void solve(const Matrix& factor, std::size_t n, std::span<double> x) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t m = 0; m < i; ++m) x[i] -= factor[i * n + m] * x[m];
    x[i] /= factor[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t m = i + 1; m < n; ++m) x[i] -= factor[m * n + i] * x[m];
    x[i] /= factor[i * n + i];
  }
}

double win_chance(double gap) { return 1 / (1 + std::exp(-gap)); }
double log_win_chance(double gap) {
  return gap > 0 ? -std::log1p(std::exp(-gap)) : gap - std::log1p(std::exp(gap));
}

// Penalised log likelihood and what Newton's step needs of it.
struct Fit {
  double objective = 0;
  double log_likelihood = 0;
  std::vector<double> score;  // [k], gradient
  Matrix information;         // [k * k], negative Hessian of the likelihood: a graph's Laplacian
};

Fit evaluate(std::span<const Battles> battles, const std::vector<double>& strengths, double ridge) {
  const std::size_t k = strengths.size();
  Fit fit;
  fit.score.assign(k, 0);
  fit.information.assign(k * k, 0);
  for (const Battles& b : battles) {
    const double n = b.wins_i + b.wins_j + b.ties;
    if (n == 0) continue;
    const double gap = strengths[b.i] - strengths[b.j];
    const double p = win_chance(gap);
    const double wins_i = b.wins_i + b.ties / 2;
    const double wins_j = b.wins_j + b.ties / 2;
    fit.log_likelihood += wins_i * log_win_chance(gap) + wins_j * log_win_chance(-gap);
    const double excess = wins_i * win_chance(-gap) - wins_j * p;
    fit.score[b.i] += excess;
    fit.score[b.j] -= excess;
    const double weight = n * p * win_chance(-gap);
    fit.information[b.i * k + b.i] += weight;
    fit.information[b.j * k + b.j] += weight;
    fit.information[b.i * k + b.j] -= weight;
    fit.information[b.j * k + b.i] -= weight;
  }
  fit.objective = fit.log_likelihood;
  if (ridge > 0) {
    double mean = 0;
    for (const double s : strengths) mean += s / static_cast<double>(k);
    for (std::size_t i = 0; i < k; ++i) {
      fit.objective -= ridge / 2 * (strengths[i] - mean) * (strengths[i] - mean);
      fit.score[i] -= ridge * (strengths[i] - mean);
    }
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < k; ++j) {
        fit.information[i * k + j] += ridge * ((i == j ? 1.0 : 0.0) - 1 / static_cast<double>(k));
      }
    }
  }
  return fit;
}

// The information is singular along (1, ..., 1) only; adding J / k times its scale fixes that
// direction and leaves the others alone, so solutions of centred right sides are centred.
Matrix anchored(const Matrix& information, std::size_t k) {
  double scale = 0;
  for (std::size_t i = 0; i < k; ++i) scale += information[i * k + i] / static_cast<double>(k);
  Matrix a = information;
  for (double& value : a) value += scale / static_cast<double>(k);
  return a;
}

// Centred strengths by Newton's method, each step halved until the likelihood does not fall.
std::vector<double> centred_maximum(std::span<const Battles> battles, std::size_t k, double ridge) {
  std::vector<double> strengths(k, 0);
  Fit fit = evaluate(battles, strengths, ridge);
  for (int step = 0; step < kMaxSteps; ++step) {
    Matrix factor = anchored(fit.information, k);
    if (!factorise(factor, k)) detail::no_convergence("the strengths have no finite maximum");
    std::vector<double> move = fit.score;
    solve(factor, k, move);
    double largest = 0;
    for (const double m : move) largest = std::max(largest, std::abs(m));
    double share = largest > 5 ? 5 / largest : 1;
    std::vector<double> next(k);
    Fit at_next;
    for (int half = 0; half < 60; ++half, share /= 2) {
      for (std::size_t i = 0; i < k; ++i) next[i] = strengths[i] + share * move[i];
      at_next = evaluate(battles, next, ridge);
      const double slack = 1e-12 * std::abs(fit.objective);
      if (at_next.objective >= fit.objective - slack) break;
    }
    strengths = next;
    fit = at_next;
    if (largest < kStepTolerance) {
      double mean = 0;
      for (const double s : strengths) mean += s / static_cast<double>(k);
      for (double& s : strengths) s -= mean;
      return strengths;
    }
  }
  detail::no_convergence("the strengths did not settle in 200 steps");
}

// Pseudo-inverse of the information: the covariance of the centred strengths.
Matrix centred_inverse(const Matrix& information, std::size_t k) {
  Matrix factor = anchored(information, k);
  if (!factorise(factor, k)) detail::no_convergence("the information matrix is singular");
  Matrix inverse(k * k);
  std::vector<double> column(k);
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t i = 0; i < k; ++i) {
      column[i] = (i == j ? 1.0 : 0.0) - 1 / static_cast<double>(k);
    }
    solve(factor, k, column);
    for (std::size_t i = 0; i < k; ++i) inverse[i * k + j] = column[i];
  }
  return inverse;
}

// Sum over single battles of their squared scores.
Matrix squared_scores(std::span<const Battles> battles, const std::vector<double>& strengths) {
  const std::size_t k = strengths.size();
  Matrix squares(k * k, 0);
  for (const Battles& b : battles) {
    const double gap = strengths[b.i] - strengths[b.j];
    const double p = win_chance(gap);
    const double q = win_chance(-gap);
    const double weight = b.wins_i * q * q + b.wins_j * p * p + b.ties * (0.5 - p) * (0.5 - p);
    squares[b.i * k + b.i] += weight;
    squares[b.j * k + b.j] += weight;
    squares[b.i * k + b.j] -= weight;
    squares[b.j * k + b.i] -= weight;
  }
  return squares;
}

Matrix product(const Matrix& a, const Matrix& b, std::size_t k) {
  Matrix out(k * k, 0);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t m = 0; m < k; ++m) {
      const double value = a[i * k + m];
      for (std::size_t j = 0; j < k; ++j) out[i * k + j] += value * b[m * k + j];
    }
  }
  return out;
}

}  // namespace

BradleyTerry bradley_terry(std::span<const Battles> battles, std::size_t num_players,
                           const BradleyTerryOptions& options) {
  require_battles(battles, num_players, options);
  const std::vector<bool> beats = beats_of(battles, num_players);
  require_connected(beats, num_players);
  if (options.ridge == 0) {
    if (const auto why = separation(beats, num_players)) {
      throw StatsError("SeparatedData", *why +
                                            ": their strengths are infinitely far apart\n  try: a "
                                            "ridge penalty, such as 1e-3");
    }
  }
  BradleyTerry result;
  result.penalised = options.ridge > 0;
  result.centred_strengths = centred_maximum(battles, num_players, options.ridge);
  const Fit fit = evaluate(battles, result.centred_strengths, options.ridge);
  result.log_likelihood = fit.log_likelihood;
  for (const double s : result.centred_strengths) {
    result.strengths.push_back(s - result.centred_strengths[options.reference]);
    result.elo.push_back(1000 + 400 / std::numbers::ln10 * s);
  }
  result.model_covariance = centred_inverse(fit.information, num_players);
  const Matrix squares = squared_scores(battles, result.centred_strengths);
  result.sandwich_covariance = product(product(result.model_covariance, squares, num_players),
                                       result.model_covariance, num_players);
  return result;
}

double BradleyTerry::std_error_of_difference(std::size_t i, std::size_t j, bool sandwich) const {
  const std::size_t k = num_players();
  if (i >= k || j >= k) detail::invalid_argument("there is no such player");
  const Matrix& v = sandwich ? sandwich_covariance : model_covariance;
  return std::sqrt(std::max(0.0, v[i * k + i] - 2 * v[i * k + j] + v[j * k + j]));
}

double BradleyTerry::std_error_centred(std::size_t i, bool sandwich) const {
  if (i >= num_players()) detail::invalid_argument("there is no such player");
  const Matrix& v = sandwich ? sandwich_covariance : model_covariance;
  return std::sqrt(std::max(0.0, v[i * num_players() + i]));
}

Interval BradleyTerry::interval(std::size_t i, double confidence) const {
  const double reach = detail::two_sided_z(confidence) * std_error_centred(i);
  return {centred_strengths[i] - reach, centred_strengths[i] + reach};
}

std::vector<RankInterval> rank_intervals(std::span<const Interval> strengths) {
  std::vector<RankInterval> ranks(strengths.size(), {1, strengths.size()});
  for (std::size_t i = 0; i < strengths.size(); ++i) {
    for (const Interval& other : strengths) {
      if (other.low > strengths[i].high) ++ranks[i].best;
      if (other.high < strengths[i].low) --ranks[i].worst;
    }
  }
  return ranks;
}

BradleyTerryBootstrap bradley_terry_bootstrap(std::span<const std::vector<Battles>> clusters,
                                              std::size_t num_players, std::int64_t num_resamples,
                                              std::uint64_t seed, double confidence) {
  detail::require_open_unit(confidence, "confidence");
  if (num_resamples < 1) detail::invalid_argument("a bootstrap needs a resample");
  std::vector<Battles> all;
  for (const auto& cluster : clusters) all.insert(all.end(), cluster.begin(), cluster.end());
  bradley_terry(all, num_players);  // throws if there is nothing to resample

  BradleyTerryBootstrap result;
  result.num_resamples = num_resamples;
  result.seed = seed;
  std::vector<std::vector<double>> replicates(num_players);
  Random random(seed);
  for (std::int64_t r = 0; r < num_resamples; ++r) {
    // Battles of a pair are added up: a fit then costs its pairs, not its battles.
    std::vector<Battles> pairs(num_players * num_players);
    for (std::size_t draw = 0; draw < clusters.size(); ++draw) {
      for (const Battles& b : clusters[random.below(clusters.size())]) {
        const bool swapped = b.i > b.j;
        Battles& pair = pairs[std::min(b.i, b.j) * num_players + std::max(b.i, b.j)];
        pair.i = std::min(b.i, b.j);
        pair.j = std::max(b.i, b.j);
        pair.wins_i += swapped ? b.wins_j : b.wins_i;
        pair.wins_j += swapped ? b.wins_i : b.wins_j;
        pair.ties += b.ties;
      }
    }
    std::erase_if(pairs, [](const Battles& b) { return b.wins_i + b.wins_j + b.ties == 0; });
    const std::vector<bool> beats = beats_of(pairs, num_players);
    if (separation(beats, num_players)) {  // also when players never meet
      ++result.num_degenerate;
      continue;
    }
    const std::vector<double> strengths = centred_maximum(pairs, num_players, 0);
    for (std::size_t i = 0; i < num_players; ++i) replicates[i].push_back(strengths[i]);
  }
  if (result.num_degenerate * 2 > num_resamples) {
    detail::not_estimable("only " + std::to_string(num_resamples - result.num_degenerate) + " of " +
                          std::to_string(num_resamples) + " resamples have finite strengths");
  }
  const double tail = (1 - confidence) / 2;
  for (const std::vector<double>& strengths : replicates) {
    result.centred.push_back({quantile(strengths, tail), quantile(strengths, 1 - tail)});
  }
  return result;
}

}  // namespace peira::stats
