"""Questions about generated pictures: 20 kinds x 3 levels, each with four options.

A question never says what its picture holds: the same text comes with other pictures and other answers. Numbers
among the options are four in a row around the answer, from anywhere, so that none looks right by itself.
"""

import math
from dataclasses import dataclass, field

from drawing import COLOURS, INK, PALE, SHAPES, Canvas

LEVELS = ("Easy", "Medium", "Hard")
BRIGHT = [name for name in COLOURS if name != "black"]
PLURALS = {"cross": "crosses"}
WORDS = {3: "CAT CAR CAN CAP COT COG DOG DOT DIG HAT HUT HIT HOT MAP MAT MAN PEN PIN PAN PIT POT RED ROD SUN SON TEN TIN TAN".split(),
         4: "BALL BELL BILL BOLD COLD GOLD HOLD CAKE LAKE MAKE TAKE LINE MINE PINE WINE ROAD ROOM ROOF WOOD WOOL".split(),
         5: "LIGHT MIGHT NIGHT RIGHT SIGHT HOUSE MOUSE HORSE PLANE PLATE PLACE SHAPE SHADE SHARE STONE STORE STOVE".split()}


@dataclass
class MediaQuestion:
    """A question over media with one right and three wrong options.

    question     the text; pictures stand in it, or in options, as "<image 1>", "<image 2>" ...
    pictures     arrays [height, width, 3] of bytes
    explanation  one sentence that leads to the answer
    needs_sound  of a clip: nothing that is seen tells the answer
    """

    kind: str
    level: str
    question: str
    answer: str
    wrong: list
    explanation: str
    subject: str = ""
    subfield: str = ""
    picture_type: str = ""
    pictures: list = field(default_factory=list)
    needs_sound: bool = False


def plural(shape):
    return PLURALS.get(shape, shape + "s")


def number(rng, low, high):
    """A number from `low` to `high` and three wrong ones: four in a row, of which any may be the answer."""
    first = rng.randrange(low, high - 2)
    answer = first + rng.randrange(4)
    return answer, [str(n) for n in range(first, first + 4) if n != answer]


def others(rng, answer, names):
    return rng.sample([name for name in names if name != answer], 3)


def _scatter(rng, canvas, things):
    """Draws (shape, colour) pairs on a jittered 4 x 4 grid of a 96 x 96 canvas."""
    cells = rng.sample(range(16), len(things))
    for cell, (shape, colour) in zip(cells, things):
        radius = rng.randrange(7, 10)
        canvas.shape(shape, cell % 4 * 24 + 12 + rng.randrange(-2, 3), cell // 4 * 24 + 12 + rng.randrange(-2, 3), radius,
                     COLOURS[colour])


def count_shapes(rng, level):
    shape, rest = rng.choice(SHAPES), (0, 3, 6)[level]
    count, wrong = number(rng, 1, 9)
    things = [(shape, rng.choice(BRIGHT)) for _ in range(count)]
    things += [(rng.choice([s for s in SHAPES if s != shape]), rng.choice(BRIGHT)) for _ in range(rest)]
    rng.shuffle(things)
    canvas = Canvas(96, 96)
    _scatter(rng, canvas, things)
    return (f"How many {plural(shape)} are there in <image 1>?", str(count), wrong, [canvas],
            f"The picture has {count} {plural(shape) if count > 1 else shape}.")


def count_colour(rng, level):
    colour = rng.choice(BRIGHT)
    count, wrong = number(rng, 1, 9)
    things = [(rng.choice(SHAPES), colour) for _ in range(count)]
    things += [(rng.choice(SHAPES), rng.choice([c for c in BRIGHT if c != colour])) for _ in range((1, 3, 6)[level])]
    rng.shuffle(things)
    canvas = Canvas(96, 96)
    _scatter(rng, canvas, things)
    return (f"<image 1> How many of the shapes are {colour}?", str(count), wrong, [canvas],
            f"Of the shapes, {count} {'is' if count == 1 else 'are'} {colour}.")


