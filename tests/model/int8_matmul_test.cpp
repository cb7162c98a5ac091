// Products with int8 weights against their definition in plain code, to the bit, by every
// instruction set this machine has.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "model/backend/backend.h"
#include "model/backend/cpu/kernels.h"
#include "model/quantization/groups.h"

namespace peira::model {
namespace {

using Floats = std::vector<float>;

constexpr std::int64_t kGroup = kInt8GroupSize;

Tensor random_tensor(std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  Tensor out = host_tensor(DType::kF32, {rows, columns});
  std::normal_distribution<float> normal(0.01F, 0.5F);
  for (std::int64_t i = 0; i < rows * columns; ++i) out.view().f32()[i] = normal(random);
  return out;
}

std::array<float, kGroup> group_of(const float* row, std::int64_t first, std::int64_t columns) {
  std::array<float, kGroup> out{};
  std::copy_n(row + first, std::min(kGroup, columns - first), out.begin());
  return out;
}

// The definition, as kernels.h gives it: a group of x is integers times a power of two, a group's
// sum is exact, groups are added in order without fused rounding.
float product_of(const float* x, const float* weights, std::int64_t columns, float bias) {
  volatile float out = 0;
  for (std::int64_t first = 0; first < columns; first += kGroup) {
    const auto x_group = group_of(x, first, columns);
    const Int8Group weight_group = quantize_int8(group_of(weights, first, columns).data());
    float largest = 0;
    for (const float value : x_group) largest = std::max(largest, std::abs(value));
    const int exponent = largest == 0 ? -100 : std::max(std::ilogb(largest), -100);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kGroup; ++i) {
      const double scaled = std::nearbyint(std::ldexp(double{x_group[i]}, 14 - exponent));
      sum += static_cast<std::int64_t>(std::min(scaled, 32767.0)) * weight_group.values[i];
    }
    const float scale = weight_group.scale * std::ldexp(1.0F, exponent - 14);
    volatile const float term = static_cast<float>(sum) * scale;
    out = out + term;
  }
  return out + bias;
}

// Rows of x as matmul_int8() takes them.
struct Quantized {
  explicit Quantized(const ConstTensorView& x) {
    const std::int64_t groups = (x.shape[1] + kGroup - 1) / kGroup;
    values.resize(static_cast<std::size_t>(x.rows() * groups * kGroup));
    scales.resize(static_cast<std::size_t>(x.rows() * groups));
    for (std::int64_t row = 0; row < x.rows(); ++row) {
      rows.push_back({values.data() + row * groups * kGroup, scales.data() + row * groups});
      cpu::quantize_row(x.f32() + row * x.shape[1], x.shape[1],
                        values.data() + row * groups * kGroup, scales.data() + row * groups);
    }
  }
  std::vector<std::int16_t> values;
  Floats scales;
  std::vector<cpu::QuantizedRow> rows;
};

std::unique_ptr<Backend> int8_backend(int threads) {
  return make_backend({.device = "cpu", .num_threads = threads, .weights = WeightPrecision::kInt8});
}

// All that run, then the best again.
class EveryInstructionSet : public ::testing::Test {
 protected:
  void TearDown() override { choose(0); }
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  static std::vector<std::int64_t> all() { return hwy::SupportedAndGeneratedTargets(); }
};

using Int8Matmul = EveryInstructionSet;

TEST_F(Int8Matmul, GivesTheDefinitionsBitsOnEveryInstructionSet) {
  std::mt19937 random(19);
  const auto targets = all();
  ASSERT_FALSE(targets.empty());
  for (const std::int64_t columns : {1, 64, 200, 448}) {
    for (const std::int64_t outputs : {1, 31, 32, 100}) {
      const Tensor stored = random_tensor(outputs, columns, random);
      const Tensor bias = random_tensor(1, outputs, random);
      const auto backend = int8_backend(1);
      const Weight weight = backend->place_matrix(stored);
      ASSERT_TRUE(cpu::is_int8(weight));
      for (const std::int64_t rows : {1, 2, 3, 5, 8, 12, 13, 48}) {
        const Tensor x = random_tensor(rows, columns, random);
        Floats want;
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t n = 0; n < outputs; ++n) {
            want.push_back(product_of(x.view().f32() + row * columns,
                                      stored.view().f32() + n * columns, columns,
                                      bias.view().f32()[n]));
          }
        }
        for (const std::int64_t target : targets) {
          choose(target);
          const Quantized quantized(x);
          for (const bool may_use_vnni : {false, true}) {
            Floats got(want.size());
            const ConstTensorView biases(bias.view().f32(), DType::kF32, {outputs});
            const cpu::MatmulPart part{&weight, 0, outputs, biases, got.data(), outputs};
            cpu::matmul_int8(quantized.rows, std::span(&part, 1), nullptr, may_use_vnni);
            ASSERT_EQ(got, want) << hwy::TargetName(target) << ", " << rows << " rows of "
                                 << columns << ", " << outputs << " outputs";
          }
        }
        choose(0);
      }
    }
  }
}

