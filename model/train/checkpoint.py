"""peira-mini as a Hugging Face folder of `qwen3_omni_moe`, its thinker alone: written, read back, checked."""

import json
from pathlib import Path

import torch

from media_rows import BANDS, FFT, FPS, HOP, MAX_FRAMES, MAX_PIXELS, MIN_FRAMES, MIN_PIXELS, POSITIONS_PER_SECOND, RATE
from text_rows import CHAT_TEMPLATE, END_OF_TEXT, IM_END, IM_START, MEDIA_TOKENS, SPECIAL_TOKENS


def decoder_tensors(decoder):
    """(name under thinker., parameter or part of it) of the decoder; a tensor an expert."""
    shape, inter = decoder.shape, decoder.shape.moe_intermediate_size
    yield "model.embed_tokens.weight", decoder.embed
    yield "model.norm.weight", decoder.final_norm
    for i, layer in enumerate(decoder.layers):
        prefix = f"model.layers.{i}."
        q, k, v = layer.qkv.split([layer.q_size, layer.kv_size, layer.kv_size])
        for name, tensor in (("input_layernorm", layer.input_norm), ("post_attention_layernorm", layer.post_norm),
                             ("self_attn.q_norm", layer.q_norm), ("self_attn.k_norm", layer.k_norm),
                             ("self_attn.q_proj", q), ("self_attn.k_proj", k), ("self_attn.v_proj", v),
                             ("self_attn.o_proj", layer.o), ("mlp.gate", layer.router)):
            yield f"{prefix}{name}.weight", tensor
        for e in range(shape.num_experts):
            part = slice(e * inter, (e + 1) * inter)
            yield f"{prefix}mlp.experts.{e}.gate_proj.weight", layer.gate[part]
            yield f"{prefix}mlp.experts.{e}.up_proj.weight", layer.up[part]
            yield f"{prefix}mlp.experts.{e}.down_proj.weight", layer.down[:, part]


def _both(prefix, module):
    yield prefix + ".weight", module.weight
    if module.bias is not None:
        yield prefix + ".bias", module.bias


def _merger(prefix, merger):
    yield from _both(prefix + "ln_q", merger.norm)
    yield from _both(prefix + "mlp.0", merger.fc1)
    yield from _both(prefix + "mlp.2", merger.fc2)


def vision_tensors(tower):
    shape = tower.shape
    yield "visual.patch_embed.proj.weight", tower.patch_embed.weight.view(
        -1, shape.in_channels, shape.temporal_patch_size, shape.patch_size, shape.patch_size)
    yield "visual.patch_embed.proj.bias", tower.patch_embed.bias
    yield "visual.pos_embed.weight", tower.pos_embed
    for i, block in enumerate(tower.blocks):
        for name, module in (("norm1", block.norm1), ("norm2", block.norm2), ("attn.qkv", block.qkv),
                             ("attn.proj", block.proj), ("mlp.linear_fc1", block.fc1), ("mlp.linear_fc2", block.fc2)):
            yield from _both(f"visual.blocks.{i}.{name}", module)
    yield from _merger("visual.merger.", tower.merger)
    yield from _merger("visual.merger_list.0.", tower.deepstack)


def audio_tensors(tower):
    for i, conv in enumerate((tower.conv1, tower.conv2, tower.conv3), start=1):
        yield from _both(f"audio_tower.conv2d{i}", conv)
    yield from _both("audio_tower.conv_out", tower.conv_out)
    for i, layer in enumerate(tower.layers):
        prefix = f"audio_tower.layers.{i}."
        for name, weight, bias in zip("qkv", layer.qkv.weight.chunk(3), layer.qkv.bias.chunk(3)):
            yield f"{prefix}self_attn.{name}_proj.weight", weight
            yield f"{prefix}self_attn.{name}_proj.bias", bias
        for name, module in (("self_attn.out_proj", layer.proj), ("self_attn_layer_norm", layer.norm1),
                             ("final_layer_norm", layer.norm2), ("fc1", layer.fc1), ("fc2", layer.fc2)):
            yield from _both(prefix + name, module)
    for name, module in (("ln_post", tower.norm), ("proj1", tower.proj1), ("proj2", tower.proj2)):
        yield from _both("audio_tower." + name, module)


def tensors_of(model):
    """All of a checkpoint by name, under thinker."""
    for part in (decoder_tensors(model.decoder), vision_tensors(model.vision), audio_tensors(model.audio)):
        for name, tensor in part:
            yield "thinker." + name, tensor


