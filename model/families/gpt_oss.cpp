// gpt-oss: attention with biases and learned sinks, layers that alternate between a sliding window
// and the whole context, a router with bias, experts with biases and a clamped SwiGLU, published as
// MXFP4 blocks.
// source  names and shapes: transformers models/gpt_oss and integrations/mxfp4.py, and
//         github.com/openai/gpt-oss, gpt_oss/torch/weights.py.
#include <utility>

#include "model/families/family.h"

namespace peira::model {
namespace {

void read_experts_of_gpt_oss(const ConfigFields& fields, ModelConfig& config) {
  config.moe_intermediate_size = config.intermediate_size;
  const char* const experts_key =
      fields.find("num_local_experts") != nullptr ? "num_local_experts" : "num_experts";
  if (fields.find(experts_key) == nullptr) fields.fail("num_local_experts is missing");
  config.num_experts = static_cast<int>(fields.integer(experts_key, 1, 65536));
  // The published files carry both spellings.
  constexpr const char* kNew = "num_experts_per_tok";
  constexpr const char* kOld = "experts_per_token";
  config.num_experts_per_tok =
      static_cast<int>(fields.integer(fields.find(kNew) != nullptr ? kNew : kOld, 1, 65536));
  if (fields.find(kOld) != nullptr &&
      fields.integer(kOld, 1, 65536) != config.num_experts_per_tok) {
    fields.fail("num_experts_per_tok is " + std::to_string(config.num_experts_per_tok) +
                " but experts_per_token is " + shown_json(*fields.find(kOld)));
  }
  // A softmax over the chosen logits is the softmax over all, divided by the chosen ones' sum.
  config.norm_topk_prob = true;
  config.activation.kind = GatedActivation::Kind::kClampedSwiGlu;
  config.activation.limit = static_cast<float>(fields.positive_or("swiglu_limit", 7));
}

void read_quantization(const ConfigFields& fields, ModelConfig& config) {
  const Json* const quantization = fields.find("quantization_config");
  if (quantization == nullptr) return;
  const ConfigFields inner(*quantization, fields.where() + ": quantization_config");
  const std::string method = inner.text_or("quant_method", "");
  if (method != "mxfp4") {
    inner.fail("quant_method \"" + method + "\" is not supported for gpt_oss\n  supported: mxfp4");
  }
  config.has_mxfp4_experts = true;
  constexpr auto kElements = static_cast<int>(block_elements(DType::kMXFP4));
  for (const auto& [key, size] : {std::pair("hidden_size", config.hidden_size),
                                  std::pair("intermediate_size", config.intermediate_size)}) {
    if (size % kElements != 0) {
      fields.fail(std::string(key) + " is " + std::to_string(size) +
                  ", no whole number of MXFP4 blocks of " + std::to_string(kElements));
    }
  }
}

void read_config(const ConfigFields& fields, ModelConfig& config) {
  for (const char* const key : {"intermediate_size", "num_key_value_heads", "head_dim"}) {
    require(fields, key);
  }
  if (fields.find("rope_parameters") == nullptr && fields.find("rope_scaling") == nullptr) {
    fields.fail(
        "rope_scaling is missing\n  gpt_oss checkpoints say how their context was extended");
  }
  const bool has_theta = fields.find("rope_theta") != nullptr ||
                         (fields.find("rope_parameters") != nullptr &&
                          fields.find("rope_parameters")->contains("rope_theta"));
  if (!has_theta) fields.fail("rope_theta is missing");
  config.rms_norm_eps = fields.positive_or("rms_norm_eps", 1e-5);
  config.attention_bias = fields.flag_or("attention_bias", true);
  require_silu(fields, config);
  read_experts_of_gpt_oss(fields, config);
  read_quantization(fields, config);
  if (!read_layer_types(fields, {LayerType::kFullAttention, LayerType::kSlidingAttention},
                        config)) {
    for (std::size_t i = 0; i < config.layer_types.size(); i += 2) {
      config.layer_types[i] = LayerType::kSlidingAttention;
    }
  }
  read_sliding_window(fields, config);
}

// The experts of one layer.
class ExpertLoader {
 public:
  ExpertLoader(const ModelConfig& config, WeightLoader& loader, std::string prefix)
      : loader_(loader),
        prefix_(std::move(prefix)),
        experts_(config.num_experts),
        hidden_(config.hidden_size),
        inner_(config.moe_intermediate_size),
        is_packed_(config.has_mxfp4_experts) {}

