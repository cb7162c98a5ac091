"""Makes independent_vectors.json: further vectors, in the form of vectors.json, whose results come
from libraries that share no code with the specification.

    python -m venv venv
    venv/bin/pip install numpy scipy statsmodels scikit-learn krippendorff choix ppi-python online-fdr gbstats
    venv/bin/python tests/golden/stats/make_independent_vectors.py

Written by krippendorff 0.9.0, choix 0.4.1, ppi-python 0.2.3, online-fdr 1.0.0, gbstats 0.8.0, scikit-learn 1.9.1,
statsmodels 0.15.0, SciPy 1.17.1.
"""
import json
import pathlib

import choix
import krippendorff
import numpy as np
import statsmodels.api as sm
from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
from gbstats.models.statistics import RatioStatistic, SampleMeanStatistic
from online_fdr.e_values.batch import e_bh
from online_fdr.p_values.investing.addis.addis import Addis
from online_fdr.p_values.investing.lond.lond import Lond
from online_fdr.p_values.investing.lord.plus_plus import LordPlusPlus
from online_fdr.p_values.investing.saffron.saffron import Saffron
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy import integrate, optimize, stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

rng = np.random.default_rng(20240607)
blocks = []


def block(proc, tol, oracle, vectors):
    blocks.append({"proc": proc, "tol": tol, "oracle": oracle, "vectors": vectors})


def numbers(values):
    return [float(v) for v in values]


def online_fdr():
    vectors = []
    for share, scale in [(0.3, 3000), (0.05, 300), (0.8, 50)]:
        small = rng.random(80) < share
        p = np.round(np.where(small, rng.random(80) / scale, rng.random(80) ** 0.8), 6)
        out = {}
        tests = {
            "lord_pp": LordPlusPlus(0.05, 0.005),
            "saffron": Saffron(0.05, 0.025, 0.5),
            "addis": Addis(0.05, 0.025, 0.25, 0.5),
            "lond": Lond(0.05),
        }
        for name, test in tests.items():
            alphas, rejects = [], []
            for value in p:
                rejects.append(int(test.test_one(float(value))))
                alphas.append(float(test.alpha))
            out[name + "_alpha"] = alphas
            if name != "lond":
                out[name + "_reject"] = rejects
        vectors.append({"in": {"p": numbers(p), "alpha": 0.05}, "out": out})
    block("online_fdr", 1e-12, "online-fdr", vectors)


def e_values():
    vectors = []
    for scale in [1, 3]:
        e = np.round(np.exp(scale * rng.standard_normal(30)), 3)
        rejected = [i for i, r in enumerate(e_bh(numbers(e), 0.2)) if r]
        vectors.append({"in": {"e": numbers(e), "alpha": 0.2},
                        "out": {"ebh_k": len(rejected), "ebh_rejected_indices": rejected}})
    block("e_values", 1e-12, "online-fdr", vectors)


def krippendorff_alpha():
    vectors = []
    for raters, units, missing in [(3, 25, 0.3), (5, 40, 0.6), (2, 30, 0.0)]:
        truth = rng.integers(1, 7, units)
        ratings = np.clip(truth + rng.integers(-1, 2, (raters, units)), 0, 8).astype(float)
        ratings[rng.random((raters, units)) < missing] = np.nan
        rows = [[None if np.isnan(v) else float(v) for v in row] for row in ratings]
        out = {level: float(krippendorff.alpha(reliability_data=ratings, level_of_measurement=level))
               for level in ["nominal", "ordinal", "interval", "ratio"]}
        vectors.append({"in": {"ratings_rows_raters": rows}, "out": out})
    block("krippendorff_alpha", 1e-10, "krippendorff", vectors)


def kappas():
    vectors = []
    for items, noise in [(60, 0.3), (200, 0.7)]:
        first = rng.integers(0, 4, items)
        second = np.where(rng.random(items) < noise, rng.integers(0, 4, items), first)
        table = np.zeros((4, 4))
        np.add.at(table, (first, second), 1)
        out = {}
        for name, wt in [("none", None), ("linear", "linear"), ("quadratic", "quadratic")]:
            kappa = metrics.cohen_kappa_score(first, second, labels=range(4), weights=wt)
            fit = cohens_kappa(table, wt=wt)
            assert abs(kappa - fit.kappa) < 1e-12
            # var_kappa and var_kappa0 are squares of the standard errors.
            out[name] = {"kappa": float(kappa), "se": float(np.sqrt(fit.var_kappa)),
                         "se0": float(np.sqrt(fit.var_kappa0))}
        vectors.append({"in": {"rater1": first.tolist(), "rater2": second.tolist(),
                               "categories": [0, 1, 2, 3]}, "out": out})
    block("cohens_kappa", 1e-10, "scikit-learn, statsmodels", vectors)

    counts = rng.multinomial(6, [0.5, 0.3, 0.1, 0.1], 20)
    block("fleiss_kappa", 1e-10, "statsmodels", [
        {"in": {"counts": counts.tolist()}, "out": {"kappa": float(fleiss_kappa(counts))}}])


