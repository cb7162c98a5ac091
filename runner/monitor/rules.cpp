#include "runner/monitor/rules.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "runner/durations.h"
#include "runner/json_object.h"

namespace peira::runner {
namespace {

constexpr double kAny = 1e15;

const std::vector<std::string> kMetricWords{
    "latency.p95",         "first_token.p95",         "queue.p95",     "error_rate",
    "success_rate",        "client_error_rate",       "rejected_rate", "requests_per_s",
    "prompt_tokens_per_s", "completion_tokens_per_s", "quality"};

const std::vector<std::string> kRequestKeys{
    "name",    "metric",      "window", "above",  "below", "for",      "min_requests",
    "resolve", "resolve_for", "model",  "source", "route", "evidence", "may_be_absent"};
const std::vector<std::string> kQualityKeys{"name",       "metric",       "window",  "drop",
                                            "suite",      "model",        "history", "min_runs",
                                            "confidence", "may_be_absent"};
std::vector<std::string> all_rule_keys() {
  std::vector<std::string> out = kRequestKeys;
  for (const std::string& key : kQualityKeys) {
    if (std::find(out.begin(), out.end(), key) == out.end()) out.push_back(key);
  }
  return out;
}

std::int64_t duration_of(const JsonObject& object, const std::string& key,
                         const std::string& otherwise) {
  const std::string text = object.text(key, otherwise);
  if (text == "0" || text == "0s") return 0;
  try {
    return parse_duration_ms(text);
  } catch (const Error& error) {
    object.fail(key, error.what());
  }
}

// "latency.p99.9" -> 0.999.
double percentile_of(const JsonObject& rule, const std::string& metric) {
  const std::string text = metric.substr(metric.find(".p") + 2);
  char* end = nullptr;
  const double percent = std::strtod(text.c_str(), &end);
  const bool is_plain = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
  if (!is_plain || *end != '\0' || !(percent > 0 && percent < 100)) {
    rule.fail("metric", "\"" + metric.substr(0, 60) +
                            "\" is no percentile between 0 and 100\n  try: latency.p95");
  }
  return percent / 100;
}

void read_metric(const JsonObject& object, AlertRule& rule) {
  rule.metric_text = object.required_text("metric");
  static const std::array<std::pair<std::string, AlertMetric>, 3> kLatencies{
      {{"latency.p", AlertMetric::kLatency},
       {"first_token.p", AlertMetric::kFirstToken},
       {"queue.p", AlertMetric::kQueue}}};
  for (const auto& [prefix, metric] : kLatencies) {
    if (!rule.metric_text.starts_with(prefix)) continue;
    rule.metric = metric;
    rule.percentile = percentile_of(object, rule.metric_text);
    return;
  }
  static_cast<void>(object.word("metric", "", kMetricWords));
  static const std::array<std::pair<std::string, AlertMetric>, 8> kOthers{
      {{"error_rate", AlertMetric::kErrorRate},
       {"success_rate", AlertMetric::kSuccessRate},
       {"client_error_rate", AlertMetric::kClientErrorRate},
       {"rejected_rate", AlertMetric::kRejectedRate},
       {"requests_per_s", AlertMetric::kRequestsPerS},
       {"prompt_tokens_per_s", AlertMetric::kPromptTokensPerS},
       {"completion_tokens_per_s", AlertMetric::kTokensPerS},
       {"quality", AlertMetric::kQuality}}};
  for (const auto& [name, metric] : kOthers) {
    if (rule.metric_text == name) rule.metric = metric;
  }
}

void read_threshold(const JsonObject& object, AlertRule& rule) {
  const bool is_share = !rule.is_latency() && !rule.is_throughput();
  const double most = is_share ? 1 : kAny;
  rule.above = object.number("above", 0, most);
  rule.below = object.number("below", 0, most);
  if (rule.above.has_value() == rule.below.has_value()) {
    object.fail("", "exactly one of \"above\" and \"below\" must be given");
  }
  const double threshold = rule.above ? *rule.above : *rule.below;
  // A tenth of hysteresis; of shares near one, a tenth of what is missing.
  const double tenth = is_share && threshold > 0.5 ? (1 - threshold) / 10 : threshold / 10;
  rule.resolve = object.number("resolve", 0, most)
                     .value_or(rule.above ? threshold - tenth : threshold + tenth);
  if (rule.above ? rule.resolve > threshold : rule.resolve < threshold) {
    object.fail("resolve", rule.above ? "must not be higher than \"above\""
                                      : "must not be lower than \"below\"");
  }
}

AlertRule read_rule(const JsonObject& object, std::set<std::string>& names) {
  AlertRule rule;
  read_metric(object, rule);
  const bool is_quality = rule.metric == AlertMetric::kQuality;
  const std::vector<std::string>& mine = is_quality ? kQualityKeys : kRequestKeys;
  for (const std::string& key : all_rule_keys()) {
    if (object.find(key) == nullptr || std::count(mine.begin(), mine.end(), key) > 0) continue;
    object.fail(key, is_quality ? "is of rules over requests, not of quality"
                                : "is of quality, not of rules over requests");
  }
  rule.name = object.text("name", rule.metric_text);
  if (!names.insert(rule.name).second) {
    object.fail("name", "\"" + rule.name + "\" is another rule's already\n  try: a name each");
  }
  rule.window_ms = duration_of(object, "window", is_quality ? "7d" : "5m");
  if (rule.window_ms == 0) object.fail("window", "must not be nothing");
  rule.filter.model = object.text("model", "");
  rule.may_be_absent = object.boolean("may_be_absent").value_or(false);
  if (is_quality) {
    rule.suite = object.text("suite", "");
    rule.drop = object.number("drop", 0, 1).value_or(0);
    rule.confidence = object.number("confidence", 0.5, 0.999999).value_or(0.99);
    rule.history = static_cast<int>(object.whole("history", 1, 1000).value_or(8));
    rule.min_runs = static_cast<int>(object.whole("min_runs", 1, rule.history).value_or(1));
    rule.for_ms = rule.resolve_ms = 0;
    return rule;
  }
  read_threshold(object, rule);
  rule.filter.source = object.word("source", "", {"serve", "run"});
  rule.filter.route = object.text("route", "");
  rule.by_interval = object.word("evidence", "interval", {"interval", "point"}) == "interval";
  rule.min_requests =
      object.whole("min_requests", 0, 1'000'000'000).value_or(rule.is_throughput() ? 0 : 20);
  if (!rule.is_throughput()) rule.min_requests = std::max<std::int64_t>(1, rule.min_requests);
  rule.for_ms = duration_of(object, "for", "1m");
  rule.resolve_ms = duration_of(object, "resolve_for", "2m");
  return rule;
}

AlertSink read_sink(const JsonObject& object, const std::filesystem::path& folder) {
  AlertSink sink;
  static_cast<void>(object.required_text("type"));
  const std::string type = object.word("type", "", {"log", "webhook"});
  if (type == "log") {
    for (const char* const key : {"url", "retries", "timeout"}) {
      if (object.find(key) != nullptr) object.fail(key, "is of webhooks, not of logs");
    }
    sink.file = object.text("file", "");
    if (!sink.file.empty()) sink.file = (folder / sink.file).lexically_normal().string();
    return sink;
  }
  sink.kind = AlertSink::Kind::kWebhook;
  if (object.find("file") != nullptr) object.fail("file", "is of logs, not of webhooks");
  sink.url = object.required_text("url");
  const bool is_known = sink.url.starts_with("http://") || sink.url.starts_with("https://") ||
                        (sink.url.starts_with("env:") && sink.url.size() > 4);
  if (!is_known) {
    object.fail("url", "must begin with http:// or https://, or be env:NAME of a variable");
  }
  sink.retries = static_cast<int>(object.whole("retries", 0, 20).value_or(3));
  sink.timeout_ms = duration_of(object, "timeout", "10s");
  if (sink.timeout_ms < 1000 || sink.timeout_ms > 300'000) {
    object.fail("timeout", "must be from 1s to 5m");
  }
  return sink;
}

}  // namespace

std::string AlertRule::filter_text() const {
  std::string out;
  const auto add = [&](const char* what, const std::string& value) {
    if (!value.empty()) out += std::string(out.empty() ? "" : ", ") + what + " " + value;
  };
  add("suite", suite);
  add("model", filter.model);
  add("source", filter.source);
  add("route", filter.route);
  return out;
}

AlertRules parse_alert_rules(const std::string& text, const std::filesystem::path& file) {
  const Json value = parse_json(text, file.string());
  const JsonObject top(value, file.string(), "", {"every", "rules", "sinks"});
  AlertRules out;
  out.where = file.string();
  out.every_ms = duration_of(top, "every", "10s");
  if (out.every_ms < 100 || out.every_ms > 86'400'000) {
    top.fail("every", "must be from 100ms to 24h");
  }
  std::set<std::string> names;
  for (const JsonObject& rule : top.objects("rules", all_rule_keys())) {
    out.rules.push_back(read_rule(rule, names));
  }
  if (out.rules.empty()) top.fail("rules", "must be a list of at least one rule");
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  for (const JsonObject& sink :
       top.objects("sinks", {"type", "file", "url", "retries", "timeout"})) {
    out.sinks.push_back(read_sink(sink, folder));
  }
  if (out.sinks.empty()) out.sinks.emplace_back();
  return out;
}

AlertRules read_alert_rules(const std::string& file) {
  if (file == "default") return parse_alert_rules(default_alert_rules(), "default");
  return parse_alert_rules(read_file(file), file);
}

const std::string& default_alert_rules() {
  static const std::string kText = R"({
  "every": "10s",
  "rules": [
    {"name": "slow answers", "metric": "latency.p95", "window": "5m", "above": 10,
     "min_requests": 20, "for": "1m", "resolve": 9, "resolve_for": "2m"},
    {"name": "server errors", "metric": "error_rate", "window": "5m", "above": 0.05,
     "min_requests": 20, "for": "1m", "resolve_for": "2m"},
    {"name": "client errors", "metric": "client_error_rate", "window": "1h", "above": 0.2,
     "min_requests": 20, "for": "5m", "resolve_for": "10m"},
    {"name": "quality", "metric": "quality", "window": "7d", "drop": 0, "confidence": 0.99,
     "may_be_absent": true}
  ],
  "sinks": [{"type": "log"}]
}
)";
  return kText;
}

}  // namespace peira::runner
