// Rules held against what was recorded: one reading at a time, and what the readings of a while
// make of it. An alert fires when its condition held at every look for as long as the rule says,
// and is resolved when the value was back for as long: one slow request does neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/monitor/monitor_store.h"
#include "runner/monitor/quality_history.h"
#include "runner/monitor/rules.h"
#include "runner/monitor/window.h"

namespace peira::runner {

// What one look at a rule's window says.
struct RuleReading {
  enum class State {
    kFine,       // back on the good side of `resolve`
    kBetween,    // neither that nor shown to be beyond the threshold
    kBreach,     // beyond the threshold
    kTooLittle,  // too few requests to say
    kNothing,    // no requests at all, where there is no value without them
  };
  State state = State::kNothing;
  std::optional<double> value, low, high;  // in the metric's units; 95 % but of quality
  std::int64_t num_requests = 0;
  std::string text;  // "p95 of latency 12.3 s (95 % CI 11.0 to 14.2) over 240 requests in 5m"
};

// Of all rules but those of quality.
RuleReading read_requests(const AlertRule& rule, const WindowSummary& window);

// The worst of the series that have a run in the rule's window; where one is in breach, that one.
RuleReading read_quality(const AlertRule& rule, const Store& store, std::int64_t now_ms);

// What becomes of one rule's readings.
// threads: one at a time.
class AlertTracker {
 public:
  enum class State { kOk, kPending, kFiring };

  explicit AlertTracker(const AlertRule& rule)
      : for_ms_(rule.for_ms), resolve_ms_(rule.resolve_ms) {}

  // The next look, at a time not before the last one's. True: it fired or was resolved just now.
  bool step(std::int64_t now_ms, RuleReading::State reading);
  State state() const { return state_; }
  // Since when it is pending or firing; the condition's begin, not the firing's.
  std::int64_t since_ms() const { return since_ms_; }

 private:
  std::int64_t for_ms_, resolve_ms_;
  State state_ = State::kOk;
  std::int64_t since_ms_ = 0;
  std::optional<std::int64_t> fine_since_ms_;  // while firing
};

std::string to_string(AlertTracker::State state);  // "ok", "pending", "firing"

struct RuleStatus {
  AlertTracker::State state = AlertTracker::State::kOk;
  std::int64_t since_ms = 0;
  RuleReading reading;
};

// All rules of a file.
// threads: one at a time.
class AlertBoard {
 public:
  // The states that the looks of the time before `now_ms` lead to, had there been any: so that a
  // board that begins now knows what has held for a while.
  AlertBoard(AlertRules rules, const std::filesystem::path& store, std::int64_t now_ms);

  // A look at all rules. Returns what fired or was resolved, in the file's order.
  std::vector<AlertEvent> look(std::int64_t now_ms);

  const AlertRules& rules() const { return rules_; }
  const std::vector<RuleStatus>& status() const { return status_; }  // [rules]
  bool is_firing() const;

 private:
  std::vector<RuleReading> read_all(std::int64_t now_ms, bool with_quality);

  AlertRules rules_;
  std::filesystem::path path_;
  std::vector<AlertTracker> trackers_;
  std::vector<RuleStatus> status_;
};

// {"rule", "metric", "state", "value", ...} of one rule.
OrderedJson to_json(const AlertRule& rule, const RuleStatus& status);

}  // namespace peira::runner
