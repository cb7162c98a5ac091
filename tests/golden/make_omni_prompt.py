#!/usr/bin/env python3
"""Writes tests/golden/omni_prompt/: a random `qwen3_omni_moe` checkpoint with tokenizer, chat template and processors, and
what transformers makes of messages with pictures, sounds and videos.

    python3 tests/golden/make_omni_prompt.py

expected.json:
  cases[]       messages with parts of type text, image, audio or video (files below the repository), video_sound
    text        the prompt, placeholders repeated, as Qwen3OmniMoeProcessor has it;  tokens  its ids
    values      features of all media: how many, and their sum
    logits      after the prompt, float32;  greedy, greedy_gap
  sampling[]    frames and sizes of Qwen2VLVideoProcessor: total, fps, wanted fps -> indices; height, width -> resized
Sounds and frames are decoded by PyAV; the processor is told fps=2, at which frames are taken.
"""

import json
import random
from pathlib import Path

import av
import numpy as np
import torch
import transformers
from make_tiny_checkpoints import floats, write_json, write_weights
from make_tiny_qwen3_omni import AUDIO_CONFIG, CONFIG, TEXT_CONFIG, VISION_CONFIG, published, random_thinker
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Qwen2VLImageProcessor, Qwen2VLVideoProcessor, WhisperFeatureExtractor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import smart_resize
from transformers.models.qwen3_omni_moe.processing_qwen3_omni_moe import Qwen3OmniMoeProcessor
from transformers.video_utils import VideoMetadata, read_video_pyav

HERE = Path(__file__).resolve().parent
OUT = HERE / "omni_prompt"
ROOT = HERE.parent.parent
FPS = 2
NAMES = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>", "audio_token": "<|audio_pad|>",
         "vision_bos_token": "<|vision_start|>", "vision_eos_token": "<|vision_end|>",
         "audio_bos_token": "<|audio_start|>", "audio_eos_token": "<|audio_end|>"}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *NAMES.values()]
IDS = {name: 256 + i for i, name in enumerate(SPECIAL)}

TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}
{%- if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>
{%- elif part.type == 'audio' %}<|audio_start|><|audio_pad|><|audio_end|>
{%- else %}{{ part.text }}{% endif %}
{%- endfor %}
{%- endif %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif -%}
"""

WHOLE = json.loads(json.dumps(CONFIG))
WHOLE["eos_token_id"] = IDS["<|im_end|>"]
THINKER = WHOLE["thinker_config"]
THINKER["audio_config"] = {**AUDIO_CONFIG, "d_model": 16, "encoder_attention_heads": 2, "encoder_ffn_dim": 20,
                           "num_mel_bins": 16, "downsample_hidden_size": 4, "output_dim": 16}
THINKER["vision_config"] = {**VISION_CONFIG, "depth": 2, "hidden_size": 16, "intermediate_size": 20, "num_heads": 2,
                            "patch_size": 8, "out_hidden_size": 16, "deepstack_visual_indexes": [0]}
THINKER["text_config"] = {**TEXT_CONFIG, "vocab_size": 256 + len(SPECIAL), "hidden_size": 16, "intermediate_size": 12,
                          "moe_intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
                          "num_key_value_heads": 1, "head_dim": 8, "num_experts": 4, "max_position_embeddings": 1024,
                          "rope_scaling": {"mrope_interleaved": True, "mrope_section": [2, 1, 1], "rope_type": "default"}}
THINKER |= {"image_token_id": IDS["<|image_pad|>"], "video_token_id": IDS["<|video_pad|>"],
            "audio_token_id": IDS["<|audio_pad|>"], "vision_start_token_id": IDS["<|vision_start|>"],
            "vision_end_token_id": IDS["<|vision_end|>"], "audio_start_token_id": IDS["<|audio_start|>"],
            "audio_end_token_id": IDS["<|audio_end|>"]}
PIXELS = {"patch_size": 8, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
# As published, one file has the settings of pictures and sounds.
SETTINGS = {**PIXELS, "size": {"shortest_edge": 1024, "longest_edge": 6144}, "feature_size": 16, "n_fft": 400,
            "hop_length": 160, "sampling_rate": 16000}
VIDEO_SETTINGS = {**PIXELS, "size": {"shortest_edge": 1024, "longest_edge": 4096}, "fps": FPS, "min_frames": 2,
                  "max_frames": 6}

SAMPLES = "datasets/samples/video-mme-sample/data/"


def text(value):
    return {"type": "text", "text": value}


def media(kind, path):
    return {"type": kind, kind: path}


CASES = [
    (False, [{"role": "user", "content": "Nothing to hear?"}]),
    (False, [{"role": "user", "content": [media("audio", "tests/golden/media/sounds/chirp.wav"), text("What is heard?")]}]),
    (False, [{"role": "user", "content": [text("See "), media("image", "tests/golden/media/images/000_rgb.png"),
                                          media("audio", "tests/golden/media/sounds/noise_and_silence.wav"), text("?")]}]),
    (False, [{"role": "user", "content": [media("video", SAMPLES + "sample_012.mp4"), text("What moves?")]}]),
    (False, [{"role": "user", "content": [media("video", SAMPLES + "sample_008.mp4"), text("What moves?")]}]),
    (True, [{"role": "user", "content": [media("video", SAMPLES + "sample_008.mp4"), text("What is heard, and when?")]}]),
    (True, [{"role": "system", "content": "Listen."},
            {"role": "user", "content": [media("image", "tests/golden/media/images/000_rgb.png"),
                                         media("video", SAMPLES + "sample_010.mp4"), text("Which digit?")]}]),
]


def make_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.save(str(OUT / "tokenizer.json"))
    write_json(OUT / "tokenizer_config.json", {"tokenizer_class": "Qwen2TokenizerFast", "eos_token": "<|im_end|>",
                                               "bos_token": None})


def samples_of(path):
    """A sound at 16 kHz, mono, in [-1, 1]."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        assert stream.rate == 16000 and stream.channels == 1, path
        pieces = [frame.to_ndarray().reshape(-1) for frame in file.decode(stream)]
    samples = np.concatenate(pieces)
    return (samples / 32768).astype(np.float32) if samples.dtype == np.int16 else samples.astype(np.float32)


def frames_of(path, processor):
    frames, data = read_video_pyav(str(path), lambda metadata, **_: processor.sample_frames(metadata, fps=FPS))
    return torch.from_numpy(frames).permute(0, 3, 1, 2), data


def load(messages, with_sound, video_processor):
    images, videos, sounds = [], [], []
    for message in messages:
        for part in message["content"] if isinstance(message["content"], list) else []:
            path = ROOT / part.get(part["type"], "")
            if part["type"] == "image":
                images.append(Image.open(path).convert("RGB"))
            elif part["type"] == "audio":
                sounds.append(samples_of(path))
            elif part["type"] == "video":
                videos.append(frames_of(path, video_processor)[0])
                if with_sound:
                    sounds.append(samples_of(path))
    return images, videos, sounds


def sampling_cases():
    chooser = random.Random(7)
    processor = Qwen2VLVideoProcessor(**{**VIDEO_SETTINGS, "min_frames": 4, "max_frames": 24})
    out = []
    for total, fps in ((2, 8.0), (3, 8.0), (5, 25.0), (16, 8.0), (31, 29.97), (48, 8.0), (100, 24.0), (121, 30.0), (997, 23.976),
                       (4, 1.0), (7, 0.5), (250, 50.0), (64, 12.5)):
        metadata = VideoMetadata(total_num_frames=total, fps=fps, duration=total / fps)
        height, width = chooser.randrange(16, 200), chooser.randrange(16, 200)
        out.append({"total": total, "fps": fps,
                    "indices": processor.sample_frames(metadata, fps=FPS).tolist(), "height": height, "width": width,
                    "resized": list(smart_resize(height, width, 16, 1024, 4096))})
    return out


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    OUT.mkdir(exist_ok=True)
    make_tokenizer()
    (OUT / "chat_template.jinja").write_text(TEMPLATE)
    write_json(OUT / "config.json", WHOLE)
    write_json(OUT / "preprocessor_config.json", SETTINGS)
    write_json(OUT / "video_preprocessor_config.json", VIDEO_SETTINGS)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(OUT / "tokenizer.json"), eos_token="<|im_end|>",
                                                     pad_token="<|endoftext|>", extra_special_tokens=NAMES)
    video_processor = Qwen2VLVideoProcessor(**VIDEO_SETTINGS)
    picture_settings = {k: v for k, v in SETTINGS.items() if k in PIXELS or k == "size"}
    processor = Qwen3OmniMoeProcessor(
        image_processor=Qwen2VLImageProcessor(**picture_settings), video_processor=video_processor,
        feature_extractor=WhisperFeatureExtractor(feature_size=16, padding_value=0.0), tokenizer=tokenizer,
        chat_template=TEMPLATE)
    model = random_thinker(WHOLE, 20261128, range(256, 256 + len(SPECIAL)))
    write_weights(OUT, published(model), 1)
    (OUT / "model.safetensors").chmod(0o644)
    cases = []
    for with_sound, messages in CASES:
        images, videos, sounds = load(messages, with_sound, video_processor)
        rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, chat_template=TEMPLATE)
        kwargs = {}
        if images:
            kwargs["images"] = images
        if videos:
            kwargs |= {"videos": videos, "videos_kwargs": {"do_sample_frames": False, "fps": FPS, **VIDEO_SETTINGS,
                                                            "use_audio_in_video": with_sound}}
        if sounds:
            kwargs["audio"] = sounds
        inputs = processor(text=[rendered], return_tensors="pt", **kwargs)
        tokens = inputs["input_ids"][0].tolist()
        seen = {k: inputs[k] for k in ("pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw",
                                       "input_features", "feature_attention_mask", "video_second_per_grid") if k in inputs}
        if "video_second_per_grid" in seen:
            seen["video_second_per_grid"] = torch.as_tensor(seen["video_second_per_grid"])
            seen["use_audio_in_video"] = with_sound
        features = [seen[k].double() for k in ("pixel_values", "pixel_values_videos", "input_features") if k in seen]
        logits, steps, gaps = None, [], []
        for _ in range(6):
            ids = torch.tensor([tokens + steps])
            model.rope_deltas = None
            with torch.no_grad():
                last = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **seen).logits[0, -1]
            logits = last if logits is None else logits
            best = last.topk(2)
            gaps.append((best.values[0] - best.values[1]).item())
            steps.append(best.indices[0].item())
        cases.append({"messages": messages, "video_sound": with_sound,
                      "text": tokenizer.decode(tokens, skip_special_tokens=False), "tokens": tokens,
                      "values": [sum(f.numel() for f in features), round(sum(f.sum().item() for f in features), 3)],
                      "logits": floats(logits), "greedy": steps, "greedy_gap": floats(torch.tensor(gaps))})
        print(len(tokens), cases[-1]["values"], gaps, json.dumps(cases[-1]["text"])[:300])
    write_json(OUT / "expected.json", {"versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                                                    "av": av.__version__},
                                       "cases": cases, "sampling": sampling_cases()})


if __name__ == "__main__":
    main()
