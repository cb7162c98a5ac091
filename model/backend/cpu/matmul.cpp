#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/matmul.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "model/backend/cpu/amx_matmul.h"
#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/packed.h"
#include "model/backend/cpu/weights-inl.h"
#include "model/backend/reference/kernels.h"

// What matmul() was asked for.
#ifndef PEIRA_MODEL_BACKEND_CPU_MATMUL_ARGS_
#define PEIRA_MODEL_BACKEND_CPU_MATMUL_ARGS_
namespace peira::model::cpu {
struct MatmulCall {
  std::span<const float* const> x_rows;
  std::span<const MatmulPart> parts;
  const MatmulPart* next;
  std::vector<float>* scratch;
};
inline bool wants_plain_rows(const Weight& weight) {
  return !has_integers(weight) && !has_tiles(weight);
}
}  // namespace peira::model::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

// One part, for weights that lie in rows.
struct MatmulArgs {
  const float* const* x_rows;
  int num_rows;
  const Weight* weight;
  std::int64_t size;
  std::int64_t first;
  std::int64_t last;
  const ConstTensorView* bias;
  float* out;
  std::int64_t out_stride;
  float* scratch;
};

constexpr int kOutputs = static_cast<int>(kMatmulOutputs);
// Rows of a register tile: kRows * kOutputs sums, kRows inputs and one weight fit the registers.
constexpr int kRows = HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON ? 6 : 3;

// A cache line in 32-bit words, and the lines of a panel's chunk.
constexpr std::int64_t kLineWords = 16;
constexpr int kChunkLines =
    static_cast<int>(PanelMatrix::kRows * PanelMatrix::kChunkWords / kLineWords);

// How many of a chunk's lines the first `tile` of `num_tiles` tiles ask for together. The last
// tiles ask for more: three tiles that ask for 1, 1 and 2 take 0.86 of the time of 2, 1 and 1 (Zen
// 5).
constexpr int lines_before(int tile, int num_tiles) { return tile * kChunkLines / num_tiles; }

// How far ahead of a single tile its panel is asked for, in 32-bit words: less is too late, twice
// as much took up to a third longer (Zen 5).
constexpr std::int64_t kAheadWords = 2560;
// The same of one tile of several, whose panel is in the second-level cache.
constexpr std::int64_t kNearWords = 512;

// At least `count` floats at a multiple of a cache line.
float* aligned_scratch(std::vector<float>& scratch, std::int64_t count) {
  const auto needed = static_cast<std::size_t>(count + kLineWords);
  if (scratch.size() < needed) scratch.resize(needed);
  const auto misplaced = reinterpret_cast<std::uintptr_t>(scratch.data()) / sizeof(float) %
                         static_cast<std::uintptr_t>(kLineWords);
  return scratch.data() + (static_cast<std::uintptr_t>(kLineWords) - misplaced);
}

// Floats from a widened row of weights to the next.
constexpr std::int64_t wide_stride(std::int64_t size) { return (size + 127) / 128 * 128 + 16; }

// Row `weights` in float32, its end filled with zeros up to a whole load.
template <class Row>
HWY_INLINE void widen(const Row& weights, std::int64_t size, float* HWY_RESTRICT out) {
  constexpr int kVectors = Row::kElements / kLanes;
  for (std::int64_t k = 0; k < size; k += Row::kElements) {
    FloatVec w[kVectors];
    if (k + Row::kElements <= size) {
      weights.load(k, w);
    } else {
      weights.load_rest(k, size - k, w);
    }
    for (int v = 0; v < kVectors; ++v) hn::StoreU(w[v], FloatTag(), out + k + v * kLanes);
  }
}

