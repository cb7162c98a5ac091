#!/usr/bin/env python3
"""Writes tests/golden/tiny/gpt_oss_*/: small random `gpt_oss` checkpoints with transformers' answers.

    python3 tests/golden/make_tiny_gpt_oss.py [--out tests/golden/tiny] [--only NAME]

MXFP4 experts are written as published (u8 blocks and scales). transformers answers on their values
as its own convert_moe_packed_tensors decodes them, in float32, where every one of them is exact.
The layout of the folders is described in make_tiny_checkpoints.py.
"""

import tiny_model
import torch
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

YARN = {"rope_type": "yarn", "factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0,
        "original_max_position_embeddings": 32, "truncate": False}
MXFP4 = {"quant_method": "mxfp4",
         "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router",
                                    "model.embed_tokens", "lm_head"]}

# As gpt-oss-20b's config.json, smaller.
BASE_CONFIG = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "attention_bias": True,
    "attention_dropout": 0.0,
    "eos_token_id": 2,
    "experts_per_token": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initial_context_length": 32,
    "initializer_range": 0.02,
    "intermediate_size": 32,
    "layer_types": ["sliding_attention", "full_attention"],
    "max_position_embeddings": 256,
    "num_attention_heads": 4,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "output_router_logits": False,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-05,
    "rope_scaling": YARN,
    "rope_theta": 150000,
    "router_aux_loss_coef": 0.9,
    "sliding_window": 5,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": tiny_model.VOCAB_SIZE,
}

CHECKPOINTS = {
    "gpt_oss_mxfp4": {
        "about": "MXFP4 experts as published, window 5, 4q/2kv heads, top-2 of 4, yarn without "
                 "truncation, config.json of the older generation",
        "config": {"quantization_config": MXFP4},
        "lengths": (2, 48),
    },
    "gpt_oss_bf16": {
        "about": "experts as transformers writes them (gate_up_proj [E,H,2I]), bf16, config.json of "
                 "the newer generation, 3q/1kv heads, window 33 over pages of 32, all of 3 experts",
        "config": {"-rope_theta": None, "-rope_scaling": None, "-experts_per_token": None,
                   "rope_parameters": {**YARN, "rope_theta": 10000.0}, "dtype": "bfloat16",
                   "hidden_size": 40, "intermediate_size": 24, "num_attention_heads": 3,
                   "num_key_value_heads": 1, "head_dim": 12, "num_local_experts": 3,
                   "num_experts_per_tok": 3, "sliding_window": 33, "num_hidden_layers": 3,
                   "layer_types": ["full_attention", "sliding_attention", "sliding_attention"]},
        "dtype": torch.bfloat16,
        "lengths": (2, 71),
    },
    "gpt_oss_f32_one": {
        "about": "float32, one expert, window 1, layer_types absent (every other layer slides), "
                 "attention_bias false, tied embeddings, plain rotary embedding",
        "config": {"-layer_types": None, "-rope_scaling": None, "-experts_per_token": None,
                   "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
                   "attention_bias": False, "hidden_size": 28, "intermediate_size": 20,
                   "num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 8,
                   "num_local_experts": 1, "num_experts_per_tok": 1, "sliding_window": 1,
                   "num_hidden_layers": 3, "tie_word_embeddings": True},
        "dtype": torch.float32,
        "lengths": (2, 17),
    },
    "gpt_oss_mxfp4_one": {
        "about": "MXFP4, one of 5 experts, one key-value head, every layer slides (window 7), shards",
        "config": {"quantization_config": MXFP4, "-experts_per_token": None,
                   "num_experts_per_tok": 1, "num_local_experts": 5, "hidden_size": 32,
                   "intermediate_size": 64, "num_attention_heads": 6, "num_key_value_heads": 1,
                   "head_dim": 8, "layer_types": ["sliding_attention"] * 2, "sliding_window": 7},
        "lengths": (2, 40),
        "shards": 2,
    },
}


def make_tensors(config, spec, random):
    """The file's tensors. Gates and ups reach past the limit of the clamp."""
    dtype = spec.get("dtype", torch.bfloat16)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    experts, head_dim = config["num_local_experts"], config["head_dim"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    embed_scale = 0.1 if config["tie_word_embeddings"] else 1.0
    plain = {"model.embed_tokens.weight": embed_scale * random.normal(tiny_model.VOCAB_SIZE, hidden)}
    packed = {}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            plain[prefix + norm + ".weight"] = 1 + 0.3 * random.normal(hidden)
        for name, rows, columns in (("q", heads * head_dim, hidden), ("k", kv_heads * head_dim, hidden),
                                    ("v", kv_heads * head_dim, hidden), ("o", hidden, heads * head_dim)):
            plain[prefix + f"self_attn.{name}_proj.weight"] = random.matrix(rows, columns)
            if config["attention_bias"]:
                plain[prefix + f"self_attn.{name}_proj.bias"] = 0.3 * random.normal(rows)
        plain[prefix + "self_attn.sinks"] = random.normal(heads)
        plain[prefix + "mlp.router.weight"] = random.matrix(experts, hidden, scale=1.5)
        plain[prefix + "mlp.router.bias"] = 0.3 * random.normal(experts)
        name = prefix + "mlp.experts."
        plain[name + "gate_up_proj_bias"] = random.normal(experts, 2 * inner)
        plain[name + "down_proj_bias"] = random.normal(experts, hidden)
        if "quantization_config" in config:
            for part, rows, columns in (("gate_up_proj", 2 * inner, hidden), ("down_proj", hidden, inner)):
                shape = (experts, rows, columns // 32)
                packed[name + part + "_blocks"] = random.integers(0, 256, (*shape, 16), torch.uint8)
                packed[name + part + "_scales"] = random.integers(122, 126, shape, torch.uint8)
        else:
            plain[name + "gate_up_proj"] = 3 * random.normal(experts, hidden, 2 * inner) / hidden**0.5
            plain[name + "down_proj"] = 2 * random.normal(experts, inner, hidden) / inner**0.5
    plain["model.norm.weight"] = 1 + 0.3 * random.normal(hidden)
    if not config["tie_word_embeddings"]:
        plain["lm_head.weight"] = random.matrix(tiny_model.VOCAB_SIZE, hidden, scale=2.0)
    return {**{k: v.to(dtype) for k, v in plain.items()}, **packed}


def dequantised(config, tensors):
    """The same model without MXFP4: transformers' decoder in float32, [E, H, 2I] and [E, I, H]."""
    config = {k: v for k, v in config.items() if k != "quantization_config"}
    plain = {k: v for k, v in tensors.items() if v.dtype != torch.uint8}
    for name in tensors:
        if name.endswith("_blocks"):
            base = name[:-len("_blocks")]
            plain[base] = convert_moe_packed_tensors(tensors[name], tensors[base + "_scales"],
                                                     dtype=torch.float32)
    return config, plain


def write(name, spec, out):
    is_packed = "quantization_config" in spec["config"]
    tiny_model.write_checkpoint(name, spec, BASE_CONFIG, make_tensors, "GptOssTopKRouter", out,
                                dequantised if is_packed else None)


if __name__ == "__main__":
    tiny_model.run("write small random gpt_oss checkpoints with expected logits", CHECKPOINTS, write)
