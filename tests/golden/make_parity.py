#!/usr/bin/env python3
"""Writes tests/golden/peira-mini/parity.json: what transformers says about model/peira-mini.

    python3 tests/golden/make_parity.py [--model model/peira-mini] [--out tests/golden/peira-mini]

parity.json:
  versions, computed_in    torch, transformers, tokenizers; "float32": the bf16 weights, widened
  prompts[]
    name, messages         messages is null for a plain text
    text                   what the chat template makes of the messages (with generation prompt)
    tokens                 its token ids                                              [T]
    last_logits            float32 logits after the last token                        [vocab_size]
    logprobs               log P(tokens[i] | tokens[:i]) for i >= 1                   [T-1]
    greedy, greedy_gap     24 greedy tokens (past any end token) and the best logit minus the
                           second best at each
    greedy_text            their text, special tokens included
    router_margin          smallest probability gap between the last chosen and the first refused
                           expert, over all tokens and layers: where it is tiny, routing may differ
  tokenizer[]              {"text", "ids", "decoded"}: no special tokens added; decoded keeps them
"""

import argparse
import json
import sys
from pathlib import Path

import tokenizers
import torch
import transformers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "datasets" / "generated"))
import prompts  # noqa: E402
import samples  # noqa: E402
from make_tiny_checkpoints import floats, greedy, router_margin, write_json  # noqa: E402

TOKENIZER_TEXTS = (
    "", " ", "  ", "a", "Hello, world!", "Answer: C", "\\boxed{42}", "0123456789", "3.14 + 2,718 = 5.858", "1e-7",
    "line one\nline two\n\nline four\n", "\r\n\r\ntabs\tand  double  blanks ", "trailing newline\n", "   leading blanks",
    "don't I'll we've they're it's I'd I'M", "C-A-G-T and AUG-GCU", "H2O, [ZO3]^3-, 1e-12 mol/L", "na\u00efve caf\u00e9",
    "cafe\u0301 and A\u030a and \u212b", "\u00dcbergr\u00f6\u00dfe \u00a9 \u20ac 100", "\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8",
    "\u0421\u043b\u043e\u0432\u043e \u03b1\u03b2\u03b3", "\u0663\u0664 \u00bd \u2163 \u00b2", "\U0001f600\U0001f44d\U0001f3fd e\u0301",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "a\u00a0b\u2003c\u200bd\ufeffe", "\u0000\u0007\u001b",
    "<|im_start|>user\nhi<|im_end|>\n", "<|im_start|> <|endoftext|>x<|im_end|>", "<|not_special|> <|im_start>", "--->>> ((())) $$$ ;;;\n\n  x",
    "snake_case camelCase HTTPServer x86_64", "'quoted' \"double\" `tick`", "1+2=3; 34*26=680+204=884", "\n", "\n\n\n", " \n \n", "\t\t",
    "a" * 70, "?!" * 20)


def main():
    parser = argparse.ArgumentParser(description="write parity vectors of peira-mini")
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "peira-mini")
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "golden" / "peira-mini")
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    model = transformers.AutoModelForMultimodalLM.from_pretrained(
        args.model, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager").eval().thinker

    choice = samples.read_choice_samples(ROOT / "datasets" / "samples")
    integer = samples.read_integer_samples(ROOT / "datasets" / "samples")

    def options(row):
        return [row["Correct Answer"]] + [row[f"Incorrect Answer {i}"] for i in (1, 2, 3)]

    def user(text):
        return {"role": "user", "content": text}

    shots = []
    for row in integer[1:3]:
        shots += [user(prompts.integer_prompt(row["problem"], "direct")),
                  {"role": "assistant", "content": prompts.integer_answer_line(row["answer"])}]
    cases = [
        ("greeting", [user("Hello!")]),
        ("gpqa simple-evals official", [user(prompts.simple_evals_prompt(choice[0]["Question"], options(choice[0]), "official"))]),
        ("gpqa official chain-of-thought", [
            {"role": "system", "content": prompts.ORIGINAL_SYSTEM},
            user(prompts.original_prompt(choice[1]["Question"], options(choice[1]), "chain-of-thought"))]),
        ("aime official", [user(prompts.integer_prompt(integer[0]["problem"], "official"))]),
        ("aime few-shot-2", shots + [user(prompts.integer_prompt(integer[3]["problem"], "direct"))]),
        ("outer blanks and unicode", [user(" \n caf\u00e9 \u2192 \u65e5\u672c\u8a9e \n")]),
        ("plain text", "The last line of your reply"),
    ]
    entries = []
    for name, content in cases:
        is_chat = not isinstance(content, str)
        text = tokenizer.apply_chat_template(content, tokenize=False, add_generation_prompt=True) if is_chat else content
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0]
        logprobs = torch.log_softmax(logits, dim=-1)
        steps, gaps = greedy(model, tokens, 24)
        entries.append({
            "name": name, "messages": content if is_chat else None, "text": text, "tokens": tokens,
            "last_logits": floats(logits[-1]),
            "logprobs": floats(torch.stack([logprobs[i - 1, tokens[i]] for i in range(1, len(tokens))])),
            "greedy": steps, "greedy_gap": floats(torch.tensor(gaps)),
            "greedy_text": tokenizer.decode(steps), "router_margin": float(f"{router_margin(model, tokens + steps):.4g}")})
        print(f"{name:32} {len(tokens):4} tokens  smallest gap {min(gaps):.4f}  {tokenizer.decode(steps)!r}", flush=True)
    token_cases = []
    for text in TOKENIZER_TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        token_cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids)})
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "parity.json", {
        "about": "model/peira-mini through transformers; fields: tests/golden/make_parity.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "tokenizers": tokenizers.__version__},
        "computed_in": "float32", "attn_implementation": "eager", "experts_implementation": "eager",
        "prompts": entries, "tokenizer": token_cases})


if __name__ == "__main__":
    main()
