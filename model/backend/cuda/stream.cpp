#include "model/backend/cuda/stream.h"

#include <algorithm>

#include "base/error.h"
#include "model/backend/cuda/check.h"
#include "model/backend/cuda/working_memory.h"

namespace peira::model::cuda {

Stream::Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }

Stream::~Stream() {
  drop_recordings();
  cudaStreamDestroy(stream_);
}

void Stream::wait() const { check(cudaStreamSynchronize(stream_)); }

void* Stream::scratch(std::int64_t size_bytes) {
  if (size_bytes > scratch_bytes_) {
    if (is_recording_) {
      throw Error(ErrorCode::kInternal, "cuda: scratch memory grew while operations were recorded");
    }
    wait();
    drop_recordings();
    scratch_.reset();
    scratch_bytes_ = 0;
    scratch_.reset(device_memory(size_bytes));
    scratch_bytes_ = size_bytes;
  }
  return scratch_.get();
}

void Stream::recorded(std::uint64_t key, const std::function<void()>& operations) {
  const auto [found, is_new] = recordings_.try_emplace(key);
  found->second.last_use = ++num_uses_;
  if (is_new) {
    // `operations` may grow the scratch memory, which empties recordings_ and is why nothing is
    // kept of `found` across the call.
    operations();
    recordings_[key].last_use = num_uses_;
    if (std::ssize(recordings_) > kMostRecordings) drop_oldest_recording();
    return;
  }
  Recording& recording = found->second;
  if (recording.graph == nullptr) {
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    is_recording_ = true;
    cudaGraph_t graph = nullptr;
    try {
      operations();
    } catch (...) {
      is_recording_ = false;
      if (cudaStreamEndCapture(stream_, &graph) == cudaSuccess) cudaGraphDestroy(graph);
      throw;
    }
    is_recording_ = false;
    check(cudaStreamEndCapture(stream_, &graph));
    const cudaError_t status = cudaGraphInstantiate(&recording.graph, graph, 0);
    cudaGraphDestroy(graph);
    check(status);
  }
  check(cudaGraphLaunch(recording.graph, stream_));
}

void Stream::drop_recordings() noexcept {
  for (const auto& [key, recording] : recordings_) {
    if (recording.graph != nullptr) cudaGraphExecDestroy(recording.graph);
  }
  recordings_.clear();
}

void Stream::drop_oldest_recording() {
  const auto oldest = std::min_element(
      recordings_.begin(), recordings_.end(),
      [](const auto& a, const auto& b) { return a.second.last_use < b.second.last_use; });
  wait();
  if (oldest->second.graph != nullptr) cudaGraphExecDestroy(oldest->second.graph);
  recordings_.erase(oldest);
}

}  // namespace peira::model::cuda
