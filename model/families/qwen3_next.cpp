// Qwen3-Next: three of four layers gated DeltaNet, the others gated full attention, of whose heads
// a quarter turns; a sparse block with a gated shared expert; norms stored as their difference from
// one, but for the one in front of the DeltaNet's output gate.
// source  names and shapes: transformers models/qwen3_next.
#include "model/families/family.h"

namespace peira::model {
namespace {

using RowRange = WeightLoader::RowRange;

void read_linear_attention(const ConfigFields& fields, ModelConfig& config) {
  config.linear_num_key_heads = static_cast<int>(fields.integer("linear_num_key_heads", 1, 65536));
  config.linear_num_value_heads =
      static_cast<int>(fields.integer("linear_num_value_heads", 1, 65536));
  config.linear_key_head_dim = static_cast<int>(fields.integer("linear_key_head_dim", 1, 4096));
  config.linear_value_head_dim = static_cast<int>(fields.integer("linear_value_head_dim", 1, 4096));
  config.linear_conv_kernel_dim = static_cast<int>(fields.integer("linear_conv_kernel_dim", 1, 64));
  if (config.linear_num_value_heads % config.linear_num_key_heads != 0) {
    fields.fail("linear_num_value_heads is " + std::to_string(config.linear_num_value_heads) +
                " but linear_num_key_heads is " + std::to_string(config.linear_num_key_heads) +
                "\n  each key head must serve the same number of value heads");
  }
}

void read_rotary_dim(const ConfigFields& fields, ModelConfig& config) {
  double factor = fields.positive_or("partial_rotary_factor", 0.25);
  if (const Json* const rope = fields.find("rope_parameters"); rope != nullptr) {
    factor = ConfigFields(*rope, fields.where() + ": rope_parameters")
                 .positive_or("partial_rotary_factor", factor);
  }
  if (factor > 1) fields.fail("partial_rotary_factor is " + shown_json(factor) + ", above 1");
  config.rotary_dim = static_cast<int>(config.head_dim * factor);
}

void read_config(const ConfigFields& fields, ModelConfig& config) {
  for (const char* const key : {"num_key_value_heads", "head_dim"}) require(fields, key);
  read_experts(fields, config);
  config.norm_topk_prob = fields.flag_or("norm_topk_prob", true);
  config.shared_expert_intermediate_size = fields.size("shared_expert_intermediate_size");
  require_silu(fields, config);
  read_fp8(fields, config);
  read_linear_attention(fields, config);
  read_rotary_dim(fields, config);
  if (!read_layer_types(fields, {LayerType::kFullAttention, LayerType::kLinearAttention}, config)) {
    const auto interval =
        static_cast<std::size_t>(fields.integer_or("full_attention_interval", 1, 10000, 4));
    for (std::size_t i = 0; i < config.layer_types.size(); ++i) {
      const bool is_full = (i + 1) % interval == 0;
      config.layer_types[i] = is_full ? LayerType::kFullAttention : LayerType::kLinearAttention;
    }
  }
  if (fields.flag_or("use_sliding_window", false)) {
    fields.fail("use_sliding_window is true, which is not supported");
  }
}

// q_proj holds each head's query rows, then its gate rows.
AttentionWeights take_attention(const ModelConfig& config, WeightLoader& loader,
                                const std::string& prefix) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t head_dim = config.head_dim;
  const std::int64_t q_size = config.num_attention_heads * head_dim;
  const std::int64_t kv_size = config.num_key_value_heads * head_dim;
  std::vector<RowRange> queries, gates;
  for (std::int64_t head = 0; head < config.num_attention_heads; ++head) {
    queries.push_back({2 * head * head_dim, head_dim});
    gates.push_back({(2 * head + 1) * head_dim, head_dim});
  }
  AttentionWeights out;
  const std::string q_name = prefix + "q_proj.weight";
  const Weight both = loader.matrix(q_name, {2 * q_size, hidden});
  out.q_proj = loader.rows(both, queries, q_name);
  out.gate_proj = loader.rows(both, gates, q_name);
  out.k_proj = loader.matrix(prefix + "k_proj.weight", {kv_size, hidden});
  out.v_proj = loader.matrix(prefix + "v_proj.weight", {kv_size, hidden});
  out.o_proj = loader.matrix(prefix + "o_proj.weight", {hidden, q_size});
  if (config.attention_bias) {
    const ConstTensorView bias = loader.vector(prefix + "q_proj.bias", {2 * q_size});
    out.q_bias = loader.elements(bias, queries);
    out.gate_bias = loader.elements(bias, gates);
    out.k_bias = loader.vector(prefix + "k_proj.bias", {kv_size});
    out.v_bias = loader.vector(prefix + "v_proj.bias", {kv_size});
    out.o_bias = loader.vector(prefix + "o_proj.bias", {hidden});
  }
  out.q_norm = loader.shifted_vector(prefix + "q_norm.weight", {head_dim}, 1);
  out.k_norm = loader.shifted_vector(prefix + "k_norm.weight", {head_dim}, 1);
  return out;
}

// in_proj_qkvz and in_proj_ba hold for each key head its rows of q, k, v, z and of b, a; v, z, b
// and a those of all value heads that the key head serves.
LinearAttentionWeights take_linear_attention(const ModelConfig& config, WeightLoader& loader,
                                             const std::string& prefix) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t key_heads = config.linear_num_key_heads;
  const std::int64_t value_heads = config.linear_num_value_heads;
  const std::int64_t key_dim = config.linear_key_head_dim;
  const std::int64_t group = value_heads / key_heads;
  const std::int64_t value_rows = group * config.linear_value_head_dim;  // of a key head
  const std::int64_t value_size = key_heads * value_rows;
  const std::int64_t channels = config.conv_channels();
  const std::int64_t width = config.linear_conv_kernel_dim;

