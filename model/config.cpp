#include "model/config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <string_view>

#include "base/error.h"
#include "model/families/family.h"

namespace peira::model {
namespace {

constexpr std::int64_t kLargestSize = kLargestConfigSize;

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  fail_config(where, what);
}

std::string supported_list() {
  std::string list;
  for (const Family& family : families()) {
    list += (list.empty() ? "" : ", ") + std::string(family.model_type) + " (" +
            std::string(family.class_name) + ")";
  }
  return list;
}

// The family: model_type decides, else the first of "architectures".
const Family& family_of(const ConfigFields& fields) {
  const std::string model_type = fields.text_or("model_type", "");
  std::string class_name;
  if (const Json* names = fields.find("architectures");
      names != nullptr && names->is_array() && !names->empty() && names->front().is_string()) {
    class_name = names->front().get<std::string>();
  }
  for (const Family& family : families()) {
    const bool is_type = model_type == family.model_type;
    const bool is_class = class_name == family.class_name;
    // A classifier on the same trunk has the model_type but another head.
    if (is_type && !class_name.empty() && !is_class) break;
    if (is_type || (model_type.empty() && is_class)) return family;
  }
  const std::string what = model_type.empty() && class_name.empty()
                               ? "neither model_type nor architectures says which model this is"
                               : "model_type \"" + model_type + "\"" +
                                     (class_name.empty() ? "" : " (" + class_name + ")") +
                                     " is not supported";
  fail(fields.where(), what + "\n  supported: " + supported_list());
}

void check_consistency(const ModelConfig& config, const std::string& where) {
  const auto text = [](auto value) { return std::to_string(value); };
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    fail(where, "num_attention_heads is " + text(config.num_attention_heads) +
                    " but num_key_value_heads is " + text(config.num_key_value_heads) +
                    "\n  each key-value head must serve the same number of attention heads");
  }
  if (config.head_dim % 2 != 0) {
    fail(where, "head_dim is " + text(config.head_dim) +
                    "\n  rotary embedding turns pairs: it must be even");
  }
  if (config.rotary_dim < 2 || config.rotary_dim > config.head_dim || config.rotary_dim % 2 != 0) {
    fail(where, "partial_rotary_factor turns " + text(config.rotary_dim) + " of " +
                    text(config.head_dim) + " elements\n  it must turn pairs, at least one");
  }
  if (config.num_experts_per_tok > config.num_experts) {
    fail(where, "num_experts_per_tok is " + text(config.num_experts_per_tok) +
                    " but num_experts is " + text(config.num_experts) +
                    "\n  a token cannot be routed to more experts than a layer has");
  }
  for (const int layer : config.mlp_only_layers) {
    if (layer >= config.num_hidden_layers) {
      fail(where, "mlp_only_layers names layer " + text(layer) + " but num_hidden_layers is " +
                      text(config.num_hidden_layers));
    }
  }
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    if (!config.is_moe_layer(layer) && config.intermediate_size == 0) {
      fail(where, "layer " + text(layer) + " is dense but intermediate_size is missing");
    }
    if (config.is_moe_layer(layer) && config.moe_intermediate_size == 0) {
      fail(where, "layer " + text(layer) + " is sparse but moe_intermediate_size is missing");
    }
  }
  for (const std::int32_t token : config.generation.eos_token_id) {
    if (token >= config.vocab_size) {
      fail(where,
           "eos_token_id " + text(token) + " is not below vocab_size " + text(config.vocab_size));
    }
  }
}

}  // namespace

