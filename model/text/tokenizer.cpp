#include "model/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_set>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/text/added_tokens.h"
#include "model/text/bpe.h"
#include "model/text/json_reader.h"
#include "model/text/parts.h"
#include "model/text/post_processor.h"
#include "model/text/pre_tokenizer.h"
#include "model/text/regex.h"
#include "model/text/unicode.h"

namespace peira::model {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 30U;

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::kData, message); }

void add_normalizers(const Json& value, const std::string& where, std::vector<NormalForm>& out) {
  if (value.is_null()) return;
  const std::string type = type_of(value, where);
  if (type == "NFC") {
    out.push_back(NormalForm::kNfc);
  } else if (type == "NFD") {
    out.push_back(NormalForm::kNfd);
  } else if (type == "NFKC") {
    out.push_back(NormalForm::kNfkc);
  } else if (type == "NFKD") {
    out.push_back(NormalForm::kNfkd);
  } else if (type == "Sequence") {
    const Json& parts = require(value, "normalizers", where);
    if (!parts.is_array()) fail(where + ": \"normalizers\" is not a list");
    for (const Json& part : parts) add_normalizers(part, where, out);
  } else {
    fail(where + ": type " + type +
         " is not supported\n  supported: NFC, NFD, NFKC, NFKD, Sequence");
  }
  if (out.size() > 16) fail(where + ": more than 16 steps");
}

void check_decoder(const Json& value, const std::string& where) {
  const std::string type = value.is_null() ? "null" : type_of(value, where);
  if (type == "Sequence") {
    const Json& parts = require(value, "decoders", where);
    if (parts.is_array() && parts.size() == 1) return check_decoder(parts[0], where);
  }
  if (type != "ByteLevel") {
    fail(where + ": type " + type + " is not supported\n  supported: ByteLevel");
  }
}

AddedToken parse_added_token(const Json& value, const std::string& where) {
  if (!value.is_object()) fail(where + ": not an object");
  AddedToken token;
  const Json& id = require(value, "id", where);
  if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
      id.get<std::int64_t>() > kMaxTokenId) {
    fail(where + ": id " + dump_json(id) + " is not an integer from 0 to " +
         std::to_string(kMaxTokenId));
  }
  token.id = id.get<std::int32_t>();
  const Json& content = require(value, "content", where);
  if (!content.is_string()) fail(where + ": \"content\" is not a string");
  token.content = content.get<std::string>();
  token.special = flag(value, "special", false, where);
  token.lstrip = flag(value, "lstrip", false, where);
  token.rstrip = flag(value, "rstrip", false, where);
  token.single_word = flag(value, "single_word", false, where);
  token.normalized = flag(value, "normalized", false, where);
  return token;
}

}  // namespace

struct Tokenizer::Impl {
  ByteAlphabet alphabet;
  Vocabulary vocabulary;  // the model's, then the added tokens'
  Merges merges;
  std::array<std::int32_t, 256> byte_tokens{};  // -1: the vocabulary has no token for the byte
  std::optional<std::int32_t> unknown;
  bool fuse_unknown = false;
  bool ignore_merges = false;
  std::vector<NormalForm> normalizers;
  std::optional<PreTokenizer> pre_tokenizer;
  AddedTokenFinder raw_tokens;         // looked for in the text as given
  AddedTokenFinder normalized_tokens;  // looked for after normalization
  std::unordered_set<std::int32_t> special;
  PostProcessor post_processor;
  std::string decoded;                      // what each id adds to a text, one after the other
  std::vector<std::uint32_t> decoded_ends;  // [id_limit], where each ends

  // What encoding works with; one caller has it, others at the same time make their own.
  struct Workspace {
    WordCache cache;
    Regex::Scratch regex;
  };
  std::mutex workspace_mutex;
  Workspace workspace;

  void read_model(JsonReader& reader);
  void read_vocabulary(JsonReader& reader);
  void read_merges(JsonReader& reader);
  void check_model_options(const std::vector<std::pair<std::string, Json>>& options,
                           const std::string& where);
  void finish(const Json& added, const std::string& where);
  std::string normalized(std::string_view text) const;
  void encode_word(std::string_view word, WordCache& cache, std::vector<std::int32_t>& out) const;
  void encode_with(Workspace& work, std::string_view text, std::vector<std::int32_t>& out) const;
};

