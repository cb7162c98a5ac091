// What int8 and int4 make of plain weights: by hand, and the same values on the reference and on
// the CPU backend, which has a layout of its own.
#include "model/quantization/groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "model/backend/backend.h"

namespace peira::model {
namespace {

TEST(WeightGroups, Int8IsTheLargestOver127TiesToEven) {
  std::array<float, kInt8GroupSize> weights{};
  weights[0] = -127;
  weights[1] = 2.5F;
  weights[2] = 3.5F;
  weights[63] = 126.6F;
  const Int8Group group = quantize_int8(weights.data());
  EXPECT_EQ(group.scale, 1.0F);
  EXPECT_EQ(group.values[0], -127);
  EXPECT_EQ(group.values[1], 2);
  EXPECT_EQ(group.values[2], 4);
  EXPECT_EQ(group.values[63], 127);
  EXPECT_EQ(quantize_int8(std::array<float, kInt8GroupSize>{}.data()).scale, 0.0F);
}

// Sixteen equal steps from -8 to 7 are hit without error: min -8 and scale 1 are bfloat16.
TEST(WeightGroups, Int4HitsSixteenEqualSteps) {
  std::array<float, kInt4GroupSize> weights{};
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 16) - 8;
  const Int4Group group = quantize_int4(weights.data());
  EXPECT_EQ(float_from_bf16(group.min), -8.0F);
  EXPECT_EQ(float_from_bf16(group.scale), 1.0F);
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(group.values[i], i % 16);
}

TEST(WeightGroups, WhatIsNotFiniteShowsInItsGroupAlone) {
  for (const DType dtype : {DType::kInt8Group, DType::kInt4Group}) {
    const Tensor weight = host_tensor(DType::kF32, {1, 128});
    std::fill_n(weight.view().f32(), 128, 0.5F);
    weight.view().f32()[70] = std::numeric_limits<float>::infinity();
    std::vector<std::byte> blocks(static_cast<std::size_t>(row_bytes(dtype, 128)));
    quantize_row(dtype, weight, 0, blocks.data());
    std::array<float, 128> got{};
    widen_groups(dtype, blocks.data(), 128, got.data());
    EXPECT_TRUE(std::isnan(got[70])) << name_of(dtype);
    EXPECT_TRUE(std::isfinite(got[63])) << name_of(dtype);
  }
}

// Products with unit vectors read a placed weight's values.
class WeightGroupsOn : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, WeightGroupsOn, ::testing::Values("reference", "cpu"),
                         [](const auto& param) { return param.param; });

TEST_P(WeightGroupsOn, BackendsHoldTheSameValues) {
  std::mt19937 random(17);
  std::normal_distribution<float> normal(0.02F, 0.3F);
  for (const auto precision : {WeightPrecision::kInt8, WeightPrecision::kInt4}) {
    const auto backend =
        make_backend({.device = GetParam(), .num_threads = 1, .weights = precision});
    for (const std::int64_t columns : {1, 33, 64, 130, 256}) {
      constexpr std::int64_t kRows = 5;
      const Tensor weight = host_tensor(DType::kF32, {kRows, columns});
      for (std::int64_t i = 0; i < kRows * columns; ++i) weight.view().f32()[i] = normal(random);
      const Tensor unit = host_tensor(DType::kF32, {columns, columns});
      for (std::int64_t i = 0; i < columns; ++i) unit.view().f32()[i * columns + i] = 1;
      const Tensor out = host_tensor(DType::kF32, {columns, kRows});
      const Weight placed = backend->place_matrix(weight);
      backend->linear(unit, std::array{LinearPart{placed, {}, out}});
      const DType dtype = group_type(precision);
      std::vector<std::byte> blocks(static_cast<std::size_t>(row_bytes(dtype, columns)));
      std::vector<float> want(static_cast<std::size_t>(columns));
      for (std::int64_t row = 0; row < kRows; ++row) {
        quantize_row(dtype, weight, row, blocks.data());
        widen_groups(dtype, blocks.data(), columns, want.data());
        for (std::int64_t k = 0; k < columns; ++k) {
          ASSERT_EQ(out.view().f32()[k * kRows + row], want[static_cast<std::size_t>(k)])
              << name_of(dtype) << ", row " << row << ", column " << k << " of " << columns;
        }
      }
    }
  }
}

}  // namespace
}  // namespace peira::model
