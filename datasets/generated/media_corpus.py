"""Training conversations with pictures, sounds and clips, for a member of the omni family.

    from media_corpus import conversations
    for messages in conversations(seed=1, num=100_000): ...

`messages` are as chat templates and processors take them: a content is a text or a list of parts, {"type": "text",
"text"}, {"type": "image", "image": uint8 array [height, width, 3]}, {"type": "audio", "audio": int16 samples at 16 kHz}
or {"type": "video", "video": uint8 frames [num_frames, 96, 96, 3], "fps": 8, "audio": int16 samples or None}. The
first prompt of a conversation is mostly one that evals/ renders for mmmu or video-mme; further turns ask for reasons, or
more about the same clip, so that the towers learn from more than a letter. No picture and no clip of a sample set occurs.
"""

import functools
import random
import re

import numpy as np

import prompts
from clips import FPS, SCENES, make_clip, make_sound_question
from media_samples import LETTERS, arranged, clip_key, picture_key, sample_keys
from pictures import KINDS, LEVELS, make_picture_question

CHUNK = 500  # conversations made from one seed
OPEN = "Reply in one sentence."
_MARK = re.compile(r"(<image \d>)")


def image_parts(text, pictures):
    """`text` cut at its marks, with the pictures in their places."""
    parts = []
    for piece in _MARK.split(text):
        if _MARK.fullmatch(piece):
            parts.append({"type": "image", "image": pictures[int(piece[7:-1]) - 1]})
        elif piece:
            parts.append({"type": "text", "text": piece})
    return parts


def as_filmed(rng, frames):
    """Frames as a lossy film has them: colours at half the resolution, a little noise; what does not move is coded once.
    [num_frames, H, W, 3]
    """
    noise = np.random.default_rng(rng.getrandbits(32))
    is_new = np.concatenate([[True], (frames[1:] != frames[:-1]).any((1, 2, 3))])
    red, green, blue = (frames[is_new][..., c].astype(np.float32) for c in range(3))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    num, height, width = light.shape
    halves = [colour.reshape(num, height // 2, 2, width // 2, 2).mean((2, 4)).repeat(2, 1).repeat(2, 2)
              for colour in (red - light, blue - light)]
    light = light + noise.standard_normal(light.shape, np.float32) * rng.choice((0.5, 1.5, 3))
    out = np.stack([light + halves[0], light - (0.299 * halves[0] + 0.114 * halves[1]) / 0.587, light + halves[1]], -1)
    return np.rint(np.clip(out, 0, 255)).astype(np.uint8)[np.cumsum(is_new) - 1]


def as_recorded(rng, sound):
    """A sound as a lossy codec has it: upper bands gone, a little noise, a short tail."""
    noise = np.random.default_rng(rng.getrandbits(32))
    out = sound.astype(np.float32)
    if rng.random() < 0.6:
        spectrum = np.fft.rfft(out)
        spectrum[round(len(spectrum) * rng.uniform(0.5, 0.95)):] = 0
        out = np.fft.irfft(spectrum, len(out))
    out = out * rng.uniform(0.7, 1.2) + noise.normal(0, rng.choice((0.2, 2, 10, 40)), len(out))
    if rng.random() < 0.3:
        out = np.concatenate([out, np.zeros(rng.randrange(160, 1100))])
    return np.rint(np.clip(out, -32768, 32767)).astype(np.int16)


class MediaMaker:
    """Makes conversations; `excluded` are keys as of sample_keys()."""

    def __init__(self, excluded):
        self.excluded = excluded

    def conversation(self, rng):
        """Half pictures, a third clips, the rest sounds."""
        draw = rng.random()
        return self._picture(rng) if draw < 0.5 else self._clip(rng) if draw < 0.85 else self._sound(rng)

    @staticmethod
    def _style(rng):
        """How a question is put: as the suites do, or openly, without options."""
        return rng.choices(("official", "chain-of-thought", "open"), weights=(60, 22, 18))[0]

    @staticmethod
    def _options(rng, item):
        while True:
            letter = rng.choice(LETTERS)
            options = arranged(rng, item, letter)
            if options:
                return options, letter

    def _picture(self, rng):
        while True:
            item = make_picture_question(rng, rng.choice(list(KINDS)), rng.randrange(len(LEVELS)))
            if picture_key(item) not in self.excluded:
                break
        options, letter = self._options(rng, item)
        style = "official" if item.answer.startswith("<image") else self._style(rng)
        if style == "open":
            return _turns(image_parts(f"{item.question}\n{OPEN}", item.pictures), item.explanation)
        parts = image_parts(prompts.mmmu_prompt(item.question, options, style), item.pictures)
        return _with_reasons(rng, style, item, _turns(
            parts, prompts.seen_answer(item.explanation, item.answer, style, f"({letter})", letter)))

    def _clip(self, rng):
        while True:
            clip = make_clip(rng, rng.choice(list(SCENES)), rng.randrange(3))
            if clip_key(clip) not in self.excluded:
                break
        sound = clip.sound if rng.random() < 0.6 else None
        items = [item for _, item in clip.questions if sound is not None or not item.needs_sound]
        rng.shuffle(items)
        frames = as_filmed(rng, clip.frames) if rng.random() < 0.8 else clip.frames
        turns = []
        for item in items:
            options, letter = self._options(rng, item)
            style = self._style(rng)
            if style == "open":
                text, reply = f"{item.question}\n{OPEN}", item.explanation
            else:
                text = prompts.video_mme_prompt(item.question, options, style)
                # The official script takes the first capital A to D of the reply, so there is none before the answer.
                reply = prompts.seen_answer(item.explanation.lower(), item.answer.lower(), style, letter, letter)
            parts = [{"type": "text", "text": text}]
            if not turns:
                parts.insert(0, {"type": "video", "video": frames, "fps": FPS,
                                 "audio": None if sound is None else as_recorded(rng, sound)})
            turns += _turns(parts, reply)
        return turns

    def _sound(self, rng):
        sound, item = make_sound_question(rng)
        options, letter = self._options(rng, item)
        style = self._style(rng)
        heard = {"type": "audio", "audio": as_recorded(rng, sound)}
        if style == "open":
            return _turns([heard, {"type": "text", "text": f"{item.question}\n{OPEN}"}], item.explanation)
        parts = [heard, {"type": "text", "text": prompts.mmmu_prompt(item.question, options, style)}]
        return _with_reasons(rng, style, item, _turns(
            parts, prompts.seen_answer(item.explanation, item.answer, style, f"({letter})", letter)))


def _turns(parts, reply):
    return [{"role": "user", "content": parts}, {"role": "assistant", "content": reply}]


def _with_reasons(rng, style, item, turns):
    """Behind most lone letters, what was seen or heard."""
    return turns + _turns("Explain.", item.explanation) if style == "official" and rng.random() < 0.7 else turns


@functools.cache
def _sample_keys():
    return sample_keys()


def conversations(seed, num, first=0):
    """Conversations `first` to `first + num` of the stream of `seed`; the same whoever makes which part."""
    maker = MediaMaker(_sample_keys())
    for index in range(first, first + num):
        if index == first or index % CHUNK == 0:
            rng = random.Random(f"media-corpus:{seed}:{index // CHUNK}")
            for _ in range(index % CHUNK):
                maker.conversation(rng)
        yield maker.conversation(rng)
