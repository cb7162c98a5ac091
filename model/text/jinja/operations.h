// Arithmetic of Python's values, and the slices of its sequences.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/value.h"

namespace peira::model::jinja {

// left sign right, for + - * / // % **. throws Failure: the types do not fit, or an integer
// outgrows 4,300 digits.
Value arithmetic(Budget& budget, const std::string& sign, const Value& left, const Value& right);
// -value or +value
Value unary(const std::string& sign, const Value& value);
// value[start:stop:step], bounds that are none or absent being open.
Value slice(Budget& budget, const Value& value, const Value& start, const Value& stop,
            const Value& step);
// left sign right, for == != < > <= >= in, "not in".
bool compare(Budget& budget, const std::string& sign, const Value& left, const Value& right);
// `text` with & < > " ' as HTML entities; a Markup stays as it is.
std::string escaped(std::string_view text);
std::string escaped_unless_markup(Budget& budget, const Value& value);

}  // namespace peira::model::jinja
