// Dense row-major arrays: Tensor owns, TensorView borrows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

namespace peira::model {

// Element types. Those from kQ4_0 on are block formats: a block of consecutive elements of a row
// shares its scales. The bytes of kQ* are as ggml defines them (ggml/src/ggml-common.h).
enum class DType : std::uint8_t {
  kF32,
  kBF16,
  kF16,
  kI32,
  kI8,
  kU8,
  kF8E4M3,  // safetensors' F8_E4M3: 4 exponent bits, 3 fraction bits, no infinity
  kQ4_0,    // 32 elements: f16 scale, 16 bytes of 4-bit values
  kQ5_0,    // 32: f16 scale, 4 bytes of fifth bits, 16 bytes
  kQ8_0,    // 32: f16 scale, 32 bytes
  kQ4_K,    // 256: two f16, 12 bytes of 6-bit scales and minima, 128 bytes
  kQ5_K,    // 256: as kQ4_K with 32 bytes of fifth bits
  kQ6_K,    // 256: 128 + 64 bytes of values, 16 8-bit scales, f16
  kMXFP4,   // 32: an E8M0 scale, 16 bytes of E2M1 values (OCP Microscaling formats 1.0)
  // What --weights int8 and int4 make of plain weights; rows end in blocks filled with zeros.
  kInt8Group,  // 64: f32 scale, 64 signed bytes
  kInt4Group,  // 32: bf16 scale, bf16 minimum, 16 bytes: element i low, element i + 16 high
};

// Elements that share a block; 1 for plain types.
constexpr std::int64_t block_elements(DType dtype) {
  switch (dtype) {
    case DType::kQ4_0:
    case DType::kQ5_0:
    case DType::kQ8_0:
    case DType::kMXFP4:
    case DType::kInt4Group:
      return 32;
    case DType::kInt8Group:
      return 64;
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ6_K:
      return 256;
    default:
      return 1;
  }
}

// Bytes of one block; of one element for plain types.
constexpr std::int64_t block_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBF16:
    case DType::kF16:
      return 2;
    case DType::kI8:
    case DType::kU8:
    case DType::kF8E4M3:
      return 1;
    case DType::kQ4_0:
      return 18;
    case DType::kQ5_0:
      return 22;
    case DType::kQ8_0:
      return 34;
    case DType::kQ4_K:
      return 144;
    case DType::kQ5_K:
      return 176;
    case DType::kQ6_K:
      return 210;
    case DType::kMXFP4:
      return 17;
    case DType::kInt8Group:
      return 68;
    case DType::kInt4Group:
      return 20;
  }
  return 0;
}

// Bytes of `num_elements` consecutive elements, a multiple of the block.
constexpr std::int64_t bytes_of(DType dtype, std::int64_t num_elements) {
  return num_elements / block_elements(dtype) * block_bytes(dtype);
}

// Bytes of a row of `columns` elements; a last block that is not full takes a whole one's.
constexpr std::int64_t row_bytes(DType dtype, std::int64_t columns) {
  return (columns + block_elements(dtype) - 1) / block_elements(dtype) * block_bytes(dtype);
}

// As safetensors and GGUF spell it: "BF16", "Q4_K".
const char* name_of(DType dtype);

// Up to five sizes, outermost first.
class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes);
  explicit Shape(std::span<const std::int64_t> sizes);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return sizes_[static_cast<std::size_t>(axis)]; }
  std::int64_t num_elements() const;
  std::string text() const;  // "[64, 32]"
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

// Borrowed elements, read-only. Null data with an empty shape means "absent" (a bias, say).
struct ConstTensorView {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;

  std::int64_t rows() const { return shape[0]; }
  std::int64_t num_elements() const { return data == nullptr ? 0 : shape.num_elements(); }
  explicit operator bool() const { return data != nullptr; }
  const float* f32() const { return static_cast<const float*>(data); }
  const std::int32_t* i32() const { return static_cast<const std::int32_t*>(data); }
  // Rows [first, first + count) of the outermost axis.
  ConstTensorView slice(std::int64_t first, std::int64_t count) const;
  // Element `index` of the outermost axis, one rank lower.
  ConstTensorView at(std::int64_t index) const;
};

// Borrowed elements that may be written.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;

  std::int64_t rows() const { return shape[0]; }
  std::int64_t num_elements() const { return data == nullptr ? 0 : shape.num_elements(); }
  float* f32() const { return static_cast<float*>(data); }
  std::int32_t* i32() const { return static_cast<std::int32_t*>(data); }
  TensorView slice(std::int64_t first, std::int64_t count) const;
  // The first elements, as many as `other` has, under that shape.
  TensorView first(const Shape& other) const;
  // The same elements under another shape with as many elements.
  TensorView reshape(const Shape& other) const;
  operator ConstTensorView() const { return {data, dtype, shape}; }  // NOLINT: views convert freely
};

// Owned elements in the memory of one device. Move-only.
class Tensor {
 public:
  using Release = void (*)(void* data);

  Tensor() = default;
  // Takes `data`, which `release` gives back.
  Tensor(void* data, Release release, DType dtype, const Shape& shape)
      : data_(data, release), dtype_(dtype), shape_(shape) {}

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  TensorView view() const { return {data_.get(), dtype_, shape_}; }
  operator TensorView() const { return view(); }       // NOLINT: an owner is also a view
  operator ConstTensorView() const { return view(); }  // NOLINT
  TensorView slice(std::int64_t first, std::int64_t count) const {
    return view().slice(first, count);
  }

 private:
  std::unique_ptr<void, Release> data_{nullptr, [](void*) {}};
  DType dtype_ = DType::kF32;
  Shape shape_;
};

// A zeroed tensor in host memory, 64-byte aligned. Memory is taken from the system when it is first
// touched. throws Error(kUnavailable): not enough memory (says how much was asked for).
Tensor host_tensor(DType dtype, const Shape& shape);

// Bytes of memory that this machine, or this process's control group where that is less, has.
std::int64_t host_memory_bytes();

// bfloat16 and float16 (IEEE 754 binary16) bits as the float they stand for, exactly.
float float_from_bf16(std::uint16_t bits);
float float_from_f16(std::uint16_t bits);
// The nearest bfloat16, ties to even.
std::uint16_t bf16_from_float(float value);

}  // namespace peira::model
