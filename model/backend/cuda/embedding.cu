#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"
#include "model/backend/cuda/widen.cuh"

namespace peira::model::cuda {
namespace {

constexpr int kThreads = 128;

// Grid (num_rows), a block a token; a thread widens every kThreads-th unit of its row.
__global__ void embedding_kernel(const std::int32_t* tokens,  // [num_rows]
                                 const std::uint8_t* values, const float* scales, DType dtype,
                                 std::int64_t row_bytes, int num_scale_columns, bool is_aligned,
                                 float scale,
                                 float* out,  // [num_rows, size]
                                 int size) {
  const std::int64_t token = tokens[blockIdx.x];
  const std::uint8_t* const row = values + token * row_bytes;
  const float* const row_scales =
      scales == nullptr ? nullptr : scales + token / kFp8Block * num_scale_columns;
  for (int k = static_cast<int>(threadIdx.x) * kUnit; k < size; k += kThreads * kUnit) {
    float unit[kUnit];
    widen_unit(dtype, is_aligned, row, row_scales, k, min(kUnit, size - k), unit);
    for (int i = 0; i < kUnit && k + i < size; ++i) {
      out[static_cast<std::int64_t>(blockIdx.x) * size + k + i] = unit[i] * scale;
    }
  }
}

// Grid (num_rows), a block a row.
__global__ void gather_kernel(const float* x, const std::int32_t* rows, float* out, int size) {
  const float* const from = x + static_cast<std::int64_t>(rows[blockIdx.x]) * size;
  float* const to = out + static_cast<std::int64_t>(blockIdx.x) * size;
  for (int i = static_cast<int>(threadIdx.x); i < size; i += kThreads) to[i] = from[i];
}

}  // namespace

void embedding(const ConstTensorView& tokens, const Weight& table, float scale,
               const TensorView& out, Stream& stream) {
  if (out.num_elements() == 0) return;
  const auto size = static_cast<int>(out.shape[1]);
  embedding_kernel<<<static_cast<unsigned>(out.rows()), kThreads, 0, stream>>>(
      tokens.i32(), static_cast<const std::uint8_t*>(table.values.data), table.scales.f32(),
      table.dtype(), row_bytes(table.dtype(), size),
      table.scales ? static_cast<int>(table.scales.shape[1]) : 0, size % kUnit == 0, scale,
      out.f32(), size);
  check(cudaGetLastError());
}

void gather_rows(const ConstTensorView& x, const ConstTensorView& rows, const TensorView& out,
                 Stream& stream) {
  if (out.num_elements() == 0) return;
  gather_kernel<<<static_cast<unsigned>(out.rows()), kThreads, 0, stream>>>(
      x.f32(), rows.i32(), out.f32(), static_cast<int>(out.shape[1]));
  check(cudaGetLastError());
}

}  // namespace peira::model::cuda
