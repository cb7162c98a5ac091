#include "model/text/guided/guided_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "base/utf8.h"

namespace peira::model::guided {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Every byte, then pieces that cross the borders of what grammars tell apart.
std::shared_ptr<const Vocabulary> small_vocabulary() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  for (const char* const piece :
       {"",      "{\"", "\":", "\": ", "\"}", "\",", ", \"", "}}",   "null",       "true", "tru",
        "12",    "-1",  "0.",  "ab",   "abc", "a\"", "é",    "\xC3", "\xC3\xA9\"", "日本", "\\n",
        "\\u00", "[[",  "]]",  "],[",  "1,",  "1}",  "ab",   " ",    "  "}) {
    tokens.emplace_back(piece);
  }
  return std::make_shared<const Vocabulary>(std::move(tokens));
}

std::shared_ptr<const GuidedGrammar> regex_grammar(const std::string& pattern) {
  static const auto vocabulary = small_vocabulary();
  return compile_regex(pattern, vocabulary, "--regex");
}
std::shared_ptr<const GuidedGrammar> schema_grammar(const std::string& schema) {
  static const auto vocabulary = small_vocabulary();
  return compile_json_schema(parse_ordered_json(schema, "schema.json"), vocabulary, "schema.json");
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

OrderedJson golden() {
  const auto path = std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/guided/guided.json";
  return parse_ordered_json(read_file(path), path.string());
}

// tests/golden/guided/make_guided.py: Python's re.fullmatch.
TEST(GuidedRegex, AcceptsWhatPythonMatches) {
  const OrderedJson cases = golden().at("regexes");
  ASSERT_EQ(cases.size(), 65U);
  for (const OrderedJson& golden_case : cases) {
    const auto pattern = golden_case.at("pattern").get<std::string>();
    SCOPED_TRACE(pattern);
    const auto matching = golden_case.at("match").get<std::vector<std::string>>();
    std::shared_ptr<const GuidedGrammar> grammar;
    try {
      grammar = regex_grammar(pattern);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("no text matches"));
      EXPECT_TRUE(matching.empty());
      continue;
    }
    for (const std::string& text : matching) EXPECT_TRUE(grammar->accepts(text)) << text;
    for (const OrderedJson& text : golden_case.at("other")) {
      EXPECT_FALSE(grammar->accepts(text.get<std::string>())) << text;
    }
  }
}

// The same script: Python's jsonschema, values spelled by json.dumps.
TEST(GuidedSchema, AcceptsWhatJsonschemaDoes) {
  const OrderedJson cases = golden().at("schemas");
  ASSERT_EQ(cases.size(), 84U);
  for (const OrderedJson& golden_case : cases) {
    SCOPED_TRACE(golden_case.at("schema").dump());
    const auto grammar = schema_grammar(golden_case.at("schema").dump());
    for (const OrderedJson& text : golden_case.at("valid")) {
      EXPECT_TRUE(grammar->accepts(text.get<std::string>())) << text;
    }
    for (const OrderedJson& text : golden_case.at("invalid")) {
      EXPECT_FALSE(grammar->accepts(text.get<std::string>())) << text;
    }
  }
}

TEST(GuidedSchema, WhiteSpaceIsASpaceBehindCommaOrColon) {
  const auto grammar = schema_grammar(R"({"type": "object", "properties": {"a": {}, "b": {}}})");
  EXPECT_TRUE(grammar->accepts(R"({"a":1, "b": 2})"));
  EXPECT_FALSE(grammar->accepts(R"({ "a":1})"));
  EXPECT_FALSE(grammar->accepts(R"({"a" :1})"));
  EXPECT_FALSE(grammar->accepts(R"({"a":  1})"));
  EXPECT_FALSE(grammar->accepts(R"({"a":1 })"));
  EXPECT_FALSE(grammar->accepts("{\"a\":1,\n\"b\":2}"));
  EXPECT_FALSE(grammar->accepts(R"({"b":1,"a":2})"));  // order of declaration
}

