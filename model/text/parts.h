// Readers of the small members of tokenizer.json, which name the place and the values when wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace peira::model {

constexpr std::int64_t kMaxTokenId = (std::int64_t{1} << 22U) - 1;  // bounds what a bad file costs

[[noreturn]] void fail_data(const std::string& message);  // throws Error(kData)

// In all that follows: `where` names `value` in errors. throws Error(kData): the member is missing
// or of another kind.

// value["type"], the name that every part of a tokenizer has.
std::string type_of(const Json& value, const std::string& where);
// Refuses a part of unknown type; `supported` lists those there are.
[[noreturn]] void refuse_type(const std::string& type, std::string_view supported,
                              const std::string& where);
// A member that may be absent or null.
bool flag(const Json& value, const char* key, bool otherwise, const std::string& where);
const std::string& text_of(const Json& value, const char* key, const std::string& where);
char32_t character_of(const Json& value, const char* key, const std::string& where);
std::int64_t integer_of(const Json& value, const char* key, std::int64_t low, std::int64_t high,
                        const std::string& where);
const Json& list_of(const Json& value, const char* key, const std::string& where);

}  // namespace peira::model
