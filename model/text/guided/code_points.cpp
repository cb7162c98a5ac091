#include "model/text/guided/code_points.h"

#include <algorithm>

namespace peira::model::guided {
namespace {

constexpr char32_t kFirstSurrogate = 0xD800;
constexpr char32_t kLastSurrogate = 0xDFFF;
constexpr char32_t kLast = 0x10FFFF;

}  // namespace

CodePointSet::CodePointSet(std::vector<CodePointRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<CodePointRange> joined;
  for (const CodePointRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  std::vector<CodePointRange> kept;
  for (const CodePointRange& range : joined) {
    if (range.last < kFirstSurrogate || range.first > kLastSurrogate) {
      kept.push_back(range);
      continue;
    }
    if (range.first < kFirstSurrogate) kept.push_back({range.first, kFirstSurrogate - 1});
    if (range.last > kLastSurrogate) kept.push_back({kLastSurrogate + 1, range.last});
  }
  if (!kept.empty()) {
    ranges_ = std::make_shared<const std::vector<CodePointRange>>(std::move(kept));
  }
}

std::strong_ordering CodePointSet::operator<=>(const CodePointSet& other) const {
  if (ranges_ == other.ranges_) return std::strong_ordering::equal;
  const std::span<const CodePointRange> a = ranges();
  const std::span<const CodePointRange> b = other.ranges();
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

CodePointSet CodePointSet::all() {
  static const CodePointSet everything({{0, kLast}});
  return everything;
}

bool CodePointSet::contains(char32_t code_point) const {
  const std::span<const CodePointRange> list = ranges();
  const auto after =
      std::upper_bound(list.begin(), list.end(), code_point,
                       [](char32_t c, const CodePointRange& range) { return c < range.first; });
  return after != list.begin() && code_point <= std::prev(after)->last;
}

CodePointSet CodePointSet::complement() const {
  std::vector<CodePointRange> out;
  char32_t next = 0;
  for (const CodePointRange& range : ranges()) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLast) out.push_back({next, kLast});
  return CodePointSet(std::move(out));
}

CodePointSet CodePointSet::intersect(const CodePointSet& other) const {
  if (ranges_ == other.ranges_ || other.ranges_ == all().ranges_) return *this;
  if (ranges_ == all().ranges_) return other;
  std::vector<CodePointRange> out;
  const std::span<const CodePointRange> left = ranges();
  const std::span<const CodePointRange> right = other.ranges();
  auto a = left.begin();
  auto b = right.begin();
  while (a != left.end() && b != right.end()) {
    const char32_t first = std::max(a->first, b->first);
    const char32_t last = std::min(a->last, b->last);
    if (first <= last) out.push_back({first, last});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return CodePointSet(std::move(out));
}

CodePointSet CodePointSet::unite(const CodePointSet& other) const {
  if (empty() || ranges_ == other.ranges_) return other;
  std::vector<CodePointRange> both(ranges().begin(), ranges().end());
  both.insert(both.end(), other.ranges().begin(), other.ranges().end());
  return CodePointSet(std::move(both));
}

}  // namespace peira::model::guided
