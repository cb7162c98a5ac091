// Stands in for this folder where Highway was not found: the plain loops serve, and the name says
// so.
#include "model/backend/backend.h"

namespace peira::model {

std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
  return make_reference_backend("cpu/reference", options.weights);
}

}  // namespace peira::model
