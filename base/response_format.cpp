#include "base/response_format.h"

#include <utility>

#include "base/error.h"

namespace peira {

ResponseFormat read_response_format(const OrderedJson& value, const std::string& where) {
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorCode::kData, where + ": " + what +
                                       "\n  try: {\"type\": \"json_schema\", \"schema\": {...}}, "
                                       "{\"type\": \"regex\", \"pattern\": \"...\"} or {\"type\": "
                                       "\"text\"}");
  };
  if (!value.is_object()) {
    throw refuse(std::string("must be an object, is ") + value.type_name());
  }
  const auto type = value.find("type");
  if (type == value.end() || !type->is_string()) throw refuse("\"type\" is missing or no text");
  ResponseFormat format;
  std::string content;  // the one member that a format of its type has
  if (*type == "json_schema") {
    format.kind = ResponseFormat::Kind::kJsonSchema;
    content = "schema";
  } else if (*type == "regex") {
    format.kind = ResponseFormat::Kind::kRegex;
    content = "pattern";
  } else if (*type != "text") {
    throw refuse("there is no type " + dump_json(*type));
  }
  for (const auto& [key, unused] : value.items()) {
    if (key != "type" && key != content) {
      throw refuse("a format of type " + dump_json(*type) + " has no \"" + key + "\"");
    }
  }
  if (content.empty()) return format;
  const auto given = value.find(content);
  if (given == value.end()) throw refuse("\"" + content + "\" is missing");
  format.where = where + "." + content;
  if (format.kind == ResponseFormat::Kind::kRegex) {
    if (!given->is_string()) throw refuse("\"pattern\" must be a text");
    format.pattern = given->get<std::string>();
  } else {
    if (!given->is_object() && !given->is_boolean()) throw refuse("\"schema\" must be an object");
    format.schema = *given;
  }
  return format;
}

Json canonical_json(const ResponseFormat& format) {
  switch (format.kind) {
    case ResponseFormat::Kind::kText:
      break;
    case ResponseFormat::Kind::kJsonSchema:
      return {{"type", "json_schema"}, {"schema", dump_json(format.schema)}};
    case ResponseFormat::Kind::kRegex:
      return {{"type", "regex"}, {"pattern", format.pattern}};
  }
  return nullptr;
}

}  // namespace peira
