#include "runner/endpoints/openai_protocol.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/error.h"
#include "base/files.h"
#include "base/utf8.h"

namespace peira::runner {
namespace {

// By the first bytes, whatever a file is called.
std::string picture_type(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) return "image/gif";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  throw Error(ErrorCode::kData, "a picture that is no PNG, JPEG, GIF or WebP");
}

std::string film_type(std::string_view bytes) {
  if (bytes.size() > 8 && bytes.substr(4, 4) == "ftyp") return "video/mp4";
  if (bytes.starts_with("\x1A\x45\xDF\xA3")) return "video/webm";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("AVI ")) return "video/x-msvideo";
  throw Error(ErrorCode::kData, "a video that is no MP4, WebM, Matroska or AVI");
}

// As "format" of input_audio has it.
std::string sound_format(std::string_view bytes) {
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WAVE")) return "wav";
  if (bytes.starts_with("ID3")) return "mp3";
  // Eleven bits of one open a frame of MPEG audio; the layer tells MP3 (3) from AAC in ADTS (0).
  if (bytes.size() > 1 && bytes[0] == '\xFF' && (bytes[1] & 0xE0) == 0xE0) {
    const int layer = bytes[1] >> 1 & 3;
    if (layer == 1) return "mp3";
    if (layer == 0) return "aac";
  }
  if (bytes.starts_with("fLaC")) return "flac";
  if (bytes.starts_with("OggS")) return "ogg";
  if (bytes.size() > 8 && bytes.substr(4, 4) == "ftyp") return "m4a";
  throw Error(ErrorCode::kData, "a sound that is no WAV, MP3, AAC, FLAC, Ogg or M4A");
}

// A part as OpenAI's protocol has it; videos as vLLM and SGLang take them, by "video_url".
OrderedJson medium_of(const Part& part) {
  const std::string bytes = part.bytes.empty() ? read_file(part.path) : part.bytes;
  if (part.kind == PartKind::kAudio) {
    return {{"type", "input_audio"},
            {"input_audio", {{"data", to_base64(bytes)}, {"format", sound_format(bytes)}}}};
  }
  const bool is_picture = part.kind == PartKind::kImage;
  const std::string type = is_picture ? picture_type(bytes) : film_type(bytes);
  const std::string key = is_picture ? "image_url" : "video_url";
  return {{"type", key}, {key, {{"url", "data:" + type + ";base64," + to_base64(bytes)}}}};
}

OrderedJson content_of(const Message& message) {
  const bool is_text = std::all_of(message.parts.begin(), message.parts.end(),
                                   [](const Part& part) { return part.kind == PartKind::kText; });
  if (is_text) return to_valid_utf8(text_of(message));
  OrderedJson parts = OrderedJson::array();
  for (const Part& part : message.parts) {
    if (part.kind == PartKind::kText) {
      parts.push_back({{"type", "text"}, {"text", to_valid_utf8(part.text)}});
    } else {
      parts.push_back(medium_of(part));
    }
  }
  return parts;
}

std::string prompt_text(const std::vector<Message>& messages) {
  for (const Message& message : messages) {
    for (const Part& part : message.parts) {
      if (part.kind == PartKind::kText) continue;
      throw Error(ErrorCode::kData,
                  "completions take text alone, and this prompt has a picture, sound or video");
    }
  }
  if (messages.size() == 1) return to_valid_utf8(text_of(messages.front()));
  std::string text;
  for (const Message& message : messages) {
    text += message.role + ": " + to_valid_utf8(text_of(message)) + "\n\n";
  }
  return text + "assistant:";
}

void put_sampling(const ModelRequest& request, OrderedJson& body) {
  const model::SamplingParams& sampling = request.sampling;
  const model::SamplingParams neutral;
  body["temperature"] = sampling.temperature;
  if (sampling.top_p != neutral.top_p) body["top_p"] = sampling.top_p;
  if (sampling.top_k != neutral.top_k) body["top_k"] = sampling.top_k;
  if (sampling.min_p != neutral.min_p) body["min_p"] = sampling.min_p;
  if (sampling.repetition_penalty != neutral.repetition_penalty) {
    body["repetition_penalty"] = sampling.repetition_penalty;
  }
  if (sampling.presence_penalty != neutral.presence_penalty) {
    body["presence_penalty"] = sampling.presence_penalty;
  }
  if (sampling.frequency_penalty != neutral.frequency_penalty) {
    body["frequency_penalty"] = sampling.frequency_penalty;
  }
  if (!sampling.logit_bias.empty()) {
    OrderedJson bias = OrderedJson::object();
    for (const auto& [token, value] : sampling.logit_bias) bias[std::to_string(token)] = value;
    body["logit_bias"] = std::move(bias);
  }
  body["seed"] = request.seed >> 11U;
  if (!request.stop.empty()) body["stop"] = request.stop;
}

