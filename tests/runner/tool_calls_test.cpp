// Calls in what models write. The texts are of the forms that the families' own chat templates
// write calls in.
#include "runner/serve/tool_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"

namespace peira::runner {
namespace {

using ::testing::ElementsAre;

struct Read {
  std::string text, reasoning;
  std::vector<ToolCall> calls;
  bool operator==(const Read&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Read& read) {
  out << "text \"" << read.text << "\" reasoning \"" << read.reasoning << "\"";
  for (const ToolCall& call : read.calls) out << " call " << call.name << call.arguments;
  return out;
}

const std::set<std::string> kNames{"get_weather", "get_time"};

void add(Read& read, ToolCallReader::Piece piece) {
  read.text += piece.text;
  read.reasoning += piece.reasoning;
  for (ToolCall& call : piece.calls) read.calls.push_back(std::move(call));
}

// What is read of `text` in pieces that end at `cuts`.
Read read_in_pieces(ToolDialect dialect, const std::string& text, std::vector<std::size_t> cuts) {
  ToolCallReader reader(dialect, kNames);
  Read read;
  std::size_t at = 0;
  cuts.push_back(text.size());
  for (const std::size_t cut : cuts) {
    add(read, reader.push({text.substr(at, cut - at), ""}));
    at = cut;
  }
  add(read, reader.finish());
  return read;
}

// Whole, a character at a time, and cut at each one place: all must be the same.
Read read_of(ToolDialect dialect, const std::string& text) {
  const Read whole = read_in_pieces(dialect, text, {});
  std::vector<std::size_t> all;
  for (std::size_t i = 1; i < text.size(); ++i) {
    all.push_back(i);
    EXPECT_EQ(read_in_pieces(dialect, text, {i}), whole) << "cut at " << i;
  }
  EXPECT_EQ(read_in_pieces(dialect, text, all), whole);
  return whole;
}

const ToolCall kParis{"get_weather", R"({"city":"Paris"})"};
const ToolCall kOslo{"get_time", R"({"city":"Oslo","zone":[1,2]})"};

TEST(ToolCalls, OfHermesStandAmongText) {
  const auto read = [](const std::string& text) { return read_of(ToolDialect::kHermes, text); };
  EXPECT_EQ(read("<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
                 "\"Paris\"}}\n</tool_call>"),
            (Read{"", "", {kParis}}));
  EXPECT_EQ(read("Let me look.\n\n<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": "
                 "\"Paris\"}}</tool_call>\n<tool_call>\n{\"arguments\": {\"city\": \"Oslo\", "
                 "\"zone\": [1, 2]}, \"name\": \"get_time\"}\n</tool_call>\n"),
            (Read{"Let me look.", "", {kParis, kOslo}}));
  // The closing mark is a text of the arguments too.
  EXPECT_EQ(read(R"(<tool_call>{"name": "get_weather", "arguments": {"city": "</tool_call> \"}"}})"
                 "</tool_call>")
                .calls,
            (std::vector<ToolCall>{{"get_weather", R"({"city":"</tool_call> \"}"})"}}));
  // Arguments written as a text once more, and none at all.
  EXPECT_EQ(read(R"(<tool_call>{"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"})"
                 "</tool_call>"),
            (Read{"", "", {kParis}}));
  EXPECT_EQ(read(R"(<tool_call>{"name": "get_time"}</tool_call>)"),
            (Read{"", "", {{"get_time", "{}"}}}));
  // Where the closing mark is the end token, it is not in the text.
  EXPECT_EQ(read(R"(<tool_call>{"name": "get_time", "arguments": {}})"),
            (Read{"", "", {{"get_time", "{}"}}}));
  for (const char* const text :
       {"Just text, with a < b and <tool", "<tool_call>",
        "<tool_call>get_weather(Paris)</tool_call>",
        "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Par",
        "<tool_call>{\"name\": 7, \"arguments\": {}}</tool_call> then",
        "<tool_call>{\"name\": \"x y\", \"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": {}} and more</tool_call>",
        "<tool_call>{name: f}</tool_call>", "  spaces around  ", ""}) {
    EXPECT_EQ(read(text), (Read{text, "", {}}));
  }
  // A call behind one that is none.
  EXPECT_EQ(read("<tool_call><tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": "
                 "\"Paris\"}}</tool_call>"),
            (Read{"<tool_call>", "", {kParis}}));
}

TEST(ToolCalls, OfMistralFollowTheirMark) {
  const auto read = [](const std::string& text) { return read_of(ToolDialect::kMistral, text); };
  EXPECT_EQ(read(R"([TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}, )"
                 R"({"name": "get_time", "arguments": {"city": "Oslo", "zone": [1, 2]}}])"),
            (Read{"", "", {kParis, kOslo}}));
  EXPECT_EQ(read(R"(Looking. [TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]get_time)"
                 R"([CALL_ID]a1b2c3d4e[ARGS]{"city": "Oslo", "zone": [1, 2]})"),
            (Read{"Looking.", "", {kParis, kOslo}}));
  for (const char* const text :
       {"[TOOL", "[1, 2, 3] is a list", "[TOOL_CALLS]", "[TOOL_CALLS][]", "[TOOL_CALLS][{\"name\"",
        "[TOOL_CALLS]get_weather{\"city\": 1}", "[TOOL_CALLS]get_weather[ARGS][1]",
        "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}}] and text"}) {
    EXPECT_EQ(read(text), (Read{text, "", {}}));
  }
}

TEST(ToolCalls, OfLlamaStandAloneAndAreKnown) {
  const auto read = [](const std::string& text) { return read_of(ToolDialect::kLlama, text); };
  EXPECT_EQ(read(R"({"name": "get_weather", "parameters": {"city": "Paris"}})"),
            (Read{"", "", {kParis}}));
  EXPECT_EQ(read(R"(<|python_tag|>{"type": "function", "name": "get_weather", "parameters": )"
                 R"({"city": "Paris"}}; {"name": "get_time", "parameters": {"city": "Oslo", )"
                 R"("zone": [1, 2]}})"),
            (Read{"", "", {kParis, kOslo}}));
  // A JSON answer is an answer.
  for (const char* const text :
       {R"({"name": "Ada", "parameters": {"born": 1815}})", R"({"name": "get_weather")",
        R"({"name": "get_weather", "parameters": {"city": "Paris"}} as you asked)",
        R"(The call is {"name": "get_weather", "parameters": {}})", "{", "<|py", "<b>"}) {
    EXPECT_EQ(read(text), (Read{text, "", {}}));
  }
}

TEST(ToolCalls, OfHarmonyAreMessagesToFunctions) {
  const auto read = [](const std::string& text) { return read_of(ToolDialect::kHarmony, text); };
  EXPECT_EQ(read("<|channel|>analysis<|message|>Need the weather.<|end|><|start|>assistant"
                 "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
                 "{\"city\": \"Paris\"}<|call|>"),
            (Read{"", "Need the weather.", {kParis}}));
  // The recipient in the role's place, and the end token not in the text.
  EXPECT_EQ(
      read(" to=functions.get_weather<|channel|>commentary json<|message|>{\"city\":\"Paris\"}"),
      (Read{"", "", {kParis}}));
  EXPECT_EQ(read("<|channel|>analysis<|message|>Think < twice.<|end|><|start|>assistant<|channel|>"
                 "final<|message|>It is 42."),
            (Read{"It is 42.", "Think < twice.", {}}));
  EXPECT_EQ(read("<|channel|>commentary<|message|>I will look.<|end|><|start|>assistant to="
                 "functions.get_time<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"),
            (Read{"I will look.", "", {{"get_time", "{}"}}}));
  EXPECT_EQ(read("<|channel|>commentary to=functions.get_weather<|message|>{\"city\": \"Par"),
            (Read{"{\"city\": \"Par", "", {}}));
  // Nobody declared a function.
  ToolCallReader reader(ToolDialect::kHarmony, {});
  Read none;
  add(none, reader.push({"<|channel|>commentary to=functions.f<|message|>{}<|call|>", ""}));
  add(none, reader.finish());
  EXPECT_EQ(none, (Read{"{}", "", {}}));
  EXPECT_EQ(read("plain answer <|"), (Read{"plain answer <|", "", {}}));
  EXPECT_EQ(read("<|channel|>analysis"), (Read{"", "", {}}));
  EXPECT_EQ(read("<|end|><|call|>x<|end|>y"), (Read{"xy", "", {}}));
}

TEST(ToolCalls, WithoutADialectAreText) {
  const std::string text = R"(<tool_call>{"name": "f"}</tool_call>)";
  EXPECT_EQ(read_of(ToolDialect::kNone, text), (Read{text, "", {}}));
}

// Texts put together from all that means something anywhere: no piecing changes what is read, no
// text is lost where nothing is called, and none of it takes long or crashes.
TEST(ToolCalls, OfAnyTextDependOnNoPieces) {
  // clang-format off
  const std::vector<std::string> words{
      "[TOOL_CALLS]get_weather[ARGS]{\"a\": 1}", "<tool_call>", "</tool_call>", "{\"name\": \"get_weather\", \"arguments\": {\"a\": 1}}",
      "{", "}", "[", "]",
      "\"", "\\", ";", " ",
      "\n", "x", "[TOOL_CALLS]", "[ARGS]",
      "[CALL_ID]", "<|python_tag|>", "<|channel|>", "<|message|>",
      "<|start|>", "<|end|>", "<|call|>", "analysis",
      "commentary to=functions.get_time", "final", "assistant", " to=",
      "get_weather", "{\"name\": \"get_time\", \"parameters\": {}}", "<", "<|",
      "\xE2\x82\xAC", "\xFF"};
  // clang-format on
  std::mt19937_64 random(5);
  for (const ToolDialect dialect :
       {ToolDialect::kHermes, ToolDialect::kMistral, ToolDialect::kLlama, ToolDialect::kHarmony}) {
    int called = 0;
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (std::uint64_t n = random() % 12; n > 0; --n) text += words[random() % words.size()];
      const Read whole = read_in_pieces(dialect, text, {});
      std::vector<std::size_t> cuts;
      for (std::size_t i = 1; i < text.size(); ++i) {
        if (random() % 3 == 0) cuts.push_back(i);
      }
      ASSERT_EQ(read_in_pieces(dialect, text, cuts), whole) << text;
      called += whole.calls.empty() ? 0 : 1;
      if (whole.calls.empty() && dialect != ToolDialect::kHarmony) {
        ASSERT_EQ(whole.text, text);
      }
    }
    EXPECT_GT(called, 0);
  }
}

