#include "abtest/md5.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "abtest/detail/md5_rounds.h"

namespace peira::abtest {
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLengthBytes = 8;

// Rotations of the four rounds, each repeated four times.
constexpr int kRotations[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

std::uint32_t load_little_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

class Md5 {
 public:
  void update(std::string_view bytes) {
    length_ += bytes.size();
    while (!bytes.empty()) {
      const std::size_t taken = std::min(bytes.size(), kBlockBytes - filled_);
      std::memcpy(block_.data() + filled_, bytes.data(), taken);
      bytes.remove_prefix(taken);
      filled_ += taken;
      if (filled_ == kBlockBytes) {
        mix_block();
        filled_ = 0;
      }
    }
  }

  Md5Digest finish() {
    const std::uint64_t length_bits = length_ * 8;
    block_[filled_++] = 0x80;
    if (filled_ > kBlockBytes - kLengthBytes) {
      std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled_), block_.end(),
                std::uint8_t{0});
      mix_block();
      filled_ = 0;
    }
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled_), block_.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      block_[kBlockBytes - kLengthBytes + i] = static_cast<std::uint8_t>(length_bits >> (8 * i));
    }
    mix_block();
    Md5Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (8 * (i % 4)));
    }
    return digest;
  }

 private:
  void mix_block() {
    std::array<std::uint32_t, 16> words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = load_little_endian(&block_[4 * i]);
    std::uint32_t a = state_[0];
    std::uint32_t b = state_[1];
    std::uint32_t c = state_[2];
    std::uint32_t d = state_[3];
    // A loop a round, so that each unrolls with its own constants.
    const auto step = [&](std::uint32_t mixed, std::size_t i, std::size_t word, int rotation) {
      const std::uint32_t sum = a + mixed + detail::kMd5Sines[i] + words[word];
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, rotation);
    };
    for (std::size_t i = 0; i < 16; ++i) {
      step((b & c) | (~b & d), i, i, kRotations[0][i % 4]);
    }
    for (std::size_t i = 16; i < 32; ++i) {
      step((d & b) | (~d & c), i, (5 * i + 1) % 16, kRotations[1][i % 4]);
    }
    for (std::size_t i = 32; i < 48; ++i) {
      step(b ^ c ^ d, i, (3 * i + 5) % 16, kRotations[2][i % 4]);
    }
    for (std::size_t i = 48; i < 64; ++i) {
      step(c ^ (b | ~d), i, (7 * i) % 16, kRotations[3][i % 4]);
    }
    state_[0] += a;
    state_[1] += b;
    state_[2] += c;
    state_[3] += d;
  }

  std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<std::uint8_t, kBlockBytes> block_{};
  std::size_t filled_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace

Md5Digest md5(std::span<const std::string_view> pieces) {
  Md5 hash;
  for (const std::string_view piece : pieces) hash.update(piece);
  return hash.finish();
}

Md5Digest md5(std::string_view bytes) { return md5(std::span(&bytes, 1)); }

std::string to_hex(const Md5Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::uint8_t byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace peira::abtest
