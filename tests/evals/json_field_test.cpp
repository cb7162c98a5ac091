#include "evals/extractors/json_field.h"

#include <gtest/gtest.h>

namespace peira::evals {
namespace {

std::string field(const std::string& reply, const std::string& pointer = "/answer") {
  const auto found = extract_json_field(reply, nlohmann::json_pointer<std::string>(pointer));
  return found ? std::string(found->rule) + ": " + found->text : "nothing";
}

TEST(JsonField, TakesAMemberOfAReplyThatIsJson) {
  EXPECT_EQ(field(R"( {"why": "17 + 25", "answer": 42}
)"),
            "json-field: 42");
  EXPECT_EQ(field(R"({"answer": "B"})"), "json-field: B");
  EXPECT_EQ(field(R"({"answer": "\u00e9\n"})"), "json-field: \xC3\xA9\n");
  EXPECT_EQ(field(R"({"answer": true})"), "json-field: true");
  EXPECT_EQ(field(R"({"answer": ["a", {"b": 1}]})"), "json-field: [\"a\",{\"b\":1}]");
  EXPECT_EQ(field(R"({"answer": 1, "answer": 2})"), "json-field: 2") << "as Python's json has it";
}

TEST(JsonField, FollowsAPointer) {
  const std::string reply = R"({"steps": [{"result": 1.50}, {"result": 2.50}], "a/b": {"": 7.0}})";
  EXPECT_EQ(field(reply, "/steps/1/result"), "json-field: 2.50");
  EXPECT_EQ(field(reply, "/steps/0/result"), "json-field: 1.50");
  EXPECT_EQ(field(reply, "/a~1b/"), "json-field: 7.0");
  EXPECT_EQ(field(reply, "/steps/2/result"), "nothing");
  EXPECT_EQ(field(reply, "/steps/x"), "nothing");
  EXPECT_EQ(field("12.0", ""), "json-field: 12.0");
}

// A double would make 3.141592653589793 and 1.2345678901234568e+29 of them.
TEST(JsonField, KeepsNumbersAsWritten) {
  EXPECT_EQ(field(R"({"answer": 3.14159265358979323846})"), "json-field: 3.14159265358979323846");
  EXPECT_EQ(field(R"({"x": [1, 2.5], "answer": 123456789012345678901234567890})"),
            "json-field: 123456789012345678901234567890");
  EXPECT_EQ(field(R"({"answer": -7})"), "json-field: -7");
  EXPECT_EQ(field(R"({"answer": 18446744073709551615})"), "json-field: 18446744073709551615");
}

TEST(JsonField, FindsJsonInTheLastBlock) {
  EXPECT_EQ(field("So:\n```json\n{\"answer\": 1}\n```\nor rather\n```\n{\"answer\": 2}\n```\ndone"),
            "json-field-fenced: 2");
  EXPECT_EQ(field("```json\n{\"answer\": 1}\n```\n```json\n{\"ans"), "json-field-fenced: 1");
  EXPECT_EQ(field("```json\n{\"answer\": 1}"), "nothing");
}

TEST(JsonField, FindsNothingInWhatIsNone) {
  EXPECT_EQ(field(""), "nothing");
  EXPECT_EQ(field("42"), "nothing");
  EXPECT_EQ(field(R"({"answer": null})"), "nothing");
  EXPECT_EQ(field(R"({"answer": 4)"), "nothing");
  EXPECT_EQ(field(R"({"Answer": 4})"), "nothing");
  EXPECT_EQ(field(std::string(100'000, '[')), "nothing");
  EXPECT_EQ(field("{\"answer\": \"\xFF\"}"), "json-field: \xEF\xBF\xBD");
}

}  // namespace
}  // namespace peira::evals
