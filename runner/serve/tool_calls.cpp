#include "runner/serve/tool_calls.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace peira::runner {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kHermesBegin = "<tool_call>", kHermesEnd = "</tool_call>";
constexpr std::string_view kMistralBegin = "[TOOL_CALLS]", kMistralArguments = "[ARGS]",
                           kMistralId = "[CALL_ID]";
constexpr std::string_view kPython = "<|python_tag|>";
constexpr std::string_view kChannel = "<|channel|>", kMessage = "<|message|>", kStart = "<|start|>",
                           kEnd = "<|end|>", kCall = "<|call|>", kReturn = "<|return|>",
                           kConstrain = "<|constrain|>", kHarmonyTo = "to=functions.";

// How long an end of `text` begins `mark`, the whole of it apart.
std::size_t begun(std::string_view text, std::string_view mark) {
  for (std::size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return size;
  }
  return 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::optional<OrderedJson> json_of(std::string_view text) {
  try {
    return parse_ordered_json(text, "call");
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == ':';
  });
}

// The arguments as text; some models write the object into a text once more.
std::optional<std::string> arguments_of(const OrderedJson& value) {
  if (value.is_object()) return dump_json(value);
  if (value.is_null()) return "{}";
  if (!value.is_string()) return std::nullopt;
  const auto inner = json_of(value.get_ref<const std::string&>());
  if (!inner || !inner->is_object()) return std::nullopt;
  return dump_json(*inner);
}

// {"name": ..., "arguments" or "parameters": {...}}.
std::optional<ToolCall> call_of(const OrderedJson& value) {
  if (!value.is_object() || !value.contains("name") || !value["name"].is_string()) {
    return std::nullopt;
  }
  const std::string name = value["name"].get<std::string>();
  if (!is_function_name(name)) return std::nullopt;
  for (const char* const key : {"arguments", "parameters"}) {
    if (!value.contains(key)) continue;
    const auto arguments = arguments_of(value[key]);
    if (!arguments) return std::nullopt;
    return ToolCall{name, *arguments};
  }
  return ToolCall{name, "{}"};
}

}  // namespace

std::size_t ToolCallReader::JsonEnd::find(std::string_view text) {
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return std::string_view::npos;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (in_text) {
      in_text = is_escaped || c != '"';
      is_escaped = !is_escaped && c == '\\';
      continue;
    }
    in_text = c == '"';
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return std::string_view::npos;
}

ToolDialect tool_dialect_of(std::string_view source) {
  const auto has = [&](std::string_view mark) {
    return source.find(mark) != std::string_view::npos;
  };
  if (has(kChannel) && has(kMessage)) return ToolDialect::kHarmony;
  if (has(kMistralBegin)) return ToolDialect::kMistral;
  // Those that write their calls as XML inside the same mark are not read.
  if (has(kHermesBegin) && !has("<function=")) return ToolDialect::kHermes;
  if (has(kPython) || (has("\"parameters\"") && has("ipython"))) return ToolDialect::kLlama;
  return ToolDialect::kNone;
}

const std::vector<std::string>& tool_marks(ToolDialect dialect) {
  static const std::vector<std::string> kNoMarks,
      kHermesMarks{std::string(kHermesBegin), std::string(kHermesEnd)},
      kMistralMarks{std::string(kMistralBegin), std::string(kMistralArguments),
                    std::string(kMistralId)},
      kLlamaMarks{std::string(kPython)},
      kHarmonyMarks{std::string(kChannel), std::string(kMessage), std::string(kStart),
                    std::string(kEnd),     std::string(kCall),    std::string(kConstrain)};
  switch (dialect) {
    case ToolDialect::kHermes:
      return kHermesMarks;
    case ToolDialect::kMistral:
      return kMistralMarks;
    case ToolDialect::kLlama:
      return kLlamaMarks;
    case ToolDialect::kHarmony:
      return kHarmonyMarks;
    case ToolDialect::kNone:
      break;
  }
  return kNoMarks;
}

std::set<std::string> tool_names(const OrderedJson& tools, const std::string& list) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string where = list + "[" + std::to_string(i) + "]";
    const OrderedJson& tool = tools[i];
    if (!tool.is_object() || !tool.contains("function") || !tool["function"].is_object()) {
      throw Error(ErrorCode::kUsage, where + ": not an object with a \"function\"");
    }
    const OrderedJson& function = tool["function"];
    if (!function.contains("name") || !function["name"].is_string() ||
        !is_function_name(function["name"].get_ref<const std::string&>())) {
      throw Error(ErrorCode::kUsage, where + ".function.name: not a function's name");
    }
    names.insert(function["name"].get<std::string>());
  }
  return names;
}

