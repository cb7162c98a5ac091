// Products with weights in 8-bit groups, by integer multiply-adds: rows of x are 16-bit integers,
// so that a group's sum is exact in 32 bits (64 * 127 * 2^15 < 2^31) and may be formed in any
// order. A lane is an output, so nothing is ever summed across lanes, and every instruction set
// gives the same bits.
#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/int8_matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/packed.h"
#include "model/backend/cpu/simd-inl.h"
#include "model/backend/reference/kernels.h"

#ifndef PEIRA_MODEL_BACKEND_CPU_INT8_CALL_
#define PEIRA_MODEL_BACKEND_CPU_INT8_CALL_
namespace peira::model::cpu {
struct Int8Call {
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

constexpr int kOutputs = static_cast<int>(Int8Panels::kRows);
constexpr int kColumns = static_cast<int>(Int8Panels::kColumns);
// Vectors of outputs computed together, and rows of a tile at most: their sums fit the registers.
// Tiles of 12 rows, which do as well, take 2.5 times as long (GCC 12 keeps their sums in memory).
constexpr int kVectors = 2;
constexpr int kRows = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 8 : 5;

// Chains that hide the latency of a multiply-add: so many sums of each output.
template <int kTileRows>
constexpr int kSums = kTileRows == 1   ? 4
                      : kTileRows <= 3 ? 2
                                       : 1;

// How far ahead of a single tile its weights are asked for.
constexpr std::int64_t kUnitsAhead = 5;
constexpr std::int64_t kLineBytes = 64;

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4
// For each output a pair of weights, or of x, as 16-bit integers in a lane of 32.
using Pairs = IntVec;

// The pairs of kLanes outputs.
HWY_INLINE Pairs load_pairs(const std::byte* bytes) {
  const hn::Repartition<std::int16_t, IntTag> i16;
  const hn::Rebind<std::int8_t, decltype(i16)> i8;
  const auto* const from = reinterpret_cast<const std::int8_t*>(bytes);
  return hn::BitCast(IntTag(), hn::PromoteTo(i16, hn::LoadU(i8, from)));
}

// The same pair of x for every output.
HWY_INLINE Pairs same_pair(const std::int16_t* x) {
  std::int32_t pair;
  std::memcpy(&pair, x, sizeof pair);
  return hn::Set(IntTag(), pair);
}
#else
// The same, each in a lane of its own.
struct Pairs {
  IntVec first;
  IntVec second;
};

HWY_INLINE Pairs load_pairs(const std::byte* bytes) {
  const IntTag i32;
  const hn::Rebind<std::int16_t, IntTag> i16;
  HWY_ALIGN std::int16_t pairs[kLanes];
  std::memcpy(pairs, bytes, sizeof pairs);
  const IntVec both = hn::PromoteTo(i32, hn::Load(i16, pairs));
  return {hn::ShiftRight<24>(hn::ShiftLeft<24>(both)), hn::ShiftRight<8>(both)};
}

HWY_INLINE Pairs same_pair(const std::int16_t* x) {
  const IntTag i32;
  return {hn::Set(i32, x[0]), hn::Set(i32, x[1])};
}
#endif

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
struct Int8Run {
  const MatmulPart* part;
  const std::byte* bytes;
  std::int64_t num_units;  // of a panel
  std::int64_t num_panels;
  std::int64_t all_units() const { return num_units * num_panels; }
};

// One panel for a tile of rows.
struct Int8Tile {
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

template <bool kVnni, int kTileRows>
HWY_NOINLINE void int8_tile(const Int8Tile& tile) {
  const FloatTag f;
  const IntTag i32;
  constexpr int kChains = kSums<kTileRows>;
  constexpr int kStep = kVectors * kLanes;
  float* HWY_RESTRICT sums = tile.sums;
  std::fill_n(sums, kTileRows * kOutputs, 0.0F);
  const std::byte* HWY_RESTRICT unit = tile.panel;
  for (std::int64_t u = 0; u < tile.num_units; ++u, unit += Int8Panels::kUnitBytes) {
    const std::byte* const ahead = u < tile.num_ahead
                                       ? tile.ahead + u * Int8Panels::kUnitBytes
                                       : tile.after + (u - tile.num_ahead) * Int8Panels::kUnitBytes;
    const bool asks = tile.num_shares == 1 || u % tile.num_shares == tile.share;
    if (asks) {
      __builtin_prefetch(ahead + Int8Panels::kScalesAt, 0, 2);
      __builtin_prefetch(ahead + Int8Panels::kScalesAt + kLineBytes, 0, 2);
    }
    for (int first = 0; first < kOutputs; first += kStep) {
      IntVec sum[kTileRows][kVectors][kChains];
      for (int r = 0; r < kTileRows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
          for (int c = 0; c < kChains; ++c) sum[r][v][c] = hn::Zero(i32);
        }
      }
      for (int pair = 0; pair < kColumns / 2; pair += kChains) {
        for (int c = 0; c < kChains; ++c) {
          const std::byte* const at = unit + (pair + c) * Int8Panels::kPairBytes + first * 2;
          if (asks && first == 0) {
            __builtin_prefetch(ahead + (pair + c) * Int8Panels::kPairBytes, 0, 2);
          }
          Pairs w[kVectors];
          for (int v = 0; v < kVectors; ++v) w[v] = load_pairs(at + v * kLanes * 2);
          for (int r = 0; r < kTileRows; ++r) {
            const Pairs x = same_pair(tile.rows[r].values + u * kColumns + (pair + c) * 2);
            for (int v = 0; v < kVectors; ++v) add_products<kVnni>(sum[r][v][c], x, w[v]);
          }
        }
      }
      const auto* const scales =
          reinterpret_cast<const float*>(unit + Int8Panels::kScalesAt) + first;
      for (int v = 0; v < kVectors; ++v) {
        const FloatVec w_scale = hn::LoadU(f, scales + v * kLanes);
        for (int r = 0; r < kTileRows; ++r) {
          IntVec total = sum[r][v][0];
          for (int c = 1; c < kChains; ++c) total = hn::Add(total, sum[r][v][c]);
          const FloatVec scale = hn::Mul(w_scale, hn::Set(f, tile.rows[r].scales[u]));
          float* const to = sums + r * kOutputs + first + v * kLanes;
          // Not fused: some instruction sets cannot, and the bits are the same on all.
          hn::StoreU(hn::Add(hn::LoadU(f, to), hn::Mul(hn::ConvertTo(f, total), scale)), f, to);
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

using TileFunction = void (*)(const Int8Tile&);

// Entry h: a tile of h + 1 rows.
template <bool kVnni, int... kHeights>
constexpr std::array<TileFunction, kRows> tile_functions(std::integer_sequence<int, kHeights...>) {
  return {&int8_tile<kVnni, kHeights + 1>...};
}
template <bool kVnni>
constexpr auto kTileFunctions = tile_functions<kVnni>(std::make_integer_sequence<int, kRows>());

Int8Run run_of(const MatmulPart& part) {
  const Int8Panels& panels = int8_panels_of(*part.weight);
  return {&part, panels.panel(part.first / kOutputs), panels.num_units(),
          (part.last - part.first + kOutputs - 1) / kOutputs};
}

void multiply_run(const Int8Call& call, const Int8Run& run, bool uses_vnni,
                  const std::byte* after) {
  const auto num_rows = static_cast<int>(call.rows.size());
  const MatmulPart& part = *run.part;
  // Tiles of nearly equal height.
  const int num_tiles = (num_rows + kRows - 1) / kRows;
  const std::int64_t distance = num_tiles == 1 ? kUnitsAhead : run.num_units;
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
    Int8Tile tile{
        .rows = call.rows.data(),
        .panel = run.bytes + p * run.num_units * Int8Panels::kUnitBytes,
        .num_units = run.num_units,
        .ahead = run.bytes + next * Int8Panels::kUnitBytes,
        .num_ahead = left,
        .after = after + std::max<std::int64_t>(next - run.all_units(), 0) * Int8Panels::kUnitBytes,
        .share = 0,
        .num_shares = num_tiles,
        .sums = sums};
    for (int row = 0, height = 0; row < num_rows; row += height, ++tile.share) {
      const int tiles_left = num_tiles - static_cast<int>(tile.share);
      height = (num_rows - row + tiles_left - 1) / tiles_left;
      tile.rows = call.rows.data() + row;
      const auto h = static_cast<std::size_t>(height - 1);
      (uses_vnni ? kTileFunctions<true>[h] : kTileFunctions<false>[h])(tile);
      for (int r = 0; r < height; ++r) {
        float* const out = part.out + (row + r) * part.out_stride + (n - part.first);
        for (int i = 0; i < count; ++i) out[i] = sums[r * kOutputs + i] + bias[i];
      }
    }
  }
}

void int8_parts(const Int8Call& call) {
  const bool uses_vnni = call.may_use_vnni && has_vnni();
  std::size_t p = 0;
  const auto next_part = [&]() -> const MatmulPart* {
    while (p < call.parts.size() && !is_int8(*call.parts[p].weight)) ++p;
    return p < call.parts.size() ? &call.parts[p++] : nullptr;
  };
  for (const MatmulPart* part = next_part(); part != nullptr;) {
    const MatmulPart* const next = next_part();
    const MatmulPart* wanted = next != nullptr ? next : call.next;
    if (wanted == nullptr || !is_int8(*wanted->weight)) wanted = part;
    multiply_run(call, run_of(*part), uses_vnni, run_of(*wanted).bytes);
    part = next;
  }
}

void quantize(const float* x, std::int64_t size, std::int16_t* values, float* scales) {
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
  for (std::int64_t k = 0; k < size; k += kColumns, values += kColumns, ++scales) {
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
      continue;
    }
    // 2^e <= largest < 2^(e + 1): values are x / 2^(e - 14), at most 2^15, which saturates.
    const std::int32_t power = std::max(largest & kInfinity, kLeast);
    *scales = std::bit_cast<float>(power - kBits);
    const FloatVec inverse = hn::Set(f, std::bit_cast<float>((254 << 23) - power + kBits));
    for (int i = 0; i < kColumns; i += kLanes) {
      const FloatVec scaled = hn::Mul(hn::LoadU(f, from + i), inverse);
      const FloatVec rounded = hn::Add(scaled, hn::Set(f, kRound));
      const IntVec integers =
          hn::Sub(hn::BitCast(i32, rounded), hn::Set(i32, std::bit_cast<std::int32_t>(kRound)));
      hn::StoreU(hn::DemoteTo(i16, integers), i16, values + i);
    }
  }
}

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace peira::model::cpu {

HWY_EXPORT(int8_parts);
HWY_EXPORT(quantize);

bool is_int8(const Weight& weight) { return has_layout(weight, PlacedMatrix::Layout::kInt8Panels); }

void quantize_row(const float* x, std::int64_t size, std::int16_t* values, float* scales) {
  HWY_DYNAMIC_DISPATCH(quantize)(x, size, values, scales);
}

void matmul_int8(std::span<const QuantizedRow> rows, std::span<const MatmulPart> parts,
                 const MatmulPart* next, bool may_use_vnni) {
  if (rows.empty()) return;
  HWY_DYNAMIC_DISPATCH(int8_parts)
  ({.rows = rows, .parts = parts, .next = next, .may_use_vnni = may_use_vnni});
}

}  // namespace peira::model::cpu
#endif
