#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRowsPerBlock = 4;  // a guess: enough warps to fill a multiprocessor at 8 blocks

__device__ float normed(float x, float inv_rms, const void* weight, DType dtype, int i) {
  return x * inv_rms * vector_at(weight, dtype, i);
}

// Short rows, as heads are: grid ceil(num_rows / kRowsPerBlock), block (kWarpSize, kRowsPerBlock),
// one warp a row. Which of the two kernels runs depends on `size` alone, so a row sums in one order
// whatever its batch. `out` may be `x`: a lane reads an element before it writes it.
__global__ void short_rows_kernel(const float* x,      // [num_rows, size]
                                  const void* weight,  // [size] of dtype
                                  DType dtype,
                                  float* out,  // [num_rows, size]
                                  int num_rows, int size, float eps) {
  const int row = static_cast<int>(blockIdx.x * kRowsPerBlock + threadIdx.y);
  if (row >= num_rows) return;  // whole warps leave, so the shuffles in warp_sum stay full
  const std::int64_t begin = static_cast<std::int64_t>(row) * size;
  float sum_sq = 0;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kWarpSize) {
    sum_sq = fmaf(x[begin + i], x[begin + i], sum_sq);
  }
  const float inv_rms = 1.0F / sqrtf(warp_sum(sum_sq) / static_cast<float>(size) + eps);
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kWarpSize) {
    out[begin + i] = normed(x[begin + i], inv_rms, weight, dtype, i);
  }
}

// Long rows, as hidden states are: grid (num_rows), a block a row.
__global__ void long_rows_kernel(const float* x, const void* weight, DType dtype, float* out,
                                 int size, float eps) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * size;
  float sum_sq = 0;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kThreads) {
    sum_sq = fmaf(x[begin + i], x[begin + i], sum_sq);
  }
  const float inv_rms = 1.0F / sqrtf(block_sum<kThreads>(sum_sq) / static_cast<float>(size) + eps);
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kThreads) {
    out[begin + i] = normed(x[begin + i], inv_rms, weight, dtype, i);
  }
}

}  // namespace

void rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
              const TensorView& out, Stream& stream) {
  if (x.num_elements() == 0) return;
  const auto num_rows = static_cast<int>(x.rows());
  const auto size = static_cast<int>(x.shape[1]);
  if (size > 2 * kThreads) {
    long_rows_kernel<<<static_cast<unsigned>(num_rows), kThreads, 0, stream>>>(
        x.f32(), weight.data, weight.dtype, out.f32(), size, eps);
  } else {
    const dim3 block(kWarpSize, kRowsPerBlock);
    short_rows_kernel<<<blocks_for(num_rows, kRowsPerBlock), block, 0, stream>>>(
        x.f32(), weight.data, weight.dtype, out.f32(), num_rows, size, eps);
  }
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