void put_format(const ResponseFormat& format, OrderedJson& body) {
  if (format.kind == ResponseFormat::Kind::kJsonSchema) {
    body["response_format"] = {
        {"type", "json_schema"},
        {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", format.schema}}}};
  }
}

// A member that is a text; "" for null, absent or anything else.
std::string text_in(const Json& value, const char* key) {
  const auto found = value.find(key);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Some servers give an answer as a list of parts.
std::string content_text(const Json& message, const char* key) {
  const auto found = message.find(key);
  if (found == message.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  std::string text;
  if (found->is_array()) {
    for (const Json& part : *found) {
      if (part.is_object()) text += text_in(part, "text");
    }
  }
  return text;
}

std::string reasoning_text(const Json& message) {
  std::string text = text_in(message, "reasoning_content");
  return text.empty() ? text_in(message, "reasoning") : text;
}

std::string finish_reason(const std::string& told) {
  if (told == "length" || told == "max_tokens") return "length";
  if (told == "content_filter") return "refusal";
  return "stop";
}

std::int64_t count_in(const Json& usage, const char* key) {
  const auto found = usage.find(key);
  if (found == usage.end() || !found->is_number()) return 0;
  const double count = found->get<double>();
  return count >= 0 && count < 1e15 ? static_cast<std::int64_t>(count) : 0;
}

void take_usage(const Json& reply, ModelResponse& response) {
  const auto usage = reply.find("usage");
  if (usage == reply.end() || !usage->is_object()) return;
  response.num_prompt_tokens = count_in(*usage, "prompt_tokens");
  response.num_completion_tokens = count_in(*usage, "completion_tokens");
  // OpenAI tells those of sounds, others more.
  const auto details = usage->find("prompt_tokens_details");
  if (details == usage->end() || !details->is_object()) return;
  response.num_image_tokens = count_in(*details, "image_tokens");
  response.num_audio_tokens = count_in(*details, "audio_tokens");
  response.num_video_tokens = count_in(*details, "video_tokens");
}

ModelResponse passing_failure(std::string why) {
  ModelResponse response;
  response.finish_reason = "error";
  response.failure = std::move(why);
  response.retryable = true;
  return response;
}

// The sum of the log-probabilities behind `prompt` of what was echoed.
// throws  Error(kData): the reply does not have them.
double echoed_logprob(const Json& choice, const std::string& prompt, const std::string& whole) {
  const auto fail = [](const std::string& why) -> double {
    throw Error(ErrorCode::kData, "no log-probabilities of the given text: " + why);
  };
  const auto logprobs = choice.find("logprobs");
  if (logprobs == choice.end() || !logprobs->is_object()) return fail("no \"logprobs\"");
  const Json& values = require(*logprobs, "token_logprobs", "logprobs");
  const Json& tokens = require(*logprobs, "tokens", "logprobs");
  const auto offsets = logprobs->find("text_offset");
  if (!values.is_array() || !tokens.is_array() || values.size() != tokens.size()) {
    return fail("\"tokens\" and \"token_logprobs\" differ in length");
  }
  // Offsets count characters of the text; where there are none the tokens' own lengths do, in
  // bytes.
  const bool has_offsets =
      offsets != logprobs->end() && offsets->is_array() && offsets->size() == tokens.size();
  const std::size_t begin = has_offsets ? to_utf32(prompt).size() : prompt.size();
  const std::size_t end = has_offsets ? to_utf32(whole).size() : whole.size();
  double sum = 0;
  std::size_t at = 0;
  bool any = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].is_string()) return fail("a token that is no text");
    const std::size_t from =
        has_offsets && (*offsets)[i].is_number_unsigned() ? (*offsets)[i].get<std::size_t>() : at;
    at += tokens[i].get<std::string>().size();
    if (from < begin || from >= end) continue;
    if (!values[i].is_number()) return fail("null behind the prompt");
    sum += values[i].get<double>();
    any = true;
  }
  if (!any) return fail("the prompt was not echoed");
  return sum;
}

bool has_video(const ModelRequest& request) {
  return std::any_of(request.messages.begin(), request.messages.end(), [](const Message& message) {
    return std::any_of(message.parts.begin(), message.parts.end(),
                       [](const Part& part) { return part.kind == PartKind::kVideo; });
  });
}

}  // namespace

