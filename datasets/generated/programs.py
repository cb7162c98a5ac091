"""Invented programming problems with reference programs, in the manner of LiveCodeBench.

A *kind* is a function (rng, level) -> Draft; `level` is 0 (easy) to 2 (hard) and sets the number of
steps. Nothing here is taken from any contest. All randomness comes from the given rng. What a program
must do varies in structure and numbers, so that kinds hold far more programs than any corpus shows;
a sample set keeps its own programs out of training (see Problem.key).
"""

import hashlib
import io
import json
import random
import sys
from dataclasses import dataclass, field

LEVELS = ("easy", "medium", "hard")
PRELUDE = "from typing import List\n"
WORDS = ("red", "blue", "green", "north", "south", "east", "west", "low", "high", "left", "right", "odd", "even", "big",
         "small", "hot", "cold", "in", "out", "up", "down", "fizz", "buzz", "ping", "pong", "sun", "moon", "star")
NAMES = ("solve", "measure", "collect", "evaluate", "process", "findValue", "getResult", "countThem", "totalOf", "computeAll",
         "pickFrom", "scoreOf", "valueOf", "reduceAll", "answerFor")


@dataclass
class Draft:
    """A problem as its kind makes it."""
    title: str
    task: str            # what is asked
    layout: str          # where the input stands; "" for functions
    plan: str            # how the program goes about it, a line
    body: list           # lines of the program after reading the input; of a function, its body
    draw: object         # (rng, is_large) -> tuple of arguments
    reads: list = field(default_factory=list)   # lines that read the input
    show: object = None  # arguments -> text of the input
    argument: str = ""   # of a function, with its type
    returns: str = ""    # type


@dataclass
class Problem:
    id: str
    kind: str
    title: str
    statement: str
    difficulty: str
    platform: str       # "atcoder" reads stdin, "leetcode" is a function
    starter_code: str   # "" for stdin
    function_name: str  # "" for stdin
    program: str        # the reference program
    plan: str
    example: tuple      # (input, output) shown in the statement
    draft: Draft

    @property
    def key(self):
        """What training leaves out when it is in a sample set: the program, names of functions aside."""
        return self.program.replace(self.function_name, "f") if self.function_name else self.program

    def test(self, rng, is_large):
        """(input, output) in the benchmark's notation."""
        return _test(self, self.draft.draw(rng, is_large))


def make_problem(rng, kind=None, level=None):
    """A problem of a random kind and level."""
    kind = kind or rng.choice(list(KINDS))
    level = rng.randrange(len(LEVELS)) if level is None else level
    while True:
        draft = KINDS[kind](rng, level)
        problem = _assemble(rng, kind, level, draft)
        if len(problem.example[0]) + len(problem.example[1]) < 160:
            return problem


def _more(rng, low=2, high=3):
    """Steps beyond those of any training corpus: none but for BeyondRandom."""
    return rng.randint(low, high) if getattr(rng, "is_beyond", False) else 0


def _joined(rng, draw, count):
    """`count` conditions of `draw` joined by "and" or "or", in turn."""
    words, expression = draw(rng)
    for _ in range(count):
        joint, second = rng.choice(("and", "or")), draw(rng)
        words, expression = f"{words} {joint} {second[0]}", f"{expression} {joint} {second[1]}"
    return words, expression


# ------------------------------------------------------------------------------------- pieces of lists


def _threshold(rng):
    return rng.randint(-9, 40)


def _conditions(rng):
    """(words for 'the values that ...', expression over x)."""
    k, m = _threshold(rng), rng.randint(2, 9)
    r, d = rng.randrange(m), rng.randrange(10)
    low = rng.randint(-9, 20)
    high = low + rng.randint(5, 30)
    return rng.choice((
        ("are even", "x % 2 == 0"), ("are odd", "x % 2 == 1"), ("are positive", "x > 0"), ("are negative", "x < 0"),
        (f"are greater than {k}", f"x > {k}"), (f"are less than {k}", f"x < {k}"), (f"are at least {k}", f"x >= {k}"),
        (f"are at most {k}", f"x <= {k}"), (f"are different from {k}", f"x != {k}"), (f"are divisible by {m}", f"x % {m} == 0"),
        (f"are not divisible by {m}", f"x % {m} != 0"), (f"leave remainder {r} when divided by {m}", f"x % {m} == {r}"),
        (f"lie between {low} and {high}, both included", f"{low} <= x <= {high}"),
        (f"have an absolute value greater than {abs(k)}", f"abs(x) > {abs(k)}"),
        (f"end in the digit {d}", f"abs(x) % 10 == {d}")))


