#include "model/text/jinja/evaluator.h"

#include <algorithm>
#include <utility>

#include "model/text/jinja/filters.h"
#include "model/text/jinja/globals.h"
#include "model/text/jinja/methods.h"
#include "model/text/jinja/operations.h"

namespace peira::model::jinja {
namespace {

// A macro, or the body of a call block. Its scope is kept alive by the evaluator.
class Macro : public Object {
 public:
  Macro(Evaluator& evaluator, const MacroDefinition& definition,
        const std::shared_ptr<Scope>& scope)
      : evaluator_(evaluator), definition_(definition), scope_(scope) {}
  std::string type_name() const override { return "Macro"; }
  std::string repr() const override { return "<Macro '" + definition_.name + "'>"; }
  bool attribute(std::string_view name, Value& out) const override;
  bool callable() const override { return true; }
  Value call(Budget&, const Arguments& arguments) override {
    const std::shared_ptr<Scope> scope = scope_.lock();
    if (scope == nullptr) fail("the macro's scope has ended");
    return evaluator_.call_macro(definition_, scope, arguments);
  }

 private:
  Evaluator& evaluator_;
  const MacroDefinition& definition_;
  std::weak_ptr<Scope> scope_;
};

bool Macro::attribute(std::string_view name, Value& out) const {
  if (name == "name") {
    out = Value(definition_.name);
  } else if (name == "arguments") {
    std::vector<Value> names;
    for (const std::string& parameter : definition_.parameters) names.emplace_back(parameter);
    out = Value::tuple(std::move(names));
  } else if (name == "catch_varargs") {
    out = Value(definition_.uses_varargs);
  } else if (name == "catch_kwargs") {
    out = Value(definition_.uses_kwargs);
  } else if (name == "caller") {
    out = Value(definition_.uses_caller);
  } else {
    return false;
  }
  return true;
}

// The variable `loop` inside a for.
class Loop : public Object {
 public:
  // items outlives the loop, which end() tells.
  Loop(Evaluator& evaluator, const Statement& statement, std::shared_ptr<Scope> scope,
       const std::vector<Value>& items, int depth)
      : evaluator_(evaluator),
        statement_(statement),
        scope_(std::move(scope)),
        items_(items),
        depth_(depth) {}
  std::string type_name() const override { return "LoopContext"; }
  std::string repr() const override {
    return "<LoopContext " + std::to_string(index_ + 1) + "/" + std::to_string(items_.size()) + ">";
  }
  bool attribute(std::string_view name, Value& out) const override;
  bool callable() const override { return true; }
  Value call(Budget&, const Arguments& arguments) override;
  int depth() const override { return 2; }
  void move_to(std::int64_t index) { index_ = index; }
  void end() {
    ended_ = true;
    scope_ = nullptr;  // which may hold the loop
  }

