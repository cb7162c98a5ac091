// Stands in for this folder where the CUDA toolkit was not found.
#include "base/error.h"
#include "model/backend/backend.h"

namespace peira::model {

std::unique_ptr<Backend> make_cuda_backend(int /*device_index*/,
                                           const BackendOptions& /*options*/) {
  throw Error(ErrorCode::kUnavailable,
              "device cuda: this program was built without CUDA\n  try: --device cpu");
}

}  // namespace peira::model
