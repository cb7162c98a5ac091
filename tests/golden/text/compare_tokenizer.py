"""Compares peira's tokenizer with Hugging Face's on awkward texts: ids with and without the special
tokens around, decodes of those and of random ids, with and without special tokens.

Run: python compare_tokenizer.py PEIRA TOKENIZER.json... [--texts 3000] [--seed 1]
For each file it prints how many of each were equal and the first few that were not.
"""
import argparse
import json
import pathlib
import random
import subprocess
import tempfile

from tokenizers import Tokenizer

from make_tokenizer_golden import texts


def peira(binary, file, lines, *flags):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text("{}")
        (pathlib.Path(folder) / "tokenizer.json").symlink_to(file.resolve())
        done = subprocess.run([binary, "tokenize", "--model", folder, "--jsonl", *flags], input="".join(json.dumps(line) + "\n" for line in lines),
                              capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{file}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def compare(binary, file, count, seed):
    reference = Tokenizer.from_file(str(file))
    reference.no_truncation()
    reference.no_padding()
    description = json.loads(file.read_text(encoding="utf-8"))
    # The reference forgets that a token is special where normalization changes its text.
    unskipped = {token["id"] for token in description["added_tokens"] if token["special"] and token["normalized"] and reference.normalizer
                 and reference.normalizer.normalize_str(token["content"]) != token["content"]}
    names = [token["content"] for token in description["added_tokens"]]
    random.Random(seed).shuffle(names)
    cases = texts(count, seed, names[:60])
    rng = random.Random(seed + 1)
    vocabulary = sorted(reference.get_vocab(with_added_tokens=True).items())
    inner = list(description["model"]["vocab"])
    cases += ["".join(rng.choice(inner) for _ in range(rng.randint(1, 6))) for _ in range(count // 4)]  # tokens as they are spelled
    cases += ["".join(reference.decode([rng.choice(vocabulary)[1]]) for _ in range(rng.randint(1, 12))) for _ in range(count // 4)]
    problems = {}

    def check(kind, expected, got, shown):
        entry = problems.setdefault(kind, [0, []])
        entry[0] += 1
        if expected != got:
            entry[1].append((shown, expected, got))

    for special in (False, True):
        flags = ["--add-special-tokens"] if special else []
        answers = peira(binary, file, [{"text": text} for text in cases], *flags)
        assert len(answers) == len(cases)
        for text, answer in zip(cases, answers):
            ids = reference.encode(text, add_special_tokens=special).ids
            check("ids" + (" with special tokens" if special else ""), ids, answer["ids"], text)
            check("text" + (" with special tokens" if special else ""), reference.decode(ids, skip_special_tokens=False), answer["text"], text)
    limit = max(index for _, index in vocabulary) + 3
    lists = [reference.encode(text).ids for text in cases]
    lists += [[rng.randrange(0, limit) for _ in range(rng.randint(1, 12))] for _ in range(count)]
    fallback = [i for token, i in vocabulary if len(token) == 6 and token.startswith("<0x")]
    if fallback:
        lists += [[rng.choice(fallback) if rng.random() < 0.8 else rng.choice(vocabulary)[1] for _ in range(rng.randint(1, 12))] for _ in range(count)]
    for skip in (False, True):
        chosen = [ids for ids in lists if not (skip and unskipped & set(ids))]
        answers = peira(binary, file, [{"ids": ids} for ids in chosen], *(["--skip-special-tokens"] if skip else []))
        for ids, answer in zip(chosen, answers):
            check("decode" + (" without special tokens" if skip else ""), reference.decode(ids, skip_special_tokens=skip), answer["text"], ids)
    failed = False
    for kind, (total, wrong) in problems.items():
        print(f"{file.name}: {kind}: {total - len(wrong)} of {total} equal")
        for shown, expected, got in wrong[:3]:
            print("   ", ascii(shown)[:300], "\n      expected", ascii(expected)[:300], "\n      got     ", ascii(got)[:300])
        failed = failed or bool(wrong)
    return failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("peira")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failures = [file.name for file in arguments.files if compare(arguments.peira, file, arguments.texts, arguments.seed)]
    raise SystemExit("differences: " + ", ".join(failures) if failures else 0)
