#include "model/text/bpe.h"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <tuple>

namespace peira::model {
namespace {

std::uint32_t hash_of(std::string_view text) {
  const std::size_t hash = std::hash<std::string_view>{}(text);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32U));
}

constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15ULL;  // Fibonacci hashing: high bits are mixed

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) |
         static_cast<std::uint32_t>(right);
}

std::size_t power_of_two(std::size_t at_least) {
  std::size_t size = 1024;
  while (size < at_least) size *= 2;
  return size;
}

}  // namespace

void Vocabulary::reserve(std::size_t count) {
  by_id_.reserve(count);
  arena_.reserve(count * 8);
  if (slots_.size() < count * 2) grow(power_of_two(count * 2));
}

void Vocabulary::grow(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    std::size_t at = slot.hash & (slots - 1);
    while (slots_[at].id >= 0) at = (at + 1) & (slots - 1);
    slots_[at] = slot;
  }
}

// The slot that holds `text`, or the free one where it belongs.
std::size_t Vocabulary::slot_of(std::string_view text, std::uint32_t hash) const {
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id >= 0) {
    if (slots_[at].hash == hash && view(by_id_[static_cast<std::size_t>(slots_[at].id)]) == text) {
      return at;
    }
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

void Vocabulary::insert(std::string_view text, std::int32_t id) {
  if ((size_ + 1) * 2 > slots_.size()) grow(power_of_two((size_ + 1) * 4));
  const std::uint32_t hash = hash_of(text);
  Slot& slot = slots_[slot_of(text, hash)];
  if (static_cast<std::size_t>(id) >= by_id_.size())
    by_id_.resize(static_cast<std::size_t>(id) + 1);
  Entry entry{static_cast<std::uint32_t>(arena_.size()), static_cast<std::uint32_t>(text.size()),
              true};
  if (slot.id >= 0) {
    entry = by_id_[static_cast<std::size_t>(slot.id)];
    by_id_[static_cast<std::size_t>(slot.id)] = Entry{};
  } else {
    arena_ += text;
    ++size_;
  }
  by_id_[static_cast<std::size_t>(id)] = entry;
  slot = {hash, id};
}

std::uint32_t Vocabulary::hash(std::string_view text) { return hash_of(text); }

void Vocabulary::prefetch_slot(std::uint32_t hash) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

void Vocabulary::prefetch_text(std::uint32_t hash) const {
  if (slots_.empty()) return;
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.id >= 0) __builtin_prefetch(&by_id_[static_cast<std::size_t>(slot.id)]);
}

std::optional<std::int32_t> Vocabulary::find(std::string_view text, std::uint32_t hash) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(text, hash)];
  if (slot.id < 0) return std::nullopt;
  return slot.id;
}

std::string_view Vocabulary::text(std::int32_t id) const {
  return has(id) ? view(by_id_[static_cast<std::size_t>(id)]) : std::string_view{};
}

bool Vocabulary::has(std::int32_t id) const {
  return id >= 0 && static_cast<std::size_t>(id) < by_id_.size() &&
         by_id_[static_cast<std::size_t>(id)].present;
}

void Merges::reserve(std::size_t count) {
  if (slots_.size() < count * 2) grow(power_of_two(count * 2));
}

void Merges::grow(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.pair != kFree) slots_[slot_of(slot.pair)] = slot;
  }
}

std::size_t Merges::slot_of(std::uint64_t pair) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = ((pair * kMix) >> 24U) & mask;
  while (slots_[at].pair != kFree && slots_[at].pair != pair) at = (at + 1) & mask;
  return at;
}

void Merges::insert(std::int32_t left, std::int32_t right, Merge merge) {
  if ((size_ + 1) * 2 > slots_.size()) grow(power_of_two((size_ + 1) * 4));
  const std::uint64_t pair = pair_key(left, right);
  Slot& slot = slots_[slot_of(pair)];
  if (slot.pair == kFree) ++size_;
  slot = {pair, merge};
}

void Merges::prefetch(std::int32_t left, std::int32_t right) const {
  if (slots_.empty()) return;
  const std::size_t mixed = (pair_key(left, right) * kMix) >> 24U;
  __builtin_prefetch(&slots_[mixed & (slots_.size() - 1)], 1);
}

const Merges::Merge* Merges::find(std::int32_t left, std::int32_t right) const {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(pair_key(left, right))];
  return slot.pair == kFree ? nullptr : &slot.merge;
}

namespace {

constexpr std::int32_t kNoMerge = INT32_MAX;
constexpr std::size_t kShortWord = 32;

// Looks through all pairs for each merge: quadratic, and fastest on the words that text is made of.
void merge_short(const Merges& merges, std::vector<std::int32_t>& tokens, std::size_t begin) {
  std::array<Merges::Merge, kShortWord> pairs;
  std::size_t count = tokens.size() - begin;
  std::int32_t* const word = tokens.data() + begin;
  const auto look_up = [&](std::size_t i) {
    const Merges::Merge* const merge = merges.find(word[i], word[i + 1]);
    pairs[i] = merge != nullptr ? *merge : Merges::Merge{kNoMerge, 0};
  };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == kNoMerge) break;
    word[best] = pairs[best].token;
    std::copy(word + best + 2, word + count, word + best + 1);
    --count;
    // pairs[best] and its neighbours hold the joined token now; those behind move up by one.
    for (std::size_t i = best + 1; i + 1 < count; ++i) pairs[i] = pairs[i + 1];
    if (best + 1 < count) look_up(best);
    if (best > 0) look_up(best - 1);
  }
  tokens.resize(begin + count);
}

