#include "stats/resample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

// The standard library's engine, whose output the C++ standard fixes.
TEST(ResampleStream, DrawsWhatTheStandardEngineDraws) {
  for (const std::uint64_t seed : {0ull, 42ull, 5489ull, 0xFFFFFFFFFFFFFFFFull}) {
    for (const std::uint64_t bound : {1ull, 2ull, 10ull, 100'003ull, 4'294'967'295ull}) {
      Random random(seed);
      ResampleStream stream(seed);
      // Odd pieces across several blocks of the generator.
      for (const std::size_t size : {1u, 7u, 311u, 312u, 313u, 4095u, 4096u, 9001u}) {
        std::vector<std::uint32_t> indices(size);
        stream.draw(bound, indices);
        for (const std::uint32_t index : indices) ASSERT_EQ(index, random.below(bound));
      }
    }
  }
}

TEST(ResampleStream, SumsTheDrawsInEightLanes) {
  std::vector<double> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
  ResampleStream stream(3);
  Random random(3);
  for (const std::size_t count : {1u, 8u, 1000u, 1003u, 5000u}) {
    double lanes[8] = {};
    for (std::size_t i = 0; i < count; ++i) {
      // A piece of 512 draws is a whole number of eights, so lanes go on across pieces.
      lanes[i % 8] += values[random.below(values.size())];
    }
    EXPECT_EQ(stream.sum_of_draws(values, count),
              ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                  ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])));
  }
}

TEST(ResampleStream, RefusesBoundsItCannotDrawBelow) {
  ResampleStream stream(1);
  std::vector<std::uint32_t> indices(1);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { stream.draw(0, indices); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { stream.draw(std::uint64_t{1} << 32, indices); });
}

}  // namespace
}  // namespace peira::stats
