// The form that an answer must have: what a suite declares, a request carries and the engine obeys.
#pragma once

#include <string>

#include "base/json.h"

namespace peira {

struct ResponseFormat {
  enum class Kind { kText, kJsonSchema, kRegex };
  Kind kind = Kind::kText;
  OrderedJson schema = {};   // kJsonSchema; the order of its properties is the answer's
  std::string pattern = {};  // kRegex: the whole answer matches
  std::string where = {};    // named in errors: "schema.json"; no part of what the format is

  bool is_free() const { return kind == Kind::kText; }
};

// {"type": "text"}, {"type": "json_schema", "schema": SCHEMA} or {"type": "regex", "pattern":
// TEXT}. Whether a text can have the form is for the engine to find out.
//
// where   names the value in errors: "suite.json: response_format".
// throws  Error(kData): anything else.
ResponseFormat read_response_format(const OrderedJson& value, const std::string& where);

// For manifests and keys: equal exactly for equal formats. The schema is there as text, since the
// order of its properties counts; null for free text.
Json canonical_json(const ResponseFormat& format);

}  // namespace peira
