#include "model/layers/decoder.h"

#include <array>
#include <utility>

namespace peira::model {

Decoder::Decoder(Backend& backend, const ModelConfig& config, DecoderWeights weights,
                 std::int64_t max_rows)
    : backend_(backend),
      config_(config),
      weights_(std::move(weights)),
      rope_(rope_frequencies(config.rope_parameters, config.rotary_dim)),
      local_rope_(rope_frequencies(config.local_rope_parameters.value_or(config.rope_parameters),
                                   config.rotary_dim)),
      buffers_(backend, config, max_rows),
      logit_rows_(backend.allocate(DType::kI32, {kMaxLogitRows})),
      logit_hidden_(backend.allocate(DType::kF32, {kMaxLogitRows, config.hidden_size})),
      logits_(backend.allocate(DType::kF32, {kMaxLogitRows, config.vocab_size})),
      log_sum_exp_(backend.allocate(DType::kF32, {kMaxLogitRows})) {}

std::int64_t Decoder::buffers_bytes(const ModelConfig& config, std::int64_t max_rows) {
  const std::int64_t logit_floats =
      kMaxLogitRows * (std::int64_t{config.hidden_size} + config.vocab_size);
  return Buffers::bytes(config, max_rows) + logit_floats * block_bytes(DType::kF32);
}

void Decoder::forward(const Batch& batch, const KvCache& cache) {
  const std::int64_t rows = batch.num_rows();
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  const TensorView hidden = buffers_.hidden.slice(0, rows);
  const TensorView normed = buffers_.normed.slice(0, rows);
  const TensorView block_out = buffers_.block_out.slice(0, rows);

  const BatchRows batch_rows = buffers_.upload(batch);
  backend_.rope_angles(batch_rows.positions, rope_.inv_freq, rope_.attention_scaling,
                       buffers_.cos_sin.slice(0, rows));
  if (config_.local_rope_parameters) {
    backend_.rope_angles(batch_rows.positions, local_rope_.inv_freq, local_rope_.attention_scaling,
                         buffers_.local_cos_sin.slice(0, rows));
  }
  backend_.embedding(buffers_.tokens.slice(0, rows), weights_.embed_tokens,
                     static_cast<float>(config_.embedding_scale), hidden);
  const auto add_block = [&](const ConstTensorView& post_norm) {
    if (post_norm) backend_.rms_norm(block_out, post_norm, eps, block_out);
    backend_.add(hidden, block_out);
  };
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const DecoderLayerWeights& layer = weights_.layers[i];
    const auto index = static_cast<int>(i);
    backend_.rms_norm(hidden, layer.input_layernorm, eps, normed);
    if (const auto* softmax = std::get_if<AttentionWeights>(&layer.mixer)) {
      attention(backend_, config_, config_.layer_types[i], *softmax, batch_rows, cache.layer(index),
                buffers_);
    } else {
      linear_attention(backend_, config_, std::get<LinearAttentionWeights>(layer.mixer), batch_rows,
                       cache.recurrent_layer(index), buffers_);
    }
    add_block(layer.post_mixer_norm);
    backend_.rms_norm(hidden, layer.post_attention_layernorm, eps, normed);
    if (const auto* dense = std::get_if<DenseMlpWeights>(&layer.mlp)) {
      dense_mlp(backend_, config_, *dense, rows, buffers_);
    } else {
      moe(backend_, config_, std::get<MoeWeights>(layer.mlp), rows, buffers_);
    }
    add_block(layer.post_mlp_norm);
  }
}

Decoder::Logits Decoder::logits(std::span<const std::int32_t> rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const TensorView row_numbers = logit_rows_.slice(0, count);
  const TensorView hidden = logit_hidden_.slice(0, count);
  const TensorView logits = logits_.slice(0, count);
  const TensorView log_sum_exp = log_sum_exp_.slice(0, count);
  backend_.write(row_numbers, rows);
  backend_.gather_rows(buffers_.hidden, row_numbers, hidden);
  backend_.rms_norm(hidden, weights_.norm, static_cast<float>(config_.rms_norm_eps), hidden);
  backend_.linear(hidden, std::array{LinearPart{weights_.lm_head, {}, logits}});
  if (config_.final_logit_softcapping > 0) {
    backend_.softcap(logits, static_cast<float>(config_.final_logit_softcapping));
  }
  backend_.log_sum_exp(logits, log_sum_exp);
  return {backend_.host_view(logits, logits_scratch_),
          backend_.host_view(log_sum_exp, log_sum_exp_scratch_)};
}

}  // namespace peira::model
