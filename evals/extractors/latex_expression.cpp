#include "evals/extractors/latex_expression.h"

#include <algorithm>
#include <utility>

#include "evals/extractors/latex_lexer.h"
#include "evals/extractors/latex_parser.h"
#include "evals/python_text.h"

namespace peira::evals {
namespace {

using Kind = LatexValue::Kind;
using latex::number;

constexpr std::size_t kMaxBytes = 20'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "1,234,567" or "-1,234.5", blanks around: one number, not a set.
bool is_comma_number(std::string_view text) {
  text = python::strip(text);
  if (text.starts_with('-')) text.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits < 1 || digits > 3) return false;
  text.remove_prefix(digits);
  bool any = false;
  while (text.size() >= 4 && text[0] == ',' && is_digit(text[1]) && is_digit(text[2]) &&
         is_digit(text[3])) {
    text.remove_prefix(4);
    any = true;
  }
  if (!any) return false;
  if (text.empty()) return true;
  if (text[0] != '.' || text.size() < 2) return false;
  return std::all_of(text.begin() + 1, text.end(), is_digit);
}

std::optional<LatexValue> comma_number(std::string_view text) {
  std::string plain(text);
  // 0,111 is a decimal number.
  if (plain.starts_with('0')) plain = python::replace(plain, ",", ".");
  std::string digits;
  for (const char c : plain) {
    if (c != ',' && c != ' ') digits += c;
  }
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  auto value = parse_decimal(digits);
  if (!value) return std::nullopt;
  return number(negative ? negate(*value) : *value, true);
}

}  // namespace

std::optional<LatexValue> parse_latex(std::string_view text) {
  if (text.size() > kMaxBytes) return std::nullopt;
  auto tokens = latex::tokenize(text);
  if (!tokens) return std::nullopt;
  try {
    bool from_elements = false;
    auto value = latex::Parser(*std::move(tokens)).run(from_elements);
    if (value && from_elements && is_comma_number(text)) return comma_number(text);
    return value;
  } catch (const latex::NoParse&) {
    return std::nullopt;
  }
}

bool equals_integer(const LatexValue& value, const BigInt& gold) {
  switch (value.kind) {
    case Kind::kNumber: {
      const MathNumber difference = subtract(value.number, MathNumber::from(Rational(gold)));
      if (difference.is_exact) {
        if (difference.exact.is_zero()) return true;
        // What was calculated in decimals was rounded to a double on the way.
        if (!value.number.is_float || value.is_atomic) return false;
        return abs(difference.to_real()) <= 1e-15 * abs(value.number.to_real());
      }
      return abs(difference.to_real()) < 1e-40;
    }
    case Kind::kSymbolic:
      return value.name == gold.str();  // a lone symbol is compared by its name: \text{70}
    case Kind::kSet:
      if (value.items.size() == 1) return equals_integer(value.items.front(), gold);
      // {70, 35 * 2} is the set {70} once it is evaluated; a tuple keeps its length.
      return !value.is_tuple && !value.items.empty() &&
             std::all_of(value.items.begin(), value.items.end(), [&](const LatexValue& item) {
               return item.kind == Kind::kNumber && equals_integer(item, gold);
             });
    case Kind::kEquation:
      return equals_integer(value.items.front(), gold);
    default:
      return false;
  }
}

bool needs_algebra(const LatexValue& value) {
  return value.unsupported || std::any_of(value.items.begin(), value.items.end(), needs_algebra);
}

std::string describe(const LatexValue& value) {
  switch (value.kind) {
    case Kind::kNumber:
      return value.number.to_string();
    case Kind::kSymbolic:
      return value.name.empty() ? "an expression" : value.name;
    case Kind::kSet: {
      std::string text = "{";
      for (const LatexValue& item : value.items) {
        if (text.size() > 1) text += ", ";
        if (text.size() > 60) {
          text += "...";
          break;
        }
        text += describe(item);
      }
      return text + "}";
    }
    case Kind::kEquation:
      return describe(value.items.front());
    case Kind::kRelation:
      return "a relation";
    default:
      return "a set or matrix";
  }
}

}  // namespace peira::evals