def _transforms(rng):
    """(words for 'replace each value by ...', expression over x)."""
    k, m = rng.randint(2, 12), rng.randint(2, 15)
    return rng.choice((
        ("its square", "x * x"), (f"{k} times itself", f"x * {k}"), (f"itself plus {k}", f"x + {k}"),
        (f"itself minus {k}", f"x - {k}"), (f"{k} minus itself", f"{k} - x"), ("its absolute value", "abs(x)"),
        (f"its remainder when divided by {m}", f"x % {m}"), (f"its quotient by {m}, rounded down", f"x // {m}"),
        (f"{k} times itself plus {m}", f"x * {k} + {m}"), (f"the larger of itself and {m}", f"max(x, {m})"),
        (f"the smaller of itself and {m}", f"min(x, {m})"), ("the sum of the digits of its absolute value", "sum(map(int, str(abs(x))))"),
        ("the number of digits of its absolute value", "len(str(abs(x)))"), (f"its square minus {m}", f"x * x - {m}")))


def _rearrangements(rng):
    """(words for 'first ...', expression over the list {a})."""
    k = rng.randint(1, 2)
    return rng.choice((
        ("replace the list by the differences of neighbours, each value minus the one before it", "[y - x for x, y in zip({a}, {a}[1:])]"),
        ("replace the list by the sums of neighbours", "[x + y for x, y in zip({a}, {a}[1:])]"),
        ("replace the list by the products of neighbours", "[x * y for x, y in zip({a}, {a}[1:])]"),
        ("replace the list by the larger of each two neighbours", "[max(x, y) for x, y in zip({a}, {a}[1:])]"),
        ("replace each value by the total of all values up to it", "[sum({a}[:i + 1]) for i in range(len({a}))]"),
        ("replace each value by the largest value up to it", "[max({a}[:i + 1]) for i in range(len({a}))]"),
        ("reverse the list", "{a}[::-1]"), ("sort the list from small to large", "sorted({a})"),
        ("sort the list from large to small", "sorted({a}, reverse=True)"), (f"remove the first {k} values", f"{{a}}[{k}:]"),
        (f"remove the last {k} values", f"{{a}}[:-{k}]"), ("keep only the values at positions 0, 2, 4 and so on", "{a}[::2]"),
        ("keep only the values at positions 1, 3, 5 and so on", "{a}[1::2]"),
        ("keep each value once, from small to large", "sorted(set({a}))"), (f"multiply each value by its position, counted from {k}", f"[i * x for i, x in enumerate({{a}}, {k})]"),
        (f"add to each value its position, counted from {k}", f"[i + x for i, x in enumerate({{a}}, {k})]")))


def _reductions(rng):
    """(words for 'print ...', expression over b, type)."""
    d, m, k = rng.choice((0, -1, -100)), rng.randint(3, 30), rng.randint(-5, 30)
    return rng.choice((
        ("their sum", "sum(b)", "int"), ("how many there are", "len(b)", "int"), (f"the largest of them, or {d} if there is none", f"max(b, default={d})", "int"),
        (f"the smallest of them, or {d} if there is none", f"min(b, default={d})", "int"), ("how many different values there are", "len(set(b))", "int"),
        (f"the remainder of their sum when divided by {m}", f"sum(b) % {m}", "int"), (f"how many of them are greater than {k}", f"sum(x > {k} for x in b)", "int"),
        (f"how many of them are equal to {k}", f"b.count({k})", "int"), ("them in order", "b", "List[int]"), ("them in reverse order", "b[::-1]", "List[int]"),
        ("them from small to large", "sorted(b)", "List[int]"), ("them from large to small", "sorted(b, reverse=True)", "List[int]"),
        ("the different values among them from small to large", "sorted(set(b))", "List[int]"), ("the sum of their squares", "sum(x * x for x in b)", "int"),
        (f"the sum of the {m % 3 + 2} largest of them, or of all if there are fewer", f"sum(sorted(b)[-{m % 3 + 2}:])", "int")))


def _numbers(rng, is_large, low=4, high=8):
    return [rng.randint(-20, 50) for _ in range(rng.randint(20, 120) if is_large else rng.randint(low, high))]


def _comprehension(transform, condition, source):
    return f"[{transform} for x in {source}" + (f" if {condition}" if condition else "") + "]"


def _sentence(*pieces):
    return " ".join(p[0].upper() + p[1:] + "." for p in pieces if p)