 private:
  Evaluator& evaluator_;
  const Statement& statement_;
  std::shared_ptr<Scope> scope_;
  const std::vector<Value>& items_;
  int depth_;
  std::int64_t index_ = 0;
  bool ended_ = false;  // items_ is gone
  std::shared_ptr<std::vector<Value>> last_changed_ = std::make_shared<std::vector<Value>>();
  std::shared_ptr<bool> changed_once_ = std::make_shared<bool>(false);
};

Value Loop::call(Budget&, const Arguments& arguments) {
  if (ended_) fail("a loop's variable is used after its loop");
  if (!statement_.is_recursive) {
    fail("The loop must have the 'recursive' marker to be called recursively.");
  }
  arguments.check("loop", 1, 1, {"iterable"});
  return evaluator_.call_loop(statement_, scope_, arguments.get(0, "iterable", Value()),
                              depth_ + 1);
}

bool Loop::attribute(std::string_view name, Value& out) const {
  if (ended_) fail("a loop's variable is used after its loop");
  const auto count = static_cast<std::int64_t>(items_.size());
  if (name == "index") {
    out = Value(index_ + 1);
  } else if (name == "index0") {
    out = Value(index_);
  } else if (name == "revindex") {
    out = Value(count - index_);
  } else if (name == "revindex0") {
    out = Value(count - index_ - 1);
  } else if (name == "first") {
    out = Value(index_ == 0);
  } else if (name == "last") {
    out = Value(index_ == count - 1);
  } else if (name == "length") {
    out = Value(count);
  } else if (name == "depth" || name == "depth0") {
    out = Value(std::int64_t{depth_} + (name == "depth" ? 1 : 0));
  } else if (name == "previtem") {
    out = index_ > 0 ? items_[static_cast<std::size_t>(index_ - 1)]
                     : Value::undefined("there is no previous item");
  } else if (name == "nextitem") {
    out = index_ + 1 < count ? items_[static_cast<std::size_t>(index_ + 1)]
                             : Value::undefined("there is no next item");
  } else if (name == "cycle") {
    out = Value(std::make_shared<Function>("cycle", [index = index_](Budget&,
                                                                     const Arguments& arguments) {
      if (arguments.positional.empty()) fail("no items for cycling given");
      return arguments.positional[static_cast<std::size_t>(index) % arguments.positional.size()];
    }));
  } else if (name == "changed") {
    out = Value(std::make_shared<Function>("changed", [last = last_changed_, once = changed_once_](
                                                          Budget&, const Arguments& arguments) {
      const auto& now = arguments.positional;
      const bool same = *once && last->size() == now.size() &&
                        std::equal(now.begin(), now.end(), last->begin(), equal);
      *once = true;
      *last = now;
      return Value(!same);
    }));
  } else {
    return false;
  }
  return true;
}

}  // namespace

// Counts nested evaluations: the evaluator's stack is the machine's.
class Evaluator::Deeper {
 public:
  explicit Deeper(Evaluator& evaluator) : evaluator_(evaluator) {
    if (++evaluator_.depth_ > evaluator_.budget_.limits().call_depth) {
      --evaluator_.depth_;
      fail("the template calls itself too deeply");
    }
    evaluator_.budget_.charge(1);
  }
  ~Deeper() { --evaluator_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  Evaluator& evaluator_;
};

Evaluator::~Evaluator() {
  // Namespaces, macros and scopes may hold each other in circles: each lets go by itself.
  for (const auto& scope : kept_scopes_) scope->names.clear();
}

void Evaluator::write(const std::string& text) {
  budget_.charge_text(out_->size() + text.size() > budget_.max_text() ? out_->size() + text.size()
                                                                      : text.size());
  *out_ += text;
}

std::string Evaluator::run(const Body& body, std::map<std::string, Value, std::less<>> variables) {
  std::string out;
  out_ = &out;
  scope_ = std::make_shared<Scope>(Scope{std::move(variables), nullptr});
  execute(body);
  out_ = nullptr;
  return out;
}

Value Evaluator::look_up(const std::string& name) const {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->names.find(name);
    if (found != scope->names.end()) return found->second;
  }
  if (const Value* global = find_global(name)) return *global;
  return Value::undefined("'" + name + "' is undefined");
}

Evaluator::Flow Evaluator::execute(const Body& body) {
  for (const auto& statement : body) {
    const Flow flow = execute(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

std::shared_ptr<Scope> Evaluator::child_scope() const {
  return std::make_shared<Scope>(Scope{{}, scope_});
}

Evaluator::Flow Evaluator::execute_inside(const Body& body, const std::shared_ptr<Scope>& scope) {
  const std::shared_ptr<Scope> outer = std::exchange(scope_, scope);
  const Flow flow = execute(body);
  scope_ = outer;
  return flow;
}

Evaluator::Flow Evaluator::capture(const Body& body, const std::shared_ptr<Scope>& scope,
                                   std::string& text) {
  std::string* const outer = std::exchange(out_, &text);
  const Flow flow = execute_inside(body, scope);
  out_ = outer;
  return flow;
}

void Evaluator::assign(const Target& target, const Value& value) {
  if (!target.items.empty()) {
    const std::vector<Value> items = iterate(value);
    if (items.size() != target.items.size()) {
      fail(items.size() < target.items.size()
               ? "not enough values to unpack (expected " + std::to_string(target.items.size()) +
                     ", got " + std::to_string(items.size()) + ")"
               : "too many values to unpack (expected " + std::to_string(target.items.size()) +
                     ")");
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.items[i], items[i]);
    return;
  }
  if (target.attribute.empty()) {
    scope_->names.insert_or_assign(target.name, value);
    return;
  }
  const Value holder = look_up(target.name);
  auto* const space = holder.is_object() ? dynamic_cast<Namespace*>(&holder.as_object()) : nullptr;
  if (space == nullptr) fail("cannot assign attribute on non-namespace object");
  space->attributes.insert_or_assign(target.attribute, value);
}

Evaluator::Flow Evaluator::execute(const Statement& statement) {
  const Deeper deeper(*this);
  place_ = statement.place;
  switch (statement.kind) {
    case StatementKind::kText:
      write(statement.text);
      return Flow::kNext;
    case StatementKind::kOutput: {
      const Value value = evaluate(*statement.expression);
      place_ = statement.place;
      write(value.is_string() ? value.text() : budget_.text_of(value));
      return Flow::kNext;
    }
    case StatementKind::kIf:
      return execute_if(statement);
    case StatementKind::kFor:
      return execute_for(statement);
    case StatementKind::kSet: {
      const Value value = evaluate(*statement.expression);
      place_ = statement.place;
      assign(statement.target, value);
      return Flow::kNext;
    }
    case StatementKind::kSetBlock:
    case StatementKind::kFilterBlock: {
      std::string text;
      const Flow flow = capture(statement.body, child_scope(), text);
      if (flow != Flow::kNext) return flow;  // the loop is left, and what was said with it
      Value value = budget_.text_value(std::move(text));
      if (statement.expression != nullptr) {
        value = evaluate_filters_of_block(*statement.expression, value);
      }
      place_ = statement.place;
      if (statement.kind == StatementKind::kFilterBlock) {
        write(budget_.text_of(value));
      } else {
        assign(statement.target, value);
      }
      return Flow::kNext;
    }
    case StatementKind::kMacro:
      if (kept_scopes_.empty() || kept_scopes_.back() != scope_) kept_scopes_.push_back(scope_);
      scope_->names.insert_or_assign(
          statement.macro.name, Value(std::make_shared<Macro>(*this, statement.macro, scope_)));
      return Flow::kNext;
    case StatementKind::kCallBlock:
      execute_call_block(statement);
      return Flow::kNext;
    case StatementKind::kWith:
      return execute_with(statement);
    case StatementKind::kBlock:
      return execute_inside(statement.body, child_scope());
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
    case StatementKind::kRefused:
      fail(statement.text);
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_if(const Statement& statement) {
  for (const auto& [condition, body] : statement.branches) {
    if (condition == nullptr || evaluate(*condition).truthy()) return execute(body);
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::execute_with(const Statement& statement) {
  std::vector<Value> values;  // all see the names outside
  for (const auto& [target, expression] : statement.assignments) {
    values.push_back(evaluate(*expression));
  }
  const std::shared_ptr<Scope> outer = std::exchange(scope_, child_scope());
  for (std::size_t i = 0; i < values.size(); ++i) {
    assign(statement.assignments[i].first, values[i]);
  }
  const Flow flow = execute(statement.body);
  scope_ = outer;
  return flow;
}

void Evaluator::execute_call_block(const Statement& statement) {
  const Expression& expression = *statement.expression;
  const Value function = evaluate(*expression.operands[0]);
  Arguments arguments = evaluate_arguments(expression.call);
  const std::shared_ptr<Scope> scope = scope_;  // the macro's, which it does not hold itself
  arguments.named.emplace_back("caller",
                               Value(std::make_shared<Macro>(*this, statement.macro, scope)));
  place_ = expression.place;
  write(budget_.text_of(call(budget_, function, arguments)));
}

Evaluator::Flow Evaluator::execute_for(const Statement& statement) {
  const Value iterable = evaluate(*statement.expression);
  place_ = statement.expression->place;
  if (!statement.is_recursive) return execute_loop(statement, iterable, 0);
  write(call_loop(statement, scope_, iterable, 0).text());
  return Flow::kNext;
}

Value Evaluator::call_loop(const Statement& statement, std::shared_ptr<Scope> scope,
                           const Value& items, int depth) {
  const Deeper deeper(*this);
  std::string text;
  std::string* const outer_out = std::exchange(out_, &text);
  const std::shared_ptr<Scope> outer = std::exchange(scope_, std::move(scope));
  execute_loop(statement, items, depth);
  scope_ = outer;
  out_ = outer_out;
  return budget_.text_value(std::move(text));
}

Evaluator::Flow Evaluator::execute_loop(const Statement& statement, const Value& iterable,
                                        int depth) {
  const std::shared_ptr<Scope> outer = scope_;
  std::vector<Value> items = iterate(iterable);
  budget_.charge(items.size());
  if (statement.condition != nullptr) {
    std::vector<Value> chosen;
    for (const Value& item : items) {
      scope_ = std::make_shared<Scope>(Scope{{}, outer});
      assign(statement.target, item);
      if (evaluate(*statement.condition).truthy()) chosen.push_back(item);
    }
    scope_ = outer;
    items = std::move(chosen);
  }
  if (items.empty()) return execute_inside(statement.otherwise, child_scope());
  const auto loop = std::make_shared<Loop>(*this, statement, outer, items, depth);
  struct EndLoop {
    Loop& loop;
    ~EndLoop() { loop.end(); }
  } const end{*loop};
  bool any_ended = false;
  for (std::size_t i = 0; i < items.size(); ++i) {
    budget_.charge(1);
    place_ = statement.place;
    loop->move_to(static_cast<std::int64_t>(i));
    scope_ = std::make_shared<Scope>(Scope{{}, outer});
    scope_->names.emplace("loop", Value(std::shared_ptr<Object>(loop)));
    assign(statement.target, items[i]);
    const Flow flow = execute(statement.body);
    any_ended = any_ended || flow == Flow::kNext;
    if (flow == Flow::kBreak) break;
  }
  scope_ = outer;
  // As Jinja has it: the else is for loops of which no turn came to its end.
  return any_ended ? Flow::kNext : execute_inside(statement.otherwise, child_scope());
}

Value Evaluator::call_macro(const MacroDefinition& macro, const std::shared_ptr<Scope>& definition,
                            const Arguments& arguments) {
  const Deeper deeper(*this);
  auto scope = std::make_shared<Scope>(Scope{{}, definition});
  const std::size_t count = macro.parameters.size();
  std::vector<bool> given(count, false);
  for (std::size_t i = 0; i < std::min(count, arguments.positional.size()); ++i) {
    scope->names.insert_or_assign(macro.parameters[i], arguments.positional[i]);
    given[i] = true;
  }
  if (macro.uses_varargs) {
    std::vector<Value> rest;
    for (std::size_t i = count; i < arguments.positional.size(); ++i) {
      rest.push_back(arguments.positional[i]);
    }
    scope->names.insert_or_assign("varargs", Value::tuple(std::move(rest)));
  } else if (arguments.positional.size() > count) {
    fail("macro '" + macro.name + "' takes not more than " + std::to_string(count) +
         " argument(s)");
  }
  auto rest = std::make_shared<Dict>();
  bool has_caller = false;
  for (const auto& [name, value] : arguments.named) {
    const auto parameter = std::find(macro.parameters.begin(), macro.parameters.end(), name);
    if (parameter != macro.parameters.end()) {
      const auto index = static_cast<std::size_t>(parameter - macro.parameters.begin());
      if (given[index]) {
        fail("macro '" + macro.name + "' got multiple values for argument '" + name + "'");
      }
      given[index] = true;
      scope->names.insert_or_assign(name, value);
    } else if (name == "caller" && macro.uses_caller) {
      has_caller = true;
      scope->names.insert_or_assign(name, value);
    } else if (macro.uses_kwargs) {
      rest->set(Value(name), value);
    } else if (name == "caller") {
      fail("macro '" + macro.name +
           "' was invoked with two values for the special caller argument. This is most likely a "
           "bug.");
    } else {
      fail("macro '" + macro.name + "' takes no keyword argument '" + name + "'");
    }
  }
  if (macro.uses_kwargs) scope->names.insert_or_assign("kwargs", Value(std::move(rest)));
  if (macro.uses_caller && !has_caller && macro.name != "caller") {
    scope->names.insert_or_assign("caller", Value::undefined("No caller defined"));
  }
  const std::shared_ptr<Scope> outer = std::exchange(scope_, scope);
  for (std::size_t i = 0; i < count; ++i) {
    if (given[i]) continue;
    scope->names.insert_or_assign(
        macro.parameters[i],
        macro.defaults[i] != nullptr
            ? evaluate(*macro.defaults[i])
            : Value::undefined("parameter '" + macro.parameters[i] + "' was not provided"));
  }
  scope_ = outer;
  std::string text;
  capture(macro.body, scope, text);
  return budget_.text_value(std::move(text));
}

Arguments Evaluator::evaluate_arguments(const CallArguments& call) {
  Arguments arguments;
  arguments.positional.reserve(call.positional.size());
  for (const ExpressionPtr& argument : call.positional) {
    arguments.positional.push_back(evaluate(*argument));
  }
  if (call.star != nullptr) {
    for (Value& value : iterate(evaluate(*call.star))) {
      arguments.positional.push_back(std::move(value));
    }
  }
  for (const auto& [name, argument] : call.named) {
    arguments.named.emplace_back(name, evaluate(*argument));
  }
  if (call.star_star != nullptr) {
    const Value extra = evaluate(*call.star_star);
    if (!extra.is_dict()) fail("argument after ** must be a mapping, not " + extra.type_name());
    for (const auto& [key, value] : extra.as_dict().entries()) {
      if (!key.is_string()) fail("keywords must be strings");
      arguments.named.emplace_back(key.text(), value);
    }
  }
  return arguments;
}

Value Evaluator::evaluate_slice(const Expression& expression) {
  Value parts[4] = {Value::none(), Value::none(), Value::none(), Value::none()};
  for (std::size_t i = 0; i < 4; ++i) {
    if (expression.operands[i] != nullptr) parts[i] = evaluate(*expression.operands[i]);
  }
  place_ = expression.place;
  return slice(budget_, parts[0], parts[1], parts[2], parts[3]);
}

bool Evaluator::evaluate_comparison(const Expression& expression) {
  Value left = evaluate(*expression.operands[0]);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.operands[i + 1]);
    place_ = expression.place;
    if (!compare(budget_, expression.operators[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Evaluator::evaluate_filter(const Expression& expression, const Value& value) {
  const Arguments arguments = evaluate_arguments(expression.call);
  place_ = expression.place;
  return apply_filter(budget_, expression.text, value, arguments);
}

// The filters of a block hang under its last one; the innermost gets the block's text.
Value Evaluator::evaluate_filters_of_block(const Expression& expression, const Value& text) {
  const Deeper deeper(*this);
  const Expression* const before = expression.operands[0].get();
  return evaluate_filter(expression,
                         before != nullptr ? evaluate_filters_of_block(*before, text) : text);
}

Value Evaluator::evaluate(const Expression& expression) {
  const Deeper deeper(*this);
  place_ = expression.place;
  const auto& operands = expression.operands;
  switch (expression.kind) {
    case ExpressionKind::kConstant:
      return expression.value;
    case ExpressionKind::kName:
      return look_up(expression.text);
    case ExpressionKind::kList:
    case ExpressionKind::kTuple: {
      std::vector<Value> items;
      items.reserve(operands.size());
      for (const ExpressionPtr& operand : operands) items.push_back(evaluate(*operand));
      return expression.kind == ExpressionKind::kList ? Value::list(std::move(items))
                                                      : Value::tuple(std::move(items));
    }
    case ExpressionKind::kDict: {
      auto dict = std::make_shared<Dict>();
      for (std::size_t i = 0; i + 1 < operands.size(); i += 2) {
        const Value key = evaluate(*operands[i]);
        dict->set(key, evaluate(*operands[i + 1]));
      }
      return Value(std::move(dict));
    }
    case ExpressionKind::kAttribute: {
      const Value value = evaluate(*operands[0]);
      place_ = expression.place;
      return get_attribute(value, expression.text);
    }
    case ExpressionKind::kItem: {
      const Value value = evaluate(*operands[0]);
      const Value key = evaluate(*operands[1]);
      place_ = expression.place;
      return get_item(budget_, value, key);
    }
    case ExpressionKind::kSlice:
      return evaluate_slice(expression);
    case ExpressionKind::kCall: {
      const Value function = evaluate(*operands[0]);
      const Arguments arguments = evaluate_arguments(expression.call);
      place_ = expression.place;
      return call(budget_, function, arguments);
    }
    case ExpressionKind::kFilter:
      return evaluate_filter(expression, evaluate(*operands[0]));
    case ExpressionKind::kTest: {
      const Value value = evaluate(*operands[0]);
      const Arguments arguments = evaluate_arguments(expression.call);
      place_ = expression.place;
      return Value(apply_test(budget_, expression.text, value, arguments));
    }
    case ExpressionKind::kNot:
      return Value(!evaluate(*operands[0]).truthy());
    case ExpressionKind::kNegate:
    case ExpressionKind::kPlus: {
      const Value value = evaluate(*operands[0]);
      place_ = expression.place;
      return unary(expression.kind == ExpressionKind::kNegate ? "-" : "+", value);
    }
    case ExpressionKind::kAnd: {
      Value left = evaluate(*operands[0]);
      return left.truthy() ? evaluate(*operands[1]) : left;
    }
    case ExpressionKind::kOr: {
      Value left = evaluate(*operands[0]);
      return left.truthy() ? left : evaluate(*operands[1]);
    }
    case ExpressionKind::kCompare:
      return Value(evaluate_comparison(expression));
    case ExpressionKind::kBinary: {
      const Value left = evaluate(*operands[0]);
      const Value right = evaluate(*operands[1]);
      place_ = expression.place;
      return arithmetic(budget_, expression.text, left, right);
    }
    case ExpressionKind::kConcat: {
      std::string text;
      for (const ExpressionPtr& operand : operands) {
        text += budget_.text_of(evaluate(*operand));
        budget_.charge_text(text.size());
      }
      return Value(std::move(text));
    }
    case ExpressionKind::kConditional:
      if (evaluate(*operands[0]).truthy()) return evaluate(*operands[1]);
      if (operands[2] != nullptr) return evaluate(*operands[2]);
      return Value::undefined("the inline if-expression on line " +
                              std::to_string(expression.place.line) +
                              " evaluated to false and no else section was defined.");
  }
  return Value::none();
}

}  // namespace peira::model::jinja
