#include <algorithm>
#include <cmath>
#include <vector>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {

void segment_attention(const ConstTensorView& q, const ConstTensorView& k, const ConstTensorView& v,
                       std::int64_t segment_rows, float scale, const TensorView& out) {
  const std::int64_t num_rows = q.shape[0];
  const std::int64_t num_heads = q.shape[1];
  const std::int64_t head_dim = q.shape[2];
  const std::int64_t stride = num_heads * head_dim;
  std::vector<double> weights;
  std::vector<double> sum(static_cast<std::size_t>(head_dim));
  for (std::int64_t row = 0; row < num_rows; ++row) {
    const std::int64_t first = row / segment_rows * segment_rows;
    const std::int64_t end = std::min(num_rows, first + segment_rows);
    for (std::int64_t head = 0; head < num_heads; ++head) {
      const float* const query = q.f32() + row * stride + head * head_dim;
      weights.clear();
      for (std::int64_t other = first; other < end; ++other) {
        const float* const key = k.f32() + other * stride + head * head_dim;
        double score = 0;
        for (std::int64_t d = 0; d < head_dim; ++d) score += double{query[d]} * key[d];
        weights.push_back(score * double{scale});
      }
      const double max = *std::max_element(weights.begin(), weights.end());
      double total = 0;
      for (double& weight : weights) total += weight = std::exp(weight - max);
      std::fill(sum.begin(), sum.end(), 0);
      for (std::int64_t other = first; other < end; ++other) {
        const float* const value = v.f32() + other * stride + head * head_dim;
        const double weight = weights[static_cast<std::size_t>(other - first)];
        for (std::int64_t d = 0; d < head_dim; ++d) {
          sum[static_cast<std::size_t>(d)] += weight * value[d];
        }
      }
      float* const to = out.f32() + row * stride + head * head_dim;
      for (std::int64_t d = 0; d < head_dim; ++d) {
        to[d] = static_cast<float>(sum[static_cast<std::size_t>(d)] / total);
      }
    }
  }
}

}  // namespace peira::model::reference
