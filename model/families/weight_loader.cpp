#include "model/families/weight_loader.h"

#include <cstring>

#include "base/error.h"

namespace peira::model {

void WeightLoader::fail(const std::string& what) const {
  throw Error(ErrorCode::kData, tensors_.name() + ": " + what);
}

ConstTensorView WeightLoader::shifted_vector(const std::string& name, const Shape& shape,
                                             float offset) {
  const ConstTensorView stored = vector(name, shape);
  if (!stored) return {};
  const std::int64_t size = stored.num_elements();
  const TensorView out = own(DType::kF32, shape);
  const ConstTensorView as_row{stored.data, stored.dtype, {1, size}};
  widen_row(as_row, 0, out.f32());
  for (std::int64_t i = 0; i < size; ++i) out.f32()[i] += offset;
  return out;
}

Weight WeightLoader::matrix(const std::string& name, const Shape& shape) {
  return tensors_.take(name, shape);
}

TensorView WeightLoader::own(DType dtype, const Shape& shape) {
  owned_.push_back(host_tensor(dtype, shape));
  return owned_.back().view();
}

Weight WeightLoader::rows(const Weight& stored, std::span<const RowRange> ranges,
                          const std::string& what) {
  if (!stored) return {};
  std::int64_t count = 0;
  bool is_slice = true;
  bool keeps_blocks = true;
  for (const RowRange& range : ranges) {
    is_slice = is_slice && range.first == ranges.front().first + count;
    keeps_blocks = keeps_blocks && range.first % kFp8Block == 0 && range.count % kFp8Block == 0;
    count += range.count;
  }
  // The scales of an FP8 matrix stand for kFp8Block rows each and have to move with them.
  if (stored.scales && !keeps_blocks) {
    fail("tensor " + what + ": its heads do not end where the " + std::to_string(kFp8Block) +
         "-row blocks of its scales do");
  }
  if (is_slice) {
    Weight out(stored.values.slice(ranges.front().first, count));
    if (stored.scales) {
      out.scales = stored.scales.slice(ranges.front().first / kFp8Block, count / kFp8Block);
    }
    return out;
  }
  const auto copy_rows = [&](const ConstTensorView& from, std::int64_t rows_per_row) {
    const TensorView to = own(from.dtype, {count / rows_per_row, from.shape[1]});
    const std::int64_t row_bytes = bytes_of(from.dtype, from.shape[1]);
    auto* at = static_cast<std::byte*>(to.data);
    for (const RowRange& range : ranges) {
      const std::int64_t size = range.count / rows_per_row * row_bytes;
      std::memcpy(at, from.slice(range.first / rows_per_row, 1).data,
                  static_cast<std::size_t>(size));
      at += size;
    }
    return to;
  };
  Weight out(ConstTensorView(copy_rows(stored.values, 1)));
  if (stored.scales) out.scales = copy_rows(stored.scales, kFp8Block);
  return out;
}

ConstTensorView WeightLoader::elements(const ConstTensorView& stored,
                                       std::span<const RowRange> ranges) {
  if (!stored) return {};
  const ConstTensorView column{stored.data, stored.dtype, {stored.num_elements(), 1}};
  const ConstTensorView out = rows(column, ranges, "").values;
  return {out.data, out.dtype, {out.num_elements()}};
}

void WeightLoader::leave_out(const std::string& prefix, const std::string& why) {
  const std::size_t count = tensors_.leave_out(prefix);
  if (count == 0) return;
  notes_.push_back(std::to_string(count) + " tensors " + prefix + "*: " + why);
}

AttentionWeights WeightLoader::attention(const std::string& prefix) {
  const std::int64_t hidden = config_.hidden_size;
  const std::int64_t q_size = std::int64_t{config_.num_attention_heads} * config_.head_dim;
  const std::int64_t kv_size = std::int64_t{config_.num_key_value_heads} * config_.head_dim;
  AttentionWeights out;
  out.q_proj = matrix(prefix + "q_proj.weight", {q_size, hidden});
  out.k_proj = matrix(prefix + "k_proj.weight", {kv_size, hidden});
  out.v_proj = matrix(prefix + "v_proj.weight", {kv_size, hidden});
  out.o_proj = matrix(prefix + "o_proj.weight", {hidden, q_size});
  if (config_.attention_bias) {
    out.q_bias = vector(prefix + "q_proj.bias", {q_size});
    out.k_bias = vector(prefix + "k_proj.bias", {kv_size});
    out.v_bias = vector(prefix + "v_proj.bias", {kv_size});
    out.o_bias = vector(prefix + "o_proj.bias", {hidden});
  }
  return out;
}

DenseMlpWeights WeightLoader::dense_mlp(const std::string& prefix, std::int64_t inner) {
  const std::int64_t hidden = config_.hidden_size;
  return {matrix(prefix + "gate_proj.weight", {inner, hidden}),
          matrix(prefix + "up_proj.weight", {inner, hidden}),
          matrix(prefix + "down_proj.weight", {hidden, inner})};
}

ExpertWeights WeightLoader::experts(const std::string& prefix) {
  const std::int64_t hidden = config_.hidden_size;
  const std::int64_t inner = config_.moe_intermediate_size;
  const std::int64_t num_experts = config_.num_experts;
  ExpertWeights out;
  out.activation = config_.activation;
  const std::string fused_name = prefix + "gate_up_proj";
  if (has(fused_name)) {
    const ConstTensorView gate_up = vector(fused_name, {num_experts, 2 * inner, hidden});
    const ConstTensorView down = vector(prefix + "down_proj", {num_experts, hidden, inner});
    for (std::int64_t expert = 0; expert < num_experts && down; ++expert) {
      out.gate_proj.emplace_back(gate_up.at(expert).slice(0, inner));
      out.up_proj.emplace_back(gate_up.at(expert).slice(inner, inner));
      out.down_proj.emplace_back(down.at(expert));
    }
    return out;
  }
  for (std::int64_t expert = 0; expert < num_experts; ++expert) {
    const std::string name = prefix + std::to_string(expert) + ".";
    out.gate_proj.push_back(matrix(name + "gate_proj.weight", {inner, hidden}));
    out.up_proj.push_back(matrix(name + "up_proj.weight", {inner, hidden}));
    out.down_proj.push_back(matrix(name + "down_proj.weight", {hidden, inner}));
  }
  return out;
}

Weight WeightLoader::lm_head(const Weight& embed_tokens) {
  constexpr const char* kName = "lm_head.weight";
  const Shape shape{config_.vocab_size, config_.hidden_size};
  if (!config_.tie_word_embeddings) return matrix(kName, shape);
  if (!has(kName)) return embed_tokens;
  const Weight stored = matrix(kName, shape);
  const auto size_bytes = static_cast<std::size_t>(bytes_of(stored.dtype(), shape.num_elements()));
  if (embed_tokens &&
      (stored.dtype() != embed_tokens.dtype() ||
       std::memcmp(stored.values.data, embed_tokens.values.data, size_bytes) != 0)) {
    fail(
        "tensor lm_head.weight differs from model.embed_tokens.weight though config.json "
        "says tie_word_embeddings\n  try: tie_word_embeddings false");
  }
  return embed_tokens;
}

}  // namespace peira::model
