#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/matmul.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/weights-inl.h"
#include "model/backend/reference/kernels.h"

// What matmul() was asked for.
#ifndef PEIRA_MODEL_BACKEND_CPU_MATMUL_ARGS_
#define PEIRA_MODEL_BACKEND_CPU_MATMUL_ARGS_
namespace peira::model::cpu {
// Panels whose sums are computed together. A guess: 128 KB of weights a block of columns.
constexpr int kPanelsAtOnce = 16;

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
}  // namespace peira::model::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

constexpr int kOutputs = static_cast<int>(kMatmulOutputs);
// Rows of a register tile: kRows * kOutputs sums, kRows inputs and one weight fit the registers.
constexpr int kRows = HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON ? 6 : 3;

// A cache line in 32-bit words, and the lines of a panel's chunk.
constexpr std::int64_t kLineWords = 16;
constexpr int kChunkLines =
    static_cast<int>(PanelMatrix::kRows * PanelMatrix::kChunkWords / kLineWords);

// How many of a chunk's lines the first `tile` of `num_tiles` tiles ask for together.
constexpr int lines_before(int tile, int num_tiles) {
  return (tile * kChunkLines + num_tiles - 1) / num_tiles;
}

// How far ahead of a single tile its panel is asked for, in 32-bit words.
constexpr std::int64_t kAheadWords = 1536;

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
  const std::int64_t wide_stride = (args.size + 127) / 128 * 128 + 16;
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
        float* const wide = args.scratch + std::min(i, count - 1) * wide_stride;
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

// Adds the products of 32 columns; x[r] is where they begin in row r.
template <int kTileRows>
HWY_INLINE void add_chunk(const float* const* HWY_RESTRICT x_rows, std::int64_t k,
                          const std::uint32_t* HWY_RESTRICT words,
                          FloatVec (&sums)[kTileRows][kOutputs]) {
  constexpr int kWords = static_cast<int>(PanelMatrix::kChunkWords);
  const FloatTag f;
  const auto add_half = [&](auto is_upper) HWY_ATTR {
    constexpr int kFirst = is_upper() ? kWords : 0;
    for (int v = 0; v < kWords; v += kLanes) {
      FloatVec w[kOutputs];
      for (int n = 0; n < kOutputs; ++n) w[n] = chunk_half<is_upper()>(words + n * kWords + v);
      for (int r = 0; r < kTileRows; ++r) {
        const FloatVec x = hn::LoadU(f, x_rows[r] + k + kFirst + v);
        for (int n = 0; n < kOutputs; ++n) sums[r][n] = hn::MulAdd(x, w[n], sums[r][n]);
      }
    }
  };
  add_half(std::false_type());
  add_half(std::true_type());
}

// What a tile of a panel does with its sums, and what it asks for meanwhile.
struct PanelStep {
  std::int64_t first_column;
  std::int64_t num_columns;
  bool is_first;  // of the panel's blocks of columns: sums begin at zero, else go on from `sums`
  bool is_last;   // sums are complete, else they are kept in `sums`
  std::int64_t ahead_words;  // how far ahead of a chunk cache lines are asked for
};

// kTileRows rows by the kOutputs outputs of a panel. The same sums as tile(): columns in order,
// kLanes at a time; that they rest in memory between blocks of columns changes no bit. Each chunk
// asks for kLines cache lines.
template <int kTileRows, int kLines>
HWY_NOINLINE void panel_tile(const float* const* HWY_RESTRICT x_rows,
                             const std::uint32_t* HWY_RESTRICT words, const PanelStep& step,
                             float* HWY_RESTRICT kept, int count, const float* HWY_RESTRICT bias,
                             float* HWY_RESTRICT out, std::int64_t out_stride) {
  constexpr std::int64_t kColumns = PanelMatrix::kColumns;
  constexpr std::int64_t kStep = PanelMatrix::kRows * PanelMatrix::kChunkWords;
  const FloatTag f;
  FloatVec sums[kTileRows][kOutputs];
  for (int r = 0; r < kTileRows; ++r) {
    for (int n = 0; n < kOutputs; ++n) {
      sums[r][n] = step.is_first ? hn::Zero(f) : hn::LoadU(f, kept + (r * kOutputs + n) * kLanes);
    }
  }
  std::int64_t k = step.first_column;
  const std::int64_t end = k + step.num_columns;
  for (; k + kColumns <= end; k += kColumns, words += kStep) {
    // Into the second-level cache: the first has the rows of x.
    for (int line = 0; line < kLines; ++line) {
      __builtin_prefetch(words + step.ahead_words + line * kLineWords, 0, 2);
    }
    add_chunk<kTileRows>(x_rows, k, words, sums);
  }
  if (k < end) {  // the rest, padded with zeros as the panel is
    HWY_ALIGN float x_rest[kTileRows][kColumns] = {};
    const float* rest_rows[kTileRows];
    for (int r = 0; r < kTileRows; ++r) {
      std::copy_n(x_rows[r] + k, end - k, x_rest[r]);
      rest_rows[r] = x_rest[r];
    }
    add_chunk<kTileRows>(rest_rows, 0, words, sums);
  }
  for (int r = 0; r < kTileRows; ++r) {
    if (step.is_last) {
      store_some(sums[r], count, bias, out + r * out_stride);
    } else {
      for (int n = 0; n < kOutputs; ++n) {
        hn::StoreU(sums[r][n], f, kept + (r * kOutputs + n) * kLanes);
      }
    }
  }
}

