// Without Highway: plain loops that the compiler may vectorise.
#include "stats/detail/resample_kernels.h"

namespace peira::stats::detail {

void extend_twister(std::uint64_t* words, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t x = (words[i] & 0xFFFFFFFF80000000u) | (words[i + 1] & 0x7FFFFFFFu);
    words[312 + i] = words[i + 156] ^ (x >> 1) ^ ((x & 1) != 0 ? 0xB5026F5AA96619E9u : 0u);
  }
}

void indices_below(const std::uint64_t* words, std::size_t count, std::uint32_t bound,
                   std::uint32_t* indices) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t x = words[i];
    x ^= (x >> 29) & 0x5555555555555555u;
    x ^= (x << 17) & 0x71D67FFFEDA60000u;
    x ^= (x << 37) & 0xFFF7EEE000000000u;
    x ^= x >> 43;
    // The high half of the 128-bit product, from two 64-bit ones as bound has 32 bits.
    indices[i] =
        static_cast<std::uint32_t>(((x >> 32) * bound + (((x & 0xFFFFFFFFu) * bound) >> 32)) >> 32);
  }
}

void add_gathered(const double* values, const std::uint32_t* indices, std::size_t count,
                  double* lanes) {
  for (std::size_t i = 0; i < count; ++i) lanes[i % 8] += values[indices[i]];
}

}  // namespace peira::stats::detail
