// Memory of one CUDA device and the host memory that copies go through. cudaFree lives in
// memory.cpp and nowhere else.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/tensor.h"

namespace peira::model::cuda {

// Uninitialised memory of the current device, which release_device_memory() gives back.
// throws Error(kUnavailable): there is not that much (says how much was asked for and is free).
void* device_memory(std::int64_t size_bytes);
void release_device_memory(void* data) noexcept;

struct DeviceRelease {
  void operator()(void* data) const noexcept { release_device_memory(data); }
};
using DeviceBuffer = std::unique_ptr<void, DeviceRelease>;

// Memory for things that live as long as the backend: weights. Small ones share blocks, which saves
// the 2 MiB that the driver rounds each allocation up to.
class Arena {
 public:
  // Aligned to 256 bytes.
  void* take(std::int64_t size_bytes);

 private:
  std::vector<DeviceBuffer> blocks_;
  std::byte* next_ = nullptr;
  std::int64_t left_bytes_ = 0;
};

// Host memory that the device copies from while the caller goes on.
class Staging {
 public:
  ~Staging();
  Staging() = default;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Queues a copy of `host` to `device`; `host` may change as soon as this returns. Waits for the
  // stream only when all of the staging memory is still to be read.
  void copy(void* device, std::span<const std::byte> host, cudaStream_t stream);
  // The stream has been waited for: all memory can be used again.
  void drained() { used_bytes_ = 0; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_bytes_ = 0;
  std::size_t used_bytes_ = 0;
};

}  // namespace peira::model::cuda