def calibration():
    vectors = []
    for n in [50, 333]:
        confidence = np.round(rng.random(n), 4)
        correct = (rng.random(n) < confidence**1.5).astype(int)
        vectors.append({"in": {"confidence": numbers(confidence), "correct": correct.tolist()},
                        "out": {"brier": float(metrics.brier_score_loss(correct, confidence)),
                                "log_loss": float(metrics.log_loss(correct, confidence))}})
    block("calibration", 1e-12, "scikit-learn", vectors)
    scores = np.round(rng.standard_normal(80), 1)
    labels = rng.random(80) < 1 / (1 + np.exp(-scores))
    block("auroc", 1e-12, "scikit-learn", [
        {"in": {"pos": numbers(scores[labels]), "neg": numbers(scores[~labels])},
         "out": {"auroc": float(metrics.roc_auc_score(labels, scores))}}])


def ppi():
    vectors = []
    for n, unlabelled, noise in [(40, 300, 0.3), (60, 80, 1.5)]:
        y = np.round(rng.random(n), 3)
        f = np.round(y + noise * (rng.random(n) - 0.5), 3)
        fu = np.round(rng.random(unlabelled) + 0.1, 3)
        out = {}
        for name, lam in [("ppi", 1), ("classical", 0), ("ppi_plus_plus", None)]:
            theta = ppi_mean_pointestimate(y, f, fu, lam=lam)
            low, high = ppi_mean_ci(y, f, fu, alpha=0.1, lam=lam)
            out[name] = {"theta": float(np.ravel(theta)[0]),
                         "ci90": [float(np.ravel(low)[0]), float(np.ravel(high)[0])]}
        vectors.append({"in": {"y": numbers(y), "f_labelled": numbers(f),
                               "f_unlabelled": numbers(fu), "alpha": 0.1}, "out": out})
    block("ppi_mean", 1e-9, "ppi-python", vectors)


def bradley_terry():
    vectors = []
    for players, battles in [(6, 300), (9, 900)]:
        strength = rng.standard_normal(players)
        wins = np.zeros((players, players))
        for _ in range(battles):
            i, j = rng.choice(players, 2, replace=False)
            if rng.random() < 1 / (1 + np.exp(strength[j] - strength[i])):
                wins[i, j] += 1
            else:
                wins[j, i] += 1
        rows, data = [], []
        for i in range(players):
            for j in range(i + 1, players):
                rows.append([i, j, int(wins[i, j]), int(wins[j, i])])
                data += [(i, j)] * int(wins[i, j]) + [(j, i)] * int(wins[j, i])
        theta = choix.ilsr_pairwise(players, data, alpha=0, max_iter=1000, tol=1e-13)
        theta = theta - theta[0]
        vectors.append({"in": {"rows_i_j_wi_wj": rows, "reference": 0},
                        "out": {"theta": numbers(theta)}})
    block("bradley_terry", 1e-7, "choix ilsr_pairwise", vectors)


def irt():
    vectors = []
    for items in [12, 40]:
        a = np.round(0.5 + 1.5 * rng.random(items), 3)
        b = np.round(rng.standard_normal(items), 3)
        y = (rng.random(items) < 1 / (1 + np.exp(-a * (0.5 - b)))).astype(int)

        def slope(theta, prior):
            return np.sum(a * (y - 1 / (1 + np.exp(-a * (theta - b))))) - prior * theta

        out = {}
        for name, prior in [("mle", 0), ("map", 1)]:
            theta = optimize.brentq(slope, -20, 20, args=(prior,), xtol=1e-15, rtol=1e-15)
            p = 1 / (1 + np.exp(-a * (theta - b)))
            key = "theta_mle" if name == "mle" else "theta_map_n01"
            out[key] = float(theta)
            out["se_" + name] = float((prior + np.sum(a * a * p * (1 - p))) ** -0.5)
        vectors.append({"in": {"a": numbers(a), "b": numbers(b), "y": y.tolist()}, "out": out})
    block("irt_2pl_ability", 1e-10, "SciPy brentq on the likelihood equation", vectors)


def quantiles():
    vectors = []
    for n, p in [(37, 0.5), (120, 0.9), (15, 0.2)]:
        x = np.round(rng.exponential(2, n), 3)
        vectors.append({"in": {"x": numbers(x), "p": p, "conf": 0.95},
                        "out": {"q7": float(np.quantile(x, p))}})
    block("quantile_ci", 1e-12, "numpy", vectors)


