// What somebody may have meant by a name that does not exist.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace peira {

// The candidate with the fewest single-character edits to `name` (inserted, left out, changed, or
// two neighbours swapped; the first of equals), if at most a third of its length, at least one;
// "" when none is that near. Case does not count.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace peira
