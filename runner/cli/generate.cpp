// peira generate: one prompt through the engine, as text for people or as one object for scripts.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "model/text/language_model.h"
#include "runner/cli/command.h"
#include "runner/cli/media_options.h"
#include "runner/cli/model_options.h"
#include "runner/endpoints/open_model.h"
#include "runner/pdf_parts.h"

namespace peira::runner::cli {
namespace {

struct GenerateFlags {
  ModelFlags model;
  TemplateFlags chat_template;
  SamplingFlags sampling;
  std::string prompt, system, prompt_file, messages_file, tokens;
  MediaFlags media;
  std::string dump_features;
  FormatFlags format;
  std::vector<std::string> stop;
  int max_tokens = 256;
  int top_logprobs = 0;
  std::uint64_t seed = 0;
  bool raw = false, prompt_logprobs = false, sampling_logprobs = false, dump_logits = false,
       json = false;
};

// "5,9,33" -> ids. throws Error(kUsage) naming the piece that is no token id.
std::vector<std::int32_t> parse_tokens(const std::string& text) {
  std::vector<std::int32_t> tokens;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string piece = text.substr(begin, comma - begin);
    std::int32_t token = 0;
    const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), token);
    if (error != std::errc() || end != piece.data() + piece.size() || token < 0) {
      throw Error(ErrorCode::kUsage,
                  "--tokens: \"" + piece + "\" is not a token id\n  try: --tokens 5,9,33");
    }
    tokens.push_back(token);
    begin = comma + 1;
  }
  return tokens;
}

Part media_part(PartKind kind, const std::string& path) {
  Part part;
  part.kind = kind;
  part.path = path;
  return part;
}

// Pictures and pages first, then videos, then sounds, each in their order.
std::vector<Part> media_of(const MediaFlags& flags) {
  std::vector<Part> out;
  for (const std::string& path : flags.images) {
    for (Part& picture : pictures_of(path)) out.push_back(std::move(picture));
  }
  for (const std::string& path : flags.videos) out.push_back(media_part(PartKind::kVideo, path));
  for (const std::string& path : flags.sounds) out.push_back(media_part(PartKind::kAudio, path));
  return out;
}

// {"type": "text", "text": ...}, {"type": "image", "image": PATH} or "video" or "audio", as
// transformers' messages have them.
std::vector<Part> read_part(const Json& given, const std::string& where) {
  const Json& type = require(given, "type", where);
  const std::string kind = type.is_string() ? type.get<std::string>() : "";
  if (kind != "text" && kind != "image" && kind != "video" && kind != "audio") {
    throw Error(ErrorCode::kData, where + ": \"type\" must be text, image, video or audio");
  }
  const Json& value = require(given, kind, where);
  if (!value.is_string()) {
    throw Error(ErrorCode::kData, where + ": \"" + kind + "\" must be a string" +
                                      (kind == "text" ? "" : ", the path of a file"));
  }
  const std::string text = value.get<std::string>();
  if (kind == "text") return {Part::from_text(text)};
  if (kind == "image") return pictures_of(text);
  return {media_part(kind == "video" ? PartKind::kVideo : PartKind::kAudio, text)};
}

Message read_message(const Json& role, const Json& content, const std::string& where) {
  if (content.is_string()) {
    return Message::from_text(role.get<std::string>(), content.get<std::string>());
  }
  Message out{role.get<std::string>(), {}};
  for (std::size_t i = 0; i < content.size(); ++i) {
    for (Part& part : read_part(content[i], where + ": part " + std::to_string(i))) {
      out.parts.push_back(std::move(part));
    }
  }
  return out;
}

std::vector<Message> read_messages(const std::string& path) {
  const Json list = parse_json(read_file(path), path);
  if (!list.is_array()) throw Error(ErrorCode::kData, path + ": expected a list of messages");
  std::vector<Message> messages;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = path + ": message " + std::to_string(i);
    const Json& role = require(list[i], "role", where);
    const Json& content = require(list[i], "content", where);
    if (!role.is_string() || !(content.is_string() || content.is_array())) {
      throw Error(ErrorCode::kData,
                  where + ": \"role\" must be a string, \"content\" a string or a list of parts");
    }
    messages.push_back(read_message(role, content, where));
  }
  return messages;
}

