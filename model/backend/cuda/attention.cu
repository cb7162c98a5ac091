#include <algorithm>
#include <climits>
#include <string>

#include "base/error.h"
#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"
#include "model/backend/cuda/working_memory.h"

namespace peira::model::cuda {
namespace {

constexpr int kWarpsPerBlock = 4;
constexpr int kMostHeadDim = 256;
static_assert(kKvPageTokens == kWarpSize, "a lane holds the score of one token of a page");

// --- store_kv ---

__device__ void put(float* cached, std::int64_t index, float value, float) {
  cached[index] = value;
}
__device__ void put(__nv_bfloat16* cached, std::int64_t index, float value, float) {
  cached[index] = __float2bfloat16_rn(value);
}
__device__ void put(std::int8_t* cached, std::int64_t index, float value, float scale) {
  // Where the scale is subnormal its own rounding could lead past 127.
  const float steps = scale > 0 ? fminf(fmaxf(value / scale, -127.0F), 127.0F) : 0.0F;
  cached[index] = static_cast<std::int8_t>(rintf(steps));
}

struct PageTable {
  const std::int32_t* positions;     // [num_rows]
  const std::int32_t* row_sequence;  // [num_rows], -1: a row of no sequence
  const std::int32_t* pages;         // [num_sequences, width]
  int width;

