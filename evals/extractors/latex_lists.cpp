// Lists, relations and sets.
#include <algorithm>
#include <utility>

#include "evals/extractors/latex_parser.h"

namespace peira::evals::latex {

LatexValue number(MathNumber value, bool is_atomic) {
  LatexValue result;
  result.kind = Kind::kNumber;
  result.number = std::move(value);
  result.is_atomic = is_atomic;
  return result;
}
LatexValue number(std::optional<MathNumber> value, bool is_atomic) {
  if (value) return number(*std::move(value), is_atomic);
  LatexValue result;
  result.unsupported = true;
  return result;
}
LatexValue symbolic(bool unsupported) {
  LatexValue result;
  result.unsupported = unsupported;
  return result;
}
LatexValue symbol(std::string name) {
  LatexValue result;
  result.name = std::move(name);
  result.only_symbols = true;
  return result;
}
LatexValue of_kind(Kind kind) {
  LatexValue result;
  result.kind = kind;
  return result;
}

bool is_plain(const LatexValue& value) {
  return value.kind == Kind::kNumber || value.kind == Kind::kSymbolic;
}
bool is_atomic_integer(const LatexValue& value) {
  return value.kind == Kind::kNumber && value.is_atomic && value.number.is_integer() &&
         !value.number.is_float;
}
bool is_atomic_rational(const LatexValue& value) {
  return value.kind == Kind::kNumber && value.is_atomic && value.number.is_exact &&
         !value.number.is_float;
}

std::optional<LatexValue> Parser::run(bool& from_elements) {
  from_elements = false;
  if (auto value = elements_relation()) return value;
  at_ = 0;
  if (auto value = semicolon_elements(/*with_relations=*/true); value && peek() == T::kEnd) {
    from_elements = true;
    return value;
  }
  at_ = 0;
  if (auto value = set_relation(); value && peek() == T::kEnd) return value;
  return std::nullopt;
}

bool Parser::take(T type) {
  if (peek() != type) return false;
  ++at_;
  return true;
}

LatexValue Parser::collect(std::vector<std::vector<LatexValue>> groups) {
  if (groups.size() == 1 && groups[0].size() == 1) return std::move(groups[0][0]);
  const bool all_single = std::all_of(groups.begin(), groups.end(),
                                      [](const auto& group) { return group.size() == 1; });
  LatexValue set = of_kind(Kind::kSet);
  for (auto& group : groups) {
    if (groups.size() == 1 || all_single) {
      for (LatexValue& item : group) add_to_set(set, std::move(item));
    } else {
      LatexValue tuple = of_kind(Kind::kSet);
      tuple.is_tuple = true;
      tuple.items = std::move(group);
      add_to_set(set, std::move(tuple));
    }
  }
  return set;
}

void Parser::add_to_set(LatexValue& set, LatexValue item) {
  const bool known = std::any_of(set.items.begin(), set.items.end(), [&](const LatexValue& old) {
    if (old.kind == Kind::kSymbolic && item.kind == Kind::kSymbolic) {
      return !old.name.empty() && old.name == item.name;
    }
    return old.kind == Kind::kNumber && item.kind == Kind::kNumber && old.is_atomic &&
           item.is_atomic && old.number.is_float == item.number.is_float && old.number.is_exact &&
           item.number.is_exact && old.number.exact == item.number.exact;
  });
  if (!known) set.items.push_back(std::move(item));
}

Parser::Result Parser::elements_relation() {
  if (!atom_list()) return std::nullopt;
  if (!take(T::kIn) && !take(T::kAssign)) return std::nullopt;
  Result value = semicolon_elements(/*with_relations=*/false);
  if (!value || peek() != T::kEnd) return std::nullopt;
  LatexValue equation = of_kind(Kind::kEquation);
  equation.items.push_back(*std::move(value));
  return equation;
}

bool Parser::atom_list() {
  const std::size_t start = at_;
  if (take(T::kLParen)) {
    bool good = atom_expression().has_value();
    while (good && take(T::kComma)) good = atom_expression().has_value();
    if (good && take(T::kRParen)) return true;
    at_ = start;
    return false;
  }
  if (atom_expression()) return true;
  at_ = start;
  return false;
}

std::optional<std::vector<LatexValue>> Parser::comma_elements(bool with_relations) {
  std::vector<LatexValue> items;
  do {
    Result item = element(with_relations);
    if (!item) return std::nullopt;
    if (item->kind == Kind::kSet && is_plus_minus_) {
      is_plus_minus_ = false;
      for (LatexValue& each : item->items) items.push_back(std::move(each));
    } else {
      items.push_back(*std::move(item));
    }
  } while (take(T::kComma));
  return items;
}

std::optional<std::vector<std::vector<LatexValue>>> Parser::element_groups(bool with_relations) {
  std::vector<std::vector<LatexValue>> groups;
  do {
    auto items = comma_elements(with_relations);
    if (!items) return std::nullopt;
    groups.push_back(*std::move(items));
  } while (take(T::kSemicolon));
  return groups;
}

Parser::Result Parser::semicolon_elements(bool with_relations) {
  auto groups = element_groups(with_relations);
  if (!groups) return std::nullopt;
  return collect(*std::move(groups));
}

bool Parser::at_element_end() const {
  switch (peek()) {
    case T::kEnd:
    case T::kComma:
    case T::kSemicolon:
    case T::kRParen:
    case T::kRParenVisual:
    case T::kRBracket:
    case T::kRBrace:
    case T::kRBraceVisual:
      return true;
    default:
      return false;
  }
}

Parser::Result Parser::element(bool with_relations) {
  is_plus_minus_ = false;
  const std::size_t start = at_;
  if (Result value = plus_minus(); value && at_element_end()) {
    is_plus_minus_ = true;
    return value;
  }
  at_ = start;
  Result value =
      remembered(with_relations ? Rule::kElement : Rule::kElementNoRelation, [&]() -> Result {
        const Nest nest(*this);
        const std::size_t from = at_;
        if (Result set = set_atom(); set && at_element_end()) return set;
        at_ = from;
        return with_relations ? relation() : expression();
      });
  is_plus_minus_ = false;
  return value;
}

Parser::Result Parser::plus_minus() {
  LatexValue pair = of_kind(Kind::kSet);
  if (take(T::kPlusMinus)) {
    Result value = expression();
    if (!value) return std::nullopt;
    pair.items = {minus(*value), *value};
    return pair;
  }
  Result left = expression();
  if (!left || !take(T::kPlusMinus)) return std::nullopt;
  const Result right = expression();
  if (!right) return std::nullopt;
  pair.items = {sum_of(*left, *right), sum_of(*left, minus(*right))};
  return pair;
}

Parser::Result Parser::relation() {
  Result left = expression();
  if (!left) return std::nullopt;
  while (true) {
    const T op = peek();
    switch (op) {
      case T::kIn:
      case T::kAssign:
      case T::kEqual:
      case T::kApprox:
      case T::kLess:
      case T::kLessEqual:
      case T::kGreater:
      case T::kGreaterEqual:
      case T::kUnequal:
        break;
      default:
        return left;
    }
    ++at_;
    Result right = expression();
    if (!right) return std::nullopt;
    if (op == T::kIn) throw NoParse();  // no relation the reference can convert
    if (op == T::kApprox) {
      if (left->only_symbols) left = std::move(right);
      continue;
    }
    if ((op == T::kAssign || op == T::kEqual) && left->kind != Kind::kRelation) {
      const bool symbols = left->only_symbols && right->only_symbols;
      LatexValue equation = of_kind(Kind::kEquation);
      equation.only_symbols = symbols;
      equation.items.push_back(*std::move(right));
      left = std::move(equation);
    } else {
      left = of_kind(Kind::kRelation);
    }
  }
}

Parser::Result Parser::set_relation() {
  const std::size_t start = at_;
  if (atom_list() && (peek() == T::kIn || peek() == T::kNotIn || peek() == T::kAssign)) {
    const bool negated = peek() == T::kNotIn;
    ++at_;
    Result right = set_relation();
    if (right) {
      if (negated) return of_kind(Kind::kRelation);
      LatexValue equation = of_kind(Kind::kEquation);
      equation.items.push_back(*std::move(right));
      return equation;
    }
  }
  at_ = start;
  Result left = set_minus();
  while (left && (peek() == T::kSubset || peek() == T::kSuperset)) {
    ++at_;
    if (!set_minus()) return std::nullopt;
    left = of_kind(Kind::kRelation);
  }
  return left;
}

Parser::Result Parser::set_minus() {
  return remembered(Rule::kMinus, [&]() -> Result {
    const Nest nest(*this);
    Result left = set_group();
    while (left && (peek() == T::kSetMinus || peek() == T::kUnion || peek() == T::kIntersection)) {
      ++at_;
      if (!set_group()) return std::nullopt;
      left = of_kind(Kind::kOther);
      left->unsupported = true;
    }
    return left;
  });
}

Parser::Result Parser::set_group() {
  const std::size_t start = at_;
  if (take(T::kLParen)) {
    if (Result inner = set_minus(); inner && take(T::kRParen)) return inner;
    at_ = start;
  }
  return set_atom();
}

Parser::Result Parser::set_atom() {
  return remembered(Rule::kSetAtom, [&]() -> Result {
    const Nest nest(*this);
    const std::size_t start = at_;
    if (Result value = interval()) return value;
    at_ = start;
    if (take(T::kLiteralSet) || take(T::kSetEmpty)) return of_kind(Kind::kOther);
    if (peek() == T::kLBrace && peek(1) == T::kRBrace) {
      at_ += 2;
      return of_kind(Kind::kOther);
    }
    if (Result value = ordered_tuple()) return value;
    at_ = start;
    if (Result value = finite_set()) return value;
    return std::nullopt;
  });
}

Parser::Result Parser::interval() {
  bool left_open = false;
  switch (peek()) {
    case T::kLParen:
    case T::kLParenVisual:
    case T::kLGroup:
      left_open = true;
      break;
    case T::kLBracket:
    case T::kLBrack:
      break;
    default:
      return std::nullopt;
  }
  ++at_;
  Result left = expression();
  if (!left || !take(T::kComma)) return std::nullopt;
  Result right = expression();
  if (!right) return std::nullopt;
  bool right_open = false;
  switch (peek()) {
    case T::kRParen:
    case T::kRParenVisual:
    case T::kRGroup:
      right_open = true;
      break;
    case T::kRBracket:
    case T::kRBrack:
      break;
    default:
      return std::nullopt;
  }
  ++at_;
  if (left->kind == Kind::kNumber && right->kind == Kind::kNumber) {
    const Real difference = subtract(right->number, left->number).to_real();
    const bool backwards = left_open && right_open     ? difference <= 0
                           : !left_open && !right_open ? difference < 0
                                                       : false;
    LatexValue set = of_kind(Kind::kSet);
    if (backwards) {
      set.is_tuple = true;
      set.items = {*std::move(left), *std::move(right)};
      return set;
    }
    if (difference == 0 && !left_open && !right_open) {  // [a, a] is the set {a}
      set.items = {*std::move(left)};
      return set;
    }
  }
  return of_kind(Kind::kOther);
}

Parser::Result Parser::ordered_tuple() {
  T close = T::kEnd;
  switch (peek()) {
    case T::kLParen:
      close = T::kRParen;
      break;
    case T::kLParenVisual:
      close = T::kRParenVisual;
      break;
    case T::kLBracket:
      close = T::kRBracket;
      break;
    default:
      return std::nullopt;
  }
  ++at_;
  auto groups = element_groups(/*with_relations=*/true);
  if (!groups || !take(close)) return std::nullopt;
  if (groups->size() == 1 && groups->front().size() == 1) return std::move(groups->front().front());
  LatexValue tuple = of_kind(Kind::kSet);
  tuple.is_tuple = true;
  for (auto& group : *groups) {
    for (LatexValue& item : group) tuple.items.push_back(std::move(item));
  }
  return tuple;
}

Parser::Result Parser::finite_set() {
  const bool boxed = take(T::kBoxed);
  T close = T::kRBrace;
  if (take(T::kLBraceVisual)) {
    if (boxed) return std::nullopt;
    close = T::kRBraceVisual;
  } else if (!take(T::kLBrace)) {
    return std::nullopt;
  }
  auto groups = element_groups(/*with_relations=*/true);
  if (!groups || !take(close)) return std::nullopt;
  if (boxed) return collect(*std::move(groups));
  LatexValue set = of_kind(Kind::kSet);
  for (auto& group : *groups) {
    for (LatexValue& item : group) add_to_set(set, std::move(item));
  }
  return set;
}

}  // namespace peira::evals::latex
