#include "model/text/jinja/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "model/text/jinja/python_text.h"

namespace peira::model::jinja {
namespace {

constexpr std::int64_t kMaxWidth = 100'000;  // of a padded field

// How a field is to be written: [[fill]align][sign][#][0][width][,][.precision][type].
struct Spec {
  std::string fill = " ";
  char align = '\0';
  char sign = '-';
  bool alternate = false;
  std::int64_t width = 0;
  char grouping = '\0';
  std::int64_t precision = -1;
  char type = '\0';
};

std::int64_t read_number(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = std::min<std::int64_t>(value * 10 + (text[at++] - '0'), kMaxWidth + 1);
  }
  if (value > kMaxWidth) fail("a field is wider than " + std::to_string(kMaxWidth));
  return value;
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  std::size_t at = 0;
  const auto is_align = [&](std::size_t i) {
    return i < text.size() && std::string_view("<>=^").find(text[i]) != std::string_view::npos;
  };
  const std::size_t first = byte_offset(text, 1);
  if (!text.empty() && is_align(first)) {
    spec.fill = std::string(text.substr(0, first));
    spec.align = text[first];
    at = first + 1;
  } else if (is_align(0)) {
    spec.align = text[0];
    at = 1;
  }
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) {
    spec.sign = text[at++];
  }
  if (at < text.size() && text[at] == '#') {
    spec.alternate = true;
    ++at;
  }
  if (at < text.size() && text[at] == '0') {
    if (spec.align == '\0') {
      spec.fill = "0";
      spec.align = '=';
    }
    ++at;
  }
  spec.width = read_number(text, at);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
  if (at < text.size() && text[at] == '.') {
    ++at;
    spec.precision = read_number(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) fail("Invalid format specifier '" + std::string(text) + "'");
  return spec;
}

std::string padded(std::string text, const Spec& spec, char standard_align) {
  const auto size = static_cast<std::int64_t>(count_characters(text));
  if (size >= spec.width) return text;
  const std::int64_t missing = spec.width - size;
  const auto fill = [&](std::int64_t count) {
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) out += spec.fill;
    return out;
  };
  switch (spec.align != '\0' ? spec.align : standard_align) {
    case '<':
      return text + fill(missing);
    case '^':
      return fill(missing / 2) + text + fill(missing - missing / 2);
    case '=': {
      const std::size_t signs =
          !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
      return text.substr(0, signs) + fill(missing) + text.substr(signs);
    }
    default:
      return fill(missing) + text;
  }
}

std::string grouped(const std::string& digits, char separator) {
  std::size_t begin = 0;
  while (begin < digits.size() && (digits[begin] < '0' || digits[begin] > '9')) ++begin;
  std::size_t end = begin;
  while (end < digits.size() && digits[end] >= '0' && digits[end] <= '9') ++end;
  std::string out = digits.substr(0, begin);
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin && (end - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(end);
}

std::string print_float(double value, char type, int precision, bool alternate) {
  if (!std::isfinite(value)) {
    const bool upper_case = type == 'E' || type == 'F' || type == 'G';
    const std::string text = float_repr(value);
    return upper_case ? upper(text) : text;
  }
  const char format[] = {'%',
                         alternate ? '#' : '.',
                         alternate ? '.' : '*',
                         alternate ? '*' : type,
                         alternate ? type : '\0',
                         '\0'};
  char small[512];
  const int size = std::snprintf(small, sizeof small, format, precision, value);
  if (size < static_cast<int>(sizeof small)) return {small, static_cast<std::size_t>(size)};
  std::string large(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(large.data(), large.size(), format, precision, value);
  large.pop_back();
  return large;
}

std::string integer_in_base(const BigInteger& value, char type, bool alternate) {
  const int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string digits = value.to_string(base);
  if (type == 'X') digits = upper(digits);
  if (alternate && base != 10) digits.insert(value.is_negative() ? 1 : 0, std::string("0") + type);
  return digits;
}

std::string signed_text(std::string text, char sign) {
  if (sign != '-' && !text.starts_with('-')) text.insert(text.begin(), sign);
  return text;
}

std::string format_value(Budget& budget, const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) return budget.text_of(value);
  const Spec spec = parse_spec(spec_text);
  const bool as_float =
      spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.is_float() || (value.is_number() && as_float)) {
    double number = value.number();
    std::string text;
    if (spec.type == '%') {
      text = print_float(number * 100, 'f',
                         spec.precision < 0 ? 6 : static_cast<int>(spec.precision), false) +
             "%";
    } else if (as_float) {
      text = print_float(number, spec.type,
                         spec.precision < 0 ? 6 : static_cast<int>(spec.precision), spec.alternate);
    } else if (spec.type == '\0') {
      text = spec.precision < 0 ? float_repr(number)
                                : print_float(number, 'g', static_cast<int>(spec.precision), false);
      if (spec.precision >= 0 && text.find_first_of(".einf") == std::string::npos) text += ".0";
    } else {
      fail(std::string("Unknown format code '") + spec.type + "' for object of type 'float'");
    }
    if (spec.grouping != '\0') text = grouped(text, spec.grouping);
    return padded(signed_text(std::move(text), spec.sign), spec, '>');
  }
  if (value.is_number() && !(value.is_bool() && spec.type == '\0')) {
    if (spec.type != '\0' && std::string_view("dxXobn").find(spec.type) == std::string_view::npos) {
      fail(std::string("Unknown format code '") + spec.type + "' for object of type 'int'");
    }
    std::string text = integer_in_base(value.big(), spec.type, spec.alternate);
    if (spec.grouping != '\0') text = grouped(text, spec.grouping);
    return padded(signed_text(std::move(text), spec.sign), spec, '>');
  }
  if (!value.is_string())
    fail("unsupported format string passed to " + value.type_name() + ".__format__");
  if (spec.type != '\0' && spec.type != 's') {
    fail(std::string("Unknown format code '") + spec.type + "' for object of type 'str'");
  }
  std::string text = value.text();
  if (spec.precision >= 0) text.resize(byte_offset(text, static_cast<std::size_t>(spec.precision)));
  return padded(std::move(text), spec, '<');
}

}  // namespace