void Tokenizer::Impl::read_vocabulary(JsonReader& reader) {
  reader.object([&](std::string_view text) {
    const std::int64_t id = reader.integer();
    if (id < 0 || id > kMaxTokenId) {
      reader.fail("token id " + std::to_string(id) + " is outside 0 to " +
                  std::to_string(kMaxTokenId));
    }
    const auto narrow = static_cast<std::int32_t>(id);
    if (vocabulary.has(narrow) && vocabulary.text(narrow) != text) {
      reader.fail("token id " + std::to_string(id) + " is given twice");
    }
    vocabulary.insert(text, narrow);
  });
}

void Tokenizer::Impl::read_merges(JsonReader& reader) {
  std::string left_buffer;
  std::string right_buffer;
  std::string joined;
  std::int32_t rank = 0;
  const auto token = [&](std::string_view text) {
    const auto id = vocabulary.find(text);
    if (!id) {
      reader.fail("merge " + std::to_string(rank) + ": \"" + to_valid_utf8(text) +
                  "\" is not in the vocabulary");
    }
    return *id;
  };
  reader.array([&] {
    std::string_view left;
    std::string_view right;
    if (reader.peek() == '[') {
      int count = 0;
      reader.array([&] {
        ++count;
        if (count == 1) {
          left = reader.string(left_buffer);
        } else {
          right = reader.string(right_buffer);
        }
      });
      if (count != 2) reader.fail("merge " + std::to_string(rank) + " is not a pair");
    } else {
      const std::string_view both = reader.string(left_buffer);
      if (both.starts_with("#version")) return;  // the header of the old merges.txt
      const std::size_t space = both.find(' ');
      if (space == std::string_view::npos || both.find(' ', space + 1) != std::string_view::npos) {
        reader.fail("merge " + std::to_string(rank) + " is not two tokens with a space between");
      }
      left = both.substr(0, space);
      right = both.substr(space + 1);
    }
    const std::int32_t left_id = token(left);
    const std::int32_t right_id = token(right);
    const auto merged = vocabulary.find_joined(left, right, joined);
    if (!merged) (void)token(joined);
    merges.insert(left_id, right_id, {rank, *merged});
    ++rank;
  });
}

void Tokenizer::Impl::check_model_options(const std::vector<std::pair<std::string, Json>>& options,
                                          const std::string& where) {
  for (const auto& [key, value] : options) {
    std::string here = where;
    here.append(": ").append(key);
    const std::string written = dump_json(value);
    const auto refuse = [&](const char* supported) {
      fail(here.append(" ").append(written).append(" is not supported").append(supported));
    };
    if (key == "type") {
      if (value != "BPE") refuse("\n  supported: BPE");
    } else if (key == "unk_token") {
      if (value.is_null()) continue;
      if (!value.is_string()) fail(here + " is not a string");
      unknown = vocabulary.find(value.get<std::string>());
      if (!unknown) fail(here.append(" ").append(written).append(" is not in the vocabulary"));
    } else if (key == "fuse_unk") {
      fuse_unknown = value == true;
    } else if (key == "ignore_merges") {
      ignore_merges = value == true;
    } else if (key == "byte_fallback") {
      if (value == true) fail(here + " is not supported\n  supported: byte-level BPE without it");
    } else if (key == "dropout") {
      if (!value.is_null() && value != 0) {
        fail(here + " would make the same text encode differently each time\n  supported: null");
      }
    } else if (key == "continuing_subword_prefix" || key == "end_of_word_suffix") {
      const bool is_empty =
          value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
      if (!is_empty) refuse("\n  supported: null or empty");
    } else {
      fail(here +
           " is not known\n  supported: type, vocab, merges, unk_token, fuse_unk, "
           "ignore_merges, byte_fallback, dropout, continuing_subword_prefix, "
           "end_of_word_suffix");
    }
  }
}

void Tokenizer::Impl::read_model(JsonReader& reader) {
  const std::string where = reader.where() + ": model";
  std::vector<std::pair<std::string, Json>> options;
  bool has_vocabulary = false;
  bool has_merges = false;
  std::string_view early_merges;  // written before the vocabulary that gives them meaning
  reader.object([&](std::string_view key) {
    if (key == "vocab") {
      if (has_vocabulary) reader.fail("a second vocab");
      if (reader.peek() != '{') fail(where + ": vocab is not an object\n  supported: BPE");
      read_vocabulary(reader);
      has_vocabulary = true;
    } else if (key == "merges") {
      if (has_merges) reader.fail("a second merges");
      has_merges = true;
      if (has_vocabulary) {
        read_merges(reader);
      } else {
        early_merges = reader.raw();
      }
    } else {
      const std::string name(key);
      options.emplace_back(name, parse_json(reader.raw(), where + ": " + to_valid_utf8(name)));
    }
  });
  // The type first: another model's vocabulary and options mean something else.
  std::stable_partition(options.begin(), options.end(),
                        [](const auto& option) { return option.first == "type"; });
  check_model_options(options, where);
  if (!has_vocabulary) fail(where + ": has no vocab");
  if (!has_merges) fail(where + ": has no merges\n  supported: BPE");
  if (!early_merges.empty()) {
    const std::string merges_where = where + ": merges";
    JsonReader again(early_merges, merges_where);
    read_merges(again);
  }
}

