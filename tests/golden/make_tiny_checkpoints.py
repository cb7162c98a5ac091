#!/usr/bin/env python3
"""Writes tests/golden/tiny/<name>/: small random `qwen3_moe` checkpoints with transformers' answers.

Each folder holds config.json, one or more safetensors files and expected.json. The engine loads the
folder and must reproduce expected.json. What each folder is for stands in its `about` line.

    python3 tests/golden/make_tiny_checkpoints.py [--out tests/golden/tiny] [--only NAME]

expected.json:
  about, versions        what is covered; torch and transformers that made it
  computed_in            "float32": the stored weights, widened, and all arithmetic in float32
  cases[]                one prompt each
    tokens               prompt token ids                                            [T]
    logits               next-token logits after every prompt token, float32         [T][vocab_size]
    logprobs             log P(tokens[i] | tokens[:i]) for i >= 1                     [T-1]
    greedy               12 greedy tokens after the prompt (end-of-text is not special here)
    greedy_gap           best logit minus second-best at each of these steps
    router_margin        smallest gap between the last chosen and the first refused expert's
                         probability in the whole forward pass: a tiny one means that another
                         correct implementation may route differently

The files are written by hand instead of through save_pretrained, because the layouts (old and new
config keys, per-expert and fused experts, shards) are the point; expected.json comes from loading
the written folder again, so that file and figures cannot drift apart.
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

VOCAB_SIZE = 80

# Keys all folders share. hidden_size is never twice moe_intermediate_size: fused expert tensors are
# told apart from their transposes by shape.
BASE_CONFIG = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 32,
    "intermediate_size": 28,
    "moe_intermediate_size": 18,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "max_position_embeddings": 256,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "norm_topk_prob": True,
    "router_aux_loss_coef": 0.001,
    "tie_word_embeddings": False,
    "sliding_window": None,
    "use_sliding_window": False,
    "max_window_layers": 2,
    "initializer_range": 0.02,
    "bos_token_id": None,
    "eos_token_id": 1,
    "use_cache": True,
    "torch_dtype": "bfloat16",
}

# name -> about, changes to BASE_CONFIG (None with a "-" prefix removes a key), and file layout.
CHECKPOINTS = {
    "gqa": {
        "about": "grouped-query attention 4q/2kv, 8 experts top-2, norm_topk_prob true, bf16",
        "config": {},
    },
    "tied": {
        "about": "norm_topk_prob false, tied embeddings (no lm_head tensor), head_dim != hidden/heads, "
                 "multi-head attention, top-3 of 5 experts, rope_theta 1e6",
        "config": {"norm_topk_prob": False, "tie_word_embeddings": True, "num_attention_heads": 3,
                   "num_key_value_heads": 3, "head_dim": 12, "num_experts": 5,
                   "num_experts_per_tok": 3, "hidden_size": 40, "rope_theta": 1000000.0},
    },
    "dense_mixed": {
        "about": "layer 0 and 2 dense by decoder_sparse_step 2, layer 3 dense by mlp_only_layers, "
                 "layer 1 sparse; attention_bias true; one kv head",
        "config": {"num_hidden_layers": 4, "decoder_sparse_step": 2, "mlp_only_layers": [3],
                   "attention_bias": True, "num_key_value_heads": 1},
    },
    "sharded_v5": {
        "about": "config.json as transformers 5 writes it (rope_parameters, dtype, eos list), two "
                 "shards with model.safetensors.index.json",
        "config": {"-rope_theta": None, "-rope_scaling": None, "-torch_dtype": None,
                   "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"},
                   "dtype": "bfloat16", "eos_token_id": [1, 2]},
        "shards": 2,
    },
    "f16": {
        "about": "float16 weights",
        "config": {"torch_dtype": "float16", "num_experts": 6},
        "dtype": torch.float16,
    },
    "f32_top1": {
        "about": "float32 weights, top-1 of 3 experts, head_dim absent (hidden/heads)",
        "config": {"torch_dtype": "float32", "num_experts": 3, "num_experts_per_tok": 1,
                   "-head_dim": None},
        "dtype": torch.float32,
        "head_dim": 8,
    },
    "rope_linear": {
        "about": "rope_scaling linear, factor 4 (old key names: type)",
        "config": {"rope_scaling": {"type": "linear", "factor": 4.0}},
        "long": True,
    },
    "rope_yarn": {
        "about": "rope_scaling yarn, factor 4 over 16 original positions (rope_type)",
        "config": {"rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                                    "original_max_position_embeddings": 16},
                   "max_position_embeddings": 64},
        "long": True,
    },
    "fused": {
        "about": "fused experts as transformers 5 holds them: mlp.experts.gate_up_proj [E,2I,H] (gate "
                 "rows first), mlp.experts.down_proj [E,H,I]",
        "config": {},
        "fused": True,
    },
}


def make_config(changes):
    """BASE_CONFIG with `changes`; a key "-name" removes name."""
    config = {**BASE_CONFIG, **{k: v for k, v in changes.items() if not k.startswith("-")}}
    for key in changes:
        if key.startswith("-"):
            del config[key[1:]]
    return config


def make_tensors(config, head_dim, fused, generator):
    """Random weights under the file's names, float32.

    Larger than a usual initialisation and with norm weights away from 1: a mistake in any part
    (norm, bias, rotation, routing) then moves the logits by far more than rounding does.
    """
    def matrix(*shape, scale=1.0):
        return torch.randn(*shape, generator=generator) * (scale / shape[-1] ** 0.5)

    def norm(size):
        return 1 + 0.3 * torch.randn(size, generator=generator)

    hidden, inter = config["hidden_size"], config["moe_intermediate_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    # A tied embedding of unit size would make every token predict itself again.
    embed_scale = 0.1 if config["tie_word_embeddings"] else 1.0
    embed = embed_scale * torch.randn(VOCAB_SIZE, hidden, generator=generator)
    tensors = {"model.embed_tokens.weight": embed}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        tensors[prefix + "input_layernorm.weight"] = norm(hidden)
        tensors[prefix + "post_attention_layernorm.weight"] = norm(hidden)
        for name, rows, columns in (("q", heads * head_dim, hidden), ("k", kv_heads * head_dim, hidden),
                                    ("v", kv_heads * head_dim, hidden), ("o", hidden, heads * head_dim)):
            tensors[prefix + f"self_attn.{name}_proj.weight"] = matrix(rows, columns)
            if config["attention_bias"]:
                tensors[prefix + f"self_attn.{name}_proj.bias"] = matrix(rows, scale=1.5)
        tensors[prefix + "self_attn.q_norm.weight"] = norm(head_dim)
        tensors[prefix + "self_attn.k_norm.weight"] = norm(head_dim)

        is_sparse = (layer not in config["mlp_only_layers"]
                     and (layer + 1) % config["decoder_sparse_step"] == 0)
        if not is_sparse:
            dense = config["intermediate_size"]
            tensors[prefix + "mlp.gate_proj.weight"] = matrix(dense, hidden)
            tensors[prefix + "mlp.up_proj.weight"] = matrix(dense, hidden)
            tensors[prefix + "mlp.down_proj.weight"] = matrix(hidden, dense)
            continue
        experts = config["num_experts"]
        tensors[prefix + "mlp.gate.weight"] = matrix(experts, hidden, scale=1.5)
        gate, up = matrix(experts, inter, hidden), matrix(experts, inter, hidden)
        down = matrix(experts, hidden, inter, scale=2.0)
        if fused:
            tensors[prefix + "mlp.experts.gate_up_proj"] = torch.cat([gate, up], dim=1)
            tensors[prefix + "mlp.experts.down_proj"] = down
        else:
            for expert in range(experts):
                name = prefix + f"mlp.experts.{expert}."
                tensors[name + "gate_proj.weight"] = gate[expert].clone()
                tensors[name + "up_proj.weight"] = up[expert].clone()
                tensors[name + "down_proj.weight"] = down[expert].clone()
    tensors["model.norm.weight"] = norm(hidden)
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = matrix(VOCAB_SIZE, hidden, scale=2.0)
    return tensors


def write_weights(folder, tensors, num_shards):
    """model.safetensors, or shards cut in name order plus the index file."""
    metadata = {"format": "pt"}
    if num_shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata=metadata)
        return
    names = list(tensors)
    per_shard = -(-len(names) // num_shards)
    weight_map = {}
    for shard in range(num_shards):
        file_name = f"model-{shard + 1:05d}-of-{num_shards:05d}.safetensors"
        part = {n: tensors[n] for n in names[shard * per_shard:(shard + 1) * per_shard]}
        save_file(part, folder / file_name, metadata=metadata)
        weight_map.update({name: file_name for name in part})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": total}, "weight_map": weight_map})


def floats(tensor):
    """Nested lists with nine significant digits, which is enough to give a float32 back exactly."""
    if tensor.dim() > 1:
        return [floats(row) for row in tensor]
    return [float(f"{value:.9g}") for value in tensor.tolist()]


def write_json(path, value):
    """Indented JSON, with long lists of numbers kept on one line."""
    def emit(item, indent):
        if isinstance(item, dict):
            if not item:
                return "{}"
            body = ",\n".join(" " * (indent + 1) + json.dumps(k) + ": " + emit(v, indent + 1)
                              for k, v in item.items())
            return "{\n" + body + "\n" + " " * indent + "}"
        if isinstance(item, list) and item and isinstance(item[0], (list, dict)):
            body = ",\n".join(" " * (indent + 1) + emit(v, indent + 1) for v in item)
            return "[\n" + body + "\n" + " " * indent + "]"
        return json.dumps(item, ensure_ascii=False)

    path.write_text(emit(value, 0) + "\n", encoding="utf-8")


def router_margin(model, tokens):
    """Smallest probability gap at the top-k boundary over all sparse layers and tokens."""
    margins = []

    def hook(module, _, output):
        probs = torch.softmax(output[0].float(), dim=-1).sort(dim=-1, descending=True).values
        k = module.top_k
        if k < probs.shape[-1]:
            margins.append((probs[:, k - 1] - probs[:, k]).min().item())

    gates = [m for m in model.modules() if type(m).__name__ in ("Qwen3MoeTopKRouter", "Qwen3OmniMoeThinkerTextTopKRouter")]
    handles = [gate.register_forward_hook(hook) for gate in gates]
    with torch.no_grad():
        model(torch.tensor([tokens]))
    for handle in handles:
        handle.remove()
    return min(margins)


def greedy(model, tokens, num_tokens):
    """Greedy continuation without a cache (the plainest definition), with the top-2 logit gaps."""
    tokens, out, gaps = list(tokens), [], []
    for _ in range(num_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0, -1]
        best = torch.topk(logits, 2)
        out.append(int(best.indices[0]))
        gaps.append(float(best.values[0] - best.values[1]))
        tokens.append(out[-1])
    return out, gaps


def expected_values(folder, about, prompts):
    """Loads the folder as written and returns what expected.json says."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        output_loading_info=True)
    model.eval()
    problems = {k: v for k, v in info.items() if v}
    if problems:
        raise SystemExit(f"{folder}: transformers did not load all tensors: {problems}")
    cases = []
    for tokens in prompts:
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0]
        logprobs = torch.log_softmax(logits, dim=-1)
        steps, gaps = greedy(model, tokens, 12)
        cases.append({
            "tokens": tokens,
            "logits": floats(logits),
            "logprobs": floats(torch.stack([logprobs[i - 1, tokens[i]] for i in range(1, len(tokens))])),
            "greedy": steps,
            "greedy_gap": floats(torch.tensor(gaps)),
            "router_margin": float(f"{router_margin(model, tokens + steps):.4g}"),
        })
    return {
        "about": about,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "computed_in": "float32",
        "attn_implementation": "eager",
        "experts_implementation": "eager",
        "cases": cases,
    }


