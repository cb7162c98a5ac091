// Answers of a given form: a JSON Schema or a regular expression made ready for a vocabulary.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "model/text/guided/vocabulary.h"
#include "model/token_guide.h"

namespace peira::model::guided {

class GuidedGrammar : public TokenGrammar {
 public:
  // Whether `text` is whole: what the guide would let a model write and then end.
  virtual bool accepts(std::string_view text) const = 0;
};

// The JSON texts that `schema` allows; see schema_grammar.h for which and how they are written.
//
// where   named in errors, e.g. "schema.json".
// throws  Error(kData): not supported, or nothing can obey it, in the bytes of the vocabulary; says
//         where in the schema and why.
std::shared_ptr<const GuidedGrammar> compile_json_schema(
    const OrderedJson& schema, std::shared_ptr<const Vocabulary> vocabulary,
    const std::string& where);

// The texts that match `pattern` from beginning to end; see pattern.h for the dialect.
// throws  as above.
std::shared_ptr<const GuidedGrammar> compile_regex(std::string_view pattern,
                                                   std::shared_ptr<const Vocabulary> vocabulary,
                                                   const std::string& where);

}  // namespace peira::model::guided
