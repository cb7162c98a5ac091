// When and by how much the level of a series of nights changed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace peira::evals {

struct ChangeFit {
  bool gradual = false;                  // a slope after `position`, not a step at it
  std::size_t position = 0;              // first changed night; of a slope, the last unchanged one
  std::size_t earliest = 0, latest = 0;  // plausible positions (95 %)
  double size = 0;                       // of the step, or of the slope until the last night
  double low = 0, high = 0;              // 95 %, over every plausible position
};

struct ChangeOptions {
  int direction = -1;  // of the change looked for
  // Nights after this one are no candidates for `position`; empty: all are.
  std::optional<std::size_t> last_candidate = {};
  double least_variance = 0;  // of one night about its level: what questions alone give
};

// The step or the slope that fits `levels` best: least squares, of both shapes the closer one.
//
// levels   [n] of the nights in order.
// returns  empty below four nights, or where no candidate goes in the direction.
// source   positions: those of either shape whose sum of squares is within 7.35 sigma^2 of the
//          least, the 0.95 quantile of the likelihood ratio of a change point (Hansen 2000,
//          Econometrica 68, 575-603); sigma^2 of the best fit with n - 3 degrees of freedom,
//          least_variance at least.
// cost     n steps a candidate.
std::optional<ChangeFit> fit_change(std::span<const double> levels, const ChangeOptions& options);

}  // namespace peira::evals
