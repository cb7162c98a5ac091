#!/usr/bin/env python3
"""Writes tests/golden/datasets/subtitles.json: which lines of made-up SubRip files are chosen at which frames.

    python3 tests/golden/datasets/make_subtitles.py        (needs numpy and pysubs2 1.8)

"inclusive" is the rule of lmms-eval's videomme with numpy and re, sorted by cue; "interior" and "fps" are VLMEvalKit's
with pysubs2. Written from their description, not copied.
"""

import json
import random
import re
from pathlib import Path

import numpy
import pysubs2

ELEMENT = re.compile(r'<font color="white" size=".72c">(.*?)</font>')
WORDS = "a bird sings while two men walk along the river and talk about rain".split()


def stamp(ms):
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def make_srt(draw, seconds):
    """Cues that follow each other, overlap, repeat times, have two lines, no markup or a second element."""
    pieces, at, last = [], 0, None
    while at < seconds * 1000:
        start, end = at, at + draw.randrange(1, 4000)
        if last and draw.random() < 0.1:
            start, end = last
        words = " ".join(draw.choices(WORDS, k=draw.randrange(1, 6)))
        kind = draw.random()
        body = f'<font color="white" size=".72c">{words}</font>'
        if kind < 0.1:
            body = words
        elif kind < 0.2:
            body = f'<font color="white" size=".72c">{words}\nand on</font>'
        elif kind < 0.3:
            body += '<font color="white" size=".72c">second</font>'
        elif kind < 0.35:
            body = '<font color="white" size=".72c">one\\Ntwo</font>'
        pieces.append(f"{len(pieces) + 1}\n{stamp(start)} --> {stamp(end)}\n{body}\n")
        last = (start, end)
        at = max(0, end - draw.randrange(0, 500)) if draw.random() < 0.3 else end + draw.randrange(0, 2500)
    return "\n".join(pieces)


def seconds_of(text):
    hours, minutes, rest = text.split(":")
    whole, ms = rest.split(",")
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + int(ms) / 1000


def inclusive(srt, total, fps, count):
    cues = {}
    for piece in srt.split("\n\n"):
        lines = piece.strip("\n").split("\n")
        if len(lines) >= 3:
            start, end = lines[1].split(" --> ")
            cues[seconds_of(start), seconds_of(end)] = " ".join(lines[2:])
    frames = numpy.linspace(0, total - 1, count, dtype=int).tolist()
    out = []
    for (start, end), text in cues.items():
        if any(int(start * fps) <= frame < int(end * fps) for frame in frames):
            out += ELEMENT.findall(text)[:1]
    return "\n".join(out)


def by_frame(srt, frames, fps):
    cues = pysubs2.SSAFile.from_string(srt)
    out = []
    for frame in frames:
        now = pysubs2.make_time(fps=fps, frames=frame)
        for cue in cues:
            if cue.start < now < cue.end:
                text = cue.text.replace("\\N", " ")
                if text.strip():
                    out.append(text)
                break
    return "\n".join(out)


draw = random.Random(20261127)
cases = []
for fps, seconds in ((25.0, 40), (30000 / 1001, 65), (8.0, 6), (24000 / 1001, 3700)):
    total = int(seconds * fps)
    srt = make_srt(draw, min(seconds, 90))
    case = {"srt": srt, "total": total, "fps": fps, "inclusive": {}, "interior": {}, "per_second": {}}
    for count in (1, 2, 7, 32, 128):
        case["inclusive"][str(count)] = inclusive(srt, total, fps, count)
        frames = [int(i * (total / (count + 1))) for i in range(1, count + 1)]
        case["interior"][str(count)] = by_frame(srt, frames, fps)
    for rate in (0.5, 1.0, 2.0):
        frames = [int(i * (fps / rate)) for i in range(int(total / fps * rate))]
        case["per_second"][str(rate)] = by_frame(srt, frames, fps)
    case["all"] = "\n".join(found[0] for found in map(ELEMENT.findall, srt.split("\n")) if found)
    cases.append(case)
(Path(__file__).resolve().parent / "subtitles.json").write_text(json.dumps(cases, indent=1) + "\n")
