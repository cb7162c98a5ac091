#include "model/backend/cpu/packed.h"

#include <algorithm>
#include <vector>

#include "model/quantization/groups.h"

namespace peira::model::cpu {
namespace {

std::int64_t unit_of(WeightPrecision precision) {
  return precision == WeightPrecision::kInt8 ? PackedMatrix::kInt8Unit : PackedMatrix::kInt4Unit;
}

std::int64_t blocks(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

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
        chunk = words_ + offset(k / block_columns_, n / kRows) + n % kRows * kChunkWords;
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
  static_assert(kInt8Unit == kInt8GroupSize);
  auto* const out = reinterpret_cast<std::int8_t*>(values_) + n * num_units_ * kInt8Unit;
  float* const scales = reinterpret_cast<float*>(scales_) + n * num_units_;
  for (std::int64_t unit = 0; unit < num_units_; ++unit) {
    const Int8Group group = quantize_int8(row + unit * kInt8Unit);
    scales[unit] = group.scale;
    std::copy(group.values.begin(), group.values.end(), out + unit * kInt8Unit);
  }
}

void PackedMatrix::pack_int4(const float* row, std::int64_t n) {
  static_assert(kInt4Group == kInt4GroupSize);
  auto* const words = reinterpret_cast<std::uint32_t*>(values_) + n * num_units_ * 16;
  auto* const scales = reinterpret_cast<std::uint32_t*>(scales_) + n * num_units_ * 4;
  for (std::int64_t g = 0; g < num_units_ * 4; ++g) {
    const Int4Group group = quantize_int4(row + g * kInt4Group);
    scales[g] = group.scale | static_cast<std::uint32_t>(group.min) << 16U;
    for (std::int64_t i = 0; i < kInt4Group; ++i) {
      const std::int64_t nibble = g % 4 * 2 + i / 16;
      words[g / 4 * 16 + i % 16] |= std::uint32_t{group.values[static_cast<std::size_t>(i)]}
                                    << (nibble * 4);
    }
  }
}

}  // namespace peira::model::cpu
