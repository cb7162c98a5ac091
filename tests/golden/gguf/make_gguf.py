#!/usr/bin/env python3
"""Writes tests/golden/gguf/: small random GGUF checkpoints with transformers' answers, and blocks.

    python3 tests/golden/gguf/make_gguf.py          (gguf-py, torch and transformers installed)

NAME.gguf      a random model, its tensors laid out as llama.cpp's converter does and stored in the
               types that STORED names
NAME.json      next-token logits of transformers in float32 on the weights that gguf-py reads back
TYPE.blocks    random blocks, with extreme scales; TYPE.f32: their elements as gguf.quants has them
"""
import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as T

HERE = Path(__file__).parent
VOCAB = 64
K_TYPES = (T.Q4_K, T.Q5_K, T.Q6_K)


def random_blocks(kind, count, rng, scale=None):
    """Random bytes with finite scales around `scale`, or any bits at all where it is None."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    places = {T.Q6_K: [208], T.Q4_K: [0, 2], T.Q5_K: [0, 2]}.get(kind, [0])
    for place in places:
        if scale is not None:
            value = (scale * (0.5 + rng.random(count))).astype(np.float16)
            blocks[:, place:place + 2] = value.view(np.uint8).reshape(count, 2)
    return blocks


def stored(weight, kind, rng):
    """Bytes of `weight` as `kind` and the float32 that they stand for."""
    if kind in K_TYPES:  # gguf-py has no encoder: random blocks do as well as random weights
        rows, columns = int(np.prod(weight.shape[:-1])), weight.shape[-1]
        scale = float(weight.std()) / {T.Q4_K: 200, T.Q5_K: 400, T.Q6_K: 1400}[kind]
        blocks = random_blocks(kind, rows * columns // 256, rng, scale)
        data = blocks.reshape(*weight.shape[:-1], -1)
    elif kind == T.F16:
        data = weight.astype(np.float16)
    else:
        data = gguf.quants.quantize(weight, kind)
    return data, gguf.quants.dequantize(data, kind).reshape(weight.shape).astype(np.float32)


def permuted(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def unpermuted(weight, heads):
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


BASE = dict(vocab_size=VOCAB, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            head_dim=16, max_position_embeddings=256, rms_norm_eps=1e-5, rope_theta=10000.0,
            tie_word_embeddings=False, bos_token_id=None, eos_token_id=1, pad_token_id=None)
MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, intermediate_size=32)
CHECKPOINTS = {
    "qwen3moe_k": ("qwen3moe", transformers.Qwen3MoeConfig,
                   dict(BASE, **MOE, hidden_size=256, norm_topk_prob=True),
                   {"token_embd": T.Q6_K, "attn_q": T.Q4_K, "attn_k": T.Q5_K, "attn_v": T.Q6_K,
                    "attn_output": T.Q5_0, "ffn_gate_exps": T.Q4_K, "ffn_up_exps": T.Q5_K,
                    "ffn_down_exps": T.Q4_0, "output": T.Q8_0}),
    "qwen3moe_small": ("qwen3moe", transformers.Qwen3MoeConfig,
                       dict(BASE, **MOE, hidden_size=64, norm_topk_prob=True),
                       {"token_embd": T.F16, "attn_q": T.BF16, "attn_k": T.Q8_0, "attn_v": T.Q4_0,
                        "attn_output": T.Q5_0, "ffn_gate_exps": T.Q8_0, "ffn_up_exps": T.BF16,
                        "ffn_down_exps": T.Q5_0}),
    "qwen3": ("qwen3", transformers.Qwen3Config, dict(BASE, hidden_size=64, intermediate_size=96),
              {"ffn_gate": T.Q8_0, "ffn_up": T.BF16}),
    "llama": ("llama", transformers.LlamaConfig, dict(BASE, hidden_size=64, intermediate_size=96),
              {"attn_q": T.Q8_0, "attn_k": T.F16, "ffn_down": T.Q4_0}),
    "mixtral": ("llama", transformers.MixtralConfig,
                dict(BASE, hidden_size=64, intermediate_size=32, num_local_experts=4, num_experts_per_tok=2,
                     sliding_window=None),
                {"attn_q": T.Q4_0, "ffn_gate_exps": T.Q8_0, "ffn_up_exps": T.F16, "ffn_down_exps": T.Q5_0}),
    "olmoe": ("olmoe", transformers.OlmoeConfig,
              dict(BASE, hidden_size=64, intermediate_size=32, num_experts=4, num_experts_per_tok=2,
                   norm_topk_prob=False), {"ffn_gate_exps": T.Q8_0}),
    "gpt_oss": ("gpt-oss", transformers.GptOssConfig,
                dict(BASE, hidden_size=64, intermediate_size=32, num_local_experts=4,
                     num_experts_per_tok=2, sliding_window=8, max_position_embeddings=512,
                     rope_parameters=dict(rope_type="yarn", factor=4.0, beta_fast=32.0, beta_slow=1.0,
                                          truncate=False, original_max_position_embeddings=128,
                                          rope_theta=10000.0)),
                {"ffn_gate_exps": T.MXFP4, "ffn_up_exps": T.MXFP4, "ffn_down_exps": T.MXFP4, "attn_q": T.Q8_0}),
    "qwen2moe": ("qwen2moe", transformers.Qwen2MoeConfig,
                 {key: value for key, value in dict(BASE, **MOE).items() if key != "head_dim"}
                 | dict(hidden_size=64, intermediate_size=96, shared_expert_intermediate_size=96,
                        norm_topk_prob=False),
                 {"attn_q": T.Q8_0, "ffn_gate_exps": T.Q8_0, "ffn_gate_shexp": T.Q5_0, "ffn_down_shexp": T.F16}),
    # Two of three layers linear, two value heads a key head, gates and ups of experts in one tensor,
    # and one layer that drafts tokens behind the last.
    "qwen3next": ("qwen3next", transformers.Qwen3NextConfig,
                  dict(BASE, **MOE, hidden_size=64, num_hidden_layers=3, norm_topk_prob=True,
                       shared_expert_intermediate_size=32, linear_conv_kernel_dim=4,
                       linear_key_head_dim=16, linear_value_head_dim=16, linear_num_key_heads=2,
                       linear_num_value_heads=4,
                       layer_types=["linear_attention", "linear_attention", "full_attention"],
                       rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                            partial_rotary_factor=0.5)),
                  {"attn_qkv": T.Q8_0, "attn_gate": T.F16, "ssm_out": T.Q8_0, "ssm_ba": T.Q8_0,
                   "attn_q": T.Q8_0, "ffn_gate_up_exps": T.Q8_0, "ffn_down_exps": T.Q5_0}),
    # Values and keys of other sizes, the interval instead of a list, q, k, v and z in one tensor: as
    # files of the first weeks.
    "qwen3next_first": ("qwen3next", transformers.Qwen3NextConfig,
                        dict(BASE, **MOE, hidden_size=64, num_hidden_layers=2, norm_topk_prob=True,
                             shared_expert_intermediate_size=32, linear_conv_kernel_dim=3,
                             linear_key_head_dim=8, linear_value_head_dim=16, linear_num_key_heads=1,
                             linear_num_value_heads=3,
                             layer_types=["linear_attention", "full_attention"],
                             rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                                  partial_rotary_factor=0.25)),
                        {"ssm_in": T.F16, "ffn_gate_exps": T.Q8_0}),
    "rope_llama3": ("llama", transformers.LlamaConfig,
                    dict(BASE, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                         max_position_embeddings=16384,
                         rope_parameters=dict(rope_type="llama3", rope_theta=10000.0, factor=8.0,
                                              low_freq_factor=1.0, high_freq_factor=4.0,
                                              original_max_position_embeddings=8192)), {}),
    "rope_linear": ("llama", transformers.LlamaConfig,
                    dict(BASE, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                         rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.5)), {}),
    "rope_yarn": ("qwen3", transformers.Qwen3Config,
                  dict(BASE, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                       rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=4.0,
                                            beta_fast=16.0, beta_slow=2.0,
                                            original_max_position_embeddings=64)), {}),
    "split": ("qwen3", transformers.Qwen3Config,
              dict(BASE, hidden_size=32, intermediate_size=32, tie_word_embeddings=True), {}),
    "gemma3": ("gemma3", transformers.Gemma3TextConfig,
               dict(BASE, hidden_size=64, intermediate_size=96, tie_word_embeddings=True,
                    num_hidden_layers=6, query_pre_attn_scalar=16, sliding_window=8,
                    hidden_activation="gelu_pytorch_tanh"),
               {"ffn_gate": T.Q8_0}),
}
OUTSIDE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
INSIDE = [("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
          ("self_attn.o_proj", "attn_output"), ("self_attn.q_norm", "attn_q_norm"),
          ("self_attn.k_norm", "attn_k_norm"), ("input_layernorm", "attn_norm"),
          ("pre_feedforward_layernorm", "ffn_norm"), ("post_feedforward_layernorm", "post_ffw_norm"),
          ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
          ("mlp.gate", "ffn_gate_inp"), ("mlp.router", "ffn_gate_inp"),
          ("mlp.shared_expert.gate_proj", "ffn_gate_shexp"), ("mlp.shared_expert.up_proj", "ffn_up_shexp"),
          ("mlp.shared_expert.down_proj", "ffn_down_shexp"), ("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
          ("linear_attn.in_proj_ba", "ssm_ba"), ("linear_attn.conv1d", "ssm_conv1d"),
          ("linear_attn.norm", "ssm_norm"), ("linear_attn.out_proj", "ssm_out"),
          ("linear_attn.in_proj_qkvz", "ssm_in")]
# By their whole names, and in which architectures a norm of this name goes before the feed-forward block.
WHOLE = {"self_attn.sinks": "attn_sinks.weight", "linear_attn.A_log": "ssm_a", "linear_attn.dt_bias": "ssm_dt.bias"}
POST_NORM = ("gpt-oss", "gemma3", "qwen3next")
LONG = {"rope_llama3": 200, "rope_linear": 40, "rope_yarn": 100}  # prompts


def gguf_name(name, arch):
    if name in OUTSIDE:
        return OUTSIDE[name]
    _, _, layer, rest = name.split(".", 3)
    if rest in WHOLE:
        return f"blk.{layer}.{WHOLE[rest]}"
    stem, end = rest.rsplit(".", 1)
    if stem == "post_attention_layernorm":
        return f"blk.{layer}.{'post_attention_norm' if arch in POST_NORM else 'ffn_norm'}.{end}"
    return f"blk.{layer}.{dict(INSIDE)[stem]}.{end}"


def qkvz_parts(value, config):
    """in_proj_qkvz, which goes key head by key head, as all of q, k, v, and of z; and the way back."""
    heads = config.linear_num_key_heads
    values = config.linear_num_value_heads // heads * config.linear_value_head_dim
    sizes = [config.linear_key_head_dim] * 2 + [values] * 2
    split = np.split(value.reshape(heads, sum(sizes), -1), np.cumsum(sizes)[:-1], axis=1)
    flat = [part.reshape(-1, value.shape[1]) for part in split]

    def join(parts):
        back = np.split(parts[0], np.cumsum([heads * size for size in sizes[:3]])[:-1]) + [parts[1]]
        return np.concatenate([part.reshape(heads, size, -1) for part, size in zip(back, sizes)],
                              axis=1).reshape(value.shape)
    return [("attn_qkv.weight", np.concatenate(flat[:3])), ("attn_gate.weight", flat[3])], join


def expert_parts(name, value, arch, is_fused):
    """[(gguf stem, part as [E, out, in])] of a fused tensor and how to put the parts back together."""
    is_oss = arch == "gpt-oss"
    end = "bias" if name.endswith("_bias") else "weight"
    if "gate_up" in name:
        if is_oss:
            axis_last = value if end == "bias" else value.swapaxes(1, 2)
            gate, up = (axis_last[:, 0::2], axis_last[:, 1::2])

            def join(parts):
                out = np.empty_like(axis_last)
                out[:, 0::2], out[:, 1::2] = parts
                return out if end == "bias" else out.swapaxes(1, 2)
        else:
            half = value.shape[1] // 2
            gate, up = value[:, :half], value[:, half:]
            join = lambda parts: np.concatenate(parts, axis=1)
            if is_fused:
                return [("ffn_gate_up_exps.weight", value)], lambda parts: parts[0]
        return [("ffn_gate_exps." + end, gate), ("ffn_up_exps." + end, up)], join
    if is_oss and end == "weight":
        return [("ffn_down_exps.weight", value.swapaxes(1, 2))], lambda parts: parts[0].swapaxes(1, 2)
    return [("ffn_down_exps." + end, value)], lambda parts: parts[0]


def rope_of(config):
    rope = getattr(config, "rope_parameters", None) or {}
    return rope if "rope_type" in rope else {"rope_type": "default"}


def llama3_divisors(config):
    """As the converter's generate_extra_tensors has them."""
    rope, size = rope_of(config), config.head_dim
    frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, size, 2, dtype=np.float32) / size)
    lengths = 2 * np.pi / frequencies
    factor, low, high = rope["factor"], rope["low_freq_factor"], rope["high_freq_factor"]
    original = rope["original_max_position_embeddings"]
    smooth = (original / lengths - low) / (high - low)
    between = 1 / ((1 - smooth) / factor + smooth)
    return np.where(lengths < original / high, 1, np.where(lengths > original / low, factor, between)).astype(np.float32)


