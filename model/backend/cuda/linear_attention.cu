#include <algorithm>

#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {
namespace {

constexpr int kThreads = 128;
constexpr float kUnitLengthEps = 1e-6F;

// Rows and states of the sequences; a sequence without rows or without a state is passed over.
struct Sequences {
  const std::int32_t* positions;     // [num_rows]
  const std::int32_t* row_sequence;  // [num_rows], -1: a row of no sequence
  const std::int32_t* first_rows;    // [num_sequences + 1]
  const std::int32_t* state_slots;   // [num_sequences]
};

Sequences sequences_of(const BatchRows& rows) {
  return {rows.positions.i32(), rows.row_sequence.i32(), rows.first_rows.i32(),
          rows.state_slots.i32()};
}

// A thread a row and channel: grid (ceil(channels / kThreads), num_rows). Reads the state that
// conv_state_kernel moves on afterwards.
__global__ void conv_kernel(const float* x,                   // [num_rows, channels]
                            const void* weight, DType dtype,  // [channels, width]
                            Sequences sequences,
                            const float* state,  // [num_slots, channels, width - 1]
                            float* out, int channels, int width) {
  const int channel = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (channel >= channels) return;
  const int row = static_cast<int>(blockIdx.y);
  const std::int64_t at = static_cast<std::int64_t>(row) * channels + channel;
  const int sequence = sequences.row_sequence[row];
  if (sequence < 0) {
    out[at] = 0;
    return;
  }
  const int index = row - sequences.first_rows[sequence];  // among this call's rows
  const bool is_first_call = sequences.positions[row] == index;
  const float* const past =
      state + (static_cast<std::int64_t>(sequences.state_slots[sequence]) * channels + channel) *
                  (width - 1);
  float sum = 0;
  for (int w = 0; w < width; ++w) {
    const int from = index - (width - 1) + w;
    float value = 0;
    if (from >= 0) {
      value = x[at + static_cast<std::int64_t>(from - index) * channels];
    } else if (!is_first_call) {
      value = past[from + width - 1];
    }
    sum =
        fmaf(vector_at(weight, dtype, static_cast<std::int64_t>(channel) * width + w), value, sum);
  }
  out[at] = sum * sigmoid(sum);
}

// A thread a sequence and channel: grid (ceil(channels / kThreads), num_sequences).
__global__ void conv_state_kernel(const float* x, Sequences sequences, float* state, int channels,
                                  int width) {
  const int channel = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const auto sequence = static_cast<int>(blockIdx.y);
  const int first_row = sequences.first_rows[sequence];
  const int num_rows = sequences.first_rows[sequence + 1] - first_row;
  const int slot = sequences.state_slots[sequence];
  if (channel >= channels || num_rows <= 0 || slot < 0) return;
  const bool is_first_call = sequences.positions[first_row] == 0;
  float* const past = state + (static_cast<std::int64_t>(slot) * channels + channel) * (width - 1);
  // Upwards: an element is read before it is overwritten.
  for (int w = 0; w < width - 1; ++w) {
    const int from = num_rows - (width - 1) + w;
    if (from >= 0) {
      past[w] = x[static_cast<std::int64_t>(first_row + from) * channels + channel];
    } else {
      past[w] = is_first_call ? 0.0F : past[from + width - 1];
    }
  }
}

struct DeltaJob {
  const float* qkv;
  const float* a;
  const float* b;
  const void* a_log;
  const void* dt_bias;
  DType a_log_dtype, dt_bias_dtype;
  Sequences sequences;
  float* state;
  float* out;
  int key_heads, value_heads, key_dim, value_dim;
};

__device__ float softplus(float x) { return fmaxf(x, 0.0F) + log1pf(expf(-fabsf(x))); }

// A block a sequence and value head, a thread a column of the state, row after row: grid
// (value_heads, num_sequences), block at least value_dim rounded up to warps. Dynamic shared
// memory: the scaled q and k, then the state where it fits.
__global__ void delta_rule_kernel(const __grid_constant__ DeltaJob job, bool is_state_shared) {
  extern __shared__ float shared[];
  const auto head = static_cast<int>(blockIdx.x);
  const auto sequence = static_cast<int>(blockIdx.y);
  const int thread = static_cast<int>(threadIdx.x);
  const int num_threads = static_cast<int>(blockDim.x);
  const int first_row = job.sequences.first_rows[sequence];
  const int end_row = job.sequences.first_rows[sequence + 1];
  const int slot = job.sequences.state_slots[sequence];
  if (end_row <= first_row || slot < 0) return;

  const int key_dim = job.key_dim;
  const int value_dim = job.value_dim;
  const int key_head = head / (job.value_heads / job.key_heads);
  const int key_size = job.key_heads * key_dim;
  const std::int64_t row_size =
      2 * key_size + static_cast<std::int64_t>(job.value_heads) * value_dim;
  float* const q = shared;
  float* const k = shared + key_dim;
  float* const stored =
      job.state + (static_cast<std::int64_t>(slot) * job.value_heads + head) * key_dim * value_dim;
  float* const state = is_state_shared ? shared + 2 * key_dim : stored;
  const bool is_first_call = job.sequences.positions[first_row] == 0;
  // A thread touches its own columns only, here and below.
  for (int j = thread; j < value_dim; j += num_threads) {
    for (int i = 0; i < key_dim; ++i) {
      const std::int64_t cell = static_cast<std::int64_t>(i) * value_dim + j;
      state[cell] = is_first_call ? 0.0F : stored[cell];
    }
  }
  const float rate = -expf(vector_at(job.a_log, job.a_log_dtype, head));
  const float dt_bias = vector_at(job.dt_bias, job.dt_bias_dtype, head);
  for (int row = first_row; row < end_row; ++row) {
    const float* const own = job.qkv + row * row_size;
    __syncthreads();  // q and k of the row before are read
    if (thread < 2 * kWarpSize) {
      // One warp scales q, one k.
      const bool is_q = thread < kWarpSize;
      const float* const from = own + key_head * key_dim + (is_q ? 0 : key_size);
      float sum_sq = 0;
      for (int i = thread % kWarpSize; i < key_dim; i += kWarpSize) {
        sum_sq = fmaf(from[i], from[i], sum_sq);
      }
      const float length = sqrtf(warp_sum(sum_sq) + kUnitLengthEps);
      const float factor =
          is_q ? 1.0F / sqrtf(static_cast<float>(key_dim)) / length : 1.0F / length;
      for (int i = thread % kWarpSize; i < key_dim; i += kWarpSize) {
        (is_q ? q : k)[i] = from[i] * factor;
      }
    }
    __syncthreads();
    const std::int64_t gate = static_cast<std::int64_t>(row) * job.value_heads + head;
    const float decay = expf(rate * softplus(job.a[gate] + dt_bias));
    const float beta = sigmoid(job.b[gate]);
    for (int j = thread; j < value_dim; j += num_threads) {
      float memory = 0;
      for (int i = 0; i < key_dim; ++i) {
        float& cell = state[static_cast<std::int64_t>(i) * value_dim + j];
        cell *= decay;
        memory = fmaf(cell, k[i], memory);
      }
      const float delta =
          (own[2 * key_size + static_cast<std::int64_t>(head) * value_dim + j] - memory) * beta;
      float sum = 0;
      for (int i = 0; i < key_dim; ++i) {
        float& cell = state[static_cast<std::int64_t>(i) * value_dim + j];
        cell = fmaf(k[i], delta, cell);
        sum = fmaf(cell, q[i], sum);
      }
      job.out[gate * value_dim + j] = sum;
    }
  }
  if (!is_state_shared) return;
  for (int j = thread; j < value_dim; j += num_threads) {
    for (int i = 0; i < key_dim; ++i) {
      const std::int64_t cell = static_cast<std::int64_t>(i) * value_dim + j;
      stored[cell] = state[cell];
    }
  }
}

}  // namespace

