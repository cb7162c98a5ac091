// Jinja's filters and tests, by name.
#pragma once

#include <string>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

bool has_filter(const std::string& name);
bool has_test(const std::string& name);
// value | name(arguments). throws Failure: no such filter, or what it throws.
Value apply_filter(Budget& budget, const std::string& name, const Value& value,
                   const Arguments& arguments);
// value is name(arguments)
bool apply_test(Budget& budget, const std::string& name, const Value& value,
                const Arguments& arguments);

}  // namespace peira::model::jinja
