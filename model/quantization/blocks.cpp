#include "model/quantization/blocks.h"

#include <string>

#include "base/error.h"

namespace peira::model {
namespace {

using Bytes = const std::uint8_t*;

float f16_at(Bytes bytes) {
  return float_from_f16(static_cast<std::uint16_t>(bytes[0] | (bytes[1] << 8)));
}

float signed_byte(std::uint8_t byte) { return static_cast<float>(static_cast<std::int8_t>(byte)); }

// Low halves of 16 bytes are elements 0 to 15, high halves 16 to 31: so in all blocks of 32.
void widen_q4_0(Bytes block, float* out) {
  const float scale = f16_at(block);
  const Bytes values = block + 2;
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>((values[i] & 0xF) - 8) * scale;
    out[i + 16] = static_cast<float>((values[i] >> 4) - 8) * scale;
  }
}

void widen_q5_0(Bytes block, float* out) {
  const float scale = f16_at(block);
  const Bytes fifth_bits = block + 2;  // bit i belongs to element i
  const Bytes values = block + 6;
  for (int i = 0; i < 16; ++i) {
    const int low_fifth = (fifth_bits[i / 8] >> (i % 8)) & 1;
    const int high_fifth = (fifth_bits[2 + i / 8] >> (i % 8)) & 1;
    out[i] = static_cast<float>(((values[i] & 0xF) | (low_fifth << 4)) - 16) * scale;
    out[i + 16] = static_cast<float>(((values[i] >> 4) | (high_fifth << 4)) - 16) * scale;
  }
}

void widen_q8_0(Bytes block, float* out) {
  const float scale = f16_at(block);
  for (int i = 0; i < 32; ++i) out[i] = signed_byte(block[2 + i]) * scale;
}

// The 6-bit scale and minimum of group `j` of eight, packed into 12 bytes: four of each in the low
// bits of the first eight; the others' low four bits in the last four, their upper two bits above
// the first ones.
struct ScaleAndMin {
  float scale;
  float min;
};
ScaleAndMin scale_and_min(Bytes packed, int j) {
  if (j < 4) {
    return {static_cast<float>(packed[j] & 63), static_cast<float>(packed[j + 4] & 63)};
  }
  return {static_cast<float>((packed[j + 4] & 0xF) | ((packed[j - 4] >> 6) << 4)),
          static_cast<float>((packed[j + 4] >> 4) | ((packed[j] >> 6) << 4))};
}

// Groups of 32; two neighbours share 32 bytes, the first in the low halves.
void widen_q4_k(Bytes block, float* out) {
  const float scale = f16_at(block);
  const float min = f16_at(block + 2);
  const Bytes packed = block + 4;
  const Bytes values = block + 16;
  for (int j = 0; j < 8; ++j) {
    const ScaleAndMin group = scale_and_min(packed, j);
    const float group_scale = scale * group.scale;
    const float group_min = min * group.min;
    const Bytes from = values + j / 2 * 32;
    const int shift = j % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      out[j * 32 + i] = group_scale * static_cast<float>((from[i] >> shift) & 0xF) - group_min;
    }
  }
}

// As above; bit j of fifth_bits[i] belongs to element i of group j.
void widen_q5_k(Bytes block, float* out) {
  const float scale = f16_at(block);
  const float min = f16_at(block + 2);
  const Bytes packed = block + 4;
  const Bytes fifth_bits = block + 16;
  const Bytes values = block + 48;
  for (int j = 0; j < 8; ++j) {
    const ScaleAndMin group = scale_and_min(packed, j);
    const float group_scale = scale * group.scale;
    const float group_min = min * group.min;
    const Bytes from = values + j / 2 * 32;
    const int shift = j % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int value = ((from[i] >> shift) & 0xF) | (((fifth_bits[i] >> j) & 1) << 4);
      out[j * 32 + i] = group_scale * static_cast<float>(value) - group_min;
    }
  }
}

// Halves of 128: four groups of 32 whose lower four bits lie in the low halves of 64 bytes, then in
// the high ones, and whose upper two bits share 32 bytes. A scale serves 16 elements.
void widen_q6_k(Bytes block, float* out) {
  const float scale = f16_at(block + 208);
  for (int half = 0; half < 2; ++half) {
    const Bytes low_bits = block + half * 64;
    const Bytes high_bits = block + 128 + half * 32;
    const Bytes scales = block + 192 + half * 8;
    for (int group = 0; group < 4; ++group) {
      for (int i = 0; i < 32; ++i) {
        const int low = (low_bits[group % 2 * 32 + i] >> (group / 2 * 4)) & 0xF;
        const int high = (high_bits[i] >> (group * 2)) & 3;
        const float group_scale = scale * signed_byte(scales[group * 2 + i / 16]);
        out[half * 128 + group * 32 + i] =
            group_scale * static_cast<float>((low | (high << 4)) - 32);
      }
    }
  }
}

}  // namespace

void widen_blocks(DType dtype, const std::byte* blocks, std::int64_t num_blocks, float* out) {
  void (*widen)(Bytes, float*) = nullptr;
  switch (dtype) {
    case DType::kQ4_0:
      widen = widen_q4_0;
      break;
    case DType::kQ5_0:
      widen = widen_q5_0;
      break;
    case DType::kQ8_0:
      widen = widen_q8_0;
      break;
    case DType::kQ4_K:
      widen = widen_q4_k;
      break;
    case DType::kQ5_K:
      widen = widen_q5_k;
      break;
    case DType::kQ6_K:
      widen = widen_q6_k;
      break;
    default:
      throw Error(ErrorCode::kInternal, std::string(name_of(dtype)) + " has no blocks");
  }
  const auto* block = reinterpret_cast<Bytes>(blocks);
  for (std::int64_t i = 0; i < num_blocks; ++i) {
    widen(block, out);
    block += block_bytes(dtype);
    out += block_elements(dtype);
  }
}

}  // namespace peira::model
