// Where a monitor keeps requests: tables of its own in the store's file, made when absent.
//
// monitor_sessions: a row a recorder (a serving process, a run's client), with the time up to which
// it was seen alive, so that a quiet hour can be told from an hour in which nobody recorded.
// monitor_requests: a row a request. monitor_drops: requests that could not be kept, by when.
// monitor_alerts: alerts that fired and were resolved.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/sqlite.h"
#include "runner/monitor/request_record.h"

namespace peira::runner {

// Which requests are meant; "" is any.
struct RequestFilter {
  std::string model, source, route;
  auto operator<=>(const RequestFilter&) const = default;
};

struct MonitorSession {
  std::int64_t key = 0;
  std::string source;  // "serve", "run"
  std::string model;
  std::int64_t began_ms = 0;
  std::int64_t alive_ms = 0;  // last seen alive
  bool has_ended = false;     // by itself; else it still lives or was killed
  std::int64_t num_recorded = 0, num_dropped = 0;
};

struct AlertEvent {
  std::int64_t at_ms = 0;
  std::string rule, metric, filter;  // filter in words; "" for all requests
  bool has_fired = false;            // else it was resolved
  std::string text;                  // one line
};

// threads: one at a time.
class MonitorStore {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // kReadWrite makes store and tables where they are absent.
  // throws  as Store; Error(kUnavailable) of kReadOnly: nothing was ever recorded there.
  MonitorStore(const std::filesystem::path& store, Access access);
  ~MonitorStore();

  // ---- writing ----

  std::int64_t begin_session(const std::string& source, const std::string& model,
                             std::int64_t now_ms);
  // One transaction: the requests, how many were dropped since the last call, and that the session
  // was alive at `now_ms`. throws  Error(kUnavailable): nothing of it is kept.
  void write(std::int64_t session, std::span<const RequestRecord> requests,
             std::int64_t num_dropped, std::int64_t now_ms, bool has_ended = false);
  void add_alert(const AlertEvent& event);

  // Removes what ended before `before_ms`, a piece at a time so that recorders are not kept
  // waiting, and recorders that were not seen since. Returns how many requests went.
  std::int64_t prune(std::int64_t before_ms);

  // ---- reading: all over (from_ms, to_ms] ----

  // Calls `visit` with each request in the order of its end, and the model that answered.
  void visit(std::int64_t from_ms, std::int64_t to_ms, const RequestFilter& filter,
             const std::function<void(const RequestRecord&, const MonitorSession&)>& visit) const;
  // Recorders that were alive at some time in it, by when they began. Routes do not count.
  std::vector<MonitorSession> sessions(std::int64_t from_ms, std::int64_t to_ms,
                                       const RequestFilter& filter) const;
  std::int64_t num_dropped(std::int64_t from_ms, std::int64_t to_ms,
                           const RequestFilter& filter) const;
  std::vector<AlertEvent> alerts(std::int64_t from_ms, std::int64_t to_ms) const;
  // When the last request ended that was recorded; empty: none was.
  std::optional<std::int64_t> last_ended_ms() const;

 private:
  struct Statements;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Statements> statements_;  // of writing
};

}  // namespace peira::runner
