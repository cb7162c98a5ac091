// One engine for many callers: a thread of its own owns the model, batches what is asked of it
// together, and hands back pieces as they come.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/text/language_model.h"
#include "runner/serve/api.h"

namespace peira::runner {

// A request on its way. threads: the caller's calls from one thread; the service's from its own.
class Generation {
 public:
  struct Event {
    int choice = 0;
    model::TextDelta delta;                   // a piece; or
    std::optional<model::TextResult> result;  // the choice's end
  };
  struct Failure {
    ErrorCode code;
    std::string message;
  };
  using Clock = std::chrono::steady_clock;

  // Waits until the engine took or refused the request. Null: taken.
  std::optional<Failure> wait_taken();
  // The next event, or none within `patience`, or none any more.
  std::optional<Event> next(std::chrono::milliseconds patience);
  // All choices have ended and were handed out.
  bool is_done() const;
  // Nobody waits for it: it ends at the engine's next step.
  void cancel() { cancelled_ = true; }

  // Seconds from submission to the engine's taking it and to the first token; empty before.
  std::optional<double> queue_seconds() const;
  std::optional<double> first_token_seconds() const;

 private:
  friend class EngineService;
  bool has_one_open() const;
  void take();
  void fail(const Error& error);
  void push(Event event);

  ApiRequest request_;
  Clock::time_point submitted_at_ = Clock::now();
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool taken_ = false;
  std::optional<Failure> failure_;
  std::deque<Event> events_;
  std::size_t open_choices_ = 0;  // not ended yet
  std::optional<Clock::time_point> taken_at_, first_token_at_;
};

// threads: all members but the destructor from any.
class EngineService {
 public:
  // most_requests  taken or waiting at once.
  EngineService(model::LanguageModel& model, int most_requests);
  // Cancels what is left.
  ~EngineService();
  EngineService(const EngineService&) = delete;
  EngineService& operator=(const EngineService&) = delete;

  // Null: full, or closed.
  std::shared_ptr<Generation> submit(ApiRequest request);
  // Takes nothing new.
  void close();
  bool is_closed() const { return closed_; }
  // Requests that have not ended: taken ones and those that wait.
  int num_open() const { return num_open_; }
  int num_waiting() const;
  // Waits for open requests to end; false if some are left after `patience`.
  bool drain(std::chrono::milliseconds patience);
  // What broke the engine, if anything did: nothing is answered any more.
  std::optional<std::string> broken() const;

 private:
  struct Ticket {
    std::shared_ptr<Generation> generation;
    int choice;
  };
  void run();
  void start(const std::shared_ptr<Generation>& generation);
  void end();

  model::LanguageModel& model_;
  int most_requests_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::deque<std::shared_ptr<Generation>> waiting_;
  std::optional<std::string> broken_;
  std::atomic<bool> closed_{false}, stop_{false};
  std::atomic<int> num_open_{0};
  std::map<std::int64_t, Ticket> tickets_;  // the thread's own
  std::thread thread_;
};

}  // namespace peira::runner
