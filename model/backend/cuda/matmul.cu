#include <string>

#include "base/error.h"
#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/matmul.h"
#include "model/backend/cuda/widen.cuh"

namespace peira::model::cuda {
namespace {

constexpr int kSlices = 8;
constexpr int kSliceStride = kSlices * kUnit;  // from one unit of a slice to its next

// Where a tile's rows come from and go to.
struct Rows {
  int expert;
  int first;  // in the list of slots, or of x
  int count;
};

template <int kRows>
__device__ Rows rows_of_tile(const Matmul& job, int tile) {
  if (job.slots == nullptr) return {0, tile * kRows, min(kRows, job.num_rows - tile * kRows)};
  const SlotTile& of = job.tiles[tile];
  return {of.expert, of.first, of.count};
}

// Row `i` of a tile in x and in the outputs.
struct RowIndex {
  std::int64_t from;
  std::int64_t to;
};

__device__ RowIndex row_index(const Matmul& job, const Rows& rows, int i) {
  if (job.slots == nullptr) return {rows.first + i, rows.first + i};
  const int slot = job.slots[rows.first + i];
  return {slot / job.slots_per_x, slot};
}

__device__ const MatmulPart& part_of_tile(const Matmul& job, int tile) {
  int part = 0;
  while (part + 1 < job.num_parts && tile >= job.parts[part + 1].first_tile) ++part;
  return job.parts[part];
}

__device__ const std::uint8_t* values_of(const MatrixRef& matrix, int expert) {
  return static_cast<const std::uint8_t*>(
      matrix.expert_values != nullptr ? matrix.expert_values[expert] : matrix.values);
}

__device__ const float* scales_of(const MatrixRef& matrix, int expert) {
  return matrix.expert_scales != nullptr ? matrix.expert_scales[expert] : matrix.scales;
}

__device__ const float* row_scales(const float* scales, int row, int num_inputs) {
  constexpr int kBlock = static_cast<int>(kFp8Block);
  if (scales == nullptr) return nullptr;
  return scales + static_cast<std::int64_t>(row / kBlock) * ((num_inputs + kBlock - 1) / kBlock);
}

__device__ float with_bias(float sum, const MatmulPart& part, int expert, int output) {
  if (part.bias == nullptr) return sum;
  return sum + vector_at(part.bias, part.bias_dtype,
                         static_cast<std::int64_t>(expert) * part.weight.num_outputs + output);
}

template <bool kAligned>
__device__ void load_x(const float* at, int valid, float (&x)[kUnit]) {
  if constexpr (kAligned) {
    for (int i = 0; i < 4; ++i) {
      const float4 four = reinterpret_cast<const float4*>(at)[i];
      x[4 * i] = four.x;
      x[4 * i + 1] = four.y;
      x[4 * i + 2] = four.z;
      x[4 * i + 3] = four.w;
    }
  } else {
    for (int i = 0; i < kUnit; ++i) x[i] = i < valid ? at[i] : 0.0F;
  }
}

// Few rows: what counts is to read each weight once, in whole lines. Eight lanes, one a slice, walk
// along kOutputs rows of the weight; a warp holds four such groups, a block kFewWarps warps.
// Grid (tiles of outputs over all parts, tiles of kRows rows).
constexpr int kFewWarps = 4;
constexpr int kGroups = kWarpSize / kSlices;

constexpr int few_outputs_per_block(int outputs_per_lane) {
  return kFewWarps * kGroups * outputs_per_lane;
}

template <DType kType, bool kAligned, int kRows, int kOutputs>
__global__ void __launch_bounds__(kFewWarps* kWarpSize)
    few_rows_kernel(const __grid_constant__ Matmul job) {
  const Rows rows = rows_of_tile<kRows>(job, static_cast<int>(blockIdx.y));
  if (rows.count <= 0) return;
  const MatmulPart& part = part_of_tile(job, static_cast<int>(blockIdx.x));
  const MatrixRef& matrix = part.weight;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int group = static_cast<int>(threadIdx.x) / kSlices;  // within the block
  const int slice = lane % kSlices;
  const int first_output =
      (static_cast<int>(blockIdx.x) - part.first_tile) * few_outputs_per_block(kOutputs) +
      group * kOutputs;

  const std::uint8_t* const values = values_of(matrix, rows.expert);
  const float* const scales = scales_of(matrix, rows.expert);
  constexpr int kElements = static_cast<int>(block_elements(kType));
  constexpr int kBytes = static_cast<int>(block_bytes(kType));
  const std::int64_t row_bytes =
      static_cast<std::int64_t>((job.num_inputs + kElements - 1) / kElements) * kBytes;
  const std::uint8_t* weight_rows[kOutputs];
  const float* weight_scales[kOutputs];
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    // Past the last output the last one is computed again, and not written.
    const int output = min(first_output + o, matrix.num_outputs - 1);
    weight_rows[o] = values + output * row_bytes;
    weight_scales[o] = row_scales(scales, output, job.num_inputs);
  }
  const float* x_rows[kRows];
#pragma unroll
  for (int m = 0; m < kRows; ++m) {
    const int i = min(m, rows.count - 1);
    x_rows[m] = job.x + row_index(job, rows, i).from * job.num_inputs;
  }

