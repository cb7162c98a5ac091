// tokenizer.json and tokenizer_config.json from GGUF metadata.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "model/gguf/checkpoint.h"

namespace peira::model {
namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";

// tokenizer.ggml.token_type. source  gguf-py/gguf/constants.py, TokenType.
enum class TokenType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct Vocabulary {
  std::vector<std::string_view> tokens;
  std::vector<TokenType> types;
};

// Rows of the embedding that stand for no token are called [PAD151670].
bool is_padding(const Vocabulary& vocabulary, std::size_t id) {
  return vocabulary.types[id] == TokenType::kUnused &&
         vocabulary.tokens[id] == "[PAD" + std::to_string(id) + "]";
}

bool is_added(TokenType type) {
  return type == TokenType::kUnknown || type == TokenType::kControl ||
         type == TokenType::kUserDefined;
}

Vocabulary read_vocabulary(const GgufFile& metadata) {
  Vocabulary out;
  metadata.each_text(kTokens, [&](std::string_view token) {
    if (!is_valid_utf8(token)) {
      metadata.fail(std::string(kTokens) + ": token " + std::to_string(out.tokens.size()) +
                    " is not valid UTF-8");
    }
    out.tokens.push_back(token);
  });
  metadata.each_number(kTypes, [&](double type) {
    if (!(type >= 1 && type <= 6)) {
      metadata.fail(std::string(kTypes) + ": token " + std::to_string(out.types.size()) +
                    " is of the unknown type " + dump_json(Json(type)));
    }
    out.types.push_back(static_cast<TokenType>(static_cast<int>(type)));
  });
  if (out.types.empty()) out.types.assign(out.tokens.size(), TokenType::kNormal);
  if (out.types.size() != out.tokens.size()) {
    metadata.fail(std::string(kTypes) + " has " + std::to_string(out.types.size()) +
                  " elements for " + std::to_string(out.tokens.size()) + " tokens");
  }
  return out;
}

std::optional<std::size_t> special_id(const GgufFile& metadata, const char* key,
                                      std::size_t num_tokens) {
  const auto id = metadata.integer(key);
  if (!id) return std::nullopt;
  if (*id < 0 || static_cast<std::uint64_t>(*id) >= num_tokens) {
    metadata.fail("metadata key " + std::string(key) + " is " + std::to_string(*id) +
                  " but there are " + std::to_string(num_tokens) + " tokens");
  }
  return static_cast<std::size_t>(*id);
}

// `text`, valid UTF-8, as a JSON string. A vocabulary is ten megabytes of these: no tree is built.
void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// --- pre-tokenizers of byte-level vocabularies ---

Json split(const char* pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kDeepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Letters of Latin, Greek, Cyrillic, Armenian, Georgian and other scripts that have case. Not
// formatted: clang-format counts other columns for these letters each time and never rests.
// clang-format off
constexpr const char* kDeepseekWords =
    "\\s?[A-Za-z"
    "µÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-"
    "ᴫᵫ-"
    "ᵷᵹ-"
    "ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹ"
    "ℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-"
    "𐓻𐲀-"
    "𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
    "]+";
// clang-format on
constexpr const char* kSeed =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";

// What a value of tokenizer.ggml.pre stands for: the parts of tokenizer.json that the format leaves
// out.
struct PreTokenizer {
  std::vector<std::string_view> names;
  std::vector<const char*> patterns;  // each splits what those before it left whole
  bool has_nfc = false;
  bool ignores_merges = false;  // a word that is a token is taken whole
  bool adds_bos = false;        // where tokenizer.ggml.add_bos_token does not say
};

// source  names, patterns, merges and tokens in front: llama.cpp, src/llama-vocab.cpp; where the
//         tokenizer.json of a model is known (Qwen3, Llama 3 and 4, gpt-oss, GPT-NeoX for OLMo,
//         DeepSeek-V3), its own pattern, normalizer and ignore_merges.
const std::vector<PreTokenizer>& pre_tokenizers() {
  static const std::vector<PreTokenizer> kAll{
      {{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"}, {kQwen2}, true},
      {{"stablelm2", "hunyuan", "solar-open"}, {kQwen2}},
      {{"qwen35"}, {kQwen35}, true},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       {kLlama3},
       false,
       true,
       true},
      {{"dbrx", "smaug-bpe", "chatglm-bpe"}, {kLlama3}},
      {{"glm4", "glm5"}, {kLlama3}, false, true},
      {{"gpt-4o", "llama4", "kanana2"}, {kGpt4o}, false, true},
      {{"minimax-m2"}, {kGpt4o}},
      {{"tekken"}, {kTekken}, false, true, true},
      {{"olmo"}, {kGpt2}, true},
      {{"gpt-2", "mpt", "phi-2", "jais", "trillion", "granite-docling", "gigachat", "a.x-4.0",
        "mellum", "modern-bert", "exaone4", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de"},
       {kGpt2}},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
        "mellum2"},
       {R"(\p{N})", kGpt2}},
      {{"deepseek-llm"},
       {R"([\r\n])", kDeepseekWords, "\\s?[!-/:-~！-／：-～‘-‟　-。]+", R"(\s+$)",
        "[一-龥ࠀ-一가-퟿]+", R"(\p{N}+)"}},
      {{"deepseek-coder"},
       {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm"},
       {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", kDeepseek3}},
      {{"bailingmoe", "bailingmoe2", "llada-moe"}, {kBailing}},
      {{"seed-coder"}, {kSeed}},
      {{"falcon"}, {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"}},
      {{"default"}, {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}}};
  return kAll;
}

Json pre_tokenizer_json(const PreTokenizer& pre) {
  std::vector<Json> parts;
  for (const char* const pattern : pre.patterns) parts.push_back(split(pattern));
  parts.push_back(byte_level(false));
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

const PreTokenizer& pre_tokenizer_of(const GgufFile& metadata) {
  const std::string_view pre = metadata.text("tokenizer.ggml.pre").value_or("default");
  std::string list;
  for (const PreTokenizer& candidate : pre_tokenizers()) {
    for (const std::string_view name : candidate.names) {
      if (name == pre) return candidate;
      list += (list.empty() ? "" : ", ") + std::string(name);
    }
  }
  metadata.fail("tokenizer.ggml.pre \"" + shown_name(pre) +
                "\" is not supported\n  supported: " + list);
}

// --- SentencePiece: scores to merges ---

// Where the characters of `text` begin, but for the first.
std::vector<std::size_t> inner_borders(std::string_view text) {
  std::vector<std::size_t> out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) out.push_back(i);
  }
  return out;
}

struct Merge {
  std::string_view left;
  std::string_view right;
  double score;
  std::size_t left_size;  // in characters
  std::size_t right_size;
};

// Every way to join two tokens to a third, in the order in which they are tried.
// source  generate_merges of transformers 5.17, convert_slow_tokenizer.py.
std::vector<Merge> merges_of(const GgufFile& metadata, const Vocabulary& vocabulary) {
  std::vector<double> scores;
  metadata.each_number(kScores, [&](double score) {
    if (!std::isfinite(score))
      metadata.fail(std::string(kScores) + " holds a number that is not finite");
    scores.push_back(score);
  });
  if (scores.size() != vocabulary.tokens.size()) {
    metadata.fail(std::string(kScores) + " has " + std::to_string(scores.size()) +
                  " elements for " + std::to_string(vocabulary.tokens.size()) + " tokens");
  }
  std::unordered_map<std::string_view, std::size_t> ids;
  ids.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (is_padding(vocabulary, id)) continue;
    if (!ids.emplace(vocabulary.tokens[id], id).second) {
      metadata.fail(std::string(kTokens) + ": token " + std::to_string(id) + " \"" +
                    shown_name(vocabulary.tokens[id]) + "\" is there twice");
    }
  }
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (is_padding(vocabulary, id)) continue;
    const std::string_view token = vocabulary.tokens[id];
    struct Way {
      std::size_t left_id;
      std::size_t right_id;
      Merge merge;
    };
    std::vector<Way> ways;
    const std::vector<std::size_t> borders = inner_borders(token);
    for (std::size_t i = 0; i < borders.size(); ++i) {
      const std::string_view left = token.substr(0, borders[i]);
      const std::string_view right = token.substr(borders[i]);
      const auto left_id = ids.find(left);
      const auto right_id = ids.find(right);
      if (left_id == ids.end() || right_id == ids.end()) continue;
      ways.push_back({left_id->second,
                      right_id->second,
                      {left, right, scores[id], i + 1, borders.size() - i}});
    }
    std::sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) {
      return std::pair(a.left_id, a.right_id) < std::pair(b.left_id, b.right_id);
    });
    for (const Way& way : ways) merges.push_back(way.merge);
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tuple(a.score, a.left_size, a.right_size) >
           std::tuple(b.score, b.left_size, b.right_size);
  });
  return merges;
}

// --- the file ---

Json replace(const char* pattern, const char* content) {
  return {{"type", "Replace"}, {"pattern", {{"String", pattern}}}, {"content", content}};
}

constexpr const char* kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space

void append_added_tokens(std::string& out, const Vocabulary& vocabulary) {
  out += "\"added_tokens\":[";
  bool is_first = true;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!is_added(vocabulary.types[id]) || vocabulary.tokens[id].empty()) continue;
    if (!is_first) out += ',';
    is_first = false;
    out += "{\"id\":" + std::to_string(id) + ",\"content\":";
    append_json(out, vocabulary.tokens[id]);
    out += R"(,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":)";
    out += vocabulary.types[id] == TokenType::kUserDefined ? "false}" : "true}";
  }
  out += ']';
}

