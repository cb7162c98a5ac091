// A weight matrix as it is stored: plain elements, elements with separate scales (FP8), or blocks.
#pragma once

#include <cstdint>
#include <memory>

#include "model/tensor.h"

namespace peira::model {

// What weights become when they are placed; see model/quantization/groups.h.
enum class WeightPrecision : std::uint8_t {
  kStored,  // as the checkpoint has them
  kInt8,    // BF16, F16 and F32 matrices to 8-bit integers in groups
  kInt4,    // the same to 4 bits
};

// Rows and columns that share one scale of an FP8 weight.
// source  quantization_config.weight_block_size of the published FP8 checkpoints.
constexpr std::int64_t kFp8Block = 128;

// Borrowed, cheap to copy. A plain view converts to one.
struct Weight {
  ConstTensorView values;  // [out_features, in_features] of any weight type
  ConstTensorView
      scales;  // kF8E4M3: f32 [ceil(out / kFp8Block), ceil(in / kFp8Block)]; else absent
  // What a backend's place_matrix() made of the weight, in a layout of its own; values.shape stays.
  // Empty as long as the weight is row-major.
  std::shared_ptr<const void> packed;
  // Never quantised when it is placed: routers and gates, small matrices that decide much.
  bool keep_stored = false;

  Weight() = default;
  Weight(const ConstTensorView& plain) : values(plain) {}  // NOLINT: a view is a weight
  Weight(const Tensor& plain) : values(plain) {}           // NOLINT
  Weight(const ConstTensorView& quantized, const ConstTensorView& block_scales)
      : values(quantized), scales(block_scales) {}

  explicit operator bool() const { return values.data != nullptr || packed != nullptr; }
  const Shape& shape() const { return values.shape; }
  DType dtype() const { return values.dtype; }
};

// Row `row` of a row-major weight in float32, exactly as the format defines it.
//
// out  [in_features].
void widen_row(const Weight& weight, std::int64_t row, float* out);

// Bytes the weight takes as stored, its scales too.
std::int64_t stored_bytes(const Weight& weight);

// The value of an 8-bit float with 4 exponent bits (bias 7) and 3 fraction bits; 0x7F and 0xFF are
// NaN, there is no infinity.
// source  Micikevicius et al. 2022, arXiv:2209.05433, table 1.
float float_from_f8e4m3(std::uint8_t bits);

// 2^(bits - 127), the scale of an MXFP4 block; 0xFF is NaN.
// source  Open Compute Project, Microscaling Formats (MX) 1.0, section 5.4.1.
float float_from_e8m0(std::uint8_t bits);

}  // namespace peira::model
