#include "model/prefix_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <set>

#include "tests/model/golden.h"

namespace peira::model {
namespace {

constexpr std::int64_t kPage = kKvPageTokens;

std::vector<std::int32_t> tokens_from(std::int32_t first, std::int64_t count) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(count));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

class PrefixCacheTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kPages = 8;

  ModelConfig config_ = load_config(CheckpointFiles::folder(test::golden_folder("gqa")));
  std::unique_ptr<Backend> backend_ = make_backend({.device = "reference"});
  KvCache pages_{*backend_, config_, kPages, 0, DType::kF32};
  PrefixCache cache_{pages_, true, 0};

  // As a sequence that computes all of `tokens` in one step.
  PrefixCache::Hold compute(std::span<const std::int32_t> tokens, std::int64_t limit) {
    PrefixCache::Hold hold;
    covered_ = cache_.attach(hold, tokens, 0, limit);
    const auto size = static_cast<std::int64_t>(tokens.size());
    EXPECT_TRUE(cache_.reserve(hold, size));
    cache_.publish(hold, tokens, size, false);
    return hold;
  }
  std::int64_t covered_ = 0;
};

TEST_F(PrefixCacheTest, FindsFullPagesOfWhatWasPublished) {
  const std::vector<std::int32_t> tokens = tokens_from(0, 2 * kPage + 5);
  PrefixCache::Hold first = compute(tokens, 2 * kPage);
  EXPECT_EQ(covered_, 0);
  EXPECT_EQ(first.num_shared, 2);
  PrefixCache::Hold second = compute(tokens, 2 * kPage);
  EXPECT_EQ(covered_, 2 * kPage);
  EXPECT_EQ(second.pages[0], first.pages[0]);
  EXPECT_EQ(second.pages[1], first.pages[1]);
  EXPECT_NE(second.pages[2], first.pages[2]);  // half full: each has its own

  // A limit ends it early, and so does another token.
  compute(tokens, 2 * kPage - 1);
  EXPECT_EQ(covered_, kPage);
  std::vector<std::int32_t> other = tokens;
  other[kPage + 3] = 99;
  compute(other, 2 * kPage);
  EXPECT_EQ(covered_, kPage);
  other[0] = 99;
  PrefixCache::Hold hold;
  EXPECT_EQ(cache_.attach(hold, other, 0, 2 * kPage), 0);
}

TEST_F(PrefixCacheTest, KeepsWhatWasReleasedUntilItsPagesAreNeeded) {
  const std::vector<std::int32_t> old = tokens_from(0, 2 * kPage);
  const std::vector<std::int32_t> recent = tokens_from(500, 2 * kPage);
  for (const auto& tokens : {old, recent}) {
    PrefixCache::Hold hold = compute(tokens, 2 * kPage);
    cache_.release(hold);
  }
  EXPECT_EQ(pages_.num_free_pages(), kPages - 4);
  EXPECT_EQ(cache_.num_available_pages(), kPages);
  // Five pages: four are free, so the one unused longest goes, the end of the older prefix.
  PrefixCache::Hold big;
  ASSERT_TRUE(cache_.reserve(big, 5 * kPage));
  PrefixCache::Hold hold;
  EXPECT_EQ(cache_.attach(hold, old, 0, 2 * kPage), kPage);
  cache_.release(hold);
  EXPECT_EQ(cache_.attach(hold, recent, 0, 2 * kPage), 2 * kPage);
  // What is held cannot go: three are left of which two are held.
  PrefixCache::Hold more;
  EXPECT_FALSE(cache_.reserve(more, 2 * kPage));
  EXPECT_TRUE(more.pages.empty());
  EXPECT_TRUE(cache_.reserve(more, kPage));
  cache_.release(hold);
  cache_.release(more);
  cache_.release(big);
  EXPECT_EQ(cache_.num_available_pages(), kPages);
}

