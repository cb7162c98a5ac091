#include <bit>

#include "abtest/detail/md5_lanes.h"
#include "abtest/detail/md5_rounds.h"

namespace peira::abtest::detail {

void md5_blocks(const std::uint32_t* words, std::uint32_t* digests) {
  for (std::size_t lane = 0; lane < kMd5Batch; ++lane) {
    auto [a, b, c, d] = kMd5State;
    for (std::size_t step = 0; step < 64; ++step) {
      const std::uint32_t mixed = step < 16   ? d ^ (b & (c ^ d))
                                  : step < 32 ? c ^ (d & (b ^ c))
                                  : step < 48 ? b ^ c ^ d
                                              : c ^ (b | ~d);
      const std::uint32_t sum =
          a + mixed + words[kMd5WordOf[step] * kMd5Batch + lane] + kMd5Sines[step];
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kMd5Shifts[step]);
    }
    digests[lane] = a + kMd5State[0];
    digests[kMd5Batch + lane] = b + kMd5State[1];
    digests[2 * kMd5Batch + lane] = c + kMd5State[2];
    digests[3 * kMd5Batch + lane] = d + kMd5State[3];
  }
}

}  // namespace peira::abtest::detail