model::TextRequest make_request(const GenerateFlags& flags, const model::LanguageModel& model) {
  model::TextRequest request;
  request.max_tokens = flags.max_tokens;
  request.sampling = flags.sampling.overrides().over(model.default_sampling());
  request.seed = flags.seed;
  request.template_options = flags.chat_template.variables();
  request.stop = flags.stop;
  request.top_logprobs = flags.top_logprobs;
  request.prompt_logprobs = flags.prompt_logprobs;
  request.sampling_logprobs = flags.sampling_logprobs;
  request.last_prompt_logits = flags.dump_logits;
  request.format = flags.format.format();
  request.overflow = flags.media.overflow;
  request.video_sound = flags.media.video_sound;
  std::vector<Part> media = media_of(flags.media);

  const int sources =
      static_cast<int>(!flags.prompt.empty()) + static_cast<int>(!flags.prompt_file.empty()) +
      static_cast<int>(!flags.messages_file.empty()) + static_cast<int>(!flags.tokens.empty());
  if (sources != 1) {
    throw Error(ErrorCode::kUsage,
                "give the prompt once: --prompt, --prompt-file, --messages or --tokens");
  }
  if (!flags.tokens.empty()) {
    request.tokens = parse_tokens(flags.tokens);
    request.media = std::move(media);
    return request;
  }
  if (!flags.messages_file.empty()) {
    if (!media.empty()) {
      throw Error(ErrorCode::kUsage,
                  "--messages has its media inside: {\"type\": \"image\", \"image\": PATH}\n  try: "
                  "without --image, --video and --audio");
    }
    request.messages = read_messages(flags.messages_file);
    return request;
  }
  std::string text = flags.prompt_file.empty() ? flags.prompt : read_file(flags.prompt_file);
  if (flags.raw) {
    request.prompt = std::move(text);
    request.media = std::move(media);
    return request;
  }
  if (!flags.system.empty()) request.messages.push_back(Message::from_text("system", flags.system));
  Message user{"user", std::move(media)};
  user.parts.push_back(Part::from_text(std::move(text)));
  request.messages.push_back(std::move(user));
  return request;
}

Json numbers(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float value : values) list.push_back(json_number(value));
  return list;
}

const char* name_of(model::FinishReason reason) {
  switch (reason) {
    case model::FinishReason::kStop:
      return "stop";
    case model::FinishReason::kLength:
      return "length";
    case model::FinishReason::kCancelled:
      return "cancelled";
  }
  return "?";
}

OrderedJson usage_json(const model::TextResult& result) {
  OrderedJson out{{"prompt_tokens", result.prompt_tokens.size()},
                  {"completion_tokens", result.tokens.tokens.size()}};
  const model::PromptUsage& usage = result.usage;
  if (usage.kept.empty() && usage.left_out.empty()) return out;
  out["prompt_tokens_details"] = {{"text_tokens", usage.text_tokens},
                                  {"image_tokens", usage.image_tokens},
                                  {"video_tokens", usage.video_tokens},
                                  {"audio_tokens", usage.audio_tokens}};
  out["media"] = usage.kept;
  if (!usage.left_out.empty()) out["media_left_out"] = usage.left_out;
  return out;
}

OrderedJson as_json(const GenerateFlags& flags, const model::LanguageModel& model,
                    const model::TextResult& result) {
  OrderedJson out;
  if (model.has_tokenizer()) {
    out["text"] = result.text;
    if (!result.reasoning.empty()) out["reasoning"] = result.reasoning;
    if (!result.prompt_text.empty()) out["prompt_text"] = result.prompt_text;
  }
  out["prompt_tokens"] = result.prompt_tokens;
  if (flags.prompt_logprobs) out["prompt_logprobs"] = numbers(result.tokens.prompt_logprobs);
  out["tokens"] = result.tokens.tokens;
  out["logprobs"] = numbers(result.tokens.logprobs);
  if (flags.sampling_logprobs) {
    out["sampling_logprobs"] = numbers(result.tokens.sampling_logprobs);
    if (flags.prompt_logprobs) {
      out["prompt_sampling_logprobs"] = numbers(result.tokens.prompt_sampling_logprobs);
    }
  }
  if (flags.top_logprobs > 0) {
    OrderedJson all = OrderedJson::array();
    for (const auto& position : result.tokens.top_logprobs) {
      OrderedJson row = OrderedJson::array();
      for (const auto& [token, logprob] : position) {
        row.push_back({{"token", token}, {"logprob", json_number(logprob)}});
      }
      all.push_back(std::move(row));
    }
    out["top_logprobs"] = std::move(all);
  }
  out["finish_reason"] = name_of(result.tokens.finish_reason);
  out["usage"] = usage_json(result);
  if (flags.dump_logits) out["last_prompt_logits"] = numbers(result.tokens.last_prompt_logits);
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

int generate(const GenerateFlags& flags) {
  model::LanguageModel model(open_checkpoint(flags.model.model), flags.model.engine);
  for (const std::string& line : model.engine().notes()) note("note: " + line);
  if (!flags.chat_template.date.empty()) model.set_template_time(flags.chat_template.date);
  model::TextRequest request = make_request(flags, model);
  prepare_format(request.format, [&] { model.prepare(request.format); });
  if (!flags.dump_features.empty()) {
    write_features(flags.dump_features, model.read_media(request));
  }
  const std::int64_t ticket = model.submit(std::move(request));
  model::TextResult result;
  while (!model.idle()) {
    for (auto& finished : model.step()) {
      if (finished.ticket == ticket) result = std::move(finished.result);
    }
  }
  if (!result.usage.left_out.empty()) {
    note("note: " + std::to_string(result.usage.kept.size()) + " of " +
         std::to_string(result.usage.kept.size() + result.usage.left_out.size()) +
         " media fit the model's context of " + std::to_string(model.engine().max_context()) +
         " tokens; left out: " + joined(result.usage.left_out));
  }
  if (flags.json) {
    print_json(as_json(flags, model, result));
  } else if (model.has_tokenizer()) {
    if (!result.reasoning.empty()) note("[reasoning] " + result.reasoning);
    print(result.text + "\n");
    if (result.tokens.finish_reason == model::FinishReason::kLength) {
      note("(cut at " + std::to_string(flags.max_tokens) + " tokens: --max-tokens gives more)");
    }
  } else {
    std::string line;
    for (const std::int32_t token : result.tokens.tokens) line += std::to_string(token) + " ";
    print(line + "\n");
  }
  return kPassed;
}

}  // namespace

