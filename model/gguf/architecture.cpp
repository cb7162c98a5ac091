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

// [E, ...] as E tensors that share its bytes.
void add_experts(const StoredTensor& stored, const std::string& prefix, const std::string& suffix,
                 const std::function<void(GgufTensor)>& add) {
  const auto num_experts = static_cast<std::size_t>(stored.shape.front());
  const std::size_t size_bytes = stored.bytes.size() / num_experts;
  for (std::size_t expert = 0; expert < num_experts; ++expert) {
    GgufTensor out;
    out.tensor.name = prefix + std::to_string(expert) + "." + suffix;
    out.tensor.dtype = stored.dtype;
    out.tensor.shape.assign(stored.shape.begin() + 1, stored.shape.end());
    out.tensor.bytes = stored.bytes.subspan(expert * size_bytes, size_bytes);
    add(std::move(out));
  }
}

// ffn_gate_exps.weight, or one of ffn_gate.3.weight as files before April 2024 have them; false for
// other names.
bool add_if_experts(const StoredTensor& stored, std::string_view rest, const std::string& layer,
                    const Names& names, const std::function<void(GgufTensor)>& add) {
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
      add_experts(stored, prefix, std::string(kind.hugging_face) + ".weight", add);
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
  if (rest == "attn_sinks.weight") {
    out.tensor.name = prefix + "self_attn.sinks";
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
