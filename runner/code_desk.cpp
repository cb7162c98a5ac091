#include "runner/code_desk.h"

#include <utility>

#include "base/error.h"

namespace peira::runner {

Json execution_value(const evals::CodeJudge& judge, evals::CodeRunner& runner) {
  const evals::CodeResult result = runner.run(judge.version);
  if (!result.ok()) {
    throw Error(ErrorCode::kUnavailable,
                judge.version.argv.front() + ": does not start, so programs cannot be judged: " +
                    (result.detail.empty() ? evals::last_line(result.err) : result.detail) +
                    "\n  try: install " + judge.language);
  }
  return {{"isolation", runner.isolation()}, {judge.language, evals::last_line(result.out)}};
}

CodeDesk::CodeDesk(int num_workers) {
  for (int i = 0; i < num_workers; ++i) workers_.emplace_back([this] { work(); });
}

CodeDesk::~CodeDesk() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  given_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void CodeDesk::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    given_.wait(lock, [&] { return closed_ || !deeds_.empty(); });
    if (closed_) return;
    const Deed deed = std::move(deeds_.front());
    deeds_.pop_front();
    lock.unlock();
    Judged judged;
    judged.ticket = deed.ticket;
    std::exception_ptr failure;
    try {
      judged.score = deed.judge();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) {
      failure_ = failure;
    } else {
      judged_.push_back(std::move(judged));
    }
    done_.notify_one();
  }
}

void CodeDesk::give(std::int64_t ticket, std::function<evals::Score()> deed) {
  {
    const std::lock_guard lock(mutex_);
    deeds_.push_back({ticket, std::move(deed)});
  }
  ++num_pending_;
  given_.notify_one();
}

std::vector<CodeDesk::Judged> CodeDesk::take(std::chrono::milliseconds patience) {
  if (num_pending_ == 0) return {};
  std::unique_lock lock(mutex_);
  done_.wait_for(lock, patience, [&] { return failure_ || !judged_.empty(); });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  num_pending_ -= judged_.size();
  return std::exchange(judged_, {});
}

}  // namespace peira::runner
