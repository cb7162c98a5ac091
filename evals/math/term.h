// Mathematical expressions as trees: what an answer says, before anything is worked out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "evals/extractors/math_value.h"

namespace peira::evals::math {

enum class Op : std::uint8_t {
  kNumber,    // `number`; of a decimal also how many places it was given with
  kSymbol,    // `name`: "x", "x_1", "alpha"
  kConstant,  // `name`: "pi", "e", "i", "infinity"
  kSum,
  kProduct,
  kPower,    // args[0] ^ args[1]
  kFunction  // `name` of args: "sin", "ln", "abs", "floor", "ceil", "factorial" ...
};

struct Node;
// Shared and never changed.
using Term = std::shared_ptr<const Node>;

struct Node {
  Op op = Op::kNumber;
  Rational number;
  int decimals = -1;  // digits after the point; -1: not written as a decimal
  std::string name;
  std::vector<Term> args;
};

Term number(Rational value);
Term decimal(Rational value, int decimals);
Term symbol(std::string name);
Term constant(std::string name);
Term sum(std::vector<Term> args);
Term product(std::vector<Term> args);
Term power(Term base, Term exponent);
Term function(std::string name, std::vector<Term> args);
Term negate(Term term);
Term divide(Term above, Term below);

// Whether the term is a number, maybe with a minus sign before it; the value then.
bool is_number(const Term& term, Rational* value = nullptr);

// Whether the term is built of numbers by sums, products and whole powers; the value then. False
// past exponents of 1,000 and where it divides by zero.
bool is_rational(const Term& term, Rational& value);

// The decimal places of a lone decimal (with its sign); -1 for anything else.
int decimals_of(const Term& term);

// Names of its symbols, in order, each once.
std::vector<std::string> symbols_of(const Term& term);

// `term` with every function called `from` called `to`.
Term renamed(const Term& term, const std::string& from, const std::string& to);
bool mentions(const Term& term, const std::string& function);

}  // namespace peira::evals::math
