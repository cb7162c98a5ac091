#include "evals/math/equivalence.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "evals/extractors/answer_line.h"
#include "evals/math/canonical.h"
#include "evals/math/evaluate.h"
#include "evals/math/point_sets.h"

namespace peira::evals::math {
namespace {

using Outcome = Equivalence::Outcome;

constexpr int kPoints = 12;       // tried
constexpr int kEnoughPoints = 4;  // of them that have a value
constexpr std::size_t kMostItems = 64;

const Real& same() {
  static const Real value("1e-40");
  return value;
}
const Real& different() {
  static const Real value("1e-25");
  return value;
}

Equivalence equal(std::string how) { return {Outcome::kEqual, std::move(how)}; }
Equivalence unequal(std::string how) { return {Outcome::kUnequal, std::move(how)}; }
Equivalence undecided(std::string how) { return {Outcome::kUndecided, std::move(how)}; }

// "log" as the natural logarithm, or as that to base 10.
Term with_log(const Term& term, bool base_ten) {
  if (!mentions(term, "log")) return term;
  if (!base_ten) return renamed(term, "log", "ln");
  if (term->args.empty()) return term;
  std::vector<Term> args;
  for (const Term& arg : term->args) args.push_back(with_log(arg, base_ten));
  if (term->op == Op::kFunction && term->name == "log") {
    return divide(function("ln", std::move(args)), function("ln", {number(10)}));
  }
  auto node = std::make_shared<Node>(*term);
  node->args = std::move(args);
  return node;
}

bool has_infinity(const Term& term) {
  return (term->op == Op::kConstant && term->name == "infinity") ||
         std::any_of(term->args.begin(), term->args.end(), has_infinity);
}

// A seeded value for a symbol: of either sign in every other point, never a simple number.
Rational value_at(const std::string& name, int point, std::uint64_t seed) {
  const std::uint64_t draw =
      derive_seed({"math", std::to_string(seed), name, std::to_string(point)});
  const Rational size = Rational(20 + draw % 271) / 97 + Rational(1, 1009);
  const bool is_negative = point % 2 == 1 && (draw >> 40U) % 2 == 1;
  return is_negative ? Rational(-size) : size;
}

Real real_of(const Rational& value) { return Real(numerator(value)) / Real(denominator(value)); }

std::string short_number(const Real& value) { return value.str(4); }

// Values at seeded points. Equal says nothing of a proof.
Equivalence compare_values(const Term& a, const Term& b, std::uint64_t seed) {
  std::vector<std::string> names = symbols_of(a);
  for (std::string& name : symbols_of(b)) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const int points = names.empty() ? 1 : kPoints;
  int agreeing = 0;
  for (int k = 0; k < points; ++k) {
    std::map<std::string, Complex> point;
    for (const std::string& name : names) point[name] = {real_of(value_at(name, k, seed)), 0};
    const auto left = evaluate(a, point);
    const auto right = evaluate(b, point);
    if (!left || !right) continue;
    const Real scale = std::max({Real(1), magnitude(*left), magnitude(*right)});
    const Real gap = magnitude(*left - *right) / scale;
    if (gap > different()) {
      std::string where;
      for (const auto& [name, value] : point) {
        where += (where.empty() ? " at " : ", ") + name + " = " + short_number(value.re);
      }
      return unequal("values differ" + where);
    }
    if (gap <= same()) ++agreeing;
  }
  if (agreeing == 0 || (!names.empty() && agreeing < kEnoughPoints)) {
    return undecided("no value that could be compared");
  }
  return equal(names.empty()
                   ? "equal to 40 digits, not proved"
                   : "equal to 40 digits at " + std::to_string(agreeing) + " points, not proved");
}

Equivalence compare_exactly(const Term& a, const Term& b, const EquivalenceOptions& options) {
  bool has_one_form = false;
  bool is_complete = false;
  try {
    Canonical canonical(options.budget);
    has_one_form = canonical.are_equal(a, b);
    is_complete = canonical.is_complete();
  } catch (const TooCostly&) {
    // Values may still tell.
  }
  if (has_infinity(a) || has_infinity(b)) {
    return has_one_form ? equal("equal exactly") : unequal("differ");
  }
  const Equivalence values = compare_values(a, b, options.seed);
  if (has_one_form) {
    // A value that disagrees with the algebra speaks against both.
    if (values.outcome == Outcome::kUnequal) return undecided("equal in form, but " + values.how);
    return equal("equal exactly");
  }
  if (is_complete) return unequal("differ as polynomials");
  if (values.outcome == Outcome::kUnequal) return values;
  if (const auto zero = is_zero_by_bound(sum({a, negate(b)}))) {
    return *zero ? equal("equal by a root separation bound")
                 : unequal("differ by less than 40 digits show");
  }
  return values;
}

// 10^-places
Rational last_place(int places) {
  Rational place = 1;
  for (int i = 0; i < places; ++i) place /= 10;
  return place;
}

int significant_digits(const Rational& value, int places) {
  const Rational steps = abs(value) / last_place(places);
  return static_cast<int>(BigInt(numerator(steps) / denominator(steps)).str().size());
}

// Whether `exact` rounds to the decimal `rounded`, whose value is in units of `factor`.
bool rounds_to(const Term& exact, const Rational& exact_factor, const Term& rounded,
               const Rational& factor) {
  const auto value = evaluate(exact, {});
  if (!value || value->im != 0) return false;
  const Real gap = abs(value->re * real_of(exact_factor) - real_of(rounded->number * factor));
  const Real half = real_of(last_place(rounded->decimals) * factor / 2);
  return gap <= half * (1 + Real("1e-30"));
}

// An answer and a gold of the same kind of unit; factors convert both to one unit.
Equivalence compare_numbers(const Term& answer, const Rational& answer_factor, const Term& gold,
                            const Rational& gold_factor, const EquivalenceOptions& options) {
  const auto scaled = [](const Term& term, const Rational& factor) {
    return factor == 1 ? term : product({number(factor), term});
  };
  Equivalence exact =
      compare_exactly(scaled(answer, answer_factor), scaled(gold, gold_factor), options);
  if (exact.is_equal() || !options.decimals_round) return exact;
  const int answer_places = decimals_of(answer);
  const int gold_places = decimals_of(gold);
  if (gold_places >= 0 && (answer_places < 0 || answer_places >= gold_places) &&
      rounds_to(answer, answer_factor, gold, gold_factor)) {
    return equal("rounds to the gold's " + std::to_string(gold_places) + " decimals");
  }
  constexpr int kFewestDigits = 3;
  if (gold_places < 0 && answer_places >= 0 &&
      significant_digits(answer->number, answer_places) >= kFewestDigits &&
      rounds_to(gold, gold_factor, answer, answer_factor)) {
    Rational value;
    // 0.333 is 1/3 rounded; 12.00 is no way to write 12.004, nor 2.01 to write 2.
    if (!is_rational(gold, value) || denominator(value) != 1) {
      return equal("the gold rounds to the answer's " + std::to_string(answer_places) +
                   " decimals");
    }
  }
  return exact;
}

// ---- answers ----

class Comparison {
 public:
  explicit Comparison(const EquivalenceOptions& options) : options_(options) {}

