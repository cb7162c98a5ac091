// The filter tojson, as transformers sets it: json.dumps with ensure_ascii off.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

// arguments: ensure_ascii, indent, separators, sort_keys. throws Failure: a value JSON lacks.
std::string to_json(Budget& budget, const Value& value, const Arguments& arguments);
// Sorts by key as Python's sorted does: stable, reversed or not.
void sort_by_key(Budget& budget, std::vector<std::pair<Value, Value>>& keyed, bool reverse);

}  // namespace peira::model::jinja
