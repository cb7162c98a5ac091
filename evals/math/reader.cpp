#include <algorithm>
#include <utility>

#include "evals/math/answer.h"
#include "evals/math/lexer.h"
#include "evals/python_text.h"

namespace peira::evals::math {
namespace {

constexpr std::size_t kMaxBytes = 20'000;
constexpr int kMaxDepth = 150;

struct NoParse {};

using Kind = Token::Kind;

bool is_relation(const std::string& text) {
  return text == "=" || text == "!=" || text == "<" || text == "<=" || text == ">" || text == ">=";
}

// Recursive descent over the tokens of one answer. Throws NoParse.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // The sign that \pm stands for in this reading, and whether there was one.
  int sign = 1;
  bool has_sign = false;

  Answer run() {
    Answer answer = list_until_end();
    if (!at_end()) throw NoParse();
    return answer;
  }

 private:
  struct Nest {
    explicit Nest(int& depth) : depth_(depth) {
      if (++depth_ > kMaxDepth) throw NoParse();
    }
    ~Nest() { --depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    int& depth_;
  };

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool at_end() const { return peek().kind == Kind::kEnd; }
  bool is_symbol(std::string_view text, std::size_t ahead = 0) const {
    return peek(ahead).kind == Kind::kSymbol && peek(ahead).text == text;
  }
  bool is_plain(std::string_view text) const { return is_symbol(text) && !peek().is_brace_shown; }
  bool take(std::string_view text) {
    if (!is_symbol(text)) return false;
    ++at_;
    return true;
  }
  void need(std::string_view text) {
    if (!take(text)) throw NoParse();
  }

  // ---- lists, sets, intervals, matrices ----

  Answer list_until_end() {
    std::vector<Answer> items;
    do {
      if (at_end() && !items.empty()) break;
      items.push_back(union_of());
    } while (take(",") || take(";"));
    if (items.size() == 1) return std::move(items.front());
    Answer list;
    list.kind = Answer::Kind::kList;
    list.items = std::move(items);
    return list;
  }

  Answer union_of() {
    Answer first = element();
    if (!is_symbol("cup")) return first;
    Answer all;
    all.kind = Answer::Kind::kUnion;
    all.items.push_back(std::move(first));
    while (take("cup")) all.items.push_back(element());
    return all;
  }

  // Whether the bracket here opens a list: a comma stands within it, on its own level.
  bool opens_list() const {
    int depth = 0;
    for (std::size_t i = at_; i < tokens_.size(); ++i) {
      if (tokens_[i].kind != Kind::kSymbol) continue;
      const std::string& text = tokens_[i].text;
      if (text == "(" || text == "[" || text == "{") ++depth;
      if (text == ")" || text == "]" || text == "}") {
        if (--depth == 0) return false;
      }
      if ((text == "," || text == ";") && depth == 1) return true;
    }
    return false;
  }

  Answer element() {
    const Nest nest(depth_);
    if (is_symbol("matrix")) return matrix();
    const bool is_set = is_symbol("{") && peek().is_brace_shown;
    if (take("emptyset")) return list_within('{', '}', {});
    const bool is_bracket = is_symbol("(") || is_symbol("[") || is_set;
    if (is_bracket && (is_set || opens_list())) {
      const char open = peek().text[0];
      const std::size_t start = at_;
      ++at_;
      std::vector<Answer> items;
      while (!is_symbol(")") && !is_symbol("]") && !is_symbol("}")) {
        items.push_back(union_of());
        if (!take(",") && !take(";")) break;
      }
      if (is_symbol(")") || is_symbol("]") || is_symbol("}")) {
        const char close = peek().text[0];
        ++at_;
        if (at_end() || is_symbol(",") || is_symbol(";") || is_symbol("cup") || is_symbol(")") ||
            is_symbol("]") || is_symbol("}")) {
          return list_within(open, close, std::move(items));
        }
      }
      at_ = start;  // max(1, 2), or a product with a tuple that we do not know
    }
    if (peek().kind == Kind::kWord) return word();
    return relation();
  }