void Tokenizer::Impl::finish(const Json& added, const std::string& where) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto index = static_cast<std::size_t>(byte);
    byte_tokens[index] =
        vocabulary.find(alphabet.character(static_cast<unsigned char>(byte))).value_or(-1);
  }
  if (!added.is_null()) {
    if (!added.is_array()) fail(where + ": added_tokens is not a list");
    std::size_t index = 0;
    for (const Json& item : added) {
      const std::string here = where + ": added_tokens[" + std::to_string(index++) + "]";
      AddedToken token = parse_added_token(item, here);
      if (token.content.empty()) continue;
      if (const auto known = vocabulary.find(token.content)) {
        token.id = *known;  // the vocabulary's own id holds, as the reference has it
      } else if (vocabulary.has(token.id)) {
        fail(here + ": id " + std::to_string(token.id) + " already belongs to \"" +
             std::string(vocabulary.text(token.id)) + "\"");
      } else {
        vocabulary.insert(token.content, token.id);
      }
      if (token.special) special.insert(token.id);
      if (token.normalized) {
        normalized_tokens.add(token, normalized(token.content));
      } else {
        raw_tokens.add(token, token.content);
      }
    }
  }
  decoded_ends.reserve(static_cast<std::size_t>(vocabulary.id_limit()));
  for (std::int32_t id = 0; id < vocabulary.id_limit(); ++id) {
    const std::string_view text = vocabulary.text(id);
    // A token with a character outside the alphabet stands for itself.
    if (!alphabet.append_bytes(decoded, text)) decoded += text;
    decoded_ends.push_back(static_cast<std::uint32_t>(decoded.size()));
  }
}

std::string Tokenizer::Impl::normalized(std::string_view text) const {
  std::string out(text);
  for (const NormalForm form : normalizers) out = normalize(out, form);
  return out;
}

void Tokenizer::Impl::encode_word(std::string_view word, WordCache& cache,
                                  std::vector<std::int32_t>& out) const {
  if (cache.append(word, out)) return;
  const std::size_t begin = out.size();
  bool whole = false;
  if (ignore_merges) {
    std::string spelled;
    for (const char byte : word) spelled += alphabet.character(static_cast<unsigned char>(byte));
    if (const auto id = vocabulary.find(spelled)) {
      out.push_back(*id);
      whole = true;
    }
  }
  if (!whole) {
    bool after_unknown = false;
    for (const char byte : word) {
      const std::int32_t token = byte_tokens[static_cast<unsigned char>(byte)];
      if (token >= 0) {
        out.push_back(token);
        after_unknown = false;
      } else if (unknown && !(fuse_unknown && after_unknown)) {
        out.push_back(*unknown);
        after_unknown = true;
      }
    }
    merge_tokens(merges, out, begin);
  }
  cache.insert(word, out.data() + begin, out.size() - begin);
}

void Tokenizer::Impl::encode_with(Workspace& work, std::string_view text,
                                  std::vector<std::int32_t>& out) const {
  const std::function<void(std::string_view)> take_word = [&](std::string_view word) {
    encode_word(word, work.cache, out);
  };
  for (const Segment& segment : raw_tokens.split(text)) {
    if (segment.token >= 0) {
      out.push_back(segment.token);
      continue;
    }
    std::string normal;
    std::string_view plain = segment.text;
    if (!normalizers.empty()) {
      normal = normalized(plain);
      plain = normal;
    }
    for (const Segment& inner : normalized_tokens.split(plain)) {
      if (inner.token >= 0) {
        out.push_back(inner.token);
      } else {
        pre_tokenizer->words(inner.text, work.regex, take_word);
      }
    }
  }
}

