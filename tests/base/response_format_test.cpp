#include "base/response_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace peira {
namespace {

using ::testing::HasSubstr;

ResponseFormat read(const std::string& text) {
  return read_response_format(parse_ordered_json(text, "test"), "s.json:response_format");
}

TEST(ResponseFormat, KeepsTheOrderOfProperties) {
  const ResponseFormat format = read(
      R"({"type": "json_schema", "schema": {"properties": {"why": {}, "answer": {}}, "type": "object"}})");
  EXPECT_EQ(format.kind, ResponseFormat::Kind::kJsonSchema);
  EXPECT_EQ(format.where, "s.json:response_format.schema");
  EXPECT_EQ(dump_json(format.schema), R"({"properties":{"why":{},"answer":{}},"type":"object"})");
  const ResponseFormat other = read(
      R"({"type": "json_schema", "schema": {"properties": {"answer": {}, "why": {}}, "type": "object"}})");
  EXPECT_NE(canonical_json(format), canonical_json(other));
}

TEST(ResponseFormat, IsEqualInManifestsWhereverItStood) {
  ResponseFormat format = read(R"({"pattern": "[A-D]", "type": "regex"})");
  EXPECT_EQ(format.pattern, "[A-D]");
  const Json canonical = canonical_json(format);
  EXPECT_EQ(canonical, (Json{{"type", "regex"}, {"pattern", "[A-D]"}}));
  format.where = "elsewhere";
  EXPECT_EQ(canonical_json(format), canonical);
  EXPECT_TRUE(read(R"({"type": "text"})").is_free());
  EXPECT_TRUE(canonical_json(ResponseFormat()).is_null());
}

TEST(ResponseFormat, RefusesWhatItDoesNotKnow) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      read(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      return error.what();
    }
    return "taken";
  };
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {"3", "must be an object, is number"},
           {"{}", "\"type\" is missing"},
           {R"({"type": 1})", "\"type\" is missing or no text"},
           {R"({"type": "json_object"})", "there is no type \"json_object\""},
           {R"({"type": "json_schema"})", "\"schema\" is missing"},
           {R"({"type": "json_schema", "schema": "a"})", "\"schema\" must be an object"},
           {R"({"type": "regex", "pattern": 1})", "\"pattern\" must be a text"},
           {R"({"type": "regex", "pattern": "a", "schema": {}})", "has no \"schema\""},
           {R"({"type": "text", "pattern": "a"})", "has no \"pattern\""}}) {
    EXPECT_THAT(refusal(text), HasSubstr(words)) << text;
    EXPECT_THAT(refusal(text), HasSubstr("s.json:response_format: ")) << text;
  }
}

}  // namespace
}  // namespace peira