// out[n] = the sum over the lanes of sums[n], plus bias[n]. Within each 128-bit block (0 + 2) +
// (1 + 3), then the blocks, halves first: the same tree for each of the four.
HWY_INLINE void store_sums(const FloatVec* sums, const float* bias, float* out) {
#if HWY_TARGET == HWY_SCALAR
  for (int n = 0; n < kOutputs; ++n) out[n] = hn::GetLane(sums[n]) + bias[n];
#else
  const FloatTag f;
  const hn::FixedTag<float, 4> f4;
  const hn::Repartition<std::uint64_t, FloatTag> u64;
  const FloatVec ab =
      hn::Add(hn::InterleaveLower(f, sums[0], sums[1]), hn::InterleaveUpper(f, sums[0], sums[1]));
  const FloatVec cd =
      hn::Add(hn::InterleaveLower(f, sums[2], sums[3]), hn::InterleaveUpper(f, sums[2], sums[3]));
  const auto lower = hn::InterleaveLower(u64, hn::BitCast(u64, ab), hn::BitCast(u64, cd));
  const auto upper = hn::InterleaveUpper(u64, hn::BitCast(u64, ab), hn::BitCast(u64, cd));
  const FloatVec abcd = hn::Add(hn::BitCast(f, lower), hn::BitCast(f, upper));
#if HWY_MAX_BYTES == 64
  const hn::Half<FloatTag> half;
  const auto folded = hn::Add(hn::LowerHalf(half, abcd), hn::UpperHalf(half, abcd));
  const auto total = hn::Add(hn::LowerHalf(f4, folded), hn::UpperHalf(f4, folded));
#elif HWY_MAX_BYTES == 32
  const auto total = hn::Add(hn::LowerHalf(f4, abcd), hn::UpperHalf(f4, abcd));
#else
  const auto total = abcd;
#endif
  hn::StoreU(hn::Add(total, hn::LoadU(f4, bias)), f4, out);
#endif
}

// The first `count` of the four.
HWY_INLINE void store_some(const FloatVec* sums, int count, const float* bias, float* out) {
  if (count == kOutputs) return store_sums(sums, bias, out);
  float values[kOutputs];
  store_sums(sums, bias, values);
  std::copy_n(values, count, out);
}

