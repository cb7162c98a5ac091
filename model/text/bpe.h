// Byte pair encoding over ids: a vocabulary, its merges in order of rank, and the merging of a
// word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peira::model {

// Token texts and their ids, both ways.
class Vocabulary {
 public:
  // Room for about `count` tokens, a hint.
  void reserve(std::size_t count);
  // A text seen before takes the new id, as a JSON object's repeated key does.
  void insert(std::string_view text, std::int32_t id);
  std::optional<std::int32_t> find(std::string_view text) const { return find(text, hash(text)); }

  // find() in three steps, for many texts at a time: each step fetches the memory of the next, so
  // that the waits overlap. text's hash, then prefetch_slot, prefetch_text and find for all.
  static std::uint32_t hash(std::string_view text);
  void prefetch_slot(std::uint32_t hash) const;
  void prefetch_text(std::uint32_t hash) const;
  std::optional<std::int32_t> find(std::string_view text, std::uint32_t hash) const;
  // Empty for an id without a token.
  std::string_view text(std::int32_t id) const;
  bool has(std::int32_t id) const;
  std::int32_t id_limit() const { return static_cast<std::int32_t>(by_id_.size()); }
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    bool present = false;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = -1;  // -1: free
  };
  std::size_t slot_of(std::string_view text, std::uint32_t hash) const;
  void grow(std::size_t slots);
  std::string_view view(const Entry& entry) const {
    return std::string_view(arena_).substr(entry.begin, entry.size);
  }

  std::string arena_;
  std::vector<Entry> by_id_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

// The merges of a BPE model.
class Merges {
 public:
  struct Merge {
    std::int32_t rank;
    std::int32_t token;  // what the pair becomes
  };
  void reserve(std::size_t count);
  // A pair given before takes the new rank.
  void insert(std::int32_t left, std::int32_t right, Merge merge);
  void prefetch(std::int32_t left, std::int32_t right) const;
  // null: the pair is not merged.
  const Merge* find(std::int32_t left, std::int32_t right) const;
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t pair = kFree;
    Merge merge{};
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  std::size_t slot_of(std::uint64_t pair) const;
  void grow(std::size_t slots);

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

// Merges `tokens` from `begin` to the end in place: always the pair of lowest rank, the leftmost of
// equals. cost: n log n for n tokens.
void merge_tokens(const Merges& merges, std::vector<std::int32_t>& tokens, std::size_t begin);

// Words met before and their tokens. Bounded: it empties itself when full.
class WordCache {
 public:
  WordCache();
  // Appends the word's tokens to `out`; false when the word is not known.
  bool append(std::string_view word, std::vector<std::int32_t>& out) const;
  void insert(std::string_view word, const std::int32_t* tokens, std::size_t count);

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t begin = 0;
    std::uint32_t tokens_begin = 0;
    std::uint16_t num_tokens = 0;
    std::uint16_t size = 0;  // 0: free
  };
  std::size_t slot_of(std::string_view word, std::uint32_t hash) const;

  std::vector<Slot> slots_;
  std::string words_;
  std::vector<std::int32_t> tokens_;
  std::size_t used_ = 0;
};

}  // namespace peira::model
