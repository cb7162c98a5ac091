#!/usr/bin/env python3
"""Writes tests/golden/vision_prompt/: a random `qwen3_vl_moe` checkpoint with tokenizer, chat template
and processors, and what transformers makes of messages with the files of tests/golden/media.

    python3 tests/golden/make_vision_prompt.py

expected.json, cases[]:
  messages      parts of type text, image or video; files by their path below tests/golden/media
  text          the prompt, placeholders repeated, as Qwen3VLProcessor has it
  tokens        its ids
  values        pixel values of all media in the order of the prompt: how many, and their sum
  logits        after the prompt, float32
  greedy, greedy_gap
Videos are decoded by PyAV at the frames that Qwen3VLVideoProcessor chooses.
"""

import json
from pathlib import Path

import torch
import transformers
from make_tiny_checkpoints import floats, write_json, write_weights
from make_tiny_vision import forward_ids, make_tensors
from PIL import Image, ImageOps
from tiny_model import Random
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
from transformers.video_utils import read_video_pyav

HERE = Path(__file__).parent
OUT = HERE / "vision_prompt"
MEDIA = HERE / "media"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
           "<|image_pad|>", "<|video_pad|>"]

TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}
{%- if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>
{%- else %}{{ part.text }}{% endif %}
{%- endfor %}
{%- endif %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif -%}
"""

CONFIG = {
    "architectures": ["Qwen3VLMoeForConditionalGeneration"], "model_type": "qwen3_vl_moe",
    "image_token_id": 261, "video_token_id": 262, "vision_start_token_id": 259,
    "vision_end_token_id": 260, "tie_word_embeddings": False, "dtype": "bfloat16",
    "text_config": {
        "model_type": "qwen3_vl_moe_text", "vocab_size": 264, "hidden_size": 16,
        "intermediate_size": 12, "moe_intermediate_size": 10, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "max_position_embeddings": 512, "attention_bias": False,
        "rope_theta": 5000000.0, "num_experts": 4, "num_experts_per_tok": 2,
        "rope_scaling": {"mrope_interleaved": True, "mrope_section": [2, 1, 1],
                         "rope_type": "default"},
        "decoder_sparse_step": 1, "mlp_only_layers": [], "eos_token_id": 258, "bos_token_id": None,
    },
    "vision_config": {
        "model_type": "qwen3_vl_moe", "depth": 2, "hidden_size": 16,
        "hidden_act": "gelu_pytorch_tanh", "intermediate_size": 20, "num_heads": 2, "in_channels": 3,
        "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 16,
        "num_position_embeddings": 36, "deepstack_visual_indexes": [0, 1],
    },
}
PIXELS = {"patch_size": 8, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3,
          "image_std": [0.5] * 3}
IMAGE_SETTINGS = {**PIXELS, "size": {"shortest_edge": 1024, "longest_edge": 6144}}
VIDEO_SETTINGS = {**PIXELS, "size": {"shortest_edge": 1024, "longest_edge": 12288}, "fps": 2,
                  "min_frames": 2, "max_frames": 6}


def text(value):
    return {"type": "text", "text": value}


def image(name):
    return {"type": "image", "image": "images/" + name}


def video(name):
    return {"type": "video", "video": "videos/" + name}


CASES = [
    [{"role": "user", "content": "No picture at all?"}],
    [{"role": "user", "content": [image("000_rgb.png"), text("What is this?")]}],
    [{"role": "system", "content": "Look."},
     {"role": "user", "content": [text("First "), image("012_rgb.jpg"), text(" then "),
                                  image("001_rgba.png"), image("027_grey.png"), text("?")]}],
    [{"role": "user", "content": [video("short.mp4"), text("What moves?")]}],
    [{"role": "user", "content": [text("a"), image("008_palette.png"), video("uneven.mp4"),
                                  text("b"), video("motion.avi"), image("018_lossy.webp")]},
     {"role": "assistant", "content": "Hm."}, {"role": "user", "content": "Again?"}],
]


def make_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.save(str(OUT / "tokenizer.json"))
    write_json(OUT / "tokenizer_config.json", {"tokenizer_class": "Qwen2TokenizerFast",
                                               "eos_token": "<|im_end|>", "bos_token": None})


def load_media(messages, video_processor):
    images, videos, metadata, order = [], [], [], []
    for message in messages:
        for part in message["content"] if isinstance(message["content"], list) else []:
            if part["type"] == "image":
                picture = Image.open(MEDIA / part["image"])
                images.append(ImageOps.exif_transpose(picture).convert("RGB"))
                order.append("image")
            elif part["type"] == "video":
                frames, data = read_video_pyav(
                    str(MEDIA / part["video"]),
                    lambda metadata, **_: video_processor.sample_frames(metadata, fps=2))
                videos.append(torch.from_numpy(frames).permute(0, 3, 1, 2))
                metadata.append(data)
                order.append("video")
    return images, videos, metadata, order


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    OUT.mkdir(exist_ok=True)
    make_tokenizer()
    (OUT / "chat_template.jinja").write_text(TEMPLATE)
    write_json(OUT / "config.json", CONFIG)
    write_json(OUT / "preprocessor_config.json", IMAGE_SETTINGS)
    write_json(OUT / "video_preprocessor_config.json", VIDEO_SETTINGS)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(OUT / "tokenizer.json"),
                                                     eos_token="<|im_end|>")
    video_processor = Qwen3VLVideoProcessor(**VIDEO_SETTINGS)
    processor = Qwen3VLProcessor(image_processor=Qwen2VLImageProcessor(**IMAGE_SETTINGS),
                                 tokenizer=tokenizer, video_processor=video_processor,
                                 chat_template=TEMPLATE)
    for attempt in range(100):
        random = Random(20260700 + attempt)
        tensors = {k: v.to(torch.bfloat16).contiguous() for k, v in make_tensors(CONFIG, random).items()}
        write_weights(OUT, tensors, 1)
        model = transformers.AutoModelForImageTextToText.from_pretrained(
            OUT, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").eval()
        cases = []
        for messages in CASES:
            images, videos, metadata, order = load_media(messages, video_processor)
            rendered = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            kwargs = {}
            if images:
                kwargs["images"] = images
            if videos:
                kwargs.update(videos=videos, video_metadata=metadata, do_sample_frames=False)
            inputs = processor(text=[rendered], return_tensors="pt", **kwargs)
            tokens = inputs["input_ids"][0].tolist()
            values = {k: inputs[k] for k in ("pixel_values", "image_grid_thw", "pixel_values_videos",
                                             "video_grid_thw") if k in inputs}
            pixels = [values[k].double() for k in ("pixel_values", "pixel_values_videos") if k in values]
            logits, steps, gaps = None, [], []
            for _ in range(6):
                last = forward_ids(model, tokens + steps, values, 261, 262)[-1]
                if logits is None:
                    logits = last
                best = last.topk(2)
                if best.indices[0].item() in (258, 261, 262):
                    gaps.append(0.0)
                    break
                gaps.append((best.values[0] - best.values[1]).item())
                steps.append(best.indices[0].item())
            cases.append({"messages": messages,
                          "text": tokenizer.decode(tokens, skip_special_tokens=False),
                          "tokens": tokens,
                          "values": [sum(p.numel() for p in pixels),
                                     round(sum(p.sum().item() for p in pixels), 3)],
                          "logits": floats(logits), "greedy": steps,
                          "greedy_gap": floats(torch.tensor(gaps))})
        if min(min(case["greedy_gap"]) for case in cases) >= 0.02:
            break
    else:
        raise SystemExit("every draw has a near tie")
    write_json(OUT / "expected.json", {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "cases": cases})
    for case in cases:
        print(len(case["tokens"]), case["values"], json.dumps(case["text"])[:600])


if __name__ == "__main__":
    main()
