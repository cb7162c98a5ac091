// Stands in for this folder where the CUDA toolkit was not found.
#include "base/error.h"
#include "model/backend/backend.h"
#include "model/backend/device.h"

namespace peira::model {
namespace {

constexpr const char* kProblem = "this program was built without CUDA";

}  // namespace

CudaDevices find_cuda_devices() { return {{}, kProblem}; }

std::unique_ptr<Backend> make_cuda_backend(int /*device_index*/,
                                           const BackendOptions& /*options*/) {
  throw Error(ErrorCode::kUnavailable,
              std::string("device cuda: ") + kProblem + "\n  try: --device cpu");
}

}  // namespace peira::model
