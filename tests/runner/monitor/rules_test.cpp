// Rule files: what they may say and how mistakes are told.
#include "runner/monitor/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace peira::runner {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    (void)parse_alert_rules(text, "rules.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "taken";
}

std::string of_rule(const std::string& members) {
  return refusal(R"({"rules": [{"metric": "latency.p95", "above": 1}, {)" + members + "}]}");
}

TEST(AlertRules, DefaultsAreReadAsTheyStand) {
  const AlertRules rules = read_alert_rules("default");
  ASSERT_EQ(rules.rules.size(), 4U);
  EXPECT_EQ(rules.every_ms, 10'000);
  EXPECT_EQ(rules.rules[0].metric, AlertMetric::kLatency);
  EXPECT_DOUBLE_EQ(rules.rules[0].percentile, 0.95);
  EXPECT_EQ(rules.rules[0].above, 10);
  EXPECT_EQ(rules.rules[0].resolve, 9);
  EXPECT_EQ(rules.rules[0].window_ms, 300'000);
  EXPECT_TRUE(rules.rules[0].by_interval);
  EXPECT_EQ(rules.rules[3].metric, AlertMetric::kQuality);
  ASSERT_EQ(rules.sinks.size(), 1U);
  EXPECT_EQ(rules.sinks[0].kind, AlertSink::Kind::kLog);
}

TEST(AlertRules, ReadWhatIsWritten) {
  const AlertRules rules = parse_alert_rules(R"({"every": "30s", "rules": [
      {"name": "tail", "metric": "first_token.p99.9", "window": "1h", "above": 2.5, "for": "0s",
       "evidence": "point", "model": "m", "source": "serve", "route": "chat"},
      {"metric": "requests_per_s", "below": 0.5},
      {"metric": "success_rate", "below": 0.99},
      {"metric": "quality", "suite": "gpqa", "drop": 0.02, "history": 3}],
      "sinks": [{"type": "webhook", "url": "env:HOOK", "retries": 1, "timeout": "5s"},
                {"type": "log", "file": "alerts.log"}]})",
                                             "/etc/peira/rules.json");
  EXPECT_DOUBLE_EQ(rules.rules[0].percentile, 0.999);
  EXPECT_EQ(rules.rules[0].for_ms, 0);
  EXPECT_FALSE(rules.rules[0].by_interval);
  EXPECT_EQ(rules.rules[0].filter_text(), "model m, source serve, route chat");
  EXPECT_NEAR(rules.rules[1].resolve, 0.55, 1e-12);
  EXPECT_EQ(rules.rules[1].min_requests, 0);
  EXPECT_NEAR(rules.rules[2].resolve, 0.991, 1e-12);
  EXPECT_EQ(rules.rules[3].history, 3);
  EXPECT_EQ(rules.sinks[0].url, "env:HOOK");
  EXPECT_EQ(rules.sinks[0].timeout_ms, 5'000);
  EXPECT_EQ(rules.sinks[1].file, "/etc/peira/alerts.log");
}

TEST(AlertRules, NameTheMistakeAndWhatMayStandThere) {
  EXPECT_THAT(refusal("{"), HasSubstr("rules.json:1:"));
  EXPECT_EQ(refusal("[]"), "rules.json: must be an object, is an empty list");
  EXPECT_EQ(refusal(R"({"rulez": []})"),
            "rules.json: rulez: no such key; allowed: every, rules, sinks\n  try: rules");
  EXPECT_EQ(refusal("{}"), "rules.json: rules: must be a list of at least one rule");
  EXPECT_THAT(of_rule(R"("metric": "latency.p95", "abov": 1)"),
              HasSubstr("rules.json: rules[1].abov: no such key; allowed: name, metric, window"));
  EXPECT_THAT(of_rule(R"("metric": "latency.p95", "abov": 1)"), HasSubstr("\n  try: above"));
  EXPECT_THAT(of_rule(R"("metric": "eror_rate", "above": 0.1)"),
              HasSubstr("rules[1].metric: \"eror_rate\" is none of: latency.p95"));
  EXPECT_THAT(of_rule(R"("metric": "eror_rate", "above": 0.1)"), HasSubstr("try: error_rate"));
  EXPECT_THAT(of_rule(R"("metric": "latency.p100", "above": 1)"), HasSubstr("no percentile"));
  EXPECT_THAT(of_rule(R"("metric": "latency.p9x", "above": 1)"), HasSubstr("no percentile"));
  EXPECT_THAT(of_rule(R"("above": 1)"), HasSubstr("rules[1].metric: is missing"));
  EXPECT_THAT(of_rule(R"("metric": "error_rate")"), HasSubstr("exactly one of"));
  EXPECT_THAT(of_rule(R"("metric": "error_rate", "above": 0.1, "below": 0.2)"),
              HasSubstr("exactly one of"));
  EXPECT_THAT(of_rule(R"("metric": "error_rate", "above": 5)"),
              HasSubstr("must be a number from 0 to 1, is 5"));
  EXPECT_THAT(of_rule(R"("metric": "error_rate", "above": 0.1, "resolve": 0.2)"),
              HasSubstr("resolve: must not be higher than \"above\""));
  EXPECT_THAT(of_rule(R"("metric": "error_rate", "above": 0.1, "window": "soon")"),
              HasSubstr("rules[1].window: \"soon\": not a length of time"));
  EXPECT_THAT(of_rule(R"("metric": "latency.p95", "above": 1)"),
              HasSubstr("rules[1].name: \"latency.p95\" is another rule's already"));
  EXPECT_THAT(of_rule(R"("metric": "quality", "above": 1)"), HasSubstr("not of quality"));
  EXPECT_THAT(of_rule(R"("metric": "error_rate", "above": 0.1, "drop": 1)"),
              HasSubstr("drop: is of quality"));
  EXPECT_THAT(of_rule(R"("metric": "error_rate", "above": 0.1, "source": "all")"),
              HasSubstr("\"all\" is none of: serve, run"));
  const auto of_sink = [](const std::string& members) {
    return refusal(R"({"rules": [{"metric": "error_rate", "above": 0.1}], "sinks": [{)" + members +
                   "}]}");
  };
  EXPECT_THAT(of_sink(""), HasSubstr("sinks[0].type: is missing"));
  EXPECT_THAT(of_sink(R"("type": "mail")"), HasSubstr("\"mail\" is none of: log, webhook"));
  EXPECT_THAT(of_sink(R"("type": "webhook")"), HasSubstr("url: is missing"));
  EXPECT_THAT(of_sink(R"("type": "webhook", "url": "ftp://x")"), HasSubstr("must begin with http"));
  EXPECT_THAT(of_sink(R"("type": "log", "url": "http://x")"), HasSubstr("is of webhooks"));
}

}  // namespace
}  // namespace peira::runner
