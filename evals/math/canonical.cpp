#include "evals/math/canonical.h"

#include <algorithm>
#include <utility>

namespace peira::evals::math {
namespace {

constexpr int kMaxDepth = 200;
constexpr long kMaxWholePower = 400;
constexpr long kMaxMultiple = 24;  // of angles that are expanded

Quotient of(const Rational& value) {
  return {Polynomial::constant(value), Polynomial::constant(Rational(1))};
}

std::optional<Rational> constant_of(const Quotient& quotient) {
  const auto above = quotient.above.as_constant();
  const auto below = quotient.below.as_constant();
  if (!above || !below || below->is_zero()) return std::nullopt;
  return *above / *below;
}

// Primes of n > 0 with their exponents, as far as trial division by numbers up to a limit finds
// them; what is left over counts as one.
std::vector<std::pair<BigInt, long>> factors(BigInt n, Budget& budget) {
  std::vector<std::pair<BigInt, long>> found;
  constexpr int kLargestDivisor = 10'000;
  for (int p = 2; p <= kLargestDivisor && BigInt(p) * p <= n; ++p) {
    long times = 0;
    while (n % p == 0) {
      n /= p;
      ++times;
    }
    if (times > 0) found.emplace_back(p, times);
  }
  budget.spend(1000);
  if (n > 1) found.emplace_back(n, 1);
  return found;
}

long floor_div(long a, long b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

bool fits_long(const BigInt& value) { return abs(value) < BigInt(1'000'000); }

}  // namespace

int Canonical::generator(const std::string& key, bool is_free) {
  const auto [found, is_new] = by_key_.emplace(key, static_cast<int>(generators_.size()));
  if (is_new) {
    generators_.emplace_back();
    if (!is_free) is_complete_ = false;
  }
  return found->second;
}

Quotient Canonical::of_generator(const std::string& key, bool is_free) {
  return {Polynomial::generator(generator(key, is_free)), Polynomial::constant(Rational(1))};
}

// Puts in what powers of generators are.
Polynomial Canonical::reduced(const Polynomial& polynomial) {
  Polynomial current = polynomial;
  for (int round = 0; round < 64; ++round) {
    Polynomial next;
    bool changed = false;
    for (const auto& [monomial, coefficient] : current.terms()) {
      Polynomial product = Polynomial::constant(coefficient);
      Monomial rest;
      for (const auto& [index, exponent] : monomial) {
        const Generator& known = generators_[static_cast<std::size_t>(index)];
        if (known.degree == 0 || exponent < known.degree) {
          rest.emplace_back(index, exponent);
          continue;
        }
        changed = true;
        for (int i = 0; i < exponent / known.degree; ++i) {
          product = product.times(known.power, budget_);
        }
        if (exponent % known.degree > 0) rest.emplace_back(index, exponent % known.degree);
      }
      Polynomial factor;
      factor.add(rest, Rational(1));
      next = next.plus(product.times(factor, budget_), budget_);
    }
    if (!changed) return current;
    current = std::move(next);
  }
  throw TooCostly();
}

Polynomial Canonical::multiply(const Polynomial& a, const Polynomial& b) {
  return reduced(a.times(b, budget_));
}

Quotient Canonical::normal(Quotient quotient) {
  if (quotient.below.is_zero()) throw TooCostly();  // no value: not ours to compare
  if (quotient.above.is_zero()) return of(0);
  if (const auto below = quotient.below.as_constant()) {
    return {quotient.above.times(Rational(1) / *below), Polynomial::constant(Rational(1))};
  }
  if (auto whole = quotient.above.divided_by(quotient.below, budget_)) {
    return {reduced(*whole), Polynomial::constant(Rational(1))};
  }
  if (auto inverse = quotient.below.divided_by(quotient.above, budget_)) {
    quotient = {Polynomial::constant(Rational(1)), reduced(*inverse)};
  }
  const Rational lead = quotient.below.terms().rbegin()->second;
  return {quotient.above.times(Rational(1) / lead), quotient.below.times(Rational(1) / lead)};
}

Quotient Canonical::add(const Quotient& a, const Quotient& b) {
  if (a.below == b.below) return normal({a.above.plus(b.above, budget_), a.below});
  return normal({multiply(a.above, b.below).plus(multiply(b.above, a.below), budget_),
                 multiply(a.below, b.below)});
}

Quotient Canonical::multiply(const Quotient& a, const Quotient& b) {
  return normal({multiply(a.above, b.above), multiply(a.below, b.below)});
}

Quotient Canonical::inverse(const Quotient& a) { return normal({a.below, a.above}); }

Quotient Canonical::whole_power(const Quotient& base, long exponent) {
  if (exponent < 0) return whole_power(inverse(base), -exponent);
  if (exponent > kMaxWholePower) throw TooCostly();
  Quotient result = of(1);
  for (long i = 0; i < exponent; ++i) result = multiply(result, base);
  return result;
}

std::string Canonical::key_of(const Quotient& quotient) {
  return "(" + quotient.above.key() + ")/(" + quotient.below.key() + ")";
}

Quotient Canonical::form(const Term& term) {
  if (++depth_ > kMaxDepth) throw TooCostly();
  struct Leave {
    int& depth;
    ~Leave() { --depth; }
  } leave{depth_};
  switch (term->op) {
    case Op::kNumber:
      return of(term->number);
    case Op::kSymbol:
      return of_generator("symbol " + term->name, /*is_free=*/true);
    case Op::kConstant:
      if (term->name == "i") {
        const int index = generator("constant i", false);
        Generator& known = generators_[static_cast<std::size_t>(index)];
        known.degree = 2;
        known.power = Polynomial::constant(Rational(-1));
        return {Polynomial::generator(index), Polynomial::constant(Rational(1))};
      }
      if (term->name == "e") return exponential(of(1));
      return of_generator("constant " + term->name, term->name == "pi");
    case Op::kSum: {
      Quotient result = of(0);
      for (const Term& arg : term->args) result = add(result, form(arg));
      return result;
    }
    case Op::kProduct: {
      Quotient result = of(1);
      for (const Term& arg : term->args) result = multiply(result, form(arg));
      return result;
    }
    case Op::kPower:
      return power_form(term->args[0], term->args[1]);
    case Op::kFunction:
      return function_form(term);
  }
  throw TooCostly();
}

bool Canonical::are_equal(const Term& a, const Term& b) {
  const Quotient left = form(a);
  const Quotient right = form(b);
  const Polynomial difference =
      multiply(left.above, right.below)
          .plus(multiply(right.above, left.below).times(Rational(-1)), budget_);
  return reduced(difference).is_zero();
}

// ---- powers ----

Quotient Canonical::power_form(const Term& base_term, const Term& exponent_term) {
  const Quotient exponent = form(exponent_term);
  const std::optional<Rational> whole = constant_of(exponent);
  if (base_term->op == Op::kConstant && base_term->name == "e") return exponential(exponent);
  const Quotient base = form(base_term);
  if (whole && denominator(*whole) == 1) {
    if (!fits_long(numerator(*whole))) throw TooCostly();
    const auto times = numerator(*whole).convert_to<long>();
    if (times <= 0 && base.above.is_zero()) throw TooCostly();  // 0^0 and poles
    if (const auto value = constant_of(base)) {
      const std::size_t bits = msb(abs(numerator(*value)) + 1) + msb(denominator(*value)) + 2;
      if (bits * static_cast<std::size_t>(std::abs(times)) > 100'000) throw TooCostly();
      Rational result;
      if (!is_rational(power(number(*value), number(Rational(times))), result)) throw TooCostly();
      return of(result);
    }
    return whole_power(base, times);
  }
  const std::optional<Rational> value = constant_of(base);
  if (whole && value) {
    if (!fits_long(numerator(*whole)) || !fits_long(denominator(*whole))) throw TooCostly();
    return root(*value, numerator(*whole).convert_to<long>(),
                denominator(*whole).convert_to<long>());
  }
  return general_power(base, key_of(base), exponent, value ? &*value : nullptr);
}

// base^(top / bottom) of a rational number, bottom > 1.
Quotient Canonical::root(const Rational& base, long top, long bottom) {
  if (base.is_zero()) {
    if (top <= 0) throw TooCostly();
    return of(0);
  }
  Quotient result = of(1);
  const bool is_negative = base < 0;
  if (is_negative) {
    if (bottom % 2 != 0) {
      if (top % 2 != 0) result = of(-1);  // the real root
    } else if (bottom == 2) {
      result = whole_power(form(constant("i")), ((top % 4) + 4) % 4);
    } else {
      return of_generator("power " + base.str() + " " + std::to_string(top) + "/" +
                          std::to_string(bottom));
    }
  }
  for (const auto& [prime, times] : factors(abs(numerator(base)), budget_)) {
    result = multiply(result, prime_root(prime, top * times, bottom));
  }
  for (const auto& [prime, times] : factors(denominator(base), budget_)) {
    result = multiply(result, prime_root(prime, -top * times, bottom));
  }
  return result;
}

Quotient Canonical::prime_root(const BigInt& prime, long top, long bottom) {
  const long whole = floor_div(top, bottom);
  long rest = top - whole * bottom;
  if (std::abs(whole) > 2000) throw TooCostly();
  Rational size = 1;
  for (long i = 0; i < std::abs(whole); ++i) size *= Rational(prime);
  Quotient result = of(whole < 0 ? Rational(1) / size : size);
  if (rest == 0) return result;
  long a = bottom;
  long b = rest;
  while (b != 0) a = std::exchange(b, a % b);
  bottom /= a;
  rest /= a;
  const int index = generator("root " + prime.str() + " " + std::to_string(bottom), false);
  Generator& known = generators_[static_cast<std::size_t>(index)];
  known.degree = static_cast<int>(bottom);
  known.power = Polynomial::constant(Rational(prime));
  Quotient factor{Polynomial::generator(index, static_cast<int>(rest)),
                  Polynomial::constant(Rational(1))};
  return multiply(result, factor);
}

// base^exponent, the exponent's terms taken apart: b^(2 x + 1/2) is (b^x)^2 b^(1/2).
Quotient Canonical::general_power(const Quotient& base, const std::string& base_key,
                                  const Quotient& exponent, const Rational* rational_base) {
  if (!exponent.below.as_constant()) {
    return of_generator("power " + base_key + " " + key_of(exponent));
  }
  // A positive whole number's primes are the bases: 4^x is (2^x)^2.
  if (rational_base != nullptr && *rational_base > 0) {
    Quotient result = of(1);
    const auto take = [&](const BigInt& n, bool is_below) {
      for (const auto& [prime, times] : factors(n, budget_)) {
        const Rational factor(is_below ? -times : times);
        const Quotient scaled = multiply(exponent, of(factor));
        result = multiply(
            result, general_power(of(Rational(prime)), "prime " + prime.str(), scaled, nullptr));
      }
    };
    const bool is_prime = base_key.starts_with("prime ");
    if (!is_prime) {
      take(numerator(*rational_base), false);
      take(denominator(*rational_base), true);
      return result;
    }
  }
  const bool has_prime_base = base_key.starts_with("prime ");
  Quotient result = of(1);
  for (const auto& [monomial, coefficient] : exponent.above.terms()) {
    if (!fits_long(numerator(coefficient)) || !fits_long(denominator(coefficient))) {
      throw TooCostly();
    }
    const auto top = numerator(coefficient).convert_to<long>();
    const auto bottom = denominator(coefficient).convert_to<long>();
    if (monomial.empty() && has_prime_base) {
      const Rational value = *constant_of(base);
      result =
          multiply(result, bottom == 1 ? whole_power(of(value), top) : root(value, top, bottom));
      continue;
    }
    if (monomial.empty() && bottom == 1) {
      result = multiply(result, whole_power(base, top));
      continue;
    }
    Polynomial unit;
    unit.add(monomial, Rational(1, bottom));
    const int index = generator("power " + base_key + " " + unit.key(), false);
    if (monomial.empty() && base.below.as_constant()) {
      // A root of a polynomial: its power is known.
      Generator& known = generators_[static_cast<std::size_t>(index)];
      known.degree = static_cast<int>(bottom);
      known.power = base.above;
    }
    const Quotient factor{Polynomial::generator(index), Polynomial::constant(Rational(1))};
    result = multiply(result, whole_power(factor, top));
  }
  return result;
}

// e^exponent.
Quotient Canonical::exponential(const Quotient& exponent) {
  // e^(i pi q) lies on the circle.
  if (by_key_.contains("constant i") && exponent.below.as_constant()) {
    const int i = by_key_.at("constant i");
    Polynomial real;
    Polynomial imaginary;
    for (const auto& [monomial, coefficient] : exponent.above.terms()) {
      Monomial rest;
      bool has_i = false;
      for (const auto& [index, times] : monomial) {
        if (index == i) {
          has_i = true;
        } else {
          rest.emplace_back(index, times);
        }
      }
      (has_i ? imaginary : real).add(rest, coefficient);
    }
    if (!imaginary.is_zero()) {
      const auto [cosine, sine] = circle(normal({imaginary, exponent.below}));
      const Quotient turned = add(cosine, multiply(form(constant("i")), sine));
      return multiply(turned, exponential(normal({real, exponent.below})));
    }
  }
  return general_power(of_generator("constant e"), "e", exponent, nullptr);
}

// ---- functions ----

Quotient Canonical::logarithm(const Quotient& argument) {
  const std::optional<Rational> value = constant_of(argument);
  if (!value || *value <= 0) {
    // ln(e^x) of a real exponent we can see is rational: e, e^2, 1/e.
    return of_generator("ln " + key_of(argument));
  }
  Quotient result = of(0);
  const auto take = [&](const BigInt& n, int sign) {
    for (const auto& [prime, times] : factors(n, budget_)) {
      result = add(result, multiply(of(Rational(sign * times)), of_generator("ln " + prime.str())));
    }
  };
  take(numerator(*value), 1);
  take(denominator(*value), -1);
  return result;
}

std::pair<Quotient, Quotient> Canonical::circle_of_part(const Quotient& unit,
                                                        const Rational& factor) {
  if (!fits_long(numerator(factor)) || !fits_long(denominator(factor))) throw TooCostly();
  long times = numerator(factor).convert_to<long>();
  const auto parts = denominator(factor).convert_to<long>();
  const bool is_backwards = times < 0;
  times = std::abs(times);
  if (times > kMaxMultiple) throw TooCostly();
  const std::string key = key_of(multiply(unit, of(Rational(1, parts))));
  const Quotient cosine = of_generator("cos " + key);
  const int index = generator("sin " + key, false);
  Generator& known = generators_[static_cast<std::size_t>(index)];
  known.degree = 2;
  known.power = Polynomial::constant(Rational(1))
                    .plus(cosine.above.times(cosine.above, budget_).times(Rational(-1)), budget_);
  const Quotient sine{Polynomial::generator(index), Polynomial::constant(Rational(1))};
  Quotient c = of(1);
  Quotient s = of(0);
  for (long i = 0; i < times; ++i) {
    const Quotient next = add(multiply(c, cosine), multiply(of(-1), multiply(s, sine)));
    s = add(multiply(s, cosine), multiply(c, sine));
    c = next;
  }
  if (is_backwards) s = multiply(of(-1), s);
  return {c, s};
}

std::pair<Quotient, Quotient> Canonical::circle(const Quotient& argument) {
  Quotient c = of(1);
  Quotient s = of(0);
  const auto turn = [&](const std::pair<Quotient, Quotient>& by) {
    const Quotient next = add(multiply(c, by.first), multiply(of(-1), multiply(s, by.second)));
    s = add(multiply(s, by.first), multiply(c, by.second));
    c = next;
  };
  if (!argument.below.as_constant()) {
    turn(circle_of_part(argument, Rational(1)));
    return {c, s};
  }
  const int pi = generator("constant pi", true);
  for (const auto& [monomial, coefficient] : argument.above.terms()) {
    const bool is_turn = monomial == Monomial{{pi, 1}};
    const Rational twelfths = coefficient * 12;
    if (is_turn && denominator(twelfths) == 1) {
      // pi / 12 is pi / 3 - pi / 4; its cosine is (sqrt 6 + sqrt 2) / 4, its sine (sqrt 6 - sqrt 2)
      // / 4.
      const BigInt steps = ((numerator(twelfths) % 24) + 24) % 24;
      const Quotient root2 = root(Rational(2), 1, 2);
      const Quotient root6 = root(Rational(6), 1, 2);
      const Quotient quarter = of(Rational(1, 4));
      const std::pair<Quotient, Quotient> step{
          multiply(quarter, add(root6, root2)),
          multiply(quarter, add(root6, multiply(of(-1), root2)))};
      for (BigInt i = 0; i < steps; ++i) turn(step);
      continue;
    }
    Polynomial unit;
    unit.add(monomial, Rational(1));
    turn(circle_of_part({unit, Polynomial::constant(Rational(1))}, coefficient));
  }
  return {c, s};
}

Quotient Canonical::function_form(const Term& term) {
  const std::string& name = term->name;
  std::vector<Quotient> args;
  for (const Term& arg : term->args) args.push_back(form(arg));
  if (args.size() == 1) {
    const Quotient& x = args[0];
    const std::optional<Rational> value = constant_of(x);
    if (name == "ln") {
      // ln(e^q) is q; the exponent must be seen to be rational.
      const Term& inner = term->args[0];
      if (inner->op == Op::kConstant && inner->name == "e") return of(1);
      Rational exponent;
      if (inner->op == Op::kPower && inner->args[0]->op == Op::kConstant &&
          inner->args[0]->name == "e" && is_rational(inner->args[1], exponent)) {
        return of(exponent);
      }
      Rational ratio;
      if (inner->op == Op::kPower && is_rational(inner->args[0], ratio) && ratio > 0 &&
          is_rational(inner->args[1], exponent)) {
        return multiply(of(exponent), logarithm(of(ratio)));
      }
      return logarithm(x);
    }
    if (name == "sin") return circle(x).second;
    if (name == "cos") return circle(x).first;
    if (name == "tan" || name == "cot" || name == "sec" || name == "csc") {
      const auto [c, s] = circle(x);
      if (name == "tan") return multiply(s, inverse(c));
      if (name == "cot") return multiply(c, inverse(s));
      return inverse(name == "sec" ? c : s);
    }
    if (name == "sinh" || name == "cosh" || name == "tanh") {
      const Quotient up = exponential(x);
      const Quotient down = exponential(multiply(of(-1), x));
      const Quotient difference = add(up, multiply(of(-1), down));
      if (name == "tanh") return multiply(difference, inverse(add(up, down)));
      return multiply(of(Rational(1, 2)), name == "sinh" ? difference : add(up, down));
    }
    if (value) {
      if (name == "abs") return of(abs(*value));
      if (name == "sign") return of(*value > 0 ? 1 : *value < 0 ? -1 : 0);
      if (name == "floor" || name == "ceil") {
        BigInt whole = numerator(*value) / denominator(*value);
        if (Rational(whole) > *value) --whole;
        if (name == "ceil" && Rational(whole) < *value) ++whole;
        return of(Rational(whole));
      }
      if (name == "factorial" && denominator(*value) == 1 && *value >= 0 && *value <= 2000) {
        BigInt result = 1;
        for (int k = 2; k <= numerator(*value).convert_to<int>(); ++k) result *= k;
        return of(Rational(result));
      }
      // Angles whose tangents, sines and cosines are plain numbers.
      const auto angle = [&](const Rational& share) {
        return multiply(of(share), of_generator("constant pi", true));
      };
      if (name == "arctan" && abs(*value) <= 1 && denominator(*value) == 1) {
        return angle(*value / 4);
      }
      if (name == "arcsin" || name == "arccos") {
        std::optional<Rational> share;
        if (value->is_zero()) share = Rational(0);
        if (abs(*value) == 1) share = *value / 2;
        if (abs(*value) == Rational(1, 2)) share = *value / 3;
        if (share) return angle(name == "arcsin" ? *share : Rational(1, 2) - *share);
      }
    }
  }
  if (name == "binom" && args.size() == 2) {
    const auto n = constant_of(args[0]);
    const auto k = constant_of(args[1]);
    if (n && k && denominator(*n) == 1 && denominator(*k) == 1 && *n >= 0 && *n <= 2000) {
      if (*k < 0 || *k > *n) return of(0);
      Rational result = 1;
      for (int j = 1; j <= numerator(*k).convert_to<int>(); ++j) {
        result *= (*n - j + 1) / j;
      }
      return of(result);
    }
  }
  std::string key = name;
  for (const Quotient& arg : args) key += " " + key_of(arg);
  return of_generator(key);
}

}  // namespace peira::evals::math
