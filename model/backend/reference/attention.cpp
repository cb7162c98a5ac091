#include <algorithm>
#include <cmath>
#include <vector>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {
namespace {

// Element `index` of cached keys or values; `scale_index` is its vector's in `scales`.
float cached_at(const TensorView& cached, std::int64_t index, const TensorView& scales,
                std::int64_t scale_index) {
  if (cached.dtype == DType::kI8) {
    return static_cast<const std::int8_t*>(cached.data)[index] * scales.f32()[scale_index];
  }
  return weight_at(cached, index);
}

void store(const TensorView& cached, std::int64_t index, float value, float scale) {
  if (cached.dtype == DType::kI8) {
    // Where the scale is subnormal its own rounding could lead past 127.
    const float steps = scale > 0 ? std::clamp(value / scale, -127.0F, 127.0F) : 0.0F;
    static_cast<std::int8_t*>(cached.data)[index] = static_cast<std::int8_t>(std::nearbyint(steps));
  } else if (cached.dtype == DType::kBF16) {
    static_cast<std::uint16_t*>(cached.data)[index] = bf16_from_float(value);
  } else {
    cached.f32()[index] = value;
  }
}

// Sets the vector's scale where the cache has scales, and returns it.
float scale_of(const float* vector, std::int64_t size, const TensorView& scales,
               std::int64_t scale_index) {
  if (scales.data == nullptr) return 1;
  float largest = 0;
  for (std::int64_t d = 0; d < size; ++d) largest = std::max(largest, std::abs(vector[d]));
  return scales.f32()[scale_index] = largest / 127.0F;
}

}  // namespace

void store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
              const KvLayer& layer) {
  const std::int64_t kv_heads = k.shape[1];
  const std::int64_t head_dim = k.shape[2];
  for (const SequenceRows& sequence : rows.sequences) {
    for (std::int64_t i = 0; i < sequence.num_rows; ++i) {
      const std::int64_t position = sequence.first_position + i;
      const std::int64_t page = sequence.pages[static_cast<std::size_t>(position / kKvPageTokens)];
      const std::int64_t slot = position % kKvPageTokens;
      for (std::int64_t g = 0; g < kv_heads; ++g) {
        const std::int64_t from = ((sequence.first_row + i) * kv_heads + g) * head_dim;
        const std::int64_t to = (page * kv_heads + g) * head_dim * kKvPageTokens;
        const std::int64_t scale_index = (page * kv_heads + g) * kKvPageTokens + slot;
        const float k_scale = scale_of(k.f32() + from, head_dim, layer.key_scales, scale_index);
        const float v_scale = scale_of(v.f32() + from, head_dim, layer.value_scales, scale_index);
        for (std::int64_t d = 0; d < head_dim; ++d) {
          store(layer.keys, to + d * kKvPageTokens + slot, k.f32()[from + d], k_scale);
          store(layer.values, to + slot * head_dim + d, v.f32()[from + d], v_scale);
        }
      }
    }
  }
}

void attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
               const AttentionOptions& options, const TensorView& out) {
  const std::int64_t num_heads = q.shape[1];
  const std::int64_t head_dim = q.shape[2];
  const std::int64_t kv_heads = layer.keys.shape[1];
  const std::int64_t group = num_heads / kv_heads;
  std::vector<double> weights;
  std::vector<double> sum(static_cast<std::size_t>(head_dim));
  for (const SequenceRows& sequence : rows.sequences) {
    for (std::int64_t i = 0; i < sequence.num_rows; ++i) {
      const std::int64_t context = sequence.first_position + i + 1;
      const std::int64_t first = options.sliding_window == 0
                                     ? 0
                                     : std::max<std::int64_t>(0, context - options.sliding_window);
      for (std::int64_t n = 0; n < num_heads; ++n) {
        const std::int64_t row = ((sequence.first_row + i) * num_heads + n) * head_dim;
        const auto head_of = [&](std::int64_t position) {
          const std::int64_t page =
              sequence.pages[static_cast<std::size_t>(position / kKvPageTokens)];
          return page * kv_heads + n / group;
        };
        weights.clear();
        for (std::int64_t p = first; p < context; ++p) {
          const std::int64_t head = head_of(p);
          const std::int64_t slot = p % kKvPageTokens;
          double score = 0;
          for (std::int64_t d = 0; d < head_dim; ++d) {
            const std::int64_t at = (head * head_dim + d) * kKvPageTokens + slot;
            score += double{q.f32()[row + d]} *
                     cached_at(layer.keys, at, layer.key_scales, head * kKvPageTokens + slot);
          }
          weights.push_back(score * double{options.scale});
        }
        double max = *std::max_element(weights.begin(), weights.end());
        double total = 0;
        if (options.sinks) {
          const double sink = weight_at(options.sinks, n);
          max = std::max(max, sink);
          total = std::exp(sink - max);
        }
        for (double& weight : weights) total += weight = std::exp(weight - max);
        std::fill(sum.begin(), sum.end(), 0);
        for (std::int64_t p = first; p < context; ++p) {
          const std::int64_t head = head_of(p);
          const std::int64_t slot = head * kKvPageTokens + p % kKvPageTokens;
          for (std::int64_t d = 0; d < head_dim; ++d) {
            sum[static_cast<std::size_t>(d)] +=
                weights[static_cast<std::size_t>(p - first)] *
                cached_at(layer.values, slot * head_dim + d, layer.value_scales, slot);
          }
        }
        for (std::int64_t d = 0; d < head_dim; ++d) {
          out.f32()[row + d] = static_cast<float>(sum[static_cast<std::size_t>(d)] / total);
        }
      }
    }
  }
}

}  // namespace peira::model::reference