RopeParameters read_rope(const ConfigFields& fields, const ConfigFields& rope,
                         int max_position_embeddings) {
  RopeParameters out;
  out.rope_type = rope.text_or("rope_type", rope.text_or("type", "default"));
  out.rope_theta = rope.find("rope_theta") != nullptr ? rope.positive_or("rope_theta", 0)
                                                      : fields.positive_or("rope_theta", 10000);
  if (out.rope_type == "default") return out;
  const bool is_yarn = out.rope_type == "yarn";
  const bool is_llama3 = out.rope_type == "llama3";
  if (out.rope_type != "linear" && !is_yarn && !is_llama3) {
    fail(rope.where(), "rope_type \"" + out.rope_type +
                           "\" is not supported\n  supported: default, linear, llama3, yarn");
  }
  if (is_yarn || is_llama3) {
    // A value beside rope_scaling wins over one inside, as in transformers.
    out.original_max_position_embeddings =
        fields.find("original_max_position_embeddings") != nullptr
            ? fields.positive_or("original_max_position_embeddings", 0)
            : rope.positive_or("original_max_position_embeddings", max_position_embeddings);
  }
  if (rope.find("factor") == nullptr && is_yarn) {
    out.factor = max_position_embeddings / out.original_max_position_embeddings;
  } else if (rope.find("factor") == nullptr) {
    fail(rope.where(), "factor is missing");
  } else {
    out.factor = rope.positive_or("factor", 1);
  }
  if (is_llama3) {
    for (const char* const key : {"low_freq_factor", "high_freq_factor"}) require(rope, key);
    out.low_freq_factor = rope.positive_or("low_freq_factor", 1);
    out.high_freq_factor = rope.positive_or("high_freq_factor", 4);
    if (out.high_freq_factor <= out.low_freq_factor) {
      fail(rope.where(), "high_freq_factor is " + shown_json(out.high_freq_factor) +
                             " but low_freq_factor is " + shown_json(out.low_freq_factor) +
                             "\n  frequencies between the two are blended: it must be larger");
    }
  }
  if (is_yarn) {
    out.attention_factor = rope.number("attention_factor");
    out.mscale = rope.number("mscale");
    out.mscale_all_dim = rope.number("mscale_all_dim");
    out.beta_fast = rope.positive_or("beta_fast", 32);
    out.beta_slow = rope.positive_or("beta_slow", 1);
    out.truncate = rope.flag_or("truncate", true);
    if (out.rope_theta == 1) fail(rope.where(), "rope_theta is 1, which yarn cannot scale");
  }
  return out;
}

bool ModelConfig::is_moe_layer(int layer) const {
  const bool is_mlp_only =
      std::find(mlp_only_layers.begin(), mlp_only_layers.end(), layer) != mlp_only_layers.end();
  return !is_mlp_only && num_experts > 0 && (layer + 1) % decoder_sparse_step == 0;
}

bool ModelConfig::has_layer_type(LayerType type) const {
  return std::find(layer_types.begin(), layer_types.end(), type) != layer_types.end();
}

std::vector<std::uint8_t> ModelConfig::rope_axes() const {
  if (mrope_section.empty()) return {};
  // source  transformers models/qwen3_vl (recomposition_frequencies): rows take every third
  //         frequency from 1, columns from 2, each as far as its section reaches, time the rest.
  std::vector<std::uint8_t> out(static_cast<std::size_t>(rotary_dim / 2), 0);
  for (std::size_t axis = 1; axis < mrope_section.size(); ++axis) {
    const auto end = static_cast<std::size_t>(mrope_section[axis]) * 3;
    for (std::size_t i = axis; i < std::min(end, out.size()); i += 3) {
      out[i] = static_cast<std::uint8_t>(axis);
    }
  }
  return out;
}

int ModelConfig::conv_channels() const {
  return 2 * linear_num_key_heads * linear_key_head_dim +
         linear_num_value_heads * linear_value_head_dim;
}

namespace {

// The member of `config` that `path` names, a key or several with dots between.
const Json& member_at(const Json& config, std::string_view path, const std::string& where) {
  const Json* at = &config;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const auto found = at->find(path.substr(begin, end - begin));
    if (found == at->end() || !found->is_object()) {
      fail(where, std::string(path.substr(0, end)) + " is missing\n  the model's parts are in it");
    }
    at = &*found;
    begin = end + 1;
  }
  return *at;
}

// What holds the member at `path`: towers are described beside the text.
std::string_view parent_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

// The fields of the model that runs: of text_config where a family wraps it, with what stands
// beside it for the whole checkpoint, over what an absent field means.
Json flattened(const Family& family, const Json& config, const std::string& where) {
  Json out = parse_json(family.defaults, "the defaults of " + std::string(family.model_type));
  out.update(member_at(config, family.text_key, where));
  if (family.text_key.empty()) return out;
  for (const Json* const whole : {&member_at(config, parent_of(family.text_key), where), &config}) {
    for (const char* const key :
         {"architectures", "bos_token_id", "eos_token_id", "pad_token_id", "dtype", "torch_dtype",
          "tie_word_embeddings", "quantization_config"}) {
      if (const auto found = whole->find(key); found != whole->end() && !found->is_null()) {
        out[key] = *found;
      }
    }
  }
  return out;
}

}  // namespace

