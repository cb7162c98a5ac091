#include "model/text/chat_template.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace peira::model {
namespace {

constexpr const char* kTokenNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};

// A token is written as its text or as an object with it.
std::optional<std::string> token_text(const OrderedJson& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return std::nullopt;
}

std::optional<OrderedJson> read_object(const CheckpointFiles& files, const char* file) {
  const auto text = files.open_text(file);
  if (!text) return std::nullopt;
  OrderedJson value = parse_ordered_json(*text, files.where(file));
  if (!value.is_object()) {
    throw Error(ErrorCode::kData, files.where(file) + ": not a JSON object");
  }
  return value;
}

const char* type_name(PartKind kind) {
  switch (kind) {
    case PartKind::kText:
      return "text";
    case PartKind::kImage:
      return "image";
    case PartKind::kAudio:
      return "audio";
    case PartKind::kVideo:
      return "video";
  }
  return "text";
}

OrderedJson as_json(const Message& message) {
  OrderedJson out = OrderedJson::object();
  out["role"] = message.role;
  const bool only_text = std::all_of(message.parts.begin(), message.parts.end(),
                                     [](const Part& p) { return p.kind == PartKind::kText; });
  if (only_text) {
    out["content"] = text_of(message);
    return out;
  }
  OrderedJson parts = OrderedJson::array();
  for (const Part& part : message.parts) {
    OrderedJson item = OrderedJson::object();
    item["type"] = type_name(part.kind);
    if (part.kind == PartKind::kText) item["text"] = part.text;
    parts.push_back(std::move(item));
  }
  out["content"] = std::move(parts);
  return out;
}

// The text of a "chat_template" member, or of the one called `name` in a list of named ones.
std::optional<std::string> named_template(const OrderedJson& value, const std::string& where,
                                          const char* name) {
  const bool is_default = std::string_view(name) == "default";
  if (value.is_string()) {
    return is_default ? std::optional(value.get<std::string>()) : std::nullopt;
  }
  if (value.is_null()) return std::nullopt;
  if (!value.is_array()) {
    throw Error(ErrorCode::kData,
                where + ": chat_template is neither a text nor a list of named ones");
  }
  std::string names;
  for (const OrderedJson& item : value) {
    if (!item.is_object() || !item.contains("name") || !item["name"].is_string() ||
        !item.contains("template") || !item["template"].is_string()) {
      throw Error(ErrorCode::kData,
                  where + ": chat_template: each of the list needs a name and a template");
    }
    if (item["name"] == name) return item["template"].get<std::string>();
    names += (names.empty() ? "" : ", ") + item["name"].get<std::string>();
  }
  if (!is_default) return std::nullopt;
  throw Error(ErrorCode::kData, where + ": none of the chat templates is named default; they are " +
                                    (names.empty() ? "none" : names));
}

}  // namespace

OrderedJson special_tokens(const CheckpointFiles& files) {
  OrderedJson tokens = OrderedJson::object();
  for (const char* const file : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const auto values = read_object(files, file);
    if (!values) continue;
    for (const char* const name : kTokenNames) {
      // Null in the first file is an answer too.
      if (tokens.contains(name) || !values->contains(name)) continue;
      const auto text = token_text((*values)[name]);
      tokens[name] = text ? OrderedJson(*text) : OrderedJson(nullptr);
    }
  }
  OrderedJson present = OrderedJson::object();
  for (const auto& [name, value] : tokens.items()) {
    if (!value.is_null()) present[name] = value;
  }
  return present;
}

std::optional<ChatTemplate> ChatTemplate::load(const CheckpointFiles& files) {
  if (const auto text = files.open_text("chat_template.jinja")) {
    return ChatTemplate(std::string(*text), "chat_template.jinja", special_tokens(files));
  }
  for (const char* const file : {"tokenizer_config.json", "chat_template.json"}) {
    const auto values = read_object(files, file);
    if (!values || !values->contains("chat_template")) continue;
    const OrderedJson& value = (*values)["chat_template"];
    const auto source = named_template(value, files.where(file), "default");
    if (!source) continue;
    const std::string where = std::string(file) + ": chat_template";
    ChatTemplate loaded(*source, where, special_tokens(files));
    if (const auto tools = named_template(value, files.where(file), "tool_use")) {
      loaded.tool_source_ = tools;
      loaded.tool_template_.emplace(*tools, where + "(tool_use)");
    }
    return loaded;
  }
  return std::nullopt;
}

ChatTemplate::ChatTemplate(std::string source, const std::string& where, OrderedJson tokens)
    : source_(std::move(source)), template_(source_, where), tokens_(std::move(tokens)) {}

void ChatTemplate::set_time(const std::string& time) {
  template_.set_time(time);
  if (tool_template_) tool_template_->set_time(time);
}

std::string ChatTemplate::render(const std::vector<Message>& messages,
                                 const OrderedJson& options) const {
  if (!options.is_null() && !options.is_object()) {
    throw Error(ErrorCode::kUsage, "template options are not a JSON object");
  }
  // As transformers: both are there and none unless given.
  OrderedJson variables = OrderedJson::object();
  variables["tools"] = nullptr;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = true;
  for (const auto& [name, value] : tokens_.items()) variables[name] = value;
  if (options.is_object()) {
    for (const auto& [name, value] : options.items()) variables[name] = value;
  }
  if (!variables.contains("messages")) {
    OrderedJson list = OrderedJson::array();
    for (const Message& message : messages) list.push_back(as_json(message));
    variables["messages"] = std::move(list);
  }
  const bool with_tools = tool_template_.has_value() && !variables["tools"].is_null();
  return (with_tools ? *tool_template_ : template_).render(variables);
}

}  // namespace peira::model
