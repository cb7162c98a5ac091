"""Conversations with media: pixels and mel frames as the processors of `qwen3_omni_moe` make them, placeholders and
positions, and packing into rows.

A picture is a frame shown twice; a clip gives frames by twos. Frames are stored once each, as bytes.
source: transformers models/qwen3_omni_moe (processing, get_rope_index), qwen2_vl (smart_resize), whisper (log-mel).
"""

import importlib.util
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from text_rows import END_OF_TEXT, MEDIA_TOKENS, assistant_mask, assistant_token
from towers import MERGE, TOKENS_PER_CHUNK, AudioShape, VisionShape, block_places

# What the processors' files say.
PATCH = VisionShape.patch_size
FPS, MIN_FRAMES, MAX_FRAMES = 2, 2, 128
MIN_PIXELS, MAX_PIXELS = 32 * 32, 128 * 128
RATE, FFT, HOP, BANDS = 16000, 400, 160, AudioShape.num_mel_bins
POSITIONS_PER_SECOND = 13
CHUNK = 2 * AudioShape.n_window  # mel frames
PATCHES, TOKENS = VisionShape.max_patches, VisionShape.max_patches // MERGE ** 2  # of a frame's place in a batch
SOUND_TOKENS = AudioShape.max_chunks * TOKENS_PER_CHUNK
ROW_PAIRS, ROW_SOUNDS = 24, 6  # most of a row

# Rows and columns of patches of a frame that occur.
GRIDS = tuple((h // PATCH, w // PATCH) for h in range(32, 113, 16) for w in range(32, 145, 16)
              if h * w <= PATCHES * PATCH ** 2)


@dataclass
class Encoded:
    """A conversation. source 0: a token; from 1: what stands there, in tokens of pairs, then of sounds.

    frames  (grid number, patches [rows * columns, 3 * PATCH^2] bytes);  pairs  (frame, frame) by number
    sounds  mel frames [BANDS, frames], float16
    """
    ids: np.ndarray
    positions: np.ndarray  # [T, 3]
    source: np.ndarray
    targets: np.ndarray
    frames: list = field(default_factory=list)
    pairs: list = field(default_factory=list)
    sounds: list = field(default_factory=list)


# ------------------------------------------------------------------------------------- preprocessing


def smart_resize(height, width):
    """The multiples of a token's side nearest to a size, within the limits."""
    factor = PATCH * MERGE
    h, w = round(height / factor) * factor, round(width / factor) * factor
    if h * w > MAX_PIXELS:
        beta = math.sqrt(height * width / MAX_PIXELS)
        h, w = (max(factor, math.floor(size / beta / factor) * factor) for size in (height, width))
    elif h * w < MIN_PIXELS:
        beta = math.sqrt(MIN_PIXELS / (height * width))
        h, w = (math.ceil(size * beta / factor) * factor for size in (height, width))
    return h, w


def patches_of(picture):
    """(grid number, patches) of bytes [height, width, 3]."""
    height, width = smart_resize(*picture.shape[:2])
    if (height, width) != picture.shape[:2]:
        tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
        tensor = F.interpolate(tensor, (height, width), mode="bicubic", antialias=True)
        picture = tensor.round().clamp(0, 255)[0].permute(1, 2, 0).byte().numpy()
    grid = (height // PATCH, width // PATCH)
    cells = picture.reshape(grid[0], PATCH, grid[1], PATCH, 3).transpose(0, 2, 4, 1, 3)
    order = np.array(block_places(*grid))
    return GRIDS.index(grid), np.ascontiguousarray(cells[order[:, 0], order[:, 1]].reshape(len(order), -1))


def sampled_frames(total, fps):
    """Numbers of the frames that the video processor takes."""
    step = VisionShape.temporal_patch_size
    most = min(MAX_FRAMES, total) // step * step
    count = math.floor(min(max(total / fps * FPS, MIN_FRAMES), most, total) / step) * step
    return torch.arange(0, total, total / count).int().tolist()


def mel_filters():
    """Slaney's triangles on his scale, as Whisper has them. [FFT / 2 + 1, BANDS]"""
    def hertz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))

    top = 15 + math.log(RATE / 2 / 1000) * 27 / math.log(6.4)
    corners = hertz(np.linspace(0, top, BANDS + 2))
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)
    rising = (bins[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins[:, None]) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (corners[2:] - corners[:-2])


_FILTERS = mel_filters()
_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)


