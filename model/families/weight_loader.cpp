#include "model/families/weight_loader.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace peira::model {
namespace {

// copy(a value of the size of an element of `dtype`, which is a plain one): copying needs no more.
template <typename Copy>
void copy_elements(DType dtype, const Copy& copy) {
  if (dtype == DType::kF32) {
    copy(std::uint32_t{});
  } else {
    copy(std::uint16_t{});
  }
}

}  // namespace

void WeightLoader::fail(const std::string& what) const {
  throw Error(ErrorCode::kData, tensors_.name() + ": " + what);
}

ConstTensorView WeightLoader::shifted_vector(const std::string& name, const Shape& shape,
                                             float offset) {
  const ConstTensorView stored = vector(name, shape);
  if (!stored || offset == 0) return stored;
  const std::int64_t size = stored.num_elements();
  const TensorView out = own(DType::kF32, shape);
  const ConstTensorView as_row{stored.data, stored.dtype, {1, size}};
  widen_row(as_row, 0, out.f32());
  for (std::int64_t i = 0; i < size; ++i) out.f32()[i] += offset;
  return out;
}

Weight WeightLoader::matrix(const std::string& name, const Shape& shape) {
  const ConstTensorView values = tensors_.take_matrix(name, shape);
  if (!values || values.dtype != DType::kF8E4M3) return values;
  return {values, fp8_scales(name, shape)};
}

ConstTensorView WeightLoader::fp8_scales(const std::string& matrix_name, const Shape& shape) {
  if (!config_.has_fp8_weights) {
    fail("tensor " + matrix_name +
         " is F8_E4M3 but config.json has no quantization_config of quant_method fp8");
  }
  for (const std::string& module : config_.modules_to_not_convert) {
    if (matrix_name.starts_with(module + ".")) {
      fail("tensor " + matrix_name + " is F8_E4M3 but modules_to_not_convert names " + module);
    }
  }
  const auto blocks = [](std::int64_t size) { return (size + kFp8Block - 1) / kFp8Block; };
  const Shape scales_shape{blocks(shape[0]), blocks(shape[1])};
  const ConstTensorView stored = vector(matrix_name + "_scale_inv", scales_shape);
  if (!stored || stored.dtype == DType::kF32) return stored;
  const TensorView out = own(DType::kF32, scales_shape);
  for (std::int64_t row = 0; row < scales_shape[0]; ++row) {
    widen_row(stored, row, out.slice(row, 1).f32());
  }
  return out;
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
  notes_.push_back(std::to_string(count) + (count == 1 ? " tensor " : " tensors ") + prefix +
                   "*: " + why);
}

AttentionWeights WeightLoader::attention(const std::string& prefix, OutputBias output_bias) {
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
    if (output_bias == OutputBias::kAsOthers) out.o_bias = vector(prefix + "o_proj.bias", {hidden});
  }
  return out;
}

DenseMlpWeights WeightLoader::dense_mlp(const std::string& prefix, std::int64_t inner) {
  const std::int64_t hidden = config_.hidden_size;
  DenseMlpWeights out;
  out.gate_proj = matrix(prefix + "gate_proj.weight", {inner, hidden});
  out.up_proj = matrix(prefix + "up_proj.weight", {inner, hidden});
  out.down_proj = matrix(prefix + "down_proj.weight", {hidden, inner});
  if (config_.mlp_bias) {
    out.gate_bias = vector(prefix + "gate_proj.bias", {inner});
    out.up_bias = vector(prefix + "up_proj.bias", {inner});
    out.down_bias = vector(prefix + "down_proj.bias", {hidden});
  }
  return out;
}

MoeWeights WeightLoader::sparse_mlp(const std::string& prefix) {
  MoeWeights out;
  out.router = matrix(prefix + "gate.weight", {config_.num_experts, config_.hidden_size});
  out.experts = experts(prefix + "experts.");
  if (config_.shared_expert_intermediate_size == 0) return out;
  out.shared_expert = dense_mlp(prefix + "shared_expert.", config_.shared_expert_intermediate_size);
  out.shared_expert_gate = matrix(prefix + "shared_expert_gate.weight", {1, config_.hidden_size});
  return out;
}

std::variant<DenseMlpWeights, MoeWeights> WeightLoader::mlp(int index, const std::string& prefix) {
  if (config_.is_moe_layer(index)) return sparse_mlp(prefix);
  return dense_mlp(prefix, config_.intermediate_size);
}

ConstTensorView WeightLoader::every_second(const ConstTensorView& stored, std::int64_t first) {
  if (!stored) return {};
  const TensorView out = own(stored.dtype, {stored.shape[0], stored.shape[1] / 2});
  copy_elements(stored.dtype, [&]<typename Bits>(Bits /*of an element*/) {
    const auto* const from = static_cast<const Bits*>(stored.data);
    auto* const to = static_cast<Bits*>(out.data);
    for (std::int64_t i = 0; i < out.num_elements(); ++i) to[i] = from[first + 2 * i];
  });
  return out;
}

ConstTensorView WeightLoader::transposed(const ConstTensorView& stored, std::int64_t first,
                                         std::int64_t step, std::int64_t count) {
  const std::int64_t inputs = stored.shape[0];
  const std::int64_t outputs = stored.shape[1];
  const TensorView out = own(stored.dtype, {count, inputs});
  copy_elements(stored.dtype, [&]<typename Bits>(Bits /*of an element*/) {
    const auto* const from = static_cast<const Bits*>(stored.data);
    auto* const to = static_cast<Bits*>(out.data);
    constexpr std::int64_t kTile = 32;  // rows of a tile stay in the cache on both sides
    for (std::int64_t tile = 0; tile < inputs; tile += kTile) {
      for (std::int64_t o = 0; o < count; ++o) {
        for (std::int64_t i = tile; i < std::min(inputs, tile + kTile); ++i) {
          to[o * inputs + i] = from[i * outputs + first + o * step];
        }
      }
    }
  });
  return out;
}