  ExpertWeights take(const GatedActivation& activation) {
    ExpertWeights out;
    out.activation = activation;
    const bool is_packed = loader_.has(prefix_ + "gate_up_proj_blocks");
    if (is_packed && !is_packed_) {
      loader_.fail("tensor " + prefix_ +
                   "gate_up_proj_blocks is there but config.json has no quantization_config of "
                   "quant_method mxfp4");
    }
    if (is_packed_ && !is_packed && loader_.has(prefix_ + "gate_up_proj")) {
      loader_.fail("quantization_config says mxfp4 but tensor " + prefix_ +
                   "gate_up_proj is plain\n  try: config.json without quantization_config");
    }
    if (loader_.has(prefix_ + "0.gate_proj.weight")) {
      // As GGUF files hold them: one by one, gates and ups apart.
      out = loader_.experts(prefix_);
      out.gate_bias = loader_.vector(prefix_ + "gate_proj_bias", {experts_, inner_});
      out.up_bias = loader_.vector(prefix_ + "up_proj_bias", {experts_, inner_});
      out.down_bias = loader_.vector(prefix_ + "down_proj_bias", {experts_, hidden_});
      return out;
    }
    if (is_packed_) {
      take_packed(out);
    } else {
      // As transformers writes them.
      out = loader_.input_major_experts(prefix_, WeightLoader::GateUpOrder::kTakeTurns);
    }
    const ConstTensorView gate_up_bias =
        loader_.vector(prefix_ + "gate_up_proj_bias", {experts_, 2 * inner_});
    out.gate_bias = loader_.every_second(gate_up_bias, 0);
    out.up_bias = loader_.every_second(gate_up_bias, 1);
    out.down_bias = loader_.vector(prefix_ + "down_proj_bias", {experts_, hidden_});
    return out;
  }

 private:
  // {name}_blocks [E, rows, columns / 32, 16] and {name}_scales as they are stored.
  struct Packed {
    ConstTensorView blocks;
    ConstTensorView scales;
    explicit operator bool() const { return blocks && scales; }
  };

  Packed take_blocks(const std::string& name, std::int64_t rows, std::int64_t columns) {
    const std::int64_t num_blocks = columns / kElements;
    return {loader_.bytes(name + "_blocks", {experts_, rows, num_blocks, kElements / 2}),
            loader_.bytes(name + "_scales", {experts_, rows, num_blocks})};
  }

  // Rows first, first + step, ... of every expert as kMXFP4. A stored byte holds elements 2 j (low
  // half) and 2 j + 1 of its block, one of kMXFP4 elements j and j + 16.
  std::vector<Weight> repacked(const Packed& stored, std::int64_t first, std::int64_t step) {
    const std::int64_t rows = stored.scales.shape[1];
    const std::int64_t num_blocks = stored.scales.shape[2];
    const TensorView out =
        loader_.own(DType::kMXFP4, {experts_, rows / step, num_blocks * kElements});
    const auto* const blocks = static_cast<const std::uint8_t*>(stored.blocks.data);
    const auto* const scales = static_cast<const std::uint8_t*>(stored.scales.data);
    auto* to = static_cast<std::uint8_t*>(out.data);
    for (std::int64_t row = first; row < experts_ * rows; row += step) {
      for (std::int64_t b = row * num_blocks; b < (row + 1) * num_blocks; ++b) {
        const std::uint8_t* const from = blocks + b * (kElements / 2);
        to[0] = scales[b];
        for (std::size_t i = 0; i < 8; ++i) {
          to[1 + 2 * i] = static_cast<std::uint8_t>((from[i] & 0x0F) | ((from[8 + i] & 0x0F) << 4));
          to[2 + 2 * i] = static_cast<std::uint8_t>((from[i] >> 4) | (from[8 + i] & 0xF0));
        }
        to += block_bytes(DType::kMXFP4);
      }
    }
    std::vector<Weight> experts;
    for (std::int64_t expert = 0; expert < experts_; ++expert) {
      experts.emplace_back(ConstTensorView(out).at(expert));
    }
    return experts;
  }

  void take_packed(ExpertWeights& out) {
    const Packed gate_up = take_blocks(prefix_ + "gate_up_proj", 2 * inner_, hidden_);
    const Packed down = take_blocks(prefix_ + "down_proj", hidden_, inner_);
    if (!gate_up || !down) return;
    out.gate_proj = repacked(gate_up, 0, 2);
    out.up_proj = repacked(gate_up, 1, 2);
    out.down_proj = repacked(down, 0, 1);
  }

  static constexpr std::int64_t kElements = block_elements(DType::kMXFP4);

  WeightLoader& loader_;
  std::string prefix_;
  std::int64_t experts_, hidden_, inner_;
  bool is_packed_;
};

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  return loader.decoder([&](int /*index*/, const std::string& prefix, DecoderLayerWeights& layer) {
    AttentionWeights attention = loader.attention(prefix + "self_attn.");
    attention.sinks = loader.vector(prefix + "self_attn.sinks", {config.num_attention_heads});
    layer.mixer = std::move(attention);
    MoeWeights moe;
    moe.router =
        loader.matrix(prefix + "mlp.router.weight", {config.num_experts, config.hidden_size});
    moe.router_bias = loader.vector(prefix + "mlp.router.bias", {config.num_experts});
    moe.experts = ExpertLoader(config, loader, prefix + "mlp.experts.").take(config.activation);
    layer.mlp = std::move(moe);
  });
}

}  // namespace

Family gpt_oss_family() { return {"gpt_oss", "GptOssForCausalLM", read_config, take_weights}; }

}  // namespace peira::model
