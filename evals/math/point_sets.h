// Sets of real numbers: unions of intervals and points, from what answers write as such.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "evals/math/answer.h"
#include "evals/math/equivalence.h"

namespace peira::evals::math {

// One end of an interval; `at` is null for an infinite one.
struct End {
  Term at;
  Real value = 0;  // of a finite one
  bool is_closed = false;
};

struct Interval {
  End low, high;
};

// Disjoint, in order, as few as can be.
using PointSet = std::vector<Interval>;

// The set that an interval, a finite set of numbers, a union of them, or an inequality of one
// unknown is: "(1, 2]", "[0, 1) \cup \{3\}", "x > 2", "1 \le x < 5", "x \ne 0". Empty for anything
// else, and where an end has no real value.
std::optional<PointSet> point_set_of(const Answer& answer);

Equivalence compare_point_sets(
    const PointSet& a, const PointSet& b,
    const std::function<Equivalence(const Term&, const Term&)>& compare_ends);

}  // namespace peira::evals::math