def _list_work(rng, level, source):
    """(sentences, plan, lines up to b, reduction): a chain of list operations."""
    steps, plan, lines = [], [], []
    for _ in range((0, rng.randint(0, 1), rng.randint(1, 2))[level] + _more(rng)):
        words, expression = _rearrangements(rng)
        steps.append(words)
        lines.append(f"{source} = " + expression.format(a=source))
        plan.append(expression.format(a=source))
    use = rng.choice(("filter", "transform")) if level == 0 else "both"
    condition = _joined(rng, _conditions, _more(rng, 1, 2)) if use != "transform" else None
    transform = _transforms(rng) if use != "filter" else None
    if condition:
        steps.append(f"keep only the values that {condition[0]}")
        plan.append(f"keep {condition[1]}")
    if transform:
        steps.append(f"replace each {'remaining ' if condition else ''}value by {transform[0]}")
        plan.append(f"take {transform[1]}")
    lines.append("b = " + _comprehension(transform[1] if transform else "x", condition[1] if condition else "", source))
    reduction = _reductions(rng)
    plan.append(reduction[1])
    return steps, "; ".join(plan), lines, reduction


def list_pipeline(rng, level):
    """stdin: N and N integers."""
    steps, plan, lines, (words, result, kind) = _list_work(rng, level, "a")
    star = "*" if kind != "int" else ""
    tail = ", separated by spaces" if star else ""
    return Draft(
        rng.choice(("List of Numbers", "Number Line", "Working on a List", "Numbers in a Row")),
        _sentence(rng.choice(("you are given N integers", "there is a list of N integers")), *steps, f"then print {words}{tail}"),
        "N\na_1 a_2 ... a_N", plan, lines + [f"print({star}{result})"],
        lambda r, large: (_numbers(r, large),), ["n = int(input())", "a = list(map(int, input().split()))"],
        lambda args: f"{len(args[0])}\n{' '.join(map(str, args[0]))}\n")


def list_function(rng, level):
    """A function of a list."""
    steps, plan, lines, (words, result, kind) = _list_work(rng, level, "nums")
    return Draft(
        rng.choice(("List Function", "Values of an Array", "Array Work", "Reduce the Array")),
        _sentence(rng.choice(("you are given an array nums of integers", "given is an integer array nums")), *steps, f"then return {words}"),
        "", plan, lines + [f"return {result}"], lambda r, large: (_numbers(r, large),),
        argument="nums: List[int]", returns=kind)


# ----------------------------------------------------------------------------------------------- text


def _text(rng, is_large):
    letters = "abcdefghijklmnopqrstuvwxyz"
    alphabet = letters + letters.upper() + "0123456789" + "aeiouAEIOU" * 2
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(30, 150) if is_large else rng.randint(6, 12)))


def _text_work(rng, level):
    letter, other = rng.sample("abcdefghijklmnopqrstuvwxyz", 2)
    k = rng.randint(1, 3)
    before = (("turn all letters into lower case", "s.lower()"), ("turn all letters into upper case", "s.upper()"),
              ("reverse the text", "s[::-1]"), ("turn lower case letters into upper case and the other way round", "s.swapcase()"),
              (f"remove the first {k} characters", f"s[{k}:]"), (f"remove the last {k} characters", f"s[:-{k}]"),
              ("keep only the characters at positions 0, 2, 4 and so on", "s[::2]"), (f"replace every {letter} by {other}", f's.replace("{letter}", "{other}")'),
              (f"append the text itself {k} more times", f"s * {k + 1}"))
    keep = (("are vowels (a, e, i, o, u)", 'c in "aeiou"'), ("are none of a, e, i, o, u", 'c not in "aeiou"'), ("are digits", "c.isdigit()"),
            ("are letters", "c.isalpha()"), ("are upper case letters", "c.isupper()"), ("are lower case letters", "c.islower()"),
            (f"are different from {letter}", f'c != "{letter}"'), (f"come after {letter} in character code", f'c > "{letter}"'),
            (f"come before {letter} in character code", f'c < "{letter}"'), (f"are {letter} or {other}", f'c in "{letter}{other}"'))
    change = (("twice", "c * 2"), ("in upper case", "c.upper()"), ("in lower case", "c.lower()"), (f"followed by {letter}", f'c + "{letter}"'),
              (f"preceded by {other}", f'"{other}" + c'))
    end = (("the resulting text", '"".join(t)', "str"), ("the resulting text in reverse", '"".join(t)[::-1]', "str"), ("how many characters it has", 'len("".join(t))', "int"),
           ("how many different characters it has", 'len(set("".join(t)))', "int"), ("its characters in the order of their codes", '"".join(sorted("".join(t)))', "str"),
           (f"how often {other} occurs in it", f'"".join(t).count("{other}")', "int"), ("the sum of its character codes", 'sum(map(ord, "".join(t)))', "int"))
    steps, plan, lines = [], [], []
    for words, expression in rng.sample(before, (0, 1, 2)[level] + _more(rng)):
        steps.append(words)
        plan.append(expression)
        lines.append(f"s = {expression}")
    words, condition = rng.choice(keep)
    steps.append(f"keep only the characters that {words}")
    plan.append(f"keep {condition}")
    expression = "c"
    if level > 0 or rng.random() < 0.4:
        words, expression = rng.choice(change)
        steps.append(f"write each remaining character {words}")
        plan.append(expression)
    lines.append(f"t = [{expression} for c in s if {condition}]")
    end = rng.choice(end)
    plan.append(end[1])
    return steps, "; ".join(plan), lines, end


