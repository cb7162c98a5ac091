"""Prints reference figures for tests/stats/srm_test.cpp from mpmath (50 digits).

    python tests/golden/stats/ab_references.py
"""
import mpmath as mp

mp.mp.dps = 50


def log_dirichlet_e_value(counts, weights, concentration=100):
    weights = [mp.mpf(w) / sum(weights) for w in weights]
    alphas = [concentration * w for w in weights]
    value = mp.loggamma(sum(alphas)) - mp.loggamma(sum(alphas) + sum(counts))
    for count, weight, alpha in zip(counts, weights, alphas):
        value += mp.loggamma(alpha + count) - mp.loggamma(alpha) - count * mp.log(weight)
    return value


for counts in [[500_000_000, 500_000_000], [500_100_000, 499_900_000]]:
    print("ln E", counts, mp.nstr(log_dirichlet_e_value(counts, [1, 1]), 16))
