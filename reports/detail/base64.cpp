#include "reports/detail/base64.h"

#include <cstddef>
#include <cstdint>

namespace peira::reports::detail {

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? std::uint32_t{static_cast<unsigned char>(bytes[i])} : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t bits = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    const std::size_t left = bytes.size() - i;
    out += kDigits[bits >> 18U];
    out += kDigits[bits >> 12U & 63U];
    out += left > 1 ? kDigits[bits >> 6U & 63U] : '=';
    out += left > 2 ? kDigits[bits & 63U] : '=';
  }
  return out;
}

}  // namespace peira::reports::detail
