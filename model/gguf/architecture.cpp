#include "model/gguf/architecture.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/error.h"
#include "model/tensor.h"

namespace peira::model {
namespace {

struct Rename {
  std::string_view stored;
  std::string_view hugging_face;
};

constexpr std::array kOutsideLayers{Rename{"token_embd.weight", "model.embed_tokens.weight"},
                                    Rename{"output_norm.weight", "model.norm.weight"},
                                    Rename{"output.weight", "lm_head.weight"}};

// Without ".weight" or ".bias", which stay.
constexpr std::array kInLayers{
    Rename{"attn_q", "self_attn.q_proj"},      Rename{"attn_k", "self_attn.k_proj"},
    Rename{"attn_v", "self_attn.v_proj"},      Rename{"attn_output", "self_attn.o_proj"},
    Rename{"attn_q_norm", "self_attn.q_norm"}, Rename{"attn_k_norm", "self_attn.k_norm"},
    Rename{"attn_norm", "input_layernorm"},    Rename{"ffn_gate", "mlp.gate_proj"},
    Rename{"ffn_up", "mlp.up_proj"},           Rename{"ffn_down", "mlp.down_proj"}};

// By their whole names.
constexpr std::array kWholeNames{Rename{"attn_sinks.weight", "self_attn.sinks"},
                                 Rename{"ssm_a", "linear_attn.A_log"},
                                 Rename{"ssm_dt.bias", "linear_attn.dt_bias"}};

// What one architecture calls otherwise, looked up first.
struct Names {
  std::span<const Rename> own;
  std::string_view experts;  // "mlp.experts."
  std::string_view gate = "gate_proj";
  std::string_view up = "up_proj";
  std::string_view down = "down_proj";
};

constexpr std::array kMoeNames{Rename{"ffn_norm", "post_attention_layernorm"},
                               Rename{"ffn_gate_inp", "mlp.gate"}};
constexpr std::array kQwen2MoeNames{Rename{"ffn_norm", "post_attention_layernorm"},
                                    Rename{"ffn_gate_inp", "mlp.gate"},
                                    Rename{"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
                                    Rename{"ffn_up_shexp", "mlp.shared_expert.up_proj"},
                                    Rename{"ffn_down_shexp", "mlp.shared_expert.down_proj"},
                                    Rename{"ffn_gate_inp_shexp", "mlp.shared_expert_gate"}};
constexpr std::array kQwen3NextNames{
    Rename{"post_attention_norm", "post_attention_layernorm"}, Rename{"ffn_gate_inp", "mlp.gate"},
    Rename{"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
    Rename{"ffn_up_shexp", "mlp.shared_expert.up_proj"},
    Rename{"ffn_down_shexp", "mlp.shared_expert.down_proj"},
    Rename{"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    Rename{"attn_qkv", "linear_attn.in_proj_qkv"}, Rename{"attn_gate", "linear_attn.in_proj_z"},
    // Files of 2025 keep the two in one, as published.
    Rename{"ssm_in", "linear_attn.in_proj_qkvz"}, Rename{"ssm_ba", "linear_attn.in_proj_ba"},
    Rename{"ssm_conv1d", "linear_attn.conv1d"}, Rename{"ssm_norm", "linear_attn.norm"},
    Rename{"ssm_out", "linear_attn.out_proj"}};
constexpr std::array kMixtralNames{Rename{"ffn_norm", "post_attention_layernorm"},
                                   Rename{"ffn_gate_inp", "block_sparse_moe.gate"}};
constexpr std::array kGptOssNames{Rename{"post_attention_norm", "post_attention_layernorm"},
                                  Rename{"attn_post_norm", "post_attention_layernorm"},
                                  Rename{"ffn_gate_inp", "mlp.router"}};
constexpr std::array kGemma3Names{Rename{"post_attention_norm", "post_attention_layernorm"},
                                  Rename{"ffn_norm", "pre_feedforward_layernorm"},
                                  Rename{"post_ffw_norm", "post_feedforward_layernorm"}};

std::string_view renamed(std::span<const Rename> table, std::string_view stored) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Rename& row) { return row.stored == stored; });
  return found == table.end() ? std::string_view{} : found->hugging_face;
}

// [E, rows, columns] as E tensors that share its bytes; with two names as 2 E of half the rows,
// each expert's first half under the first name.
void add_experts(const StoredTensor& stored, const std::string& prefix,
                 std::span<const std::string_view> names,
                 const std::function<void(GgufTensor)>& add) {
  const std::size_t count = static_cast<std::size_t>(stored.shape.front()) * names.size();
  const std::size_t size_bytes = stored.bytes.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    GgufTensor out;
    out.tensor.name = prefix + std::to_string(i / names.size()) + "." +
                      std::string(names[i % names.size()]) + ".weight";
    out.tensor.dtype = stored.dtype;
    out.tensor.shape = {stored.shape[1] / std::ssize(names), stored.shape[2]};
    out.tensor.bytes = stored.bytes.subspan(i * size_bytes, size_bytes);
    add(std::move(out));
  }
}

// ffn_gate_exps.weight, gates and ups in one as ffn_gate_up_exps.weight, or one of
// ffn_gate.3.weight as files before April 2024 have them; false for other names.
bool add_if_experts(const StoredTensor& stored, std::string_view rest, const std::string& layer,
                    const Names& names, const std::function<void(GgufTensor)>& add) {
  if (rest == "ffn_gate_up_exps.weight" && stored.shape.size() == 3 && stored.shape[1] % 2 == 0) {
    add_experts(stored, layer + std::string(names.experts), std::array{names.gate, names.up}, add);
    return true;
  }
  struct Kind {
    std::string_view stored;
    std::string_view hugging_face;
  };
  for (const Kind& kind :
       {Kind{"ffn_gate", names.gate}, Kind{"ffn_up", names.up}, Kind{"ffn_down", names.down}}) {
    if (!rest.starts_with(kind.stored)) continue;
    const std::string_view tail = rest.substr(kind.stored.size());
    const std::string prefix = layer + std::string(names.experts);
    if (tail == "_exps.weight" && stored.shape.size() == 3) {
      add_experts(stored, prefix, std::array{kind.hugging_face}, add);
      return true;
    }
    GgufTensor out;
    out.tensor = stored;
    if (tail == "_exps.bias") {
      out.tensor.name = prefix + std::string(kind.hugging_face) + "_bias";
      add(std::move(out));
      return true;
    }
    int expert = -1;
    if (!tail.starts_with('.') || !tail.ends_with(".weight")) continue;
    const std::string_view digits =
        tail.substr(1, tail.size() - 1 - std::string_view(".weight").size());
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), expert);
    if (digits.empty() || end.ec != std::errc() || end.ptr != digits.data() + digits.size())
      continue;
    out.tensor.name =
        prefix + std::to_string(expert) + "." + std::string(kind.hugging_face) + ".weight";
    add(std::move(out));
    return true;
  }
  return false;
}

