#include <vector>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {

void linear(const ConstTensorView& x, const LinearPart& part) {
  const std::int64_t in_features = x.shape[1];
  const std::int64_t out_features = part.out.shape[1];
  std::vector<float> weight(static_cast<std::size_t>(in_features));
  for (std::int64_t n = 0; n < out_features && x.shape[0] > 0; ++n) {
    widen_row(part.weight, n, weight.data());
    for (std::int64_t t = 0; t < x.shape[0]; ++t) {
      double sum = part.bias ? double{weight_at(part.bias, n)} : 0.0;
      for (std::int64_t k = 0; k < in_features; ++k) {
        sum += double{x.f32()[t * in_features + k]} * weight[static_cast<std::size_t>(k)];
      }
      part.out.f32()[t * out_features + n] = static_cast<float>(sum);
    }
  }
}

}  // namespace peira::model::reference
