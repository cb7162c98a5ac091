#!/usr/bin/env python3
"""Nights of one series and what is to be said of them, with NumPy and SciPy (tests/evals/series_test.cpp).

    python3 make_series_nights.py > series_nights.json      # numpy 2, scipy 1.16

60 questions in 20 clusters of 3 over nights that lose 8 points from the 13th on; until the first alarm.
"""
import json
import math

import numpy as np
from scipy import stats

WINDOW, MIN_NIGHTS, RUN_LENGTH, ALPHA = 6, 4, 40.0, 0.05
BETS = [0.25, 0.5, 1.0, 2.0, 3.0]

rng = np.random.default_rng(20261126)
chances = np.clip(rng.beta(1.2, 0.8, size=60), 0.02, 0.98)
nights = []
for t in range(24):
    p = np.clip(chances - (0.12 if t >= 12 else 0) + rng.normal(0, 0.02), 0, 1)
    nights.append((rng.uniform(size=60) < p).astype(int))
nights = np.array(nights)


def clustered(d):
    """Mean, CR1 standard error and degrees of freedom over clusters of 3."""
    u = (d - d.mean()).reshape(20, 3).sum(axis=1)
    return d.mean(), math.sqrt((u @ u) / len(d) ** 2 * 20 / 19), 19


def lord_level(t):  # before any rejection
    return ALPHA / 10 * 0.07720838 * math.log(max(t, 2)) / (t * math.exp(math.sqrt(math.log(t))))


def lenient(difference, views):
    return max(views, key=lambda v: stats.t.sf(abs(difference) / v[0], v[1]))


levels, out, num_tests = [], [], 0
logs = np.full(len(BETS), -np.inf)
for t, values in enumerate(nights):
    said = {"estimate": values.mean()}
    if t == 0:
        levels.append(values.mean())
        out.append(said)
        continue
    w = min(WINDOW, t)
    d = values - nights[t - w:t].mean(axis=0)
    difference, error, df = clustered(d)
    error = max(error, 1 / 60)
    said["difference"] = difference
    said["sampling_error"] = error
    level = np.mean(levels[t - w:t]) + difference
    if w >= MIN_NIGHTS:
        s = np.std(levels[t - w:t], ddof=1)
        views = [(error, df), (s * math.sqrt(1 + 1 / w), w - 1)]
        se, used = lenient(difference, views)
        num_tests += 1
        half = stats.t.ppf(0.975, used) * se
        reach = max(v[0] * stats.t.ppf(1 - stats.norm.sf(3), v[1]) for v in views)
        said |= {"std_error": se, "df": used, "p": stats.t.sf(-difference / se, used),
                 "test_level": lord_level(num_tests), "difference_low": difference - half,
                 "difference_high": difference + half, "center": np.mean(levels[t - w:t]),
                 "limit_low": np.mean(levels[t - w:t]) - reach}
        m = len(levels)
        residual = level - np.mean(levels)
        own = error / math.sqrt(1 + 1 / w) * math.sqrt(1 + 1 / m)
        se, used = lenient(residual, [(own, df), (np.std(levels, ddof=1) * math.sqrt(1 + 1 / m), m - 1)])
        z = stats.norm.isf(stats.t.sf(residual / se, used))
        said["z"] = z
        logs = np.array([np.logaddexp(0, r) - b * z - b * b / 2 for r, b in zip(logs, BETS)])
        said["down"] = list(logs)
        said["alarm"] = bool(np.logaddexp.reduce(logs) - math.log(len(BETS)) >= math.log(RUN_LENGTH))
        assert said["p"] > said["test_level"]
    levels.append(level)
    out.append(said)
    if said.get("alarm"):
        break

print(json.dumps({"values": [v.tolist() for v in nights[:len(out)]], "said": out}))
