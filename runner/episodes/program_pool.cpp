#include "runner/episodes/program_pool.h"

#include <exception>
#include <limits>
#include <utility>

namespace peira::runner {

ProgramPool::ProgramPool(evals::CodeRunner& runner)
    : runner_(runner), tasks_(std::numeric_limits<std::size_t>::max()) {
  for (int i = 0; i < runner.num_workers(); ++i) threads_.emplace_back([this] { work(); });
}

ProgramPool::~ProgramPool() {
  // Those that nobody has begun are not begun any more.
  while (tasks_.try_pop()) {
  }
  tasks_.close();
  for (std::thread& thread : threads_) thread.join();
}

void ProgramPool::work() {
  while (std::optional<Task> task = tasks_.pop()) {
    Done done;
    done.ticket = task->ticket;
    try {
      done.result = runner_.run(task->request);
    } catch (const std::exception& failure) {
      const std::string text = failure.what();
      done.failure = text.substr(0, text.find('\n'));
    }
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(done));
    is_done_.notify_all();
  }
}

void ProgramPool::submit(std::int64_t ticket, evals::CodeRequest request) {
  ++num_running_;
  tasks_.push({ticket, std::move(request)});
}

std::vector<ProgramPool::Done> ProgramPool::poll(std::chrono::milliseconds wait) {
  if (num_running_ == 0) return {};
  std::unique_lock lock(mutex_);
  is_done_.wait_for(lock, wait, [&] { return !done_.empty(); });
  num_running_ -= done_.size();
  return std::exchange(done_, {});
}

}  // namespace peira::runner