def text_pipeline(rng, level):
    steps, plan, lines, (words, result, _) = _text_work(rng, level)
    return Draft(rng.choice(("A Line of Text", "Letters and Digits", "Text Work")),
                 _sentence(rng.choice(("you are given a text s of letters and digits", "there is a text s of letters and digits")), *steps, f"then print {words}"),
                 "s", plan, lines + [f"print({result})"], lambda r, large: (_text(r, large),), ["s = input()"], lambda args: args[0] + "\n")


def text_function(rng, level):
    steps, plan, lines, (words, result, kind) = _text_work(rng, level)
    return Draft(rng.choice(("Text Function", "Filter the String", "String Work")),
                 _sentence("you are given a string s of letters and digits", *steps, f"then return {words}"),
                 "", plan, lines + [f"return {result}"], lambda r, large: (_text(r, large),), argument="s: str", returns=kind)


# -------------------------------------------------------------------------------------------- integers


def _steps_on_r(rng, count):
    """Operations on r, one after the other: (words, line)."""
    made = []
    for _ in range(count):
        k = rng.randint(2, 20)
        made.append(rng.choice((
            (f"add {k}", f"r = r + {k}"), (f"subtract {k}", f"r = r - {k}"), (f"multiply by {rng.randint(2, 5)}", None), ("add B", "r = r + b"),
            ("subtract B", "r = r - b"), ("add A", "r = r + a"), (f"subtract from {k}", f"r = {k} - r"), ("take the absolute value", "r = abs(r)"),
            (f"take the remainder when divided by {k}", f"r = r % {k}"), (f"divide by {k}, rounding down", f"r = r // {k}"),
            (f"if it is greater than {k}, halve it, rounding down", f"r = r // 2 if r > {k} else r"), (f"if it is odd, add {k}", f"r = r + {k} if r % 2 == 1 else r"))))
        if made[-1][1] is None:
            made[-1] = (made[-1][0], f"r = r * {made[-1][0].split()[-1]}")
    return made


def calculation(rng, level):
    """Steps on a number that begins as A, B, their sum or product."""
    start = rng.choice((("A", "a"), ("B", "b"), ("A plus B", "a + b"), ("A times B", "a * b"), ("A minus B", "a - b")))
    made = _steps_on_r(rng, (1, 3, 5)[level] + rng.randint(0, 1) + _more(rng, 4, 8))
    yes, no = rng.sample(WORDS, 2)
    k = rng.randint(-10, 60)
    words, line = rng.choice((("print the result", "print(r)"), ("print the result", "print(r)"),
                              (f"print {yes} if the result is greater than {k}, otherwise {no}", f'print("{yes}" if r > {k} else "{no}")'),
                              (f"print {yes} if the result is even, otherwise {no}", f'print("{yes}" if r % 2 == 0 else "{no}")')))
    return Draft(rng.choice(("Two Numbers", "Calculation", "Step by Step")),
                 _sentence(f"given are integers A and B. Start with {start[0]}", *(w for w, _ in made), words), "A B", "; ".join(line for _, line in made),
                 [f"r = {start[1]}"] + [line for _, line in made] + [line], lambda r, _: (r.randint(-30, 60), r.randint(-30, 60)),
                 ["a, b = map(int, input().split())"], lambda args: f"{args[0]} {args[1]}\n")


