#include "model/text/pattern.h"

#include "base/utf8.h"
#include "model/text/parts.h"

namespace peira::model {

Pattern::Pattern(const Json& description, const std::string& where) {
  const Json& pattern = require(description, "pattern", where);
  if (pattern.is_object() && pattern.contains("Regex")) {
    regex_.emplace(text_of(pattern, "Regex", where), where);
  } else if (pattern.is_object() && pattern.contains("String")) {
    literal_ = text_of(pattern, "String", where);
    if (literal_.empty()) regex_.emplace("", where);  // matches between all characters
  } else {
    fail_data(where + ": needs a pattern {\"Regex\": \"...\"} or {\"String\": \"...\"}");
  }
}

Pattern Pattern::regex(std::string_view expression, const std::string& where) {
  Pattern out;
  out.regex_.emplace(expression, where);
  return out;
}

Pattern Pattern::literal(std::string_view text) {
  Pattern out;
  out.literal_ = text;
  return out;
}

std::size_t Pattern::step(std::string_view text, std::size_t at) {
  return at < text.size() ? decode_utf8(text, at).size_bytes : 1;
}

}  // namespace peira::model
