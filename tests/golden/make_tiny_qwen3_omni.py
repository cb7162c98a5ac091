#!/usr/bin/env python3
"""Writes tests/golden/tiny_omni/thinker/: a small random thinker with transformers' answers on media.

    python3 tests/golden/make_tiny_qwen3_omni.py [--out tests/golden/tiny_omni/thinker]

config.json and model.safetensors have the published layout: fields under thinker_config, tensors under thinker.,
experts one by one, and a tensor each of talker and code2wav, which do not run. expected.json:

  audio[]     sounds of several lengths, each alone through the audio tower, float32
    frames      mel frames; features are features_of(seed, num_mel_bins * frames) as [num_mel_bins, frames]
    embeddings  [tokens][hidden_size]
  cases[]     prompts through the whole thinker, float32, without a cache
    tokens, media   media in the order of their placeholders: {"kind", "seed"} and frames or grid (t, h, w in patches),
                    of videos seconds_per_grid and the soundtrack's seed and frames where it sounds
    positions       [T][3], time, row, column
    rows, logits    next-token logits behind the tokens `rows`
    greedy          tokens after the prompt;  greedy_gap  best logit minus second best
    router_margin   smallest gap between the last chosen and the first refused expert's probability

Features are no real ones: any numbers do, and these are made alike here and in the test.
"""

import argparse
import json
import random
from pathlib import Path

import torch
import transformers
from make_tiny_checkpoints import floats, write_weights
from transformers.models.qwen3_omni_moe import modeling_qwen3_omni_moe as omni

VISION_START, VISION_END, IMAGE, VIDEO, AUDIO_START, AUDIO_END, AUDIO = 3, 4, 5, 6, 7, 8, 9
FIRST_TEXT, VOCAB_SIZE, HIDDEN = 10, 56, 32
NUM_GREEDY = 6

AUDIO_CONFIG = {
    "model_type": "qwen3_omni_moe_audio_encoder", "d_model": 24, "encoder_layers": 2, "encoder_attention_heads": 3,
    "encoder_ffn_dim": 40, "num_mel_bins": 20, "downsample_hidden_size": 6, "n_window": 50, "n_window_infer": 200,
    "conv_chunksize": 500, "max_source_positions": 1500, "output_dim": HIDDEN, "activation_function": "gelu"}
VISION_CONFIG = {
    "model_type": "qwen3_omni_moe_vision_encoder", "depth": 3, "hidden_size": 24, "intermediate_size": 36, "num_heads": 3,
    "in_channels": 3, "patch_size": 4, "temporal_patch_size": 2, "spatial_merge_size": 2, "out_hidden_size": HIDDEN,
    "num_position_embeddings": 36, "deepstack_visual_indexes": [0, 2], "hidden_act": "gelu_pytorch_tanh"}
TEXT_CONFIG = {
    "model_type": "qwen3_omni_moe_text", "vocab_size": VOCAB_SIZE, "hidden_size": HIDDEN, "intermediate_size": 28,
    "moe_intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 2048, "rope_theta": 10000.0,
    "rope_scaling": {"mrope_section": [4, 2, 2], "mrope_interleaved": True, "interleaved": True, "rope_type": "default",
                     "type": "default"},
    "num_experts": 6, "num_experts_per_tok": 2, "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "attention_bias": False, "tie_word_embeddings": False}
CONFIG = {
    "architectures": ["Qwen3OmniMoeForConditionalGeneration"], "model_type": "qwen3_omni_moe",
    "thinker_config": {
        "model_type": "qwen3_omni_moe_thinker", "audio_config": AUDIO_CONFIG, "vision_config": VISION_CONFIG,
        "text_config": TEXT_CONFIG, "position_id_per_seconds": 13, "seconds_per_chunk": 2, "user_token_id": 11,
        "image_token_id": IMAGE, "video_token_id": VIDEO, "audio_token_id": AUDIO, "vision_start_token_id": VISION_START,
        "vision_end_token_id": VISION_END, "audio_start_token_id": AUDIO_START, "audio_end_token_id": AUDIO_END,
        "tie_word_embeddings": False},
    "talker_config": {"hidden_size": 8}, "code2wav_config": {"hidden_size": 8}, "dtype": "bfloat16",
    "eos_token_id": 2, "pad_token_id": 0}


def features_of(seed, count):
    """Numbers in [-1, 1): the high bits of a linear congruential generator."""
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 16) / 32768 - 1)
    return torch.tensor(out, dtype=torch.float32)