namespace {

// A schema that stood at the root and stands at `place` now: its references follow.
void move_references(OrderedJson& schema, const std::string& place) {
  if (schema.is_array()) {
    for (OrderedJson& item : schema) move_references(item, place);
  }
  if (!schema.is_object()) return;
  for (const auto& [key, value] : schema.items()) {
    if (key == "enum" || key == "const" || key == "default" || key == "examples") continue;
    if (key == "$ref" && value.is_string()) {
      const std::string target = value.get<std::string>();
      if (target == "#" || target.starts_with("#/")) value = "#" + place + target.substr(1);
    } else {
      move_references(value, place);
    }
  }
}

}  // namespace

ResponseFormat call_format(const OrderedJson& tools, const std::optional<std::string>& only) {
  OrderedJson calls = OrderedJson::array();
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const OrderedJson& function = tools[i]["function"];
    if (only && function["name"] != *only) continue;
    // Who declares no parameters has none.
    OrderedJson arguments{
        {"type", "object"}, {"properties", OrderedJson::object()}, {"additionalProperties", false}};
    if (const auto found = function.find("parameters");
        found != function.end() && !found->is_null()) {
      if (!found->is_object()) {
        throw Error(ErrorCode::kUsage,
                    "tools[" + std::to_string(i) + "].function.parameters: not an object");
      }
      if (!found->empty()) arguments = *found;
      // Arguments are an object, whatever else is said of them.
      if (!arguments.contains("type")) arguments["type"] = "object";
    }
    move_references(arguments, "/anyOf/" + std::to_string(calls.size()) + "/properties/arguments");
    calls.push_back(
        {{"type", "object"},
         {"properties", {{"name", {{"const", function["name"]}}}, {"arguments", arguments}}},
         {"required", OrderedJson::array({"name", "arguments"})},
         {"additionalProperties", false}});
    if (only) break;
  }
  return {.kind = ResponseFormat::Kind::kJsonSchema,
          .schema = OrderedJson{{"anyOf", std::move(calls)}},
          .where = "tools"};
}

ToolCallReader::Piece ToolCallReader::push(const model::TextDelta& delta) {
  if (dialect_ == ToolDialect::kNone) return {delta.text, delta.reasoning, {}};
  held_ += delta.text;
  Piece out = read(false);
  out.reasoning = delta.reasoning + out.reasoning;
  return out;
}

ToolCallReader::Piece ToolCallReader::finish() { return read(true); }

ToolCallReader::Piece ToolCallReader::read(bool is_end) {
  Piece out;
  switch (dialect_) {
    case ToolDialect::kHermes:
      read_hermes(is_end, out);
      break;
    case ToolDialect::kMistral:
      read_mistral(is_end, out);
      break;
    case ToolDialect::kLlama:
      read_llama(is_end, out);
      break;
    case ToolDialect::kHarmony:
      read_harmony(is_end, out);
      break;
    case ToolDialect::kNone:
      break;
  }
  // White space at the end of what is said belongs to it unless a call follows.
  if (is_end && !has_called_) out.text += std::exchange(spaces_, {});
  return out;
}

// Text, but for white space beside calls.
void ToolCallReader::say(std::string_view text, Piece& out) {
  std::string whole = std::exchange(spaces_, {}) + std::string(text);
  if (has_called_ && trimmed(whole).empty()) {
    spaces_ = std::move(whole);
    return;
  }
  const std::size_t end = whole.find_last_not_of(kSpaces) + 1;  // npos + 1 is 0
  spaces_ = whole.substr(end);
  out.text += whole.substr(0, end);
}

