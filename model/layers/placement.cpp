#include "model/layers/placement.h"

#include <utility>

namespace peira::model {
namespace {

class Placer {
 public:
  explicit Placer(Backend& backend) : backend_(backend) {}

  void vector(ConstTensorView& weight) const {
    if (weight) weight = backend_.place_vector(weight);
  }
  void matrix(Weight& weight) const {
    if (weight) weight = backend_.place_matrix(weight);
  }
  // A small matrix whose precision decides which way a token goes.
  void gate(Weight& weight) const {
    weight.keep_stored = true;
    matrix(weight);
  }
  void table(Weight& weight) const {
    if (weight) weight = backend_.place_table(weight);
  }

  void layer(DecoderLayerWeights& layer) const {
    for (ConstTensorView* norm : {&layer.input_layernorm, &layer.post_attention_layernorm,
                                  &layer.post_mixer_norm, &layer.post_mlp_norm}) {
      vector(*norm);
    }
    if (auto* attention = std::get_if<AttentionWeights>(&layer.mixer)) {
      place(*attention);
    } else {
      place(std::get<LinearAttentionWeights>(layer.mixer));
    }
    if (auto* dense = std::get_if<DenseMlpWeights>(&layer.mlp)) {
      place(*dense);
    } else {
      place(std::get<MoeWeights>(layer.mlp));
    }
  }

 private:
  void place(AttentionWeights& weights) const {
    for (Weight* weight :
         {&weights.q_proj, &weights.k_proj, &weights.v_proj, &weights.o_proj, &weights.gate_proj}) {
      matrix(*weight);
    }
    for (ConstTensorView* weight :
         {&weights.q_bias, &weights.k_bias, &weights.v_bias, &weights.o_bias, &weights.gate_bias,
          &weights.q_norm, &weights.k_norm, &weights.sinks}) {
      vector(*weight);
    }
  }

  void place(LinearAttentionWeights& weights) const {
    for (Weight* weight : {&weights.qkv_proj, &weights.z_proj, &weights.out_proj}) {
      matrix(*weight);
    }
    gate(weights.a_proj);
    gate(weights.b_proj);
    for (ConstTensorView* weight :
         {&weights.conv, &weights.a_log, &weights.dt_bias, &weights.norm}) {
      vector(*weight);
    }
  }

  void place(DenseMlpWeights& weights) const {
    matrix(weights.gate_proj);
    matrix(weights.up_proj);
    matrix(weights.down_proj);
    for (ConstTensorView* weight : {&weights.gate_bias, &weights.up_bias, &weights.down_bias}) {
      vector(*weight);
    }
  }

  void place(MoeWeights& weights) const {
    gate(weights.router);
    vector(weights.router_bias);
    weights.experts = backend_.place_experts(weights.experts);
    if (weights.shared_expert) {
      place(*weights.shared_expert);
      gate(weights.shared_expert_gate);
    }
  }

  Backend& backend_;
};

}  // namespace

DecoderWeights placed(Backend& backend, DecoderWeights host) {
  const Placer place(backend);
  const bool is_tied = host.lm_head.values.data == host.embed_tokens.values.data;
  // A device that copies needs a tied matrix once, unless it is quantised for lm_head: rows are
  // always read from the original.
  place.matrix(host.lm_head);
  const bool is_as_stored =
      host.lm_head.packed == nullptr && host.lm_head.dtype() == host.embed_tokens.dtype();
  if (is_tied && backend.copies_weights() && is_as_stored) {
    host.embed_tokens = host.lm_head;
  } else {
    place.table(host.embed_tokens);
  }
  place.vector(host.norm);
  for (DecoderLayerWeights& layer : host.layers) place.layer(layer);
  if (backend.copies_weights()) host.owned.clear();
  return host;
}

}  // namespace peira::model
