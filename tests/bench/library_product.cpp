#include "tests/bench/library_product.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace peira::bench {
namespace {

constexpr int kRepeats = 20;  // of one measurement: far longer than its launch
constexpr int kAttempts = 5;

struct Freeing {
  void operator()(void* pointer) const { cudaFree(pointer); }
};
using DeviceBytes = std::unique_ptr<void, Freeing>;

// Equal values that are not zero: 0x3c3c, 0.0115 in bf16.
DeviceBytes filled(std::int64_t num_elements) {
  void* pointer = nullptr;
  const std::size_t size = static_cast<std::size_t>(num_elements) * 2;
  if (cudaMalloc(&pointer, size) != cudaSuccess) return nullptr;
  DeviceBytes out(pointer);
  return cudaMemset(pointer, 0x3c, size) == cudaSuccess ? std::move(out) : nullptr;
}

struct Destroying {
  void operator()(cublasContext* handle) const { cublasDestroy(handle); }
  void operator()(CUevent_st* event) const { cudaEventDestroy(event); }
};
using Handle = std::unique_ptr<cublasContext, Destroying>;
using Event = std::unique_ptr<CUevent_st, Destroying>;

Event make_event() {
  cudaEvent_t event = nullptr;
  return cudaEventCreate(&event) == cudaSuccess ? Event(event) : nullptr;
}

bool multiply(cublasHandle_t handle, const ProductShape& shape, const void* weights, const void* x,
              void* out) {
  const float one = 1, none = 0;
  const auto rows = static_cast<int>(shape.rows);
  const auto outputs = static_cast<int>(shape.outputs);
  const auto inputs = static_cast<int>(shape.inputs);
  // Column by column, as cuBLAS has it, the result is [outputs, rows].
  return cublasGemmEx(handle, CUBLAS_OP_T, CUBLAS_OP_N, outputs, rows, inputs, &one, weights,
                      CUDA_R_16BF, inputs, x, CUDA_R_16BF, inputs, &none, out, CUDA_R_16BF, outputs,
                      CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS;
}

}  // namespace

std::optional<double> library_rate(const ProductShape& shape) {
  cublasHandle_t created = nullptr;
  if (cublasCreate(&created) != CUBLAS_STATUS_SUCCESS) return std::nullopt;
  const Handle handle(created);
  const DeviceBytes weights = filled(shape.outputs * shape.inputs);
  const DeviceBytes x = filled(shape.rows * shape.inputs);
  const DeviceBytes out = filled(shape.rows * shape.outputs);
  const Event began = make_event(), ended = make_event();
  if (!weights || !x || !out || !began || !ended) return std::nullopt;
  double best = 0;
  for (int attempt = 0; attempt <= kAttempts; ++attempt) {
    bool is_done = cudaEventRecord(began.get()) == cudaSuccess;
    for (int i = 0; i < kRepeats && is_done; ++i) {
      is_done = multiply(handle.get(), shape, weights.get(), x.get(), out.get());
    }
    float milliseconds = 0;
    is_done = is_done && cudaEventRecord(ended.get()) == cudaSuccess &&
              cudaEventSynchronize(ended.get()) == cudaSuccess &&
              cudaEventElapsedTime(&milliseconds, began.get(), ended.get()) == cudaSuccess;
    if (!is_done || !(milliseconds > 0)) return std::nullopt;
    // The first warms up.
    if (attempt > 0) best = std::max(best, kRepeats * shape.operations() / (milliseconds / 1000));
  }
  return best;
}

}  // namespace peira::bench
