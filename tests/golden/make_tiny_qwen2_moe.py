#!/usr/bin/env python3
"""Writes tests/golden/tiny/qwen2_moe*/: small random `qwen2_moe` checkpoints with transformers'
answers. The layout of the folders is described in make_tiny_checkpoints.py.

    python3 tests/golden/make_tiny_qwen2_moe.py [--out tests/golden/tiny] [--only NAME]
"""

import tiny_model
import torch

# As Qwen1.5-MoE-A2.7B's config.json, smaller.
BASE_CONFIG = {
    "architectures": ["Qwen2MoeForCausalLM"],
    "model_type": "qwen2_moe",
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "decoder_sparse_step": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 28,
    "max_position_embeddings": 128,
    "max_window_layers": 2,
    "moe_intermediate_size": 10,
    "norm_topk_prob": False,
    "num_attention_heads": 4,
    "num_experts": 5,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 4,
    "output_router_logits": False,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "router_aux_loss_coef": 0.001,
    "shared_expert_intermediate_size": 22,
    "sliding_window": 32,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": tiny_model.VOCAB_SIZE,
}

CHECKPOINTS = {
    "qwen2_moe": {
        "about": "biases on q, k, v; top-2 of 5 experts without renormalisation; gated shared expert",
        "config": {},
        "lengths": (2, 17),
    },
    "qwen2_moe_mixed": {
        "about": "qkv_bias false, layer 0 dense by mlp_only_layers, 4q/1kv heads, fused experts, "
                 "norm_topk_prob true, float32",
        "config": {"qkv_bias": False, "mlp_only_layers": [0], "num_key_value_heads": 1,
                   "norm_topk_prob": True, "torch_dtype": "float32"},
        "dtype": torch.float32,
        "fused": True,
        "lengths": (2, 17),
    },
}


def make_tensors(config, spec, random):
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head_dim = hidden // heads
    out = {"model.embed_tokens.weight": random.normal(tiny_model.VOCAB_SIZE, hidden)}

    def unit(prefix, inner):
        out[prefix + "gate_proj.weight"] = random.matrix(inner, hidden)
        out[prefix + "up_proj.weight"] = random.matrix(inner, hidden)
        out[prefix + "down_proj.weight"] = random.matrix(hidden, inner, scale=2.0)

    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            out[prefix + norm + ".weight"] = 1 + 0.3 * random.normal(hidden)
        kv_size = config["num_key_value_heads"] * head_dim
        for name, rows in (("q", hidden), ("k", kv_size), ("v", kv_size), ("o", hidden)):
            out[prefix + f"self_attn.{name}_proj.weight"] = random.matrix(rows, hidden)
            if name != "o" and config.get("qkv_bias", True):
                out[prefix + f"self_attn.{name}_proj.bias"] = 0.3 * random.normal(rows)
        if layer in config.get("mlp_only_layers", []):
            unit(prefix + "mlp.", config["intermediate_size"])
            continue
        experts, inner = config["num_experts"], config["moe_intermediate_size"]
        out[prefix + "mlp.gate.weight"] = random.matrix(experts, hidden, scale=1.5)
        if spec.get("fused"):
            out[prefix + "mlp.experts.gate_up_proj"] = random.matrix(experts, 2 * inner, hidden)
            out[prefix + "mlp.experts.down_proj"] = random.matrix(experts, hidden, inner, scale=2.0)
        else:
            for expert in range(experts):
                unit(prefix + f"mlp.experts.{expert}.", inner)
        unit(prefix + "mlp.shared_expert.", config["shared_expert_intermediate_size"])
        out[prefix + "mlp.shared_expert_gate.weight"] = random.matrix(1, hidden)
    out["model.norm.weight"] = 1 + 0.3 * random.normal(hidden)
    out["lm_head.weight"] = random.matrix(tiny_model.VOCAB_SIZE, hidden, scale=2.0)
    dtype = spec.get("dtype", torch.bfloat16)
    return {k: v.to(dtype) for k, v in out.items()}


def write(name, spec, out):
    tiny_model.write_checkpoint(name, spec, BASE_CONFIG, make_tensors, "Qwen2MoeTopKRouter", out)


if __name__ == "__main__":
    tiny_model.run("write small random qwen2_moe checkpoints with expected logits", CHECKPOINTS, write)
