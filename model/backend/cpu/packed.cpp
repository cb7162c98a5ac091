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

IntegerPanels::IntegerPanels(Layout kind, const Weight& weight, std::int64_t unit_columns,
                             std::int64_t unit_bytes, Arena& arena, const ForRows& for_panels,
                             void (*write)(std::byte*, std::int64_t, const float*))
    : PlacedMatrix(kind),
      num_units_(blocks(weight.shape()[1], unit_columns)),
      unit_bytes_(unit_bytes) {
  const std::int64_t num_rows = weight.shape()[0];
  const std::int64_t num_panels = blocks(num_rows, kRows);
  bytes_ = arena.allocate(num_panels * num_units_ * unit_bytes);
  for_panels(num_panels, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> row(static_cast<std::size_t>(num_units_ * unit_columns));  // zeros behind
    for (std::int64_t n = first * kRows; n < std::min(num_rows, last * kRows); ++n) {
      widen_row(weight, n, row.data());
      std::byte* const panel = bytes_ + n / kRows * num_units_ * unit_bytes;
      for (std::int64_t unit = 0; unit < num_units_; ++unit) {
        write(panel + unit * unit_bytes, n % kRows, row.data() + unit * unit_columns);
      }
    }
  });
}

Int8Panels::Int8Panels(const Weight& weight, Arena& arena, const ForRows& for_panels)
    : IntegerPanels(Layout::kInt8Panels, weight, kColumns, kUnitBytes, arena, for_panels,
                    [](std::byte* unit, std::int64_t row, const float* weights) {
                      static_assert(kColumns == kInt8GroupSize);
                      const Int8Group group = quantize_int8(weights);
                      for (std::int64_t k = 0; k < kColumns; k += kBlockColumns) {
                        std::memcpy(unit + k / kBlockColumns * kBlockBytes + row * 2,
                                    group.values.data() + k, 2);
                      }
                      std::memcpy(unit + kScalesAt + row * 4, &group.scale, 4);
                    }) {}

Int4Panels::Int4Panels(const Weight& weight, Arena& arena, const ForRows& for_panels)
    : IntegerPanels(
          Layout::kInt4Panels, weight, kColumns, kUnitBytes, arena, for_panels,
          [](std::byte* unit, std::int64_t row, const float* weights) {
            static_assert(kColumns == kInt4GroupSize);
            const Int4Group group = quantize_int4(weights);
            for (std::int64_t k = 0; k < kColumns; k += kBlockColumns) {
              std::uint32_t word = 0;
              for (std::int64_t i = 0; i < kBlockColumns; ++i) {
                const std::int64_t bit = i / 2 * 4 + i % 2 * 16;
                word |= std::uint32_t{group.values[static_cast<std::size_t>(k + i)]} << bit;
              }
              std::memcpy(unit + k / kBlockColumns * kBlockBytes + row * 4, &word, 4);
            }
            const std::uint32_t scale = group.scale | static_cast<std::uint32_t>(group.min) << 16U;
            std::memcpy(unit + kScalesAt + row * 4, &scale, 4);
          }) {}

}  // namespace peira::model::cpu
