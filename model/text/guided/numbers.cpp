#include "model/text/guided/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <tuple>

#include "model/text/guided/pattern.h"

namespace peira::model::guided {
namespace {

constexpr std::size_t kDoubleDigits = 15;

CodePointSet digits_between(int first, int last) {
  return CodePointSet({{static_cast<char32_t>('0' + first), static_cast<char32_t>('0' + last)}});
}

// A bound of a magnitude: at least, or at most, this.
struct Bound {
  Decimal value;
  bool is_open = false;
};

int compare_magnitudes(const Decimal& a, const Decimal& b) {
  if (a.integer.size() != b.integer.size()) return a.integer.size() < b.integer.size() ? -1 : 1;
  if (const int order = a.integer.compare(b.integer)) return order < 0 ? -1 : 1;
  const int order = a.fraction.compare(b.fraction);  // no trailing zeros: as decimals compare
  return order == 0 ? 0 : (order < 0 ? -1 : 1);
}

// Writes the numbers from `low` to `high` (none: without end), digit by digit, tracking whether the
// digits so far are still those of a bound.
class Magnitudes {
 public:
  Magnitudes(CharNfa& nfa, Bound low, std::optional<Bound> high, bool integers_only,
             std::size_t max_fraction, const std::string& where)
      : nfa_(nfa),
        low_(std::move(low)),
        high_(std::move(high)),
        integers_only_(integers_only),
        max_fraction_(max_fraction),
        where_(where) {}

  // Adds them to what follows `from`.
  void add(std::uint32_t from) {
    const std::size_t shortest = low_.value.integer.size();
    const std::size_t longest = high_ ? high_->value.integer.size() : shortest;
    for (std::size_t size = shortest; size <= longest; ++size) {
      const bool on_low = size == shortest;
      const bool on_high = high_ && size == longest;
      add_digit(from, Place{size, 0, false, on_low, on_high});
    }
    if (!high_) {
      // Longer ones are all above.
      std::uint32_t state = add(digits_between(1, 9), from);
      for (std::size_t i = 0; i < shortest; ++i) state = add(digits_between(0, 9), state);
      nfa_.states[state].edges.push_back({digits_between(0, 9), state});
      end_integer(state, Place{0, 0, false, false, false});
    }
  }

 private:
  struct Place {
    std::size_t size;  // digits of the integer part
    std::size_t at;    // digits written of the part
    bool in_fraction;
    bool on_low, on_high;  // the digits so far are the bound's
    auto operator<=>(const Place&) const = default;
  };

  std::uint32_t add(const CodePointSet& set, std::uint32_t from) {
    const std::uint32_t to = nfa_.add_state(where_);
    nfa_.states[from].edges.push_back({set, to});
    return to;
  }

  static int digit_of(const std::string& digits, std::size_t at) {
    return at < digits.size() ? digits[at] - '0' : 0;
  }

  // Adds the edges of the digit at `place` to `from`.
  void add_digit(std::uint32_t from, const Place& place) {
    const auto bound_digit = [&](const Bound& bound) {
      return digit_of(place.in_fraction ? bound.value.fraction : bound.value.integer, place.at);
    };
    const int first = place.on_low ? bound_digit(low_) : 0;
    const int last = place.on_high ? bound_digit(*high_) : 9;
    // No zero in front of other digits.
    const int least = !place.in_fraction && place.at == 0 && place.size > 1 ? 1 : 0;
    for (int digit = std::max(first, least); digit <= last;) {
      const bool on_low = place.on_low && digit == first;
      const bool on_high = place.on_high && digit == last;
      int end = digit;
      if (!on_low && !on_high) end = place.on_high ? last - 1 : last;
      const Place next{place.size, place.at + 1, place.in_fraction, on_low, on_high};
      const std::uint32_t to = state_of(next);
      nfa_.states[from].edges.push_back({digits_between(digit, end), to});
      digit = end + 1;
    }
  }

  std::uint32_t state_of(const Place& place) {
    const auto found = known_.find(place);
    if (found != known_.end()) return found->second;
    const std::uint32_t state = nfa_.add_state(where_);
    known_.emplace(place, state);
    if (!place.in_fraction) {
      if (place.at < place.size) {
        add_digit(state, place);
      } else {
        end_integer(state, place);
      }
      return state;
    }
    nfa_.states[state].accepts = may_end(place);
    if (place.at < max_fraction_) add_digit(state, place);
    return state;
  }

  // After the last digit of the integer part.
  void end_integer(std::uint32_t state, const Place& place) {
    const Place fraction{0, 0, true, place.on_low, place.on_high};
    nfa_.states[state].accepts = may_end(fraction);
    if (integers_only_ || max_fraction_ == 0) return;
    const std::uint32_t point = add(CodePointSet::of('.'), state);
    add_digit(point, fraction);
  }

  // Whether the number may end with so many digits of its fraction.
  bool may_end(const Place& place) const {
    const auto is_below = [&](const Bound& bound) {  // the digits are its own, but not all
      return place.at < bound.value.fraction.size();
    };
    if (place.on_low && (is_below(low_) || low_.is_open)) return false;
    if (place.on_high && !is_below(*high_) && high_->is_open) return false;
    return true;
  }

