// Expressions, functions and atoms.
#include <algorithm>
#include <array>
#include <utility>

#include "evals/extractors/latex_parser.h"
#include "evals/python_text.h"

namespace peira::evals::latex {

LatexValue Parser::minus(const LatexValue& value) {
  if (value.kind == Kind::kNumber) return number(negate(value.number), value.is_atomic);
  LatexValue result = symbolic(true);
  return result;
}

LatexValue Parser::sum_of(const LatexValue& a, const LatexValue& b) {
  if (a.kind == Kind::kNumber && b.kind == Kind::kNumber) {
    return number(add(a.number, b.number), /*is_atomic=*/false);
  }
  if (!is_plain(a) || !is_plain(b)) throw NoParse();
  LatexValue result = symbolic(true);
  result.only_symbols = a.only_symbols && b.only_symbols;
  return result;
}

LatexValue Parser::product_of(const LatexValue& a, const LatexValue& b) {
  if (a.kind == Kind::kNumber && b.kind == Kind::kNumber) {
    return number(multiply(a.number, b.number));
  }
  if (!is_plain(a) || !is_plain(b)) throw NoParse();
  if ((a.kind == Kind::kNumber && a.number.is_zero()) ||
      (b.kind == Kind::kNumber && b.number.is_zero())) {
    return number(MathNumber::from(0), /*is_atomic=*/false);
  }
  LatexValue result = symbolic(true);
  result.only_symbols = a.only_symbols && b.only_symbols;
  return result;
}

LatexValue Parser::quotient_of(const LatexValue& a, const LatexValue& b) {
  if (a.kind == Kind::kNumber && b.kind == Kind::kNumber) {
    return number(divide(a.number, b.number), is_atomic_integer(a) && is_atomic_integer(b));
  }
  if (!is_plain(a) || !is_plain(b)) throw NoParse();
  LatexValue result = symbolic(true);
  result.only_symbols = a.only_symbols && b.only_symbols;
  return result;
}

LatexValue Parser::power_of(const LatexValue& base, const LatexValue& exponent) {
  if (base.kind == Kind::kNumber && exponent.kind == Kind::kNumber) {
    return number(power(base.number, exponent.number));
  }
  if (!is_plain(base) || !is_plain(exponent)) throw NoParse();
  if (exponent.kind == Kind::kNumber && exponent.number.is_zero()) {
    return number(MathNumber::from(1), /*is_atomic=*/false);
  }
  LatexValue result = symbolic(true);
  result.only_symbols = base.only_symbols && exponent.only_symbols;
  return result;
}

Parser::Result Parser::expression() {
  return remembered(Rule::kExpression, [&]() -> Result {
    const Nest nest(*this);
    Result left = product(/*with_functions=*/true);
    while (left && (peek() == T::kAdd || peek() == T::kSub)) {
      const std::size_t before = at_;
      const bool subtracted = peek() == T::kSub;
      ++at_;
      const Result right = product(true);
      if (!right) {
        at_ = before;
        break;
      }
      left = sum_of(*left, subtracted ? minus(*right) : *right);
    }
    return left;
  });
}

Parser::Result Parser::product(bool with_functions) {
  Result left = unary(with_functions);
  while (left) {
    const T op = peek();
    if (op != T::kMul && op != T::kDiv && op != T::kColon && op != T::kMod) break;
    const std::size_t before = at_;
    ++at_;
    const Result right = unary(with_functions);
    if (!right) {
      at_ = before;
      break;
    }
    if (op == T::kMul) {
      left = product_of(*left, *right);
    } else if (op == T::kMod) {
      left = modulo(*left, *right);
    } else {
      left = quotient_of(*left, *right);
    }
  }
  return left;
}

LatexValue Parser::modulo(const LatexValue& a, const LatexValue& b) {
  if (a.kind != Kind::kNumber || b.kind != Kind::kNumber || !a.number.is_exact ||
      !b.number.is_exact || b.number.is_zero()) {
    return symbolic(true);
  }
  const Rational ratio = a.number.exact / b.number.exact;
  return number(MathNumber::from(a.number.exact - b.number.exact * floor_of(ratio)), false);
}

BigInt Parser::floor_of(const Rational& value) {
  BigInt floor = numerator(value) / denominator(value);
  if (value < Rational(floor)) --floor;
  return floor;
}

Parser::Result Parser::unary(bool with_functions) {
  const Nest nest(*this);
  const std::size_t start = at_;
  if (take(T::kAdd)) {
    Result value = unary(with_functions);
    if (!value) at_ = start;
    return value;
  }
  if (take(T::kSub)) {
    Result value = unary(with_functions);
    if (!value) {
      at_ = start;
      return value;
    }
    if (!is_plain(*value)) throw NoParse();
    return minus(*value);
  }
  std::vector<LatexValue> factors;
  while (true) {
    // Only the first factor after a function without parentheses may itself be a function.
    Result factor = postfix(with_functions || factors.empty());
    if (!factor) break;
    factors.push_back(*std::move(factor));
  }
  if (factors.empty()) return std::nullopt;
  LatexValue value = std::move(factors.back());
  for (std::size_t i = factors.size() - 1; i-- > 0;) {
    // A whole number before a positive fraction (or number) is a mixed number.
    if (is_atomic_integer(factors[i]) && is_atomic_rational(value) && value.number.exact > 0) {
      const Rational whole = factors[i].number.exact;
      value = number(MathNumber::from(whole < 0 ? Rational(whole - value.number.exact)
                                                : Rational(whole + value.number.exact)),
                     true);
    } else {
      value = product_of(factors[i], value);
    }
  }
  return value;
}

Parser::Result Parser::postfix(bool with_functions) {
  Result value = exponentiation(with_functions);
  while (value) {
    if (take(T::kBang)) {
      if (value->kind == Kind::kNumber) {
        value = number(factorial(value->number));
      } else {
        value = symbolic(true);
      }
    } else if (take(T::kTranspose) || take(T::kDegree)) {
      continue;
    } else if (peek() == T::kBar && (peek(1) == T::kUnderscore || peek(1) == T::kCaret) &&
               peek(2) == T::kLBrace) {
      const std::size_t before = at_;
      ++at_;
      bool good = true;
      while (good && (peek() == T::kUnderscore || peek() == T::kCaret)) {
        ++at_;
        good = take(T::kLBrace) && relation() && take(T::kRBrace);
      }
      if (!good) {
        at_ = before;
        break;
      }
      value = symbolic(true);
    } else {
      break;
    }
  }
  return value;
}

Parser::Result Parser::exponentiation(bool with_functions) {
  Result value = comp(with_functions);
  while (value && peek() == T::kCaret) {
    const std::size_t before = at_;
    ++at_;
    Result exponent;
    if (peek() == T::kLBrace) {
      ++at_;
      exponent = expression();
      if (exponent && !take(T::kRBrace)) exponent.reset();
    } else {
      exponent = atom();
    }
    if (!exponent) {
      at_ = before;
      break;
    }
    subscript();
    value = power_of(*value, *exponent);
  }
  return value;
}

bool Parser::subscript(LatexValue* value) {
  const std::size_t start = at_;
  if (!take(T::kUnderscore)) return false;
  if (take(T::kLBrace)) {
    Result inner = expression();
    while (inner && take(T::kComma)) inner = expression();
    if (inner && take(T::kRBrace)) {
      if (value != nullptr) *value = *std::move(inner);
      return true;
    }
  } else if (Result inner = atom()) {
    if (value != nullptr) *value = *std::move(inner);
    return true;
  }
  at_ = start;
  return false;
}

Parser::Result Parser::superscript() {
  const std::size_t start = at_;
  if (!take(T::kCaret)) return std::nullopt;
  Result value;
  if (take(T::kLBrace)) {
    value = expression();
    if (value && !take(T::kRBrace)) value.reset();
  } else {
    value = atom();
  }
  if (!value) at_ = start;
  return value;
}

Parser::Result Parser::enclosed(T open, T close) {
  const std::size_t start = at_;
  if (!take(open)) return std::nullopt;
  if (Result value = expression(); value && take(close)) return value;
  at_ = start;
  return std::nullopt;
}

Parser::Result Parser::comp(bool with_functions) {
  if (!with_functions) {
    const std::size_t start = at_;
    Result value = comp_of(false);
    if (!value) at_ = start;
    return value;
  }
  return remembered(Rule::kComp, [&] { return comp_of(true); });
}

Parser::Result Parser::comp_of(bool with_functions) {
  const Nest nest(*this);
  constexpr std::array<std::pair<T, T>, 7> kGroups{{{T::kLParen, T::kRParen},
                                                    {T::kLGroup, T::kRGroup},
                                                    {T::kLBrace, T::kRBrace},
                                                    {T::kLBracket, T::kRBracket},
                                                    {T::kLBraceVisual, T::kRBraceVisual},
                                                    {T::kLBraceCmd, T::kRBraceCmd},
                                                    {T::kLBrack, T::kRBrack}}};
  const std::size_t start = at_;
  for (const auto& [open, close] : kGroups) {
    if (peek() == open) {
      if (Result value = enclosed(open, close)) return value;
    }
  }
  switch (peek()) {
    case T::kLBrace: {  // {n \choose k}
      ++at_;
      const Result upper = expression();
      if (upper && take(T::kChoose)) {
        const Result lower = expression();
        if (lower && take(T::kRBrace)) return choose(*upper, *lower);
      }
      at_ = start;
      return std::nullopt;
    }
    case T::kPhantom:
    case T::kBoxed:
      ++at_;
      if (Result value = enclosed(T::kLBrace, T::kRBrace)) return value;
      at_ = start;
      return std::nullopt;
    case T::kNorm: {
      ++at_;
      const Result value = expression();
      if (value && take(T::kNorm)) throw NoParse();  // numbers have no norm in the reference
      at_ = start;
      return std::nullopt;
    }
    case T::kBar:
      return absolute(T::kBar, T::kBar);
    case T::kLVert:
      return absolute(T::kLVert, T::kRVert);
    case T::kVert:
      return absolute(T::kVert, T::kVert);
    case T::kLFloor:
      return rounded(T::kLFloor, T::kRFloor, false);
    case T::kLlCorner:
      return rounded(T::kLlCorner, T::kLrCorner, false);
    case T::kLCeil:
      return rounded(T::kLCeil, T::kRCeil, true);
    case T::kUlCorner:
      return rounded(T::kUlCorner, T::kUrCorner, true);
    case T::kFrac: {
      ++at_;
      const Result upper = enclosed(T::kLBrace, T::kRBrace);
      const Result lower = upper ? enclosed(T::kLBrace, T::kRBrace) : std::nullopt;
      if (lower) return quotient_of(*upper, *lower);
      at_ = start;
      return std::nullopt;
    }
    case T::kBinom: {
      ++at_;
      const Result upper = enclosed(T::kLBrace, T::kRBrace);
      const Result lower = upper ? enclosed(T::kLBrace, T::kRBrace) : std::nullopt;
      if (lower) return choose(*upper, *lower);
      at_ = start;
      return std::nullopt;
    }
    case T::kMatrixStart: {
      ++at_;
      do {
        if (peek() == T::kMatrixEnd) break;
        do {
          if (!expression()) {
            at_ = start;
            return std::nullopt;
          }
        } while (take(T::kMatrixColumn));
      } while (take(T::kMatrixRow));
      if (take(T::kMatrixEnd)) return symbolic(true);
      at_ = start;
      return std::nullopt;
    }
    default:
      break;
  }
  if (with_functions) {
    if (Result value = function()) return value;
    at_ = start;
  }
  return atom();
}

LatexValue Parser::choose(const LatexValue& n, const LatexValue& k) {
  if (n.kind != Kind::kNumber || k.kind != Kind::kNumber) return symbolic(true);
  return number(binomial(n.number, k.number), true);
}

Parser::Result Parser::absolute(T open, T close) {
  Result value = enclosed(open, close);
  if (!value) return std::nullopt;
  if (value->kind != Kind::kNumber) return symbolic(true);
  return number(value->number.to_real() < 0 ? negate(value->number) : value->number, false);
}

Parser::Result Parser::rounded(T open, T close, bool up) {
  const Result value = enclosed(open, close);
  if (!value) return std::nullopt;
  return round_to(*value, up);
}

LatexValue Parser::round_to(const LatexValue& value, bool up) {
  if (value.kind != Kind::kNumber) return symbolic(true);
  if (value.number.is_exact) {
    const BigInt floor = floor_of(value.number.exact);
    const bool whole = Rational(floor) == value.number.exact;
    return number(MathNumber::from(Rational(up && !whole ? BigInt(floor + 1) : floor)), false);
  }
  const Real real = value.number.to_real();
  if (abs(real) > 1e40) return symbolic(true);
  return number(MathNumber::from(Rational(up ? ceil(real) : floor(real))), false);
}

Parser::Result Parser::function() {
  const std::size_t start = at_;
  switch (peek()) {
    case T::kFunction:
    case T::kGamma:
      return single_function(std::string(tokens_[at_].text.substr(1)));
    case T::kMultiFunction:
      return multi_function(std::string(tokens_[at_].text.substr(1)));
    case T::kOperatorName: {
      if (peek(1) == T::kLBrace && (peek(2) == T::kSingleName || peek(2) == T::kMultiName) &&
          peek(3) == T::kRBrace) {
        const bool single = peek(2) == T::kSingleName;
        const std::string name(tokens_[at_ + 2].text);
        at_ += 3;
        return single ? single_function(name) : multi_function(name);
      }
      return std::nullopt;
    }
    case T::kSqrt: {
      ++at_;
      std::optional<LatexValue> root;
      if (peek() == T::kLBracket) {
        root = enclosed(T::kLBracket, T::kRBracket);
        if (!root) break;
      }
      const Result base = enclosed(T::kLBrace, T::kRBrace);
      if (!base) break;
      const LatexValue two = number(MathNumber::from(2), true);
      const LatexValue one = number(MathNumber::from(1), true);
      return power_of(*base, quotient_of(one, root ? *root : two));
    }
    case T::kExpE: {
      ++at_;
      const Result exponent = superscript();
      const LatexValue base = number(euler(), false);
      return exponent ? power_of(base, *exponent) : base;
    }
    case T::kSum:
    case T::kProd: {
      if (Result value = sum_or_product()) return value;
      break;
    }
    case T::kInt: {
      ++at_;
      if (subscript()) {
        superscript();
      } else if (superscript()) {
        subscript();
      }
      // The differential is one more factor of the integrand here.
      if (expression()) return symbolic(true);
      break;
    }
    case T::kLim: {
      ++at_;
      if (!take(T::kUnderscore) || !take(T::kLBrace)) break;
      if (!take(T::kLetter) && !take(T::kGreek) && !take(T::kOtherSymbol)) break;
      if (!take(T::kTo) || !expression()) break;
      if (take(T::kCaret) &&
          !(take(T::kLBrace) && (take(T::kAdd) || take(T::kSub)) && take(T::kRBrace))) {
        break;
      }
      if (take(T::kRBrace) && product(true)) return symbolic(true);
      break;
    }
    case T::kLetter:
    case T::kGreek:
    case T::kOtherSymbol:
    case T::kAccent: {
      // f(x), f_1^2(x, y): one atom, or a list of expressions with a comma.
      ++at_;
      subscript();
      superscript();
      const bool braces = take(T::kLBrace);
      T close = T::kRParen;
      if (take(T::kLBracket)) {
        close = T::kRBracket;
      } else if (!take(T::kLParen)) {
        break;
      }
      const std::size_t inside = at_;
      bool good = atom() && peek() == close;
      if (!good) {
        at_ = inside;
        good = expression() && take(T::kComma);
        while (good && peek() != close) {
          good = expression().has_value();
          if (good && !take(T::kComma)) break;
        }
      }
      if (good && take(close) && (!braces || take(T::kRBrace))) return symbolic(true);
      break;
    }
    default:
      break;
  }
  at_ = start;
  return std::nullopt;
}

Parser::Result Parser::sum_or_product() {
  const bool is_sum = peek() == T::kSum;
  ++at_;
  std::string variable;
  Result first;
  const auto lower = [&] {
    if (!take(T::kUnderscore) || !take(T::kLBrace)) return false;
    if (peek() == T::kLetter) variable = tokens_[at_].text;
    if (!expression() || (!take(T::kEqual) && !take(T::kAssign))) return false;
    first = expression();
    return first && take(T::kRBrace);
  };
  Result last;
  if (peek() == T::kUnderscore) {
    if (lower()) last = superscript();
  } else {
    last = superscript();
    if (last && !lower()) last.reset();
  }
  if (!last) return std::nullopt;
  const std::size_t body = at_;
  if (!product(true)) return std::nullopt;
  const std::size_t end = at_;
  constexpr int kMaxTerms = 1000;
  if (variable.empty() || bound_.count(variable) != 0 || first->kind != Kind::kNumber ||
      last->kind != Kind::kNumber || !first->number.is_integer() || !last->number.is_integer() ||
      last->number.exact < first->number.exact ||
      last->number.exact - first->number.exact >= kMaxTerms) {
    return symbolic(true);
  }
  LatexValue total = number(MathNumber::from(is_sum ? 0 : 1), false);
  for (Rational k = first->number.exact; k <= last->number.exact; k += 1) {
    bound_[variable] = MathNumber::from(k);
    memo_.clear();  // what was remembered held for another value of the variable
    at_ = body;
    const Result term = product(true);
    if (!term) throw NoParse();
    total = is_sum ? sum_of(total, *term) : product_of(total, *term);
  }
  bound_.erase(variable);
  memo_.clear();
  at_ = end;
  return total;
}

Parser::Result Parser::single_function(const std::string& name) {
  const std::size_t start = at_;
  ++at_;
  LatexValue base;
  bool has_base = subscript(&base);
  const Result exponent = superscript();
  if (!has_base) has_base = subscript(&base);
  Result argument = enclosed(T::kLParen, T::kRParen);
  if (!argument) argument = product(/*with_functions=*/false);
  if (!argument) {
    at_ = start;
    return std::nullopt;
  }
  LatexValue value = symbolic(true);
  if (argument->kind == Kind::kNumber) {
    const Real x = argument->number.to_real();
    const auto real = [](const Real& result) {
      return number(MathNumber::from_real(result), false);
    };
    if ((name == "log" || name == "ln") && x > 0) {
      Real divisor = name == "log" ? log(Real(10)) : Real(1);
      if (has_base) {
        divisor = base.kind == Kind::kNumber && base.number.to_real() > 0
                      ? log(base.number.to_real())
                      : Real(0);
      }
      if (divisor != 0) value = real(log(x) / divisor);
    } else if (name == "exp") {
      value = power_of(number(euler(), false), *argument);
    } else if (abs(x) < 1e20 && name == "sin") {
      value = real(sin(x));
    } else if (abs(x) < 1e20 && name == "cos") {
      value = real(cos(x));
    } else if (abs(x) < 1e20 && name == "tan") {
      value = real(tan(x));
    } else if (name == "floor" || name == "ceil") {
      value = round_to(*argument, name == "ceil");
    } else if (name == "Gamma" && argument->number.is_integer()) {
      value = number(factorial(subtract(argument->number, MathNumber::from(1))));
    }
  }
  return exponent ? power_of(value, *exponent) : value;
}

Parser::Result Parser::multi_function(const std::string& name) {
  const std::size_t start = at_;
  ++at_;
  subscript();
  const Result exponent = superscript();
  subscript();
  std::vector<LatexValue> arguments;
  if (take(T::kLParen)) {
    do {
      Result argument = expression();
      if (!argument) break;
      arguments.push_back(*std::move(argument));
    } while (take(T::kComma));
    if (!take(T::kRParen)) arguments.clear();
  } else {
    // Without parentheses the reference's converter fails.
    if (product(false)) throw NoParse();
  }
  if (arguments.empty()) {
    at_ = start;
    return std::nullopt;
  }
  LatexValue value = combine(name, arguments);
  return exponent ? power_of(value, *exponent) : value;
}

BigInt Parser::greatest_common_divisor(BigInt a, BigInt b) {
  while (!b.is_zero()) {
    BigInt rest = a % b;
    a = std::move(b);
    b = std::move(rest);
  }
  return abs(a);
}

LatexValue Parser::combine(const std::string& name, const std::vector<LatexValue>& arguments) {
  MathNumber result;
  bool first = true;
  for (const LatexValue& argument : arguments) {
    if (argument.kind != Kind::kNumber) return symbolic(true);
    const MathNumber& value = argument.number;
    if (first) {
      result = value;
    } else if (name == "max" || name == "min") {
      const bool greater = value.to_real() > result.to_real();
      if (greater == (name == "max")) result = value;
    } else if ((name == "gcd" || name == "lcm") && value.is_integer() && result.is_integer()) {
      const BigInt a = numerator(result.exact);
      const BigInt b = numerator(value.exact);
      const BigInt divisor = greatest_common_divisor(a, b);
      if (name == "gcd") {
        result = MathNumber::from(Rational(divisor));
      } else {
        result = MathNumber::from(divisor.is_zero() ? Rational(0) : Rational(abs(a * b) / divisor));
      }
    } else {
      return symbolic(true);
    }
    first = false;
  }
  return number(result, false);
}

Parser::Result Parser::atom_expression() {
  const T type = peek();
  if (type != T::kLetter && type != T::kGreek && type != T::kOtherSymbol && type != T::kAccent) {
    return std::nullopt;
  }
  const std::string_view text = tokens_[at_].text;
  ++at_;
  if (const auto bound = bound_.find(std::string(text));
      type == T::kLetter && bound != bound_.end() && peek() != T::kUnderscore) {
    const LatexValue value = number(bound->second, /*is_atomic=*/false);
    const Result exponent = superscript();
    return exponent ? power_of(value, *exponent) : value;
  }
  LatexValue value = symbol_of(type, text);
  const auto with_subscript = [this, &value] {
    if (subscript()) {
      const bool symbols = value.kind == Kind::kSymbolic;
      value = symbolic(!symbols);
      value.only_symbols = true;
      return true;
    }
    return false;
  };
  const bool sub_first = with_subscript();
  const Result exponent = superscript();
  if (!sub_first) with_subscript();
  if (exponent) {
    const bool symbols = value.only_symbols && exponent->only_symbols;
    value = power_of(value, *exponent);
    value.only_symbols = symbols;
  }
  return value;
}

LatexValue Parser::symbol_of(T type, std::string_view text) {
  if (type == T::kLetter) {
    if (text == "I") return symbolic(true);
    return symbol(python::lower(text));
  }
  if (type != T::kAccent) {
    const std::string_view name = python::strip(text);
    // The reference lower-cases names before it looks for the constant.
    if (name == "\\pi" || name == "\u03c0" || name == "\\Pi" || name == "\u03a0") {
      return number(pi(), false);
    }
    return symbol(std::string(name));
  }
  const std::size_t open = text.find('{');
  std::string command(python::strip(text.substr(1, open - 1)));
  std::string content = python::replace(text.substr(open + 1, text.size() - open - 2), " ", "");
  if (command.find("text") != std::string::npos || command.find("mbox") != std::string::npos) {
    content = python::replace(python::replace(content, "(", ""), ")", "");
    const std::string name = python::lower(python::strip(content));
    if (name == "pi") return number(pi(), false);
    return symbol(name);
  }
  return symbol(command + "{" + python::lower(content) + "}");
}

Parser::Result Parser::atom() {
  if (Result value = atom_expression()) return value;
  const Token& token = tokens_[at_];
  switch (token.type) {
    case T::kSymbol:
      ++at_;
      if (!token.text.starts_with("\\infty") && !token.text.starts_with("\\$")) throw NoParse();
      return symbolic(false);
    case T::kNumber:
      ++at_;
      subscript();
      return number(parse_decimal(token.text), true);
    case T::kENotation: {
      ++at_;
      const std::string plain =
          python::replace(python::replace(token.text, "\u2212", "-"), "\u2238", "-");
      return number(parse_decimal(plain), true);
    }
    case T::kPercent: {
      ++at_;
      const std::string_view digits = token.text.substr(0, number_length(token.text));
      const auto value = parse_decimal(digits);
      if (!value) return symbolic(true);
      return number(divide(*value, MathNumber::from(100)), false);
    }
    case T::kLetterE:
      ++at_;
      return symbol("e");
    case T::kDifferential:
    case T::kGamma:
      ++at_;
      return symbol(std::string(token.text));
    default:
      return std::nullopt;
  }
}

}  // namespace peira::evals::latex
