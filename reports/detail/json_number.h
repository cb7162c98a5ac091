// Numbers in JSON, which has no NaN and no infinity: those are null.
#pragma once

#include <cmath>
#include <optional>

#include "base/json.h"

namespace peira::reports::detail {

inline OrderedJson number(double value) {
  return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr);
}

inline OrderedJson number(const std::optional<double>& value) {
  return value ? number(*value) : OrderedJson(nullptr);
}

}  // namespace peira::reports::detail
