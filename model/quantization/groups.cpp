#include "model/quantization/groups.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"

namespace peira::model {
namespace {

constexpr std::int64_t kInt8Header = sizeof(float);
constexpr std::int64_t kInt4Header = 2 * sizeof(std::uint16_t);

// Quantises between `low` and `high`, both rounded to bfloat16; returns the sum of squared errors.
float quantize_between(const float* weights, float low, float high, Int4Group& out) {
  out.min = bf16_from_float(low);
  const float min = float_from_bf16(out.min);
  out.scale = bf16_from_float((high - min) / 15.0F);
  const float scale = float_from_bf16(out.scale);
  const float inverse = scale > 0 ? 1.0F / scale : 0.0F;
  float error = 0;
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    const float value = std::floor(std::clamp((weights[i] - min) * inverse, 0.0F, 15.0F) + 0.5F);
    // NaN has no integer; its group's error is NaN too, and this candidate is not taken.
    out.values[i] = std::isnan(value) ? 0 : static_cast<std::uint8_t>(value);
    const float difference = value * scale + min - weights[i];
    error += difference * difference;
  }
  return error;
}

// 0 for finite weights, else NaN.
float not_finite(const float* weights, std::int64_t count) {
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += weights[i] * 0.0F;
  return sum;
}

void write_group(const Int8Group& group, std::byte* out) {
  std::memcpy(out, &group.scale, kInt8Header);
  std::memcpy(out + kInt8Header, group.values.data(), group.values.size());
}

void write_group(const Int4Group& group, std::byte* out) {
  std::memcpy(out, &group.scale, sizeof(group.scale));
  std::memcpy(out + sizeof(group.scale), &group.min, sizeof(group.min));
  constexpr std::size_t kHalf = kInt4GroupSize / 2;
  for (std::size_t i = 0; i < kHalf; ++i) {
    out[kInt4Header + static_cast<std::int64_t>(i)] =
        static_cast<std::byte>(group.values[i] | group.values[kHalf + i] << 4);
  }
}

}  // namespace

Int8Group quantize_int8(const float* weights) {
  Int8Group out;
  float largest = 0;
  for (std::int64_t i = 0; i < kInt8GroupSize; ++i) {
    largest = std::max(largest, std::abs(weights[i]));
  }
  out.scale = largest / 127.0F + not_finite(weights, kInt8GroupSize);
  const float inverse = largest > 0 ? 127.0F / largest : 0.0F;
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    const float value = std::clamp(std::nearbyint(weights[i] * inverse), -127.0F, 127.0F);
    out.values[i] = std::isnan(value) ? std::int8_t{0} : static_cast<std::int8_t>(value);
  }
  return out;
}

Int4Group quantize_int4(const float* weights) {
  const auto [smallest, largest] = std::minmax_element(weights, weights + kInt4GroupSize);
  // How much of the span is kept: cutting the ends off makes steps smaller for all others.
  constexpr std::array<float, 7> kKept{1.0F, 0.96F, 0.92F, 0.88F, 0.84F, 0.80F, 0.76F};
  const float middle = 0.5F * (*smallest + *largest);
  const float half = 0.5F * (*largest - *smallest);
  Int4Group best;  // stays zero where no error is finite
  float least = std::numeric_limits<float>::infinity();
  for (const float kept : kKept) {
    Int4Group candidate;
    const float error =
        quantize_between(weights, middle - kept * half, middle + kept * half, candidate);
    if (error < least) {
      least = error;
      best = candidate;
    }
  }
  if (std::isnan(not_finite(weights, kInt4GroupSize))) {
    best.scale = bf16_from_float(std::numeric_limits<float>::quiet_NaN());
  }
  return best;
}

bool is_quantized_by(WeightPrecision precision, const Weight& weight) {
  const bool is_plain = weight.dtype() == DType::kF32 || weight.dtype() == DType::kBF16 ||
                        weight.dtype() == DType::kF16;
  return precision != WeightPrecision::kStored && is_plain && !weight.keep_stored;
}

DType group_type(WeightPrecision precision) {
  switch (precision) {
    case WeightPrecision::kInt8:
      return DType::kInt8Group;
    case WeightPrecision::kInt4:
      return DType::kInt4Group;
    case WeightPrecision::kStored:
      break;
  }
  throw Error(ErrorCode::kInternal, "weights that stay as stored have no groups");
}

void quantize_row(DType dtype, const Weight& weight, std::int64_t row, std::byte* out) {
  const std::int64_t columns = weight.shape()[1];
  const std::int64_t group = block_elements(dtype);
  const std::int64_t num_groups = (columns + group - 1) / group;
  // The zeros behind a row quantise to zero.
  std::vector<float> values(static_cast<std::size_t>(num_groups * group));
  widen_row(weight, row, values.data());
  for (std::int64_t g = 0; g < num_groups; ++g) {
    const float* const from = values.data() + g * group;
    std::byte* const to = out + g * block_bytes(dtype);
    if (dtype == DType::kInt8Group) {
      write_group(quantize_int8(from), to);
    } else {
      write_group(quantize_int4(from), to);
    }
  }
}

void widen_groups(DType dtype, const std::byte* row, std::int64_t columns, float* out) {
  const auto at = [&](std::int64_t offset) { return std::to_integer<std::uint8_t>(row[offset]); };
  if (dtype == DType::kInt8Group) {
    for (std::int64_t i = 0; i < columns; ++i) {
      const std::int64_t block = i / kInt8GroupSize * block_bytes(dtype);
      float scale = 0;
      std::memcpy(&scale, row + block, sizeof(scale));
      const auto value = static_cast<std::int8_t>(at(block + kInt8Header + i % kInt8GroupSize));
      out[i] = static_cast<float>(value) * scale;
    }
    return;
  }
  if (dtype != DType::kInt4Group) {
    throw Error(ErrorCode::kInternal, std::string("no groups of type ") + name_of(dtype));
  }
  constexpr std::int64_t kHalf = kInt4GroupSize / 2;
  for (std::int64_t i = 0; i < columns; ++i) {
    const std::int64_t block = i / kInt4GroupSize * block_bytes(dtype);
    std::array<std::uint16_t, 2> scale_min{};
    std::memcpy(scale_min.data(), row + block, sizeof(scale_min));
    const std::int64_t in_group = i % kInt4GroupSize;
    const unsigned pair = at(block + kInt4Header + in_group % kHalf);
    const unsigned value = in_group < kHalf ? pair & 0xF : pair >> 4;
    out[i] = std::fma(static_cast<float>(value), float_from_bf16(scale_min[0]),
                      float_from_bf16(scale_min[1]));
  }
}

}  // namespace peira::model