// The tensor under its Hugging Face name; one that is not known keeps its own, so that it is named
// as left over.
void rename_by(const Names& names, const StoredTensor& stored,
               const std::function<void(GgufTensor)>& add) {
  const auto [layer, rest] = layer_tensor_name(stored.name);
  GgufTensor out;
  out.tensor = stored;
  if (layer < 0) {
    if (const std::string_view name = renamed(kOutsideLayers, rest); !name.empty()) {
      out.tensor.name = name;
    }
    add(std::move(out));
    return;
  }
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  if (!names.experts.empty() && add_if_experts(stored, rest, prefix, names, add)) return;
  if (const std::string_view whole = renamed(kWholeNames, rest); !whole.empty()) {
    out.tensor.name = prefix + std::string(whole);
  } else if (const std::size_t dot = rest.rfind('.'); dot != std::string_view::npos) {
    const std::string_view stem = rest.substr(0, dot);
    std::string_view name = renamed(names.own, stem);
    if (name.empty()) name = renamed(kInLayers, stem);
    if (!name.empty()) out.tensor.name = prefix + std::string(name) + std::string(rest.substr(dot));
  }
  add(std::move(out));
}

void rename_moe(const GgufCheckpoint& /*checkpoint*/, const StoredTensor& stored,
                const std::function<void(GgufTensor)>& add) {
  rename_by({.own = kMoeNames, .experts = "mlp.experts."}, stored, add);
}

