"""Prints reference figures for tests/stats/{anova,studentized_range,rank_anova,quantiles}_test.cpp
from SciPy, statsmodels and mpmath.

    python tests/golden/stats/anova_references.py
"""
import mpmath as mp
import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

mp.mp.dps = 20


def range_tail(w, k):
    def f(z):
        return mp.npdf(z) * (mp.ncdf(z) ** (k - 1) - (mp.ncdf(z) - mp.ncdf(z - w)) ** (k - 1))

    return k * mp.quad(f, [-12, -4, -2, 0, 2, 4, 8, 12, 12 + w / 2])


def studentized_tail(q, k, df):
    df = mp.mpf(df)

    def f(s):
        density = 2 * (df / 2) ** (df / 2) / mp.gamma(df / 2) * s ** (df - 1)
        density *= mp.exp(-df * s * s / 2)
        return density * range_tail(q * s, k)

    return mp.quad(f, [0, 0.2, 0.5, 0.7, 0.9, 1, 1.2, 1.5, 2, 3, 6, 12])


for q, k, df in [(3.5, 3, 20), (12, 3, 6), (8.2, 5, 60), (2.2, 4, 1.3), (25, 5, 3.7)]:
    print("range tail, mpmath", q, k, df, mp.nstr(studentized_tail(q, k, df), 12))
for q, k, df in [(3.5, 3, 20), (0.3, 6, 8), (5, 20, 12), (4.4, 50, 120)]:
    print("range tail, scipy", q, k, df, repr(float(stats.studentized_range.sf(q, k, df))))
mp.mp.dps = 150
for w, k in [(12, 4), (30, 10), (3.31449, 3)]:
    print("range tail, infinite df, mpmath", w, k, mp.nstr(range_tail(mp.mpf(w), k), 14))

groups = [[2.9, 3.0, 2.5, 2.6, 3.2], [3.8, 2.7, 4.0, 2.4], [2.8, 3.4, 3.7, 2.2, 2.0]]
f = stats.f_oneway(*groups)
print("f_oneway", repr(f.statistic), repr(f.pvalue))
hsd = stats.tukey_hsd(*groups)
interval = hsd.confidence_interval(0.9)
for i, j in [(0, 1), (0, 2), (1, 2)]:
    print("tukey_hsd", i, j, repr(hsd.pvalue[i, j]))
    print("  low, high", repr(interval.low[j, i]), repr(interval.high[j, i]))
cells = [[1.2, 0.7, 1.9], [2.0, 2.6], [3.1, 2.2, 2.9, 3.3], [0.9, 1.4], [3.8, 3.1, 4.2], [2.4, 2.0]]
frame = pd.DataFrame([(i // 3, i % 3, y) for i, cell in enumerate(cells) for y in cell],
                     columns=["a", "b", "y"])
row = anova_lm(ols("y ~ C(a) * C(b)", frame).fit(), typ=2).loc["C(a):C(b)"]
print("interaction", row.df, repr(row.F), repr(row["PR(>F)"]))
kw = stats.kruskal(*groups)
print("kruskal", repr(kw.statistic), repr(kw.pvalue))
rows = np.array([[1, 2, 3, 4], [2, 1, 4, 3], [1, 3, 2, 4], [1, 1, 3, 3], [2, 3, 1, 4]])
fr = stats.friedmanchisquare(*rows.T)
print("friedman", repr(fr.statistic), repr(fr.pvalue))
print("quantile", repr(float(np.quantile([3.1, -2, 8.8, 4.5, 0.2, 7], 0.37))))
