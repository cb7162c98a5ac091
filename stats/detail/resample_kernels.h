// The loops of stats/resample.cpp, in the widest instructions the machine has.
#pragma once

#include <cstddef>
#include <cstdint>

namespace peira::stats::detail {

// words[312 + i] from words[i], words[i + 1] and words[i + 156], for i < count.
// source  Nishimura (2000), mt19937-64: the recurrence of std::mt19937_64.
void extend_twister(std::uint64_t* words, std::size_t count);

// indices[i] = (temper(words[i]) * bound) >> 64, bound < 2^32.
void indices_below(const std::uint64_t* words, std::size_t count, std::uint32_t bound,
                   std::uint32_t* indices);

// lanes[i % 8] += values[indices[i]] in the order of i.
void add_gathered(const double* values, const std::uint32_t* indices, std::size_t count,
                  double* lanes);

}  // namespace peira::stats::detail
