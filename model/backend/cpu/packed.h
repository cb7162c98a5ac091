// Weights quantised when they are placed: 8-bit integers, or 4-bit ones, in groups along a row.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "model/backend/backend.h"
#include "model/tensor.h"
#include "model/weight.h"

namespace peira::model::cpu {

// A matrix [out_features, in_features] whose rows are padded with zeros to whole units.
//
// 8 bits   groups of 64: w = q * scale, scale = max|w| / 127 in float32. 8.5 bits a weight.
// 4 bits   groups of 32: w = q * scale + min in one rounding, q in 0..15, scale and min in
// bfloat16.
//          5 bits a weight. Of seven spans between the group's ends, the one whose values err least
//          in the mean square is taken.
// threads: constant once packed.
class PackedMatrix {
 public:
  static constexpr std::int64_t kInt8Unit = 64;   // a group
  static constexpr std::int64_t kInt4Unit = 128;  // four groups in 16 words
  static constexpr std::int64_t kInt4Group = 32;

  // weight     kF32, kBF16 or kF16, row-major. What is not finite makes its group NaN.
  // precision  kInt8 or kInt4.
  // for_rows   runs body(first, last) over blocks of [0, count); it may use threads.
  using ForRows = std::function<void(std::int64_t count,
                                     const std::function<void(std::int64_t, std::int64_t)>& body)>;
  PackedMatrix(const Weight& weight, WeightPrecision precision, const ForRows& for_rows);

  WeightPrecision precision() const { return precision_; }
  const std::int8_t* int8_row(std::int64_t n) const {
    return static_cast<const std::int8_t*>(values_.view().data) + n * num_units_ * kInt8Unit;
  }
  const float* int8_scales(std::int64_t n) const { return scales_.view().f32() + n * num_units_; }
  const std::uint32_t* int4_row(std::int64_t n) const {
    return static_cast<const std::uint32_t*>(values_.view().data) + n * num_units_ * 16;
  }
  // For each group: the scale's 16 bits, then the minimum's as the upper half.
  const std::uint32_t* int4_scales(std::int64_t n) const {
    return static_cast<const std::uint32_t*>(scales_.view().data) + n * num_units_ * 4;
  }
  std::int64_t size_bytes() const;

 private:
  void pack_int8(const float* row, std::int64_t n);
  void pack_int4(const float* row, std::int64_t n);

  WeightPrecision precision_;
  std::int64_t num_units_;
  Tensor values_;
  Tensor scales_;
};

// What the CPU backend's place_matrix() left in `weight`, which must be packed.
inline const PackedMatrix& packed_of(const Weight& weight) {
  return *static_cast<const PackedMatrix*>(weight.packed.get());
}

}  // namespace peira::model::cpu
