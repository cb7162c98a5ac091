// Every operation on rows of every backend against the reference, over awkward shapes, and its rows
// against the same rows computed alone, bit by bit. Operations on sequences: backend_sequence_test.
#include "model/backend/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/model/backend_fixture.h"

namespace peira::model {
namespace {

using test::HostWeight;
using test::kRowCounts;
using test::kTolerance;
using test::kWeightTypes;
using ::testing::ElementsAre;

class BackendTest : public test::BackendFixture {
 protected:
  Floats linear(Backend& backend, const ConstTensorView& x, const Weight& weight,
                const ConstTensorView& bias) {
    const Tensor out = floats(backend, {x.rows(), weight.shape()[0]});
    backend.linear(put(backend, x), std::array{LinearPart{backend.place_matrix(weight),
                                                          vector(backend, bias), out}});
    return get(backend, out);
  }

  Floats activate(Backend& backend, const GatedActivation& activation, const ConstTensorView& gate,
                  const ConstTensorView& up) {
    const Tensor out = floats(backend, gate.shape);
    const Tensor gate_there = put(backend, gate);
    const Tensor up_there = put(backend, up);
    backend.gated_activation(activation, gate_there, up_there, out);
    Floats apart = get(backend, out);
    const Tensor over_up = put(backend, up);
    backend.gated_activation(activation, gate_there, over_up, over_up);
    EXPECT_TRUE(same_bits(get(backend, over_up), apart));
    backend.gated_activation(activation, gate_there, up_there, gate_there);
    EXPECT_TRUE(same_bits(get(backend, gate_there), apart));
    return apart;
  }
};

INSTANTIATE_TEST_SUITE_P(All, BackendTest, test::all_subjects(), test::subject_name);

TEST_P(BackendTest, Embedding) {
  for (const DType dtype : kWeightTypes) {
    const Tensor table = values_.vector(dtype, {11, 13});
    for (const float scale : {1.0F, 3.5F}) {
      for (const std::int64_t rows : kRowCounts) {
        const std::vector<std::int32_t> tokens = values_.integers(rows, 11);
        const auto run = [&](Backend& backend) {
          const Tensor out = floats(backend, {rows, 13});
          backend.embedding(put(backend, tokens, {rows}), backend.place_table(table), scale, out);
          return get(backend, out);
        };
        EXPECT_TRUE(same_bits(run(*backend_), run(*reference_)));
      }
    }
  }
}

TEST_P(BackendTest, RmsNorm) {
  for (const DType dtype : kWeightTypes) {
    for (const std::int64_t size : {1, 3, 16, 31, 64, 100, 257}) {
      const Tensor weight = values_.vector(dtype, {size});
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, size}, 5);
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          const Tensor in = put(backend, x.slice(first, count));
          const Tensor out = floats(backend, {count, size});
          const ConstTensorView placed = backend.place_vector(weight);
          backend.rms_norm(in, placed, 1e-6F, out);
          backend.rms_norm(in, placed, 1e-6F, in);  // in place
          EXPECT_TRUE(same_bits(get(backend, in), get(backend, out)));
          return get(backend, out);
        });
      }
    }
  }
}

TEST_P(BackendTest, Linear) {
  for (const DType dtype : kWeightTypes) {
    for (const std::int64_t size : {1, 8, 18, 33, 64, 250}) {
      for (const std::int64_t outputs : {1, 3, 4, 6, 29, 66}) {
        const HostWeight weight = values_.matrix(dtype, {outputs, size});
        const Tensor bias = values_.vector(dtype, {outputs});
        for (const std::int64_t rows : kRowCounts) {
          const Tensor x = values_.floats({rows, size});
          check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
            return linear(backend, x.slice(first, count), weight, bias);
          });
        }
      }
    }
  }
}

