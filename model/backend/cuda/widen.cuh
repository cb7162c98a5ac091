// Sixteen elements of a weight's row in float32, exactly as the format defines them: the unit in
// which kernels read weights. Sixteen divides every block and the 128 columns of an FP8 scale.
// source  block formats: ggml/src/ggml-quants.c, dequantize_row_*; MXFP4: OCP Microscaling 1.0;
//         groups: model/quantization/groups.h.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cstdint>

#include "model/tensor.h"
#include "model/weight.h"

namespace peira::model::cuda {

constexpr int kUnit = 16;

// kF8E4M3 and block types only make sense within their scales; plain types are what they are.
constexpr bool is_block_type(DType dtype) { return block_elements(dtype) > 1; }

__device__ inline float half_at(const std::uint8_t* at) {
  const unsigned bits = at[0] | (at[1] << 8);
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}

__device__ inline float f8e4m3_at(unsigned bits) {
  const __half_raw raw = __nv_cvt_fp8_to_halfraw(static_cast<__nv_fp8_storage_t>(bits), __NV_E4M3);
  return __half2float(__half(raw));
}

__device__ inline float e8m0(std::uint8_t bits) {
  if (bits == 0xFF) return __uint_as_float(0x7FC00000U);
  // 2^-127 is subnormal; all others are an exponent alone.
  return __uint_as_float(bits == 0 ? 0x00400000U : static_cast<unsigned>(bits) << 23);
}

__device__ inline float e2m1(unsigned bits) {
  // 0, 0.5, 1, 1.5, 2, 3, 4, 6: doubled, they are whole numbers that fit 4 bits.
  const unsigned doubled = (0xC8643210U >> (4 * (bits & 7))) & 0xF;
  const float value = 0.5F * static_cast<float>(doubled);
  return (bits & 8) != 0 ? -value : value;
}

// Scale and minimum `index` of the 6-bit pairs of a kQ4_K or kQ5_K block.
__device__ inline void scale_and_min(const std::uint8_t* q, int index, int& scale, int& min) {
  if (index < 4) {
    scale = q[index] & 63;
    min = q[index + 4] & 63;
  } else {
    scale = (q[index + 4] & 0xF) | ((q[index - 4] >> 6) << 4);
    min = (q[index + 4] >> 4) | ((q[index] >> 6) << 4);
  }
}

// Elements [k, k + 16) of the row that starts at `row`. k is a multiple of 16.
//
// row_scales  of an FP8 row: one a 128 columns.
// valid       how many of the sixteen exist; the others become 0. Always 16 for block types but
//             groups, whose last block is filled up.
// kAligned    row is aligned to 16 bytes and valid is 16.
template <DType kType, bool kAligned>
__device__ inline void widen_unit(const std::uint8_t* row, const float* row_scales, int k,
                                  int valid, float (&out)[kUnit]) {
  if constexpr (kType == DType::kF32) {
    const float* const at = reinterpret_cast<const float*>(row) + k;
    if constexpr (kAligned) {
      for (int i = 0; i < 4; ++i) {
        const float4 four = __ldg(reinterpret_cast<const float4*>(at) + i);
        out[4 * i] = four.x;
        out[4 * i + 1] = four.y;
        out[4 * i + 2] = four.z;
        out[4 * i + 3] = four.w;
      }
    } else {
      for (int i = 0; i < kUnit; ++i) out[i] = i < valid ? at[i] : 0.0F;
    }
  } else if constexpr (kType == DType::kBF16 || kType == DType::kF16) {
    const auto widen = [](unsigned bits) {
      if constexpr (kType == DType::kBF16) return __uint_as_float(bits << 16);
      return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
    };
    const std::uint16_t* const at = reinterpret_cast<const std::uint16_t*>(row) + k;
    if constexpr (kAligned) {
      for (int i = 0; i < 2; ++i) {
        const uint4 eight = __ldg(reinterpret_cast<const uint4*>(at) + i);
        const unsigned pairs[4] = {eight.x, eight.y, eight.z, eight.w};
        for (int j = 0; j < 4; ++j) {
          out[8 * i + 2 * j] = widen(pairs[j] & 0xFFFFU);
          out[8 * i + 2 * j + 1] = widen(pairs[j] >> 16);
        }
      }
    } else {
      for (int i = 0; i < kUnit; ++i) out[i] = i < valid ? widen(at[i]) : 0.0F;
    }
  } else if constexpr (kType == DType::kF8E4M3) {
    const float scale = row_scales[k / static_cast<int>(kFp8Block)];
    if constexpr (kAligned) {
      const uint4 all = __ldg(reinterpret_cast<const uint4*>(row + k));
      const unsigned fours[4] = {all.x, all.y, all.z, all.w};
      for (int i = 0; i < kUnit; ++i) {
        out[i] = f8e4m3_at((fours[i / 4] >> (8 * (i % 4))) & 0xFFU) * scale;
      }
    } else {
      for (int i = 0; i < kUnit; ++i) out[i] = i < valid ? f8e4m3_at(row[k + i]) * scale : 0.0F;
    }
  } else {
    constexpr int kElements = static_cast<int>(block_elements(kType));
    constexpr int kBytes = static_cast<int>(block_bytes(kType));
    const std::uint8_t* const block = row + static_cast<std::int64_t>(k / kElements) * kBytes;
    const int unit = k % kElements / kUnit;  // within the block
    if constexpr (kType == DType::kQ4_0) {
      const float scale = half_at(block);
      for (int i = 0; i < kUnit; ++i) {
        out[i] = static_cast<float>(((block[2 + i] >> (4 * unit)) & 0xF) - 8) * scale;
      }
    } else if constexpr (kType == DType::kQ5_0) {
      const float scale = half_at(block);
      const unsigned fifth =
          block[2] | (block[3] << 8) | (block[4] << 16) | (static_cast<unsigned>(block[5]) << 24);
      for (int i = 0; i < kUnit; ++i) {
        const unsigned high = ((fifth >> (i + kUnit * unit)) & 1U) << 4;
        const unsigned low = (block[6 + i] >> (4 * unit)) & 0xFU;
        out[i] = static_cast<float>(static_cast<int>(low | high) - 16) * scale;
      }
    } else if constexpr (kType == DType::kQ8_0) {
      const float scale = half_at(block);
      for (int i = 0; i < kUnit; ++i) {
        out[i] = static_cast<float>(static_cast<std::int8_t>(block[2 + kUnit * unit + i])) * scale;
      }
    } else if constexpr (kType == DType::kMXFP4) {
      const float scale = e8m0(block[0]);
      for (int i = 0; i < kUnit; ++i) out[i] = e2m1(block[1 + i] >> (4 * unit)) * scale;
    } else if constexpr (kType == DType::kInt8Group) {
      // Rows and blocks start at multiples of four bytes.
      const auto* const words = reinterpret_cast<const std::uint32_t*>(block);
      const float scale = __uint_as_float(words[0]);
      for (int i = 0; i < kUnit / 4; ++i) {
        const std::uint32_t four = words[1 + unit * (kUnit / 4) + i];
        for (int j = 0; j < 4; ++j) {
          const auto value = static_cast<std::int8_t>((four >> (8 * j)) & 0xFFU);
          out[4 * i + j] = 4 * i + j < valid ? static_cast<float>(value) * scale : 0.0F;
        }
      }
    } else if constexpr (kType == DType::kInt4Group) {
      const auto* const words = reinterpret_cast<const std::uint32_t*>(block);
      const float scale = __uint_as_float(words[0] << 16);
      const float min = __uint_as_float(words[0] & 0xFFFF0000U);
      for (int i = 0; i < kUnit / 4; ++i) {
        const std::uint32_t four = words[1 + i] >> (4 * unit);
        for (int j = 0; j < 4; ++j) {
          const float value = static_cast<float>((four >> (8 * j)) & 0xFU);
          out[4 * i + j] = 4 * i + j < valid ? fmaf(value, scale, min) : 0.0F;
        }
      }
    } else if constexpr (kType == DType::kQ4_K || kType == DType::kQ5_K) {
      // 64 elements share 32 bytes: the low halves, then the high halves.
      const int pair = unit / 4;
      const int is_high = unit % 4 / 2;
      const int first = unit % 2 * kUnit;
      int scale_6bit = 0;
      int min_6bit = 0;
      scale_and_min(block + 4, unit / 2, scale_6bit, min_6bit);
      const float scale = half_at(block) * static_cast<float>(scale_6bit);
      const float min = half_at(block + 2) * static_cast<float>(min_6bit);
      constexpr int kLow = kType == DType::kQ4_K ? 16 : 48;
      const std::uint8_t* const low = block + kLow + 32 * pair + first;
      for (int i = 0; i < kUnit; ++i) {
        int value = (low[i] >> (4 * is_high)) & 0xF;
        if constexpr (kType == DType::kQ5_K) {
          value += ((block[16 + first + i] >> (2 * pair + is_high)) & 1) << 4;
        }
        out[i] = scale * static_cast<float>(value) - min;
      }
    } else {
      static_assert(kType == DType::kQ6_K);
      // 128 elements share 64 bytes of low halves and 32 bytes of pairs of high bits.
      const int half = unit / 8;
      const int quarter = unit % 8 / 2;  // of 32 elements
      const int first = unit % 2 * kUnit;
      const float scale =
          half_at(block + 208) *
          static_cast<float>(static_cast<std::int8_t>(block[192 + 8 * half + unit % 8]));
      const std::uint8_t* const low = block + 64 * half + 32 * (quarter % 2) + first;
      const std::uint8_t* const high = block + 128 + 32 * half + first;
      for (int i = 0; i < kUnit; ++i) {
        const int value =
            ((low[i] >> (4 * (quarter / 2))) & 0xF) | (((high[i] >> (2 * quarter)) & 3) << 4);
        out[i] = scale * static_cast<float>(value - 32);
      }
    }
  }
}

// The same with the type known at run time only.
__device__ inline void widen_unit(DType dtype, bool is_aligned, const std::uint8_t* row,
                                  const float* row_scales, int k, int valid, float (&out)[kUnit]) {
  const auto plain = [&](auto aligned, auto loose) {
    if (is_aligned) {
      aligned();
    } else {
      loose();
    }
  };
  switch (dtype) {
    case DType::kF32:
      plain([&] { widen_unit<DType::kF32, true>(row, row_scales, k, valid, out); },
            [&] { widen_unit<DType::kF32, false>(row, row_scales, k, valid, out); });
      break;
    case DType::kBF16:
      plain([&] { widen_unit<DType::kBF16, true>(row, row_scales, k, valid, out); },
            [&] { widen_unit<DType::kBF16, false>(row, row_scales, k, valid, out); });
      break;
    case DType::kF16:
      plain([&] { widen_unit<DType::kF16, true>(row, row_scales, k, valid, out); },
            [&] { widen_unit<DType::kF16, false>(row, row_scales, k, valid, out); });
      break;
    case DType::kF8E4M3:
      plain([&] { widen_unit<DType::kF8E4M3, true>(row, row_scales, k, valid, out); },
            [&] { widen_unit<DType::kF8E4M3, false>(row, row_scales, k, valid, out); });
      break;
    case DType::kQ4_0:
      widen_unit<DType::kQ4_0, false>(row, row_scales, k, valid, out);
      break;
    case DType::kQ5_0:
      widen_unit<DType::kQ5_0, false>(row, row_scales, k, valid, out);
      break;
    case DType::kQ8_0:
      widen_unit<DType::kQ8_0, false>(row, row_scales, k, valid, out);
      break;
    case DType::kQ4_K:
      widen_unit<DType::kQ4_K, false>(row, row_scales, k, valid, out);
      break;
    case DType::kQ5_K:
      widen_unit<DType::kQ5_K, false>(row, row_scales, k, valid, out);
      break;
    case DType::kQ6_K:
      widen_unit<DType::kQ6_K, false>(row, row_scales, k, valid, out);
      break;
    case DType::kMXFP4:
      widen_unit<DType::kMXFP4, false>(row, row_scales, k, valid, out);
      break;
    case DType::kInt8Group:
      widen_unit<DType::kInt8Group, false>(row, row_scales, k, valid, out);
      break;
    case DType::kInt4Group:
      widen_unit<DType::kInt4Group, false>(row, row_scales, k, valid, out);
      break;
    default:
      for (float& value : out) value = __uint_as_float(0x7FC00000U);  // refused before a launch
  }
}

}  // namespace peira::model::cuda
