// A pool that runs one parallel loop at a time, and a bounded queue between threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace peira {

// Runs loops over [0, count) on a fixed set of threads, the caller's among them.
// threads: parallel_for may be called from one thread at a time.
class ThreadPool {
 public:
  // num_threads: 0 takes the number of cores this process may run on.
  explicit ThreadPool(int num_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const;

  // Calls body(index) once for each index in [0, count), in no stated order, and returns when all
  // are done. Each thread begins with a run of neighbours, the same one in every loop of equal
  // `count` (what it read last time may still be in its cache), and one that is through steals the
  // back half of another's rest, so uneven bodies balance themselves. What an index computes must
  // not depend on the thread that runs it. The first exception is rethrown here, the indices not
  // yet begun are then left out.
  void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The number of cores this process may run on, at least 1.
int available_cores();

// First in, first out, at most `capacity` waiting. threads: all members may be called from any.
template <typename Item>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  // Waits for room. Returns false, dropping the item, once the queue is closed.
  bool push(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    ready_.notify_one();
    return true;
  }

  // Waits for an item. Empty once the queue is closed and drained.
  std::optional<Item> pop() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take();
  }

  // An item if one is waiting.
  std::optional<Item> try_pop() {
    const std::lock_guard lock(mutex_);
    return take();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
    room_.notify_all();
  }

 private:
  std::optional<Item> take() {
    if (items_.empty()) return std::nullopt;
    std::optional<Item> item(std::move(items_.front()));
    items_.pop_front();
    room_.notify_one();
    return item;
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::condition_variable room_;
  std::deque<Item> items_;
  std::size_t capacity_;
  bool closed_ = false;
};

}  // namespace peira