void ToolCallReader::read_hermes(bool is_end, Piece& out) {
  for (;;) {
    const std::size_t begin = held_.find(kHermesBegin);
    if (begin == std::string::npos) {
      const std::size_t sure = is_end ? held_.size() : held_.size() - begun(held_, kHermesBegin);
      say(std::string_view(held_).substr(0, sure), out);
      held_.erase(0, sure);
      return;
    }
    say(std::string_view(held_).substr(0, begin), out);
    held_.erase(0, begin);
    const std::string_view inside = std::string_view(held_).substr(kHermesBegin.size());
    // The end behind the value, not one that stands in one of its texts.
    const std::size_t at = std::min(inside.find_first_not_of(kSpaces), inside.size());
    const std::size_t size = json_end_.find(inside.substr(at));
    const bool may_grow =
        size == std::string_view::npos && !is_end && (at == inside.size() || inside[at] == '{');
    std::size_t end = std::string_view::npos;  // of the call, behind its mark
    std::optional<ToolCall> call;
    if (size != std::string_view::npos) {
      const std::size_t rest =
          std::min(inside.find_first_not_of(kSpaces, at + size), inside.size());
      const std::string_view behind = inside.substr(rest);
      // Cut off right before the closing mark, as where it is a stop token, it is a call all the
      // same.
      const bool is_closed = behind.starts_with(kHermesEnd);
      const bool may_close =
          !is_end && behind.size() < kHermesEnd.size() && kHermesEnd.starts_with(behind);
      if (may_close) {
        json_end_ = {};  // ends where it did when there is more
        return;
      }
      if (is_closed || (is_end && behind.empty())) {
        const auto value = json_of(inside.substr(at, size));
        if (value) call = call_of(*value);
        end = kHermesBegin.size() + rest + (is_closed ? kHermesEnd.size() : 0);
      }
    } else if (may_grow) {
      return;
    }
    if (call) {
      out.calls.push_back(*call);
      has_called_ = true;
      spaces_.clear();
      held_.erase(0, end);
      json_end_ = {};
      continue;
    }
    // No call: its mark is text, and what is behind it is looked at anew.
    say(kHermesBegin, out);
    held_.erase(0, kHermesBegin.size());
    json_end_ = {};
  }
}

void ToolCallReader::read_mistral(bool is_end, Piece& out) {
  const std::size_t begin = held_.find(kMistralBegin);
  if (begin == std::string::npos) {
    const std::size_t sure = is_end ? held_.size() : held_.size() - begun(held_, kMistralBegin);
    say(std::string_view(held_).substr(0, sure), out);
    held_.erase(0, sure);
    return;
  }
  say(std::string_view(held_).substr(0, begin), out);
  held_.erase(0, begin);
  if (!is_end) return;
  // All that follows is calls, or text.
  std::vector<ToolCall> calls;
  std::string_view rest = held_;
  bool good = true;
  while (good && !rest.empty()) {
    if (!rest.starts_with(kMistralBegin)) {
      good = false;
      break;
    }
    rest = trimmed(rest.substr(kMistralBegin.size()));
    if (rest.starts_with('[') && !rest.starts_with(kMistralArguments)) {
      const std::size_t size = JsonEnd().find(rest);
      const auto list =
          size == std::string_view::npos ? std::nullopt : json_of(rest.substr(0, size));
      good = list && list->is_array() && !list->empty();
      for (std::size_t i = 0; good && i < list->size(); ++i) {
        const auto call = call_of((*list)[i]);
        good = call.has_value();
        if (call) calls.push_back(*call);
      }
      if (good) rest = trimmed(rest.substr(size));
      continue;
    }
    // name, perhaps [CALL_ID]id, [ARGS], the arguments.
    const std::size_t mark = rest.find(kMistralArguments);
    if (mark == std::string_view::npos) {
      good = false;
      break;
    }
    std::string_view name = rest.substr(0, mark);
    name = trimmed(name.substr(0, name.find(kMistralId)));
    rest = trimmed(rest.substr(mark + kMistralArguments.size()));
    const std::size_t size = JsonEnd().find(rest);
    const auto value =
        size == std::string_view::npos ? std::nullopt : json_of(rest.substr(0, size));
    good = is_function_name(name) && value && value->is_object();
    if (!good) break;
    calls.push_back({std::string(name), dump_json(*value)});
    rest = trimmed(rest.substr(size));
  }
  if (good && !calls.empty()) {
    out.calls = std::move(calls);
    has_called_ = true;
    spaces_.clear();
  } else {
    say(held_, out);
  }
  held_.clear();
}

void ToolCallReader::read_llama(bool is_end, Piece& out) {
  if (held_.empty() && !is_end) return;
  // Text that does not begin with a value is text to its end.
  const std::size_t first = std::min(held_.find_first_not_of(kSpaces), held_.size());
  const std::string_view seen = std::string_view(held_).substr(first);
  const bool may_be_call = seen.starts_with('{') || seen.starts_with(kPython) ||
                           (seen.size() < kPython.size() && kPython.starts_with(seen));
  if (is_open_ || !may_be_call) {
    is_open_ = true;
    say(held_, out);
    held_.clear();
    return;
  }
  if (!is_end) return;
  std::string_view rest = trimmed(seen);
  if (rest.starts_with(kPython)) rest = trimmed(rest.substr(kPython.size()));
  std::vector<ToolCall> calls;
  bool good = !rest.empty();
  while (good && !rest.empty()) {
    const std::size_t size = JsonEnd().find(rest);
    const auto value =
        size == std::string_view::npos ? std::nullopt : json_of(rest.substr(0, size));
    const auto call = value ? call_of(*value) : std::nullopt;
    // Without a mark, an object with a name may be just an answer.
    good = call && names_.contains(call->name);
    if (!good) break;
    calls.push_back(*call);
    rest = trimmed(rest.substr(size));
    if (rest.starts_with(';')) rest = trimmed(rest.substr(1));
  }
  if (good) {
    out.calls = std::move(calls);
    has_called_ = true;
    spaces_.clear();
  } else {
    say(held_, out);
  }
  held_.clear();
}