  __device__ std::int64_t page(int row, int index) const {
    return pages[static_cast<std::int64_t>(row_sequence[row]) * width + index];
  }
};

// A warp a row and kv head: grid (ceil(kv_heads / kWarpsPerBlock), num_rows).
template <typename Kv>
__global__ void store_kernel(const float* k, const float* v,  // [num_rows, kv_heads, head_dim]
                             PageTable table, Kv* keys, Kv* values, float* key_scales,
                             float* value_scales, int kv_heads, int head_dim) {
  const int row = static_cast<int>(blockIdx.y);
  const int head = static_cast<int>(blockIdx.x * kWarpsPerBlock + threadIdx.y);
  if (head >= kv_heads || table.row_sequence[row] < 0) return;
  const int lane = static_cast<int>(threadIdx.x);
  const int position = table.positions[row];
  const int slot = position % kKvPageTokens;
  const std::int64_t at = table.page(row, position / kKvPageTokens) * kv_heads + head;
  const std::int64_t from = (static_cast<std::int64_t>(row) * kv_heads + head) * head_dim;
  float k_scale = 1;
  float v_scale = 1;
  if (key_scales != nullptr) {
    float k_max = 0;
    float v_max = 0;
    for (int d = lane; d < head_dim; d += kWarpSize) {
      k_max = fmaxf(k_max, fabsf(k[from + d]));
      v_max = fmaxf(v_max, fabsf(v[from + d]));
    }
    k_scale = warp_max(k_max) / 127.0F;
    v_scale = warp_max(v_max) / 127.0F;
    if (lane == 0) {
      key_scales[at * kKvPageTokens + slot] = k_scale;
      value_scales[at * kKvPageTokens + slot] = v_scale;
    }
  }
  for (int d = lane; d < head_dim; d += kWarpSize) {
    put(keys, (at * head_dim + d) * kKvPageTokens + slot, k[from + d], k_scale);
    put(values, (at * kKvPageTokens + slot) * head_dim + d, v[from + d], v_scale);
  }
}

// --- attention ---

struct AttentionJob {
  const float* q;  // [num_rows, num_heads, head_dim]
  PageTable table;
  const void* keys;
  const void* values;
  const float* key_scales;
  const float* value_scales;
  const void* sinks;
  DType sinks_dtype;
  float* out;  // [num_rows, num_heads * head_dim]
  float scale;
  int sliding_window;
  int num_rows, num_heads, kv_heads, head_dim;
  // Of each split, where splits go to blocks of their own: [num_rows, num_heads, num_splits],
  // sums of values [.., head_dim].
  float* split_max;
  float* split_total;
  float* split_sums;
  int num_splits;
};

__device__ float widened(float value) { return value; }
__device__ float widened(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ float widened(std::int8_t value) { return static_cast<float>(value); }

// A softmax so far: exp(score - max) summed to `total`, and values weighted with it. A lane holds
// dimensions lane, lane + 32, ...
template <int kDims>
struct Softmax {
  float max = -INFINITY;
  float total = 0;
  float sums[kDims] = {};

  // Appends what comes after it. Every kernel adds splits with this, in order, so that it does not
  // show where they were computed.
  __device__ void add(float other_max, float other_total, const float (&other_sums)[kDims]) {
    if (other_total == 0) return;  // nothing was seen
    const float joint = fmaxf(max, other_max);
    const float own_factor = expf(max - joint);
    const float other_factor = expf(other_max - joint);
    max = joint;
    total = fmaf(other_total, other_factor, total * own_factor);
#pragma unroll
    for (int j = 0; j < kDims; ++j) {
      sums[j] = fmaf(other_sums[j], other_factor, sums[j] * own_factor);
    }
  }

  __device__ void write(const AttentionJob& job, int row, int head) {
    if (job.sinks != nullptr) {
      const float sink = vector_at(job.sinks, job.sinks_dtype, head);
      const float nothing[kDims] = {};
      add(sink, 1, nothing);
    }
    float* const out =
        job.out + (static_cast<std::int64_t>(row) * job.num_heads + head) * job.head_dim;
    const bool is_row = job.table.row_sequence[row] >= 0;
#pragma unroll
    for (int j = 0; j < kDims; ++j) {
      const int d = static_cast<int>(threadIdx.x) + j * kWarpSize;
      if (d < job.head_dim) out[d] = is_row ? sums[j] / total : 0.0F;
    }
  }
};

// Positions [first, end) that a row sees.
struct Range {
  int first = 0;
  int end = 0;
};

__device__ Range seen_by(const AttentionJob& job, int row) {
  const int end = job.table.positions[row] + 1;
  return {job.sliding_window == 0 ? 0 : max(0, end - job.sliding_window), end};
}

// kRows consecutive rows of one head for one warp: what is read of the cache serves all of them
// that are of one sequence. Block (kWarpSize, kWarpsPerBlock); grid (tiles of rows, tiles of heads,
// num_splits or 1). A row's numbers do not depend on which rows share its tile: where it sees
// nothing of a page, it adds zeros.
template <typename Kv, int kDims, int kRows>
__global__ void attention_kernel(const __grid_constant__ AttentionJob job, bool is_split) {
  extern __shared__ float shared_q[];  // [kWarpsPerBlock, kRows, head_dim]
  const int head = static_cast<int>(blockIdx.y * kWarpsPerBlock + threadIdx.y);
  if (head >= job.num_heads) return;
  const int lane = static_cast<int>(threadIdx.x);
  const int first_row = static_cast<int>(blockIdx.x) * kRows;
  const int num_rows = min(kRows, job.num_rows - first_row);
  const int kv_head = head / (job.num_heads / job.kv_heads);
  const auto* const keys = static_cast<const Kv*>(job.keys);
  const auto* const values = static_cast<const Kv*>(job.values);

  float* const q = shared_q + static_cast<int>(threadIdx.y) * kRows * job.head_dim;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int row = first_row + min(r, num_rows - 1);
    const float* const from =
        job.q + (static_cast<std::int64_t>(row) * job.num_heads + head) * job.head_dim;
    for (int d = lane; d < job.head_dim; d += kWarpSize) q[r * job.head_dim + d] = from[d];
  }
  __syncwarp();

  Softmax<kDims> all[kRows];  // of the splits before the present one
  Softmax<kDims> now[kRows];
  for (int run = 0; run < num_rows;) {
    // Rows [run, run_end) are of one sequence.
    const int sequence = job.table.row_sequence[first_row + run];
    int run_end = run + 1;
    while (run_end < num_rows && job.table.row_sequence[first_row + run_end] == sequence) ++run_end;
    if (sequence < 0) {
      run = run_end;
      continue;
    }
    Range ranges[kRows];
    Range joint{INT_MAX, 0};
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if (r < run || r >= run_end) continue;
      ranges[r] = seen_by(job, first_row + r);
      joint = {min(joint.first, ranges[r].first), max(joint.end, ranges[r].end)};
    }
    int page = joint.first / kKvPageTokens;
    int page_end = (joint.end + kKvPageTokens - 1) / kKvPageTokens;
    if (is_split) {
      page = max(page, static_cast<int>(blockIdx.z) * kSplitPages);
      page_end = min(page_end, (static_cast<int>(blockIdx.z) + 1) * kSplitPages);
    }
    for (; page < page_end; ++page) {
      const std::int64_t at = job.table.page(first_row + run, page) * job.kv_heads + kv_head;
      const int position = page * kKvPageTokens + lane;
      const Kv* const page_keys = keys + at * job.head_dim * kKvPageTokens + lane;
      float scores[kRows] = {};
      for (int d = 0; d < job.head_dim; ++d) {
        const float key = widened(page_keys[d * kKvPageTokens]);
#pragma unroll
        for (int r = 0; r < kRows; ++r) scores[r] = fmaf(q[r * job.head_dim + d], key, scores[r]);
      }
      float key_scale = 1;
      float value_scale = 1;
      if (job.key_scales != nullptr) {
        key_scale = job.key_scales[at * kKvPageTokens + lane];
        value_scale = job.value_scales[at * kKvPageTokens + lane];
      }
      float weights[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const bool is_seen = position >= ranges[r].first && position < ranges[r].end;
        const float score = is_seen ? scores[r] * key_scale * job.scale : -INFINITY;
        const float largest = fmaxf(now[r].max, warp_max(score));
        weights[r] = 0;
        if (largest == -INFINITY) continue;  // nothing seen yet
        const float factor = expf(now[r].max - largest);
        weights[r] = expf(score - largest);
        now[r].max = largest;
        now[r].total = fmaf(now[r].total, factor, warp_sum(weights[r]));
        weights[r] *= value_scale;
#pragma unroll
        for (int j = 0; j < kDims; ++j) now[r].sums[j] *= factor;
      }
      const int first_token = max(joint.first - page * kKvPageTokens, 0);
      const int end_token = min(joint.end - page * kKvPageTokens, kKvPageTokens);
      const Kv* const page_values = values + at * kKvPageTokens * job.head_dim;
      for (int token = first_token; token < end_token; ++token) {
        float value[kDims];
#pragma unroll
        for (int j = 0; j < kDims; ++j) {
          const int d = lane + j * kWarpSize;
          value[j] = d < job.head_dim ? widened(page_values[token * job.head_dim + d]) : 0.0F;
        }
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          const float weight = __shfl_sync(kAllLanes, weights[r], token);
#pragma unroll
          for (int j = 0; j < kDims; ++j) now[r].sums[j] = fmaf(weight, value[j], now[r].sums[j]);
        }
      }
      if (!is_split && page % kSplitPages == kSplitPages - 1) {
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          all[r].add(now[r].max, now[r].total, now[r].sums);
          now[r] = {};
        }
      }
    }
    if (!is_split) {
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        all[r].add(now[r].max, now[r].total, now[r].sums);
        now[r] = {};
      }
    }
    run = run_end;
  }

