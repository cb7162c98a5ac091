#include "model/text/jinja/expression_parser.h"

#include <algorithm>
#include <utility>

#include "model/text/jinja/python_text.h"

namespace peira::model::jinja {
namespace {

constexpr int kMaxNesting = 150;          // of tags and brackets, which the parser recurses into
constexpr int kMaxExpressionDepth = 400;  // of the tree, which the evaluator recurses into

}  // namespace

void ExpressionParser::error(std::string message) const {
  throw SyntaxError{current().place, std::move(message)};
}

std::string ExpressionParser::describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kText:
      return "template data";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "end of print statement";
    case TokenKind::kEnd:
      return "end of template";
    default:
      return string_repr(token.text);
  }
}

const Token& ExpressionParser::peek() const {
  return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
}

Token ExpressionParser::take() {
  Token token = current();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::is(TokenKind kind, std::string_view text) const {
  return current().kind == kind && current().text == text;
}

bool ExpressionParser::skip_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  take();
  return true;
}

bool ExpressionParser::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  take();
  return true;
}

void ExpressionParser::expect_operator(std::string_view text) {
  if (!skip_operator(text)) {
    error("expected token '" + std::string(text) + "', got " + describe(current()));
  }
}

void ExpressionParser::expect(TokenKind kind, const char* what) {
  if (current().kind != kind) {
    error(std::string("expected ") + what + ", got " + describe(current()));
  }
  take();
}

std::string ExpressionParser::expect_name() {
  if (current().kind != TokenKind::kName) error("expected a name, got " + describe(current()));
  return take().text;
}

ExpressionParser::Nested::Nested(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.nesting_ > kMaxNesting) parser_.error("the template nests too deeply");
}

// A node that begins with the token just taken; adopt() and ends() stretch its place.
ExpressionPtr ExpressionParser::node(ExpressionKind kind) const {
  auto result = std::make_unique<Expression>();
  result->kind = kind;
  result->place = previous().place;
  return result;
}

void ExpressionParser::ends(Expression& expression) const {
  expression.place.end = std::max(expression.place.end, previous().place.end);
}

void ExpressionParser::adopt(Expression& parent, ExpressionPtr child) const {
  if (child != nullptr) {
    parent.depth = std::max(parent.depth, child->depth + 1);
    parent.place.begin = std::min(parent.place.begin, child->place.begin);
    if (parent.depth > kMaxExpressionDepth) error("an expression nests too deeply");
  }
  parent.operands.push_back(std::move(child));
  ends(parent);
}

template <typename... Children>
ExpressionPtr ExpressionParser::node(ExpressionKind kind, int line, std::string text,
                                     Children... children) const {
  auto result = node(kind);
  result->place.line = line;
  result->text = std::move(text);
  (adopt(*result, std::move(children)), ...);
  return result;
}

ExpressionPtr ExpressionParser::constant(Value value) const {
  auto result = node(ExpressionKind::kConstant);
  result->value = std::move(value);
  return result;
}

ExpressionPtr ExpressionParser::expression(bool with_condition) {
  const Nested nested(*this);
  return with_condition ? conditional() : either();
}

ExpressionPtr ExpressionParser::conditional() {
  ExpressionPtr value = either();
  while (is_name("if")) {
    const int line = take().place.line;
    ExpressionPtr condition = either();
    ExpressionPtr otherwise;
    if (skip_name("else")) {
      const Nested nested(*this);
      otherwise = conditional();
    }
    value = node(ExpressionKind::kConditional, line, "", std::move(condition), std::move(value),
                 std::move(otherwise));
  }
  return value;
}

