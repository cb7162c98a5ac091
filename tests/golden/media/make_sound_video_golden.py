#!/usr/bin/env python3
"""Short sounds and videos, and what transformers' processors make of them.

    python3 tests/golden/media/make_sound_video_golden.py       writes sounds/, videos/, sounds.json, videos.json

sounds.json: for each clip the number of samples and frames, and the log-mel frames of WhisperFeatureExtractor
(feature_size 128) beside it as float32 (NAME.mel, [128, frames]); the extractor works in float32, whose rounding
reaches 7e-5 in the quietest bands. videos.json: frames, rate, the indices, times and patch grid that
Qwen3VLVideoProcessor chooses at its 2 frames a second, and the mean of each 8 x 8 block of the first and the last
frame that is shown, red, green and blue, as PyAV decodes it.

Frozen with PyAV 18.1.0, torch 2.15.0, transformers 5.17.0; the videos by FFmpeg 5.1 (libx264, libvpx, mjpeg).
"""
import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import torch
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
from transformers.models.whisper.feature_extraction_whisper import WhisperFeatureExtractor
from transformers.video_utils import VideoMetadata, read_video_pyav

HERE = Path(__file__).parent
SOUNDS = HERE / "sounds"
VIDEOS = HERE / "videos"
SIZE = {"shortest_edge": 4096, "longest_edge": 25165824}


def ffmpeg(*args):
    subprocess.run(["ffmpeg", "-y", "-v", "error", "-fflags", "+bitexact", *args], check=True)


def write_wav(path, samples, rate, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def sounds():
    rng = np.random.default_rng(5)
    extractor = WhisperFeatureExtractor(feature_size=128)
    seconds = np.arange(4003) / 16000
    clips = {
        "chirp.wav": 0.3 * np.sin(2 * np.pi * (200 + 5000 * seconds) * seconds) + rng.normal(0, 1e-3, 4003),
        "noise_and_silence.wav": np.where(np.arange(3200) < 1500, rng.normal(0, 0.3, 3200), 0),
        "shortest.wav": rng.normal(0, 0.2, 201),
    }
    rows = []
    for name, clip in clips.items():
        write_wav(SOUNDS / name, clip, 16000)
        with wave.open(str(SOUNDS / name)) as file:
            samples = np.frombuffer(file.readframes(10**6), "<i2").astype(np.float32) / 32768
        out = extractor(samples, sampling_rate=16000, padding=True, truncation=False, return_tensors="np")
        mel = out["input_features"][0].astype("<f4")
        (SOUNDS / f"{name}.mel").write_bytes(mel.tobytes())
        rows.append({"file": name, "samples": len(samples), "frames": mel.shape[1]})
    write_wav(SOUNDS / "stereo_8k.wav", np.stack([np.full(1600, 0.5), np.full(1600, -0.25)], 1), 8000, 2)
    for name, options in {"chirp.flac": [], "chirp.mp3": ["-b:a", "48k"], "chirp.ogg": ["-c:a", "libvorbis"]}.items():
        ffmpeg("-i", str(SOUNDS / "chirp.wav"), *options, str(SOUNDS / name))
    (HERE / "sounds.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def write_videos():
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30:duration=5"]
    x264 = ["-c:v", "libx264", "-g", "20", "-bf", "2", "-pix_fmt", "yuv420p", "-threads", "1"]
    ffmpeg(*source, "-f", "lavfi", "-i", "sine=440:duration=5", *x264, "-c:a", "aac", "-b:a", "16k", str(VIDEOS / "sound.mp4"))
    ffmpeg(*source, "-vf", "select='not(mod(n,3))+lt(n,40)'", "-vsync", "vfr", *x264, str(VIDEOS / "uneven.mp4"))
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=40x72:rate=12:duration=2", "-c:v", "mjpeg", "-q:v", "8", str(VIDEOS / "motion.avi"))
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1", *x264, str(VIDEOS / "short.mp4"))
    ffmpeg("-i", str(VIDEOS / "short.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90", str(VIDEOS / "turned.mp4"))
    ffmpeg("-i", str(VIDEOS / "short.mp4"), "-c:v", "libvpx-vp9", "-b:v", "50k", "-threads", "1", str(VIDEOS / "short.webm"))
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=0.2", *x264, str(VIDEOS / "one_frame.mp4"))


def blocks(frame):
    """Means of 8 x 8 blocks, [height / 8, width / 8, 3]."""
    height, width = frame.shape[:2]
    return frame.reshape(height // 8, 8, width // 8, 8, 3).mean(axis=(1, 3)).round(3)


def videos():
    write_videos()
    processor = Qwen3VLVideoProcessor(image_mean=[0.5] * 3, image_std=[0.5] * 3, size=SIZE)
    rows = []
    for name in ["sound.mp4", "uneven.mp4", "motion.avi", "short.mp4"]:
        frames, metadata = read_video_pyav(str(VIDEOS / name), lambda metadata, **_: processor.sample_frames(metadata, fps=2))
        out = processor(videos=[torch.from_numpy(frames).permute(0, 3, 1, 2)], video_metadata=[metadata],
                        do_sample_frames=False, return_tensors="np")
        indices = [int(index) for index in metadata.frames_indices]
        times = [index / metadata.fps for index in indices]
        times += times[-1:] * (len(times) % 2)
        rows.append({"file": name, "frames": metadata.total_num_frames, "fps": metadata.fps, "indices": indices,
                     "times": [(a + b) / 2 for a, b in zip(times[::2], times[1::2])],
                     "grid": out["video_grid_thw"][0].tolist(), "first": blocks(frames[0]).ravel().tolist(),
                     "last": blocks(frames[-1]).ravel().tolist()})
    sampled = []
    for total, fps in [(1, 30), (2, 30), (3, 1), (100, 29.97), (1000, 23.976), (54000, 25), (1080000, 30), (7, 0.5)]:
        indices = processor.sample_frames(VideoMetadata(total_num_frames=total, fps=fps), fps=2)
        sampled.append({"total": total, "fps": fps, "count": len(indices), "sum": int(indices.sum()), "last": int(indices[-1]),
                        "third": int(indices[min(2, len(indices) - 1)])})
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
    (HERE / "videos.json").write_text(f'{{"videos": {text},\n"sampled": {json.dumps(sampled)}}}\n')


def main():
    SOUNDS.mkdir(exist_ok=True)
    VIDEOS.mkdir(exist_ok=True)
    sounds()
    videos()


if __name__ == "__main__":
    main()
