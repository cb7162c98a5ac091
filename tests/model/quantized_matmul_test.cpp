// Products with weights in every format on the CPU backend. Three independent checks: a format's
// values, read out by products with unit vectors, are to the bit those of widen_row(), the plain
// definition; a product equals, to the bit, the product with the same values stored as float32
// (products with int8 and int4: integer_matmul_test.cpp); and what int8 and int4 make of a weight
// stays within the step that the format allows.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "model/backend/backend.h"

namespace peira::model {
namespace {

using Floats = std::vector<float>;

struct Stored {
  Tensor values;
  Tensor scales;
  Weight weight() const {
    return scales.view().data == nullptr ? Weight(values) : Weight(values, scales);
  }
};

// Random bytes; block scales, which could be anything, are made small and finite.
Stored random_weight(DType dtype, std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  Stored out{host_tensor(dtype, {rows, columns}), {}};
  auto* const bytes = static_cast<std::uint8_t*>(out.values.view().data);
  const std::int64_t num_bytes = bytes_of(dtype, rows * columns);
  for (std::int64_t i = 0; i < num_bytes; ++i) bytes[i] = static_cast<std::uint8_t>(random());
  const auto set_half = [&](std::int64_t at) {  // between 2^-12 and 2^-4
    const std::uint16_t half =
        static_cast<std::uint16_t>((3 + random() % 8) << 10 | random() % 1024);
    std::memcpy(bytes + at, &half, 2);
  };
  const std::int64_t block = block_bytes(dtype);
  for (std::int64_t at = 0; at + block <= num_bytes; at += block) {
    switch (dtype) {
      case DType::kF8E4M3:
        if ((bytes[at] & 0x7F) == 0x7F) bytes[at] ^= 1;
        break;
      case DType::kQ4_0:
      case DType::kQ5_0:
      case DType::kQ8_0:
        set_half(at);
        break;
      case DType::kQ4_K:
      case DType::kQ5_K:
        set_half(at);
        set_half(at + 2);
        break;
      case DType::kQ6_K:
        set_half(at + 208);
        break;
      case DType::kMXFP4:
        bytes[at] = static_cast<std::uint8_t>(120 + bytes[at] % 8);
        break;
      default:
        break;
    }
  }
  if (dtype == DType::kF8E4M3) {
    out.scales =
        host_tensor(DType::kF32, {(rows + kFp8Block - 1) / kFp8Block, (columns + 127) / kFp8Block});
    for (std::int64_t i = 0; i < out.scales.shape().num_elements(); ++i) {
      out.scales.view().f32()[i] = static_cast<float>(1 + random() % 1000) * 1e-4F;
    }
  }
  return out;
}

// Normal values as bf16 or f32.
Tensor normal_weight(DType dtype, std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  Tensor out = host_tensor(dtype, {rows, columns});
  std::normal_distribution<float> normal(0.01F, 0.1F);
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    if (dtype == DType::kF32) {
      out.view().f32()[i] = normal(random);
    } else {
      static_cast<std::uint16_t*>(out.view().data)[i] = bf16_from_float(normal(random));
    }
  }
  return out;
}

Tensor normal_rows(std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  return normal_weight(DType::kF32, rows, columns, random);
}

Floats product(Backend& backend, const ConstTensorView& x, const Weight& placed) {
  const Tensor out = host_tensor(DType::kF32, {x.rows(), placed.shape()[0]});
  backend.linear(x, std::array{LinearPart{placed, {}, out}});
  const float* const data = out.view().f32();
  return {data, data + out.shape().num_elements()};
}

// The placed weight's values: its products with unit vectors, [out_features, in_features].
Tensor values_of(Backend& backend, const Weight& placed) {
  const std::int64_t rows = placed.shape()[0];
  const std::int64_t columns = placed.shape()[1];
  const Tensor unit = host_tensor(DType::kF32, {columns, columns});
  for (std::int64_t i = 0; i < columns; ++i) unit.view().f32()[i * columns + i] = 1;
  const Floats transposed = product(backend, unit, placed);
  Tensor out = host_tensor(DType::kF32, {rows, columns});
  for (std::int64_t n = 0; n < rows; ++n) {
    for (std::int64_t k = 0; k < columns; ++k) {
      out.view().f32()[n * columns + k] = transposed[static_cast<std::size_t>(k * rows + n)];
    }
  }
  return out;
}

std::unique_ptr<Backend> cpu(WeightPrecision weights = WeightPrecision::kStored, int threads = 1) {
  return make_backend({.device = "cpu", .num_threads = threads, .weights = weights});
}

// For each number of rows that takes another way through the kernels.
void expect_products_of(const Weight& placed, const ConstTensorView& wide, std::mt19937& random) {
  const auto backend = cpu();
  const auto plain = cpu();
  const auto threaded = cpu(WeightPrecision::kStored, 3);
  for (const std::int64_t rows : {1, 3, 6, 7, 50}) {
    const Tensor x = normal_rows(rows, placed.shape()[1], random);
    const Floats want = product(*plain, x, wide);
    EXPECT_EQ(product(*backend, x, placed), want) << rows << " rows";
    EXPECT_EQ(product(*threaded, x, placed), want) << rows << " rows";
  }
}

class StoredFormat : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(All, StoredFormat,
                         ::testing::Values(DType::kF8E4M3, DType::kQ4_0, DType::kQ5_0, DType::kQ8_0,
                                           DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kMXFP4),
                         [](const auto& param) { return std::string(name_of(param.param)); });

TEST_P(StoredFormat, WidensAndMultipliesAsDefined) {
  std::mt19937 random(7);
  const std::int64_t block = block_elements(GetParam());
  std::vector<std::int64_t> widths{block, 3 * block};
  if (block == 1) widths = {5, 16, 130, 300, 1100};  // the last in two blocks of columns
  for (const std::int64_t columns : widths) {
    for (const std::int64_t rows : {1, 6, 131}) {
      const Stored stored = random_weight(GetParam(), rows, columns, random);
      const auto backend = cpu();
      const Weight placed = backend->place_matrix(stored.weight());
      const Tensor values = values_of(*backend, placed);
      Floats want(static_cast<std::size_t>(columns));
      for (std::int64_t n = 0; n < rows; ++n) {
        widen_row(stored.weight(), n, want.data());
        const float* const got = values.view().f32() + n * columns;
        ASSERT_TRUE(std::equal(want.begin(), want.end(), got)) << "row " << n;
      }
      expect_products_of(placed, values, random);
    }
  }
}

// By hand from the definitions: the codes that stand for NaN, and the smallest scales.
TEST(StoredFormat, ShowsWhatIsNotANumber) {
  const auto backend = cpu();
  const Tensor x = host_tensor(DType::kF32, {1, 32});
  std::fill_n(x.view().f32(), 32, 1.0F);
  const Tensor f8 = host_tensor(DType::kF8E4M3, {1, 32});
  static_cast<std::uint8_t*>(f8.view().data)[9] = 0xFF;
  const Tensor one = host_tensor(DType::kF32, {1, 1});
  one.view().f32()[0] = 1;
  EXPECT_TRUE(std::isnan(product(*backend, x, Weight(f8, one))[0]));
  const Tensor mx = host_tensor(DType::kMXFP4, {1, 32});
  auto* const bytes = static_cast<std::uint8_t*>(mx.view().data);
  bytes[0] = 0xFF;
  EXPECT_TRUE(std::isnan(product(*backend, x, mx)[0]));
  bytes[0] = 0;
  bytes[1] = 0x07;  // element 0 is 6: 6 * 2^-127
  EXPECT_EQ(product(*backend, x, mx)[0], std::ldexp(6.0F, -127));
}

// int8 and int4 are Highway's; without it the plain loops serve, which have neither.
bool has_loaded_formats() { return cpu()->name() != "cpu/reference"; }

class LoadedFormat : public ::testing::TestWithParam<WeightPrecision> {
 protected:
  void SetUp() override {
    if (!has_loaded_formats()) GTEST_SKIP() << "NOT TESTED: built without Highway";
  }
};
INSTANTIATE_TEST_SUITE_P(All, LoadedFormat,
                         ::testing::Values(WeightPrecision::kInt8, WeightPrecision::kInt4),
                         [](const auto& param) {
                           return param.param == WeightPrecision::kInt8 ? "int8" : "int4";
                         });

TEST_P(LoadedFormat, StaysWithinItsStep) {
  std::mt19937 random(11);
  const bool is_int8 = GetParam() == WeightPrecision::kInt8;
  for (const DType dtype : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t columns : {1, 31, 64, 200, 256}) {
      for (const std::int64_t rows : {1, 9}) {
        const Tensor stored = normal_weight(dtype, rows, columns, random);
        const auto backend = cpu(GetParam(), 2);
        const Weight placed = backend->place_matrix(stored);
        ASSERT_NE(placed.packed, nullptr);
        const Tensor values = values_of(*backend, placed);
        const std::int64_t group = is_int8 ? 64 : 32;
        Floats want(static_cast<std::size_t>(columns));
        double squares = 0;
        double error_squares = 0;
        for (std::int64_t n = 0; n < rows; ++n) {
          widen_row(stored, n, want.data());
          for (std::int64_t first = 0; first < columns; first += group) {
            const std::int64_t last = std::min(columns, first + group);
            const auto begin = want.begin() + first;
            const auto end = want.begin() + last;
            const auto [low, high] = std::minmax_element(begin, end);
            // int8: half a step of max|w| / 127. int4: at worst the end that was cut off, 12 % of
            // the span with the zeros of a padded group in it, and half a step.
            const float largest = std::max(std::abs(*low), std::abs(*high));
            const float span = std::max(*high, 0.0F) - std::min(*low, 0.0F);
            const float allowed = is_int8 ? largest / 127 * 0.5001F : span * (0.12F + 0.5F / 15);
            for (std::int64_t k = first; k < last; ++k) {
              const float got = values.view().f32()[n * columns + k];
              const float exact = want[static_cast<std::size_t>(k)];
              ASSERT_NEAR(got, exact, allowed + 0.01F * largest * !is_int8)
                  << "row " << n << " column " << k << " of " << columns;
              squares += double{exact} * exact;
              error_squares += double{got - exact} * (got - exact);
            }
          }
        }
        // Over enough values: a step of a normal group's span, 4 to 5 standard deviations, over
        // sqrt(12): 2.4 * 2 / 254 / 3.5 for int8, 4.2 / 15 / 3.5 for int4.
        if (columns * rows >= 1000) {
          EXPECT_LT(std::sqrt(error_squares / squares), is_int8 ? 0.008 : 0.09);
        }
      }
    }
  }
}