OrderedJson openai_body(const ModelRequest& request, const OpenAiDialect& dialect) {
  OrderedJson body{{"model", dialect.model}};
  const char* const tokens_field =
      dialect.completion_tokens_field ? "max_completion_tokens" : "max_tokens";
  if (!request.continuations.empty()) {
    if (dialect.api == OpenAiApi::kChat) {
      throw Error(ErrorCode::kUsage,
                  "a chat endpoint gives no log-likelihoods of given texts\n  try: --endpoint-api "
                  "completions, or the method that generates");
    }
    const std::string prompt = prompt_text(request.messages);
    OrderedJson prompts = OrderedJson::array();
    for (const std::string& continuation : request.continuations) {
      prompts.push_back(prompt + continuation);
    }
    body["prompt"] = std::move(prompts);
    body["max_tokens"] = 1;
    body["temperature"] = 0;
    body["logprobs"] = 1;
    body["echo"] = true;
  } else {
    if (dialect.api == OpenAiApi::kChat) {
      OrderedJson messages = OrderedJson::array();
      for (const Message& message : request.messages) {
        messages.push_back({{"role", message.role}, {"content", content_of(message)}});
      }
      body["messages"] = std::move(messages);
    } else {
      body["prompt"] = prompt_text(request.messages);
    }
    body[tokens_field] = request.max_tokens;
    put_sampling(request, body);
    put_format(request.format, body);
    if (dialect.stream) {
      body["stream"] = true;
      body["stream_options"] = {{"include_usage", true}};
    }
  }
  for (const auto& item : dialect.extra.items()) body[item.key()] = item.value();
  if (dialect.video_sound && has_video(request)) {
    OrderedJson& settings = body["mm_processor_kwargs"];
    if (!settings.is_object()) settings = OrderedJson::object();
    settings["use_audio_in_video"] = true;
  }
  for (const std::string& name : dialect.omit) body.erase(name);
  return body;
}

ModelResponse read_openai_reply(std::string_view body, const ModelRequest& request,
                                const OpenAiDialect& dialect, std::string* id) {
  Json reply;
  try {
    reply = parse_json(body, "reply");
  } catch (const Error& failure) {
    return passing_failure(std::string("malformed JSON from the endpoint: ") + failure.what());
  }
  if (!reply.is_object()) return passing_failure("the endpoint's reply is no JSON object");
  if (id != nullptr) *id = text_in(reply, "id");
  const auto choices = reply.find("choices");
  if (choices == reply.end() || !choices->is_array() || choices->empty()) {
    // Some servers answer 200 and tell the error inside.
    const std::string told = openai_error_text(body);
    return passing_failure("the endpoint's reply has no \"choices\"" +
                           (told.empty() ? std::string() : ": " + told));
  }
  ModelResponse response;
  take_usage(reply, response);
  if (!request.continuations.empty()) {
    if (choices->size() != request.continuations.size()) {
      return passing_failure("the endpoint answered " + std::to_string(choices->size()) + " of " +
                             std::to_string(request.continuations.size()) + " prompts");
    }
    const std::string prompt = prompt_text(request.messages);
    response.continuation_logprobs.resize(choices->size());
    std::vector<bool> seen(choices->size(), false);
    try {
      for (std::size_t i = 0; i < choices->size(); ++i) {
        const Json& choice = (*choices)[i];
        const Json& index = require(choice, "index", "choice");
        const std::size_t at = index.is_number_unsigned() ? index.get<std::size_t>() : seen.size();
        if (at >= seen.size() || seen[at]) {
          return passing_failure("the endpoint's choices are not numbered 0 to n - 1");
        }
        seen[at] = true;
        response.continuation_logprobs[at] =
            echoed_logprob(choice, prompt, prompt + request.continuations[at]);
      }
    } catch (const Error& failure) {
      response = passing_failure(failure.what());
      response.retryable = false;  // a server that cannot will not
      return response;
    }
    response.finish_reason = "stop";
    return response;
  }
  const Json& choice = choices->front();
  if (!choice.is_object()) return passing_failure("the endpoint's choice is no JSON object");
  response.finish_reason = finish_reason(text_in(choice, "finish_reason"));
  if (dialect.api == OpenAiApi::kCompletions) {
    if (!choice.contains("text") || !choice["text"].is_string()) {
      return passing_failure("the endpoint's choice has no \"text\"");
    }
    response.text = choice["text"].get<std::string>();
    return response;
  }
  const auto message = choice.find("message");
  if (message == choice.end() || !message->is_object()) {
    return passing_failure("the endpoint's choice has no \"message\"");
  }
  response.text = content_text(*message, "content");
  response.reasoning = reasoning_text(*message);
  if (const std::string refusal = text_in(*message, "refusal"); !refusal.empty()) {
    if (response.text.empty()) response.text = refusal;
    response.finish_reason = "refusal";
  }
  return response;
}

