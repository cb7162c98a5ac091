#!/usr/bin/env python3
"""Writes tests/golden/tiny/qwen3_next*/: small random `qwen3_next` checkpoints with transformers'
answers. Prompts longer than 64 tokens take more than one chunk of its chunked delta rule.

    python3 tests/golden/make_tiny_qwen3_next.py [--out tests/golden/tiny] [--only NAME]

Neither causal-conv1d nor flash-linear-attention may be installed: transformers' own PyTorch code is
the reference. The layout of the folders is described in make_tiny_checkpoints.py.
"""

import importlib.util

import tiny_model
import torch

# As Qwen3-Next-80B-A3B's config.json, smaller.
BASE_CONFIG = {
    "architectures": ["Qwen3NextForCausalLM"],
    "model_type": "qwen3_next",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "decoder_sparse_step": 1,
    "eos_token_id": 2,
    "full_attention_interval": 4,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 28,
    "initializer_range": 0.02,
    "intermediate_size": 28,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_value_head_dim": 8,
    "max_position_embeddings": 256,
    "mlp_only_layers": [],
    "moe_intermediate_size": 8,
    "norm_topk_prob": True,
    "num_attention_heads": 4,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "output_router_logits": False,
    "partial_rotary_factor": 0.25,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 10000,
    "router_aux_loss_coef": 0.001,
    "shared_expert_intermediate_size": 10,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": tiny_model.VOCAB_SIZE,
}

CHECKPOINTS = {
    "qwen3_next": {
        "about": "three gated DeltaNet layers, then full attention; two value heads a key head, "
                 "kernel 4, per-expert tensors, mtp tensors beside, bf16",
        "config": {},
        "mtp": True,
        "lengths": (3, 75),
    },
    "qwen3_next_1x": {
        "about": "config.json as transformers 5 writes it, layer_types, one value head a key head, odd "
                 "head counts and sizes, kernel 2, dense layer 1 by mlp_only_layers, fused experts, "
                 "all of 2 experts, norm_topk_prob false, biases, tied, float32",
        "config": {"-rope_theta": None, "-rope_scaling": None, "-partial_rotary_factor": None,
                   "-full_attention_interval": None, "-torch_dtype": None, "dtype": "float32",
                   "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0,
                                       "partial_rotary_factor": 0.5},
                   "layer_types": ["full_attention", "linear_attention", "linear_attention"],
                   "num_hidden_layers": 3, "attention_bias": True, "hidden_size": 24,
                   "linear_num_key_heads": 3, "linear_num_value_heads": 3, "linear_key_head_dim": 6,
                   "linear_value_head_dim": 10, "linear_conv_kernel_dim": 2, "mlp_only_layers": [1],
                   "num_experts": 2, "norm_topk_prob": False, "num_attention_heads": 3,
                   "num_key_value_heads": 1, "head_dim": 12, "tie_word_embeddings": True},
        "dtype": torch.float32,
        "fused": True,
        "lengths": (2, 66),
    },
    "qwen3_next_step2": {
        "about": "decoder_sparse_step 2, one expert, three value heads of one key head, kernel 3, full "
                 "attention every second layer, yarn over the quarter that turns",
        "config": {"decoder_sparse_step": 2, "num_experts": 1, "num_experts_per_tok": 1,
                   "linear_num_key_heads": 1, "linear_num_value_heads": 3,
                   "linear_key_head_dim": 16, "linear_value_head_dim": 12,
                   "linear_conv_kernel_dim": 3, "full_attention_interval": 2,
                   "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                                    "original_max_position_embeddings": 32},
                   "head_dim": 32, "num_attention_heads": 2, "num_key_value_heads": 1},
        "lengths": (2, 70),
    },
    "qwen3_next_fp8": {
        "about": "FP8 blocks as published: linear heads and head_dim of 128, so that blocks move with "
                 "heads; in_proj_ba, routers and the shared expert's gate stay bfloat16",
        "config": {"num_hidden_layers": 2, "full_attention_interval": 2, "head_dim": 128, "num_attention_heads": 2,
                   "num_key_value_heads": 1, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
                   "linear_key_head_dim": 128, "linear_value_head_dim": 128,
                   "quantization_config": {
                       "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                       "weight_block_size": [128, 128], "modules_to_not_convert": [
                           "lm_head", "model.layers.0.linear_attn.in_proj_ba", "model.layers.0.mlp.gate",
                           "model.layers.0.mlp.shared_expert_gate", "model.layers.1.mlp.gate",
                           "model.layers.1.mlp.shared_expert_gate"]}},
        "fp8": True,
        "lengths": (2, 70),
    },
}


