// Rules looked at over and over: by a serving process beside its work, by `peira monitor watch`.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runner/monitor/alert_sinks.h"
#include "runner/monitor/alerts.h"

namespace peira::runner {

// One look after another; what fires and what is resolved goes to the sinks and into the store.
// threads: one at a time.
class AlertWatch {
 public:
  // throws  as MonitorStore and AlertSinks.
  AlertWatch(AlertRules rules, const std::filesystem::path& store, std::int64_t now_ms,
             AlertSinksOptions sinks = {});

  std::vector<AlertEvent> look(std::int64_t now_ms);
  const AlertBoard& board() const { return board_; }
  int num_undelivered() const { return sinks_.num_undelivered(); }

 private:
  MonitorStore store_;
  AlertBoard board_;
  AlertSinks sinks_;
};

// An AlertWatch on a thread of its own, every so often as its rules say. A look that fails (the
// store is locked for long) is told once and does not end it.
class BackgroundWatch {
 public:
  BackgroundWatch(AlertRules rules, const std::filesystem::path& store,
                  std::function<void(const std::string&)> on_note);
  ~BackgroundWatch();
  BackgroundWatch(const BackgroundWatch&) = delete;
  BackgroundWatch& operator=(const BackgroundWatch&) = delete;

 private:
  void run();

  std::int64_t every_ms_;
  std::function<void(const std::string&)> on_note_;
  AlertWatch watch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace peira::runner
