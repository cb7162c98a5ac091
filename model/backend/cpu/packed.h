// What place_matrix() makes of weights: panels of bfloat16, or of 8-bit or 4-bit integers. Those of
// AMX tiles: amx_matmul.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>

#include "model/backend/backend.h"
#include "model/backend/cpu/arena.h"
#include "model/weight.h"

namespace peira::model::cpu {

// What Weight::packed of a placed weight points to.
struct PlacedMatrix {
  enum class Layout : std::uint8_t { kPanels, kInt8Panels, kInt4Panels, kAmxPanels };
  explicit PlacedMatrix(Layout chosen) : layout(chosen) {}
  Layout layout;
};

// Runs body(first, last) over blocks of [0, count); it may use threads.
using ForRows = std::function<void(std::int64_t count,
                                   const std::function<void(std::int64_t, std::int64_t)>& body)>;

// A bfloat16 matrix [out_features, in_features] in the order in which a product reads it, one
// stream however many of its rows are multiplied at once.
//
// kGroup panels of four rows make a group, one after the other. A group's columns come in blocks of
// at most kMostColumns; a block is the group's panels for these columns. 32 columns of one row are
// a chunk: a panel is, for each 32 columns, a chunk of each of its rows. Word i of a chunk's 16
// holds column i in its lower half and column i + 16 in its upper half: each widens to float32 by
// one instruction. Rows and columns are filled up with zeros. threads: constant once made.
class PanelMatrix : public PlacedMatrix {
 public:
  static constexpr std::int64_t kRows = 4;
  static constexpr std::int64_t kColumns = 32;
  static constexpr std::int64_t kChunkWords = kColumns / 2;
  // Six rows of so many floats are half of a first-level cache of 48 KiB. Half as many cost tiles
  // of six rows 3 %, twice as many 20 % (Zen 5).
  static constexpr std::int64_t kMostColumns = 1024;
  static constexpr std::int64_t kGroup = 16;

  // weight  kBF16, row-major. The memory is the arena's.
  PanelMatrix(const Weight& weight, Arena& arena, const ForRows& for_panels);

  // Bytes the panels of a matrix of this shape take.
  static std::int64_t size_bytes(const Shape& shape);
  std::int64_t num_panels() const { return num_panels_; }
  std::int64_t padded_columns() const { return padded_columns_; }
  std::int64_t num_blocks() const { return num_blocks_; }
  std::int64_t first_column(std::int64_t block) const { return block * block_columns_; }
  std::int64_t num_columns(std::int64_t block) const {
    return std::min(block_columns_, padded_columns_ - first_column(block));
  }
  std::int64_t panel_words(std::int64_t block) const { return num_columns(block) * kRows / 2; }
  const std::uint32_t* panel(std::int64_t block, std::int64_t index) const {
    return words_ + offset(block, index);
  }

 private:
  std::int64_t offset(std::int64_t block, std::int64_t index) const {
    const std::int64_t first = index / kGroup * kGroup;
    const std::int64_t in_group = std::min(kGroup, num_panels_ - first);
    return (first * padded_columns_ + in_group * first_column(block)) * kRows / 2 +
           (index - first) * panel_words(block);
  }

  std::int64_t num_panels_;
  std::int64_t padded_columns_;
  std::int64_t num_blocks_;
  std::int64_t block_columns_;  // of every block but the last, which may have fewer
  std::uint32_t* words_;
};

// A matrix [out_features, in_features] in groups of integers, those of model/quantization/groups.h,
// in the order in which a product reads it.
//
// kRows rows are a panel, a group of their columns a unit: blocks of columns, in each of which the
// rows' columns lie side by side, so that a lane of 32 bits is an output; then four bytes of each
// row for its scale. A panel's units lie one after the other, and so do panels. Rows and columns
// are filled up with zeros. threads: constant once made.
class IntegerPanels : public PlacedMatrix {
 public:
  static constexpr std::int64_t kRows = 32;
  static constexpr std::int64_t kScaleBytes = 4 * kRows;

  std::int64_t num_units() const { return num_units_; }
  // Panel `index`, which holds rows [32 index, 32 index + 32).
  const std::byte* panel(std::int64_t index) const {
    return bytes_ + index * num_units_ * unit_bytes_;
  }

 protected:
  // weight        kF32, kBF16 or kF16, row-major.
  // unit_columns  of a unit of unit_bytes.
  // write         (unit, row in the panel, the unit's columns of this row).
  IntegerPanels(Layout kind, const Weight& weight, std::int64_t unit_columns,
                std::int64_t unit_bytes, Arena& arena, const ForRows& for_panels,
                void (*write)(std::byte*, std::int64_t, const float*));

 private:
  std::int64_t num_units_;
  std::int64_t unit_bytes_;
  std::byte* bytes_;
};

// 8.5 bits a weight. A block is a pair of columns, two bytes of each row; the scale is float32.
class Int8Panels : public IntegerPanels {
 public:
  static constexpr std::int64_t kColumns = 64;
  static constexpr std::int64_t kBlockColumns = 2;
  static constexpr std::int64_t kBlockBytes = 2 * kRows;
  static constexpr std::int64_t kScalesAt = kColumns * kRows;
  static constexpr std::int64_t kUnitBytes = kScalesAt + kScaleBytes;

  // What is not finite makes its group NaN. The memory is the arena's.
  Int8Panels(const Weight& weight, Arena& arena, const ForRows& for_panels);
};

// 5 bits a weight. A block is eight columns, a word of each row: bits 4i are column 2i, bits 4i +
// 16 column 2i + 1. The upper half of a row's scale is its minimum, both bfloat16.
class Int4Panels : public IntegerPanels {
 public:
  static constexpr std::int64_t kColumns = 32;
  static constexpr std::int64_t kBlockColumns = 8;
  static constexpr std::int64_t kBlockBytes = 4 * kRows;
  static constexpr std::int64_t kScalesAt = kColumns * kRows / 2;
  static constexpr std::int64_t kUnitBytes = kScalesAt + kScaleBytes;

  // As Int8Panels().
  Int4Panels(const Weight& weight, Arena& arena, const ForRows& for_panels);
};

// What the CPU backend's place_matrix() left in `weight`, which must be packed.
inline const PlacedMatrix& placed_of(const Weight& weight) {
  return *static_cast<const PlacedMatrix*>(weight.packed.get());
}
inline const IntegerPanels& integer_panels_of(const Weight& weight) {
  return static_cast<const IntegerPanels&>(placed_of(weight));
}
inline bool has_layout(const Weight& weight, PlacedMatrix::Layout layout) {
  return weight.packed != nullptr && placed_of(weight).layout == layout;
}
inline const PanelMatrix& panels_of(const Weight& weight) {
  return static_cast<const PanelMatrix&>(placed_of(weight));
}

}  // namespace peira::model::cpu
