// Whether two mathematical answers say the same, and how that is known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "evals/math/answer.h"

namespace peira::evals::math {

struct EquivalenceOptions {
  // A decimal stands for what rounds to it: 0.333 for 1/3 (three digits at least), 3.14159 for a
  // gold of 3.14. Off: decimals are the numbers that they are.
  bool decimals_round = true;
  std::uint64_t seed = 0;         // of the points at which expressions are evaluated
  std::int64_t budget = 400'000;  // products of coefficients: the time limit, the same everywhere
};

struct Equivalence {
  enum class Outcome { kEqual, kUnequal, kUndecided };
  Outcome outcome = Outcome::kUndecided;
  // "equal exactly", "equal by a root separation bound", "equal to 40 digits at 6 points, not
  // proved", "rounds to it", "differ at x = 0.7", "as words" ...
  std::string how;

  bool is_equal() const { return outcome == Outcome::kEqual; }
};

// Compares by exact algebra first (Canonical), for real algebraic numbers by a separation bound,
// and else by values in 60 digits at seeded points, saying so. What can be read in two ways is
// equal when any reading of both is.
//
// Two answers agree when
//   numbers and expressions   have the same value; a decimal as `decimals_round` says; "log" is the
//                             natural one in both, or that to base 10 in both
//   units                     convert into each other; one side alone having a unit does not
//   matter,
//                             a per cent or degree sign is then either read or dropped
//   {..}, bare lists          hold the same, in any order; (..) and [..] in this order
//   intervals, unions         are the same set; inequalities of one unknown are sets as well
//   x = a                     is a; equations are the same up to a constant factor
//   matrices                  agree cell by cell; words after NFKC and case folding
Equivalence compare_answers(std::string_view answer, std::string_view gold,
                            const EquivalenceOptions& options = {});

// The same of two expressions.
Equivalence compare_terms(const Term& a, const Term& b, const EquivalenceOptions& options);

}  // namespace peira::evals::math
