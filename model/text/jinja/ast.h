// A parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/text/jinja/source.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
  kConstant,     // value
  kName,         // text
  kList,         // operands
  kTuple,        // operands
  kDict,         // operands: key, value, key, value ...
  kAttribute,    // operands[0].text
  kItem,         // operands[0][operands[1]]
  kSlice,        // operands[0][operands[1]:operands[2]:operands[3]], absent ones null
  kCall,         // operands[0](call)
  kFilter,       // operands[0] | text(call); operands[0] is null for the text of a filter block
  kTest,         // operands[0] is text(call)
  kNot,          // not operands[0]
  kNegate,       // -operands[0]
  kPlus,         // +operands[0]
  kAnd,          // operands[0] and operands[1]
  kOr,           // operands[0] or operands[1]
  kCompare,      // operands[0] operators[0] operands[1] operators[1] ...
  kBinary,       // operands[0] text operands[1]
  kConcat,       // operands joined as text
  kConditional,  // operands[1] if operands[0] else operands[2] (null: undefined)
};

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star;
  ExpressionPtr star_star;
};

struct Expression {
  ExpressionKind kind;
  Place place;
  int depth = 1;  // of the tree below, itself counted
  std::string text;
  Value value;
  std::vector<ExpressionPtr> operands;
  std::vector<std::string> operators;
  CallArguments call;
};

// What an assignment or loop fills: a name, an attribute of a namespace, or several of these.
struct Target {
  std::string name;
  std::string attribute;      // empty: the name itself
  std::vector<Target> items;  // not empty: unpacked into these
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

enum class StatementKind {
  kText,         // text
  kOutput,       // expression
  kIf,           // branches in turn (the last without condition: else)
  kFor,          // target in expression [if condition]: body, else: otherwise
  kSet,          // target = expression
  kSetBlock,     // target = body's text, through the filters of expression (may be null)
  kMacro,        // macro
  kCallBlock,    // expression (a call), given macro as caller
  kFilterBlock,  // body's text through the filters of expression
  kWith,         // assignments, body
  kBlock,        // body (generation marks)
  kBreak,
  kContinue,
  kRefused,  // text says why: a tag that asks for another template
};

struct MacroDefinition {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;  // [parameters], null: none
  Body body;
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
};

struct Statement {
  StatementKind kind;
  Place place;
  std::string text;
  ExpressionPtr expression;
  ExpressionPtr condition;
  Target target;
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  std::vector<std::pair<Target, ExpressionPtr>> assignments;
  Body body;
  Body otherwise;
  MacroDefinition macro;
  bool is_recursive = false;  // kFor: loop() runs its body on other items
};

// A template, read.
struct Template {
  Source source;
  Body body;
};

}  // namespace peira::model::jinja
