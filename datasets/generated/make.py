#!/usr/bin/env python3
"""Writes the sample sets and training corpora of generated questions.

    python3 datasets/generated/make.py samples --out datasets/samples
    python3 datasets/generated/make.py media-samples --out datasets/samples
    python3 datasets/generated/make.py solutions --out solutions.json
    python3 datasets/generated/make.py corpus --out corpus.jsonl --num 1000000 --seed 1 \\
        --exclude datasets/samples

The same arguments give the same bytes, whatever the number of processes. Standard library only, but for media-samples,
which needs numpy, pyarrow and the ffmpeg command. Conversations with media come from media_corpus.py, as arrays.
"""

import argparse
import json
import multiprocessing
import os
import random
from pathlib import Path

import program_samples
import samples
from corpus import Maker

CHUNK = 5000  # conversations made from one seed; part of the file's identity


def _chunk(task):
    """One chunk of the corpus as bytes."""
    seed, index, count, excluded = task
    rng = random.Random(f"corpus:{seed}:{index}")
    maker = Maker(excluded)
    lines = [json.dumps({"messages": maker.conversation(rng)}, ensure_ascii=False) for _ in range(count)]
    return ("\n".join(lines) + "\n").encode()


def write_corpus(path, num, seed, exclude, jobs):
    """`num` conversations; `exclude` is a folder of sample sets or None."""
    excluded = samples.sample_questions(exclude) if exclude else set()
    tasks = ((seed, i, min(CHUNK, num - i * CHUNK), excluded) for i in range(-(-num // CHUNK)))
    with open(path, "wb") as file, multiprocessing.Pool(jobs) as pool:
        for block in pool.imap(_chunk, tasks):
            file.write(block)


def main():
    parser = argparse.ArgumentParser(description="generated questions: sample sets and training corpora")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("samples", help="write the sample sets of datasets/samples")
    command.add_argument("--out", type=Path, required=True)
    command = commands.add_parser("media-samples", help="write mmmu-sample and video-mme-sample of datasets/samples")
    command.add_argument("--out", type=Path, required=True)
    command = commands.add_parser("solutions", help="write the reference programs of livecodebench-sample")
    command.add_argument("--out", type=Path, required=True, help="a file for peira score livecodebench --responses")
    command = commands.add_parser("corpus", help="write training conversations, one JSON object a line")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--num", type=int, required=True, help="number of conversations")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--exclude", type=Path, help="folder of sample sets whose questions are left out")
    command.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes [number of cores]")
    args = parser.parse_args()
    if args.command == "samples":
        samples.write_samples(args.out)
    elif args.command == "media-samples":
        from media_samples import write_media_samples
        write_media_samples(args.out)
    elif args.command == "solutions":
        program_samples.write_solutions(args.out)
    else:
        write_corpus(args.out, args.num, args.seed, args.exclude, args.jobs)


if __name__ == "__main__":
    main()
