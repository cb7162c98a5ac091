#!/usr/bin/env python3
"""Runs our image preprocessing and transformers' in turn on the same files, one thread each, and prints rates and ratios:
from a file's bytes to patches. Needs pillow, torch, torchvision and transformers.

    python tests/bench/beside_image_processor.py --ours build/release/bench/media_image_bench [--rounds 3]

Pictures are generated: slopes with noise of 640 x 480 to 1600 x 1200, as JPEG, PNG and WebP.
"""

import argparse
import io
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import Qwen2VLImageProcessor

SIZES = ((640, 480), (1024, 768), (1280, 960), (1600, 1200))
SAVED = {".jpg": {"format": "JPEG", "quality": 90}, ".png": {"format": "PNG"}, ".webp": {"format": "WEBP", "quality": 80}}


def write_pictures(folder):
    random = np.random.default_rng(1)
    for number, (width, height) in enumerate(SIZES):
        y, x = np.mgrid[0:height, 0:width]
        slopes = np.stack([(x * (c + 1) + y * (3 - c)) / 16 % 256 for c in range(3)], -1)
        pixels = np.clip(slopes + random.normal(0, 3, slopes.shape), 0, 255).astype(np.uint8)
        for ending, how in SAVED.items():
            Image.fromarray(pixels).save(folder / f"{number}{ending}", **how)


def ours(program, folder):
    """Pictures a second by ending."""
    out = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=1"], check=True, capture_output=True,
                         env={**os.environ, "PEIRA_IMAGES": str(folder)})
    return {row["name"].rpartition("/")[2]: row["images/s"] for row in json.loads(out.stdout)["benchmarks"]}


def theirs(processor, folder):
    rates = {}
    for ending in SAVED:
        files = [path.read_bytes() for path in sorted(folder.glob("*" + ending))]
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < 1:
            for file in files:
                processor(images=Image.open(io.BytesIO(file)).convert("RGB"), return_tensors="pt")
            count += len(files)
        rates[ending] = count / (time.perf_counter() - started)
    return rates


def main():
    parser = argparse.ArgumentParser(description="image preprocessing beside transformers'")
    parser.add_argument("--ours", required=True, help="media_image_bench")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    processor = Qwen2VLImageProcessor(patch_size=16, temporal_patch_size=2, merge_size=2, image_mean=[0.5] * 3,
                                      image_std=[0.5] * 3, size={"shortest_edge": 65536, "longest_edge": 16777216})
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, {type(processor).__name__}; pictures a second")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder)
        for _ in range(args.rounds):
            mine, reference = ours(args.ours, folder), theirs(processor, folder)
            print("  ".join(f"{ending[1:]}: {mine[ending]:.1f} beside {reference[ending]:.1f}, {mine[ending] / reference[ending]:.2f}x"
                            for ending in SAVED), flush=True)


if __name__ == "__main__":
    main()
