// What the tests of single operations share: random inputs, a backend under test beside the
// reference, and the comparison of both. Nothing here assumes that device memory is host memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/backend/backend.h"

namespace peira::test {

// Both sides work in float32 or wider; sums of n products differ by about sqrt(n) roundings of
// 2^-24 relative to the terms' size.
inline constexpr double kTolerance = 3e-6;

inline constexpr std::array<std::int64_t, 8> kRowCounts{0, 1, 2, 5, 7, 13, 49, 100};
inline constexpr std::array kWeightTypes{model::DType::kF32, model::DType::kBF16,
                                         model::DType::kF16};

// A weight in host memory, with its scales where the type has separate ones.
struct HostWeight {
  model::Tensor values;
  model::Tensor scales;

  operator model::Weight() const {  // NOLINT: an owner is also a weight
    return scales.shape().rank() > 0 ? model::Weight(values, scales) : model::Weight(values);
  }
};

// Random tensors in host memory.
class Values {
 public:
  explicit Values(unsigned seed) : random_(seed) {}

  model::Tensor floats(const model::Shape& shape, float scale = 1) {
    model::Tensor out = model::host_tensor(model::DType::kF32, shape);
    std::normal_distribution<float> normal(0, scale);
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) out.view().f32()[i] = normal(random_);
    return out;
  }

  model::Tensor vector(model::DType dtype, const model::Shape& shape) {
    model::Tensor out = model::host_tensor(dtype, shape);
    std::normal_distribution<float> normal(
        0, 1 / std::sqrt(static_cast<float>(std::max<std::int64_t>(shape[shape.rank() - 1], 1))));
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
      const float value = normal(random_);
      if (dtype == model::DType::kF32) {
        out.view().f32()[i] = value;
      } else if (dtype == model::DType::kBF16) {
        static_cast<std::uint16_t*>(out.view().data)[i] = model::bf16_from_float(value);
      } else {  // a random half between 2^-10 and 1, either sign
        const auto bits = static_cast<std::uint16_t>(random_() & 0xFFFF);
        static_cast<std::uint16_t*>(out.view().data)[i] =
            static_cast<std::uint16_t>((bits & 0x83FF) | ((5 + bits % 10) << 10));
      }
    }
    return out;
  }

  // Of any type that is plain or has separate scales.
  HostWeight matrix(model::DType dtype, const model::Shape& shape) {
    HostWeight out;
    if (dtype != model::DType::kF8E4M3) {
      out.values = vector(dtype, shape);
      return out;
    }
    out.values = model::host_tensor(dtype, shape);
    auto* const bytes = static_cast<std::uint8_t*>(out.values.view().data);
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(random_() & 0xFF);
      if ((bytes[i] & 0x7F) == 0x7F) bytes[i] ^= 1;  // no NaN
    }
    constexpr std::int64_t kBlock = model::kFp8Block;
    const model::Shape blocks{(shape[0] + kBlock - 1) / kBlock, (shape[1] + kBlock - 1) / kBlock};
    // The root mean square of all values of the type is about 85.
    const float size = 1 / (85 * std::sqrt(static_cast<float>(shape[1])));
    out.scales = floats(blocks, size);
    return out;
  }

  std::vector<std::int32_t> integers(std::int64_t count, std::int64_t below) {
    std::vector<std::int32_t> out(static_cast<std::size_t>(count));
    for (std::int32_t& value : out) {
      value = static_cast<std::int32_t>(random_() % static_cast<unsigned>(below));
    }
    return out;
  }

  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_;
};

struct Subject {
  std::string device;
  int num_threads;
};

inline void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.device << " with " << subject.num_threads << " threads";
}

class BackendFixture : public ::testing::TestWithParam<Subject> {
 protected:
  using Floats = std::vector<float>;
  // One operation on `count` rows from row `first` of the test's inputs, and what it gave.
  using Run =
      std::function<Floats(model::Backend& backend, std::int64_t first, std::int64_t count)>;

