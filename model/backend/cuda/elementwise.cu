#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRowThreads = 1024;

// Grid over `size` elements; element i becomes function(i).
template <typename Function>
__global__ void elementwise_kernel(std::int64_t size, Function function) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < size) function(i);
}

template <typename Function>
void for_each_element(std::int64_t size, Stream& stream, const Function& function) {
  if (size == 0) return;
  elementwise_kernel<<<blocks_for(size, kThreads), kThreads, 0, stream>>>(size, function);
  check(cudaGetLastError());
}

__device__ float gelu_tanh(float z) {
  constexpr float kSqrt2OverPi = 0.7978845608F;
  const float inner = kSqrt2OverPi * (z + 0.044715F * z * z * z);
  return 0.5F * z * (1.0F + tanhf(inner));
}

// Grid (num_rows), a block a row.
__global__ void log_sum_exp_kernel(const float* logits,  // [num_rows, size]
                                   float* out,           // [num_rows]
                                   int size) {
  const float* const row = logits + static_cast<std::int64_t>(blockIdx.x) * size;
  float max = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kRowThreads) max = fmaxf(max, row[i]);
  max = block_max<kRowThreads>(max);
  // fmaxf passes NaN over; the sum does not.
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kRowThreads) {
    sum += expf(row[i] - max);
  }
  sum = block_sum<kRowThreads>(sum);
  if (threadIdx.x == 0) out[blockIdx.x] = max + logf(sum);
}

// Grid (num_rows), a block a row: the largest order, then the lowest index, both in one number.
__global__ void arg_max_kernel(const float* x,       // [num_rows, size]
                               std::int32_t* index,  // [num_rows]
                               float* value,         // [num_rows]
                               int size) {
  __shared__ unsigned long long warps[kRowThreads / kWarpSize];
  const float* const row = x + static_cast<std::int64_t>(blockIdx.x) * size;
  unsigned long long best = 0;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kRowThreads) {
    const unsigned long long candidate =
        (static_cast<unsigned long long>(order_of(row[i])) << 32) | (0xFFFFFFFFU - i);
    best = candidate > best ? candidate : best;
  }
  best = warp_max(best);
  if (threadIdx.x % kWarpSize == 0) warps[threadIdx.x / kWarpSize] = best;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (const unsigned long long other : warps) best = other > best ? other : best;
  const auto at = static_cast<std::int32_t>(0xFFFFFFFFU - static_cast<unsigned>(best));
  index[blockIdx.x] = at;
  value[blockIdx.x] = row[at];
}

}  // namespace

void gated_activation(const GatedActivation& activation, const float* gate, const float* up,
                      float* out, std::int64_t size, Stream& stream) {
  switch (activation.kind) {
    case GatedActivation::Kind::kSwiGlu:
      for_each_element(size, stream, [=] __device__(std::int64_t i) {
        out[i] = gate[i] / (1.0F + expf(-gate[i])) * up[i];
      });
      break;
    case GatedActivation::Kind::kGeGluTanh:
      for_each_element(size, stream,
                       [=] __device__(std::int64_t i) { out[i] = gelu_tanh(gate[i]) * up[i]; });
      break;
    case GatedActivation::Kind::kClampedSwiGlu: {
      const float limit = activation.limit;
      const float alpha = activation.alpha;
      for_each_element(size, stream, [=] __device__(std::int64_t i) {
        const float g = gate[i] > limit ? limit : gate[i];
        const float u = up[i] < -limit ? -limit : up[i] > limit ? limit : up[i];
        out[i] = g / (1.0F + expf(-alpha * g)) * (u + 1.0F);
      });
      break;
    }
  }
}

void activate(Activation activation, const TensorView& x, Stream& stream) {
  float* const values = x.f32();
  switch (activation) {
    case Activation::kGelu:
      for_each_element(x.num_elements(), stream, [=] __device__(std::int64_t i) {
        constexpr float kSqrtHalf = 0.7071067812F;
        values[i] = 0.5F * values[i] * (1.0F + erff(values[i] * kSqrtHalf));
      });
      break;
    case Activation::kGeluTanh:
      for_each_element(x.num_elements(), stream,
                       [=] __device__(std::int64_t i) { values[i] = gelu_tanh(values[i]); });
      break;
    case Activation::kSilu:
      for_each_element(x.num_elements(), stream, [=] __device__(std::int64_t i) {
        values[i] = values[i] / (1.0F + expf(-values[i]));
      });
      break;
  }
}

void multiply_sigmoid(const TensorView& x, const ConstTensorView& gate, Stream& stream) {
  if (x.num_elements() == 0) return;
  float* const values = x.f32();
  const float* const gates = gate.f32();
  // Rows follow each other in both, so that the row need not be known.
  const std::int64_t per_gate = x.shape[1] / gate.shape[1];
  for_each_element(x.num_elements(), stream, [=] __device__(std::int64_t i) {
    values[i] = values[i] / (1.0F + expf(-gates[i / per_gate]));
  });
}

void clamp(const TensorView& x, float limit, Stream& stream) {
  float* const values = x.f32();
  for_each_element(x.num_elements(), stream, [=] __device__(std::int64_t i) {
    const float value = values[i];  // comparisons, not fminf: NaN stays NaN
    values[i] = value < -limit ? -limit : value > limit ? limit : value;
  });
}

void softcap(const TensorView& x, float cap, Stream& stream) {
  float* const values = x.f32();
  for_each_element(x.num_elements(), stream,
                   [=] __device__(std::int64_t i) { values[i] = cap * tanhf(values[i] / cap); });
}

void add(const TensorView& x, const ConstTensorView& y, Stream& stream) {
  float* const values = x.f32();
  const float* const others = y.f32();
  for_each_element(x.num_elements(), stream,
                   [=] __device__(std::int64_t i) { values[i] += others[i]; });
}

void log_sum_exp(const ConstTensorView& logits, const TensorView& out, Stream& stream) {
  if (logits.num_elements() == 0) return;
  log_sum_exp_kernel<<<static_cast<unsigned>(logits.rows()), kRowThreads, 0, stream>>>(
      logits.f32(), out.f32(), static_cast<int>(logits.shape[1]));
  check(cudaGetLastError());
}

void arg_max(const ConstTensorView& x, const TensorView& index, const TensorView& value,
             Stream& stream) {
  if (x.num_elements() == 0) return;
  arg_max_kernel<<<static_cast<unsigned>(x.rows()), kRowThreads, 0, stream>>>(
      x.f32(), index.i32(), value.f32(), static_cast<int>(x.shape[1]));
  check(cudaGetLastError());
}

void pick(const ConstTensorView& x, const ConstTensorView& columns, const TensorView& out,
          Stream& stream) {
  const float* const values = x.f32();
  const std::int32_t* const at = columns.i32();
  float* const to = out.f32();
  const std::int64_t size = x.shape[1];
  for_each_element(x.rows(), stream,
                   [=] __device__(std::int64_t row) { to[row] = values[row * size + at[row]]; });
}

}  // namespace peira::model::cuda
