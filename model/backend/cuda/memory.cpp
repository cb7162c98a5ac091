#include "model/backend/cuda/memory.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "model/backend/cuda/check.h"

namespace peira::model::cuda {
namespace {

constexpr std::int64_t kAlignment = 256;
constexpr std::int64_t kBlockBytes = 16 << 20;
constexpr std::size_t kStagingBytes = 4 << 20;  // some hundred steps' worth of integers

std::int64_t aligned(std::int64_t size_bytes) {
  return (std::max<std::int64_t>(size_bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

void* device_memory(std::int64_t size_bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, static_cast<std::size_t>(aligned(size_bytes)));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // the failed call must not show up at the next launch
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes));
    throw Error(ErrorCode::kUnavailable,
                "device cuda: out of memory: " + std::to_string(size_bytes >> 20) +
                    " MiB were asked for, " + std::to_string(free_bytes >> 20) + " of " +
                    std::to_string(total_bytes >> 20) +
                    " MiB are free\n  try: a smaller --batch or context, or weights of a smaller "
                    "precision");
  }
  check(status);
  return data;
}

void release_device_memory(void* data) noexcept {
  if (data != nullptr) cudaFree(data);
}

void* Arena::take(std::int64_t size_bytes) {
  const std::int64_t needed = aligned(size_bytes);
  if (needed > kBlockBytes / 4) {
    return blocks_.emplace_back(device_memory(needed)).get();
  }
  if (needed > left_bytes_) {
    next_ = static_cast<std::byte*>(blocks_.emplace_back(device_memory(kBlockBytes)).get());
    left_bytes_ = kBlockBytes;
  }
  void* const data = next_;
  next_ += needed;
  left_bytes_ -= needed;
  return data;
}

Staging::~Staging() {
  if (memory_ != nullptr) cudaFreeHost(memory_);
}

void Staging::copy(void* device, std::span<const std::byte> host, cudaStream_t stream) {
  if (host.empty()) return;
  if (used_bytes_ + host.size() > size_bytes_) {
    check(cudaStreamSynchronize(stream));
    used_bytes_ = 0;
    if (host.size() > size_bytes_) {
      if (memory_ != nullptr) check(cudaFreeHost(memory_));
      memory_ = nullptr;
      size_bytes_ = 0;
      const std::size_t size_bytes = std::max(kStagingBytes, host.size());
      void* memory = nullptr;
      check(cudaMallocHost(&memory, size_bytes));
      memory_ = static_cast<std::byte*>(memory);
      size_bytes_ = size_bytes;
    }
  }
  std::byte* const staged = memory_ + used_bytes_;
  std::memcpy(staged, host.data(), host.size());
  used_bytes_ += (host.size() + 15) / 16 * 16;
  check(cudaMemcpyAsync(device, staged, host.size(), cudaMemcpyHostToDevice, stream));
}

}  // namespace peira::model::cuda
