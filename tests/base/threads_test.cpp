#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

namespace peira {
namespace {

TEST(ThreadPool, RunsEveryIndexOnce) {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::atomic<int>> calls(37);
    pool.parallel_for(37, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
    for (const auto& count : calls) ASSERT_EQ(count, 1);
  }
}

TEST(ThreadPool, RethrowsTheFirstExceptionAndStaysUsable) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.parallel_for(100, [](std::int64_t) { throw std::runtime_error("x"); }),
               std::runtime_error);
  std::atomic<int> calls{0};
  pool.parallel_for(10, [&](std::int64_t) { ++calls; });
  EXPECT_EQ(calls, 10);
}

TEST(ThreadPool, NobodysShareWaitsForItsOwner) {
  ThreadPool pool(2);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> others{0};
    // The first index of the first share takes as long as all the rest together.
    pool.parallel_for(64, [&](std::int64_t i) {
      if (i > 0) {
        ++others;
        return;
      }
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (others < 63 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      EXPECT_EQ(others, 63);
    });
  }
}

TEST(ThreadPool, LoopsThatFollowEachOtherNeverMix) {
  // More threads than cores: workers come late to loops that are long over.
  ThreadPool pool(16);
  for (std::int64_t round = 0; round < 3000; ++round) {
    const std::int64_t count = 2 + round % 29;
    std::vector<std::int64_t> seen(static_cast<std::size_t>(count), 0);
    pool.parallel_for(count, [&seen, round](std::int64_t i) {
      seen[static_cast<std::size_t>(i)] += round + i;  // not atomic: twice would be a race
    });
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(seen[static_cast<std::size_t>(i)], round + i);
    }
  }
}

TEST(BoundedQueue, HandsOverInOrderAndEndsWhenClosed) {
  BoundedQueue<int> queue(2);
  std::thread producer([&] {
    for (int i = 0; i < 100; ++i) queue.push(i);
    queue.close();
  });
  int expected = 0;
  while (const auto item = queue.pop()) EXPECT_EQ(*item, expected++);
  producer.join();
  EXPECT_EQ(expected, 100);
  EXPECT_FALSE(queue.push(1));
}

}  // namespace
}  // namespace peira
