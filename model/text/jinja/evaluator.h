// Runs a parsed template.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/text/jinja/ast.h"
#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

// The names of one block, in front of those around it.
struct Scope {
  std::map<std::string, Value, std::less<>> names;
  std::shared_ptr<Scope> parent;
};

// One run of one template. Failures leave as Failure; place() then says where.
class Evaluator {
 public:
  Evaluator(const Limits& limits, const std::tm& now) : budget_(limits, now) {}
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  std::string run(const Body& body, std::map<std::string, Value, std::less<>> variables);
  const Place& place() const { return place_; }

  // For macros and recursive loops, which call back:
  Value call_macro(const MacroDefinition& macro, const std::shared_ptr<Scope>& scope,
                   const Arguments& arguments);
  // The body of the loop `statement` over other items, as text; `depth` 0 for the outermost.
  Value call_loop(const Statement& statement, std::shared_ptr<Scope> scope, const Value& items,
                  int depth);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class Deeper;

  Flow execute(const Body& body);
  Flow execute(const Statement& statement);
  Flow execute_for(const Statement& statement);
  Flow execute_loop(const Statement& statement, const Value& iterable, int depth);
  Flow execute_if(const Statement& statement);
  Flow execute_with(const Statement& statement);
  Flow execute_inside(const Body& body, const std::shared_ptr<Scope>& scope);
  void execute_call_block(const Statement& statement);
  Flow capture(const Body& body, const std::shared_ptr<Scope>& scope, std::string& text);
  std::shared_ptr<Scope> child_scope() const;
  void assign(const Target& target, const Value& value);
  Value evaluate(const Expression& expression);
  Value evaluate_filter(const Expression& expression, const Value& value);
  Value evaluate_filters_of_block(const Expression& expression, const Value& text);
  Value evaluate_slice(const Expression& expression);
  bool evaluate_comparison(const Expression& expression);
  Arguments evaluate_arguments(const CallArguments& call);
  Value look_up(const std::string& name) const;
  void write(const std::string& text);

  Budget budget_;
  int depth_ = 0;
  Place place_;
  std::string* out_ = nullptr;
  std::shared_ptr<Scope> scope_;
  std::vector<std::shared_ptr<Scope>> kept_scopes_;
};

}  // namespace peira::model::jinja
