#include "model/text/language_model.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "model/text/chat_template.h"
#include "model/text/guided/guided_grammar.h"
#include "model/text/media_prompt.h"
#include "model/text/tokenizer.h"
#include "model/text/unicode.h"

namespace peira::model {
namespace {

constexpr std::string_view kThinkBegin = "<think>";
constexpr std::string_view kThinkEnd = "</think>";

std::string_view without_newlines(std::string_view text, bool at_start, bool at_end) {
  while (at_start && text.starts_with('\n')) text.remove_prefix(1);
  while (at_end && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// The most likely tokens at each place of a prompt, kept as its logits pass.
class PromptAlternatives {
 public:
  PromptAlternatives(std::vector<std::int32_t> prompt, int count)
      : prompt_(std::move(prompt)),
        count_(static_cast<std::size_t>(count)),
        found_(prompt_.size()) {}

  // As TokenRequest::on_prompt_logits. Values are kept about the token that follows, whose own
  // log-probability the engine tells at the end.
  void take(std::int64_t position, std::span<const float> logits) {
    const auto next = static_cast<std::size_t>(position) + 1;
    if (next >= prompt_.size()) return;
    std::vector<TokenLogprob>& best = found_[next];
    const float own = logits[static_cast<std::size_t>(prompt_[next])];
    const auto is_better = [](const TokenLogprob& a, const TokenLogprob& b) {
      return a.logprob != b.logprob ? a.logprob > b.logprob : a.token < b.token;
    };
    best.clear();
    for (std::size_t id = 0; id < logits.size(); ++id) {
      const TokenLogprob entry{static_cast<std::int32_t>(id), logits[id] - own};
      if (best.size() == count_ && !is_better(entry, best.back())) continue;
      if (best.size() == count_) best.pop_back();
      best.insert(std::upper_bound(best.begin(), best.end(), entry, is_better), entry);
    }
  }

  std::vector<std::vector<TokenLogprob>> finish(std::span<const float> logprobs) {
    for (std::size_t i = 1; i < found_.size() && i < logprobs.size(); ++i) {
      for (TokenLogprob& entry : found_[i]) entry.logprob += logprobs[i];
    }
    return std::move(found_);
  }

 private:
  std::vector<std::int32_t> prompt_;
  std::size_t count_;
  std::vector<std::vector<TokenLogprob>> found_;
};

// Gives a request's pieces to whoever watches it, and knows what it has given.
class DeltaFeed {
 public:
  DeltaFeed(AnswerStream stream, std::function<void(const TextDelta&)> on_delta,
            std::optional<ReasoningSplit> split)
      : stream_(std::move(stream)), on_delta_(std::move(on_delta)), split_(std::move(split)) {}

  bool take(std::span<const std::int32_t> tokens) {
    const bool stops = stream_.take(tokens);
    if (on_delta_) {
      const std::string settled = stream_.settled();
      if (!settled.empty()) give(split_ ? split_->push(settled) : TextDelta{settled, {}});
    }
    return stops;
  }

  // The rest, now that all is known.
  void finish(const TextResult& result) {
    if (!on_delta_) return;
    TextDelta rest;
    if (result.text.starts_with(text_)) rest.text = result.text.substr(text_.size());
    if (result.reasoning.starts_with(reasoning_)) {
      rest.reasoning = result.reasoning.substr(reasoning_.size());
    }
    give(rest);
  }

 private:
  void give(const TextDelta& delta) {
    if (delta.text.empty() && delta.reasoning.empty()) return;
    text_ += delta.text;
    reasoning_ += delta.reasoning;
    on_delta_(delta);
  }

  AnswerStream stream_;
  std::function<void(const TextDelta&)> on_delta_;
  std::optional<ReasoningSplit> split_;
  std::string text_, reasoning_;  // given so far
};

// Where the white space at the end of `text` begins.
std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) --begin;
    const char32_t c = decode_utf8(text, begin).code_point;
    if (!is_white_space(c) && !(c >= 0x1C && c <= 0x1F)) break;
    end = begin;
  }
  return end;
}

}  // namespace

