#include "evals/math/polynomial.h"

namespace peira::evals::math {
namespace {

constexpr std::size_t kMaxTerms = 4000;
constexpr int kMaxExponent = 2000;

// The monomial a / b, where b divides a.
std::optional<Monomial> quotient(const Monomial& a, const Monomial& b) {
  Monomial result;
  std::size_t j = 0;
  for (const auto& [generator, exponent] : a) {
    int rest = exponent;
    if (j < b.size() && b[j].first < generator) return std::nullopt;
    if (j < b.size() && b[j].first == generator) rest -= b[j++].second;
    if (rest < 0) return std::nullopt;
    if (rest > 0) result.emplace_back(generator, rest);
  }
  if (j < b.size()) return std::nullopt;
  return result;
}

// Lexicographic order in which the product of leading monomials leads the product: the power of
// generator 0 decides first, then that of 1, and so on.
bool leads(const Monomial& a, const Monomial& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i].first != b[i].first) return a[i].first < b[i].first;
    if (a[i].second != b[i].second) return a[i].second > b[i].second;
  }
  return a.size() > b.size();
}

std::map<Monomial, Rational>::const_iterator leading(const Polynomial& polynomial) {
  auto best = polynomial.terms().begin();
  for (auto it = polynomial.terms().begin(); it != polynomial.terms().end(); ++it) {
    if (leads(it->first, best->first)) best = it;
  }
  return best;
}

}  // namespace

Monomial times(const Monomial& a, const Monomial& b) {
  Monomial result;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (j == b.size() || (i < a.size() && a[i].first < b[j].first)) {
      result.push_back(a[i++]);
    } else if (i == a.size() || b[j].first < a[i].first) {
      result.push_back(b[j++]);
    } else {
      const int exponent = a[i].second + b[j].second;
      if (exponent > kMaxExponent) throw TooCostly();
      result.emplace_back(a[i].first, exponent);
      ++i;
      ++j;
    }
  }
  return result;
}

Polynomial Polynomial::constant(const Rational& value) {
  Polynomial result;
  result.add({}, value);
  return result;
}

Polynomial Polynomial::generator(int index, int exponent) {
  Polynomial result;
  result.add({{index, exponent}}, 1);
  return result;
}

std::optional<Rational> Polynomial::as_constant() const {
  if (terms_.empty()) return Rational(0);
  if (terms_.size() == 1 && terms_.begin()->first.empty()) return terms_.begin()->second;
  return std::nullopt;
}

void Polynomial::add(const Monomial& monomial, const Rational& coefficient) {
  if (coefficient.is_zero()) return;
  const auto [found, is_new] = terms_.emplace(monomial, coefficient);
  if (is_new) {
    if (terms_.size() > kMaxTerms) throw TooCostly();
    return;
  }
  found->second += coefficient;
  if (found->second.is_zero()) terms_.erase(found);
}

Polynomial Polynomial::plus(const Polynomial& other, Budget& budget) const {
  budget.spend(static_cast<std::int64_t>(other.terms_.size()));
  Polynomial result = *this;
  for (const auto& [monomial, coefficient] : other.terms_) result.add(monomial, coefficient);
  return result;
}

Polynomial Polynomial::times(const Polynomial& other, Budget& budget) const {
  budget.spend(static_cast<std::int64_t>(terms_.size() * other.terms_.size()));
  Polynomial result;
  for (const auto& [monomial_a, a] : terms_) {
    for (const auto& [monomial_b, b] : other.terms_) {
      result.add(math::times(monomial_a, monomial_b), a * b);
    }
  }
  return result;
}

Polynomial Polynomial::times(const Rational& factor) const {
  Polynomial result;
  if (factor.is_zero()) return result;
  result.terms_ = terms_;
  for (auto& [monomial, coefficient] : result.terms_) coefficient *= factor;
  return result;
}

std::optional<Polynomial> Polynomial::divided_by(const Polynomial& divisor, Budget& budget) const {
  const auto lead = leading(divisor);
  Polynomial rest = *this;
  Polynomial result;
  while (!rest.is_zero()) {
    const auto top = leading(rest);
    const std::optional<Monomial> monomial = quotient(top->first, lead->first);
    if (!monomial) return std::nullopt;
    Polynomial factor;
    factor.add(*monomial, top->second / lead->second);
    result.add(*monomial, top->second / lead->second);
    budget.spend(static_cast<std::int64_t>(rest.terms_.size()));
    rest = rest.plus(divisor.times(factor, budget).times(Rational(-1)), budget);
  }
  return result;
}

std::string Polynomial::key() const {
  std::string key;
  for (const auto& [monomial, coefficient] : terms_) {
    key += key.empty() ? "" : "+";
    key += coefficient.str();
    for (const auto& [generator, exponent] : monomial) {
      key += "*g";
      key += std::to_string(generator);
      key += "^";
      key += std::to_string(exponent);
    }
  }
  return key.empty() ? "0" : key;
}

}  // namespace peira::evals::math
