#include "base/base64.h"

#include <cstddef>
#include <cstdint>

namespace peira {

std::string to_base64(std::string_view bytes) {
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

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int num_digits = 0;
  int num_pads = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    std::uint32_t digit = 0;
    if (c >= 'A' && c <= 'Z') {
      digit = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      digit = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '+' || c == '/') {
      digit = c == '+' ? 62 : 63;
    } else if (c == '=' && num_pads < 2) {
      ++num_pads;
    } else {
      return std::nullopt;
    }
    if (num_pads > 0 && c != '=') return std::nullopt;
    bits = (bits << 6U) | digit;
    if (++num_digits == 4) {
      bytes += static_cast<char>(bits >> 16U & 0xFFU);
      if (num_pads < 2) bytes += static_cast<char>(bits >> 8U & 0xFFU);
      if (num_pads < 1) bytes += static_cast<char>(bits & 0xFFU);
      bits = 0;
      num_digits = 0;
      if (num_pads > 0) num_pads = 2;  // nothing may follow
    }
  }
  if (num_digits != 0) return std::nullopt;
  return bytes;
}

}  // namespace peira
