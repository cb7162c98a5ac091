#include "model/text/jinja/parser.h"

#include <algorithm>
#include <utility>

#include "model/text/jinja/expression_parser.h"
#include "model/text/jinja/filters.h"

namespace peira::model::jinja {
namespace {

class Parser : private ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Body run() {
    Body body = statements({}, {});
    if (current().kind != TokenKind::kEnd) error("unexpected " + describe(current()));
    return body;
  }

 private:
  // Statements up to a block tag named in `ends`, whose name is then the current token; at the top
  // level, `ends` being empty, up to the end. opener: the tag whose body they are.
  Body statements(Names ends, const Place& opener) {
    const Nested nested(*this);
    Body body;
    while (current().kind != TokenKind::kEnd) {
      if (current().kind == TokenKind::kText) {
        auto statement = make(StatementKind::kText);
        statement->text = take().text;
        body.push_back(std::move(statement));
      } else if (current().kind == TokenKind::kVariableBegin) {
        auto statement = make(StatementKind::kOutput);
        take();
        statement->expression = tuple(true);
        expect(TokenKind::kVariableEnd, "end of print statement");
        body.push_back(std::move(statement));
      } else {
        take();
        if (current().kind != TokenKind::kName) error("tag name expected");
        if (std::find(ends.begin(), ends.end(), current().text) != ends.end()) return body;
        body.push_back(statement());
        expect(TokenKind::kBlockEnd, "end of statement block");
      }
    }
    if (ends.size() > 0) {
      std::string names;
      for (const std::string_view end : ends) {
        names += (names.empty() ? "'" : " or '") + std::string(end) + "'";
      }
      throw SyntaxError{opener, "unexpected end of template; the innermost block needs " + names};
    }
    return body;
  }

  // The body of a tag whose opening end is next, to the closing tag's name, which is taken.
  Body block_body(Names ends, std::string* which = nullptr) {
    const Place opener = previous().place;
    expect(TokenKind::kBlockEnd, "end of statement block");
    Body body = statements(ends, opener);
    const std::string name = take().text;
    if (which != nullptr) *which = name;
    return body;
  }

  std::unique_ptr<Statement> make(StatementKind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->place = current().place;
    return statement;
  }

  std::unique_ptr<Statement> statement() {
    const std::string tag = current().text;
    if (tag == "if") return if_statement();
    if (tag == "for") return for_statement();
    if (tag == "set") return set_statement();
    if (tag == "macro") return macro_statement();
    if (tag == "call") return call_statement();
    if (tag == "filter") return filter_statement();
    if (tag == "with") return with_statement();
    if (tag == "generation") return generation_statement();
    if (tag == "break" || tag == "continue") {
      if (loop_depth_ == 0) error("'" + tag + "' outside of a loop");
      auto result = make(tag == "break" ? StatementKind::kBreak : StatementKind::kContinue);
      take();
      return result;
    }
    if (tag == "include" || tag == "import" || tag == "from" || tag == "extends") {
      return refused_statement();
    }
    error("unknown or unsupported tag '" + tag +
          "'; supported are if, for, set, macro, call, filter, with, raw, generation, break and "
          "continue");
  }

  // Marks what a model is trained to say; a body of its own, as a call block's.
  std::unique_ptr<Statement> generation_statement() {
    auto result = make(StatementKind::kBlock);
    take();
    const int loops = std::exchange(loop_depth_, 0);
    result->body = block_body({"endgeneration"});
    loop_depth_ = loops;
    return result;
  }

  // As in Jinja without a loader, such a tag is read and fails where it is met.
  std::unique_ptr<Statement> refused_statement() {
    auto result = make(StatementKind::kRefused);
    result->text =
        "'" + take().text + "' asks for another template, and a chat template stands alone";
    while (current().kind != TokenKind::kBlockEnd && current().kind != TokenKind::kEnd) take();
    return result;
  }

  std::unique_ptr<Statement> if_statement() {
    auto result = make(StatementKind::kIf);
    std::string tag = take().text;
    while (tag != "endif") {
      ExpressionPtr condition = tag == "else" ? nullptr : tuple(false);
      std::string next;
      Body body = tag == "else" ? block_body({"endif"}, &next)
                                : block_body({"elif", "else", "endif"}, &next);
      result->branches.emplace_back(std::move(condition), std::move(body));
      tag = next;
    }
    return result;
  }

  std::unique_ptr<Statement> for_statement() {
    auto result = make(StatementKind::kFor);
    take();
    result->target = target({"in"}, false);
    if (result->target.name == "loop") error("can't assign to special loop variable in for-loop");
    if (!skip_name("in")) error("expected 'in', got " + describe(current()));
    result->expression = tuple(false);
    if (skip_name("if")) result->condition = expression();
    result->is_recursive = skip_name("recursive");
    std::string end;
    ++loop_depth_;
    result->body = block_body({"endfor", "else"}, &end);
    --loop_depth_;
    if (end == "else") result->otherwise = block_body({"endfor"});
    return result;
  }

  std::unique_ptr<Statement> set_statement() {
    auto result = make(StatementKind::kSet);
    take();
    result->target = target({}, true);
    if (skip_operator("=")) {
      result->expression = tuple(true);
      return result;
    }
    result->kind = StatementKind::kSetBlock;
    if (is_operator("|")) result->expression = filters(nullptr);
    result->body = block_body({"endset"});
    return result;
  }

