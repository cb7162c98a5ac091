#include "abtest/condition.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace peira::abtest {
namespace {

bool meets(const std::string& attributes, const std::string& condition) {
  return meets_condition(Json::parse(attributes), Json::parse(condition));
}

struct Case {
  const char* attributes;
  const char* condition;
  bool expected;
};

// Written from the published rules of GrowthBook's SDKs; its own 235 cases pass as well.
TEST(Condition, FollowsTheRules) {
  const Case cases[] = {
      {R"({})", R"({})", true},
      {R"({"country": "DE"})", R"({"country": "DE"})", true},
      {R"({"country": "de"})", R"({"country": "DE"})", false},
      {R"({"a": {"b": {"c": 3}}})", R"({"a.b.c": {"$gte": 3}})", true},
      {R"({"a": {"b": 3}})", R"({"a.b.c": null})", true},
      {R"({"age": "18"})", R"({"age": {"$gte": 18}})", true},  // text beside a number
      {R"({"age": "x"})", R"({"age": {"$gte": 18}})", false},  // no number at all
      {R"({"v": "10"})", R"({"v": {"$lt": "9"}})", true},      // two texts compare as texts
      {R"({})", R"({"age": {"$lt": 18}})", true},              // missing is null is 0
      {R"({"x": 1})", R"({"x": {"$exists": true}})", true},
      {R"({"x": null})", R"({"x": {"$exists": false}})", true},
      {R"({"tags": ["a", "b"]})", R"({"tags": {"$in": ["b", "c"]}})", true},
      {R"({"tags": ["a", "b"]})", R"({"tags": {"$nin": ["b"]}})", false},
      {R"({"tag": "B"})", R"({"tag": {"$ini": ["b"]}})", true},
      {R"({"tags": ["a", "b"]})", R"({"tags": {"$all": ["a", "b"]}})", true},
      {R"({"tags": ["a"]})", R"({"tags": {"$size": {"$gt": 1}}})", false},
      {R"({"n": [1, 25]})", R"({"n": {"$elemMatch": {"$gt": 20}}})", true},
      {R"({"o": [{"k": 1}, {"k": 2}]})", R"({"o": {"$elemMatch": {"k": 2}}})", true},
      {R"({"m": "gpt-5"})", R"({"m": {"$regex": "^gpt-[0-9]$"}})", true},
      {R"({"m": "GPT-5"})", R"({"m": {"$regexi": "^gpt-[0-9]$"}})", true},
      {R"({"m": "x"})", R"({"m": {"$regex": "("}})", false},  // no regular expression
      {R"({"v": "1.10.0"})", R"({"v": {"$vgt": "1.9.9"}})", true},
      {R"({"v": "2.0.0-rc.1"})", R"({"v": {"$vlt": "2.0.0"}})", true},
      {R"({"v": "v2.0.0+build"})", R"({"v": {"$veq": "2.0.0"}})", true},
      {R"({"a": 1, "b": 2})", R"({"$or": [{"a": 2}, {"b": 2}]})", true},
      {R"({"a": 1, "b": 2})", R"({"$nor": [{"a": 2}, {"b": 2}]})", false},
      {R"({"a": 1})", R"({"$not": {"a": 1}})", false},
      {R"({"a": 1})", R"({"a": {"$gt": 0, "$lt": 1}})", false},
      {R"({"a": 1})", R"({"a": {"$what": 1}})", false},
      {R"({"a": 1})", R"({"a": {"$type": "number"}})", true}};
  for (const Case& c : cases) {
    EXPECT_EQ(meets(c.attributes, c.condition), c.expected) << c.attributes << " " << c.condition;
  }
}

TEST(Condition, LooksUpGroups) {
  const Json groups{{"staff", {1, "2"}}};
  EXPECT_TRUE(meets_condition({{"id", "2"}}, {{"id", {{"$inGroup", "staff"}}}}, groups));
  EXPECT_FALSE(meets_condition({{"id", 2}}, {{"id", {{"$inGroup", "staff"}}}}, groups));
  EXPECT_TRUE(meets_condition({{"id", 2}}, {{"id", {{"$notInGroup", "other"}}}}, groups));
}

// A pattern that would take a naive matcher for ever, and nesting that would take the stack.
TEST(Condition, SurvivesHostileOnes) {
  EXPECT_FALSE(
      meets_condition({{"m", std::string(60, 'a') + "!"}}, {{"m", {{"$regex", "^(a+)+$"}}}}));
  std::string deep = "1";
  for (int i = 0; i < 300; ++i) deep = R"({"$not": )" + deep + "}";
  EXPECT_FALSE(meets(R"({"a": 1})", R"({"a": )" + deep + "}"));
}

TEST(Condition, IsCheckedWhenWritten) {
  check_condition(Json::parse(R"({"$or": [{"a": {"$in": [1]}}], "b": {"$vgte": "1.0"}})"));
  EXPECT_THROW(check_condition(Json::parse(R"({"a": {"$gte2": 1}})")), Error);
  EXPECT_THROW(check_condition(Json::parse("[]")), Error);
}

}  // namespace
}  // namespace peira::abtest
