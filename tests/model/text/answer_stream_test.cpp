#include "model/text/answer_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/model/text/golden.h"

namespace peira::model {
namespace {

// Expected: thoughts and answer as LanguageModel gives them for the whole text, by hand.
TEST(ReasoningSplit, TakesThoughtsAndAnswerApartHoweverTextIsCut) {
  struct Case {
    bool is_open;
    std::string text, reasoning, answer;
  };
  const std::vector<Case> cases{
      {false, "<think>\nhm\n\nso\n</think>\n\n42\n", "hm\n\nso", "42\n"},
      {false, "\n<think>a<b</thin</think>x</think>", "a<b</thin", "x</think>"},
      {true, "\n\nhm\n</think>\n\nyes", "hm", "yes"},
      {true, "<think>hm</think>yes", "hm", "yes"},
      {true, "never ends \n", "never ends ", ""},
      {false, "plain <think>", "", "plain <think>"},
      {false, "\n<thinker>", "", "\n<thinker>"},
      {false, "<think></think>", "", ""},
  };
  for (const Case& each : cases) {
    for (std::size_t size = 1; size <= each.text.size(); ++size) {
      ReasoningSplit split(each.is_open);
      TextDelta joined;
      for (std::size_t at = 0; at < each.text.size(); at += size) {
        const TextDelta delta = split.push(std::string_view(each.text).substr(at, size));
        joined.text += delta.text;
        joined.reasoning += delta.reasoning;
      }
      EXPECT_EQ(joined.reasoning, each.reasoning) << each.text << " in pieces of " << size;
      EXPECT_EQ(joined.text, each.answer) << each.text << " in pieces of " << size;
    }
  }
}

TEST(AnswerStream, ShowsNothingThatMayBeginAStopString) {
  const OrderedJson golden = test::text_golden("tokenizers.json");
  const Tokenizer tokenizer(golden[0]["tokenizer"].dump(), "tokenizer.json");
  const std::string text = "an answer, END here 😀 ENDED";
  const std::vector<std::int32_t> tokens = tokenizer.encode(text);
  for (const std::vector<std::string>& stop :
       std::vector<std::vector<std::string>>{{}, {"ENDED"}, {"here 😀"}, {"ZZ", "ND"}, {"", "a"}}) {
    AnswerStream stream(tokenizer, stop);
    const std::size_t end = find_stop(text, stop, 0);
    std::string shown;
    bool stopped = false;
    for (std::size_t i = 1; i <= tokens.size() && !stopped; ++i) {
      stopped = stream.take(std::span(tokens).first(i));
      shown += stream.settled();
      EXPECT_TRUE(text.substr(0, end).starts_with(shown)) << shown;
    }
    EXPECT_EQ(stopped, end != std::string::npos);
    EXPECT_EQ(shown, text.substr(0, end));
  }
}

// Special tokens are left out but for those that are shown, whole and as they come.
TEST(AnswerStream, ShowsTheSpecialTokensThatAreText) {
  const OrderedJson golden = test::text_golden("tokenizers.json");
  const Tokenizer tokenizer(golden[0]["tokenizer"].dump(), "tokenizer.json");
  const std::vector<std::int32_t> tokens =
      tokenizer.encode("<|im_start|>one 😀<|im_end|>two<|im_start|>");
  const std::int32_t start = tokenizer.find("<|im_start|>").value();
  ASSERT_TRUE(tokenizer.is_special(start));
  const ShownTokens shown{{start, "<|im_start|>"}};
  EXPECT_EQ(decode_answer(tokenizer, tokens, {}), "one 😀two");
  EXPECT_EQ(decode_answer(tokenizer, tokens, shown), "<|im_start|>one 😀two<|im_start|>");
  // A stop string is found across them.
  AnswerStream stream(tokenizer, {"two<|im_start|>"}, shown);
  std::string text;
  for (std::size_t i = 1; i <= tokens.size(); ++i) {
    EXPECT_EQ(stream.take(std::span(tokens).first(i)), i == tokens.size());
    text += stream.settled();
  }
  EXPECT_EQ(text, "<|im_start|>one 😀");
}

}  // namespace
}  // namespace peira::model