// kTileRows rows by kOutputs outputs; `count` <= kOutputs of them are stored.
template <int kTileRows, class Row>
HWY_INLINE void tile(const float* const* HWY_RESTRICT x_rows, const Row* HWY_RESTRICT weights,
                     std::int64_t size, int count, const float* HWY_RESTRICT bias,
                     float* HWY_RESTRICT out, std::int64_t out_stride) {
  static_assert(Row::kElements == kLanes);
  const FloatTag f;
  FloatVec sums[kTileRows][kOutputs];
  for (int r = 0; r < kTileRows; ++r) {
    for (int n = 0; n < kOutputs; ++n) sums[r][n] = hn::Zero(f);
  }
  std::int64_t k = 0;
  for (; k + kLanes <= size; k += kLanes) {
    FloatVec x[kTileRows];
    for (int r = 0; r < kTileRows; ++r) x[r] = hn::LoadU(f, x_rows[r] + k);
    for (int n = 0; n < kOutputs; ++n) {
      FloatVec w[1];
      weights[n].load(k, w);
      for (int r = 0; r < kTileRows; ++r) sums[r][n] = hn::MulAdd(x[r], w[0], sums[r][n]);
    }
  }
  if (k < size) {  // the rest, padded with zeros
    for (int n = 0; n < kOutputs; ++n) {
      FloatVec w[1];
      weights[n].load_rest(k, size - k, w);
      for (int r = 0; r < kTileRows; ++r) {
        HWY_ALIGN float x_rest[kLanes] = {};
        std::copy_n(x_rows[r] + k, size - k, x_rest);
        sums[r][n] = hn::MulAdd(hn::Load(f, x_rest), w[0], sums[r][n]);
      }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    store_some(sums[r], count, bias, out + r * out_stride);
  }
}

// The same sums, one output after the other: few rows are bound by the reading of weights, and a
// single stream of them is read faster than four side by side (1.2 to 1.7 times at 2048 bf16
// columns on a Zen 5 core).
template <int kTileRows, class Row>
HWY_INLINE void column(const float* const* HWY_RESTRICT x_rows, const Row& weights,
                       std::int64_t size, FloatVec* HWY_RESTRICT sums) {
  const FloatTag f;
  constexpr int kVectors = Row::kElements / kLanes;
  FloatVec sum[kTileRows];
  for (int r = 0; r < kTileRows; ++r) sum[r] = hn::Zero(f);
  std::int64_t k = 0;
  for (; k + Row::kElements <= size; k += Row::kElements) {
    FloatVec w[kVectors];
    weights.load(k, w);
    for (int v = 0; v < kVectors; ++v) {
      for (int r = 0; r < kTileRows; ++r) {
        sum[r] = hn::MulAdd(hn::LoadU(f, x_rows[r] + k + v * kLanes), w[v], sum[r]);
      }
    }
  }
  if (k < size) {
    FloatVec w[kVectors];
    weights.load_rest(k, size - k, w);
    for (int r = 0; r < kTileRows; ++r) {
      HWY_ALIGN float x_rest[Row::kElements] = {};
      std::copy_n(x_rows[r] + k, size - k, x_rest);
      for (int v = 0; v < kVectors; ++v) {
        sum[r] = hn::MulAdd(hn::Load(f, x_rest + v * kLanes), w[v], sum[r]);
      }
    }
  }
  for (int r = 0; r < kTileRows; ++r) sums[r * kOutputs] = sum[r];
}

template <int kTileRows, class Row>
HWY_INLINE void columns(const MatmulArgs& args, std::int64_t n, int count, const float* bias) {
  FloatVec sums[kTileRows * kOutputs];
  for (int i = 0; i < kTileRows * kOutputs; ++i) sums[i] = hn::Zero(FloatTag());
  for (int i = 0; i < count; ++i) {
    column<kTileRows>(args.x_rows, Row::at(*args.weight, n + i), args.size, sums + i);
  }
  for (int r = 0; r < kTileRows; ++r) {
    store_some(sums + r * kOutputs, count, bias, args.out + r * args.out_stride + (n - args.first));
  }
}

// Calls body(std::integral_constant<int, height>) with `height` in 1..kRows.
template <class Body>
HWY_INLINE void with_height(int height, const Body& body) {
  switch (height) {
    case 1:
      return body(std::integral_constant<int, 1>());
    case 2:
      return body(std::integral_constant<int, 2>());
    case 3:
      return body(std::integral_constant<int, 3>());
    case 4:
      return body(std::integral_constant<int, std::min(4, kRows)>());
    case 5:
      return body(std::integral_constant<int, std::min(5, kRows)>());
    default:
      return body(std::integral_constant<int, kRows>());
  }
}

// All rows by `count` outputs from n.
template <class Row>
HWY_INLINE void tiles(const MatmulArgs& args, const Row* weights, std::int64_t n, int count,
                      const float* bias) {
  // Tiles of nearly equal height: eight rows as 4 + 4, not 6 + 2.
  const int num_tiles = (args.num_rows + kRows - 1) / kRows;
  int row = 0;
  for (int t = 0; t < num_tiles; ++t) {
    const int height = (args.num_rows - row) / (num_tiles - t);
    with_height(height, [&](auto rows) HWY_ATTR {
      tile<rows()>(args.x_rows + row, weights, args.size, count, bias,
                   args.out + row * args.out_stride + (n - args.first), args.out_stride);
    });
    row += height;
  }
}

template <class Row>
void matmul_rows(const MatmulArgs& args) {
  using Wide = PlainRow<float>;
  const std::int64_t stride = wide_stride(args.size);
  for (std::int64_t n = args.first; n < args.last; n += kOutputs) {
    const int count = static_cast<int>(std::min<std::int64_t>(kOutputs, args.last - n));
    float bias[kOutputs] = {};
    if (*args.bias) {
      for (int i = 0; i < count; ++i) bias[i] = reference::weight_at(*args.bias, n + i);
    }
    if (args.num_rows <= kRows) {
      with_height(args.num_rows,
                  [&](auto rows) HWY_ATTR { columns<rows(), Row>(args, n, count, bias); });
      continue;
    }
    // Outputs past the last read its weights again, and are dropped.
    if constexpr (Row::kIsWide) {
      Row weights[kOutputs];
      for (int i = 0; i < kOutputs; ++i)
        weights[i] = Row::at(*args.weight, n + std::min(i, count - 1));
      tiles(args, weights, n, count, bias);
    } else {
      Wide weights[kOutputs];
      for (int i = 0; i < kOutputs; ++i) {
        float* const wide = args.scratch + std::min(i, count - 1) * stride;
        weights[i] = {wide};
        if (i < count) widen(Row::at(*args.weight, n + i), args.size, wide);
      }
      tiles(args, weights, n, count, bias);
    }
  }
}

// A chunk's words [at, at + kLanes) as float32: columns `at` on, or, of the upper halves, the 16th
// after each.
template <bool kUpper>
HWY_INLINE FloatVec chunk_half(const std::uint32_t* words) {
  const hn::RebindToUnsigned<FloatTag> u32;
  const auto pairs = hn::LoadU(u32, words);
  if constexpr (kUpper) {
    return hn::BitCast(FloatTag(), hn::And(pairs, hn::Set(u32, 0xFFFF0000U)));
  } else {
    return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(pairs));
  }
}

