#!/usr/bin/env python3
"""Writes the folders of tests/golden/tiny/ of the families qwen3, llama, olmoe, mixtral and gemma3,
and of FP8 block-quantised weights, with transformers' answers.

    python3 tests/golden/make_tiny_families.py [--out tests/golden/tiny] [--only NAME]

The files are described in make_tiny_checkpoints.py. Where transformers cannot load a layout (fused
experts in input-major order, the vision part of a Gemma of which only text runs) or would round
activations too (FP8), it answers on the same values in a layout that it can load.
"""

import torch
from tiny_model import VOCAB_SIZE, dequantise, quantise, run, write_checkpoint

BASE = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 32,
    "intermediate_size": 44,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "max_position_embeddings": 256,
    "attention_bias": False,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": None,
    "torch_dtype": "bfloat16",
}
QWEN3 = {**BASE, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 16,
         "sliding_window": None, "use_sliding_window": False, "max_window_layers": 2}
QWEN3_MOE = {**QWEN3, "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe",
             "moe_intermediate_size": 18, "num_experts": 6, "num_experts_per_tok": 2,
             "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": []}
LLAMA = {**BASE, "architectures": ["LlamaForCausalLM"], "model_type": "llama", "mlp_bias": False,
         "pretraining_tp": 1}
OLMOE = {**BASE, "architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "rms_norm_eps": 1e-5,
         "intermediate_size": 18, "num_experts": 8, "num_experts_per_tok": 2,
         "norm_topk_prob": False, "clip_qkv": None}
MIXTRAL = {**BASE, "architectures": ["MixtralForCausalLM"], "model_type": "mixtral",
           "rms_norm_eps": 1e-5, "intermediate_size": 18, "num_local_experts": 6,
           "num_experts_per_tok": 2, "sliding_window": None, "rope_theta": 1e6,
           "-attention_bias": None}
GEMMA3 = {**BASE, "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text",
          "-hidden_act": None, "hidden_activation": "gelu_pytorch_tanh", "head_dim": 10,
          "num_hidden_layers": 3, "query_pre_attn_scalar": 24, "sliding_window": 5,
          "rope_theta": 1e6, "rope_local_base_freq": 10000.0, "tie_word_embeddings": True,
          "attn_logit_softcapping": None, "final_logit_softcapping": None}
FP8 = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
       "weight_block_size": [128, 128]}
V5 = {"-rope_theta": None, "-torch_dtype": None}

