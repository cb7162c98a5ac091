#include "model/inspection.h"

#include <utility>

#include "base/error.h"
#include "model/families/family.h"
#include "model/quantization/groups.h"

namespace peira::model {
namespace {

class Counter {
 public:
  void vector(const ConstTensorView& weight) {
    out_.parameters += weight.num_elements();
    out_.active_parameters += weight.num_elements();
    add_bytes(model::bytes_of(weight.dtype, weight.num_elements()));
    out_.uncopied_bytes += model::bytes_of(weight.dtype, weight.num_elements());
  }
  void matrix(const Weight& weight) {
    if (!weight) return;
    count_elements(weight);
    out_.stored_bytes += model::stored_bytes(weight);
    quantized_bytes(weight);
  }
  void table(const Weight& weight) {
    stored(weight);
    out_.uncopied_bytes += model::stored_bytes(weight);
  }
  // A gate or a table, which is never quantised.
  void stored(const Weight& weight) {
    if (!weight) return;
    count_elements(weight);
    add_bytes(model::stored_bytes(weight));
  }
  // A copy beside the stored one, where there is one.
  void tied(const Weight& weight) {
    if (is_quantized_by(WeightPrecision::kInt8, weight)) quantized_bytes(weight);
    out_.tied_bytes += model::stored_bytes(weight);
  }
  void dense(const DenseMlpWeights& weights) {
    matrix(weights.gate_proj);
    matrix(weights.up_proj);
    matrix(weights.down_proj);
  }
  void experts(const ExpertWeights& weights, std::int64_t num_active) {
    const std::int64_t before = out_.active_parameters;
    for (const auto* list : {&weights.gate_proj, &weights.up_proj, &weights.down_proj}) {
      for (const Weight& weight : *list) matrix(weight);
    }
    for (const ConstTensorView* bias : {&weights.gate_bias, &weights.up_bias, &weights.down_bias}) {
      vector(*bias);
    }
    const std::int64_t all = out_.active_parameters - before;
    out_.active_parameters = before + all / std::ssize(weights.gate_proj) * num_active;
  }

  const WeightCount& count() const { return out_; }

 private:
  void count_elements(const Weight& weight) {
    out_.parameters += weight.shape().num_elements();
    out_.active_parameters += weight.shape().num_elements();
  }
  void add_bytes(std::int64_t bytes) {
    out_.stored_bytes += bytes;
    out_.int8_bytes += bytes;
    out_.int4_bytes += bytes;
  }
  void quantized_bytes(const Weight& weight) {
    const auto bytes = [&](WeightPrecision precision) {
      if (!is_quantized_by(precision, weight)) return model::stored_bytes(weight);
      return weight.shape()[0] * row_bytes(group_type(precision), weight.shape()[1]);
    };
    out_.int8_bytes += bytes(WeightPrecision::kInt8);
    out_.int4_bytes += bytes(WeightPrecision::kInt4);
  }

