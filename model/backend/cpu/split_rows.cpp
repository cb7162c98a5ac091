// Rows of x as sums of three bfloat16, by integers and one subtraction that is exact: the same bits
// on every instruction set.
#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/split_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

// x rounded to bfloat16, to nearest and ties to even, in the upper halves; what is not a number
// stays that.
template <class U, class V>
HWY_INLINE V rounded(U u32, V bits) {
  const hn::RebindToSigned<U> i32;
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u32, 1U));
  const auto nearest = hn::Add(hn::Add(bits, hn::Set(u32, 0x7FFFU)), odd);
  const auto magnitude = hn::BitCast(i32, hn::And(bits, hn::Set(u32, 0x7FFFFFFFU)));
  const auto is_nan =
      hn::RebindMask(u32, hn::Gt(magnitude, hn::Set(i32, std::int32_t{0x7F800000})));
  return hn::IfThenElse(is_nan, hn::Or(bits, hn::Set(u32, 0x400000U)), nearest);
}

void split(const float* x, std::int64_t size, std::uint16_t* out, std::int64_t num_rows) {
  const FloatTag f;
  const hn::RebindToUnsigned<FloatTag> u32;
  const hn::Rebind<std::uint16_t, FloatTag> u16;
  for (std::int64_t k = 0; k < size; k += kTileColumns) {
    const float* from = x + k;
    HWY_ALIGN float rest[kTileColumns] = {};
    if (size - k < kTileColumns) {
      std::copy_n(from, size - k, rest);
      from = rest;
    }
    for (int i = 0; i < kTileColumns; i += kLanes) {
      FloatVec left = hn::LoadU(f, from + i);
      for (int piece = kTilePieces - 1; piece >= 0; --piece) {
        const auto top = rounded(u32, hn::BitCast(u32, left));
        hn::StoreU(hn::TruncateTo(u16, hn::ShiftRight<16>(top)), u16,
                   out + piece * num_rows * kTileColumns + i);
        left = hn::Sub(left, hn::BitCast(f, hn::And(top, hn::Set(u32, 0xFFFF0000U))));
      }
    }
    out += kTilePieces * num_rows * kTileColumns;
  }
}

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace peira::model::cpu {

HWY_EXPORT(split);

void split_row(const float* x, std::int64_t size, std::uint16_t* out, std::int64_t num_rows) {
  HWY_DYNAMIC_DISPATCH(split)(x, size, out, num_rows);
}

}  // namespace peira::model::cpu
#endif
