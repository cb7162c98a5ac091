// What the procedures of stats/ ask of their arguments, and the errors they throw otherwise.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"
#include "stats/distributions.h"

namespace peira::stats::detail {

[[noreturn]] inline void invalid_argument(const std::string& what) {
  throw Error(ErrorCode::kUsage, "InvalidArgument: " + what);
}

[[noreturn]] inline void not_estimable(const std::string& what) {
  throw Error(ErrorCode::kData, "NotEstimable: " + what);
}

[[noreturn]] inline void zero_variance(const std::string& what) {
  throw Error(ErrorCode::kData, "ZeroVariance: " + what);
}

[[noreturn]] inline void empty_input(const std::string& what) {
  throw Error(ErrorCode::kData, "EmptyInput: " + what);
}

[[noreturn]] inline void no_convergence(const std::string& what) {
  throw Error(ErrorCode::kInternal, "NoConvergence: " + what);
}

// 0 < value < 1; `what` names it in the message.
inline void require_open_unit(double value, const char* what) {
  if (!(value > 0) || !(value < 1)) {
    throw Error(ErrorCode::kUsage, std::string("InvalidProbability: ") + what +
                                       " must lie between 0 and 1, is " + std::to_string(value));
  }
}

// 0 <= value <= 1.
inline void require_unit(double value, const char* what) {
  if (!(value >= 0) || !(value <= 1)) {
    throw Error(ErrorCode::kUsage, std::string("InvalidProbability: ") + what +
                                       " must lie in [0, 1], is " + std::to_string(value));
  }
}

inline void require_finite(double value, const char* what) {
  if (!std::isfinite(value)) {
    throw Error(ErrorCode::kData,
                std::string("NonFiniteInput: ") + what + " is " + std::to_string(value));
  }
}

inline void require_finite(std::span<const double> values, const char* what) {
  for (const double value : values) require_finite(value, what);
}

inline void require_same_length(std::size_t a, std::size_t b, const std::string& what) {
  if (a != b) {
    throw Error(ErrorCode::kData,
                "LengthMismatch: " + what + ": " + std::to_string(a) + " and " + std::to_string(b));
  }
}

inline void require_count(std::int64_t count, std::int64_t least, const std::string& what) {
  if (count < least) {
    throw Error(ErrorCode::kData, "TooFewObservations: " + what + ": " + std::to_string(count) +
                                      ", needs " + std::to_string(least));
  }
}

// The z that a two-sided normal interval of this confidence reaches on either side.
inline double two_sided_z(double confidence) {
  require_open_unit(confidence, "confidence");
  return -normal_quantile((1 - confidence) / 2);
}

}  // namespace peira::stats::detail
