#include <algorithm>

#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kRowsPerWarp = 4;
constexpr int kRows = kWarps * kRowsPerWarp;  // queries of a block; a guess
constexpr int kDims = kMostSegmentHeadDim / kWarpSize;

struct Job {
  const float *q, *k, *v;  // [num_rows, num_heads, head_dim]
  float* out;              // likewise
  float scale;
  int num_rows, num_heads, head_dim, segment_rows;
  int tiles;  // of kRows rows that cover a segment
};

// Rows of one segment and head: block (kWarpSize, kWarps), grid (segments * tiles, num_heads). Keys
// come in tiles of kWarpSize from the segment's first row on, a lane to each, and a row takes every
// tile in that order whatever rows share its block.
__global__ void segment_attention_kernel(const __grid_constant__ Job job) {
  extern __shared__ float shared[];
  const int stride = job.num_heads * job.head_dim;
  const int padded = job.head_dim + 1;  // lanes read a column of keys: no two from one bank
  float* const keys = shared;           // [kWarpSize, padded]
  float* const values = keys + kWarpSize * padded;           // [kWarpSize, head_dim]
  float* const queries = values + kWarpSize * job.head_dim;  // [kRows, head_dim]
  const int segment = static_cast<int>(blockIdx.x) / job.tiles * job.segment_rows;
  const int segment_end = min(job.num_rows, segment + job.segment_rows);
  const int first_row = segment + static_cast<int>(blockIdx.x) % job.tiles * kRows;
  if (first_row >= segment_end) return;  // the whole block
  const std::int64_t head = static_cast<std::int64_t>(blockIdx.y) * job.head_dim;
  const int lane = static_cast<int>(threadIdx.x);
  const int warp = static_cast<int>(threadIdx.y);
  const int thread = warp * kWarpSize + lane;
  for (int i = thread; i < kRows * job.head_dim; i += kWarps * kWarpSize) {
    const int row = min(first_row + i / job.head_dim, segment_end - 1);
    queries[i] = job.q[static_cast<std::int64_t>(row) * stride + head + i % job.head_dim];
  }

  float max[kRowsPerWarp];
  float total[kRowsPerWarp] = {};
  float sums[kRowsPerWarp][kDims] = {};
  for (int r = 0; r < kRowsPerWarp; ++r) max[r] = -INFINITY;
  const float* const own = queries + warp * kRowsPerWarp * job.head_dim;
  for (int first = segment; first < segment_end; first += kWarpSize) {
    const int count = min(kWarpSize, segment_end - first);
    __syncthreads();  // the last tile may still be read
    for (int i = thread; i < kWarpSize * job.head_dim; i += kWarps * kWarpSize) {
      const int token = i / job.head_dim;
      const int d = i % job.head_dim;
      const std::int64_t from = static_cast<std::int64_t>(first + token) * stride + head + d;
      keys[token * padded + d] = token < count ? job.k[from] : 0.0F;
      values[i] = token < count ? job.v[from] : 0.0F;
    }
    __syncthreads();
    float scores[kRowsPerWarp] = {};
    for (int d = 0; d < job.head_dim; ++d) {
      const float key = keys[lane * padded + d];
#pragma unroll
      for (int r = 0; r < kRowsPerWarp; ++r) {
        scores[r] = fmaf(own[r * job.head_dim + d], key, scores[r]);
      }
    }
    float weights[kRowsPerWarp];
#pragma unroll
    for (int r = 0; r < kRowsPerWarp; ++r) {
      const float score = lane < count ? scores[r] * job.scale : -INFINITY;
      const float largest = fmaxf(max[r], warp_max(score));
      const float factor = expf(max[r] - largest);
      weights[r] = expf(score - largest);
      max[r] = largest;
      total[r] = fmaf(total[r], factor, warp_sum(weights[r]));
#pragma unroll
      for (int j = 0; j < kDims; ++j) sums[r][j] *= factor;
    }
    for (int token = 0; token < count; ++token) {
#pragma unroll
      for (int j = 0; j < kDims; ++j) {
        const int d = lane + j * kWarpSize;
        const float value = d < job.head_dim ? values[token * job.head_dim + d] : 0.0F;
#pragma unroll
        for (int r = 0; r < kRowsPerWarp; ++r) {
          sums[r][j] = fmaf(__shfl_sync(kAllLanes, weights[r], token), value, sums[r][j]);
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRowsPerWarp; ++r) {
    const int row = first_row + warp * kRowsPerWarp + r;
    if (row >= segment_end) break;
#pragma unroll
    for (int j = 0; j < kDims; ++j) {
      const int d = lane + j * kWarpSize;
      if (d < job.head_dim) {
        job.out[static_cast<std::int64_t>(row) * stride + head + d] = sums[r][j] / total[r];
      }
    }
  }
}

}  // namespace

void segment_attention(const ConstTensorView& q, const ConstTensorView& k, const ConstTensorView& v,
                       std::int64_t segment_rows, float scale, const TensorView& out,
                       Stream& stream) {
  if (q.num_elements() == 0) return;
  Job job{};
  job.q = q.f32();
  job.k = k.f32();
  job.v = v.f32();
  job.out = out.f32();
  job.scale = scale;
  job.num_rows = static_cast<int>(q.rows());
  job.num_heads = static_cast<int>(q.shape[1]);
  job.head_dim = static_cast<int>(q.shape[2]);
  job.segment_rows = static_cast<int>(std::min(segment_rows, q.rows()));
  job.tiles = static_cast<int>(blocks_for(job.segment_rows, kRows));
  const dim3 block(kWarpSize, kWarps);
  const dim3 grid(blocks_for(job.num_rows, job.segment_rows) * static_cast<unsigned>(job.tiles),
                  static_cast<unsigned>(job.num_heads));
  // At most 42 KB, which every block may have.
  const std::size_t shared_bytes =
      sizeof(float) * (static_cast<std::size_t>(kWarpSize) * (2 * job.head_dim + 1) +
                       static_cast<std::size_t>(kRows) * job.head_dim);
  segment_attention_kernel<<<grid, block, shared_bytes, stream>>>(job);
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
