// The one matrix product of this backend, for linear() and for experts.
#pragma once

#include <array>
#include <cstdint>

#include "model/backend/backend.h"
#include "model/backend/cuda/stream.h"

namespace peira::model::cuda {

// Where the rows of one weight matrix, or of one matrix an expert, lie on the device.
struct MatrixRef {
  const void* values = nullptr;
  const float* scales = nullptr;                // of FP8
  const void* const* expert_values = nullptr;   // [E] instead of `values`
  const float* const* expert_scales = nullptr;  // [E] instead of `scales`
  DType dtype = DType::kF32;
  int num_outputs = 0;
};

// What place_experts() made of a layer's experts.
struct PlacedExperts {
  MatrixRef gate, up, down;
};

// Consecutive entries of the list of slots that go to one expert.
struct SlotTile {
  std::int32_t expert;
  std::int32_t first;
  std::int32_t count;  // 0: nothing to do
};

struct MatmulPart {
  MatrixRef weight;
  const void* bias = nullptr;  // [num_outputs], or [E, num_outputs]
  DType bias_dtype = DType::kF32;
  float* out = nullptr;  // [rows, num_outputs]
  int first_tile = 0;    // set by matmul()
};

constexpr int kMaxMatmulParts = 4;

struct Matmul {
  const float* x = nullptr;  // [rows, num_inputs]
  int num_inputs = 0;
  int num_rows = 0;  // of x; not used with slots
  std::array<MatmulPart, kMaxMatmulParts> parts;
  int num_parts = 0;
  // For experts: row `slot` of the result is row slot / slots_per_x of x times the matrix of the
  // slot's expert. Absent: row by row.
  const std::int32_t* slots = nullptr;  // sorted by expert
  const SlotTile* tiles = nullptr;      // [num_tiles]
  int num_tiles = 0;
  int slots_per_tile = 0;  // at most; from slots_per_tile()
  int slots_per_x = 1;
};

// How many slots a tile should hold at most when `num_slots` go to `num_experts`.
int slots_per_tile(std::int64_t num_slots, std::int64_t num_experts);

// out = x weight^T + bias for each part. All parts have weights of one type.
//
// Element (row, n) is the same to the bit whatever rows and parts come with it: with
// slice(k) = k / 16 % 8, each slice is summed in order of k by fused multiply-adds, then the eight
// sums in order of the slice, then the bias.
void matmul(const Matmul& job, Stream& stream);

}  // namespace peira::model::cuda