void append_vocabulary(std::string& out, const Vocabulary& vocabulary, bool with_added) {
  out += "\"vocab\":{";
  bool is_first = true;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (is_padding(vocabulary, id) || (!with_added && is_added(vocabulary.types[id]))) continue;
    if (!is_first) out += ',';
    is_first = false;
    append_json(out, vocabulary.tokens[id]);
    out += ':' + std::to_string(id);
  }
  out += '}';
}

// The tokens that go in front of a text and behind it where they are asked for; null when none do.
Json post_processor(const GgufFile& metadata, const Vocabulary& vocabulary, bool adds_bos) {
  Json single = Json::array();
  Json pair = Json::array();
  Json specials = Json::object();
  const auto add_special = [&](const char* key) {
    const auto id = special_id(metadata, key, vocabulary.tokens.size());
    if (!id)
      metadata.fail("metadata key " + std::string(key) +
                    " is missing, and is to be added to texts");
    const std::string token(vocabulary.tokens[*id]);
    for (Json* const list : {&single, &pair}) {
      list->push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    }
    specials[token] = {{"id", token}, {"ids", {*id}}, {"tokens", {token}}};
  };
  const auto add_text = [](Json& list, const char* name, int type) {
    list.push_back({{"Sequence", {{"id", name}, {"type_id", type}}}});
  };
  if (adds_bos) add_special("tokenizer.ggml.bos_token_id");
  add_text(single, "A", 0);
  add_text(pair, "A", 0);
  add_text(pair, "B", 1);
  if (metadata.flag("tokenizer.ggml.add_eos_token").value_or(false)) {
    add_special("tokenizer.ggml.eos_token_id");
  }
  if (specials.empty()) return nullptr;
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(specials)}};
}