ExpertWeights WeightLoader::input_major_experts(const std::string& prefix, GateUpOrder order) {
  const std::int64_t hidden = config_.hidden_size;
  const std::int64_t inner = config_.moe_intermediate_size;
  const std::int64_t num_experts = config_.num_experts;
  const bool takes_turns = order == GateUpOrder::kTakeTurns;
  const std::int64_t first_up = takes_turns ? 1 : inner;
  const std::int64_t step = takes_turns ? 2 : 1;
  ExpertWeights out;
  out.activation = config_.activation;
  const ConstTensorView gate_up = vector(prefix + "gate_up_proj", {num_experts, hidden, 2 * inner});
  const ConstTensorView down = vector(prefix + "down_proj", {num_experts, inner, hidden});
  if (!gate_up || !down) return out;
  for (std::int64_t expert = 0; expert < num_experts; ++expert) {
    out.gate_proj.emplace_back(transposed(gate_up.at(expert), 0, step, inner));
    out.up_proj.emplace_back(transposed(gate_up.at(expert), first_up, step, inner));
    out.down_proj.emplace_back(transposed(down.at(expert), 0, 1, hidden));
  }
  return out;
}

ExpertWeights WeightLoader::experts(const std::string& prefix, const ExpertNames& names) {
  const std::int64_t hidden = config_.hidden_size;
  const std::int64_t inner = config_.moe_intermediate_size;
  const std::int64_t num_experts = config_.num_experts;
  ExpertWeights out;
  out.activation = config_.activation;
  const std::string gate_up_name = prefix + "gate_up_proj";
  const std::string down_name = prefix + "down_proj";
  if (!has(gate_up_name)) {
    const auto add = [&](std::vector<Weight>& to, std::int64_t expert, std::string_view name,
                         const Shape& shape) {
      to.push_back(
          matrix(prefix + std::to_string(expert) + "." + std::string(name) + ".weight", shape));
    };
    for (std::int64_t expert = 0; expert < num_experts; ++expert) {
      add(out.gate_proj, expert, names.gate, {inner, hidden});
      add(out.up_proj, expert, names.up, {inner, hidden});
      add(out.down_proj, expert, names.down, {hidden, inner});
    }
    return out;
  }
  // One of the two tells: 2I = H and I = H cannot both be.
  const Shape gate_up_input_major{num_experts, hidden, 2 * inner};
  const Shape down_input_major{num_experts, inner, hidden};
  const bool is_input_major = 2 * inner != hidden
                                  ? tensors_.shape_of(gate_up_name) == gate_up_input_major
                                  : tensors_.shape_of(down_name) == down_input_major;
  if (is_input_major) return input_major_experts(prefix, GateUpOrder::kGatesFirst);
  const ConstTensorView gate_up = vector(gate_up_name, {num_experts, 2 * inner, hidden});
  const ConstTensorView down = vector(down_name, {num_experts, hidden, inner});
  for (std::int64_t expert = 0; expert < num_experts && gate_up && down; ++expert) {
    out.gate_proj.emplace_back(gate_up.at(expert).slice(0, inner));
    out.up_proj.emplace_back(gate_up.at(expert).slice(inner, inner));
    out.down_proj.emplace_back(down.at(expert));
  }
  return out;
}

DecoderWeights WeightLoader::decoder(const TakeLayer& take_layer, float norm_offset,
                                     const DecoderNames& names) {
  const std::int64_t hidden = config_.hidden_size;
  const auto norm = [&](const std::string& name) {
    return shifted_vector(name + ".weight", {hidden}, norm_offset);
  };
  DecoderWeights out;
  out.embed_tokens = matrix(names.text + "embed_tokens.weight", {config_.vocab_size, hidden});
  for (int i = 0; i < config_.num_hidden_layers; ++i) {
    const std::string prefix = names.text + "layers." + std::to_string(i) + ".";
    DecoderLayerWeights& layer = out.layers.emplace_back();
    layer.input_layernorm = norm(prefix + "input_layernorm");
    layer.post_attention_layernorm = norm(prefix + "post_attention_layernorm");
    take_layer(i, prefix, layer);
  }
  out.norm = norm(names.text + "norm");
  out.lm_head = lm_head(out.embed_tokens, names.lm_head);
  return out;
}

Weight WeightLoader::lm_head(const Weight& embed_tokens, const std::string& name) {
  const Shape shape{config_.vocab_size, config_.hidden_size};
  if (!config_.tie_word_embeddings) return matrix(name, shape);
  if (!has(name)) return embed_tokens;
  const Weight stored = matrix(name, shape);
  const auto size_bytes = static_cast<std::size_t>(bytes_of(stored.dtype(), shape.num_elements()));
  if (embed_tokens &&
      (stored.dtype() != embed_tokens.dtype() ||
       std::memcmp(stored.values.data, embed_tokens.values.data, size_bytes) != 0)) {
    fail("tensor " + name +
         " differs from the embedding though config.json says tie_word_embeddings\n  try: "
         "tie_word_embeddings false");
  }
  return embed_tokens;
}

}  // namespace peira::model
