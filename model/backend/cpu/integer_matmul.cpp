// Products with weights in groups of integers, by integer multiply-adds: rows of x are 16-bit
// integers, so that a group's sum is exact in 32 bits (64 * 127 * 2^15 < 2^31) and may be formed in
// any order. A lane is an output, so nothing is ever summed across lanes, and every instruction set
// gives the same bits.
#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/integer_matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/packed.h"
#include "model/backend/cpu/simd-inl.h"
#include "model/backend/reference/kernels.h"

#ifndef PEIRA_MODEL_BACKEND_CPU_INTEGER_CALL_
#define PEIRA_MODEL_BACKEND_CPU_INTEGER_CALL_
namespace peira::model::cpu {
struct IntegerCall {
  std::span<const QuantizedRow> rows;
  std::span<const MatmulPart> parts;
  const MatmulPart* next;
  bool may_use_vnni;
};
}  // namespace peira::model::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
using IntTag = hn::RebindToSigned<FloatTag>;
using IntVec = hn::Vec<IntTag>;

constexpr int kOutputs = static_cast<int>(IntegerPanels::kRows);
static_assert(kOutputs == kIntegerOutputs && kQuantizedColumns == Int8Panels::kColumns &&
              kQuantizedColumns == 2 * Int4Panels::kColumns);
// Vectors of outputs computed together.
constexpr int kVectors = 2;
constexpr bool kHas32Registers = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON;

// Chains that hide the latency of a multiply-add: so many sums of each output.
template <int kTileRows>
constexpr int kSums = kTileRows == 1   ? 4
                      : kTileRows <= 3 ? 2
                                       : 1;

// How far ahead of a single tile its weights are asked for: a guess from what panels of bfloat16
// ask for.
constexpr std::int64_t kBytesAhead = 10'240;
constexpr std::int64_t kLineBytes = 64;

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4
// For each output a pair of weights, or of x, as 16-bit integers in a lane of 32.
using Pairs = IntVec;

// The same pair of x for every output.
HWY_INLINE Pairs same_pair(const std::int16_t* x) {
  std::int32_t pair;
  std::memcpy(&pair, x, sizeof pair);
  return hn::Set(IntTag(), pair);
}
// Pairs of bytes of kLanes outputs.
HWY_INLINE Pairs load_pairs(const std::byte* bytes) {
  const hn::Repartition<std::int16_t, IntTag> i16;
  const hn::Rebind<std::int8_t, decltype(i16)> i8;
  const auto* const from = reinterpret_cast<const std::int8_t*>(bytes);
  return hn::BitCast(IntTag(), hn::PromoteTo(i16, hn::LoadU(i8, from)));
}
// The four bits from kBit and from kBit + 16.
template <int kBit>
HWY_INLINE Pairs nibble_pairs(IntVec words) {
  return hn::And(hn::ShiftRight<kBit>(words), hn::Set(IntTag(), 0x000F000F));
}
#else
// The same, each in a lane of its own.
struct Pairs {
  IntVec first;
  IntVec second;
};

HWY_INLINE Pairs same_pair(const std::int16_t* x) {
  const IntTag i32;
  return {hn::Set(i32, x[0]), hn::Set(i32, x[1])};
}
HWY_INLINE Pairs load_pairs(const std::byte* bytes) {
  const IntTag i32;
  const hn::Rebind<std::int16_t, IntTag> i16;
  HWY_ALIGN std::int16_t pairs[kLanes];
  std::memcpy(pairs, bytes, sizeof pairs);
  const IntVec both = hn::PromoteTo(i32, hn::Load(i16, pairs));
  return {hn::ShiftRight<24>(hn::ShiftLeft<24>(both)), hn::ShiftRight<8>(both)};
}
template <int kBit>
HWY_INLINE Pairs nibble_pairs(IntVec words) {
  const IntVec mask = hn::Set(IntTag(), 15);
  return {hn::And(hn::ShiftRight<kBit>(words), mask),
          hn::And(hn::ShiftRight<kBit + 16>(words), mask)};
}
#endif

