// The operations that encoders add to those of the decoder, on every backend.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/model/backend_fixture.h"

namespace peira::model {
namespace {

using test::kRowCounts;
using test::kWeightTypes;

class EncoderOps : public test::BackendFixture {};

INSTANTIATE_TEST_SUITE_P(All, EncoderOps, test::all_subjects(), test::subject_name);

TEST_P(EncoderOps, LayerNorm) {
  for (const DType dtype : kWeightTypes) {
    for (const std::int64_t size : {1, 3, 16, 31, 64, 100, 257, 1152}) {
      const Tensor weight = values_.vector(dtype, {size});
      const Tensor bias = values_.vector(dtype, {size});
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, size}, 5);
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          const Tensor in = put(backend, x.slice(first, count));
          const Tensor out = floats(backend, {count, size});
          const ConstTensorView scale = backend.place_vector(weight);
          const ConstTensorView shift = backend.place_vector(bias);
          backend.layer_norm(in, scale, shift, 1e-6F, out);
          backend.layer_norm(in, scale, shift, 1e-6F, in);  // in place
          EXPECT_TRUE(same_bits(get(backend, in), get(backend, out)));
          return get(backend, out);
        });
      }
    }
  }
}

// By hand: mean 2, variance 2 / 3, so that the ends are 1 / sqrt(2 / 3) from the middle.
TEST_P(EncoderOps, LayerNormCentresAndScales) {
  const std::vector<float> x{1, 2, 3};
  const Tensor in = floats(*backend_, {1, 3});
  backend_->write(in, x);
  const std::vector<float> ones{1, 1, 1};
  const std::vector<float> shift{10, 20, 30};
  const ConstTensorView weight{ones.data(), DType::kF32, {3}};
  const ConstTensorView bias{shift.data(), DType::kF32, {3}};
  backend_->layer_norm(in, backend_->place_vector(weight), backend_->place_vector(bias), 0, in);
  expect_close(get(*backend_, in), {10 - 1.2247449F, 20, 30 + 1.2247449F});
}

TEST_P(EncoderOps, Activations) {
  for (const Activation activation :
       {Activation::kGelu, Activation::kGeluTanh, Activation::kSilu}) {
    for (const std::int64_t size : {1, 7, 16, 100}) {
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, size}, 4);
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          const Tensor out = put(backend, x.slice(first, count));
          backend.activate(activation, out);
          return get(backend, out);
        });
      }
    }
  }
}

// torch 2.15: torch.nn.functional.gelu(x), gelu(x, approximate="tanh"), silu(x).
TEST_P(EncoderOps, ActivationsHaveTheValuesOfTorch) {
  const std::vector<float> x{-3, -0.5F, 0, 0.7F, 2};
  const auto of = [&](Activation activation) {
    const Tensor out = floats(*backend_, {1, 5});
    backend_->write(out, x);
    backend_->activate(activation, out);
    return get(*backend_, out);
  };
  expect_close(of(Activation::kGelu), {-0.00405023F, -0.15426877F, 0, 0.53062546F, 1.9544997F});
  expect_close(of(Activation::kGeluTanh), {-0.00363743F, -0.15428600F, 0, 0.53057015F, 1.9545977F});
  expect_close(of(Activation::kSilu), {-0.14227761F, -0.18877034F, 0, 0.46773142F, 1.7615941F});
}