struct LanguageModel::Impl {
  Impl(const CheckpointFiles& checkpoint, const EngineOptions& options)
      : files(checkpoint),
        tokenizer(load_tokenizer(files)),
        chat_template(ChatTemplate::load(files)),
        template_tokens(special_tokens(files)),
        engine(files, options) {
    stop_tokens = engine.config().generation.eos_token_id;
    const auto id_of = [&](const char* name) -> std::optional<std::int32_t> {
      if (!tokenizer || !template_tokens.contains(name)) return std::nullopt;
      const auto id = tokenizer->find(template_tokens[name].get<std::string>());
      return id && *id < engine.config().vocab_size ? id : std::nullopt;
    };
    const auto eos = id_of("eos_token");
    if (eos && std::find(stop_tokens.begin(), stop_tokens.end(), *eos) == stop_tokens.end()) {
      stop_tokens.push_back(*eos);
    }
    first_token = id_of("bos_token");
    if (!first_token) first_token = engine.config().bos_token_id;
    if (!first_token) first_token = eos;
    if (!first_token && !stop_tokens.empty()) first_token = stop_tokens.front();
    if (!engine.config().has_towers()) return;
    media_reader.emplace(files, engine.config());
    const MediaTokens& ids = engine.config().media_tokens;
    const auto text_of_token = [&](std::int32_t id) {
      return tokenizer && id >= 0 ? std::string(tokenizer->token(id)) : std::string();
    };
    marks = {text_of_token(ids.image_token_id),      text_of_token(ids.video_token_id),
             text_of_token(ids.audio_token_id),      text_of_token(ids.vision_start_token_id),
             text_of_token(ids.vision_end_token_id), text_of_token(ids.audio_start_token_id),
             text_of_token(ids.audio_end_token_id)};
  }

  static std::optional<Tokenizer> load_tokenizer(const CheckpointFiles& files) {
    const auto text = files.open_text("tokenizer.json");
    if (!text) return std::nullopt;
    return std::optional<Tokenizer>(std::in_place, *text, files.where("tokenizer.json"));
  }

  const Tokenizer& need_tokenizer() const {
    if (!tokenizer) {
      throw Error(ErrorCode::kData, files.name() +
                                        ": no tokenizer.json, so it takes no text\n  try: token "
                                        "ids, or a folder with its tokenizer");
    }
    return *tokenizer;
  }

  const ChatTemplate& need_template() const {
    if (!chat_template) {
      throw Error(ErrorCode::kData,
                  files.name() +
                      ": no chat template (chat_template.jinja, or chat_template in "
                      "tokenizer_config.json), so it takes no messages\n  try: a raw prompt");
    }
    return *chat_template;
  }

  // What a request's prompt comes to.
  struct Prepared {
    std::string text;  // empty of token ids
    std::vector<std::int32_t> tokens;
    std::vector<std::shared_ptr<const Medium>> media;
    PromptUsage usage;
  };
  Prepared prepare_prompt(const TextRequest& request);
  ReadMedium read_medium(const Part& part, std::size_t number, bool with_sound);
  std::vector<std::int32_t> encode_prompt(const std::string& text) const;

  struct Pending {
    std::vector<std::string> stop;
    PromptUsage usage;
    std::vector<std::int32_t> prompt_tokens;
    std::string prompt_text;
    bool splits_reasoning = false;
    ShownTokens shown;
    std::shared_ptr<DeltaFeed> feed;                   // null: nobody watches, and nothing stops it
    std::shared_ptr<PromptAlternatives> alternatives;  // null: not asked for
  };

  TextResult finish(Pending pending, TokenResult tokens) const;

  // Null for plain text. Compiled once and kept: what one answer finds out of a grammar serves the
  // next.
  std::shared_ptr<const TokenGrammar> grammar_of(const ResponseFormat& format);

  CheckpointFiles files;
  std::optional<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;
  OrderedJson template_tokens;
  Engine engine;
  std::optional<MediaReader> media_reader;  // of a model with towers
  MediaMarks marks;
  std::vector<std::int32_t> stop_tokens;
  std::optional<std::int32_t> first_token;  // what stands for an empty context
  std::map<std::int64_t, Pending> pending;
  std::shared_ptr<const guided::Vocabulary> vocabulary;  // made when the first format asks for it
  std::map<std::string, std::shared_ptr<const TokenGrammar>> grammars;
};