ModelConfig config_from_json(const Json& config, const std::string& file) {
  const Family& family = family_of(ConfigFields(config, file));
  const Json flat = flattened(family, config, file);
  const std::string where =
      family.text_key.empty() ? file : file + ": " + std::string(family.text_key);
  const ConfigFields fields(flat, where);
  ModelConfig out;
  out.model_type = family.model_type;
  out.vocab_size = fields.size("vocab_size");
  out.hidden_size = fields.size("hidden_size");
  out.intermediate_size = fields.size_or("intermediate_size", 0);
  out.moe_intermediate_size = fields.size_or("moe_intermediate_size", 0);
  out.num_hidden_layers = static_cast<int>(fields.integer("num_hidden_layers", 1, 10000));
  out.num_attention_heads = static_cast<int>(fields.integer("num_attention_heads", 1, 65536));
  out.num_key_value_heads =
      static_cast<int>(fields.integer_or("num_key_value_heads", 1, 65536, out.num_attention_heads));
  if (fields.find("head_dim") != nullptr) {
    out.head_dim = static_cast<int>(fields.integer("head_dim", 1, 65536));
  } else if (out.hidden_size % out.num_attention_heads == 0) {
    out.head_dim = out.hidden_size / out.num_attention_heads;
  } else {
    fail(where, "head_dim is missing and hidden_size " + std::to_string(out.hidden_size) +
                    " is not a multiple of num_attention_heads " +
                    std::to_string(out.num_attention_heads));
  }
  out.rotary_dim = out.head_dim;
  out.attention_scale = 1 / std::sqrt(static_cast<double>(out.head_dim));
  out.hidden_act = fields.text_or("hidden_act", "silu");
  out.rms_norm_eps = fields.positive_or("rms_norm_eps", 1e-6);
  out.max_position_embeddings = fields.size("max_position_embeddings");
  // rope_parameters wins over rope_scaling, which holds what it does except for rope_theta.
  const char* const rope_key =
      fields.find("rope_parameters") != nullptr ? "rope_parameters" : "rope_scaling";
  static const Json kNone = Json::object();
  const Json* const rope = fields.find(rope_key);
  out.rope_parameters =
      read_rope(fields, ConfigFields(rope == nullptr ? kNone : *rope, where + ": " + rope_key),
                out.max_position_embeddings);
  out.attention_bias = fields.flag_or("attention_bias", false);
  out.tie_word_embeddings = fields.flag_or("tie_word_embeddings", false);
  out.dtype = fields.text_or("dtype", fields.text_or("torch_dtype", ""));
  out.layer_types.assign(static_cast<std::size_t>(out.num_hidden_layers),
                         LayerType::kFullAttention);

  constexpr std::int64_t kLargestId = std::numeric_limits<std::int32_t>::max();
  out.generation.eos_token_id = fields.integers<std::int32_t>("eos_token_id", 0, kLargestId);
  if (fields.find("bos_token_id") != nullptr) {
    out.bos_token_id = static_cast<std::int32_t>(fields.integer("bos_token_id", 0, kLargestId));
  }
  // -1 stands for "none" in some files.
  if (fields.find("pad_token_id") != nullptr) {
    const std::int64_t pad = fields.integer("pad_token_id", -1, kLargestId);
    if (pad >= 0) out.pad_token_id = static_cast<std::int32_t>(pad);
  }
  family.read_config(fields, out);
  if (family.read_towers != nullptr) {
    const std::string_view parent = parent_of(family.text_key);
    const ConfigFields beside(member_at(config, parent, file),
                              parent.empty() ? file : file + ": " + std::string(parent));
    family.read_towers(beside, out);
  }
  check_consistency(out, where);
  return out;
}

