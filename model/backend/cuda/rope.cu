#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {
namespace {

constexpr int kThreads = 128;

// Grid over num_rows * half elements.
__global__ void rope_angles_kernel(const std::int32_t* positions, const float* inv_freq,
                                   float scaling,
                                   float* out,  // [num_rows, 2 * half]
                                   std::int64_t size, int half) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= size) return;
  const std::int64_t row = index / half;
  const auto i = static_cast<int>(index % half);
  // One float32 product, as in transformers.
  const float angle = static_cast<float>(positions[row]) * inv_freq[i];
  out[row * 2 * half + i] = cosf(angle) * scaling;
  out[row * 2 * half + half + i] = sinf(angle) * scaling;
}

// Grid over num_rows * half elements.
__global__ void axial_rope_angles_kernel(const float* positions,  // [num_rows, num_axes]
                                         const float* inv_freq, const std::uint8_t* axes,
                                         float scaling,
                                         float* out,  // [num_rows, 2 * half]
                                         std::int64_t size, int half, int num_axes) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= size) return;
  const std::int64_t row = index / half;
  const auto i = static_cast<int>(index % half);
  const float angle = positions[row * num_axes + axes[i]] * inv_freq[i];
  out[row * 2 * half + i] = cosf(angle) * scaling;
  out[row * 2 * half + half + i] = sinf(angle) * scaling;
}

// Grid over num_rows * heads * half pairs.
__global__ void rope_kernel(float* x,              // [num_rows, heads, head_dim]
                            const float* cos_sin,  // [num_rows, 2 * half]
                            std::int64_t size, int heads, int head_dim, int half) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= size) return;
  const auto i = static_cast<int>(index % half);
  const std::int64_t head = index / half;  // over all rows
  const float* const angles = cos_sin + head / heads * 2 * half;
  const float cos = angles[i];
  const float sin = angles[half + i];
  float* const row = x + head * head_dim;
  const float first = row[i];
  const float second = row[half + i];
  row[i] = first * cos - second * sin;
  row[half + i] = second * cos + first * sin;
}

}  // namespace

void rope_angles(const ConstTensorView& positions, const float* inv_freq, float scaling,
                 const TensorView& out, Stream& stream) {
  const std::int64_t size = out.num_elements() / 2;
  if (size == 0) return;
  rope_angles_kernel<<<blocks_for(size, kThreads), kThreads, 0, stream>>>(
      positions.i32(), inv_freq, scaling, out.f32(), size, static_cast<int>(out.shape[1] / 2));
  check(cudaGetLastError());
}

void axial_rope_angles(const ConstTensorView& positions, const float* inv_freq,
                       const std::uint8_t* axes, float scaling, const TensorView& out,
                       Stream& stream) {
  const std::int64_t size = out.num_elements() / 2;
  if (size == 0) return;
  axial_rope_angles_kernel<<<blocks_for(size, kThreads), kThreads, 0, stream>>>(
      positions.f32(), inv_freq, axes, scaling, out.f32(), size, static_cast<int>(out.shape[1] / 2),
      static_cast<int>(positions.shape[1]));
  check(cudaGetLastError());
}

void rope(const TensorView& x, const ConstTensorView& cos_sin, Stream& stream) {
  const std::int64_t half = cos_sin.shape[1] / 2;
  const std::int64_t size = x.shape[0] * x.shape[1] * half;
  if (size == 0) return;
  rope_kernel<<<blocks_for(size, kThreads), kThreads, 0, stream>>>(
      x.f32(), cos_sin.f32(), size, static_cast<int>(x.shape[1]), static_cast<int>(x.shape[2]),
      static_cast<int>(half));
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
