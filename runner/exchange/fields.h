// Reading what others wrote: members of JSON objects with their type checked, texts as numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace peira::runner::exchange {

// `text` as one line for messages: cut at 80 bytes, control characters as spaces.
std::string one_line(std::string_view text);

// throws Error(kData) "where: field "name": "text" is not ..." for all of these.
std::int64_t to_integer(std::string_view text, std::string_view name, const std::string& where);
std::uint64_t to_unsigned(std::string_view text, std::string_view name, const std::string& where);
double to_real(std::string_view text, std::string_view name, const std::string& where);
bool to_bool(std::string_view text, std::string_view name, const std::string& where);

// Member `key` of `object`, or null when there is none.
const Json& member(const Json& object, std::string_view key);

// Members of an object that may be absent or null; of the wrong type they are refused.
// throws Error(kData): "where: field "key": expected text, got 5".
std::string text_at(const Json& object, std::string_view key, const std::string& where);
std::int64_t integer_at(const Json& object, std::string_view key, const std::string& where,
                        std::int64_t absent = 0);
double real_at(const Json& object, std::string_view key, const std::string& where,
               double absent = 0);
bool bool_at(const Json& object, std::string_view key, const std::string& where);
// The object or list there; an empty one when absent.
const Json& object_at(const Json& object, std::string_view key, const std::string& where);
const Json& list_at(const Json& object, std::string_view key, const std::string& where);

// JSON as Python writes it: NaN, Infinity and -Infinity outside strings read as null.
Json parse_python_json(std::string_view text, const std::string& where);

}  // namespace peira::runner::exchange