// The parts of one call are what each gives alone, whatever their types.
TEST_P(BackendTest, LinearPartsAreIndependent) {
  const std::int64_t size = 130;
  const HostWeight first = values_.matrix(DType::kF32, {67, size});
  const HostWeight second = values_.matrix(DType::kBF16, {5, size});
  const HostWeight third = values_.matrix(DType::kF8E4M3, {12, size});
  const Tensor bias = values_.vector(DType::kBF16, {5});
  for (const std::int64_t rows : kRowCounts) {
    const Tensor x = values_.floats({rows, size});
    const Tensor x_there = put(*backend_, x);
    const Tensor out_first = floats(*backend_, {rows, 67});
    const Tensor out_second = floats(*backend_, {rows, 5});
    const Tensor out_third = floats(*backend_, {rows, 12});
    backend_->linear(x_there, std::array{LinearPart{backend_->place_matrix(first), {}, out_first},
                                         LinearPart{backend_->place_matrix(second),
                                                    backend_->place_vector(bias), out_second},
                                         LinearPart{backend_->place_matrix(third), {}, out_third}});
    expect_close(get(*backend_, out_first), linear(*reference_, x, first, {}));
    expect_close(get(*backend_, out_second), linear(*reference_, x, second, bias));
    expect_close(get(*backend_, out_third), linear(*reference_, x, third, {}));
  }
}

// Blocks of 128 x 128 share a scale; sizes inside, at and past their borders.
TEST_P(BackendTest, LinearOfFp8Blocks) {
  for (const std::int64_t size : {1, 18, 127, 128, 129, 384, 400}) {
    for (const std::int64_t outputs : {1, 6, 128, 130, 257}) {
      const HostWeight weight = values_.matrix(DType::kF8E4M3, {outputs, size});
      const Tensor bias = values_.vector(DType::kBF16, {outputs});
      for (const std::int64_t rows : {0, 1, 5, 33}) {
        const Tensor x = values_.floats({rows, size});
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          return linear(backend, x.slice(first, count), weight, bias);
        });
      }
    }
  }
}

// By hand: 1.5 is 0x3C and -448 is 0xFE; a scale of 2 for row 0, of 0.5 for row 128.
TEST_P(BackendTest, Fp8ScalesBelongToTheirBlocks) {
  const Tensor weight = host_tensor(DType::kF8E4M3, {129, 129});
  const Tensor scales = host_tensor(DType::kF32, {2, 2});
  auto* const bytes = static_cast<std::uint8_t*>(weight.view().data);
  bytes[0] = 0x3C;
  bytes[128] = 0xFE;
  bytes[128 * 129] = 0xFE;
  bytes[128 * 129 + 128] = 0x3C;
  std::copy_n(std::array{2.0F, 0.25F, 0.5F, 8.0F}.data(), 4, scales.view().f32());
  const Tensor x = host_tensor(DType::kF32, {2, 129});
  x.view().f32()[0] = 1;          // row 0: input 0
  x.view().f32()[129 + 128] = 1;  // row 1: input 128
  const Floats got = linear(*backend_, x, Weight(weight, scales), {});
  EXPECT_EQ(got[0], 3.0F);
  EXPECT_EQ(got[128], -224.0F);
  EXPECT_EQ(got[129], -112.0F);
  EXPECT_EQ(got[129 + 128], 12.0F);
}

TEST_P(BackendTest, Rope) {
  constexpr std::int64_t kHeads = 3;
  for (const std::int64_t half : {1, 6, 8, 19, 64}) {
    std::vector<float> inv_freq(static_cast<std::size_t>(half));
    for (std::size_t i = 0; i < inv_freq.size(); ++i) {
      inv_freq[i] = std::pow(1e4F, -static_cast<float>(i) / static_cast<float>(half));
    }
    for (const std::int64_t rows : kRowCounts) {
      const std::vector<std::int32_t> positions = values_.integers(rows, 1'000'000);
      const Tensor angles = host_tensor(DType::kF32, {rows, 2 * half});
      const auto part = [&](std::int64_t first, std::int64_t count) {
        return std::span(positions).subspan(static_cast<std::size_t>(first),
                                            static_cast<std::size_t>(count));
      };
      check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
        const Tensor out = floats(backend, {count, 2 * half});
        backend.rope_angles(put(backend, part(first, count), {count}), inv_freq, 1.25F, out);
        return get(backend, out);
      });
      reference_->rope_angles(put(*reference_, positions, {rows}), inv_freq, 1.25F, angles);
      // All of a head turns, or its first elements only.
      for (const std::int64_t rest : {0, 2, 21}) {
        const std::int64_t head_dim = 2 * half + rest;
        const Tensor x = values_.floats({rows, kHeads, head_dim});
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          const Tensor turned = put(backend, x.slice(first, count));
          backend.rope(turned, put(backend, angles.slice(first, count)));
          Floats got = get(backend, turned);
          for (std::int64_t i = 0; i < static_cast<std::int64_t>(got.size()); ++i) {
            if (i % head_dim < 2 * half) continue;
            EXPECT_EQ(got[static_cast<std::size_t>(i)],
                      x.view().f32()[first * kHeads * head_dim + i]);
          }
          return got;
        });
      }
    }
  }
}