Tokenizer::Tokenizer(std::string_view text, const std::string& where)
    : impl_(std::make_unique<Impl>()) {
  if (text.size() > kMaxFileBytes) fail(where + ": larger than 1 GiB");
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  JsonReader reader(text, where);
  Json added;
  Json decoder;
  Json pre_tokenizer;
  bool has_model = false;
  impl_->vocabulary.reserve(text.size() / 64);
  impl_->merges.reserve(text.size() / 64);
  if (reader.peek() != '{') reader.fail("expected a tokenizer: a JSON object");
  reader.object([&](std::string_view key) {
    const std::string name = to_valid_utf8(key);
    const auto part = [&] { return parse_json(reader.raw(), where + ": " + name); };
    if (name == "model") {
      if (has_model) reader.fail("a second model");
      impl_->read_model(reader);
      has_model = true;
    } else if (name == "added_tokens") {
      added = part();
    } else if (name == "normalizer") {
      impl_->normalizers.clear();
      add_normalizers(part(), where + ": normalizer", impl_->normalizers);
    } else if (name == "pre_tokenizer") {
      pre_tokenizer = part();
    } else if (name == "post_processor") {
      impl_->post_processor = PostProcessor(part(), where + ": post_processor");
    } else if (name == "decoder") {
      decoder = part();
    } else {
      part();  // version; truncation and padding, which never apply here
    }
  });
  reader.end();
  if (!has_model) fail(where + ": has no model");
  impl_->pre_tokenizer.emplace(pre_tokenizer, where + ": pre_tokenizer");
  check_decoder(decoder, where + ": decoder");
  impl_->finish(added, where);
}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  std::vector<std::int32_t> out;
  if (add_special_tokens) {
    out.assign(impl_->post_processor.before().begin(), impl_->post_processor.before().end());
  }
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = to_valid_utf8(text);
    text = repaired;
  }
  const std::unique_lock lock(impl_->workspace_mutex, std::try_to_lock);
  if (lock.owns_lock()) {
    impl_->encode_with(impl_->workspace, text, out);
  } else {
    Impl::Workspace own;
    impl_->encode_with(own, text, out);
  }
  if (add_special_tokens) {
    const auto after = impl_->post_processor.after();
    out.insert(out.end(), after.begin(), after.end());
  }
  return out;
}

std::span<const std::int32_t> Tokenizer::tokens_before() const {
  return impl_->post_processor.before();
}

std::span<const std::int32_t> Tokenizer::tokens_after() const {
  return impl_->post_processor.after();
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string raw;
  for (const std::int32_t id : ids) {
    if (!skip_special || !is_special(id)) raw += bytes(id);
  }
  return is_valid_utf8(raw) ? raw : to_valid_utf8(raw);
}

std::int32_t Tokenizer::id_limit() const { return impl_->vocabulary.id_limit(); }

std::optional<std::int32_t> Tokenizer::find(std::string_view token) const {
  return impl_->vocabulary.find(token);
}

std::string_view Tokenizer::token(std::int32_t id) const { return impl_->vocabulary.text(id); }

std::string_view Tokenizer::bytes(std::int32_t id) const {
  if (id < 0 || id >= id_limit()) return {};
  const auto index = static_cast<std::size_t>(id);
  const std::uint32_t begin = index == 0 ? 0 : impl_->decoded_ends[index - 1];
  return std::string_view(impl_->decoded).substr(begin, impl_->decoded_ends[index] - begin);
}

bool Tokenizer::is_special(std::int32_t id) const { return impl_->special.contains(id); }

namespace {

// The length of the part of `text` that no further byte can change: all but an unfinished character
// at its end.
std::size_t settled_size(std::string_view text) {
  const std::size_t longest = std::min<std::size_t>(3, text.size());
  for (std::size_t tail = 1; tail <= longest; ++tail) {
    const auto lead = static_cast<unsigned char>(text[text.size() - tail]);
    if ((lead & 0xC0U) == 0x80U) continue;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
    if (length <= tail) return text.size();
    // Unfinished if all its bytes so far belong together.
    const DecodedCodePoint decoded = decode_utf8(text, text.size() - tail);
    return !decoded.valid && decoded.size_bytes == tail && lead < 0xF5 ? text.size() - tail
                                                                       : text.size();
  }
  return text.size();
}

}  // namespace

std::string StreamDecoder::push(std::int32_t id) {
  if (skip_special_ && tokenizer_->is_special(id)) return {};
  pending_ += tokenizer_->bytes(id);
  const std::size_t settled = settled_size(pending_);
  std::string out = to_valid_utf8(std::string_view(pending_).substr(0, settled));
  pending_.erase(0, settled);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = to_valid_utf8(pending_);
  pending_.clear();
  return out;
}

}  // namespace peira::model