  float sums[kRows][kOutputs] = {};
#pragma unroll(kRows == 1 ? 4 : 1)
  for (int k = slice * kUnit; k < job.num_inputs; k += kSliceStride) {
    const int valid = min(kUnit, job.num_inputs - k);
    float weight[kOutputs][kUnit];
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
      widen_unit<kType, kAligned>(weight_rows[o], weight_scales[o], k, valid, weight[o]);
    }
#pragma unroll
    for (int m = 0; m < kRows; ++m) {
      if (m < rows.count) {
        float x[kUnit];
        load_x<kAligned>(x_rows[m] + k, valid, x);
#pragma unroll
        for (int i = 0; i < kUnit; ++i) {
#pragma unroll
          for (int o = 0; o < kOutputs; ++o) {
            sums[m][o] = fmaf(x[i], weight[o][i], sums[m][o]);
          }
        }
      }
    }
  }

#pragma unroll
  for (int m = 0; m < kRows; ++m) {
#pragma unroll
    for (int o = 0; o < kOutputs; ++o) {
      float total = 0;
#pragma unroll
      for (int s = 0; s < kSlices; ++s) {
        total += __shfl_sync(kAllLanes, sums[m][o], lane / kSlices * kSlices + s);
      }
      const int output = first_output + o;
      if (slice == m % kSlices && m < rows.count && output < matrix.num_outputs) {
        part.out[row_index(job, rows, m).to * matrix.num_outputs + output] =
            with_bias(total, part, rows.expert, output);
      }
    }
  }
}

// Many rows: what counts is arithmetic. A block computes kTile rows times kTile outputs, a thread
// 8 x 8 of them, from slabs of one unit of k that half of the threads widen and half copy.
// Slabs come slice by slice, so that a thread holds one running sum and one total an element.
// Grid (tiles of outputs over all parts, tiles of kTile rows).
constexpr int kTile = 128;
constexpr int kManyThreads = 256;

__device__ int slabs_of_slice(int num_inputs, int slice) {
  return (max(num_inputs - slice * kUnit, 0) + kSliceStride - 1) / kSliceStride;
}

