#!/usr/bin/env python3
"""Writes tests/golden/tiny_vision/<name>/: small random `qwen3_vl_moe` and `qwen3_vl` checkpoints with
transformers' answers on prompts with pictures and videos.

    python3 tests/golden/make_tiny_vision.py [--out tests/golden/tiny_vision] [--only NAME]

Folders are as make_tiny_checkpoints.py describes them, experts in the layout of published files
([E, H, 2I] and [E, I, H]). expected.json differs in this:
  cases[].media     in the order of their placeholders: modality, grid (t, h, w in patches), seed
  cases[].logits    after the last prompt token only; logprobs cover the others
Features are no file but a formula, exact in float32 (features() here, vision_golden.h there).
Positions, towers and the decoder are proved here; pixels in tests/golden/media.

    python3 tests/golden/make_tiny_vision.py --fresh 20 --out DIR

writes that many checkpoints of random shapes instead, for a check of more than is committed
(PEIRA_VISION_FRESH=DIR model_vision_test).
"""

import argparse
import random as plain_random
import shutil
from pathlib import Path

import torch
import transformers
from make_tiny_checkpoints import floats, write_json, write_weights
from tiny_model import Random, router_margin

VOCAB_SIZE = 48
IMAGE, VIDEO, START, END = 44, 45, 46, 47

TEXT = {
    "model_type": "qwen3_vl_moe_text", "vocab_size": VOCAB_SIZE, "hidden_size": 32,
    "intermediate_size": 28, "moe_intermediate_size": 18, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "hidden_act": "silu",
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "rope_scaling": {"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"},
    "max_position_embeddings": 256, "attention_bias": False, "num_experts": 6,
    "num_experts_per_tok": 2, "norm_topk_prob": True, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "eos_token_id": 1, "bos_token_id": None, "dtype": "bfloat16",
}
VISION = {
    "model_type": "qwen3_vl_moe", "depth": 2, "hidden_size": 24, "hidden_act": "gelu_pytorch_tanh",
    "intermediate_size": 20, "num_heads": 2, "in_channels": 3, "patch_size": 4,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32,
    "num_position_embeddings": 16, "deepstack_visual_indexes": [0],
}

# A prompt: numbers are so many tokens of text, ("i", h, w) a picture, ("v", t, h, w) a video, grids
# in patches, a frame of a video behind so many tokens of text as its number says.
PROMPTS = {
    "text": [9],
    "picture": [3, ("i", 4, 6), 4],
    "pictures": [2, ("i", 2, 4), 3, ("i", 6, 2), 2, ("i", 4, 4), 3],
    "video": [2, ("v", 3, 4, 2, 2), 3],
    "mixed": [1, ("v", 2, 2, 4, 1), 2, ("i", 4, 2), 1, ("v", 1, 2, 2, 3), 4],
}

CHECKPOINTS = {
    "one_deepstack": {
        "about": "grouped queries, one deepstack layer, bf16",
        "prompts": ["text", "picture", "pictures", "video", "mixed"],
    },
    "three_deepstack": {
        "about": "deepstack of blocks 0, 1 and 3 into 3 decoder layers, the first dense; heads of 4, "
                 "one kv head, rope_parameters of transformers 5, float32",
        "text": {"num_hidden_layers": 3, "mlp_only_layers": [0], "num_key_value_heads": 1,
                 "head_dim": 12, "hidden_size": 24, "num_experts": 5, "num_experts_per_tok": 3,
                 "-rope_scaling": None, "-rope_theta": None, "dtype": "float32",
                 "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0,
                                     "mrope_interleaved": True, "mrope_section": [2, 2, 2]}},
        "vision": {"depth": 4, "deepstack_visual_indexes": [0, 1, 3], "hidden_size": 16,
                   "num_heads": 4, "num_position_embeddings": 25, "out_hidden_size": 24},
        "dtype": torch.float32,
        "prompts": ["picture", "mixed"],
    },
    "odd": {
        "about": "no deepstack, merge blocks of 3, patches of 2, one frame a patch, odd sizes, more "
                 "deepstack-less blocks than decoder layers, tied embeddings",
        "text": {"num_hidden_layers": 1, "hidden_size": 20, "num_attention_heads": 3,
                 "num_key_value_heads": 3, "head_dim": 10, "moe_intermediate_size": 7,
                 "num_experts": 3, "num_experts_per_tok": 1,
                 "rope_scaling": {"mrope_interleaved": True, "mrope_section": [3, 1, 1],
                                  "rope_type": "default"}},
        "vision": {"depth": 3, "deepstack_visual_indexes": [], "hidden_size": 20, "num_heads": 1,
                   "patch_size": 2, "temporal_patch_size": 1, "spatial_merge_size": 3,
                   "intermediate_size": 11, "num_position_embeddings": 9, "out_hidden_size": 20},
        "tied": True,
        "prompts": ["picture", "pictures"],
    },
    "dense": {
        "about": "qwen3_vl: dense decoder; yarn over 16 positions; f16",
        "dense": True,
        "text": {"rope_scaling": {"mrope_interleaved": True, "mrope_section": [3, 3, 2],
                                  "rope_type": "yarn", "factor": 4.0,
                                  "original_max_position_embeddings": 16}},
        "dtype": torch.float16,
        "prompts": ["picture", "video"],
    },
}