Command add_generate(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "generate", "Answer one prompt",
                                 R"(Examples  peira generate --prompt 'What is 17 + 25?'
          peira generate --model ./Qwen3-30B-A3B --messages chat.json --temperature 0.7 --seed 1
          peira generate --prompt 'Name a city' --json-schema city.json
          peira generate --prompt 'Is 7 prime?' --regex '(yes|no)'
          peira generate --model ./Qwen3-VL-30B-A3B --image chart.png --prompt 'What is the highest bar?'
          peira generate --model ./Qwen3-VL-30B-A3B --image 'report.pdf#page=2-4' --prompt 'Sum it up.'
          peira generate --model ./Qwen3-Omni-30B-A3B-Instruct --audio speech.wav --prompt 'Write it down.'
          peira generate --model DIR --tokens 5,9,33 --max-tokens 16 --temperature 0 \
            --prompt-logprobs --dump-logits --json       (works without a tokenizer)
Media     pictures, then videos, then sounds stand in front of the prompt's text; with --tokens their
          placeholders are in the ids already, as often as each medium has tokens. --messages has
          parts: {"type": "image", "image": PATH}. --dump-features writes a safetensors file with
          the names that transformers' processors give: pixel_values, image_grid_thw,
          pixel_values_videos, video_grid_thw, input_features, feature_attention_mask
--json    one object: text, prompt_tokens, prompt_logprobs (null first), tokens, logprobs (natural
          log, of the model's own distribution at temperature 1), sampling_logprobs and
          prompt_sampling_logprobs (of the distribution drawn from, after bias, penalties,
          temperature and filters; null for what could not be drawn), finish_reason, usage (with
          media also by modality, and which were shown or left out),
          last_prompt_logits (float32, one per vocabulary entry))");
  const auto flags = std::make_shared<GenerateFlags>();
  app->add_option("--prompt", flags->prompt, "what to ask")->group("Prompt");
  app->add_option("--prompt-file", flags->prompt_file, "the same, from a file")->group("Prompt");
  app->add_option("--messages", flags->messages_file,
                  "JSON file: [{\"role\": \"user\", \"content\": \"...\"}, ...]")
      ->group("Prompt");
  app->add_option("--tokens", flags->tokens, "token ids, separated by commas")->group("Prompt");
  app->add_option("--system", flags->system, "a system message before --prompt")->group("Prompt");
  app->add_flag("--raw", flags->raw,
                "continue --prompt as plain text, without the chat template (the tokenizer's own "
                "first token "
                "in front)")
      ->group("Prompt");
  add_media_flags(*app, flags->media);
  add_model_flags(*app, flags->model);
  add_template_flags(*app, flags->chat_template);
  add_sampling_flags(*app, flags->sampling);
  app->add_option("--max-tokens", flags->max_tokens, "longest answer, in tokens")
      ->capture_default_str()
      ->check(CLI::Range(0, 10'000'000))
      ->group("Sampling");
  app->add_option("--seed", flags->seed, "the only source of randomness")
      ->capture_default_str()
      ->group("Sampling");
  app->add_option("--stop", flags->stop, "end before this text (may be repeated)")
      ->allow_extra_args(false)
      ->group("Sampling");
  add_format_flags(*app, flags->format);
  app->add_flag("--json", flags->json, "one JSON object")->group("Output");
  app->add_option("--top-logprobs", flags->top_logprobs, "alternatives kept for each token")
      ->check(CLI::Range(0, 1000))
      ->group("Output");
  app->add_flag("--prompt-logprobs", flags->prompt_logprobs,
                "log-probability of every prompt token")
      ->group("Output");
  app->add_flag("--sampling-logprobs", flags->sampling_logprobs,
                "also log-probabilities after bias, penalties, temperature and filters")
      ->group("Output");
  app->add_option("--dump-features", flags->dump_features,
                  "what the media became for the model, to this file")
      ->group("Output");
  app->add_flag("--dump-logits", flags->dump_logits, "every logit after the prompt")
      ->group("Output");
  return {app, [flags] { return generate(*flags); }};
}

}  // namespace peira::runner::cli