bool read_layer_types(const ConfigFields& fields, std::initializer_list<LayerType> allowed,
                      ModelConfig& config) {
  struct Name {
    LayerType type;
    std::string_view name;
  };
  constexpr std::array kNames{Name{LayerType::kFullAttention, "full_attention"},
                              Name{LayerType::kSlidingAttention, "sliding_attention"},
                              Name{LayerType::kLinearAttention, "linear_attention"}};
  const Json* const types = fields.find("layer_types");
  if (types == nullptr) return false;
  if (!types->is_array()) {
    fields.fail("layer_types is " + shown_json(*types) + ", not a list");
  }
  if (types->size() != config.layer_types.size()) {
    fields.fail("layer_types has " + std::to_string(types->size()) +
                " entries but num_hidden_layers is " + std::to_string(config.num_hidden_layers));
  }
  for (std::size_t i = 0; i < types->size(); ++i) {
    const Json& given = (*types)[i];
    const auto found = std::find_if(allowed.begin(), allowed.end(), [&](LayerType type) {
      return given.is_string() &&
             given.get_ref<const std::string&>() == kNames[static_cast<std::size_t>(type)].name;
    });
    if (found == allowed.end()) {
      std::string list;
      for (const LayerType type : allowed) {
        list += (list.empty() ? "" : ", ");
        list += kNames[static_cast<std::size_t>(type)].name;
      }
      fields.fail("layer_types names " + shown_json(given) + " for layer " + std::to_string(i) +
                  "\n  supported: " + list);
    }
    config.layer_types[i] = *found;
  }
  return true;
}

void read_sliding_window(const ConfigFields& fields, ModelConfig& config) {
  config.sliding_window = fields.size_or("sliding_window", 0);
  if (config.sliding_window == 0 && config.has_layer_type(LayerType::kSlidingAttention)) {
    fields.fail("layer_types names sliding_attention but sliding_window is missing");
  }
}

void require(const ConfigFields& fields, std::string_view key) {
  if (fields.find(key) == nullptr) fields.fail(std::string(key) + " is missing");
}

void read_experts(const ConfigFields& fields, ModelConfig& config) {
  config.decoder_sparse_step =
      static_cast<int>(fields.integer_or("decoder_sparse_step", 1, kLargestSize, 1));
  config.mlp_only_layers = fields.integers<int>("mlp_only_layers", 0, kLargestSize);
  // transformers 5 writes some families' num_experts as num_local_experts.
  const char* const experts_key =
      fields.find("num_experts") != nullptr ? "num_experts" : "num_local_experts";
  if (fields.find(experts_key) == nullptr) fields.fail("num_experts is missing");
  config.num_experts = static_cast<int>(fields.integer(experts_key, 1, 65536));
  config.num_experts_per_tok = static_cast<int>(fields.integer("num_experts_per_tok", 1, 65536));
  config.norm_topk_prob = fields.flag_or("norm_topk_prob", false);
}

void require_silu(const ConfigFields& fields, const ModelConfig& config) {
  if (config.hidden_act != "silu") {
    fields.fail("hidden_act \"" + config.hidden_act + "\" is not supported\n  supported: silu");
  }
}

void read_fp8(const ConfigFields& fields, ModelConfig& config) {
  const Json* const given = fields.find("quantization_config");
  if (given == nullptr) return;
  const ConfigFields quantization(*given, fields.where() + ": quantization_config");
  const auto expect_text = [&](const char* key, const char* supported, const char* absent) {
    const std::string text = quantization.text_or(key, absent);
    if (text != supported) {
      quantization.fail(std::string(key) + " \"" + text +
                        "\" is not supported\n  supported: " + supported);
    }
  };
  expect_text("quant_method", "fp8", "");
  expect_text("fmt", "e4m3", "e4m3");
  expect_text("activation_scheme", "dynamic", "dynamic");
  require(quantization, "weight_block_size");
  const Json& block = *quantization.find("weight_block_size");
  if (block != Json({kFp8Block, kFp8Block})) {
    quantization.fail("weight_block_size is " + shown_json(block) + "\n  supported: [128, 128]");
  }
  config.has_fp8_weights = true;
  const Json* const modules = quantization.find("modules_to_not_convert");
  if (modules == nullptr) return;
  if (!modules->is_array()) {
    quantization.fail("modules_to_not_convert is " + shown_json(*modules) + ", not a list");
  }
  for (const Json& module : *modules) {
    if (!module.is_string()) {
      quantization.fail("modules_to_not_convert names " + shown_json(module) + ", not a string");
    }
    config.modules_to_not_convert.push_back(module.get<std::string>());
  }
}

void refuse_partial_rotation(const ConfigFields& fields) {
  const auto check = [](const ConfigFields& given) {
    if (const double factor = given.positive_or("partial_rotary_factor", 1); factor != 1) {
      given.fail("partial_rotary_factor is " + shown_json(factor) +
                 "\n  heads of this model turn as a whole");
    }
  };
  check(fields);
  for (const char* const key : {"rope_parameters", "rope_scaling"}) {
    if (const Json* const rope = fields.find(key); rope != nullptr) {
      check(ConfigFields(*rope, fields.where() + ": " + key));
    }
  }
}

