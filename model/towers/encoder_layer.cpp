#include "model/towers/encoder_layer.h"

#include <array>
#include <cmath>

namespace peira::model {

void place(Backend& backend, EncoderLayerWeights& weights) {
  for (ConstTensorView* vector :
       {&weights.attention_norm_weight, &weights.attention_norm_bias, &weights.q_bias,
        &weights.k_bias, &weights.v_bias, &weights.out_bias, &weights.mlp_norm_weight,
        &weights.mlp_norm_bias, &weights.fc1_bias, &weights.fc2_bias}) {
    *vector = backend.place_vector(*vector);
  }
  for (Weight* matrix :
       {&weights.q, &weights.k, &weights.v, &weights.out, &weights.fc1, &weights.fc2}) {
    *matrix = backend.place_matrix(*matrix);
  }
}

EncoderWork::EncoderWork(Backend& backend, const EncoderShape& shape, std::int64_t num_rows) {
  const std::int64_t piece = std::min(num_rows, kEncoderRowsAtOnce);
  for (Tensor* const whole : {&hidden, &q, &k, &v, &attended}) {
    *whole = backend.allocate(DType::kF32, {num_rows, shape.hidden_size});
  }
  normed = backend.allocate(DType::kF32, {piece, shape.hidden_size});
  inner = backend.allocate(DType::kF32, {piece, shape.intermediate_size});
}

std::int64_t EncoderWork::bytes(const EncoderShape& shape, std::int64_t num_rows) {
  const std::int64_t piece = std::min(num_rows, kEncoderRowsAtOnce);
  return bytes_of(DType::kF32, num_rows * 5 * shape.hidden_size +
                                   piece * (shape.hidden_size + shape.intermediate_size));
}

void encoder_layer(Backend& backend, const EncoderShape& shape, const EncoderLayerWeights& weights,
                   std::int64_t segment_rows, const ConstTensorView& cos_sin, EncoderWork& work) {
  const std::int64_t rows = work.hidden.shape()[0];
  in_pieces(rows, kEncoderRowsAtOnce, [&](std::int64_t first, std::int64_t count) {
    const TensorView normed = work.normed.slice(0, count);
    backend.layer_norm(work.hidden.slice(first, count), weights.attention_norm_weight,
                       weights.attention_norm_bias, shape.norm_eps, normed);
    backend.linear(normed,
                   std::array{LinearPart{weights.q, weights.q_bias, work.q.slice(first, count)},
                              LinearPart{weights.k, weights.k_bias, work.k.slice(first, count)},
                              LinearPart{weights.v, weights.v_bias, work.v.slice(first, count)}});
  });
  const Shape heads{rows, shape.num_heads, shape.head_dim()};
  const TensorView q = work.q.view().reshape(heads);
  const TensorView k = work.k.view().reshape(heads);
  if (cos_sin) {
    backend.rope(q, cos_sin);
    backend.rope(k, cos_sin);
  }
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_dim())));
  backend.segment_attention(q, k, work.v.view().reshape(heads), segment_rows, scale, work.attended);
  in_pieces(rows, kEncoderRowsAtOnce, [&](std::int64_t first, std::int64_t count) {
    const TensorView hidden = work.hidden.slice(first, count);
    const TensorView normed = work.normed.slice(0, count);
    const TensorView inner = work.inner.slice(0, count);
    const auto add_product = [&](const ConstTensorView& x, const Weight& weight,
                                 const ConstTensorView& bias) {
      backend.linear(x, std::array{LinearPart{weight, bias, normed}});
      backend.add(hidden, normed);
    };
    add_product(work.attended.slice(first, count), weights.out, weights.out_bias);
    backend.layer_norm(hidden, weights.mlp_norm_weight, weights.mlp_norm_bias, shape.norm_eps,
                       normed);
    backend.linear(normed, std::array{LinearPart{weights.fc1, weights.fc1_bias, inner}});
    backend.activate(shape.activation, inner);
    add_product(inner, weights.fc2, weights.fc2_bias);
  });
}

}  // namespace peira::model