def log_mel(samples):
    """Whisper's features of a sound in [-1, 1]. [BANDS, samples / HOP]"""
    padded = np.pad(samples, FFT // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][:len(samples) // HOP]
    power = np.abs(np.fft.rfft(windows * _WINDOW)) ** 2
    out = np.log10(np.maximum(power @ _FILTERS, 1e-10)).T
    return (np.maximum(out, out.max() - 8) + 4) / 4


def num_sound_tokens(frames):
    rest = frames % CHUNK
    for _ in range(3):
        rest = (rest + 1) // 2
    return frames // CHUNK * TOKENS_PER_CHUNK + rest


# ------------------------------------------------------------------------------------------ encoding


class Encoder:
    """Makes Encoded of messages whose contents are texts or lists of parts (datasets/generated/media_corpus.py)."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.token = {name: tokenizer.token_to_id(text) for name, text in MEDIA_TOKENS.items()}
        self.assistant = assistant_token(tokenizer)

    def encode(self, messages):
        self.ids, self.positions, self.source, self.next = [], [], [], 0
        self.frames, self.pairs, self.sounds = [], [], []
        text = ""
        for message in messages:
            text += f"<|im_start|>{message['role']}\n"
            content = message["content"]
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                if part["type"] == "text":
                    text += part["text"]
                    continue
                self._text(text)
                text = ""
                getattr(self, "_" + part["type"])(part)
            text += "<|im_end|>\n"
        self._text(text)
        ids = np.array(self.ids, np.uint16)
        return Encoded(ids, np.array(self.positions, np.int16), np.array(self.source, np.int16),
                       assistant_mask(ids, self.assistant), self.frames, self.pairs, self.sounds)

    def _put(self, token, position, source=0):
        self.ids.append(token)
        self.positions.append(position)
        self.source.append(source)

    def _mark(self, *names):
        for name in names:
            self._put(self.token[name], (self.next,) * 3)
            self.next += 1

    def _text(self, text):
        for token in self.tokenizer.encode(text).ids:
            self._put(token, (self.next,) * 3)
            self.next += 1

    def _vision(self, pictures, seconds):
        """Places of frames by twos: (position, source) each, in order."""
        out = []
        numbers = []
        for picture in pictures:
            if numbers and np.array_equal(picture, last):
                numbers.append(numbers[-1])
            else:
                numbers.append(len(self.frames))
                self.frames.append(patches_of(picture))
            last = picture
        rows, columns = (size // MERGE for size in GRIDS[self.frames[-1][0]])
        for t in range(len(numbers) // 2):
            at = self.next + int(t * seconds * POSITIONS_PER_SECOND)
            first = 1 + len(self.pairs) * TOKENS
            self.pairs.append((numbers[2 * t], numbers[2 * t + 1]))
            out += [((at, self.next + r, self.next + c), first + r * columns + c)
                    for r in range(rows) for c in range(columns)]
        return out

    def _sound(self, samples):
        mel = log_mel(samples)
        first = -(1 + len(self.sounds) * SOUND_TOKENS)  # negative: packing knows where sounds begin
        self.sounds.append(mel.astype(np.float16))
        return [((self.next + i,) * 3, first - i) for i in range(num_sound_tokens(mel.shape[1]))]

    def _place(self, name, places):
        for position, source in places:
            self._put(self.token[name], position, source)
        self.next = max(max(position) for position, _ in places) + 1

    def _image(self, part):
        self._mark("vision_bos_token")
        self._place("image_token", self._vision([part["image"]] * 2, 0))
        self._mark("vision_eos_token")

    def _audio(self, part):
        self._mark("audio_bos_token")
        self._place("audio_token", self._sound(part["audio"] / 32768))
        self._mark("audio_eos_token")

    def _video(self, part):
        numbers = sampled_frames(len(part["video"]), part["fps"])
        pictures = [part["video"][i] for i in numbers]
        seconds = VisionShape.temporal_patch_size / FPS
        if part.get("audio") is None:
            self._mark("vision_bos_token")
            self._place("video_token", self._vision(pictures, seconds))
            self._mark("vision_eos_token")
            return
        self._mark("vision_bos_token", "audio_bos_token")
        seen, heard = self._vision(pictures, seconds), self._sound(part["audio"] / 32768)
        v = a = 0
        while v < len(seen) or a < len(heard):
            if a == len(heard) or (v < len(seen) and seen[v][0][0] <= heard[a][0][0]):
                self._put(self.token["video_token"], *seen[v])
                v += 1
            else:
                self._put(self.token["audio_token"], *heard[a])
                a += 1
        # What follows counts from the end of the one that outlasts the other.
        rest = seen if self.ids[-1] == self.token["video_token"] else heard
        self.next = max(max(position) for position, _ in rest) + 1
        self._mark("audio_eos_token", "vision_eos_token")


# ------------------------------------------------------------------------------------------- packing


@dataclass
class Shard:
    """Rows of packed conversations; numbers of frames and sounds count from the shard's first."""
    tokens: np.ndarray     # [rows, T]
    documents: np.ndarray  # [rows, T], -1: none
    positions: np.ndarray  # [rows, T, 3]
    source: np.ndarray     # [rows, T]: 0, or 1 + place in the row's [ROW_PAIRS * TOKENS] + [ROW_SOUNDS * SOUND_TOKENS]
    targets: np.ndarray    # [rows, T]
    pairs: np.ndarray      # [rows, ROW_PAIRS, 2]: frames, 0 where none
    sounds: np.ndarray     # [rows, ROW_SOUNDS]: sounds, 0 where none
    patches: np.ndarray    # [all patches, 3 * PATCH^2] bytes
    offsets: np.ndarray    # [frames]: first patch
    grids: np.ndarray      # [frames]
    mel: np.ndarray        # [all chunks, BANDS, CHUNK] float16
    chunks: np.ndarray     # [sounds]: first chunk
    sound_tokens: np.ndarray  # [sounds]


def pack_media(conversations, row_length):
    """A Shard of Encoded conversations; what no row holds is left out."""
    rows, used = [[]], [0, 0, 0]
    for item in conversations:
        size = [len(item.ids), len(item.pairs), len(item.sounds)]
        limits = (row_length, ROW_PAIRS, ROW_SOUNDS)
        longest = max((mel.shape[1] for mel in item.sounds), default=0)
        if any(s > limit for s, limit in zip(size, limits)) or longest > AudioShape.max_chunks * CHUNK:
            continue
        if any(u + s > limit for u, s, limit in zip(used, size, limits)):
            rows.append([])
            used = [0, 0, 0]
        rows[-1].append(item)
        used = [u + s for u, s in zip(used, size)]
    count = len(rows)
    tokens = np.full((count, row_length), END_OF_TEXT, np.uint16)
    documents = np.full((count, row_length), -1, np.int16)
    positions = np.zeros((count, row_length, 3), np.int16)
    source = np.zeros((count, row_length), np.int16)
    targets = np.zeros((count, row_length), bool)
    pairs, sounds = np.zeros((count, ROW_PAIRS, 2), np.int32), np.zeros((count, ROW_SOUNDS), np.int32)
    frames, mels = [], []
    for r, row in enumerate(rows):
        at = num_pairs = num_sounds = 0
        for d, item in enumerate(row):
            end = at + len(item.ids)
            tokens[r, at:end], documents[r, at:end], positions[r, at:end] = item.ids, d, item.positions
            targets[r, at:end] = item.targets
            seen, heard = item.source > 0, item.source < 0
            source[r, at:end][seen] = item.source[seen] + num_pairs * TOKENS
            source[r, at:end][heard] = -item.source[heard] + ROW_PAIRS * TOKENS + num_sounds * SOUND_TOKENS
            for k, pair in enumerate(item.pairs):
                pairs[r, num_pairs + k] = [len(frames) + n for n in pair]
            sounds[r, num_sounds:num_sounds + len(item.sounds)] = range(len(mels), len(mels) + len(item.sounds))
            frames += item.frames
            mels += item.sounds
            at, num_pairs, num_sounds = end, num_pairs + len(item.pairs), num_sounds + len(item.sounds)
    # Places without frame or sound take the first.
    frames = frames or [patches_of(np.zeros((32, 32, 3), np.uint8))]
    mels = mels or [np.zeros((BANDS, CHUNK), np.float16)]
    lengths = [len(patches) for _, patches in frames]
    num_chunks = [-(-mel.shape[1] // CHUNK) for mel in mels]
    mel = np.zeros((sum(num_chunks), BANDS, CHUNK), np.float16)
    first = 0
    for item, number in zip(mels, num_chunks):
        full = np.zeros((BANDS, number * CHUNK), np.float16)
        full[:, :item.shape[1]] = item
        mel[first:first + number] = full.reshape(BANDS, number, CHUNK).transpose(1, 0, 2)
        first += number
    return Shard(tokens, documents, positions, source, targets, pairs, sounds,
                 np.concatenate([patches for _, patches in frames]), (np.cumsum(lengths) - lengths).astype(np.int64),
                 np.array([grid for grid, _ in frames], np.int64), mel,
                 (np.cumsum(num_chunks) - num_chunks).astype(np.int64),
                 np.array([num_sound_tokens(m.shape[1]) for m in mels], np.int64))


def join(shards):
    """One Shard of several."""
    num_frames = np.cumsum([0] + [len(s.offsets) for s in shards])
    num_sounds = np.cumsum([0] + [len(s.chunks) for s in shards])
    num_patches = np.cumsum([0] + [len(s.patches) for s in shards])
    num_chunks = np.cumsum([0] + [len(s.mel) for s in shards])
    def all_of(name, firsts=None):
        arrays = [getattr(s, name) for s in shards]
        return np.concatenate(arrays if firsts is None else [a + a.dtype.type(f) for a, f in zip(arrays, firsts)])
    return Shard(*(all_of(name) for name in ("tokens", "documents", "positions", "source", "targets")),
                 all_of("pairs", num_frames), all_of("sounds", num_sounds), all_of("patches"),
                 all_of("offsets", num_patches), all_of("grids"), all_of("mel"), all_of("chunks", num_chunks),
                 all_of("sound_tokens"))


def load_corpus(path):
    """The module at `path`, which has conversations(seed, num, first)."""
    sys.path.insert(0, str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("peira_media_corpus", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _make_shard(task):
    from tokenizers import Tokenizer

    path, tokenizer_path, seed, first, num, row_length = task
    torch.set_num_threads(1)
    encoder = Encoder(Tokenizer.from_file(str(tokenizer_path)))
    return pack_media([encoder.encode(messages) for messages in load_corpus(path).conversations(seed, num, first)], row_length)


def start_making(pool, path, tokenizer_path, seed, num, row_length, part=1000):
    """Begins to make `num` conversations; the result's get() gives Shards."""
    return pool.map_async(_make_shard, [(path, tokenizer_path, seed, first, min(part, num - first), row_length)
                                        for first in range(0, num, part)], chunksize=1)