// The shared expert's gate is a vector to the format, a matrix of one row to transformers.
void restore_gate(GgufTensor& renamed_tensor) {
  std::vector<std::int64_t>& shape = renamed_tensor.tensor.shape;
  if (renamed_tensor.tensor.name.ends_with("shared_expert_gate.weight") && shape.size() == 1) {
    shape.insert(shape.begin(), 1);
  }
}

void rename_qwen2_moe(const GgufCheckpoint& /*checkpoint*/, const StoredTensor& stored,
                      const std::function<void(GgufTensor)>& add) {
  rename_by({.own = kQwen2MoeNames, .experts = "mlp.experts."}, stored,
            [&](GgufTensor renamed_tensor) {
              restore_gate(renamed_tensor);
              add(std::move(renamed_tensor));
            });
}

// The converter stores most norms as they multiply, decays as -exp(A_log), and the convolution
// without its axis of one. Layers after the last draft tokens: multi-token prediction.
void rename_qwen3_next(const GgufCheckpoint& checkpoint, const StoredTensor& stored,
                       const std::function<void(GgufTensor)>& add) {
  const GgufFile& metadata = checkpoint.metadata();
  const std::int64_t num_layers = metadata.integer("qwen3next.block_count").value_or(0) -
                                  metadata.integer("qwen3next.nextn_predict_layers").value_or(0);
  const auto [layer, rest] = layer_tensor_name(stored.name);
  if (layer >= num_layers) {
    GgufTensor out;
    out.tensor = stored;
    out.tensor.name = "mtp." + stored.name;
    add(std::move(out));
    return;
  }
  const bool is_norm = stored.name.ends_with("norm.weight") && rest != "ssm_norm.weight";
  const bool is_decay = rest == "ssm_a";
  const bool is_convolution = rest == "ssm_conv1d.weight";
  rename_by({.own = kQwen3NextNames, .experts = "mlp.experts."}, stored,
            [&](GgufTensor renamed_tensor) {
              if (is_norm) renamed_tensor.offset = -1;
              renamed_tensor.is_negative_exp = is_decay;
              std::vector<std::int64_t>& shape = renamed_tensor.tensor.shape;
              if (is_convolution && shape.size() == 2) shape.insert(shape.begin() + 1, 1);
              restore_gate(renamed_tensor);
              add(std::move(renamed_tensor));
            });
}

void rename_dense(const GgufCheckpoint& /*checkpoint*/, const StoredTensor& stored,
                  const std::function<void(GgufTensor)>& add) {
  rename_by({.own = kMoeNames, .experts = {}}, stored, add);
}

// The converter reorders query and key rows from halves to pairs, since ggml turns neighbours.
void rename_llama(const GgufCheckpoint& checkpoint, const StoredTensor& stored,
                  const std::function<void(GgufTensor)>& add) {
  const GgufFile& metadata = checkpoint.metadata();
  // Factors of rope_type llama3, which config.json says.
  if (stored.name == "rope_freqs.weight") return;
  const std::int64_t heads = metadata.integer("llama.attention.head_count").value_or(0);
  const std::int64_t kv_heads = metadata.integer("llama.attention.head_count_kv").value_or(heads);
  const std::string_view rest = layer_tensor_name(stored.name).rest;
  const bool is_query = rest.starts_with("attn_q.");
  const bool is_key = rest.starts_with("attn_k.");
  const bool is_mixtral = metadata.integer("llama.expert_count").value_or(0) > 0;
  const Names names = is_mixtral
                          ? Names{kMixtralNames, "block_sparse_moe.experts.", "w1", "w3", "w2"}
                          : Names{.own = kMoeNames, .experts = {}};
  rename_by(names, stored, [&](GgufTensor renamed_tensor) {
    if (is_query) renamed_tensor.interleaved_heads = heads;
    if (is_key) renamed_tensor.interleaved_heads = kv_heads;
    add(std::move(renamed_tensor));
  });
}