// What differs between the formats. kStepPairs pairs of columns are a step.
struct Int8Format {
  using Panels = Int8Panels;
  // Rows of a tile at most. One more would fit the registers several times over, but GCC 12 then
  // keeps the sums in memory, which takes 1.4 to 2.5 times as long.
  static constexpr int kRows = kHas32Registers ? 8 : 5;
  static constexpr int kStepPairs = 4;
  static constexpr int kStepBytes = 4 * static_cast<int>(Panels::kBlockBytes);
  // What a step's pairs are made of, for outputs first to first + kLanes.
  struct Step {
    const std::byte* bytes;
  };
  static HWY_INLINE Step load(const std::byte* step, int first) { return {step + first * 2}; }
  template <int kPair>
  static HWY_INLINE Pairs pairs(const Step& step) {
    return load_pairs(step.bytes + kPair * Panels::kBlockBytes);
  }
  struct Scale {
    FloatVec scale;
  };
  static HWY_INLINE Scale load_scale(const std::byte* at) {
    return {hn::LoadU(FloatTag(), reinterpret_cast<const float*>(at))};
  }
  // sum + the group of unit `u`. Never fused: some instruction sets cannot, and the bits are the
  // same on all.
  static HWY_INLINE FloatVec add_group(FloatVec sum, FloatVec total, const Scale& w,
                                       const QuantizedRow& x, std::int64_t u) {
    const FloatTag f;
    return hn::Add(sum, hn::Mul(total, hn::Mul(w.scale, hn::Set(f, x.scales[u]))));
  }
};

struct Int4Format {
  using Panels = Int4Panels;
  static constexpr int kRows = kHas32Registers ? 6 : 5;
  static constexpr int kStepPairs = 4;
  static constexpr int kStepBytes = static_cast<int>(Panels::kBlockBytes);
  struct Step {
    IntVec words;
  };
  static HWY_INLINE Step load(const std::byte* step, int first) {
    return {hn::LoadU(IntTag(), reinterpret_cast<const std::int32_t*>(step) + first)};
  }
  template <int kPair>
  static HWY_INLINE Pairs pairs(const Step& step) {
    return nibble_pairs<4 * kPair>(step.words);
  }
  struct Scale {
    FloatVec scale;
    FloatVec min;
  };
  static HWY_INLINE Scale load_scale(const std::byte* at) {
    const FloatTag f;
    const IntVec both = hn::LoadU(IntTag(), reinterpret_cast<const std::int32_t*>(at));
    return {hn::BitCast(f, hn::ShiftLeft<16>(both)),
            hn::BitCast(f, hn::ShiftLeft<16>(hn::ShiftRight<16>(both)))};
  }
  static HWY_INLINE FloatVec add_group(FloatVec sum, FloatVec total, const Scale& w,
                                       const QuantizedRow& x, std::int64_t u) {
    const FloatTag f;
    sum = hn::Add(sum, hn::Mul(total, hn::Mul(w.scale, hn::Set(f, x.scales[u / 2]))));
    return hn::Add(sum, hn::Mul(w.min, hn::Set(f, x.sums[u])));
  }
};

// sum += the products of both columns. kVnni: in one instruction, written out since Highway 1.0 has
// no name for it and the intrinsic needs all functions around it compiled for its extension.
template <bool kVnni>
HWY_INLINE void add_products(IntVec& sum, const Pairs& x, const Pairs& w) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kVnni) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
  } else {
    sum = hn::Add(sum, IntVec{_mm512_madd_epi16(x.raw, w.raw)});
  }
#elif HWY_TARGET == HWY_AVX2
  if constexpr (kVnni) {
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum.raw) : "x"(x.raw), "x"(w.raw));
  } else {
    sum = hn::Add(sum, IntVec{_mm256_madd_epi16(x.raw, w.raw)});
  }
#elif HWY_TARGET == HWY_SSE4
  sum = hn::Add(sum, IntVec{_mm_madd_epi16(x.raw, w.raw)});
#else
  sum = hn::Add(sum, hn::Add(hn::Mul(x.first, w.first), hn::Mul(x.second, w.second)));
#endif
}

// Consecutive panels of one part.
struct IntegerRun {
  const MatmulPart* part;
  const std::byte* bytes;
  std::int64_t num_units;  // of a panel
  std::int64_t num_panels;
  std::int64_t all_units() const { return num_units * num_panels; }
};

