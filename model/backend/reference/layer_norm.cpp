#include <cmath>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {

void layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                const ConstTensorView& bias, float eps, const TensorView& out) {
  const std::int64_t size = x.shape[1];
  for (std::int64_t row = 0; row < x.shape[0]; ++row) {
    const float* in = x.f32() + row * size;
    double sum = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += in[i];
    const double mean = sum / static_cast<double>(size);
    double sum_sq = 0;
    for (std::int64_t i = 0; i < size; ++i) sum_sq += (in[i] - mean) * (in[i] - mean);
    const double inv_std = 1 / std::sqrt(sum_sq / static_cast<double>(size) + double{eps});
    for (std::int64_t i = 0; i < size; ++i) {
      out.f32()[row * size + i] =
          static_cast<float>((in[i] - mean) * inv_std * weight_at(weight, i) + weight_at(bias, i));
    }
  }
}

}  // namespace peira::model::reference
