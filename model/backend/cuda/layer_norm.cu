#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {
namespace {

constexpr int kThreads = 256;

// Grid (num_rows), a block a row, which sums in one order whatever its batch. `out` may be `x`: a
// thread reads an element for the last time before it writes it.
__global__ void layer_norm_kernel(const float* x,  // [num_rows, size]
                                  const void* weight, DType weight_dtype, const void* bias,
                                  DType bias_dtype,
                                  float* out,  // [num_rows, size]
                                  int size, float eps) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * size;
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kThreads) sum += x[begin + i];
  const float mean = block_sum<kThreads>(sum) / static_cast<float>(size);
  float sum_sq = 0;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kThreads) {
    const float centred = x[begin + i] - mean;
    sum_sq = fmaf(centred, centred, sum_sq);
  }
  const float inv_std = 1.0F / sqrtf(block_sum<kThreads>(sum_sq) / static_cast<float>(size) + eps);
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kThreads) {
    out[begin + i] = (x[begin + i] - mean) * inv_std * vector_at(weight, weight_dtype, i) +
                     vector_at(bias, bias_dtype, i);
  }
}

}  // namespace

void layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                const ConstTensorView& bias, float eps, const TensorView& out, Stream& stream) {
  if (x.num_elements() == 0) return;
  layer_norm_kernel<<<static_cast<unsigned>(x.rows()), kThreads, 0, stream>>>(
      x.f32(), weight.data, weight.dtype, bias.data, bias.dtype, out.f32(),
      static_cast<int>(x.shape[1]), eps);
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