// One panel for a tile of rows.
struct IntegerTile {
  const QuantizedRow* rows;
  const std::byte* panel;
  std::int64_t num_units;
  // Asked for meanwhile: a share of the units from `ahead` on, the first `num_ahead` of which are
  // at `ahead` and the others at `after`.
  const std::byte* ahead;
  std::int64_t num_ahead;
  const std::byte* after;
  std::int64_t share;  // units u with u % num_shares == share
  std::int64_t num_shares;
  float* sums;  // [rows, kOutputs]
};

// Adds the products of pair kPair of a step, which begins at `column`.
template <class Format, bool kVnni, int kPair, int kTileRows, int kChains>
HWY_INLINE void add_pair(const QuantizedRow* HWY_RESTRICT rows, std::int64_t column,
                         const typename Format::Step (&w)[kVectors],
                         IntVec (&sum)[kTileRows][kVectors][kChains]) {
  Pairs pairs[kVectors];
  for (int v = 0; v < kVectors; ++v) pairs[v] = Format::template pairs<kPair>(w[v]);
  for (int r = 0; r < kTileRows; ++r) {
    const Pairs x = same_pair(rows[r].values + column + 2 * kPair);
    for (int v = 0; v < kVectors; ++v) add_products<kVnni>(sum[r][v][kPair % kChains], x, pairs[v]);
  }
}

template <class Format, bool kVnni, int kTileRows>
HWY_NOINLINE void integer_tile(const IntegerTile& tile) {
  using Panels = typename Format::Panels;
  const FloatTag f;
  constexpr int kColumns = static_cast<int>(Panels::kColumns);
  constexpr int kChains = kSums<kTileRows>;
  static_assert(Format::kStepPairs == 4 && 4 % kChains == 0);
  float* HWY_RESTRICT sums = tile.sums;
  std::fill_n(sums, kTileRows * kOutputs, 0.0F);
  const std::byte* HWY_RESTRICT unit = tile.panel;
  for (std::int64_t u = 0; u < tile.num_units; ++u, unit += Panels::kUnitBytes) {
    const std::byte* const ahead = u < tile.num_ahead
                                       ? tile.ahead + u * Panels::kUnitBytes
                                       : tile.after + (u - tile.num_ahead) * Panels::kUnitBytes;
    const bool asks = tile.num_shares == 1 || u % tile.num_shares == tile.share;
    if (asks) {
      for (std::int64_t at = Panels::kScalesAt; at < Panels::kUnitBytes; at += kLineBytes) {
        __builtin_prefetch(ahead + at, 0, 2);
      }
    }
    for (int first = 0; first < kOutputs; first += kVectors * kLanes) {
      IntVec sum[kTileRows][kVectors][kChains];
      for (int r = 0; r < kTileRows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
          for (int c = 0; c < kChains; ++c) sum[r][v][c] = hn::Zero(IntTag());
        }
      }
      for (int step = 0; step < kColumns / 2 / Format::kStepPairs; ++step) {
        if (asks && first == 0) {
          for (int at = 0; at < Format::kStepBytes; at += kLineBytes) {
            __builtin_prefetch(ahead + step * Format::kStepBytes + at, 0, 2);
          }
        }
        typename Format::Step w[kVectors];
        for (int v = 0; v < kVectors; ++v) {
          w[v] = Format::load(unit + step * Format::kStepBytes, first + v * kLanes);
        }
        const std::int64_t column = u * kColumns + step * 2 * Format::kStepPairs;
        add_pair<Format, kVnni, 0>(tile.rows, column, w, sum);
        add_pair<Format, kVnni, 1>(tile.rows, column, w, sum);
        add_pair<Format, kVnni, 2>(tile.rows, column, w, sum);
        add_pair<Format, kVnni, 3>(tile.rows, column, w, sum);
      }
      for (int v = 0; v < kVectors; ++v) {
        const int output = first + v * kLanes;
        const auto scale = Format::load_scale(unit + Panels::kScalesAt + output * 4);
        for (int r = 0; r < kTileRows; ++r) {
          IntVec total = sum[r][v][0];
          for (int c = 1; c < kChains; ++c) total = hn::Add(total, sum[r][v][c]);
          float* const to = sums + r * kOutputs + output;
          hn::StoreU(
              Format::add_group(hn::LoadU(f, to), hn::ConvertTo(f, total), scale, tile.rows[r], u),
              f, to);
        }
      }
    }
  }
}