def shape_name(rng, level):
    shape, colour = rng.choice(SHAPES), rng.choice(BRIGHT)
    canvas = Canvas(96, 96)
    if level == 0:
        canvas.shape(shape, 48, 48, rng.randrange(28, 36), COLOURS[colour])
        question = "Which shape does <image 1> show?"
    else:
        rest = [(rng.choice(SHAPES), c) for c in rng.sample([c for c in BRIGHT if c != colour], (2, 5)[level - 1])]
        _scatter(rng, canvas, [(shape, colour), *rest])
        question = f"Which shape is the {colour} one in <image 1>?"
    return question, shape, others(rng, shape, SHAPES), [canvas], f"The {colour} shape is a {shape}."


def colour_of(rng, level):
    shape, colour = rng.choice(SHAPES), rng.choice(BRIGHT)
    rest = [(s, rng.choice(BRIGHT)) for s in rng.sample([s for s in SHAPES if s != shape], (0, 2, 5)[level])]
    canvas = Canvas(96, 96)
    _scatter(rng, canvas, [(shape, colour), *rest])
    return (f"What colour is the {shape} in <image 1>?", colour, others(rng, colour, BRIGHT), [canvas],
            f"The {shape} is {colour}.")


CORNERS = {"upper left": (0, 0), "upper right": (1, 0), "lower left": (0, 1), "lower right": (1, 1)}


def place(rng, level):
    shape = rng.choice(SHAPES)
    corners = rng.sample(sorted(CORNERS), (1, 2, 4)[level])
    rest = rng.sample([s for s in SHAPES if s != shape], len(corners) - 1)
    canvas = Canvas(96, 96)
    for corner, name in zip(corners, [shape, *rest]):
        x, y = CORNERS[corner]
        canvas.shape(name, 24 + 48 * x, 24 + 48 * y, rng.randrange(11, 16), COLOURS[rng.choice(BRIGHT)])
    return (f"In which corner of <image 1> is the {shape}?", corners[0], [c for c in CORNERS if c != corners[0]], [canvas],
            f"The {shape} is at the {corners[0]}.")