  // Parameters in parentheses.
  void signature(MacroDefinition& macro) {
    expect_operator("(");
    while (!is_operator(")")) {
      if (!macro.parameters.empty()) expect_operator(",");
      if (is_operator(")")) break;
      macro.parameters.push_back(assignable_name());
      if (skip_operator("=")) {
        macro.defaults.push_back(expression());
      } else {
        if (!macro.defaults.empty() && macro.defaults.back() != nullptr) {
          error("non-default argument follows default argument");
        }
        macro.defaults.push_back(nullptr);
      }
    }
    expect_operator(")");
  }

  void macro_body(MacroDefinition& macro, std::string_view end) {
    std::set<std::string> outer;
    outer.swap(names_used_);
    const int loops = std::exchange(loop_depth_, 0);
    macro.body = block_body({end});
    loop_depth_ = loops;
    macro.uses_varargs = names_used_.contains("varargs");
    macro.uses_kwargs = names_used_.contains("kwargs");
    macro.uses_caller = names_used_.contains("caller");
    names_used_.merge(outer);
  }

  std::unique_ptr<Statement> macro_statement() {
    auto result = make(StatementKind::kMacro);
    take();
    result->macro.name = assignable_name();
    signature(result->macro);
    macro_body(result->macro, "endmacro");
    return result;
  }

  std::unique_ptr<Statement> call_statement() {
    auto result = make(StatementKind::kCallBlock);
    take();
    result->macro.name = "caller";
    if (is_operator("(")) signature(result->macro);
    result->expression = expression();
    if (result->expression->kind != ExpressionKind::kCall) error("expected call");
    macro_body(result->macro, "endcall");
    return result;
  }

  std::unique_ptr<Statement> filter_statement() {
    auto result = make(StatementKind::kFilterBlock);
    take();
    result->expression = filters(nullptr, true);
    result->body = block_body({"endfilter"});
    return result;
  }

  std::unique_ptr<Statement> with_statement() {
    auto result = make(StatementKind::kWith);
    take();
    while (current().kind != TokenKind::kBlockEnd) {
      if (!result->assignments.empty()) expect_operator(",");
      Target name = target({}, false);
      expect_operator("=");
      result->assignments.emplace_back(std::move(name), expression());
    }
    result->body = block_body({"endwith"});
    return result;
  }

  std::string assignable_name() {
    if (current().kind == TokenKind::kName) {
      const std::string& name = current().text;
      for (const std::string_view word : {"true", "false", "none", "True", "False", "None"}) {
        if (name == word) error("can't assign to '" + name + "'");
      }
    }
    return expect_name();
  }

  Target single_target(bool with_attribute) {
    const Nested nested(*this);
    if (skip_operator("(")) {
      Target inner = target({}, with_attribute);
      expect_operator(")");
      return inner;
    }
    Target result;
    result.name = assignable_name();
    if (with_attribute && skip_operator(".")) result.attribute = expect_name();
    return result;
  }

  Target target(Names ends, bool with_attribute) {
    Target first = single_target(with_attribute);
    if (!is_operator(",")) return first;
    Target all;
    all.items.push_back(std::move(first));
    while (skip_operator(",")) {
      if (current().kind != TokenKind::kName && !is_operator("(")) break;
      if (current().kind == TokenKind::kName &&
          std::find(ends.begin(), ends.end(), current().text) != ends.end()) {
        break;
      }
      all.items.push_back(single_target(with_attribute));
    }
    return all;
  }

  int loop_depth_ = 0;
};

// Whether every filter and test exists. Under an `if` one that does not fails only when it is met,
// so that a template can ask for it first; a body inside is strict again, as in Jinja.
class NameCheck {
 public:
  void visit(const Body& body, bool is_soft) {
    for (const auto& statement : body) visit(*statement, is_soft);
  }

 private:
  void visit(const Statement& statement, bool is_soft) {
    const bool is_if = statement.kind == StatementKind::kIf;
    const bool own_frame =
        statement.kind == StatementKind::kFilterBlock || statement.kind == StatementKind::kSetBlock;
    visit(statement.expression.get(), is_soft && !own_frame);
    visit(statement.condition.get(), false);
    for (const auto& [condition, body] : statement.branches) {
      visit(condition.get(), is_if);
      visit(body, is_if);
    }
    for (const auto& [target, value] : statement.assignments) visit(value.get(), is_soft);
    visit(statement.body, false);
    visit(statement.otherwise, false);
    for (const ExpressionPtr& value : statement.macro.defaults) visit(value.get(), false);
    visit(statement.macro.body, false);
  }

  void visit(const Expression* expression, bool is_soft) {
    if (expression == nullptr) return;
    const bool is_filter = expression->kind == ExpressionKind::kFilter;
    if (!is_soft && is_filter && !has_filter(expression->text)) {
      throw SyntaxError{expression->place, "No filter named '" + expression->text + "'."};
    }
    if (!is_soft && expression->kind == ExpressionKind::kTest && !has_test(expression->text)) {
      throw SyntaxError{expression->place, "No test named '" + expression->text + "'."};
    }
    is_soft = is_soft || expression->kind == ExpressionKind::kConditional;
    for (const ExpressionPtr& operand : expression->operands) visit(operand.get(), is_soft);
    for (const ExpressionPtr& value : expression->call.positional) visit(value.get(), is_soft);
    for (const auto& [name, value] : expression->call.named) visit(value.get(), is_soft);
    visit(expression->call.star.get(), is_soft);
    visit(expression->call.star_star.get(), is_soft);
  }
};

}  // namespace

void parse_template(Template& out) {
  out.body = Parser(tokenize(out.source)).run();
  NameCheck().visit(out.body, false);
}

}  // namespace peira::model::jinja
