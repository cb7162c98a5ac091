// Products with int8 and int4 weights against their definition in plain code, to the bit, by every
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

Tensor random_tensor(std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  Tensor out = host_tensor(DType::kF32, {rows, columns});
  std::normal_distribution<float> normal(0.01F, 0.5F);
  for (std::int64_t i = 0; i < rows * columns; ++i) out.view().f32()[i] = normal(random);
  return out;
}

// `kSize` columns from `first`, zeros behind the row.
template <std::int64_t kSize>
std::array<float, kSize> group_of(const float* row, std::int64_t first, std::int64_t columns) {
  std::array<float, kSize> out{};
  std::copy_n(row + first, std::min(kSize, columns - first), out.begin());
  return out;
}

// A row of x as integers times a power of two for each 64 columns.
struct PlainRow {
  PlainRow(const float* x, std::int64_t columns) {
    for (std::int64_t first = 0; first < columns; first += 64) {
      const auto group = group_of<64>(x, first, columns);
      float largest = 0;
      for (const float value : group) largest = std::max(largest, std::abs(value));
      const int exponent = largest == 0 ? -100 : std::max(std::ilogb(largest), -100);
      for (const float value : group) {
        const double scaled = std::nearbyint(std::ldexp(double{value}, 14 - exponent));
        values.push_back(static_cast<std::int64_t>(std::min(scaled, 32767.0)));
      }
      scales.push_back(std::ldexp(1.0F, exponent - 14));
    }
  }
  std::vector<std::int64_t> values;
  Floats scales;
};

// sum + a * b, each rounded: never fused.
float add_product(float sum, float a, float b) {
  volatile const float product = a * b;
  return sum + product;
}

// The definition, as kernels.h gives it.
float product_of(WeightPrecision precision, const float* x, const float* weights,
                 std::int64_t columns, float bias) {
  const PlainRow row(x, columns);
  float out = 0;
  if (precision == WeightPrecision::kInt8) {
    for (std::size_t g = 0; g < row.scales.size(); ++g) {
      const auto first = static_cast<std::int64_t>(64 * g);
      const Int8Group group = quantize_int8(group_of<64>(weights, first, columns).data());
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < 64; ++i) sum += row.values[64 * g + i] * group.values[i];
      out = add_product(out, static_cast<float>(sum), group.scale * row.scales[g]);
    }
  } else {
    for (std::int64_t first = 0; first < columns; first += 32) {
      const float x_scale = row.scales[static_cast<std::size_t>(first / 64)];
      const Int4Group group = quantize_int4(group_of<32>(weights, first, columns).data());
      std::int64_t sum = 0;
      std::int64_t x_sum = 0;
      for (std::size_t i = 0; i < 32; ++i) {
        const std::int64_t value = row.values[static_cast<std::size_t>(first) + i];
        sum += value * group.values[i];
        x_sum += value;
      }
      out = add_product(out, static_cast<float>(sum), float_from_bf16(group.scale) * x_scale);
      out = add_product(out, float_from_bf16(group.min), static_cast<float>(x_sum) * x_scale);
    }
  }
  return out + bias;
}

// Rows of x as matmul_integers() takes them.
struct Quantized {
  explicit Quantized(const ConstTensorView& x) {
    constexpr std::int64_t kGroup = cpu::kQuantizedColumns;
    const std::int64_t groups = (x.shape[1] + kGroup - 1) / kGroup;
    values.resize(static_cast<std::size_t>(x.rows() * groups * kGroup));
    scales.resize(static_cast<std::size_t>(x.rows() * groups));
    sums.resize(static_cast<std::size_t>(x.rows() * groups * 2));
    for (std::int64_t row = 0; row < x.rows(); ++row) {
      std::int16_t* const to = values.data() + row * groups * kGroup;
      float* const to_scales = scales.data() + row * groups;
      float* const to_sums = sums.data() + row * groups * 2;
      rows.push_back({to, to_scales, to_sums});
      cpu::quantize_row(x.f32() + row * x.shape[1], x.shape[1], to, to_scales, to_sums);
    }
  }
  std::vector<std::int16_t> values;
  Floats scales;
  Floats sums;
  std::vector<cpu::QuantizedRow> rows;
};

// All that run, then the best again.
class IntegerMatmul : public ::testing::TestWithParam<WeightPrecision> {
 protected:
  void TearDown() override { choose(0); }
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  static std::vector<std::int64_t> all() { return hwy::SupportedAndGeneratedTargets(); }
  static std::unique_ptr<Backend> backend(int threads) {
    return make_backend({.device = "cpu", .num_threads = threads, .weights = GetParam()});
  }
  static float product_of(const float* x, const float* weights, std::int64_t columns, float bias) {
    return model::product_of(GetParam(), x, weights, columns, bias);
  }
};
INSTANTIATE_TEST_SUITE_P(All, IntegerMatmul,
                         ::testing::Values(WeightPrecision::kInt8, WeightPrecision::kInt4),
                         [](const auto& param) {
                           return param.param == WeightPrecision::kInt8 ? "int8" : "int4";
                         });

