// config.json and generation_config.json from GGUF metadata.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/gguf/architecture.h"
#include "model/gguf/checkpoint.h"

namespace peira::model {
namespace {

// No model has as many; a number in the metadata is not believed.
constexpr std::int64_t kMostLayers = 10000;

// The keys of one architecture. What nobody asked for is no part of what the engine does, so it is
// an error: the model would compute something else than the file describes.
class ArchitectureKeys {
 public:
  explicit ArchitectureKeys(const GgufCheckpoint& checkpoint)
      : metadata_(checkpoint.metadata()), prefix_(std::string(checkpoint.architecture()) + ".") {}

  std::optional<std::int64_t> integer(std::string_view key) {
    return metadata_.integer(asked(key));
  }
  std::optional<double> number(std::string_view key) { return metadata_.number(asked(key)); }
  std::optional<bool> flag(std::string_view key) { return metadata_.flag(asked(key)); }
  std::optional<std::string_view> text(std::string_view key) { return metadata_.text(asked(key)); }

  std::int64_t need_integer(std::string_view key) {
    const auto value = integer(key);
    if (!value) metadata_.fail("metadata key " + prefix_ + std::string(key) + " is missing");
    return *value;
  }

  // A key that has to say `expected` where it is there.
  void expect(std::string_view key, double expected) {
    const std::string& name = asked(key);
    const GgufFile& file = metadata_;
    const auto found = file.metadata().find(name);
    if (found == file.metadata().end()) return;
    const double value =
        found->second.type == GgufType::kBool ? (*file.flag(name) ? 1 : 0) : *file.number(name);
    if (value != expected) {
      metadata_.fail("metadata key " + name + " is " + dump_json(Json(value)) +
                     "\n  supported: " + dump_json(Json(expected)));
    }
  }

  // Booleans for each layer, or the length of a cycle whose last layer is not.
  std::vector<bool> pattern(std::string_view key, std::int64_t num_layers) {
    const std::string& name = asked(key);
    std::vector<bool> out;
    const auto found = metadata_.metadata().find(name);
    if (found == metadata_.metadata().end()) return out;
    if (found->second.type == GgufType::kArray) {
      metadata_.each_number(name, [&](double value) { out.push_back(value != 0); });
      if (static_cast<std::int64_t>(out.size()) != num_layers) {
        metadata_.fail("metadata key " + name + " has " + std::to_string(out.size()) +
                       " elements for " + std::to_string(num_layers) + " layers");
      }
      return out;
    }
    const std::int64_t cycle = *metadata_.integer(name);
    if (cycle < 1) metadata_.fail("metadata key " + name + " is " + std::to_string(cycle));
    for (std::int64_t i = 0; i < num_layers; ++i) out.push_back((i + 1) % cycle != 0);
    return out;
  }

  // throws Error(kData): the architecture has keys that were not asked for.
  void finish() const {
    for (const auto& [key, value] : metadata_.metadata()) {
      if (key.starts_with(prefix_) && asked_.find(key) == asked_.end()) {
        metadata_.fail("metadata key " + shown_name(key) +
                       " is not known, so the model may not be what the file describes");
      }
    }
  }

  [[noreturn]] void fail(std::string_view key, const std::string& what) const {
    metadata_.fail("metadata key " + prefix_ + std::string(key) + " " + what);
  }

 private:
  const std::string& asked(std::string_view key) {
    return *asked_.insert(prefix_ + std::string(key)).first;
  }