// Adds the products of 32 columns; row r of x begins at x + r * 32.
template <int kTileRows>
HWY_INLINE void add_chunk(const float* HWY_RESTRICT x, const std::uint32_t* HWY_RESTRICT words,
                          FloatVec (&sums)[kTileRows][kOutputs]) {
  constexpr int kWords = static_cast<int>(PanelMatrix::kChunkWords);
  constexpr int kColumns = static_cast<int>(PanelMatrix::kColumns);
  const FloatTag f;
  const auto add_half = [&](auto is_upper) HWY_ATTR {
    constexpr int kFirst = is_upper() ? kWords : 0;
    for (int v = 0; v < kWords; v += kLanes) {
      FloatVec w[kOutputs];
      for (int n = 0; n < kOutputs; ++n) w[n] = chunk_half<is_upper()>(words + n * kWords + v);
      for (int r = 0; r < kTileRows; ++r) {
        const FloatVec values = hn::Load(f, x + r * kColumns + kFirst + v);
        for (int n = 0; n < kOutputs; ++n) sums[r][n] = hn::MulAdd(values, w[n], sums[r][n]);
      }
    }
  };
  add_half(std::false_type());
  add_half(std::true_type());
}

// Some panels of one group for one block of columns: they lie one after the other.
struct PanelRun {
  const MatmulPart* part;
  std::int64_t block;
  std::int64_t first;       // output
  std::int64_t num_panels;  // at most PanelMatrix::kGroup
  const std::uint32_t* words;

  const PanelMatrix& matrix() const { return panels_of(*part->weight); }
  std::int64_t num_words() const { return num_panels * matrix().panel_words(block); }
};

// One panel for a tile of rows.
struct PanelTile {
  const float* x;  // as pack_rows() lays a tile out
  const std::uint32_t* words;
  const std::uint32_t* ahead;  // asked for meanwhile
  std::int64_t num_columns;
  bool is_first;  // of the panel's blocks of columns: sums begin at zero, else go on from `kept`
  bool is_last;   // sums are complete, else they are kept in `kept`
  float* kept;
  const float* bias;
  int count;  // outputs that are stored
  float* out;
  std::int64_t out_stride;
};