TEST_P(LoadedFormat, LeavesAloneWhatHasToStay) {
  std::mt19937 random(3);
  const auto backend = cpu(GetParam());
  Weight router = normal_weight(DType::kBF16, 8, 64, random);
  const Tensor owned = normal_weight(DType::kBF16, 8, 64, random);
  router = owned;
  router.keep_stored = true;
  const Stored q8 = random_weight(DType::kQ8_0, 4, 64, random);
  for (const Weight& stored : {router, q8.weight()}) {
    const Tensor values = values_of(*backend, backend->place_matrix(stored));
    Floats want(64);
    for (std::int64_t n = 0; n < stored.shape()[0]; ++n) {
      widen_row(stored, n, want.data());
      EXPECT_TRUE(std::equal(want.begin(), want.end(), values.view().f32() + n * 64));
    }
  }
  EXPECT_EQ(backend->place_table(owned).packed, nullptr);
}

TEST_P(LoadedFormat, ShowsADamagedWeight) {
  std::mt19937 random(3);
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Tensor stored = normal_weight(DType::kF32, 2, 64, random);
    stored.view().f32()[40] = bad;
    const auto backend = cpu(GetParam());
    const Tensor x = normal_rows(1, 64, random);
    const Floats got = product(*backend, x, backend->place_matrix(stored));
    EXPECT_FALSE(std::isfinite(got[0]));
    EXPECT_TRUE(std::isfinite(got[1]));
  }
}