void causal_conv(const ConstTensorView& x, const ConstTensorView& weight, const BatchRows& rows,
                 const TensorView& state, const TensorView& out, Stream& stream) {
  if (x.num_elements() == 0) return;
  const auto channels = static_cast<int>(x.shape[1]);
  const auto width = static_cast<int>(weight.shape[1]);
  const unsigned tiles = blocks_for(channels, kThreads);
  conv_kernel<<<dim3(tiles, static_cast<unsigned>(x.rows())), kThreads, 0, stream>>>(
      x.f32(), weight.data, weight.dtype, sequences_of(rows), state.f32(), out.f32(), channels,
      width);
  check(cudaGetLastError());
  const auto num_sequences = static_cast<unsigned>(rows.state_slots.shape[0]);
  conv_state_kernel<<<dim3(tiles, num_sequences), kThreads, 0, stream>>>(
      x.f32(), sequences_of(rows), state.f32(), channels, width);
  check(cudaGetLastError());
}

void gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                      const ConstTensorView& b, const ConstTensorView& a_log,
                      const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                      const TensorView& state, const TensorView& out, Stream& stream) {
  if (out.num_elements() == 0) return;
  DeltaJob job{};
  job.qkv = qkv.f32();
  job.a = a.f32();
  job.b = b.f32();
  job.a_log = a_log.data;
  job.a_log_dtype = a_log.dtype;
  job.dt_bias = dt_bias.data;
  job.dt_bias_dtype = dt_bias.dtype;
  job.sequences = sequences_of(rows);
  job.state = state.f32();
  job.out = out.f32();
  job.key_heads = num_key_heads;
  job.value_heads = static_cast<int>(state.shape[1]);
  job.key_dim = static_cast<int>(state.shape[2]);
  job.value_dim = static_cast<int>(state.shape[3]);
  // At least two warps: q and k are scaled by one each.
  const auto threads = static_cast<unsigned>(
      std::clamp((job.value_dim + kWarpSize - 1) / kWarpSize * kWarpSize, 2 * kWarpSize, 1024));
  constexpr std::size_t kMostSharedBytes = 96 << 10;  // sm_86 has 99 KiB a block
  std::size_t shared_bytes = sizeof(float) * 2 * static_cast<std::size_t>(job.key_dim);
  const std::size_t state_bytes = sizeof(float) * static_cast<std::size_t>(job.key_dim) *
                                  static_cast<std::size_t>(job.value_dim);
  const bool is_state_shared = shared_bytes + state_bytes <= kMostSharedBytes;
  if (is_state_shared) shared_bytes += state_bytes;
  check(cudaFuncSetAttribute(delta_rule_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(kMostSharedBytes)));
  const dim3 grid(static_cast<unsigned>(job.value_heads),
                  static_cast<unsigned>(rows.state_slots.shape[0]));
  delta_rule_kernel<<<grid, threads, shared_bytes, stream>>>(job, is_state_shared);
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
