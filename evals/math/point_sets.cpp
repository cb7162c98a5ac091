#include "evals/math/point_sets.h"

#include <algorithm>
#include <string>
#include <utility>

#include "evals/math/evaluate.h"

namespace peira::evals::math {
namespace {

// -1, 1: minus or plus infinity; 0 for anything else.
int infinite_sign(const Term& term) {
  if (term->op == Op::kConstant && term->name == "infinity") return 1;
  if (term->op != Op::kProduct || term->args.size() != 2) return 0;
  Rational factor;
  if (!is_number(term->args[0], &factor) || infinite_sign(term->args[1]) != 1) return 0;
  return factor < 0 ? -1 : factor > 0 ? 1 : 0;
}

std::optional<End> end_of(const Term& term, bool is_closed) {
  if (infinite_sign(term) != 0) return End{};
  const auto value = evaluate(term, {});
  if (!value || value->im != 0) return std::nullopt;
  return End{term, value->re, is_closed};
}

bool touches(const Real& a, const Real& b) { return abs(Real(a - b)) <= Real("1e-40"); }

std::optional<Interval> interval_of(const Term& low, bool low_closed, const Term& high,
                                    bool high_closed) {
  if (infinite_sign(low) > 0 || infinite_sign(high) < 0) return std::nullopt;
  const auto left = end_of(low, low_closed);
  const auto right = end_of(high, high_closed);
  if (!left || !right) return std::nullopt;
  if (left->at != nullptr && right->at != nullptr) {
    const bool is_point = touches(left->value, right->value);
    if (!is_point && left->value > right->value) return std::nullopt;  // a pair, not an interval
    if (is_point && !(low_closed && high_closed)) return std::nullopt;
  }
  return Interval{*left, *right};
}

std::optional<PointSet> of_list(const Answer& list) {
  PointSet set;
  if (list.open == '{') {
    for (const Answer& item : list.items) {
      if (item.kind != Answer::Kind::kTerm || item.unit) return std::nullopt;
      const auto point = interval_of(item.term, true, item.term, true);
      if (!point) return std::nullopt;
      set.push_back(*point);
    }
    return set;
  }
  if (list.items.size() != 2 || list.open == 0 || list.items[0].kind != Answer::Kind::kTerm ||
      list.items[1].kind != Answer::Kind::kTerm) {
    return std::nullopt;
  }
  const auto interval =
      interval_of(list.items[0].term, list.open == '[', list.items[1].term, list.close == ']');
  if (!interval) return std::nullopt;
  set.push_back(*interval);
  return set;
}

// a < x <= b, x > a, a >= x, x != a.
std::optional<PointSet> of_relation(const Answer& relation) {
  const auto& sides = relation.sides;
  std::size_t unknown = sides.size();
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (sides[i]->op != Op::kSymbol) continue;
    if (unknown != sides.size()) return std::nullopt;
    unknown = i;
  }
  if (unknown == sides.size()) return std::nullopt;
  const Term infinity = constant("infinity");
  const Term minus_infinity = negate(infinity);
  if (sides.size() == 2) {
    std::string sign = relation.relations[0];
    const Term& bound = sides[1 - unknown];
    if (unknown == 1 && sign != "!=") sign[0] = sign[0] == '<' ? '>' : '<';
    const bool is_closed = sign.ends_with('=');
    if (sign == "!=") {
      const auto below = interval_of(minus_infinity, false, bound, false);
      const auto above = interval_of(bound, false, infinity, false);
      if (!below || !above) return std::nullopt;
      return PointSet{*below, *above};
    }
    const auto interval = sign[0] == '<' ? interval_of(minus_infinity, false, bound, is_closed)
                                         : interval_of(bound, is_closed, infinity, false);
    if (!interval) return std::nullopt;
    return PointSet{*interval};
  }
  if (sides.size() != 3 || unknown != 1) return std::nullopt;
  const std::string& first = relation.relations[0];
  const std::string& second = relation.relations[1];
  if (first[0] != second[0] || first == "!=" || first == "=") return std::nullopt;
  const auto interval =
      first[0] == '<'
          ? interval_of(sides[0], first.ends_with('='), sides[2], second.ends_with('='))
          : interval_of(sides[2], second.ends_with('='), sides[0], first.ends_with('='));
  if (!interval) return std::nullopt;
  return PointSet{*interval};
}

// Whether `a` begins before `b`.
bool is_before(const Interval& a, const Interval& b) {
  if (a.low.at == nullptr || b.low.at == nullptr) {
    return a.low.at == nullptr && b.low.at != nullptr;
  }
  if (!touches(a.low.value, b.low.value)) return a.low.value < b.low.value;
  return a.low.is_closed && !b.low.is_closed;
}

// Puts together what overlaps or touches.
PointSet merged(PointSet set) {
  std::stable_sort(set.begin(), set.end(), is_before);
  PointSet result;
  for (Interval& next : set) {
    if (!result.empty()) {
      Interval& last = result.back();
      const bool meets =
          last.high.at == nullptr || next.low.at == nullptr ||
          (touches(last.high.value, next.low.value) ? last.high.is_closed || next.low.is_closed
                                                    : next.low.value < last.high.value);
      if (meets) {
        if (last.high.at == nullptr) continue;
        const bool is_longer =
            next.high.at == nullptr || (!touches(next.high.value, last.high.value)
                                            ? next.high.value > last.high.value
                                            : next.high.is_closed && !last.high.is_closed);
        if (is_longer) last.high = next.high;
        continue;
      }
    }
    result.push_back(std::move(next));
  }
  return result;
}

}  // namespace

std::optional<PointSet> point_set_of(const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::kList: {
      auto set = of_list(answer);
      return set ? std::optional(merged(*std::move(set))) : std::nullopt;
    }
    case Answer::Kind::kRelation: {
      auto set = of_relation(answer);
      return set ? std::optional(merged(*std::move(set))) : std::nullopt;
    }
    case Answer::Kind::kUnion: {
      PointSet all;
      for (const Answer& item : answer.items) {
        const auto part = point_set_of(item);
        if (!part) return std::nullopt;
        all.insert(all.end(), part->begin(), part->end());
      }
      return merged(std::move(all));
    }
    default:
      return std::nullopt;
  }
}

Equivalence compare_point_sets(
    const PointSet& a, const PointSet& b,
    const std::function<Equivalence(const Term&, const Term&)>& compare_ends) {
  using Outcome = Equivalence::Outcome;
  if (a.size() != b.size()) return {Outcome::kUnequal, "differ as sets of numbers"};
  Equivalence all{Outcome::kEqual, "equal exactly"};
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (const auto& [left, right] :
         {std::pair(&a[i].low, &b[i].low), std::pair(&a[i].high, &b[i].high)}) {
      if ((left->at == nullptr) != (right->at == nullptr) || left->is_closed != right->is_closed) {
        return {Outcome::kUnequal, "differ as sets of numbers"};
      }
      if (left->at == nullptr) continue;
      const Equivalence end = compare_ends(left->at, right->at);
      if (!end.is_equal()) return end;
      if (all.how == "equal exactly") all = end;
    }
  }
  return all;
}

}  // namespace peira::evals::math