def relation(rng, level):
    first, second = rng.sample(SHAPES, 2)
    side = rng.choice(("left of", "right of", "above", "below"))
    away = (46, 34, 26)[level]
    dx, dy = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}[side]
    cx, cy = 48 + rng.randrange(-12, 13) * abs(dy), 48 + rng.randrange(-12, 13) * abs(dx)
    canvas = Canvas(96, 96)
    canvas.shape(first, cx + dx * away // 2, cy + dy * away // 2, 11, COLOURS[rng.choice(BRIGHT)])
    canvas.shape(second, cx - dx * away // 2, cy - dy * away // 2, 11, COLOURS[rng.choice(BRIGHT)])
    answers = {s: f"{s} the {second}" for s in ("left of", "right of", "above", "below")}
    return (f"In <image 1>, where is the {first}?", answers[side], [a for s, a in answers.items() if s != side], [canvas],
            f"The {first} is {answers[side]}.")


def _bars(rng, values, colours, labels=None, scale=None):
    """A bar chart on 128 x 96; values are 0 to 10."""
    canvas = Canvas(128, 96)
    base, unit = 82, 7
    if scale:
        for tick in range(0, 11, scale):
            y = base - tick * unit
            canvas.line(16, y, 124, y, PALE, 1)
            canvas.centred_text(7, y, str(tick))
    width = 108 // len(values)
    for i, (value, colour) in enumerate(zip(values, colours)):
        left = 18 + i * width
        canvas.rectangle(left + 2, base - value * unit, left + width - 2, base, COLOURS[colour])
        if labels:
            canvas.centred_text(left + width // 2, 89, labels[i])
    canvas.line(16, base, 124, base, INK, 1)
    canvas.line(16, 10, 16, base, INK, 1)
    return canvas


def _spread(rng, count, gap):
    """`count` heights 1 to 10 whose largest and smallest stand `gap` clear of the others."""
    while True:
        values = [rng.randrange(1, 11) for _ in range(count)]
        ordered = sorted(values)
        if ordered[-1] - ordered[-2] >= gap and ordered[1] - ordered[0] >= gap:
            return values


def bar_extreme(rng, level):
    values = _spread(rng, (4, 5, 6)[level], (3, 2, 1)[level])
    colours = rng.sample(BRIGHT, len(values))
    word, value = rng.choice((("tallest", max(values)), ("shortest", min(values))))
    answer = colours[values.index(value)]
    return (f"Which bar of the chart in <image 1> is the {word}?", f"the {answer} one",
            [f"the {c} one" for c in others(rng, answer, colours)], [_bars(rng, values, colours)],
            f"The {answer} bar is the {word}.")


def bar_value(rng, level):
    count = (3, 4, 6)[level]
    values = [rng.randrange(1, 11) for _ in range(count)]
    labels = "ABCDEF"[:count]
    index = rng.randrange(count)
    values[index], wrong = number(rng, 1, 10)
    return (f"<image 1> What is the value of bar {labels[index]}?", str(values[index]), wrong,
            [_bars(rng, values, rng.sample(BRIGHT, count), labels, 2 if level < 2 else 5)],
            f"Bar {labels[index]} reaches {values[index]}.")


def pie(rng, level):
    values = _spread(rng, 4 + (level > 1), (3, 2, 1)[level])
    colours = rng.sample(BRIGHT, len(values))
    canvas, total, start = Canvas(96, 96), sum(values), rng.randrange(360)
    for value, colour in zip(values, colours):
        sweep = 360 * value / total
        arc = [start + sweep * i / 24 for i in range(25)]
        canvas.polygon([(48, 48)] + [(round(48 + 42 * math.cos(math.radians(a))), round(48 + 42 * math.sin(math.radians(a))))
                                     for a in arc], COLOURS[colour])
        start += sweep
    word, value = rng.choice((("largest", max(values)), ("smallest", min(values))))
    answer = colours[values.index(value)]
    return (f"Which part of the pie in <image 1> is the {word}?", answer, others(rng, answer, colours), [canvas],
            f"The {answer} part is the {word}.")


def line_peak(rng, level):
    count = (4, 5, 6)[level]
    values = _spread(rng, count, (3, 2, 1)[level])
    canvas = Canvas(128, 96)
    points = [(20 + i * (100 // (count - 1)), 80 - 7 * value) for i, value in enumerate(values)]
    canvas.line(10, 82, 126, 82, INK, 1)
    canvas.line(10, 6, 10, 82, INK, 1)
    colour = COLOURS[rng.choice(BRIGHT)]
    for (x1, y1), (x2, y2) in zip(points, points[1:]):
        canvas.line(x1, y1, x2, y2, colour)
    for i, (x, y) in enumerate(points):
        canvas.disc(x, y, 3, colour)
        canvas.centred_text(x, 89, str(i + 1))
    word, value = rng.choice((("highest", max(values)), ("lowest", min(values))))
    answer = str(values.index(value) + 1)
    return (f"At which point is the line in <image 1> at its {word}?", answer,
            others(rng, answer, [str(i + 1) for i in range(count)]), [canvas], f"It is {word} at point {answer}.")


def _table(rng, rows, columns, top):
    """A table with letters for rows and columns, and its numbers, all different."""
    numbers = rng.sample(range(top // 10, top), len(rows) * len(columns))
    width, height = 24, 16
    canvas = Canvas(width * (len(columns) + 1), height * (len(rows) + 1))
    canvas.rectangle(0, 0, canvas.pixels.shape[1], height, (225, 232, 240))
    canvas.rectangle(0, 0, width, canvas.pixels.shape[0], (225, 232, 240))
    for i, name in enumerate(columns):
        canvas.centred_text(width * (i + 1) + width // 2, height // 2, name)
    for r, name in enumerate(rows):
        canvas.line(0, height * (r + 1), canvas.pixels.shape[1], height * (r + 1), PALE, 1)
        canvas.centred_text(width // 2, height * (r + 1) + height // 2, name)
        for c in range(len(columns)):
            canvas.centred_text(width * (c + 1) + width // 2, height * (r + 1) + height // 2,
                                str(numbers[r * len(columns) + c]))
    return canvas, numbers


def table_cell(rng, level):
    rows, columns = "ABCDE"[:3 + level], "PQRS"[:2 + level]
    canvas, numbers = _table(rng, rows, columns, (10, 100, 100)[level])
    cell = rng.randrange(len(numbers))
    row, column = rows[cell // len(columns)], columns[cell % len(columns)]
    answer = str(numbers[cell])
    return (f"<image 1> Which number stands in row {row} and column {column} of the table?", answer,
            others(rng, answer, [str(n) for n in numbers]), [canvas], f"Row {row} has {answer} in column {column}.")


def table_extreme(rng, level):
    rows, columns = "ABCDE"[:4 + (level > 1)], "PQR"[:1 + level]
    canvas, numbers = _table(rng, rows, columns, (10, 100, 100)[level])
    c = rng.randrange(len(columns))
    column = numbers[c::len(columns)]
    word, value = rng.choice((("largest", max(column)), ("smallest", min(column))))
    answer = rows[column.index(value)]
    return (f"Which row of the table in <image 1> has the {word} number in column {columns[c]}?", answer,
            others(rng, answer, rows), [canvas], f"The {word} number in column {columns[c]} is {value}, in row {answer}.")


def _runs_through(start, end, spots):
    """Whether an arrow along a row passes over a node between its ends."""
    return start[1] == end[1] and abs(start[0] - end[0]) > 44 and (64, start[1]) in spots


def flow(rng, level):
    count, steps = (5, 6, 6)[level], (1, 1, 2)[level]
    names = "ABCDEF"[:count]
    while True:
        spots = rng.sample([(x, y) for x in (20, 64, 108) for y in (24, 72)], count)
        order = rng.sample(range(count), count)  # each node leads to the next: one cycle
        arrows = list(zip(order, order[1:] + order[:1]))
        if not any(_runs_through(spots[a], spots[b], spots) for a, b in arrows):
            break
    canvas = Canvas(128, 96)
    for a, b in arrows:
        (x1, y1), (x2, y2) = spots[a], spots[b]
        length = math.hypot(x2 - x1, y2 - y1)
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        canvas.arrow(round(x1 + 11 * ux), round(y1 + 11 * uy), round(x2 - 13 * ux), round(y2 - 13 * uy), INK)
    for name, (x, y) in zip(names, spots):
        canvas.disc(x, y, 10, COLOURS["yellow"])
        canvas.disc(x, y, 10, INK, hole=9)
        canvas.centred_text(x, y + 1, name)
    at = rng.randrange(count)
    start, end = names[order[at]], names[order[(at + steps) % count]]
    left = [n for n in names if n not in (start, end)]
    question = (f"In <image 1>, to which node does the arrow from {start} lead?" if steps == 1 else
                f"In <image 1>, which node is reached from {start} after two arrows?")
    return question, end, rng.sample(left, 3), [canvas], f"From {start} one comes to {end}."


def option_pictures(rng, level):
    shapes = rng.sample(SHAPES, 4) if level < 2 else [rng.choice(SHAPES)] * 4
    colours = rng.sample(BRIGHT, 4) if level != 1 else [rng.choice(BRIGHT)] * 4
    pictures = []
    for shape, colour in zip(shapes, colours):
        canvas = Canvas(64, 64)
        canvas.shape(shape, 32 + rng.randrange(-4, 5), 32 + rng.randrange(-4, 5), rng.randrange(16, 24), COLOURS[colour])
        pictures.append(canvas)
    right = rng.randrange(4)
    what = f"a {colours[right]} {shapes[right]}" if level == 0 else f"a {shapes[right]}" if level == 1 else f"something {colours[right]}"
    names = [f"<image {i + 1}>" for i in range(4)]
    return (f"Which picture shows {what}?", names[right], [n for i, n in enumerate(names) if i != right], pictures,
            f"Picture {right + 1} shows {what}.")


def two_pictures(rng, level):
    first = rng.randrange(1, 5)
    more, wrong = number(rng, 0, (3, 5, 6)[level])
    pictures = []
    for count in (first, first + more):
        canvas = Canvas(96, 96)
        shape = rng.choice(SHAPES)
        _scatter(rng, canvas, [(shape if level < 2 else rng.choice(SHAPES), rng.choice(BRIGHT)) for _ in range(count)])
        pictures.append(canvas)
    return ("<image 1> <image 2> How many more shapes does the second picture show than the first?", str(more),
            wrong, pictures, f"The first has {first}, the second {first + more}.")


def clock(rng, level):
    hour, half = rng.randrange(1, 13), level > 0 and rng.random() < 0.5
    canvas = Canvas(96, 96)
    canvas.disc(48, 48, 45, INK, hole=42)
    for i in range(12):
        a = math.radians(30 * i)
        x, y = 48 + 36 * math.sin(a), 48 - 36 * math.cos(a)
        if level < 2:
            canvas.centred_text(round(x), round(y), str(i or 12))
        else:
            canvas.disc(round(x), round(y), 2, INK)
    a = math.radians(30 * hour + 15 * half)
    canvas.line(48, 48, round(48 + 18 * math.sin(a)), round(48 - 18 * math.cos(a)), COLOURS["red"], 4)
    canvas.line(48, 48, 48, 78 if half else 18, COLOURS["blue"], 2)
    def told(h, is_half):
        return f"half past {h}" if is_half else f"{h} o'clock"
    choices = [(h, s) for h in range(1, 13) for s in ((False,) if level == 0 else (False, True)) if (h, s) != (hour, half)]
    return ("What time does the clock in <image 1> show?", told(hour, half), [told(*c) for c in rng.sample(choices, 3)],
            [canvas], f"It shows {told(hour, half)}: the red hand tells the hour.")


DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
DIAGONALS = {"up and to the left": (-1, -1), "up and to the right": (1, -1), "down and to the left": (-1, 1),
             "down and to the right": (1, 1)}


def arrow(rng, level):
    names = DIRECTIONS if level == 0 else DIAGONALS if level == 1 else {**DIRECTIONS, **DIAGONALS}
    answer = rng.choice(sorted(names))
    dx, dy = names[answer]
    canvas = Canvas(96, 96)
    reach = rng.randrange(20, 32)
    cx, cy = 48 + rng.randrange(-8, 9), 48 + rng.randrange(-8, 9)
    canvas.arrow(cx - dx * reach, cy - dy * reach, cx + dx * reach, cy + dy * reach, COLOURS[rng.choice(BRIGHT)], 16, 6)
    return ("In which direction does the arrow in <image 1> point?", answer, others(rng, answer, names), [canvas],
            f"It points {answer}.")


def gauge(rng, level):
    value, wrong = number(rng, 0, 10)
    canvas = Canvas(64, 96)
    canvas.rectangle(18, 6, 46, 90, INK)
    canvas.rectangle(20, 6, 44, 88, (255, 255, 255))
    canvas.rectangle(20, 88 - 8 * value, 44, 88, COLOURS[rng.choice(BRIGHT)])
    for tick in range(0, 11):
        canvas.line(46, 88 - 8 * tick, 50, 88 - 8 * tick, INK, 1)
        if level == 0 or tick % (2, 2, 5)[level] == 0:
            canvas.text(52, 84 - 8 * tick, str(tick))
    return ("<image 1> At which mark does the liquid stand?", str(value), wrong, [canvas],
            f"The liquid stands at {value}.")


def pattern(rng, level):
    period = (2, 3, 4)[level]
    cycle = rng.sample(BRIGHT, period)
    shape = rng.choice(("square", "circle", "diamond"))
    shown = rng.randrange(period + 2, 9)
    canvas = Canvas(128, 32)
    for i in range(shown):
        canvas.shape(shape, 8 + 14 * i, 16, 5, COLOURS[cycle[i % period]])
    canvas.centred_text(8 + 14 * shown, 16, "?")
    answer = cycle[shown % period]
    wrong = [c for c in cycle if c != answer]
    wrong += rng.sample([c for c in BRIGHT if c not in cycle], 3 - len(wrong)) if len(wrong) < 3 else []
    return ("Which colour comes next in the row of <image 1>?", answer, wrong[:3], [canvas],
            f"The colours repeat after {period}, so {answer} is next.")


def word(rng, level):
    answer, *wrong = rng.sample(WORDS[3 + level], 4)
    canvas = Canvas(96, 32)
    canvas.centred_text(48, 16, answer, COLOURS[rng.choice(BRIGHT)] if level else INK, 3 if level < 2 else 2)
    return "Which word does <image 1> show?", answer, wrong, [canvas], f"It reads {answer}."


# maker, subject, subfield, img_type: subjects are names of MMMU's list, for the breakdowns to be alike.
KINDS = {
    "count_shapes": (count_shapes, "Math", "Counting", "Diagrams"),
    "count_colour": (count_colour, "Art", "Counting", "Paintings"),
    "shape_name": (shape_name, "Design", "Shapes", "Geometric Shapes"),
    "colour_of": (colour_of, "Art_Theory", "Colours", "Geometric Shapes"),
    "place": (place, "Geography", "Places", "Maps"),
    "relation": (relation, "Architecture_and_Engineering", "Places", "Plots and Charts"),
    "bar_extreme": (bar_extreme, "Economics", "Bar charts", "Plots and Charts"),
    "bar_value": (bar_value, "Finance", "Bar charts", "Plots and Charts"),
    "pie": (pie, "Marketing", "Pie charts", "Plots and Charts"),
    "line_peak": (line_peak, "Energy_and_Power", "Line charts", "Plots and Charts"),
    "table_cell": (table_cell, "Accounting", "Tables", "Tables"),
    "table_extreme": (table_extreme, "Manage", "Tables", "Tables"),
    "flow": (flow, "Computer_Science", "Graphs", "Diagrams"),
    "option_pictures": (option_pictures, "Psychology", "Recognition", "Icons and Symbols"),
    "two_pictures": (two_pictures, "Biology", "Counting", "Diagrams"),
    "clock": (clock, "Physics", "Instruments", "Technical Blueprints"),
    "arrow": (arrow, "Mechanical_Engineering", "Directions", "Icons and Symbols"),
    "gauge": (gauge, "Chemistry", "Instruments", "Technical Blueprints"),
    "pattern": (pattern, "Sociology", "Patterns", "Diagrams"),
    "word": (word, "Literature", "Reading", "Screenshots"),
}


def make_picture_question(rng, kind, level):
    """One question of a kind of KINDS at a level 0 to 2."""
    make, subject, subfield, picture_type = KINDS[kind]
    question, answer, wrong, canvases, explanation = make(rng, level)
    assert len({answer, *wrong}) == 4, (kind, answer, wrong)
    return MediaQuestion(kind, LEVELS[level], question, answer, wrong, explanation, subject, subfield, picture_type,
                         [canvas.pixels for canvas in canvases])
