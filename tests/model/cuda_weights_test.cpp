// Weights of every type on a CUDA device, and the kernels for many rows: a format's values are to
// the bit those of widen_row(); products equal, to the bit, those with the same values in float32,
// and those of each row alone; single rows agree with the reference.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include "base/error.h"
#include "model/backend/backend.h"
#include "model/backend/device.h"
#include "model/quantization/groups.h"

namespace peira::model {
namespace {

using Floats = std::vector<float>;

constexpr std::int64_t kOutputs = 4096;  // with 300 rows enough for the kernel of many rows
constexpr std::int64_t kInputs = 512;
constexpr std::int64_t kRows = 300;

struct Stored {
  Tensor values;
  Tensor scales;
  operator Weight() const {  // NOLINT: an owner is also a weight
    return scales.shape().rank() > 0 ? Weight(values, scales) : Weight(values);
  }
};

// Random bytes; what scales them is made small and finite.
Stored random_weight(DType dtype, std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  Stored out{host_tensor(dtype, {rows, columns}), {}};
  auto* const bytes = static_cast<std::uint8_t*>(out.values.view().data);
  const std::int64_t num_bytes = bytes_of(dtype, rows * columns);
  for (std::int64_t i = 0; i < num_bytes; ++i) bytes[i] = static_cast<std::uint8_t>(random());
  const auto set_half = [&](std::int64_t at, bool is_bf16) {
    const auto draw = [&](unsigned below) { return static_cast<unsigned>(random()) % below; };
    const unsigned exponent = is_bf16 ? (118 + draw(8)) << 7 : (3 + draw(8)) << 10;
    const unsigned fraction = draw(is_bf16 ? 128 : 1024);
    const auto half = static_cast<std::uint16_t>(exponent | fraction | draw(2) << 15);
    std::memcpy(bytes + at, &half, 2);
  };
  const std::int64_t block = block_bytes(dtype);
  for (std::int64_t at = 0; at + block <= num_bytes; at += block) {
    switch (dtype) {
      case DType::kF32: {
        const float value = static_cast<float>(random() % 2001) / 1000 - 1;
        std::memcpy(bytes + at, &value, 4);
        break;
      }
      case DType::kBF16:
      case DType::kF16:
        set_half(at, dtype == DType::kBF16);
        break;
      case DType::kF8E4M3:
        if ((bytes[at] & 0x7F) == 0x7F) bytes[at] ^= 1;  // no NaN
        break;
      case DType::kQ4_K:
      case DType::kQ5_K:
        set_half(at, false);
        set_half(at + 2, false);
        break;
      case DType::kQ6_K:
        set_half(at + 208, false);
        break;
      case DType::kMXFP4:
        bytes[at] = static_cast<std::uint8_t>(116 + bytes[at] % 8);
        break;
      default:
        set_half(at, false);
    }
  }
  if (dtype == DType::kF8E4M3) {
    out.scales = host_tensor(
        DType::kF32, {(rows + kFp8Block - 1) / kFp8Block, (columns + kFp8Block - 1) / kFp8Block});
    for (std::int64_t i = 0; i < out.scales.shape().num_elements(); ++i) {
      out.scales.view().f32()[i] = 1e-3F * static_cast<float>(1 + random() % 1000);
    }
  }
  return out;
}

Tensor widened(const Weight& weight) {
  Tensor out = host_tensor(DType::kF32, weight.shape());
  for (std::int64_t row = 0; row < weight.shape()[0]; ++row) {
    widen_row(weight, row, out.view().f32() + row * weight.shape()[1]);
  }
  return out;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

std::span<const float> floats_of(const ConstTensorView& x) {
  return {x.f32(), static_cast<std::size_t>(x.num_elements())};
}

void expect_close(std::span<const float> got, std::span<const float> want) {
  ASSERT_EQ(got.size(), want.size());
  double scale = 0;
  for (const float value : want) scale = std::max(scale, std::abs(double{value}));
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 3e-6 * scale) << i;
}

class CudaWeights : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    const CudaDevices found = find_cuda_devices();
    if (found.devices.empty()) GTEST_SKIP() << "NOT TESTED: no CUDA device: " << found.problem;
    backend_ = make_backend({.device = "cuda"});
    x_ = host_tensor(DType::kF32, {kRows, kInputs});
    std::normal_distribution<float> normal;
    for (std::int64_t i = 0; i < kRows * kInputs; ++i) x_.view().f32()[i] = normal(random_);
  }