  void SetUp() override {
    const auto [device, num_threads] = GetParam();
    try {
      backend_ = model::make_backend({.device = device, .num_threads = num_threads});
    } catch (const Error& error) {
      if (device != "cuda" || error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << "NOT TESTED: device cuda: " << error.what();
    }
  }

  // --- host to device and back ---

  // A copy of the host's floats in memory of `backend` that may be written.
  static model::Tensor put(model::Backend& backend, const model::ConstTensorView& host) {
    model::Tensor out = backend.allocate(host.dtype, host.shape);
    if (host.num_elements() > 0) backend.copy(backend.place_vector(host), out);
    return out;
  }
  static model::Tensor put(model::Backend& backend, std::span<const std::int32_t> host,
                           const model::Shape& shape) {
    model::Tensor out = backend.allocate(model::DType::kI32, shape);
    backend.write(out, host);
    return out;
  }
  static model::Tensor floats(model::Backend& backend, const model::Shape& shape) {
    return backend.allocate(model::DType::kF32, shape);
  }
  // An absent vector stays absent.
  static model::ConstTensorView vector(model::Backend& backend,
                                       const model::ConstTensorView& host) {
    return host ? backend.place_vector(host) : host;
  }
  static Floats get(model::Backend& backend, const model::ConstTensorView& device) {
    Floats scratch;
    const std::span<const float> seen = backend.host_view(device, scratch);
    return {seen.begin(), seen.end()};
  }
  // The integers of a device tensor. Only floats can be read back, so their bits are.
  static std::vector<std::int32_t> get_integers(model::Backend& backend,
                                                const model::ConstTensorView& device) {
    const model::Tensor as_floats = backend.allocate(model::DType::kF32, device.shape);
    const model::ConstTensorView same_bytes{device.data, model::DType::kF32, device.shape};
    backend.copy(same_bytes, as_floats);
    const Floats bits = get(backend, as_floats);
    std::vector<std::int32_t> out(bits.size());
    std::memcpy(out.data(), bits.data(), bits.size() * sizeof(float));
    return out;
  }

  // --- comparison ---

  static void expect_close(const Floats& got, const Floats& want, double tolerance = kTolerance) {
    ASSERT_EQ(got.size(), want.size());
    double scale = 1;  // the terms' size: their sum may cancel
    for (const float value : want) scale = std::max(scale, std::abs(double{value}));
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], tolerance * scale) << "element " << i;
    }
  }

  static bool same_bits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
  }

  // `run` on all `rows` rows against the reference, and every third row alone against the same row
  // among the others, bit by bit.
  void check(std::int64_t rows, const Run& run, double tolerance = kTolerance) {
    const Floats got = run(*backend_, 0, rows);
    expect_close(got, run(*reference_, 0, rows), tolerance);
    const std::size_t columns = rows > 0 ? got.size() / static_cast<std::size_t>(rows) : 0;
    for (std::int64_t row = 0; row < rows; row += 3) {
      const std::span among =
          std::span(got).subspan(static_cast<std::size_t>(row) * columns, columns);
      ASSERT_TRUE(same_bits(run(*backend_, row, 1), among))
          << "row " << row << " of " << rows << " differs when it is computed alone";
    }
  }

  std::unique_ptr<model::Backend> backend_;
  std::unique_ptr<model::Backend> reference_ = model::make_backend({.device = "reference"});
  Values values_{static_cast<unsigned>(GetParam().num_threads)};
};

inline auto all_subjects() {
  return ::testing::Values(Subject{"reference", 1}, Subject{"cpu", 1}, Subject{"cpu", 3},
                           Subject{"cuda", 1});
}

inline std::string subject_name(const ::testing::TestParamInfo<Subject>& info) {
  return info.param.device + std::to_string(info.param.num_threads);
}

}  // namespace peira::test
