// Draws with replacement, fast: the draws of Random(seed).below(n), one after another, in blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace peira::stats {

// The stream of std::mt19937_64(seed) as indices. Bit for bit what Random gives, so that anyone can
// check a resample with the standard library.
// threads: none.
class ResampleStream {
 public:
  explicit ResampleStream(std::uint64_t seed);

  // Fills `indices` with the next draws below `bound`, 1 <= bound < 2^32.
  void draw(std::uint64_t bound, std::span<std::uint32_t> indices);

  // Sum of values[i] over the next `count` draws i below values.size() < 2^32. Adds in eight lanes
  // (draw j into lane j % 8) and the lanes pairwise, whatever the machine.
  double sum_of_draws(std::span<const double> values, std::size_t count);

 private:
  // Makes the words after next_ at least one, a block at a time.
  void refill();

  static constexpr std::size_t kState = 312;
  static constexpr std::size_t kBlock = 4096;
  // Untempered words; the last kState before a refill are its state.
  std::vector<std::uint64_t> words_;
  std::size_t next_ = 0;  // first word not drawn yet
};

}  // namespace peira::stats
