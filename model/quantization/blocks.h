// Block-quantised weights: what the elements of a block are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/tensor.h"

namespace peira::model {

// Elements of consecutive blocks in float32, bit for bit as the format defines them.
//
// dtype    a block format of ggml: kQ4_0 to kQ6_K.
// blocks   num_blocks * block_bytes(dtype) bytes, of any alignment.
// out      [num_blocks * block_elements(dtype)].
// throws   Error(kInternal): another.
// source   dequantize_row_* of github.com/ggml-org/ggml, src/ggml-quants.c.
void widen_blocks(DType dtype, const std::byte* blocks, std::int64_t num_blocks, float* out);

}  // namespace peira::model
