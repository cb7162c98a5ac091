// Programs run beside a model that answers: submitted, and collected when they are done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/threads.h"
#include "evals/code_runner.h"

namespace peira::runner {

// threads: one caller at a time. Its end waits for programs that run.
class ProgramPool {
 public:
  // As many programs at once as `runner` has workers; it must outlive the pool.
  explicit ProgramPool(evals::CodeRunner& runner);
  ~ProgramPool();
  ProgramPool(const ProgramPool&) = delete;
  ProgramPool& operator=(const ProgramPool&) = delete;

  void submit(std::int64_t ticket, evals::CodeRequest request);

  struct Done {
    std::int64_t ticket = 0;
    std::optional<evals::CodeResult> result;  // empty: the machine failed
    std::string failure;                      // one line, then
  };
  // What is done; waits up to `wait` for the first when programs are on their way.
  std::vector<Done> poll(std::chrono::milliseconds wait);
  std::size_t num_running() const { return num_running_; }

 private:
  struct Task {
    std::int64_t ticket = 0;
    evals::CodeRequest request;
  };
  void work();

  evals::CodeRunner& runner_;
  BoundedQueue<Task> tasks_;
  std::mutex mutex_;
  std::condition_variable is_done_;
  std::vector<Done> done_;
  std::size_t num_running_ = 0;  // submitted and not yet collected
  std::vector<std::thread> threads_;
};

}  // namespace peira::runner