def config_of(model, token_ids):
    """config.json; token_ids as MEDIA_TOKENS names them."""
    shape, vision, audio = model.decoder.shape, model.vision.shape, model.audio.shape
    text = {
        "model_type": "qwen3_omni_moe_text", "vocab_size": shape.vocab_size, "hidden_size": shape.hidden_size,
        "intermediate_size": 4 * shape.hidden_size, "moe_intermediate_size": shape.moe_intermediate_size,
        "num_hidden_layers": shape.num_hidden_layers, "num_attention_heads": shape.num_attention_heads,
        "num_key_value_heads": shape.num_key_value_heads, "head_dim": shape.head_dim, "hidden_act": "silu",
        "rms_norm_eps": shape.rms_norm_eps, "rope_theta": shape.rope_theta,
        "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": list(shape.mrope_section)},
        "max_position_embeddings": shape.max_position_embeddings, "attention_bias": False, "attention_dropout": 0.0,
        "decoder_sparse_step": 1, "mlp_only_layers": [], "num_experts": shape.num_experts,
        "num_experts_per_tok": shape.num_experts_per_tok, "norm_topk_prob": True, "output_router_logits": False,
        "router_aux_loss_coef": shape.router_aux_loss_coef, "tie_word_embeddings": True, "use_sliding_window": False,
        "sliding_window": None, "initializer_range": 0.02, "bos_token_id": None, "eos_token_id": IM_END,
        "pad_token_id": END_OF_TEXT, "use_cache": True}
    return {
        "architectures": ["Qwen3OmniMoeForConditionalGeneration"], "model_type": "qwen3_omni_moe",
        "enable_audio_output": False,
        "thinker_config": {
            "model_type": "qwen3_omni_moe_thinker", "text_config": text,
            "vision_config": {
                "model_type": "qwen3_omni_moe_vision_encoder", "depth": vision.depth, "hidden_size": vision.hidden_size,
                "intermediate_size": vision.intermediate_size, "num_heads": vision.num_heads,
                "in_channels": vision.in_channels, "patch_size": vision.patch_size,
                "temporal_patch_size": vision.temporal_patch_size, "spatial_merge_size": vision.spatial_merge_size,
                "out_hidden_size": shape.hidden_size, "num_position_embeddings": vision.num_position_embeddings,
                "deepstack_visual_indexes": list(vision.deepstack_visual_indexes), "hidden_act": "gelu_pytorch_tanh"},
            "audio_config": {
                "model_type": "qwen3_omni_moe_audio_encoder", "d_model": audio.d_model,
                "encoder_layers": audio.encoder_layers, "encoder_attention_heads": audio.encoder_attention_heads,
                "encoder_ffn_dim": audio.encoder_ffn_dim, "num_mel_bins": audio.num_mel_bins,
                "downsample_hidden_size": audio.downsample_hidden_size, "n_window": audio.n_window,
                "n_window_infer": 16 * audio.n_window, "conv_chunksize": 500, "max_source_positions": 1500,
                "output_dim": shape.hidden_size, "activation_function": "gelu"},
            "position_id_per_seconds": POSITIONS_PER_SECOND, "seconds_per_chunk": 2,
            "image_token_id": token_ids["image_token"], "video_token_id": token_ids["video_token"],
            "audio_token_id": token_ids["audio_token"], "vision_start_token_id": token_ids["vision_bos_token"],
            "vision_end_token_id": token_ids["vision_eos_token"], "audio_start_token_id": token_ids["audio_bos_token"],
            "audio_end_token_id": token_ids["audio_eos_token"], "tie_word_embeddings": True},
        "im_start_token_id": IM_START, "im_end_token_id": IM_END, "tie_word_embeddings": True,
        "eos_token_id": IM_END, "pad_token_id": END_OF_TEXT, "torch_dtype": "bfloat16"}


def processor_configs(model):
    """The files of the processors by name."""
    vision = model.vision.shape
    pixels = {"patch_size": vision.patch_size, "temporal_patch_size": vision.temporal_patch_size,
              "merge_size": vision.spatial_merge_size, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
              "size": {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}}
    # As published, one file has the settings of pictures and sounds.
    return {"preprocessor_config.json": {
                "processor_class": "Qwen3OmniMoeProcessor", "image_processor_type": "Qwen2VLImageProcessor",
                "feature_extractor_type": "WhisperFeatureExtractor", **pixels, "feature_size": BANDS, "n_fft": FFT,
                "hop_length": HOP, "sampling_rate": RATE, "padding_value": 0.0, "return_attention_mask": True},
            "video_preprocessor_config.json": {
                "processor_class": "Qwen3OmniMoeProcessor", "video_processor_type": "Qwen2VLVideoProcessor", **pixels,
                "fps": FPS, "min_frames": MIN_FRAMES, "max_frames": MAX_FRAMES}}


def write_checkpoint(model, tokenizer, out):
    """A folder as the Hugging Face hub holds them, weights in bf16."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    ids = {name: tokenizer.token_to_id(token) for name, token in MEDIA_TOKENS.items()}
    write_json(out / "config.json", config_of(model, ids))
    write_json(out / "generation_config.json",
               {"do_sample": False, "eos_token_id": [IM_END, END_OF_TEXT], "pad_token_id": END_OF_TEXT})
    write_json(out / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "processor_class": "Qwen3OmniMoeProcessor",
        "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "model_max_length": model.decoder.shape.max_position_embeddings, "bos_token": None,
        "eos_token": SPECIAL_TOKENS[IM_END], "pad_token": SPECIAL_TOKENS[END_OF_TEXT], "unk_token": None,
        "extra_special_tokens": MEDIA_TOKENS, "chat_template": CHAT_TEMPLATE,
        "added_tokens_decoder": {str(tokenizer.token_to_id(token)): {
            "content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
            for token in (*SPECIAL_TOKENS, *MEDIA_TOKENS.values())}})
    (out / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    for name, settings in processor_configs(model).items():
        write_json(out / name, settings)
    tokenizer.save(str(out / "tokenizer.json"))
    save_file({name: tensor.detach().to("cpu", torch.bfloat16).contiguous() for name, tensor in tensors_of(model)},
              out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_checkpoint(model, folder):
    """Takes what `folder` has of the model's tensors; returns the names that it lacks (the towers, where it is a
    checkpoint of text alone).
    """
    from safetensors.torch import load_file

    found = load_file(Path(folder) / "model.safetensors")
    lacking = []
    with torch.no_grad():
        for name, tensor in tensors_of(model):
            value = found.get(name, found.get(name.removeprefix("thinker.")))
            if value is None:
                lacking.append(name)
            else:
                tensor.copy_(value)
    return lacking