  Equivalence compare(const Answer& a, const Answer& gold) {
    using Kind = Answer::Kind;
    if (a.kind == Kind::kText || gold.kind == Kind::kText) {
      if (a.kind != gold.kind) return unequal("one is words, the other is not");
      return folded_text(a.text) == folded_text(gold.text) ? equal("equal as words")
                                                           : unequal("differ as words");
    }
    if (is_set_like(a) && is_set_like(gold)) {
      const std::optional<PointSet> left = point_set_of(a);
      const std::optional<PointSet> right = point_set_of(gold);
      if (left && right) {
        return compare_point_sets(*left, *right, [this](const Term& x, const Term& y) {
          return compare_terms(x, y, options_);
        });
      }
    }
    if (a.kind == Kind::kRelation || gold.kind == Kind::kRelation) return relations(a, gold);
    if (a.kind == Kind::kTerm && gold.kind == Kind::kTerm) return terms(a, gold);
    if (a.kind == Kind::kMatrix || gold.kind == Kind::kMatrix) return matrices(a, gold);
    if (a.kind == Kind::kUnion || gold.kind == Kind::kUnion) {
      if (a.kind != gold.kind) return unequal("one is a union, the other is not");
      return unordered(a.items, gold.items);
    }
    return lists(a, gold);
  }