TEST(GuidedRegex, KnowsCategoriesOfUnicode) {
  EXPECT_TRUE(regex_grammar(R"(\p{Lu}\p{Ll}+)")->accepts("Straße"));
  EXPECT_TRUE(regex_grammar(R"(\p{L}+)")->accepts("日本語ñ"));
  EXPECT_FALSE(regex_grammar(R"(\p{L}+)")->accepts("a1"));
  EXPECT_TRUE(regex_grammar(R"([^\p{L}]+)")->accepts("12 €"));
  EXPECT_TRUE(regex_grammar(R"(\P{N}+)")->accepts("a b"));
  EXPECT_FALSE(regex_grammar(R"(.)")->accepts("\xC3"));          // half a character
  EXPECT_FALSE(regex_grammar(R"(.)")->accepts("\xED\xA0\x80"));  // a surrogate
  EXPECT_FALSE(regex_grammar(R"(.)")->accepts("\xC0\x80"));      // overlong
}

TEST(GuidedRegex, RefusesWithPlaceAndReason) {
  const auto refused = [](const std::string& pattern, const std::string& what) {
    EXPECT_THAT(error_of([&] { (void)regex_grammar(pattern); }),
                testing::AllOf(StartsWith("--regex: "), HasSubstr(what)))
        << pattern;
  };
  refused("a(?=b)", "character 4: lookahead is not supported");
  refused("(?<!a)b", "lookbehind is not supported");
  refused(R"((a)\1)", "a backreference is not supported");
  refused(R"(\bword)", "a word boundary is not supported");
  refused("(?i)a", "flags are not supported");
  refused("(a", "a group is not closed");
  refused("a)", "unmatched )");
  refused("[a", "a class is not closed");
  refused("[b-a]", "a range in the wrong order");
  refused("*a", "nothing to repeat");
  refused("a**", "repeated twice");
  refused("a{3,2}", "wrong order");
  refused("a{,3}", "ambiguous");
  refused(R"(\p{Greek})", R"(\p{Greek} is not supported)");
  refused(R"(\q)", R"(\q is not supported)");
  refused("a\\", "a backslash at the end");
  refused("a$b", "no text matches");
  refused("\xFF", "not valid UTF-8");
  refused("((a{1,1000}){1,1000}){1,1000}", "expands to more than 50000 states");
  refused("(a?){40000}", "expands to more than");
  refused(std::string(1000, '(') + std::string(1000, ')'), "groups nest deeper than 200");
}