  CharNfa& nfa_;
  Bound low_;
  std::optional<Bound> high_;
  bool integers_only_;
  std::size_t max_fraction_;
  const std::string& where_;
  std::map<Place, std::uint32_t> known_;
};

// Digits whose number is a multiple of `divisor`.
CharNfa multiples(std::uint64_t divisor, const std::string& where) {
  CharNfa nfa;
  const std::uint32_t start = nfa.add_state(where);
  std::vector<std::uint32_t> by_remainder;
  for (std::uint64_t i = 0; i < divisor; ++i) by_remainder.push_back(nfa.add_state(where));
  nfa.states[by_remainder[0]].accepts = true;
  const auto add_digits = [&](std::uint32_t from, std::uint64_t remainder) {
    for (int digit = 0; digit <= 9; ++digit) {
      const std::uint64_t next = (remainder * 10 + static_cast<std::uint64_t>(digit)) % divisor;
      nfa.states[from].edges.push_back({digits_between(digit, digit), by_remainder[next]});
    }
  };
  nfa.states[start].edges.push_back({CodePointSet::of('-'), start});
  add_digits(start, 0);
  for (std::uint64_t i = 0; i < divisor; ++i) add_digits(by_remainder[i], i);
  return nfa;
}

}  // namespace

Decimal Decimal::of(const OrderedJson& number) {
  std::array<char, 1100> buffer{};  // the longest double in fixed notation has 1077 characters
  char* end = buffer.data();
  if (number.is_number_unsigned()) {
    end = std::to_chars(end, end + buffer.size(), number.get<std::uint64_t>()).ptr;
  } else if (number.is_number_integer()) {
    end = std::to_chars(end, end + buffer.size(), number.get<std::int64_t>()).ptr;
  } else {
    end =
        std::to_chars(end, end + buffer.size(), number.get<double>(), std::chars_format::fixed).ptr;
  }
  Decimal out;
  out.integer.assign(buffer.data(), end);
  out.negative = out.integer.starts_with('-');
  if (out.negative) out.integer.erase(0, 1);
  if (const std::size_t point = out.integer.find('.'); point != std::string::npos) {
    out.fraction = out.integer.substr(point + 1);
    out.integer.resize(point);
    while (out.fraction.ends_with('0')) out.fraction.pop_back();
  }
  if (out.integer == "0" && out.fraction.empty()) out.negative = false;
  return out;
}

std::string Decimal::text() const {
  return (negative ? "-" : "") + integer + (fraction.empty() ? "" : "." + fraction);
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int order = compare_magnitudes(a, b);
  return a.negative ? -order : order;
}

CharNfa number_texts(const NumberRange& range, const std::string& where) {
  const bool integers_only = range.integers_only || range.multiple_of > 1;
  CharNfa nfa;
  if (!range.min && !range.max) {
    // Exponents beyond a double's would be numbers that few programs read.
    nfa = parse_pattern(integers_only ? "-?(?:0|[1-9][0-9]*)"
                                      : "-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?(?:[0-9]{1,2}"
                                        "|[12][0-9]{2}))?",
                        PatternMatch::kWhole, where);
  } else {
    std::size_t integer_digits = 1;
    std::size_t fraction_digits = 0;
    for (const auto& bound : {range.min, range.max}) {
      if (!bound) continue;
      integer_digits = std::max(integer_digits, bound->integer.size());
      fraction_digits = std::max(fraction_digits, bound->fraction.size());
    }
    if (integer_digits < kDoubleDigits) {
      fraction_digits = std::max(fraction_digits, kDoubleDigits - integer_digits);
    }
    nfa.add_state(where);
    const Decimal zero{false, "0", ""};
    const auto add_magnitudes = [&](std::uint32_t from, const std::optional<Decimal>& low,
                                    bool low_is_open, const std::optional<Decimal>& high,
                                    bool high_is_open) {
      // From zero on, for bounds on the other side of it.
      Bound bottom{zero, false};
      if (low && !low->negative) bottom = {*low, low_is_open};
      std::optional<Bound> top;
      if (high) {
        if (high->negative) return;
        top = Bound{*high, high_is_open};
        const int order = compare_magnitudes(bottom.value, top->value);
        if (order > 0 || (order == 0 && (bottom.is_open || top->is_open))) return;
      }
      Magnitudes(nfa, bottom, top, integers_only, fraction_digits, where).add(from);
    };
    add_magnitudes(0, range.min, range.min_is_open, range.max, range.max_is_open);
    // What follows a minus is mirrored.
    const auto mirrored = [](std::optional<Decimal> bound) {
      if (bound && compare(*bound, Decimal{false, "0", ""}) != 0)
        bound->negative = !bound->negative;
      return bound;
    };
    const std::uint32_t minus = nfa.add_state(where);
    nfa.states[0].edges.push_back({CodePointSet::of('-'), minus});
    add_magnitudes(minus, mirrored(range.max), range.max_is_open, mirrored(range.min),
                   range.min_is_open);
  }
  if (range.multiple_of > 1) return intersect(nfa, multiples(range.multiple_of, where), where);
  return intersect(nfa, text_of_length(0, std::nullopt, where), where);
}

}  // namespace peira::model::guided
