"""Pairs of mathematical answers, equal and unequal by SymPy, for tests/evals/math_test.cpp.

    pip install sympy
    python tests/golden/evals/make_math_pairs.py [--pairs 1500] [--seed 1] > pairs.jsonl
    python tests/golden/evals/make_math_pairs.py --pairs 400 > tests/golden/evals/math_pairs.jsonl

SymPy 1.14. Each line is {"a", "b", "equal", "kind"}; both sides are printed by SymPy's latex(). Equal ones are one
expression and a rewriting of it that simplify() proves the same; unequal ones differ by a number that is not small.
"""
import argparse
import json
import random

import sympy as sp

x, y, n = sp.symbols("x y n")


def small(rng, low=-6, high=6):
    while True:
        value = rng.randint(low, high)
        if value:
            return sp.Integer(value)


def ratio(rng):
    return sp.Rational(rng.randint(-20, 20) or 1, rng.randint(1, 12))


def polynomial(rng, symbols, degree=2):
    return sum(small(rng) * sp.prod(s ** rng.randint(0, degree) for s in symbols) for _ in range(rng.randint(2, 3)))


def of_numbers(rng):
    a, b, c, d = (ratio(rng) for _ in range(4))
    first = sp.UnevaluatedExpr(a) + sp.UnevaluatedExpr(b) * sp.UnevaluatedExpr(c)
    return first, first.doit() if rng.random() < 0.7 else sp.UnevaluatedExpr(a - d) + (d + b * c)


def of_polynomials(rng):
    a, b = polynomial(rng, [x, y]), polynomial(rng, [x])
    return a * b, rng.choice([sp.expand, sp.factor])(a * b)


def of_fractions(rng):
    a, b, c = polynomial(rng, [x]), x + small(rng), x + small(rng)
    first = a / b + small(rng) / c
    return first, rng.choice([sp.together, sp.cancel, lambda e: sp.apart(e, x)])(first)


def of_surds(rng):
    roots = [sp.sqrt(rng.choice([2, 3, 5, 6, 7, 8, 12])) for _ in range(2)]
    a, b = small(rng) + small(rng) * roots[0], small(rng, 1, 5) + small(rng) * roots[1]
    if b == 0:
        return of_surds(rng)
    return a / b, rng.choice([sp.radsimp, lambda e: sp.expand(sp.radsimp(e))])(a / b)


def of_nested_surds(rng):
    a, b = rng.randint(1, 5), rng.choice([2, 3, 5, 7])
    inner = sp.expand((a + sp.sqrt(b)) ** 2)
    return sp.sqrt(inner), a + sp.sqrt(b)


def of_cube_roots(rng):
    a = sp.cbrt(rng.choice([2, 3, 5]))
    b = small(rng, 1, 4)
    return 1 / (a + b), (a ** 2 - a * b + b ** 2) / (a ** 3 + b ** 3)


def of_trigonometry(rng):
    k, a = rng.randint(2, 4), rng.choice([x, 2 * x, x + y])
    return rng.choice([
        (sp.sin(k * a), sp.expand_trig(sp.sin(k * a))),
        (sp.cos(k * x), sp.expand_trig(sp.cos(k * x))),
        (sp.cos(a) ** 2, 1 - sp.sin(a) ** 2),
        (sp.tan(x), sp.sin(x) / sp.cos(x)),
        (sp.sin(x) * sp.cos(y), (sp.sin(x + y) + sp.sin(x - y)) / 2),
        (sp.cos(x) ** 2, (1 + sp.cos(2 * x)) / 2),
        (1 / sp.cos(x) ** 2, 1 + sp.tan(x) ** 2)])


def of_angles(rng):
    k = rng.randint(1, 23)
    angle = sp.pi * sp.Rational(k, 12)
    name = rng.choice([sp.sin, sp.cos])
    return name(angle, evaluate=False), sp.expand(sp.radsimp(sp.sqrtdenest(name(angle).rewrite(sp.sqrt))))


def of_exponentials(rng):
    k, m = small(rng), small(rng)
    base = sp.Integer(rng.choice([2, 3, 5]))
    return rng.choice([
        (sp.exp(k * x + m), sp.exp(m) * sp.exp(k * x)),
        (base ** (x + m), base ** x * base ** m),
        ((base ** 2) ** x, base ** (2 * x)),
        (sp.sinh(x), (sp.exp(x) - sp.exp(-x)) / 2),
        (sp.cosh(x) ** 2 - sp.sinh(x) ** 2, sp.Integer(1)),
        (sp.exp(x) * sp.exp(y), sp.exp(x + y))])


def of_logarithms(rng):
    a, b = rng.randint(2, 30), rng.randint(2, 30)
    return rng.choice([
        (sp.log(a * b, evaluate=False), sp.log(a, evaluate=False) + sp.log(b, evaluate=False)),
        (sp.log(sp.Rational(a, b), evaluate=False), sp.log(a, evaluate=False) - sp.log(b, evaluate=False)),
        (sp.log(a ** 3, evaluate=False), 3 * sp.log(a, evaluate=False)),
        (sp.log(a, evaluate=False) / sp.log(8, evaluate=False), sp.log(a, evaluate=False) / (3 * sp.log(2)))])


def of_complex_numbers(rng):
    a, b = small(rng) + small(rng) * sp.I, small(rng) + small(rng) * sp.I
    return a / b, sp.nsimplify(sp.expand_complex(a / b))


def of_constants(rng):
    a, b = ratio(rng), ratio(rng)
    first = (sp.pi + a) * (sp.pi - b)
    return first, sp.expand(first)


def of_combinatorics(rng):
    a, b = rng.randint(4, 12), rng.randint(1, 4)
    return sp.binomial(a, b, evaluate=False), sp.binomial(a, b) if rng.random() < 0.5 else \
        sp.factorial(a, evaluate=False) / (sp.factorial(b, evaluate=False) * sp.factorial(a - b, evaluate=False))


KINDS = [of_numbers, of_polynomials, of_fractions, of_surds, of_nested_surds, of_cube_roots, of_trigonometry, of_angles,
         of_exponentials, of_logarithms, of_complex_numbers, of_constants, of_combinatorics]


def difference(a, b):
    """None where SymPy does not decide; else whether a and b are the same."""
    gap = sp.sympify(a - b).doit()
    points = [{s: sp.Rational(k * 7 + i * 3 + 5, 11) for i, s in enumerate(sorted(gap.free_symbols, key=str))} for k in range(3)]
    values = [abs(complex(sp.N(gap.subs(point), 40))) for point in points]
    if max(values) > 1e-9:
        return False
    return True if sp.simplify(gap) == 0 or sp.simplify(sp.expand(sp.radsimp(gap)), force=True) == 0 else None


def changed(rng, expression):
    """Something near `expression` that is not it."""
    return rng.choice([expression + small(rng), -expression, expression * 2, expression + sp.Rational(1, 100),
                       expression.subs(x, x + 1) if expression.has(x) else expression + sp.Rational(1, 7)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    made = 0
    while made < args.pairs:
        make = KINDS[made % len(KINDS)]
        first, second = make(rng)
        want_equal = rng.random() < 0.5
        if not want_equal:
            second = changed(rng, sp.sympify(second))
        if first == 0 and second == 0:
            continue
        same = difference(first, second)
        if same is None:
            continue
        a, b = sp.latex(first), sp.latex(second)
        if rng.random() < 0.5:
            a, b = b, a
        print(json.dumps({"a": a, "b": b, "equal": same, "kind": make.__name__[3:]}))
        made += 1


if __name__ == "__main__":
    main()
