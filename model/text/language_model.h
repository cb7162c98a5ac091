// Text on top of the engine: messages in, text out. Chat template, tokenizer, stop strings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/message.h"
#include "base/response_format.h"
#include "model/engine.h"
#include "model/text/answer_stream.h"

namespace peira::model {

// What becomes of a prompt whose media, with everything else, are more than the model's positions.
enum class Overflow : std::uint8_t {
  kFail,       // it is refused
  kKeepFirst,  // of messages: the last media are left out, whole ones, until the rest fits
};

// Tokens of a prompt by what they stand for; together all of them.
struct PromptUsage {
  std::int64_t text_tokens = 0;
  std::int64_t image_tokens = 0;
  std::int64_t video_tokens = 0;
  std::int64_t audio_tokens = 0;
  std::vector<std::string> kept;      // names of the media shown, in the order of the prompt
  std::vector<std::string> left_out;  // of those that Overflow::kKeepFirst left out, first to last
};

// One chat or completion request.
struct TextRequest {
  std::vector<Message> messages;     // rendered with the checkpoint's chat template; or
  std::string prompt;                // raw text, when `messages` is empty; or
  std::vector<std::int32_t> tokens;  // token ids, when both are empty
  // Of prompt, which has one placeholder for each, or of tokens, where placeholders stand as often
  // as each medium has tokens; those of messages are their parts.
  std::vector<Part> media = {};
  Overflow overflow = Overflow::kFail;
  bool video_sound = false;  // videos come with their soundtracks, by time; for models that hear
  OrderedJson template_options;  // extra template variables, e.g. {"enable_thinking": false}
  int max_tokens = 1024;
  SamplingParams sampling;
  std::uint64_t seed = 0;
  std::vector<std::string> stop;  // generation ends before any of these
  int top_logprobs = 0;
  bool prompt_logprobs = false;
  bool sampling_logprobs = false;
  bool last_prompt_logits = false;
  // What may be written: see model/text/guided/. The whole answer is of this form, so that it holds
  // no reasoning.
  ResponseFormat format = {};
  bool ignore_end = false;  // end tokens are tokens like others: only max_tokens and stop end it
  // Also the most likely tokens at each place of the prompt, so many, with prompt_logprobs.
  int prompt_top_logprobs = 0;
  // Called inside step() with each further piece of text or reasoning; joined they are the
  // result's.
  std::function<void(const TextDelta&)> on_delta = {};
  // Special tokens by their text that are part of the answer's, where they mean something to who
  // reads it: "<|channel|>". All others are left out.
  std::vector<std::string> shown_special = {};
};

struct TextResult {
  std::string text;       // what was said, without stop string and special tokens
  std::string reasoning;  // up to </think>, when the template knows that mark
  TokenResult tokens;
  std::vector<std::int32_t> prompt_tokens;
  std::string prompt_text;  // as rendered, placeholders repeated; empty when token ids were given
  PromptUsage usage = {};
  // [prompt][prompt_top_logprobs], best first, the first empty. The token that stands there has
  // the very value of prompt_logprobs.
  std::vector<std::vector<TokenLogprob>> prompt_top_logprobs = {};
};

// A checkpoint with its tokenizer and template. Same threading and determinism rules as Engine, but
// that encode(), encode_prompt(), decode() and token_bytes() may be called from any thread.
class LanguageModel {
 public:
  // A folder without tokenizer.json loads too; only token requests can then be made.
  LanguageModel(const CheckpointFiles& files, const EngineOptions& options);
  ~LanguageModel();

  Engine& engine();
  bool has_tokenizer() const;
  bool has_chat_template() const;

  // Sampling that the checkpoint's generation_config.json asks for (greedy when it says nothing).
  SamplingParams default_sampling() const;

  // Generation ends with the checkpoint's end tokens (generation_config.json's or config.json's,
  // and the tokenizer's) and before the first of the stop strings, wherever token borders fall.
  //
  // A beginning-of-text token is there once, never twice:
  //   messages  what the template wrote is the prompt, with or without one, as transformers'
  //             apply_chat_template has it (add_special_tokens=False).
  //   prompt    gets in front what the tokenizer's post-processor adds to a text, unless it begins
  //             with that already. What it would add behind is left out: the text goes on.
  //   tokens    are the prompt as they are.
  // Media are decoded here, unless they were shown before: see MediaReader.
  // throws Error(kUsage): an empty request, a medium that the model has no tower for, or text for a
  // checkpoint without tokenizer, or what
  //        Engine::submit refuses; Error(kData): the template fails.
  //        A format that is not supported, or that no text has: Error(kData).
  std::int64_t submit(TextRequest request);
  // Makes a format ready ahead: submit() does it otherwise. throws as submit().
  void prepare(const ResponseFormat& format);
  struct Finished {
    std::int64_t ticket;
    TextResult result;
  };
  std::vector<Finished> step();
  bool idle() const;
  void cancel(std::int64_t ticket);

  // The exact prompt a request would run on. throws Error(kData): the template fails.
  std::string render(const std::vector<Message>& messages,
                     const OrderedJson& template_options) const;
  std::vector<std::int32_t> encode(
      const std::string& text) const;  // special tokens recognised, none added
  // Whether messages may have parts of this kind.
  bool takes(PartKind kind) const;
  // Tokens that the prompt of `request` takes, media included. throws as submit().
  std::int64_t count_prompt(const TextRequest& request);
  // The media of `request` as the towers read them, in the order of their placeholders.
  // throws as submit().
  std::vector<std::shared_ptr<const Medium>> read_media(const TextRequest& request);
  // The frames that it is shown of a video of `total` frames, `fps` of them a second; empty for a
  // model that takes no videos.
  std::optional<std::vector<std::int64_t>> frames_shown(std::int64_t total, double fps) const;
  // Settings of the media processors as JSON text; empty for a model of text alone.
  std::string media_settings() const;
  // What submit() makes of a raw prompt.
  std::vector<std::int32_t> encode_prompt(const std::string& text) const;
  std::string decode(const std::vector<std::int32_t>& tokens, bool skip_special) const;
  // What a token adds behind others, as bytes; a special token's own text.
  std::string token_bytes(std::int32_t token) const;

  // log p of `continuation` after the rendered messages, tokenized together at the seam as text.
  struct LikelihoodRequest {
    std::vector<Message> messages;
    std::string continuation;
    std::string prompt = {};            // the context as raw text, when `messages` is empty
    OrderedJson template_options = {};  // as in TextRequest
  };
  // White space at the end of the context counts to the continuation; an empty context is the
  // beginning-of-text token, or the end-of-text one where there is none. That token stands in front
  // of a context by the rules of submit().
  // source  lm-evaluation-harness, TemplateLM._encode_pair and loglikelihood.
  // throws  Error(kData): no tokenizer, or the template fails; Error(kUsage): the continuation
  //         adds no token.
  std::vector<Engine::Likelihood> log_likelihood(const std::vector<LikelihoodRequest>& requests);

  // What the template's strftime_now() tells from here on, as JinjaTemplate::set_time(); until then
  // the moment of each rendering. throws Error(kUsage): no such time.
  void set_template_time(const std::string& time);
  // Whether the template asks for the time, so that its prompts change with it.
  bool template_tells_time() const;
  // The texts of special tokens that the template is given: {"bos_token": "<s>", ...}.
  const OrderedJson& template_tokens() const;

  // Texts whose digests identify this model in a manifest: chat template (and, behind a zero byte,
  // the one for tools, where that is another) and tokenizer.json.
  std::string template_source() const;
  std::string_view tokenizer_source() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peira::model
