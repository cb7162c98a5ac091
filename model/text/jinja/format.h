// The two ways Python fills patterns: % and str.format.
#pragma once

#include <functional>
#include <string>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

// pattern % arguments. edit: changes what is put in for %s and its like, when given.
using TextEdit = std::function<std::string(const Value&, std::string)>;
std::string format_percent(Budget& budget, const std::string& pattern, const Value& arguments,
                           const TextEdit& edit = {});

// How str.format looks into a value: the attribute `key`, or the item `key` (is_item).
using Lookup = std::function<Value(const Value&, const Value& key, bool is_item)>;
// pattern.format(arguments)
std::string format_braces(Budget& budget, const std::string& pattern, const Arguments& arguments,
                          const Lookup& look_up, const TextEdit& edit = {});

// Python's round(value, digits): of two equally near, the even one.
double round_to(double value, std::int64_t digits);

}  // namespace peira::model::jinja