// A linked list of tokens and a queue of candidate pairs. An entry whose pair has changed since it
// was queued joins to a text of another length, hence to another token, and is passed over.
void merge_long(const Merges& merges, std::vector<std::int32_t>& tokens, std::size_t begin) {
  struct Node {
    std::int32_t token;
    std::int64_t previous;
    std::int64_t next;
    bool alive;
  };
  using Candidate = std::tuple<std::int32_t, std::int64_t, std::int32_t>;  // rank, place, token
  const std::int64_t count = static_cast<std::int64_t>(tokens.size() - begin);
  std::vector<Node> nodes(static_cast<std::size_t>(count));
  const auto node = [&](std::int64_t i) -> Node& { return nodes[static_cast<std::size_t>(i)]; };
  for (std::int64_t i = 0; i < count; ++i) {
    node(i) = {tokens[begin + static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1,
               true};
  }
  std::vector<Candidate> initial;
  for (std::int64_t i = 0; i + 1 < count; ++i) {
    if (const Merges::Merge* merge = merges.find(node(i).token, node(i + 1).token)) {
      initial.emplace_back(merge->rank, i, merge->token);
    }
  }
  std::priority_queue queue(std::greater<Candidate>{}, std::move(initial));
  while (!queue.empty()) {
    const auto [rank, place, token] = queue.top();
    queue.pop();
    Node& left = node(place);
    if (!left.alive || left.next < 0) continue;
    Node& right = node(left.next);
    const Merges::Merge* const merge = merges.find(left.token, right.token);
    if (merge == nullptr || merge->token != token || merge->rank != rank) continue;
    left.token = token;
    right.alive = false;
    left.next = right.next;
    if (left.next >= 0) node(left.next).previous = place;
    const auto offer = [&](std::int64_t i) {
      if (const Merges::Merge* next = merges.find(node(i).token, node(node(i).next).token)) {
        queue.emplace(next->rank, i, next->token);
      }
    };
    if (left.next >= 0) offer(place);
    if (left.previous >= 0) offer(left.previous);
  }
  tokens.resize(begin);
  for (std::int64_t i = 0; i >= 0; i = node(i).next) tokens.push_back(node(i).token);
}

}  // namespace

void merge_tokens(const Merges& merges, std::vector<std::int32_t>& tokens, std::size_t begin) {
  const std::size_t count = tokens.size() - begin;
  if (count < 2) return;
  if (count <= kShortWord) {
    merge_short(merges, tokens, begin);
  } else {
    merge_long(merges, tokens, begin);
  }
}

namespace {

constexpr std::size_t kCacheSlots = 1U << 16U;
constexpr std::size_t kLongestCachedWord = 256;
constexpr std::size_t kCachedBytes = 4U << 20U;

}  // namespace

WordCache::WordCache() : slots_(kCacheSlots) {}

std::size_t WordCache::slot_of(std::string_view word, std::uint32_t hash) const {
  std::size_t at = hash & (kCacheSlots - 1);
  while (slots_[at].size != 0) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && std::string_view(words_).substr(slot.begin, slot.size) == word) break;
    at = (at + 1) & (kCacheSlots - 1);
  }
  return at;
}

bool WordCache::append(std::string_view word, std::vector<std::int32_t>& out) const {
  if (word.empty() || word.size() > kLongestCachedWord) return false;
  const Slot& slot = slots_[slot_of(word, hash_of(word))];
  if (slot.size == 0) return false;
  const auto first = tokens_.begin() + slot.tokens_begin;
  out.insert(out.end(), first, first + slot.num_tokens);
  return true;
}

void WordCache::insert(std::string_view word, const std::int32_t* tokens, std::size_t count) {
  if (word.empty() || word.size() > kLongestCachedWord) return;
  if (used_ * 2 >= kCacheSlots || words_.size() + word.size() > kCachedBytes) {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    words_.clear();
    tokens_.clear();
    used_ = 0;
  }
  const std::uint32_t hash = hash_of(word);
  Slot& slot = slots_[slot_of(word, hash)];
  if (slot.size != 0) return;
  slot = {hash, static_cast<std::uint32_t>(words_.size()),
          static_cast<std::uint32_t>(tokens_.size()), static_cast<std::uint16_t>(count),
          static_cast<std::uint16_t>(word.size())};
  words_ += word;
  tokens_.insert(tokens_.end(), tokens, tokens + count);
  ++used_;
}

}  // namespace peira::model