__global__ void __launch_bounds__(kManyThreads, 1)
    many_rows_kernel(const __grid_constant__ Matmul job, DType dtype, int row_bytes,
                     bool is_aligned) {
  __shared__ float weight_slab[2][kUnit][kTile];
  __shared__ float x_slab[2][kUnit][kTile];
  const Rows rows = rows_of_tile<kTile>(job, static_cast<int>(blockIdx.y));
  if (rows.count <= 0) return;
  const MatmulPart& part = part_of_tile(job, static_cast<int>(blockIdx.x));
  const MatrixRef& matrix = part.weight;
  const int first_output = (static_cast<int>(blockIdx.x) - part.first_tile) * kTile;
  const int thread = static_cast<int>(threadIdx.x);

  // Threads 0 to 127 each load one output's weights, the others one row of x.
  const bool loads_weight = thread < kTile;
  const int column = thread % kTile;
  const int output = min(first_output + column, matrix.num_outputs - 1);
  const std::uint8_t* const weight_row =
      values_of(matrix, rows.expert) + static_cast<std::int64_t>(output) * row_bytes;
  const float* const weight_scales =
      row_scales(scales_of(matrix, rows.expert), output, job.num_inputs);
  const float* const x_row =
      job.x + row_index(job, rows, min(column, rows.count - 1)).from * job.num_inputs;
  float loaded[kUnit];
  const auto load = [&](int k) {
    const int valid = min(kUnit, job.num_inputs - k);
    if (loads_weight) {
      widen_unit(dtype, is_aligned, weight_row, weight_scales, k, valid, loaded);
    } else if (is_aligned) {
      load_x<true>(x_row + k, valid, loaded);
    } else {
      load_x<false>(x_row + k, valid, loaded);
    }
  };
  const auto store = [&](int buffer) {
#pragma unroll
    for (int i = 0; i < kUnit; ++i) {
      (loads_weight ? weight_slab : x_slab)[buffer][i][column] = loaded[i];
    }
  };

  // Rows and outputs of this thread: four from `*_at`, four from 64 further, which keeps the reads
  // of a warp in distinct banks.
  const int row_at = thread / 16 * 4;
  const int output_at = thread % 16 * 4;
  float sums[8][8] = {};
  float totals[8][8] = {};
  int buffer = 0;
  int slice = 0;
  int slab = 0;
  load(0);
  store(0);
  __syncthreads();
  while (slice < kSlices) {
    const int num_slabs = slabs_of_slice(job.num_inputs, slice);
    int next_slice = slice;
    int next_slab = slab + 1;
    if (next_slab >= num_slabs) {
      ++next_slice;
      next_slab = 0;
    }
    const int next_k = next_slice * kUnit + next_slab * kSliceStride;
    const bool has_next = next_slice < kSlices && next_k < job.num_inputs;
    if (has_next) load(next_k);
    if (slab < num_slabs) {
#pragma unroll
      for (int k = 0; k < kUnit; ++k) {
        float x[8];
        float weight[8];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float4 a = *reinterpret_cast<const float4*>(&x_slab[buffer][k][row_at + 64 * half]);
          const float4 b =
              *reinterpret_cast<const float4*>(&weight_slab[buffer][k][output_at + 64 * half]);
          x[4 * half] = a.x;
          x[4 * half + 1] = a.y;
          x[4 * half + 2] = a.z;
          x[4 * half + 3] = a.w;
          weight[4 * half] = b.x;
          weight[4 * half + 1] = b.y;
          weight[4 * half + 2] = b.z;
          weight[4 * half + 3] = b.w;
        }
#pragma unroll
        for (int m = 0; m < 8; ++m) {
#pragma unroll
          for (int n = 0; n < 8; ++n) sums[m][n] = fmaf(x[m], weight[n], sums[m][n]);
        }
      }
    }
    if (next_slice != slice) {
#pragma unroll
      for (int m = 0; m < 8; ++m) {
#pragma unroll
        for (int n = 0; n < 8; ++n) {
          totals[m][n] += sums[m][n];
          sums[m][n] = 0;
        }
      }
    }
    if (has_next) {
      store(buffer ^ 1);
      __syncthreads();
      buffer ^= 1;
    }
    slice = next_slice;
    slab = next_slab;
  }

#pragma unroll
  for (int m = 0; m < 8; ++m) {
    const int row = row_at + m % 4 + 64 * (m / 4);
    if (row >= rows.count) continue;
    float* const out = part.out + row_index(job, rows, row).to * matrix.num_outputs;
#pragma unroll
    for (int n = 0; n < 8; ++n) {
      const int at = first_output + output_at + n % 4 + 64 * (n / 4);
      if (at < matrix.num_outputs) out[at] = with_bias(totals[m][n], part, rows.expert, at);
    }
  }
}

// Gives each part its tiles of `outputs_per_tile`; returns how many there are.
unsigned set_tiles(Matmul& job, int outputs_per_tile) {
  unsigned tiles = 0;
  for (int p = 0; p < job.num_parts; ++p) {
    MatmulPart& part = job.parts[static_cast<std::size_t>(p)];
    part.first_tile = static_cast<int>(tiles);
    tiles += blocks_for(part.weight.num_outputs, outputs_per_tile);
  }
  return tiles;
}

template <DType kType, bool kAligned, int kRows, int kOutputs>
void launch_few(Matmul job, Stream& stream) {
  const unsigned tiles = set_tiles(job, few_outputs_per_block(kOutputs));
  const dim3 grid(tiles, job.slots != nullptr ? static_cast<unsigned>(job.num_tiles)
                                              : blocks_for(job.num_rows, kRows));
  few_rows_kernel<kType, kAligned, kRows, kOutputs>
      <<<grid, kFewWarps * kWarpSize, 0, stream>>>(job);
}

