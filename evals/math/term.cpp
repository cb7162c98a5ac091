#include "evals/math/term.h"

#include <algorithm>
#include <set>

namespace peira::evals::math {
namespace {

Term make(Op op, std::string name, std::vector<Term> args) {
  auto node = std::make_shared<Node>();
  node->op = op;
  node->name = std::move(name);
  node->args = std::move(args);
  return node;
}

void collect_symbols(const Term& term, std::set<std::string>& names) {
  if (term->op == Op::kSymbol) names.insert(term->name);
  for (const Term& arg : term->args) collect_symbols(arg, names);
}

}  // namespace

Term number(Rational value) { return decimal(std::move(value), -1); }

Term decimal(Rational value, int decimals) {
  auto node = std::make_shared<Node>();
  node->number = std::move(value);
  node->decimals = decimals;
  return node;
}

Term symbol(std::string name) { return make(Op::kSymbol, std::move(name), {}); }
Term constant(std::string name) { return make(Op::kConstant, std::move(name), {}); }

Term sum(std::vector<Term> args) {
  return args.size() == 1 ? args.front() : make(Op::kSum, "", std::move(args));
}

Term product(std::vector<Term> args) {
  return args.size() == 1 ? args.front() : make(Op::kProduct, "", std::move(args));
}

Term power(Term base, Term exponent) {
  return make(Op::kPower, "", {std::move(base), std::move(exponent)});
}

Term function(std::string name, std::vector<Term> args) {
  return make(Op::kFunction, std::move(name), std::move(args));
}

Term negate(Term term) {
  if (term->op == Op::kNumber) return decimal(-term->number, term->decimals);
  return product({number(-1), std::move(term)});
}

Term divide(Term above, Term below) {
  return product({std::move(above), power(std::move(below), number(-1))});
}

bool is_number(const Term& term, Rational* value) {
  if (term->op != Op::kNumber) return false;
  if (value != nullptr) *value = term->number;
  return true;
}

bool is_rational(const Term& term, Rational& value) {
  Rational part;
  switch (term->op) {
    case Op::kNumber:
      value = term->number;
      return true;
    case Op::kSum:
    case Op::kProduct:
      value = term->op == Op::kSum ? 0 : 1;
      for (const Term& arg : term->args) {
        if (!is_rational(arg, part)) return false;
        if (term->op == Op::kSum) {
          value += part;
        } else {
          value *= part;
        }
      }
      return true;
    case Op::kPower: {
      Rational exponent;
      if (!is_rational(term->args[0], part) || !is_rational(term->args[1], exponent)) return false;
      if (denominator(exponent) != 1 || abs(numerator(exponent)) > 1000) return false;
      const auto times = numerator(exponent).convert_to<int>();
      if (times < 0 && part.is_zero()) return false;
      const auto size = static_cast<unsigned>(times < 0 ? -times : times);
      const std::size_t bits =
          part.is_zero() ? 1 : msb(abs(numerator(part))) + msb(denominator(part)) + 2;
      if (bits * size > 100'000) return false;
      const BigInt top = pow(numerator(part), size);
      const BigInt bottom = pow(denominator(part), size);
      value = times < 0 ? Rational(bottom) / Rational(top) : Rational(top) / Rational(bottom);
      return true;
    }
    default:
      return false;
  }
}

int decimals_of(const Term& term) { return term->op == Op::kNumber ? term->decimals : -1; }

std::vector<std::string> symbols_of(const Term& term) {
  std::set<std::string> names;
  collect_symbols(term, names);
  return {names.begin(), names.end()};
}

Term renamed(const Term& term, const std::string& from, const std::string& to) {
  if (term->args.empty()) return term;
  auto node = std::make_shared<Node>(*term);
  if (node->op == Op::kFunction && node->name == from) node->name = to;
  for (Term& arg : node->args) arg = renamed(arg, from, to);
  return node;
}

bool mentions(const Term& term, const std::string& function) {
  return (term->op == Op::kFunction && term->name == function) ||
         std::any_of(term->args.begin(), term->args.end(),
                     [&](const Term& arg) { return mentions(arg, function); });
}

}  // namespace peira::evals::math