// kTileRows rows by the kOutputs outputs of a panel. The same sums as tile(): columns in order,
// kLanes at a time; that they rest in memory between blocks of columns changes no bit. Each chunk
// asks for kLines cache lines of what is ahead, into the second-level cache: the first has the rows
// of x. A tile that asks for a share only is one of several, whose panels are in that cache: it
// fetches what it needs next from there.
template <int kTileRows, int kLines>
HWY_NOINLINE void panel_tile(const PanelTile& tile) {
  constexpr std::int64_t kColumns = PanelMatrix::kColumns;
  constexpr std::int64_t kStep = PanelMatrix::kRows * PanelMatrix::kChunkWords;
  const FloatTag f;
  FloatVec sums[kTileRows][kOutputs];
  for (int r = 0; r < kTileRows; ++r) {
    for (int n = 0; n < kOutputs; ++n) {
      sums[r][n] =
          tile.is_first ? hn::Zero(f) : hn::Load(f, tile.kept + (r * kOutputs + n) * kLanes);
    }
  }
  const float* HWY_RESTRICT x = tile.x;
  const std::uint32_t* HWY_RESTRICT words = tile.words;
  const std::uint32_t* ahead = tile.ahead;
  for (std::int64_t k = 0; k < tile.num_columns; k += kColumns) {
    for (int line = 0; line < kLines; ++line) {
      __builtin_prefetch(ahead + line * kLineWords, 0, 2);
    }
    if constexpr (kLines < kChunkLines) {
      for (int line = 0; line < kChunkLines; ++line) {
        __builtin_prefetch(words + kNearWords + line * kLineWords, 0, 3);
      }
    }
    add_chunk<kTileRows>(x, words, sums);
    x += kTileRows * kColumns;
    words += kStep;
    ahead += kStep;
  }
  for (int r = 0; r < kTileRows; ++r) {
    if (tile.is_last) {
      store_some(sums[r], tile.count, tile.bias, tile.out + r * tile.out_stride);
    } else {
      for (int n = 0; n < kOutputs; ++n) {
        hn::Store(sums[r][n], f, tile.kept + (r * kOutputs + n) * kLanes);
      }
    }
  }
}

// Rows of tile `tile` of `num_tiles`, the first of which is `row`. Tiles are of nearly equal
// height, the highest first: eight rows as 4 + 4, not 6 + 2.
int tile_height(int num_rows, int row, int tile, int num_tiles) {
  const int left = num_tiles - tile;
  return (num_rows - row + left - 1) / left;
}

// The rows of x in the order in which tiles read them: for each block of columns each tile, for
// each of these 32 columns the tile's rows. Rows of a tensor are often a multiple of 4 KiB apart,
// which would put the same columns of all of them into the same few places of the first-level
// cache.
void pack_rows(const MatmulCall& call, const PanelMatrix& matrix, std::int64_t size, float* out) {
  constexpr std::int64_t kColumns = PanelMatrix::kColumns;
  const auto num_rows = static_cast<int>(call.x_rows.size());
  const int num_tiles = (num_rows + kRows - 1) / kRows;
  for (std::int64_t block = 0; block < matrix.num_blocks(); ++block) {
    const std::int64_t first = matrix.first_column(block);
    const std::int64_t end = first + matrix.num_columns(block);
    for (int t = 0, row = 0, height = 0; t < num_tiles; ++t, row += height) {
      height = tile_height(num_rows, row, t, num_tiles);
      for (std::int64_t k = first; k < end; k += kColumns) {
        const std::int64_t count = std::clamp<std::int64_t>(size - k, 0, kColumns);
        for (int r = 0; r < height; ++r, out += kColumns) {
          const float* const from = call.x_rows[static_cast<std::size_t>(row + r)] + k;
          if (count == kColumns) {
            for (int v = 0; v < kColumns; v += kLanes) {
              hn::Store(hn::LoadU(FloatTag(), from + v), FloatTag(), out + v);
            }
          } else {  // the rest, padded with zeros as the panels are
            std::fill(std::copy_n(from, count, out), out + kColumns, 0.0F);
          }
        }
      }
    }
  }
}

