// The rows of a batch on a device, for tests that call single operations.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "model/backend/backend.h"

namespace peira::model {

// Owns what `rows` points to. `sequences` cover all rows, in order; their pages stay the caller's.
class DeviceRows {
 public:
  DeviceRows(Backend& backend, std::vector<SequenceRows> sequences)
      : sequences_(std::move(sequences)) {
    std::vector<std::int32_t> positions, row_sequence, first_rows, slots, table;
    std::size_t num_pages = 0;
    for (const SequenceRows& sequence : sequences_) {
      num_pages = std::max(num_pages, sequence.pages.size());
    }
    for (std::size_t s = 0; s < sequences_.size(); ++s) {
      const SequenceRows& sequence = sequences_[s];
      first_rows.push_back(sequence.first_row);
      slots.push_back(sequence.state_slot);
      for (int i = 0; i < sequence.num_rows; ++i) {
        positions.push_back(sequence.first_position + i);
        row_sequence.push_back(static_cast<std::int32_t>(s));
      }
      table.insert(table.end(), sequence.pages.begin(), sequence.pages.end());
      table.insert(table.end(), num_pages - sequence.pages.size(), 0);
    }
    first_rows.push_back(static_cast<std::int32_t>(positions.size()));
    const auto put = [&](const std::vector<std::int32_t>& host, const Shape& shape) {
      owned_.push_back(backend.allocate(DType::kI32, shape));
      backend.write(owned_.back(), host);
      return owned_.back().view();
    };
    const auto size = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
    rows.sequences = sequences_;
    rows.positions = put(positions, {size(positions)});
    rows.row_sequence = put(row_sequence, {size(row_sequence)});
    rows.first_rows = put(first_rows, {size(first_rows)});
    rows.state_slots = put(slots, {size(slots)});
    rows.page_table = put(table, {size(sequences_), static_cast<std::int64_t>(num_pages)});
  }
  DeviceRows(const DeviceRows&) = delete;
  DeviceRows& operator=(const DeviceRows&) = delete;

  BatchRows rows;

 private:
  std::vector<SequenceRows> sequences_;
  std::vector<Tensor> owned_;
};

}  // namespace peira::model
