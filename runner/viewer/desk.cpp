#include "runner/viewer/desk.h"

#include <algorithm>

#include "base/error.h"

namespace peira::runner::viewer {
namespace {

// Two, so that a large run does not keep a small one waiting.
constexpr int kNumWorkers = 2;

// Answers and pairs kept in memory over all entries; about 20 bytes each.
constexpr std::size_t kMaxKept = 12'000'000;
constexpr std::size_t kMaxEntries = 64;

// A run in flight is read again after this long, or ten times as long as reading it took: following
// it costs a tenth of a core at most.
constexpr std::chrono::milliseconds kLeastAge{1000};
constexpr double kAgePerBuild = 10;

}  // namespace

Desk::Desk(std::filesystem::path store) : store_(std::move(store)) {
  for (int i = 0; i < kNumWorkers; ++i) workers_.emplace_back([this] { work(); });
}

Desk::~Desk() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  jobs_waiting_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Desk::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      jobs_waiting_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
    { const std::lock_guard lock(mutex_); }
    job_done_.notify_all();
  }
}

void Desk::make_room() {
  const auto total = [&] {
    std::size_t kept = 0;
    for (const auto& [id, entry] : indexes_) kept += entry.shown ? entry.shown->capacity() : 0;
    for (const auto& [ids, entry] : pairings_) {
      kept += static_cast<std::size_t>(
          std::max(entry.pairing->stamp_a().answers, entry.pairing->stamp_b().answers));
    }
    return kept;
  };
  while (indexes_.size() + pairings_.size() > 1 &&
         (total() > kMaxKept || indexes_.size() + pairings_.size() > kMaxEntries)) {
    const auto by_use = [](const auto& x, const auto& y) { return x.second.used < y.second.used; };
    const auto index = std::min_element(indexes_.begin(), indexes_.end(), by_use);
    const auto pairing = std::min_element(pairings_.begin(), pairings_.end(), by_use);
    if (pairing == pairings_.end() ||
        (index != indexes_.end() && index->second.used < pairing->second.used)) {
      indexes_.erase(index);
    } else {
      pairings_.erase(pairing);
    }
  }
}

std::shared_ptr<const RunIndex> Desk::index(Queries& queries, const RunInfo& run,
                                            std::chrono::milliseconds wait) {
  const std::optional<RunStamp> stamp = queries.stamp(run.id);
  if (!stamp) {
    throw Error(ErrorCode::kUsage, "there is no run '" + run.id + "'\n  try: peira list");
  }
  std::unique_lock lock(mutex_);
  IndexEntry& entry = indexes_[run.id];
  const Clock::time_point now = Clock::now();
  entry.used = now;
  if (entry.next && entry.next->is_done()) {
    entry.shown = std::move(entry.next);
    entry.next.reset();
    entry.made = now;
  }
  const bool is_current = entry.shown && entry.shown->stamp() == *stamp;
  const auto old_enough = [&] {
    const std::chrono::duration<double> age = now - entry.made;
    return age >= kLeastAge && age.count() >= kAgePerBuild * entry.shown->build_s();
  };
  if (!is_current && !entry.next && (!entry.shown || !run.running || old_enough())) {
    RunInfo counted = run;
    counted.answers = stamp->answers;
    entry.next = std::make_shared<RunIndex>(counted, *stamp);
    jobs_.push_back([this, index = entry.next] { index->build(store_, stop_); });
    jobs_waiting_.notify_one();
  }
  const std::shared_ptr<RunIndex> next = entry.next;
  const std::shared_ptr<RunIndex> shown = entry.shown;
  make_room();
  if (!next) return shown;
  const bool finished = job_done_.wait_for(lock, wait, [&] { return next->is_done(); });
  return finished || !shown ? next : shown;
}

std::shared_ptr<const Pairing> Desk::pairing(Queries& queries, const std::string& run_a,
                                             const std::string& run_b,
                                             std::chrono::milliseconds wait) {
  const std::optional<RunStamp> a = queries.stamp(run_a);
  const std::optional<RunStamp> b = queries.stamp(run_b);
  if (!a || !b) {
    throw Error(ErrorCode::kUsage,
                "there is no run '" + (a ? run_b : run_a) + "'\n  try: peira list");
  }
  std::unique_lock lock(mutex_);
  PairingEntry& entry = pairings_[{run_a, run_b}];
  entry.used = Clock::now();
  // Of runs in flight the pairing at hand is shown until it is done: it is made anew when asked for
  // once more.
  const bool is_current =
      entry.pairing && ((entry.pairing->stamp_a() == *a && entry.pairing->stamp_b() == *b) ||
                        !entry.pairing->is_done());
  if (!is_current) {
    entry.pairing = std::make_shared<Pairing>(run_a, run_b, *a, *b);
    jobs_.push_back([this, pairing = entry.pairing] { pairing->build(store_, stop_); });
    jobs_waiting_.notify_one();
  }
  const std::shared_ptr<Pairing> pairing = entry.pairing;
  make_room();
  job_done_.wait_for(lock, wait, [&] { return pairing->is_done(); });
  return pairing;
}

}  // namespace peira::runner::viewer
