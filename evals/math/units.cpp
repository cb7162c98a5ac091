#include "evals/math/units.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace peira::evals::math {
namespace {

struct Known {
  std::string_view name;
  const char* factor;  // a decimal, to the base units
  // Powers of m, kg, s, A, K, mol, cd, B.
  std::array<int, 8> powers;
  bool takes_prefix = false;
};

constexpr std::array<const char*, 8> kBases{"m", "kg", "s", "A", "K", "mol", "cd", "B"};

// clang-format off
constexpr Known kKnown[] = {
    {"m", "1", {1}, true}, {"meter", "1", {1}, true}, {"metre", "1", {1}, true},
    {"in", "0.0254", {1}}, {"inch", "0.0254", {1}}, {"ft", "0.3048", {1}}, {"foot", "0.3048", {1}},
    {"feet", "0.3048", {1}}, {"yd", "0.9144", {1}}, {"yard", "0.9144", {1}},
    {"mi", "1609.344", {1}}, {"mile", "1609.344", {1}}, {"\xC3\x85", "1e-10", {1}},
    {"angstrom", "1e-10", {1}}, {"AU", "149597870700", {1}},
    {"g", "0.001", {0, 1}, true}, {"gram", "0.001", {0, 1}, true}, {"lb", "0.45359237", {0, 1}},
    {"lbs", "0.45359237", {0, 1}}, {"pound", "0.45359237", {0, 1}}, {"tonne", "1000", {0, 1}},
    {"s", "1", {0, 0, 1}, true}, {"sec", "1", {0, 0, 1}}, {"second", "1", {0, 0, 1}, true},
    {"min", "60", {0, 0, 1}}, {"minute", "60", {0, 0, 1}}, {"h", "3600", {0, 0, 1}},
    {"hr", "3600", {0, 0, 1}}, {"hour", "3600", {0, 0, 1}}, {"day", "86400", {0, 0, 1}},
    {"week", "604800", {0, 0, 1}},
    {"A", "1", {0, 0, 0, 1}, true}, {"ampere", "1", {0, 0, 0, 1}, true}, {"amp", "1", {0, 0, 0, 1}},
    {"K", "1", {0, 0, 0, 0, 1}, true}, {"kelvin", "1", {0, 0, 0, 0, 1}},
    {"mol", "1", {0, 0, 0, 0, 0, 1}, true}, {"mole", "1", {0, 0, 0, 0, 0, 1}},
    {"M", "1000", {-3, 0, 0, 0, 0, 1}, true}, {"cd", "1", {0, 0, 0, 0, 0, 0, 1}},
    {"Hz", "1", {0, 0, -1}, true}, {"hertz", "1", {0, 0, -1}, true},
    {"N", "1", {1, 1, -2}, true}, {"newton", "1", {1, 1, -2}, true},
    {"J", "1", {2, 1, -2}, true}, {"joule", "1", {2, 1, -2}, true},
    {"eV", "1.602176634e-19", {2, 1, -2}, true}, {"cal", "4.184", {2, 1, -2}, true},
    {"W", "1", {2, 1, -3}, true}, {"watt", "1", {2, 1, -3}, true},
    {"Pa", "1", {-1, 1, -2}, true}, {"pascal", "1", {-1, 1, -2}, true},
    {"bar", "100000", {-1, 1, -2}, true}, {"atm", "101325", {-1, 1, -2}},
    {"C", "1", {0, 0, 1, 1}, true}, {"coulomb", "1", {0, 0, 1, 1}, true},
    {"V", "1", {2, 1, -3, -1}, true}, {"volt", "1", {2, 1, -3, -1}, true},
    {"\xCE\xA9", "1", {2, 1, -3, -2}, true}, {"ohm", "1", {2, 1, -3, -2}, true},
    {"\xE2\x84\xA6", "1", {2, 1, -3, -2}, true},
    {"F", "1", {-2, -1, 4, 2}, true}, {"farad", "1", {-2, -1, 4, 2}, true},
    {"T", "1", {0, 1, -2, -1}, true}, {"tesla", "1", {0, 1, -2, -1}, true},
    {"Wb", "1", {2, 1, -2, -1}, true}, {"H", "1", {2, 1, -2, -2}, true},
    {"L", "0.001", {3}, true}, {"l", "0.001", {3}, true}, {"liter", "0.001", {3}, true},
    {"litre", "0.001", {3}, true},
    {"B", "8", {0, 0, 0, 0, 0, 0, 0, 1}, true}, {"byte", "8", {0, 0, 0, 0, 0, 0, 0, 1}, true},
    {"bit", "1", {0, 0, 0, 0, 0, 0, 0, 1}, true},
    {"rad", "1", {}}, {"radian", "1", {}}, {"%", "0.01", {}}, {"percent", "0.01", {}},
    {"\xC2\xB0", "1", {}}, {"deg", "1", {}}, {"degree", "1", {}},
};
constexpr std::pair<std::string_view, const char*> kPrefixes[] = {
    {"f", "1e-15"}, {"p", "1e-12"}, {"n", "1e-9"}, {"\xCE\xBC", "1e-6"}, {"\xC2\xB5", "1e-6"},
    {"u", "1e-6"}, {"m", "1e-3"}, {"c", "1e-2"}, {"d", "1e-1"}, {"k", "1e3"}, {"M", "1e6"},
    {"G", "1e9"}, {"T", "1e12"}, {"femto", "1e-15"}, {"pico", "1e-12"}, {"nano", "1e-9"},
    {"micro", "1e-6"}, {"milli", "1e-3"}, {"centi", "1e-2"}, {"kilo", "1e3"}, {"mega", "1e6"},
    {"giga", "1e9"},
};
// clang-format on

std::optional<Unit> exactly(std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.name != name) continue;
    Unit unit;
    unit.factor = parse_decimal(known.factor)->exact;
    unit.is_half_turn = name == "\xC2\xB0" || name == "deg" || name == "degree";
    if (unit.is_half_turn) unit.factor = Rational(1, 180);
    for (std::size_t i = 0; i < kBases.size(); ++i) {
      if (known.powers[i] != 0) unit.dimensions[kBases[i]] = known.powers[i];
    }
    return unit;
  }
  return std::nullopt;
}