void read_vision(const ConfigFields& fields, ModelConfig& config) {
  const Json* const given = fields.find("vision_config");
  if (given == nullptr) fields.fail("vision_config is missing");
  const ConfigFields vision(*given, fields.where() + ": vision_config");
  VisionConfig out;
  out.depth = static_cast<int>(vision.integer("depth", 1, 10000));
  out.hidden_size = static_cast<int>(vision.integer("hidden_size", 1, 1 << 20));
  out.intermediate_size = static_cast<int>(vision.integer("intermediate_size", 1, 1 << 20));
  out.num_heads = static_cast<int>(vision.integer("num_heads", 1, 65536));
  out.in_channels = static_cast<int>(vision.integer_or("in_channels", 1, 16, 3));
  out.patch_size = static_cast<int>(vision.integer("patch_size", 1, 256));
  out.temporal_patch_size = static_cast<int>(vision.integer_or("temporal_patch_size", 1, 16, 2));
  out.spatial_merge_size = static_cast<int>(vision.integer_or("spatial_merge_size", 1, 16, 2));
  out.out_hidden_size = vision.size("out_hidden_size");
  out.num_position_embeddings =
      static_cast<int>(vision.integer("num_position_embeddings", 1, 1 << 20));
  require(vision, "deepstack_visual_indexes");
  out.deepstack_visual_indexes =
      vision.integers<int>("deepstack_visual_indexes", 0, std::int64_t{out.depth} - 1);
  const auto text = [](auto value) { return std::to_string(value); };
  if (out.hidden_size % out.num_heads != 0 || out.head_dim() % 4 != 0) {
    vision.fail("hidden_size is " + text(out.hidden_size) + " and num_heads " +
                text(out.num_heads) + "\n  a head's size must be a multiple of four");
  }
  if (out.head_dim() > kMostSegmentHeadDim) {
    vision.fail("heads of " + text(out.head_dim()) + " elements are not supported, only up to " +
                text(kMostSegmentHeadDim));
  }
  const auto side =
      static_cast<int>(std::lround(std::sqrt(static_cast<double>(out.num_position_embeddings))));
  if (side * side != out.num_position_embeddings) {
    vision.fail("num_position_embeddings is " + text(out.num_position_embeddings) +
                ", not a square number");
  }
  if (out.out_hidden_size != config.hidden_size) {
    vision.fail("out_hidden_size is " + text(out.out_hidden_size) + " but the text's hidden_size " +
                text(config.hidden_size));
  }
  std::vector<int> indexes = out.deepstack_visual_indexes;
  std::sort(indexes.begin(), indexes.end());
  if (std::adjacent_find(indexes.begin(), indexes.end()) != indexes.end()) {
    vision.fail("deepstack_visual_indexes names a block twice");
  }
  const std::string act = vision.text_or("hidden_act", "gelu_pytorch_tanh");
  if (act == "gelu_pytorch_tanh") {
    out.hidden_act = Activation::kGeluTanh;
  } else if (act == "gelu") {
    out.hidden_act = Activation::kGelu;
  } else if (act == "silu") {
    out.hidden_act = Activation::kSilu;
  } else {
    vision.fail("hidden_act \"" + act +
                "\" is not supported\n  supported: gelu_pytorch_tanh, gelu, silu");
  }
  if (const Json* const rope = vision.find("rope_parameters"); rope != nullptr) {
    const ConfigFields parameters(*rope, vision.where() + ": rope_parameters");
    if (const std::string type = parameters.text_or("rope_type", "axial"); type != "axial") {
      parameters.fail("rope_type \"" + type + "\" is not supported\n  supported: axial");
    }
    out.rope_theta = parameters.positive_or("rope_theta", out.rope_theta);
  }
  config.vision_config = std::move(out);

  const auto token = [&](const char* key) {
    return static_cast<std::int32_t>(
        fields.integer_or(key, 0, std::int64_t{config.vocab_size} - 1, -1));
  };
  config.media_tokens.image_token_id = token("image_token_id");
  config.media_tokens.video_token_id = token("video_token_id");
  config.media_tokens.vision_start_token_id = token("vision_start_token_id");
  config.media_tokens.vision_end_token_id = token("vision_end_token_id");
}

