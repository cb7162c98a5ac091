#include "model/text/tokenizer.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/text/added_tokens.h"
#include "model/text/bpe_model.h"
#include "model/text/decoder.h"
#include "model/text/json_reader.h"
#include "model/text/normalizer.h"
#include "model/text/parts.h"
#include "model/text/post_processor.h"
#include "model/text/pre_tokenizer.h"

namespace peira::model {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 30U;

// What encoding works with.
struct Workspace {
  WordCache cache;
  Regex::Scratch regex;
  Normalizer::Work normalizer;
};

// Workspaces that nobody uses now. threads: from any.
class Workspaces {
 public:
  std::unique_ptr<Workspace> take() {
    {
      const std::scoped_lock lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<Workspace> out = std::move(free_.back());
        free_.pop_back();
        return out;
      }
    }
    return std::make_unique<Workspace>();
  }
  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::scoped_lock lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

AddedToken parse_added_token(const Json& value, const std::string& where) {
  AddedToken token;
  token.id = static_cast<std::int32_t>(integer_of(value, "id", 0, kMaxTokenId, where));
  token.content = text_of(value, "content", where);
  token.special = flag(value, "special", false, where);
  token.lstrip = flag(value, "lstrip", false, where);
  token.rstrip = flag(value, "rstrip", false, where);
  token.single_word = flag(value, "single_word", false, where);
  token.normalized = flag(value, "normalized", false, where);
  return token;
}

}  // namespace

struct Tokenizer::Impl {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  PostProcessor post_processor;
  Decoder decoder;
  AddedTokenFinder raw_tokens;         // looked for in the text as given
  AddedTokenFinder normalized_tokens;  // looked for after normalization
  Vocabulary added;                    // tokens that the model's vocabulary lacks
  std::unordered_set<std::int32_t> special;
  Workspaces workspaces;

  void add_tokens(const Json& tokens, const std::string& where);
  std::optional<std::int32_t> find(std::string_view token) const;
  std::string_view text(std::int32_t id) const;
  bool has(std::int32_t id) const { return model.vocabulary().has(id) || added.has(id); }
  std::int32_t id_limit() const {
    return std::max(model.vocabulary().id_limit(), added.id_limit());
  }
  void encode_with(Workspace& work, std::string_view text, std::vector<std::int32_t>& out) const;
};

std::optional<std::int32_t> Tokenizer::Impl::find(std::string_view token) const {
  const auto id = added.find(token);
  return id ? id : model.vocabulary().find(token);
}

std::string_view Tokenizer::Impl::text(std::int32_t id) const {
  return added.has(id) ? added.text(id) : model.vocabulary().text(id);
}

void Tokenizer::Impl::add_tokens(const Json& tokens, const std::string& where) {
  if (!tokens.is_null() && !tokens.is_array()) fail_data(where + ": added_tokens is not a list");
  Normalizer::Work work;
  std::map<std::int32_t, std::string> spelled;  // what normalization made of them
  std::size_t index = 0;
  for (const Json& item : tokens) {
    const std::string here = where + ": added_tokens[" + std::to_string(index++) + "]";
    AddedToken token = parse_added_token(item, here);
    if (token.content.empty()) continue;
    if (const auto known = find(token.content)) {
      token.id = *known;  // the vocabulary's own id holds, as the reference has it
    } else if (has(token.id)) {
      fail_data(here + ": id " + std::to_string(token.id) + " already belongs to \"" +
                std::string(text(token.id)) + "\"");
    } else {
      added.insert(token.content, token.id);
    }
    if (token.special) special.insert(token.id);
    if (token.normalized) {
      const std::string_view normal = normalizer.apply(token.content, work).text;
      normalized_tokens.add(token, normal);
      if (normal != token.content) spelled[token.id] = normal;
    } else {
      raw_tokens.add(token, token.content);
    }
  }
  const auto decoded_text = [&](std::int32_t id) {
    const auto found = spelled.find(id);
    return found == spelled.end() ? text(id) : std::string_view(found->second);
  };
  decoder.prepare(id_limit(), decoded_text, where + ": decoder");
}

