// The parser of LaTeX mathematics after latex2sympy2_extended's grammar.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evals/extractors/latex_expression.h"
#include "evals/extractors/latex_lexer.h"

namespace peira::evals::latex {

constexpr int kMaxDepth = 400;      // of grammar rules: about 50 nested groups
constexpr int kMaxSteps = 400'000;  // rule attempts: a bound on backtracking

using Kind = LatexValue::Kind;

LatexValue number(MathNumber value, bool is_atomic);
LatexValue number(std::optional<MathNumber> value, bool is_atomic = false);
LatexValue symbolic(bool unsupported);
LatexValue symbol(std::string name);
LatexValue of_kind(Kind kind);
bool is_plain(const LatexValue& value);
bool is_atomic_integer(const LatexValue& value);
bool is_atomic_rational(const LatexValue& value);

// Thrown where the reference has no parse, or fails to convert one.
struct NoParse {};

// Recursive descent with ordered choice over the grammar's rules. Rules return the value and move
// `at_`; a rule that does not match throws nothing but returns empty with `at_` put back.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // math: (relation to a list of elements | elements | sets) to the end.
  std::optional<LatexValue> run(bool& from_elements);

 private:
  using Result = std::optional<LatexValue>;
  struct Nest {
    explicit Nest(Parser& parser) : parser_(parser) {
      ++parser_.depth_;
      if (parser_.depth_ > kMaxDepth || ++parser_.steps_ > kMaxSteps) throw NoParse();
    }
    ~Nest() { --parser_.depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    Parser& parser_;
  };
  enum class Rule : std::uint8_t {
    kExpression,
    kElement,
    kElementNoRelation,
    kSetAtom,
    kComp,
    kMinus
  };

  T peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].type : T::kEnd;
  }
  bool take(T type);

  // Remembers what a rule gave at a place: alternatives start over at the same places again and
  // again, and nested groups would otherwise cost exponential time.
  template <typename Parse>
  Result remembered(Rule rule, Parse&& parse) {
    const auto key = std::make_pair(rule, at_);
    if (const auto found = memo_.find(key); found != memo_.end()) {
      at_ = found->second.first;
      return found->second.second;
    }
    const std::size_t start = at_;
    Result value = parse();
    if (!value) at_ = start;
    memo_.emplace(key, std::make_pair(at_, value));
    return value;
  }

  static LatexValue collect(std::vector<std::vector<LatexValue>> groups);
  // Sets hold equal numbers once.
  static void add_to_set(LatexValue& set, LatexValue item);

  // a = 1, 2, 3: symbols on the left, elements without relations to the end.
  Result elements_relation();
  bool atom_list();
  std::optional<std::vector<LatexValue>> comma_elements(bool with_relations);
  std::optional<std::vector<std::vector<LatexValue>>> element_groups(bool with_relations);
  Result semicolon_elements(bool with_relations);
  bool at_element_end() const;
  Result element(bool with_relations);
  Result plus_minus();
  Result relation();
  Result set_relation();
  Result set_minus();
  Result set_group();
  Result set_atom();
  Result interval();
  Result ordered_tuple();
  Result finite_set();
  static LatexValue minus(const LatexValue& value);
  static LatexValue sum_of(const LatexValue& a, const LatexValue& b);
  static LatexValue product_of(const LatexValue& a, const LatexValue& b);
  static LatexValue quotient_of(const LatexValue& a, const LatexValue& b);
  static LatexValue power_of(const LatexValue& base, const LatexValue& exponent);
  Result expression();
  Result product(bool with_functions);
  static LatexValue modulo(const LatexValue& a, const LatexValue& b);
  static BigInt floor_of(const Rational& value);
  Result unary(bool with_functions);
  Result postfix(bool with_functions);
  Result exponentiation(bool with_functions);

  // "_" and an atom or a group; false, nothing taken, when there is none.
  bool subscript(LatexValue* value = nullptr);
  Result superscript();
  Result enclosed(T open, T close);
  Result comp(bool with_functions);
  Result comp_of(bool with_functions);
  static LatexValue choose(const LatexValue& n, const LatexValue& k);
  Result absolute(T open, T close);
  Result rounded(T open, T close, bool up);
  static LatexValue round_to(const LatexValue& value, bool up);
  Result function();

  // \sum_{k=a}^{b} or \prod, either bound first, then a product. Whole bounds are worked out.
  Result sum_or_product();
  Result single_function(const std::string& name);
  Result multi_function(const std::string& name);
  static BigInt greatest_common_divisor(BigInt a, BigInt b);
  static LatexValue combine(const std::string& name, const std::vector<LatexValue>& arguments);
  Result atom_expression();
  static LatexValue symbol_of(T type, std::string_view text);
  Result atom();

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int steps_ = 0;
  std::map<std::string, MathNumber> bound_;  // variables of the sums being worked out
  bool is_plus_minus_ = false;  // the last element() was a pair to be spread into its list
  std::map<std::pair<Rule, std::size_t>, std::pair<std::size_t, Result>> memo_;
};

}  // namespace peira::evals::latex
