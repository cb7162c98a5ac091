"""Figures of comparisons beyond the paired test: margins, effect intervals, permutation of clusters,
unpaired runs, rankings, plans. Printed for tests/evals/comparison_designs_test.cpp.

    python tests/golden/evals/comparison_designs.py      # SciPy, statsmodels
"""
import itertools

import numpy as np
import scipy
import statsmodels
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import ttost_paired

print("scipy", scipy.__version__, "statsmodels", statsmodels.__version__)

a = np.array([1.0 if row < 22 else 0.0 for row in range(40)])
b = np.array([1.0 if row < 18 or 22 <= row < 33 else 0.0 for row in range(40)])
d = b - a
n = len(d)
se = d.std(ddof=1) / np.sqrt(n)
t90 = stats.t.ppf(0.95, n - 1)
print("tost 0.4", ttost_paired(b, a, -0.4, 0.4)[0], "ci90", d.mean() - t90 * se, d.mean() + t90 * se)
print("no worse 0.02", stats.t.sf((d.mean() + 0.02) / se, n - 1))
t = d.mean() / se
low = optimize.brentq(lambda nc: stats.nct.cdf(t, n - 1, nc) - 0.975, -10, 10)
high = optimize.brentq(lambda nc: stats.nct.cdf(t, n - 1, nc) - 0.025, -10, 10)
print("d_z", t / np.sqrt(n), low / np.sqrt(n), high / np.sqrt(n))

# Forty pairs in ten clusters of row % 10: exact flips of whole clusters.
sums = np.array([d[c::10].sum() for c in range(10)])
flips = np.array([abs((np.array(s) * sums).sum()) for s in itertools.product([-1, 1], repeat=10)])
print("permutation", np.mean(flips >= abs(sums.sum()) * (1 - 1e-12)))

# 30 of 50 in A, 45 of 60 other questions in B.
print("two shares p", proportions_ztest([45, 30], [60, 50])[1])
# A: 12 questions of 4 epochs, B: 10 others: Welch on the questions' means.
wa = np.array([(row * 7 % 5) / 4 for row in range(12)])
wb = np.array([(row * 3 % 4 + 1) / 4 for row in range(10)])
welch = stats.ttest_ind(wb, wa, equal_var=False)
ci = welch.confidence_interval(0.95)
print("welch", wb.mean() - wa.mean(), welch.df, welch.pvalue, ci.low, ci.high)

# Three runs over 30 questions, right when (row * step) % 7 < limit.
x = np.array([[1.0 if (row * s) % 7 < k else 0.0 for s, k in [(1, 3), (2, 4), (3, 6)]]
              for row in range(30)])
q = cochrans_q(x)
print("cochran", q.statistic, q.pvalue)


def fit(table):
    k = table.shape[1]

    def loss(theta):
        theta = np.concatenate([[0], theta])
        total = 0
        for i in range(k):
            for j in range(i + 1, k):
                p = 1 / (1 + np.exp(theta[j] - theta[i]))
                wi = np.mean(table[:, i] > table[:, j]) + np.mean(table[:, i] == table[:, j]) / 2
                total -= wi * np.log(p) + (1 - wi) * np.log(1 - p)
        return total

    theta = np.concatenate([[0], optimize.minimize(loss, np.zeros(k - 1), tol=1e-14).x])
    return theta - theta.mean()


theta = fit(x)
k = 3
hessian = np.zeros((k, k))
meat = np.zeros((k, k))
for row in x:
    g = np.zeros(k)
    for i in range(k):
        for j in range(i + 1, k):
            p = 1 / (1 + np.exp(theta[j] - theta[i]))
            w = 1.0 if row[i] > row[j] else 0.5 if row[i] == row[j] else 0.0
            g[i] += w - p
            g[j] -= w - p
            e = np.zeros(k)
            e[i], e[j] = 1, -1
            hessian += p * (1 - p) * np.outer(e, e)
    meat += np.outer(g, g)
inverse = np.linalg.pinv(hessian)
error = np.sqrt(np.diag(inverse @ meat @ inverse))
print("strengths", theta, "errors", error)