// The product at a far position has to be rounded to float32 once: cos(fl(999983 * fl(0.1))).
// numpy 2: np.cos(np.float32(999983) * np.float32(0.1)) = 0.15958731, np.sin(...) = 0.9871838
TEST_P(BackendTest, RopeAnglesRoundAsTransformersDoes) {
  const Tensor out = floats(*backend_, {1, 2});
  backend_->rope_angles(put(*backend_, std::array{999983}, {1}), std::array{0.1F}, 1, out);
  const Floats got = get(*backend_, out);
  EXPECT_NEAR(got[0], 0.15958731F, 1e-6);
  EXPECT_NEAR(got[1], 0.9871838F, 1e-6);
}

TEST_P(BackendTest, RouteTakesTheBestAndTheLowestIdOfATie) {
  const auto route = [](Backend& backend, const ConstTensorView& logits, bool norm_topk_prob,
                        std::int64_t top_k) {
    const Tensor ids = backend.allocate(DType::kI32, {logits.rows(), top_k});
    const Tensor weights = floats(backend, {logits.rows(), top_k});
    backend.route(put(backend, logits), norm_topk_prob, ids, weights);
    return std::pair(get_integers(backend, ids), get(backend, weights));
  };
  for (const std::int64_t num_experts : {1, 2, 8, 60, 257}) {
    for (const std::int64_t top_k :
         {std::int64_t{1}, std::min<std::int64_t>(3, num_experts), num_experts}) {
      for (const std::int64_t rows : kRowCounts) {
        for (const bool norm_topk_prob : {false, true}) {
          const Tensor logits = values_.floats({rows, num_experts}, 2);
          const auto [want_ids, want] = route(*reference_, logits, norm_topk_prob, top_k);
          const auto [got_ids, got] = route(*backend_, logits, norm_topk_prob, top_k);
          EXPECT_EQ(got_ids, want_ids);
          expect_close(got, want);
          if (rows < 2) continue;
          const auto [alone_ids, alone] =
              route(*backend_, logits.slice(rows - 1, 1), norm_topk_prob, top_k);
          EXPECT_TRUE(same_bits(alone, std::span(got).last(alone.size())));
        }
      }
    }
  }
  const Tensor logits = host_tensor(DType::kF32, {1, 4});
  std::copy_n(std::array{1.0F, 3.0F, 3.0F, 2.0F}.data(), 4, logits.view().f32());
  const auto [ids, weights] = route(*backend_, logits, true, 2);
  EXPECT_THAT(ids, ElementsAre(1, 2));
  EXPECT_FLOAT_EQ(weights[0], 0.5F);  // by hand: e^3 / (e^3 + e^3)
}

struct ExpertCase {
  const char* name;
  DType dtype;
  bool has_bias;
  GatedActivation::Kind kind;
};

