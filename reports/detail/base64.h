// Base64 (RFC 4648, with padding), for data URLs and digests.
#pragma once

#include <string>
#include <string_view>

namespace peira::reports::detail {

std::string base64(std::string_view bytes);

}  // namespace peira::reports::detail