  WeightCount out_;
};

void count_layer(const ModelConfig& config, const DecoderLayerWeights& layer, Counter& counter) {
  for (const ConstTensorView* norm : {&layer.input_layernorm, &layer.post_mixer_norm,
                                      &layer.post_attention_layernorm, &layer.post_mlp_norm}) {
    counter.vector(*norm);
  }
  if (const auto* softmax = std::get_if<AttentionWeights>(&layer.mixer)) {
    for (const Weight* weight : {&softmax->q_proj, &softmax->k_proj, &softmax->v_proj,
                                 &softmax->o_proj, &softmax->gate_proj}) {
      counter.matrix(*weight);
    }
    for (const ConstTensorView* weight :
         {&softmax->q_bias, &softmax->k_bias, &softmax->v_bias, &softmax->o_bias, &softmax->q_norm,
          &softmax->k_norm, &softmax->sinks}) {
      counter.vector(*weight);
    }
  } else {
    const auto& linear = std::get<LinearAttentionWeights>(layer.mixer);
    for (const Weight* weight : {&linear.qkv_proj, &linear.z_proj, &linear.out_proj}) {
      counter.matrix(*weight);
    }
    counter.stored(linear.a_proj);
    counter.stored(linear.b_proj);
    for (const ConstTensorView* weight :
         {&linear.conv, &linear.a_log, &linear.dt_bias, &linear.norm}) {
      counter.vector(*weight);
    }
  }
  if (const auto* dense = std::get_if<DenseMlpWeights>(&layer.mlp)) {
    counter.dense(*dense);
    return;
  }
  const auto& moe = std::get<MoeWeights>(layer.mlp);
  counter.stored(moe.router);
  counter.vector(moe.router_bias);
  counter.experts(moe.experts, config.num_experts_per_tok);
  if (moe.shared_expert) {
    counter.dense(*moe.shared_expert);
    counter.stored(moe.shared_expert_gate);
  }
}

void count_merger(const VisionMergerWeights& merger, Counter& counter) {
  for (const Weight* weight : {&merger.linear_fc1, &merger.linear_fc2}) counter.matrix(*weight);
  for (const ConstTensorView* weight :
       {&merger.norm_weight, &merger.norm_bias, &merger.linear_fc1_bias, &merger.linear_fc2_bias}) {
    counter.vector(*weight);
  }
}

void count_layer(const EncoderLayerWeights& layer, Counter& counter) {
  for (const Weight* weight : {&layer.q, &layer.k, &layer.v, &layer.out, &layer.fc1, &layer.fc2}) {
    counter.matrix(*weight);
  }
  for (const ConstTensorView* weight :
       {&layer.attention_norm_weight, &layer.attention_norm_bias, &layer.mlp_norm_weight,
        &layer.mlp_norm_bias, &layer.q_bias, &layer.k_bias, &layer.v_bias, &layer.out_bias,
        &layer.fc1_bias, &layer.fc2_bias}) {
    counter.vector(*weight);
  }
}

void count_vision(const VisionWeights& vision, Counter& counter) {
  counter.matrix(vision.patch_embed);
  counter.vector(vision.patch_embed_bias);
  counter.table(vision.pos_embed);
  for (const EncoderLayerWeights& block : vision.blocks) count_layer(block, counter);
  count_merger(vision.merger, counter);
  for (const VisionMergerWeights& merger : vision.deepstack) count_merger(merger, counter);
}

void count_audio(const AudioWeights& audio, Counter& counter) {
  for (const Weight* weight :
       {&audio.conv1, &audio.conv2, &audio.conv3, &audio.conv_out, &audio.proj1, &audio.proj2}) {
    counter.matrix(*weight);
  }
  for (const ConstTensorView* weight :
       {&audio.conv1_bias, &audio.conv2_bias, &audio.conv3_bias, &audio.ln_post_weight,
        &audio.ln_post_bias, &audio.proj1_bias, &audio.proj2_bias}) {
    counter.vector(*weight);
  }
  for (const EncoderLayerWeights& layer : audio.layers) count_layer(layer, counter);
}

}  // namespace

std::int64_t WeightCount::bytes(WeightPrecision precision) const {
  switch (precision) {
    case WeightPrecision::kInt8:
      return int8_bytes;
    case WeightPrecision::kInt4:
      return int4_bytes;
    case WeightPrecision::kStored:
      break;
  }
  return stored_bytes;
}

std::int64_t WeightCount::copied_bytes(WeightPrecision precision) const {
  const std::int64_t tied = precision == WeightPrecision::kStored ? tied_bytes : 0;
  return bytes(precision) - uncopied_bytes + tied;
}

WeightCount count_weights(const ModelConfig& config, const DecoderWeights& weights) {
  Counter counter;
  counter.table(weights.embed_tokens);
  if (weights.lm_head.values.data != weights.embed_tokens.values.data) {
    counter.matrix(weights.lm_head);
  } else {
    counter.tied(weights.lm_head);
  }
  counter.vector(weights.norm);
  for (const DecoderLayerWeights& layer : weights.layers) count_layer(config, layer, counter);
  // No token of text passes through a tower: its parameters are not among the active ones.
  const std::int64_t active = counter.count().active_parameters;
  if (weights.towers.vision) count_vision(*weights.towers.vision, counter);
  if (weights.towers.audio) count_audio(*weights.towers.audio, counter);
  WeightCount out = counter.count();
  out.active_parameters = active;
  return out;
}

Inspection inspect(const CheckpointFiles& files) {
  Inspection out;
  try {
    out.config = load_config(files);
  } catch (const Error& error) {
    out.config_problem = error.what();
    return out;
  }
  try {
    CheckpointTensors tensors(files);
    DecoderWeights weights = take_decoder_weights(*out.config, tensors);
    out.weights = count_weights(*out.config, weights);
    out.notes = std::move(weights.notes);
  } catch (const Error& error) {
    out.weights_problem = error.what();
  }
  return out;
}

}  // namespace peira::model
