"""Prints reference figures for tests/stats/bayesian_test.cpp from mpmath (50 digits).

    python tests/golden/stats/bayesian_references.py
"""
import mpmath as mp

mp.mp.dps = 60
for z in [-3, 0.5, 1.99, 2, 6, 20, 35]:
    z = mp.mpf(z)
    q = mp.erfc(z / mp.sqrt(2)) / 2
    print("loss", mp.nstr(z, 5), mp.nstr(mp.npdf(z) - z * q, 17))
