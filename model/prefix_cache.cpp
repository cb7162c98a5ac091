#include "model/prefix_cache.h"

#include <algorithm>

#include "base/error.h"

namespace peira::model {

struct PrefixCache::Node {
  Node* parent = nullptr;
  PageTokens tokens{};
  std::int32_t page = -1;
  std::int64_t num_holders = 0;  // sequences whose path runs through this node
  Tick used = 0;                 // when a sequence last came or went
  int snapshot = -1;             // slot of the states at the end of this page
  Tick snapshot_used = 0;
  std::map<PageTokens, std::unique_ptr<Node>> children;
};

PrefixCache::PrefixCache(KvCache& cache, bool is_enabled, int max_snapshots)
    : cache_(cache),
      is_enabled_(is_enabled),
      snapshots_left_(max_snapshots),
      root_(std::make_unique<Node>()) {}

PrefixCache::~PrefixCache() {
  // A long prefix is a deep tree: taken down without recursion.
  std::vector<std::unique_ptr<Node>> pending;
  pending.push_back(std::move(root_));
  while (!pending.empty()) {
    const std::unique_ptr<Node> node = std::move(pending.back());
    pending.pop_back();
    for (auto& [tokens, child] : node->children) pending.push_back(std::move(child));
  }
}

PrefixCache::PageTokens PrefixCache::page_tokens(std::span<const std::int32_t> tokens,
                                                 std::int64_t page) {
  PageTokens out;
  std::copy_n(tokens.begin() + page * kKvPageTokens, kKvPageTokens, out.begin());
  return out;
}

bool PrefixCache::is_evictable_leaf(const Node& node) const {
  return node.num_holders == 0 && node.children.empty() && node.parent != nullptr;
}

void PrefixCache::refresh_leaf(Node& node) {
  leaves_.erase({node.used, &node});
  node.used = ++tick_;
  if (is_evictable_leaf(node)) leaves_.emplace(node.used, &node);
}

void PrefixCache::hold_node(Node& node) {
  if (node.num_holders++ == 0) --num_idle_nodes_;
  refresh_leaf(node);
}

void PrefixCache::drop_node(Node& node) {
  if (--node.num_holders == 0) ++num_idle_nodes_;
  refresh_leaf(node);
}

void PrefixCache::drop_snapshot(Node& node) {
  if (node.snapshot < 0) return;
  snapshots_.erase({node.snapshot_used, &node});
  cache_.give_slot(node.snapshot);
  node.snapshot = -1;
  ++snapshots_left_;
}

void PrefixCache::evict_one() {
  Node& node = *leaves_.begin()->second;
  leaves_.erase(leaves_.begin());
  drop_snapshot(node);
  cache_.give_page(node.page);
  --num_idle_nodes_;
  Node& parent = *node.parent;
  parent.children.erase(PageTokens(node.tokens));
  // The parent keeps its age: it was not used now.
  if (is_evictable_leaf(parent)) leaves_.emplace(parent.used, &parent);
}

std::int64_t PrefixCache::num_available_pages() const {
  return cache_.num_free_pages() + num_idle_nodes_;
}

std::int64_t PrefixCache::attach(Hold& hold, std::span<const std::int32_t> tokens,
                                 std::int64_t num_computed, std::int64_t limit) {
  if (!is_enabled_ || num_computed % kKvPageTokens != 0) return num_computed;
  const std::int64_t first_page = num_computed / kKvPageTokens;
  // Pages of its own that are not in the tree: the path cannot be followed from there.
  if (hold.num_shared != first_page) return num_computed;
  const std::int64_t end_page =
      std::min(limit, static_cast<std::int64_t>(tokens.size())) / kKvPageTokens;
  std::vector<Node*> path;
  std::size_t usable = 0;
  Node* node = hold.deepest != nullptr ? hold.deepest : root_.get();
  for (std::int64_t page = first_page; page < end_page; ++page) {
    const auto child = node->children.find(page_tokens(tokens, page));
    if (child == node->children.end()) break;
    node = child->second.get();
    path.push_back(node);
    if (!has_states() || node->snapshot >= 0) usable = path.size();
  }
  path.resize(usable);
  if (path.empty()) return num_computed;
  // Pages reserved for these positions, not yet written, are not needed.
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto at = static_cast<std::size_t>(first_page) + i;
    if (at < hold.pages.size()) {
      cache_.give_page(hold.pages[at]);
      hold.pages[at] = path[i]->page;
    } else {
      hold.pages.push_back(path[i]->page);
    }
    hold_node(*path[i]);
  }
  hold.deepest = path.back();
  hold.num_shared += static_cast<std::int64_t>(path.size());
  if (has_states()) {
    Node& last = *path.back();
    snapshots_.erase({last.snapshot_used, &last});
    last.snapshot_used = ++tick_;
    snapshots_.emplace(last.snapshot_used, &last);
    if (hold.state_slot < 0) hold.state_slot = cache_.take_slot();
    if (hold.state_slot < 0) throw Error(ErrorCode::kInternal, "no recurrent state is free");
    cache_.copy_slot(last.snapshot, hold.state_slot);
  }
  return hold.num_shared * kKvPageTokens;
}