constexpr int kFewRows = 8;

template <DType kType, bool kAligned>
void launch_few(const Matmul& job, int rows_per_tile, Stream& stream) {
  if (rows_per_tile == 1) {
    launch_few<kType, kAligned, 1, 1>(job, stream);
  } else {
    launch_few<kType, kAligned, kFewRows, 2>(job, stream);
  }
}

template <DType kType>
void launch_plain(const Matmul& job, bool is_aligned, int rows_per_tile, Stream& stream) {
  if (is_aligned) {
    launch_few<kType, true>(job, rows_per_tile, stream);
  } else {
    launch_few<kType, false>(job, rows_per_tile, stream);
  }
}

}  // namespace

int slots_per_tile(std::int64_t num_slots, std::int64_t num_experts) {
  // Tiles of many rows pay when about half of them is filled (a guess).
  if (num_slots >= num_experts * kTile / 2) return kTile;
  return num_slots <= num_experts / 4 ? 1 : kFewRows;
}

void matmul(const Matmul& given, Stream& stream) {
  if (given.num_parts == 0 || (given.slots == nullptr ? given.num_rows : given.num_tiles) == 0) {
    return;
  }
  Matmul job = given;
  const DType dtype = job.parts[0].weight.dtype;
  const int num_inputs = job.num_inputs;
  // Whole units only, so that rows of x and of plain weights start on 16 bytes. The device's own
  // memory does; blocks never need more than single bytes.
  const bool is_aligned = num_inputs % kUnit == 0;
  int tile_rows = 0;
  if (job.slots != nullptr) {
    tile_rows = job.slots_per_tile;
  } else {
    const unsigned tiles = set_tiles(job, kTile) * blocks_for(job.num_rows, kTile);
    constexpr unsigned kEnoughTiles = 96;  // a guess: most multiprocessors of an H100 have work
    tile_rows = job.num_rows == 1 ? 1 : kFewRows;
    if (job.num_rows >= kTile / 2 && tiles >= kEnoughTiles) tile_rows = kTile;
  }
  if (tile_rows == kTile) {
    const unsigned tiles = set_tiles(job, kTile);
    const dim3 grid(tiles, job.slots != nullptr ? static_cast<unsigned>(job.num_tiles)
                                                : blocks_for(job.num_rows, kTile));
    many_rows_kernel<<<grid, kManyThreads, 0, stream>>>(
        job, dtype, static_cast<int>(row_bytes(dtype, num_inputs)), is_aligned);
  } else {
    switch (dtype) {
      case DType::kF32:
        launch_plain<DType::kF32>(job, is_aligned, tile_rows, stream);
        break;
      case DType::kBF16:
        launch_plain<DType::kBF16>(job, is_aligned, tile_rows, stream);
        break;
      case DType::kF16:
        launch_plain<DType::kF16>(job, is_aligned, tile_rows, stream);
        break;
      case DType::kF8E4M3:
        launch_plain<DType::kF8E4M3>(job, is_aligned, tile_rows, stream);
        break;
      case DType::kQ4_0:
        launch_few<DType::kQ4_0, true>(job, tile_rows, stream);
        break;
      case DType::kQ5_0:
        launch_few<DType::kQ5_0, true>(job, tile_rows, stream);
        break;
      case DType::kQ8_0:
        launch_few<DType::kQ8_0, true>(job, tile_rows, stream);
        break;
      case DType::kQ4_K:
        launch_few<DType::kQ4_K, true>(job, tile_rows, stream);
        break;
      case DType::kQ5_K:
        launch_few<DType::kQ5_K, true>(job, tile_rows, stream);
        break;
      case DType::kQ6_K:
        launch_few<DType::kQ6_K, true>(job, tile_rows, stream);
        break;
      case DType::kMXFP4:
        launch_few<DType::kMXFP4, true>(job, tile_rows, stream);
        break;
      case DType::kInt8Group:
        launch_plain<DType::kInt8Group>(job, is_aligned, tile_rows, stream);
        break;
      case DType::kInt4Group:
        launch_plain<DType::kInt4Group>(job, is_aligned, tile_rows, stream);
        break;
      default:
        throw Error(ErrorCode::kInternal,
                    std::string("cuda: no matrix product for weights of ") + name_of(dtype));
    }
  }
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