std::shared_ptr<const TokenGrammar> LanguageModel::Impl::grammar_of(const ResponseFormat& format) {
  if (format.kind == ResponseFormat::Kind::kText) return nullptr;
  const bool is_regex = format.kind == ResponseFormat::Kind::kRegex;
  const std::string key = is_regex ? "r" + format.pattern : "s" + dump_json(format.schema);
  if (const auto found = grammars.find(key); found != grammars.end()) return found->second;
  if (!vocabulary) {
    const Tokenizer& known = need_tokenizer();
    if (!known.joins_bytes()) {
      throw Error(ErrorCode::kData, format.where +
                                        ": this model's tokenizer rewrites text across tokens, so "
                                        "its answers cannot be held to a form");
    }
    std::vector<std::string> tokens;
    std::vector<std::string> at_start;
    const std::int32_t count = std::min(known.id_limit(), engine.config().vocab_size);
    for (std::int32_t id = 0; id < count; ++id) {
      const bool ends = std::find(stop_tokens.begin(), stop_tokens.end(), id) != stop_tokens.end();
      const bool is_text = !ends && !known.is_special(id);
      tokens.push_back(is_text ? known.bytes(id, false) : std::string());
      at_start.push_back(is_text ? known.bytes(id, true) : std::string());
    }
    vocabulary = std::make_shared<const guided::Vocabulary>(std::move(tokens), std::move(at_start));
  }
  std::shared_ptr<const TokenGrammar> grammar;
  if (is_regex) {
    grammar = guided::compile_regex(format.pattern, vocabulary, format.where);
  } else {
    grammar = guided::compile_json_schema(format.schema, vocabulary, format.where);
  }
  // Each may keep hundreds of megabytes: those in use live on with their requests.
  constexpr std::size_t kMaxGrammars = 8;
  if (grammars.size() >= kMaxGrammars) grammars.clear();
  grammars.emplace(key, grammar);
  return grammar;
}

namespace {

// Where the media of messages are: message and part.
std::vector<std::pair<std::size_t, std::size_t>> media_places(
    const std::vector<Message>& messages) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t m = 0; m < messages.size(); ++m) {
    for (std::size_t p = 0; p < messages[m].parts.size(); ++p) {
      if (messages[m].parts[p].kind != PartKind::kText) out.emplace_back(m, p);
    }
  }
  return out;
}

PromptUsage usage_of(std::size_t num_tokens, std::span<const ReadMedium> media,
                     const Engine& engine) {
  PromptUsage out;
  out.text_tokens = static_cast<std::int64_t>(num_tokens);
  for (const ReadMedium& one : media) {
    for (const PlaceholderRun& run : engine.placeholder_runs(*one.medium)) {
      const auto count = static_cast<std::int64_t>(run.positions.size());
      const bool is_heard = run.token == engine.config().media_tokens.audio_token_id;
      std::int64_t& tokens = is_heard                                   ? out.audio_tokens
                             : one.medium->modality == Modality::kImage ? out.image_tokens
                                                                        : out.video_tokens;
      tokens += count;
      out.text_tokens -= count;
    }
    out.kept.push_back(one.medium->name);
  }
  return out;
}

}  // namespace

ReadMedium LanguageModel::Impl::read_medium(const Part& part, std::size_t number, bool with_sound) {
  const char* const kind = name_of(modality_of(part.kind));
  const std::string name = part.path.empty()
                               ? std::string(kind) + " " + std::to_string(number) + " of the prompt"
                               : part.path.string();
  if (!media_reader || !engine.takes(modality_of(part.kind))) {
    throw Error(ErrorCode::kUsage, files.name() + ": takes no " + kind + " input (" + name +
                                       ")\n  try: a checkpoint with a tower for it");
  }
  if (with_sound && part.kind == PartKind::kVideo && !engine.takes(Modality::kAudio)) {
    throw Error(ErrorCode::kUsage, files.name() + ": hears nothing, so that " + name +
                                       " cannot come with its sound\n  try: a checkpoint with an "
                                       "audio tower, or the video alone");
  }
  return media_reader->read(part, name, with_sound && part.kind == PartKind::kVideo);
}