ExpressionPtr ExpressionParser::either() {
  ExpressionPtr left = both();
  while (is_name("or")) {
    const int line = take().place.line;
    ExpressionPtr right = both();
    left = node(ExpressionKind::kOr, line, "", std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::both() {
  ExpressionPtr left = negation();
  while (is_name("and")) {
    const int line = take().place.line;
    ExpressionPtr right = negation();
    left = node(ExpressionKind::kAnd, line, "", std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  if (!is_name("not")) return comparison();
  const Nested nested(*this);
  const int line = take().place.line;
  return node(ExpressionKind::kNot, line, "", negation());
}

ExpressionPtr ExpressionParser::comparison() {
  ExpressionPtr first = sum();
  ExpressionPtr result;
  for (;;) {
    std::string sign;
    const int line = current().place.line;
    if (current().kind == TokenKind::kOperator) {
      for (const std::string_view known : {"==", "!=", "<", "<=", ">", ">="}) {
        if (current().text == known) sign = known;
      }
      if (!sign.empty()) take();
    } else if (skip_name("in")) {
      sign = "in";
    } else if (is_name("not") && peek().kind == TokenKind::kName && peek().text == "in") {
      take();
      take();
      sign = "not in";
    }
    if (sign.empty()) return result != nullptr ? std::move(result) : std::move(first);
    if (result == nullptr) {
      result = node(ExpressionKind::kCompare, line, "", std::move(first));
    }
    result->operators.push_back(std::move(sign));
    adopt(*result, sum());
  }
}

template <typename Next>
ExpressionPtr ExpressionParser::binary(Names operators, Next next) {
  ExpressionPtr left = next();
  while (current().kind == TokenKind::kOperator &&
         std::find(operators.begin(), operators.end(), current().text) != operators.end()) {
    const Token sign = take();
    ExpressionPtr right = next();
    left = node(ExpressionKind::kBinary, sign.place.line, sign.text, std::move(left),
                std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::sum() {
  return binary({"+", "-"}, [this] { return concatenation(); });
}

ExpressionPtr ExpressionParser::concatenation() {
  ExpressionPtr first = product();
  if (!is_operator("~")) return first;
  ExpressionPtr result = node(ExpressionKind::kConcat, current().place.line, "", std::move(first));
  while (skip_operator("~")) adopt(*result, product());
  return result;
}

ExpressionPtr ExpressionParser::product() {
  return binary({"*", "/", "//", "%"}, [this] { return power(); });
}

ExpressionPtr ExpressionParser::power() {
  return binary({"**"}, [this] { return unary(true); });
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Nested nested(*this);
  ExpressionPtr result;
  if (is_operator("-") || is_operator("+")) {
    const Token sign = take();
    result = node(sign.text == "-" ? ExpressionKind::kNegate : ExpressionKind::kPlus,
                  sign.place.line, "", unary(false));
  } else {
    result = primary();
  }
  result = postfix(std::move(result));
  return with_filters ? filters(std::move(result)) : std::move(result);
}

ExpressionPtr ExpressionParser::primary() {
  const Token token = current();
  switch (token.kind) {
    case TokenKind::kName: {
      take();
      if (token.text == "true" || token.text == "True") return constant(Value(true));
      if (token.text == "false" || token.text == "False") return constant(Value(false));
      if (token.text == "none" || token.text == "None") return constant(Value::none());
      names_used_.insert(token.text);
      return node(ExpressionKind::kName, token.place.line, token.text);
    }
    case TokenKind::kString: {
      std::string text = take().text;
      while (current().kind == TokenKind::kString) text += take().text;
      return constant(Value(std::move(text)));
    }
    case TokenKind::kInteger: {
      try {
        const auto value = parse_integer(token.text, 0);
        if (!value) error("bad number " + token.text);
        take();
        return constant(Value(*value));
      } catch (const Failure& failure) {
        error(failure.message);
      }
    }
    case TokenKind::kFloat: {
      const auto value = parse_float(token.text);
      if (!value) error("bad number " + token.text);
      take();
      return constant(Value(*value));
    }
    default:
      break;
  }
  if (skip_operator("(")) {
    if (is_operator(")")) {
      take();
      return node(ExpressionKind::kTuple, token.place.line, "");
    }
    ExpressionPtr inner = tuple(true);
    expect_operator(")");
    return inner;
  }
  if (skip_operator("[")) {
    ExpressionPtr list = node(ExpressionKind::kList, token.place.line, "");
    while (!is_operator("]")) {
      if (!list->operands.empty()) expect_operator(",");
      if (is_operator("]")) break;
      adopt(*list, expression());
    }
    take();
    ends(*list);
    return list;
  }
  if (skip_operator("{")) {
    ExpressionPtr dict = node(ExpressionKind::kDict, token.place.line, "");
    while (!is_operator("}")) {
      if (!dict->operands.empty()) expect_operator(",");
      if (is_operator("}")) break;
      adopt(*dict, expression());
      expect_operator(":");
      adopt(*dict, expression());
    }
    take();
    ends(*dict);
    return dict;
  }
  error("unexpected " + describe(token));
}

bool ExpressionParser::at_tuple_end() const {
  return current().kind == TokenKind::kVariableEnd || current().kind == TokenKind::kBlockEnd ||
         is_operator(")");
}

ExpressionPtr ExpressionParser::tuple(bool with_condition) {
  const int line = current().place.line;
  ExpressionPtr first = expression(with_condition);
  if (!is_operator(",")) return first;
  ExpressionPtr result = node(ExpressionKind::kTuple, line, "", std::move(first));
  while (skip_operator(",")) {
    if (at_tuple_end()) break;
    adopt(*result, expression(with_condition));
  }
  return result;
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  for (;;) {
    if (is_operator(".") || is_operator("[")) {
      value = subscript(std::move(value));
    } else if (is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr value) {
  const Token token = take();
  if (token.text == ".") {
    const Token name = take();
    if (name.kind == TokenKind::kName) {
      return node(ExpressionKind::kAttribute, token.place.line, name.text, std::move(value));
    }
    if (name.kind != TokenKind::kInteger) error("expected name or number");
    const auto index = parse_integer(name.text, 10);
    if (!index) error("expected name or number");
    return node(ExpressionKind::kItem, token.place.line, "", std::move(value),
                constant(Value(*index)));
  }
  ExpressionPtr first;
  if (!is_operator(":")) {
    first = expression();
    if (skip_operator("]")) {
      return node(ExpressionKind::kItem, token.place.line, "", std::move(value), std::move(first));
    }
    if (is_operator(",")) {
      ExpressionPtr key = node(ExpressionKind::kTuple, token.place.line, "", std::move(first));
      while (skip_operator(",")) {
        if (is_operator("]")) break;
        adopt(*key, expression());
      }
      expect_operator("]");
      return node(ExpressionKind::kItem, token.place.line, "", std::move(value), std::move(key));
    }
  }
  expect_operator(":");
  ExpressionPtr stop;
  ExpressionPtr step;
  if (!is_operator(":") && !is_operator("]")) stop = expression();
  if (skip_operator(":") && !is_operator("]")) step = expression();
  expect_operator("]");
  return node(ExpressionKind::kSlice, token.place.line, "", std::move(value), std::move(first),
              std::move(stop), std::move(step));
}

int ExpressionParser::call_arguments(CallArguments& arguments) {
  expect_operator("(");
  int depth = 0;
  const auto note = [&](const ExpressionPtr& child) { depth = std::max(depth, child->depth); };
  bool first = true;
  while (!is_operator(")")) {
    if (!first) {
      expect_operator(",");
      if (is_operator(")")) break;
    }
    first = false;
    if (is_operator("*") || is_operator("**")) {
      const bool doubled = take().text == "**";
      ExpressionPtr& slot = doubled ? arguments.star_star : arguments.star;
      if (slot != nullptr) error("invalid syntax for function call expression");
      slot = expression();
      note(slot);
    } else if (current().kind == TokenKind::kName && peek().kind == TokenKind::kOperator &&
               peek().text == "=") {
      std::string name = take().text;
      for (const auto& [known, value] : arguments.named) {
        if (known == name) error("keyword argument repeated: " + name);
      }
      take();
      ExpressionPtr value = expression();
      note(value);
      arguments.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!arguments.named.empty() || arguments.star != nullptr) {
        error("invalid syntax for function call expression");
      }
      arguments.positional.push_back(expression());
      note(arguments.positional.back());
    }
  }
  take();
  return depth;
}

void ExpressionParser::call_into(Expression& owner) {
  owner.depth = std::max(owner.depth, call_arguments(owner.call) + 1);
  ends(owner);
  if (owner.depth > kMaxExpressionDepth) error("an expression nests too deeply");
}

ExpressionPtr ExpressionParser::call(ExpressionPtr function) {
  ExpressionPtr result = node(ExpressionKind::kCall, current().place.line, "", std::move(function));
  call_into(*result);
  return result;
}

// A name that may have dots in it.
std::string ExpressionParser::dotted_name() {
  std::string name = expect_name();
  while (is_operator(".")) {
    take();
    name += "." + expect_name();
  }
  return name;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr value, bool first) {
  for (;;) {
    if (first || is_operator("|")) {
      if (!first) take();
      const int line = current().place.line;
      ExpressionPtr filter = node(ExpressionKind::kFilter, line, dotted_name(), std::move(value));
      if (is_operator("(")) call_into(*filter);
      value = std::move(filter);
      first = false;
    } else if (value != nullptr && is_name("is")) {
      value = test(std::move(value));
    } else if (value != nullptr && is_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  const int line = take().place.line;
  const bool negated = skip_name("not");
  ExpressionPtr result = node(ExpressionKind::kTest, line, dotted_name(), std::move(value));
  const TokenKind kind = current().kind;
  if (is_operator("(")) {
    call_into(*result);
  } else if ((kind == TokenKind::kName || kind == TokenKind::kString ||
              kind == TokenKind::kInteger || kind == TokenKind::kFloat || is_operator("[") ||
              is_operator("{")) &&
             !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) error("You cannot chain multiple tests with is");
    ExpressionPtr argument = postfix(primary());
    result->depth = std::max(result->depth, argument->depth + 1);
    result->call.positional.push_back(std::move(argument));
  }
  if (negated) result = node(ExpressionKind::kNot, line, "", std::move(result));
  return result;
}

}  // namespace peira::model::jinja
