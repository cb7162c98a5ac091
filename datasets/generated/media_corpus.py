"""Training conversations with pictures, sounds and clips, for a member of the omni family.

    from media_corpus import conversations
    for messages in conversations(seed=1, num=100_000): ...

`messages` are as chat templates and processors take them: a content is a text or a list of parts, {"type": "text",
"text"}, {"type": "image", "image": uint8 array [height, width, 3]}, {"type": "audio", "audio": int16 samples at 16 kHz}
or {"type": "video", "video": uint8 frames [num_frames, 96, 96, 3], "fps": 8, "audio": int16 samples or None}. Prompts of
pictures and clips are those that evals/ renders for mmmu and video-mme. No picture and no clip of a sample set occurs.
"""

import random
import re

import prompts
from clips import FPS, SCENES, make_clip, make_sound_question
from media_samples import LETTERS, arranged, clip_key, picture_key, sample_keys
from pictures import KINDS, LEVELS, make_picture_question

CHUNK = 500  # conversations made from one seed
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


class MediaMaker:
    """Makes conversations; `excluded` are keys as of sample_keys()."""

    def __init__(self, excluded):
        self.excluded = excluded

    def conversation(self, rng):
        """Half pictures, a third clips, the rest sounds."""
        draw = rng.random()
        variant = rng.choices(("official", "chain-of-thought"), weights=(70, 30))[0]
        if draw < 0.5:
            return self._picture(rng, variant)
        return self._clip(rng, variant) if draw < 0.85 else self._sound(rng, variant)

    @staticmethod
    def _options(rng, item):
        while True:
            letter = rng.choice(LETTERS)
            options = arranged(rng, item, letter)
            if options:
                return options, letter

    def _picture(self, rng, variant):
        while True:
            item = make_picture_question(rng, rng.choice(list(KINDS)), rng.randrange(len(LEVELS)))
            if picture_key(item) not in self.excluded:
                break
        options, letter = self._options(rng, item)
        parts = image_parts(prompts.mmmu_prompt(item.question, options, variant), item.pictures)
        return _turns(parts, prompts.seen_answer(item.explanation, item.answer, variant, f"({letter})", letter))

    def _clip(self, rng, variant):
        while True:
            clip = make_clip(rng, rng.choice(list(SCENES)), rng.randrange(3))
            if clip_key(clip) not in self.excluded:
                break
        _, item = rng.choice(clip.questions)
        options, letter = self._options(rng, item)
        parts = [{"type": "video", "video": clip.frames, "fps": FPS, "audio": clip.sound},
                 {"type": "text", "text": prompts.video_mme_prompt(item.question, options, variant)}]
        # The official script takes the first capital A to D of the reply, so there is none before the answer.
        return _turns(parts, prompts.seen_answer(item.explanation.lower(), item.answer.lower(), variant, letter, letter))

    def _sound(self, rng, variant):
        sound, item = make_sound_question(rng)
        options, letter = self._options(rng, item)
        parts = [{"type": "audio", "audio": sound},
                 {"type": "text", "text": prompts.mmmu_prompt(item.question, options, variant)}]
        return _turns(parts, prompts.seen_answer(item.explanation, item.answer, variant, f"({letter})", letter))


def _turns(parts, reply):
    return [{"role": "user", "content": parts}, {"role": "assistant", "content": reply}]


def conversations(seed, num, first=0):
    """Conversations `first` to `first + num` of the stream of `seed`; the same whoever makes which part."""
    maker = MediaMaker(sample_keys())
    for index in range(first, first + num):
        if index == first or index % CHUNK == 0:
            rng = random.Random(f"media-corpus:{seed}:{index // CHUNK}")
            for _ in range(index % CHUNK):
                maker.conversation(rng)
        yield maker.conversation(rng)
