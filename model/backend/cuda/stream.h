// The queue that all operations of a backend go through, memory that lasts from one operation to
// the next, and recorded sequences of operations.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>

#include "model/backend/cuda/memory.h"

namespace peira::model::cuda {

// threads: one at a time.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  operator cudaStream_t() const { return stream_; }  // NOLINT: it is the queue's handle
  void wait() const;

  // At least `size_bytes` that the next operation may overwrite: what one operation needs between
  // its kernels. Grows, and drops all recordings then, because they hold its address.
  void* scratch(std::int64_t size_bytes);

  // Runs `operations`. From the second call with `key` on they are a graph: recorded once, replayed
  // after. The first call runs them plainly, so that memory and code they need are in place.
  void recorded(std::uint64_t key, const std::function<void()>& operations);

 private:
  struct Recording {
    cudaGraphExec_t graph = nullptr;  // null: seen once, not recorded yet
    std::uint64_t last_use = 0;
  };
  void drop_recordings() noexcept;
  void drop_oldest_recording();

  cudaStream_t stream_ = nullptr;
  DeviceBuffer scratch_;
  std::int64_t scratch_bytes_ = 0;
  std::map<std::uint64_t, Recording> recordings_;
  std::uint64_t num_uses_ = 0;
  bool is_recording_ = false;
};

}  // namespace peira::model::cuda