  static Answer list_within(char open, char close, std::vector<Answer> items) {
    Answer list;
    list.kind = Answer::Kind::kList;
    list.open = open;
    list.close = close;
    list.items = std::move(items);
    return list;
  }

  Answer word() {
    Answer answer;
    answer.text = peek().text;
    ++at_;
    while (peek().kind == Kind::kWord) answer.text += " " + tokens_[at_++].text;
    return answer;
  }

  Answer matrix() {
    need("matrix");
    Answer answer;
    answer.kind = Answer::Kind::kMatrix;
    std::size_t columns = 0;
    while (!is_symbol("endmatrix")) {
      ++columns;
      Answer cell;
      cell.kind = Answer::Kind::kTerm;
      cell.term = expression();
      answer.items.push_back(std::move(cell));
      if (take("&")) continue;
      if (answer.num_columns == 0) answer.num_columns = columns;
      if (columns != answer.num_columns) throw NoParse();
      columns = 0;
      if (!take("row")) break;
    }
    need("endmatrix");
    if (answer.items.empty() || columns != 0) throw NoParse();
    return answer;
  }

  Answer relation() {
    Answer answer;
    answer.sides.push_back(expression());
    while (is_relation(peek().text) && peek().kind == Kind::kSymbol) {
      answer.relations.push_back(peek().text);
      ++at_;
      // x = {1, 2}, x = (1, 2)
      const bool is_list = (is_symbol("{") && peek().is_brace_shown) ||
                           ((is_symbol("(") || is_symbol("[")) && opens_list()) ||
                           is_symbol("matrix");
      if (is_list && answer.relations.size() == 1 && answer.relations[0] == "=") return element();
      if (peek().kind == Kind::kWord) return word();
      answer.sides.push_back(expression());
    }
    if (take("in")) return union_of();
    if (answer.relations.empty()) {
      answer.kind = Answer::Kind::kTerm;
      answer.term = answer.sides.front();
      answer.sides.clear();
    } else {
      answer.kind = Answer::Kind::kRelation;
    }
    return answer;
  }

  // ---- expressions ----

  Term expression() {
    const Nest nest(depth_);
    std::vector<Term> parts;
    int next = 1;
    bool first = true;
    while (true) {
      if (take("+")) {
        next = 1;
      } else if (take("-")) {
        next = -1;
      } else if (take("pm")) {
        next = sign;
        has_sign = true;
      } else if (take("mp")) {
        next = -sign;
        has_sign = true;
      } else if (!first) {
        break;
      }
      Term part = term();
      parts.push_back(next < 0 ? negate(std::move(part)) : std::move(part));
      first = false;
    }
    return sum(std::move(parts));
  }

  // Whether what stands here can be one more factor without a sign between.
  bool starts_factor() const {
    switch (peek().kind) {
      case Kind::kNumber:
      case Kind::kLetter:
      case Kind::kName:
        return true;
      case Kind::kSymbol:
        return is_plain("{") || is_symbol("(") || is_symbol("[") || is_symbol("pi") ||
               is_symbol("infty") || is_symbol("lfloor") || is_symbol("lceil") ||
               (is_symbol("|") && bars_ == 0);
      default:
        return false;
    }
  }

  Term term() {
    std::vector<Term> factors{factor()};
    while (true) {
      if (take("*")) {
        factors.push_back(factor());
      } else if (take("/") || take(":")) {
        factors.push_back(power(factor(), number(-1)));
      } else if (starts_factor()) {
        // A whole number before a fraction of numbers is a mixed one: 2\frac{1}{2}.
        const bool may_be_mixed = factors.size() == 1 && tokens_[at_ - 1].kind == Kind::kNumber &&
                                  peek().kind == Kind::kName && peek().text == "frac" &&
                                  is_whole(factors[0]);
        Term next = factor();
        Rational share;
        if (may_be_mixed && is_rational(next, share) && share > 0 && share < 1) {
          factors[0] = number(factors[0]->number < 0 ? Rational(factors[0]->number - share)
                                                     : Rational(factors[0]->number + share));
        } else {
          factors.push_back(std::move(next));
        }
      } else {
        return product(std::move(factors));
      }
    }
  }