  std::vector<RowRange> queries, keys, values, z, a, b;
  for (std::int64_t head = 0; head < key_heads; ++head) {
    const std::int64_t first = head * (2 * key_dim + 2 * value_rows);
    queries.push_back({first, key_dim});
    keys.push_back({first + key_dim, key_dim});
    values.push_back({first + 2 * key_dim, value_rows});
    z.push_back({first + 2 * key_dim + value_rows, value_rows});
    b.push_back({head * 2 * group, group});
    a.push_back({head * 2 * group + group, group});
  }
  std::vector<RowRange> qkv = queries;
  qkv.insert(qkv.end(), keys.begin(), keys.end());
  qkv.insert(qkv.end(), values.begin(), values.end());

  LinearAttentionWeights out;
  const std::string ba_name = prefix + "in_proj_ba.weight";
  if (loader.has(prefix + "in_proj_qkv.weight")) {
    // As GGUF files hold them: all queries, keys and values in this order, the gates apart.
    out.qkv_proj = loader.matrix(prefix + "in_proj_qkv.weight", {channels, hidden});
    out.z_proj = loader.matrix(prefix + "in_proj_z.weight", {value_size, hidden});
  } else {
    const std::string qkvz_name = prefix + "in_proj_qkvz.weight";
    const Weight qkvz_proj = loader.matrix(qkvz_name, {channels + value_size, hidden});
    out.qkv_proj = loader.rows(qkvz_proj, qkv, qkvz_name);
    out.z_proj = loader.rows(qkvz_proj, z, qkvz_name);
  }
  const Weight ba_proj = loader.matrix(ba_name, {2 * value_heads, hidden});
  out.a_proj = loader.rows(ba_proj, a, ba_name);
  out.b_proj = loader.rows(ba_proj, b, ba_name);
  out.out_proj = loader.matrix(prefix + "out_proj.weight", {hidden, value_size});
  out.conv = loader.vector(prefix + "conv1d.weight", {channels, 1, width});
  if (out.conv) out.conv.shape = {channels, width};
  out.a_log = loader.vector(prefix + "A_log", {value_heads});
  out.dt_bias = loader.vector(prefix + "dt_bias", {value_heads});
  out.norm = loader.vector(prefix + "norm.weight", {config.linear_value_head_dim});
  return out;
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  DecoderWeights out = loader.decoder(
      [&](int index, const std::string& prefix, DecoderLayerWeights& layer) {
        if (config.layer_types[static_cast<std::size_t>(index)] == LayerType::kLinearAttention) {
          layer.mixer = take_linear_attention(config, loader, prefix + "linear_attn.");
        } else {
          layer.mixer = take_attention(config, loader, prefix + "self_attn.");
        }
        layer.mlp = loader.mlp(index, prefix + "mlp.");
      },
      1);
  loader.leave_out("mtp.", "multi-token prediction, which drafts tokens and changes no answer");
  return out;
}

}  // namespace

Family qwen3_next_family() {
  return {"qwen3_next", "Qwen3NextForCausalLM", read_config, take_weights};
}

}  // namespace peira::model
