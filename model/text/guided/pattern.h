// Regular expressions that describe texts to generate.
#pragma once

#include <string>
#include <string_view>

#include "model/text/guided/char_nfa.h"

namespace peira::model::guided {

enum class PatternMatch {
  kWhole,
  kAnywhere
};  // the text is a match; or holds one, as in JSON Schema

// The texts that `pattern` describes: the part that ECMAScript and Python share. Literals, escapes
// (\n \r \t \f \v \0 \xHH \uHHHH \u{...}), ., classes, \d \w \s \D \W \S, \p{L} and the other
// general categories, groups of all kinds that only group, |, ? * + {m} {m,} {m,n} (greedy or lazy:
// the texts are the same), ^ and $ for the ends of the text. Classes and . as ECMAScript defines
// them: \d is 0-9, \w is ASCII, . is no line terminator.
//
// where   named in errors, e.g. "schema.json: #/properties/id/pattern".
// throws  Error(kData): malformed, a construct that is not supported (lookaround, backreferences,
//         \b, flags), or expands beyond the limits of CharNfa; says where in the pattern.
// returns no states when no text matches.
CharNfa parse_pattern(std::string_view pattern, PatternMatch match, const std::string& where);

}  // namespace peira::model::guided
