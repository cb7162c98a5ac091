"""RMS calibration errors by NumPy, for tests/evals/hle_test.cpp.

    python tests/golden/evals/make_hle_figures.py > tests/golden/evals/hle_figures.json

Written from the description of the official procedure: bins of 100 by rising confidence, the rest in the last bin,
which is left out of the sum. Once with NumPy's own sort, once with a stable one. NumPy 2.
"""
import json

import numpy as np


def figures(confidence, correct, num_rows, kind):
    order = np.argsort(confidence, kind=kind)
    confidence, correct = confidence[order], correct[order]
    edges = [[i * 100, (i + 1) * 100] for i in range(len(confidence) // 100)]
    edges[-1][1] = len(confidence)
    total = 0.0
    for low, high in edges[:-1]:
        gap = abs(np.mean(confidence[low:high]) - np.mean(correct[low:high]))
        total += (high - low) / len(confidence) * gap ** 2
    accuracy = round(100 * int(correct.sum()) / num_rows, 2)
    half_width = round(1.96 * float(np.sqrt(accuracy * (100 - accuracy) / num_rows)), 2)
    return accuracy, half_width, float(round(np.sqrt(total), 2) * 100)


def main():
    rng = np.random.default_rng(20261127)
    cases = []
    for case in range(12):
        judged = int(rng.integers(100, 700))
        rows = judged + int(rng.integers(0, 200))
        tied = case % 3 == 2
        percent = rng.choice([50, 80, 90, 95, 100], judged) if tied else rng.permutation(10_001)[:judged] / 100
        confidence = percent / 100
        correct = (rng.random(judged) < confidence * rng.random()).astype(float)
        stable = figures(confidence, correct, rows, "stable")
        default = figures(confidence, correct, rows, None)
        cases.append({"rows": rows, "tied": tied, "percent": [float(p) for p in percent],
                      "correct": "".join(str(int(c)) for c in correct),
                      "accuracy": stable[0], "half_width": stable[1], "stable": stable[2], "default": default[2]})
    print(json.dumps(cases, separators=(",", ":")))


if __name__ == "__main__":
    main()
