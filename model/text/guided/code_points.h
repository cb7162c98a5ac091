// Sets of Unicode scalar values, as sorted ranges.
#pragma once

#include <compare>
#include <memory>
#include <span>
#include <vector>

namespace peira::model::guided {

struct CodePointRange {
  char32_t first;
  char32_t last;  // inclusive
  auto operator<=>(const CodePointRange&) const = default;
};

// Surrogates are in no set: they are no characters and UTF-8 cannot spell them.
class CodePointSet {
 public:
  CodePointSet() = default;
  // The union of `ranges`, in any order, each first <= last <= U+10FFFF.
  explicit CodePointSet(std::vector<CodePointRange> ranges);
  static CodePointSet all();
  static CodePointSet of(char32_t code_point) { return CodePointSet({{code_point, code_point}}); }

  bool empty() const { return ranges_ == nullptr; }
  bool contains(char32_t code_point) const;
  // Sorted, never touching.
  std::span<const CodePointRange> ranges() const {
    return empty() ? std::span<const CodePointRange>() : std::span(*ranges_);
  }
  CodePointSet complement() const;
  CodePointSet intersect(const CodePointSet& other) const;
  CodePointSet unite(const CodePointSet& other) const;
  std::strong_ordering operator<=>(const CodePointSet& other) const;
  bool operator==(const CodePointSet& other) const { return (*this <=> other) == 0; }

 private:
  // Shared by copies: a category of Unicode has hundreds. Null when there are none.
  std::shared_ptr<const std::vector<CodePointRange>> ranges_;
};

}  // namespace peira::model::guided
