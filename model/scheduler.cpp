#include "model/scheduler.h"

#include <algorithm>
#include <set>
#include <span>
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

// Recurrent states are kept at multiples of this many tokens and at a prompt's last full page: a
// state is as large as the keys of thousands of tokens, so not at every page.
constexpr std::int64_t kStateInterval = 8 * kKvPageTokens;

// Tokens of `sequence` that may come from the cache: what is behind them is still to be scored, or
// to be continued.
std::int64_t reusable_tokens(const Sequence& sequence) {
  const auto num_tokens = static_cast<std::int64_t>(sequence.tokens.size());
  std::int64_t limit = num_tokens - 1;
  if (sequence.num_scored < sequence.num_prompt_tokens) {
    limit = std::min(limit, sequence.num_scored - 1);
  }
  return limit / kKvPageTokens * kKvPageTokens;
}

// The next end of a chunk after `num_computed` at which the recurrent state is kept.
std::int64_t next_kept_state(const Sequence& sequence, std::int64_t num_computed) {
  const std::int64_t regular = (num_computed / kStateInterval + 1) * kStateInterval;
  const std::int64_t last = (sequence.num_prompt_tokens - 1) / kKvPageTokens * kKvPageTokens;
  return last > num_computed ? std::min(regular, last) : regular;
}

// Of the prompt's prefixes that end a page: FNV-1a over tokens.
std::vector<std::uint64_t> page_hashes_of(std::span<const std::int32_t> prompt) {
  std::vector<std::uint64_t> out;
  std::uint64_t hash = 0xCBF29CE484222325;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    hash = (hash ^ static_cast<std::uint32_t>(prompt[i])) * 0x100000001B3;
    if ((i + 1) % kKvPageTokens == 0) out.push_back(hash);
  }
  return out;
}

}  // namespace

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  if (cache_.is_enabled()) sequence->page_hashes = page_hashes_of(sequence->cache_keys());
  waiting_.push_back(std::move(sequence));
}

Sequence* Scheduler::find(std::int64_t ticket) {
  const auto is_it = [&](const std::unique_ptr<Sequence>& s) { return s->ticket == ticket; };
  if (const auto found = std::find_if(running_.begin(), running_.end(), is_it);
      found != running_.end()) {
    return found->get();
  }
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), is_it);
  return found == waiting_.end() ? nullptr : found->get();
}

void Scheduler::attach(Sequence& sequence) {
  const std::int64_t covered = cache_.attach(sequence.hold, sequence.cache_keys(),
                                             sequence.num_computed, reusable_tokens(sequence));
  sequence.result.num_cached_tokens += covered - sequence.num_computed;
  sequence.num_computed = covered;
}

bool Scheduler::reserve(Sequence& sequence, std::int64_t num_tokens, const Plan& plan) {
  while (!cache_.reserve(sequence.hold, num_tokens)) {
    Sequence& youngest = *running_.back();
    if (&youngest == &sequence || contains(plan, &youngest)) return false;
    cache_.release(youngest.hold);
    youngest.num_computed = 0;
    waiting_.push_front(std::move(running_.back()));
    running_.pop_back();
  }
  return true;
}

std::size_t Scheduler::next_to_admit() {
  if (!cache_.is_enabled() || times_passed_over_ >= kMaxPassedOver) return 0;
  std::set<std::uint64_t> begun;
  for (const auto& sequence : running_) {
    if (!sequence->page_hashes.empty()) begun.insert(sequence->page_hashes.front());
  }
  const std::size_t count = std::min<std::size_t>(waiting_.size(), kLookahead);
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<std::uint64_t>& hashes = waiting_[i]->page_hashes;
    if (!hashes.empty() && begun.contains(hashes.front())) return i;
  }
  return 0;
}

bool Scheduler::admit(Sequence& sequence) {
  attach(sequence);
  // Its prompt's pages are taken at once, so that the next candidate sees what is left.
  if (cache_.reserve(sequence.hold, static_cast<std::int64_t>(sequence.tokens.size()))) return true;
  cache_.release(sequence.hold);
  sequence.num_computed = 0;
  return false;
}

void Scheduler::admit_waiting() {
  // Only into room that is there: admitting never preempts.
  while (!waiting_.empty() && running_.size() < max_batch_) {
    const std::size_t next = next_to_admit();
    if (!admit(*waiting_[next])) return;
    times_passed_over_ = next == 0 ? 0 : times_passed_over_ + 1;
    running_.push_back(std::move(waiting_[next]));
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(next));
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
  std::set<std::uint64_t> coming;  // prefixes that this or a later step will put into the cache
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    Sequence& sequence = *running_[i];
    if (num_remaining(sequence) <= 1) continue;
    attach(sequence);
    const std::int64_t first_page = sequence.num_computed / kKvPageTokens;
    const auto hash_of = [&](std::int64_t page) {
      return sequence.page_hashes[static_cast<std::size_t>(page)];
    };
    if (cache_.is_enabled()) {
      const std::int64_t end_page =
          std::min(reusable_tokens(sequence) / kKvPageTokens, std::ssize(sequence.page_hashes));
      bool is_coming = false;
      for (std::int64_t page = end_page; page-- > first_page && !is_coming;) {
        is_coming = coming.contains(hash_of(page));
      }
      if (is_coming) continue;
    }
    std::int64_t num_tokens = std::min(num_remaining(sequence), budget);
    bool keep_state = false;
    if (cache_.is_enabled() && cache_.has_states()) {
      const std::int64_t kept = next_kept_state(sequence, sequence.num_computed);
      num_tokens = std::min(num_tokens, kept - sequence.num_computed);
      keep_state = sequence.num_computed + num_tokens == kept;
    }
    if (!reserve(sequence, sequence.num_computed + num_tokens, plan)) continue;
    plan.parts.push_back({&sequence, num_tokens, keep_state});
    budget -= num_tokens;
    for (std::int64_t page = first_page; page < std::ssize(sequence.page_hashes); ++page) {
      const std::int64_t end = (page + 1) * kKvPageTokens;
      if (!cache_.has_states() || next_kept_state(sequence, end - 1) == end) {
        coming.insert(hash_of(page));
      }
    }
  }
  return plan;
}

void Scheduler::advance(const Plan& plan) {
  for (const Plan::Part& part : plan.parts) {
    Sequence& sequence = *part.sequence;
    sequence.num_computed += part.num_tokens;
    cache_.publish(sequence.hold, sequence.cache_keys(), sequence.num_computed, part.keep_state);
  }
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
  if (out != nullptr) cache_.release(out->hold);
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