def calculation_function(rng, level):
    start = rng.choice((("a", "a"), ("b", "b"), ("a plus b", "a + b"), ("a times b", "a * b"), ("a minus b", "a - b")))
    made = [(words.replace(" B", " b").replace(" A", " a"), line) for words, line in _steps_on_r(rng, (1, 3, 5)[level] + rng.randint(0, 1) + _more(rng, 4, 8))]
    k = rng.randint(-10, 60)
    words, line, kind = rng.choice((("return the result", "return r", "int"), ("return the result", "return r", "int"),
                                    (f"return whether the result is greater than {k}", f"return r > {k}", "bool"),
                                    ("return whether the result is even", "return r % 2 == 0", "bool")))
    return Draft(rng.choice(("Function of Two Numbers", "Two Values", "Follow the Steps")),
                 _sentence(f"given are integers a and b. Start with {start[0]}", *(w for w, _ in made), words), "", "; ".join(line for _, line in made),
                 [f"r = {start[1]}"] + [line for _, line in made] + [line], lambda r, _: (r.randint(-30, 60), r.randint(-30, 60)),
                 argument="a: int, b: int", returns=kind)


def while_loop(rng, level):
    """Growth until a limit."""
    limit, k, c, m = rng.randint(60, 5000), rng.randint(2, 4), rng.randint(1, 20), rng.randint(2, 5)
    grow = (f"x * {k} + {c}", f"multiply x by {k} and add {c}") if level else rng.choice(((f"x * {k}", f"multiply x by {k}"), (f"x + {c}", f"add {c} to x")))
    lines, words = [f"    x = {grow[0]}"], f"while x is less than {limit}, {grow[1]}"
    if level == 2:
        d = rng.randint(1, 30)
        lines = [f"    if x % {m} == 0:", f"        x = x + {d}", "    else:", f"        x = {grow[0]}"]
        words = f"while x is less than {limit}: if x is divisible by {m}, add {d} to x, otherwise {grow[1]}"
        for _ in range(_more(rng, 1, 2)):
            m, d = rng.randint(6, 40), rng.randint(31, 90)
            lines[-2:-2] = [f"    elif x % {m} == 0:", f"        x = x + {d}"]
            words = words.replace(", otherwise", f", if not but divisible by {m}, add {d} to x, otherwise")
    ask, line = rng.choice((("the number of rounds", "print(s)"), ("the final x", "print(x)"), ("the final x and the number of rounds, separated by a space", "print(x, s)"),
                            ("the final x minus the number of rounds", "print(x - s)")))
    return Draft(rng.choice(("Growing Number", "Until the Limit", "Rounds")), _sentence("you are given a positive integer x", words, f"print {ask}"), "x",
                 f"loop while x < {limit}, count rounds in s", ["s = 0", f"while x < {limit}:"] + lines + ["    s += 1", line],
                 lambda r, large: (r.randint(1, 200 if large else 40),), ["x = int(input())"], lambda args: f"{args[0]}\n")


def range_loop(rng, level):
    """Numbers from 1 to N under one or two conditions."""
    first = _conditions(rng)
    condition, words = first[1], first[0]
    if level > 0:
        second = _conditions(rng)
        joint = rng.choice(("and", "or"))
        condition, words = f"{first[1]} {joint} {second[1]}", f"{first[0]} {joint} {second[0]}"
    if more := _more(rng, 1, 2):
        others = _joined(rng, _conditions, more - 1)
        condition, words = f"{condition} and {others[1]}", f"{words} and {others[0]}"
    transform = _transforms(rng) if level == 2 or (level == 1 and rng.random() < 0.5) else None
    reduction = _reductions(rng)
    star = "*" if reduction[2] != "int" else ""
    return Draft(rng.choice(("Count Up", "From One to N", "Numbers up to N")),
                 _sentence("you are given a positive integer N", f"take the numbers from 1 to N that {words}",
                           f"replace each of them by {transform[0]}" if transform else "", f"print {reduction[0]}" + (", separated by spaces" if star else "")), "N",
                 f"keep {condition}" + (f"; take {transform[1]}" if transform else "") + f"; {reduction[1]}",
                 ["b = " + _comprehension(transform[1] if transform else "x", condition, "range(1, n + 1)"), f"print({star}{reduction[1]})"],
                 lambda r, large: (r.randint(60, 300) if large else r.randint(8, 30),), ["n = int(input())"], lambda args: f"{args[0]}\n")