void read_audio(const ConfigFields& fields, ModelConfig& config) {
  const Json* const given = fields.find("audio_config");
  if (given == nullptr) fields.fail("audio_config is missing");
  const ConfigFields audio(*given, fields.where() + ": audio_config");
  const auto size = [&](const char* key) {
    return static_cast<int>(audio.integer(key, 1, 1 << 20));
  };
  AudioConfig out;
  out.d_model = size("d_model");
  out.encoder_layers = static_cast<int>(audio.integer("encoder_layers", 1, 10000));
  out.encoder_attention_heads = size("encoder_attention_heads");
  out.encoder_ffn_dim = size("encoder_ffn_dim");
  out.num_mel_bins = static_cast<int>(audio.integer("num_mel_bins", 1, 4096));
  out.downsample_hidden_size = size("downsample_hidden_size");
  out.n_window = size("n_window");
  out.n_window_infer = size("n_window_infer");
  out.output_dim = audio.size("output_dim");
  const auto text = [](auto value) { return std::to_string(value); };
  const int head_dim = out.d_model / out.encoder_attention_heads;
  if (out.d_model % out.encoder_attention_heads != 0 || out.d_model % 2 != 0 || out.d_model < 4) {
    audio.fail("d_model is " + text(out.d_model) + " and encoder_attention_heads " +
               text(out.encoder_attention_heads) +
               "\n  d_model must be even and a multiple of the heads");
  }
  if (head_dim > kMostSegmentHeadDim) {
    audio.fail("heads of " + text(head_dim) + " elements are not supported, only up to " +
               text(kMostSegmentHeadDim));
  }
  // The reference counts 13 tokens for a chunk, whatever n_window is.
  if (AudioConfig::halved_thrice(out.chunk_frames()) != kTokensPerAudioChunk) {
    audio.fail("n_window is " + text(out.n_window) + ", so that " + text(out.chunk_frames()) +
               " frames become " + text(AudioConfig::halved_thrice(out.chunk_frames())) +
               " tokens, not 13");
  }
  if (out.n_window_infer < out.chunk_frames()) {
    audio.fail("n_window_infer is " + text(out.n_window_infer) + ", less than a chunk of " +
               text(out.chunk_frames()) + " frames");
  }
  if (out.output_dim != config.hidden_size) {
    audio.fail("output_dim is " + text(out.output_dim) + " but the text's hidden_size " +
               text(config.hidden_size));
  }
  const std::string act = audio.text_or("activation_function", "gelu");
  if (act != "gelu") {
    audio.fail("activation_function \"" + act + "\" is not supported\n  supported: gelu");
  }
  config.audio_config = out;
  const auto token = [&](const char* key) {
    return static_cast<std::int32_t>(
        fields.integer_or(key, 0, std::int64_t{config.vocab_size} - 1, -1));
  };
  config.media_tokens.audio_token_id = token("audio_token_id");
  config.media_tokens.audio_start_token_id = token("audio_start_token_id");
  config.media_tokens.audio_end_token_id = token("audio_end_token_id");
}

void read_mrope(const ConfigFields& fields, ModelConfig& config) {
  std::vector<int> section{24, 20, 20};  // as transformers has it where the field is absent
  for (const char* const key : {"rope_scaling", "rope_parameters"}) {
    const Json* const rope = fields.find(key);
    if (rope == nullptr) continue;
    const ConfigFields parameters(*rope, fields.where() + ": " + key);
    if (!parameters.flag_or("mrope_interleaved", true)) {
      parameters.fail("mrope_interleaved is false, which is not supported");
    }
    if (parameters.find("mrope_section") == nullptr) continue;
    section = parameters.integers<int>("mrope_section", 0, 1 << 20);
    if (section.size() != 3) {
      parameters.fail("mrope_section has " + std::to_string(section.size()) +
                      " entries\n  there are three axes: time, row, column");
    }
  }
  config.mrope_section = std::move(section);
}

void refuse_quantization(const ConfigFields& fields) {
  if (fields.find("quantization_config") != nullptr) {
    fields.fail(
        "quantization_config is present, but quantised weights are not supported\n  try: the "
        "checkpoint's BF16, F16 or F32 version");
  }
}