// The outputs [first, last) of at most kPanelsAtOnce panels. For a block of columns the rows of a
// tile stay in the first-level cache while the panels stream past them, and the panels in the
// second until all tiles have met them.
void matmul_panel_group(const MatmulArgs& args, std::int64_t first, std::int64_t last) {
  const PanelMatrix& matrix = panels_of(*args.weight);
  const int num_tiles = (args.num_rows + kRows - 1) / kRows;
  const std::int64_t first_panel = first / kOutputs;
  const std::int64_t num_panels = (last - first + kOutputs - 1) / kOutputs;
  float bias[kOutputs * kPanelsAtOnce] = {};
  if (*args.bias) {
    for (std::int64_t n = first; n < last; ++n) {
      bias[n - first] = reference::weight_at(*args.bias, n);
    }
  }
  for (std::int64_t block = 0; block < matrix.num_blocks(); ++block) {
    const std::uint32_t* const words = matrix.panel(block, first_panel);
    PanelStep step{};
    step.first_column = block * matrix.block_columns();
    step.num_columns = std::min(matrix.block_columns(), args.size - step.first_column);
    step.is_first = block == 0;
    step.is_last = block + 1 == matrix.num_blocks();
    int row = 0;
    for (int t = 0; t < num_tiles; ++t) {
      // Tiles of nearly equal height, the highest first: eight rows as 4 + 4, not 6 + 2.
      const int left = num_tiles - t;
      const int height = (args.num_rows - row + left - 1) / left;
      const auto run = [&](auto rows, auto lines) HWY_ATTR {
        for (std::int64_t p = 0; p < num_panels; ++p) {
          const std::int64_t n = first + p * kOutputs;
          float* const kept = args.scratch + (p * args.num_rows + row) * kOutputs * kLanes;
          panel_tile<rows(), lines()>(
              args.x_rows + row, words + p * matrix.panel_words(block), step, kept,
              static_cast<int>(std::min<std::int64_t>(kOutputs, last - n)), bias + p * kOutputs,
              args.out + row * args.out_stride + (n - args.first), args.out_stride);
        }
      };
      const auto run_asking = [&](auto lines) {
        with_height(height, [&](auto rows) { run(rows, lines); });
      };
      // A single tile asks for what it comes to soon. Several together ask for what is next: the
      // following columns of these panels, or the following panels. Each asks for a share of a
      // chunk's lines, so that memory is busy all the time and never behind.
      if (num_tiles == 1) {
        step.ahead_words = kAheadWords;
        run_asking(std::integral_constant<int, kChunkLines>());
      } else {
        const std::uint32_t* const next = step.is_last ? matrix.panel(0, first_panel + num_panels)
                                                       : matrix.panel(block + 1, first_panel);
        const int from = lines_before(t, num_tiles);
        step.ahead_words = next - words + from * kLineWords;
        switch (lines_before(t + 1, num_tiles) - from) {
          case 2:
            run_asking(std::integral_constant<int, 2>());
            break;
          case 1:
            run_asking(std::integral_constant<int, 1>());
            break;
          default:
            run_asking(std::integral_constant<int, 0>());
        }
      }
      row += height;
    }
  }
}

void matmul_panels(const MatmulArgs& args) {
  static_assert(kOutputs == PanelMatrix::kRows);
  constexpr std::int64_t kGroup = kOutputs * kPanelsAtOnce;
  for (std::int64_t first = args.first; first < args.last; first += kGroup) {
    matmul_panel_group(args, first, std::min(args.last, first + kGroup));
  }
}

void matmul_any(const MatmulArgs& args) {
  if (args.weight->packed != nullptr) {
    switch (placed_of(*args.weight).layout) {
      case PlacedMatrix::Layout::kPanels:
        return matmul_panels(args);
      case PlacedMatrix::Layout::kInt8:
        return matmul_rows<Int8Row>(args);
      case PlacedMatrix::Layout::kInt4:
        return matmul_rows<Int4Row>(args);
    }
  }
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
    case DType::kInt8Group:  // a PackedMatrix holds these
    case DType::kInt4Group:
      break;
  }
  throw Error(ErrorCode::kInternal,
              std::string("a weight of type ") + name_of(args.weight->dtype()));
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

namespace peira::model::cpu {

HWY_EXPORT(matmul_any);
HWY_EXPORT(target_name);

const char* instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

void matmul(std::span<const float* const> x_rows, const Weight& weight, std::int64_t first,
            std::int64_t last, const ConstTensorView& bias, float* out, std::int64_t out_stride) {
  if (x_rows.empty()) return;
  // Four rows of weights in float32, for formats that take longer to widen than to multiply; or the
  // sums of a group of panels.
  thread_local std::vector<float> scratch;
  const std::int64_t size = weight.shape()[1];
  constexpr std::int64_t kMostLanes = 16;
  const std::int64_t num_sums = std::ssize(x_rows) * kPanelsAtOnce * kMatmulOutputs * kMostLanes;
  const auto needed =
      static_cast<std::size_t>(std::max(num_sums, 4 * ((size + 127) / 128 * 128 + 16)));
  if (scratch.size() < needed) scratch.resize(needed);
  HWY_DYNAMIC_DISPATCH(matmul_any)
  ({.x_rows = x_rows.data(),
    .num_rows = static_cast<int>(x_rows.size()),
    .weight = &weight,
    .size = size,
    .first = first,
    .last = last,
    .bias = &bias,
    .out = out,
    .out_stride = out_stride,
    .scratch = scratch.data()});
}

}  // namespace peira::model::cpu
#endif