  Floats get(const ConstTensorView& x) {
    Floats scratch;
    const std::span<const float> seen = backend_->host_view(x, scratch);
    return {seen.begin(), seen.end()};
  }

  Floats linear(Backend& backend, const Weight& weight, std::int64_t first, std::int64_t count) {
    const Tensor out = backend.allocate(DType::kF32, {count, weight.shape()[0]});
    backend.linear(backend.place_vector(x_.slice(first, count)),
                   std::array{LinearPart{backend.place_matrix(weight), {}, out}});
    Floats scratch;
    const std::span<const float> seen = backend.host_view(out, scratch);
    return {seen.begin(), seen.end()};
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Backend> reference_ = make_backend({.device = "reference"});
  std::mt19937 random_{5};
  Tensor x_;
};

TEST_P(CudaWeights, AreWidenedAsTheirFormatSays) {
  const Stored weight = random_weight(GetParam(), 9, kInputs, random_);
  const Tensor tokens = backend_->allocate(DType::kI32, {9});
  backend_->write(tokens, std::array{0, 1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor out = backend_->allocate(DType::kF32, {9, kInputs});
  backend_->embedding(tokens, backend_->place_table(weight), 1, out);
  EXPECT_TRUE(same_bits(get(out), floats_of(widened(weight))));
}

TEST_P(CudaWeights, MultiplyAsTheirValuesInFloat32AndAsEachRowAlone) {
  const Stored weight = random_weight(GetParam(), kOutputs, kInputs, random_);
  const Floats many = linear(*backend_, weight, 0, kRows);
  EXPECT_TRUE(same_bits(many, linear(*backend_, Weight(widened(weight)), 0, kRows)));
  for (const std::int64_t row : {0, 63, 127, 128, 299}) {
    const std::span among = std::span(many).subspan(static_cast<std::size_t>(row * kOutputs),
                                                    static_cast<std::size_t>(kOutputs));
    const Floats alone = linear(*backend_, weight, row, 1);
    EXPECT_TRUE(same_bits(alone, among)) << "row " << row;
    expect_close(alone, linear(*reference_, weight, row, 1));
  }
  const Floats few = linear(*backend_, weight, 100, 13);
  EXPECT_TRUE(same_bits(few, std::span(many).subspan(100 * kOutputs, few.size())));
}

TEST_P(CudaWeights, AreExpertsOfManyRowsAndOfOne) {
  constexpr std::int64_t kHidden = 256;
  constexpr std::int64_t kInner = 512;
  constexpr std::int64_t kExperts = 4;
  constexpr std::int64_t kTopK = 2;
  std::vector<Stored> owned;
  ExpertWeights weights;
  const auto add = [&](std::vector<Weight>& to, std::int64_t rows, std::int64_t columns) {
    owned.push_back(random_weight(GetParam(), rows, columns, random_));
    to.push_back(owned.back());
  };
  for (int e = 0; e < kExperts; ++e) {
    add(weights.gate_proj, kInner, kHidden);
    add(weights.up_proj, kInner, kHidden);
    add(weights.down_proj, kHidden, kInner);
  }
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < kRows; ++i) {
    const int first = static_cast<int>(random_() % kExperts);
    ids.push_back(first);
    ids.push_back((first + 1 + static_cast<int>(random_() % (kExperts - 1))) % kExperts);
  }
  const ConstTensorView x = x_.view().first({kRows, kHidden});
  const ConstTensorView slot_weights =
      x_.view().reshape({kRows * kInputs}).slice(1000, kRows * kTopK);
  const auto run = [&](Backend& backend, std::int64_t first, std::int64_t count) {
    const Tensor device_ids = backend.allocate(DType::kI32, {count, kTopK});
    backend.write(device_ids, std::span(ids).subspan(static_cast<std::size_t>(first * kTopK),
                                                     static_cast<std::size_t>(count * kTopK)));
    const Tensor out = backend.allocate(DType::kF32, {count, kHidden});
    ConstTensorView own_weights =
        backend.place_vector(slot_weights.slice(first * kTopK, count * kTopK));
    own_weights.shape = {count, kTopK};
    backend.experts(backend.place_vector(x.slice(first, count)), device_ids, own_weights,
                    backend.place_experts(weights), out);
    Floats scratch;
    const std::span<const float> seen = backend.host_view(out, scratch);
    return Floats(seen.begin(), seen.end());
  };
  const Floats many = run(*backend_, 0, kRows);
  for (const std::int64_t row : {0, 100, 299}) {
    const Floats alone = run(*backend_, row, 1);
    EXPECT_TRUE(same_bits(
        alone, std::span(many).subspan(static_cast<std::size_t>(row * kHidden), kHidden)));
    expect_close(alone, run(*reference_, row, 1));
  }
  const Floats few = run(*backend_, 50, 13);
  EXPECT_TRUE(same_bits(few, std::span(many).subspan(50 * kHidden, few.size())));
}

INSTANTIATE_TEST_SUITE_P(Types, CudaWeights,
                         ::testing::Values(DType::kF32, DType::kBF16, DType::kF16, DType::kF8E4M3,
                                           DType::kQ4_0, DType::kQ5_0, DType::kQ8_0, DType::kQ4_K,
                                           DType::kQ5_K, DType::kQ6_K, DType::kMXFP4),
                         [](const auto& param) { return std::string(name_of(param.param)); });

// --- weights quantised when they are placed ---

class CudaQuantizedWeights : public ::testing::TestWithParam<WeightPrecision> {
 protected:
  void SetUp() override {
    const CudaDevices found = find_cuda_devices();
    if (found.devices.empty()) GTEST_SKIP() << "NOT TESTED: no CUDA device: " << found.problem;
    backend_ = make_backend({.device = "cuda", .weights = GetParam()});
    plain_ = make_backend({.device = "cuda"});
  }

  // The values that quantising leaves, by definition.
  static Tensor quantized_values(const Weight& weight) {
    const DType dtype = group_type(GetParam());
    const std::int64_t columns = weight.shape()[1];
    std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(dtype, columns)));
    Tensor out = host_tensor(DType::kF32, weight.shape());
    for (std::int64_t n = 0; n < weight.shape()[0]; ++n) {
      quantize_row(dtype, weight, n, row.data());
      widen_groups(dtype, row.data(), columns, out.view().f32() + n * columns);
    }
    return out;
  }