void apply_generation_config(const Json& generation, const std::string& where,
                             ModelConfig& config) {
  const ConfigFields fields(generation, where);
  if (fields.find("eos_token_id") != nullptr) {
    config.generation.eos_token_id =
        fields.integers<std::int32_t>("eos_token_id", 0, config.vocab_size - 1);
  }
  // transformers applies the repetition penalty to greedy generation too.
  SamplingParams sampling;
  sampling.repetition_penalty = fields.positive_or("repetition_penalty", 1);
  config.generation.sampling = sampling;
  if (!fields.flag_or("do_sample", false)) return;
  sampling.temperature = fields.number("temperature").value_or(1);
  sampling.top_k = static_cast<int>(fields.integer_or("top_k", 0, kLargestSize, 50));
  sampling.top_p = fields.number("top_p").value_or(1);
  sampling.min_p = fields.number("min_p").value_or(0);
  if (sampling.temperature < 0) fail(where, "temperature is negative");
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) fail(where, "top_p is not in (0, 1]");
  if (!(sampling.min_p >= 0 && sampling.min_p <= 1)) fail(where, "min_p is not in [0, 1]");
  config.generation.sampling = sampling;
}

ModelConfig load_config(const CheckpointFiles& files) {
  const std::string where = files.where("config.json");
  const std::optional<std::string_view> text = files.open_text("config.json");
  if (!text) fail(files.name(), "no config.json");
  ModelConfig config = config_from_json(parse_json(*text, where), where);
  if (const auto generation = files.open_text("generation_config.json")) {
    const std::string generation_where = files.where("generation_config.json");
    apply_generation_config(parse_json(*generation, generation_where), generation_where, config);
  }
  return config;
}

namespace {

// In float32, as the operations of transformers round.
float llama3_frequency(const RopeParameters& rope, float inv_freq) {
  const auto factor = static_cast<float>(rope.factor);
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto high = static_cast<float>(rope.high_freq_factor);
  const auto original = static_cast<float>(rope.original_max_position_embeddings);
  const float wavelength = static_cast<float>(2 * std::numbers::pi) * (1.0F / inv_freq);
  if (wavelength > original / low) return inv_freq / factor;
  if (wavelength < original / high) return inv_freq;
  const float smooth = (original * (1.0F / wavelength) - low) / (high - low);
  return (1.0F - smooth) * inv_freq / factor + smooth * inv_freq;
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeParameters& rope, int rotary_dim) {
  const int half = rotary_dim / 2;
  std::vector<float> pos_freqs(static_cast<std::size_t>(half));
  for (int i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary_dim);
    pos_freqs[static_cast<std::size_t>(i)] =
        static_cast<float>(std::pow(rope.rope_theta, static_cast<double>(exponent)));
  }

  RopeFrequencies out;
  out.inv_freq.resize(pos_freqs.size());
  const auto factor = static_cast<float>(rope.factor);
  if (rope.rope_type != "yarn") {
    for (std::size_t i = 0; i < pos_freqs.size(); ++i) {
      out.inv_freq[i] = 1.0F / pos_freqs[i];
      if (rope.rope_type == "linear") out.inv_freq[i] /= factor;
      if (rope.rope_type == "llama3") out.inv_freq[i] = llama3_frequency(rope, out.inv_freq[i]);
    }
    return out;
  }

  // The dimension that turns `rotations` times over the original context.
  const auto correction_dim = [&](double rotations) {
    return rotary_dim *
           std::log(rope.original_max_position_embeddings / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(rope.rope_theta));
  };
  double low = correction_dim(rope.beta_fast);
  double high = correction_dim(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, rotary_dim - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < pos_freqs.size(); ++i) {
    const float ramp = std::clamp(
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F,
        1.0F);
    const float extrapolation = 1.0F - ramp;
    out.inv_freq[i] = (1.0F / (factor * pos_freqs[i])) * (1.0F - extrapolation) +
                      (1.0F / pos_freqs[i]) * extrapolation;
  }

  const auto mscale = [&](double scale) {
    return rope.factor <= 1 ? 1.0 : 0.1 * scale * std::log(rope.factor) + 1.0;
  };
  const bool has_mscales = rope.mscale.value_or(0) != 0 && rope.mscale_all_dim.value_or(0) != 0;
  out.attention_scaling =
      static_cast<float>(rope.attention_factor ? *rope.attention_factor
                         : has_mscales         ? mscale(*rope.mscale) / mscale(*rope.mscale_all_dim)
                                               : mscale(1));
  return out;
}

}  // namespace peira::model
