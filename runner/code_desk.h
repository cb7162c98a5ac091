// Programs being judged while other replies come in.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/json.h"
#include "evals/code_judge.h"
#include "evals/code_runner.h"

namespace peira::runner {

// What of a run's identity programs depend on: who isolates them and which interpreter they get,
// {"isolation": ..., "Python": "3.11.2"}.
// throws Error(kUnavailable): the interpreter does not start.
Json execution_value(const evals::CodeJudge& judge, evals::CodeRunner& runner);

// Does as many deeds at once as `num_workers`, in the order they were given.
// threads: one thread gives and takes; deeds are done on threads of the desk's own.
class CodeDesk {
 public:
  struct Judged {
    std::int64_t ticket = 0;
    evals::Score score;
  };

  explicit CodeDesk(int num_workers);
  // Waits for the deeds begun; the others are dropped.
  ~CodeDesk();
  CodeDesk(const CodeDesk&) = delete;
  CodeDesk& operator=(const CodeDesk&) = delete;

  void give(std::int64_t ticket, std::function<evals::Score()> deed);
  // The verdicts there are; when there are none and some are to come, those that come in
  // `patience`. throws what a deed threw.
  std::vector<Judged> take(std::chrono::milliseconds patience);
  // Given and not yet taken.
  std::size_t num_pending() const { return num_pending_; }

 private:
  struct Deed {
    std::int64_t ticket;
    std::function<evals::Score()> judge;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable given_, done_;
  std::deque<Deed> deeds_;
  std::vector<Judged> judged_;
  std::exception_ptr failure_;
  bool closed_ = false;
  std::size_t num_pending_ = 0;  // of the giving thread
  std::vector<std::thread> workers_;
};

}  // namespace peira::runner
