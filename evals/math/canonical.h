// Expressions as quotients of polynomials over generators (symbols, roots, logarithms, sines ...)
// that what is known of them has been put into: two that reach the same form are equal.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evals/math/polynomial.h"
#include "evals/math/term.h"

namespace peira::evals::math {

struct Quotient {
  Polynomial above, below;
};

// Forms of expressions that are compared with each other: they share their generators.
//
// What it knows: arithmetic of rational numbers; i^2 = -1; roots of positive rational numbers by
// their primes, (a^(1/n))^n = a; powers with sums and multiples as exponents; logarithms of
// rational numbers by their primes; sines and cosines of sums and multiples, and of multiples of pi
// / 12; hyperbolic functions by exponentials. What it does not know stays a generator of its own.
//
// threads: one at a time.
class Canonical {
 public:
  explicit Canonical(std::int64_t budget) : budget_(budget) {}

  // throws  TooCostly.
  Quotient form(const Term& term);
  // Whether a and b have one form. False says nothing of their values, unless both hold symbols and
  // numbers alone (is_complete()).
  bool are_equal(const Term& a, const Term& b);
  // Whether every generator met so far is a symbol, or pi alone: such forms differ where their
  // values do.
  bool is_complete() const { return is_complete_; }

 private:
  // A generator g with g^degree = power, when degree > 0.
  struct Generator {
    int degree = 0;
    Polynomial power;
  };

  int generator(const std::string& key, bool is_free);
  Quotient of_generator(const std::string& key, bool is_free = false);
  Polynomial reduced(const Polynomial& polynomial);
  Polynomial multiply(const Polynomial& a, const Polynomial& b);
  Quotient normal(Quotient quotient);
  Quotient add(const Quotient& a, const Quotient& b);
  Quotient multiply(const Quotient& a, const Quotient& b);
  Quotient inverse(const Quotient& a);
  Quotient whole_power(const Quotient& base, long exponent);
  std::string key_of(const Quotient& quotient);

  Quotient power_form(const Term& base, const Term& exponent);
  Quotient root(const Rational& base, long top, long bottom);
  Quotient prime_root(const BigInt& prime, long top, long bottom);
  Quotient general_power(const Quotient& base, const std::string& base_key,
                         const Quotient& exponent, const Rational* rational_base);
  Quotient function_form(const Term& term);
  Quotient logarithm(const Quotient& argument);
  // Cosine and sine of `argument`.
  std::pair<Quotient, Quotient> circle(const Quotient& argument);
  std::pair<Quotient, Quotient> circle_of_part(const Quotient& unit, const Rational& factor);
  Quotient exponential(const Quotient& exponent);

  Budget budget_;
  std::map<std::string, int> by_key_;
  std::vector<Generator> generators_;
  bool is_complete_ = true;
  int depth_ = 0;
};

}  // namespace peira::evals::math