// Everything but the model.
std::string head(const Vocabulary& vocabulary, const Json& normalizer, const Json& pre_tokenizer,
                 const Json& post, const Json& decoder) {
  std::string out = R"({"version":"1.0","truncation":null,"padding":null,)";
  append_added_tokens(out, vocabulary);
  out += ",\"normalizer\":" + dump_json(normalizer);
  out += ",\"pre_tokenizer\":" + dump_json(pre_tokenizer);
  out += ",\"post_processor\":" + dump_json(post);
  out += ",\"decoder\":" + dump_json(decoder);
  return out + ",\"model\":";
}

std::string byte_level_tokenizer(const GgufFile& metadata, const Vocabulary& vocabulary) {
  const PreTokenizer& pre = pre_tokenizer_of(metadata);
  if (!metadata.has(kMerges)) metadata.fail("metadata key " + std::string(kMerges) + " is missing");
  const bool adds_bos = metadata.flag("tokenizer.ggml.add_bos_token").value_or(pre.adds_bos);
  const Json normalizer = pre.has_nfc ? Json{{"type", "NFC"}} : Json(nullptr);
  std::string out = head(vocabulary, normalizer, pre_tokenizer_json(pre),
                         post_processor(metadata, vocabulary, adds_bos), byte_level(true));
  out += R"({"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"",)"
         R"("end_of_word_suffix":"","fuse_unk":false,"byte_fallback":false,"ignore_merges":)";
  out += pre.ignores_merges ? "true," : "false,";
  append_vocabulary(out, vocabulary, false);
  out += ",\"merges\":[";
  bool is_first = true;
  std::size_t number = 0;
  metadata.each_text(kMerges, [&](std::string_view merge) {
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || !is_valid_utf8(merge)) {
      metadata.fail(std::string(kMerges) + ": merge " + std::to_string(number) + " \"" +
                    shown_name(merge) + "\" is not two tokens with a blank between");
    }
    ++number;
    out += is_first ? "[" : ",[";
    is_first = false;
    append_json(out, merge.substr(0, space));
    out += ',';
    append_json(out, merge.substr(space + 1));
    out += ']';
  });
  return out + "]}}";
}

