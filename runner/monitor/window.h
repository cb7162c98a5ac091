// What the requests of a stretch of time come to: counts, shares, latencies, rates, errors.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "runner/monitor/monitor_store.h"
#include "stats/intervals.h"

namespace peira::runner {

// Of the answered requests; exact, from every one of them.
struct LatencySummary {
  std::int64_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

// Requests of one kind of content: "text", "text+image".
struct ModalityShare {
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
};

struct ErrorGroup {
  RequestOutcome outcome = RequestOutcome::kFailed;
  std::string error_class;
  std::int64_t count = 0;
  std::int64_t first_ms = 0, last_ms = 0;
  std::vector<std::string> examples;  // ids of the last ones, newest first
};

struct WindowSummary {
  std::int64_t from_ms = 0, to_ms = 0;
  // Of the window, how long at least one recorder was alive: what rates are taken over.
  double recorded_s = 0;
  std::array<std::int64_t, kNumRequestOutcomes> outcomes{};
  std::int64_t num_dropped = 0;  // requests that were answered but could not be recorded
  std::int64_t num_crashed = 0;  // recorders that ended in it without saying so
  LatencySummary total, first_token, queue;
  // Tokens a second of one answer once its first token is there, of answers of two tokens and more.
  LatencySummary generation_rate;
  // Sorted, of the answered; for percentiles beyond those above and their intervals.
  std::vector<double> totals, first_tokens, queues;
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  ModalityTokens media_tokens = {};  // of prompt_tokens, where told
  std::map<std::string, ModalityShare> modalities;
  std::map<std::string, std::int64_t> models;  // requests by model
  std::vector<ErrorGroup> errors;              // most frequent first

  std::int64_t count(RequestOutcome outcome) const {
    return outcomes[static_cast<std::size_t>(outcome)];
  }
  std::int64_t num_requests() const;
  // Requests that the server's side answers for: neither cancelled nor the client's own error.
  std::int64_t num_accountable() const;
  std::int64_t num_server_errors() const;  // of those: rejected, timeout, failed
  // Empty without requests. ok / all; errors / accountable.
  std::optional<double> success_rate() const;
  std::optional<double> error_rate() const;
  // Per second of recorded_s; empty while that is under a second.
  std::optional<double> rate(std::int64_t count) const;
};

// Takes requests in the order of their end.
// threads: one at a time.
class WindowAccumulator {
 public:
  WindowAccumulator(std::int64_t from_ms, std::int64_t to_ms);
  // Ignored if it is not of the window.
  void add(const RequestRecord& request, const std::string& model);
  WindowSummary finish(const std::vector<MonitorSession>& sessions, std::int64_t num_dropped) &&;

 private:
  WindowSummary summary_;
  std::vector<double> generation_rates_;
  std::map<std::pair<RequestOutcome, std::string>, ErrorGroup> errors_;
};

// The windows (to_ms - length, to_ms] for each of `lengths_ms`, in one pass over the longest.
std::vector<WindowSummary> summarize_windows(const MonitorStore& store, std::int64_t to_ms,
                                             const std::vector<std::int64_t>& lengths_ms,
                                             const RequestFilter& filter);

// Keeps its order; times as UTC text, rates and shares as numbers or null.
OrderedJson to_json(const WindowSummary& window);

}  // namespace peira::runner
