#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace peira {

int available_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof(cores), &cores) == 0) return std::max(1, CPU_COUNT(&cores));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

namespace {

// A run of indices [first, last) that is not yet taken, in one word so that the owner (from the
// front) and thieves (from the back) take by compare-and-swap. Within one loop no word can return:
// its first index leaves by being run, so a late thief never mistakes an old word for the present.
struct Range {
  std::uint32_t first = 0, last = 0;
  bool empty() const { return first >= last; }
  std::uint64_t word() const { return std::uint64_t{first} << 32U | last; }
  static Range of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word)};
  }
};

// A thread's own range, on a cache line of its own.
struct alignas(64) Slot {
  std::atomic<std::uint64_t> range{0};
};

}  // namespace

// A loop is open while the caller has it; a worker joins by raising the count of those inside,
// which it can only while the loop is open. The caller closes the loop once nothing is left to take
// and then waits for those inside. So a worker that the system woke late, or not at all, holds up
// nobody: on a machine that others use too, that wait was most of a decode step.
struct ThreadPool::State {
  // How often a waiting worker looks for the next loop before it sleeps. A decode step is hundreds
  // of loops of microseconds each; a sleep and a wake-up between them would cost more than the
  // work.
  static constexpr int kSpins = 2000;
  static constexpr std::uint64_t kOpen = std::uint64_t{1} << 63U;

  const std::function<void(std::int64_t)>* body = nullptr;
  std::int64_t offset = 0;               // of the indices in the slots
  std::atomic<std::uint64_t> inside{0};  // kOpen, and the number of workers that joined
  std::atomic<std::uint32_t> generation{0};
  std::atomic<bool> stop{false};
  std::exception_ptr error;
  std::mutex error_mutex;
  std::vector<Slot> slots;  // [threads], the caller's first
  std::vector<std::thread> workers;

  explicit State(int num_threads) : slots(static_cast<std::size_t>(num_threads)) {}

  // The next index of one's own range.
  static std::optional<std::uint32_t> take(Slot& slot) {
    std::uint64_t word = slot.range.load(std::memory_order_relaxed);
    while (true) {
      const Range range = Range::of(word);
      if (range.empty()) return std::nullopt;
      if (slot.range.compare_exchange_weak(word, Range{range.first + 1, range.last}.word(),
                                           std::memory_order_relaxed)) {
        return range.first;
      }
    }
  }

  // The back half of another's range, the larger if odd.
  static Range steal(Slot& slot) {
    std::uint64_t word = slot.range.load(std::memory_order_relaxed);
    while (true) {
      const Range range = Range::of(word);
      if (range.empty()) return {};
      const std::uint32_t middle = range.first + (range.last - range.first) / 2;
      if (slot.range.compare_exchange_weak(word, Range{range.first, middle}.word(),
                                           std::memory_order_relaxed)) {
        return {middle, range.last};
      }
    }
  }

  // Runs what is in the thread's own slot, then what it can steal, until nothing is left to take.
  void work(std::size_t self) {
    while (true) {
      while (const auto index = take(slots[self])) {
        try {
          (*body)(offset + *index);
        } catch (...) {
          const std::lock_guard lock(error_mutex);
          if (!error) error = std::current_exception();
          for (Slot& slot : slots) slot.range.store(0, std::memory_order_relaxed);
        }
      }
      Range stolen;
      for (std::size_t i = 1; i < slots.size() && stolen.empty(); ++i) {
        stolen = steal(slots[(self + i) % slots.size()]);
      }
      if (stolen.empty()) return;
      // One's own slot is empty: nobody else writes it.
      slots[self].range.store(stolen.word(), std::memory_order_relaxed);
    }
  }

  bool join() {
    std::uint64_t now = inside.load(std::memory_order_relaxed);
    while ((now & kOpen) != 0) {
      // Acquire: the loop's body and ranges are seen.
      if (inside.compare_exchange_weak(now, now + 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  void worker_loop(std::size_t self) {
    std::uint32_t seen = 0;
    while (true) {
      for (int spin = 0; spin < kSpins && generation.load(std::memory_order_acquire) == seen;
           ++spin) {
        if (spin % 64 == 63) std::this_thread::yield();
      }
      generation.wait(seen, std::memory_order_acquire);
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_acquire)) return;
      if (!join()) continue;
      work(self);
      inside.fetch_sub(1, std::memory_order_release);
    }
  }

  void next_generation() {
    generation.fetch_add(1, std::memory_order_release);
    generation.notify_all();
  }

  // One loop over [first, first + count), count < 2^32.
  void run(std::int64_t first, std::int64_t count) {
    offset = first;
    const auto num_slots = static_cast<std::int64_t>(slots.size());
    for (std::int64_t i = 0; i < num_slots; ++i) {
      const Range range{static_cast<std::uint32_t>(count * i / num_slots),
                        static_cast<std::uint32_t>(count * (i + 1) / num_slots)};
      slots[static_cast<std::size_t>(i)].range.store(range.word(), std::memory_order_relaxed);
    }
    inside.store(kOpen, std::memory_order_release);
    next_generation();
    work(0);
    // Closed before the count is looked at, so that nobody joins between.
    std::uint64_t now = inside.fetch_and(~kOpen, std::memory_order_acquire) & ~kOpen;
    while (now > 0) {
      std::this_thread::yield();
      now = inside.load(std::memory_order_acquire);
    }
  }
};

ThreadPool::ThreadPool(int num_threads) {
  const int total = num_threads > 0 ? num_threads : available_cores();
  state_ = std::make_unique<State>(total);
  for (int i = 1; i < total; ++i) {
    state_->workers.emplace_back(
        [state = state_.get(), i] { state->worker_loop(static_cast<std::size_t>(i)); });
  }
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true, std::memory_order_release);
  state_->next_generation();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::num_threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  if (count <= 0) return;
  if (state_->workers.empty() || count == 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  constexpr std::int64_t kMostAtOnce = std::int64_t{1} << 31U;  // a slot's word holds 32 bits each
  State& state = *state_;
  state.body = &body;
  state.error = nullptr;
  for (std::int64_t first = 0; first < count && !state.error; first += kMostAtOnce) {
    state.run(first, std::min(kMostAtOnce, count - first));
  }
  if (state.error) std::rethrow_exception(std::exchange(state.error, nullptr));
}

}  // namespace peira
