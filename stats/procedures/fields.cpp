#include "stats/procedures/fields.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "stats/errors.h"

namespace peira::stats {
namespace {

const Json kNull;

// `value` as a message shows it: short, in one line.
std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 60;
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  std::string text = dump_json(value);
  if (text.size() > kLongest) {
    text.resize(kLongest);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80) != 0) text.pop_back();
    text += "...";
  }
  return text;
}

[[noreturn]] void invalid(const std::string& where, const std::string& expected,
                          const Json& value) {
  throw StatsError("InvalidArgument", where + " must be " + expected + ", not " + shown(value));
}

std::optional<double> parse_decimal(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.starts_with('+')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0.08", "1/9", "+inf", "-inf".
std::optional<double> parse_text(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    const auto value = parse_decimal(text);
    // from_chars also reads "nan" and its like: a number of ours is one.
    return value && !std::isnan(*value) ? value : std::nullopt;
  }
  const auto top = parse_decimal(text.substr(0, slash));
  const auto bottom = parse_decimal(text.substr(slash + 1));
  if (!top || !bottom || !std::isfinite(*top) || !std::isfinite(*bottom) || *bottom == 0) {
    return std::nullopt;
  }
  return *top / *bottom;
}

double number_or_infinity_of(const Json& value, const std::string& where) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    if (const auto number = parse_text(value.get_ref<const std::string&>())) return *number;
  }
  invalid(where, "a number", value);
}

double finite_of(const Json& value, const std::string& where) {
  const double number = number_or_infinity_of(value, where);
  if (!std::isfinite(number)) {
    throw StatsError("NonFiniteInput", where + " must be finite, not " + shown(value));
  }
  return number;
}

std::int64_t integer_of(const Json& value, const std::string& where) {
  if (value.is_number_unsigned()) {
    const auto whole = value.get<std::uint64_t>();
    if (whole <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return static_cast<std::int64_t>(whole);
    }
  } else if (value.is_number_integer()) {
    return value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    // 200.0 is a whole number too; beyond 2^53 a double no longer says which.
    const double number = value.get<double>();
    if (std::abs(number) <= 0x1p53 && number == std::floor(number)) {
      return static_cast<std::int64_t>(number);
    }
  }
  invalid(where, "a whole number", value);
}

std::string element(std::string_view name, std::size_t index) {
  return std::string(name) + "[" + std::to_string(index) + "]";
}

const Json& list_of(const Json& value, const std::string& where) {
  if (!value.is_array()) invalid(where, "a list", value);
  return value;
}

std::vector<double> numbers_of(const Json& list, const std::string& where, bool null_is_nan) {
  std::vector<double> numbers;
  numbers.reserve(list_of(list, where).size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_null()) {
      numbers.push_back(finite_of(list[i], element(where, i)));
    } else if (null_is_nan) {
      numbers.push_back(std::numeric_limits<double>::quiet_NaN());
    } else {
      throw StatsError("NonFiniteInput", element(where, i) + " is missing (null)");
    }
  }
  return numbers;
}

std::vector<std::vector<double>> rows_of(const Json& list, const std::string& where,
                                         bool null_is_nan) {
  std::vector<std::vector<double>> rows;
  rows.reserve(list_of(list, where).size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    rows.push_back(numbers_of(list[i], element(where, i), null_is_nan));
  }
  return rows;
}

// Numbers for the labels of `list`, new ones added to `numbered`.
std::vector<std::int64_t> labels_of(const Json& list, std::string_view name,
                                    std::map<Json, std::int64_t>& numbered) {
  std::vector<std::int64_t> labels;
  labels.reserve(list_of(list, std::string(name)).size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string() && !list[i].is_number()) {
      invalid(element(name, i), "a label (a number or a text)", list[i]);
    }
    const auto next = static_cast<std::int64_t>(numbered.size());
    labels.push_back(numbered.emplace(list[i], next).first->second);
  }
  return labels;
}

}  // namespace

Fields::Fields(const Json& in) : in_(in) {
  if (!in.is_object()) invalid("\"in\"", "an object of arguments", in);
}

const Json* Fields::find(std::string_view name) {
  known_.emplace(name);
  const auto found = in_.find(name);
  return found == in_.end() || found->is_null() ? nullptr : &*found;
}

const Json& Fields::need(std::string_view name) {
  if (const Json* value = find(name)) return *value;
  std::string present;
  for (const auto& [key, value] : in_.items()) present += (present.empty() ? "" : ", ") + key;
  throw StatsError("InvalidArgument", std::string(name) + " is missing; the arguments are " +
                                          (present.empty() ? "none" : present));
}

bool Fields::has(std::string_view name) { return find(name) != nullptr; }

double Fields::number(std::string_view name) { return finite_of(need(name), std::string(name)); }

double Fields::number(std::string_view name, double fallback) {
  return optional_number(name).value_or(fallback);
}

std::optional<double> Fields::optional_number(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  return finite_of(*value, std::string(name));
}

double Fields::number_or_infinity(std::string_view name) {
  return number_or_infinity_of(need(name), std::string(name));
}