# name -> about, base and changes to it (a key "-name" removes name), stored type, expert layout.
CHECKPOINTS = {
    "qwen3": {
        "about": "qwen3, 3 query heads on 1 kv head of 14, tied, bfloat16",
        "base": QWEN3,
        "config": {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 14,
                   "tie_word_embeddings": True},
    },
    "qwen3_window": {
        "about": "qwen3 whose second layer slides over 5 positions by use_sliding_window and "
                 "max_window_layers, with biases, float32",
        "base": QWEN3, "dtype": torch.float32,
        "config": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1,
                   "attention_bias": True, "torch_dtype": "float32"},
    },
    "qwen3_v5": {
        "about": "qwen3 as transformers 5 writes it: rope_parameters (yarn), layer_types, dtype; "
                 "float16",
        "base": QWEN3, "dtype": torch.float16, "lengths": (2, 40),
        "config": {**V5, "dtype": "float16", "head_dim": 6, "use_sliding_window": True,
                   "sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"],
                   "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
                                       "original_max_position_embeddings": 16}},
    },
    "llama2": {
        "about": "llama as the older files write it: neither head_dim nor num_key_value_heads; "
                 "float16",
        "base": LLAMA, "dtype": torch.float16,
        "config": {"-num_key_value_heads": None, "-attention_bias": None, "-mlp_bias": None,
                   "torch_dtype": "float16"},
    },
    "llama3": {
        "about": "llama with rope_type llama3, 4 query heads on 1 kv head of 12, tied, bfloat16",
        "base": LLAMA, "lengths": (2, 48),
        "config": {"head_dim": 12, "num_key_value_heads": 1, "tie_word_embeddings": True,
                   "rope_theta": 500.0, "eos_token_id": [1, 2],
                   "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                    "high_freq_factor": 4.0,
                                    "original_max_position_embeddings": 64}},
    },
    "llama_bias": {
        "about": "llama with attention_bias and mlp_bias, rope linear, two shards, float32",
        "base": LLAMA, "dtype": torch.float32, "shards": 2,
        "config": {"attention_bias": True, "mlp_bias": True, "torch_dtype": "float32",
                   "num_hidden_layers": 1, "rope_scaling": {"type": "linear", "factor": 2.0}},
    },
    "olmoe": {
        "about": "olmoe with clip_qkv and grouped heads, experts one by one, bfloat16",
        "base": OLMOE, "config": {"clip_qkv": 0.8},
    },
    "olmoe_all": {
        "about": "olmoe, all of 4 experts chosen and divided by their sum, fused as transformers 5 "
                 "holds them, float32",
        "base": OLMOE, "dtype": torch.float32, "experts": "fused",
        "config": {"num_experts": 4, "num_experts_per_tok": 4, "norm_topk_prob": True,
                   "num_key_value_heads": 4, "torch_dtype": "float32"},
    },
    "olmoe_one": {
        "about": "olmoe of one expert, one layer, float16",
        "base": OLMOE, "dtype": torch.float16,
        "config": {"num_experts": 1, "num_experts_per_tok": 1, "num_hidden_layers": 1},
    },
    "olmoe_input_major": {
        "about": "olmoe, experts fused in input-major order [E, H, 2I] and [E, I, H], bfloat16",
        "base": OLMOE, "experts": "input-major", "config": {"num_experts": 5},
    },
    "mixtral": {
        "about": "mixtral as published: block_sparse_moe, w1/w3/w2, bfloat16",
        "base": MIXTRAL, "config": {"num_hidden_layers": 3},
    },
    "mixtral_window": {
        "about": "mixtral with a sliding window of 6 and the names and fused experts that "
                 "transformers 5 has in memory, float32",
        "base": MIXTRAL, "dtype": torch.float32, "experts": "fused",
        "config": {"sliding_window": 6, "num_local_experts": 4, "head_dim": 6,
                   "torch_dtype": "float32"},
    },
    "mixtral_square": {
        "about": "mixtral with 2 intermediate_size = hidden_size, experts fused in input-major "
                 "order: only down_proj's shape tells; float16",
        "base": MIXTRAL, "dtype": torch.float16, "experts": "input-major",
        "config": {"intermediate_size": 16, "num_local_experts": 7, "num_experts_per_tok": 3},
    },
    "gemma3_text": {
        "about": "gemma3_text as transformers 4 writes it: sliding_window_pattern 2, "
                 "rope_local_base_freq, rope_scaling linear; tied, bfloat16",
        "base": GEMMA3, "lengths": (2, 33),
        "config": {"sliding_window_pattern": 2, "rope_scaling": {"rope_type": "linear",
                                                                 "factor": 8.0}},
    },
    "gemma3_text_v5": {
        "about": "gemma3_text as transformers 5 writes it: layer_types and rope_parameters for each "
                 "kind of layer; capped logits, own lm_head, one kv head, float32",
        "base": GEMMA3, "dtype": torch.float32,
        "config": {**V5, "-rope_local_base_freq": None, "dtype": "float32", "num_hidden_layers": 2,
                   "num_key_value_heads": 1, "tie_word_embeddings": False,
                   "final_logit_softcapping": 5.0,
                   "layer_types": ["full_attention", "sliding_attention"],
                   "rope_parameters": {
                       "full_attention": {"rope_type": "linear", "rope_theta": 1e5, "factor": 4.0},
                       "sliding_attention": {"rope_type": "default", "rope_theta": 2000.0}}},
    },
    "gemma3": {
        "about": "gemma3 as published: text_config, language_model.model.*, and a vision part that "
                 "does not run; bfloat16",
        "base": GEMMA3, "wrapped": ("language_model.model.", "language_model.lm_head.", ""),
        "config": {"sliding_window_pattern": 3},
    },
    "gemma3_renamed": {
        "about": "gemma3 under the names that transformers has in memory: model.language_model.*, "
                 "lm_head.weight; float16",
        "base": GEMMA3, "dtype": torch.float16,
        "wrapped": ("model.language_model.", "lm_head.", "model."),
        "config": {"tie_word_embeddings": False, "num_hidden_layers": 2,
                   "sliding_window_pattern": 2},
    },
    "qwen3_fp8": {
        "about": "qwen3 with FP8 blocks, sizes that are no multiples of 128, bfloat16 scales",
        "base": QWEN3, "fp8": torch.bfloat16,
        "config": {"hidden_size": 136, "intermediate_size": 140, "num_hidden_layers": 1,
                   "quantization_config": {**FP8, "modules_to_not_convert": ["lm_head"]}},
    },
    "qwen3_moe_fp8": {
        "about": "qwen3_moe with FP8 blocks, one dense layer, float32 scales",
        "base": QWEN3_MOE, "fp8": torch.float32,
        "config": {"hidden_size": 132, "intermediate_size": 20, "moe_intermediate_size": 17,
                   "num_key_value_heads": 1, "mlp_only_layers": [0], "num_experts": 4,
                   "quantization_config": {**FP8, "modules_to_not_convert": [
                       "lm_head", "model.layers.1.mlp.gate"]}},
    },
}


