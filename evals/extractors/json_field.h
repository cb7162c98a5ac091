// A value inside a reply that is JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace peira::evals {

struct JsonField {
  std::string text;  // a text without quotes, a number as written, true, false, or compact JSON
  std::string_view rule;  // "json-field", or "json-field-fenced": found in the last code block
};

// The value at `pointer` (RFC 6901: "/answer", "/steps/0") of `reply`: of the whole of it, white
// space around it aside, or else of its last block between ``` lines. Nothing when that is not
// JSON, has no such value, or has null there. Of members that a reply has twice the last counts.
std::optional<JsonField> extract_json_field(std::string_view reply,
                                            const nlohmann::json_pointer<std::string>& pointer);

}  // namespace peira::evals
