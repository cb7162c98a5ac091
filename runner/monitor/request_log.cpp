#include "runner/monitor/request_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"

namespace peira::runner {

RequestLog::RequestLog(const std::filesystem::path& store, RequestLogOptions options)
    : options_(std::move(options)), store_(store, MonitorStore::Access::kReadWrite) {
  if (!options_.now_ms) options_.now_ms = wall_clock_ms;
  session_ = store_.begin_session(options_.source, options_.model, options_.now_ms());
  thread_ = std::thread([this] { run(); });
}

RequestLog::~RequestLog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool RequestLog::record(RequestRecord request) {
  const std::lock_guard lock(mutex_);
  // What the writer holds while the store is in trouble counts too, or a queue would be two.
  if (waiting_.size() + static_cast<std::size_t>(in_batch_) >= options_.capacity || stop_) {
    ++num_dropped_;
    ++unwritten_drops_;
    return false;
  }
  waiting_.push_back(std::move(request));
  ++num_taken_;
  // The writer comes by itself; only a queue that fills up before then is worth waking it.
  if (waiting_.size() == options_.capacity / 2 + 1) {
    hurry_ = true;
    wake_.notify_one();
  }
  return true;
}

bool RequestLog::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const std::int64_t until = num_taken_;
  hurry_ = true;
  wake_.notify_one();
  return written_.wait_for(lock, patience, [&] { return num_written_ >= until; });
}

void RequestLog::run() {
  using Clock = std::chrono::steady_clock;
  constexpr int kLastAttempts = 3;
  int last_attempts = 0;
  Clock::time_point seen_alive = Clock::now();
  for (;;) {
    bool stopping = false;
    std::int64_t drops = 0;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, options_.interval, [&] { return stop_ || hurry_; });
      stopping = stop_;
      // In trouble, attempts keep their pace whoever is in a hurry.
      if (in_trouble_ && hurry_ && !stop_) {
        wake_.wait_for(lock, options_.interval, [&] { return stop_; });
      }
      hurry_ = false;
      if (batch_.empty()) {
        batch_.swap(waiting_);
      } else {
        batch_.insert(batch_.end(), std::make_move_iterator(waiting_.begin()),
                      std::make_move_iterator(waiting_.end()));
        waiting_.clear();
      }
      in_batch_ = std::ssize(batch_);
      drops = unwritten_drops_;
    }
    const bool is_due = Clock::now() - seen_alive >= options_.heartbeat;
    if (batch_.empty() && drops == 0 && !is_due && !stopping) continue;
    const bool written = write_batch(stopping);
    if (written) seen_alive = Clock::now();
    if (stopping && (written || ++last_attempts >= kLastAttempts)) break;
  }
  if (!batch_.empty() && options_.on_trouble) {
    options_.on_trouble("monitor: " + std::to_string(batch_.size()) +
                        " requests could not be recorded before the end");
  }
}

bool RequestLog::write_batch(bool has_ended) {
  std::int64_t drops = 0;
  {
    const std::lock_guard lock(mutex_);
    drops = unwritten_drops_;
  }
  try {
    store_.write(session_, batch_, drops, options_.now_ms(), has_ended);
  } catch (const Error& error) {
    if (!in_trouble_ && options_.on_trouble) {
      const std::string text = error.what();
      options_.on_trouble("monitor: requests wait to be recorded: " +
                          text.substr(0, text.find('\n')));
    }
    in_trouble_ = true;
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    num_written_ += std::ssize(batch_);
    unwritten_drops_ -= drops;
    in_batch_ = 0;
  }
  written_.notify_all();
  batch_.clear();
  if (options_.on_trouble && (in_trouble_ || drops > 0)) {
    options_.on_trouble(
        "monitor: " + std::string(in_trouble_ ? "requests are recorded again" : "") +
        (in_trouble_ && drops > 0 ? ", " : "") +
        (drops > 0 ? std::to_string(drops) + " were dropped because the queue was full" : ""));
  }
  in_trouble_ = false;
  return true;
}

}  // namespace peira::runner
