// What is being worked out for the pages: indexes of runs and pairings, made by threads of their
// own and kept while they are of use. Asking never waits longer than told.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runner/viewer/pairing.h"
#include "runner/viewer/run_index.h"

namespace peira::runner::viewer {

// threads: all members may be called from any.
class Desk {
 public:
  explicit Desk(std::filesystem::path store);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // The index of `run`: of its state now, or the one before while the run is in flight and a new
  // one is being made. Waits for it to be done, at most `wait`.
  std::shared_ptr<const RunIndex> index(Queries& queries, const RunInfo& run,
                                        std::chrono::milliseconds wait);

  // The pairing of two runs. Waits for it to be done, at most `wait`.
  std::shared_ptr<const Pairing> pairing(Queries& queries, const std::string& run_a,
                                         const std::string& run_b, std::chrono::milliseconds wait);

 private:
  using Clock = std::chrono::steady_clock;
  struct IndexEntry {
    std::shared_ptr<RunIndex> shown, next;  // `next` is being made
    Clock::time_point made, used;
  };
  struct PairingEntry {
    std::shared_ptr<Pairing> pairing;
    Clock::time_point used;
  };
  void work();
  void make_room();

  std::filesystem::path store_;
  std::mutex mutex_;
  std::condition_variable jobs_waiting_, job_done_;
  std::deque<std::function<void()>> jobs_;
  std::map<std::string, IndexEntry> indexes_;
  std::map<std::pair<std::string, std::string>, PairingEntry> pairings_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace peira::runner::viewer