LanguageModel::Impl::Prepared LanguageModel::Impl::prepare_prompt(const TextRequest& request) {
  Prepared out;
  std::vector<ReadMedium> media;
  const auto keep = [&](std::vector<ReadMedium> all) {
    for (const ReadMedium& one : all) out.media.push_back(one.medium);
    std::vector<std::string> left_out = std::move(out.usage.left_out);
    out.usage = usage_of(out.tokens.size(), all, engine);
    out.usage.left_out = std::move(left_out);
  };
  const auto expand = [&](std::string text) {
    if (media.empty()) return MediaPrompt{std::move(text), {}};
    return expand_placeholders(text, media, marks, engine, files.name());
  };
  if (request.messages.empty()) {
    for (const Part& part : request.media)
      media.push_back(read_medium(part, media.size() + 1, request.video_sound));
    if (request.prompt.empty()) {
      out.tokens = request.tokens;
      keep(in_token_order(out.tokens, media, engine));
      return out;
    }
    MediaPrompt expanded = expand(request.prompt);
    out.text = std::move(expanded.text);
    out.tokens = encode_prompt(out.text);
    keep(std::move(expanded.media));
    return out;
  }
  std::vector<Message> messages = request.messages;
  std::vector<std::pair<std::size_t, std::size_t>> places = media_places(messages);
  for (const auto& [message, part] : places) {
    media.push_back(
        read_medium(messages[message].parts[part], media.size() + 1, request.video_sound));
  }
  while (true) {
    MediaPrompt expanded = expand(need_template().render(messages, request.template_options));
    out.text = std::move(expanded.text);
    out.tokens = need_tokenizer().encode(out.text);
    const std::int64_t needed = std::ssize(out.tokens) + std::max(request.max_tokens, 1);
    if (request.overflow == Overflow::kFail || media.empty() || needed <= engine.max_context()) {
      keep(std::move(expanded.media));
      return out;
    }
    out.usage.left_out.insert(out.usage.left_out.begin(), media.back().medium->name);
    media.pop_back();
    auto& parts = messages[places.back().first].parts;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(places.back().second));
    places.pop_back();
  }
}

TextResult LanguageModel::Impl::finish(Pending request, TokenResult tokens) const {
  TextResult result;
  result.usage = std::move(request.usage);
  result.tokens = std::move(tokens);
  result.prompt_tokens = std::move(request.prompt_tokens);
  result.prompt_text = std::move(request.prompt_text);
  if (!tokenizer) return result;
  result.text = request.shown.empty()
                    ? tokenizer->decode(result.tokens.tokens, true)
                    : decode_answer(*tokenizer, result.tokens.tokens, request.shown);
  const std::size_t stop = find_stop(result.text, request.stop, 0);
  if (stop != std::string::npos) result.text.resize(stop);
  if (!request.splits_reasoning) return result;

  const std::string_view text = result.text;
  const bool opened_by_prompt =
      without_newlines(result.prompt_text, false, true).ends_with(kThinkBegin);
  const bool opened =
      opened_by_prompt || without_newlines(text, true, false).starts_with(kThinkBegin);
  const std::size_t end = text.find(kThinkEnd);
  // Thoughts that were cut short are thoughts, not an answer.
  if (end == std::string_view::npos && !opened) return result;
  std::string_view thoughts = text.substr(0, std::min(end, text.size()));
  std::string_view answer =
      end == std::string_view::npos ? std::string_view{} : text.substr(end + kThinkEnd.size());
  thoughts = without_newlines(thoughts, true, true);
  if (thoughts.starts_with(kThinkBegin)) thoughts.remove_prefix(kThinkBegin.size());
  std::string reasoning(without_newlines(thoughts, true, true));
  std::string said(without_newlines(answer, true, false));
  result.reasoning = std::move(reasoning);
  result.text = std::move(said);
  return result;
}

LanguageModel::LanguageModel(const CheckpointFiles& files, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(files, options)) {}
LanguageModel::~LanguageModel() = default;

Engine& LanguageModel::engine() { return impl_->engine; }
bool LanguageModel::has_tokenizer() const { return impl_->tokenizer.has_value(); }
bool LanguageModel::has_chat_template() const { return impl_->chat_template.has_value(); }

SamplingParams LanguageModel::default_sampling() const {
  return impl_->engine.config().generation.sampling;
}

