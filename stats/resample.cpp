#include "stats/resample.h"

#include <algorithm>
#include <limits>
#include <string>

#include "stats/detail/checks.h"
#include "stats/detail/resample_kernels.h"

namespace peira::stats {
namespace {

std::uint32_t require_bound(std::uint64_t bound) {
  if (bound == 0 || bound > std::numeric_limits<std::uint32_t>::max()) {
    detail::invalid_argument("a resample draws from 1 to 2^32 - 1 values, not " +
                             std::to_string(bound));
  }
  return static_cast<std::uint32_t>(bound);
}

}  // namespace

// Seeded as the C++ standard seeds its mersenne_twister_engine.
ResampleStream::ResampleStream(std::uint64_t seed) : words_(kState + kBlock), next_(kState) {
  words_[0] = seed;
  for (std::size_t i = 1; i < kState; ++i) {
    words_[i] = 6364136223846793005u * (words_[i - 1] ^ (words_[i - 1] >> 62)) + i;
  }
  detail::extend_twister(words_.data(), kBlock);
}

void ResampleStream::refill() {
  if (next_ < words_.size()) return;
  std::copy(words_.end() - kState, words_.end(), words_.begin());
  detail::extend_twister(words_.data(), kBlock);
  next_ = kState;
}

void ResampleStream::draw(std::uint64_t bound, std::span<std::uint32_t> indices) {
  const std::uint32_t narrow = require_bound(bound);
  while (!indices.empty()) {
    refill();
    const std::size_t count = std::min(indices.size(), words_.size() - next_);
    detail::indices_below(words_.data() + next_, count, narrow, indices.data());
    next_ += count;
    indices = indices.subspan(count);
  }
}

double ResampleStream::sum_of_draws(std::span<const double> values, std::size_t count) {
  const std::uint32_t bound = require_bound(values.size());
  constexpr std::size_t kPiece = 512;  // a multiple of the eight lanes
  std::uint32_t indices[kPiece];
  double lanes[8] = {};
  while (count > 0) {
    const std::size_t piece = std::min(count, kPiece);
    draw(bound, std::span(indices, piece));
    detail::add_gathered(values.data(), indices, piece, lanes);
    count -= piece;
  }
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace peira::stats