def mel(seed, frames):
    return features_of(seed, AUDIO_CONFIG["num_mel_bins"] * frames).reshape(-1, frames)


def patches(seed, grid):
    size = 3 * 2 * 4 * 4
    return features_of(seed, grid[0] * grid[1] * grid[2] * size).reshape(-1, size)


def num_audio_tokens(frames):
    return int(omni._get_feat_extract_output_lengths(torch.tensor(frames), AUDIO_CONFIG["n_window"]))


def random_thinker(whole=CONFIG, seed=20261127, silent=range(FIRST_TEXT)):
    """A thinker in float32 whose weights are bfloat16's, larger than a usual initialisation; the tokens `silent` have a
    logit of 0.
    """
    config = omni.Qwen3OmniMoeThinkerConfig(**json.loads(json.dumps(whole["thinker_config"])))
    config._attn_implementation = "eager"
    model = omni.Qwen3OmniMoeThinkerForConditionalGeneration(config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                value = noise * 0.2 + (1 if name.endswith("weight") else 0)
            elif "embed" in name and "patch" not in name:
                value = noise * 0.5
            else:
                value = noise * (1.2 / (parameter[0].numel() if "experts" not in name else parameter.shape[-1]) ** 0.5)
            parameter.copy_(value.to(torch.bfloat16).float())
        model.lm_head.weight[list(silent)] = 0  # greedy tokens are text: a special one would ask for media
    return model


def published(model):
    """The state as published: experts one by one, everything under thinker."""
    out = {}
    for name, value in model.state_dict().items():
        value = value.to(torch.bfloat16)
        if name.endswith("mlp.experts.gate_up_proj"):
            inner = value.shape[1] // 2
            for expert in range(value.shape[0]):
                stem = f"thinker.{name.removesuffix('gate_up_proj')}{expert}."
                out[stem + "gate_proj.weight"] = value[expert, :inner].contiguous()
                out[stem + "up_proj.weight"] = value[expert, inner:].contiguous()
        elif name.endswith("mlp.experts.down_proj"):
            for expert in range(value.shape[0]):
                out[f"thinker.{name.removesuffix('down_proj')}{expert}.down_proj.weight"] = value[expert].contiguous()
        else:
            out["thinker." + name] = value.contiguous()
    out["talker.model.norm.weight"] = torch.ones(8, dtype=torch.bfloat16)
    out["code2wav.decoder.0.conv.weight"] = torch.ones(2, 8, 3, dtype=torch.bfloat16)
    return out


def text(seed, count):
    state, out = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(FIRST_TEXT + (state >> 16) % (VOCAB_SIZE - FIRST_TEXT))
    return out


def image(seed, *grid):
    return {"kind": "image", "seed": seed, "grid": list(grid)}


def audio(seed, frames):
    return {"kind": "audio", "seed": seed, "frames": frames}


def video(seed, grid, seconds_per_grid, sound=None):
    out = {"kind": "video", "seed": seed, "grid": list(grid), "seconds_per_grid": seconds_per_grid}
    return out if sound is None else out | {"sound": {"seed": sound[0], "frames": sound[1]}}


def interleaved(grid, seconds_per_grid, num_sounds):
    """Placeholders of a video with sound, by the processor's rule: by time, the video first on ties."""
    per_second = CONFIG["thinker_config"]["position_id_per_seconds"]
    frame = grid[1] * grid[2] // 4
    times = [t * seconds_per_grid * per_second for t in range(grid[0]) for _ in range(frame)]
    out, v, a = [], 0, 0
    while v < len(times) and a < num_sounds:
        if times[v] <= a:
            out.append(VIDEO)
            v += 1
        else:
            out.append(AUDIO)
            a += 1
    return out + [VIDEO] * (len(times) - v) + [AUDIO] * (num_sounds - a)


def block(medium):
    """A medium's tokens, its marks around them."""
    if medium["kind"] == "audio":
        return [AUDIO_START, *[AUDIO] * num_audio_tokens(medium["frames"]), AUDIO_END]
    grid = medium["grid"]
    if "sound" in medium:
        inner = interleaved(grid, medium["seconds_per_grid"], num_audio_tokens(medium["sound"]["frames"]))
        return [VISION_START, AUDIO_START, *inner, AUDIO_END, VISION_END]
    token = IMAGE if medium["kind"] == "image" else VIDEO
    return [VISION_START, *[token] * (grid[0] * grid[1] * grid[2] // 4), VISION_END]


def prompt(*pieces):
    tokens, media = [], []
    for piece in pieces:
        if isinstance(piece, dict):
            media.append(piece)
            tokens += block(piece)
        else:
            tokens += piece
    return tokens, media


def inputs_of(tokens, media):
    """The arguments of the thinker."""
    out = {"input_ids": torch.tensor([tokens]), "attention_mask": torch.ones(1, len(tokens), dtype=torch.int64)}
    images = [m for m in media if m["kind"] == "image"]
    videos = [m for m in media if m["kind"] == "video"]
    sounds = [m if m["kind"] == "audio" else m["sound"] for m in media if m["kind"] == "audio" or "sound" in m]
    if images:
        out["pixel_values"] = torch.cat([patches(m["seed"], m["grid"]) for m in images])
        out["image_grid_thw"] = torch.tensor([m["grid"] for m in images])
    if videos:
        out["pixel_values_videos"] = torch.cat([patches(m["seed"], m["grid"]) for m in videos])
        out["video_grid_thw"] = torch.tensor([m["grid"] for m in videos])
        out["video_second_per_grid"] = torch.tensor([m["seconds_per_grid"] for m in videos])
        out["use_audio_in_video"] = any("sound" in m for m in videos)
    if sounds:
        longest = max(m["frames"] for m in sounds)
        out["input_features"] = torch.stack([torch.nn.functional.pad(mel(m["seed"], m["frames"]), (0, longest - m["frames"]))
                                             for m in sounds])
        mask = torch.zeros(len(sounds), longest, dtype=torch.int64)
        for i, m in enumerate(sounds):
            mask[i, :m["frames"]] = 1
        out["feature_attention_mask"] = mask
    return out


def positions_of(model, inputs):
    mask = inputs.get("feature_attention_mask")
    positions, _ = model.get_rope_index(inputs["input_ids"], inputs.get("image_grid_thw"), inputs.get("video_grid_thw"),
                                        inputs["attention_mask"], inputs.get("use_audio_in_video", False),
                                        None if mask is None else mask.sum(-1), inputs.get("video_second_per_grid"))
    return positions[:, 0].T.float()


def run(model, tokens, media):
    """Logits [T, V] and the router margin."""
    margins = [1.0]

    def hook(module, _, output):
        probs = torch.softmax(output[0].float(), dim=-1).sort(dim=-1, descending=True).values
        margins.append((probs[:, module.top_k - 1] - probs[:, module.top_k]).min().item())

    handles = [m.register_forward_hook(hook) for m in model.modules()
               if type(m).__name__ == "Qwen3OmniMoeThinkerTextTopKRouter"]
    model.rope_deltas = None
    with torch.no_grad():
        logits = model(**inputs_of(tokens, media), use_cache=False).logits[0]
    for handle in handles:
        handle.remove()
    return logits, min(margins)


def case(model, about, tokens, media):
    logits, margin = run(model, tokens, media)
    steps, gaps = [], []
    for _ in range(NUM_GREEDY):
        step, least = run(model, tokens + steps, media)
        margin = min(margin, least)
        best = step[-1].topk(2)
        steps.append(int(best.indices[0]))
        gaps.append(float(best.values[0] - best.values[1]))
        assert steps[-1] >= FIRST_TEXT, "a greedy token is a special one"
    rows = sorted({*range(0, len(tokens), max(1, len(tokens) // 6)), len(tokens) - 1})
    return {"about": about, "tokens": tokens, "media": media, "positions": positions_of(model, inputs_of(tokens, media)).tolist(),
            "rows": rows, "logits": floats(logits[rows]), "greedy": steps, "greedy_gap": floats(torch.tensor(gaps)),
            "router_margin": float(f"{margin:.4g}")}


# Sounds of one second and more where there are several: transformers pads the chunk of a shorter one to its
# neighbour's length.
CASES = {
    "text alone": (text(1, 12),),
    "one sound": (text(2, 4), audio(21, 137), text(3, 5)),
    "two sounds": (audio(22, 100), text(4, 3), audio(23, 261), text(5, 4)),
    "one picture": (text(6, 3), image(24, 1, 4, 6), text(7, 4)),
    "two pictures": (image(25, 1, 2, 2), text(8, 2), image(26, 1, 8, 4), text(9, 3)),
    "a video": (text(10, 2), video(27, (3, 4, 4), 2.0), text(11, 4)),
    "a video between whole positions": (text(12, 2), video(28, (4, 2, 4), 0.35), text(13, 5)),
    "a wide video of one moment": (text(14, 2), video(29, (1, 4, 12), 0.5), text(15, 3)),
    "a video whose sound is longer": (text(16, 3), video(30, (2, 4, 4), 1.0, (31, 260)), text(17, 4)),
    "a video that is longer than its sound": (text(18, 3), video(32, (4, 4, 2), 1.0, (33, 120)), text(19, 4)),
    "a video with a moment of sound": (video(34, (1, 4, 20), 2.0, (35, 9)), text(20, 4)),
    "all kinds": (text(41, 2), audio(36, 150), text(42, 1), image(37, 1, 4, 4), text(43, 2),
                        video(38, (2, 4, 6), 1.0), text(44, 3), audio(39, 113), text(45, 2)),
}
FRESH_CASES = ("one sound", "a video whose sound is longer", "all kinds")
LENGTHS = (1, 2, 8, 9, 50, 99, 100, 101, 108, 199, 200, 201, 305, 437)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "tiny_omni" / "thinker")
    parser.add_argument("--fresh", type=int, help="so many towers of random shapes instead, a folder each below --out")
    args = parser.parse_args()
    if args.fresh is None:
        write_folder(args.out, 20261127, CASES, LENGTHS)
        return
    for number in range(args.fresh):
        chooser = random.Random(f"fresh {number}")
        heads, window = chooser.randrange(1, 5), chooser.choice((49, 50, 51, 52))
        AUDIO_CONFIG.update(
            d_model=heads * 2 * chooser.randrange(2, 12), encoder_attention_heads=heads,
            encoder_layers=chooser.randrange(1, 4), encoder_ffn_dim=4 * chooser.randrange(2, 20),
            num_mel_bins=chooser.choice((5, 8, 16, 33, 80, 128)), downsample_hidden_size=chooser.randrange(1, 9),
            n_window=window, n_window_infer=chooser.choice((2 * window, 4 * window + 7, 8 * window)))
        lengths = [chooser.randrange(1, 1000) for _ in range(6)] + [2 * window - 1, 2 * window, 2 * window + 1, 8 * window]
        write_folder(args.out / str(number), number, {name: CASES[name] for name in FRESH_CASES}, lengths)


def write_folder(folder, seed, cases, lengths):
    folder.mkdir(parents=True, exist_ok=True)
    model = random_thinker(seed=seed)
    out = {"about": "a thinker with towers, published layout", "transformers": transformers.__version__,
           "torch": torch.__version__.split("+")[0], "attn_implementation": "eager", "computed_in": "float32", "audio": [],
           "cases": []}
    for frames in lengths:
        with torch.no_grad():
            embeddings = model.audio_tower(mel(frames, frames), feature_lens=torch.tensor([frames])).last_hidden_state
        out["audio"].append({"frames": frames, "seed": frames, "embeddings": floats(embeddings)})
    for about, pieces in cases.items():
        tokens, media = prompt(*pieces)
        made = case(model, about, tokens, media)
        print(f"{about}: {len(tokens)} tokens, router margin {made['router_margin']}, gaps {made['greedy_gap']}")
        out["cases"].append(made)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    write_weights(folder, published(model), 1)
    (folder / "expected.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