// All rows by the outputs of a run. For a block of columns the rows of a tile stay in the
// first-level cache while the panels stream past them, and the panels in the second until all tiles
// have met them.
void multiply_run(const PanelRun& run, const PanelRun* next, int num_rows, const float* x,
                  float* kept) {
  const PanelMatrix& matrix = run.matrix();
  const MatmulPart& part = *run.part;
  const std::int64_t panel_words = matrix.panel_words(run.block);
  const std::uint32_t* const after = next != nullptr ? next->words : run.words + run.num_words();
  const int num_tiles = (num_rows + kRows - 1) / kRows;
  float bias[kOutputs * PanelMatrix::kGroup] = {};
  PanelTile tile{};
  tile.num_columns = matrix.num_columns(run.block);
  tile.is_first = run.block == 0;
  tile.is_last = run.block + 1 == matrix.num_blocks();
  if (part.bias && tile.is_last) {
    const std::int64_t count = std::min(part.last - run.first, run.num_panels * kOutputs);
    for (std::int64_t n = 0; n < count; ++n) {
      bias[n] = reference::weight_at(part.bias, run.first + n);
    }
  }
  tile.out_stride = part.out_stride;
  int row = 0;
  for (int t = 0; t < num_tiles; ++t) {
    const int height = tile_height(num_rows, row, t, num_tiles);
    tile.x = x + matrix.first_column(run.block) * num_rows + tile.num_columns * row;
    // A single tile asks for what it comes to soon. Several together ask for the next run. Each
    // asks for a share of a chunk's lines, so that memory is busy all the time and never behind.
    const int from = lines_before(t, num_tiles);
    const int lines = lines_before(t + 1, num_tiles) - from;
    const auto multiply = [&](auto rows, auto asked) HWY_ATTR {
      for (std::int64_t p = 0; p < run.num_panels; ++p) {
        const std::int64_t n = run.first + p * kOutputs;
        tile.words = run.words + p * panel_words;
        if (num_tiles == 1) {
          const std::int64_t at = p * panel_words + kAheadWords;
          tile.ahead = at < run.num_words() ? run.words + at : after + (at - run.num_words());
        } else {
          tile.ahead = after + p * panel_words + from * kLineWords;
        }
        tile.kept = kept + (p * num_rows + row) * kOutputs * kLanes;
        tile.bias = bias + p * kOutputs;
        tile.count = static_cast<int>(std::min<std::int64_t>(kOutputs, part.last - n));
        tile.out = part.out + row * part.out_stride + (n - part.first);
        panel_tile<rows(), asked()>(tile);
      }
    };
    const auto multiply_asking = [&](auto asked) {
      with_height(height, [&](auto rows) { multiply(rows, asked); });
    };
    switch (lines) {
      case kChunkLines:
        multiply_asking(std::integral_constant<int, kChunkLines>());
        break;
      case 2:
        multiply_asking(std::integral_constant<int, 2>());
        break;
      case 1:
        multiply_asking(std::integral_constant<int, 1>());
        break;
      default:
        multiply_asking(std::integral_constant<int, 0>());
    }
    row += height;
  }
}

bool has_panels(const MatmulPart& part) {
  return has_layout(*part.weight, PlacedMatrix::Layout::kPanels);
}

// run's successor in its part, if there is one.
bool advance(PanelRun& run) {
  const PanelMatrix& matrix = run.matrix();
  if (++run.block == matrix.num_blocks()) {
    run.block = 0;
    run.first += run.num_panels * kOutputs;
  }
  if (run.first >= run.part->last) return false;
  const std::int64_t panel = run.first / kOutputs;
  const std::int64_t end = std::min((panel / PanelMatrix::kGroup + 1) * PanelMatrix::kGroup,
                                    (run.part->last + kOutputs - 1) / kOutputs);
  run.num_panels = end - panel;
  run.words = matrix.panel(run.block, panel);
  return true;
}

PanelRun first_run(const MatmulPart& part) {
  PanelRun run{&part, -1, part.first, 0, nullptr};
  advance(run);
  return run;
}

