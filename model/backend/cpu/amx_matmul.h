// Products with bfloat16 weights by AMX tiles, where the processor has them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "model/backend/cpu/arena.h"
#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/packed.h"
#include "model/weight.h"

namespace peira::model::cpu {

// True where the processor multiplies bfloat16 tiles and the system lets this process: asked once,
// since the permission (Linux) is for all threads.
bool has_amx();

// What multiplies tiles: the processor's instructions, or their definition in plain code, to the
// same bits and some hundred times slower.
enum class Tiles : std::uint8_t { kProcessor, kEmulated };

// What the environment variable PEIRA_AMX says: absent, empty or "off", no tiles; "on", the
// processor's; "emulated", plain code. Not on by itself: prompts gain, and with many threads single
// sequences lose (model/README.md).
//
// throws  Error(kUnavailable): "on" without has_amx(); Error(kUsage): it says something else.
std::optional<Tiles> tiles_of_environment();

// A bfloat16 matrix [out_features, in_features] as the tiles that a product loads.
//
// kRows rows are a panel, 32 of their columns a chunk: two tiles of 16 rows each. A tile's line i
// holds columns 2i and 2i + 1 of each of its rows. A panel's chunks lie one after the other, and so
// do panels. Rows and columns are filled up with zeros. threads: constant once made.
class AmxPanels : public PlacedMatrix {
 public:
  static constexpr std::int64_t kRows = 32;
  static constexpr std::int64_t kColumns = 32;
  static constexpr std::int64_t kTileRows = 16;
  static constexpr std::int64_t kTileWords = kTileRows * kColumns / 2;  // of 32 bits
  static constexpr std::int64_t kChunkWords = kTileWords * kRows / kTileRows;

  // weight  kBF16, row-major. The memory is the arena's.
  AmxPanels(const Weight& weight, Tiles tiles, Arena& arena, const ForRows& for_panels);
  // The same without a copy: each product writes the panels it needs into memory of its thread.
  // `weight` stays where it is.
  AmxPanels(const Weight& weight, Tiles tiles);

  // Whether a matrix of this shape is worth filling up to whole panels and chunks.
  static bool suits(const Shape& shape);
  // Bytes the panels of a matrix of this shape take.
  static std::int64_t size_bytes(const Shape& shape);

  Tiles tiles() const { return tiles_; }
  std::int64_t num_chunks() const { return num_chunks_; }
  std::int64_t panel_words() const { return num_chunks_ * kChunkWords; }
  // Panel `index`, which holds rows [32 index, 32 index + 32); null without a copy.
  const std::uint32_t* panel(std::int64_t index) const {
    return words_ == nullptr ? nullptr : words_ + index * panel_words();
  }
  // out  [panel_words()].
  void write_panel(std::int64_t index, std::uint32_t* out) const;

 private:
  Tiles tiles_;
  std::int64_t num_rows_;
  std::int64_t num_columns_;
  std::int64_t num_chunks_;
  const std::uint16_t* values_;
  std::uint32_t* words_ = nullptr;
};

inline const AmxPanels& amx_panels_of(const Weight& weight) {
  return static_cast<const AmxPanels&>(placed_of(weight));
}

// The products with the parts whose weights are has_tiles(); other parts are left alone.
//
// A value of x is the sum of three bfloat16, together its 24 bits (split_row()), and so is a
// product: out is the sum of the smallest pieces' products, plus that of the middle ones, plus that
// of the largest, plus the bias. Each goes over the columns in 32s: two chains of 16 products (even
// and odd columns), both added to the sum, as TDPBF16PS does, which takes denormals for zeros. The
// same bits whatever the rows and the range, and of either Tiles. What is not finite in x, or
// rounds to an infinity of bfloat16 (beyond 3.39e38), gives NaN.
//
// x     the same rows for all parts, at most kMaxMatmulRows.
// next  as for matmul().
void matmul_amx(std::span<const TileRows> x, std::span<const MatmulPart> parts,
                const MatmulPart* next = nullptr);

}  // namespace peira::model::cpu