def add_metadata(writer, arch, config, fields, is_drafting):
    """The keys that the converter writes."""
    writer.add_block_count(config.num_hidden_layers + is_drafting)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    if "head_dim" in fields:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    if fields.get("num_experts_per_tok"):
        writer.add_expert_count(fields.get("num_experts") or fields["num_local_experts"])
        writer.add_expert_used_count(2)
        if arch != "llama":
            writer.add_expert_feed_forward_length(fields.get("moe_intermediate_size") or config.intermediate_size)
    if fields.get("shared_expert_intermediate_size"):
        writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)
    if arch == "llama":
        writer.add_vocab_size(VOCAB)
        writer.add_rope_dimension_count(config.head_dim)
    if arch == "qwen3next":
        writer.add_ssm_conv_kernel(config.linear_conv_kernel_dim)
        writer.add_ssm_state_size(config.linear_key_head_dim)
        writer.add_ssm_group_count(config.linear_num_key_heads)
        writer.add_ssm_time_step_rank(config.linear_num_value_heads)
        writer.add_ssm_inner_size(config.linear_value_head_dim * config.linear_num_value_heads)
        writer.add_rope_dimension_count(int(config.head_dim * rope_of(config)["partial_rotary_factor"]))
        if is_drafting:
            kinds = [kind == "linear_attention" for kind in config.layer_types]
            writer.add_array("qwen3next.attention.recurrent_layers", kinds + [False])
            writer.add_uint32("qwen3next.nextn_predict_layers", 1)
        writer.add_full_attention_interval(config.layer_types.index("full_attention") + 1)
    rope = rope_of(config)
    if rope["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type({"linear": gguf.RopeScalingType.LINEAR, "yarn": gguf.RopeScalingType.YARN}[rope["rope_type"]])
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if arch != "gpt-oss":
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
            writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    if arch in ("gpt-oss", "gemma3"):
        writer.add_sliding_window(8)


def write(name, arch, config_class, fields, kinds):
    rng = np.random.default_rng(sum(map(ord, name)))
    config = config_class(**fields)
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", arch, split_max_tensors=9 if name == "split" else 0)
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    is_llama = arch == "llama"

    def add(stored_name, weight):
        stem = stored_name.split(".")[-2] if stored_name.startswith("blk.") else stored_name.split(".")[0]
        is_matrix = weight.ndim > 1 and "conv1d" not in stored_name
        kind = kinds.get(stem, T.F32) if stored_name.endswith(".weight") and is_matrix else T.F32
        data, back = stored(np.ascontiguousarray(weight, dtype=np.float32), kind, rng)
        writer.add_tensor(stored_name, data, raw_dtype=kind)
        return back

    new = {}
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        shape = tuple(tensor.shape)
        is_shifted = arch in ("gemma3", "qwen3next") and key.endswith("norm.weight") and "linear_attn" not in key
        if "norm" in key:
            value = rng.normal(0 if is_shifted else 1, 0.3, shape)
        elif "A_log" in key or "dt_bias" in key:
            value = rng.normal(-0.5, 1, shape)
        elif "sinks" in key:
            value = rng.normal(0, 1, shape)
        elif key.startswith("model.embed"):
            value = rng.normal(0, 0.3 if arch == "gemma3" else 1, shape)
        else:
            value = rng.normal(0, 1.5 / shape[-1] ** 0.5, shape)
        value = value.astype(np.float32)
        if ".experts." in key:
            layer = key.split(".")[2]
            parts, join = expert_parts(key, value, arch, name == "qwen3next")
            new[key] = join([add(f"blk.{layer}.{stem}", part) for stem, part in parts])
            continue
        stored_name = gguf_name(key, arch)
        if is_llama and (".q_proj." in key or ".k_proj." in key):
            count = heads if ".q_proj." in key else kv_heads
            new[key] = unpermuted(add(stored_name, permuted(value, count)), count)
        elif is_shifted:
            new[key] = add(stored_name, value + 1) - 1
        elif key.endswith("A_log"):
            new[key] = np.log(-add(stored_name, -np.exp(value)))
        elif key.endswith("conv1d.weight"):
            new[key] = add(stored_name, value.squeeze(1))[:, None]
        elif key.endswith("in_proj_qkvz.weight") and name == "qwen3next":
            layer = key.split(".")[2]
            parts, join = qkvz_parts(value, config)
            new[key] = join([add(f"blk.{layer}.{stem}", part) for stem, part in parts])
        else:
            new[key] = add(stored_name, value)
    missing, extra = model.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in new.items()},
                                           strict=False)
    assert not extra and set(missing) <= {"lm_head.weight"}, (missing, extra)
    model.tie_weights()

    is_drafting = name == "qwen3next"
    if is_drafting:
        for stem in ("attn_norm", "nextn.enorm", "nextn.hnorm"):
            writer.add_tensor(f"blk.{config.num_hidden_layers}.{stem}.weight", np.ones(config.hidden_size, np.float32))
    add_metadata(writer, arch, config, fields, is_drafting)
    if arch == "llama" and rope_of(config)["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config))
    writer.add_eos_token_id(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    length = LONG.get(name, 17)
    tokens = rng.integers(3, VOCAB, length).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0]
    if name in LONG:  # what does not depend on how far tokens are apart could not tell the scaling
        plain = config_class(**dict(fields, rope_parameters=dict(rope_type="default", rope_theta=10000.0)))
        plain._attn_implementation = "eager"
        other = transformers.AutoModelForCausalLM.from_config(plain, dtype=torch.float32).eval()
        other.load_state_dict(model.state_dict())
        with torch.no_grad():
            gap = (other(torch.tensor([tokens])).logits[0] - logits).abs().max() / logits.abs().max()
        assert gap > 1e-2, (name, gap)
    after = [1, length // 2, length] if name in LONG else list(range(1, length + 1))
    answers = {"versions": {"gguf": "0.19.0", "torch": torch.__version__, "transformers": transformers.__version__},
               "tokens": tokens}
    if name in LONG:
        answers["after"] = after
    answers["logits"] = [[float(f"{v:.9g}") for v in logits[count - 1].tolist()] for count in after]
    (HERE / f"{name}.json").write_text(json.dumps(answers) + "\n")


def write_blocks(kind):
    rng = np.random.default_rng(int(kind))
    blocks = np.concatenate([random_blocks(kind, 8, rng, 0.01), random_blocks(kind, 16, rng)])
    if kind != T.MXFP4:
        place = 208 if kind == T.Q6_K else 0
        for i, bits in enumerate((0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0x7C00, 0xFC00, 0x7E00)):
            blocks[8 + i, place:place + 2] = (bits & 255, bits >> 8)
    else:
        blocks[8:16, 0] = (0, 1, 2, 127, 253, 254, 128, 64)
        blocks[:, 0] = np.minimum(blocks[:, 0], 254)  # 255 is NaN to the standard, 2^128 to ggml
    with np.errstate(all="ignore"):
        values = gguf.quants.dequantize(blocks.reshape(1, -1), kind)
    (HERE / f"{kind.name}.blocks").write_bytes(blocks.tobytes())
    (HERE / f"{kind.name}.f32").write_bytes(values.astype("<f4").tobytes())


parser = argparse.ArgumentParser(description="write small random GGUF checkpoints with transformers' logits")
parser.add_argument("--only", help="one checkpoint by name")
only = parser.parse_args().only
for one in () if only else (T.Q4_0, T.Q5_0, T.Q8_0, T.Q4_K, T.Q5_K, T.Q6_K, T.MXFP4):
    write_blocks(one)
for one, spec in CHECKPOINTS.items():
    if only in (None, one):
        write(one, *spec)