TEST(GuidedSchema, RefusesNamingThePointer) {
  const auto refused = [](const std::string& schema, const std::string& what) {
    EXPECT_THAT(error_of([&] { (void)schema_grammar(schema); }),
                testing::AllOf(StartsWith("schema.json: "), HasSubstr(what)))
        << schema;
  };
  refused(R"({"properties": {"age": {"multipleOf": 0.3}}})",
          "#/properties/age/multipleOf: multipleOf 0.3 is not supported");
  refused(R"({"not": {}})", "#: not is not supported");
  refused(R"({"items": {"uniqueItems": true}})", "#/items: uniqueItems true is not supported");
  refused(R"({"minLenght": 3})", "\"minLenght\" is no keyword");
  refused(R"({"type": "text"})", "#/type: there is no type text");
  refused(R"({"type": "string", "format": "iri"})", "format \"iri\" is not supported");
  refused(R"({"$ref": "other.json"})", "leads out of the document");
  refused(R"({"$ref": "#/$defs/a"})", "there is no #/$defs");
  refused(R"({"$ref": "#"})", "leads back to itself");
  refused(R"({"anyOf": [{"type": "null"}, {"$ref": "#"}]})", "leads back to itself");
  refused(R"({"items": [{}]})", "#/items: a list of schemas is an older draft's");
  refused(R"({"properties": 3})", "#/properties: must be an object, is number");
  refused(R"([1])", "#: a schema must be an object or a boolean, is array");
  refused(R"-({"type": "string", "pattern": "(?=a)"})-",
          "#/pattern: pattern, character 3: lookahead");
  refused(R"({"type": "string", "maxLength": 99999999})", "expands to more than");
  refused(R"({"type": "string", "maxLength": -1})", "#/maxLength: must be an integer from 0 on");
}

TEST(GuidedSchema, SaysWhyNothingObeys) {
  const auto impossible = [](const std::string& schema, const std::string& why) {
    EXPECT_THAT(
        error_of([&] { (void)schema_grammar(schema); }),
        testing::AllOf(StartsWith("schema.json: no value obeys the schema: #"), HasSubstr(why)))
        << schema;
  };
  impossible("false", "#: false allows no value");
  impossible(R"({"enum": []})", "#/enum: an empty list");
  impossible(R"({"type": "integer", "minimum": 5, "maximum": 3})", "minimum 5, maximum 3");
  impossible(R"({"type": "integer", "minimum": 1, "maximum": 6, "multipleOf": 7})",
             "multiple of 7");
  impossible(R"({"type": "string", "minLength": 3, "maxLength": 2})", "no text obeys its length");
  impossible(R"({"type": "string", "pattern": "^a$", "minLength": 2})", "no text obeys its length");
  impossible(R"({"type": "array", "minItems": 3, "maxItems": 2})",
             "minItems 3 is above maxItems 2");
  impossible(R"({"type": "object", "required": ["x"], "additionalProperties": false})",
             "the required property \"x\" is forbidden by #/additionalProperties: false");
  impossible(R"({"allOf": [{"type": "string"}, {"type": "null"}]})", "types exclude each other");
  impossible(R"({"enum": [1, 2], "type": "string"})", "none of the values");
  impossible(R"({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]})",
             "only a value without end");
  impossible(
      R"({"type": "object", "properties": {"n": {"type": "integer", "minimum": 2, "maximum": 1}},
                 "required": ["n"]})",
      "#/properties/n: no number");
}

TEST(GuidedSchema, BlowUpsEndInAnError) {
  std::string doubling = R"({"$defs": {"d0": {"minimum": 0})";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "{\"$ref\": \"#/$defs/d" + std::to_string(i - 1) + "\"}";
    doubling += ", \"d" + std::to_string(i) + "\": {\"allOf\": [" + last + ", " + last + "]}";
  }
  EXPECT_THAT(error_of([&] { (void)schema_grammar(doubling + R"(}, "$ref": "#/$defs/d39"})"); }),
              HasSubstr("more than 2000 schemas"));
  std::string choices = R"({"allOf": [)";
  for (int i = 0; i < 30; ++i) {
    choices += std::string(i == 0 ? "" : ",") + R"({"anyOf": [{"minimum": 1}, {"maximum": 5}]})";
  }
  EXPECT_THAT(error_of([&] { (void)schema_grammar(choices + "]}"); }),
              HasSubstr("multiply to more than 1000"));
}

// --- masks: against trying every token by itself ---

void expect_masks_are_exact(const GuidedGrammar& grammar, std::uint64_t seed) {
  const auto vocabulary = small_vocabulary();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    const auto guide = grammar.start();
    std::string text;
    for (int step = 0; step < 40; ++step) {
      const std::span<const std::uint64_t> mask = guide->allowed();
      ASSERT_EQ(mask.size(), (vocabulary->size() + 63) / 64);
      std::vector<std::int32_t> allowed;
      for (std::size_t id = 0; id < vocabulary->size(); ++id) {
        const bool is_set = (mask[id / 64] >> (id % 64) & 1) != 0;
        // A token fits if a fresh guide takes the text and then it, byte for byte.
        const auto fresh = grammar.start();
        bool fits = !vocabulary->bytes(static_cast<std::int32_t>(id)).empty();
        for (const char c : text + vocabulary->bytes(static_cast<std::int32_t>(id))) {
          const auto byte = static_cast<unsigned char>(c);
          fits = fits && (fresh->allowed()[byte / 64] >> (byte % 64) & 1) != 0;
          if (!fits) break;
          fresh->accept(byte);
        }
        ASSERT_EQ(is_set, fits) << text << " | "
                                << vocabulary->bytes(static_cast<std::int32_t>(id));
        if (is_set) allowed.push_back(static_cast<std::int32_t>(id));
      }
      ASSERT_EQ(guide->may_end(), grammar.accepts(text)) << text;
      ASSERT_EQ(guide->must_end(), allowed.empty()) << text;
      if (allowed.empty() || (guide->may_end() && random() % 4 == 0)) break;
      const std::int32_t token = allowed[random() % allowed.size()];
      guide->accept(token);
      text += vocabulary->bytes(token);
    }
  }
}

TEST(GuidedMask, IsWhatEveryTokenAloneWouldBe) {
  expect_masks_are_exact(*regex_grammar("(ab|a\\d+)*é?"), 1);
  expect_masks_are_exact(*regex_grammar("-?(0|[1-9][0-9]*)(\\.[0-9]{1,3})?"), 2);
  expect_masks_are_exact(
      *schema_grammar(R"({"type": "object", "properties": {"a": {"type": "integer", "minimum": -3,
        "maximum": 120}, "ab": {"type": "string", "maxLength": 4}, "c": {"enum": [null, true, "é"]}},
        "required": ["a"], "additionalProperties": false})"),
      3);
  expect_masks_are_exact(*schema_grammar(R"({"type": "array", "items": {"anyOf": [{"$ref": "#"},
        {"type": "integer"}]}})"),
                         4);
}

