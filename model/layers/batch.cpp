#include "model/layers/batch.h"

#include <algorithm>

namespace peira::model {

std::vector<Buffers::FloatBuffer> Buffers::float_buffers(const ModelConfig& config) {
  const std::int64_t query_size = std::int64_t{config.num_attention_heads} * config.head_dim;
  const std::int64_t kv_size = std::int64_t{config.num_key_value_heads} * config.head_dim;
  const std::int64_t hidden_size = config.hidden_size;
  const std::int64_t value_heads = config.linear_num_value_heads;
  const std::int64_t value_size = value_heads * config.linear_value_head_dim;
  const bool has_shared = config.shared_expert_intermediate_size > 0;
  std::int64_t widest = config.shared_expert_intermediate_size;
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    if (!config.is_moe_layer(layer)) {
      widest = std::max<std::int64_t>(widest, config.intermediate_size);
    }
  }
  return {{&Buffers::hidden, hidden_size},
          {&Buffers::normed, hidden_size},
          {&Buffers::block_out, hidden_size},
          {&Buffers::q, query_size},
          {&Buffers::k, kv_size},
          {&Buffers::v, kv_size},
          {&Buffers::attended, query_size},
          {&Buffers::attention_gate, query_size},
          {&Buffers::cos_sin, config.rotary_dim},
          {&Buffers::axis_positions, static_cast<std::int64_t>(config.mrope_section.size())},
          {&Buffers::local_cos_sin, config.local_rope_parameters ? config.rotary_dim : 0},
          {&Buffers::router_logits, config.num_experts},
          {&Buffers::expert_weights, config.num_experts_per_tok},
          {&Buffers::gate, widest},
          {&Buffers::up, widest},
          {&Buffers::shared_out, has_shared ? hidden_size : 0},
          {&Buffers::shared_gate, has_shared ? 1 : 0},
          {&Buffers::qkv, config.conv_channels()},
          {&Buffers::conv_out, config.conv_channels()},
          {&Buffers::z, value_size},
          {&Buffers::a, value_heads},
          {&Buffers::b, value_heads},
          {&Buffers::delta_out, value_size}};
}

std::int64_t Buffers::bytes(const ModelConfig& config, std::int64_t max_rows) {
  std::int64_t columns = 0;
  for (const FloatBuffer& buffer : float_buffers(config)) columns += buffer.columns;
  return columns * max_rows * block_bytes(DType::kF32);
}

Buffers::Buffers(Backend& backend, const ModelConfig& config, std::int64_t max_rows)
    : backend_(backend), max_rows_(max_rows) {
  for (const auto& [tensor, columns] : float_buffers(config)) {
    this->*tensor = backend.allocate(DType::kF32, {max_rows, columns});
  }
  const auto integers = [&](std::int64_t count) { return backend.allocate(DType::kI32, {count}); };
  tokens = integers(max_rows);
  positions_ = integers(max_rows);
  row_sequence_ = integers(max_rows);
  first_rows_ = integers(max_rows + 1);
  state_slots_ = integers(max_rows);
  page_table_ = integers(0);
  expert_ids = backend.allocate(DType::kI32, {max_rows, config.num_experts_per_tok});
}

BatchRows Buffers::upload(const Batch& batch, const Padding& padding) {
  const std::int64_t rows = std::max(batch.num_rows(), padding.num_rows);
  const std::int64_t num_padding = rows - batch.num_rows();
  const auto num_sequences = static_cast<std::int64_t>(batch.sequences.size()) + num_padding;
  BatchRows out;
  out.sequences = batch.sequences;
  // Writes host_, lengthened by `value` for each row of padding.
  const auto write = [&](const TensorView& to, std::int32_t value, std::int64_t per_row = 1) {
    host_.insert(host_.end(), static_cast<std::size_t>(num_padding * per_row), value);
    backend_.write(to, host_);
    host_.clear();
    return to;
  };
  host_ = batch.tokens;
  write(tokens.slice(0, rows), 0);
  host_ = batch.positions;
  out.positions = write(positions_.slice(0, rows), 0);
  if (!batch.axis_positions.empty()) {
    for (const AxisPosition& position : batch.axis_positions) {
      host_floats_.insert(host_floats_.end(), position.begin(), position.end());
    }
    host_floats_.resize(static_cast<std::size_t>(rows) * AxisPosition().size(), 0);
    backend_.write(axis_positions.slice(0, rows), host_floats_);
    host_floats_.clear();
  }

  for (std::size_t s = 0; s < batch.sequences.size(); ++s) {
    host_.insert(host_.end(), static_cast<std::size_t>(batch.sequences[s].num_rows),
                 static_cast<std::int32_t>(s));
  }
  out.row_sequence = write(row_sequence_.slice(0, rows), -1);
  const auto end = static_cast<std::int32_t>(batch.num_rows());
  for (const SequenceRows& sequence : batch.sequences) host_.push_back(sequence.first_row);
  host_.push_back(end);
  out.first_rows = write(first_rows_.slice(0, num_sequences + 1), end);
  for (const SequenceRows& sequence : batch.sequences) host_.push_back(sequence.state_slot);
  out.state_slots = write(state_slots_.slice(0, num_sequences), -1);

  std::size_t num_pages = static_cast<std::size_t>(padding.num_pages);
  for (const SequenceRows& sequence : batch.sequences) {
    num_pages = std::max(num_pages, sequence.pages.size());
  }
  for (const SequenceRows& sequence : batch.sequences) {
    host_.insert(host_.end(), sequence.pages.begin(), sequence.pages.end());
    host_.insert(host_.end(), num_pages - sequence.pages.size(), 0);
  }
  const auto width = static_cast<std::int64_t>(num_pages);
  const std::int64_t needed = num_sequences * width;
  if (page_table_.shape().num_elements() < needed) {
    page_table_ = backend_.allocate(DType::kI32, {needed * 2});
  }
  out.page_table = write(page_table_.view().first({num_sequences, width}), 0, width);
  return out;
}

}  // namespace peira::model