  static bool is_whole(const Term& term) {
    return term->op == Op::kNumber && term->decimals < 0 && denominator(term->number) == 1;
  }

  Term factor() {
    const Nest nest(depth_);
    if (take("-")) return negate(factor());
    if (take("+")) return factor();
    return with_powers(atom());
  }

  Term with_powers(Term base) {
    while (true) {
      if (take("!")) {
        base = function("factorial", {std::move(base)});
      } else if (is_symbol("^") && is_degree_mark()) {
        at_ += is_symbol("circ", 1) ? 2 : 4;
        base = product({number(Rational(1, 180)), constant("pi"), std::move(base)});
      } else if (is_symbol("^") && !is_degree_mark()) {
        ++at_;
        base = power(std::move(base), exponent());
      } else {
        return base;
      }
    }
  }

  // ^\circ and ^{\circ}
  bool is_degree_mark() const {
    return is_symbol("circ", 1) || (is_symbol("{", 1) && is_symbol("circ", 2));
  }

  // After ^: a group, or one sign in LaTeX's way; 2^10 and 2^-3 as plain text has them.
  Term exponent() {
    if (is_plain("{")) return group();
    if (take("-")) return negate(exponent());
    if (take("+")) return exponent();
    if (is_symbol("(")) return atom();
    Term result = atom();
    if (is_symbol("^")) {
      ++at_;
      return power(std::move(result), exponent());
    }
    return result;
  }

  Term group() {
    need("{");
    Term inner = expression();
    need("}");
    return inner;
  }

  // The argument of \frac or \sqrt: a group, or the next sign alone: \frac12, \sqrt2.
  Term argument() {
    if (is_plain("{")) return group();
    Token& token = tokens_[at_];
    if (token.kind == Kind::kNumber && token.text.size() > 1 &&
        token.text.find('.') == std::string::npos) {
      const std::string digit = token.text.substr(0, 1);
      token.text.erase(0, 1);
      return number(Rational(BigInt(digit)));
    }
    return atom();
  }

  Term number_of(const std::string& text) {
    const std::optional<MathNumber> value = parse_decimal(text);
    if (!value || !value->is_exact) throw NoParse();
    const std::size_t point = text.find('.');
    if (point == std::string::npos) return number(value->exact);
    const std::size_t end = std::min(text.find('e'), text.size());
    int places = static_cast<int>(end - point) - 1;
    if (end < text.size()) places -= std::stoi(text.substr(end + 1));
    return decimal(value->exact, std::max(0, places));
  }

  std::string subscript() {
    if (!take("_")) return {};
    std::string name = "_";
    if (take("{")) {
      while (!is_symbol("}")) {
        if (at_end()) throw NoParse();
        name += tokens_[at_++].text;
      }
      ++at_;
      return name;
    }
    if (at_end()) throw NoParse();
    return name + tokens_[at_++].text;
  }

  Term bracketed(std::string_view open, std::string_view close) {
    need(open);
    const int bars = std::exchange(bars_, 0);
    Term inner = expression();
    bars_ = bars;
    need(close);
    return inner;
  }

