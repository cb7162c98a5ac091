// A JSON Schema as the grammar of the JSON texts that obey it.
#pragma once

#include <bitset>
#include <string>

#include "base/json.h"
#include "model/text/guided/grammar.h"

namespace peira::model::guided {

// Appends to `grammar` the rule of the texts that `schema` allows and of which every byte is in
// `bytes`; dead ends are removed.
//
// The texts: JSON in one line, a space or none behind each comma and colon and no other; members
// in the order of `properties`, the optional ones there or not, then those that
// additionalProperties allows (anything, unless it says otherwise). Characters and numbers as
// Spelling::kJson and number_texts() have them. What a schema says of one type leaves the others
// alone. oneOf is taken as anyOf. Formats are obeyed.
//
// where   named in errors, e.g. "schema.json".
// throws  Error(kData): "where: #/pointer: what" for what is no schema, is not supported, or no
//         value can obey (says why).
Grammar::Rule add_schema(Grammar& grammar, const OrderedJson& schema, const std::string& where,
                         const std::bitset<256>& bytes);

}  // namespace peira::model::guided
