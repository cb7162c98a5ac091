#!/usr/bin/env python3
"""Writes tests/golden/published/checkpoints.json: what tensors published checkpoints hold.

    python3 tests/golden/published/make_published.py          (torch and transformers installed)

For each: config.json as published but for the number of layers (a few of each kind; of gpt-oss fewer
experts too, which the loader rearranges), and its tensors as patterns [name, dtype, shape, numbers...]:
{0} in a name stands for each of the first numbers (layers), {1} for each below the last (experts).
Names and shapes are those that transformers' own classes save, without memory behind them; FP8 and
MXFP4 checkpoints have what their formats put in place of a matrix.
"""
import json
import re
from collections import defaultdict
from pathlib import Path

import torch
import transformers
from transformers.core_model_loading import revert_weight_conversion

HERE = Path(__file__).parent
FP8 = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]}
QWEN3_MOE = {
    "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "attention_bias": False,
    "decoder_sparse_step": 1, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
    "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [], "moe_intermediate_size": 768,
    "norm_topk_prob": True, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
    "num_hidden_layers": 2, "num_key_value_heads": 4, "rms_norm_eps": 1e-6, "rope_scaling": None,
    "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "use_sliding_window": False, "vocab_size": 151936}
QWEN3_NEXT = {
    "architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "attention_bias": False,
    "decoder_sparse_step": 1, "full_attention_interval": 4, "head_dim": 256, "hidden_act": "silu", "hidden_size": 2048,
    "intermediate_size": 5120, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16,
    "linear_num_value_heads": 32, "linear_value_head_dim": 128, "max_position_embeddings": 262144,
    "mlp_only_layers": [], "moe_intermediate_size": 512, "norm_topk_prob": True, "num_attention_heads": 16,
    "num_experts": 512, "num_experts_per_tok": 10, "num_hidden_layers": 4, "num_key_value_heads": 2,
    "partial_rotary_factor": 0.25, "rms_norm_eps": 1e-6, "rope_scaling": None, "rope_theta": 10000000,
    "shared_expert_intermediate_size": 512, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "use_sliding_window": False, "vocab_size": 151936}
LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "hidden_act": "silu",
    "max_position_embeddings": 131072, "mlp_bias": False, "num_attention_heads": 32, "num_hidden_layers": 2,
    "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
    "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                     "original_max_position_embeddings": 8192, "rope_type": "llama3"},
    "torch_dtype": "bfloat16", "vocab_size": 128256}
