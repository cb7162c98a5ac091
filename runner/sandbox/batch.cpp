#include "runner/sandbox/batch.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace peira::runner {
namespace {

// Results that may wait for an earlier one, for each worker: bounds memory when one program is
// slow.
constexpr std::int64_t kAheadPerWorker = 64;

class Batch {
 public:
  Batch(int num_workers, std::int64_t count,
        const std::function<void(std::int64_t, evals::CodeResult)>& take)
      : count_(count), ahead_(kAheadPerWorker * num_workers), take_(take) {}

  // The next index to run; -1 when there is none or the batch has failed.
  std::int64_t next() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return failure_ || started_ >= count_ || started_ < taken_ + ahead_; });
    return failure_ || started_ >= count_ ? -1 : started_++;
  }

  // Hands over what is now in order. Whoever brings the awaited result takes for the others too.
  void done(std::int64_t index, evals::CodeResult result) {
    std::unique_lock lock(mutex_);
    waiting_.emplace(index, std::move(result));
    if (taking_) return;
    taking_ = true;
    while (!failure_ && !waiting_.empty() && waiting_.begin()->first == taken_) {
      auto node = waiting_.extract(waiting_.begin());
      lock.unlock();
      try {
        take_(node.key(), std::move(node.mapped()));
      } catch (...) {
        failed(std::current_exception());
      }
      lock.lock();
      ++taken_;
      moved_.notify_all();
    }
    taking_ = false;
  }

  void failed(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    moved_.notify_all();
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const std::int64_t count_;
  const std::int64_t ahead_;
  const std::function<void(std::int64_t, evals::CodeResult)>& take_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::int64_t started_ = 0;
  std::int64_t taken_ = 0;
  bool taking_ = false;
  std::map<std::int64_t, evals::CodeResult> waiting_;
  std::exception_ptr failure_;
};

}  // namespace

void run_batch(int num_workers, std::int64_t count,
               const std::function<evals::CodeRequest(std::int64_t)>& make,
               const std::function<evals::CodeResult(const evals::CodeRequest&)>& run,
               const std::function<void(std::int64_t, evals::CodeResult)>& take) {
  Batch batch(num_workers, count, take);
  const auto work = [&] {
    for (std::int64_t index = batch.next(); index >= 0; index = batch.next()) {
      try {
        batch.done(index, run(make(index)));
      } catch (...) {
        batch.failed(std::current_exception());
      }
    }
  };
  std::vector<std::thread> threads;
  const auto num_threads = std::min<std::int64_t>(num_workers, count);
  for (std::int64_t i = 0; i < num_threads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  batch.rethrow();
}

}  // namespace peira::runner
