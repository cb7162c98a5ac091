"""Generated clips of a few seconds with three questions each: ten scenes x 3 lengths, four of them with sound.

What changes stays for a second, so that two frames a second are enough to see it. Sounds are in the soundtrack alone.
"""

from dataclasses import dataclass, field

import numpy as np

from drawing import COLOURS, INK, SHAPES, Canvas
from pictures import BRIGHT, DIAGONALS, DIRECTIONS, MediaQuestion, number, others
from sounds import DIGITS, RATE, TONES, at, spoken, tone

FPS = 8
SIZE = 96
DURATIONS = ("short", "medium", "long")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass
class Clip:
    """frames [num_frames, 96, 96, 3] bytes at FPS; sound: int16 at 16 kHz, or None; cues: (start, end, text) in seconds."""

    scene: str
    duration: str
    domain: str
    sub_category: str
    frames: np.ndarray
    sound: np.ndarray | None = None
    cues: list = field(default_factory=list)
    questions: list = field(default_factory=list)  # (task type, MediaQuestion), three

    @property
    def seconds(self):
        return len(self.frames) / FPS


class _Film:
    """Frames drawn one by one."""

    def __init__(self):
        self.frames = []

    def show(self, draw, seconds=1.0, moves=False):
        """`draw(canvas, part)`: once, or where something moves for each frame; part runs from 0 to just under 1."""
        count = round(seconds * FPS)
        for i in range(count):
            if moves or i == 0:
                canvas = Canvas(SIZE, SIZE)
                draw(canvas, i / count)
            self.frames.append(canvas.pixels)

    def array(self):
        return np.stack(self.frames)


def _ask(task, question, answer, wrong, explanation, needs_sound=False):
    return task, MediaQuestion("", "", question, answer, list(wrong), explanation, needs_sound=needs_sound)


def _places():
    return {"upper left": (20, 20), "upper right": (76, 20), "lower left": (20, 76), "lower right": (76, 76)}


def motion(rng, level):
    """A shape crosses the picture; at the higher levels others stand still."""
    names = DIRECTIONS if level == 0 else {**DIRECTIONS, **DIAGONALS}
    direction = rng.choice(sorted(names))
    dx, dy = names[direction]
    shapes = rng.sample(SHAPES, 1 + level)
    colours = rng.sample(BRIGHT, 1 + level)
    cx = 48 if dx else rng.choice((24, 48, 72))
    cy = 48 if dy else rng.choice((24, 48, 72))
    still = rng.sample([p for p in ((14, 14), (82, 14), (14, 82), (82, 82))], level)

    def draw(canvas, part):
        for shape, colour, (x, y) in zip(shapes[1:], colours[1:], still):
            canvas.shape(shape, x, y, 8, COLOURS[colour])
        along = round(-32 + 64 * part)
        canvas.shape(shapes[0], cx + dx * along, cy + dy * along, 12, COLOURS[colours[0]])

    film = _Film()
    film.show(draw, 2 + 2 * level, moves=True)
    clip = Clip("motion", DURATIONS[level], "Sports Competition", "Other Sports", film.array())
    what = f"{colours[0]} {shapes[0]}"
    clip.questions = [
        _ask("Action Recognition", "In which direction does the moving shape go?", direction,
             others(rng, direction, names), f"The {what} moves {direction}."),
        _ask("Object Recognition", "Which shape moves in the video?", shapes[0], others(rng, shapes[0], SHAPES),
             f"A {shapes[0]} moves."),
        _ask("Attribute Perception", "What colour is the moving shape?", colours[0], others(rng, colours[0], BRIGHT),
             f"The moving shape is {colours[0]}.")]
    return clip


def order(rng, level):
    """Shapes of different colours appear one after another, a second each."""
    count = 3 + level
    colours, shape = rng.sample(BRIGHT, count), rng.choice(SHAPES)
    film = _Film()
    for colour in colours:
        film.show(lambda canvas, part, colour=colour: canvas.shape(shape, 48, 48, 30, COLOURS[colour]))
    clip = Clip("order", DURATIONS[level], "Artistic Performance", "Magic Show", film.array())
    index = rng.randrange(count)
    after = rng.randrange(count - 1)
    # Wrong options mostly from those that are shown: it is their order that counts.
    def wrong(answer, also=()):
        shown = [c for c in colours if c != answer and c not in also]
        rest = [c for c in BRIGHT if c not in colours]
        picked = rng.sample(shown, min(3, len(shown)))
        return picked + rng.sample(rest, 3 - len(picked))
    clip.questions = [
        _ask("Temporal Perception", f"Which colour is shown {ORDINALS[index]}?", colours[index], wrong(colours[index]),
             f"The colours are {', '.join(colours)}."),
        _ask("Temporal Reasoning", f"Which colour comes right after {colours[after]}?", colours[after + 1],
             wrong(colours[after + 1], (colours[after],)), f"After {colours[after]} comes {colours[after + 1]}."),
        _ask("Object Recognition", "Which shape is shown in the video?", shape, others(rng, shape, SHAPES),
             f"It is a {shape}.")]
    return clip