def word_game(rng, level):
    """Words in place of certain numbers."""
    p, q = rng.sample(range(2, 12), 2)
    one, two = rng.sample(WORDS, 2)
    rules = [(f"is divisible by {p}", f"i % {p} == 0", f'"{one}"', one)]
    if level == 2:
        rules.insert(0, (f"is divisible by both {p} and {q}", f"i % {p} == 0 and i % {q} == 0", f'"{one}{two}"', one + two))
    if level > 0:
        rules.append((f"is divisible by {q}", f"i % {q} == 0", f'"{two}"', two))
    for _ in range(_more(rng, 1, 2)):
        d, word = rng.randint(12, 30), rng.choice(WORDS)
        rules.append((f"is divisible by {d}", f"i % {d} == 0", f'"{word}"', word))
    k = rng.randint(1, 9)
    other = rng.choice((("i itself", "i"), (f"i plus {k}", f"i + {k}"), (f"i times {k + 1}", f"i * {k + 1}")))
    lines = ["for i in range(1, n + 1):"]
    for index, (_, condition, word, _) in enumerate(rules):
        lines += [f"    {'elif' if index else 'if'} {condition}:", f"        print({word})"]
    words = "; ".join(("otherwise, " if index else "") + f"if i {text}, print {word}" for index, (text, _, _, word) in enumerate(rules))
    return Draft(rng.choice(("Word Game", "Say the Word", "Words and Numbers")),
                 _sentence("you are given a positive integer N", f"for each i from 1 to N, on a line of its own: {words}; otherwise, print {other[0]}"), "N",
                 "; ".join(f"{condition} gives {word}" for _, condition, word, _ in rules) + f"; else {other[1]}",
                 lines + ["    else:", f"        print({other[1]})"], lambda r, large: (r.randint(20, 60) if large else r.randint(5, 14),),
                 ["n = int(input())"], lambda args: f"{args[0]}\n")


# ------------------------------------------------------------------------------------ several lines


def queries(rng, level):
    """T lines of two numbers."""
    made = _steps_on_r(rng, (1, 2, 3)[level] + _more(rng, 4, 7))
    start = rng.choice((("A plus B", "a + b"), ("A times B", "a * b"), ("A minus B", "a - b"), ("the larger of A and B", "max(a, b)"), ("the smaller of A and B", "min(a, b)")))

    def draw(r, large):
        return [(r.randint(-20, 40), r.randint(-20, 40)) for _ in range(r.randint(10, 40) if large else r.randint(2, 4))],

    return Draft(rng.choice(("Many Questions", "T Cases", "Line by Line")),
                 _sentence("there are T cases, each with integers A and B", f"for each case, start with {start[0]}", *(w for w, _ in made), "print the result on a line of its own"),
                 "T\nA_1 B_1\n...\nA_T B_T", "; ".join(line for _, line in made),
                 ["for _ in range(t):", "    a, b = map(int, input().split())", f"    r = {start[1]}"] + ["    " + line for _, line in made] + ["    print(r)"],
                 draw, ["t = int(input())"], lambda args: "".join([f"{len(args[0])}\n"] + [f"{a} {b}\n" for a, b in args[0]]))


def grid(rng, level):
    """Characters in rows."""
    mark, other = rng.sample("#.ox*+", 2)
    k, j = rng.randint(1, 3), rng.randint(0, 2)
    per_row = (f"the number of {mark} in it", f'r.count("{mark}")')
    if level > 0:
        per_row = rng.choice((per_row, (f"{k + 1} times the number of {mark} in it", f'r.count("{mark}") * {k + 1}'),
                              (f"the number of {mark} minus the number of {other} in it", f'r.count("{mark}") - r.count("{other}")'),
                              (f"the number of {mark} or {other} in it", f'r.count("{mark}") + r.count("{other}")'),
                              (f"the number of different characters in it plus {j}", f"len(set(r)) + {j}")))
    condition = None
    if level == 2:
        condition = _joined(rng, lambda r: r.choice(((f"contain {other}", f'"{other}" in r'), (f"do not contain {other}", f'"{other}" not in r'), (f"begin with {mark}", f'r[0] == "{mark}"'),
                                (f"end with {mark}", f'r[-1] == "{mark}"'), (f"have at least {k} {mark}", f'r.count("{mark}") >= {k}'))), _more(rng))
    end = rng.choice((("the sum of all scores", "sum(b)", ""), ("the largest score, or 0 if there is none", "max(b, default=0)", ""),
                      ("the smallest score, or 0 if there is none", "min(b, default=0)", ""), (f"how many scores are greater than {k}", f"sum(x > {k} for x in b)", ""),
                      ("all scores, separated by spaces", "b", "*"), ("all scores from small to large, separated by spaces", "sorted(b)", "*")))

    def draw(r, large):
        h, w = (r.randint(6, 14), r.randint(6, 14)) if large else (r.randint(2, 4), r.randint(3, 5))
        return ["".join(r.choice(mark + mark + other + other + "#.ox") for _ in range(w)) for _ in range(h)],

    return Draft(rng.choice(("Rows of Marks", "Grid", "Board")),
                 _sentence("there is a grid of H rows with W characters each", f"consider only the rows that {condition[0]}" if condition else "",
                           f"the score of a row is {per_row[0]}", f"print {end[0]}"),
                 "H W\nrow_1\n...\nrow_H", (f"rows with {condition[1]}; " if condition else "") + f"score {per_row[1]}; {end[1]}",
                 [f"b = [{per_row[1]} for r in g" + (f" if {condition[1]}" if condition else "") + "]", f"print({end[2]}{end[1]})"], draw,
                 ["h, w = map(int, input().split())", "g = [input() for _ in range(h)]"], lambda args: "\n".join([f"{len(args[0])} {len(args[0][0])}"] + args[0]) + "\n")