std::string format_percent(Budget& budget, const std::string& pattern, const Value& arguments,
                           const TextEdit& edit) {
  const bool is_tuple = arguments.is_list() && arguments.as_list().kind == ListKind::kTuple;
  const std::vector<Value> values =
      is_tuple ? arguments.as_list().items : std::vector<Value>{arguments};
  std::size_t next = 0;
  bool used_names = false;
  const auto take = [&]() -> const Value& {
    if (next >= values.size()) fail("not enough arguments for format string");
    return values[next++];
  };
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '%') {
      out += pattern[i++];
      continue;
    }
    ++i;
    const Value* named = nullptr;
    if (i < pattern.size() && pattern[i] == '(') {
      const std::size_t end = pattern.find(')', i);
      if (end == std::string::npos) fail("incomplete format key");
      if (!arguments.is_dict()) fail("format requires a mapping");
      const std::string key = pattern.substr(i + 1, end - i - 1);
      named = arguments.as_dict().find(std::string_view(key));
      if (named == nullptr) fail("KeyError: " + string_repr(key));
      used_names = true;
      i = end + 1;
    }
    Spec spec;
    bool zero = false;
    for (;
         i < pattern.size() && std::string_view("-+ #0").find(pattern[i]) != std::string_view::npos;
         ++i) {
      if (pattern[i] == '-') spec.align = '<';
      if (pattern[i] == '+') spec.sign = '+';
      if (pattern[i] == ' ' && spec.sign != '+') spec.sign = ' ';
      if (pattern[i] == '#') spec.alternate = true;
      if (pattern[i] == '0') zero = true;
    }
    spec.width = read_number(pattern, i);
    if (i < pattern.size() && pattern[i] == '.') {
      ++i;
      spec.precision = read_number(pattern, i);
    }
    if (i >= pattern.size()) fail("incomplete format");
    const char type = pattern[i++];
    if (type == '%') {
      out += '%';
      continue;
    }
    const Value& value = named != nullptr ? *named : take();
    std::string text;
    bool numeric = true;
    switch (type) {
      case 's':
      case 'r':
        text = type == 's' ? budget.text_of(value) : budget.repr_of(value);
        if (edit) text = edit(value, std::move(text));
        if (spec.precision >= 0) {
          text.resize(byte_offset(text, static_cast<std::size_t>(spec.precision)));
        }
        numeric = false;
        break;
      case 'd':
      case 'i':
      case 'u':
        if (!value.is_number()) {
          fail(std::string("%") + type + " format: a real number is required, not " +
               value.type_name());
        }
        if (!std::isfinite(value.number())) fail("cannot convert float infinity or NaN to integer");
        text = signed_text(
            (value.is_float() ? BigInteger::from_double(value.number()) : value.big()).to_string(),
            spec.sign);
        break;
      case 'x':
      case 'X':
      case 'o':
        if (!value.is_int() && !value.is_big()) {
          fail(std::string("%") + type + " format: an integer is required, not " +
               value.type_name());
        }
        text = signed_text(integer_in_base(value.big(), type, spec.alternate), spec.sign);
        break;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!value.is_number()) fail("must be real number, not " + value.type_name());
        text = signed_text(
            print_float(value.number(), type,
                        spec.precision < 0 ? 6 : static_cast<int>(spec.precision), spec.alternate),
            spec.sign);
        break;
      default:
        fail(std::string("unsupported format character '") + type + "'");
    }
    if (zero && numeric && spec.align == '\0') {
      spec.fill = "0";
      spec.align = '=';
    }
    out += padded(std::move(text), spec, '>');
    budget.charge_text(out.size());
    budget.charge(1);
  }
  if (next < values.size() && !used_names && !(arguments.is_dict()) && is_tuple) {
    fail("not all arguments converted during string formatting");
  }
  if (next == 0 && !is_tuple && !used_names && !arguments.is_dict() && !arguments.is_list()) {
    fail("not all arguments converted during string formatting");
  }
  return out;
}

