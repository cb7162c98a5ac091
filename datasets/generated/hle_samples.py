"""Writes hle-sample.jsonl: generated questions in the columns of Humanity's Last Exam."""

import base64
import hashlib
import json
import random
import struct
import zlib
from fractions import Fraction

from arithmetic import detailed
from questions import CHOICE_KINDS, CHOICE_LEVELS, INTEGER_KINDS, INTEGER_LEVELS, make_choice, make_integer, normalized

SEED = "peira-samples-1:hle"
CANARY = "peira-sample: generated question, not from Humanity's Last Exam"
CATEGORIES = {"Biology": "Biology/Medicine"}
COLOURS = {"red": (214, 40, 40), "blue": (30, 90, 200), "green": (40, 150, 70), "black": (20, 20, 20)}


def _row(question, answer, answer_type, rationale, raw_subject, category, image=""):
    text = f"{question}|{answer}|{image}".encode()
    return {"id": hashlib.sha256(text).hexdigest()[:24], "question": question, "image": image, "image_preview": None,
            "answer": answer, "answer_type": answer_type, "author_name": "peira-generator", "rationale": rationale,
            "rationale_image": None, "raw_subject": raw_subject, "category": category, "canary": CANARY}


def _choice(rng, item):
    options = [item.answer, *item.wrong]
    rng.shuffle(options)
    letters = "ABCD"
    listed = "\n".join(f"{letter}. {option.strip()}" for letter, option in zip(letters, options))
    return _row(f"{item.question}\n\nAnswer Choices:\n{listed}", letters[options.index(item.answer)], "multipleChoice",
                "\n".join([item.plan, *map(detailed, item.steps)]), item.subdomain,
                CATEGORIES.get(item.category, item.category))


def _fraction(rng):
    """An exact answer that is no integer, written in LaTeX."""
    while True:
        a, b = (Fraction(rng.randrange(1, 20), rng.randrange(2, 20)) for _ in range(2))
        total = a + b
        if total.denominator > 1 and a.denominator > 1 and b.denominator > 1:
            break
    def latex(x):
        return f"\\frac{{{x.numerator}}}{{{x.denominator}}}"
    return _row(f"Write ${latex(a)} + {latex(b)}$ as a single fraction in lowest terms.", latex(total), "exactMatch",
                f"The sum is ({a.numerator * b.denominator} + {b.numerator * a.denominator}) / "
                f"{a.denominator * b.denominator}.", "Mathematics", "Math")


def _png(pixels):
    """An 8-bit RGB PNG of rows of (r, g, b)."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in pixels)
    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) +
            chunk(b"IEND", b""))


def _picture(rng):
    """Squares of several colours, to be counted."""
    cells = [rng.choice([*COLOURS, None]) for _ in range(16)]
    colour = rng.choice(sorted({cell for cell in cells if cell}))
    size = 12
    pixels = [[(255, 255, 255)] * (4 * size) for _ in range(4 * size)]
    for index, cell in enumerate(cells):
        if cell is None:
            continue
        top, left = index // 4 * size, index % 4 * size
        for y in range(top + 2, top + size - 2):
            for x in range(left + 2, left + size - 2):
                pixels[y][x] = COLOURS[cell]
    url = "data:image/png;base64," + base64.b64encode(_png(pixels)).decode()
    return _row(f"How many {colour} squares does the picture show?", str(cells.count(colour)), "exactMatch",
                "Counted.", "Pictures", "Other", url)


def hle_rows():
    """200 rows: 92 multiple choice, 84 integers, 16 fractions, 8 pictures, shuffled."""
    rng = random.Random(SEED)
    rows, seen = [], set()

    def add(count, make):
        made = 0
        while made < count:
            row = make(made)
            key = normalized(row["question"] + row["image"])
            if key in seen:
                continue
            seen.add(key)
            rows.append(row)
            made += 1

    choice = sorted(CHOICE_KINDS)
    integer = sorted(INTEGER_KINDS)
    add(92, lambda i: _choice(rng, make_choice(rng, choice[i % len(choice)], i % len(CHOICE_LEVELS))))

    def integer_row(i):
        item = make_integer(rng, integer[i % len(integer)], i % len(INTEGER_LEVELS))
        return _row(item.question, str(item.answer), "exactMatch", "\n".join([item.plan, *map(detailed, item.steps)]),
                    item.category, "Math")
    add(84, integer_row)
    add(16, lambda i: _fraction(rng))
    add(8, lambda i: _picture(rng))
    rng.shuffle(rows)
    return rows


def write_hle(folder):
    with open(folder / "hle-sample.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for row in hle_rows():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_hle_questions(folder):
    with open(folder / "hle-sample.jsonl", encoding="utf-8") as file:
        return [json.loads(line)["question"] for line in file]
