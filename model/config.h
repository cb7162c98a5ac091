// What config.json and generation_config.json of a checkpoint say, under their own field names.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/backend/backend.h"
#include "model/checkpoint_files.h"
#include "model/config_fields.h"
#include "model/sampling.h"
#include "model/towers/tower_config.h"

namespace peira::model {

// Rotary position embedding. Old files write rope_theta and rope_scaling (with "type" or
// "rope_type"), transformers 5 writes rope_parameters; both end up here.
struct RopeParameters {
  std::string rope_type = "default";  // "default", "linear", "llama3" or "yarn"
  double rope_theta = 10000;
  double factor = 1;  // of all but default: how much longer the context became
  // llama3 and yarn only: the context before.
  double original_max_position_embeddings = 0;
  // llama3 only: frequencies that turn less often than the first over the original context are
  // divided by factor, those that turn more often than the second stay.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  // yarn only. Absent values are derived as transformers 5.17 does.
  std::optional<double> attention_factor;
  std::optional<double> mscale;
  std::optional<double> mscale_all_dim;
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;
};

struct GenerationConfig {
  std::vector<std::int32_t> eos_token_id;  // generation_config.json's, else config.json's
  // Greedy unless do_sample is true; then temperature, top_k, top_p, min_p with the defaults
  // transformers gives the absent ones (1, 50, 1, 0). repetition_penalty in both cases.
  SamplingParams sampling;
};

// What mixes a layer's tokens.
enum class LayerType : std::uint8_t {
  kFullAttention,
  kSlidingAttention,  // of the last sliding_window positions
  kLinearAttention,   // gated DeltaNet
};

struct ModelConfig {
  std::string model_type;  // the family, e.g. "qwen3_moe"
  int vocab_size = 0;
  int hidden_size = 0;
  int intermediate_size = 0;      // of dense layers
  int moe_intermediate_size = 0;  // of one expert
  int num_hidden_layers = 0;
  std::vector<LayerType> layer_types;  // [num_hidden_layers]
  std::string hidden_act;
  double rms_norm_eps = 1e-6;
  int max_position_embeddings = 0;
  bool tie_word_embeddings = false;
  std::string dtype;                   // as written: "bfloat16"; empty when absent
  double embedding_scale = 1;          // embeddings are multiplied by this
  double final_logit_softcapping = 0;  // logits become cap tanh(logit / cap); 0: they stay

  // Attention.
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int rotary_dim = 0;          // the first elements of a head that turn: head_dim * partial factor
  double attention_scale = 1;  // of query times key
  int sliding_window = 0;      // of kSlidingAttention layers
  RopeParameters rope_parameters;
  std::optional<RopeParameters> local_rope_parameters;  // of kSlidingAttention, if they differ
  bool attention_bias = false;
  double clip_qkv = 0;  // queries, keys and values are clamped to +-this; 0: they are not

  // Experts.
  int decoder_sparse_step = 1;
  std::vector<int> mlp_only_layers;
  int num_experts = 0;  // 0: every layer is dense
  int num_experts_per_tok = 0;
  bool norm_topk_prob = false;
  int shared_expert_intermediate_size = 0;  // 0: there is no shared expert
  GatedActivation activation;               // of dense layers and experts
  bool mlp_bias = false;                    // of dense layers
  bool has_mxfp4_experts = false;           // quantization_config says that experts are MXFP4
  // quantization_config says that matrices are FP8 with block scales, but for these modules.
  bool has_fp8_weights = false;
  std::vector<std::string> modules_to_not_convert;

  // Linear attention (gated DeltaNet).
  int linear_num_key_heads = 0;
  int linear_num_value_heads = 0;
  int linear_key_head_dim = 0;
  int linear_value_head_dim = 0;
  int linear_conv_kernel_dim = 0;

