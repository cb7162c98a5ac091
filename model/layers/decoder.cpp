#include "model/layers/decoder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <utility>

namespace peira::model {
namespace {

bool is_decoding(const Batch& batch) {
  return batch.num_rows() == static_cast<std::int64_t>(batch.sequences.size()) &&
         batch.media.empty();
}

// One of few sizes not below `num_rows`.
std::int64_t padded_rows(std::int64_t num_rows) {
  if (num_rows <= 2) return num_rows;
  if (num_rows <= 4) return 4;
  const std::int64_t step = num_rows <= 64 ? 8 : 32;
  return (num_rows + step - 1) / step * step;
}

std::int64_t padded_pages(std::int64_t num_pages) {
  constexpr std::int64_t kFewestPages = 8;
  std::int64_t out = kFewestPages;
  while (out < num_pages) out *= 2;
  return out;
}

Buffers::Padding padding_of(const Batch& batch, std::int64_t max_rows) {
  std::int64_t num_pages = 0;
  for (const SequenceRows& sequence : batch.sequences) {
    num_pages = std::max(num_pages, std::ssize(sequence.pages));
  }
  return {std::min(padded_rows(batch.num_rows()), max_rows), padded_pages(num_pages)};
}

// Of what compute() depends on besides the contents of tensors: shapes and where tensors lie.
std::uint64_t key_of(const BatchRows& rows, const KvCache& cache, std::size_t num_layers) {
  std::uint64_t key = 0xCBF29CE484222325U;  // FNV-1a over whole words
  const auto mix = [&](std::uint64_t word) { key = (key ^ word) * 0x100000001B3U; };
  const auto mix_address = [&](const void* data) { mix(reinterpret_cast<std::uintptr_t>(data)); };
  mix(static_cast<std::uint64_t>(rows.page_table.shape[0]));
  mix(static_cast<std::uint64_t>(rows.page_table.shape[1]));
  mix_address(rows.page_table.data);
  for (std::size_t layer = 0; layer < num_layers; ++layer) {
    mix_address(cache.layer(static_cast<int>(layer)).keys.data);
    mix_address(cache.recurrent_layer(static_cast<int>(layer)).delta.data);
  }
  return key;
}

}  // namespace

Decoder::Decoder(Backend& backend, const ModelConfig& config, DecoderWeights weights,
                 std::int64_t max_rows)
    : backend_(backend),
      config_(config),
      weights_(std::move(weights)),
      rope_(rope_frequencies(config.rope_parameters, config.rotary_dim)),
      local_rope_(rope_frequencies(config.local_rope_parameters.value_or(config.rope_parameters),
                                   config.rotary_dim)),
      rope_axes_(config.rope_axes()),
      buffers_(backend, config, max_rows),
      logit_rows_(backend.allocate(DType::kI32, {kMaxLogitRows})),
      logit_tokens_(backend.allocate(DType::kI32, {kMaxLogitRows})),
      logit_best_(backend.allocate(DType::kI32, {kMaxLogitRows})),
      logit_hidden_(backend.allocate(DType::kF32, {kMaxLogitRows, config.hidden_size})),
      logits_(backend.allocate(DType::kF32, {kMaxLogitRows, config.vocab_size})),
      logit_numbers_(backend.allocate(DType::kF32, {3, kMaxLogitRows})) {
  backend.reserve(work_sizes(config, max_rows));
}

std::int64_t Decoder::buffers_bytes(const ModelConfig& config, std::int64_t max_rows) {
  const std::int64_t logit_floats =
      kMaxLogitRows * (std::int64_t{config.hidden_size} + config.vocab_size);
  return Buffers::bytes(config, max_rows) + logit_floats * block_bytes(DType::kF32);
}

WorkSizes Decoder::work_sizes(const ModelConfig& config, std::int64_t max_rows) {
  return {.max_rows = max_rows,
          .max_pages = padded_pages(KvCache::pages_for(config.max_position_embeddings)),
          .num_layers = config.num_hidden_layers,
          .hidden_size = config.hidden_size,
          .num_heads = config.num_attention_heads,
          .head_dim = config.head_dim,
          .num_experts = config.num_experts,
          .num_experts_per_tok = config.num_experts_per_tok,
          .moe_intermediate_size = config.moe_intermediate_size};
}

void Decoder::forward(const Batch& batch, const KvCache& cache) {
  if (!backend_.records() || !is_decoding(batch)) {
    compute(buffers_.upload(batch), batch.media, cache);
    return;
  }
  const BatchRows rows = buffers_.upload(batch, padding_of(batch, max_rows()));
  backend_.recorded(key_of(rows, cache, weights_.layers.size()), [&] { compute(rows, {}, cache); });
}

void Decoder::compute(const BatchRows& batch_rows, std::span<const MediaRows> media,
                      const KvCache& cache) {
  const std::int64_t rows = batch_rows.positions.shape[0];
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  const TensorView hidden = buffers_.hidden.slice(0, rows);
  const TensorView normed = buffers_.normed.slice(0, rows);
  const TensorView block_out = buffers_.block_out.slice(0, rows);

  if (rope_axes_.empty()) {
    backend_.rope_angles(batch_rows.positions, rope_.inv_freq, rope_.attention_scaling,
                         buffers_.cos_sin.slice(0, rows));
  } else {
    backend_.axial_rope_angles(buffers_.axis_positions.slice(0, rows), rope_.inv_freq, rope_axes_,
                               rope_.attention_scaling, buffers_.cos_sin.slice(0, rows));
  }
  if (config_.local_rope_parameters) {
    backend_.rope_angles(batch_rows.positions, local_rope_.inv_freq, local_rope_.attention_scaling,
                         buffers_.local_cos_sin.slice(0, rows));
  }
  backend_.embedding(buffers_.tokens.slice(0, rows), weights_.embed_tokens,
                     static_cast<float>(config_.embedding_scale), hidden);
  for (const MediaRows& part : media) {
    backend_.copy(
        ConstTensorView(part.medium->embeddings).slice(part.first_embedding, part.num_rows),
        hidden.slice(part.first_row, part.num_rows));
  }
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
    for (const MediaRows& part : media) {
      if (i >= part.medium->deepstack.size()) continue;
      backend_.add(
          hidden.slice(part.first_row, part.num_rows),
          ConstTensorView(part.medium->deepstack[i]).slice(part.first_embedding, part.num_rows));
    }
  }
}