 private:
  static bool is_set_like(const Answer& answer) {
    if (answer.kind == Answer::Kind::kUnion) return true;
    if (answer.kind == Answer::Kind::kRelation) {
      return std::none_of(answer.relations.begin(), answer.relations.end(),
                          [](const std::string& relation) { return relation == "="; });
    }
    return answer.kind == Answer::Kind::kList && answer.items.size() == 2 && answer.open != '{' &&
           answer.open != 0;
  }

  Equivalence terms(const Answer& a, const Answer& gold) {
    Equivalence natural = with_units(a, gold, false);
    if (natural.is_equal() || !(mentions(a.term, "log") || mentions(gold.term, "log"))) {
      return natural;
    }
    Equivalence ten = with_units(a, gold, true);
    if (ten.is_equal()) {
      ten.how += ", with logarithms to base 10";
      return ten;
    }
    return natural;
  }

  Equivalence with_units(const Answer& a, const Answer& gold, bool base_ten) {
    const Term left = with_log(a.term, base_ten);
    const Term right = with_log(gold.term, base_ten);
    const auto plain = [&] {
      return compare_numbers(left, Rational(1), right, Rational(1), options_);
    };
    if (!a.unit && !gold.unit) return plain();
    if (a.unit && gold.unit) {
      if (a.unit->dimensions != gold.unit->dimensions) {
        const bool both_known = a.unit->is_known && gold.unit->is_known;
        return unequal(both_known ? "the units measure different things" : "the units differ");
      }
      if (a.unit->is_half_turn == gold.unit->is_half_turn) {
        return compare_numbers(left, a.unit->factor, right, gold.unit->factor, options_);
      }
      return compare_numbers(in_radians(left, *a.unit), Rational(1), in_radians(right, *gold.unit),
                             Rational(1), options_);
    }
    const Unit& unit = a.unit ? *a.unit : *gold.unit;
    Equivalence raw = plain();
    if (raw.is_equal()) {
      raw.how += ", the unit on one side left aside";
      return raw;
    }
    // 50 % is 0.5, and 180 degrees are pi.
    if (!unit.dimensions.empty() || (unit.factor == 1 && !unit.is_half_turn)) return raw;
    if (unit.is_half_turn) {
      return a.unit ? compare_numbers(in_radians(left, unit), Rational(1), right, Rational(1),
                                      options_)
                    : compare_numbers(left, Rational(1), in_radians(right, unit), Rational(1),
                                      options_);
    }
    return compare_numbers(left, a.unit ? unit.factor : Rational(1), right,
                           a.unit ? Rational(1) : unit.factor, options_);
  }

  static Term in_radians(const Term& term, const Unit& unit) {
    if (!unit.is_half_turn) return term;
    return product({number(unit.factor), constant("pi"), term});
  }

  // ---- relations ----

  // The right-hand side of x = a, f(x) = a; null for anything else.
  static const Term* value_of(const Answer& answer) {
    if (answer.kind != Answer::Kind::kRelation || answer.relations.size() != 1 ||
        answer.relations[0] != "=") {
      return nullptr;
    }
    return is_name(answer.sides[0]) ? &answer.sides[1] : nullptr;
  }
  static bool is_name(const Term& term) {
    if (term->op == Op::kSymbol) return true;
    return term->op == Op::kProduct && term->args.size() == 2 && term->args[0]->op == Op::kSymbol &&
           term->args[1]->op == Op::kSymbol;
  }
  static Answer answer_of(const Term& term) {
    Answer answer;
    answer.kind = Answer::Kind::kTerm;
    answer.term = term;
    return answer;
  }