TEST_P(BackendTest, Experts) {
  struct Sizes {
    std::int64_t hidden, inner;
    std::size_t num_experts;
    std::int64_t top_k;
  };
  using Kind = GatedActivation::Kind;
  for (const ExpertCase& one : {ExpertCase{"f32", DType::kF32, false, Kind::kSwiGlu},
                                ExpertCase{"bf16", DType::kBF16, false, Kind::kSwiGlu},
                                ExpertCase{"f16", DType::kF16, false, Kind::kSwiGlu},
                                ExpertCase{"fp8", DType::kF8E4M3, false, Kind::kSwiGlu},
                                ExpertCase{"biases", DType::kBF16, true, Kind::kClampedSwiGlu},
                                ExpertCase{"fp8, biases", DType::kF8E4M3, true, Kind::kSwiGlu},
                                ExpertCase{"gelu", DType::kF32, false, Kind::kGeGluTanh}}) {
    SCOPED_TRACE(one.name);
    for (const Sizes sizes :
         {Sizes{32, 18, 8, 2}, Sizes{40, 70, 5, 5}, Sizes{7, 3, 1, 1}, Sizes{130, 66, 3, 1}}) {
      std::vector<HostWeight> owned;
      ExpertWeights host;
      // A low limit, so that some values are clamped.
      host.activation = {.kind = one.kind, .limit = 0.7F};
      const auto add = [&](std::vector<Weight>& to, const Shape& shape) {
        owned.push_back(values_.matrix(one.dtype, shape));
        to.emplace_back(owned.back());
      };
      const auto num_experts = static_cast<std::int64_t>(sizes.num_experts);
      for (std::size_t e = 0; e < sizes.num_experts; ++e) {
        add(host.gate_proj, {sizes.inner, sizes.hidden});
        add(host.up_proj, {sizes.inner, sizes.hidden});
        add(host.down_proj, {sizes.hidden, sizes.inner});
      }
      const Tensor gate_bias = values_.floats({num_experts, sizes.inner});
      const Tensor up_bias = values_.vector(DType::kBF16, {num_experts, sizes.inner});
      const Tensor down_bias = values_.vector(DType::kF16, {num_experts, sizes.hidden});
      if (one.has_bias) {
        host.gate_bias = gate_bias;
        host.up_bias = up_bias;
        host.down_bias = down_bias;
      }
      const ExpertWeights there = backend_->place_experts(host);
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, sizes.hidden});
        const std::vector<std::int32_t> ids = values_.integers(rows * sizes.top_k, num_experts);
        const Tensor expert_weights = values_.floats({rows, sizes.top_k});
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          const Tensor out = floats(backend, {count, sizes.hidden});
          const auto chosen = std::span(ids).subspan(static_cast<std::size_t>(first * sizes.top_k),
                                                     static_cast<std::size_t>(count * sizes.top_k));
          backend.experts(put(backend, x.slice(first, count)),
                          put(backend, chosen, {count, sizes.top_k}),
                          put(backend, expert_weights.slice(first, count)),
                          &backend == backend_.get() ? there : host, out);
          return get(backend, out);
        });
      }
    }
  }
}

TEST_P(BackendTest, GatedActivations) {
  for (const GatedActivation activation :
       {GatedActivation{.kind = GatedActivation::Kind::kSwiGlu},
        GatedActivation{.kind = GatedActivation::Kind::kGeGluTanh},
        GatedActivation{.kind = GatedActivation::Kind::kClampedSwiGlu, .limit = 2, .alpha = 1.5F},
        GatedActivation{.kind = GatedActivation::Kind::kClampedSwiGlu}}) {
    for (const std::int64_t size : {1, 15, 16, 100}) {
      for (const std::int64_t rows : kRowCounts) {
        const Tensor gate = values_.floats({rows, size}, 4);
        const Tensor up = values_.floats({rows, size}, 4);
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          return activate(backend, activation, gate.slice(first, count), up.slice(first, count));
        });
      }
    }
  }
}

// torch 2.15, float32: silu(1.5) * 0.5; gelu(1.5, approximate="tanh") * 0.5; and by hand from the
// formula of gpt-oss with gate 9 clamped to 7, up -8 to -7: 7 / (1 + exp(-1.702 * 7)) * -6.
TEST_P(BackendTest, GatedActivationsHaveTheirPublishedValues) {
  const auto value = [&](GatedActivation::Kind kind, float gate, float up) {
    const Tensor g = host_tensor(DType::kF32, {1, 1});
    const Tensor u = host_tensor(DType::kF32, {1, 1});
    g.view().f32()[0] = gate;
    u.view().f32()[0] = up;
    return activate(*backend_, {.kind = kind}, g, u)[0];
  };
  EXPECT_NEAR(value(GatedActivation::Kind::kSwiGlu, 1.5F, 0.5F), 0.613180816F, 1e-6);
  EXPECT_NEAR(value(GatedActivation::Kind::kGeGluTanh, 1.5F, 0.5F), 0.699785769F, 1e-6);
  EXPECT_NEAR(value(GatedActivation::Kind::kClampedSwiGlu, 9, -8), -41.9997191F, 4e-5);
}

