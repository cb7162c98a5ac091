// The matrix product of a device's own library: what the device can do at most, measured in the
// same run as the figure it is compared with.
#pragma once

#include <cstdint>
#include <optional>

namespace peira::bench {

// [rows, inputs] times [outputs, inputs] transposed, bf16 summed in float32.
struct ProductShape {
  std::int64_t rows, outputs, inputs;
  // Operations: a multiply-add is two.
  double operations() const {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(outputs) *
           static_cast<double>(inputs);
  }
};

// cuBLAS's rate on the first CUDA device, in operations a second, the best of several; empty where
// there is no device, or this build has none.
std::optional<double> library_rate(const ProductShape& shape);

}  // namespace peira::bench