  // Pictures, videos, sounds: what the towers beside the decoder are; see model/towers/.
  std::optional<VisionConfig> vision_config;
  std::optional<AudioConfig> audio_config;
  MediaTokens media_tokens;
  VideoLayout video_layout = VideoLayout::kTimestamps;
  double position_id_per_seconds = 0;  // of kOneBlock
  // Frequencies that turn by the positions on the three axes time, row and column, interleaved;
  // empty: by one position.
  std::vector<int> mrope_section;

  std::optional<std::int32_t> bos_token_id;
  std::optional<std::int32_t> pad_token_id;
  GenerationConfig generation;

  bool has_towers() const { return vision_config || audio_config; }
  // Which axis of a position each of the rotary_dim / 2 frequencies turns by; empty without
  // mrope_section.
  std::vector<std::uint8_t> rope_axes() const;
  // A layer is sparse unless mlp_only_layers names it or decoder_sparse_step passes it over.
  bool is_moe_layer(int layer) const;
  bool has_layer_type(LayerType type) const;
  // Channels of a linear-attention layer's convolution: its queries, keys and values.
  int conv_channels() const;
};

// config.json and, where there is one, generation_config.json.
// throws Error(kData): a field is missing, of the wrong type, out of range or in contradiction with
//        another (names file, field and values); an architecture that is not supported (lists the
//        supported ones).
ModelConfig load_config(const CheckpointFiles& files);

// The same from parsed JSON. where: named in errors, e.g. "tiny/config.json".
ModelConfig config_from_json(const Json& config, const std::string& where);

// Pieces of config.json that families share; each family's read_config() calls those it has.
//
// read_rope          the parameters in `rope`, an object such as rope_scaling, with what older
// files
//                    write beside it in `fields`.
// read_layer_types   layer_types, each one of `allowed`; false when the field is absent.
// read_sliding_window      sliding_window, which must be there if a layer slides.
// require            refuses a config without `key`: for sizes that have no safe default.
// read_experts       num_experts (or num_local_experts), num_experts_per_tok, norm_topk_prob and
//                    which layers are sparse.
// require_silu       refuses another hidden_act.
// read_fp8           a quantization_config of FP8 blocks, where there is one; refuses another.
// refuse_quantization      for families without quantised weights.
// refuse_partial_rotation  for families whose heads turn as a whole.
//
// throws             Error(kData), naming file and field.
RopeParameters read_rope(const ConfigFields& fields, const ConfigFields& rope,
                         int max_position_embeddings);
bool read_layer_types(const ConfigFields& fields, std::initializer_list<LayerType> allowed,
                      ModelConfig& config);
void read_sliding_window(const ConfigFields& fields, ModelConfig& config);
void require(const ConfigFields& fields, std::string_view key);
void read_experts(const ConfigFields& fields, ModelConfig& config);
void require_silu(const ConfigFields& fields, const ModelConfig& config);
void read_fp8(const ConfigFields& fields, ModelConfig& config);
void refuse_quantization(const ConfigFields& fields);
void refuse_partial_rotation(const ConfigFields& fields);

// vision_config of `fields`, and the ids of the tokens that media take; for families with towers.
// read_mrope  mrope_section of rope_parameters or rope_scaling, interleaved, three parts.
//
// throws      Error(kData), naming file and field.
void read_vision(const ConfigFields& fields, ModelConfig& config);
// audio_config of `fields` likewise.
void read_audio(const ConfigFields& fields, ModelConfig& config);
void read_mrope(const ConfigFields& fields, ModelConfig& config);

// Fills `config.generation` from a parsed generation_config.json.
void apply_generation_config(const Json& generation, const std::string& where, ModelConfig& config);

// The inverse frequencies [rotary_dim / 2], in float32 as transformers computes them, and the
// factor on cos and sin.
// source  modeling_rope_utils.py of transformers 5.17; yarn: Peng et al. 2023, arXiv:2309.00071.
struct RopeFrequencies {
  std::vector<float> inv_freq;
  float attention_scaling = 1;
};
RopeFrequencies rope_frequencies(const RopeParameters& rope, int rotary_dim);

}  // namespace peira::model
