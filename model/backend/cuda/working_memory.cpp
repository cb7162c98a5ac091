#include "model/backend/cuda/working_memory.h"

#include <algorithm>

namespace peira::model {
namespace cuda {

std::int64_t split_bytes(std::int64_t num_rows, std::int64_t num_heads, std::int64_t head_dim,
                         std::int64_t num_splits) {
  // Each split's values, their total and its maximum.
  return num_rows * num_heads * num_splits * (head_dim + 2) *
         static_cast<std::int64_t>(sizeof(float));
}

bool is_split(std::int64_t num_rows, std::int64_t num_heads, std::int64_t head_dim,
              std::int64_t num_splits) {
  return num_splits > 1 && num_rows * num_heads < kBusyWarps &&
         split_bytes(num_rows, num_heads, head_dim, num_splits) <=
             kMostSplitFloats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t experts_bytes(std::int64_t num_rows, std::int64_t top_k, std::int64_t num_experts,
                           std::int64_t hidden_size, std::int64_t intermediate_size) {
  const std::int64_t num_slots = std::min(num_rows, kMostExpertRows) * top_k;
  const std::int64_t floats = num_slots * (2 * intermediate_size + hidden_size);
  // The sorted slots; each expert's first and number; at most a tile of three numbers a slot and an
  // expert more; and seven pieces that start at multiples of 256 bytes.
  const std::int64_t integers = num_slots + 2 * num_experts + 3 * (num_slots + num_experts);
  return (floats + integers) * 4 + 7 * 256;
}

std::int64_t scratch_bytes(const WorkSizes& sizes) {
  std::int64_t out = 0;
  if (sizes.num_heads > 0) {
    const std::int64_t num_splits = (sizes.max_pages + kSplitPages - 1) / kSplitPages;
    const std::int64_t rows = std::min(sizes.max_rows, (kBusyWarps - 1) / sizes.num_heads);
    if (num_splits > 1) {
      out = std::min(split_bytes(rows, sizes.num_heads, sizes.head_dim, num_splits),
                     kMostSplitFloats * static_cast<std::int64_t>(sizeof(float)));
    }
  }
  if (sizes.num_experts > 0) {
    out = std::max(out, experts_bytes(sizes.max_rows, sizes.num_experts_per_tok, sizes.num_experts,
                                      sizes.hidden_size, sizes.moe_intermediate_size));
  }
  return out;
}

}  // namespace cuda

std::int64_t cuda_working_bytes(const WorkSizes& sizes) {
  return cuda::scratch_bytes(sizes) +
         cuda::kMostRecordings * sizes.num_layers * cuda::kRecordedLayerBytes;
}

}  // namespace peira::model
