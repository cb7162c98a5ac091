// Rows of weights in each format, widened to float32 in registers exactly as widen_row() does, and
// compiled once per instruction set. A row type has
//   kElements                    elements of one load, a multiple of the lanes
//   at(weight, n)                row n
//   load(k, out)                 elements [k, k + kElements), k a multiple of kElements
//   load_rest(k, count, out)     the last `count` < kElements elements, then zeros
//   kIsWide                      true where widening costs next to nothing
#if defined(PEIRA_MODEL_BACKEND_CPU_WEIGHTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEIRA_MODEL_BACKEND_CPU_WEIGHTS_INL_H_
#undef PEIRA_MODEL_BACKEND_CPU_WEIGHTS_INL_H_
#else
#define PEIRA_MODEL_BACKEND_CPU_WEIGHTS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "model/backend/cpu/simd-inl.h"
#include "model/weight.h"

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {

constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
using IntTag = hn::RebindToSigned<FloatTag>;
using IntVec = hn::Vec<IntTag>;

// kF32, kBF16 and kF16.
template <class T>
struct PlainRow {
  static constexpr int kElements = kLanes;
  static constexpr bool kIsWide = true;
  const T* data;

  static PlainRow at(const Weight& weight, std::int64_t n) {
    return {static_cast<const T*>(weight.values.data) + n * weight.shape()[1]};
  }
  HWY_INLINE void load(std::int64_t k, FloatVec* out) const {
    out[0] = load_wide(FloatTag(), data + k);
  }
  HWY_INLINE void load_rest(std::int64_t k, std::int64_t count, FloatVec* out) const {
    HWY_ALIGN T rest[kLanes] = {};
    std::copy_n(data + k, count, rest);
    out[0] = load_wide(FloatTag(), rest);
  }
};

// Bytes of kF8E4M3 as float32.
HWY_INLINE FloatVec widen_f8(const std::uint8_t* bytes) {
  const FloatTag f;
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(f, float_from_f8e4m3(*bytes));
#else
  // A float16 with the same fraction is 2^-8 of it: exponents are biased by 15, not 7. NaN, which
  // has no such twin, becomes float16's.
  const hn::Rebind<std::uint16_t, FloatTag> u16;
  const hn::Rebind<hwy::float16_t, FloatTag> f16;
  const auto wide = hn::PromoteTo(u16, hn::LoadU(hn::Rebind<std::uint8_t, FloatTag>(), bytes));
  const auto magnitude = hn::And(wide, hn::Set(u16, 0x7F));
  const auto sign = hn::ShiftLeft<8>(hn::And(wide, hn::Set(u16, 0x80)));
  const auto half = hn::IfThenElse(hn::Eq(magnitude, hn::Set(u16, 0x7F)), hn::Set(u16, 0x7E00),
                                   hn::ShiftLeft<7>(magnitude));
  const auto value = hn::PromoteTo(f, hn::BitCast(f16, hn::Or(half, sign)));
  return hn::Mul(value, hn::Set(f, 256.0F));
#endif
}

struct F8Row {
  static constexpr int kElements = kLanes;
  static constexpr bool kIsWide = false;
  const std::uint8_t* data;
  const float* scales;

  static F8Row at(const Weight& weight, std::int64_t n) {
    return {static_cast<const std::uint8_t*>(weight.values.data) + n * weight.shape()[1],
            weight.scales.at(n / kFp8Block).f32()};
  }
  HWY_INLINE void load(std::int64_t k, FloatVec* out) const {
    out[0] = hn::Mul(widen_f8(data + k), hn::Set(FloatTag(), scales[k / kFp8Block]));
  }
  HWY_INLINE void load_rest(std::int64_t k, std::int64_t count, FloatVec* out) const {
    HWY_ALIGN std::uint8_t rest[kLanes] = {};
    std::copy_n(data + k, count, rest);
    out[0] = hn::Mul(widen_f8(rest), hn::Set(FloatTag(), scales[k / kFp8Block]));
  }
};

// `Lanes` unsigned bytes as 32-bit integers.
HWY_INLINE IntVec load_bytes(const std::uint8_t* bytes) {
  return hn::PromoteTo(IntTag(), hn::LoadU(hn::Rebind<std::uint8_t, FloatTag>(), bytes));
}
HWY_INLINE IntVec load_signed_bytes(const std::uint8_t* bytes) {
  const auto* const from = reinterpret_cast<const std::int8_t*>(bytes);
  return hn::PromoteTo(IntTag(), hn::LoadU(hn::Rebind<std::int8_t, FloatTag>(), from));
}
HWY_INLINE FloatVec scaled(IntVec values, float scale) {
  return hn::Mul(hn::ConvertTo(FloatTag(), values), hn::Set(FloatTag(), scale));
}

// The float16 at `bytes`, which need not be aligned.
HWY_INLINE float half_at(const std::uint8_t* bytes) {
  std::uint16_t bits;
  std::memcpy(&bits, bytes, 2);
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t rest = bits & 0x7FFFU;
  if (rest >= 0x7C00) return std::bit_cast<float>(sign | 0x7F800000U | (rest << 13));
  if (rest < 0x400) {
    const float magnitude = static_cast<float>(rest) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((rest << 13) + (112U << 23)));
}

// The block formats, 32 elements at a time. Decode::decode32(block, part, out) widens elements
// [32 part, 32 part + 32) of a block.
template <class Decode>
struct BlockRow {
  static constexpr int kElements = 32;
  static constexpr bool kIsWide = false;
  static constexpr std::int64_t kParts = block_elements(Decode::kType) / kElements;
  const std::uint8_t* data;

  static BlockRow at(const Weight& weight, std::int64_t n) {
    return {static_cast<const std::uint8_t*>(weight.values.data) +
            n * bytes_of(Decode::kType, weight.shape()[1])};
  }
  HWY_INLINE void load(std::int64_t k, FloatVec* out) const {
    const std::int64_t index = k / kElements;
    Decode::decode32(data + index / kParts * block_bytes(Decode::kType),
                     static_cast<int>(index % kParts), out);
  }
  HWY_INLINE void load_rest(std::int64_t, std::int64_t, FloatVec*) const {}  // rows are whole
};

struct DecodeQ8_0 {
  static constexpr DType kType = DType::kQ8_0;
  static HWY_INLINE void decode32(const std::uint8_t* block, int, FloatVec* out) {
    const float scale = half_at(block);
    for (int i = 0; i < 32; i += kLanes) {
      out[i / kLanes] = scaled(load_signed_bytes(block + 2 + i), scale);
    }
  }
};

// Low halves of 16 bytes are elements 0 to 15, high halves 16 to 31.
struct DecodeQ4_0 {
  static constexpr DType kType = DType::kQ4_0;
  static HWY_INLINE void decode32(const std::uint8_t* block, int, FloatVec* out) {
    const IntTag i32;
    const float scale = half_at(block);
    for (int i = 0; i < 16; i += kLanes) {
      const IntVec bytes = load_bytes(block + 2 + i);
      const IntVec eight = hn::Set(i32, 8);
      out[i / kLanes] = scaled(hn::Sub(hn::And(bytes, hn::Set(i32, 15)), eight), scale);
      out[(16 + i) / kLanes] = scaled(hn::Sub(hn::ShiftRight<4>(bytes), eight), scale);
    }
  }
};

struct DecodeQ5_0 {
  static constexpr DType kType = DType::kQ5_0;
  static HWY_INLINE void decode32(const std::uint8_t* block, int, FloatVec* out) {
    const IntTag i32;
    const float scale = half_at(block);
    std::uint32_t fifth;  // bit i belongs to element i
    std::memcpy(&fifth, block + 2, 4);
    const auto fifth_bits = [&](int first) {
      const hn::RebindToUnsigned<FloatTag> u32;
      const auto bits =
          hn::Shr(hn::Set(u32, fifth), hn::Iota(u32, static_cast<std::uint32_t>(first)));
      return hn::BitCast(i32, hn::ShiftLeft<4>(hn::And(bits, hn::Set(u32, 1))));
    };
    const IntVec middle = hn::Set(i32, 16);
    for (int i = 0; i < 16; i += kLanes) {
      const IntVec bytes = load_bytes(block + 6 + i);
      const IntVec low = hn::Or(hn::And(bytes, hn::Set(i32, 15)), fifth_bits(i));
      const IntVec high = hn::Or(hn::ShiftRight<4>(bytes), fifth_bits(16 + i));
      out[i / kLanes] = scaled(hn::Sub(low, middle), scale);
      out[(16 + i) / kLanes] = scaled(hn::Sub(high, middle), scale);
    }
  }
};

// Scale and minimum of 32 elements of a kQ4_K or kQ5_K block: 6 bits each, the upper two of the
// last four in spare bits of the first.
struct ScaleAndMin {
  float scale;
  float min;
};
HWY_INLINE ScaleAndMin k_scale(const std::uint8_t* block, int part) {
  const std::uint8_t* const packed = block + 4;
  int scale, min;
  if (part < 4) {
    scale = packed[part] & 63;
    min = packed[part + 4] & 63;
  } else {
    scale = (packed[part + 4] & 15) | (packed[part - 4] >> 6 << 4);
    min = (packed[part + 4] >> 4) | (packed[part] >> 6 << 4);
  }
  return {half_at(block) * static_cast<float>(scale), half_at(block + 2) * static_cast<float>(min)};
}

struct DecodeQ4_K {
  static constexpr DType kType = DType::kQ4_K;
  static HWY_INLINE void decode32(const std::uint8_t* block, int part, FloatVec* out) {
    const auto [scale, min] = k_scale(block, part);
    const std::uint8_t* const values = block + 16 + part / 2 * 32;
    for (int i = 0; i < 32; i += kLanes) {
      const IntVec nibbles =
          hn::And(hn::ShiftRightSame(load_bytes(values + i), part % 2 * 4), hn::Set(IntTag(), 15));
      out[i / kLanes] = hn::Sub(scaled(nibbles, scale), hn::Set(FloatTag(), min));
    }
  }
};

struct DecodeQ5_K {
  static constexpr DType kType = DType::kQ5_K;
  static HWY_INLINE void decode32(const std::uint8_t* block, int part, FloatVec* out) {
    const IntTag i32;
    const auto [scale, min] = k_scale(block, part);
    const std::uint8_t* const fifth = block + 16;
    const std::uint8_t* const values = block + 48 + part / 2 * 32;
    for (int i = 0; i < 32; i += kLanes) {
      const IntVec nibbles =
          hn::And(hn::ShiftRightSame(load_bytes(values + i), part % 2 * 4), hn::Set(i32, 15));
      const IntVec high = hn::And(hn::ShiftRightSame(load_bytes(fifth + i), part), hn::Set(i32, 1));
      const IntVec value = hn::Or(nibbles, hn::ShiftLeft<4>(high));
      out[i / kLanes] = hn::Sub(scaled(value, scale), hn::Set(FloatTag(), min));
    }
  }
};

// Two halves of 128 elements, each of four parts whose upper two bits share 32 bytes.
struct DecodeQ6_K {
  static constexpr DType kType = DType::kQ6_K;
  static HWY_INLINE void decode32(const std::uint8_t* block, int part, FloatVec* out) {
    const IntTag i32;
    const int half = part / 4;
    const int quarter = part % 4;
    const std::uint8_t* const low = block + half * 64 + quarter % 2 * 32;
    const std::uint8_t* const high = block + 128 + half * 32;
    const auto* const scales =
        reinterpret_cast<const std::int8_t*>(block + 192 + half * 8 + quarter * 2);
    const float scale = half_at(block + 208);
    for (int i = 0; i < 32; i += kLanes) {
      const IntVec nibbles =
          hn::And(hn::ShiftRightSame(load_bytes(low + i), quarter / 2 * 4), hn::Set(i32, 15));
      const IntVec upper =
          hn::And(hn::ShiftRightSame(load_bytes(high + i), quarter * 2), hn::Set(i32, 3));
      const IntVec value = hn::Sub(hn::Or(nibbles, hn::ShiftLeft<4>(upper)), hn::Set(i32, 32));
      out[i / kLanes] = scaled(value, scale * static_cast<float>(scales[i / 16]));
    }
  }
};

struct DecodeMXFP4 {
  static constexpr DType kType = DType::kMXFP4;
  static HWY_INLINE void decode32(const std::uint8_t* block, int, FloatVec* out) {
    // Twice the E2M1 values, with half the scale 2^(block[0] - 127).
    alignas(16) static constexpr std::array<std::int8_t, 16> kTwice{0, 1,  2,  3,  4,  6,  8,  12,
                                                                    0, -1, -2, -3, -4, -6, -8, -12};
    const std::uint32_t exponent = block[0];
    const float half_scale = exponent == 255 ? std::numeric_limits<float>::quiet_NaN()
                             : exponent >= 2 ? std::bit_cast<float>((exponent - 1) << 23)
                                             : std::bit_cast<float>(0x00200000U << exponent);
#if HWY_TARGET == HWY_SCALAR
    for (int i = 0; i < 16; ++i) {
      const std::uint8_t pair = block[1 + i];
      out[i] = hn::Set(FloatTag(), static_cast<float>(kTwice[pair & 15]) * half_scale);
      out[16 + i] = hn::Set(FloatTag(), static_cast<float>(kTwice[pair >> 4]) * half_scale);
    }
#else
    const hn::FixedTag<std::uint8_t, 16> u8;
    const auto table = hn::Load(u8, reinterpret_cast<const std::uint8_t*>(kTwice.data()));
    const auto pairs = hn::LoadU(u8, block + 1);
    HWY_ALIGN std::uint8_t values[32];
    hn::Store(hn::TableLookupBytes(table, hn::And(pairs, hn::Set(u8, 15))), u8, values);
    hn::Store(hn::TableLookupBytes(table, hn::ShiftRight<4>(pairs)), u8, values + 16);
    for (int i = 0; i < 32; i += kLanes) {
      out[i / kLanes] = scaled(load_signed_bytes(values + i), half_scale);
    }
#endif
  }
};

}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
