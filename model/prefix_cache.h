// Which pages of the key-value cache belong to whom, and which prefixes of earlier sequences are
// still there to be used again.
//
// Full pages hang in a tree: a node is a page whose tokens follow its parent's. A sequence holds a
// path from the root and, after it, pages of its own. What a page holds is a function of the tokens
// up to its end, so that a cached page and a computed one are equal to the last bit. Where tokens
// are placeholders of a medium, numbers that stand for its content take their place here.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "model/kv_cache.h"

namespace peira::model {

// threads: one at a time.
class PrefixCache {
 public:
  struct Node;

  // What one sequence has of the cache. Empty unless the cache filled it.
  struct Hold {
    std::vector<std::int32_t> pages;  // page p holds positions from p * kKvPageTokens
    Node* deepest = nullptr;          // the first pages are those down to this node
    std::int64_t num_shared = 0;      // as many
    int state_slot = -1;              // of the recurrent states
  };

  // is_enabled  false: pages are only handed out, nothing is found again.
  // max_snapshots  recurrent states kept for later sequences, beyond those of `max_sequences`.
  PrefixCache(KvCache& cache, bool is_enabled, int max_snapshots);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // Lengthens `hold`, which covers exactly `num_computed` tokens, by cached pages that go on as
  // `tokens` does, up to `limit` tokens; returns how many tokens it covers then. With recurrent
  // states it stops where a state was kept.
  std::int64_t attach(Hold& hold, std::span<const std::int32_t> tokens, std::int64_t num_computed,
                      std::int64_t limit);

  // Gives `hold` pages for `num_tokens` tokens, and a state slot where the model has states; takes
  // pages from prefixes that nobody holds, the longest unused first. False, changing nothing, when
  // there are not enough.
  bool reserve(Hold& hold, std::int64_t num_tokens);

  // Puts the full pages among the first `num_computed` tokens into the tree. A page that another
  // sequence has put there meanwhile replaces the own one. keep_state: num_computed ends a page,
  // and the state there is kept for others.
  void publish(Hold& hold, std::span<const std::int32_t> tokens, std::int64_t num_computed,
               bool keep_state);

  // Gives everything back. What was published stays until its pages are needed.
  void release(Hold& hold);

  // Pages that reserve() could hand out now.
  std::int64_t num_available_pages() const;
  // Whether `tokens` may become longer prefixes for others: the cache is on.
  bool is_enabled() const { return is_enabled_; }
  bool has_states() const { return cache_.has_states(); }

 private:
  using PageTokens = std::array<std::int32_t, kKvPageTokens>;
  using Tick = std::uint64_t;

  static PageTokens page_tokens(std::span<const std::int32_t> tokens, std::int64_t page);
  void hold_node(Node& node);
  void drop_node(Node& node);
  bool is_evictable_leaf(const Node& node) const;
  void refresh_leaf(Node& node);
  void evict_one();
  void drop_snapshot(Node& node);

  KvCache& cache_;
  bool is_enabled_;
  int snapshots_left_;
  std::unique_ptr<Node> root_;
  std::int64_t num_idle_nodes_ = 0;             // in the tree, held by nobody
  Tick tick_ = 0;                               // counts uses, so that ages never tie
  std::set<std::pair<Tick, Node*>> leaves_;     // idle and without children, longest unused first
  std::set<std::pair<Tick, Node*>> snapshots_;  // nodes with a state, longest unused first
};

}  // namespace peira::model
