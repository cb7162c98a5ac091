// A mathematical answer as people write it, in LaTeX or plain text: an expression with a unit, a
// list, set, tuple or interval, a relation, a matrix, or words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evals/math/term.h"
#include "evals/math/units.h"

namespace peira::evals::math {

struct Answer {
  enum class Kind {
    kTerm,      // `term`, with a unit or without
    kList,      // `items` within `open` and `close`: {..} a set, (..) and [..] tuples or intervals,
                // 0 a bare list
    kUnion,     // `items`, each an interval or a set
    kRelation,  // `sides` with `relations` between them: a < b <= c
    kMatrix,    // `items` row by row, `num_columns` of them in each
    kText       // `text`
  };
  Kind kind = Kind::kText;
  Term term;
  std::optional<Unit> unit;
  std::vector<Answer> items;
  char open = 0, close = 0;
  std::vector<Term> sides;
  std::vector<std::string> relations;  // "=", "!=", "<", "<=", ">", ">="
  std::size_t num_columns = 0;
  std::string text;
};

// One way to read what can be read in two.
struct Reading {
  bool commas_group = false;  // 1,234 is a number, not a list
  bool plain_units = false;   // the m of "5 m" is a unit, not a symbol
};

// The answer `text` says when read so; words where it is no mathematics we know. Bounded: more than
// 20,000 bytes or 150 nested groups are words.
Answer read_answer(std::string_view text, const Reading& reading = {});

}  // namespace peira::evals::math
