// Base64 (RFC 4648, section 4, with padding), as data URLs and digests have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace peira {

std::string to_base64(std::string_view bytes);

// The bytes; white space is allowed between digits. Empty for anything else.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace peira
