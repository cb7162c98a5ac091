// Filters of numbers.
#include <algorithm>
#include <cmath>
#include <optional>

#include "model/text/jinja/filter_tables.h"
#include "model/text/jinja/format.h"
#include "model/text/jinja/operations.h"
#include "model/text/jinja/python_text.h"

namespace peira::model::jinja {
namespace {

Value int_filter(Budget&, const Value& value, const Arguments& arguments) {
  arguments.check("int", 0, 2, {"default", "base"});
  const Value otherwise = arguments.get(0, "default", Value(std::int64_t{0}));
  const std::int64_t base = whole("int", arguments.get(1, "base", Value(std::int64_t{10})));
  std::optional<double> number;
  if (value.is_string()) {
    if (const auto parsed =
            parse_integer(value.text(), static_cast<int>(std::clamp<std::int64_t>(base, -1, 99)))) {
      return Value(*parsed);
    }
    number = parse_float(value.text());
  } else if (value.is_float()) {
    number = value.number();
  } else if (value.is_number()) {
    return Value(value.big());
  }
  if (!number) return otherwise;
  // int(inf) and int(nan) raise what the filter does not catch, and what it does.
  if (std::isinf(*number)) fail("cannot convert float infinity to integer");
  if (std::isnan(*number)) return otherwise;
  return Value(BigInteger::from_double(*number));
}

Value float_filter(Budget&, const Value& value, const Arguments& arguments) {
  arguments.check("float", 0, 1, {"default"});
  if (value.is_number()) return Value(value.number());
  if (value.is_string()) {
    if (const auto number = parse_float(value.text())) return Value(*number);
  }
  return arguments.get(0, "default", Value(0.0));
}

// Python's round of an integer: to tens, hundreds ..., of two equally near the even one.
Value rounded_integer(Budget& budget, const Value& value, std::int64_t digits) {
  if (digits >= 0) return Value(value.big());
  if (digits < -4300) return Value(std::int64_t{0});
  budget.charge(BigInteger(INT64_MAX).weight() * 64);
  const BigInteger unit = BigInteger(std::int64_t{10}).power(static_cast<std::uint64_t>(-digits));
  const BigInteger::Division parts = value.big().divided_by(unit);
  const int order = (parts.remainder + parts.remainder).compare(unit);
  const BigInteger two(std::int64_t{2});
  const bool is_odd = !parts.quotient.divided_by(two).remainder.is_zero();
  const bool goes_up = order > 0 || (order == 0 && is_odd);
  return Value((goes_up ? parts.quotient + BigInteger(std::int64_t{1}) : parts.quotient) * unit);
}

Value round_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("round", 0, 2, {"precision", "method"});
  const std::int64_t digits = whole("round", arguments.get(0, "precision", Value(std::int64_t{0})));
  const Value method = arguments.get(1, "method", Value("common"));
  const std::string name = method.is_string() ? method.text() : "";
  if (name != "common" && name != "ceil" && name != "floor") {
    fail("method must be common, ceil or floor");
  }
  if (value.is_undefined()) fail(value.undefined_message());
  if (!value.is_number()) fail("type " + value.type_name() + " doesn't define __round__ method");
  if (name == "common") {
    if (!value.is_float()) return rounded_integer(budget, value, digits);
    return Value(round_to(value.number(), digits));
  }
  const double unit = std::pow(10.0, static_cast<double>(digits));
  const double scaled = value.number() * unit;
  return Value((name == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

}  // namespace

const FilterTable& number_filters() {
  static const FilterTable table = {
      {"float", float_filter},
      {"int", int_filter},
      {"round", round_filter},
      {"abs",
       [](Budget&, const Value& value, const Arguments& arguments) {
         arguments.check("abs", 0, 0, {});
         if (value.is_undefined()) fail(value.undefined_message());
         if (value.is_float()) return Value(std::fabs(value.number()));
         if (value.is_number()) {
           const BigInteger number = value.big();
           return Value(number.is_negative() ? -number : number);
         }
         fail("bad operand type for abs(): '" + value.type_name() + "'");
       }},
  };
  return table;
}

}  // namespace peira::model::jinja
