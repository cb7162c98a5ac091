#include "runner/serve/api.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace peira::runner {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::kUsage, where + ": " + why);
}

// A member that is there and not null.
const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

double number(const Json& object, const char* key, double fallback, double low, double high) {
  const Json* const value = member(object, key);
  if (value == nullptr) return fallback;
  if (!value->is_number()) refuse(key, "not a number");
  const double out = value->get<double>();
  if (!(out >= low && out <= high)) {
    refuse(key, value->dump() + " is not from " + Json(low).dump() + " to " + Json(high).dump());
  }
  return out;
}

std::int64_t integer(const Json& object, const char* key, std::int64_t fallback, std::int64_t low,
                     std::int64_t high) {
  const Json* const value = member(object, key);
  if (value == nullptr) return fallback;
  if (!value->is_number_integer()) refuse(key, "not a whole number");
  const bool is_huge = value->is_number_unsigned() &&
                       value->get<std::uint64_t>() >
                           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t out =
      is_huge ? std::numeric_limits<std::int64_t>::max() : value->get<std::int64_t>();
  if (out < low || out > high) {
    refuse(key,
           value->dump() + " is not from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return out;
}

bool boolean(const Json& object, const char* key, bool fallback) {
  const Json* const value = member(object, key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) refuse(key, "not true or false");
  return value->get<bool>();
}

model::SamplingParams read_sampling(const Json& body, const model::SamplingParams& defaults) {
  model::SamplingParams out = defaults;
  out.temperature = number(body, "temperature", defaults.temperature, 0, 100);
  out.top_p = number(body, "top_p", defaults.top_p, 0, 1);
  out.min_p = number(body, "min_p", defaults.min_p, 0, 1);
  // -1 is how vLLM turns it off.
  out.top_k = static_cast<int>(
      std::max<std::int64_t>(0, integer(body, "top_k", defaults.top_k, -1, 1'000'000'000)));
  out.repetition_penalty =
      number(body, "repetition_penalty", defaults.repetition_penalty, 0.01, 100);
  out.presence_penalty = number(body, "presence_penalty", defaults.presence_penalty, -100, 100);
  out.frequency_penalty = number(body, "frequency_penalty", defaults.frequency_penalty, -100, 100);
  if (const Json* const bias = member(body, "logit_bias")) {
    if (!bias->is_object()) refuse("logit_bias", "not an object of token ids");
    out.logit_bias.clear();
    for (const auto& item : bias->items()) {
      const std::string& key = item.key();
      std::int32_t token = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
      if (error != std::errc() || end != key.data() + key.size() || !item.value().is_number()) {
        refuse("logit_bias",
               "\"" + key + "\": " + item.value().dump() + " is not a token id with a number");
      }
      out.logit_bias.emplace_back(token, item.value().get<float>());
    }
  }
  return out;
}

std::vector<std::string> read_stop(const Json& body) {
  const Json* const stop = member(body, "stop");
  if (stop == nullptr) return {};
  if (stop->is_string()) return {stop->get<std::string>()};
  if (!stop->is_array() || stop->size() > 64) {
    refuse("stop", "not a text or a list of at most 64 texts");
  }
  std::vector<std::string> out;
  for (const Json& word : *stop) {
    if (!word.is_string()) refuse("stop", "holds something that is no text");
    out.push_back(word.get<std::string>());
  }
  return out;
}

const OrderedJson* ordered_member(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// The order of a schema's properties is the answer's.
ResponseFormat read_format(const OrderedJson& body) {
  if (const OrderedJson* const pattern = ordered_member(body, "regex")) {
    if (!pattern->is_string()) refuse("regex", "not a text");
    return {.kind = ResponseFormat::Kind::kRegex,
            .pattern = pattern->get<std::string>(),
            .where = "regex"};
  }
  const OrderedJson* const format = ordered_member(body, "response_format");
  if (format == nullptr) return {};
  if (!format->is_object() || !format->contains("type") || !(*format)["type"].is_string()) {
    refuse("response_format", "not an object with a \"type\"");
  }
  const std::string type = (*format)["type"].get<std::string>();
  if (type == "text") return {};
  if (type == "json_object") {
    return {.kind = ResponseFormat::Kind::kJsonSchema,
            .schema = OrderedJson{{"type", "object"}},
            .where = "response_format"};
  }
  if (type != "json_schema") {
    refuse("response_format.type", "\"" + type + "\" is not text, json_object or json_schema");
  }
  const OrderedJson* const holder = ordered_member(*format, "json_schema");
  if (holder == nullptr || !holder->is_object() || ordered_member(*holder, "schema") == nullptr) {
    refuse("response_format.json_schema", "not an object with a \"schema\"");
  }
  return {.kind = ResponseFormat::Kind::kJsonSchema,
          .schema = (*holder)["schema"],
          .where = "response_format.json_schema.schema"};
}

struct ContentRules {
  TakenMedia taken;
  NumMedia& counts;
};

std::vector<Part> read_content(const Json& content, const std::string& where,
                               const ContentRules& rules) {
  if (content.is_null()) return {Part::from_text({})};
  if (content.is_string()) return {Part::from_text(content.get<std::string>())};
  if (!content.is_array()) refuse(where, "not a text or a list of parts");
  std::vector<Part> parts;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string part_where = where + "[" + std::to_string(i) + "]";
    const Json& part = content[i];
    if (!part.is_object() || !part.contains("type") || !part["type"].is_string()) {
      refuse(part_where, "not an object with a \"type\"");
    }
    const std::string type = part["type"].get<std::string>();
    if (auto medium = read_media_part(part, type, part_where, rules.taken, rules.counts)) {
      parts.push_back(std::move(*medium));
      continue;
    }
    if (type != "text") refuse(part_where, "parts of type \"" + type + "\" are not supported");
    if (!part.contains("text") || !part["text"].is_string()) {
      refuse(part_where + ".text", "not a text");
    }
    parts.push_back(Part::from_text(part["text"].get<std::string>()));
  }
  return parts;
}

std::vector<Message> read_messages(const Json& body, const ContentRules& rules) {
  const Json* const list = member(body, "messages");
  if (list == nullptr) refuse("messages", "missing");
  if (!list->is_array() || list->empty()) refuse("messages", "not a list of messages");
  std::vector<Message> messages;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string where = "messages[" + std::to_string(i) + "]";
    const Json& message = (*list)[i];
    if (!message.is_object()) refuse(where, "not an object");
    const Json* const role = member(message, "role");
    if (role == nullptr || !role->is_string()) refuse(where + ".role", "not a text");
    static const std::set<std::string> kRoles{"system", "developer", "user", "assistant", "tool"};
    const std::string name = role->get<std::string>();
    if (!kRoles.contains(name)) {
      refuse(where + ".role", "\"" + name + "\" is not system, developer, user, assistant or tool");
    }
    const Json* const content = member(message, "content");
    if (content == nullptr && name != "assistant") refuse(where + ".content", "missing");
    messages.push_back(
        {name, read_content(content == nullptr ? Json() : *content, where + ".content", rules)});
  }
  return messages;
}

// Messages as a template is given them, with calls and their results. Arguments, a text in the
// protocol, are the object that templates expect.
OrderedJson template_messages(const OrderedJson& list, const std::vector<Message>& messages) {
  OrderedJson out = OrderedJson::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    OrderedJson message{{"role", messages[i].role}, {"content", text_of(messages[i])}};
    for (const char* const key : {"name", "tool_call_id", "reasoning_content"}) {
      if (const OrderedJson* const value = ordered_member(list[i], key)) message[key] = *value;
    }
    if (const OrderedJson* const calls = ordered_member(list[i], "tool_calls")) {
      const std::string where = "messages[" + std::to_string(i) + "].tool_calls";
      if (!calls->is_array()) refuse(where, "not a list");
      static_cast<void>(tool_names(*calls, where));
      message["tool_calls"] = *calls;
      for (OrderedJson& call : message["tool_calls"]) {
        const auto arguments = call["function"].find("arguments");
        if (arguments == call["function"].end() || !arguments->is_string()) continue;
        try {
          *arguments = parse_ordered_json(arguments->get<std::string>(), "arguments");
        } catch (const Error&) {
          // Of a call that was wrong; a template shows it as it was.
        }
      }
    }
    out.push_back(std::move(message));
  }
  return out;
}

// The function that a choice names, or none: any of them.
std::optional<std::string> chosen_function(const OrderedJson& choice) {
  if (choice == "required") return std::nullopt;
  const auto refuse_choice = [] {
    refuse("tool_choice",
           "not \"auto\", \"none\", \"required\" or {\"type\": \"function\", \"function\": "
           "{\"name\": ...}}");
  };
  if (!choice.is_object()) refuse_choice();
  const OrderedJson* const function = ordered_member(choice, "function");
  const OrderedJson* const type = ordered_member(choice, "type");
  if (function == nullptr || !function->is_object() || (type != nullptr && *type != "function")) {
    refuse_choice();
  }
  const OrderedJson* const name = ordered_member(*function, "name");
  if (name == nullptr || !name->is_string()) refuse_choice();
  return name->get<std::string>();
}

void read_tools(const OrderedJson& body, model::TextRequest& request, ApiRequest& out) {
  const OrderedJson* const choice = ordered_member(body, "tool_choice");
  const bool is_none = choice != nullptr && *choice == "none";
  out.must_call = choice != nullptr && !is_none && *choice != "auto";
  std::optional<std::string> only;
  if (out.must_call) only = chosen_function(*choice);
  const OrderedJson* const tools = ordered_member(body, "tools");
  if (tools != nullptr && !tools->is_array()) refuse("tools", "not a list");
  if (tools != nullptr && !tools->empty() && !is_none) {
    out.tools = tool_names(*tools, "tools");
    request.template_options["tools"] = *tools;
  }
  if (out.must_call) {
    if (out.tools.empty()) refuse("tool_choice", "without tools there is nothing to call");
    if (only && !out.tools.contains(*only)) {
      refuse("tool_choice", "none of the tools is called \"" + *only + "\"");
    }
    if (!request.format.is_free()) refuse(request.format.where, "not together with tool_choice");
    request.format = call_format(*tools, only);
    if (only) out.tools = {*only};
  }
  const OrderedJson& list = body["messages"];
  const bool has_calls = std::any_of(list.begin(), list.end(), [](const OrderedJson& message) {
    return message["role"] == "tool" || ordered_member(message, "tool_calls") != nullptr;
  });
  if (has_calls) {
    if (out.media.all() > 0) {
      refuse("messages", "pictures, sounds or videos beside calls of tools are not supported");
    }
    request.template_options["messages"] = template_messages(list, request.messages);
  }
}

// vLLM's {"use_audio_in_video": true}; other settings of processors are the checkpoint's.
bool read_video_sound(const Json& body) {
  const Json* const settings = member(body, "mm_processor_kwargs");
  if (settings == nullptr) return false;
  if (!settings->is_object()) refuse("mm_processor_kwargs", "not an object");
  for (const auto& item : settings->items()) {
    if (item.key() == "use_audio_in_video") continue;
    refuse("mm_processor_kwargs", "\"" + item.key() +
                                      "\" is not use_audio_in_video: pictures, sounds and videos "
                                      "are read as the checkpoint's files say");
  }
  return boolean(*settings, "use_audio_in_video", false);
}

std::vector<std::int32_t> read_tokens(const Json& list, const std::string& where) {
  std::vector<std::int32_t> out;
  for (const Json& token : list) {
    if (!token.is_number_integer() || token.get<double>() < 0 || token.get<double>() > 2e9) {
      refuse(where, "holds something that is no token id");
    }
    out.push_back(token.get<std::int32_t>());
  }
  if (out.empty()) refuse(where, "no tokens");
  return out;
}

// A text, a list of texts, token ids, or a list of those.
void read_prompts(const Json& body, const model::TextRequest& like, ApiRequest& out) {
  const Json* const prompt = member(body, "prompt");
  if (prompt == nullptr) refuse("prompt", "missing");
  const auto add = [&](const Json& one, const std::string& where) {
    model::TextRequest request = like;
    if (one.is_string()) {
      request.prompt = one.get<std::string>();
      if (request.prompt.empty()) refuse(where, "an empty text");
    } else if (one.is_array()) {
      request.tokens = read_tokens(one, where);
    } else {
      refuse(where, "not a text or a list of token ids");
    }
    out.prompts.push_back(std::move(request));
  };
  constexpr std::size_t kMostPrompts = 4096;
  if (prompt->is_string() || (prompt->is_array() && !prompt->empty() && (*prompt)[0].is_number())) {
    return add(*prompt, "prompt");
  }
  if (!prompt->is_array() || prompt->empty() || prompt->size() > kMostPrompts) {
    refuse("prompt", "not a text, a list of texts, token ids, or a list of lists of those");
  }
  for (std::size_t i = 0; i < prompt->size(); ++i) {
    add((*prompt)[i], "prompt[" + std::to_string(i) + "]");
  }
}

const char* finish_name(const model::TextResult& result, bool has_called = false) {
  if (has_called) return "tool_calls";
  return result.tokens.finish_reason == model::FinishReason::kLength ? "length" : "stop";
}

OrderedJson bytes_json(const std::string& bytes) {
  OrderedJson list = OrderedJson::array();
  for (const char c : bytes) list.push_back(static_cast<int>(static_cast<unsigned char>(c)));
  return list;
}

OrderedJson chat_logprobs(const model::TextResult& result, const TokenSpelling& spelling) {
  OrderedJson content = OrderedJson::array();
  const auto entry = [&](std::int32_t token, float logprob) {
    const std::string bytes = spelling(token);
    return OrderedJson{{"token", to_valid_utf8(bytes)},
                       {"logprob", static_cast<double>(logprob)},
                       {"bytes", bytes_json(bytes)}};
  };
  for (std::size_t i = 0; i < result.tokens.tokens.size(); ++i) {
    OrderedJson item = entry(result.tokens.tokens[i], result.tokens.logprobs[i]);
    OrderedJson top = OrderedJson::array();
    if (i < result.tokens.top_logprobs.size()) {
      for (const model::TokenLogprob& other : result.tokens.top_logprobs[i]) {
        top.push_back(entry(other.token, other.logprob));
      }
    }
    item["top_logprobs"] = std::move(top);
    content.push_back(std::move(item));
  }
  return {{"content", std::move(content)}};
}

// Tokens side by side, as completions have it: the prompt's first where it is echoed.
OrderedJson completion_logprobs(const ApiRequest& request, const model::TextResult& result,
                                const TokenSpelling& spelling) {
  OrderedJson tokens = OrderedJson::array(), values = OrderedJson::array(),
              top = OrderedJson::array(), offsets = OrderedJson::array();
  std::int64_t characters = 0;
  const auto add = [&](std::int32_t token, std::optional<float> logprob,
                       const std::vector<model::TokenLogprob>* alternatives) {
    const std::string bytes = spelling(token);
    tokens.push_back(to_valid_utf8(bytes));
    values.push_back(logprob ? OrderedJson(static_cast<double>(*logprob)) : OrderedJson());
    offsets.push_back(characters);
    // Characters by their first bytes, so that one in several tokens counts once.
    characters += std::count_if(bytes.begin(), bytes.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    if (!logprob || alternatives == nullptr) return top.push_back(OrderedJson());
    OrderedJson entry = OrderedJson::object();
    for (const model::TokenLogprob& other : *alternatives) {
      const std::string name = to_valid_utf8(spelling(other.token));
      // Different tokens may look alike; the likelier stays.
      if (!entry.contains(name)) entry[name] = static_cast<double>(other.logprob);
    }
    const std::string own = to_valid_utf8(bytes);
    if (!entry.contains(own)) entry[own] = static_cast<double>(*logprob);
    top.push_back(std::move(entry));
  };
  if (request.echo) {
    for (std::size_t i = 0; i < result.prompt_tokens.size(); ++i) {
      const bool known = i > 0 && i < result.tokens.prompt_logprobs.size();
      add(result.prompt_tokens[i],
          known ? std::optional(result.tokens.prompt_logprobs[i]) : std::nullopt,
          i < result.prompt_top_logprobs.size() ? &result.prompt_top_logprobs[i] : nullptr);
    }
  }
  for (std::size_t i = 0; i < result.tokens.tokens.size(); ++i) {
    add(result.tokens.tokens[i], result.tokens.logprobs[i],
        i < result.tokens.top_logprobs.size() ? &result.tokens.top_logprobs[i] : nullptr);
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(top)},
          {"text_offset", std::move(offsets)}};
}

OrderedJson logprobs_of(const ApiRequest& request, const model::TextResult& result,
                        const TokenSpelling& spelling) {
  if (!request.logprobs) return nullptr;
  return request.api == ServedApi::kChat ? chat_logprobs(result, spelling)
                                         : completion_logprobs(request, result, spelling);
}

OrderedJson usage_of(const ApiRequest& request, const std::vector<model::TextResult>& results) {
  std::int64_t prompt = 0, completion = 0, cached = 0, image = 0, audio = 0, video = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const model::TextResult& result = results[i];
    // A prompt counts once, however many answers it got.
    if (i % static_cast<std::size_t>(request.num_choices) == 0) {
      prompt += std::ssize(result.prompt_tokens);
      cached += result.tokens.num_cached_tokens;
      image += result.usage.image_tokens;
      audio += result.usage.audio_tokens;
      video += result.usage.video_tokens;
    }
    completion += std::ssize(result.tokens.tokens);
  }
  OrderedJson details{{"cached_tokens", cached}};
  if (audio > 0) details["audio_tokens"] = audio;
  if (image > 0) details["image_tokens"] = image;
  if (video > 0) details["video_tokens"] = video;
  return {{"prompt_tokens", prompt},
          {"completion_tokens", completion},
          {"total_tokens", prompt + completion},
          {"prompt_tokens_details", std::move(details)}};
}

// first_index  of the choice's calls; ids are told apart by request, choice and index.
OrderedJson calls_json(const std::vector<ToolCall>& calls, const ReplyHead& head,
                       std::size_t choice, std::size_t first_index, bool is_chunk) {
  OrderedJson list = OrderedJson::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::size_t index = first_index + i;
    OrderedJson call = OrderedJson::object();
    if (is_chunk) call["index"] = index;
    call["id"] =
        "call_" + sha256_hex(head.id + "|" + std::to_string(choice) + "|" + std::to_string(index))
                      .substr(0, 24);
    call["type"] = "function";
    call["function"] = {{"name", calls[i].name}, {"arguments", calls[i].arguments}};
    list.push_back(std::move(call));
  }
  return list;
}

OrderedJson head_of(const ApiRequest& request, const ReplyHead& head, bool is_chunk) {
  const char* const object = request.api == ServedApi::kCompletions ? "text_completion"
                             : is_chunk                             ? "chat.completion.chunk"
                                                                    : "chat.completion";
  return {{"id", head.id},
          {"object", object},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", head.fingerprint}};
}

}  // namespace

ApiRequest read_api_request(ServedApi api, const OrderedJson& ordered,
                            const ApiDefaults& defaults) {
  if (!ordered.is_object()) refuse("body", "not a JSON object");
  const Json body(ordered);
  ApiRequest out;
  out.api = api;
  if (const Json* const name = member(body, "model")) {
    if (!name->is_string()) refuse("model", "not a text");
    out.model = name->get<std::string>();
  }
  constexpr std::int64_t kMostChoices = 128, kMostTokens = 1 << 24, kMostTop = 20;
  out.num_choices = static_cast<int>(integer(body, "n", 1, 1, kMostChoices));
  if (integer(body, "best_of", out.num_choices, 1, kMostChoices) != out.num_choices) {
    refuse("best_of", "only as many as n");
  }
  if (const Json* const modalities = member(body, "modalities")) {
    if (!modalities->is_array()) refuse("modalities", "not a list");
    for (const Json& modality : *modalities) {
      if (modality != "text") refuse("modalities", "answers are text alone");
    }
  }
  out.stream = boolean(body, "stream", false);
  if (const Json* const options = member(body, "stream_options")) {
    if (!options->is_object()) refuse("stream_options", "not an object");
    out.stream_usage = boolean(*options, "include_usage", false);
  }
  model::TextRequest request;
  request.sampling = read_sampling(body, defaults.sampling);
  request.stop = read_stop(body);
  request.format = read_format(ordered);
  out.has_seed = member(body, "seed") != nullptr;
  request.seed =
      static_cast<std::uint64_t>(integer(body, "seed", 0, std::numeric_limits<std::int64_t>::min(),
                                         std::numeric_limits<std::int64_t>::max()));
  request.ignore_end = boolean(body, "ignore_eos", false);
  std::int64_t max_tokens = api == ServedApi::kChat ? -1 : defaults.completion_max_tokens;
  max_tokens = integer(body, "max_tokens", max_tokens, max_tokens == -1 ? -1 : 0, kMostTokens);
  max_tokens = integer(body, "max_completion_tokens", max_tokens, -1, kMostTokens);
  request.max_tokens = static_cast<int>(max_tokens);
  if (api == ServedApi::kChat) {
    out.logprobs = boolean(body, "logprobs", false);
    request.top_logprobs = static_cast<int>(integer(body, "top_logprobs", 0, 0, kMostTop));
    if (request.top_logprobs > 0 && !out.logprobs) refuse("top_logprobs", "without logprobs");
    request.messages = read_messages(body, {defaults.taken, out.media});
    request.video_sound = read_video_sound(body);
    request.template_options = OrderedJson::object();
    if (const OrderedJson* const more = ordered_member(ordered, "chat_template_kwargs")) {
      if (!more->is_object()) refuse("chat_template_kwargs", "not an object");
      request.template_options = *more;
      request.template_options.erase("messages");
    }
    read_tools(ordered, request, out);
    out.prompts.push_back(std::move(request));
    return out;
  }
  out.echo = boolean(body, "echo", false);
  if (member(body, "suffix") != nullptr) refuse("suffix", "not supported");
  const Json* const logprobs = member(body, "logprobs");
  out.logprobs = logprobs != nullptr && !(logprobs->is_boolean() && !logprobs->get<bool>());
  if (out.logprobs) {
    request.top_logprobs =
        logprobs->is_boolean() ? 1 : static_cast<int>(integer(body, "logprobs", 0, 0, kMostTop));
    if (out.echo) {
      request.prompt_logprobs = true;
      request.prompt_top_logprobs = request.top_logprobs;
      // Who scores a text asks for one token more and drops it: there has to be one.
      if (request.max_tokens == 1) request.ignore_end = true;
    }
  }
  if (out.echo && out.stream) refuse("echo", "not together with stream");
  read_prompts(body, request, out);
  return out;
}

std::string refusal_class(const std::string& message) {
  if (message.find(" together exceed ") != std::string::npos) return "context_overflow";
  constexpr std::string_view kMembers =
      " best_of body chat_template_kwargs echo frequency_penalty ignore_eos logit_bias logprobs "
      "max_completion_tokens max_tokens messages min_p mm_processor_kwargs modalities model n "
      "presence_penalty prompt regex "
      "repetition_penalty response_format seed stop stream stream_options suffix temperature "
      "tool_choice tools top_k top_logprobs top_p ";
  const std::string member =
      message.substr(0, message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
  const bool is_known = kMembers.find(" " + member + " ") != std::string_view::npos;
  return is_known ? "invalid_request: " + member : "invalid_request";
}

OrderedJson api_reply(const ApiRequest& request, const ReplyHead& head,
                      const std::vector<model::TextResult>& results, const TokenSpelling& spelling,
                      const std::vector<std::vector<ToolCall>>& calls) {
  OrderedJson reply = head_of(request, head, false);
  OrderedJson choices = OrderedJson::array();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const model::TextResult& result = results[i];
    const bool has_called = i < calls.size() && !calls[i].empty();
    OrderedJson choice{{"index", i}};
    if (request.api == ServedApi::kChat) {
      OrderedJson message{{"role", "assistant"}, {"content", to_valid_utf8(result.text)}};
      if (!result.reasoning.empty()) message["reasoning_content"] = result.reasoning;
      if (has_called) {
        if (result.text.empty()) message["content"] = nullptr;
        message["tool_calls"] = calls_json(calls[i], head, i, 0, false);
      }
      choice["message"] = std::move(message);
    } else {
      std::string text;
      if (request.echo) {
        if (!result.prompt_text.empty()) {
          text = result.prompt_text;
        } else {
          for (const std::int32_t token : result.prompt_tokens) text += spelling(token);
        }
      }
      choice["text"] = to_valid_utf8(text + result.text);
    }
    choice["logprobs"] = logprobs_of(request, result, spelling);
    choice["finish_reason"] = finish_name(result, has_called);
    choices.push_back(std::move(choice));
  }
  reply["choices"] = std::move(choices);
  reply["usage"] = usage_of(request, results);
  return reply;
}

OrderedJson api_chunk(const ApiRequest& request, const ReplyHead& head, int choice,
                      const model::TextDelta& delta, bool is_first) {
  OrderedJson chunk = head_of(request, head, true);
  OrderedJson entry{{"index", choice}};
  if (request.api == ServedApi::kChat) {
    OrderedJson piece = OrderedJson::object();
    if (is_first) piece["role"] = "assistant";
    if (!delta.reasoning.empty()) piece["reasoning_content"] = delta.reasoning;
    if (!delta.text.empty() || is_first) piece["content"] = delta.text;
    entry["delta"] = std::move(piece);
  } else {
    entry["text"] = delta.text;
  }
  entry["logprobs"] = nullptr;
  entry["finish_reason"] = nullptr;
  chunk["choices"] = OrderedJson::array({std::move(entry)});
  return chunk;
}

OrderedJson api_call_chunk(const ApiRequest& request, const ReplyHead& head, int choice,
                           const std::vector<ToolCall>& calls, std::size_t first_index) {
  OrderedJson chunk = api_chunk(request, head, choice, {}, false);
  chunk["choices"][0]["delta"]["tool_calls"] =
      calls_json(calls, head, static_cast<std::size_t>(choice), first_index, true);
  return chunk;
}

OrderedJson api_last_chunk(const ApiRequest& request, const ReplyHead& head, int choice,
                           const model::TextResult& result, const TokenSpelling& spelling,
                           bool has_called) {
  OrderedJson chunk = api_chunk(request, head, choice, {}, false);
  OrderedJson& entry = chunk["choices"][0];
  entry["logprobs"] = logprobs_of(request, result, spelling);
  entry["finish_reason"] = finish_name(result, has_called);
  return chunk;
}

OrderedJson api_usage_chunk(const ApiRequest& request, const ReplyHead& head,
                            const std::vector<model::TextResult>& results) {
  OrderedJson chunk = head_of(request, head, true);
  chunk["choices"] = OrderedJson::array();
  chunk["usage"] = usage_of(request, results);
  return chunk;
}

std::string api_error(const std::string& message, const std::string& type,
                      const std::string& code) {
  return dump_json(OrderedJson{{"error",
                                {{"message", to_valid_utf8(message.substr(0, message.find('\n')))},
                                 {"type", type},
                                 {"param", nullptr},
                                 {"code", code.empty() ? OrderedJson() : OrderedJson(code)}}}});
}

}  // namespace peira::runner