def variance():
    groups = [np.round(rng.standard_normal(n) + m, 2) for n, m in [(8, 0), (12, 0.5), (9, 1), (6, 0)]]
    f = stats.f_oneway(*groups)
    kw = stats.kruskal(*groups)
    block("anova", 1e-10, "SciPy f_oneway", [
        {"in": {"groups": [numbers(g) for g in groups]},
         "out": {"F": float(f.statistic), "p": float(f.pvalue)}}])
    block("kruskal_wallis", 1e-10, "SciPy kruskal", [
        {"in": {"groups": [numbers(g) for g in groups]},
         "out": {"H": float(kw.statistic), "p": float(kw.pvalue)}}])
    block("studentized_range", 1e-9, "SciPy studentized_range", [
        {"in": {"q": q, "k": k, "df": df},
         "out": {"sf": float(stats.studentized_range.sf(q, k, df))}}
        for q, k, df in [(0.7, 3, 7), (3.9, 12, 25.5), (6.2, 8, 5), (2.8, 2, 90)]])


def experiments():
    vectors = []
    for weights, units in [([0.2, 0.3, 0.5], 4000), ([1, 1], 250_000), ([5, 95], 3000)]:
        shares = np.array(weights) / sum(weights)
        drift = shares * np.exp(0.03 * rng.standard_normal(len(weights)))
        observed = rng.multinomial(units, drift / drift.sum())
        test = stats.chisquare(observed, shares * observed.sum())
        n = int(observed.sum())
        log_e = (stats.dirichlet_multinomial.logpmf(observed, 100 * shares, n)
                 - stats.multinomial.logpmf(observed, n, shares))
        vectors.append({"in": {"observed": observed.tolist(), "weights": weights},
                        "out": {"chi2": float(test.statistic), "p": float(test.pvalue),
                                "log_e_dirichlet_c100": float(log_e)}})
    block("srm", 1e-7, "SciPy chisquare, dirichlet_multinomial", vectors)

    den = np.round(3 + 4 * rng.random(40), 2)
    num = np.round(den * (0.5 + 0.3 * rng.random(40)), 2)
    ratio = RatioStatistic(
        n=40, m_statistic=SampleMeanStatistic(n=40, sum=num.sum(), sum_squares=(num**2).sum()),
        d_statistic=SampleMeanStatistic(n=40, sum=den.sum(), sum_squares=(den**2).sum()),
        m_d_sum_of_products=(num * den).sum())
    block("ratio_metric", 1e-9, "gbstats RatioStatistic", [
        {"in": {"num": numbers(num), "den": numbers(den)},
         "out": {"ratio": float(ratio.mean), "se": float(np.sqrt(ratio.variance / 40))}}])

    vectors = []
    for shift in [0.4, -0.2]:
        a = np.round(5 + rng.standard_normal(30), 2)
        b = np.round(5 + shift + 1.5 * rng.standard_normal(45), 2)
        arms = [SampleMeanStatistic(n=len(x), sum=x.sum(), sum_squares=(x**2).sum()) for x in (a, b)]
        result = TwoSidedTTest(arms[0], arms[1], FrequentistConfig(difference_type="relative"))
        stderr = np.sqrt(result.variance)
        vectors.append({"in": {"a": numbers(a), "b": numbers(b), "conf": 0.95},
                        "out": {"lift": float(b.mean() / a.mean() - 1), "se_delta": float(stderr)}})
    block("relative_lift", 1e-9, "gbstats TwoSidedTTest", vectors)

    vectors = []
    for sizes in [(15, 20), (40, 25)]:
        x = [np.round(10 + 2 * rng.standard_normal(n), 2) for n in sizes]
        y = [np.round(v + rng.standard_normal(len(v)) + 0.5 * arm, 2) for arm, v in enumerate(x)]
        everything = np.concatenate(x)
        design = np.column_stack([np.ones(sum(sizes)), np.repeat([0, 1], sizes), everything])
        theta = sm.OLS(np.concatenate(y), design).fit().params[2]
        pooled = np.cov(np.concatenate(y), everything)
        out = {"theta_within": float(theta), "theta_pooled": float(pooled[0, 1] / pooled[1, 1])}
        for name in ["within", "pooled"]:
            slope = out["theta_" + name]
            adjusted = [v - slope * (u - everything.mean()) for v, u in zip(y, x)]
            test = stats.ttest_ind(adjusted[1], adjusted[0], equal_var=False)
            out["p_" + name] = float(test.pvalue)
            out["df_" + name] = float(test.df)
            out["diff_" + name] = float(adjusted[1].mean() - adjusted[0].mean())
        vectors.append({"in": {"y_control": numbers(y[0]), "x_control": numbers(x[0]),
                               "y_treatment": numbers(y[1]), "x_treatment": numbers(x[1])}, "out": out})
    block("cuped", 1e-9, "statsmodels OLS, SciPy ttest_ind", vectors)