void Tokenizer::Impl::encode_with(Workspace& work, std::string_view text,
                                  std::vector<std::int32_t>& out) const {
  const std::function<void(std::string_view)> take_word = [&](std::string_view word) {
    model.append_word(word, work.cache, out);
  };
  for (const Segment& segment : raw_tokens.split(text)) {
    if (segment.token >= 0) {
      out.push_back(segment.token);
      continue;
    }
    const Normalizer::Normalized normal = normalizer.apply(segment.text, work.normalizer);
    const bool at_start = segment.text.data() == text.data() && normal.keeps_start;
    for (const Segment& inner : normalized_tokens.split(normal.text)) {
      if (inner.token >= 0) {
        out.push_back(inner.token);
      } else {
        pre_tokenizer.words(inner.text, at_start && inner.text.data() == normal.text.data(),
                            work.regex, take_word);
      }
    }
  }
}

Tokenizer::Tokenizer(std::string_view text, const std::string& where)
    : impl_(std::make_unique<Impl>()) {
  if (text.size() > kMaxFileBytes) fail_data(where + ": larger than 1 GiB");
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  JsonReader reader(text, where);
  Json added;
  Json decoder;
  bool has_model = false;
  impl_->model.reserve(text.size());
  if (reader.peek() != '{') reader.fail("expected a tokenizer: a JSON object");
  reader.object([&](std::string_view key) {
    const std::string name = to_valid_utf8(key);
    const std::string here = where + ": " + name;
    const auto part = [&] { return parse_json(reader.raw(), here); };
    if (name == "model") {
      if (has_model) reader.fail("a second model");
      impl_->model.read(reader);
      has_model = true;
    } else if (name == "added_tokens") {
      added = part();
    } else if (name == "normalizer") {
      impl_->normalizer = Normalizer(part(), here);
    } else if (name == "pre_tokenizer") {
      impl_->pre_tokenizer = PreTokenizer(part(), here);
    } else if (name == "post_processor") {
      impl_->post_processor = PostProcessor(part(), here);
    } else if (name == "decoder") {
      decoder = part();
    } else {
      part();  // version; truncation and padding, which never apply here
    }
  });
  reader.end();
  if (!has_model) fail_data(where + ": has no model");
  impl_->decoder = Decoder(decoder, where + ": decoder");
  impl_->model.prepare(impl_->pre_tokenizer.gives_bytes());
  impl_->add_tokens(added, where);
}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  std::vector<std::int32_t> out;
  if (add_special_tokens) out.assign(tokens_before().begin(), tokens_before().end());
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = to_valid_utf8(text);
    text = repaired;
  }
  std::unique_ptr<Workspace> workspace = impl_->workspaces.take();
  impl_->encode_with(*workspace, text, out);
  impl_->workspaces.give_back(std::move(workspace));
  if (add_special_tokens) out.insert(out.end(), tokens_after().begin(), tokens_after().end());
  return out;
}

std::span<const std::int32_t> Tokenizer::tokens_before() const {
  return impl_->post_processor.before();
}

std::span<const std::int32_t> Tokenizer::tokens_after() const {
  return impl_->post_processor.after();
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string out;
  DecodeState state = impl_->decoder.begin();
  for (const std::int32_t id : ids) {
    if (impl_->has(id) && !(skip_special && is_special(id))) impl_->decoder.push(state, id, out);
  }
  impl_->decoder.finish(state, out);
  return out;
}

std::int32_t Tokenizer::id_limit() const { return impl_->id_limit(); }

std::optional<std::int32_t> Tokenizer::find(std::string_view token) const {
  return impl_->find(token);
}

std::string_view Tokenizer::token(std::int32_t id) const { return impl_->text(id); }
bool Tokenizer::joins_bytes() const { return impl_->decoder.joins_bytes(); }

std::string Tokenizer::bytes(std::int32_t id, bool at_start) const {
  return impl_->decoder.bytes(id, at_start);
}
bool Tokenizer::is_special(std::int32_t id) const { return impl_->special.contains(id); }

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(&tokenizer),
      skip_special_(skip_special),
      state_(tokenizer.impl_->decoder.begin()) {}

std::string StreamDecoder::push(std::int32_t id) {
  std::string out;
  const Tokenizer::Impl& impl = *tokenizer_->impl_;
  if (impl.has(id) && !(skip_special_ && impl.special.contains(id))) {
    impl.decoder.push(state_, id, out);
  }
  return out;
}

std::string StreamDecoder::finish() {
  std::string out;
  tokenizer_->impl_->decoder.finish(state_, out);
  return out;
}

}  // namespace peira::model
