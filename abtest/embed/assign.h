// Assignment in one header without dependencies, to be copied into a service: the same variants as
// `peira experiment assign`, for experiments that need nothing but a unit's id. C++17.
//
//     peira_assign::Experiment experiment{"prompt_v2", "prompt_v2", {5000, 5000}, 10000};
//     const int variant = peira_assign::assign("user_17", experiment);   // 0, 1, or -1: not in it
//
// `peira experiment show ID --json` has the id, salt, shares and coverage; layers, holdouts,
// conditions and sticky assignments are not known here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace peira_assign {

struct Experiment {
  std::string id;           // of the traffic hash: "ID/traffic"
  std::string salt;         // of the variant hash: the id, or "ID.vN" in a later phase
  std::vector<int> shares;  // of the variants, in basis points, 10000 in all
  int coverage = 10000;     // basis points of the units that take part
};

namespace detail {

// source  RFC 1321.
inline std::array<std::uint8_t, 16> md5(std::string_view text) {
  static constexpr std::uint32_t kSines[64] = {
      0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
      0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
      0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
      0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
      0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
      0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
      0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
      0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
      0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
      0xeb86d391};
  static constexpr int kShifts[4][4] = {
      {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::string message(text);
  const std::uint64_t bits = 8 * static_cast<std::uint64_t>(text.size());
  message += static_cast<char>(0x80);
  while (message.size() % 64 != 56) message += '\0';
  for (int i = 0; i < 8; ++i) message += static_cast<char>((bits >> (8 * i)) & 0xff);
  std::uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (std::size_t at = 0; at < message.size(); at += 64) {
    std::uint32_t words[16];
    for (std::size_t w = 0; w < 16; ++w) {
      words[w] = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        const auto byte = static_cast<unsigned char>(message[at + 4 * w + i]);
        words[w] |= static_cast<std::uint32_t>(byte) << (8 * i);
      }
    }
    std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (std::uint32_t step = 0; step < 64; ++step) {
      const std::uint32_t round = step / 16;
      const std::uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                                  : round == 1 ? (d & b) | (~d & c)
                                  : round == 2 ? b ^ c ^ d
                                               : c ^ (b | ~d);
      const std::uint32_t word = round == 0   ? step
                                 : round == 1 ? (5 * step + 1) % 16
                                 : round == 2 ? (3 * step + 5) % 16
                                              : 7 * step % 16;
      const std::uint32_t sum = a + mixed + kSines[step] + words[word];
      const int shift = kShifts[round][step % 4];
      a = d;
      d = c;
      c = b;
      b += sum << shift | sum >> (32 - shift);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  std::array<std::uint8_t, 16> digest{};
  for (std::size_t i = 0; i < 16; ++i) {
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (8 * (i % 4)));
  }
  return digest;
}

}  // namespace detail

// The unit's place in [0, 10000) for this salt: (r mod 100) 100 + r div 100 with r = H mod 10000, H
// the MD5 of "unit:salt" as a big-endian number. Its hundreds are H mod 100.
inline int bucket_10000(std::string_view unit, std::string_view salt) {
  std::string key(unit);
  key += ':';
  key.append(salt);
  int remainder = 0;
  for (const std::uint8_t byte : detail::md5(key)) remainder = (remainder * 256 + byte) % 10000;
  return remainder % 100 * 100 + remainder / 100;
}

// Index of the unit's variant; -1: not in the experiment, or an empty id.
inline int assign(std::string_view unit, const Experiment& experiment) {
  if (unit.empty()) return -1;
  if (experiment.coverage < 10000 &&
      bucket_10000(unit, experiment.id + "/traffic") >= experiment.coverage) {
    return -1;
  }
  const int bucket = bucket_10000(unit, experiment.salt);
  int cumulative = 0;
  for (std::size_t variant = 0; variant < experiment.shares.size(); ++variant) {
    cumulative += experiment.shares[variant];
    if (bucket < cumulative) return static_cast<int>(variant);
  }
  return -1;
}

}  // namespace peira_assign
