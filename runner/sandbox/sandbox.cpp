#include "runner/sandbox/sandbox.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "runner/sandbox/batch.h"
#include "runner/sandbox/cell_host.h"
#include "runner/sandbox/direct_runner.h"

namespace peira::runner {
namespace {

using evals::CodeRequest;
using evals::CodeResult;

// Cells at rest, most recently used first. threads: all members may be called from any.
class CellStore {
 public:
  explicit CellStore(std::size_t capacity) : capacity_(capacity) {}

  // A cell for `spec` that waits for work; null: one must be started.
  std::unique_ptr<Cell> take(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(resting_.begin(), resting_.end(),
                                    [&](const auto& entry) { return entry.first == key; });
    if (found == resting_.end()) return nullptr;
    auto cell = std::move(found->second);
    resting_.erase(found);
    return cell;
  }

  void put(std::string key, std::unique_ptr<Cell> cell) {
    std::unique_ptr<Cell> oldest;  // ended outside the lock: it waits for processes
    const std::lock_guard lock(mutex_);
    resting_.emplace_front(std::move(key), std::move(cell));
    if (resting_.size() > capacity_) {
      oldest = std::move(resting_.back().second);
      resting_.pop_back();
    }
  }

 private:
  std::mutex mutex_;
  std::size_t capacity_;
  std::list<std::pair<std::string, std::unique_ptr<Cell>>> resting_;
};

class SandboxRunner : public evals::CodeRunner {
 public:
  SandboxRunner(int num_workers, std::string isolation)
      : num_workers_(num_workers),
        isolation_(std::move(isolation)),
        cells_(static_cast<std::size_t>(num_workers) * 4) {}

  CodeResult run(const CodeRequest& request) override {
    check_request(request);
    const CellSpec spec = cell_spec(request);
    std::string key = spec.key();
    auto cell = cells_.take(key);
    const bool was_resting = cell != nullptr;
    if (!cell) cell = std::make_unique<Cell>(spec);
    try {
      CodeResult result = cell->run(request);
      cells_.put(std::move(key), std::move(cell));
      return result;
    } catch (const Error& error) {
      // A cell that has rested may have died meanwhile, as when the machine ran out of memory: the
      // program has not been judged by that. A fresh one that fails says that the machine does.
      if (error.code() != ErrorCode::kUnavailable || !was_resting) throw;
    }
    cell = std::make_unique<Cell>(spec);
    CodeResult result = cell->run(request);
    cells_.put(std::move(key), std::move(cell));
    return result;
  }

  void run_many(std::int64_t count, const std::function<CodeRequest(std::int64_t)>& make,
                const std::function<void(std::int64_t, CodeResult)>& take) override {
    run_batch(
        num_workers_, count, make, [this](const CodeRequest& request) { return run(request); },
        take);
  }

  int num_workers() const override { return num_workers_; }
  std::string isolation() const override { return isolation_; }

 private:
  int num_workers_;
  std::string isolation_;
  CellStore cells_;
};

}  // namespace

std::unique_ptr<evals::CodeRunner> open_code_runner(const SandboxOptions& options) {
  const int num_workers = options.num_workers > 0 ? options.num_workers : available_cores();
  if (options.unsafe_no_sandbox) return open_direct_runner(num_workers);
  const SandboxCheck check = check_sandbox();
  std::string isolation;
  for (const auto& part : check.parts) {
    if (!part.works && part.needed) {
      throw Error(
          ErrorCode::kUnavailable,
          "programs are not run without isolation: " + part.name + ": " + part.detail +
              "\n  try: peira sandbox check; or --unsafe-no-sandbox, which runs them as you, "
              "with all you may do");
    }
    if (part.works) isolation += (isolation.empty() ? "" : ", ") + part.name + " " + part.detail;
  }
  return std::make_unique<SandboxRunner>(num_workers, isolation);
}

}  // namespace peira::runner
