#!/usr/bin/env python3
"""Greedy accuracy of a checkpoint on the shipped sample sets, through transformers.

An independent reading of what `peira run` must find: prompts come from datasets/generated, answers
are extracted by the official rules as far as peira-mini's replies need them.

    python3 tests/golden/evaluate_peira_mini.py --model model/peira-mini [--device cuda]
        [--experts 2,1] [--cells gpqa/simple-evals/official,aime/official/direct] [--out table.json]
"""

import argparse
import json
import random
import re
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
import transformers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "datasets" / "generated"))
import prompts  # noqa: E402
import samples  # noqa: E402
from corpus import CHAT  # noqa: E402
from questions import make_item, normalized  # noqa: E402

VARIANTS = ("official", "direct", "chain-of-thought", "few-shot-1", "few-shot-4", "few-shot-8")
CELLS = [f"gpqa/simple-evals/{v}" for v in VARIANTS] + [f"gpqa/official/{v}" for v in VARIANTS] + [
    f"aime/official/{v}" for v in VARIANTS]


def simple_evals_orders(count):
    """One permutation of [correct, wrong 1, 2, 3] a question, as simple-evals draws them."""
    rng = random.Random(0)
    return [rng.sample(range(4), 4) for _ in range(count)]


def original_orders(count):
    """The original baseline shuffles [wrong 1, 2, 3, correct] with one generator seeded 0."""
    rng, orders = random.Random(0), []
    for _ in range(count):
        order = [1, 2, 3, 0]
        rng.shuffle(order)
        orders.append(order)
    return orders


def few_shot_items(family, count, excluded):
    """Generated examples, a stream of their own."""
    rng = random.Random(f"few-shot:{family}")
    while count:
        item = make_item(rng, family)
        if normalized(item.question) not in excluded:
            yield item
            count -= 1


def build(cell, folder):
    """[(messages, gold, tags)] of a cell."""
    suite, profile, variant = cell.split("/")
    shots = int(variant.split("-")[-1]) if variant.startswith("few-shot") else 0
    style = "direct" if shots else variant
    excluded = samples.sample_questions(folder)
    if suite == "aime":
        head = []
        for item in few_shot_items("integer", shots, excluded):
            head += [{"role": "user", "content": prompts.integer_prompt(item.question, style)},
                     {"role": "assistant", "content": prompts.integer_answer_line(item.answer)}]
        return [(head + [{"role": "user", "content": prompts.integer_prompt(row["problem"], style)}], row["answer"],
                 (row["difficulty"], row["problem_type"][0])) for row in samples.read_integer_samples(folder)]
    render = prompts.simple_evals_prompt if profile == "simple-evals" else prompts.original_prompt
    line = prompts.simple_evals_answer_line if profile == "simple-evals" else prompts.original_answer_line
    head = [{"role": "system", "content": prompts.ORIGINAL_SYSTEM}] if profile == "official" else []
    for item in few_shot_items("choice", shots, excluded):
        options = [item.answer] + item.wrong
        order = random.Random(item.id).sample(range(4), 4)
        head += [{"role": "user", "content": render(item.question, [options[i] for i in order], style)},
                 {"role": "assistant", "content": line(prompts.LETTERS[order.index(0)])}]
    rows = samples.read_choice_samples(folder)
    orders = (simple_evals_orders if profile == "simple-evals" else original_orders)(len(rows))
    out = []
    for row, order in zip(rows, orders):
        options = [row["Correct Answer"]] + [row[f"Incorrect Answer {i}"] for i in (1, 2, 3)]
        out.append((head + [{"role": "user", "content": render(row["Question"], [options[i] for i in order], style)}],
                    prompts.LETTERS[order.index(0)], (row["Writer's Difficulty Estimate"], row["Subdomain"])))
    return out


def extract(cell, text):
    """The answer by the official rule of the cell's profile."""
    suite, profile, _ = cell.split("/")
    if suite == "aime":
        boxes = re.findall(r"boxed\{([^{}]*)\}", text)
        numbers = re.findall(r"\b\d+\b", text)
        found = boxes[-1] if boxes else numbers[-1] if numbers else None
        return int(found) if found is not None and re.fullmatch(r"\s*[+-]?\d+\s*", found) else None
    if profile == "simple-evals":
        match = re.search(r"(?i)Answer[ \t]*:[ \t]*\$?([A-D])\$?", text)
        return match.group(1) if match else None
    for pattern in (r"answer is \((.)\)", r"Answer: \((.)\)", r"answer: \((.)\)", r"answer \((.)\)", r"\((.)\)"):
        match = re.search(pattern, text)
        if match and match.group(1) in prompts.LETTERS:
            return match.group(1)
    return None


