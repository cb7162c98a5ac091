// How a device's memory is divided before anything is loaded: weights, buffers, recurrent states,
// and the key-value cache, which gets what its sequences could fill of the rest.
#pragma once

#include <cstdint>
#include <string>

#include "model/backend/device.h"
#include "model/config.h"
#include "model/inspection.h"
#include "model/tensor.h"

namespace peira::model {

struct MemoryRequest {
  WeightPrecision weights = WeightPrecision::kStored;
  WeightCount weight_count = {};
  std::int64_t memory_bytes = 0;  // what the device can give; see Backend::memory_bytes()
  bool copies_weights = false;    // weights take device memory; else they are mapped files, and
                                  // only what a backend copies of their matrices takes memory:
  std::int64_t most_copied_bytes = 0;  // as stored at most so much; quantised, all of them
  // What the device's operations need beside tensors, e.g. cuda_working_bytes; null: nothing.
  std::int64_t (*working_bytes)(const WorkSizes& sizes) = nullptr;
  int max_batch = 1;
  int prefill_chunk = 1;
  std::int64_t max_kv_tokens = 0;  // 0: as many as fit and max_batch sequences could use
  DType kv_dtype = DType::kF32;
  bool prefix_cache = true;
  std::int64_t max_encoder_bytes = 0;  // of a model with towers: embeddings of media that are kept
};

struct MemoryPlan {
  std::int64_t weights_bytes = 0;  // on the host: copies beside the mapped files
  std::int64_t buffers_bytes = 0;
  std::int64_t working_bytes = 0;
  std::int64_t num_pages = 0;  // of the key-value cache
  std::int64_t page_bytes = 0;
  std::int64_t num_slots = 0;  // of recurrent states: one a sequence, the rest for prefixes
  std::int64_t num_snapshots = 0;
  std::int64_t slot_bytes = 0;

  std::int64_t cache_bytes() const { return num_pages * page_bytes + num_slots * slot_bytes; }
  std::int64_t total_bytes() const {
    return weights_bytes + buffers_bytes + working_bytes + cache_bytes();
  }
};

// device  named in errors, e.g. "cuda:0".
// throws  Error(kUnavailable): it does not fit; says what is needed for what and what would fit.
MemoryPlan plan_memory(const ModelConfig& config, const MemoryRequest& request,
                       const std::string& device);

// "12.3 GiB", "45 MiB".
std::string shown_bytes(std::int64_t bytes);

}  // namespace peira::model
