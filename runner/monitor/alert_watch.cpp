#include "runner/monitor/alert_watch.h"

#include <chrono>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"

namespace peira::runner {

AlertWatch::AlertWatch(AlertRules rules, const std::filesystem::path& store, std::int64_t now_ms,
                       AlertSinksOptions sinks)
    : store_(store, MonitorStore::Access::kReadWrite),
      board_(std::move(rules), store, now_ms),
      sinks_(board_.rules().sinks, std::move(sinks)) {}

std::vector<AlertEvent> AlertWatch::look(std::int64_t now_ms) {
  std::vector<AlertEvent> events = board_.look(now_ms);
  for (const AlertEvent& event : events) {
    sinks_.send(event);
    store_.add_alert(event);
  }
  return events;
}

BackgroundWatch::BackgroundWatch(AlertRules rules, const std::filesystem::path& store,
                                 std::function<void(const std::string&)> on_note)
    : every_ms_(rules.every_ms),
      on_note_(std::move(on_note)),
      watch_(std::move(rules), store, wall_clock_ms(), {.on_note = on_note_}),
      thread_([this] { run(); }) {}

BackgroundWatch::~BackgroundWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundWatch::run() {
  std::string told;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    try {
      watch_.look(wall_clock_ms());
      told.clear();
    } catch (const Error& error) {
      const std::string text = error.what();
      if (text != told) on_note_("alert rules could not be looked at: " + text);
      told = text;
    }
    lock.lock();
    changed_.wait_for(lock, std::chrono::milliseconds(every_ms_), [&] { return stop_; });
  }
}

}  // namespace peira::runner
