#include "abtest/condition.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace peira::abtest {
namespace {

constexpr int kDeepest = 64;
// Steps and bytes a regular expression of a stranger may take.
constexpr std::uint32_t kMatchLimit = 100'000;
constexpr std::size_t kLongestPattern = 4096;

constexpr std::array<std::string_view, 29> kOperators{
    "$eq",     "$ne",   "$lt",        "$lte",        "$gt",       "$gte", "$in",  "$nin",
    "$ini",    "$nini", "$exists",    "$type",       "$regex",    "$not", "$all", "$alli",
    "$regexi", "$size", "$elemMatch", "$notRegex",   "$veq",      "$vne", "$vgt", "$vgte",
    "$vlt",    "$vlte", "$inGroup",   "$notInGroup", "$notRegexi"};

const Json kNull;

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// As JavaScript's Number(): NaN for text that is no number, 0 for "" and null.
double number_of(const Json& value) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (value.is_number()) return value.get<double>();
  if (value.is_null()) return 0;
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (!value.is_string()) return kNan;
  std::string text = value.get<std::string>();
  const std::size_t first = text.find_first_not_of(" \t\n\r");
  if (first == std::string::npos) return 0;
  text = text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : kNan;
}

// Order of two values as JavaScript's < and > have it; empty where both are false.
std::optional<int> compare(const Json& a, const Json& b) {
  if (a.is_string() && b.is_string()) {
    const int order = a.get_ref<const std::string&>().compare(b.get_ref<const std::string&>());
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  const double x = number_of(a);
  const double y = number_of(b);
  if (std::isnan(x) || std::isnan(y)) return std::nullopt;
  return x < y ? -1 : x > y ? 1 : 0;
}

// Parts of a version as texts that compare as versions do: numbers padded, a release after its
// candidates.
std::string padded_version(const Json& value) {
  std::string text = value.is_string()   ? value.get<std::string>()
                     : value.is_number() ? value.dump()
                                         : "0";
  if (!text.empty() && text[0] == 'v') text.erase(0, 1);
  text = text.substr(0, text.find('+'));
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '.' || c == '-') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (parts.size() == 3) parts.emplace_back("~");
  std::string out;
  for (const std::string& part : parts) {
    const bool is_number = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return c >= '0' && c <= '9';
    });
    if (!out.empty()) out += '-';
    if (is_number && part.size() < 5) out.append(5 - part.size(), ' ');
    out += part;
  }
  return out;
}

bool matches_regex(const Json& value, const Json& pattern, bool ignore_case) {
  if (!pattern.is_string()) return false;
  const std::string& regex = pattern.get_ref<const std::string&>();
  if (regex.size() > kLongestPattern) return false;
  const std::string text = value.is_string() ? value.get<std::string>()
                           : value.is_null() ? std::string("null")
                                             : value.dump();
  int error = 0;
  PCRE2_SIZE at = 0;
  const std::uint32_t options =
      PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (ignore_case ? PCRE2_CASELESS : 0U);
  const std::unique_ptr<pcre2_code, void (*)(pcre2_code*)> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(), options, &error, &at,
                    nullptr),
      pcre2_code_free);
  if (!code) return false;
  const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> match(
      pcre2_match_data_create_from_pattern(code.get(), nullptr), pcre2_match_data_free);
  const std::unique_ptr<pcre2_match_context, void (*)(pcre2_match_context*)> context(
      pcre2_match_context_create(nullptr), pcre2_match_context_free);
  if (!match || !context) return false;
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_depth_limit(context.get(), kMatchLimit);
  return pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                     match.get(), context.get()) >= 0;
}

const char* type_of(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_number()) return "number";
  if (value.is_boolean()) return "boolean";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return "null";
}

bool is_operator_object(const Json& value) {
  if (!value.is_object() || value.empty()) return false;
  return std::all_of(value.items().begin(), value.items().end(),
                     [](const auto& item) { return item.key().starts_with('$'); });
}

