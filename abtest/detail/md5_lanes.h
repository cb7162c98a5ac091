// MD5 of many short messages at once, one a SIMD lane.
#pragma once

#include <cstddef>
#include <cstdint>

namespace peira::abtest::detail {

// Messages hashed together whatever the machine: 64 is a multiple of every lane count.
constexpr std::size_t kMd5Batch = 64;
constexpr std::size_t kMd5Words = 16;  // of a block

// State after one block of each message.
//
// words    [kMd5Words * kMd5Batch], word-major: words[w * kMd5Batch + m] is word w (little-endian)
// of
//          message m's only block, padding and length in it.
// digests  [4 * kMd5Batch], word-major: a, b, c, d of RFC 1321.
void md5_blocks(const std::uint32_t* words, std::uint32_t* digests);

}  // namespace peira::abtest::detail
