#include "abtest/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace peira::abtest {
namespace {

using testing::HasSubstr;

Json declaration() {
  return Json::parse(R"({
    "id": "prompt_v2", "description": "shorter prompt",
    "variants": [{"key": "control", "share": 33.33}, {"key": "new", "share": 66.67}],
    "metrics": [{"name": "solved", "type": "proportion"}, "latency:p95:guardrail:lower:margin=10%"],
    "coverage": 12.5, "layer": {"name": "rag", "ranges": [[0, 4000], [9000, 10000]]},
    "holdout": {"name": "2026q4", "share": 5}, "condition": {"country": "DE"}, "sticky": true,
    "forced": {"me": "new"}, "monitoring": "anytime", "alpha": 0.01})");
}

std::string error_of(const Json& json) {
  try {
    parse_experiment(json, "exp.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

std::string error_with(const std::string& key, const Json& value) {
  Json json = declaration();
  json[key] = value;
  return error_of(json);
}

TEST(Experiment, IsReadAndWrittenTheSame) {
  const Experiment experiment = parse_experiment(declaration(), "exp.json");
  EXPECT_EQ(experiment.shares(), (std::vector<int>{3333, 6667}));
  EXPECT_EQ(experiment.coverage, 1250);
  EXPECT_EQ(experiment.salt, "prompt_v2");
  EXPECT_EQ(experiment.metrics[1].quantile, 0.95);
  EXPECT_DOUBLE_EQ(experiment.metrics[1].margin, 0.1);
  EXPECT_TRUE(experiment.metrics[1].margin_is_relative);
  const OrderedJson written = to_json(experiment);
  const Experiment back = parse_stored_experiment(Json(written), "store");
  EXPECT_EQ(dump_json(to_json(back)), dump_json(written));
}

TEST(Experiment, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(
      error_with("variants", Json::parse(R"([{"key":"a","share":50},{"key":"b","share":40}])")),
      HasSubstr("add up to 90 %, not 100"));
  EXPECT_THAT(
      error_with("variants", Json::parse(R"([{"key":"a","share":50},{"key":"a","share":50}])")),
      HasSubstr("two variants are called 'a'"));
  EXPECT_THAT(error_with("variants",
                         Json::parse(R"([{"key":"a","share":33.333},{"key":"b","share":66.667}])")),
              HasSubstr("multiple of 0.01"));
  EXPECT_THAT(error_with("variants", Json::parse(R"([{"key":"a","share":100}])")),
              HasSubstr("at least two"));
  EXPECT_THAT(error_with("hash_mode", "md5_100"), HasSubstr("whole percents only"));
  EXPECT_THAT(error_with("hash_mode", "md5"), HasSubstr("exp.json: hash mode 'md5' is not known"));
  EXPECT_THAT(error_with("metrics", Json::array()), HasSubstr("measures at least one"));
  EXPECT_THAT(error_with("metrics", Json::parse(R"([{"name":"x","typo":1}])")),
              HasSubstr("typo: is not known"));
  EXPECT_THAT(error_with("colour", 1), HasSubstr("exp.json: colour: is not known"));
  EXPECT_THAT(error_with("coverage", "all"), HasSubstr("coverage: must be a number"));
  EXPECT_THAT(error_with("layer", Json::parse(R"({"name":"x","ranges":[[5,20000]]})")),
              HasSubstr("[5, 20000)"));
  EXPECT_THAT(error_with("condition", Json::parse(R"({"a":{"$x":1}})")), HasSubstr("'$x'"));
  EXPECT_THAT(error_with("forced", Json::parse(R"({"me":"nobody"})")), HasSubstr("'nobody'"));
  EXPECT_THAT(error_with("id", "a:b"), HasSubstr("A-Z a-z 0-9 _ . -"));
  EXPECT_THAT(error_with("namespace", Json::parse(R"({"id":"n"})")), HasSubstr("fnv1a"));
  EXPECT_THAT(error_with("alpha", 0.7), HasSubstr("alpha"));
  Json missing = declaration();
  missing.erase("variants");
  EXPECT_THAT(error_of(missing), HasSubstr("variants: is missing"));
  EXPECT_THAT(error_of(Json::array()), HasSubstr("must be an object"));
}

TEST(Metric, HasAShortForm) {
  const Metric metric = parse_metric("cost:mean:guardrail:lower:margin=0.02:cap=5:missing=zero");
  EXPECT_EQ(metric.name, "cost");
  EXPECT_EQ(metric.role, MetricRole::kGuardrail);
  EXPECT_EQ(metric.better, stats::Better::kLower);
  EXPECT_DOUBLE_EQ(metric.margin, 0.02);
  EXPECT_DOUBLE_EQ(*metric.cap, 5);
  EXPECT_TRUE(metric.missing_is_zero);
  EXPECT_THROW(parse_metric("cost:median"), Error);
  EXPECT_THROW(parse_metric("cost:guardrail"), Error);
  EXPECT_THROW(parse_metric("cost:cap=x"), Error);
}

}  // namespace
}  // namespace peira::abtest
