#!/usr/bin/env python3
"""Accuracy of peira-mini on the shipped samples of MMMU and Video-MME, through transformers and its processor.

An independent reading of what `peira run mmmu video-mme` must find, prompt "official": files are read by pyarrow,
pictures by Pillow, clips by PyAV; a reply is one letter.

    python3 tests/golden/evaluate_media.py [--model model/peira-mini] [--shuffled]

--shuffled gives each question the pictures or the clip of another.
"""

import argparse
import ast
import io
import random
import sys
from pathlib import Path

import pyarrow.parquet as pq
import torch
import transformers
from make_omni_prompt import frames_of, samples_of
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "datasets" / "samples"
sys.path.insert(0, str(ROOT / "datasets" / "generated"))
import prompts  # noqa: E402
from media_corpus import image_parts  # noqa: E402


def mmmu():
    """(parts with pictures in their places, answer) of each question."""
    for row in pq.read_table(SAMPLES / "mmmu-sample.parquet").to_pylist():
        files = [row[f"image_{k}"]["bytes"] for k in range(1, 8) if row[f"image_{k}"]]
        pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
        text = prompts.mmmu_prompt(row["question"], ast.literal_eval(row["options"]), "official")
        yield image_parts(text, pictures), row["answer"]


def video_mme():
    folder = SAMPLES / "video-mme-sample"
    for row in pq.read_table(folder / "videomme" / "test-00000-of-00001.parquet").to_pylist():
        options = [option[3:] for option in row["options"]]
        yield [{"type": "video", "video": folder / "data" / f"{row['videoID']}.mp4"},
               {"type": "text", "text": prompts.video_mme_prompt(row["question"], options, "official")}], row["answer"]


def shuffled(rows):
    """Media moved to questions with as many of them, a text of another kind or not."""
    groups = {}
    for parts, _ in rows:
        media = tuple(part for part in parts if part["type"] != "text")
        groups.setdefault(len(media), []).append(media)
    for group in groups.values():
        random.Random(1).shuffle(group)
    for parts, answer in rows:
        media = iter(groups[sum(part["type"] != "text" for part in parts)].pop())
        yield [part if part["type"] == "text" else next(media) for part in parts], answer


def reply(model, processor, parts, with_sound):
    """The first token after the prompt, as text."""
    messages = [{"role": "user", "content": parts}]
    text = processor.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    pictures = [part["image"] for part in parts if part["type"] == "image"]
    paths = [part["video"] for part in parts if part["type"] == "video"]
    kwargs, heard = {}, False
    if pictures:
        kwargs["images"] = pictures
    if paths:
        videos = [frames_of(path, processor.video_processor)[0] for path in paths]
        sounds = []
        if with_sound:
            try:
                sounds = [samples_of(path) for path in paths]
            except IndexError:  # no soundtrack
                sounds = []
        heard = bool(sounds)
        size = dict(processor.video_processor.to_dict()["size"])
        kwargs |= {"videos": videos, "videos_kwargs": {"do_sample_frames": False, "fps": 2, "use_audio_in_video": heard,
                                                       "size": size}}
        if sounds:
            kwargs["audio"] = sounds
    inputs = processor(text=[text], return_tensors="pt", **kwargs)
    names = ("pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw", "input_features",
             "feature_attention_mask")
    seen = {name: inputs[name] for name in names if name in inputs}
    if paths:
        seen |= {"video_second_per_grid": torch.as_tensor(inputs["video_second_per_grid"]), "use_audio_in_video": heard}
    model.rope_deltas = None
    with torch.no_grad():
        logits = model(input_ids=inputs["input_ids"], attention_mask=torch.ones_like(inputs["input_ids"]), use_cache=False,
                       **seen).logits[0, -1]
    return processor.tokenizer.decode([logits.argmax().item()])


def main():
    parser = argparse.ArgumentParser(description="accuracy on the media samples through transformers")
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "peira-mini")
    parser.add_argument("--shuffled", action="store_true")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    processor = transformers.AutoProcessor.from_pretrained(args.model)
    model = transformers.AutoModelForMultimodalLM.from_pretrained(args.model, dtype=torch.float32).eval().thinker
    for name, rows, with_sound in (("mmmu", mmmu(), False), ("video-mme", video_mme(), False),
                                   ("video-mme with sound", video_mme(), True)):
        rows = list(rows)
        rows = list(shuffled(rows)) if args.shuffled else rows
        right = sum(reply(model, processor, parts, with_sound) == answer for parts, answer in rows)
        print(f"{name}: {right} of {len(rows)}, {right / len(rows):.3f}", flush=True)


if __name__ == "__main__":
    main()