class Evaluation {
 public:
  explicit Evaluation(const Json& groups) : groups_(groups) {}

  bool condition(const Json& attributes, const Json& wanted, int depth) const {
    if (depth > kDeepest || !wanted.is_object()) return false;
    for (const auto& [key, value] : wanted.items()) {
      bool met = false;
      if (key == "$or") {
        met = any(attributes, value, depth);
      } else if (key == "$nor") {
        met = !any(attributes, value, depth);
      } else if (key == "$and") {
        met = value.is_array() && std::all_of(value.begin(), value.end(), [&](const Json& part) {
                return condition(attributes, part, depth + 1);
              });
      } else if (key == "$not") {
        met = !condition(attributes, value, depth + 1);
      } else {
        met = value_meets(path(attributes, key), value, depth + 1);
      }
      if (!met) return false;
    }
    return true;
  }

 private:
  static const Json& path(const Json& attributes, const std::string& key) {
    const Json* at = &attributes;
    std::size_t begin = 0;
    while (true) {
      const std::size_t dot = key.find('.', begin);
      const std::string part = key.substr(begin, dot - begin);
      if (!at->is_object() || !at->contains(part)) return kNull;
      at = &(*at)[part];
      if (dot == std::string::npos) return *at;
      begin = dot + 1;
    }
  }