def make_tensors(config, spec, random):
    dtype = spec.get("dtype", torch.bfloat16)
    hidden = config["hidden_size"]
    embed_scale = 0.1 if config["tie_word_embeddings"] else 1.0
    out = {"model.embed_tokens.weight": embed_scale * random.normal(tiny_model.VOCAB_SIZE, hidden)}

    def attention(prefix):
        head_dim, heads = config["head_dim"], config["num_attention_heads"]
        kv_heads = config["num_key_value_heads"]
        for name, rows, columns in (("q", 2 * heads * head_dim, hidden),
                                    ("k", kv_heads * head_dim, hidden),
                                    ("v", kv_heads * head_dim, hidden), ("o", hidden, heads * head_dim)):
            out[prefix + name + "_proj.weight"] = random.matrix(rows, columns)
            if config["attention_bias"]:
                out[prefix + name + "_proj.bias"] = 0.3 * random.normal(rows)
        out[prefix + "q_norm.weight"] = 0.3 * random.normal(head_dim)
        out[prefix + "k_norm.weight"] = 0.3 * random.normal(head_dim)

    def linear_attention(prefix):
        key_heads, value_heads = config["linear_num_key_heads"], config["linear_num_value_heads"]
        keys = key_heads * config["linear_key_head_dim"]
        values = value_heads * config["linear_value_head_dim"]
        width = config["linear_conv_kernel_dim"]
        out[prefix + "in_proj_qkvz.weight"] = random.matrix(2 * keys + 2 * values, hidden)
        out[prefix + "in_proj_ba.weight"] = random.matrix(2 * value_heads, hidden)
        out[prefix + "conv1d.weight"] = random.matrix(2 * keys + values, 1, width, scale=1.5)
        # Decays from nearly none to nearly all.
        out[prefix + "A_log"] = random.normal(value_heads)
        out[prefix + "dt_bias"] = random.normal(value_heads) - 1
        out[prefix + "norm.weight"] = 1 + 0.3 * random.normal(config["linear_value_head_dim"])
        out[prefix + "out_proj.weight"] = random.matrix(hidden, values)

    def unit(prefix, inner):
        out[prefix + "gate_proj.weight"] = random.matrix(inner, hidden)
        out[prefix + "up_proj.weight"] = random.matrix(inner, hidden)
        out[prefix + "down_proj.weight"] = random.matrix(hidden, inner, scale=2.0)

    def sparse(prefix, fused):
        experts, inner = config["num_experts"], config["moe_intermediate_size"]
        out[prefix + "gate.weight"] = random.matrix(experts, hidden, scale=1.5)
        if fused:
            out[prefix + "experts.gate_up_proj"] = random.matrix(experts, 2 * inner, hidden)
            out[prefix + "experts.down_proj"] = random.matrix(experts, hidden, inner, scale=2.0)
        else:
            for expert in range(experts):
                unit(prefix + f"experts.{expert}.", inner)
        unit(prefix + "shared_expert.", config["shared_expert_intermediate_size"])
        out[prefix + "shared_expert_gate.weight"] = random.matrix(1, hidden)

    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            out[prefix + norm + ".weight"] = 0.3 * random.normal(hidden)
        interval = config.get("full_attention_interval")
        is_full = (config["layer_types"][layer] == "full_attention" if "layer_types" in config
                   else (layer + 1) % interval == 0)
        if is_full:
            attention(prefix + "self_attn.")
        else:
            linear_attention(prefix + "linear_attn.")
        is_sparse = (layer not in config["mlp_only_layers"]
                     and (layer + 1) % config["decoder_sparse_step"] == 0)
        if is_sparse:
            sparse(prefix + "mlp.", spec.get("fused", False))
        else:
            unit(prefix + "mlp.", config["intermediate_size"])
    if spec.get("mtp"):
        for name in ("mtp.norm.weight", "mtp.pre_fc_norm_embedding.weight", "mtp.pre_fc_norm_hidden.weight",
                     "mtp.layers.0.input_layernorm.weight"):
            out[name] = 0.3 * random.normal(hidden)
        out["mtp.fc.weight"] = random.matrix(hidden, 2 * hidden)
    out["model.norm.weight"] = 0.3 * random.normal(hidden)
    if not config["tie_word_embeddings"]:
        out["lm_head.weight"] = random.matrix(tiny_model.VOCAB_SIZE, hidden, scale=2.0)
    return {k: v.to(dtype) for k, v in out.items()}


def make_fp8_tensors(config, spec, random):
    return tiny_model.quantise(config, make_tensors(config, spec, random), torch.bfloat16)


def without_fp8(config, tensors):
    return {k: v for k, v in config.items() if k != "quantization_config"}, tiny_model.dequantise(tensors)


def write(name, spec, out):
    is_fp8 = "fp8" in spec
    tiny_model.write_checkpoint(name, spec, BASE_CONFIG, make_fp8_tensors if is_fp8 else make_tensors,
                                "Qwen3NextTopKRouter", out, without_fp8 if is_fp8 else None)


if __name__ == "__main__":
    for package in ("causal_conv1d", "fla"):
        if importlib.util.find_spec(package) is not None:
            raise SystemExit(f"{package} is installed and would answer in PyTorch's place")
    tiny_model.run("write small random qwen3_next checkpoints with expected logits", CHECKPOINTS, write)
