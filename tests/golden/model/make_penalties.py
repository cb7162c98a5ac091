#!/usr/bin/env python3
"""Writes penalties.json: logits as transformers' processors and OpenAI's formula change them.

Bias and repetition penalty come from transformers (SequenceBiasLogitsProcessor,
RepetitionPenaltyLogitsProcessor over prompt and answer), in generate()'s order. Presence and
frequency penalties follow the formula of OpenAI's API reference, over the answer:
logit -= count * frequency_penalty + (count > 0) * presence_penalty, in float32.
"""

import json
from pathlib import Path

import torch
import transformers
from transformers.generation.logits_process import (RepetitionPenaltyLogitsProcessor,
                                                    SequenceBiasLogitsProcessor)

VOCAB_SIZE = 24
SETTINGS = [
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.7},
    {"presence_penalty": 0.6},
    {"frequency_penalty": 0.4},
    {"presence_penalty": -1.5, "frequency_penalty": -0.25},
    {"logit_bias": [[3, 5.0], [7, -100.0]]},
    {"logit_bias": [[1, -2.5]], "repetition_penalty": 1.1, "presence_penalty": 0.3,
     "frequency_penalty": 0.2},
]


def process(logits, prompt, answer, settings):
    ids = torch.tensor([prompt + answer])
    scores = logits[None].clone()
    if "logit_bias" in settings:
        bias = [[[token], value] for token, value in settings["logit_bias"]]
        scores = SequenceBiasLogitsProcessor(sequence_bias=bias)(ids, scores)
    if "repetition_penalty" in settings:
        scores = RepetitionPenaltyLogitsProcessor(settings["repetition_penalty"])(ids, scores)
    scores = scores[0]
    counts = torch.bincount(torch.tensor(answer, dtype=torch.long), minlength=VOCAB_SIZE).double()
    penalty = (counts * settings.get("frequency_penalty", 0.0)
               + (counts > 0).double() * settings.get("presence_penalty", 0.0))
    return scores - penalty.float()


def main():
    generator = torch.Generator().manual_seed(9)
    cases = []
    for number, settings in enumerate(SETTINGS):
        logits = torch.randn(VOCAB_SIZE, generator=generator) * 3
        prompt = torch.randint(0, VOCAB_SIZE, (6,), generator=generator).tolist()
        answer = torch.randint(0, VOCAB_SIZE, (5 * (number % 3),), generator=generator).tolist()
        changed = process(logits, prompt, answer, settings)
        cases.append({**settings, "prompt": prompt, "answer": answer,
                      "logits": [float(f"{v:.9g}") for v in logits.tolist()],
                      "changed": [float(f"{v:.9g}") for v in changed.tolist()]})
    out = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__},
           "cases": cases}
    path = Path(__file__).parent / "penalties.json"
    path.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


main()