// Random walks end in texts that are JSON and that a fresh grammar accepts; none gets stuck.
TEST(GuidedMask, EveryWayOnLeadsToAnEnd) {
  const auto vocabulary = small_vocabulary();
  const OrderedJson cases = golden().at("schemas");
  ASSERT_EQ(cases.size(), 84U);
  for (const OrderedJson& golden_case : cases) {
    SCOPED_TRACE(golden_case.at("schema").dump());
    const auto grammar = schema_grammar(golden_case.at("schema").dump());
    std::mt19937_64 random(5);
    for (int round = 0; round < 10; ++round) {
      const auto guide = grammar->start();
      std::string text;
      for (int step = 0; step < 60 && !guide->must_end(); ++step) {
        const std::span<const std::uint64_t> mask = guide->allowed();
        std::vector<std::int32_t> allowed;
        for (std::size_t id = 0; id < vocabulary->size(); ++id) {
          if ((mask[id / 64] >> (id % 64) & 1) != 0)
            allowed.push_back(static_cast<std::int32_t>(id));
        }
        ASSERT_TRUE(!allowed.empty() || guide->may_end()) << text;
        const std::int32_t token = allowed[random() % allowed.size()];
        guide->accept(token);
        text += vocabulary->bytes(token);
        if (guide->may_end()) {
          ASSERT_TRUE(grammar->accepts(text));
          ASSERT_TRUE(OrderedJson::accept(text)) << text;
        }
      }
    }
  }
}

// A vocabulary without single bytes beyond letters: what it cannot spell is left out or refused.
TEST(GuidedMask, KeepsToWhatTheVocabularyCanSpell) {
  const auto letters =
      std::make_shared<const Vocabulary>(std::vector<std::string>{"a", "b", "", "ab", "c!"});
  const auto guide = compile_regex("[a-z]{1,2}!?", letters, "r")->start();
  EXPECT_EQ(guide->allowed()[0], 0b01011U);  // "c!" begins with a byte that is no token
  EXPECT_THAT(error_of([&] { (void)compile_regex("[0-9]", letters, "r"); }),
              HasSubstr("the vocabulary lacks"));
}

// A tokenizer that drops one space at the start of a text: " yes" there writes "yes".
TEST(GuidedMask, KnowsWhatTheFirstTokenLoses) {
  const std::vector<std::string> tokens{" ", "y", "e", "s", " yes", "  ", "yes"};
  const std::vector<std::string> at_start{"", "y", "e", "s", "yes", " ", "yes"};
  const auto vocabulary = std::make_shared<const Vocabulary>(tokens, at_start);
  const auto mask = [&](const std::string& pattern, std::initializer_list<int> written) {
    const auto guide = compile_regex(pattern, vocabulary, "r")->start();
    for (const int token : written) guide->accept(token);
    return guide->allowed()[0];
  };
  EXPECT_EQ(mask("yes", {}), 0b1010010U);
  EXPECT_EQ(mask(" yes", {}), 0b0100000U);  // "  ", of which one is left
  EXPECT_EQ(mask(" yes", {5}), 0b1000010U);
  EXPECT_EQ(mask("( yes| )*", {5}), 0b1110011U);
  EXPECT_EQ(mask("( yes| )*", {5, 4}), 0b0110001U);
  const auto none = std::make_shared<const Vocabulary>(std::vector<std::string>{" ", "y"},
                                                       std::vector<std::string>{"", "y"});
  EXPECT_THAT(error_of([&] { (void)compile_regex(" y", none, "r"); }),
              HasSubstr("no token can be the first"));
}

}  // namespace
}  // namespace peira::model::guided
