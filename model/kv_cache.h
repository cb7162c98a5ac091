// The paged key-value cache: pages of kKvPageTokens tokens, shared by all sequences and layers, and
// the recurrent states of linear-attention layers, a slot a sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "model/backend/backend.h"
#include "model/config.h"

namespace peira::model {

// Owns pages and slots and knows which are free. Memory is taken from the system as pages are first
// used.
// threads: one at a time.
class KvCache {
 public:
  // num_pages  at least 1, over all sequences.
  // num_slots  sequences that can have a recurrent state; of no account for models without.
  // dtype      kF32, kBF16 or kI8 of cached keys and values.
  KvCache(Backend& backend, const ModelConfig& config, std::int64_t num_pages,
          std::int64_t num_slots, DType dtype);

  std::int64_t num_pages() const { return num_pages_; }
  std::int64_t num_free_pages() const { return static_cast<std::int64_t>(free_.size()); }
  bool has_states() const { return has_states_; }
  // Of layers that attend; of those with linear attention.
  const KvLayer& layer(int index) const { return layers_[static_cast<std::size_t>(index)].kv; }
  const RecurrentLayer& recurrent_layer(int index) const {
    return layers_[static_cast<std::size_t>(index)].recurrent;
  }

  // A free page; there must be one.
  std::int32_t take_page();
  void give_page(std::int32_t page) { free_.push_back(page); }

  // A free slot for a recurrent state, or -1. What it held counts as zero from a sequence's
  // position 0 on.
  int take_slot();
  void give_slot(int slot) { free_slots_.push_back(slot); }
  // Copies the states of all layers from one slot to another.
  void copy_slot(int from, int to);

  static std::int64_t pages_for(std::int64_t num_tokens) {
    return (num_tokens + kKvPageTokens - 1) / kKvPageTokens;
  }
  // Bytes one page takes over all layers.
  static std::int64_t page_bytes(const ModelConfig& config, DType dtype);
  // Bytes one slot takes over all layers.
  static std::int64_t slot_bytes(const ModelConfig& config);

 private:
  struct Layer {
    std::vector<Tensor> owned;
    KvLayer kv;
    RecurrentLayer recurrent;
  };
  Backend& backend_;
  std::int64_t num_pages_;
  std::vector<Layer> layers_;
  std::vector<std::int32_t> free_;
  std::vector<int> free_slots_;
  bool has_states_ = false;
};

}  // namespace peira::model