std::int64_t LanguageModel::submit(TextRequest request) {
  Impl::Pending pending;
  TokenRequest tokens;
  Impl::Prepared prompt = impl_->prepare_prompt(request);
  pending.prompt_text = std::move(prompt.text);
  pending.usage = std::move(prompt.usage);
  tokens.tokens = std::move(prompt.tokens);
  tokens.media = std::move(prompt.media);
  if (!request.messages.empty()) {
    const std::string& source = impl_->chat_template->source();
    pending.splits_reasoning = source.find(kThinkBegin) != std::string::npos ||
                               source.find(kThinkEnd) != std::string::npos;
  }
  std::erase(request.stop, std::string());
  for (const std::string& text : request.shown_special) {
    const auto id = impl_->need_tokenizer().find(text);
    if (id && impl_->tokenizer->is_special(*id)) pending.shown.emplace(*id, text);
  }
  tokens.grammar = impl_->grammar_of(request.format);
  if (tokens.grammar) pending.splits_reasoning = false;
  if (!request.stop.empty() || request.on_delta) {
    std::optional<ReasoningSplit> split;
    if (pending.splits_reasoning) {
      split.emplace(without_newlines(pending.prompt_text, false, true).ends_with(kThinkBegin));
    }
    pending.feed = std::make_shared<DeltaFeed>(
        AnswerStream(impl_->need_tokenizer(), request.stop, pending.shown),
        std::move(request.on_delta), split);
    tokens.should_stop = [feed = pending.feed](std::span<const std::int32_t> so_far) {
      return feed->take(so_far);
    };
  }
  if (request.prompt_top_logprobs > 0 && request.prompt_logprobs) {
    pending.alternatives =
        std::make_shared<PromptAlternatives>(tokens.tokens, request.prompt_top_logprobs);
    tokens.on_prompt_logits = [kept = pending.alternatives](std::int64_t position,
                                                            std::span<const float> logits) {
      kept->take(position, logits);
    };
  }
  pending.stop = std::move(request.stop);
  pending.prompt_tokens = tokens.tokens;
  tokens.max_tokens = request.max_tokens;
  tokens.sampling = request.sampling;
  tokens.seed = request.seed;
  if (!request.ignore_end) tokens.stop_tokens = impl_->stop_tokens;
  tokens.prompt_logprobs = request.prompt_logprobs;
  tokens.sampling_logprobs = request.sampling_logprobs;
  tokens.last_prompt_logits = request.last_prompt_logits;
  tokens.top_logprobs = request.top_logprobs;
  const std::int64_t ticket = impl_->engine.submit(std::move(tokens));
  impl_->pending.emplace(ticket, std::move(pending));
  return ticket;
}

void LanguageModel::prepare(const ResponseFormat& format) { (void)impl_->grammar_of(format); }

std::vector<LanguageModel::Finished> LanguageModel::step() {
  std::vector<Finished> out;
  for (Engine::Finished& finished : impl_->engine.step()) {
    auto node = impl_->pending.extract(finished.ticket);
    Impl::Pending pending;  // of a request that went to the engine itself: nothing is known
    if (!node.empty()) pending = std::move(node.mapped());
    const std::shared_ptr<DeltaFeed> feed = pending.feed;
    const std::shared_ptr<PromptAlternatives> alternatives = pending.alternatives;
    out.push_back({finished.ticket, impl_->finish(std::move(pending), std::move(finished.result))});
    TextResult& result = out.back().result;
    if (alternatives) {
      result.prompt_top_logprobs = alternatives->finish(result.tokens.prompt_logprobs);
    }
    if (feed) feed->finish(result);
  }
  return out;
}

bool LanguageModel::idle() const { return impl_->engine.idle(); }

void LanguageModel::cancel(std::int64_t ticket) { impl_->engine.cancel(ticket); }

std::string LanguageModel::render(const std::vector<Message>& messages,
                                  const OrderedJson& template_options) const {
  return impl_->need_template().render(messages, template_options);
}

std::vector<std::int32_t> LanguageModel::encode(const std::string& text) const {
  return impl_->need_tokenizer().encode(text);
}

bool LanguageModel::takes(PartKind kind) const {
  return kind == PartKind::kText ||
         (impl_->media_reader.has_value() && impl_->engine.takes(modality_of(kind)));
}