QWEN2_MOE = {
    "architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "decoder_sparse_step": 1, "hidden_act": "silu",
    "norm_topk_prob": False, "num_hidden_layers": 2, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
    "sliding_window": 32768, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_sliding_window": False}
QWEN3_VL_ROPE = {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"}
QWEN3_VL = {
    "image_token_id": 151655, "video_token_id": 151656, "vision_start_token_id": 151652, "vision_end_token_id": 151653,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16"}
QWEN3_VL_VISION = {
    "deepstack_visual_indexes": [0, 1], "depth": 3, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 1152,
    "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 4304, "num_heads": 16,
    "num_position_embeddings": 2304, "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
GEMMA_TEXT = {"head_dim": 256, "num_hidden_layers": 6, "rms_norm_eps": 1e-6, "sliding_window": 512}


def not_converted(layers, *more):
    """As the published files list modules, one by one."""
    each = ("input_layernorm", "mlp.gate", "mlp.shared_expert_gate", "post_attention_layernorm", *more)
    return ["lm_head"] + [f"model.layers.{i}.{name}" for i in range(layers) for name in each]


CHECKPOINTS = {
    "Qwen3-30B-A3B": QWEN3_MOE,
    "Qwen3-30B-A3B-FP8": {**QWEN3_MOE, "quantization_config": {**FP8, "modules_to_not_convert": not_converted(2)}},
    "Qwen3-Next-80B-A3B": QWEN3_NEXT,
    "Qwen3-Next-80B-A3B-FP8": {
        **QWEN3_NEXT, "quantization_config": {**FP8, "modules_to_not_convert": not_converted(
            4, "linear_attn.conv1d", "linear_attn.in_proj_ba")}},
    "Qwen3-8B": {
        **{k: v for k, v in QWEN3_MOE.items() if "expert" not in k and not k.startswith(("moe", "mlp", "decoder", "norm"))},
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288,
        "num_key_value_heads": 8},
    "Qwen3-VL-30B-A3B": {
        **QWEN3_VL, "architectures": ["Qwen3VLMoeForConditionalGeneration"], "model_type": "qwen3_vl_moe",
        "text_config": {
            **{k: v for k, v in QWEN3_MOE.items() if not k.startswith(("arch", "rope", "sliding", "tie", "use_sl", "max_w"))},
            "model_type": "qwen3_vl_moe_text", "max_position_embeddings": 262144, "num_experts": 3,
            "num_experts_per_tok": 2, "rope_scaling": QWEN3_VL_ROPE, "rope_theta": 5000000},
        "vision_config": {**QWEN3_VL_VISION, "model_type": "qwen3_vl_moe", "out_hidden_size": 2048}},
    "Qwen3-VL-8B": {
        **QWEN3_VL, "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl",
        "text_config": {
            "attention_bias": False, "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096,
            "intermediate_size": 12288, "max_position_embeddings": 262144, "model_type": "qwen3_vl_text",
            "num_attention_heads": 32, "num_hidden_layers": 2, "num_key_value_heads": 8, "rms_norm_eps": 1e-6,
            "rope_scaling": QWEN3_VL_ROPE, "rope_theta": 5000000, "vocab_size": 151936},
        "vision_config": {**QWEN3_VL_VISION, "model_type": "qwen3_vl", "out_hidden_size": 4096}},
    "Qwen1.5-MoE-A2.7B": {
        **QWEN2_MOE, "hidden_size": 2048, "intermediate_size": 5632, "max_position_embeddings": 8192,
        "moe_intermediate_size": 1408, "num_attention_heads": 16, "num_experts": 60, "num_experts_per_tok": 4,
        "num_key_value_heads": 16, "shared_expert_intermediate_size": 5632, "vocab_size": 151936},
    "Qwen2-57B-A14B": {
        **QWEN2_MOE, "hidden_size": 3584, "intermediate_size": 18944, "max_position_embeddings": 131072,
        "moe_intermediate_size": 2560, "num_attention_heads": 28, "num_experts": 64, "num_experts_per_tok": 8,
        "num_key_value_heads": 4, "shared_expert_intermediate_size": 20480, "vocab_size": 151936},
    "OLMoE-1B-7B": {
        "architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "attention_bias": False, "clip_qkv": None,
        "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 1024, "max_position_embeddings": 4096,
        "norm_topk_prob": False, "num_attention_heads": 16, "num_experts": 64, "num_experts_per_tok": 8,
        "num_hidden_layers": 2, "num_key_value_heads": 16, "rms_norm_eps": 1e-5, "rope_scaling": None,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 50304},
    "Mixtral-8x7B": {
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_act": "silu", "hidden_size": 4096,
        "intermediate_size": 14336, "max_position_embeddings": 32768, "num_attention_heads": 32,
        "num_experts_per_tok": 2, "num_hidden_layers": 2, "num_key_value_heads": 8, "num_local_experts": 8,
        "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": 32000},
    "Llama-3.1-8B": {**LLAMA, "hidden_size": 4096, "intermediate_size": 14336, "tie_word_embeddings": False},
    "Llama-3.2-1B": {**LLAMA, "hidden_size": 2048, "intermediate_size": 8192, "head_dim": 64, "tie_word_embeddings": True},
    "gpt-oss-20b": {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "attention_bias": True, "experts_per_token": 4,
        "head_dim": 64, "hidden_act": "silu", "hidden_size": 2880, "initial_context_length": 4096,
        "intermediate_size": 2880, "layer_types": ["sliding_attention", "full_attention"],
        "max_position_embeddings": 131072, "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 2,
        "num_key_value_heads": 8, "num_local_experts": 4, "rms_norm_eps": 1e-5,
        "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
                         "rope_type": "yarn", "truncate": False},
        "rope_theta": 150000, "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": False,
        "vocab_size": 201088,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}},
    "gemma-3-1b": {
        **GEMMA_TEXT, "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text",
        "attention_bias": False, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
        "intermediate_size": 6912, "max_position_embeddings": 32768, "num_attention_heads": 4,
        "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rope_local_base_freq": 10000, "rope_theta": 1000000,
        "sliding_window_pattern": 6, "torch_dtype": "bfloat16", "vocab_size": 262144},
    "gemma-3-4b": {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "mm_tokens_per_image": 256,
        "text_config": {**GEMMA_TEXT, "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
                        "sliding_window": 1024, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
        "torch_dtype": "bfloat16",
        "vision_config": {"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304,
                          "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 2,
                          "patch_size": 14, "vision_use_head": False}},
}


def saved(fields):
    """{name: (dtype, shape)} as save_pretrained would write a bfloat16 model of this config."""
    plain = {k: v for k, v in fields.items() if k not in ("quantization_config", "architectures", "model_type")}
    config = transformers.CONFIG_MAPPING[fields["model_type"]](**plain)
    with torch.device("meta"):
        model = getattr(transformers, fields["architectures"][0])._from_config(config, dtype=torch.bfloat16)
    state = dict(model.state_dict())
    tied = set(getattr(model, "all_tied_weights_keys", {}) or {})
    state = {name: value for name, value in state.items() if name not in tied}
    out = {name: ("BF16", list(value.shape)) for name, value in revert_weight_conversion(model, state).items()}
    if fields["model_type"] == "qwen3_vl_moe":  # its published files have experts input-major
        out = {name: (dtype, [shape[0], shape[2], shape[1]] if ".experts." in name else shape)
               for name, (dtype, shape) in out.items()}
    return out


def with_fp8(tensors, fields):
    kept = fields["quantization_config"]["modules_to_not_convert"] + ["model.embed_tokens"]
    out = {}
    for name, (dtype, shape) in tensors.items():
        out[name] = (dtype, shape)
        if len(shape) == 2 and not any(name.startswith(module + ".") for module in kept):
            out[name] = ("F8_E4M3", shape)
            out[name + "_scale_inv"] = ("BF16", [-(-size // 128) for size in shape])
    return out


def with_mxfp4(tensors):
    out = {}
    for name, (dtype, shape) in tensors.items():
        if name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            experts, columns, rows = shape
            out[name + "_blocks"] = ("U8", [experts, rows, columns // 32, 16])
            out[name + "_scales"] = ("U8", [experts, rows, columns // 32])
        else:
            out[name] = (dtype, shape)
    return out


def patterns(tensors):
    groups = defaultdict(lambda: (set(), set()))
    for name, (dtype, shape) in tensors.items():
        layer = re.search(r"layers\.(\d+)\.", name)
        expert = re.search(r"experts\.(\d+)\.", name)
        pattern = re.sub(r"layers\.\d+\.", "layers.{0}.", name)
        pattern = re.sub(r"experts\.\d+\.", "experts.{1}.", pattern)
        layers, experts = groups[pattern, dtype, tuple(shape)]
        if layer:
            layers.add(int(layer[1]))
        if expert:
            experts.add(int(expert[1]))
    out = []
    for (pattern, dtype, shape), (layers, experts) in sorted(groups.items()):
        assert experts == set(range(len(experts))), pattern
        out.append([pattern, dtype, list(shape), sorted(layers), len(experts)])
    return out


def main():
    transformers.logging.set_verbosity_error()
    out = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "checkpoints": {}}
    for name, fields in CHECKPOINTS.items():
        tensors = saved(fields)
        quantization = fields.get("quantization_config", {}).get("quant_method")
        if quantization == "fp8":
            tensors = with_fp8(tensors, fields)
        if quantization == "mxfp4":
            tensors = with_mxfp4(tensors)
        if "Next" in name:  # no class of transformers has these; left out by the loader by their prefix
            tensors |= {"mtp.fc.weight": ("BF16", [2048, 4096]), "mtp.norm.weight": ("BF16", [2048]),
                        "mtp.pre_fc_norm_embedding.weight": ("BF16", [2048])}
        parameters = sum(torch.Size(shape).numel() * (2 if name_.endswith("_blocks") else 1)
                         for name_, (dtype, shape) in tensors.items()
                         if not name_.endswith(("_scale_inv", "_scales"))
                         and not name_.startswith(("mtp.", "vision_tower.", "multi_modal_projector.")))
        out["checkpoints"][name] = {"config": fields, "parameters": parameters, "tensors": patterns(tensors)}
        print(f"{name:24} {len(tensors):6} tensors {len(out['checkpoints'][name]['tensors']):4} patterns")
    lines = [json.dumps(out["versions"])]
    body = ",\n".join(f"{json.dumps(name)}: {{\"parameters\": {one['parameters']}, \"config\": {json.dumps(one['config'])},\n \"tensors\": [\n"
                      + ",\n".join("  " + json.dumps(row) for row in one["tensors"]) + "]}"
                      for name, one in out["checkpoints"].items())
    (HERE / "checkpoints.json").write_text(f'{{"versions": {lines[0]}, "checkpoints": {{\n{body}\n}}}}\n')


if __name__ == "__main__":
    main()
