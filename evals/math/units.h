// Units behind numbers, exactly: "km/h" is 5/18 of a metre per second.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "evals/extractors/math_value.h"

namespace peira::evals::math {

struct Unit {
  std::map<std::string, int> dimensions;  // "m" -> 1, "s" -> -2; of an unknown unit its own name
  Rational factor = 1;                    // to the units of the dimensions
  bool is_half_turn = false;              // degrees: `factor` counts shares of pi
  bool is_known = true;
};

// A unit, or a product, quotient or power of some: "m/s^2", "kg*m", "N m", "meters per second".
// Empty where a name is not in the table.
std::optional<Unit> read_unit(std::string_view text);

// A unit that we know by its name alone.
Unit unknown_unit(std::string_view name);

}  // namespace peira::evals::math
