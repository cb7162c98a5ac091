// The words of a mathematical answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peira::evals::math {

struct Token {
  enum class Kind {
    kEnd,
    kNumber,  // digits, maybe with a point
    kLetter,  // one letter, or the name of a Greek one
    kName,    // of a function: "sin", "sqrt", "frac"
    kWord,    // what \text{...} and its like hold
    kSymbol   // one of + - * / ^ _ ! | & , ; : = < > ( ) [ ] { }, or a name: "le", "pm", "infty"
  };
  Kind kind = Kind::kEnd;
  std::string text;
  bool after_space = false;
  bool is_brace_shown = false;  // { and } that are printed: \{ and \}
};

// Whether `text` is words and no mathematics: it holds a run of letters that is no name we know.
bool is_prose(std::string_view text);

// Empty for a command that we do not know.
// commas_group  1,234 is one number.
std::optional<std::vector<Token>> tokenize(std::string_view text, bool commas_group);

// `text` without what stands around an answer: dollars, \( \), \boxed{}, a full stop at its end.
std::string_view unwrapped(std::string_view text);

}  // namespace peira::evals::math