TEST_F(PrefixCacheTest, EqualPagesComputedTwiceBecomeOne) {
  const std::vector<std::int32_t> tokens = tokens_from(0, kPage);
  PrefixCache::Hold first;
  PrefixCache::Hold second;
  ASSERT_TRUE(cache_.reserve(first, kPage));
  ASSERT_TRUE(cache_.reserve(second, kPage));
  EXPECT_NE(first.pages, second.pages);
  cache_.publish(first, tokens, kPage, false);
  cache_.publish(second, tokens, kPage, false);
  EXPECT_EQ(first.pages, second.pages);
  EXPECT_EQ(pages_.num_free_pages(), kPages - 1);
  cache_.release(first);
  cache_.release(second);
  EXPECT_EQ(cache_.num_available_pages(), kPages);
}

TEST_F(PrefixCacheTest, HandsOutOnlyPagesWhenItIsOff) {
  PrefixCache off(pages_, false, 0);
  const std::vector<std::int32_t> tokens = tokens_from(0, 2 * kPage);
  PrefixCache::Hold hold;
  ASSERT_TRUE(off.reserve(hold, 2 * kPage));
  off.publish(hold, tokens, 2 * kPage, false);
  off.release(hold);
  EXPECT_EQ(off.attach(hold, tokens, 0, 2 * kPage), 0);
  EXPECT_EQ(pages_.num_free_pages(), kPages);
}

// No page is lost or owned twice, whatever sequences come and go.
TEST_F(PrefixCacheTest, EveryPageHasOneOwnerOverARandomLife) {
  std::mt19937 random(3);
  struct Live {
    PrefixCache::Hold hold;
    std::vector<std::int32_t> tokens;
    std::int64_t num_computed;
  };
  std::vector<Live> alive;
  for (int round = 0; round < 3000; ++round) {
    if (alive.size() < 4 && random() % 2 == 0) {
      Live next;
      next.tokens = tokens_from(static_cast<std::int32_t>(random() % 3) * 7,
                                1 + static_cast<std::int64_t>(random() % (3 * kPage)));
      next.num_computed = cache_.attach(next.hold, next.tokens, 0,
                                        static_cast<std::int64_t>(next.tokens.size()) - 1);
      alive.push_back(std::move(next));
    } else if (!alive.empty()) {
      const std::size_t pick = random() % alive.size();
      Live& one = alive[pick];
      const auto size = static_cast<std::int64_t>(one.tokens.size());
      const std::int64_t end =
          std::min(size, one.num_computed + 1 + static_cast<std::int64_t>(random() % 40));
      if (one.num_computed < size && cache_.reserve(one.hold, end)) {
        one.num_computed = end;
        cache_.publish(one.hold, one.tokens, end, false);
      } else {
        cache_.release(one.hold);
        alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(pick));
      }
    }
    // Own pages are distinct from each other and from all shared ones; shared ones agree.
    std::map<std::int32_t, std::vector<std::int32_t>> prefix_of_page;
    std::int64_t num_own = 0;
    std::set<std::int32_t> held;
    for (const Live& one : alive) {
      for (std::size_t p = 0; p < one.hold.pages.size(); ++p) {
        const std::int32_t page = one.hold.pages[p];
        held.insert(page);
        if (static_cast<std::int64_t>(p) >= one.hold.num_shared) {
          ++num_own;
          EXPECT_TRUE(prefix_of_page.emplace(page, std::vector<std::int32_t>{}).second);
          continue;
        }
        const std::vector<std::int32_t> prefix(
            one.tokens.begin(), one.tokens.begin() + static_cast<std::ptrdiff_t>((p + 1) * kPage));
        const auto [at, is_new] = prefix_of_page.emplace(page, prefix);
        EXPECT_TRUE(is_new || at->second == prefix);
      }
    }
    ASSERT_EQ(cache_.num_available_pages(), kPages - static_cast<std::int64_t>(held.size()));
  }
  for (Live& one : alive) cache_.release(one.hold);
  EXPECT_EQ(cache_.num_available_pages(), kPages);
}

}  // namespace
}  // namespace peira::model