TEST_P(IntegerMatmul, GivesTheDefinitionsBitsOnEveryInstructionSet) {
  std::mt19937 random(19);
  const auto targets = all();
  ASSERT_FALSE(targets.empty());
  for (const std::int64_t columns : {1, 64, 200, 448}) {
    for (const std::int64_t outputs : {1, 31, 32, 100}) {
      const Tensor stored = random_tensor(outputs, columns, random);
      const Tensor bias = random_tensor(1, outputs, random);
      const auto device = backend(1);
      const Weight weight = device->place_matrix(stored);
      ASSERT_TRUE(cpu::has_integers(weight));
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
            cpu::matmul_integers(quantized.rows, std::span(&part, 1), nullptr, may_use_vnni);
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
TEST_P(IntegerMatmul, KeepsItsBitsOverThreadsAndParts) {
  std::mt19937 random(23);
  constexpr std::int64_t kColumns = 320;
  const Tensor first = random_tensor(700, kColumns, random);
  const Tensor second = random_tensor(45, kColumns, random);
  for (const std::int64_t rows : {1, 7, 64, 130}) {
    const Tensor x = random_tensor(rows, kColumns, random);
    for (const int threads : {1, 3, 8}) {
      const auto device = backend(threads);
      const Tensor out_first = host_tensor(DType::kF32, {rows, 700});
      const Tensor out_second = host_tensor(DType::kF32, {rows, 45});
      const Weight placed_first = device->place_matrix(first);
      const Weight placed_second = device->place_matrix(second);
      device->linear(x, std::array{LinearPart{placed_first, {}, out_first},
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
TEST_P(IntegerMatmul, GivesExpertsTheDefinitionsBits) {
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
    const auto device = backend(3);
    const ExpertWeights placed = device->place_experts(host);
    const Tensor out = host_tensor(DType::kF32, {rows, kHidden});
    device->experts(x, ids, ones, placed, out);
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
TEST_P(IntegerMatmul, ErrsLittleAgainstExactProducts) {
  std::mt19937 random(29);
  constexpr std::int64_t kColumns = 2048;
  constexpr std::int64_t kOutputs = 64;
  const Tensor stored = random_tensor(kOutputs, kColumns, random);
  const Tensor x = random_tensor(1, kColumns, random);
  const auto device = backend(1);
  const Tensor out = host_tensor(DType::kF32, {1, kOutputs});
  const Weight placed = device->place_matrix(stored);
  device->linear(x, std::array{LinearPart{placed, {}, out}});
  double error_squares = 0;
  double squares = 0;
  const DType dtype = group_type(GetParam());
  std::vector<std::byte> blocks(static_cast<std::size_t>(row_bytes(dtype, kColumns)));
  Floats values(kColumns);
  for (std::int64_t n = 0; n < kOutputs; ++n) {
    quantize_row(dtype, stored, n, blocks.data());
    widen_groups(dtype, blocks.data(), kColumns, values.data());
    double exact = 0;
    for (std::size_t k = 0; k < kColumns; ++k) exact += double{x.view().f32()[k]} * values[k];
    const double error = out.view().f32()[n] - exact;
    error_squares += error * error;
    squares += exact * exact;
  }
  // 2^-14 steps of a group's power of two (1 to 2, of values of 0.5 times normal) over sqrt(12),
  // relative to a value of 0.5: 2^-14 * 0.29 / 0.5 = 3.5e-5, and up to float32's own roundings.
  EXPECT_LT(std::sqrt(error_squares / squares), 7e-5);
  EXPECT_GT(squares, 0);
}

TEST_P(IntegerMatmul, ShowsWhatIsNotFiniteInX) {
  std::mt19937 random(31);
  const Tensor stored = random_tensor(40, 192, random);
  for (const std::int64_t target : all()) {
    choose(target);
    const auto device = backend(1);
    const Weight placed = device->place_matrix(stored);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
          std::numeric_limits<float>::quiet_NaN()}) {
      const Tensor x = random_tensor(2, 192, random);
      x.view().f32()[100] = bad;
      const Tensor out = host_tensor(DType::kF32, {2, 40});
      device->linear(x, std::array{LinearPart{placed, {}, out}});
      for (int n = 0; n < 40; ++n) {
        EXPECT_FALSE(std::isfinite(out.view().f32()[n]));
        EXPECT_TRUE(std::isfinite(out.view().f32()[40 + n]));
      }
    }
  }
}

// The ends of float32's range: powers of two stay in it, what saturates does so by one step.
TEST_P(IntegerMatmul, TakesTheSmallestAndTheLargest) {
  const std::array<float, 8> values{0.0F,  1e-45F,        1e-38F,         1e-31F,
                                    1e30F, 0x1.fffffeP0F, -0x1.fffffeP0F, 1.0F};
  for (const std::int64_t target : all()) {
    choose(target);
    for (const float value : values) {
      std::array<float, 64> x{};
      x[5] = value;
      std::array<std::int16_t, 64> got{};
      float scale = 0;
      std::array<float, 2> sums{};
      cpu::quantize_row(x.data(), 64, got.data(), &scale, sums.data());
      const double error = std::abs(double{scale} * got[5] - double{value});
      EXPECT_LE(error, std::max(std::abs(double{value}) * 0x1p-14, 0x1p-115))
          << value << " " << hwy::TargetName(target);
      EXPECT_TRUE(std::isnormal(scale)) << value;
      EXPECT_EQ(got[4], 0);
      EXPECT_EQ(sums[0], scale * got[5]);
      EXPECT_EQ(sums[1], 0);
    }
  }
}

}  // namespace
}  // namespace peira::model
