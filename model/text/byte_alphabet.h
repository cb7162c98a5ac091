// The 256 characters that stand for bytes in a byte-level vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace peira::model {

// Printable Latin-1 bytes are themselves, the others U+0100 upwards in order.
// source: GPT-2's encoder, which every byte-level vocabulary follows.
class ByteAlphabet {
 public:
  static const ByteAlphabet& instance();

  const std::string& character(unsigned char byte) const { return characters_[byte]; }
  // `bytes` in characters of the alphabet, appended to `out`.
  void append_characters(std::string& out, std::string_view bytes) const;
  // The bytes that `token` stands for, appended to `out`; nothing and false when it holds a
  // character outside the alphabet.
  bool append_bytes(std::string& out, std::string_view token) const;

 private:
  ByteAlphabet();

  std::array<std::string, 256> characters_;
  std::array<std::int16_t, 0x144> byte_of_;  // by code point, -1: none
};

}  // namespace peira::model