#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    if (r >= num_rows) break;
    const int row = first_row + r;
    if (!is_split) {
      all[r].write(job, row, head);
      continue;
    }
    const std::int64_t at =
        (static_cast<std::int64_t>(row) * job.num_heads + head) * job.num_splits + blockIdx.z;
    if (lane == 0) {
      job.split_max[at] = now[r].max;
      job.split_total[at] = now[r].total;
    }
    if (now[r].total == 0) continue;
#pragma unroll
    for (int j = 0; j < kDims; ++j) {
      const int d = lane + j * kWarpSize;
      if (d < job.head_dim) job.split_sums[at * job.head_dim + d] = now[r].sums[j];
    }
  }
}

// A warp a row and head adds the splits in order: block (kWarpSize, kWarpsPerBlock), grid
// (num_rows, tiles of heads).
template <int kDims>
__global__ void combine_splits_kernel(const __grid_constant__ AttentionJob job) {
  const int row = static_cast<int>(blockIdx.x);
  const int head = static_cast<int>(blockIdx.y * kWarpsPerBlock + threadIdx.y);
  if (head >= job.num_heads) return;
  Softmax<kDims> all;
  for (int split = 0; split < job.num_splits; ++split) {
    const std::int64_t at =
        (static_cast<std::int64_t>(row) * job.num_heads + head) * job.num_splits + split;
    if (job.split_total[at] == 0) continue;
    float sums[kDims];
#pragma unroll
    for (int j = 0; j < kDims; ++j) {
      const int d = static_cast<int>(threadIdx.x) + j * kWarpSize;
      sums[j] = d < job.head_dim ? job.split_sums[at * job.head_dim + d] : 0.0F;
    }
    all.add(job.split_max[at], job.split_total[at], sums);
  }
  all.write(job, row, head);
}

template <typename Kv, int kDims, int kRows>
void launch(const AttentionJob& job, bool is_split, Stream& stream) {
  const dim3 block(kWarpSize, kWarpsPerBlock);
  const unsigned head_tiles = blocks_for(job.num_heads, kWarpsPerBlock);
  const dim3 grid(blocks_for(job.num_rows, kRows), head_tiles,
                  is_split ? static_cast<unsigned>(job.num_splits) : 1);
  const std::size_t shared_bytes =
      sizeof(float) * kWarpsPerBlock * kRows * static_cast<std::size_t>(job.head_dim);
  attention_kernel<Kv, kDims, kRows><<<grid, block, shared_bytes, stream>>>(job, is_split);
  check(cudaGetLastError());
  if (!is_split) return;
  const dim3 combine_grid(static_cast<unsigned>(job.num_rows), head_tiles);
  combine_splits_kernel<kDims><<<combine_grid, block, 0, stream>>>(job);
  check(cudaGetLastError());
}