def changed(base, changes):
    out = {**base, **{k: v for k, v in (changes or {}).items() if not k.startswith("-")}}
    for key in changes or {}:
        if key.startswith("-"):
            del out[key[1:]]
    return out


def make_config(spec):
    text = changed(TEXT, spec.get("text"))
    if spec.get("dense"):
        text["model_type"] = "qwen3_vl_text"
        for key in ("moe_intermediate_size", "num_experts", "num_experts_per_tok", "norm_topk_prob",
                    "decoder_sparse_step", "mlp_only_layers"):
            text.pop(key)
    vision = changed(VISION, spec.get("vision"))
    kind = "qwen3_vl" if spec.get("dense") else "qwen3_vl_moe"
    vision["model_type"] = kind
    name = "Qwen3VLForConditionalGeneration" if spec.get("dense") else "Qwen3VLMoeForConditionalGeneration"
    return {"architectures": [name], "model_type": kind, "image_token_id": IMAGE,
            "video_token_id": VIDEO, "vision_start_token_id": START, "vision_end_token_id": END,
            "tie_word_embeddings": spec.get("tied", False), "text_config": text,
            "vision_config": vision}


def make_tensors(config, random):
    text, vision = config["text_config"], config["vision_config"]
    hidden, heads, kv = text["hidden_size"], text["num_attention_heads"], text["num_key_value_heads"]
    head_dim = text["head_dim"]
    out = {}

    def matrix(name, rows, columns, bias=False, scale=1.0):
        out[name + ".weight"] = random.matrix(rows, columns, scale=scale)
        if bias:
            out[name + ".bias"] = random.normal(rows) * 0.2

    def norm(name, size, bias=False):
        out[name + ".weight"] = 1 + 0.3 * random.normal(size)
        if bias:
            out[name + ".bias"] = random.normal(size) * 0.2

    model = "model.language_model."
    out[model + "embed_tokens.weight"] = random.normal(text["vocab_size"], hidden)
    for i in range(text["num_hidden_layers"]):
        layer = f"{model}layers.{i}."
        norm(layer + "input_layernorm", hidden)
        norm(layer + "post_attention_layernorm", hidden)
        matrix(layer + "self_attn.q_proj", heads * head_dim, hidden)
        matrix(layer + "self_attn.k_proj", kv * head_dim, hidden)
        matrix(layer + "self_attn.v_proj", kv * head_dim, hidden)
        matrix(layer + "self_attn.o_proj", hidden, heads * head_dim)
        norm(layer + "self_attn.q_norm", head_dim)
        norm(layer + "self_attn.k_norm", head_dim)
        if "num_experts" in text and i not in text["mlp_only_layers"]:
            experts, inner = text["num_experts"], text["moe_intermediate_size"]
            matrix(layer + "mlp.gate", experts, hidden, scale=2.0)
            out[layer + "mlp.experts.gate_up_proj"] = random.normal(experts, hidden, 2 * inner) / hidden ** 0.5
            out[layer + "mlp.experts.down_proj"] = random.normal(experts, inner, hidden) / inner ** 0.5
        else:
            inner = text["intermediate_size"]
            matrix(layer + "mlp.gate_proj", inner, hidden)
            matrix(layer + "mlp.up_proj", inner, hidden)
            matrix(layer + "mlp.down_proj", hidden, inner)
    norm(model + "norm", hidden)
    if not config["tie_word_embeddings"]:
        matrix("lm_head", text["vocab_size"], hidden, scale=2.0)

    size, unit = vision["hidden_size"], vision["spatial_merge_size"] ** 2
    visual = "model.visual."
    kernel = (vision["in_channels"], vision["temporal_patch_size"], vision["patch_size"],
              vision["patch_size"])
    flat = kernel[0] * kernel[1] * kernel[2] * kernel[3]
    out[visual + "patch_embed.proj.weight"] = random.normal(size, *kernel) / flat ** 0.5
    out[visual + "patch_embed.proj.bias"] = random.normal(size) * 0.2
    out[visual + "pos_embed.weight"] = random.normal(vision["num_position_embeddings"], size) * 0.7
    for i in range(vision["depth"]):
        block = f"{visual}blocks.{i}."
        norm(block + "norm1", size, True)
        norm(block + "norm2", size, True)
        matrix(block + "attn.qkv", 3 * size, size, True, 1.5)
        matrix(block + "attn.proj", size, size, True)
        matrix(block + "mlp.linear_fc1", vision["intermediate_size"], size, True)
        matrix(block + "mlp.linear_fc2", size, vision["intermediate_size"], True)

    def merger(name, norm_size):
        norm(name + ".norm", norm_size, True)
        matrix(name + ".linear_fc1", size * unit, size * unit, True)
        matrix(name + ".linear_fc2", hidden, size * unit, True)
    merger(visual + "merger", size)
    for i in range(len(vision["deepstack_visual_indexes"])):
        merger(f"{visual}deepstack_merger_list.{i}", size * unit)
    return out