std::span<const Decoder::RowLogits> Decoder::logits(std::span<const LogitRow> rows) {
  // On the device, rows that are wanted whole come first.
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto first_part = std::stable_partition(order.begin(), order.end(),
                                                [&](std::size_t i) { return rows[i].whole; });
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::int64_t num_whole = first_part - order.begin();
  const std::int64_t num_parts = count - num_whole;
  std::vector<std::int32_t> row_numbers, tokens;
  for (const std::size_t i : order) {
    row_numbers.push_back(rows[i].row);
    if (!rows[i].whole) tokens.push_back(rows[i].token);
  }

  const TensorView device_rows = logit_rows_.slice(0, count);
  const TensorView hidden = logit_hidden_.slice(0, count);
  const TensorView logits = logits_.slice(0, count);
  backend_.write(device_rows, row_numbers);
  backend_.gather_rows(buffers_.hidden, device_rows, hidden);
  backend_.rms_norm(hidden, weights_.norm, static_cast<float>(config_.rms_norm_eps), hidden);
  backend_.linear(hidden, std::array{LinearPart{weights_.lm_head, {}, logits}});
  if (config_.final_logit_softcapping > 0) {
    backend_.softcap(logits, static_cast<float>(config_.final_logit_softcapping));
  }
  // Three numbers a row, one kind after the other.
  const TensorView numbers = logit_numbers_.view().first({3 * count});
  backend_.log_sum_exp(logits, numbers.slice(0, count));
  std::vector<std::int32_t> best(static_cast<std::size_t>(num_parts));
  if (num_parts > 0) {
    const TensorView parts = logits.slice(num_whole, num_parts);
    const TensorView device_tokens = logit_tokens_.slice(0, num_parts);
    const TensorView device_best = logit_best_.slice(0, num_parts);
    backend_.write(device_tokens, tokens);
    backend_.arg_max(parts, device_best, numbers.slice(count, num_parts));
    backend_.pick(parts, device_tokens, numbers.slice(2 * count, num_parts));
    backend_.read(device_best, best);
  }
  const std::span<const float> all =
      backend_.host_view(logits.slice(0, num_whole), logits_scratch_);
  const std::span<const float> values =
      backend_.host_view(num_parts > 0 ? numbers : numbers.slice(0, count), numbers_scratch_);

  const auto vocab_size = static_cast<std::size_t>(config_.vocab_size);
  const auto whole = static_cast<std::size_t>(num_whole);
  row_logits_.assign(rows.size(), {});
  for (std::size_t i = 0; i < order.size(); ++i) {
    RowLogits& out = row_logits_[order[i]];
    out.log_sum_exp = values[i];
    if (i < whole) {
      out.all = all.subspan(i * vocab_size, vocab_size);
    } else {
      out.best = best[i - whole];
      out.best_logit = values[rows.size() + i - whole];
      out.token_logit = values[2 * rows.size() + i - whole];
    }
  }
  return row_logits_;
}

}  // namespace peira::model
