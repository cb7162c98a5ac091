// The filters that need no other filter, by what they work on.
#pragma once

#include <map>
#include <string>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

using Filter = Value (*)(Budget&, const Value&, const Arguments&);
using FilterTable = std::map<std::string, Filter, std::less<>>;

const FilterTable& sequence_filters();
const FilterTable& text_filters();
const FilterTable& number_filters();

// What the filters share:
// `value` as an integer. throws Failure: it is none; `name` says whose argument it is.
std::int64_t whole(const char* name, const Value& value);
// The items of a loop over `value`, counted.
std::vector<Value> items_of(Budget& budget, const Value& value);
// item.a.0.b for attribute "a.0.b"; `otherwise`, when given, for what is undefined.
Value dig(Budget& budget, Value item, const Value& attribute, const Value* otherwise = nullptr);

}  // namespace peira::model::jinja
