// Plain weights quantised in groups along a row: what --weights int8 and int4 mean on every device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/tensor.h"
#include "model/weight.h"

namespace peira::model {

constexpr std::int64_t kInt8GroupSize = block_elements(DType::kInt8Group);
constexpr std::int64_t kInt4GroupSize = block_elements(DType::kInt4Group);

// w = value * scale with scale = max|w| / 127 in float32, values rounded to nearest, ties to even.
struct Int8Group {
  float scale = 0;
  std::array<std::int8_t, kInt8GroupSize> values{};
};

// w = value * scale + min in one rounding, values in 0..15. Of seven spans between the group's
// ends, the one whose values err least in the mean square is taken.
struct Int4Group {
  std::uint16_t scale = 0;  // bits of a bfloat16
  std::uint16_t min = 0;    // likewise
  std::array<std::uint8_t, kInt4GroupSize> values{};
};

// What is not finite makes its group's scale NaN, which then shows in every product.
//
// weights  [kInt8GroupSize], [kInt4GroupSize].
Int8Group quantize_int8(const float* weights);
Int4Group quantize_int4(const float* weights);

// True for what `precision` changes when it is placed: plain matrices that may be changed.
bool is_quantized_by(WeightPrecision precision, const Weight& weight);
// kInt8Group or kInt4Group. throws Error(kInternal): kStored.
DType group_type(WeightPrecision precision);

// Row `row` of a plain weight as blocks of `dtype`.
//
// dtype  kInt8Group or kInt4Group.
// out    row_bytes(dtype, in_features) bytes.
void quantize_row(DType dtype, const Weight& weight, std::int64_t row, std::byte* out);

// The reverse: a row of blocks in float32, exactly as defined above.
//
// out  [columns].
void widen_groups(DType dtype, const std::byte* row, std::int64_t columns, float* out);

}  // namespace peira::model