  static Floats product(Backend& backend, const ConstTensorView& x, const Weight& weight) {
    const Tensor out = backend.allocate(DType::kF32, {x.rows(), weight.shape()[0]});
    backend.linear(backend.place_vector(x),
                   std::array{LinearPart{backend.place_matrix(weight), {}, out}});
    Floats scratch;
    const std::span<const float> seen = backend.host_view(out, scratch);
    return {seen.begin(), seen.end()};
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Backend> plain_;
  std::unique_ptr<Backend> reference_ = make_backend({.device = "reference"});
  std::mt19937 random_{5};
};

INSTANTIATE_TEST_SUITE_P(All, CudaQuantizedWeights,
                         ::testing::Values(WeightPrecision::kInt8, WeightPrecision::kInt4),
                         [](const auto& param) {
                           return param.param == WeightPrecision::kInt8 ? "int8" : "int4";
                         });

// One row, few, and enough for the kernel of many rows; widths that fill groups and that do not.
TEST_P(CudaQuantizedWeights, MultiplyAsTheirValuesInFloat32) {
  struct Sizes {
    std::int64_t outputs, inputs;
  };
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const Sizes sizes : {Sizes{1, 1}, Sizes{9, 18}, Sizes{67, 31}, Sizes{5, 64},
                              Sizes{130, 130}, Sizes{kOutputs, kInputs}, Sizes{4096, 100}}) {
      SCOPED_TRACE(std::string(name_of(dtype)) + ", " + std::to_string(sizes.outputs) + " x " +
                   std::to_string(sizes.inputs));
      const Stored weight = random_weight(dtype, sizes.outputs, sizes.inputs, random_);
      const Tensor values = quantized_values(weight);
      std::normal_distribution<float> normal;
      const Tensor x = host_tensor(DType::kF32, {kRows, sizes.inputs});
      for (std::int64_t i = 0; i < kRows * sizes.inputs; ++i) x.view().f32()[i] = normal(random_);
      for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{13}, kRows}) {
        const ConstTensorView some = x.view().slice(0, rows);
        const Floats got = product(*backend_, some, weight);
        EXPECT_TRUE(same_bits(got, product(*plain_, some, values))) << rows << " rows";
        if (rows == 1) expect_close(got, product(*reference_, some, values));
      }
    }
  }
}

