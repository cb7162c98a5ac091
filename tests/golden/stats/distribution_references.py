"""Prints reference figures for tests/stats/distributions_test.cpp: F tails, ln B and Stirling's
remainder from mpmath (40 digits), binomial quantiles from SciPy.

    python tests/golden/stats/distribution_references.py
"""
import mpmath as mp
import scipy.stats as st

mp.mp.dps = 40


def log_f_tail(f, df1, df2):
    x = mp.mpf(df2) / (df2 + mp.mpf(df1) * f)
    a, b = mp.mpf(df2) / 2, mp.mpf(df1) / 2
    series = mp.log(mp.hyp2f1(a + b, 1, a + 1, x))
    return series + a * mp.log(x) + b * mp.log(1 - x) - mp.log(a) - mp.log(mp.beta(a, b))


for f, df1, df2 in [(3.2, 2, 15), (0.4, 5.5, 7.25), (900, 3, 400), (5000, 10, 900)]:
    print("ln P(F > f)", f, df1, df2, mp.nstr(log_f_tail(f, df1, df2), 17))
for a, b in [(0.5, 3), (2, 1e9), (40, 60), (1e5, 3e7), (1e-3, 2e-3), (25, 26)]:
    print("ln B", a, b, mp.nstr(mp.log(mp.beta(mp.mpf(a), mp.mpf(b))), 17))
for x in [0.3, 9.99, 10, 25, 1e6]:
    x = mp.mpf(x)
    stirling = (x - mp.mpf(1) / 2) * mp.log(x) - x + mp.log(2 * mp.pi) / 2
    print("stirling error", mp.nstr(x, 5), mp.nstr(mp.loggamma(x) - stirling, 17))
for q, n, p in [(0.025, 20, 0.5), (0.975, 20, 0.5), (0.2, 1000000, 0.37)]:
    print("binomial quantile", q, n, p, st.binom.ppf(q, n, p))
