#include <cmath>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {

void rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq, float scaling,
                 const TensorView& out) {
  const auto half = static_cast<std::int64_t>(inv_freq.size());
  for (std::int64_t t = 0; t < positions.shape[0]; ++t) {
    float* row = out.f32() + t * 2 * half;
    for (std::int64_t i = 0; i < half; ++i) {
      const float angle =
          static_cast<float>(positions.i32()[t]) * inv_freq[static_cast<std::size_t>(i)];
      row[i] = std::cos(angle) * scaling;
      row[half + i] = std::sin(angle) * scaling;
    }
  }
}

void axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                       std::span<const std::uint8_t> axes, float scaling, const TensorView& out) {
  const auto half = static_cast<std::int64_t>(inv_freq.size());
  const std::int64_t num_axes = positions.shape[1];
  for (std::int64_t t = 0; t < positions.shape[0]; ++t) {
    float* const row = out.f32() + t * 2 * half;
    for (std::int64_t i = 0; i < half; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float angle = positions.f32()[t * num_axes + axes[at]] * inv_freq[at];
      row[i] = std::cos(angle) * scaling;
      row[half + i] = std::sin(angle) * scaling;
    }
  }
}

void rope(const TensorView& x, const ConstTensorView& cos_sin) {
  const std::int64_t heads = x.shape[1];
  const std::int64_t head_dim = x.shape[2];
  const std::int64_t half = cos_sin.shape[1] / 2;
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    const float* cos = cos_sin.f32() + t * 2 * half;
    const float* sin = cos + half;
    for (std::int64_t head = 0; head < heads; ++head) {
      float* row = x.f32() + (t * heads + head) * head_dim;
      for (std::int64_t i = 0; i < half; ++i) {
        const float first = row[i];
        const float second = row[half + i];
        row[i] = first * cos[i] - second * sin[i];
        row[half + i] = second * cos[i] + first * sin[i];
      }
    }
  }
}

}  // namespace peira::model::reference