double Fields::probability(std::string_view name) {
  const double value = number(name);
  if (!(value > 0) || !(value < 1)) {
    throw StatsError("InvalidProbability",
                     std::string(name) + " must lie between 0 and 1, not " + shown(need(name)));
  }
  return value;
}

double Fields::probability(std::string_view name, double fallback) {
  return has(name) ? probability(name) : fallback;
}

std::int64_t Fields::integer(std::string_view name) {
  return integer_of(need(name), std::string(name));
}

std::int64_t Fields::integer(std::string_view name, std::int64_t fallback) {
  return has(name) ? integer(name) : fallback;
}

std::uint64_t Fields::seed(std::string_view name, std::uint64_t fallback) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  invalid(std::string(name), "a whole number from 0 to 2^64 - 1", *value);
}

bool Fields::flag(std::string_view name, bool fallback) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) invalid(std::string(name), "true or false", *value);
  return value->get<bool>();
}

std::string Fields::text(std::string_view name) {
  const Json& value = need(name);
  if (!value.is_string()) invalid(std::string(name), "a text", value);
  return value.get<std::string>();
}

std::string Fields::choice(std::string_view name, std::initializer_list<std::string_view> choices) {
  const Json* value = find(name);
  if (value == nullptr) return std::string(*choices.begin());
  std::string all;
  for (const std::string_view each : choices) {
    if (*value == each) return std::string(each);
    all += (all.empty() ? "" : ", ") + std::string(each);
  }
  invalid(std::string(name), "one of " + all, *value);
}

std::vector<double> Fields::numbers(std::string_view name) {
  return numbers_of(need(name), std::string(name), false);
}

std::vector<double> Fields::numbers_or_nan(std::string_view name) {
  return numbers_of(need(name), std::string(name), true);
}

std::vector<double> Fields::sample(std::string_view name) {
  if (nan_policy() == NanPolicy::kRaise) return numbers(name);
  std::vector<double> values = numbers_or_nan(name);
  dropped_ += static_cast<std::int64_t>(
      std::erase_if(values, [](double value) { return std::isnan(value); }));
  return values;
}

std::vector<std::int64_t> Fields::integers(std::string_view name) {
  const Json& list = list_of(need(name), std::string(name));
  std::vector<std::int64_t> integers;
  integers.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    integers.push_back(integer_of(list[i], element(name, i)));
  }
  return integers;
}

std::vector<std::int64_t> Fields::labels(std::string_view name) {
  std::map<Json, std::int64_t> numbered;
  return labels_of(need(name), name, numbered);
}

std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> Fields::labels(
    std::string_view first, std::string_view second) {
  std::map<Json, std::int64_t> numbered;
  auto of_first = labels_of(need(first), first, numbered);
  return {std::move(of_first), labels_of(need(second), second, numbered)};
}

std::vector<std::vector<double>> Fields::rows(std::string_view name) {
  return rows_of(need(name), std::string(name), false);
}

std::vector<std::vector<double>> Fields::rows_or_nan(std::string_view name) {
  return rows_of(need(name), std::string(name), true);
}

std::vector<std::vector<double>> Fields::matrix(std::string_view name) {
  auto rows = this->rows(name);
  if (rows.empty() || rows.front().empty()) {
    throw StatsError("EmptyInput", std::string(name) + " holds no numbers");
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].size() != rows.front().size()) {
      throw StatsError("LengthMismatch", element(name, i) + " has " +
                                             std::to_string(rows[i].size()) +
                                             " numbers where the first row has " +
                                             std::to_string(rows.front().size()));
    }
  }
  return rows;
}

double Fields::confidence() { return probability("conf", 0.95); }

double Fields::alpha() { return probability("alpha", 0.05); }

Alternative Fields::alternative() {
  const std::string name = choice("alternative", {"two-sided", "greater", "less"});
  return name == "greater" ? Alternative::kGreater
         : name == "less"  ? Alternative::kLess
                           : Alternative::kTwoSided;
}

NanPolicy Fields::nan_policy() {
  return choice("nan_policy", {"raise", "omit"}) == "omit" ? NanPolicy::kOmit : NanPolicy::kRaise;
}

TestOptions Fields::test_options() {
  return {.alternative = alternative(), .confidence = confidence()};
}

const Json& Fields::raw(std::string_view name) {
  const Json* value = find(name);
  return value == nullptr ? kNull : *value;
}

void Fields::finish() const {
  std::string unknown;
  for (const auto& [name, value] : in_.items()) {
    if (name != "note" && !known_.contains(name)) unknown += (unknown.empty() ? "" : ", ") + name;
  }
  if (unknown.empty()) return;
  std::string known;
  for (const std::string& name : known_) known += (known.empty() ? "" : ", ") + name;
  throw StatsError("InvalidArgument",
                   "no such argument: " + unknown + "; this procedure takes " + known);
}

OrderedJson json_of(const Interval& interval) {
  return OrderedJson::array({interval.low, interval.high});
}

OrderedJson json_of(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

OrderedJson json_of(const std::optional<Interval>& interval) {
  return interval ? json_of(*interval) : OrderedJson();
}

}  // namespace peira::stats