def write_checkpoint(name, spec, out):
    """One folder.

    The seed comes from the name, so that adding a folder never changes another. Draws with a near
    tie, between tokens or between experts, are passed over: there two correct implementations may
    differ.
    """
    seed = sum(ord(c) * 131 ** i for i, c in enumerate(name)) % 2**31
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    config = make_config(spec["config"])
    head_dim = config.get("head_dim", spec.get("head_dim"))
    dtype = spec.get("dtype", torch.bfloat16)
    write_json(folder / "config.json", config)
    lengths = (2, 48) if spec.get("long") else (2, 17)
    for attempt in range(100):
        generator = torch.Generator().manual_seed(seed + attempt)
        tensors = make_tensors(config, head_dim, spec.get("fused", False), generator)
        write_weights(folder, {k: v.to(dtype).contiguous() for k, v in tensors.items()},
                      spec.get("shards", 1))
        prompts = [torch.randint(3, VOCAB_SIZE, (length,), generator=generator).tolist()
                   for length in lengths]
        expected = expected_values(folder, spec["about"], prompts)
        gap = min(min(case["greedy_gap"]) for case in expected["cases"])
        margin = min(case["router_margin"] for case in expected["cases"])
        if gap >= 0.02 and margin >= 5e-4:
            break
    else:
        raise SystemExit(f"{name}: every draw has a near tie")
    write_json(folder / "expected.json", expected)
    size = sum(f.stat().st_size for f in folder.glob("*.safetensors"))
    print(f"{name:12} {size:7} bytes  smallest greedy gap {gap:.4f}  smallest router margin {margin:.5f}")


def main():
    parser = argparse.ArgumentParser(description="write small random checkpoints with expected logits")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "tiny")
    parser.add_argument("--only", help="one checkpoint by name")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name, spec in CHECKPOINTS.items():
        if args.only in (None, name):
            write_checkpoint(name, spec, args.out)


if __name__ == "__main__":
    main()