bool PrefixCache::reserve(Hold& hold, std::int64_t num_tokens) {
  const std::int64_t needed =
      KvCache::pages_for(num_tokens) - static_cast<std::int64_t>(hold.pages.size());
  if (needed > num_available_pages()) return false;
  for (std::int64_t i = 0; i < needed; ++i) {
    if (cache_.num_free_pages() == 0) evict_one();
    hold.pages.push_back(cache_.take_page());
  }
  if (has_states() && hold.state_slot < 0) {
    hold.state_slot = cache_.take_slot();
    if (hold.state_slot < 0) throw Error(ErrorCode::kInternal, "no recurrent state is free");
  }
  return true;
}

void PrefixCache::publish(Hold& hold, std::span<const std::int32_t> tokens,
                          std::int64_t num_computed, bool keep_state) {
  if (!is_enabled_) return;
  const std::int64_t end_page = num_computed / kKvPageTokens;
  for (; hold.num_shared < end_page; ++hold.num_shared) {
    Node& parent = hold.deepest != nullptr ? *hold.deepest : *root_;
    std::int32_t& page = hold.pages[static_cast<std::size_t>(hold.num_shared)];
    auto [place, is_new] = parent.children.try_emplace(page_tokens(tokens, hold.num_shared));
    if (is_new) {
      // The parent, held by this sequence or the root, was no evictable leaf.
      place->second = std::make_unique<Node>();
      place->second->parent = &parent;
      place->second->tokens = place->first;
      place->second->page = page;
      ++num_idle_nodes_;
    } else {
      cache_.give_page(page);
      page = place->second->page;
    }
    hold_node(*place->second);
    hold.deepest = place->second.get();
  }
  if (!keep_state || !has_states() || hold.deepest == nullptr || hold.deepest->snapshot >= 0 ||
      hold.num_shared * kKvPageTokens != num_computed) {
    return;
  }
  if (snapshots_left_ == 0 && !snapshots_.empty()) drop_snapshot(*snapshots_.begin()->second);
  if (snapshots_left_ == 0) return;
  const int slot = cache_.take_slot();
  if (slot < 0) return;
  --snapshots_left_;
  cache_.copy_slot(hold.state_slot, slot);
  hold.deepest->snapshot = slot;
  hold.deepest->snapshot_used = ++tick_;
  snapshots_.emplace(hold.deepest->snapshot_used, hold.deepest);
}

void PrefixCache::release(Hold& hold) {
  const auto num_shared = static_cast<std::size_t>(hold.num_shared);
  // Last page first, so that free pages come back in the order they were taken.
  for (std::size_t i = hold.pages.size(); i > num_shared; --i) cache_.give_page(hold.pages[i - 1]);
  // From the deepest up: a parent is used later than its children, which are evicted first.
  for (Node* node = hold.deepest; node != nullptr && node->parent != nullptr; node = node->parent) {
    drop_node(*node);
  }
  if (hold.state_slot >= 0) cache_.give_slot(hold.state_slot);
  hold = {};
}

}  // namespace peira::model
