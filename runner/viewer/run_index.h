// The columns that filters read, of one run, in memory: about 16 bytes an answer. A pass over a
// million answers takes milliseconds, so that any filter pages and counts at once, rare matches or
// not. It grows in the order of the list while it is made, and what is there can be listed already.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evals/run_record.h"
#include "evals/suite.h"
#include "runner/viewer/queries.h"

namespace peira::runner::viewer {

// Which answers a list shows. All conditions must hold.
struct AnswerFilter {
  enum class Verdict { kAny, kRight, kWrong };  // wrong: answered, with a score of 0
  Verdict verdict = Verdict::kAny;
  std::optional<evals::AnswerState> state;
  std::vector<std::pair<std::string, std::string>> where;  // breakdown field, its value
  // Rows of the list, ascending: those that flipped against another run. Null takes all.
  std::shared_ptr<const std::vector<std::int64_t>> rows;

  bool is_trivial() const {
    return verdict == Verdict::kAny && !state && where.empty() && rows == nullptr;
  }
};

// How many answers each simple filter shows.
struct Tally {
  std::int64_t all = 0, right = 0, wrong = 0;
  std::array<std::int64_t, 6> states{};  // by evals::AnswerState
};

// threads: build() by one thread, once; all else by any, also meanwhile.
class RunIndex {
 public:
  // Room for the answers that `run` has now.
  RunIndex(const RunInfo& run, RunStamp stamp);

  // Reads the run from the store at `path` and counts it. Ends early, unfinished, once `stop` is
  // set.
  void build(const std::filesystem::path& path, const std::atomic<bool>& stop);

  const RunStamp& stamp() const { return stamp_; }
  std::size_t capacity() const { return capacity_; }
  // Answers listed so far; all of them once is_done().
  std::size_t size() const { return size_.load(std::memory_order_acquire); }
  bool is_done() const { return done_.load(std::memory_order_acquire); }
  // One line when making it failed; "" else.
  std::string failure() const;
  // Counts and intervals. Null until is_done().
  std::shared_ptr<const evals::RunRecord> record() const;
  // Zeros until is_done().
  Tally tally() const;
  double build_s() const { return build_s_.load(); }

  AnswerKey key(std::size_t position) const { return {rows_[position], epochs_[position]}; }
  // Where the first answer at or after `key` stands among the first `size` ones.
  std::size_t lower_bound(AnswerKey key, std::size_t size) const;

  // A filter made ready for this index.
  class Matcher {
   public:
    bool operator()(std::size_t position) const;

   private:
    friend class RunIndex;
    const RunIndex* index_ = nullptr;
    AnswerFilter filter_;
    std::vector<std::pair<std::size_t, std::uint32_t>> where_;  // field, number of the value
    bool never_ = false;
  };
  // throws Error(kUsage): a field that the run is not broken down by.
  Matcher matcher(const AnswerFilter& filter) const;

 private:
  struct Field {
    std::string name;
    std::vector<std::uint32_t> values;  // [capacity]
  };
  void add(const evals::SampleOutcome& outcome);

  RunInfo run_;
  RunStamp stamp_;
  std::size_t capacity_;
  std::vector<std::int64_t> rows_;    // [capacity]
  std::vector<std::int32_t> epochs_;  // [capacity]
  std::vector<std::uint8_t> flags_;   // [capacity], state and whether right
  std::vector<Field> fields_;
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> done_{false};
  std::atomic<double> build_s_{0};
  mutable std::mutex mutex_;                     // what follows
  std::vector<std::vector<std::string>> names_;  // of the values, a list a field
  std::shared_ptr<const evals::RunRecord> record_;
  Tally tally_;
  std::string failure_;
};

}  // namespace peira::runner::viewer