std::optional<Unit> one_unit(std::string_view name) {
  if (auto unit = exactly(name)) return unit;
  for (const auto& [prefix, factor] : kPrefixes) {
    if (name.size() <= prefix.size() || !name.starts_with(prefix)) continue;
    const std::string_view rest = name.substr(prefix.size());
    const auto* const known =
        std::find_if(std::begin(kKnown), std::end(kKnown),
                     [&](const Known& one) { return one.takes_prefix && one.name == rest; });
    if (known == std::end(kKnown)) continue;
    Unit unit = *exactly(rest);
    unit.factor *= parse_decimal(factor)->exact;
    return unit;
  }
  // "meters", "kilograms"
  if (name.size() > 3 && name.ends_with('s')) return one_unit(name.substr(0, name.size() - 1));
  return std::nullopt;
}

// `unit` to the power of `times`, multiplied into `total`.
void multiply_in(Unit& total, const Unit& unit, int times) {
  for (const auto& [name, power] : unit.dimensions) {
    int& sum = total.dimensions[name];
    sum += power * times;
    if (sum == 0) total.dimensions.erase(name);
  }
  for (int i = 0; i < std::abs(times); ++i) {
    total.factor =
        times < 0 ? Rational(total.factor / unit.factor) : Rational(total.factor * unit.factor);
  }
  total.is_half_turn = total.is_half_turn || unit.is_half_turn;
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::optional<Unit> read_unit(std::string_view text) {
  Unit total;
  int sign = 1;
  bool any = false;
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == ' ' || c == '*' || c == '(' || c == ')' || c == '{' || c == '}') {
      ++i;
      continue;
    }
    if (c == '/') {
      if (!any) return std::nullopt;
      sign = -1;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && is_name_byte(text[end])) ++end;
    if (end == i) return std::nullopt;
    const std::string_view name = text.substr(i, end - i);
    i = end;
    if (name == "per") {
      sign = -1;
      continue;
    }
    const std::optional<Unit> unit = one_unit(name);
    if (!unit) return std::nullopt;
    int power = 1;
    if (i < text.size() && text[i] == '^') {
      ++i;
      while (i < text.size() && (text[i] == '{' || text[i] == '(')) ++i;
      const bool is_negative = i < text.size() && text[i] == '-';
      if (is_negative) ++i;
      if (i >= text.size() || text[i] < '1' || text[i] > '9') return std::nullopt;
      power = text[i++] - '0';
      if (is_negative) power = -power;
    }
    multiply_in(total, *unit, sign * power);
    any = true;
  }
  if (!any) return std::nullopt;
  return total;
}

Unit unknown_unit(std::string_view name) {
  Unit unit;
  unit.is_known = false;
  unit.dimensions[std::string(name)] = 1;
  return unit;
}

}  // namespace peira::evals::math
