#include "model/text/parts.h"

#include "base/error.h"
#include "base/utf8.h"

namespace peira::model {
namespace {

const Json& member(const Json& value, const char* key, const std::string& where) {
  if (!value.is_object()) fail_data(where + ": not an object");
  return require(value, key, where);
}

}  // namespace

void fail_data(const std::string& message) { throw Error(ErrorCode::kData, message); }

std::string type_of(const Json& value, const std::string& where) {
  return text_of(value, "type", where);
}

void refuse_type(const std::string& type, std::string_view supported, const std::string& where) {
  fail_data(where + ": type " + to_valid_utf8(type) +
            " is not supported\n  supported: " + std::string(supported));
}

bool flag(const Json& value, const char* key, bool otherwise, const std::string& where) {
  if (!value.is_object()) fail_data(where + ": not an object");
  const auto found = value.find(key);
  if (found == value.end() || found->is_null()) return otherwise;
  if (!found->is_boolean()) fail_data(where + ": \"" + key + "\" is not true or false");
  return found->get<bool>();
}

const std::string& text_of(const Json& value, const char* key, const std::string& where) {
  const Json& text = member(value, key, where);
  if (!text.is_string()) fail_data(where + ": \"" + key + "\" is not a string");
  return text.get_ref<const std::string&>();
}

char32_t character_of(const Json& value, const char* key, const std::string& where) {
  const std::string& text = text_of(value, key, where);
  if (!text.empty()) {
    const DecodedCodePoint decoded = decode_utf8(text, 0);
    if (decoded.valid && decoded.size_bytes == text.size()) return decoded.code_point;
  }
  fail_data(where + ": \"" + key + "\" is not one character");
}

std::int64_t integer_of(const Json& value, const char* key, std::int64_t low, std::int64_t high,
                        const std::string& where) {
  const Json& number = member(value, key, where);
  // An unsigned number past the range of int64 reads as negative and is refused with the others.
  if (!number.is_number_integer() || number.get<std::int64_t>() < low ||
      number.get<std::int64_t>() > high) {
    fail_data(where + ": " + key + " " + dump_json(number) + " is not an integer from " +
              std::to_string(low) + " to " + std::to_string(high));
  }
  return number.get<std::int64_t>();
}

const Json& list_of(const Json& value, const char* key, const std::string& where) {
  const Json& list = member(value, key, where);
  if (!list.is_array()) fail_data(where + ": \"" + key + "\" is not a list");
  return list;
}

}  // namespace peira::model
