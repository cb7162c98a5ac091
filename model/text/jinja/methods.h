// Attributes, items and methods of Python's values, as a template sees them.
#pragma once

#include <string>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

// The method `name` of a text, list or dict; false: there is none.
bool find_method(const Value& value, const std::string& name, Value& out);
// value.name: an attribute or method, else a dict's member; undefined when there is neither.
// throws Failure: `value` is undefined.
Value get_attribute(const Value& value, const std::string& name);
// value[key]: an item, else an attribute or method. throws as get_attribute().
Value get_item(Budget& budget, const Value& value, const Value& key);
// Attributes alone: the members of a dict are none.
Value get_own_attribute(const Value& value, const std::string& name);

}  // namespace peira::model::jinja
