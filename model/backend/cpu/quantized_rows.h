// Rows of x in memory of their own, for products with weights in groups of integers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/backend/cpu/kernels.h"

namespace peira::model::cpu {

// threads: each row's columns are set by one at a time.
class QuantizedRows {
 public:
  // Rows of `size` columns, not yet set.
  void resize(std::int64_t num_rows, std::int64_t size) {
    const std::int64_t groups = (size + kQuantizedColumns - 1) / kQuantizedColumns;
    // An odd number of cache lines from row to row, so that rows do not meet in a set of a cache.
    constexpr std::int64_t kLine = 64 / sizeof(std::int16_t);
    const std::int64_t stride = (groups * kQuantizedColumns / kLine | 1) * kLine;
    const auto at_least = [](auto& values, std::int64_t count) {
      if (values.size() < static_cast<std::size_t>(count)) {
        values.resize(static_cast<std::size_t>(count));
      }
    };
    at_least(values_, num_rows * stride);
    at_least(scales_, num_rows * groups);
    at_least(sums_, num_rows * groups * 2);
    rows_.clear();
    for (std::int64_t row = 0; row < num_rows; ++row) {
      rows_.push_back({values_.data() + row * stride, scales_.data() + row * groups,
                       sums_.data() + row * groups * 2});
    }
    stride_ = stride;
    num_groups_ = groups;
  }
  // Columns [first, first + size) of row `row`; first is a multiple of kQuantizedColumns.
  void set(std::int64_t row, std::int64_t first, const float* x, std::int64_t size) {
    const std::int64_t group = row * num_groups_ + first / kQuantizedColumns;
    quantize_row(x, size, values_.data() + row * stride_ + first, scales_.data() + group,
                 sums_.data() + group * 2);
  }
  std::span<const QuantizedRow> rows(std::size_t first, std::size_t count) const {
    return std::span(rows_).subspan(first, count);
  }

 private:
  std::int64_t stride_ = 0;
  std::int64_t num_groups_ = 0;
  std::vector<std::int16_t> values_;
  std::vector<float> scales_;
  std::vector<float> sums_;
  std::vector<QuantizedRow> rows_;
};

}  // namespace peira::model::cpu