def gather(rng, level):
    """Shapes come, or go, one by one."""
    steps = (1, 2, 3)[level]
    end, wrong_end = number(rng, 1 + steps, 7 + steps)
    comes = rng.random() < 0.5
    more = steps if comes else -steps
    start = end - more
    cells = rng.sample(range(16), max(start, end))
    shapes = [(rng.choice(SHAPES), rng.choice(BRIGHT)) for _ in cells]
    film = _Film()
    for shown in range(start, end + (1 if comes else -1), 1 if comes else -1):
        def draw(canvas, part, shown=shown):
            for cell, (shape, colour) in list(zip(cells, shapes))[:shown]:
                canvas.shape(shape, cell % 4 * 24 + 12, cell // 4 * 24 + 12, 9, COLOURS[colour])
        film.show(draw, (1.0, 1.5, 1.5)[level])
    clip = Clip("gather", DURATIONS[level], "Life Record", "Daily Life", film.array())
    told = {"come": "more shapes appear", "go": "shapes vanish", "colour": "the shapes change colour",
            "move": "the shapes move"}
    act = "come" if comes else "go"
    clip.questions = [
        _ask("Counting Problem", "How many shapes are there when the video begins?", str(start),
             [str(int(n) - more) for n in wrong_end],
             f"It begins with {start}."),
        _ask("Counting Problem", "How many shapes are there when the video ends?", str(end), wrong_end,
             f"It ends with {end}."),
        _ask("Action Reasoning", "What happens in the video?", told[act],
             [text for name, text in told.items() if name != act], f"From {start} shapes to {end}.")]
    return clip


def change(rng, level):
    """A shape grows, shrinks, changes its colour or its form."""
    shape, colour = rng.choice(SHAPES), rng.choice(BRIGHT)
    other_shape, other_colour = others(rng, shape, SHAPES)[0], others(rng, colour, BRIGHT)[0]
    acts = {"grows": "it grows", "shrinks": "it shrinks", "colour": "it changes colour", "form": "it becomes another shape"}
    act = rng.choice(sorted(acts))

    def draw(canvas, part):
        radius = round(10 + 28 * part) if act == "grows" else round(38 - 28 * part) if act == "shrinks" else 26
        late = part >= 0.5
        canvas.shape(other_shape if act == "form" and late else shape, 48, 48, radius,
                     COLOURS[other_colour if act == "colour" and late else colour])

    film = _Film()
    film.show(draw, 2 + 2 * level, moves=True)
    clip = Clip("change", DURATIONS[level], "Knowledge", "Technology", film.array())
    end_colour = other_colour if act == "colour" else colour
    end_shape = other_shape if act == "form" else shape
    def wrong(answer, gone, names):
        rest = rng.sample([name for name in names if name not in (answer, gone)], 3)
        return [gone, *rest[:2]] if gone != answer else rest
    clip.questions = [
        _ask("Action Recognition", "What happens to the shape?", acts[act], [t for a, t in acts.items() if a != act],
             f"The {shape}: {acts[act]}."),
        _ask("Attribute Perception", "What colour is the shape at the end?", end_colour, wrong(end_colour, colour, BRIGHT),
             f"At the end it is {end_colour}."),
        _ask("Object Recognition", "Which shape is it at the end?", end_shape, wrong(end_shape, shape, SHAPES),
             f"At the end it is a {end_shape}.")]
    return clip


def letters(rng, level):
    """Letters, one a second."""
    shown = rng.sample("ABCDEFGHJKLMNPRSTUVXYZ", 3 + level)
    film = _Film()
    for letter in shown:
        film.show(lambda canvas, part, letter=letter: canvas.centred_text(48, 48, letter, INK, 9))
    clip = Clip("letters", DURATIONS[level], "Film & Television", "News Report", film.array())
    index = rng.randrange(len(shown))
    def shuffled():
        while True:
            text = "".join(rng.sample(shown, len(shown)))
            if text != "".join(shown):
                return text
    wrong = set()
    while len(wrong) < 3:
        wrong.add(shuffled())
    absent = [c for c in "ABCDEFGHJKLMNPRSTUVXYZ" if c not in shown]
    pool = [c for c in shown if c != shown[index]]
    picked = rng.sample(pool, min(3, len(pool)))
    gone = rng.choice(absent)
    clip.questions = [
        _ask("OCR Problems", f"Which letter is the {ORDINALS[index]} to be shown?", shown[index],
             picked + rng.sample(absent, 3 - len(picked)), f"The letters are {' '.join(shown)}."),
        _ask("OCR Problems", "In which order are the letters shown?", "".join(shown), sorted(wrong),
             f"They spell {''.join(shown)}."),
        _ask("Object Reasoning", "Which of these letters is never shown?", gone, rng.sample(shown, 3),
             f"{gone} is not among {' '.join(shown)}.")]
    return clip


def visit(rng, level):
    """A disc jumps from corner to corner."""
    places = _places()
    stops = [rng.choice(sorted(places))]
    while len(stops) < (2, 4, 6)[level]:
        stops.append(rng.choice([p for p in sorted(places) if p != stops[-1]]))
    shape, colour = rng.choice(SHAPES), rng.choice(BRIGHT)
    film = _Film()
    for stop in stops:
        film.show(lambda canvas, part, stop=stop: canvas.shape(shape, *places[stop], 16, COLOURS[colour]))
    clip = Clip("visit", DURATIONS[level], "Knowledge", "Geography", film.array())
    def rest(answer):
        return [p for p in places if p != answer]
    clip.questions = [
        _ask("Spatial Perception", "In which corner is the shape when the video begins?", stops[0], rest(stops[0]),
             f"It begins at the {stops[0]}."),
        _ask("Spatial Perception", "In which corner is the shape when the video ends?", stops[-1], rest(stops[-1]),
             f"It ends at the {stops[-1]}."),
        _ask("Attribute Perception", "What colour is the shape in the video?", colour, others(rng, colour, BRIGHT),
             f"It is {colour}.")]
    return clip


def _still(rng, film, seconds):
    shape, colour = rng.choice(SHAPES), rng.choice(BRIGHT)
    film.show(lambda canvas, part: canvas.shape(shape, 48, 48, 26, COLOURS[colour]), seconds)
    return shape, colour


def beeps(rng, level):
    """Beeps over a still picture: how many, how high."""
    count, wrong = number(rng, 1, 4 + 2 * level)
    pitch = rng.choice(sorted(TONES))
    seconds = 2 + 2 * level
    gap = 0.4
    start = 0.1 + rng.randrange(0, max(1, round(10 * (seconds - 0.2 - gap * count)))) / 10
    film = _Film()
    shape, colour = _still(rng, film, seconds)
    clip = Clip("beeps", DURATIONS[level], "Life Record", "Pet & Animal", film.array())
    clip.sound = at([(start + gap * i, tone(TONES[pitch], 0.2)) for i in range(count)], seconds)
    clip.questions = [
        _ask("Counting Problem", "How many beeps are heard?", str(count), wrong, f"There are {count} beeps.",
             needs_sound=True),
        _ask("Attribute Perception", "How high are the beeps?",
             f"{TONES[pitch]} Hz", [f"{hz} Hz" for name, hz in TONES.items() if name != pitch],
             f"They are {pitch}.", needs_sound=True),
        _ask("Object Recognition", "Which shape is seen while the beeps are heard?", shape, others(rng, shape, SHAPES),
             f"A {colour} {shape} is seen.")]
    return clip


def melody(rng, level):
    """Tones that rise, fall, or turn, while colours change."""
    shapes = {"it rises": lambda n: list(range(n)), "it falls": lambda n: list(range(n))[::-1],
              "it rises, then falls": lambda n: [min(i, n - 1 - i) for i in range(n)],
              "it falls, then rises": lambda n: [max(i, n - 1 - i) for i in range(n)]}
    course = rng.choice(sorted(shapes))
    seconds = 2 + 2 * level
    count, wrong_count = number(rng, 3, 6 + level)
    step = seconds / count
    heights = shapes[course](count)
    base = rng.choice((220, 247, 262, 294))
    colours = rng.sample(BRIGHT, 2)
    film = _Film()
    for colour in colours:
        film.show(lambda canvas, part, colour=colour: canvas.rectangle(16, 16, 80, 80, COLOURS[colour]), seconds / 2)
    clip = Clip("melody", DURATIONS[level], "Artistic Performance", "Variety Show", film.array())
    clip.sound = at([(i * step, tone(base * 2 ** (height * 3 / 12), step * 0.9)) for i, height in enumerate(heights)],
                    seconds)
    clip.questions = [
        _ask("Action Recognition", "How does the pitch of the tones change?", course, [c for c in shapes if c != course],
             f"Listen: {course}.", needs_sound=True),
        _ask("Temporal Reasoning", "Which colour is seen while the last tone is heard?", colours[1],
             [colours[0], *rng.sample([c for c in BRIGHT if c not in colours], 2)], f"{colours[1]} comes last."),
        _ask("Counting Problem", "How many tones are heard?", str(count), wrong_count,
             f"There are {count} tones.", needs_sound=True)]
    return clip


def sound_when(rng, level):
    """Colours change every second, and one beep is heard in one of them."""
    count = 3 + level
    colours = rng.sample(BRIGHT, count)
    when = rng.randrange(count)
    film = _Film()
    for colour in colours:
        film.show(lambda canvas, part, colour=colour: canvas.rectangle(16, 16, 80, 80, COLOURS[colour]))
    clip = Clip("sound_when", DURATIONS[level], "Sports Competition", "Athletics", film.array())
    pitch = rng.choice(sorted(TONES))
    clip.sound = at([(when + 0.3, tone(TONES[pitch], 0.4))], count)
    def wrong(answer):
        shown = rng.sample([c for c in colours if c != answer], 2)
        return shown + rng.sample([c for c in BRIGHT if c not in colours], 1)
    index = rng.randrange(count)
    clip.questions = [
        _ask("Temporal Reasoning", "Which colour is seen when the beep is heard?", colours[when], wrong(colours[when]),
             f"The beep is heard with {colours[when]}.", needs_sound=True),
        _ask("Temporal Perception", f"Which colour is shown {ORDINALS[index]}?", colours[index], wrong(colours[index]),
             f"The colours are {', '.join(colours)}."),
        _ask("Attribute Perception", "How high is the beep?",
             f"{TONES[pitch]} Hz", [f"{hz} Hz" for name, hz in TONES.items() if name != pitch],
             f"It is {pitch}.", needs_sound=True)]
    return clip


def digits(rng, level):
    """Digits are spoken, one with each picture; the subtitles have them too."""
    count = 2 + level
    said = rng.sample(DIGITS, count)
    colours = rng.sample(BRIGHT, count)
    shape = rng.choice(SHAPES)
    pitch = rng.choice((100, 120, 150, 190))
    film = _Film()
    for colour in colours:
        film.show(lambda canvas, part, colour=colour: canvas.shape(shape, 48, 48, 28, COLOURS[colour]))
    clip = Clip("digits", DURATIONS[level], "Multilingual", "Multilingual", film.array())
    clip.sound = at([(i + 0.2, spoken(digit, pitch)) for i, digit in enumerate(said)], count)
    clip.cues = [(i + 0.1, i + 0.95, digit) for i, digit in enumerate(said)]
    index, other = rng.randrange(count), rng.randrange(count)
    def wrong(answer):
        heard = rng.sample([d for d in said if d != answer], 1)
        return heard + rng.sample([d for d in DIGITS if d not in said], 2)
    clip.questions = [
        _ask("Temporal Perception", f"Which digit is the {ORDINALS[index]} that is spoken?", said[index], wrong(said[index]),
             f"One hears {', '.join(said)}.", needs_sound=True),
        _ask("Temporal Reasoning", f"Which digit is spoken while the shape is {colours[other]}?", said[other],
             wrong(said[other]), f"With {colours[other]} one hears {said[other]}.", needs_sound=True),
        _ask("Object Recognition", "Which shape is seen while the digits are spoken?", shape, others(rng, shape, SHAPES),
             f"It is a {shape}.")]
    return clip


SCENES = {"motion": motion, "order": order, "gather": gather, "change": change, "letters": letters, "visit": visit,
          "beeps": beeps, "melody": melody, "sound_when": sound_when, "digits": digits}


def make_clip(rng, scene, level):
    """One clip of a scene of SCENES at a length 0 to 2."""
    clip = SCENES[scene](rng, level)
    for task, question in clip.questions:
        assert len({question.answer, *question.wrong}) == 4, (scene, question)
    if clip.sound is not None:
        assert len(clip.sound) * FPS == len(clip.frames) * RATE, scene
    return clip


def make_sound_question(rng):
    """A question on a sound alone: the samples (int16) and a MediaQuestion."""
    kind = rng.choice(("count", "course", "digit", "digits"))
    if kind == "count":
        clip = beeps(rng, rng.randrange(3))
        return clip.sound, clip.questions[rng.randrange(2)][1]
    if kind == "course":
        clip = melody(rng, rng.randrange(3))
        return clip.sound, clip.questions[0][1]
    clip = digits(rng, rng.randrange(3))
    if kind == "digit":
        return clip.sound, clip.questions[0][1]
    said = [text for _, _, text in clip.cues]
    count = len(said)
    first = rng.randrange(max(1, count - 3), count + 1)
    wrong = [str(n) for n in range(first, first + 4) if n != count]
    return clip.sound, MediaQuestion("", "", "How many digits are spoken?", str(count), wrong,
                                     f"One hears {', '.join(said)}.", needs_sound=True)
