#include "model/layers/batch.h"

#include <algorithm>

namespace peira::model {

Buffers::Buffers(Backend& backend, const ModelConfig& config, std::int64_t max_rows)
    : backend_(backend), max_rows_(max_rows) {
  const auto floats = [&](std::int64_t columns) {
    return backend.allocate(DType::kF32, {max_rows, columns});
  };
  const auto integers = [&](std::int64_t count) { return backend.allocate(DType::kI32, {count}); };
  const std::int64_t query_size = std::int64_t{config.num_attention_heads} * config.head_dim;
  const std::int64_t kv_size = std::int64_t{config.num_key_value_heads} * config.head_dim;
  tokens = integers(max_rows);
  positions_ = integers(max_rows);
  row_sequence_ = integers(max_rows);
  first_rows_ = integers(max_rows + 1);
  state_slots_ = integers(max_rows);
  page_table_ = integers(0);
  hidden = floats(config.hidden_size);
  normed = floats(config.hidden_size);
  block_out = floats(config.hidden_size);
  q = floats(query_size);
  k = floats(kv_size);
  v = floats(kv_size);
  attended = floats(query_size);
  attention_gate = floats(query_size);
  cos_sin = floats(config.rotary_dim);
  local_cos_sin = floats(config.local_rope_parameters ? config.rotary_dim : 0);
  router_logits = floats(config.num_experts);
  expert_ids = backend.allocate(DType::kI32, {max_rows, config.num_experts_per_tok});
  expert_weights = floats(config.num_experts_per_tok);
  std::int64_t widest = config.shared_expert_intermediate_size;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    if (!config.is_moe_layer(layer)) {
      widest = std::max<std::int64_t>(widest, config.intermediate_size);
    }
  }
  gate = floats(widest);
  up = floats(widest);
  const bool has_shared = config.shared_expert_intermediate_size > 0;
  shared_out = floats(has_shared ? config.hidden_size : 0);
  shared_gate = floats(has_shared ? 1 : 0);
  const std::int64_t value_heads = config.linear_num_value_heads;
  qkv = floats(config.conv_channels());
  conv_out = floats(config.conv_channels());
  z = floats(value_heads * config.linear_value_head_dim);
  a = floats(value_heads);
  b = floats(value_heads);
  delta_out = floats(value_heads * config.linear_value_head_dim);
}

BatchRows Buffers::upload(const Batch& batch) {
  const std::int64_t rows = batch.num_rows();
  const auto num_sequences = static_cast<std::int64_t>(batch.sequences.size());
  BatchRows out;
  out.sequences = batch.sequences;
  const auto write = [&](const TensorView& to) {
    backend_.write(to, host_);
    host_.clear();
    return to;
  };
  backend_.write(tokens.slice(0, rows), batch.tokens);
  out.positions = positions_.slice(0, rows);
  backend_.write(positions_.slice(0, rows), batch.positions);

  host_.clear();
  for (std::size_t s = 0; s < batch.sequences.size(); ++s) {
    host_.insert(host_.end(), static_cast<std::size_t>(batch.sequences[s].num_rows),
                 static_cast<std::int32_t>(s));
  }
  out.row_sequence = write(row_sequence_.slice(0, rows));
  for (const SequenceRows& sequence : batch.sequences) host_.push_back(sequence.first_row);
  host_.push_back(static_cast<std::int32_t>(rows));
  out.first_rows = write(first_rows_.slice(0, num_sequences + 1));
  for (const SequenceRows& sequence : batch.sequences) host_.push_back(sequence.state_slot);
  out.state_slots = write(state_slots_.slice(0, num_sequences));

  std::size_t num_pages = 0;
  for (const SequenceRows& sequence : batch.sequences) {
    num_pages = std::max(num_pages, sequence.pages.size());
  }
  for (const SequenceRows& sequence : batch.sequences) {
    host_.insert(host_.end(), sequence.pages.begin(), sequence.pages.end());
    host_.insert(host_.end(), num_pages - sequence.pages.size(), 0);
  }
  const auto needed = static_cast<std::int64_t>(host_.size());
  if (page_table_.shape().num_elements() < needed) {
    page_table_ = backend_.allocate(DType::kI32, {needed * 2});
  }
  out.page_table =
      write(page_table_.view().first({num_sequences, static_cast<std::int64_t>(num_pages)}));
  return out;
}

}  // namespace peira::model
