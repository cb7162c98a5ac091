#include "model/text/jinja/operations.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/text/jinja/format.h"
#include "model/text/jinja/python_text.h"

namespace peira::model::jinja {
namespace {

[[noreturn]] void unsupported(const std::string& sign, const Value& left, const Value& right) {
  if (left.is_undefined()) fail(left.undefined_message());
  if (right.is_undefined()) fail(right.undefined_message());
  if (sign == "+" && left.is_string()) {
    fail("can only concatenate str (not \"" + right.type_name() + "\") to str");
  }
  fail("unsupported operand type(s) for " + sign + ": '" + left.type_name() + "' and '" +
       right.type_name() + "'");
}

Value of_floats(const std::string& sign, double a, double b) {
  if (sign == "+") return Value(a + b);
  if (sign == "-") return Value(a - b);
  if (sign == "*") return Value(a * b);
  if (sign == "**") {
    if (a < 0 && b != std::floor(b)) fail("complex numbers are not supported");
    const double result = std::pow(a, b);
    if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
      fail(a == 0 ? "0.0 cannot be raised to a negative power" : "numerical result out of range");
    }
    return Value(result);
  }
  if (b == 0) fail(sign == "/" ? "float division by zero" : "float floor division by zero");
  if (sign == "/") return Value(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  if (sign == "%") return Value(remainder == 0 ? std::copysign(0.0, b) : remainder);
  const double quotient = (a - remainder) / b;
  double whole = std::floor(quotient);
  if (quotient - whole > 0.5) whole += 1;
  return Value(quotient == 0 ? std::copysign(0.0, a / b) : whole);
}

// An integer as Python turns it into a float for an operation.
double as_float(const Value& value) {
  const double number = value.number();
  if (!value.is_float() && std::isinf(number)) fail("int too large to convert to float");
  return number;
}

Value of_big_integers(Budget& budget, const std::string& sign, const Value& left,
                      const Value& right) {
  const BigInteger a = left.big();
  const BigInteger b = right.big();
  budget.charge(a.weight() + b.weight());
  if (sign == "+") return Value(a + b);
  if (sign == "-") return Value(a - b);
  if (sign == "*") return Value(a * b);
  if (sign == "**") {
    if (b.is_negative()) return of_floats(sign, as_float(left), as_float(right));
    const auto exponent = b.as_int64();
    if (!exponent && (a == BigInteger(std::int64_t{0}) || a == BigInteger(std::int64_t{1})))
      return left;
    if (!exponent) fail("an integer has more than 4300 digits");
    budget.charge(BigInteger(INT64_MAX).weight() * 64);
    return Value(a.power(static_cast<std::uint64_t>(*exponent)));
  }
  if (b.is_zero()) fail(sign == "/" ? "division by zero" : "integer division or modulo by zero");
  // A division goes bit by bit.
  budget.charge(16 * (a.weight() + b.weight()));
  if (sign == "/") {
    const double ratio = a.ratio(b);
    if (std::isinf(ratio)) fail("integer division result too large for a float");
    return Value(ratio);
  }
  BigInteger::Division parts = a.divided_by(b);
  return Value(sign == "//" ? parts.quotient : parts.remainder);
}

Value of_integers(Budget& budget, const std::string& sign, const Value& left, const Value& right) {
  if (left.is_big() || right.is_big()) return of_big_integers(budget, sign, left, right);
  const std::int64_t a = left.integer();
  const std::int64_t b = right.integer();
  std::int64_t result = 0;
  const bool overflows = sign == "+"   ? __builtin_add_overflow(a, b, &result)
                         : sign == "-" ? __builtin_sub_overflow(a, b, &result)
                         : sign == "*" ? __builtin_mul_overflow(a, b, &result)
                                       : sign == "**" || b == 0 || (a == INT64_MIN && b == -1);
  if (overflows) return of_big_integers(budget, sign, left, right);
  if (sign == "+" || sign == "-" || sign == "*") return Value(result);
  if (sign == "/") {
    // Both are floats without rounding, or the long way is.
    constexpr std::int64_t kExact = std::int64_t{1} << 53;
    if (a < -kExact || a > kExact || b < -kExact || b > kExact) {
      return of_big_integers(budget, sign, left, right);
    }
    return Value(static_cast<double>(a) / static_cast<double>(b));
  }
  const std::int64_t remainder = a % b;
  const bool rounds_down = remainder != 0 && (remainder < 0) != (b < 0);
  if (sign == "//") return Value(a / b - (rounds_down ? 1 : 0));
  return Value(remainder + (rounds_down ? b : 0));
}

Value repeat(Budget& budget, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  if (value.is_string()) {
    const std::string& text = value.text();
    if (times > 0 && text.size() > budget.max_text() / times) {
      budget.charge_text(budget.max_text() + 1);
    }
    budget.charge_text(text.size() * times);
    std::string out;
    out.reserve(text.size() * times);
    for (std::size_t i = 0; i < times && !text.empty(); ++i) out += text;
    return value.is_markup() ? Value::markup(std::move(out)) : Value(std::move(out));
  }
  const List& list = value.as_list();
  if (times > 0 && list.items.size() > static_cast<std::size_t>(kMaxValueWeight) / times) {
    fail("lists and dicts grow too large");
  }
  budget.charge(list.items.size() * times);
  std::vector<Value> items;
  for (std::size_t i = 0; i < times && !list.items.empty(); ++i) {
    items.insert(items.end(), list.items.begin(), list.items.end());
  }
  return list.kind == ListKind::kTuple ? Value::tuple(std::move(items))
                                       : Value::list(std::move(items));
}

bool is_plain_list(const Value& value) {
  return value.is_list() && value.as_list().kind <= ListKind::kTuple;
}

Value joined(Budget& budget, const Value& left, const Value& right) {
  if (!left.is_markup() && !right.is_markup()) {
    budget.charge_text(left.text().size() + right.text().size());
    return Value(left.text() + right.text());
  }
  std::string out = escaped_unless_markup(budget, left);
  out += escaped_unless_markup(budget, right);
  budget.charge_text(out.size());
  return Value::markup(std::move(out));
}

}  // namespace

Value arithmetic(Budget& budget, const std::string& sign, const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    return left.is_float() || right.is_float() ? of_floats(sign, as_float(left), as_float(right))
                                               : of_integers(budget, sign, left, right);
  }
  if (sign == "+") {
    if (left.is_string() && right.is_string()) return joined(budget, left, right);
    if (is_plain_list(left) && is_plain_list(right) &&
        left.as_list().kind == right.as_list().kind) {
      std::vector<Value> items = left.as_list().items;
      const auto& more = right.as_list().items;
      budget.charge(items.size() + more.size());
      items.insert(items.end(), more.begin(), more.end());
      return left.as_list().kind == ListKind::kTuple ? Value::tuple(std::move(items))
                                                     : Value::list(std::move(items));
    }
  }
  if (sign == "*") {
    if ((left.is_string() || is_plain_list(left)) && right.is_int()) {
      return repeat(budget, left, right.integer());
    }
    if ((right.is_string() || is_plain_list(right)) && left.is_int()) {
      return repeat(budget, right, left.integer());
    }
  }
  if (sign == "%" && left.is_markup()) {
    const auto escape = [](const Value& value, std::string text) {
      return value.is_markup() ? text : escaped(text);
    };
    std::string out = format_percent(budget, left.text(), right, escape);
    budget.charge_text(out.size());
    return Value::markup(std::move(out));
  }
  if (sign == "%" && left.is_string()) {
    return budget.text_value(format_percent(budget, left.text(), right));
  }
  unsupported(sign, left, right);
}

