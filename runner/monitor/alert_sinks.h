// Where alerts go: lines of a log, JSON posted to a webhook.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "runner/monitor/monitor_store.h"
#include "runner/monitor/rules.h"

namespace peira::runner {

// "2026-11-27T02:15:00Z ALERT slow answers: p95 of latency 12 s ...", or "... resolved ...".
std::string alert_line(const AlertEvent& event);
// {"event": "fired", "rule", "metric", "at", "filter", "text"}.
OrderedJson alert_json(const AlertEvent& event);

struct AlertSinksOptions {
  std::chrono::milliseconds first_wait{1000};  // before a webhook is tried again; doubles
  // At the end, how long what is still to be posted may take.
  std::chrono::milliseconds patience{10'000};
  // What could not be delivered, a line each; from any thread. {}: standard error.
  std::function<void(const std::string&)> on_note = {};
};

// Webhooks are posted to by a thread of their own, in order, so that one that does not answer keeps
// nobody waiting; what could not be delivered after all retries is told and counted.
//
// threads: send() from one at a time.
class AlertSinks {
 public:
  // throws  Error(kUnavailable): the variable of an "env:NAME" is not set, or a log cannot be
  //         written.
  explicit AlertSinks(const std::vector<AlertSink>& sinks, AlertSinksOptions options = {});
  // Posts what is left, within the patience.
  ~AlertSinks();
  AlertSinks(const AlertSinks&) = delete;
  AlertSinks& operator=(const AlertSinks&) = delete;

  void send(const AlertEvent& event);
  int num_undelivered() const;

 private:
  struct Webhook;
  std::vector<std::string> files_;  // "": standard error
  std::vector<std::unique_ptr<Webhook>> webhooks_;
  AlertSinksOptions options_;
};

}  // namespace peira::runner