std::string sentence_piece_tokenizer(const GgufFile& metadata, const Vocabulary& vocabulary) {
  if (metadata.flag("tokenizer.ggml.remove_extra_whitespaces").value_or(false)) {
    metadata.fail("tokenizer.ggml.remove_extra_whitespaces is true\n  supported: false");
  }
  const bool has_prefix = metadata.flag("tokenizer.ggml.add_space_prefix").value_or(true);
  const bool adds_bos = metadata.flag("tokenizer.ggml.add_bos_token").value_or(true);
  std::vector<Json> normalizers;
  if (has_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
  normalizers.push_back(replace(" ", kSpace));
  std::vector<Json> decoders{replace(kSpace, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (has_prefix) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  std::string out = head(vocabulary, {{"type", "Sequence"}, {"normalizers", normalizers}}, nullptr,
                         post_processor(metadata, vocabulary, adds_bos),
                         {{"type", "Sequence"}, {"decoders", decoders}});
  const auto unknown =
      special_id(metadata, "tokenizer.ggml.unknown_token_id", vocabulary.tokens.size());
  out += R"({"type":"BPE","dropout":null,"unk_token":)";
  if (unknown) {
    append_json(out, vocabulary.tokens[*unknown]);
  } else {
    out += "null";
  }
  out += R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,)"
         R"("byte_fallback":true,"ignore_merges":false,)";
  append_vocabulary(out, vocabulary, true);
  out += ",\"merges\":[";
  bool is_first = true;
  for (const Merge& merge : merges_of(metadata, vocabulary)) {
    out += is_first ? "[" : ",[";
    is_first = false;
    append_json(out, merge.left);
    out += ',';
    append_json(out, merge.right);
    out += ']';
  }
  return out + "]}}";
}

}  // namespace

std::optional<std::string> gguf_tokenizer(const GgufFile& metadata) {
  if (const auto whole = metadata.text("tokenizer.huggingface.json")) return std::string(*whole);
  if (!metadata.has(kTokens)) return std::nullopt;
  const std::string_view model = metadata.text("tokenizer.ggml.model").value_or("");
  const Vocabulary vocabulary = read_vocabulary(metadata);
  if (model == "gpt2") return byte_level_tokenizer(metadata, vocabulary);
  if (model == "llama") return sentence_piece_tokenizer(metadata, vocabulary);
  metadata.fail("tokenizer.ggml.model \"" + shown_name(model) +
                "\" is not supported\n  supported: gpt2 (byte-level BPE), llama (SentencePiece)");
}

Json gguf_tokenizer_config(const GgufFile& metadata) {
  Json out = Json::object();
  struct Special {
    const char* key;
    const char* name;
  };
  constexpr std::array kSpecials{Special{"tokenizer.ggml.bos_token_id", "bos_token"},
                                 Special{"tokenizer.ggml.eos_token_id", "eos_token"},
                                 Special{"tokenizer.ggml.unknown_token_id", "unk_token"},
                                 Special{"tokenizer.ggml.padding_token_id", "pad_token"}};
  std::array<std::int64_t, kSpecials.size()> ids{};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = metadata.integer(kSpecials[i].key).value_or(-1);
  }
  std::int64_t id = 0;
  metadata.each_text(kTokens, [&](std::string_view token) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == id) out[kSpecials[i].name] = to_valid_utf8(token);
    }
    ++id;
  });

  const auto main_template = metadata.text("tokenizer.chat_template");
  std::vector<Json> named;
  metadata.each_text("tokenizer.chat_templates", [&](std::string_view name) {
    const std::string key = "tokenizer.chat_template." + std::string(name);
    const auto source = metadata.text(key);
    if (!source) metadata.fail("metadata key " + shown_name(key) + " is missing");
    named.push_back({{"name", to_valid_utf8(name)}, {"template", to_valid_utf8(*source)}});
  });
  if (named.empty()) {
    if (main_template) out["chat_template"] = to_valid_utf8(*main_template);
    return out;
  }
  if (main_template) {
    named.push_back({{"name", "default"}, {"template", to_valid_utf8(*main_template)}});
  }
  out["chat_template"] = std::move(named);
  return out;
}

}  // namespace peira::model