// Far out an activation is 0 or the identity, never NaN.
TEST_P(BackendTest, GatedActivationsSaturate) {
  const Tensor gate = host_tensor(DType::kF32, {1, 18});
  const Tensor up = host_tensor(DType::kF32, {1, 18});
  std::fill_n(up.view().f32(), 18, 1.0F);
  std::fill_n(gate.view().f32(), 9, -1e4F);
  std::fill_n(gate.view().f32() + 9, 9, 1e4F);
  for (const GatedActivation::Kind kind :
       {GatedActivation::Kind::kSwiGlu, GatedActivation::Kind::kGeGluTanh}) {
    const Floats got = activate(*backend_, {.kind = kind}, gate, up);
    for (std::size_t i = 0; i < 18; ++i) EXPECT_NEAR(got[i], i < 9 ? 0.0F : 1e4F, 1e-20F);
  }
}

TEST_P(BackendTest, MultiplySigmoid) {
  for (const std::int64_t size : {1, 6, 16, 96}) {
    for (const std::int64_t gates : {std::int64_t{1}, size / 2, size}) {
      if (gates == 0) continue;
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, size}, 3);
        const Tensor gate = values_.floats({rows, gates}, 3);
        check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
          const Tensor out = put(backend, x.slice(first, count));
          backend.multiply_sigmoid(out, put(backend, gate.slice(first, count)));
          return get(backend, out);
        });
      }
    }
  }
}

TEST_P(BackendTest, ClampAndSoftcap) {
  for (const std::int64_t size : {1, 15, 16, 100}) {
    for (const std::int64_t rows : kRowCounts) {
      const Tensor x = values_.floats({rows, size}, 20);
      check(
          rows,
          [&](Backend& backend, std::int64_t first, std::int64_t count) {
            const Tensor out = put(backend, x.slice(first, count));
            backend.clamp(out, 8);
            return get(backend, out);
          },
          0);
      check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
        const Tensor out = put(backend, x.slice(first, count));
        backend.softcap(out, 30);
        return get(backend, out);
      });
    }
  }
  // By hand: clamped to the limit; 30 tanh(1) = 22.8478247, and far out the cap itself.
  const Tensor x = host_tensor(DType::kF32, {1, 4});
  std::copy_n(std::array{30.0F, -1e9F, 1e9F, 0.0F}.data(), 4, x.view().f32());
  const Tensor clamped = put(*backend_, x);
  backend_->clamp(clamped, 8);
  EXPECT_THAT(get(*backend_, clamped), ElementsAre(8, -8, 8, 0));
  const Tensor capped = put(*backend_, x);
  backend_->softcap(capped, 30);
  expect_close(get(*backend_, capped), {22.8478247F, -30, 30, 0});
}

TEST_P(BackendTest, AddGatherAndCopyAreExact) {
  for (const std::int64_t rows : kRowCounts) {
    const Tensor x = values_.floats({rows, 21});
    const Tensor y = values_.floats({rows, 21});
    const Tensor sum = host_tensor(DType::kF32, {rows, 21});
    for (std::int64_t i = 0; i < rows * 21; ++i) {
      sum.view().f32()[i] = x.view().f32()[i] + y.view().f32()[i];
    }
    const Tensor x_there = put(*backend_, x);
    backend_->add(x_there, put(*backend_, y));
    const Floats got = get(*backend_, x_there);
    EXPECT_TRUE(same_bits(got, {sum.view().f32(), got.size()}));
    if (rows == 0) continue;
    const std::vector<std::int32_t> picks = values_.integers(5, rows);
    const Tensor picked = floats(*backend_, {5, 21});
    backend_->gather_rows(x_there, put(*backend_, picks, {5}), picked);
    const Floats gathered = get(*backend_, picked);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_TRUE(same_bits(std::span(gathered).subspan(i * 21, 21),
                            std::span(got).subspan(static_cast<std::size_t>(picks[i]) * 21, 21)));
    }
  }
}

