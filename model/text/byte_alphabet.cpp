#include "model/text/byte_alphabet.h"

#include "base/utf8.h"

namespace peira::model {

const ByteAlphabet& ByteAlphabet::instance() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

ByteAlphabet::ByteAlphabet() {
  byte_of_.fill(-1);
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_itself =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const char32_t code_point = is_itself ? static_cast<char32_t>(byte) : next++;
    append_utf8(characters_[static_cast<std::size_t>(byte)], code_point);
    byte_of_[code_point] = static_cast<std::int16_t>(byte);
  }
}

void ByteAlphabet::append_characters(std::string& out, std::string_view bytes) const {
  for (const char byte : bytes) out += characters_[static_cast<unsigned char>(byte)];
}

bool ByteAlphabet::append_bytes(std::string& out, std::string_view token) const {
  const std::size_t before = out.size();
  for (std::size_t i = 0; i < token.size();) {
    const auto lead = static_cast<unsigned char>(token[i]);
    std::size_t code_point = lead;
    std::size_t size = 1;
    if (lead >= 0x80) {
      const DecodedCodePoint decoded = decode_utf8(token, i);
      code_point = decoded.code_point;
      size = decoded.size_bytes;
    }
    const std::int16_t byte =
        code_point < byte_of_.size() ? byte_of_[code_point] : std::int16_t{-1};
    if (byte < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
    i += size;
  }
  return true;
}

}  // namespace peira::model
