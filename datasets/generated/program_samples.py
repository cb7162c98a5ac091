"""livecodebench-sample.jsonl: generated programming problems in LiveCodeBench's columns."""

import base64
import datetime
import json
import pickle
import random
import zlib

from programs import KINDS, LEVELS, make_problem
from questions import BeyondRandom, normalized

NUM_PROBLEMS = 400
SEED = "peira-samples-1:program"  # training corpora are seeded "corpus:...", so the streams never meet
FILE = "livecodebench-sample.jsonl"
NUM_PUBLIC, NUM_PRIVATE, NUM_LARGE = 2, 6, 2


def _pack(tests):
    """Private tests as the official files hold them."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests), protocol=4), 9)).decode()


def _tests(problem, rng):
    kind = "functional" if problem.function_name else "stdin"
    pairs = [problem.example]
    while len(pairs) < NUM_PUBLIC + NUM_PRIVATE:
        pair = problem.test(rng, len(pairs) >= NUM_PUBLIC + NUM_PRIVATE - NUM_LARGE)
        if pair not in pairs:
            pairs.append(pair)
    return [{"input": given, "output": wanted, "testtype": kind} for given, wanted in pairs]


def _problems(rng):
    """NUM_PROBLEMS problems of distinct programs, spread evenly over kinds and levels."""
    cells = [(kind, level) for kind in KINDS for level in range(len(LEVELS))]
    seen = set()
    while len(seen) < NUM_PROBLEMS:
        for kind, level in rng.sample(cells, min(len(cells), NUM_PROBLEMS - len(seen))):
            problem = make_problem(rng, kind, level)
            while problem.key in seen or _is_dull(problem):
                problem = make_problem(rng, kind, level)
            seen.add(problem.key)
            if level == len(LEVELS) - 1:
                # More steps than any training corpus has: peira-mini solves nearly all others.
                beyond = BeyondRandom(f"{SEED}:beyond:{len(seen)}")
                problem = make_problem(beyond, kind, level)
                while _is_dull(problem):
                    problem = make_problem(beyond, kind, level)
            yield problem


def _is_dull(problem):
    """Whether its tests have so few outputs that nearly any program would pass them."""
    outputs = {test["output"] for test in _tests(problem, random.Random(problem.id))}
    return len(outputs) < 3 and problem.draft.returns != "bool"


def write_programs(folder):
    """The problems in the eleven columns of the official files, all of them text."""
    start = datetime.datetime(2023, 5, 7)
    with open(folder / FILE, "w", encoding="utf-8", newline="\n") as file:
        for index, problem in enumerate(_problems(random.Random(SEED))):
            tests = _tests(problem, random.Random(problem.id))
            date = start + datetime.timedelta(days=7 * (index // 4), hours=18 if index % 8 == 7 else 0)
            file.write(json.dumps({
                "question_title": problem.title, "question_content": problem.statement, "platform": problem.platform,
                "question_id": f"peira_{index:03}", "contest_id": f"peira_{index // 4:03}",
                "contest_date": date.isoformat(), "starter_code": problem.starter_code, "difficulty": problem.difficulty,
                "public_test_cases": json.dumps(tests[:NUM_PUBLIC]), "private_test_cases": _pack(tests[NUM_PUBLIC:]),
                "metadata": json.dumps({"func_name": problem.function_name} if problem.function_name else {})}) + "\n")


def write_solutions(path):
    """The reference programs, in LiveCodeBench's form of programs made elsewhere."""
    solutions = [{"question_id": f"peira_{index:03}", "code_list": [problem.program]}
                 for index, problem in enumerate(_problems(random.Random(SEED)))]
    path.write_text(json.dumps(solutions) + "\n", encoding="utf-8")


def program_keys():
    """Reference programs and statements (normalised) of the sample set: what training must not see."""
    keys = set()
    for problem in _problems(random.Random(SEED)):
        keys |= {problem.key, normalized(problem.statement)}
    return keys
