// Rows of x in memory of their own, for products by tiles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "model/backend/cpu/arena.h"
#include "model/backend/cpu/kernels.h"
#include "model/tensor.h"

namespace peira::model::cpu {

// threads: after begin() and add(), each row's columns are set by one at a time.
class SplitRows {
 public:
  // No rows yet; those to come have `size` columns, and together there are at most `max_rows`.
  void begin(std::int64_t max_rows, std::int64_t size) {
    row_words_ = (size + kTileColumns - 1) / kTileColumns * kTilePieces * kTileColumns;
    const std::int64_t size_words = max_rows * row_words_ + kMostTileRows * kTileColumns;
    if (memory_.view().num_elements() < size_words) {
      memory_ = host_tensor(DType::kBF16, {size_words});
      prefer_large_pages(memory_.view().data, 2 * size_words);
    }
    groups_.clear();
    group_of_.clear();
  }
  // Rows that products take together; a product takes them from a multiple of kMostTileRows on.
  void add(std::int64_t num_rows) {
    for (std::int64_t row = 0; row < num_rows; row += kMostTileRows) {
      const std::int64_t count = std::min<std::int64_t>(kMostTileRows, num_rows - row);
      const auto first = static_cast<std::int64_t>(group_of_.size());
      groups_.push_back({words() + first * row_words_, static_cast<int>(count)});
      firsts_.resize(groups_.size());
      firsts_.back() = first;
      group_of_.insert(group_of_.end(), static_cast<std::size_t>(count), groups_.size() - 1);
    }
  }
  // Columns [first, first + size) of row `row`; first is a multiple of kTileColumns.
  void set(std::int64_t row, std::int64_t first, const float* x, std::int64_t size) {
    const std::size_t index = group_of_[static_cast<std::size_t>(row)];
    const std::int64_t count = groups_[index].num_rows;
    split_row(x, size,
              words() + firsts_[index] * row_words_ + first * kTilePieces * count +
                  (row - firsts_[index]) * kTileColumns,
              count);
  }
  std::span<const TileRows> rows(std::size_t first, std::size_t count) const {
    const std::size_t group = group_of_[first];
    return std::span(groups_).subspan(group, group_of_[first + count - 1] - group + 1);
  }

 private:
  std::uint16_t* words() const { return static_cast<std::uint16_t*>(memory_.view().data); }

  std::int64_t row_words_ = 0;
  Tensor memory_;
  std::vector<TileRows> groups_;
  std::vector<std::int64_t> firsts_;   // [groups], a group's first row
  std::vector<std::size_t> group_of_;  // [rows]
};

}  // namespace peira::model::cpu