TEST(ToolCalls, NestingHasAnEnd) {
  const std::string deep =
      "<tool_call>{\"name\": \"f\", \"arguments\": " + std::string(100'000, '[') +
      std::string(100'000, ']') + "}</tool_call>";
  EXPECT_EQ(read_in_pieces(ToolDialect::kHermes, deep, {}), (Read{deep, "", {}}));
}

// A million bytes one by one: what looks at all that is held each time would take minutes.
TEST(ToolCalls, LongOnesCostNoMoreInPieces) {
  const std::string value = std::string(1'000'000, 'x');
  const std::string object = "{\"name\": \"get_time\", \"arguments\": {\"a\": \"" + value + "\"}}";
  for (const auto& [dialect, text] : std::vector<std::pair<ToolDialect, std::string>>{
           {ToolDialect::kHermes, "<tool_call>" + object + "</tool_call>"},
           {ToolDialect::kMistral, "[TOOL_CALLS][" + object + "]"},
           {ToolDialect::kLlama, object},
           {ToolDialect::kHarmony,
            "<|channel|>commentary to=functions.get_time<|message|>{\"a\": \"" + value +
                "\"}<|call|>"}}) {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < text.size(); ++i) cuts.push_back(i);
    EXPECT_EQ(read_in_pieces(dialect, text, cuts).calls,
              (std::vector<ToolCall>{{"get_time", "{\"a\":\"" + value + "\"}"}}));
  }
}

TEST(ToolCalls, DialectsAreKnownByTheirTemplates) {
  EXPECT_EQ(tool_dialect_of("{{- '<tool_call>\\n{\"name\": ' }}"), ToolDialect::kHermes);
  EXPECT_EQ(tool_dialect_of("<tool_call><function=x>"), ToolDialect::kNone);
  EXPECT_EQ(tool_dialect_of("{{ '[TOOL_CALLS] [' }}"), ToolDialect::kMistral);
  EXPECT_EQ(tool_dialect_of("Environment: ipython ... {\"name\": x, \"parameters\": y}"),
            ToolDialect::kLlama);
  EXPECT_EQ(tool_dialect_of("<|start|>assistant<|channel|>final<|message|>"),
            ToolDialect::kHarmony);
  EXPECT_EQ(tool_dialect_of("{{ messages }}"), ToolDialect::kNone);
}

TEST(ToolCalls, NamesComeFromTheDeclarations) {
  EXPECT_THAT(tool_names(parse_ordered_json(
                             R"([{"type": "function", "function": {"name": "f"}},
                      {"type": "function", "function": {"name": "a.b-c", "parameters": {}}}])",
                             "tools"),
                         "tools"),
              ElementsAre("a.b-c", "f"));
  for (const char* const bad : {R"([7])", R"([{}])", R"([{"function": {"name": 7}}])",
                                R"([{"function": {"name": "no spaces"}}])"}) {
    EXPECT_THROW(tool_names(parse_ordered_json(bad, "tools"), "tools"), Error) << bad;
  }
}

}  // namespace
}  // namespace peira::runner