def generate(model, tokenizer, conversations, device, batch_size, max_new_tokens=400):
    """Greedy replies in the given order; batches are sorted by length and padded on the left."""
    ids = [tokenizer(tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True),
                     add_special_tokens=False)["input_ids"] for m in conversations]
    replies, num_tokens = [None] * len(ids), 0
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for start in range(0, len(order), batch_size):
        part = order[start:start + batch_size]
        width = max(len(ids[i]) for i in part)
        tokens = torch.tensor([[tokenizer.pad_token_id] * (width - len(ids[i])) + ids[i] for i in part], device=device)
        mask = torch.tensor([[0] * (width - len(ids[i])) + [1] * len(ids[i]) for i in part], device=device)
        with torch.no_grad():
            out = model.generate(input_ids=tokens, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False)
        for i, row in zip(part, out[:, width:].tolist()):
            replies[i] = tokenizer.decode(row, skip_special_tokens=True)
            num_tokens += sum(t != tokenizer.pad_token_id for t in row)
    return replies, num_tokens


def main():
    parser = argparse.ArgumentParser(description="accuracy on the sample sets through transformers")
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "peira-mini")
    parser.add_argument("--samples", type=Path, default=ROOT / "datasets" / "samples")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--experts", default="2", help="num_experts_per_tok values, comma separated [2]")
    parser.add_argument("--cells", default=",".join(CELLS), help="suite/profile/variant, comma separated [all]")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--batch-size", type=int, default=60)
    parser.add_argument("--max-new-tokens", type=int, default=400)
    parser.add_argument("--show", type=int, default=0, help="print the first N replies of each cell")
    parser.add_argument("--seconds", type=float, default=None, help="start no further cell after this time")
    parser.add_argument("--out", type=Path, help="write the table, its breakdowns and all replies as JSON")
    args = parser.parse_args()
    started = time.time()
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    table = []
    for experts in map(int, args.experts.split(",")):
        config = transformers.AutoConfig.from_pretrained(args.model)
        config.thinker_config.text_config.num_experts_per_tok = experts
        model = transformers.AutoModelForMultimodalLM.from_pretrained(
            args.model, config=config, dtype=getattr(torch, args.dtype)).to(args.device).eval().thinker
        for cell in args.cells.split(","):
            if args.seconds and time.time() - started > args.seconds:
                print(f"{cell} experts {experts}: skipped, out of time", flush=True)
                continue
            begun = time.time()
            rows = build(cell, args.samples)[:args.limit]
            replies, num_tokens = generate(model, tokenizer, [r[0] for r in rows], args.device, args.batch_size,
                                           args.max_new_tokens)
            answers = [extract(cell, reply) for reply in replies]
            right = [answer == row[1] for answer, row in zip(answers, rows)]
            groups = defaultdict(list)
            for ok, row in zip(right, rows):
                for tag in row[2]:
                    groups[tag].append(ok)
            entry = {"cell": cell, "experts": experts, "n": len(rows), "accuracy": sum(right) / len(rows),
                     "no_answer": sum(a is None for a in answers), "tokens_per_reply": num_tokens / len(rows),
                     "groups": {k: sum(v) / len(v) for k, v in sorted(groups.items())}}
            table.append({**entry, "replies": replies, "answers": answers, "gold": [r[1] for r in rows]})
            print(f"{cell:38} experts {experts}  accuracy {entry['accuracy']:.3f}  none {entry['no_answer']:3}  "
                  f"tokens {entry['tokens_per_reply']:5.1f}  {time.time() - begun:5.1f} s", flush=True)
            if experts == 2:
                print("    " + "  ".join(f"{k} {v:.2f}" for k, v in entry["groups"].items()), flush=True)
            for row, reply in list(zip(rows, replies))[:args.show]:
                print("   ", repr(row[0][-1]["content"][-160:]), "->", repr(reply), "gold", row[1], flush=True)
        if experts == 2:
            questions = [c[0] for c in CHAT[::6]] + ["What is 17+25?", "What is love?"]
            replies, _ = generate(model, tokenizer, [[{"role": "user", "content": q}] for q in questions], args.device,
                                  args.batch_size, 60)
            for question, reply in zip(questions, replies):
                print("   ", repr(question), "->", repr(reply), flush=True)
    if args.out:
        args.out.write_text(json.dumps({"torch": torch.__version__, "transformers": transformers.__version__,
                                        "dtype": args.dtype, "device": args.device, "table": table}), encoding="utf-8")


if __name__ == "__main__":
    main()
