#include "model/backend/cpu/packed.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace peira::model::cpu {
namespace {

std::int64_t unit_of(WeightPrecision precision) {
  return precision == WeightPrecision::kInt8 ? PackedMatrix::kInt8Unit : PackedMatrix::kInt4Unit;
}

std::int64_t blocks(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

struct Int4Group {
  float scale = 0;
  float min = 0;
  std::array<float, PackedMatrix::kInt4Group> quants{};  // whole numbers in 0..15
};

// Quantises `count` values between `low` and `high`, both rounded to bfloat16; returns the sum of
// squared errors.
float quantize_between(const float* values, std::int64_t count, float low, float high,
                       Int4Group& out) {
  out.min = float_from_bf16(bf16_from_float(low));
  out.scale = float_from_bf16(bf16_from_float((high - out.min) / 15.0F));
  const float inverse = out.scale > 0 ? 1.0F / out.scale : 0.0F;
  float error = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float quant = std::floor(std::clamp((values[i] - out.min) * inverse, 0.0F, 15.0F) + 0.5F);
    out.quants[static_cast<std::size_t>(i)] = quant;
    const float difference = quant * out.scale + out.min - values[i];
    error += difference * difference;
  }
  return error;
}

Int4Group quantize_group(const float* values, std::int64_t count) {
  const auto [smallest, largest] = std::minmax_element(values, values + count);
  // How much of the span is kept: cutting the ends off makes steps smaller for all others.
  constexpr std::array<float, 7> kKept{1.0F, 0.96F, 0.92F, 0.88F, 0.84F, 0.80F, 0.76F};
  const float middle = 0.5F * (*smallest + *largest);
  const float half = 0.5F * (*largest - *smallest);
  Int4Group best;  // stays zero where no error is finite
  float least = std::numeric_limits<float>::infinity();
  for (const float kept : kKept) {
    Int4Group candidate;
    const float error =
        quantize_between(values, count, middle - kept * half, middle + kept * half, candidate);
    if (error < least) {
      least = error;
      best = candidate;
    }
  }
  return best;
}

// 0 for finite values, else NaN, which then shows in every product: a damaged weight must not pass.
float not_finite(const float* values, std::int64_t count) {
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += values[i] * 0.0F;
  return sum;
}

}  // namespace

PanelMatrix::PanelMatrix(const Weight& weight, Arena& arena, const ForRows& for_panels)
    : PlacedMatrix(Layout::kPanels),
      num_panels_(blocks(weight.shape()[0], kRows)),
      padded_columns_(blocks(weight.shape()[1], kColumns) * kColumns),
      num_blocks_(blocks(padded_columns_, kMostColumns)),
      block_columns_(blocks(padded_columns_, num_blocks_ * kColumns) * kColumns),
      words_(reinterpret_cast<std::uint32_t*>(arena.allocate(size_bytes(weight.shape())))) {
  const std::int64_t num_rows = weight.shape()[0];
  const std::int64_t columns = weight.shape()[1];
  const auto* const values = static_cast<const std::uint16_t*>(weight.values.data);
  const auto write_row = [&](std::int64_t n) {
    const std::uint16_t* const row = values + n * columns;
    std::uint32_t* chunk = nullptr;
    for (std::int64_t k = 0; k < columns; k += kColumns, chunk += kRows * kChunkWords) {
      if (k % block_columns_ == 0) {
        chunk = words_ + (panel(k / block_columns_, n / kRows) - words_) + n % kRows * kChunkWords;
      }
      std::array<std::uint16_t, kColumns> rest{};
      const std::uint16_t* from = row + k;
      if (k + kColumns > columns) {
        std::copy(from, row + columns, rest.begin());
        from = rest.data();
      }
      for (std::int64_t i = 0; i < kChunkWords; ++i) {
        chunk[i] = from[i] | static_cast<std::uint32_t>(from[i + kChunkWords]) << 16;
      }
    }
  };
  for_panels(num_panels_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first * kRows; n < std::min(num_rows, last * kRows); ++n) write_row(n);
  });
}

std::int64_t PanelMatrix::size_bytes(const Shape& shape) {
  return blocks(shape[0], kRows) * kRows * blocks(shape[1], kColumns) * kColumns * 2;
}

PackedMatrix::PackedMatrix(const Weight& weight, WeightPrecision precision, Arena& arena,
                           const ForRows& for_rows)
    : PlacedMatrix(precision == WeightPrecision::kInt8 ? Layout::kInt8 : Layout::kInt4),
      num_units_(blocks(weight.shape()[1], unit_of(precision))) {
  const std::int64_t num_rows = weight.shape()[0];
  const std::int64_t columns = weight.shape()[1];
  const bool is_int8 = precision == WeightPrecision::kInt8;
  const std::int64_t num_units = num_rows * num_units_;
  values_ = arena.allocate(num_units * (is_int8 ? kInt8Unit : kInt4Unit / 2));
  scales_ = arena.allocate(num_units * (is_int8 ? 4 : kInt4Unit / kInt4Group * 4));
  for_rows(num_rows, [&](std::int64_t first, std::int64_t last) {
    // The zeros behind a row quantise to zero.
    std::vector<float> row(static_cast<std::size_t>(num_units_ * unit_of(precision)));
    for (std::int64_t n = first; n < last; ++n) {
      widen_row(weight, n, row.data());
      std::fill(row.begin() + columns, row.end(), 0.0F);
      is_int8 ? pack_int8(row.data(), n) : pack_int4(row.data(), n);
    }
  });
}

void PackedMatrix::pack_int8(const float* row, std::int64_t n) {
  auto* const out = reinterpret_cast<std::int8_t*>(values_) + n * num_units_ * kInt8Unit;
  float* const scales = reinterpret_cast<float*>(scales_) + n * num_units_;
  for (std::int64_t unit = 0; unit < num_units_; ++unit) {
    const float* const from = row + unit * kInt8Unit;
    float largest = 0;
    for (std::int64_t i = 0; i < kInt8Unit; ++i) largest = std::max(largest, std::abs(from[i]));
    scales[unit] = largest / 127.0F + not_finite(from, kInt8Unit);
    const float inverse = largest > 0 ? 127.0F / largest : 0.0F;
    for (std::int64_t i = 0; i < kInt8Unit; ++i) {
      out[unit * kInt8Unit + i] =
          static_cast<std::int8_t>(std::clamp(std::nearbyint(from[i] * inverse), -127.0F, 127.0F));
    }
  }
}

void PackedMatrix::pack_int4(const float* row, std::int64_t n) {
  auto* const words = reinterpret_cast<std::uint32_t*>(values_) + n * num_units_ * 16;
  auto* const scales = reinterpret_cast<std::uint32_t*>(scales_) + n * num_units_ * 4;
  for (std::int64_t group = 0; group < num_units_ * 4; ++group) {
    const float* const from = row + group * kInt4Group;
    Int4Group packed = quantize_group(from, kInt4Group);
    packed.scale += not_finite(from, kInt4Group);
    scales[group] = std::bit_cast<std::uint32_t>(packed.scale) >> 16 |
                    (std::bit_cast<std::uint32_t>(packed.min) & 0xFFFF0000U);
    for (std::int64_t i = 0; i < kInt4Group; ++i) {
      const std::int64_t nibble = group % 4 * 2 + i / 16;
      words[group / 4 * 16 + i % 16] |=
          static_cast<std::uint32_t>(packed.quants[static_cast<std::size_t>(i)]) << (nibble * 4);
    }
  }
}

}  // namespace peira::model::cpu
