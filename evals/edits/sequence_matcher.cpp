#include "evals/edits/sequence_matcher.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/utf8.h"

namespace peira::evals::edits {
namespace {

using Positions = std::unordered_map<std::uint32_t, std::vector<std::size_t>>;

struct Range {
  std::size_t a_low, a_high, b_low, b_high;
};

struct Block {
  std::size_t a, b, size;
};

class Matcher {
 public:
  Matcher(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) : a_(a), b_(b) {
    for (std::size_t j = 0; j < b.size(); ++j) positions_[b[j]].push_back(j);
    if (b.size() >= 200) {
      const std::size_t most = b.size() / 100 + 1;
      std::erase_if(positions_, [&](const auto& entry) { return entry.second.size() > most; });
    }
  }

  // Elements in matching blocks. The sum does not depend on the order in which ranges are taken.
  std::size_t matches() const {
    std::size_t total = 0;
    std::vector<Range> open{{0, a_.size(), 0, b_.size()}};
    while (!open.empty()) {
      const Range range = open.back();
      open.pop_back();
      const Block block = longest(range);
      if (block.size == 0) continue;
      total += block.size;
      if (range.a_low < block.a && range.b_low < block.b) {
        open.push_back({range.a_low, block.a, range.b_low, block.b});
      }
      if (block.a + block.size < range.a_high && block.b + block.size < range.b_high) {
        open.push_back({block.a + block.size, range.a_high, block.b + block.size, range.b_high});
      }
    }
    return total;
  }

 private:
  // The longest block of `range`, the first in a and then in b among equals, grown over elements
  // that start none.
  Block longest(const Range& range) const {
    Block best{range.a_low, range.b_low, 0};
    std::unordered_map<std::size_t, std::size_t> ending;  // at j in b: the block's length
    for (std::size_t i = range.a_low; i < range.a_high; ++i) {
      std::unordered_map<std::size_t, std::size_t> next;
      if (const auto found = positions_.find(a_[i]); found != positions_.end()) {
        for (const std::size_t j : found->second) {
          if (j < range.b_low) continue;
          if (j >= range.b_high) break;
          std::size_t length = 1;
          if (j > 0) {
            if (const auto before = ending.find(j - 1); before != ending.end()) {
              length += before->second;
            }
          }
          next[j] = length;
          if (length > best.size) best = {i + 1 - length, j + 1 - length, length};
        }
      }
      ending = std::move(next);
    }
    while (best.a > range.a_low && best.b > range.b_low && a_[best.a - 1] == b_[best.b - 1]) {
      --best.a;
      --best.b;
      ++best.size;
    }
    while (best.a + best.size < range.a_high && best.b + best.size < range.b_high &&
           a_[best.a + best.size] == b_[best.b + best.size]) {
      ++best.size;
    }
    return best;
  }

  std::span<const std::uint32_t> a_, b_;
  Positions positions_;  // looked up only, never walked in order
};

std::vector<std::uint32_t> elements_of(const std::string& text) {
  const std::u32string points = to_utf32(text);
  return {points.begin(), points.end()};
}

}  // namespace

double matching_ratio(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  const std::size_t length = a.size() + b.size();
  if (length == 0) return 1;
  return 2.0 * static_cast<double>(Matcher(a, b).matches()) / static_cast<double>(length);
}

std::optional<std::string> closest_match(const std::string& word,
                                         const std::vector<std::string>& possibilities,
                                         double cutoff) {
  const std::vector<std::uint32_t> b = elements_of(word);
  double best_ratio = -1;
  std::optional<std::string> best;
  for (const std::string& possibility : possibilities) {
    const double ratio = matching_ratio(elements_of(possibility), b);
    if (ratio < cutoff) continue;
    // Bytes of UTF-8 are ordered as code points are.
    if (ratio > best_ratio || (ratio == best_ratio && possibility > *best)) {
      best_ratio = ratio;
      best = possibility;
    }
  }
  return best;
}

}  // namespace peira::evals::edits