bool OpenAiStream::take(std::string_view data) {
  if (data == "[DONE]") {
    is_done_ = true;
    return false;
  }
  const Json chunk = parse_json(data, "stream");
  if (!chunk.is_object()) throw Error(ErrorCode::kData, "a chunk of the stream is no JSON object");
  if (chunk.contains("error") && !chunk["error"].is_null()) {
    throw Error(ErrorCode::kData, "an error in the stream: " + openai_error_text(data));
  }
  if (id_.empty()) id_ = text_in(chunk, "id");
  take_usage(chunk, response_);
  const auto choices = chunk.find("choices");
  if (choices == chunk.end() || !choices->is_array() || choices->empty()) return true;
  const Json& choice = choices->front();
  if (!choice.is_object())
    throw Error(ErrorCode::kData, "a choice of the stream is no JSON object");
  if (const auto delta = choice.find("delta"); delta != choice.end() && delta->is_object()) {
    response_.text += content_text(*delta, "content");
    response_.reasoning += reasoning_text(*delta);
    if (const std::string refusal = text_in(*delta, "refusal"); !refusal.empty()) {
      response_.text += refusal;
      response_.finish_reason = "refusal";
    }
  } else {
    response_.text += text_in(choice, "text");
  }
  if (const std::string told = text_in(choice, "finish_reason");
      !told.empty() && response_.finish_reason != "refusal") {
    response_.finish_reason = finish_reason(told);
  }
  return true;
}

ModelResponse OpenAiStream::response() const {
  // An end without [DONE] is one if it had a finish_reason; without either, half is missing.
  if (response_.finish_reason.empty()) {
    return passing_failure(is_done_ ? "the stream ended without a finish_reason"
                                    : "the stream ended before the answer did");
  }
  return response_;
}

std::string openai_error_text(std::string_view body) {
  std::string text;
  Json value = Json::value_t::discarded;
  try {
    value = parse_json(body, "reply");
  } catch (const Error&) {
    // Not JSON: it may still say something.
  }
  const auto from = [](const Json& object) {
    for (const char* const key : {"message", "detail", "error", "title"}) {
      const auto found = object.find(key);
      if (found == object.end()) continue;
      if (found->is_string()) return found->get<std::string>();
      if (found->is_object() && found->contains("message") && (*found)["message"].is_string()) {
        return (*found)["message"].get<std::string>();
      }
      if (!found->is_null()) return dump_json(*found);
    }
    return std::string();
  };
  if (value.is_object()) {
    text = from(value);
  } else if (!value.is_discarded() && value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_discarded()) {
    text = to_valid_utf8(body.substr(0, 1000));
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  constexpr std::size_t kLongest = 300;
  if (text.size() > kLongest) {
    std::size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
    text = text.substr(0, cut) + "...";
  }
  return text;
}

}  // namespace peira::runner