// Experts take the same ways through the kernels, and biases.
TEST(QuantizedExperts, EqualExpertsWithTheSameValuesInFloat32) {
  constexpr std::int64_t kHidden = 64;
  constexpr std::int64_t kInner = 96;
  constexpr std::int64_t kExperts = 4;
  std::mt19937 random(5);
  for (const DType dtype : {DType::kMXFP4, DType::kQ8_0, DType::kBF16}) {
    const auto backend = cpu(WeightPrecision::kStored, 3);
    const auto plain = cpu();
    std::vector<Stored> owned;
    std::vector<Tensor> wide;
    ExpertWeights host, values;
    const auto add = [&](std::vector<Weight>& to, std::vector<Weight>& to_values, std::int64_t rows,
                         std::int64_t columns) {
      owned.push_back(dtype == DType::kBF16
                          ? Stored{normal_weight(dtype, rows, columns, random), {}}
                          : random_weight(dtype, rows, columns, random));
      to.push_back(owned.back().weight());
      wide.push_back(values_of(*backend, backend->place_matrix(owned.back().weight())));
      to_values.emplace_back(wide.back());
    };
    for (std::int64_t e = 0; e < kExperts; ++e) {
      add(host.gate_proj, values.gate_proj, kInner, kHidden);
      add(host.up_proj, values.up_proj, kInner, kHidden);
      add(host.down_proj, values.down_proj, kHidden, kInner);
    }
    const Tensor gate_bias = normal_weight(DType::kBF16, kExperts, kInner, random);
    const Tensor up_bias = normal_weight(DType::kBF16, kExperts, kInner, random);
    const Tensor down_bias = normal_weight(DType::kBF16, kExperts, kHidden, random);
    for (ExpertWeights* weights : {&host, &values}) {
      weights->gate_bias = gate_bias;
      weights->up_bias = up_bias;
      weights->down_bias = down_bias;
      weights->activation.kind = GatedActivation::Kind::kClampedSwiGlu;
    }
    const ExpertWeights placed = backend->place_experts(host);
    for (const std::int64_t rows : {1, 40}) {
      const Tensor x = normal_rows(rows, kHidden, random);
      const Tensor ids = host_tensor(DType::kI32, {rows, 2});
      const Tensor weights = normal_rows(rows, 2, random);
      for (std::int64_t i = 0; i < rows * 2; ++i) {
        ids.view().i32()[i] = static_cast<std::int32_t>(random() % kExperts);
      }
      const Tensor got = host_tensor(DType::kF32, {rows, kHidden});
      const Tensor want = host_tensor(DType::kF32, {rows, kHidden});
      backend->experts(x, ids, weights, placed, got);
      plain->experts(x, ids, weights, values, want);
      if (dtype == DType::kBF16 && backend->name().find("+AMX") != std::string::npos) {
        // Tiles sum in an order of their own; amx_matmul_test.cpp has their bits.
        for (std::int64_t i = 0; i < rows * kHidden; ++i) {
          EXPECT_NEAR(got.view().f32()[i], want.view().f32()[i], 1e-4) << i;
        }
        continue;
      }
      EXPECT_EQ(std::memcmp(got.view().data, want.view().data,
                            static_cast<std::size_t>(rows * kHidden) * 4),
                0)
          << name_of(dtype) << ", " << rows << " rows";
    }
  }
}

}  // namespace
}  // namespace peira::model