TEST_P(BackendTest, ArgMaxIsTheFirstOfTheLargest) {
  const auto run = [](Backend& backend, const ConstTensorView& x) {
    const Tensor index = backend.allocate(DType::kI32, {x.rows()});
    const Tensor value = floats(backend, {x.rows()});
    backend.arg_max(put(backend, x), index, value);
    std::vector<std::int32_t> indices(static_cast<std::size_t>(x.rows()));
    backend.read(index, indices);
    EXPECT_EQ(indices, get_integers(backend, index));
    return std::pair(indices, get(backend, value));
  };
  for (const std::int64_t size : {1, 5, 33, 1024, 3000}) {
    for (const std::int64_t rows : kRowCounts) {
      const Tensor x = values_.floats({rows, size});
      // Few different values, so that ties are common.
      for (std::int64_t i = 0; i < rows * size; ++i) {
        x.view().f32()[i] = std::round(x.view().f32()[i]);
      }
      EXPECT_EQ(run(*backend_, x), run(*reference_, x));
    }
  }
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Tensor x = host_tensor(DType::kF32, {4, 4});
  std::copy_n(std::array{kNaN, -3.0F, -2.0F, -2.0F, -kInf, -kInf, -1.0F, kNaN, -0.0F, 0.0F, -1.0F,
                         0.0F, -1.0F, kInf, 2.0F, kInf}
                  .data(),
              16, x.view().f32());
  EXPECT_THAT(run(*backend_, x).first, ElementsAre(2, 2, 0, 1));
}

TEST_P(BackendTest, PickTakesAColumnOfEachRow) {
  for (const std::int64_t rows : kRowCounts) {
    const Tensor x = values_.floats({rows, 37});
    const std::vector<std::int32_t> columns = values_.integers(rows, 37);
    const Tensor out = floats(*backend_, {rows});
    backend_->pick(put(*backend_, x), put(*backend_, columns, {rows}), out);
    const Floats got = get(*backend_, out);
    for (std::int64_t t = 0; t < rows; ++t) {
      const auto i = static_cast<std::size_t>(t);
      EXPECT_EQ(got[i], x.view().f32()[t * 37 + columns[i]]);
    }
  }
}

TEST_P(BackendTest, LogSumExp) {
  for (const std::int64_t size : {1, 5, 16, 80, 1539}) {
    for (const std::int64_t rows : kRowCounts) {
      const Tensor logits = values_.floats({rows, size}, 10);
      check(rows, [&](Backend& backend, std::int64_t first, std::int64_t count) {
        const Tensor out = floats(backend, {count});
        backend.log_sum_exp(put(backend, logits.slice(first, count)), out);
        return get(backend, out);
      });
    }
  }
}

// A damaged weight must not pass as a number.
TEST_P(BackendTest, NanStaysNan) {
  for (const std::int64_t at : {0, 7, 17}) {
    const Tensor x = values_.floats({1, 18});
    x.view().f32()[at] = NAN;
    const Tensor out = floats(*backend_, {1});
    backend_->log_sum_exp(put(*backend_, x), out);
    EXPECT_FALSE(std::isfinite(get(*backend_, out)[0])) << at;
    const Tensor clamped = put(*backend_, x);
    backend_->clamp(clamped, 8);
    EXPECT_TRUE(std::isnan(get(*backend_, clamped)[static_cast<std::size_t>(at)])) << at;
  }
}

TEST_P(BackendTest, RefusesShapesThatDoNotFit) {
  const Tensor x = floats(*backend_, {2, 8});
  const HostWeight weight = values_.matrix(DType::kBF16, {4, 9});
  const Tensor out = floats(*backend_, {2, 4});
  EXPECT_THROW(backend_->linear(x, std::array{LinearPart{backend_->place_matrix(weight), {}, out}}),
               Error);
  EXPECT_THROW(backend_->add(x, out), Error);
  EXPECT_THROW(backend_->rms_norm(x, backend_->place_vector(weight.values), 1e-6F, x), Error);
  EXPECT_THROW(backend_->multiply_sigmoid(x, floats(*backend_, {2, 3})), Error);
}

}  // namespace
}  // namespace peira::model
