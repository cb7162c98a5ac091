#include "model/backend/cpu/packed.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "model/quantization/groups.h"

namespace peira::model::cpu {
namespace {

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

Int8Panels::Int8Panels(const Weight& weight, Arena& arena, const ForRows& for_panels)
    : PlacedMatrix(Layout::kInt8Panels), num_units_(blocks(weight.shape()[1], kColumns)) {
  static_assert(kColumns == kInt8GroupSize);
  const std::int64_t num_rows = weight.shape()[0];
  const std::int64_t num_panels = blocks(num_rows, kRows);
  bytes_ = arena.allocate(num_panels * num_units_ * kUnitBytes);
  for_panels(num_panels, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> row(static_cast<std::size_t>(num_units_ * kColumns));  // ends with zeros
    for (std::int64_t n = first * kRows; n < std::min(num_rows, last * kRows); ++n) {
      widen_row(weight, n, row.data());
      std::byte* unit = bytes_ + n / kRows * num_units_ * kUnitBytes;
      const std::int64_t place = n % kRows;
      for (std::int64_t k = 0; k < num_units_ * kColumns; k += kColumns, unit += kUnitBytes) {
        const Int8Group group = quantize_int8(row.data() + k);
        for (std::int64_t i = 0; i < kColumns; i += 2) {
          std::memcpy(unit + i / 2 * kPairBytes + place * 2,
                      group.values.data() + static_cast<std::size_t>(i), 2);
        }
        std::memcpy(unit + kScalesAt + place * 4, &group.scale, 4);
      }
    }
  });
}

Int4Rows::Int4Rows(const Weight& weight, Arena& arena, const ForRows& for_rows)
    : PlacedMatrix(Layout::kInt4Rows), num_units_(blocks(weight.shape()[1], kUnit)) {
  const std::int64_t num_rows = weight.shape()[0];
  const std::int64_t num_units = num_rows * num_units_;
  words_ = reinterpret_cast<std::uint32_t*>(arena.allocate(num_units * kUnit / 2));
  scales_ = reinterpret_cast<std::uint32_t*>(arena.allocate(num_units * kUnit / kGroup * 4));
  for_rows(num_rows, [&](std::int64_t first, std::int64_t last) {
    // The zeros behind a row quantise to zero.
    std::vector<float> row(static_cast<std::size_t>(num_units_ * kUnit));
    for (std::int64_t n = first; n < last; ++n) {
      widen_row(weight, n, row.data());
      pack(row.data(), n);
    }
  });
}

void Int4Rows::pack(const float* row, std::int64_t n) {
  static_assert(kGroup == kInt4GroupSize);
  std::uint32_t* const words = words_ + n * num_units_ * 16;
  std::uint32_t* const scales = scales_ + n * num_units_ * 4;
  for (std::int64_t g = 0; g < num_units_ * 4; ++g) {
    const Int4Group group = quantize_int4(row + g * kGroup);
    scales[g] = group.scale | static_cast<std::uint32_t>(group.min) << 16U;
    for (std::int64_t i = 0; i < kGroup; ++i) {
      const std::int64_t nibble = g % 4 * 2 + i / 16;
      words[g / 4 * 16 + i % 16] |= std::uint32_t{group.values[static_cast<std::size_t>(i)]}
                                    << (nibble * 4);
    }
  }
}

}  // namespace peira::model::cpu
