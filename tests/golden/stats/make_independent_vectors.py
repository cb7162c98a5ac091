"""Makes independent_vectors.json: further vectors, in the form of vectors.json, whose results come
from libraries that share no code with the specification.

    python -m venv venv
    venv/bin/pip install numpy scipy statsmodels scikit-learn krippendorff choix ppi-python online-fdr
    venv/bin/python tests/golden/stats/make_independent_vectors.py

Written by krippendorff 0.9.0, choix 0.4.1, ppi-python 0.2.3, online-fdr 1.0.0, scikit-learn 1.9.1,
statsmodels 0.15.0, SciPy 1.17.1.
"""
import json
import pathlib

import choix
import krippendorff
import numpy as np
from online_fdr.e_values.batch import e_bh
from online_fdr.p_values.investing.addis.addis import Addis
from online_fdr.p_values.investing.lond.lond import Lond
from online_fdr.p_values.investing.lord.plus_plus import LordPlusPlus
from online_fdr.p_values.investing.saffron.saffron import Saffron
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy import optimize, stats
from sklearn import metrics
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

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
target = pathlib.Path(__file__).with_name("independent_vectors.json")
target.write_text("[\n" + ",\n".join(json.dumps(b) for b in blocks) + "\n]\n")
