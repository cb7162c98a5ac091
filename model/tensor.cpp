#include "model/tensor.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/error.h"

namespace peira::model {

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kBF16:
      return "BF16";
    case DType::kF16:
      return "F16";
    case DType::kI32:
      return "I32";
    case DType::kI8:
      return "I8";
    case DType::kU8:
      return "U8";
    case DType::kF8E4M3:
      return "F8_E4M3";
    case DType::kQ4_0:
      return "Q4_0";
    case DType::kQ5_0:
      return "Q5_0";
    case DType::kQ8_0:
      return "Q8_0";
    case DType::kQ4_K:
      return "Q4_K";
    case DType::kQ5_K:
      return "Q5_K";
    case DType::kQ6_K:
      return "Q6_K";
    case DType::kMXFP4:
      return "MXFP4";
    case DType::kInt8Group:
      return "INT8";
    case DType::kInt4Group:
      return "INT4";
  }
  return "?";
}

Shape::Shape(std::initializer_list<std::int64_t> sizes)
    : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const std::int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  if (sizes.size() > kMaxRank) {
    throw Error(ErrorCode::kInternal, "a tensor of more than 4 dimensions");
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes_[i] = sizes[i];
}

std::int64_t Shape::num_elements() const {
  std::int64_t count = 1;
  for (int axis = 0; axis < rank_; ++axis) count *= (*this)[axis];
  return count;
}

std::string Shape::text() const {
  std::string out = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    out += (axis > 0 ? ", " : "") + std::to_string((*this)[axis]);
  }
  return out + "]";
}

namespace {

Shape with_rows(const Shape& shape, std::int64_t rows) {
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  for (int axis = 0; axis < shape.rank(); ++axis)
    sizes[static_cast<std::size_t>(axis)] = shape[axis];
  sizes[0] = rows;
  return Shape(std::span<const std::int64_t>(sizes.data(), static_cast<std::size_t>(shape.rank())));
}

std::int64_t row_bytes(const Shape& shape, DType dtype) {
  std::int64_t count = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) count *= shape[axis];
  return model::row_bytes(dtype, count);
}

}  // namespace

ConstTensorView ConstTensorView::slice(std::int64_t first, std::int64_t count) const {
  return {static_cast<const std::byte*>(data) + first * row_bytes(shape, dtype), dtype,
          with_rows(shape, count)};
}

ConstTensorView ConstTensorView::at(std::int64_t index) const {
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  for (int axis = 1; axis < shape.rank(); ++axis) {
    sizes[static_cast<std::size_t>(axis - 1)] = shape[axis];
  }
  return {static_cast<const std::byte*>(data) + index * row_bytes(shape, dtype), dtype,
          Shape(std::span<const std::int64_t>(sizes.data(),
                                              static_cast<std::size_t>(shape.rank() - 1)))};
}

TensorView TensorView::slice(std::int64_t first, std::int64_t count) const {
  return {static_cast<std::byte*>(data) + first * row_bytes(shape, dtype), dtype,
          with_rows(shape, count)};
}

TensorView TensorView::first(const Shape& other) const {
  if (other.num_elements() > shape.num_elements()) {
    throw Error(ErrorCode::kInternal, "the first " + other.text() + " of " + shape.text());
  }
  return {data, dtype, other};
}

TensorView TensorView::reshape(const Shape& other) const {
  if (other.num_elements() != shape.num_elements()) {
    throw Error(ErrorCode::kInternal, "reshape of " + shape.text() + " to " + other.text());
  }
  return {data, dtype, other};
}

Tensor host_tensor(DType dtype, const Shape& shape) {
  constexpr std::size_t kAlignment = 64;
  const auto size_bytes = static_cast<std::size_t>(bytes_of(dtype, shape.num_elements()));
  // calloc, not aligned_alloc and memset: large blocks then come zeroed from the system page by
  // page. The block's own address is kept in front of the aligned data.
  void* const block = std::calloc(1, size_bytes + kAlignment + sizeof(void*));
  if (block == nullptr) {
    throw Error(ErrorCode::kUnavailable, "out of memory: a tensor " + shape.text() + " of " +
                                             name_of(dtype) + " needs " +
                                             std::to_string(size_bytes) + " bytes");
  }
  auto address = reinterpret_cast<std::uintptr_t>(block) + sizeof(void*);
  address = (address + kAlignment - 1) / kAlignment * kAlignment;
  void** const data = reinterpret_cast<void**>(address);  // NOLINT(performance-no-int-to-ptr)
  data[-1] = block;
  return Tensor(
      data,
      [](void* owned) {
        if (owned != nullptr) std::free(static_cast<void**>(owned)[-1]);
      },
      dtype, shape);
}

std::int64_t host_memory_bytes() {
  const std::int64_t machine = std::int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  // Slurm and containers limit by control group; "max" there reads as no number.
  std::ifstream limit_file("/sys/fs/cgroup/memory.max");
  std::int64_t limit = 0;
  return limit_file >> limit && limit > 0 ? std::min(machine, limit) : machine;
}

float float_from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

float float_from_f16(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

std::uint16_t bf16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

}  // namespace peira::model
