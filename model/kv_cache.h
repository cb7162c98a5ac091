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
  // Of layers that attend; of those with linear attention.
  const KvLayer& layer(int index) const { return layers_[static_cast<std::size_t>(index)].kv; }
  const RecurrentLayer& recurrent_layer(int index) const {
    return layers_[static_cast<std::size_t>(index)].recurrent;
  }

  // Makes `pages` long enough for `num_tokens`; false, changing nothing, when too few are free.
  bool reserve(std::int64_t num_tokens, std::vector<std::int32_t>& pages);
  // Gives all of `pages` back and empties it.
  void release(std::vector<std::int32_t>& pages);

  // A free slot for a recurrent state; -1 for models that need none. There must be a free one.
  // What the slot held counts as zero from a sequence's position 0 on.
  int acquire_slot();
  // Gives `slot` back and sets it to -1.
  void release_slot(int& slot);

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
  std::int64_t num_pages_;
  std::vector<Layer> layers_;
  std::vector<std::int32_t> free_;
  std::vector<int> free_slots_;
  bool has_slots_ = false;
};

}  // namespace peira::model