def _pairs_work(rng, level):
    k, m = rng.randint(2, 9), rng.randint(0, 20)
    value = rng.choice((("x plus y", "x + y"), ("x times y", "x * y"), ("x minus y", "x - y"), ("the larger of x and y", "max(x, y)"), ("the smaller of x and y", "min(x, y)"),
                        ("the distance between x and y", "abs(x - y)"), (f"{k} times x plus y", f"{k} * x + y"), (f"x plus {k} times y", f"x + {k} * y"), (f"x times y plus {m}", f"x * y + {m}")))
    condition = None
    if level > 0:
        condition = _joined(rng, lambda r: r.choice((("x is less than y", "x < y"), ("x is greater than y", "x > y"), (f"x plus y is greater than {m}", f"x + y > {m}"), (f"x plus y is divisible by {k}", f"(x + y) % {k} == 0"),
                                (f"x is at least {m}", f"x >= {m}"), (f"y is less than {m}", f"y < {m}"), (f"x times y is greater than {m * k}", f"x * y > {m * k}"), ("x and y are different", "x != y"))), _more(rng))
    before = _rearrangements(rng) if level == 2 else None
    return value, condition, before, _reductions(rng)


def pairs(rng, level):
    """Two lists of one length, function."""
    value, condition, before, (words, result, kind) = _pairs_work(rng, level)
    while before and "x" in before[1]:
        before = _rearrangements(rng)

    def draw(r, large):
        n = r.randint(20, 80) if large else r.randint(3, 5)
        return [r.randint(-10, 30) for _ in range(n)], [r.randint(-10, 30) for _ in range(n)]

    return Draft(rng.choice(("Two Arrays", "Pairs", "Side by Side")),
                 _sentence("you are given arrays p and q of integers of the same length", f"first, in p, {before[0].replace('the list', 'the array')}" if before else "",
                           "take the values x of p and y of q that stand at the same position, as long as both have one", f"keep only the pairs where {condition[0]}" if condition else "",
                           f"for each pair take {value[0]}", f"then return {words}"),
                 "", (f"{before[1].format(a='p')}; " if before else "") + (f"keep {condition[1]}; " if condition else "") + f"take {value[1]}; {result}",
                 ([f"p = {before[1].format(a='p')}"] if before else []) + [f"b = [{value[1]} for x, y in zip(p, q)" + (f" if {condition[1]}" if condition else "") + "]", f"return {result}"],
                 draw, argument="p: List[int], q: List[int]", returns=kind)


