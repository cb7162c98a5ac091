// Answers in hand, and how they reach the store and the screen.
#include "runner/execution/execution.h"

#include <cmath>
#include <exception>
#include <utility>

namespace peira::runner {
namespace {

// Half the width of the 95 % Wilson interval of a mean score over n samples.
std::optional<double> wilson_half_width(double p, double n) {
  if (n < 1) return std::nullopt;
  constexpr double z = 1.959963984540054;
  return z / (1 + z * z / n) * std::sqrt(std::max(0.0, p * (1 - p)) / n + z * z / (4 * n * n));
}

}  // namespace

void Execution::add(FinishedAnswer finished) {
  ++progress_.done;
  value_sum_ += finished.answer.score.value;
  if (options_.control != nullptr) {
    const AnswerRecord& answer = finished.answer;
    options_.control->record(options_.arm, answer.row, answer.epoch, answer.score);
  }
  if (finished.answer.score.state == evals::AnswerState::kFailed) {
    ++progress_.failures;
    if (first_failure_.empty()) first_failure_ = finished.answer.failure;
  }
  if (finished.answer.cached) ++progress_.cached;
  if (batch_.empty()) batch_began_ = Clock::now();
  batch_.push_back(std::move(finished));
  commit_if_due();
  show_progress(false);
}

void Execution::commit_if_due() {
  if (batch_.empty()) return;
  const Clock::duration patience = std::min<Clock::duration>(
      options_.batch_interval, std::max<Clock::duration>(kLeastPatience, 100 * commit_took_));
  if (static_cast<int>(batch_.size()) >= options_.batch_answers ||
      Clock::now() - batch_began_ >= patience) {
    commit();
  }
}

void Execution::commit() {
  if (batch_.empty()) return;
  const Clock::time_point now = Clock::now();
  if (judgement_store_) judgement_store_->put(opened_.info.key, judgements_);
  judgements_.clear();
  store_.commit(opened_.info, batch_, std::chrono::duration<double>(now - last_commit_).count());
  commit_took_ = Clock::now() - now;
  last_commit_ = now;
  batch_.clear();
}

void Execution::show_progress(bool last) {
  const Clock::time_point now = Clock::now();
  if (!last && (!options_.on_progress || now - last_progress_ < std::chrono::milliseconds(100))) {
    return;
  }
  last_progress_ = now;
  RunProgress& progress = progress_;
  progress.in_flight = static_cast<std::int64_t>(in_flight_.size());
  progress.elapsed_s = std::chrono::duration<double>(now - started_at_).count();
  const auto done = static_cast<double>(progress.done);
  progress.mean_score = progress.done > 0 ? value_sum_ / done : 0;
  progress.half_width = wilson_half_width(progress.mean_score, done / options_.epochs);
  const auto fresh = static_cast<double>(progress.done - progress.resumed);
  if (progress.elapsed_s > 0) {
    progress.answers_per_s = fresh / progress.elapsed_s;
    progress.tokens_per_s = static_cast<double>(sitting_tokens_) / progress.elapsed_s;
  }
  progress.eta_s.reset();
  if (fresh > 0 && progress.answers_per_s > 0) {
    progress.eta_s =
        static_cast<double>(progress.expected - progress.done) / progress.answers_per_s;
  }
  progress.finished = last;
  if (options_.on_progress) options_.on_progress(progress);
}

void Execution::leave_after(const std::string& failure) noexcept {
  try {
    commit();
    store_.finish_run(opened_.info, false, failure.substr(0, failure.find('\n')), plan_.warnings);
  } catch (const std::exception&) {
    // The first failure is the one to tell; the store is whole up to the last batch.
  }
}

}  // namespace peira::runner
