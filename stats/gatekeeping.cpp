#include "stats/gatekeeping.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

void check(std::span<const RankedHypothesis> hypotheses, std::span<const double> shares) {
  std::vector<bool> has_some(shares.size(), false);
  for (const RankedHypothesis& hypothesis : hypotheses) {
    detail::require_unit(hypothesis.p_value, "a p-value");
    if (!(hypothesis.weight > 0) || !std::isfinite(hypothesis.weight)) {
      detail::invalid_argument("a hypothesis' weight must be above 0");
    }
    if (hypothesis.family >= shares.size()) detail::invalid_argument("a family has no share");
    has_some[hypothesis.family] = true;
  }
  if (std::find(has_some.begin(), has_some.end(), false) != has_some.end()) {
    detail::invalid_argument("a family has no hypothesis");
  }
  double sum = 0;
  for (const double share : shares) {
    if (!(share >= 0)) detail::invalid_argument("a family's share must be at least 0");
    sum += share;
  }
  constexpr double kRounding = 1e-9;
  if (!hypotheses.empty() && std::abs(sum - 1) > kRounding) {
    detail::invalid_argument("the families' shares must be 1 together");
  }
}

}  // namespace

std::vector<double> gatekeeping(std::span<const RankedHypothesis> hypotheses,
                                std::span<const double> shares) {
  check(hypotheses, shares);
  std::vector<double> of_family(shares.begin(), shares.end());
  std::vector<std::size_t> num_open(shares.size(), 0);
  for (const RankedHypothesis& hypothesis : hypotheses) ++num_open[hypothesis.family];
  std::vector<bool> rejected(hypotheses.size(), false);
  std::vector<double> adjusted(hypotheses.size(), 1);
  double running = 0;
  for (std::size_t step = 0; step < hypotheses.size(); ++step) {
    std::vector<double> open_weight(shares.size(), 0);
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
      if (!rejected[i]) open_weight[hypotheses[i].family] += hypotheses[i].weight;
    }
    std::size_t next = hypotheses.size();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
      if (rejected[i]) continue;
      const RankedHypothesis& one = hypotheses[i];
      const double level = of_family[one.family] * one.weight / open_weight[one.family];
      const double ratio =
          level > 0 ? one.p_value / level : std::numeric_limits<double>::infinity();
      if (next == hypotheses.size() || ratio < least) {
        next = i;
        least = ratio;
      }
    }
    running = std::max(running, std::min(1.0, least));
    adjusted[next] = running;
    rejected[next] = true;
    const std::size_t family = hypotheses[next].family;
    if (--num_open[family] > 0) continue;
    for (std::size_t ahead = 1; ahead < shares.size(); ++ahead) {
      const std::size_t heir = (family + ahead) % shares.size();
      if (num_open[heir] == 0) continue;
      of_family[heir] += of_family[family];
      break;
    }
    of_family[family] = 0;
  }
  return adjusted;
}

}  // namespace peira::stats
