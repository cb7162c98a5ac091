#include "model/layers/mlp.h"

#include <array>

namespace peira::model {
namespace {

void gated_unit(Backend& backend, const ModelConfig& config, const DenseMlpWeights& weights,
                const ConstTensorView& x, Buffers& buffers, const TensorView& out) {
  // The buffers are as wide as the widest unit of the model.
  const std::int64_t rows = x.rows();
  const Shape shape{rows, weights.gate_proj.shape()[0]};
  const TensorView gate = buffers.gate.view().first(shape);
  const TensorView up = buffers.up.view().first(shape);
  backend.linear(x, std::array{LinearPart{weights.gate_proj, weights.gate_bias, gate},
                               LinearPart{weights.up_proj, weights.up_bias, up}});
  backend.gated_activation(config.activation, gate, up, gate);
  backend.linear(gate, std::array{LinearPart{weights.down_proj, weights.down_bias, out}});
}

}  // namespace

void dense_mlp(Backend& backend, const ModelConfig& config, const DenseMlpWeights& weights,
               std::int64_t rows, Buffers& buffers) {
  gated_unit(backend, config, weights, buffers.normed.slice(0, rows), buffers,
             buffers.block_out.slice(0, rows));
}

void moe(Backend& backend, const ModelConfig& config, const MoeWeights& weights, std::int64_t rows,
         Buffers& buffers) {
  const TensorView normed = buffers.normed.slice(0, rows);
  const TensorView logits = buffers.router_logits.slice(0, rows);
  const TensorView ids = buffers.expert_ids.slice(0, rows);
  const TensorView expert_weights = buffers.expert_weights.slice(0, rows);
  const TensorView out = buffers.block_out.slice(0, rows);
  backend.linear(normed, std::array{LinearPart{weights.router, weights.router_bias, logits}});
  backend.route(logits, config.norm_topk_prob, ids, expert_weights);
  backend.experts(normed, ids, expert_weights, weights.experts, out);
  if (!weights.shared_expert) return;
  const TensorView shared = buffers.shared_out.slice(0, rows);
  const TensorView shared_gate = buffers.shared_gate.slice(0, rows);
  gated_unit(backend, config, *weights.shared_expert, normed, buffers, shared);
  backend.linear(normed, std::array{LinearPart{weights.shared_expert_gate, {}, shared_gate}});
  backend.multiply_sigmoid(shared, shared_gate);
  backend.add(out, shared);
}

}  // namespace peira::model