std::string format_braces(Budget& budget, const std::string& pattern, const Arguments& arguments,
                          const Lookup& look_up, const TextEdit& edit) {
  std::string out;
  std::size_t automatic = 0;
  for (std::size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if ((c == '{' || c == '}') && i + 1 < pattern.size() && pattern[i + 1] == c) {
      out += c;
      i += 2;
      continue;
    }
    if (c == '}') fail("Single '}' encountered in format string");
    if (c != '{') {
      out += c;
      ++i;
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    if (end == std::string::npos) fail("Single '{' encountered in format string");
    std::string field = pattern.substr(i + 1, end - i - 1);
    if (field.find('{') != std::string::npos) fail("nested format fields are not supported");
    i = end + 1;
    std::string spec;
    if (const std::size_t colon = field.find(':'); colon != std::string::npos) {
      spec = field.substr(colon + 1);
      field.resize(colon);
    }
    char conversion = '\0';
    if (const std::size_t mark = field.find('!'); mark != std::string::npos) {
      if (mark + 2 != field.size()) fail("bad conversion in a format string");
      conversion = field[mark + 1];
      field.resize(mark);
    }
    const std::size_t name_end = std::min(field.find_first_of(".["), field.size());
    const std::string name = field.substr(0, name_end);
    Value value;
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
      std::size_t index = automatic;
      if (name.empty()) {
        ++automatic;
      } else {
        std::size_t at = 0;
        index = static_cast<std::size_t>(read_number(name, at));
      }
      if (index >= arguments.positional.size()) {
        fail("Replacement index " + std::to_string(index) +
             " out of range for positional args tuple");
      }
      value = arguments.positional[index];
    } else {
      const Value* const found = arguments.find(arguments.positional.size(), name);
      if (found == nullptr) fail("KeyError: " + string_repr(name));
      value = *found;
    }
    for (std::size_t k = name_end; k < field.size();) {
      if (field[k] == '.') {
        const std::size_t stop = std::min(field.find_first_of(".[", k + 1), field.size());
        value = look_up(value, Value(field.substr(k + 1, stop - k - 1)), false);
        k = stop;
      } else {
        const std::size_t stop = field.find(']', k);
        if (stop == std::string::npos) fail("Missing ']' in format string");
        const std::string key = field.substr(k + 1, stop - k - 1);
        const auto number = BigInteger::parse(key, 10);
        value = look_up(value, number && !key.starts_with('-') ? Value(*number) : Value(key), true);
        k = stop + 1;
      }
    }
    if (conversion == 's') value = Value(budget.text_of(value));
    if (conversion == 'r') value = Value(budget.repr_of(value));
    std::string text = format_value(budget, value, spec);
    out += edit ? edit(value, std::move(text)) : text;
    budget.charge_text(out.size());
    budget.charge(1);
  }
  return out;
}

double round_to(double value, std::int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits >= 0)
    return std::strtod(print_float(value, 'f', static_cast<int>(digits), false).c_str(), nullptr);
  if (digits < -308) return std::copysign(0.0, value);
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / unit) * unit;
}

}  // namespace peira::model::jinja