std::int64_t LanguageModel::count_prompt(const TextRequest& request) {
  return std::ssize(impl_->prepare_prompt(request).tokens);
}

std::vector<std::shared_ptr<const Medium>> LanguageModel::read_media(const TextRequest& request) {
  return impl_->prepare_prompt(request).media;
}

std::optional<std::vector<std::int64_t>> LanguageModel::frames_shown(std::int64_t total,
                                                                     double fps) const {
  if (!impl_->media_reader || !takes(PartKind::kVideo)) return std::nullopt;
  return impl_->media_reader->frames_shown(total, fps);
}

std::string LanguageModel::media_settings() const {
  return impl_->media_reader ? impl_->media_reader->settings() : std::string();
}

std::vector<std::int32_t> LanguageModel::encode_prompt(const std::string& text) const {
  return impl_->encode_prompt(text);
}

std::vector<std::int32_t> LanguageModel::Impl::encode_prompt(const std::string& text) const {
  const Tokenizer& known = need_tokenizer();
  std::vector<std::int32_t> ids = known.encode(text);
  const std::span<const std::int32_t> before = known.tokens_before();
  const bool has_them =
      ids.size() >= before.size() && std::equal(before.begin(), before.end(), ids.begin());
  if (!has_them) ids.insert(ids.begin(), before.begin(), before.end());
  return ids;
}

std::string LanguageModel::decode(const std::vector<std::int32_t>& tokens,
                                  bool skip_special) const {
  return impl_->need_tokenizer().decode(tokens, skip_special);
}

std::string LanguageModel::token_bytes(std::int32_t token) const {
  const Tokenizer& tokenizer = impl_->need_tokenizer();
  if (tokenizer.is_special(token)) return std::string(tokenizer.token(token));
  return tokenizer.bytes(token, false);
}

std::vector<Engine::Likelihood> LanguageModel::log_likelihood(
    const std::vector<LikelihoodRequest>& requests) {
  const Tokenizer& tokenizer = impl_->need_tokenizer();
  std::vector<std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>> pairs;
  pairs.reserve(requests.size());
  for (const LikelihoodRequest& request : requests) {
    const bool is_raw = request.messages.empty();
    std::string context =
        is_raw ? request.prompt : render(request.messages, request.template_options);
    const std::size_t space = trailing_space(context);
    const std::string continuation = context.substr(space) + request.continuation;
    context.resize(space);
    const std::string text = context + continuation;
    std::vector<std::int32_t> before = is_raw ? encode_prompt(context) : tokenizer.encode(context);
    const std::vector<std::int32_t> whole = is_raw ? encode_prompt(text) : tokenizer.encode(text);
    if (before.size() >= whole.size()) {
      throw Error(ErrorCode::kUsage, impl_->files.name() + ": the continuation \"" +
                                         to_valid_utf8(request.continuation) +
                                         "\" adds no token to its context");
    }
    std::vector<std::int32_t> after(whole.begin() + static_cast<std::ptrdiff_t>(before.size()),
                                    whole.end());
    if (before.empty()) {
      if (!impl_->first_token) {
        throw Error(
            ErrorCode::kData,
            impl_->files.name() + ": an empty context needs a bos or eos token, and there is none");
      }
      // A continuation that begins with that token already has it for its context.
      if (after.front() == *impl_->first_token && after.size() > 1) after.erase(after.begin());
      before.push_back(*impl_->first_token);
    }
    pairs.emplace_back(std::move(before), std::move(after));
  }
  return impl_->engine.log_likelihood(pairs);
}

void LanguageModel::set_template_time(const std::string& time) {
  if (impl_->chat_template) impl_->chat_template->set_time(time);
}

bool LanguageModel::template_tells_time() const {
  return template_source().find("strftime_now") != std::string::npos;
}

const OrderedJson& LanguageModel::template_tokens() const { return impl_->template_tokens; }

std::string LanguageModel::template_source() const {
  if (!impl_->chat_template) return {};
  std::string source = impl_->chat_template->source();
  if (const auto& tools = impl_->chat_template->tool_source()) source += '\0' + *tools;
  return source;
}

std::string_view LanguageModel::tokenizer_source() const {
  return impl_->files.open_text("tokenizer.json").value_or(std::string_view());
}

}  // namespace peira::model
