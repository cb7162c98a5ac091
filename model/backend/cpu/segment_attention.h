// Attention of encoders on CPUs: the block kernel of the decoder's, over keys and values laid out
// as pages of a cache.
#pragma once

#include <cstdint>

#include "model/backend/backend.h"
#include "model/backend/cpu/linear_attention.h"

namespace peira::model::cpu {

// Contract: Backend::segment_attention().
void segment_attention(const ForBlocks& for_blocks, const ConstTensorView& q,
                       const ConstTensorView& k, const ConstTensorView& v,
                       std::int64_t segment_rows, float scale, const TensorView& out);

}  // namespace peira::model::cpu
