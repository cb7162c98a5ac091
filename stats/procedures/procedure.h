// Every statistical procedure under its published name, with its arguments and results as JSON:
// what `peira stats` runs and the reference numbers are checked through.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace peira::stats {

struct Procedure {
  std::string_view name;
  std::string_view section;  // of the statistics specification, e.g. "12"
  std::string_view purpose;  // one line, for lists
  std::string_view example;  // arguments that work, one JSON object in one line

  // The results for arguments `in`, an object (stats/procedures/fields.h reads it). Numbers may be
  // infinite; an undefined statistic is null. throws Error, named as stats/errors.h says.
  OrderedJson (*run)(const Json& in);
};

// All of them, in the order of their sections.
std::span<const Procedure> all_procedures();

// Null when there is none of that name.
const Procedure* find_procedure(std::string_view name);

// The results of `procedure`, ready to print: infinities are "+inf" and "-inf".
// throws  as Procedure::run; Error(kInternal) "NoConvergence" for a result that is NaN.
OrderedJson run_procedure(const Procedure& procedure, const Json& in);

// The answer to one request {"in": {...}}: {"out": {...}}, or {"error": NAME, "message": ...} with
// "estimate" where the error keeps one. An "id" of the request comes first in the answer; other
// members are ignored. Never throws for bad arguments.
OrderedJson answer(const Procedure& procedure, const Json& request);

// {"error": ..., "message": ...} as answer() gives it. An error without a name of ours is an
// "InvalidArgument".
OrderedJson error_answer(const Error& error);

}  // namespace peira::stats