// Through the backend, whose threads split outputs and rows.
TEST_F(Int8Matmul, KeepsItsBitsOverThreadsAndParts) {
  std::mt19937 random(23);
  constexpr std::int64_t kColumns = 320;
  const Tensor first = random_tensor(700, kColumns, random);
  const Tensor second = random_tensor(45, kColumns, random);
  for (const std::int64_t rows : {1, 7, 64, 130}) {
    const Tensor x = random_tensor(rows, kColumns, random);
    for (const int threads : {1, 3, 8}) {
      const auto backend = int8_backend(threads);
      const Tensor out_first = host_tensor(DType::kF32, {rows, 700});
      const Tensor out_second = host_tensor(DType::kF32, {rows, 45});
      const Weight placed_first = backend->place_matrix(first);
      const Weight placed_second = backend->place_matrix(second);
      backend->linear(x, std::array{LinearPart{placed_first, {}, out_first},
                                    LinearPart{placed_second, {}, out_second}});
      for (std::int64_t row = 0; row < rows; row += 13) {
        const float* const x_row = x.view().f32() + row * kColumns;
        for (const auto& [weights, out] :
             {std::pair(&first, &out_first), std::pair(&second, &out_second)}) {
          const std::int64_t outputs = weights->view().shape[0];
          for (std::int64_t n = 0; n < outputs; ++n) {
            ASSERT_EQ(out->view().f32()[row * outputs + n],
                      product_of(x_row, weights->view().f32() + n * kColumns, kColumns, 0))
                << "row " << row << " of " << rows << ", output " << n << ", " << threads
                << " threads";
          }
        }
      }
    }
  }
}

// A token's experts are its own, whatever the others meet, and each is the plain definition twice.
TEST_F(Int8Matmul, GivesExpertsTheDefinitionsBits) {
  std::mt19937 random(37);
  constexpr std::int64_t kHidden = 96;
  constexpr std::int64_t kInner = 200;
  constexpr std::int64_t kExperts = 5;
  std::vector<Tensor> gate, up, down;
  ExpertWeights host;
  for (std::int64_t e = 0; e < kExperts; ++e) {
    gate.push_back(random_tensor(kInner, kHidden, random));
    up.push_back(random_tensor(kInner, kHidden, random));
    down.push_back(random_tensor(kHidden, kInner, random));
    host.gate_proj.emplace_back(gate.back());
    host.up_proj.emplace_back(up.back());
    host.down_proj.emplace_back(down.back());
  }
  for (const std::int64_t rows : {1, 150}) {
    const Tensor x = random_tensor(rows, kHidden, random);
    const Tensor ids = host_tensor(DType::kI32, {rows, 1});
    const Tensor ones = host_tensor(DType::kF32, {rows, 1});
    for (std::int64_t row = 0; row < rows; ++row) {
      ids.view().i32()[row] = static_cast<std::int32_t>(random() % kExperts);
      ones.view().f32()[row] = 1;
    }
    const auto backend = int8_backend(3);
    const ExpertWeights placed = backend->place_experts(host);
    const Tensor out = host_tensor(DType::kF32, {rows, kHidden});
    backend->experts(x, ids, ones, placed, out);
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto e = static_cast<std::size_t>(ids.view().i32()[row]);
      const float* const x_row = x.view().f32() + row * kHidden;
      Floats gated, upward;
      for (std::int64_t n = 0; n < kInner; ++n) {
        gated.push_back(product_of(x_row, gate[e].view().f32() + n * kHidden, kHidden, 0));
        upward.push_back(product_of(x_row, up[e].view().f32() + n * kHidden, kHidden, 0));
      }
      cpu::gated_activation_row(host.activation, gated.data(), upward.data(), kInner, gated.data());
      for (std::int64_t n = 0; n < kHidden; ++n) {
        ASSERT_EQ(out.view().f32()[row * kHidden + n],
                  product_of(gated.data(), down[e].view().f32() + n * kInner, kInner, 0))
            << "row " << row << " of " << rows << ", output " << n;
      }
    }
  }
}

