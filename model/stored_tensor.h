// A tensor as a checkpoint's file holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peira::model {

// One tensor as a file's header describes it.
struct StoredTensor {
  std::string name;
  std::string dtype;                 // as written: "BF16"
  std::vector<std::int64_t> shape;   // outermost first; empty for a scalar
  std::span<const std::byte> bytes;  // in the mapped file
};

// A name from a file as messages show it: short and free of control characters.
std::string shown_name(std::string_view name);

}  // namespace peira::model