Value unary(const std::string& sign, const Value& value) {
  const bool negates = sign == "-";
  if (value.is_undefined()) fail(value.undefined_message());
  if (value.is_float()) return Value(negates ? -value.number() : value.number());
  if (value.is_number()) return negates ? Value(-value.big()) : Value(value.big());
  fail("bad operand type for unary " + sign + ": '" + value.type_name() + "'");
}

Value slice(Budget& budget, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  std::int64_t bounds[3] = {0, 0, 1};
  bool given[3] = {};
  const Value* const parts[3] = {&start, &stop, &step};
  for (std::size_t i = 0; i < 3; ++i) {
    if (parts[i]->is_none()) continue;
    if (parts[i]->is_undefined()) fail(parts[i]->undefined_message());
    if (!parts[i]->is_int() && !parts[i]->is_big()) {
      fail("slice indices must be integers or None or have an __index__ method");
    }
    // What 64 bits do not hold lies beyond any end.
    bounds[i] = parts[i]->is_int()              ? parts[i]->integer()
                : parts[i]->big().is_negative() ? INT64_MIN
                                                : INT64_MAX;
    given[i] = true;
  }
  if (value.is_undefined()) fail(value.undefined_message());
  if (!value.is_string() && !(value.is_list() && (value.as_list().kind <= ListKind::kTuple ||
                                                  value.as_list().kind == ListKind::kRange))) {
    return Value::undefined("'" + value.type_name() + "' object cannot be sliced");
  }
  const std::int64_t stride = bounds[2];
  if (stride == 0) fail("slice step cannot be zero");
  const std::int64_t count = length(value);
  const auto clamp = [&](std::int64_t index) {
    if (index < 0) index = index < -count ? -1 : index + count;
    if (stride > 0) return std::clamp<std::int64_t>(index, 0, count);
    return std::clamp<std::int64_t>(index, -1, count - 1);
  };
  std::int64_t from = stride > 0 ? 0 : count - 1;
  std::int64_t to = stride > 0 ? count : -1;
  if (given[0]) from = clamp(bounds[0]);
  if (given[1]) to = clamp(bounds[1]);
  std::vector<std::size_t> indices;
  if (stride > 0) {
    for (std::int64_t i = from; i < to; i += std::min(stride, count + 1)) {
      indices.push_back(static_cast<std::size_t>(i));
    }
  } else {
    for (std::int64_t i = from; i > to; i += std::max(stride, -count - 1)) {
      indices.push_back(static_cast<std::size_t>(i));
    }
  }
  budget.charge(indices.size() / 8 + static_cast<std::size_t>(count) / 64);
  if (value.is_string()) {
    const std::string& text = value.text();
    std::string out;
    if (stride == 1) {
      if (from < to) {
        const std::size_t begin = byte_offset(text, static_cast<std::size_t>(from));
        const std::size_t size =
            byte_offset(std::string_view(text).substr(begin), static_cast<std::size_t>(to - from));
        out = text.substr(begin, size);
      }
    } else {
      const std::vector<std::string> all = characters(text);
      for (const std::size_t i : indices) out += all[i];
    }
    budget.charge_text(out.size());
    return value.is_markup() ? Value::markup(std::move(out)) : Value(std::move(out));
  }
  auto part = std::make_shared<List>();
  part->kind = value.as_list().kind;
  for (const std::size_t i : indices) part->items.push_back(value.as_list().items[i]);
  return Value(std::move(part));
}

bool compare(Budget& budget, const std::string& sign, const Value& left, const Value& right) {
  for (const Value* const value : {&right, &left}) {
    budget.charge(static_cast<std::size_t>(value->weight()));
    if (value->is_string()) budget.charge(value->text().size() / 64);
  }
  if (sign == "==") return equal(left, right);
  if (sign == "!=") return !equal(left, right);
  if (sign == "<") return less(left, right);
  if (sign == ">") return less(right, left, ">");
  if (sign == "<=") return less(left, right, "<=") || equal(left, right);
  if (sign == ">=") return less(right, left, ">=") || equal(left, right);
  return contains(right, left) == (sign == "in");
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escaped_unless_markup(Budget& budget, const Value& value) {
  std::string text = budget.text_of(value);
  if (value.is_markup()) return text;
  std::string out = escaped(text);
  budget.charge_text(out.size());
  return out;
}

}  // namespace peira::model::jinja