  Term atom() {
    const Nest nest(depth_);
    const Token token = peek();
    switch (token.kind) {
      case Kind::kNumber:
        ++at_;
        return number_of(token.text);
      case Kind::kLetter: {
        ++at_;
        const std::string name = token.text + subscript();
        if (name == "i") return constant("i");
        if (name == "e") return constant("e");
        return symbol(name);
      }
      case Kind::kName:
        ++at_;
        return named(token.text);
      case Kind::kWord:
        // \text{x} within an expression is a name.
        ++at_;
        if (token.text.empty() || token.text.find(' ') != std::string::npos || token.text == "%" ||
            token.text == "$") {
          throw NoParse();
        }
        return symbol(token.text + subscript());
      case Kind::kSymbol:
        break;
      case Kind::kEnd:
        throw NoParse();
    }
    if (is_plain("{")) return group();
    if (is_symbol("(")) return bracketed("(", ")");
    if (is_symbol("[")) return bracketed("[", "]");
    if (is_symbol("lfloor")) return function("floor", {bracketed("lfloor", "rfloor")});
    if (is_symbol("lceil")) return function("ceil", {bracketed("lceil", "rceil")});
    if (take("pi")) return constant("pi");
    if (take("infty")) return constant("infinity");
    if (take("|")) {
      ++bars_;
      Term inner = expression();
      --bars_;
      need("|");
      return function("abs", {std::move(inner)});
    }
    throw NoParse();
  }

  std::vector<Term> call_arguments() {
    need("(");
    std::vector<Term> args{expression()};
    while (take(",")) args.push_back(expression());
    need(")");
    return args;
  }

  Term named(const std::string& name) {
    if (name == "frac") {
      Term above = argument();
      return divide(std::move(above), argument());
    }
    if (name == "sqrt" || name == "cbrt" || name == "wholesqrt") {
      Term degree = number(name == "cbrt" ? 3 : 2);
      if (is_symbol("[")) degree = bracketed("[", "]");
      Term inner = is_symbol("(") ? bracketed("(", ")") : name == "wholesqrt" ? atom() : argument();
      return power(std::move(inner), divide(number(1), std::move(degree)));
    }
    if (name == "binom") {
      if (is_symbol("(")) return function("binom", call_arguments());
      Term above = argument();
      Term below = argument();
      return function("binom", {std::move(above), std::move(below)});
    }
    if (name == "max" || name == "min") return function(name, call_arguments());
    if (name == "gcd" || name == "lcm") throw NoParse();
    Term base;
    if (name == "log" && take("_")) base = is_plain("{") ? group() : argument();
    Term times;
    if (is_symbol("^") && !is_degree_mark()) {
      ++at_;
      times = exponent();
    }
    Rational inverse;
    if (times != nullptr && is_rational(times, inverse) && inverse == -1 &&
        (name == "sin" || name == "cos" || name == "tan")) {
      return function("arc" + name, {function_argument()});
    }
    Term value = applied(name, base, function_argument());
    return times != nullptr ? power(std::move(value), std::move(times)) : value;
  }

  // After a function's name: a group in parentheses, or the factors up to the next sign: sin 2x.
  Term function_argument() {
    if (is_symbol("(") || is_plain("{") || is_symbol("|")) {
      Term inner = atom();
      return inner;
    }
    if (take("-")) return negate(function_argument());
    std::vector<Term> factors{with_powers(atom())};
    while (peek().kind == Kind::kLetter || peek().kind == Kind::kNumber || is_symbol("pi") ||
           (peek().kind == Kind::kName && peek().text == "frac")) {
      factors.push_back(with_powers(atom()));
    }
    if (is_symbol("/") && factors.size() == 1 && peek(1).kind == Kind::kNumber) {
      ++at_;
      factors.push_back(power(atom(), number(-1)));
    }
    return product(std::move(factors));
  }