  const GgufFile& metadata_;
  std::string prefix_;
  std::set<std::string, std::less<>> asked_;
};

// rope_freqs.weight holds what each frequency is divided by. Files of rope_type llama3 say its
// parameters in no other way; the published models share all but the factor.
void read_llama3_rope(const GgufCheckpoint& checkpoint, std::int64_t head_dim, double theta,
                      Json& config) {
  const StoredTensor* const stored = checkpoint.find("rope_freqs.weight");
  if (stored == nullptr) return;
  const auto fail = [&](const std::string& what) {
    checkpoint.metadata().fail("tensor rope_freqs.weight " + what);
  };
  const auto count = static_cast<std::size_t>(head_dim / 2);
  if (stored->dtype != "F32" || stored->bytes.size() != count * sizeof(float)) {
    fail("does not hold " + std::to_string(count) + " F32 numbers");
  }
  std::vector<float> divisors(count);
  std::memcpy(divisors.data(), stored->bytes.data(), stored->bytes.size());
  constexpr double kLow = 1;
  constexpr double kHigh = 4;
  constexpr double kOriginal = 8192;
  const double factor = *std::max_element(divisors.begin(), divisors.end());
  for (std::size_t i = 0; i < count; ++i) {
    const double frequency =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    const double wavelength = 2 * std::numbers::pi / frequency;
    const double smooth = std::clamp((kOriginal / wavelength - kLow) / (kHigh - kLow), 0.0, 1.0);
    const double expected = 1 / ((1 - smooth) / factor + smooth);
    if (!(std::abs(divisors[i] - expected) <= 1e-4 * expected)) {
      fail("is not that of rope_type llama3 over 8192 positions: number " + std::to_string(i) +
           " is " + dump_json(Json(divisors[i])) + " instead of " + dump_json(Json(expected)));
    }
  }
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", factor},
                            {"low_freq_factor", kLow},
                            {"high_freq_factor", kHigh},
                            {"original_max_position_embeddings", kOriginal}};
}

void read_rope(ArchitectureKeys& keys, std::int64_t head_dim, Json& config) {
  if (const auto theta = keys.number("rope.freq_base")) config["rope_theta"] = *theta;
  // Of qwen3_next's heads a part turns.
  if (config["model_type"] != "qwen3_next") {
    keys.expect("rope.dimension_count", static_cast<double>(head_dim));
  }
  keys.expect("rope.dimension_count_swa", static_cast<double>(head_dim));
  const std::string type(keys.text("rope.scaling.type").value_or("none"));
  const auto factor = keys.number("rope.scaling.factor");
  const auto original = keys.number("rope.scaling.original_context_length");
  const auto fast = keys.number("rope.scaling.yarn_beta_fast");
  const auto slow = keys.number("rope.scaling.yarn_beta_slow");
  keys.expect("rope.scaling.attn_factor", 1);
  keys.expect("rope.scaling.yarn_ext_factor", 1);
  keys.expect("rope.scaling.yarn_attn_factor", 1);
  keys.flag("rope.scaling.finetuned");
  if (type == "none") return;
  if (type != "linear" && type != "yarn") {
    keys.fail("rope.scaling.type",
              "is \"" + shown_name(type) + "\"\n  supported: none, linear, yarn");
  }
  if (!factor) keys.fail("rope.scaling.factor", "is missing");
  Json& rope = config["rope_scaling"];
  rope = {{"rope_type", type}, {"factor", *factor}};
  if (type == "linear") return;
  if (original) rope["original_max_position_embeddings"] = *original;
  if (fast) rope["beta_fast"] = *fast;
  if (slow) rope["beta_slow"] = *slow;
}

// What the families of experts differ in.
struct ExpertFamily {
  std::string_view model_type;
  bool normalises;         // the chosen experts' weights are divided by their sum
  bool is_mixed;           // layers may be dense, and moe_intermediate_size has a key of its own
  bool has_shared_expert;  // beside the chosen ones
};
constexpr std::array kExpertFamilies{
    ExpertFamily{"qwen3_moe", true, true, false}, ExpertFamily{"qwen2_moe", false, true, true},
    ExpertFamily{"qwen3_next", true, true, true}, ExpertFamily{"olmoe", false, false, false},
    ExpertFamily{"mixtral", true, false, false},  ExpertFamily{"gpt_oss", true, false, false}};

void read_experts(const GgufCheckpoint& checkpoint, ArchitectureKeys& keys, Json& config) {
  const std::int64_t count = keys.integer("expert_count").value_or(0);
  const auto used = keys.integer("expert_used_count");
  auto inner = keys.integer("expert_feed_forward_length");
  keys.expect("expert_shared_count", 0);
  keys.expect("leading_dense_block_count", 0);
  keys.expect("expert_weights_scale", 1);
  const std::string& type = config["model_type"].get_ref<const std::string&>();
  const auto* const family =
      std::find_if(kExpertFamilies.begin(), kExpertFamilies.end(),
                   [&](const ExpertFamily& candidate) { return candidate.model_type == type; });
  // 1: softmax over all; 3: over the chosen ones, which dividing by their sum is.
  keys.expect("expert_gating_func", type == "gpt_oss" ? 3 : 1);
  const bool normalises = family == kExpertFamilies.end() || family->normalises;
  keys.expect("expert_weights_norm", normalises ? 1 : 0);
  if (count == 0) return;
  if (!used) keys.fail("expert_used_count", "is missing");
  if (family == kExpertFamilies.end()) keys.fail("expert_count", "is " + std::to_string(count));
  config["num_experts"] = count;
  config["num_experts_per_tok"] = *used;
  config["norm_topk_prob"] = normalises;
  if (family->has_shared_expert) {
    // As llama.cpp has it where the keys are missing, as in files of Qwen1.5-MoE's first weeks.
    const std::int64_t dense = config.value("intermediate_size", std::int64_t{0});
    if (!inner && *used > 0) inner = dense / *used;
    config["shared_expert_intermediate_size"] =
        keys.integer("expert_shared_feed_forward_length").value_or(dense);
  }
  if (inner) config[family->is_mixed ? "moe_intermediate_size" : "intermediate_size"] = *inner;
  if (!family->is_mixed) {
    // These families know them by this name.
    config["num_local_experts"] = count;
    return;
  }
  Json dense = Json::array();
  const std::int64_t num_layers = config["num_hidden_layers"].get<std::int64_t>();
  for (std::int64_t i = 0; i < std::min<std::int64_t>(num_layers, kMostLayers); ++i) {
    if (checkpoint.find("blk." + std::to_string(i) + ".ffn_gate.weight") != nullptr) {
      dense.push_back(i);
    }
  }
  config["mlp_only_layers"] = std::move(dense);
}

// The gated DeltaNet of qwen3next, in the words of state-space models.
void read_linear_attention(ArchitectureKeys& keys, std::int64_t head_dim, Json& config) {
  const std::int64_t value_heads = keys.need_integer("ssm.time_step_rank");
  const std::int64_t value_size = keys.need_integer("ssm.inner_size");
  if (value_heads < 1 || value_size % value_heads != 0) {
    keys.fail("ssm.inner_size", "is " + std::to_string(value_size) +
                                    ", no whole number for each of " + std::to_string(value_heads) +
                                    " heads (ssm.time_step_rank)");
  }
  config["linear_num_value_heads"] = value_heads;
  config["linear_value_head_dim"] = value_size / value_heads;
  config["linear_num_key_heads"] = keys.need_integer("ssm.group_count");
  config["linear_key_head_dim"] = keys.need_integer("ssm.state_size");
  config["linear_conv_kernel_dim"] = keys.need_integer("ssm.conv_kernel");
  config["partial_rotary_factor"] =
      static_cast<double>(keys.integer("rope.dimension_count").value_or(head_dim)) /
      static_cast<double>(head_dim);
  config["full_attention_interval"] = keys.integer("full_attention_interval").value_or(4);
  const auto num_layers = config["num_hidden_layers"].get<std::int64_t>();
  const std::int64_t num_drafting = keys.integer("nextn_predict_layers").value_or(0);
  const std::vector<bool> recurrent =
      keys.pattern("attention.recurrent_layers",
                   std::clamp<std::int64_t>(num_layers + num_drafting, 0, kMostLayers));
  if (recurrent.empty()) return;
  Json types = Json::array();
  for (std::int64_t i = 0; i < num_layers; ++i) {
    types.push_back(recurrent[static_cast<std::size_t>(i)] ? "linear_attention" : "full_attention");
  }
  config["layer_types"] = std::move(types);
}

void read_sliding_window(ArchitectureKeys& keys, Json& config) {
  if (const auto window = keys.integer("attention.sliding_window")) {
    config["sliding_window"] = *window;
  }
  const std::int64_t num_layers = config["num_hidden_layers"].get<std::int64_t>();
  const std::vector<bool> slides = keys.pattern(
      "attention.sliding_window_pattern", std::clamp<std::int64_t>(num_layers, 0, kMostLayers));
  if (slides.empty()) return;
  Json types = Json::array();
  for (const bool is_sliding : slides) {
    types.push_back(is_sliding ? "sliding_attention" : "full_attention");
  }
  config["layer_types"] = std::move(types);
}

// What the metadata does not say and the architecture implies.
void add_implied(const GgufCheckpoint& checkpoint, ArchitectureKeys& keys, std::int64_t head_dim,
                 Json& config) {
  const std::string type = config["model_type"];
  if (type == "gpt_oss") {
    config["swiglu_limit"] = 7.0;
    read_sliding_window(keys, config);
    // The published models say truncate false, for which the format has no key.
    if (config.contains("rope_scaling")) config["rope_scaling"]["truncate"] = false;
  } else if (type == "gemma3_text") {
    read_sliding_window(keys, config);
    if (!config.contains("rope_theta")) config["rope_theta"] = 1e6;
    config["rope_local_base_freq"] = keys.number("rope.freq_base_swa").value_or(10000);
    if (const auto cap = keys.number("final_logit_softcapping")) {
      config["final_logit_softcapping"] = *cap;
    }
    config["hidden_activation"] = "gelu_pytorch_tanh";
    config.erase("hidden_act");
    // The scale has no key in most files: 27B, the one of 62 layers, divides hidden_size among its
    // heads, the others use head_dim.
    const auto scale = keys.number("attention.scale");
    const double hidden = config["hidden_size"].get<double>();
    const double heads = config["num_attention_heads"].get<double>();
    config["query_pre_attn_scalar"] = scale ? 1 / (*scale * *scale)
                                      : config["num_hidden_layers"] == 62
                                          ? hidden / heads
                                          : static_cast<double>(head_dim);
  } else if (type == "qwen3_next") {
    read_linear_attention(keys, head_dim, config);
  } else if (type == "olmoe") {
    if (const auto clip = keys.number("attention.clamp_kqv")) config["clip_qkv"] = *clip;
  } else if (type == "llama" || type == "mixtral") {
    read_llama3_rope(checkpoint, head_dim, config.value("rope_theta", 10000.0), config);
  }
}

}  // namespace

