#include "model/scheduler.h"

#include <algorithm>
#include <utility>

namespace peira::model {
namespace {

bool contains(const Plan& plan, const Sequence* sequence) {
  return std::any_of(plan.parts.begin(), plan.parts.end(),
                     [&](const Plan::Part& part) { return part.sequence == sequence; });
}

std::int64_t num_remaining(const Sequence& sequence) {
  return static_cast<std::int64_t>(sequence.tokens.size()) - sequence.num_computed;
}

}  // namespace

Sequence* Scheduler::find(std::int64_t ticket) {
  const auto is_it = [&](const std::unique_ptr<Sequence>& s) { return s->ticket == ticket; };
  if (const auto found = std::find_if(running_.begin(), running_.end(), is_it);
      found != running_.end()) {
    return found->get();
  }
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), is_it);
  return found == waiting_.end() ? nullptr : found->get();
}

bool Scheduler::reserve(Sequence& sequence, std::int64_t num_tokens, const Plan& plan) {
  while (!cache_.reserve(num_tokens, sequence.pages)) {
    Sequence& youngest = *running_.back();
    if (&youngest == &sequence || contains(plan, &youngest)) return false;
    cache_.release(youngest.pages);
    cache_.release_slot(youngest.state_slot);
    youngest.num_computed = 0;
    waiting_.push_front(std::move(running_.back()));
    running_.pop_back();
  }
  return true;
}

void Scheduler::admit_waiting() {
  // Only into room that is there: admitting never preempts.
  while (!waiting_.empty() && running_.size() < max_batch_ &&
         cache_.num_free_pages() >=
             KvCache::pages_for(static_cast<std::int64_t>(waiting_.front()->tokens.size()))) {
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    // Its prompt's pages are taken at once, so that the next candidate sees what is left.
    cache_.reserve(static_cast<std::int64_t>(running_.back()->tokens.size()),
                   running_.back()->pages);
    running_.back()->state_slot = cache_.acquire_slot();
  }
}

Plan Scheduler::plan() {
  Plan plan;
  admit_waiting();
  // By index: reserve() may move the youngest back to waiting_.
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = *running_[i];
    if (num_remaining(sequence) == 1 &&
        reserve(sequence, static_cast<std::int64_t>(sequence.tokens.size()), plan)) {
      plan.parts.push_back({&sequence, 1});
    }
  }
  std::int64_t budget = prefill_chunk_;
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    Sequence& sequence = *running_[i];
    if (num_remaining(sequence) <= 1) continue;
    const std::int64_t num_tokens = std::min(num_remaining(sequence), budget);
    if (!reserve(sequence, sequence.num_computed + num_tokens, plan)) continue;
    plan.parts.push_back({&sequence, num_tokens});
    budget -= num_tokens;
  }
  return plan;
}

std::unique_ptr<Sequence> Scheduler::remove(const Sequence& sequence) {
  const auto is_it = [&](const std::unique_ptr<Sequence>& s) { return s.get() == &sequence; };
  std::unique_ptr<Sequence> out;
  if (const auto found = std::find_if(running_.begin(), running_.end(), is_it);
      found != running_.end()) {
    out = std::move(*found);
    running_.erase(found);
  } else if (const auto queued = std::find_if(waiting_.begin(), waiting_.end(), is_it);
             queued != waiting_.end()) {
    out = std::move(*queued);
    waiting_.erase(queued);
  }
  if (out != nullptr) {
    cache_.release(out->pages);
    cache_.release_slot(out->state_slot);
  }
  return out;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::remove_cancelled() {
  std::vector<Sequence*> cancelled;
  for (const auto& sequence : running_) {
    if (sequence->is_cancelled) cancelled.push_back(sequence.get());
  }
  for (const auto& sequence : waiting_) {
    if (sequence->is_cancelled) cancelled.push_back(sequence.get());
  }
  std::vector<std::unique_ptr<Sequence>> out;
  for (const Sequence* sequence : cancelled) out.push_back(remove(*sequence));
  return out;
}

}  // namespace peira::model