def make_tensors(config, spec, random):
    """The decoder's tensors in float32 under the names of its family, experts one by one."""
    family = config["model_type"]
    is_gemma = family.startswith("gemma3")
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    head_dim = config.get("head_dim", hidden // heads)
    tensors = {}

    def norm(name, size):
        tensors[name + ".weight"] = (0 if is_gemma else 1) + 0.3 * random.normal(size)

    def linear(name, rows, columns, has_bias=False, scale=1.0):
        tensors[name + ".weight"] = random.matrix(rows, columns, scale=scale)
        if has_bias:
            tensors[name + ".bias"] = 0.3 * random.normal(rows)

    # A tied embedding of unit size would make every token predict itself again.
    embed_scale = 0.2 if config["tie_word_embeddings"] else 1.0
    tensors["model.embed_tokens.weight"] = embed_scale * random.normal(VOCAB_SIZE, hidden)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        norms = ["input_layernorm", "post_attention_layernorm"]
        if is_gemma:
            norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"]
        for name in norms:
            norm(prefix + name, hidden)
        attention = prefix + "self_attn."
        bias = config.get("attention_bias", False)
        linear(attention + "q_proj", heads * head_dim, hidden, bias)
        linear(attention + "k_proj", kv_heads * head_dim, hidden, bias)
        linear(attention + "v_proj", kv_heads * head_dim, hidden, bias)
        linear(attention + "o_proj", hidden, heads * head_dim, bias)
        if family == "olmoe":
            norm(attention + "q_norm", heads * head_dim)
            norm(attention + "k_norm", kv_heads * head_dim)
        elif family not in ("llama", "mixtral"):
            norm(attention + "q_norm", head_dim)
            norm(attention + "k_norm", head_dim)

        experts = config.get("num_experts", config.get("num_local_experts", 0))
        block = prefix + ("block_sparse_moe." if family == "mixtral" else "mlp.")
        gate, up, down = ("w1", "w3", "w2") if family == "mixtral" else (
            "gate_proj", "up_proj", "down_proj")
        if experts == 0 or layer in config.get("mlp_only_layers", []):
            inner = config["intermediate_size"]
            linear(block + gate, inner, hidden, config.get("mlp_bias"))
            linear(block + up, inner, hidden, config.get("mlp_bias"))
            linear(block + down, hidden, inner, config.get("mlp_bias"))
            continue
        inner = config.get("moe_intermediate_size", config["intermediate_size"])
        linear(block + "gate", experts, hidden, scale=1.5)
        for expert in range(experts):
            linear(block + f"experts.{expert}.{gate}", inner, hidden)
            linear(block + f"experts.{expert}.{up}", inner, hidden)
            linear(block + f"experts.{expert}.{down}", hidden, inner, scale=2.0)
    norm("model.norm", hidden)
    if not config["tie_word_embeddings"]:
        linear("lm_head", VOCAB_SIZE, hidden, scale=2.0)
    return {k: v.to(spec.get("dtype", torch.bfloat16)) for k, v in tensors.items()}


def fuse_experts(config, tensors, is_input_major):
    """Experts as mlp.experts.gate_up_proj [E, 2I, H] and down_proj [E, H, I], or transposed."""
    is_mixtral = config["model_type"] == "mixtral"
    gate, up, down = ("w1", "w3", "w2") if is_mixtral else ("gate_proj", "up_proj", "down_proj")
    out = {k.replace("block_sparse_moe.", "mlp."): v for k, v in tensors.items()}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}.mlp.experts."

        def stacked(name):
            each = [out.pop(f"{prefix}{e}.{name}.weight")
                    for e in range(config.get("num_experts", config.get("num_local_experts")))]
            return torch.stack(each)

        fused = {"gate_up_proj": torch.cat([stacked(gate), stacked(up)], dim=1),
                 "down_proj": stacked(down)}
        for name, value in fused.items():
            out[prefix + name] = value.transpose(1, 2).contiguous() if is_input_major else value
    return out