void rename_gpt_oss(const GgufCheckpoint& /*checkpoint*/, const StoredTensor& stored,
                    const std::function<void(GgufTensor)>& add) {
  rename_by({.own = kGptOssNames, .experts = "mlp.experts."}, stored, add);
}

// The converter stores norms as they multiply, not as their difference from one.
void rename_gemma3(const GgufCheckpoint& /*checkpoint*/, const StoredTensor& stored,
                   const std::function<void(GgufTensor)>& add) {
  rename_by({.own = kGemma3Names, .experts = {}}, stored, [&](GgufTensor renamed_tensor) {
    if (stored.name.ends_with("norm.weight")) renamed_tensor.offset = -1;
    add(std::move(renamed_tensor));
  });
}

// source  names: github.com/ggml-org/llama.cpp, gguf-py/gguf/constants.py and tensor_mapping.py;
//         what is stored otherwise than in Hugging Face format: conversion/ there.
constexpr std::array kArchitectures{
    GgufArchitecture{"qwen3moe", "qwen3_moe", "Qwen3MoeForCausalLM", rename_moe},
    GgufArchitecture{"qwen2moe", "qwen2_moe", "Qwen2MoeForCausalLM", rename_qwen2_moe},
    GgufArchitecture{"qwen3next", "qwen3_next", "Qwen3NextForCausalLM", rename_qwen3_next},
    GgufArchitecture{"qwen3", "qwen3", "Qwen3ForCausalLM", rename_dense},
    GgufArchitecture{"llama", "llama", "LlamaForCausalLM", rename_llama},
    GgufArchitecture{"olmoe", "olmoe", "OlmoeForCausalLM", rename_moe},
    GgufArchitecture{"gpt-oss", "gpt_oss", "GptOssForCausalLM", rename_gpt_oss},
    GgufArchitecture{"gemma3", "gemma3_text", "Gemma3ForCausalLM", rename_gemma3}};

}  // namespace

const GgufArchitecture& architecture_of(const GgufCheckpoint& checkpoint) {
  const std::string_view name = checkpoint.architecture();
  const auto found =
      std::find_if(kArchitectures.begin(), kArchitectures.end(),
                   [&](const GgufArchitecture& candidate) { return candidate.name == name; });
  if (found != kArchitectures.end()) return *found;
  std::string list;
  for (const GgufArchitecture& candidate : kArchitectures) {
    list += (list.empty() ? "" : ", ") + std::string(candidate.name);
  }
  checkpoint.metadata().fail("general.architecture \"" + shown_name(name) +
                             "\" is not supported\n  supported: " + list);
}

LayerTensorName layer_tensor_name(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  constexpr std::size_t kMostDigits = 6;
  LayerTensorName out{-1, name};
  if (!name.starts_with(kBlock)) return out;
  const std::size_t dot = name.find('.', kBlock.size());
  if (dot == std::string_view::npos || dot - kBlock.size() > kMostDigits) return out;
  int layer = -1;
  const auto end = std::from_chars(name.data() + kBlock.size(), name.data() + dot, layer);
  if (end.ec != std::errc() || end.ptr != name.data() + dot || layer < 0) return out;
  return {layer, name.substr(dot + 1)};
}

}  // namespace peira::model
