// What several kernels share.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "model/tensor.h"

namespace peira::model::cuda {

constexpr int kWarpSize = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFU;

// Blocks of `size` that cover `count`.
constexpr unsigned blocks_for(std::int64_t count, std::int64_t size) {
  return static_cast<unsigned>((count + size - 1) / size);
}

// The sum and the largest over a warp, the same tree in every lane.
__device__ inline float warp_sum(float value) {
  for (int offset = kWarpSize / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, offset);
  }
  return value;
}

__device__ inline float warp_max(float value) {
  for (int offset = kWarpSize / 2; offset > 0; offset /= 2) {
    value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, offset));
  }
  return value;
}

// The sum over a block of kThreads, the same in every thread.
template <int kThreads>
__device__ float block_sum(float value) {
  __shared__ float sums[kThreads / kWarpSize];
  value = warp_sum(value);
  __syncthreads();  // an earlier sum may still be read
  if (threadIdx.x % kWarpSize == 0) sums[threadIdx.x / kWarpSize] = value;
  __syncthreads();
  float total = 0;
  for (int i = 0; i < kThreads / kWarpSize; ++i) total += sums[i];
  return total;
}

template <int kThreads>
__device__ float block_max(float value) {
  __shared__ float largest[kThreads / kWarpSize];
  value = warp_max(value);
  __syncthreads();
  if (threadIdx.x % kWarpSize == 0) largest[threadIdx.x / kWarpSize] = value;
  __syncthreads();
  float total = largest[0];
  for (int i = 1; i < kThreads / kWarpSize; ++i) total = fmaxf(total, largest[i]);
  return total;
}

// Element `index` of a vector of weights (a norm, a bias), widened.
__device__ inline float vector_at(const void* data, DType dtype, std::int64_t index) {
  switch (dtype) {
    case DType::kBF16:
      return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[index]);
    case DType::kF16:
      return __half2float(static_cast<const __half*>(data)[index]);
    default:
      return static_cast<const float*>(data)[index];
  }
}

// Larger for larger values, NaN below all; -0 and 0 are one value.
__device__ inline unsigned order_of(float value) {
  if (isnan(value)) return 0;
  const unsigned bits = __float_as_uint(value);
  if (value == 0.0F) return 0x80000000U;
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

// The largest over a warp, in every lane.
__device__ inline unsigned long long warp_max(unsigned long long value) {
  for (int offset = kWarpSize / 2; offset > 0; offset /= 2) {
    const unsigned long long other = __shfl_xor_sync(kAllLanes, value, offset);
    value = other > value ? other : value;
  }
  return value;
}

__device__ inline float sigmoid(float x) { return 1.0F / (1.0F + expf(-x)); }

}  // namespace peira::model::cuda