def wrap(config, tensors, spec, random):
    """A checkpoint that also reads images: other names, and tensors that do not run."""
    text, lm_head, rest = spec["wrapped"]
    out = {}
    for name, value in tensors.items():
        name = name.replace("lm_head.", lm_head) if name.startswith("lm_head.") else text + name[6:]
        out[name] = value
    for name, shape in (("vision_tower.vision_model.embeddings.position_embedding.weight", (4, 6)),
                        ("vision_tower.vision_model.post_layernorm.bias", (6,)),
                        ("multi_modal_projector.mm_input_projection_weight", (6, 8))):
        out[rest + name] = random.normal(*shape).to(spec.get("dtype", torch.bfloat16))
    return out


def wrapped_config(config):
    outside = ("architectures", "torch_dtype", "eos_token_id", "tie_word_embeddings")
    return {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        **{k: config[k] for k in outside[1:]}, "image_token_index": VOCAB_SIZE - 1,
        "text_config": {k: v for k, v in config.items() if k not in outside},
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 6},
    }


def write(name, spec, out):
    plain = {}  # what transformers loads, where it is not what the folder holds
    spec = {"lengths": (2, 17), **spec}

    def stored(config, spec, random):
        tensors = make_tensors(config, spec, random)
        plain.clear()
        if spec.get("experts") == "fused":
            return fuse_experts(config, tensors, False)
        if spec.get("experts") == "input-major":
            plain.update(fuse_experts(config, tensors, False))
            return fuse_experts(config, tensors, True)
        if "fp8" in spec:
            quantised = quantise(config, tensors, spec["fp8"])
            plain.update(dequantise(quantised))
            return quantised
        if "wrapped" in spec:
            plain.update(tensors)
            return wrap(config, tensors, spec, random)
        return tensors

    def as_reference(config, _):
        return {k: v for k, v in config.items() if k != "quantization_config"}, plain

    is_other = any(key in spec for key in ("fp8", "wrapped")) or spec.get("experts") == "input-major"
    router = {"olmoe": "OlmoeTopKRouter", "mixtral": "MixtralTopKRouter",
              "qwen3_moe": "Qwen3MoeTopKRouter"}.get(spec["base"]["model_type"], "")
    base = {k: v for k, v in spec["base"].items() if not k.startswith("-")}
    removed = {k: v for k, v in spec["base"].items() if k.startswith("-")}
    spec["config"] = {**removed, **spec["config"]}
    write_checkpoint(name, spec, base, stored, router, out, as_reference if is_other else None,
                     wrapped_config if "wrapped" in spec else None)


if __name__ == "__main__":
    run(__doc__, CHECKPOINTS, write)
