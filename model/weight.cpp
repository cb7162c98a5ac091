#include "model/weight.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "model/quantization/blocks.h"
#include "model/quantization/groups.h"

namespace peira::model {
namespace {

// A block of kMXFP4: the scale, then 16 bytes whose low halves are elements 0 to 15 and whose high
// halves are elements 16 to 31.
void widen_mxfp4(const std::uint8_t* block, float* out) {
  constexpr std::array<float, 16> kE2M1{0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                                        -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};
  const float scale = float_from_e8m0(block[0]);
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint8_t pair = block[1 + i];
    out[i] = kE2M1[pair & 0xF] * scale;
    out[i + 16] = kE2M1[pair >> 4] * scale;
  }
}

}  // namespace

float float_from_e8m0(std::uint8_t bits) {
  if (bits == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0F, bits - 127);
}

float float_from_f8e4m3(std::uint8_t bits) {
  const int exponent = (bits >> 3) & 0xF;
  const int fraction = bits & 0x7;
  const float sign = (bits & 0x80) != 0 ? -1.0F : 1.0F;
  if (exponent == 0xF && fraction == 0x7) return NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -9);
  return sign * std::ldexp(static_cast<float>(fraction + 8), exponent - 10);
}

std::int64_t stored_bytes(const Weight& weight) {
  const auto bytes = [](const ConstTensorView& view) {
    if (!view) return std::int64_t{0};
    return view.shape[0] * row_bytes(view.dtype, view.num_elements() / view.shape[0]);
  };
  return bytes(weight.values) + bytes(weight.scales);
}

void widen_row(const Weight& weight, std::int64_t row, float* out) {
  const std::int64_t columns = weight.shape()[1];
  const ConstTensorView values = weight.values.at(row);
  const auto* const halves = static_cast<const std::uint16_t*>(values.data);
  switch (weight.dtype()) {
    case DType::kF32:
      for (std::int64_t i = 0; i < columns; ++i) out[i] = values.f32()[i];
      return;
    case DType::kBF16:
      for (std::int64_t i = 0; i < columns; ++i) out[i] = float_from_bf16(halves[i]);
      return;
    case DType::kF16:
      for (std::int64_t i = 0; i < columns; ++i) out[i] = float_from_f16(halves[i]);
      return;
    case DType::kF8E4M3: {
      const auto* const bytes = static_cast<const std::uint8_t*>(values.data);
      const float* const scales = weight.scales.at(row / kFp8Block).f32();
      for (std::int64_t i = 0; i < columns; ++i) {
        out[i] = float_from_f8e4m3(bytes[i]) * scales[i / kFp8Block];
      }
      return;
    }
    case DType::kMXFP4: {
      const auto* const blocks = static_cast<const std::uint8_t*>(values.data);
      const std::int64_t num_blocks = columns / block_elements(DType::kMXFP4);
      for (std::int64_t b = 0; b < num_blocks; ++b) {
        widen_mxfp4(blocks + b * block_bytes(DType::kMXFP4), out + b * 32);
      }
      return;
    }
    case DType::kQ4_0:
    case DType::kQ5_0:
    case DType::kQ8_0:
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ6_K:
      widen_blocks(weight.dtype(), static_cast<const std::byte*>(values.data),
                   columns / block_elements(weight.dtype()), out);
      return;
    case DType::kInt8Group:
    case DType::kInt4Group:
      widen_groups(weight.dtype(), static_cast<const std::byte*>(values.data), columns, out);
      return;
    default:
      throw Error(ErrorCode::kInternal, std::string("a weight of type ") + name_of(weight.dtype()) +
                                            " cannot be widened");
  }
}

}  // namespace peira::model
