// Reads the members of a JSON object with checks whose errors name file and field.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace peira::model {

// No size in a config is larger; products of two then fit 64 bits.
constexpr std::int64_t kLargestConfigSize = 1 << 30;

[[noreturn]] inline void fail_config(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kData, where + ": " + what);
}

inline std::string shown_json(const Json& value) {
  std::string text = dump_json(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

// The fields of one JSON object; errors name file and field. A null counts as absent, as Python's
// None does in these files.
class ConfigFields {
 public:
  ConfigFields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail_config(where_, "not a JSON object but " + shown_json(object));
  }

  const Json* find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  // An integer in [low, high]. A whole number written as 8.0 counts.
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const {
    const std::string name(key);
    const Json* value = find(key);
    if (value == nullptr) fail_config(where_, name + " is missing");
    return checked_integer(*value, name, low, high);
  }

  std::int64_t integer_or(std::string_view key, std::int64_t low, std::int64_t high,
                          std::int64_t absent) const {
    return find(key) == nullptr ? absent : integer(key, low, high);
  }

  int size(std::string_view key) const {
    return static_cast<int>(integer(key, 1, kLargestConfigSize));
  }
  int size_or(std::string_view key, int absent) const {
    return find(key) == nullptr ? absent : size(key);
  }

  std::optional<double> number(std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number())
      fail_config(where_, std::string(key) + " is " + shown_json(*value) + ", not a number");
    const double number = value->get<double>();
    if (!std::isfinite(number)) fail_config(where_, std::string(key) + " is not finite");
    return number;
  }

  double positive_or(std::string_view key, double absent) const {
    const double value = number(key).value_or(absent);
    if (!(value > 0))
      fail_config(where_, std::string(key) + " is " + shown_json(value) + " but must be positive");
    return value;
  }

  bool flag_or(std::string_view key, bool absent) const {
    const Json* value = find(key);
    if (value == nullptr) return absent;
    if (!value->is_boolean())
      fail_config(where_, std::string(key) + " is " + shown_json(*value) + ", not true or false");
    return value->get<bool>();
  }

  std::string text_or(std::string_view key, std::string_view absent) const {
    const Json* value = find(key);
    if (value == nullptr) return std::string(absent);
    if (!value->is_string())
      fail_config(where_, std::string(key) + " is " + shown_json(*value) + ", not a string");
    return value->get<std::string>();
  }

  // One integer or a list of them; empty when absent.
  template <typename Integer>
  std::vector<Integer> integers(std::string_view key, std::int64_t low, std::int64_t high) const {
    std::vector<Integer> out;
    const Json* value = find(key);
    if (value == nullptr) return out;
    const std::string name(key);
    if (!value->is_array()) {
      out.push_back(static_cast<Integer>(checked_integer(*value, name, low, high)));
      return out;
    }
    for (const Json& element : *value) {
      out.push_back(static_cast<Integer>(checked_integer(element, name, low, high)));
    }
    return out;
  }

  const std::string& where() const { return where_; }
  const Json& object() const { return object_; }

  // throws Error(kData): "file: what".
  [[noreturn]] void fail(const std::string& what) const { fail_config(where_, what); }

 private:
  std::int64_t checked_integer(const Json& value, const std::string& name, std::int64_t low,
                               std::int64_t high) const {
    double number = 0;
    if (value.is_number()) number = value.get<double>();
    if (!value.is_number() || number != std::floor(number)) {
      fail_config(where_, name + " is " + shown_json(value) + ", not a whole number");
    }
    if (number < static_cast<double>(low) || number > static_cast<double>(high)) {
      fail_config(where_, name + " is " + shown_json(value) + " but must be from " +
                              std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<std::int64_t>(number);
  }

  const Json& object_;
  std::string where_;
};

}  // namespace peira::model