TEST_P(CudaQuantizedWeights, AreExpertsAndLeaveAloneWhatHasToStay) {
  constexpr std::int64_t kHidden = 100;
  constexpr std::int64_t kInner = 72;
  constexpr int kExperts = 3;
  std::vector<Stored> owned;
  std::vector<Tensor> wide;
  ExpertWeights weights, values;
  const auto add = [&](std::vector<Weight>& to, std::vector<Weight>& to_values, std::int64_t rows,
                       std::int64_t columns) {
    owned.push_back(random_weight(DType::kBF16, rows, columns, random_));
    to.push_back(owned.back());
    wide.push_back(quantized_values(owned.back()));
    to_values.emplace_back(wide.back());
  };
  for (int e = 0; e < kExperts; ++e) {
    add(weights.gate_proj, values.gate_proj, kInner, kHidden);
    add(weights.up_proj, values.up_proj, kInner, kHidden);
    add(weights.down_proj, values.down_proj, kHidden, kInner);
  }
  const Tensor x = host_tensor(DType::kF32, {kRows, kHidden});
  const Tensor slot_weights = host_tensor(DType::kF32, {kRows, 2});
  std::normal_distribution<float> normal;
  for (const Tensor* tensor : {&x, &slot_weights}) {
    for (std::int64_t i = 0; i < tensor->shape().num_elements(); ++i) {
      tensor->view().f32()[i] = normal(random_);
    }
  }
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < 2 * kRows; ++i) {
    ids.push_back(static_cast<std::int32_t>(random_() % kExperts));
  }
  const auto run = [&](Backend& backend, const ExpertWeights& host, std::int64_t rows) {
    const Tensor device_ids = backend.allocate(DType::kI32, {rows, 2});
    backend.write(device_ids, std::span(ids).first(static_cast<std::size_t>(2 * rows)));
    const Tensor out = backend.allocate(DType::kF32, {rows, kHidden});
    backend.experts(backend.place_vector(x.slice(0, rows)), device_ids,
                    backend.place_vector(slot_weights.slice(0, rows)), backend.place_experts(host),
                    out);
    Floats scratch;
    const std::span<const float> seen = backend.host_view(out, scratch);
    return Floats(seen.begin(), seen.end());
  };
  for (const std::int64_t rows : {std::int64_t{1}, kRows}) {
    EXPECT_TRUE(same_bits(run(*backend_, weights, rows), run(*plain_, values, rows)));
  }
  expect_close(run(*backend_, weights, 1), run(*reference_, values, 1));

  Weight gate = owned.front();
  gate.keep_stored = true;
  EXPECT_EQ(backend_->place_matrix(gate).dtype(), DType::kBF16);
  EXPECT_EQ(backend_->place_table(owned.front()).dtype(), DType::kBF16);
  const Stored blocks = random_weight(DType::kQ8_0, 4, 64, random_);
  EXPECT_EQ(backend_->place_matrix(blocks).dtype(), DType::kQ8_0);
}

}  // namespace
}  // namespace peira::model