template <typename Kv, int kDims>
void launch(const AttentionJob& job, bool is_split, bool shares_rows, Stream& stream) {
  if (shares_rows) {
    launch<Kv, kDims, 4>(job, is_split, stream);
  } else {
    launch<Kv, kDims, 1>(job, is_split, stream);
  }
}

template <typename Kv>
void launch(const AttentionJob& job, bool is_split, bool shares_rows, Stream& stream) {
  if (job.head_dim <= kWarpSize) {
    launch<Kv, 1>(job, is_split, shares_rows, stream);
  } else if (job.head_dim <= 2 * kWarpSize) {
    launch<Kv, 2>(job, is_split, shares_rows, stream);
  } else if (job.head_dim <= 4 * kWarpSize) {
    launch<Kv, 4>(job, is_split, shares_rows, stream);
  } else {
    launch<Kv, 8>(job, is_split, shares_rows, stream);
  }
}

PageTable page_table_of(const BatchRows& rows) {
  return {rows.positions.i32(), rows.row_sequence.i32(), rows.page_table.i32(),
          static_cast<int>(rows.page_table.shape[1])};
}

}  // namespace

void store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
              const KvLayer& layer, Stream& stream) {
  if (k.num_elements() == 0) return;
  const auto kv_heads = static_cast<int>(k.shape[1]);
  const auto head_dim = static_cast<int>(k.shape[2]);
  const dim3 block(kWarpSize, kWarpsPerBlock);
  const dim3 grid(blocks_for(kv_heads, kWarpsPerBlock), static_cast<unsigned>(k.rows()));
  const auto launch_store = [&](auto* type) {
    using Kv = std::remove_pointer_t<decltype(type)>;
    store_kernel<Kv><<<grid, block, 0, stream>>>(
        k.f32(), v.f32(), page_table_of(rows), static_cast<Kv*>(layer.keys.data),
        static_cast<Kv*>(layer.values.data), layer.key_scales.f32(), layer.value_scales.f32(),
        kv_heads, head_dim);
  };
  if (layer.keys.dtype == DType::kI8) {
    launch_store(static_cast<std::int8_t*>(nullptr));
  } else if (layer.keys.dtype == DType::kBF16) {
    launch_store(static_cast<__nv_bfloat16*>(nullptr));
  } else {
    launch_store(static_cast<float*>(nullptr));
  }
  check(cudaGetLastError());
}

void attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
               const AttentionOptions& options, const TensorView& out, Stream& stream) {
  if (q.num_elements() == 0) return;
  AttentionJob job{};
  job.q = q.f32();
  job.table = page_table_of(rows);
  job.keys = layer.keys.data;
  job.values = layer.values.data;
  job.key_scales = layer.key_scales.f32();
  job.value_scales = layer.value_scales.f32();
  job.sinks = options.sinks.data;
  job.sinks_dtype = options.sinks.dtype;
  job.out = out.f32();
  job.scale = options.scale;
  job.sliding_window = options.sliding_window;
  job.num_rows = static_cast<int>(q.rows());
  job.num_heads = static_cast<int>(q.shape[1]);
  job.kv_heads = static_cast<int>(layer.keys.shape[1]);
  job.head_dim = static_cast<int>(q.shape[2]);
  if (job.head_dim > kMostHeadDim) {
    throw Error(ErrorCode::kUnavailable, "device cuda: head_dim " + std::to_string(job.head_dim) +
                                             " is more than the " + std::to_string(kMostHeadDim) +
                                             " it has kernels for\n  try: --device cpu");
  }
  // Whether splits are apart changes no bit.
  job.num_splits = static_cast<int>(blocks_for(job.table.width, kSplitPages));
  const bool is_split = cuda::is_split(job.num_rows, job.num_heads, job.head_dim, job.num_splits);
  if (is_split) {
    const std::int64_t num_parts = std::int64_t{job.num_rows} * job.num_heads * job.num_splits;
    auto* const floats = static_cast<float*>(
        stream.scratch(split_bytes(job.num_rows, job.num_heads, job.head_dim, job.num_splits)));
    job.split_max = floats;
    job.split_total = floats + num_parts;
    job.split_sums = floats + 2 * num_parts;
  }
  const bool shares_rows = rows.row_sequence.shape[0] > rows.page_table.shape[0];
  if (layer.keys.dtype == DType::kI8) {
    launch<std::int8_t>(job, is_split, shares_rows, stream);
  } else if (layer.keys.dtype == DType::kBF16) {
    launch<__nv_bfloat16>(job, is_split, shares_rows, stream);
  } else {
    launch<float>(job, is_split, shares_rows, stream);
  }
}

}  // namespace peira::model::cuda