// The parts that have panels.
void multiply_panels(const MatmulCall& call) {
  const auto num_rows = static_cast<int>(call.x_rows.size());
  std::optional<PanelRun> run;
  std::size_t p = 0;
  const auto next_part = [&]() -> std::optional<PanelRun> {
    while (p < call.parts.size() && !has_panels(call.parts[p])) ++p;
    if (p == call.parts.size()) return std::nullopt;
    return first_run(call.parts[p++]);
  };
  run = next_part();
  if (!run) return;

  const PanelMatrix& matrix = run->matrix();
  const std::int64_t num_x = num_rows * matrix.padded_columns();
  const std::int64_t num_sums = num_rows * PanelMatrix::kGroup * kOutputs * kLanes;
  float* const x = aligned_scratch(*call.scratch, num_x + num_sums);
  pack_rows(call, matrix, run->part->weight->shape()[1], x);
  while (run) {
    std::optional<PanelRun> next = run;
    if (!advance(*next)) next = next_part();
    std::optional<PanelRun> wanted = next;
    if (!wanted && call.next != nullptr && has_panels(*call.next)) wanted = first_run(*call.next);
    multiply_run(*run, wanted ? &*wanted : nullptr, num_rows, x, x + num_x);
    run = next;
  }
}

void matmul_in_rows(const MatmulArgs& args) {
  switch (args.weight->dtype()) {
    case DType::kF32:
      return matmul_rows<PlainRow<float>>(args);
    case DType::kBF16:
      return matmul_rows<PlainRow<hwy::bfloat16_t>>(args);
    case DType::kF16:
      return matmul_rows<PlainRow<hwy::float16_t>>(args);
    case DType::kF8E4M3:
      return matmul_rows<F8Row>(args);
    case DType::kQ4_0:
      return matmul_rows<BlockRow<DecodeQ4_0>>(args);
    case DType::kQ5_0:
      return matmul_rows<BlockRow<DecodeQ5_0>>(args);
    case DType::kQ8_0:
      return matmul_rows<BlockRow<DecodeQ8_0>>(args);
    case DType::kQ4_K:
      return matmul_rows<BlockRow<DecodeQ4_K>>(args);
    case DType::kQ5_K:
      return matmul_rows<BlockRow<DecodeQ5_K>>(args);
    case DType::kQ6_K:
      return matmul_rows<BlockRow<DecodeQ6_K>>(args);
    case DType::kMXFP4:
      return matmul_rows<BlockRow<DecodeMXFP4>>(args);
    case DType::kI32:
    case DType::kI8:
    case DType::kU8:
    case DType::kInt8Group:  // what is placed holds these
    case DType::kInt4Group:
      break;
  }
  throw Error(ErrorCode::kInternal,
              std::string("a weight of type ") + name_of(args.weight->dtype()));
}

void matmul_parts(const MatmulCall& call) {
  multiply_panels(call);
  for (const MatmulPart& part : call.parts) {
    if (has_panels(part) || !wants_plain_rows(*part.weight)) continue;
    const std::int64_t size = part.weight->shape()[1];
    // Four rows of weights in float32, for formats that take longer to widen than to multiply.
    float* const scratch = aligned_scratch(*call.scratch, kOutputs * wide_stride(size));
    matmul_in_rows({.x_rows = call.x_rows.data(),
                    .num_rows = static_cast<int>(call.x_rows.size()),
                    .weight = part.weight,
                    .size = size,
                    .first = part.first,
                    .last = part.last,
                    .bias = &part.bias,
                    .out = part.out,
                    .out_stride = part.out_stride,
                    .scratch = scratch});
  }
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace peira::model::cpu {

HWY_EXPORT(matmul_parts);
HWY_EXPORT(target_name);

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

void matmul(const MatmulRows& x, std::span<const MatmulPart> parts, const MatmulPart* next) {
  const auto is_plain = [](const MatmulPart& part) { return wants_plain_rows(*part.weight); };
  if (!x.rows.empty() && std::any_of(parts.begin(), parts.end(), is_plain)) {
    thread_local std::vector<float> scratch;
    HWY_DYNAMIC_DISPATCH(matmul_parts)
    ({.x_rows = x.rows, .parts = parts, .next = next, .scratch = &scratch});
  }
  matmul_integers(x.quantized, parts, next);
  matmul_amx(x.split, parts, next);
}

}  // namespace peira::model::cpu
#endif