  static Term applied(const std::string& name, const Term& base, Term argument) {
    if (name == "exp") return power(constant("e"), std::move(argument));
    if (name == "lg") {
      return divide(function("ln", {std::move(argument)}), function("ln", {number(10)}));
    }
    if (name == "log" && base != nullptr) {
      return divide(function("ln", {std::move(argument)}), function("ln", {base}));
    }
    return function(name, {std::move(argument)});
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;  // open bars of absolute values
};

Answer words(std::string_view text) {
  Answer answer;
  answer.text = std::string(text);
  return answer;
}

// Takes the unit off the end of `tokens`: words, degree marks, a per cent sign; with plain_units
// letters behind a blank too.
std::optional<Unit> take_unit(std::vector<Token>& tokens, bool plain_units) {
  const std::size_t end = tokens.size() - 1;  // the last is kEnd
  // Degrees: ^\circ or ^{\circ} at the end.
  const auto is = [&](std::size_t at, std::string_view text) {
    return tokens[at].kind == Kind::kSymbol && tokens[at].text == text;
  };
  std::size_t degree = end;
  if (end >= 3 && is(end - 1, "circ") && is(end - 2, "^")) degree = end - 2;
  if (end >= 5 && is(end - 1, "}") && is(end - 2, "circ") && is(end - 3, "{") && is(end - 4, "^")) {
    degree = end - 4;
  }
  // The degrees of sin 30^\circ are its argument's.
  const bool has_function = std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
    return token.kind == Kind::kName && token.text != "frac" && token.text != "sqrt";
  });
  if (degree < end && !has_function) {
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(degree), tokens.end() - 1);
    return read_unit("\xC2\xB0");
  }
  // Money before the number.
  if (tokens[0].kind == Kind::kWord && tokens[0].text == "$" && end > 1) {
    tokens.erase(tokens.begin());
    return unknown_unit("$");
  }
  for (std::size_t start = 1; start < end; ++start) {
    const bool is_word = tokens[start].kind == Kind::kWord;
    const bool is_letter = tokens[start].kind == Kind::kLetter && plain_units &&
                           tokens[start - 1].kind != Kind::kSymbol &&
                           (tokens[start].after_space || tokens[start - 1].kind == Kind::kNumber);
    if (!is_word && !is_letter) continue;
    if (is(start - 1, "_") || is(start - 1, "^") || is(start - 1, "=") || is(start - 1, ",") ||
        is(start - 1, "(")) {
      return std::nullopt;
    }
    std::string text;
    bool fits = true;
    for (std::size_t i = start; i < end && fits; ++i) {
      fits = tokens[i].kind != Kind::kName;
      if (tokens[i].after_space && !text.empty()) text += ' ';
      text += tokens[i].text;
    }
    std::optional<Unit> unit = fits ? read_unit(text) : std::nullopt;
    if (!unit && is_word && start + 1 == end) unit = unknown_unit(python::lower(text));
    if (!unit) return std::nullopt;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(start), tokens.end() - 1);
    return unit;
  }
  return std::nullopt;
}

}  // namespace

Answer read_answer(std::string_view text, const Reading& reading) {
  const std::string_view inner = unwrapped(text);
  if (inner.empty() || inner.size() > kMaxBytes) return words(inner);
  if (!reading.plain_units && is_prose(inner)) return words(inner);
  std::optional<std::vector<Token>> tokens = tokenize(inner, reading.commas_group);
  if (!tokens || tokens->size() < 2) return words(inner);
  const std::optional<Unit> unit = take_unit(*tokens, reading.plain_units);
  if (reading.plain_units && !unit) return words(inner);
  try {
    Parser parser(*tokens);
    Answer answer = parser.run();
    if (parser.has_sign) {
      Parser other(*std::move(tokens));
      other.sign = -1;
      Answer both;
      both.kind = Answer::Kind::kList;
      both.open = '{';
      both.close = '}';
      both.items.push_back(std::move(answer));
      both.items.push_back(other.run());
      return both;
    }
    // x = 5 m: the unit is that of the last side.
    if (unit && answer.kind == Answer::Kind::kRelation && answer.relations.size() == 1 &&
        answer.relations[0] == "=") {
      answer.kind = Answer::Kind::kTerm;
      answer.term = answer.sides.back();
    }
    if (unit && answer.kind != Answer::Kind::kTerm) return words(inner);
    answer.unit = unit;
    return answer;
  } catch (const NoParse&) {
    return words(inner);
  }
}

}  // namespace peira::evals::math