def equivalence():
    a = np.round(rng.random(18), 2)
    b = np.round(a + 0.05 * rng.standard_normal(18), 2)
    c = np.round(rng.random(25), 2)
    p, low, high = ttost_paired(b, a, -0.04, 0.06)
    block("tost_paired", 1e-9, "statsmodels ttost_paired", [
        {"in": {"a": numbers(a), "b": numbers(b), "low": -0.04, "high": 0.06},
         "out": {"p": float(p), "p_lower": float(low[1]), "p_upper": float(high[1])}}])
    p, low, high = ttost_ind(c, a, -0.2, 0.3, usevar="unequal")
    block("tost_welch", 1e-9, "statsmodels ttost_ind", [
        {"in": {"a": numbers(a), "b": numbers(c), "low": -0.2, "high": 0.3},
         "out": {"p": float(p), "p_lower": float(low[1]), "p_upper": float(high[1]),
                 "df": float(low[2])}}])


def power():
    vectors = []
    for n1, n2, d, alpha in [(20, 35, 0.6, 0.01), (500, 500, 0.15, 0.1), (3, 4, 2.5, 0.05)]:
        value = TTestIndPower().power(d, n1, alpha, ratio=n2 / n1)
        vectors.append({"in": {"n1": n1, "n2": n2, "d": d, "alpha": alpha},
                        "out": {"power": float(value)}})
    block("power_t_two_sample", 1e-10, "statsmodels TTestIndPower", vectors)
    block("power_t_paired", 1e-10, "statsmodels TTestPower", [
        {"in": {"n": n, "d_z": d, "alpha": 0.05}, "out": {"power": float(TTestPower().power(d, n, 0.05))}}
        for n, d in [(12, 0.9), (150, 0.25)]])
    p = np.round(rng.random(12) ** 3, 5)
    out = {name: numbers(multipletests(p, method=method)[1])
           for name, method in [("bonferroni", "bonferroni"), ("holm", "holm"),
                                ("hochberg", "simes-hochberg"), ("bh", "fdr_bh"), ("by", "fdr_by")]}
    block("p_adjust", 1e-12, "statsmodels multipletests", [{"in": {"p": numbers(p)}, "out": out}])


def bayesian():
    vectors = []
    for prior, (x_a, n_a), (x_b, n_b) in [([0.5, 0.5], (7, 31), (12, 29)), ([3, 2.5], (40, 50), (33, 50)),
                                          ([1, 1], (0, 15), (15, 15))]:
        a = stats.beta(prior[0] + x_a, prior[1] + n_a - x_a)
        b = stats.beta(prior[0] + x_b, prior[1] + n_b - x_b)
        points = [0.1, 0.3, 0.5, 0.7, 0.9]

        def area(f):
            return float(integrate.quad(f, 0, 1, points=points, epsabs=1e-14, epsrel=1e-12, limit=500)[0])

        vectors.append({"in": {"prior": prior, "x_a": x_a, "n_a": n_a, "x_b": x_b, "n_b": n_b},
                        "out": {"p_b_beats_a": area(lambda t: b.pdf(t) * a.cdf(t)),
                                "expected_loss_choose_a": area(lambda t: a.cdf(t) * b.sf(t)),
                                "cri_a": numbers(a.ppf([0.025, 0.975]))}})
    block("beta_binomial", 1e-8, "SciPy quad", vectors)


def tables():
    table = (rng.random((60, 4)) < [0.5, 0.6, 0.7, 0.5]).astype(int)
    q = cochrans_q(table)
    block("cochran_q", 1e-10, "statsmodels cochrans_q", [
        {"in": {"rows_questions_cols_models": table.tolist()},
         "out": {"Q": float(q.statistic), "p": float(q.pvalue)}}])
    values = rng.integers(0, 5, (25, 3))
    test = stats.friedmanchisquare(*values.T)
    block("friedman", 1e-10, "SciPy friedmanchisquare", [
        {"in": {"rows_questions_cols_models": values.tolist()},
         "out": {"chi2": float(test.statistic), "p": float(test.pvalue)}}])


online_fdr()
e_values()
krippendorff_alpha()
kappas()
calibration()
ppi()
bradley_terry()
irt()
quantiles()
variance()
experiments()
equivalence()
power()
bayesian()
tables()
target = pathlib.Path(__file__).with_name("independent_vectors.json")
target.write_text("[\n" + ",\n".join(json.dumps(b) for b in blocks) + "\n]\n")
