// Two runs side by side, sample by sample: what the comparison page lists. 32 bytes a sample.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "evals/run_record.h"
#include "runner/store.h"
#include "runner/viewer/queries.h"

namespace peira::runner::viewer {

// One sample that both runs have.
struct Pair {
  std::int64_t row_a = 0, row_b = 0;
  float mean_a = 0, mean_b = 0;  // over the epochs with an answer
  bool failed = false;           // all epochs failed in one of the runs: not compared
  bool answers_differ = false;   // the first epochs' answers, as they were read
};

// threads: build() by one thread, once; all else by any once is_done().
class Pairing {
 public:
  enum class Show { kAll, kFlips, kToRight, kToWrong, kBothWrong, kBothRight, kAnswers, kFailed };

  Pairing(std::string run_a, std::string run_b, RunStamp stamp_a, RunStamp stamp_b);

  void build(const std::filesystem::path& path, const std::atomic<bool>& stop);

  bool is_done() const { return done_.load(std::memory_order_acquire); }
  std::string failure() const;
  const RunStamp& stamp_a() const { return stamp_a_; }
  const RunStamp& stamp_b() const { return stamp_b_; }
  // The paired difference with its interval, by evals/comparison.
  std::shared_ptr<const evals::Comparison> comparison() const;
  const std::vector<Pair>& pairs() const { return pairs_; }  // in the order of A's rows
  // Rows of A (or of B) that score differently, ascending.
  std::shared_ptr<const std::vector<std::int64_t>> flipped_rows() const { return flipped_; }
  static bool shows(Show show, const Pair& pair);

 private:
  std::string run_a_, run_b_;
  RunStamp stamp_a_, stamp_b_;
  std::vector<Pair> pairs_;
  std::shared_ptr<const std::vector<std::int64_t>> flipped_;
  std::shared_ptr<const evals::Comparison> comparison_;
  std::string failure_;
  std::atomic<bool> done_{false};
};

}  // namespace peira::runner::viewer