Json gguf_config(const GgufCheckpoint& checkpoint) {
  const GgufArchitecture& architecture = architecture_of(checkpoint);
  const GgufFile& metadata = checkpoint.metadata();
  ArchitectureKeys keys(checkpoint);
  Json config;
  const bool is_mixtral =
      architecture.name == "llama" && keys.integer("expert_count").value_or(0) > 0;
  config["model_type"] = is_mixtral ? "mixtral" : std::string(architecture.model_type);
  config["architectures"] = {is_mixtral ? "MixtralForCausalLM"
                                        : std::string(architecture.class_name)};
  const StoredTensor* const embedding = checkpoint.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    metadata.fail("tensor token_embd.weight " +
                  std::string(embedding == nullptr ? "is missing" : "is no matrix"));
  }
  config["vocab_size"] = embedding->shape.front();
  keys.expect("vocab_size", static_cast<double>(embedding->shape.front()));
  const std::int64_t num_drafting = keys.integer("nextn_predict_layers").value_or(0);
  if (architecture.name != "qwen3next") keys.expect("nextn_predict_layers", 0);
  const std::int64_t num_layers = keys.need_integer("block_count");
  if (num_drafting < 0 || num_layers > kMostLayers || num_drafting >= num_layers) {
    keys.fail("block_count", "is " + std::to_string(num_layers) + ", of which " +
                                 std::to_string(num_drafting) + " draft (nextn_predict_layers)");
  }
  config["num_hidden_layers"] = num_layers - num_drafting;
  config["hidden_size"] = keys.need_integer("embedding_length");
  config["max_position_embeddings"] = keys.need_integer("context_length");
  if (const auto inner = keys.integer("feed_forward_length"); inner && *inner > 0) {
    config["intermediate_size"] = *inner;
  }
  const std::int64_t heads = keys.need_integer("attention.head_count");
  if (heads < 1) keys.fail("attention.head_count", "is " + std::to_string(heads));
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] = keys.integer("attention.head_count_kv").value_or(heads);
  const std::int64_t head_dim = keys.integer("attention.key_length")
                                    .value_or(config["hidden_size"].get<std::int64_t>() / heads);
  config["head_dim"] = head_dim;
  for (const char* const key :
       {"attention.value_length", "attention.key_length_swa", "attention.value_length_swa"}) {
    keys.expect(key, static_cast<double>(head_dim));
  }
  keys.expect("attention.causal", 1);
  const auto epsilon = keys.number("attention.layer_norm_rms_epsilon");
  if (!epsilon) keys.fail("attention.layer_norm_rms_epsilon", "is missing");
  config["rms_norm_eps"] = *epsilon;
  config["hidden_act"] = "silu";
  config["tie_word_embeddings"] = checkpoint.find("output.weight") == nullptr;
  const bool has_bias = checkpoint.find("blk.0.attn_q.bias") != nullptr;
  config[architecture.name == "qwen2moe" ? "qkv_bias" : "attention_bias"] = has_bias;
  config["mlp_bias"] = checkpoint.find("blk.0.ffn_gate.bias") != nullptr;
  keys.text("tensor_data_layout");
  read_rope(keys, head_dim, config);
  read_experts(checkpoint, keys, config);
  add_implied(checkpoint, keys, head_dim, config);
  keys.finish();
  struct Id {
    const char* key;
    const char* field;
  };
  for (const Id& id : {Id{"tokenizer.ggml.bos_token_id", "bos_token_id"},
                       Id{"tokenizer.ggml.eos_token_id", "eos_token_id"},
                       Id{"tokenizer.ggml.padding_token_id", "pad_token_id"}}) {
    if (const auto value = metadata.integer(id.key)) config[id.field] = *value;
  }
  return config;
}

Json gguf_generation_config(const GgufFile& metadata) {
  Json out = Json::object();
  Json ends = Json::array();
  for (const char* const key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                "tokenizer.ggml.eom_token_id"}) {
    const auto id = metadata.integer(key);
    if (id && std::find(ends.begin(), ends.end(), Json(*id)) == ends.end()) ends.push_back(*id);
  }
  if (!ends.empty()) out["eos_token_id"] = std::move(ends);
  // A temperature of 0 asks for the likeliest token.
  const auto temperature = metadata.number("general.sampling.temp");
  const auto top_k = metadata.integer("general.sampling.top_k");
  const auto top_p = metadata.number("general.sampling.top_p");
  const auto min_p = metadata.number("general.sampling.min_p");
  const auto repeat = metadata.number("general.sampling.penalty_repeat");
  if (repeat) out["repetition_penalty"] = *repeat;
  if ((!temperature && !top_k && !top_p && !min_p) || temperature.value_or(1) == 0) return out;
  out["do_sample"] = true;
  if (temperature) out["temperature"] = *temperature;
  out["top_k"] = top_k.value_or(0);
  if (top_p) out["top_p"] = *top_p;
  if (min_p) out["min_p"] = *min_p;
  return out;
}

}  // namespace peira::model
