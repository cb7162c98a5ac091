// The ways in which a range of numbers can be written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "model/text/guided/char_nfa.h"

namespace peira::model::guided {

// A number in decimal digits, as written.
struct Decimal {
  bool negative = false;  // never of zero
  std::string integer;    // "0", or without leading zeros
  std::string fraction;   // without trailing zeros

  // Of a JSON number; a fraction in binary is its shortest decimal spelling.
  static Decimal of(const OrderedJson& number);
  std::string text() const;
};

// Less than, equal or greater: -1, 0, 1.
int compare(const Decimal& a, const Decimal& b);

struct NumberRange {
  bool integers_only = false;
  std::optional<Decimal> min, max;
  bool min_is_open = false, max_is_open = false;  // the bound itself is out
  std::uint64_t multiple_of = 1;                  // above 1: integers only
};

// The JSON spellings of the numbers in `range`: without superfluous zeros in front; integers
// without fraction or exponent; others with them, but where bounded on a side without exponent and
// with at most 15 digits, as many as a double tells apart.
//
// throws Error(kData): multiple_of is too large with the limits of CharNfa; says `where`.
CharNfa number_texts(const NumberRange& range, const std::string& where);

}  // namespace peira::model::guided
