// Tokens to a tree, with Jinja's own precedence.
#pragma once

#include "model/text/jinja/ast.h"

namespace peira::model::jinja {

// Fills in the rest of a template whose source.text is there. throws SyntaxError, Failure; the
// source's tags are then those read so far.
void parse_template(Template& out);

}  // namespace peira::model::jinja