  Equivalence relations(const Answer& a, const Answer& gold) {
    const bool both = a.kind == gold.kind;
    const Term* const left = value_of(a);
    const Term* const right = value_of(gold);
    if (!both) {
      // 5 for x = 5, and the other way round.
      const Term* const value = left != nullptr ? left : right;
      if (value == nullptr) return unequal("one is a relation, the other is not");
      return left != nullptr ? compare(answer_of(*left), gold) : compare(a, answer_of(*right));
    }
    if (left != nullptr && right != nullptr) {
      const Equivalence names = compare_terms(a.sides[0], gold.sides[0], options_);
      if (names.is_equal()) return compare(answer_of(*left), answer_of(*right));
    }
    if (a.relations.size() != gold.relations.size()) return unequal("differ as relations");
    if (a.relations.size() == 1 && a.relations[0] == "=" && gold.relations[0] == "=") {
      return equations(sum({a.sides[0], negate(a.sides[1])}),
                       sum({gold.sides[0], negate(gold.sides[1])}));
    }
    if (a.relations != gold.relations) {
      if (a.relations.size() == 1 && flipped(a.relations[0]) == gold.relations[0]) {
        Answer turned = a;
        std::swap(turned.sides[0], turned.sides[1]);
        turned.relations = gold.relations;
        return relations(turned, gold);
      }
      return unequal("differ as relations");
    }
    Equivalence all = equal("equal exactly");
    for (std::size_t i = 0; i < a.sides.size(); ++i) {
      const Equivalence side = compare_terms(a.sides[i], gold.sides[i], options_);
      if (!side.is_equal()) return side;
      all = weaker(all, side);
    }
    return all;
  }

  static std::string flipped(const std::string& relation) {
    if (relation[0] == '<') return ">" + relation.substr(1);
    if (relation[0] == '>') return "<" + relation.substr(1);
    return relation;
  }

  // f = 0 and g = 0 say the same when f is a constant times g.
  Equivalence equations(const Term& f, const Term& g) {
    try {
      Canonical canonical(options_.budget);
      const Quotient ratio = canonical.form(divide(f, g));
      const auto above = ratio.above.as_constant();
      if (above && ratio.below.as_constant() && !above->is_zero()) return equal("equal exactly");
    } catch (const TooCostly&) {
      // Values may still tell.
    }
    // f(x) g(p) and g(x) f(p) agree at every x when the ratio is constant.
    Term at_f = f;
    Term at_g = g;
    for (const Term& side : {f, g}) {
      for (const std::string& name : symbols_of(side)) {
        const Rational value = value_at(name, kPoints, options_.seed);
        at_f = with_value(at_f, name, value);
        at_g = with_value(at_g, name, value);
      }
    }
    const auto left = evaluate(at_f, {});
    const auto right = evaluate(at_g, {});
    if (!left || !right || magnitude(*left) < different() || magnitude(*right) < different()) {
      return undecided("no value that could be compared");
    }
    return compare_values(product({f, at_g}), product({g, at_f}), options_.seed);
  }

  // `term` with a number put in for a symbol.
  static Term with_value(const Term& term, const std::string& name, const Rational& value) {
    if (term->op == Op::kSymbol && term->name == name) return number(value);
    if (term->args.empty()) return term;
    auto node = std::make_shared<Node>(*term);
    for (Term& arg : node->args) arg = with_value(arg, name, value);
    return node;
  }

  // ---- lists and matrices ----

  static Equivalence weaker(const Equivalence& a, const Equivalence& b) {
    return a.how == "equal exactly" ? b : a;
  }

  Equivalence ordered(const std::vector<Answer>& a, const std::vector<Answer>& b) {
    if (a.size() != b.size()) return unequal("differ in length");
    Equivalence all = equal("equal exactly");
    for (std::size_t i = 0; i < a.size(); ++i) {
      const Equivalence item = compare(a[i], b[i]);
      if (!item.is_equal()) return item;
      all = weaker(all, item);
    }
    return all;
  }

