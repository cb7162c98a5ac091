"""Prints reference figures for tests/stats/power_test.cpp from statsmodels.

    python tests/golden/stats/power_references.py
"""
from statsmodels.stats.power import TTestIndPower, TTestPower

print("one-sided", repr(TTestIndPower().power(0.3, 50, 0.05, ratio=2, alternative="larger")))
print("paired n", repr(TTestPower().solve_power(0.35, power=0.9, alpha=0.05)))