void ToolCallReader::read_harmony_call(std::string_view body, Piece& out) {
  std::string_view name = std::string_view(header_).substr(header_.find(kHarmonyTo));
  name.remove_prefix(kHarmonyTo.size());
  name = name.substr(0, name.find_first_of(" \t\r\n<"));
  const auto value = trimmed(body).empty() ? std::optional(OrderedJson::object()) : json_of(body);
  // Who declared no functions is not called back.
  if (!names_.empty() && is_function_name(name) && value && value->is_object()) {
    out.calls.push_back({std::string(name), dump_json(*value)});
    has_called_ = true;
  } else {
    out.text += body;
  }
}

// Takes the header in front of what is held, if it is there. False: there is none so far.
bool ToolCallReader::open_harmony(bool is_end, Piece& out) {
  const std::string_view text = held_;
  // A recipient may stand in front of the channel, behind the role that the prompt gave.
  constexpr std::array<std::string_view, 3> kBegins{kChannel, kStart, " to="};
  for (const std::string_view begin : kBegins) {
    if (begin == kBegins.back() && !is_at_start_) continue;
    if (text.size() < begin.size() && begin.starts_with(text) && !is_end) return false;
    if (!text.starts_with(begin)) continue;
    const std::size_t message = text.find(kMessage);
    if (message == std::string_view::npos) {
      if (is_end) held_.clear();  // a header without a message says nothing
      return false;
    }
    header_ = text.substr(0, message);
    is_open_ = true;
    is_at_start_ = false;
    held_.erase(0, message + kMessage.size());
    return true;
  }
  is_at_start_ = false;
  for (const std::string_view mark : {kEnd, kCall, kReturn}) {
    if (!text.starts_with(mark)) continue;
    held_.erase(0, mark.size());  // ends nothing
    return !held_.empty();
  }
  // An answer without channels is said.
  std::size_t sure = text.size();
  for (const std::string_view mark : {kChannel, kStart, kEnd, kCall, kReturn}) {
    sure = std::min(sure, text.find(mark));
    if (!is_end) sure = std::min(sure, text.size() - begun(text, mark));
  }
  out.text += text.substr(0, sure);
  held_.erase(0, sure);
  return sure > 0 && !held_.empty();
}

void ToolCallReader::read_harmony(bool is_end, Piece& out) {
  constexpr std::array<std::string_view, 4> kEnds{kEnd, kCall, kReturn, kStart};
  for (;;) {
    if (!is_open_) {
      if (held_.empty() || !open_harmony(is_end, out)) return;
      continue;
    }
    std::size_t end = std::string::npos, sure = held_.size();
    std::string_view mark;
    for (const std::string_view one : kEnds) {
      const std::size_t from = searched_ - std::min(searched_, one.size());
      if (const std::size_t at = held_.find(one, from); at < end) {
        end = at;
        mark = one;
      }
      if (!is_end) sure = std::min(sure, held_.size() - begun(held_, one));
    }
    const bool is_whole = end != std::string::npos;
    const bool is_call = header_.find(kHarmonyTo) != std::string::npos;
    if (is_call && !is_whole && !is_end) {
      searched_ = held_.size();
      return;
    }
    searched_ = 0;
    const std::string_view body = std::string_view(held_).substr(0, is_whole ? end : sure);
    if (is_call) {
      // Cut off at its end token, a call is whole; cut off by its length, it is no JSON.
      read_harmony_call(body, out);
    } else {
      const std::size_t channel = header_.find(kChannel);
      const bool is_thought = channel != std::string::npos &&
                              trimmed(std::string_view(header_).substr(channel + kChannel.size()))
                                  .starts_with("analysis");
      (is_thought ? out.reasoning : out.text) += body;
    }
    if (!is_whole) {
      held_.erase(0, body.size());
      return;
    }
    // A start is the next header's begin.
    held_.erase(0, end + (mark == kStart ? 0 : mark.size()));
    is_open_ = false;
  }
}

}  // namespace peira::runner