// Whether the processor adds pairs in one instruction of this set's registers.
bool has_vnni() {
#if HWY_TARGET == HWY_AVX3
  return __builtin_cpu_supports("avx512vnni") != 0;
#elif HWY_TARGET == HWY_AVX2
  return __builtin_cpu_supports("avxvnni") != 0;
#else
  return false;
#endif
}

using TileFunction = void (*)(const IntegerTile&);

// Entry h: a tile of h + 1 rows.
template <class Format, bool kVnni, int... kHeights>
constexpr std::array<TileFunction, Format::kRows> tile_functions(
    std::integer_sequence<int, kHeights...>) {
  return {&integer_tile<Format, kVnni, kHeights + 1>...};
}
template <class Format, bool kVnni>
constexpr auto kTileFunctions =
    tile_functions<Format, kVnni>(std::make_integer_sequence<int, Format::kRows>());

IntegerRun run_of(const MatmulPart& part) {
  const IntegerPanels& panels = integer_panels_of(*part.weight);
  return {&part, panels.panel(part.first / kOutputs), panels.num_units(),
          (part.last - part.first + kOutputs - 1) / kOutputs};
}

template <class Format>
void multiply_run(const IntegerCall& call, const IntegerRun& run, const std::byte* after) {
  constexpr std::int64_t kUnitBytes = Format::Panels::kUnitBytes;
  constexpr int kRows = Format::kRows;
  const auto& functions = call.may_use_vnni && has_vnni() ? kTileFunctions<Format, true>
                                                          : kTileFunctions<Format, false>;
  const auto num_rows = static_cast<int>(call.rows.size());
  const MatmulPart& part = *run.part;
  // Tiles of nearly equal height.
  const int num_tiles = (num_rows + kRows - 1) / kRows;
  const std::int64_t distance = num_tiles == 1 ? kBytesAhead / kUnitBytes : run.num_units;
  HWY_ALIGN float sums[kRows * kOutputs];
  for (std::int64_t p = 0; p < run.num_panels; ++p) {
    const std::int64_t n = part.first + p * kOutputs;
    const auto count = static_cast<int>(std::min<std::int64_t>(kOutputs, part.last - n));
    float bias[kOutputs] = {};
    for (int i = 0; part.bias && i < count; ++i) {
      bias[i] = reference::weight_at(part.bias, n + i);
    }
    // A single tile asks for what it comes to soon; several share the asking for the next panel.
    const std::int64_t next = p * run.num_units + distance;
    const std::int64_t left = std::max<std::int64_t>(run.all_units() - next, 0);
    IntegerTile tile{
        .rows = call.rows.data(),
        .panel = run.bytes + p * run.num_units * kUnitBytes,
        .num_units = run.num_units,
        .ahead = run.bytes + next * kUnitBytes,
        .num_ahead = left,
        .after = after + std::max<std::int64_t>(next - run.all_units(), 0) * kUnitBytes,
        .share = 0,
        .num_shares = num_tiles,
        .sums = sums};
    for (int row = 0, height = 0; row < num_rows; row += height, ++tile.share) {
      const int tiles_left = num_tiles - static_cast<int>(tile.share);
      height = (num_rows - row + tiles_left - 1) / tiles_left;
      tile.rows = call.rows.data() + row;
      functions[static_cast<std::size_t>(height - 1)](tile);
      for (int r = 0; r < height; ++r) {
        float* const out = part.out + (row + r) * part.out_stride + (n - part.first);
        for (int i = 0; i < count; ++i) out[i] = sums[r * kOutputs + i] + bias[i];
      }
    }
  }
}

void integer_parts(const IntegerCall& call) {
  std::size_t p = 0;
  const auto next_part = [&]() -> const MatmulPart* {
    while (p < call.parts.size() && !has_integers(*call.parts[p].weight)) ++p;
    return p < call.parts.size() ? &call.parts[p++] : nullptr;
  };
  for (const MatmulPart* part = next_part(); part != nullptr;) {
    const MatmulPart* const next = next_part();
    const MatmulPart* wanted = next != nullptr ? next : call.next;
    if (wanted == nullptr || !has_integers(*wanted->weight)) wanted = part;
    const std::byte* const after = run_of(*wanted).bytes;
    if (has_layout(*part->weight, PlacedMatrix::Layout::kInt8Panels)) {
      multiply_run<Int8Format>(call, run_of(*part), after);
    } else {
      multiply_run<Int4Format>(call, run_of(*part), after);
    }
    part = next;
  }
}

