"""Writes and reads the shipped sample sets in the official containers."""

import csv
import json
import random

from arithmetic import detailed
from hle_samples import read_hle_questions, write_hle
from program_samples import program_keys, write_programs
from questions import (CHOICE_KINDS, CHOICE_LEVELS, INTEGER_KINDS, INTEGER_LEVELS, SCALABLE_KINDS, BeyondRandom,
                       make_choice, make_integer, normalized)

NUM_SAMPLES = 240
SAMPLE_SEED = "peira-samples-1"  # training corpora are seeded "corpus:...", so the streams never meet
CANARY = "peira-sample: generated question, not from GPQA"

_EXPERT = ("Feedback", "Validator Revision Suggestion", "Is First Validation", "Post hoc agreement",
           "Sufficient Expertise?", "Understand the question?", "Question Difficulty", "Validator Answered Correctly",
           "Self-reported time (minutes)", "Probability Correct", "Manual Correctness Adjustment", "Expert Validator")
_NON_EXPERT = ("Feedback", "Validator Answered Correctly", "Explanation", "Self-reported time (minutes)",
               "Websites visited", "Probability Correct", "Manual Correctness Adjustment", "Non-Expert Validator")

# The 78 columns of the official files, in their order.
GPQA_COLUMNS = (
    "Pre-Revision Question", "Pre-Revision Correct Answer", "Pre-Revision Incorrect Answer 1",
    "Pre-Revision Incorrect Answer 2", "Pre-Revision Incorrect Answer 3", "Pre-Revision Explanation",
    "Self-reported question-writing time (minutes)", "Question", "Correct Answer", "Incorrect Answer 1",
    "Incorrect Answer 2", "Incorrect Answer 3", "Explanation", "Revision Comments (from Question Writer)", "Subdomain",
    "Writer's Difficulty Estimate", "Extra Revised Question", "Extra Revised Explanation", "Extra Revised Correct Answer",
    "Extra Revised Incorrect Answer 1", "Extra Revised Incorrect Answer 2", "Extra Revised Incorrect Answer 3",
    "Non-Expert Validator Accuracy", "Majority Non-Expert Vals Incorrect", "Expert Validator Accuracy", "Record ID",
    "High-level domain", "Question Writer",
    *(f"{name}_EV_{i}" for i in (1, 2) for name in _EXPERT),
    *(f"{name}_NEV_{i}" for i in (1, 2, 3) for name in _NON_EXPERT),
    "Expert Validator Disagreement Category", "Canary String")
assert len(GPQA_COLUMNS) == 78


def sample_items(family):
    """NUM_SAMPLES items with distinct questions, spread evenly over kinds and levels."""
    rng = random.Random(f"{SAMPLE_SEED}:{family}")
    kinds, levels, make = ((CHOICE_KINDS, CHOICE_LEVELS, make_choice) if family == "choice"
                           else (INTEGER_KINDS, INTEGER_LEVELS, make_integer))
    cells = [(kind, level) for kind in kinds for level in range(len(levels))]
    items, seen = [], set()
    while len(items) < NUM_SAMPLES:
        for kind, level in rng.sample(cells, min(len(cells), NUM_SAMPLES - len(items))):
            while True:
                item = make(rng, kind, level)
                if normalized(item.question) not in seen:
                    break
            seen.add(normalized(item.question))
            items.append(item)
    return [_harder(i, item) for i, item in enumerate(items)] if family == "choice" else items


def _harder(index, item):
    """In the upper levels, the same kind of question with larger numbers than any in a corpus.

    Without this the sample set would say little: peira-mini answers nearly everything in the range
    that it was trained on.
    """
    level = CHOICE_LEVELS.index(item.difficulty)
    if level < 2 or item.kind not in SCALABLE_KINDS:
        return item
    return make_choice(BeyondRandom(f"{SAMPLE_SEED}:beyond:{index}"), item.kind, level)


def write_samples(folder):
    """Every sample set of the folder: gpqa, aime, livecodebench and hle."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "gpqa-sample.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, GPQA_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for item in sample_items("choice"):
            writer.writerow({
                "Question": item.question, "Correct Answer": item.answer, "Incorrect Answer 1": item.wrong[0],
                "Incorrect Answer 2": item.wrong[1], "Incorrect Answer 3": item.wrong[2],
                "Explanation": "\n".join([item.plan] + [detailed(step) for step in item.steps]), "Subdomain": item.subdomain,
                "Writer's Difficulty Estimate": item.difficulty, "Record ID": item.id,
                "High-level domain": item.category, "Question Writer": "peira-generator", "Canary String": CANARY})
    with open(folder / "aime-sample.jsonl", "w", encoding="utf-8", newline="\n") as file:
        for index, item in enumerate(sample_items("integer"), start=1):
            row = {"problem_idx": index, "problem": item.question, "answer": item.answer,
                   "problem_type": [item.category], "difficulty": item.difficulty}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    write_programs(folder)
    write_hle(folder)


def read_choice_samples(folder):
    """Rows of gpqa-sample.csv as dictionaries."""
    with open(folder / "gpqa-sample.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_integer_samples(folder):
    """Rows of aime-sample.jsonl."""
    with open(folder / "aime-sample.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def sample_questions(folder):
    """Normalised texts of all sample questions, and programs of the sample problems: what training must not see."""
    texts = [row["Question"] for row in read_choice_samples(folder)]
    texts += [row["problem"] for row in read_integer_samples(folder)]
    texts += [text.split("\n\nAnswer Choices:")[0] for text in read_hle_questions(folder)]
    return {normalized(text) for text in texts} | program_keys()
