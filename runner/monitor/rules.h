// Alert rules: what must not happen to a model's requests or to its scores, from a JSON file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/monitor/monitor_store.h"

namespace peira::runner {

// What a rule watches.
enum class AlertMetric {
  kLatency,      // "latency.p95": whole requests, answered ones
  kFirstToken,   // "first_token.p99"
  kQueue,        // "queue.p50"
  kErrorRate,    // "error_rate": rejected, timed out, failed; of all but the client's own errors
  kSuccessRate,  // "success_rate": answered, of all
  kClientErrorRate,   // "client_error_rate", of all
  kRejectedRate,      // "rejected_rate", of all
  kRequestsPerS,      // "requests_per_s"
  kPromptTokensPerS,  // "prompt_tokens_per_s"
  kTokensPerS,        // "completion_tokens_per_s"
  kQuality,           // "quality": the newest run of a suite against those before it
};

struct AlertRule {
  std::string name;
  std::string metric_text;  // as written: "latency.p95"
  AlertMetric metric = AlertMetric::kLatency;
  double percentile = 0.95;  // of the three latencies, in (0, 1)
  std::int64_t window_ms = 300'000;
  // Exactly one for all but quality: firing beyond it ...
  std::optional<double> above, below;
  // ... and resolving only when the value is back at this: below `above`, above `below`.
  double resolve = 0;
  std::int64_t min_requests = 20;     // fewer say nothing
  std::int64_t for_ms = 60'000;       // so long it must hold before it fires
  std::int64_t resolve_ms = 120'000;  // and so long it must be back
  // Whether the 95 % interval must lie beyond the threshold, not the value alone.
  bool by_interval = true;
  bool may_be_absent = false;  // too little data is no trouble of its own
  RequestFilter filter;
  // Of quality:
  std::string suite;         // "" is any
  double drop = 0;           // more than so much must be lost, in score units
  double confidence = 0.99;  // of the interval of the loss
  int history = 8;           // runs compared with, at most
  int min_runs = 1;          // and at least

  bool is_latency() const {
    return metric == AlertMetric::kLatency || metric == AlertMetric::kFirstToken ||
           metric == AlertMetric::kQueue;
  }
  bool is_throughput() const {
    return metric == AlertMetric::kRequestsPerS || metric == AlertMetric::kPromptTokensPerS ||
           metric == AlertMetric::kTokensPerS;
  }
  // "model X, route chat"; "" for all requests.
  std::string filter_text() const;
};

struct AlertSink {
  enum class Kind { kLog, kWebhook };
  Kind kind = Kind::kLog;
  std::string file;  // of kLog; "": standard error
  std::string url;   // of kWebhook, or "env:NAME" holding it
  int retries = 3;
  std::int64_t timeout_ms = 10'000;  // of an attempt
};

struct AlertRules {
  std::string where;  // the file, for messages
  std::int64_t every_ms = 10'000;
  std::vector<AlertRule> rules;
  std::vector<AlertSink> sinks;  // without any in the file: the log on standard error
};

// The rules in `file`, or the default ones for "default". Paths in it start at its folder.
// throws  Error(kData) "file: rules[0].windov: no such key; allowed: ...\n  try: window";
//         Error(kUnavailable): unreadable.
AlertRules read_alert_rules(const std::string& file);
// The same of its text.
AlertRules parse_alert_rules(const std::string& text, const std::filesystem::path& file);

// p95 of latency above 10 s, more than 5 % of server errors, more than 20 % of requests refused as
// the client's error, any drop of quality that is shown: as a file to begin with.
const std::string& default_alert_rules();

}  // namespace peira::runner
