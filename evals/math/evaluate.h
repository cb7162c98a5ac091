// What an expression comes to at a point, in 60 digits; and for real algebraic numbers whether they
// are zero, for certain.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "evals/extractors/math_value.h"
#include "evals/math/term.h"

namespace peira::evals::math {

// Principal values everywhere, but that an odd root of a negative real number is real.
struct Complex {
  Real re = 0, im = 0;
};

Complex operator+(const Complex& a, const Complex& b);
Complex operator-(const Complex& a, const Complex& b);
Complex operator*(const Complex& a, const Complex& b);
Real magnitude(const Complex& z);

// The value of `term` where its symbols have the values of `point`; empty where it has none there
// (a pole, an overflow), or we cannot work it out.
std::optional<Complex> evaluate(const Term& term, const std::map<std::string, Complex>& point);

// Whether `term`, built of rational numbers by + - * / and roots of what is not negative, is zero:
// proved by a root separation bound. Empty for other terms, and where the bound asks for more
// than about 1,800 digits.
// source  Burnikel, Funke, Mehlhorn, Schirra and Schmitt (2001), "A Separation Bound for Real
//         Algebraic Expressions": E = 0 or |E| >= (u(E)^(D-1) l(E))^-1, D the product of the
//         degrees of its roots.
std::optional<bool> is_zero_by_bound(const Term& term);

}  // namespace peira::evals::math