def word_list(rng, level):
    """Words on a line."""
    letter = rng.choice("abcdeghilmnoprst")
    k = rng.randint(2, 5)
    condition = _joined(rng, lambda r: r.choice(((f"begin with {letter}", f'w[0] == "{letter}"'), (f"contain {letter}", f'"{letter}" in w'), (f"do not contain {letter}", f'"{letter}" not in w'),
                            (f"have more than {k} letters", f"len(w) > {k}"), (f"have at most {k} letters", f"len(w) <= {k}"), (f"end with {letter}", f'w[-1] == "{letter}"'),
                            (f"do not begin with {letter}", f'w[0] != "{letter}"'))), _more(rng))
    change = rng.choice((("in upper case", "w.upper()"), ("reversed", "w[::-1]"), ("without its first letter", "w[1:]"), (f"followed by {letter}", f'w + "{letter}"'),
                         ("written twice in a row", "w * 2"), (f"cut to its first {k} letters", f"w[:{k}]"))) if level > 0 else None
    before = rng.choice((("reverse the order of the words", "a[::-1]"), ("sort the words alphabetically", "sorted(a)"), ("sort the words by length, ties as they stand", "sorted(a, key=len)"),
                         ("keep each different word once, alphabetically", "sorted(set(a))"), ("remove the first word", "a[1:]"))) if level == 2 else None
    end = rng.choice((("the remaining words, separated by spaces", "*b"), ("how many words remain", "len(b)"), ("how many letters the remaining words have together", "sum(map(len, b))"),
                      ("the remaining words joined by dashes", '"-".join(b)'), ("the length of the longest remaining word, or 0", "max(map(len, b), default=0)")))

    def draw(r, large):
        letters = "abcdeghilmnoprst" + letter * 3
        return ["".join(r.choice(letters) for _ in range(r.randint(1, 7))) for _ in range(r.randint(15, 40) if large else r.randint(3, 6))],

    return Draft(rng.choice(("List of Words", "Words in a Row", "Word List")),
                 _sentence("you are given N words", f"first, {before[0]}" if before else "", f"keep only the words that {condition[0]}", f"take each remaining word {change[0]}" if change else "", f"print {end[0]}"),
                 "N\nw_1 w_2 ... w_N", (f"{before[1]}; " if before else "") + f"keep {condition[1]}; " + (f"take {change[1]}; " if change else "") + end[1],
                 ([f"a = {before[1]}"] if before else []) + [f"b = [{change[1] if change else 'w'} for w in a if {condition[1]}]", f"print({end[1]})"], draw,
                 ["n = int(input())", "a = input().split()"], lambda args: f"{len(args[0])}\n{' '.join(args[0])}\n")


KINDS = {kind.__name__: kind for kind in (list_pipeline, list_function, text_pipeline, text_function, calculation, calculation_function, while_loop,
                                          range_loop, word_game, queries, grid, pairs, word_list)}


# -------------------------------------------------------------------------------------------- assembly


def _assemble(rng, kind, level, draft):
    is_function = bool(draft.argument)
    name = rng.choice(NAMES) if is_function else ""
    starter = f"class Solution:\n    def {name}(self, {draft.argument}) -> {draft.returns}:\n        " if is_function else ""
    if is_function:
        program = starter.rstrip(" ") + "\n".join("        " + line for line in draft.body)
    else:
        program = "\n".join(draft.reads + draft.body)
    problem = Problem("", kind, draft.title, "", LEVELS[level], "leetcode" if is_function else "atcoder", starter, name, program, draft.plan, (), draft)
    problem.example = problem.test(rng, False)
    given, wanted = problem.example
    if is_function:
        names = [part.split(":")[0].strip() for part in draft.argument.replace("List[int], ", "List[int],").split(",")]
        shown = ", ".join(f"{n} = {value}" for n, value in zip(names, given.split("\n")))
        problem.statement = f"{draft.task}\n\nExample:\n\nInput: {shown}\nOutput: {wanted}"
    else:
        problem.statement = f"{draft.task}\n\nInput\n\n{draft.layout}\n\nSample Input\n\n{given}\nSample Output\n\n{wanted}"
    problem.id = "peira-program-" + hashlib.sha256(" ".join(problem.statement.split()).encode()).hexdigest()[:16]
    return problem


def _test(problem, arguments):
    """What the reference program makes of `arguments`."""
    space = {}
    code = compile(PRELUDE + problem.program, problem.kind, "exec")
    if problem.function_name:
        exec(code, space)
        result = getattr(space["Solution"](), problem.function_name)(*[list(a) if isinstance(a, list) else a for a in arguments])
        return "\n".join(json.dumps(a) for a in arguments), json.dumps(result)
    given = problem.draft.show(arguments)
    stdin, stdout = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = io.StringIO(given), io.StringIO()
    try:
        exec(code, space)
        return given, sys.stdout.getvalue()
    finally:
        sys.stdin, sys.stdout = stdin, stdout


if __name__ == "__main__":
    stream = random.Random(sys.argv[1] if len(sys.argv) > 1 else "0")
    for _ in range(12):
        shown = make_problem(stream)
        print(f"--- {shown.kind} {shown.difficulty}\n{shown.statement}\n>>>\n{shown.program}\n({shown.plan})")
