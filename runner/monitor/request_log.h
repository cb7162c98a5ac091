// Keeps requests as they end, without keeping whoever answers them waiting: they go into a bounded
// queue, which a thread of its own writes to the store a batch at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runner/monitor/monitor_store.h"
#include "runner/monitor/request_record.h"

namespace peira::runner {

struct RequestLogOptions {
  std::string source = "serve", model = {};
  std::size_t capacity = 65'536;               // waiting; more are dropped, and counted
  std::chrono::milliseconds interval{500};     // between batches: what a killed process loses
  std::chrono::milliseconds heartbeat{5'000};  // says that it is alive, also in quiet times
  // Milliseconds since 1970; {}: the clock on the wall.
  std::function<std::int64_t()> now_ms = {};
  // Told once a trouble begins and once it is over: one line. From the writer's thread.
  std::function<void(const std::string&)> on_trouble = {};
};

// A session of its own in the store. While the store cannot be written (locked, disk full),
// requests wait in the queue and are written later; only what does not fit there is dropped.
//
// threads: all members from any.
class RequestLog {
 public:
  // throws  as MonitorStore.
  RequestLog(const std::filesystem::path& store, RequestLogOptions options);
  // Writes what is left and ends the session.
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // Never waits for the store. False: there was no room and it was dropped.
  bool record(RequestRecord request);
  // Waits until all that was recorded before is written; false: not within `patience`.
  bool flush(std::chrono::milliseconds patience);

  std::int64_t num_written() const { return num_written_; }
  std::int64_t num_dropped() const { return num_dropped_; }

 private:
  void run();
  bool write_batch(bool has_ended);

  RequestLogOptions options_;
  MonitorStore store_;  // the writer's own once the thread runs
  std::int64_t session_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_, written_;
  std::vector<RequestRecord> waiting_;
  std::vector<RequestRecord> batch_;  // the writer's own
  std::int64_t num_taken_ = 0;        // into the queue, ever
  std::int64_t unwritten_drops_ = 0;
  bool stop_ = false, hurry_ = false;
  bool in_trouble_ = false;  // the writer's own
  std::atomic<std::int64_t> num_written_{0}, num_dropped_{0}, in_batch_{0};
  std::thread thread_;
};

}  // namespace peira::runner
