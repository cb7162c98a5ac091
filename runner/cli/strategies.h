// The named prompt strategies, as subcommands list them.
#pragma once

#include <string>

#include "base/json.h"

namespace peira::runner::cli {

// A table of them, a row each.
std::string strategies_text();
// [{"name", "kind", "fits", "title", "template"}].
OrderedJson strategies_json();

}  // namespace peira::runner::cli
