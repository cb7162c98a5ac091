// Polynomials in many generators with rational coefficients: exact, sparse, within a budget.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evals/extractors/math_value.h"

namespace peira::evals::math {

// Generators with their exponents (never 0), by rising generator.
using Monomial = std::vector<std::pair<int, int>>;

// Thrown when the work would grow past what one answer is worth.
struct TooCostly {};

// A bound on work that is the same on every machine: one step is a product of two coefficients.
class Budget {
 public:
  explicit Budget(std::int64_t steps) : left_(steps) {}
  void spend(std::int64_t steps) {
    left_ -= steps;
    if (left_ < 0) throw TooCostly();
  }

 private:
  std::int64_t left_;
};

class Polynomial {
 public:
  Polynomial() = default;
  static Polynomial constant(const Rational& value);
  static Polynomial generator(int index, int exponent = 1);

  bool is_zero() const { return terms_.empty(); }
  // Its value when it has no generator.
  std::optional<Rational> as_constant() const;
  const std::map<Monomial, Rational>& terms() const { return terms_; }

  void add(const Monomial& monomial, const Rational& coefficient);
  Polynomial plus(const Polynomial& other, Budget& budget) const;
  Polynomial times(const Polynomial& other, Budget& budget) const;
  Polynomial times(const Rational& factor) const;
  // The quotient when `divisor` (not zero) divides it without rest.
  std::optional<Polynomial> divided_by(const Polynomial& divisor, Budget& budget) const;

  bool operator==(const Polynomial& other) const { return terms_ == other.terms_; }
  // Equal exactly for equal polynomials over the same generators.
  std::string key() const;

 private:
  std::map<Monomial, Rational> terms_;  // coefficients are never 0
};

Monomial times(const Monomial& a, const Monomial& b);

}  // namespace peira::evals::math