  // Each of a has its own equal in b; what is in a list twice counts once.
  Equivalence unordered(const std::vector<Answer>& a, const std::vector<Answer>& b) {
    if (a.size() > kMostItems || b.size() > kMostItems) return undecided("too many items");
    Equivalence all = equal("equal exactly");
    bool is_open = false;
    for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      for (const Answer& item : *from) {
        bool found = false;
        for (const Answer& other : *to) {
          const Equivalence one = from == &a ? compare(item, other) : compare(other, item);
          is_open = is_open || one.outcome == Outcome::kUndecided;
          if (!one.is_equal()) continue;
          all = weaker(all, one);
          found = true;
          break;
        }
        if (!found) {
          return is_open ? undecided("an item could not be compared")
                         : unequal("an item is in one of the two only");
        }
      }
    }
    return all;
  }

  Equivalence lists(const Answer& a, const Answer& gold) {
    using Kind = Answer::Kind;
    // One answer is the list of itself; {5} is 5.
    if (a.kind != Kind::kList || gold.kind != Kind::kList) {
      const Answer& list = a.kind == Kind::kList ? a : gold;
      if (list.items.size() != 1) return unequal("one is a list, the other is not");
      return a.kind == Kind::kList ? compare(a.items[0], gold) : compare(a, gold.items[0]);
    }
    const bool is_set = a.open == '{' || gold.open == '{';
    const bool is_bare = a.open == 0 || gold.open == 0;
    if (is_set) {
      if (a.open != gold.open && !is_bare) return unequal("one is a set, the other is ordered");
      return unordered(a.items, gold.items);
    }
    if (is_bare) {
      if (a.open == gold.open) return unordered(a.items, gold.items);
      return ordered(a.items, gold.items);
    }
    if ((a.open != gold.open || a.close != gold.close) && a.items.size() == 2) {
      return unequal("the brackets differ");
    }
    return ordered(a.items, gold.items);
  }

  Equivalence matrices(const Answer& a, const Answer& gold) {
    using Kind = Answer::Kind;
    if (a.kind == gold.kind) {
      if (a.num_columns != gold.num_columns) return unequal("the shapes differ");
      return ordered(a.items, gold.items);
    }
    const Answer& matrix = a.kind == Kind::kMatrix ? a : gold;
    const Answer& other = a.kind == Kind::kMatrix ? gold : a;
    const bool is_vector = matrix.num_columns == 1 || matrix.num_columns == matrix.items.size();
    if (other.kind != Kind::kList || other.open == '{' || !is_vector) {
      return unequal("one is a matrix, the other is not");
    }
    return ordered(a.items, gold.items);
  }

  const EquivalenceOptions& options_;
};

// Whether a comma stands between digits in threes, so that there are two readings.
bool may_group(std::string_view text) {
  for (std::size_t i = 1; i + 3 < text.size(); ++i) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
    if (text[i] == ',' && digit(i - 1) && digit(i + 1) && digit(i + 2) && digit(i + 3) &&
        (i + 4 == text.size() || !digit(i + 4))) {
      return true;
    }
  }
  return false;
}

std::vector<Answer> readings_of(std::string_view text) {
  std::vector<Answer> readings{read_answer(text)};
  if (may_group(text)) readings.push_back(read_answer(text, {.commas_group = true}));
  const Answer with_unit =
      read_answer(text, {.commas_group = may_group(text), .plain_units = true});
  if (with_unit.unit) readings.push_back(with_unit);
  return readings;
}

}  // namespace

Equivalence compare_terms(const Term& a, const Term& b, const EquivalenceOptions& options) {
  return compare_numbers(with_log(a, false), Rational(1), with_log(b, false), Rational(1), options);
}

Equivalence compare_answers(std::string_view answer, std::string_view gold,
                            const EquivalenceOptions& options) {
  if (!answer.empty() && folded_text(answer) == folded_text(gold)) {
    return equal("the same text");
  }
  Comparison comparison(options);
  std::optional<Equivalence> first;
  for (const Answer& right : readings_of(gold)) {
    for (const Answer& left : readings_of(answer)) {
      Equivalence one = comparison.compare(left, right);
      if (one.is_equal()) return one;
      if (!first) first = std::move(one);
    }
  }
  return *first;
}

}  // namespace peira::evals::math
