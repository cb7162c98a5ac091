#include "runner/exchange/fields.h"

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace peira::runner::exchange {
namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view text, const char* wanted,
                         const std::string& where) {
  throw Error(ErrorCode::kData, where + ": field \"" + std::string(name) + "\": \"" +
                                    one_line(text) + "\" is not " + wanted);
}

template <typename Number>
Number number_from(std::string_view text, std::string_view name, const char* wanted,
                   const std::string& where) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) refuse(name, text, wanted, where);
  return number;
}

[[noreturn]] void wrong_type(std::string_view key, const Json& value, const char* wanted,
                             const std::string& where) {
  throw Error(ErrorCode::kData, where + ": field \"" + std::string(key) + "\": expected " + wanted +
                                    ", got " + one_line(dump_json(value)));
}

}  // namespace

std::string one_line(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string line(text.substr(0, kLongest));
  while (line.size() == kLongest && text.size() > kLongest &&
         (static_cast<unsigned char>(text[line.size()]) & 0xC0) == 0x80) {
    line.pop_back();
    text = text.substr(0, line.size() + 1);
  }
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return line;
}

std::int64_t to_integer(std::string_view text, std::string_view name, const std::string& where) {
  return number_from<std::int64_t>(text, name, "a whole number", where);
}

std::uint64_t to_unsigned(std::string_view text, std::string_view name, const std::string& where) {
  return number_from<std::uint64_t>(text, name, "a whole number from 0", where);
}

double to_real(std::string_view text, std::string_view name, const std::string& where) {
  const auto number = number_from<double>(text, name, "a number", where);
  if (!std::isfinite(number)) refuse(name, text, "a finite number", where);
  return number;
}

bool to_bool(std::string_view text, std::string_view name, const std::string& where) {
  // Spreadsheets write TRUE, pandas writes True.
  if (text == "true" || text == "True" || text == "TRUE" || text == "1") return true;
  if (text == "false" || text == "False" || text == "FALSE" || text == "0") return false;
  refuse(name, text, "true or false", where);
}

const Json& member(const Json& object, std::string_view key) {
  static const Json nothing = nullptr;
  if (!object.is_object()) return nothing;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nothing : *found;
}

std::string text_at(const Json& object, std::string_view key, const std::string& where) {
  const Json& value = member(object, key);
  if (value.is_null()) return {};
  if (!value.is_string()) wrong_type(key, value, "text", where);
  return value.get<std::string>();
}

std::int64_t integer_at(const Json& object, std::string_view key, const std::string& where,
                        std::int64_t absent) {
  const Json& value = member(object, key);
  if (value.is_null()) return absent;
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits) wrong_type(key, value, "a whole number", where);
  return value.get<std::int64_t>();
}

double real_at(const Json& object, std::string_view key, const std::string& where, double absent) {
  const Json& value = member(object, key);
  if (value.is_null()) return absent;
  if (!value.is_number()) wrong_type(key, value, "a number", where);
  return value.get<double>();
}

bool bool_at(const Json& object, std::string_view key, const std::string& where) {
  const Json& value = member(object, key);
  if (value.is_null()) return false;
  if (!value.is_boolean()) wrong_type(key, value, "true or false", where);
  return value.get<bool>();
}

const Json& object_at(const Json& object, std::string_view key, const std::string& where) {
  static const Json empty = Json::object();
  const Json& value = member(object, key);
  if (value.is_null()) return empty;
  if (!value.is_object()) wrong_type(key, value, "an object", where);
  return value;
}

const Json& list_at(const Json& object, std::string_view key, const std::string& where) {
  static const Json empty = Json::array();
  const Json& value = member(object, key);
  if (value.is_null()) return empty;
  if (!value.is_array()) wrong_type(key, value, "a list", where);
  return value;
}

Json parse_python_json(std::string_view text, const std::string& where) {
  if (text.find("NaN") == std::string_view::npos &&
      text.find("Infinity") == std::string_view::npos) {
    return parse_json(text, where);
  }
  std::string plain;
  plain.reserve(text.size() + 16);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      plain += c;
      if (c == '\\' && i + 1 < text.size()) plain += text[++i];
      if (c == '"') in_string = false;
      continue;
    }
    bool replaced = false;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (text.substr(i, word.size()) != word) continue;
      plain += "null";
      i += word.size() - 1;
      replaced = true;
      break;
    }
    if (replaced) continue;
    in_string = c == '"';
    plain += c;
  }
  return parse_json(plain, where);
}

}  // namespace peira::runner::exchange
