#!/usr/bin/env python3
"""Pictures of odd sizes in every format, and what transformers' processor makes of them.

    python3 tests/golden/media/make_image_golden.py            writes images/ and images.json (frozen)
    python3 ... --check DUMP --num 300 [--bench]               compares another program on fresh pictures

images.json holds, for each file, the size after turning it upright, SHA-256 of its RGB bytes as Pillow reads it
(exif_transpose, convert("RGB")), the patch grid and SHA-256 of the float32 patches of Qwen2VLImageProcessor with
the settings of Qwen3-VL. DUMP is tests/model/media/image_dump: it is given lines "FILE RGB_OUT PATCHES_OUT".

Frozen with Pillow 13.0.0, torchvision 0.29.2, torch 2.15.0, transformers 5.17.0.
"""
import argparse
import hashlib
import io
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

HERE = Path(__file__).parent
SETTINGS = dict(patch_size=16, merge_size=2, temporal_patch_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3,
                size={"shortest_edge": 65536, "longest_edge": 16777216})
HEIGHTS = [1, 7, 16, 31, 32, 33, 50, 64, 100, 127, 200, 255, 300, 431, 640, 777]
WIDTHS = [4, 9, 32, 48, 65, 97, 128, 201, 256, 333, 500, 641, 800, 1023]


def waves(rng, height, width, channels):
    """Smooth waves with some noise: edges, flat parts and overshoot for the filter."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for channel in range(channels):
        fx, fy = rng.uniform(0.01, 0.6, 2)
        noise = rng.normal(0, rng.choice([0, 5, 40]), (height, width))
        planes.append(127 + 70 * np.sin(x * fx + channel) + 60 * np.cos(y * fy - channel) + noise)
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png16(values, color_type):
    """A PNG of 16 bits a channel; Pillow does not write colours of that depth."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + values[y].astype(">u2").tobytes() for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def turned(image, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, kind, exif=exif)


def frames(rng, height, width, make):
    return [make(waves(rng, height, width, 3)) for _ in range(3)]