def features(count, seed):
    """[count] float32: ((index * 37 + seed * 101) mod 64) / 32 - 1."""
    index = torch.arange(count, dtype=torch.int64)
    return ((index * 37 + seed * 101) % 64).float() / 32 - 1


def make_case(plan, config, random, seed):
    vision = config["vision_config"]
    merge = vision["spatial_merge_size"]
    row = vision["in_channels"] * vision["temporal_patch_size"] * vision["patch_size"] ** 2
    tokens, media = random.prompt(plan[0]), []
    for part in plan[1:]:
        if isinstance(part, int):
            tokens += random.prompt(part)
            continue
        is_video = part[0] == "v"
        t = part[1] if is_video else 1
        h, w = (side // 2 * merge for side in part[1 + is_video:3 + is_video])
        for frame in range(t):
            if is_video and frame > 0:
                tokens += random.prompt(part[4])
            tokens += [START] + [VIDEO if is_video else IMAGE] * (h * w // merge ** 2) + [END]
        media.append({"modality": "video" if is_video else "image", "grid": [t, h, w],
                      "seed": seed + len(media)})
    kwargs = {}
    for kind, name in (("image", ""), ("video", "_videos")):
        own = [m for m in media if m["modality"] == kind]
        if not own:
            continue
        grids = torch.tensor([m["grid"] for m in own])
        kwargs["pixel_values" + name] = torch.cat(
            [features(g.prod().item() * row, m["seed"]).reshape(-1, row) for g, m in zip(grids, own)])
        kwargs[kind + "_grid_thw"] = grids
    return tokens, media, kwargs


def forward_ids(model, tokens, kwargs, image, video):
    """Logits after every token, without a cache; image and video are the ids of placeholders."""
    ids = torch.tensor([tokens])
    types = (ids == image).int() + 2 * (ids == video).int()
    model.model.rope_deltas = None
    with torch.no_grad():
        return model(ids, mm_token_type_ids=types, use_cache=False, **kwargs).logits[0]


def forward(model, tokens, kwargs):
    return forward_ids(model, tokens, kwargs, IMAGE, VIDEO)


def expected_values(folder, spec, config, random):
    model, info = transformers.AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager",
        output_loading_info=True)
    model.eval()
    problems = {k: v for k, v in info.items() if v}
    if problems:
        raise SystemExit(f"{folder}: transformers did not load all tensors: {problems}")
    cases = []
    for number, name in enumerate(spec["prompts"]):
        plan = PROMPTS[name] if isinstance(name, str) else name
        tokens, media, kwargs = make_case(plan, config, random, 10 * number + 1)
        logits = forward(model, tokens, kwargs)
        logprobs = torch.log_softmax(logits, dim=-1)
        steps, gaps = [], []
        for _ in range(8):
            best = forward(model, tokens + steps, kwargs)[-1].topk(2)
            if best.indices[0].item() in (IMAGE, VIDEO):  # no answer has one: another draw
                gaps.append(0.0)
                break
            gaps.append((best.values[0] - best.values[1]).item())
            steps.append(best.indices[0].item())

        class Whole:
            def modules(self):
                return model.modules()

            def __call__(self, _):
                return forward(model, tokens + steps, kwargs)

        margins = [router_margin(Whole(), tokens, "Qwen3VLMoeTextTopKRouter")]
        cases.append({
            "name": name if isinstance(name, str) else str(name),
            "tokens": tokens,
            "media": media,
            "logits": floats(logits[-1:])[0],
            "logprobs": floats(torch.stack([logprobs[i - 1, tokens[i]] for i in range(1, len(tokens))])),
            "greedy": steps,
            "greedy_gap": floats(torch.tensor(gaps)),
            "router_margin": float(f"{min(margins):.4g}"),
        })
    return {
        "about": spec["about"],
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "computed_in": "float32", "attn_implementation": "eager", "experts_implementation": "eager",
        "cases": cases,
    }


def write_checkpoint(name, spec, out, attempts=300):
    """One folder; False, and no folder, when every draw has a near tie."""
    seed = sum(ord(c) * 131 ** i for i, c in enumerate(name)) % 2**31
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    config = make_config(spec)
    write_json(folder / "config.json", config)
    dtype = spec.get("dtype", torch.bfloat16)
    for attempt in range(attempts):
        random = Random(seed + attempt)
        tensors = {k: v.to(dtype).contiguous() for k, v in make_tensors(config, random).items()}
        write_weights(folder, tensors, 1)
        random.prompt = lambda length: random.integers(3, IMAGE, (length,)).tolist()
        expected = expected_values(folder, spec, config, random)
        gap = min(min(case["greedy_gap"]) for case in expected["cases"])
        margin = min(case["router_margin"] for case in expected["cases"])
        if gap >= 0.02 and margin >= 3e-4:
            break
    else:
        shutil.rmtree(folder)
        print(f"{name:20} every draw has a near tie", flush=True)
        return False
    write_json(folder / "expected.json", expected)
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{name:20} {size:7} bytes  smallest greedy gap {gap:.4f}  router margin {margin:.5f}", flush=True)
    return True


def fresh_spec(number):
    """A checkpoint of a random shape."""
    draw = plain_random.Random(number)
    experts = draw.randint(2, 9)
    half = draw.choice([4, 6, 8])
    h = draw.randint(0, half // 3)
    w = draw.randint(0, half // 3)
    hidden = 4 * draw.randint(4, 10)
    kv = draw.choice([1, 2, 3])
    vision_heads = draw.randint(1, 4)
    depth = draw.randint(1, 5)
    grid = lambda: 2 * draw.randint(1, 5)
    prompts = []
    for _ in range(3):
        plan = [draw.randint(1, 5)]
        for _ in range(draw.randint(1, 4)):
            plan.append(("i", grid(), grid()) if draw.random() < 0.5 else
                        ("v", draw.randint(1, 4), grid(), grid(), draw.randint(1, 3)))
            plan.append(draw.randint(1, 4))
        prompts.append(plan)
    return {
        "about": f"fresh shape {number}",
        "text": {"hidden_size": hidden, "num_hidden_layers": draw.randint(1, 4), "head_dim": 2 * half,
                 "num_key_value_heads": kv, "num_attention_heads": kv * draw.randint(1, 3),
                 "moe_intermediate_size": draw.choice([5, 9, 17, 23]), "num_experts": experts,
                 "num_experts_per_tok": draw.randint(1, experts), "max_position_embeddings": 1024,
                 "rope_scaling": {"mrope_interleaved": True, "mrope_section": [half - h - w, h, w],
                                  "rope_type": "default"}},
        "vision": {"depth": depth, "hidden_size": 4 * vision_heads * draw.randint(1, 3),
                   "num_heads": vision_heads, "patch_size": draw.randint(2, 5),
                   "temporal_patch_size": draw.choice([1, 2]), "spatial_merge_size": draw.choice([1, 2, 3]),
                   "intermediate_size": draw.randint(3, 40), "out_hidden_size": hidden,
                   "num_position_embeddings": draw.randint(1, 7) ** 2,
                   "hidden_act": draw.choice(["gelu_pytorch_tanh", "silu", "gelu"]),
                   "deepstack_visual_indexes": sorted(draw.sample(range(depth), draw.randint(0, depth)))},
        "dtype": draw.choice([torch.bfloat16, torch.float32, torch.float16]),
        "prompts": prompts,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "tiny_vision")
    parser.add_argument("--only", help="one checkpoint by name")
    parser.add_argument("--fresh", type=int, default=0, help="so many random shapes instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    specs = {f"fresh_{i}": fresh_spec(i) for i in range(args.fresh)} if args.fresh else CHECKPOINTS
    for name, spec in specs.items():
        if args.only in (None, name):
            is_written = write_checkpoint(name, spec, args.out, 12 if args.fresh else 300)
            if not is_written and not args.fresh:
                raise SystemExit(1)


if __name__ == "__main__":
    main()
