// The factory of this folder. Its operations are compiled and tested one by one (rms_norm so far);
// until all of Backend is there, the device is refused instead of half run.
#include "model/backend/backend.h"
#include "base/error.h"
#include "model/backend/cuda/check.h"

namespace peira::model {

std::unique_ptr<Backend> make_cuda_backend(int device_index, const BackendOptions& /*options*/) {
  int num_devices = 0;
  cuda::check(cudaGetDeviceCount(&num_devices));
  if (device_index >= num_devices) {
    throw Error(ErrorCode::kUnavailable, "device cuda:" + std::to_string(device_index) +
                                             ": there are " + std::to_string(num_devices) +
                                             "\n  try: --device cpu");
  }
  throw Error(ErrorCode::kUnavailable,
              "device cuda: the engine does not run on CUDA yet\n  try: --device cpu");
}

}  // namespace peira::model
