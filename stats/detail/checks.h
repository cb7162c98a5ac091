// What the procedures of stats/ ask of their arguments, and the errors they throw otherwise.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "stats/distributions.h"
#include "stats/errors.h"

namespace peira::stats::detail {

[[noreturn]] inline void invalid_argument(const std::string& what) {
  throw StatsError("InvalidArgument", what);
}

[[noreturn]] inline void not_estimable(const std::string& what) {
  throw StatsError("NotEstimable", what);
}

[[noreturn]] inline void zero_variance(const std::string& what) {
  throw StatsError("ZeroVariance", what);
}

[[noreturn]] inline void empty_input(const std::string& what) {
  throw StatsError("EmptyInput", what);
}

[[noreturn]] inline void no_convergence(const std::string& what) {
  throw StatsError("NoConvergence", what);
}

// 0 < value < 1; `what` names it in the message.
inline void require_open_unit(double value, const char* what) {
  if (!(value > 0) || !(value < 1)) {
    throw StatsError("InvalidProbability",
                     std::string(what) + " must lie between 0 and 1, is " + std::to_string(value));
  }
}

// 0 <= value <= 1.
inline void require_unit(double value, const char* what) {
  if (!(value >= 0) || !(value <= 1)) {
    throw StatsError("InvalidProbability",
                     std::string(what) + " must lie in [0, 1], is " + std::to_string(value));
  }
}

inline void require_finite(double value, const char* what) {
  if (!std::isfinite(value)) {
    throw StatsError("NonFiniteInput", std::string(what) + " is " + std::to_string(value));
  }
}

inline void require_finite(std::span<const double> values, const char* what) {
  for (const double value : values) require_finite(value, what);
}

inline void require_same_length(std::size_t a, std::size_t b, const std::string& what) {
  if (a != b) {
    throw StatsError("LengthMismatch",
                     what + ": " + std::to_string(a) + " and " + std::to_string(b));
  }
}

inline void require_count(std::int64_t count, std::int64_t least, const std::string& what) {
  if (count < least) {
    throw StatsError("TooFewObservations",
                     what + ": " + std::to_string(count) + ", needs " + std::to_string(least));
  }
}

// The z that a two-sided normal interval of this confidence reaches on either side.
inline double two_sided_z(double confidence) {
  require_open_unit(confidence, "confidence");
  return -normal_quantile((1 - confidence) / 2);
}

}  // namespace peira::stats::detail
