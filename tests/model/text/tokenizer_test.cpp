#include "model/text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"
#include "tests/model/text/golden.h"

namespace peira::model {
namespace {

using Ids = std::vector<std::int32_t>;

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder decoder(tokenizer, skip_special);
  std::string out;
  for (const std::int32_t id : ids) {
    const std::string piece = decoder.push(id);
    EXPECT_TRUE(is_valid_utf8(piece));
    out += piece;
  }
  return out + decoder.finish();
}

// A byte-level tokenizer of the 256 bytes and what a test adds.
Json plain_tokenizer() {
  const OrderedJson golden = test::text_golden("tokenizers.json");
  Json out(golden[0]["tokenizer"]);
  return out;
}

// One with byte fallback, as SentencePiece makes them.
Json spm_tokenizer() {
  const OrderedJson golden = test::text_golden("sentencepiece.json");
  Json out(golden[0]["tokenizer"]);
  return out;
}

std::string message_of(const std::string& text) {
  try {
    const Tokenizer tokenizer(text, "tokenizer.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

// Expected ids and texts: tokenizers 0.23.3, tests/golden/text/make_tokenizer_golden.py.
class EqualsHuggingFace : public testing::TestWithParam<const char*> {};

TEST_P(EqualsHuggingFace, OnEveryVariant) {
  const OrderedJson variants = test::text_golden(GetParam());
  for (const OrderedJson& variant : variants) {
    const std::string name = variant["name"].get<std::string>();
    OrderedJson description = variant["tokenizer"];
    for (const char* const shared : {"vocab", "merges"}) {  // written once, with the first
      if (!description["model"].contains(shared)) {
        description["model"][shared] = variants[0]["tokenizer"]["model"][shared];
      }
    }
    const Tokenizer tokenizer(description.dump(), name);
    for (const OrderedJson& row : variant["encodes"]) {
      const std::string text = row[0].get<std::string>();
      const Ids ids = tokenizer.encode(text);
      EXPECT_EQ(ids, row[1].get<Ids>()) << name << ": " << row[0];
      EXPECT_EQ(tokenizer.decode(ids, false), row[2].get<std::string>()) << name << ": " << text;
      EXPECT_EQ(tokenizer.decode(ids, true), row[3].get<std::string>()) << name << ": " << text;
      EXPECT_EQ(tokenizer.encode(text), ids) << name << ": a second time, from the cache";
      EXPECT_EQ(streamed(tokenizer, ids, true), row[3].get<std::string>()) << name << ": " << text;
    }
    for (const OrderedJson& row : variant["decodes"]) {
      const Ids ids = row[0].get<Ids>();
      EXPECT_EQ(tokenizer.decode(ids, false), row[1].get<std::string>()) << name;
      EXPECT_EQ(tokenizer.decode(ids, true), row[2].get<std::string>()) << name;
      EXPECT_EQ(streamed(tokenizer, ids, false), row[1].get<std::string>()) << name;
      EXPECT_EQ(streamed(tokenizer, ids, true), row[2].get<std::string>()) << name;
    }
    if (variant.contains("framed")) {
      EXPECT_EQ(tokenizer.encode(" A text.", true), variant["framed"].get<Ids>()) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, EqualsHuggingFace,
                         testing::Values("tokenizers.json", "sentencepiece.json"));

TEST(Tokenizer, EqualsHuggingFaceOnQwen3) {
  const auto path = test::qwen3_folder() / "tokenizer.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const std::string source = read_file(path);
  const auto begin = std::chrono::steady_clock::now();
  const Tokenizer tokenizer(source, "qwen3");
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - begin;
  RecordProperty("load_ms", std::to_string(load.count()));

  const OrderedJson golden = test::text_golden("qwen3.json");
  Sha256 digest;
  for (const OrderedJson& row : golden["encodes"]) {
    const Ids ids = tokenizer.encode(row[0].get<std::string>());
    if (row.size() > 1) {
      EXPECT_EQ(ids, row[1].get<Ids>()) << row[0];
    }
    std::string line;
    for (const std::int32_t id : ids) line += (line.empty() ? "" : ",") + std::to_string(id);
    digest.update(line + "\n" + tokenizer.decode(ids, true) + "\n");
  }
  EXPECT_EQ(digest.hex(), golden["digest"].get<std::string>());
  EXPECT_EQ(tokenizer.id_limit(), 151669);
  EXPECT_EQ(tokenizer.find("<|im_end|>"), 151645);
  EXPECT_TRUE(tokenizer.is_special(151645));
  EXPECT_FALSE(tokenizer.is_special(151668));  // </think>
}

TEST(Tokenizer, TakesBytesThatAreNotUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer(plain_tokenizer().dump(), "plain");
  EXPECT_EQ(tokenizer.encode("a\xFF\xC3(\xE2\x82"), tokenizer.encode("a\uFFFD\uFFFD(\uFFFD"));
}

TEST(Tokenizer, DecodesWhateverIdsItIsGiven) {
  const Tokenizer tokenizer(plain_tokenizer().dump(), "plain");
  EXPECT_EQ(tokenizer.decode(Ids{-1, 1 << 30, tokenizer.id_limit()}, false), "");
  EXPECT_EQ(tokenizer.token(-5), "");
  EXPECT_EQ(tokenizer.bytes(tokenizer.id_limit(), true), "");
}

TEST(Tokenizer, PutsTheTemplatesTokensAroundRawText) {
  Json description = plain_tokenizer();
  EXPECT_FALSE(Tokenizer(description.dump(), "plain").adds_bos());
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const auto token = [](const char* name) {
    return Json{{"SpecialToken", {{"id", name}, {"type_id", 0}}}};
  };
  description["post_processor"] = {
      {"type", "Sequence"},
      {"processors",
       {{{"type", "ByteLevel"}},
        {{"type", "TemplateProcessing"},
         {"single", {token("<s>"), text, token("</s>"), token("</s>")}},
         {"special_tokens", {{"<s>", {{"ids", {7, 8}}}}, {"</s>", {{"ids", {9}}}}}}},
        {{"type", "RobertaProcessing"}, {"cls", {"<a>", 1}}, {"sep", {"<b>", 2}}}}}};
  const Tokenizer tokenizer(description.dump(), "framed");
  const Ids inner = tokenizer.encode("a b");
  Ids framed{1, 7, 8};
  framed.insert(framed.end(), inner.begin(), inner.end());
  framed.insert(framed.end(), {9, 9, 2});
  EXPECT_EQ(tokenizer.encode("a b", true), framed);
  EXPECT_EQ(tokenizer.encode("", true), (Ids{1, 7, 8, 9, 9, 2}));
  EXPECT_TRUE(tokenizer.adds_bos());

  description["post_processor"]["processors"][1]["single"] = {token("<x>"), text};
  EXPECT_EQ(message_of(description.dump()),
            "tokenizer.json: post_processor: \"special_tokens\" does not say what <x> is");
}

// A character of four bytes arrives byte by byte and is let out whole.
TEST(StreamDecoder, HoldsACharacterUntilItIsWhole) {
  const Tokenizer tokenizer(plain_tokenizer().dump(), "plain");
  Ids bytes;
  for (const char* const token : {"ð", "Ł", "ĺ", "Ģ"}) {  // F0 9F 98 80
    bytes.push_back(tokenizer.find(token).value());
  }
  StreamDecoder decoder(tokenizer, false);
  EXPECT_EQ(decoder.push(bytes[0]), "");
  EXPECT_EQ(decoder.push(bytes[1]), "");
  EXPECT_EQ(decoder.push(bytes[2]), "");
  EXPECT_EQ(decoder.push(bytes[3]), "😀");
  EXPECT_EQ(decoder.finish(), "");

  EXPECT_EQ(decoder.push(bytes[0]), "");
  EXPECT_EQ(decoder.push(tokenizer.find("a").value()), "\uFFFDa");
  EXPECT_EQ(decoder.push(bytes[0]), "");
  EXPECT_EQ(decoder.push(bytes[1]), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
}

// Four fallback bytes are one character, let out when the token behind them shows that no more
// come; a run that is not UTF-8 is U+FFFD for each of its bytes, as the reference has it.
TEST(StreamDecoder, HoldsFallbackBytesUntilTheyAreACharacter) {
  const Tokenizer tokenizer(spm_tokenizer().dump(), "spm");
  const auto id = [&](const char* token) { return tokenizer.find(token).value(); };
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(decoder.push(id("▁")), "");  // the space put in front of a text
  for (const char* const byte : {"<0xF0>", "<0x9F>", "<0x98>", "<0x80>"}) {
    EXPECT_EQ(decoder.push(id(byte)), "");
  }
  EXPECT_EQ(decoder.push(id("<s>")), "");  // special: left out, and no end of the run
  EXPECT_EQ(decoder.push(id("a")), "😀a");
  EXPECT_EQ(decoder.push(id("<0xF0>")), "");
  EXPECT_EQ(decoder.push(id("<0x41>")), "");
  EXPECT_EQ(decoder.push(id("▁")), "\uFFFD\uFFFD ");
  EXPECT_EQ(decoder.push(id("<0xC3>")), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(tokenizer.bytes(id("<0xC3>"), false), "\xC3");
  EXPECT_EQ(tokenizer.bytes(id("▁"), false), " ");
  EXPECT_EQ(tokenizer.bytes(id("▁"), true), "");
}

// What each token adds, joined, is what decode() says of all: in every variant's way with marks,
// strips and fallback bytes, at the start of a text and later.
TEST(Tokenizer, BytesOfTokensJoinToTheDecodedText) {
  std::mt19937 random(5);
  std::int64_t compared = 0;
  for (const char* const file : {"tokenizers.json", "sentencepiece.json"}) {
    const OrderedJson variants = test::text_golden(file);
    for (const OrderedJson& variant : variants) {
      OrderedJson description = variant["tokenizer"];
      for (const char* const shared : {"vocab", "merges"}) {
        if (!description["model"].contains(shared)) {
          description["model"][shared] = variants[0]["tokenizer"]["model"][shared];
        }
      }
      const Tokenizer tokenizer(description.dump(), "tokenizer.json");
      if (!tokenizer.joins_bytes()) continue;
      std::uniform_int_distribution<std::int32_t> any(0, tokenizer.id_limit() - 1);
      for (int round = 0; round < 500; ++round) {
        Ids ids;
        std::string joined;
        while (ids.size() < 4) {
          const std::int32_t id = any(random);
          const std::string bytes = tokenizer.bytes(id, ids.empty());
          if (tokenizer.is_special(id) || bytes.empty()) continue;
          ids.push_back(id);
          joined += bytes;
        }
        if (!is_valid_utf8(joined)) continue;
        EXPECT_EQ(tokenizer.decode(ids, true), joined)
            << variant["name"] << testing::PrintToString(ids);
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 5000);
}

// By hand: the reference fails on a text shorter than what may be stripped at its end.
TEST(StreamDecoder, StripsTheEndOfATextOnlyThere) {
  Json description = spm_tokenizer();
  description["decoder"]["decoders"][3]["stop"] = 2;
  const Tokenizer tokenizer(description.dump(), "spm");
  const std::int32_t space = tokenizer.find("▁").value();
  const std::int32_t a = tokenizer.find("a").value();
  StreamDecoder decoder(tokenizer, true);
  EXPECT_EQ(decoder.push(space), "");
  EXPECT_EQ(decoder.push(a), "a");
  EXPECT_EQ(decoder.push(space), "");
  EXPECT_EQ(decoder.push(space), "");
  EXPECT_EQ(decoder.push(space), " ");
  EXPECT_EQ(decoder.push(a), "  a");
  EXPECT_EQ(decoder.push(space), "");
  EXPECT_EQ(decoder.finish(), "");
  EXPECT_EQ(tokenizer.decode(Ids{space}, true), "");
}

// A special token whose text normalization changes is special all the same.
TEST(Tokenizer, LeavesOutNormalizedSpecialTokens) {
  Json description = spm_tokenizer();
  description["added_tokens"][2]["normalized"] = true;  // </s>, which becomes ▁</s>
  const Tokenizer tokenizer(description.dump(), "spm");
  const std::int32_t a = tokenizer.find("a").value();
  EXPECT_EQ(tokenizer.decode(Ids{a, 2}, true), "a");
  EXPECT_EQ(tokenizer.decode(Ids{a, 2}, false), "a </s>");
}

// Texts of a SentencePiece vocabulary are cut where no merge can join: the ids must be those of the
// whole, which a tokenizer that may not cut (ignore_merges) finds.
TEST(Tokenizer, CutsNoTextThatAMergeWouldJoin) {
  Json whole = spm_tokenizer();
  whole["model"]["ignore_merges"] = true;
  const Tokenizer cutting(spm_tokenizer().dump(), "cutting");
  const Tokenizer not_cutting(whole.dump(), "not cutting");
  std::string text;
  for (const char* const file :
       {"model/text/bpe.cpp", "README.md", "tests/golden/text/qwen3.json"}) {
    text += read_file(std::filesystem::path(PEIRA_SOURCE_DIR) / file);
  }
  EXPECT_EQ(cutting.encode(text), not_cutting.encode(text));
}

// Quadratic merging of a million bytes would take minutes.
TEST(Tokenizer, EncodesOneLongWordInGoodTime) {
  const Tokenizer tokenizer(plain_tokenizer().dump(), "plain");
  for (const std::string& word : {std::string("a"), std::string(" "), std::string("\n "),
                                  std::string("é"), std::string("<|im_start|")}) {
    std::string text;
    while (text.size() < 1'000'000) text += word;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), false), text);
  }
}

TEST(Tokenizer, EncodesEquallyFromManyThreads) {
  const Tokenizer tokenizer(plain_tokenizer().dump(), "plain");
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word" + std::to_string(i) + " ";
  const Ids expected = Tokenizer(plain_tokenizer().dump(), "plain").encode(text);
  std::vector<Ids> got(4);
  std::vector<std::thread> threads;
  for (Ids& ids : got) threads.emplace_back([&] { ids = tokenizer.encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (const Ids& ids : got) EXPECT_EQ(ids, expected);
}

TEST(Tokenizer, NamesThePartsItDoesNotSupport) {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json tokenizer = plain_tokenizer();
    tokenizer[Json::json_pointer(pointer)] = value;
    return message_of(tokenizer.dump());
  };
  EXPECT_EQ(with("/normalizer", {{"type", "Precompiled"}}),
            "tokenizer.json: normalizer: type Precompiled is not supported\n"
            "  supported: NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace, "
            "ByteLevel, Sequence");
  EXPECT_EQ(with("/pre_tokenizer", {{"type", "UnicodeScripts"}}),
            "tokenizer.json: pre_tokenizer: type UnicodeScripts is not supported\n"
            "  supported: Sequence, Split, CharDelimiterSplit, Digits, Punctuation, Whitespace, "
            "WhitespaceSplit, BertPreTokenizer, Metaspace, ByteLevel");
  EXPECT_EQ(with("/decoder", {{"type", "WordPiece"}}),
            "tokenizer.json: decoder: type WordPiece is not supported\n"
            "  supported: ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence");
  EXPECT_EQ(with("/post_processor", {{"type", "Odd"}}).substr(0, 59),
            "tokenizer.json: post_processor: type Odd is not supported\n ");
  EXPECT_EQ(with("/model/type", "Unigram"),
            "tokenizer.json: model: type \"Unigram\" is not supported\n  supported: BPE");
  EXPECT_NE(with("/model/dropout", 0.1).find("model: dropout would make"), std::string::npos);
  EXPECT_NE(with("/model/end_of_word_suffix", "</w>").find("end_of_word_suffix \"</w>\""),
            std::string::npos);
  EXPECT_NE(with("/model/surprise", 1).find("model: surprise is not known"), std::string::npos);
}

TEST(Tokenizer, SaysWhereAMalformedFileIsWrong) {
  EXPECT_EQ(message_of(""), "tokenizer.json:1:1: expected a tokenizer: a JSON object");
  EXPECT_EQ(message_of("{\"model\": {\"vocab\": {\"a\": 1.5}}}"),
            "tokenizer.json:1:28: expected an integer but found a fraction");
  EXPECT_EQ(message_of("{\"model\": {\"vocab\": {\"a\": -1}}}"),
            "tokenizer.json:1:29: token id -1 is outside 0 to 4194303");
  EXPECT_EQ(message_of("{\"model\": {\"vocab\": {\"a\": 0, \"b\": 0}}}"),
            "tokenizer.json:1:36: token id 0 is given twice");
  EXPECT_EQ(message_of("{\n \"model\": {\"vocab\": {\"a\": 0},\n \"merges\": [\"a b\"]}}"),
            "tokenizer.json:3:18: merge 0: \"b\" is not in the vocabulary");
  EXPECT_EQ(message_of("{\"model\": {\"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": [\"a b\"]}}"),
            "tokenizer.json:1:55: merge 0: \"ab\" is not in the vocabulary");
  EXPECT_EQ(message_of("{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [\"a b c\"]}}"),
            "tokenizer.json:1:49: merge 0 is not two tokens with a space between");
  EXPECT_EQ(message_of("{\"version\": \"1.0\"}"), "tokenizer.json: has no model");
  EXPECT_EQ(message_of("{\"model\": {\"type\": \"BPE\", \"merges\": []}}"),
            "tokenizer.json: model: has no vocab");
  EXPECT_EQ(message_of("{\"model\": {\"vocab\": {\"a\": 0"),
            "tokenizer.json:1:28: expected ',' or '}' but found the end of the file");
  EXPECT_EQ(message_of("{\"model\": {}} x").substr(0, 15), "tokenizer.json:");
  EXPECT_EQ(message_of("[1]"), "tokenizer.json:1:1: expected a tokenizer: a JSON object");
}

TEST(Tokenizer, SaysWhichPartIsWrong) {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json tokenizer = spm_tokenizer();
    tokenizer[Json::json_pointer(pointer)] = value;
    const std::string message = message_of(tokenizer.dump());
    EXPECT_TRUE(message.starts_with("tokenizer.json: ")) << message;
    return message.substr(std::min<std::size_t>(16, message.size()));
  };
  EXPECT_EQ(with("/normalizer", 5), "normalizer: not an object");
  EXPECT_EQ(with("/normalizer", {{"type", "Prepend"}, {"prepend", 1}}),
            "normalizer: \"prepend\" is not a string");
  EXPECT_EQ(with("/normalizer", {{"type", "Replace"}, {"pattern", {}}, {"content", "x"}}),
            "normalizer: needs a pattern {\"Regex\": \"...\"} or {\"String\": \"...\"}");
  EXPECT_EQ(with("/normalizer", {{"type", "Prepend"}, {"prepend", std::string(5000, 'x')}}),
            "normalizer: Prepend with more than 4096 bytes");
  const Json mark = {{"type", "Metaspace"}, {"replacement", "▁"}};
  const auto metaspace = [&](const char* key, const Json& value) {
    Json out = mark;
    out[key] = value;
    return out;
  };
  EXPECT_EQ(with("/pre_tokenizer", metaspace("replacement", "ab")),
            "pre_tokenizer: \"replacement\" is not one character");
  EXPECT_EQ(with("/pre_tokenizer", metaspace("prepend_scheme", "last")),
            "pre_tokenizer: prepend_scheme last is not known\n  supported: first, never, always");
  Json both = metaspace("prepend_scheme", "first");
  both["add_prefix_space"] = false;
  EXPECT_EQ(with("/pre_tokenizer", both),
            "pre_tokenizer: add_prefix_space is false but prepend_scheme is first");
  EXPECT_EQ(with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", Json(13, mark)}}),
            "pre_tokenizer: more than 12 steps of Metaspace and ByteLevel kind");
  EXPECT_EQ(with("/decoder/decoders/3/start", -1),
            "decoder: start -1 is not an integer from 0 to 1048576");
  EXPECT_EQ(with("/decoder/decoders/0/content", nullptr), "decoder: \"content\" is not a string");
  EXPECT_EQ(with("/post_processor/single", Json::array()),
            "post_processor: \"single\" holds the text 0 times\n  supported: once");
  EXPECT_EQ(with("/post_processor/special_tokens/<s>/ids", {1.5}),
            "post_processor: ids 1.5 is not an integer from 0 to 4194303");
  EXPECT_EQ(with("/model/unk_token", "<none>"),
            "model: unk_token \"<none>\" is not in the vocabulary");
  Json nested = mark;
  for (int i = 0; i < 20; ++i) nested = {{"type", "Sequence"}, {"pretokenizers", {nested}}};
  EXPECT_EQ(with("/pre_tokenizer", nested), "pre_tokenizer: nests deeper than 16 levels");
}

// A normalizer that makes much of little is stopped before the memory is gone.
TEST(Tokenizer, StopsANormalizerThatExplodes) {
  Json description = spm_tokenizer();
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(4000, 'a')}};
  description["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json(20, replace)}};
  const Tokenizer tokenizer(description.dump(), "explosive");
  EXPECT_THROW(tokenizer.encode("aaaaaaaaaa"), Error);
}

TEST(Tokenizer, RefusesPatternsThatAreWrongOrMeanSomethingElse) {
  const auto with = [](const std::string& regex) {
    Json tokenizer = plain_tokenizer();
    tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", regex}};
    return message_of(tokenizer.dump());
  };
  EXPECT_NE(with("(a").find("bad regular expression (a: missing closing parenthesis"),
            std::string::npos);
  EXPECT_NE(with("[a&&b]").find("an intersection of sets, which is not supported"),
            std::string::npos);
  EXPECT_NE(with("[a[bc]]").find("a set inside a set"), std::string::npos);
  EXPECT_NE(with("\\h").find("uses \\h"), std::string::npos);
  EXPECT_NE(with("(?s:.)").find("uses (?s, which is not supported"), std::string::npos);
  EXPECT_NE(with("[a\\W]").find("uses a negated class inside a set"), std::string::npos);
  EXPECT_NE(with("[[:graph:]]").find("uses [:graph:]"), std::string::npos);
  EXPECT_NE(with("\\u00e").find("without four hexadecimal digits"), std::string::npos);
  EXPECT_NE(with("\\p{Nowhere}").find("bad regular expression"), std::string::npos);
  EXPECT_EQ(with("[^\\r\\n[:alpha:]]+|x{2}"), "no error");
}

// A pattern that backtracks without end is stopped by the matcher's own limit.
TEST(Tokenizer, StopsAPatternThatExplodes) {
  Json description = plain_tokenizer();
  description["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", "(a|aa)+$"}};
  const Tokenizer tokenizer(description.dump(), "explosive");
  EXPECT_THROW(tokenizer.encode(std::string(200, 'a') + "b"), Error);
}

TEST(Tokenizer, SurvivesEveryTruncationOfItsFile) {
  const std::string whole = plain_tokenizer().dump();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_THROW(Tokenizer(whole.substr(0, size), "cut"), Error) << size;
  }
}

}  // namespace
}  // namespace peira::model