// With all axes at one position the angles are those of that position, to the bit.
TEST_P(EncoderOps, AxialAnglesOfEqualPositionsAreRopeAngles) {
  const std::vector<float> inv_freq{1, 0.31F, 0.05F, 0.0021F, 3e-5F};
  const std::vector<std::uint8_t> axes{0, 1, 2, 0, 1};
  const std::vector<std::int32_t> positions{0, 1, 17, 4095, 999'999};
  const Tensor plain = floats(*backend_, {5, 10});
  backend_->rope_angles(put(*backend_, positions, {5}), inv_freq, 1.1F, plain);

  std::vector<float> axial;
  for (const std::int32_t position : positions) {
    axial.insert(axial.end(), 3, static_cast<float>(position));
  }
  const Tensor given = floats(*backend_, {5, 3});
  backend_->write(given, axial);
  const Tensor out = floats(*backend_, {5, 10});
  backend_->axial_rope_angles(given, inv_freq, axes, 1.1F, out);

  EXPECT_TRUE(same_bits(get(*backend_, out), get(*backend_, plain)));
}

TEST_P(EncoderOps, AxialAnglesTurnByTheirAxis) {
  const std::vector<float> inv_freq{1, 1, 0.5F};
  const std::vector<std::uint8_t> axes{1, 0, 1};
  const std::vector<float> positions{0.25F, 3};
  const Tensor given = floats(*backend_, {1, 2});
  backend_->write(given, positions);
  const Tensor out = floats(*backend_, {1, 6});
  backend_->axial_rope_angles(given, inv_freq, axes, 1, out);
  expect_close(get(*backend_, out), {std::cos(3.0F), std::cos(0.25F), std::cos(1.5F),
                                     std::sin(3.0F), std::sin(0.25F), std::sin(1.5F)});
}

TEST_P(EncoderOps, SegmentAttention) {
  struct Case {
    std::int64_t rows, segment, heads, head_dim;
  };
  for (const auto& [rows, segment, heads, head_dim] :
       {Case{1, 1, 1, 4}, Case{5, 2, 2, 12}, Case{33, 33, 3, 16}, Case{64, 32, 2, 8},
        Case{70, 100, 1, 72}, Case{131, 37, 4, 20}, Case{200, 200, 2, 128}, Case{9, 1, 2, 4}}) {
    const Shape shape{rows, heads, head_dim};
    const Tensor q = values_.floats(shape, 2);
    const Tensor k = values_.floats(shape, 2);
    const Tensor v = values_.floats(shape);
    const auto run = [&](Backend& backend, std::int64_t first, std::int64_t count) {
      const Tensor out = floats(backend, {count, heads * head_dim});
      backend.segment_attention(put(backend, q.slice(first, count)),
                                put(backend, k.slice(first, count)),
                                put(backend, v.slice(first, count)), segment,
                                1 / std::sqrt(static_cast<float>(head_dim)), out);
      return get(backend, out);
    };
    const Floats got = run(*backend_, 0, rows);
    expect_close(got, run(*reference_, 0, rows));
    // A segment alone gives what it gives beside others.
    for (std::int64_t first = 0; first < rows; first += segment) {
      const std::int64_t count = std::min(segment, rows - first);
      const auto begin = static_cast<std::size_t>(first * heads * head_dim);
      const auto size = static_cast<std::size_t>(count * heads * head_dim);
      EXPECT_TRUE(same_bits(run(*backend_, first, count), std::span(got).subspan(begin, size)))
          << "segment at " << first << " of " << rows;
    }
  }
}

TEST_P(EncoderOps, ShapesThatDoNotFitAreRefused) {
  const Tensor x = floats(*backend_, {2, 4});
  const Tensor wide = floats(*backend_, {2, 1, 256});
  const Tensor out = floats(*backend_, {2, 256});
  EXPECT_THROW(backend_->segment_attention(wide, wide, wide, 1, 1, out), Error);
  const Tensor heads = floats(*backend_, {2, 1, 4});
  EXPECT_THROW(backend_->segment_attention(heads, heads, heads, 0, 1, x), Error);
  const std::vector<float> inv_freq{1, 1};
  const std::vector<std::uint8_t> axes{0, 2};
  const Tensor positions = floats(*backend_, {2, 2});
  EXPECT_THROW(backend_->axial_rope_angles(positions, inv_freq, axes, 1, x), Error);
}

}  // namespace
}  // namespace peira::model
