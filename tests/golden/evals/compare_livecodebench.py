#!/usr/bin/env python3
"""Holds our LiveCodeBench driver against the official grader, on generated (program, test) pairs.

    python3 tests/golden/evals/compare_livecodebench.py OFFICIAL [--pairs 2400] [--seed 1] [--jobs 2]
        [--write tests/golden/evals/livecodebench.jsonl]

OFFICIAL is a checkout of LiveCodeBench/LiveCodeBench 28fef95; its grader needs numpy. Nothing of it
is copied: programs and tests are made here. With --write a part of the cases is frozen with the
official verdicts, for tests/runner/livecodebench_test.cpp. Exit 1 if any verdict differs.
"""

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DRIVER = ROOT / "evals" / "code" / "livecodebench_driver.py"


# ------------------------------------------------------------------------------------------------ ours


def ours(case, interpreter="/usr/bin/python3"):
    """(results, code) of the driver, as the sandbox starts it."""
    program, texts = case["program"].encode("utf-8", "surrogatepass"), lambda key: [t.encode("utf-8", "surrogatepass") for t in case[key]]
    inputs, outputs = texts("inputs"), texts("outputs")
    head = {"profile": case.get("profile", "official"), "function": case["function"], "timeout": case["timeout"],
            "program": len(program), "inputs": [len(t) for t in inputs]}
    data = (json.dumps(head).encode() + b"\n" + program + b"".join(inputs) + json.dumps([len(t) for t in outputs]).encode()
            + b"\n" + b"".join(outputs))
    read, write = os.pipe()

    def third():
        os.dup2(write, 3)

    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
    child = subprocess.Popen([interpreter, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             preexec_fn=third, close_fds=False, env=environment, cwd="/tmp")
    os.close(write)
    _, errors = child.communicate(data)
    with os.fdopen(read, "rb") as file:
        text = file.read()
    if not text:
        return f"no verdict: {errors.decode()[-300:]}", None
    verdict = json.loads(text)
    return verdict["results"], verdict.get("code")


# ------------------------------------------------------------------------------------------ the official


def official(case):
    """(results, error code), by the official run_test in a process of its own, as check_correctness has it."""
    from lcb_runner.evaluation import testing_util
    import numpy as np

    sample = {"input_output": json.dumps({"inputs": case["inputs"], "outputs": case["outputs"], "fn_name": case["function"] or None})}
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        sys.stdin.close()
        sys.stdin = open(os.open(os.devnull, os.O_RDONLY), encoding="utf-8", closefd=False)
        os.close(read)
        sys.argv = ["grader"]
        leave, send = os._exit, os.write
        try:
            results, about = testing_util.run_test(sample, test=case["program"], debug=False, timeout=case["timeout"])
            plain = [e.item() if isinstance(e, (np.ndarray, np.bool_)) else e for e in results]
            send(write, json.dumps([plain, about.get("error_code")]).encode())
        finally:
            leave(0)
    os.close(write)
    limit = (case["timeout"] + 1) * len(case["inputs"]) + 5
    import select
    data = b""
    if select.select([read], [], [], limit)[0]:
        data = os.read(read, 1 << 20)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(read)
    if not data:
        return [-2], -5  # the branch for a missing result fails on its own and is counted so
    return tuple(json.loads(data))


# ------------------------------------------------------------------------------------------------ cases


def case(kind, program, inputs, outputs, function="", timeout=6):
    return {"kind": kind, "program": program, "function": function, "inputs": inputs, "outputs": outputs, "timeout": timeout}


def number(rng):
    n = rng.randint(-999, 10 ** rng.randint(1, 18))
    return rng.choice((str(n), str(n), f"{n}.0", f"{n}.", f"+{abs(n)}", f"{n}e0", f"0{abs(n)}", f"{n / 7}", f"{n}E2", f"{abs(n):_}", "1e400", "10e399",
                       "inf", "Infinity", "-inf", "nan", "NaN", "sNaN", "-0", "0", "0.0", "1e-400", "0e5", "\uff11\uff12", "\u0663", "1e999999999999999999",
                       "1e1000000000000000000", "_1", "1__0", "1_", "1e_5", "0x10", "1/2", "50%", "1,2", ".5", "5.", ".", "e5", "1e", "--1", "NaN12", "-nan", "\u00b2"))


def blanks(rng, text):
    """`text` with odd white space in odd places."""
    out = []
    for line in text.split("\n"):
        for _ in range(rng.randint(0, 2)):
            line = rng.choice((line + " ", " " + line, line + "\t", line + "\r", line + "\u00a0", line + "\x1c", line + "\u200b", "\ufeff" + line, line.replace(" ", "  ", 1),
                               line.replace(" ", "\t", 1), line.replace(" ", "\x0b", 1), line.replace(" ", "\u3000", 1), line.replace(" ", "\x85", 1), line))
        out.append(line)
    joint = rng.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\n"))
    return rng.choice(("", "", "\n", "\n\n", " ")) + joint.join(out) + rng.choice(("", "\n", "\n\n", " \n"))


def comparison(rng):
    """What is printed against what is expected."""
    lines = [[rng.choice((number(rng), "ans", "YES", "a", number(rng))) for _ in range(rng.randint(1, 4))] for _ in range(rng.randint(1, 3))]
    printed = "\n".join(" ".join(words) for words in lines)
    other = [list(words) for words in lines]
    for _ in range(rng.randint(0, 2)):
        words = rng.choice(other)
        index = rng.randrange(len(words))
        same = {"1e400": "10e399", "inf": "Infinity", "-0": "0", "0": "0.0", "5.": "5", ".5": "0.50", "YES": "Yes"}
        try:
            value = float(words[index])
            changed = same.get(words[index], rng.choice((f"{words[index]}", f"{value}", f"{words[index]}0" if "." in words[index] else words[index] + ".00", words[index] + "1", number(rng))))
        except ValueError:
            changed = same.get(words[index], words[index].lower())
        words[index] = changed
    expected = "\n".join(" ".join(words) for words in other)
    printed, expected = blanks(rng, printed), blanks(rng, expected) if rng.random() < 0.5 else expected
    return case("comparison", f"import sys\nsys.stdout.write({printed!r})\n", ["1\n"], [expected])


READS = ("a = list(map(int, input().split()))\nb = list(map(int, input().split()))", "import sys\na, b = [list(map(int, l.split())) for l in sys.stdin.read().split('\\n')[:2]]",
         "import sys\ninput = sys.stdin.readline\na = list(map(int, input().split()))\nb = list(map(int, input().split()))",
         "import sys\na, b = [list(map(int, l.split())) for l in sys.stdin.buffer.read().decode().splitlines()[:2]]",
         "from sys import stdin\na = list(map(int, stdin.readline().split()))\nb = list(map(int, stdin.readline().split()))",
         "import sys\na, b = [list(map(int, l.split())) for l in sys.stdin.readlines()[:2]]", "import sys\na, b = [list(map(int, l.split())) for l in sys.stdin]",
         "import sys\na = list(map(int, sys.stdin.buffer.readline().split()))\nb = list(map(int, sys.stdin.buffer.readline().split()))",
         "a, b = [list(map(int, l.split())) for l in open(0)]", "import os\na, b = [list(map(int, l.split())) for l in os.read(0, 999).decode().split('\\n')[:2]]",
         "import sys\na, b = [list(map(int, l.split())) for l in sys.stdin.buffer.readlines()]", "import sys\na, b = [list(map(int, l.split())) for l in iter(sys.stdin.readline, '')]",
         "from sys import stdin\na, b = [list(map(int, l.split())) for l in iter(stdin.readline, '')]", "import builtins\na, b = [list(map(int, l.split())) for l in builtins.open(0).read().split('\\n')[:2]]",
         "import fileinput\na, b = [list(map(int, l.split())) for l in fileinput.input()]", "import sys\na = list(map(int, next(sys.stdin).split()))\nb = list(map(int, input().split()))",
         "a = []\ntry:\n    while True:\n        a.append(list(map(int, input().split())))\nexcept EOFError:\n    pass\na, b = a[:2]",
         "from sys import stdin\na, b = [list(map(int, l.split())) for l in stdin.read().split('\\n')[:2]]", "import sys\nsys.stdin.readline()\na = list(map(int, sys.stdin.read().split()))\nb = a[3:]\na = a[:3]")
PRINTS = ("print(sum(a), sum(b))", "import sys\nsys.stdout.write(f'{sum(a)} {sum(b)}\\n')", "from sys import stdout\nstdout.write(f'{sum(a)} {sum(b)}')", "print(sum(a), end=' ')\nprint(sum(b))",
          "print(sum(a))\nprint(sum(b))", "print(float(sum(a)), sum(b))", "import os\nos.write(1, f'{sum(a)} {sum(b)}'.encode())", "print(f'{sum(a)} {sum(b)}', flush=True)", "print(sum(a) / 3, sum(b))",
          "print(sum(a), sum(b))\nexit()", "print(sum(a), sum(b))\nimport sys\nsys.exit(1)", "print(sum(a), sum(b))\nquit()", "print(sum(a), sum(b))\nraise SystemExit", "print(sum(a), sum(b))\nraise ValueError('late')",
          "print(sum(a), sum(b))\nprint('more')", "import sys\nsys.stdout.buffer.write(b'1')", "import sys\nprint(sum(a), sum(b), file=sys.stderr)\nprint(sum(a), sum(b))", "import sys\nsys.stdout.close()\nprint(sum(a), sum(b))",
          "print(sum(a), sum(b) + (len(a) > 2 and a[0] % 5 == 0))", "print(*map(sum, (a, b)))", "import io, sys\nout = io.StringIO()\nprint(sum(a), sum(b), file=out)\nsys.stdout.write(out.getvalue())",
          "import logging\nlogging.warning('x')\nprint(sum(a), sum(b))", "import os\nos.getcwd()\nprint(sum(a), sum(b))", "import subprocess\nsubprocess.run(['true'])\nprint(sum(a), sum(b))", "import resource\nprint(sum(a), sum(b))")
SHAPES = ("{reads}\n{prints}\n", "def main():\n{reads_1}\n{prints_1}\nmain()\n", "def main():\n{reads_1}\n{prints_1}\nif __name__ == '__main__':\n    main()\n", 'if __name__ == "__main__":\n{reads_1}\n{prints_1}\n',
          "if (__name__ == '__main__'):\n{reads_1}\n{prints_1}\nelse:\n    print('x')\n", "if '__main__' == __name__:\n{reads_1}\n{prints_1}\n", "def main():\n{reads_1}\n{prints_1}\nif __name__ == '__main__':\n    main()\nx = 1\n",
          "def main():\n{reads_1}\n{prints_1}\n", "class Solution:\n    def go(self):\n{reads_2}\n{prints_2}\nSolution().go()\n", "total = 0\ndef main():\n    global total\n    total += 1\n{reads_1}\n{prints_1}\nmain()\n",
          "from __future__ import annotations\n{reads}\n{prints}\n", "import threading, sys\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 26)\ndef main():\n{reads_1}\n{prints_1}\nt = threading.Thread(target=main)\nt.start()\nt.join()\n",
          "# class Solution\n{reads}\n{prints}\n", "x = '''\n{reads}\n'''\n{reads}\n{prints}\n", "@lru_cache(None)\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\nf(500)\n{reads}\n{prints}\n", "try:\n{reads_1}\n{prints_1}\nexcept Exception:\n    print('caught')\n",
          "{reads}\n{prints}\n  \n# end", "{reads}\n{prints})\n", "import os as o, sys\n{reads}\n{prints}\n", "from math import *\nfrom collections import *\nq = deque([gcd(4, 6)])\n{reads}\n{prints}\n")


def stdin_program(rng):
    """Ways to read, to print and to wrap, mixed."""
    reads, prints = rng.choice(READS[:5] if rng.random() < 0.5 else READS), rng.choice(PRINTS[:10] if rng.random() < 0.6 else PRINTS)

    def indented(text, depth):
        return "\n".join(("    " * depth + line) if line.strip() else line for line in text.split("\n"))

    shape = rng.choice(SHAPES)
    program = shape.format(reads=reads, prints=prints, reads_1=indented(reads, 1), prints_1=indented(prints, 1), reads_2=indented(reads, 2), prints_2=indented(prints, 2))
    inputs, outputs = [], []
    for _ in range(rng.randint(1, 4)):
        a, b = [[rng.randint(-9, 99) for _ in range(3)] for _ in range(2)]
        inputs.append(" ".join(map(str, a)) + "\n" + " ".join(map(str, b)) + rng.choice(("\n", "\n", "", "\r\n", "\n\n")))
        outputs.append(f"{sum(a)} {sum(b)}" + rng.choice(("\n", "", " \n")))
    if rng.random() < 0.1:
        outputs[-1] = "0 0"
    return case("stdin", program, inputs, outputs)


RETURNS = ("sorted(nums)", "tuple(sorted(nums))", "[tuple(sorted(nums))]", "sum(nums)", "float(sum(nums))", "sum(nums) / 3", "bool(sum(nums) % 2)", "str(sum(nums))", "set(nums)", "{n: n for n in nums}",
           "{str(n): n for n in nums}", "nums.sort()", "None", "(n for n in nums)", "Counter(map(str, nums))", "defaultdict(int, {str(n): n for n in nums})", "deque(nums)", "[True, False]", "[1, 0]", "0.1 + 0.2", "float('nan')",
           "float('inf')", "10 ** 30", "-0.0", "'\\ud800'", "'\u00e4\u20ac'", "nums[::-1]", "nums + [self]", "self", "[[n] for n in nums]", "[(n, n) for n in nums]", "len(nums)", "max(nums)", "1j * 0 + sum(nums)", "b'x'", "frozenset(nums)", "range(3)",
           "OrderedDict((str(n), n) for n in nums)", "10 ** 60000", "type('E', (), {'__eq__': lambda s, o: True})()", "type('E', (), {'__eq__': lambda s, o: 1 / 0})()", "type('L', (list,), {})(nums)", "type('I', (int,), {})(len(nums))", "[nums, nums]",
           "(lambda x: x.append(x) or x)([1])", "1 / 0", "exit()", "sum(nums", "print(nums) or sorted(nums)", "self.state(nums)", "nums == sorted(nums)", "fractions.Fraction(len(nums))", "str(nums)", "[str(n) for n in nums]", "''.join(map(str, nums))")
CLASSES = ("class Solution:\n    def go(self, nums: List[int]):\n        return {value}\n", "class Solution:\n    def go(self, numbers):\n        nums = numbers\n        return {value}\n", "def go(nums):\n    return {free}\n",
           "# class Solution\ndef go(nums):\n    return {free}\n", "class Solutions:\n    def go(self, nums):\n        return {value}\n", "class solution:\n    def go(self, nums):\n        return {value}\n",
           "class Solution:\n    def __init__(self):\n        self.seen = []\n    def state(self, nums):\n        self.seen += nums\n        return self.seen\n    def go(self, nums):\n        return {value}\n",
           "class Solution(object):\n    @staticmethod\n    def go(nums, self=None):\n        return {value}\n", "class Solution:\n    def Go(self, nums):\n        return {value}\n", "import math\nclass Solution:\n    def go(self, nums: 'list[int]') -> int:\n        return {value}\nif __name__ == '__main__':\n    print(Solution().go(input()))\n",
           "class Solution:\n    go = lambda self, nums: {value}\n", "from typing import *\nimport numpy_that_is_not_there\nclass Solution:\n    def go(self, nums):\n        return {value}\n", "class Solution:\n    def go(self, *nums):\n        nums = list(nums[0])\n        return {value}\n")


def function_program(rng):
    """Values of every kind against what JSON says."""
    value = rng.choice(RETURNS)
    program = rng.choice(CLASSES[:3] if rng.random() < 0.7 else CLASSES).format(value=value, free=value.replace("self.state(nums)", "sorted(nums)").replace("self", "go"))
    if "fractions" in program:
        program = "import fractions\n" + program
    inputs, outputs = [], []
    for _ in range(rng.randint(1, 3)):
        nums = [rng.randint(-9, 30) for _ in range(rng.randint(1, 4))]
        inputs.append(rng.choice(("{}",) * 12 + (" {} ", "{}\n")).format(json.dumps(nums)))
        truth = {"sorted(nums)": sorted(nums), "sum(nums)": sum(nums), "len(nums)": len(nums), "max(nums)": max(nums), "nums[::-1]": nums[::-1]}
        guesses = [sorted(nums), sum(nums), [sorted(nums)], bool(sum(nums) % 2), str(sum(nums)), {str(n): n for n in nums}, None, [1, 0], [True, False], 0.3, 0.30000000000000004, float("nan"), float("inf"), 10 ** 30, 0, "\ud800", "\u00e4\u20ac", [nums, nums],
                   [[n] for n in nums], [[n, n] for n in nums], len(nums), [str(n) for n in nums], nums, "".join(map(str, nums)), sum(nums) / 3, nums == sorted(nums), 1, 1.0, True]
        outputs.append(json.dumps(truth.get(value, rng.choice(guesses)) if rng.random() < 0.8 else rng.choice(guesses)))
        if rng.random() < 0.03:
            outputs[-1] = rng.choice(("", "x", "[1", "1 2", "'a'"))
    return case("function", program, inputs, outputs, "go")


def slow_program(rng):
    """Time limits, deaths, deep recursion; two seconds a test."""
    wait = rng.choice(("while True:\n    pass", "import time\ntime.sleep(60)", "while True:\n    try:\n        while True: pass\n    except Exception:\n        break", "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except Exception:\n        break",
                       "import signal\nsignal.alarm(0)", "import os\nos._exit(0)", "import os\nos.abort()", "import os, signal\nsignal.raise_signal(signal.SIGKILL)", "raise KeyboardInterrupt", "def r(n):\n    return n and r(n - 1) + 1\nr(20000)", "def r(n):\n    return r(n + 1)\nr(0)",
                       "import threading\nthreading.Thread(target=lambda: None).start()", "sum(range(10 ** 5))", "class TimeoutException(Exception):\n    pass\nraise TimeoutException('mine')", "raise ValueError('TimeoutException')", "import ctypes\nctypes.string_at(0)"))
    first = rng.random() < 0.5

    def indented(text, depth):
        return "\n".join("    " * depth + line for line in text.split("\n"))

    if rng.random() < 0.6:
        program = f"n = int(input())\nif n == {1 if first else 2}:\n{indented(wait, 1)}\nprint(n)\n"
        return case("slow", program, ["1\n", "2\n", "3\n"], ["1", "2", "3"], timeout=2)
    if rng.random() < 0.3:
        return case("slow", f"{wait}\nclass Solution:\n    def go(self, n):\n        return n\n", ["1", "2"], ["1", "2"], "go", 2)
    return case("slow", f"class Solution:\n    def go(self, n):\n        if n == {1 if first else 2}:\n{indented(wait, 3)}\n        return n\n", ["1", "2", "3"], ["1", "2", "3"], "go", 2)


def cases(seed, pairs):
    """Cases with `pairs` (program, test) pairs at least."""
    rng = random.Random(f"livecodebench:{seed}")
    made, count = [], 0
    while count < pairs:
        one = rng.choices((comparison, stdin_program, function_program, slow_program), weights=(40, 30, 30, 6))[0](rng)
        made.append(one)
        count += len(one["inputs"])
    return made


def both(one):
    """Both verdicts. On a machine that is busy with other things a time limit may strike either side:
    what differs is asked up to three times."""
    for _ in range(3):
        found = official(one), ours(one)
        if found[0] == found[1]:
            break
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("official", type=Path)
    parser.add_argument("--pairs", type=int, default=2400)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    sys.path.insert(0, str(args.official))
    from lcb_runner.evaluation import testing_util  # noqa: F401  once, before the processes part
    sys.set_int_max_str_digits(50000)

    made = cases(args.seed, args.pairs)
    counts, differing, frozen = Counter(), 0, Counter()
    with multiprocessing.Pool(args.jobs) as pool:
        verdicts = pool.imap(both, made)
        lines = []
        for one, ((results, code), (own_results, own_code)) in zip(made, verdicts):
            counts[one["kind"], str(results[-1] if results else None)] += len(one["inputs"])
            if (results, code) != (own_results, own_code):
                differing += 1
                print(json.dumps({**one, "official": [results, code], "ours": [own_results, own_code]}), flush=True)
            key = one["kind"], str(results[-1] if results else None)
            if one["kind"] != "slow" and frozen[key] < 12 or frozen[key] < 3 and one["kind"] == "slow":
                frozen[key] += 1
                lines.append(json.dumps({**one, "results": results, "code": code}))
    print(f"{sum(len(one['inputs']) for one in made)} pairs in {len(made)} programs, {differing} verdicts differ")
    for key, count in sorted(counts.items()):
        print("  ", *key, count)
    if args.write:
        args.write.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