// Rounding x to 15 bits of its group's largest is far below what the weights lost: half a step is
// 2^-15 of the power of two, so a product errs by at most that times the sum of |w|.
TEST_F(Int8Matmul, ErrsLittleAgainstExactProducts) {
  std::mt19937 random(29);
  constexpr std::int64_t kColumns = 2048;
  constexpr std::int64_t kOutputs = 64;
  const Tensor stored = random_tensor(kOutputs, kColumns, random);
  const Tensor x = random_tensor(1, kColumns, random);
  const auto backend = int8_backend(1);
  const Tensor out = host_tensor(DType::kF32, {1, kOutputs});
  const Weight placed = backend->place_matrix(stored);
  backend->linear(x, std::array{LinearPart{placed, {}, out}});
  double error_squares = 0;
  double squares = 0;
  for (std::int64_t n = 0; n < kOutputs; ++n) {
    double exact = 0;
    for (std::int64_t first = 0; first < kColumns; first += kGroup) {
      const Int8Group group = quantize_int8(stored.view().f32() + n * kColumns + first);
      for (std::int64_t i = 0; i < kGroup; ++i) {
        exact += double{x.view().f32()[first + i]} * double{group.scale} *
                 group.values[static_cast<std::size_t>(i)];
      }
    }
    const double error = out.view().f32()[n] - exact;
    error_squares += error * error;
    squares += exact * exact;
  }
  // 2^-14 steps of a group's power of two (1 to 2, of values of 0.5 times normal) over sqrt(12),
  // relative to a value of 0.5: 2^-14 * 0.29 / 0.5 = 3.5e-5, and up to float32's own roundings.
  EXPECT_LT(std::sqrt(error_squares / squares), 7e-5);
  EXPECT_GT(squares, 0);
}

TEST_F(Int8Matmul, ShowsWhatIsNotFiniteInX) {
  std::mt19937 random(31);
  const Tensor stored = random_tensor(40, 192, random);
  for (const std::int64_t target : all()) {
    choose(target);
    const auto backend = int8_backend(1);
    const Weight placed = backend->place_matrix(stored);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
          std::numeric_limits<float>::quiet_NaN()}) {
      const Tensor x = random_tensor(2, 192, random);
      x.view().f32()[100] = bad;
      const Tensor out = host_tensor(DType::kF32, {2, 40});
      backend->linear(x, std::array{LinearPart{placed, {}, out}});
      for (int n = 0; n < 40; ++n) {
        EXPECT_FALSE(std::isfinite(out.view().f32()[n]));
        EXPECT_TRUE(std::isfinite(out.view().f32()[40 + n]));
      }
    }
  }
}

// The ends of float32's range: powers of two stay in it, what saturates does so by one step.
TEST_F(Int8Matmul, TakesTheSmallestAndTheLargest) {
  const std::array<float, 8> values{0.0F,  1e-45F,        1e-38F,         1e-31F,
                                    1e30F, 0x1.fffffeP0F, -0x1.fffffeP0F, 1.0F};
  for (const std::int64_t target : all()) {
    choose(target);
    for (const float value : values) {
      std::array<float, kGroup> x{};
      x[5] = value;
      std::array<std::int16_t, kGroup> got{};
      float scale = 0;
      cpu::quantize_row(x.data(), kGroup, got.data(), &scale);
      const double error = std::abs(double{scale} * got[5] - double{value});
      EXPECT_LE(error, std::max(std::abs(double{value}) * 0x1p-14, 0x1p-115))
          << value << " " << hwy::TargetName(target);
      EXPECT_TRUE(std::isnormal(scale)) << value;
      EXPECT_EQ(got[4], 0);
    }
  }
}

}  // namespace
}  // namespace peira::model