void quantize(const float* x, std::int64_t size, std::int16_t* values, float* scales, float* sums) {
  constexpr int kColumns = static_cast<int>(kQuantizedColumns);
  const FloatTag f;
  const IntTag i32;
  const hn::Rebind<std::int16_t, IntTag> i16;
  constexpr std::int32_t kInfinity = 0x7F800000;
  // The exponent's bits of 2^-100: smaller groups are rounded to 2^-114, so that no power of two
  // leaves the range of float32.
  constexpr std::int32_t kLeast = (127 - 100) << 23;
  constexpr std::int32_t kBits = 14 << 23;
  // Added to a float32 of at most 2^22 it leaves the nearest integer, ties to even, in the lowest
  // bits.
  constexpr float kRound = 0x1.8p23F;
  for (std::int64_t k = 0; k < size; k += kColumns, values += kColumns, ++scales, sums += 2) {
    const float* from = x + k;
    HWY_ALIGN float rest[kColumns] = {};
    if (size - k < kColumns) {
      std::copy_n(from, size - k, rest);
      from = rest;
    }
    IntVec magnitudes = hn::Zero(i32);
    for (int i = 0; i < kColumns; i += kLanes) {
      const IntVec bits = hn::BitCast(i32, hn::LoadU(f, from + i));
      magnitudes = hn::Max(magnitudes, hn::And(bits, hn::Set(i32, 0x7FFFFFFF)));
    }
    const std::int32_t largest = hn::GetLane(hn::MaxOfLanes(i32, magnitudes));
    if (largest >= kInfinity) {
      *scales = std::numeric_limits<float>::quiet_NaN();
      std::fill_n(values, kColumns, std::int16_t{0});
      std::fill_n(sums, 2, *scales);
      continue;
    }
    // 2^e <= largest < 2^(e + 1): values are x / 2^(e - 14), at most 2^15, which saturates.
    const std::int32_t power = std::max(largest & kInfinity, kLeast);
    *scales = std::bit_cast<float>(power - kBits);
    const FloatVec inverse = hn::Set(f, std::bit_cast<float>((254 << 23) - power + kBits));
    for (int half = 0; half < 2; ++half) {
      IntVec sum = hn::Zero(i32);
      for (int i = half * kColumns / 2; i < (half + 1) * kColumns / 2; i += kLanes) {
        const FloatVec scaled = hn::Mul(hn::LoadU(f, from + i), inverse);
        const FloatVec rounded = hn::Add(scaled, hn::Set(f, kRound));
        const IntVec integers =
            hn::Sub(hn::BitCast(i32, rounded), hn::Set(i32, std::bit_cast<std::int32_t>(kRound)));
        const IntVec saturated = hn::Min(integers, hn::Set(i32, 32767));
        hn::StoreU(hn::DemoteTo(i16, saturated), i16, values + i);
        sum = hn::Add(sum, saturated);
      }
      // Exact: 32 * 2^15 is far below 2^24.
      sums[half] = static_cast<float>(hn::GetLane(hn::SumOfLanes(i32, sum))) * *scales;
    }
  }
}

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace peira::model::cpu {

HWY_EXPORT(integer_parts);
HWY_EXPORT(quantize);

bool has_integers(const Weight& weight) {
  return has_layout(weight, PlacedMatrix::Layout::kInt8Panels) ||
         has_layout(weight, PlacedMatrix::Layout::kInt4Panels);
}

void quantize_row(const float* x, std::int64_t size, std::int16_t* values, float* scales,
                  float* sums) {
  HWY_DYNAMIC_DISPATCH(quantize)(x, size, values, scales, sums);
}

void matmul_integers(std::span<const QuantizedRow> rows, std::span<const MatmulPart> parts,
                     const MatmulPart* next, bool may_use_vnni) {
  if (rows.empty()) return;
  HWY_DYNAMIC_DISPATCH(integer_parts)
  ({.rows = rows, .parts = parts, .next = next, .may_use_vnni = may_use_vnni});
}

}  // namespace peira::model::cpu
#endif