  bool any(const Json& attributes, const Json& conditions, int depth) const {
    if (!conditions.is_array()) return false;
    if (conditions.empty()) return true;
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Json& part) { return condition(attributes, part, depth + 1); });
  }

  // `wanted` is a value to equal, or an object of operators that must all hold.
  bool value_meets(const Json& value, const Json& wanted, int depth,
                   bool ignore_case = false) const {
    if (depth > kDeepest) return false;
    if (wanted.is_string()) {
      const std::string text = value.is_string() ? value.get<std::string>()
                               : value.is_null() ? std::string("null")
                                                 : value.dump();
      const std::string other = wanted.get<std::string>();
      return ignore_case ? lower_case(text) == lower_case(other)
                         : !value.is_null() && text == other;
    }
    if (wanted.is_number()) {
      return !value.is_null() && number_of(value) == wanted.get<double>();
    }
    if (wanted.is_boolean()) {
      return value.is_boolean() ? value == wanted
                                : !value.is_null() && truthy(value) == wanted.get<bool>();
    }
    if (wanted.is_null()) return value.is_null();
    if (wanted.is_array() || !is_operator_object(wanted)) return value == wanted;
    return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
      return holds(item.key(), value, item.value(), depth + 1);
    });
  }

  static bool truthy(const Json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number()) return value.get<double>() != 0;
    if (value.is_string()) return !value.get_ref<const std::string&>().empty();
    return !value.is_null();
  }

  static bool equal_in(const Json& a, const Json& b, bool ignore_case) {
    if (ignore_case && a.is_string() && b.is_string()) {
      return lower_case(a.get<std::string>()) == lower_case(b.get<std::string>());
    }
    return a == b;
  }

  static bool is_in(const Json& value, const Json& list, bool ignore_case) {
    const auto listed = [&](const Json& one) {
      return std::any_of(list.begin(), list.end(),
                         [&](const Json& other) { return equal_in(one, other, ignore_case); });
    };
    if (value.is_array()) return std::any_of(value.begin(), value.end(), listed);
    return listed(value);
  }

  bool in_group(const Json& value, const Json& group) const {
    if (!group.is_string() || !groups_.is_object()) return false;
    const auto found = groups_.find(group.get<std::string>());
    return found != groups_.end() && found->is_array() && is_in(value, *found, false);
  }

  bool all_of(const Json& value, const Json& wanted, int depth, bool ignore_case) const {
    if (!value.is_array() || !wanted.is_array()) return false;
    return std::all_of(wanted.begin(), wanted.end(), [&](const Json& part) {
      return std::any_of(value.begin(), value.end(), [&](const Json& one) {
        return value_meets(one, part, depth + 1, ignore_case);
      });
    });
  }

  bool element_matches(const Json& value, const Json& wanted, int depth) const {
    if (!value.is_array()) return false;
    const bool operators = is_operator_object(wanted);
    return std::any_of(value.begin(), value.end(), [&](const Json& element) {
      return operators ? value_meets(element, wanted, depth + 1)
                       : condition(element, wanted, depth + 1);
    });
  }

  bool holds(const std::string& name, const Json& value, const Json& wanted, int depth) const {
    if (depth > kDeepest) return false;
    if (name == "$eq") return value == wanted;
    if (name == "$ne") return value != wanted;
    if (name == "$lt") return compare(value, wanted) == -1;
    if (name == "$gt") return compare(value, wanted) == 1;
    if (name == "$lte") return compare(value, wanted).value_or(1) <= 0;
    if (name == "$gte") return compare(value, wanted).value_or(-1) >= 0;
    if (name == "$in") return wanted.is_array() && is_in(value, wanted, false);
    if (name == "$nin") return wanted.is_array() && !is_in(value, wanted, false);
    if (name == "$ini") return wanted.is_array() && is_in(value, wanted, true);
    if (name == "$nini") return wanted.is_array() && !is_in(value, wanted, true);
    if (name == "$exists") return truthy(wanted) ? !value.is_null() : value.is_null();
    if (name == "$type") return wanted == type_of(value);
    if (name == "$regex") return matches_regex(value, wanted, false);
    if (name == "$regexi") return matches_regex(value, wanted, true);
    if (name == "$notRegex") return !matches_regex(value, wanted, false);
    if (name == "$notRegexi") return !matches_regex(value, wanted, true);
    if (name == "$not") return !value_meets(value, wanted, depth + 1);
    if (name == "$size") {
      return value.is_array() && value_meets(Json(value.size()), wanted, depth + 1);
    }
    if (name == "$elemMatch") return element_matches(value, wanted, depth);
    if (name == "$all") return all_of(value, wanted, depth, false);
    if (name == "$alli") return all_of(value, wanted, depth, true);
    if (name == "$inGroup") return in_group(value, wanted);
    if (name == "$notInGroup") return !in_group(value, wanted);
    if (name.starts_with("$v")) {
      const int order = padded_version(value).compare(padded_version(wanted));
      if (name == "$veq") return order == 0;
      if (name == "$vne") return order != 0;
      if (name == "$vgt") return order > 0;
      if (name == "$vgte") return order >= 0;
      if (name == "$vlt") return order < 0;
      if (name == "$vlte") return order <= 0;
    }
    return false;
  }

  const Json& groups_;
};

void check_value(const Json& value, int depth) {
  if (depth > kDeepest) {
    throw Error(ErrorCode::kUsage, "a condition nests deeper than 64 levels");
  }
  if (!value.is_object()) return;
  for (const auto& [key, part] : value.items()) {
    if (key.starts_with('$') && std::ranges::find(kOperators, key) == kOperators.end() &&
        key != "$and" && key != "$or" && key != "$nor") {
      throw Error(ErrorCode::kUsage, "condition: '" + key + "' is no operator");
    }
    if (part.is_array()) {
      for (const Json& element : part) check_value(element, depth + 1);
    } else {
      check_value(part, depth + 1);
    }
  }
}

}  // namespace

bool meets_condition(const Json& attributes, const Json& condition, const Json& groups) {
  return Evaluation(groups).condition(attributes, condition, 0);
}

void check_condition(const Json& condition) {
  if (!condition.is_object()) {
    throw Error(ErrorCode::kUsage, "a condition is an object such as {\"country\": \"DE\"}");
  }
  check_value(condition, 0);
}

}  // namespace peira::abtest
