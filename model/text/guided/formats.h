// JSON Schema's string formats as patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace peira::model::guided {

// The pattern of a format, for the whole text; empty when there is none. What it describes is
// always of the format, and is most of it: addresses and URIs keep to the common characters, times
// have no leap seconds, years four digits.
std::optional<std::string> format_pattern(std::string_view format);

// Those there are, for messages: "date, date-time, ...".
std::string_view format_names();

}  // namespace peira::model::guided