def kinds(rng, pick):
    """name -> (height, width) -> bytes of a file."""
    rgb = lambda h, w: Image.fromarray(waves(rng, h, w, 3))
    grey = lambda h, w: Image.fromarray(waves(rng, h, w, 1)[..., 0])
    wide = lambda h, w, c: waves(rng, h, w, c).astype(np.uint16) * 256 + rng.integers(0, 256, (h, w, c)).astype(np.uint16)

    def animation(h, w, kind, make, **options):
        first, *rest = frames(rng, h, w, make)
        return saved(first, kind, save_all=True, append_images=rest, **options)

    return {
        "rgb.png": lambda h, w: saved(rgb(h, w), "PNG"),
        "rgba.png": lambda h, w: saved(Image.fromarray(waves(rng, h, w, 4), "RGBA"), "PNG"),
        "grey.png": lambda h, w: saved(grey(h, w), "PNG"),
        "grey_alpha.png": lambda h, w: saved(Image.fromarray(waves(rng, h, w, 2), "LA"), "PNG"),
        "grey16.png": lambda h, w: png16(wide(h, w, 1) // pick([1, 40, 200]), 0),
        "grey_alpha16.png": lambda h, w: png16(wide(h, w, 2), 4),
        "rgb16.png": lambda h, w: png16(wide(h, w, 3), 2),
        "rgba16.png": lambda h, w: png16(wide(h, w, 4), 6),
        "palette.png": lambda h, w: saved(rgb(h, w).quantize(pick([2, 4, 16, 200, 256])), "PNG"),
        "palette_transparent.png": lambda h, w: saved(rgb(h, w).quantize(17), "PNG", transparency=3),
        "black_white.png": lambda h, w: saved(grey(h, w).convert("1"), "PNG"),
        "rgb_transparent.png": lambda h, w: saved(rgb(h, w), "PNG", transparency=(1, 2, 3)),
        "rgb.jpg": lambda h, w: saved(rgb(h, w), "JPEG", quality=pick([30, 75, 95]), subsampling=pick([0, 1, 2]),
                                      progressive=pick([True, False])),
        "grey.jpg": lambda h, w: saved(grey(h, w), "JPEG"),
        "cmyk.jpg": lambda h, w: saved(Image.fromarray(waves(rng, h, w, 4), "CMYK"), "JPEG"),
        "turned.jpg": lambda h, w: turned(rgb(h, w), "JPEG", pick(range(1, 9))),
        "turned.png": lambda h, w: turned(rgb(h, w), "PNG", pick(range(1, 9))),
        "turned.webp": lambda h, w: turned(rgb(h, w), "WEBP", pick(range(1, 9))),
        "lossy.webp": lambda h, w: saved(rgb(h, w), "WEBP", quality=pick([30, 80])),
        "lossless.webp": lambda h, w: saved(rgb(h, w), "WEBP", lossless=True),
        "alpha.webp": lambda h, w: saved(Image.fromarray(waves(rng, h, w, 4), "RGBA"), "WEBP"),
        "animation.webp": lambda h, w: animation(h, w, "WEBP", Image.fromarray),
        "palette.gif": lambda h, w: saved(rgb(h, w).quantize(pick([3, 100, 256])), "GIF"),
        "interlaced.gif": lambda h, w: saved(grey(h, w), "GIF", interlace=1),
        "animation.gif": lambda h, w: animation(h, w, "GIF", lambda a: Image.fromarray(a).quantize(50),
                                                transparency=pick([0, 5])),
    }


def pictures(seed, num, heights, widths):
    rng = np.random.default_rng(seed)
    choose = random.Random(seed)
    makers = list(kinds(rng, choose.choice).items())
    for index in range(num):
        name, make = makers[index % len(makers)]
        while True:
            height, width = choose.choice(heights), choose.choice(widths)
            if max(height, width) <= 200 * min(height, width):
                break
        yield f"{index:03d}_{name}", make(height, width)


def read(data):
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def reference(processor, data):
    image = read(data)
    out = processor(images=[image], return_tensors="np")
    return np.asarray(image), out["image_grid_thw"][0].tolist(), out["pixel_values"]


def write_golden():
    processor = Qwen2VLImageProcessor(**SETTINGS)
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    rows = []
    for name, data in pictures(7, 50, [5, 17, 32, 41], [9, 33, 40, 64]):
        (folder / name).write_bytes(data)
        rgb, grid, patches = reference(processor, data)
        rows.append({"file": name, "size": list(rgb.shape[:2]), "rgb": hashlib.sha256(rgb.tobytes()).hexdigest(),
                     "grid": grid, "patches": hashlib.sha256(patches.astype("<f4").tobytes()).hexdigest()})
    (HERE / "images.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def check(dump, num, bench):
    import torch
    torch.set_num_threads(1)
    processor = Qwen2VLImageProcessor(**SETTINGS)
    files = list(pictures(int(time.time()), num, HEIGHTS, WIDTHS))
    equal, worst = 0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lines = ""
        for name, data in files:
            (folder / name).write_bytes(data)
            lines += f"{folder / name} {folder / name}.rgb {folder / name}.patches\n"
        subprocess.run([dump], input=lines, text=True, check=True, stdout=subprocess.DEVNULL)
        for name, data in files:
            rgb, _, patches = reference(processor, data)
            ours = np.fromfile(folder / f"{name}.rgb", np.uint8).reshape(rgb.shape)
            theirs = np.fromfile(folder / f"{name}.patches", np.float32).reshape(patches.shape)
            same = bool((ours == rgb).all() and (theirs == patches).all())
            equal += same
            worst = max(worst, float(np.abs(theirs - patches).max()) / 2)
            if not same:
                print("differs:", name, rgb.shape)
        print(f"{equal} of {len(files)} equal to the bit; largest difference {worst * 255:.2f} / 255")
        if bench:
            rates(dump, processor, folder)
    return 0 if worst * 255 <= 1 else 1


def rates(dump, processor, folder):
    """Photographs of 2 megapixels, one core each, in turn."""
    rng = np.random.default_rng(3)
    path = folder / "photo.jpg"
    path.write_bytes(saved(Image.fromarray(waves(rng, 1200, 1600, 3)), "JPEG", quality=90))
    for turn in range(3):
        start = time.perf_counter()
        for _ in range(10):
            processor(images=[read(path.read_bytes())], return_tensors="pt")
        reference_s = (time.perf_counter() - start) / 10
        ours_s = float(subprocess.run([dump, "--time", path, "10"], capture_output=True, text=True, check=True).stdout)
        print(f"{reference_s / ours_s:.2f}x the reference processor's rate (decode, resize, patches; one core)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="DUMP")
    parser.add_argument("--num", type=int, default=300)
    parser.add_argument("--bench", action="store_true")
    args = parser.parse_args()
    sys.exit(check(args.check, args.num, args.bench) if args.check else write_golden())


if __name__ == "__main__":
    main()
