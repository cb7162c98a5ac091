// Expressions out of tokens, with Jinja's own precedence; what the statements' parser builds upon.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/text/jinja/ast.h"
#include "model/text/jinja/lexer.h"

namespace peira::model::jinja {

// Reads a list of tokens from its beginning. Every member throws SyntaxError.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  using Names = std::initializer_list<std::string_view>;

  [[noreturn]] void error(std::string message) const;
  static std::string describe(const Token& token);
  const Token& current() const { return tokens_[at_]; }
  const Token& previous() const { return tokens_[at_ > 0 ? at_ - 1 : 0]; }
  const Token& peek() const;
  Token take();
  bool is(TokenKind kind, std::string_view text) const;
  bool is_operator(std::string_view text) const { return is(TokenKind::kOperator, text); }
  bool is_name(std::string_view text) const { return is(TokenKind::kName, text); }
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_operator(std::string_view text);
  void expect(TokenKind kind, const char* what);
  std::string expect_name();

  // Counts recursion; the parser's stack is the machine's.
  class Nested {
   public:
    explicit Nested(ExpressionParser& parser);
    ~Nested() { --parser_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    ExpressionParser& parser_;
  };

  // An expression; with_condition: "a if b else c" is one.
  ExpressionPtr expression(bool with_condition = true);
  // An expression, or several with commas between: a tuple. In "for x in xs if cond" the `if` is
  // the loop's.
  ExpressionPtr tuple(bool with_condition);
  // Filters, tests and calls behind `value` (null: a filter block's text). first: the first filter
  // has no bar before it.
  ExpressionPtr filters(ExpressionPtr value, bool first = false);

  std::set<std::string> names_used_;

 private:
  ExpressionPtr node(ExpressionKind kind) const;
  void adopt(Expression& parent, ExpressionPtr child) const;
  void ends(Expression& expression) const;
  template <typename... Children>
  ExpressionPtr node(ExpressionKind kind, int line, std::string text, Children... children) const;
  ExpressionPtr constant(Value value) const;
  ExpressionPtr conditional();
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters);
  template <typename Next>
  ExpressionPtr binary(Names operators, Next next);
  ExpressionPtr primary();
  bool at_tuple_end() const;
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr value);
  int call_arguments(CallArguments& arguments);
  void call_into(Expression& owner);
  ExpressionPtr call(ExpressionPtr function);
  std::string dotted_name();
  ExpressionPtr test(ExpressionPtr value);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace peira::model::jinja
