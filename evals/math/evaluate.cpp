#include "evals/math/evaluate.h"

#include <boost/math/constants/constants.hpp>
#include <cmath>

namespace peira::evals::math {
namespace {

const Real& real_pi() {
  static const Real value = boost::math::constants::pi<Real>();
  return value;
}

// Past these, series and products lose all meaning.
const Real kTooLarge = 1e200;
constexpr double kMaxExponent = 400;

bool is_real(const Complex& z) { return z.im == 0; }
bool is_good(const Complex& z) {
  return !(boost::multiprecision::isnan)(z.re) && !(boost::multiprecision::isnan)(z.im) &&
         magnitude(z) < kTooLarge;
}

Complex reciprocal(const Complex& z) {
  const Real norm = z.re * z.re + z.im * z.im;
  return {z.re / norm, -z.im / norm};
}

std::optional<Complex> divide(const Complex& a, const Complex& b) {
  if (b.re == 0 && b.im == 0) return std::nullopt;
  return a * reciprocal(b);
}

std::optional<Complex> complex_exp(const Complex& z) {
  if (abs(z.re) > kMaxExponent) return std::nullopt;
  const Real size = exp(z.re);
  if (is_real(z)) return Complex{size, 0};
  return Complex{size * cos(z.im), size * sin(z.im)};
}

std::optional<Complex> complex_log(const Complex& z) {
  const Real size = magnitude(z);
  if (size == 0) return std::nullopt;
  if (is_real(z)) return Complex{log(size), z.re < 0 ? real_pi() : Real(0)};
  return Complex{log(size), atan2(z.im, z.re)};
}

std::optional<Complex> integer_power(Complex base, long exponent) {
  if (exponent < 0) {
    if (base.re == 0 && base.im == 0) return std::nullopt;
    base = reciprocal(base);
    exponent = -exponent;
  }
  Complex result{1, 0};
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = result * base;
    base = base * base;
    if (exponent > 1 && !is_good(base)) return std::nullopt;
  }
  return result;
}

std::optional<Complex> complex_power(const Complex& base, const Complex& exponent,
                                     const Rational* rational) {
  if (rational != nullptr) {
    const BigInt top = numerator(*rational);
    const BigInt bottom = denominator(*rational);
    if (abs(top) > 1000) return std::nullopt;
    if (bottom == 1) return integer_power(base, top.convert_to<long>());
    if (is_real(base) && base.re < 0 && bottom % 2 != 0) {
      const Complex root{-pow(Real(-base.re), Real(1) / Real(bottom)), 0};
      return integer_power(root, top.convert_to<long>());
    }
  }
  if (base.re == 0 && base.im == 0) {
    if (is_real(exponent) && exponent.re > 0) return Complex{0, 0};
    return std::nullopt;
  }
  if (is_real(base) && base.re > 0 && is_real(exponent)) {
    const Real logarithm = exponent.re * log(base.re);
    if (abs(logarithm) > kMaxExponent) return std::nullopt;
    return Complex{exp(logarithm), 0};
  }
  const std::optional<Complex> logarithm = complex_log(base);
  return logarithm ? complex_exp(exponent * *logarithm) : std::nullopt;
}

std::optional<Complex> square_root(const Complex& z) {
  if (is_real(z)) {
    return z.re < 0 ? Complex{0, sqrt(Real(-z.re))} : Complex{sqrt(z.re), 0};
  }
  static const Rational half(1, 2);
  return complex_power(z, {Real(0.5), 0}, &half);
}

std::optional<Complex> sine(const Complex& z) {
  if (abs(z.re) > kMaxExponent * 1000 || abs(z.im) > kMaxExponent) return std::nullopt;
  if (is_real(z)) return Complex{sin(z.re), 0};
  return Complex{sin(z.re) * cosh(z.im), cos(z.re) * sinh(z.im)};
}

std::optional<Complex> cosine(const Complex& z) {
  if (abs(z.re) > kMaxExponent * 1000 || abs(z.im) > kMaxExponent) return std::nullopt;
  if (is_real(z)) return Complex{cos(z.re), 0};
  return Complex{cos(z.re) * cosh(z.im), -sin(z.re) * sinh(z.im)};
}

// asin z = -i ln(iz + sqrt(1 - z^2)), which real arguments within [-1, 1] need not.
std::optional<Complex> arc_sine(const Complex& z) {
  if (is_real(z) && abs(z.re) <= 1) return Complex{asin(z.re), 0};
  const Complex i{0, 1};
  const auto root = square_root(Complex{1, 0} - z * z);
  if (!root) return std::nullopt;
  const auto logarithm = complex_log(i * z + *root);
  if (!logarithm) return std::nullopt;
  return Complex{0, -1} * *logarithm;
}

std::optional<Complex> arc_tangent(const Complex& z) {
  if (is_real(z)) return Complex{atan(z.re), 0};
  const Complex i{0, 1};
  const auto below = complex_log(Complex{1, 0} - i * z);
  const auto above = complex_log(Complex{1, 0} + i * z);
  if (!below || !above) return std::nullopt;
  return Complex{0, Real(0.5)} * (*below - *above);
}

std::optional<Complex> gamma_of(const Complex& z) {
  if (!is_real(z) || z.re < 0 || z.re > 200) return std::nullopt;
  const Real whole = floor(z.re + Real(0.5));
  if (abs(z.re - whole) > Real("1e-50")) return Complex{boost::math::tgamma(Real(z.re + 1)), 0};
  Real result = 1;
  for (Real k = 2; k <= whole; k += 1) result *= k;
  return Complex{result, 0};
}

// A whole number near `x`, so that rounding of the arguments does not decide what floor() gives.
std::optional<Real> near_whole(const Real& x) {
  const Real whole = floor(x + Real(0.5));
  if (abs(x - whole) < Real("1e-45")) return whole;
  return std::nullopt;
}

std::optional<Complex> applied(const std::string& name, const std::vector<Complex>& args) {
  const Complex& z = args[0];
  if (args.size() == 1) {
    if (name == "ln") return complex_log(z);
    if (name == "sin") return sine(z);
    if (name == "cos") return cosine(z);
    if (name == "tan" || name == "cot" || name == "sec" || name == "csc") {
      const auto s = sine(z);
      const auto c = cosine(z);
      if (!s || !c) return std::nullopt;
      if (name == "tan") return divide(*s, *c);
      if (name == "cot") return divide(*c, *s);
      return divide({1, 0}, name == "sec" ? *c : *s);
    }
    if (name == "arcsin") return arc_sine(z);
    if (name == "arccos") {
      const auto s = arc_sine(z);
      return s ? std::optional(Complex{real_pi() / 2, 0} - *s) : std::nullopt;
    }
    if (name == "arctan") return arc_tangent(z);
    if (name == "sinh" || name == "cosh" || name == "tanh") {
      const auto up = complex_exp(z);
      const auto down = complex_exp({-z.re, -z.im});
      if (!up || !down) return std::nullopt;
      const Complex half{Real(0.5), 0};
      const Complex s = half * (*up - *down);
      const Complex c = half * (*up + *down);
      if (name == "tanh") return divide(s, c);
      return name == "sinh" ? s : c;
    }
    if (name == "arsinh" || name == "arcosh") {
      const Complex one{1, 0};
      const auto root = square_root(name == "arsinh" ? z * z + one : z * z - one);
      return root ? complex_log(z + *root) : std::nullopt;
    }
    if (name == "artanh") {
      const Complex one{1, 0};
      const auto ratio = divide(one + z, one - z);
      const auto logarithm = ratio ? complex_log(*ratio) : std::nullopt;
      return logarithm ? std::optional(Complex{Real(0.5), 0} * *logarithm) : std::nullopt;
    }
    if (name == "abs") return Complex{magnitude(z), 0};
    if (name == "factorial") return gamma_of(z);
    if (!is_real(z)) return std::nullopt;
    if (name == "floor") return Complex{near_whole(z.re).value_or(Real(floor(z.re))), 0};
    if (name == "ceil") return Complex{near_whole(z.re).value_or(Real(ceil(z.re))), 0};
    if (name == "sign") return Complex{Real(z.re > 0 ? 1 : z.re < 0 ? -1 : 0), 0};
    return std::nullopt;
  }
  if (name == "max" || name == "min") {
    Complex best = z;
    for (const Complex& arg : args) {
      if (!is_real(arg)) return std::nullopt;
      if (name == "max" ? arg.re > best.re : arg.re < best.re) best = arg;
    }
    return best;
  }
  if (name == "binom" && args.size() == 2) {
    const auto n = gamma_of(z);
    const auto k = gamma_of(args[1]);
    const auto rest = gamma_of(z - args[1]);
    if (!n || !k || !rest) return std::nullopt;
    return divide(*n, *k * *rest);
  }
  return std::nullopt;
}

std::optional<Complex> evaluate_any(const Term& term, const std::map<std::string, Complex>& point) {
  switch (term->op) {
    case Op::kNumber:
      return Complex{Real(numerator(term->number)) / Real(denominator(term->number)), 0};
    case Op::kSymbol: {
      const auto found = point.find(term->name);
      return found == point.end() ? std::nullopt : std::optional(found->second);
    }
    case Op::kConstant:
      if (term->name == "pi") return Complex{real_pi(), 0};
      if (term->name == "e") return Complex{exp(Real(1)), 0};
      if (term->name == "i") return Complex{0, 1};
      return std::nullopt;
    case Op::kPower: {
      const auto exponent = evaluate(term->args[1], point);
      if (!exponent) return std::nullopt;
      if (term->args[0]->op == Op::kConstant && term->args[0]->name == "e") {
        return complex_exp(*exponent);
      }
      const auto base = evaluate(term->args[0], point);
      if (!base) return std::nullopt;
      Rational rational;
      // 1/3 is a product of 1 and a power of 3.
      const bool is_ratio = is_rational(term->args[1], rational);
      return complex_power(*base, *exponent, is_ratio ? &rational : nullptr);
    }
    default:
      break;
  }
  std::vector<Complex> args;
  for (const Term& arg : term->args) {
    const auto value = evaluate(arg, point);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  if (term->op == Op::kFunction) return args.empty() ? std::nullopt : applied(term->name, args);
  Complex result{term->op == Op::kSum ? 0 : 1, 0};
  for (const Complex& arg : args) result = term->op == Op::kSum ? result + arg : result * arg;
  return result;
}

// ---- the separation bound ----

using Long = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<2000>,
                                           boost::multiprecision::et_off>;

// log2 of the bounds u and l, and of the degree D.
struct Bounds {
  double u = 0, l = 0, degree = 0;
};

struct Algebraic {
  Long value;
  Bounds bounds;
};

double log2_of(const BigInt& value) {
  return value.is_zero() ? 0 : static_cast<double>(msb(abs(value))) + 1;
}

std::optional<Algebraic> algebraic(const Term& term) {
  switch (term->op) {
    case Op::kNumber: {
      const BigInt top = numerator(term->number);
      const BigInt bottom = denominator(term->number);
      return Algebraic{Long(top) / Long(bottom), {log2_of(top), log2_of(bottom), 0}};
    }
    case Op::kSum:
    case Op::kProduct: {
      std::optional<Algebraic> result;
      for (const Term& arg : term->args) {
        const auto next = algebraic(arg);
        if (!next) return std::nullopt;
        if (!result) {
          result = next;
          continue;
        }
        Bounds& a = result->bounds;
        const Bounds& b = next->bounds;
        const bool is_sum = term->op == Op::kSum;
        result->value =
            is_sum ? Long(result->value + next->value) : Long(result->value * next->value);
        a.u = is_sum ? std::max(a.u + b.l, b.u + a.l) + 1 : a.u + b.u;
        a.l += b.l;
        a.degree += b.degree;
      }
      return result;
    }
    case Op::kPower: {
      Rational exponent;
      if (!is_rational(term->args[1], exponent)) return std::nullopt;
      auto base = algebraic(term->args[0]);
      const BigInt top = numerator(exponent);
      const BigInt bottom = denominator(exponent);
      if (!base || abs(top) > 64 || bottom > 64) return std::nullopt;
      const auto k = bottom.convert_to<int>();
      const auto times = abs(top).convert_to<int>();
      Bounds& bounds = base->bounds;
      if (k > 1) {
        if (base->value < 0) return std::nullopt;
        base->value = k == 2 ? Long(sqrt(base->value)) : Long(pow(base->value, Long(1) / Long(k)));
        if (bounds.u >= bounds.l) {
          bounds.u = (bounds.u + (k - 1) * bounds.l) / k;
        } else {
          bounds.l = ((k - 1) * bounds.u + bounds.l) / k;
        }
        bounds.degree += std::log2(k);
      }
      if (top < 0) {
        if (abs(base->value) < Long("1e-300")) return std::nullopt;
        base->value = 1 / base->value;
        std::swap(bounds.u, bounds.l);
      }
      base->value = pow(base->value, times);
      bounds.u *= times;
      bounds.l *= times;
      return base;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Complex operator+(const Complex& a, const Complex& b) { return {a.re + b.re, a.im + b.im}; }
Complex operator-(const Complex& a, const Complex& b) { return {a.re - b.re, a.im - b.im}; }
Complex operator*(const Complex& a, const Complex& b) {
  if (is_real(a) && is_real(b)) return {a.re * b.re, 0};
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
Real magnitude(const Complex& z) {
  return is_real(z) ? Real(abs(z.re)) : Real(sqrt(z.re * z.re + z.im * z.im));
}

std::optional<Complex> evaluate(const Term& term, const std::map<std::string, Complex>& point) {
  std::optional<Complex> value = evaluate_any(term, point);
  if (value && !is_good(*value)) return std::nullopt;
  return value;
}

std::optional<bool> is_zero_by_bound(const Term& term) {
  const auto found = algebraic(term);
  if (!found) return std::nullopt;
  // Digits that decide, with some to spare for the roundings on the way.
  constexpr double kMostBits = 6000;
  const Bounds& bounds = found->bounds;
  if (bounds.degree > 12) return std::nullopt;
  const double bits = (std::exp2(bounds.degree) - 1) * bounds.u + bounds.l + 8;
  if (!(bits < kMostBits)) return std::nullopt;
  return abs(found->value) < ldexp(Long(1), -static_cast<int>(bits));
}

}  // namespace peira::evals::math
