// Every operation of every backend against the reference, over awkward shapes, and its rows against
// the same rows computed alone, bit by bit.
#include "model/backend/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include "base/error.h"
#include "tests/model/batch_rows.h"

namespace peira::model {
namespace {

// Both sides work in float32 or wider; sums of n products differ by about sqrt(n) roundings of
// 2^-24 relative to the terms' size.
constexpr double kTolerance = 3e-6;

class Values {
 public:
  explicit Values(unsigned seed) : random_(seed) {}

  Tensor floats(const Shape& shape, float scale = 1) {
    Tensor out = host_tensor(DType::kF32, shape);
    std::normal_distribution<float> normal(0, scale);
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) out.view().f32()[i] = normal(random_);
    return out;
  }
  Tensor weight(DType dtype, const Shape& shape) {
    Tensor out = host_tensor(dtype, shape);
    std::normal_distribution<float> normal(
        0, 1 / std::sqrt(static_cast<float>(std::max<std::int64_t>(shape[shape.rank() - 1], 1))));
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
      const float value = normal(random_);
      if (dtype == DType::kF32) {
        out.view().f32()[i] = value;
      } else if (dtype == DType::kBF16) {
        static_cast<std::uint16_t*>(out.view().data)[i] = bf16_from_float(value);
      } else {  // a random half between 2^-10 and 1, either sign
        const auto bits = static_cast<std::uint16_t>(random_() & 0xFFFF);
        static_cast<std::uint16_t*>(out.view().data)[i] =
            static_cast<std::uint16_t>((bits & 0x83FF) | ((5 + bits % 10) << 10));
      }
    }
    return out;
  }
  Tensor integers(const Shape& shape, int below) {
    Tensor out = host_tensor(DType::kI32, shape);
    for (std::int64_t i = 0; i < shape.num_elements(); ++i) {
      out.view().i32()[i] = static_cast<std::int32_t>(random_() % static_cast<unsigned>(below));
    }
    return out;
  }
  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_;
};

std::span<const float> floats_of(const ConstTensorView& x) {
  return {x.f32(), static_cast<std::size_t>(x.num_elements())};
}

void expect_close(const ConstTensorView& got, const ConstTensorView& want, double tolerance) {
  ASSERT_EQ(got.shape, want.shape);
  double scale = 1;  // the terms' size: their sum may cancel
  for (const float value : floats_of(want)) scale = std::max(scale, std::abs(double{value}));
  for (std::int64_t i = 0; i < want.num_elements(); ++i) {
    ASSERT_NEAR(got.f32()[i], want.f32()[i], tolerance * scale) << "element " << i;
  }
}

bool same_bits(const ConstTensorView& a, const ConstTensorView& b) {
  return a.shape == b.shape &&
         std::memcmp(a.data, b.data, static_cast<std::size_t>(a.num_elements()) * 4) == 0;
}

struct Subject {
  std::string device;
  int num_threads;
};

void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.device << " with " << subject.num_threads << " threads";
}

class BackendTest : public ::testing::TestWithParam<Subject> {
 protected:
  std::unique_ptr<Backend> backend_ =
      make_backend({.device = GetParam().device, .num_threads = GetParam().num_threads});
  std::unique_ptr<Backend> reference_ = make_backend({.device = "reference"});
  Values values_{static_cast<unsigned>(GetParam().num_threads)};
};

INSTANTIATE_TEST_SUITE_P(All, BackendTest,
                         ::testing::Values(Subject{"reference", 1}, Subject{"cpu", 1},
                                           Subject{"cpu", 3}),
                         [](const auto& param) {
                           return param.param.device + std::to_string(param.param.num_threads);
                         });

constexpr std::array<std::int64_t, 8> kRowCounts{0, 1, 2, 5, 7, 13, 49, 100};
constexpr std::array kWeightTypes{DType::kF32, DType::kBF16, DType::kF16};

TEST_P(BackendTest, Embedding) {
  for (const DType dtype : kWeightTypes) {
    const Tensor table = values_.weight(dtype, {11, 13});
    for (const std::int64_t rows : kRowCounts) {
      const Tensor tokens = values_.integers({rows}, 11);
      const Tensor got = host_tensor(DType::kF32, {rows, 13});
      const Tensor want = host_tensor(DType::kF32, {rows, 13});
      backend_->embedding(tokens, table, 1, got);
      reference_->embedding(tokens, table, 1, want);
      EXPECT_TRUE(same_bits(got, want));
    }
  }
}

TEST_P(BackendTest, RmsNorm) {
  for (const DType dtype : kWeightTypes) {
    for (const std::int64_t size : {1, 3, 16, 31, 64, 100, 257}) {
      const Tensor weight = values_.weight(dtype, {size});
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, size}, 5);
        const Tensor got = host_tensor(DType::kF32, {rows, size});
        const Tensor want = host_tensor(DType::kF32, {rows, size});
        backend_->rms_norm(x, weight, 1e-6F, got);
        reference_->rms_norm(x, weight, 1e-6F, want);
        expect_close(got, want, kTolerance);
        for (std::int64_t row = 0; row < rows; ++row) {
          const Tensor alone = host_tensor(DType::kF32, {1, size});
          backend_->rms_norm(x.slice(row, 1), weight, 1e-6F, alone);
          EXPECT_TRUE(same_bits(alone, got.slice(row, 1)));
        }
        backend_->rms_norm(x, weight, 1e-6F, x);  // in place
        EXPECT_TRUE(same_bits(x, got));
      }
    }
  }
}

TEST_P(BackendTest, Linear) {
  for (const DType dtype : kWeightTypes) {
    for (const std::int64_t size : {1, 8, 18, 33, 64, 250}) {
      for (const std::int64_t outputs : {1, 3, 4, 6, 29, 66}) {
        const Tensor weight = values_.weight(dtype, {outputs, size});
        const Tensor other = values_.weight(DType::kBF16, {5, size});
        const Tensor bias = values_.weight(dtype, {outputs});
        for (const std::int64_t rows : kRowCounts) {
          const Tensor x = values_.floats({rows, size});
          const Tensor got = host_tensor(DType::kF32, {rows, outputs});
          const Tensor got_other = host_tensor(DType::kF32, {rows, 5});
          const Tensor want = host_tensor(DType::kF32, {rows, outputs});
          const Tensor want_other = host_tensor(DType::kF32, {rows, 5});
          backend_->linear(
              x, std::array{LinearPart{weight, bias, got}, LinearPart{other, {}, got_other}});
          reference_->linear(
              x, std::array{LinearPart{weight, bias, want}, LinearPart{other, {}, want_other}});
          expect_close(got, want, kTolerance);
          expect_close(got_other, want_other, kTolerance);
          for (std::int64_t row = 0; row < rows; row += 3) {
            const Tensor alone = host_tensor(DType::kF32, {1, outputs});
            backend_->linear(x.slice(row, 1), std::array{LinearPart{weight, bias, alone}});
            EXPECT_TRUE(same_bits(alone, got.slice(row, 1))) << rows << " rows, row " << row;
          }
        }
      }
    }
  }
}

TEST_P(BackendTest, Rope) {
  for (const std::int64_t half : {1, 6, 8, 19, 64}) {
    std::vector<float> inv_freq(static_cast<std::size_t>(half));
    for (std::size_t i = 0; i < inv_freq.size(); ++i) {
      inv_freq[i] = std::pow(1e4F, -static_cast<float>(i) / static_cast<float>(half));
    }
    for (const std::int64_t rows : kRowCounts) {
      const Tensor positions = values_.integers({rows}, 1'000'000);
      const Tensor got = host_tensor(DType::kF32, {rows, 2 * half});
      const Tensor want = host_tensor(DType::kF32, {rows, 2 * half});
      backend_->rope_angles(positions, inv_freq, 1.25F, got);
      reference_->rope_angles(positions, inv_freq, 1.25F, want);
      expect_close(got, want, kTolerance);

      const Tensor x = values_.floats({rows, 3, 2 * half});
      const Tensor y = host_tensor(DType::kF32, {rows, 3, 2 * half});
      std::copy_n(x.view().f32(), x.view().num_elements(), y.view().f32());
      backend_->rope(x, want);
      reference_->rope(y, want);
      expect_close(x, y, kTolerance);
    }
  }
}

// The product at a far position has to be rounded to float32 once: cos(fl(999983 * fl(0.1))).
// numpy 2: np.cos(np.float32(999983) * np.float32(0.1)) = 0.15958731, np.sin(...) = 0.9871838
TEST_P(BackendTest, RopeAnglesRoundAsTransformersDoes) {
  const Tensor position = host_tensor(DType::kI32, {1});
  position.view().i32()[0] = 999983;
  const Tensor got = host_tensor(DType::kF32, {1, 2});
  backend_->rope_angles(position, std::array{0.1F}, 1, got);
  EXPECT_NEAR(got.view().f32()[0], 0.15958731F, 1e-6);
  EXPECT_NEAR(got.view().f32()[1], 0.9871838F, 1e-6);
}

// Sequences at different positions over scattered pages; rows in one call and one by one.
TEST_P(BackendTest, Attention) {
  struct Heads {
    std::int64_t query, kv, dim;
  };
  for (const Heads heads : {Heads{4, 2, 16}, Heads{3, 3, 12}, Heads{1, 1, 2}, Heads{6, 1, 64},
                            Heads{10, 2, 34}, Heads{8, 1, 128}}) {
    for (const std::vector<std::int64_t>& lengths :
         {std::vector<std::int64_t>{1}, {32}, {33, 1, 70}, {5, 64, 96, 2}}) {
      std::int64_t num_pages = 0;
      std::int64_t rows = 0;
      for (const std::int64_t length : lengths) {
        num_pages += (length + kKvPageTokens - 1) / kKvPageTokens;
        rows += length;
      }
      std::vector<std::int32_t> free(static_cast<std::size_t>(num_pages));
      for (std::size_t i = 0; i < free.size(); ++i) free[i] = static_cast<std::int32_t>(i);
      std::shuffle(free.begin(), free.end(), values_.random());
      std::vector<std::vector<std::int32_t>> pages;
      for (const std::int64_t length : lengths) {
        auto& own = pages.emplace_back();
        for (std::int64_t i = 0; i < (length + kKvPageTokens - 1) / kKvPageTokens; ++i) {
          own.push_back(free.back());
          free.pop_back();
        }
      }
      const Tensor q = values_.floats({rows, heads.query, heads.dim});
      const Tensor k = values_.floats({rows, heads.kv, heads.dim});
      const Tensor v = values_.floats({rows, heads.kv, heads.dim});
      const float scale = 1.0F / std::sqrt(static_cast<float>(heads.dim));

      // `split`: how many new tokens each sequence brings per call.
      const auto run = [&](Backend& backend, std::int64_t split) {
        const Tensor keys =
            host_tensor(DType::kF32, {num_pages, heads.kv, heads.dim, kKvPageTokens});
        const Tensor cached =
            host_tensor(DType::kF32, {num_pages, heads.kv, kKvPageTokens, heads.dim});
        const KvLayer layer{keys, cached};
        Tensor out = host_tensor(DType::kF32, {rows, heads.query * heads.dim});
        std::int64_t first_row = 0;
        for (std::size_t s = 0; s < lengths.size(); ++s) {
          for (std::int64_t done = 0; done < lengths[s]; done += split) {
            const std::int64_t count = std::min(split, lengths[s] - done);
            const DeviceRows sequence(backend, {{.first_row = 0,
                                                 .num_rows = static_cast<int>(count),
                                                 .first_position = static_cast<int>(done),
                                                 .pages = pages[s]}});
            backend.store_kv(k.slice(first_row + done, count), v.slice(first_row + done, count),
                             sequence.rows, layer);
            backend.attention(q.slice(first_row + done, count), sequence.rows, layer,
                              {.scale = scale}, out.slice(first_row + done, count));
          }
          first_row += lengths[s];
        }
        return out;
      };
      const Tensor got = run(*backend_, 1000);
      expect_close(got, run(*reference_, 1000), kTolerance);
      EXPECT_TRUE(same_bits(run(*backend_, 1), got));
      EXPECT_TRUE(same_bits(run(*backend_, 7), got));

      // All sequences in one call.
      const Tensor keys = host_tensor(DType::kF32, {num_pages, heads.kv, heads.dim, kKvPageTokens});
      const Tensor cached =
          host_tensor(DType::kF32, {num_pages, heads.kv, kKvPageTokens, heads.dim});
      std::vector<SequenceRows> sequences;
      int first_row = 0;
      for (std::size_t s = 0; s < lengths.size(); ++s) {
        sequences.push_back({.first_row = first_row,
                             .num_rows = static_cast<int>(lengths[s]),
                             .first_position = 0,
                             .pages = pages[s]});
        first_row += static_cast<int>(lengths[s]);
      }
      const Tensor together = host_tensor(DType::kF32, {rows, heads.query * heads.dim});
      const DeviceRows all(*backend_, sequences);
      backend_->store_kv(k, v, all.rows, {keys, cached});
      backend_->attention(q, all.rows, {keys, cached}, {.scale = scale}, together);
      EXPECT_TRUE(same_bits(together, got));
    }
  }
}

TEST_P(BackendTest, RouteTakesTheBestAndTheLowestIdOfATie) {
  for (const std::int64_t num_experts : {1, 2, 8, 60}) {
    for (const std::int64_t top_k :
         {std::int64_t{1}, std::min<std::int64_t>(3, num_experts), num_experts}) {
      for (const std::int64_t rows : kRowCounts) {
        for (const bool norm_topk_prob : {false, true}) {
          const Tensor logits = values_.floats({rows, num_experts}, 2);
          const Tensor ids = host_tensor(DType::kI32, {rows, top_k});
          const Tensor weights = host_tensor(DType::kF32, {rows, top_k});
          const Tensor want_ids = host_tensor(DType::kI32, {rows, top_k});
          const Tensor want_weights = host_tensor(DType::kF32, {rows, top_k});
          backend_->route(logits, norm_topk_prob, ids, weights);
          reference_->route(logits, norm_topk_prob, want_ids, want_weights);
          EXPECT_TRUE(same_bits(ids, want_ids));
          expect_close(weights, want_weights, kTolerance);
        }
      }
    }
  }
  const Tensor logits = host_tensor(DType::kF32, {1, 4});
  std::copy_n(std::array{1.0F, 3.0F, 3.0F, 2.0F}.data(), 4, logits.view().f32());
  const Tensor ids = host_tensor(DType::kI32, {1, 2});
  const Tensor weights = host_tensor(DType::kF32, {1, 2});
  backend_->route(logits, true, ids, weights);
  EXPECT_EQ(ids.view().i32()[0], 1);
  EXPECT_EQ(ids.view().i32()[1], 2);
  EXPECT_FLOAT_EQ(weights.view().f32()[0], 0.5F);  // by hand: e^3 / (e^3 + e^3)
}

TEST_P(BackendTest, Experts) {
  struct Sizes {
    std::int64_t hidden, inner;
    std::size_t num_experts;
    std::int64_t top_k;
  };
  for (const Sizes sizes :
       {Sizes{32, 18, 8, 2}, Sizes{40, 70, 5, 3}, Sizes{7, 3, 1, 1}, Sizes{130, 66, 3, 1}}) {
    for (const DType dtype : kWeightTypes) {
      std::vector<Tensor> owned;
      ExpertWeights weights;
      const auto add = [&](std::vector<Weight>& to, const Shape& shape) {
        owned.push_back(values_.weight(dtype, shape));
        to.emplace_back(owned.back());
      };
      for (std::size_t e = 0; e < sizes.num_experts; ++e) {
        add(weights.gate_proj, {sizes.inner, sizes.hidden});
        add(weights.up_proj, {sizes.inner, sizes.hidden});
        add(weights.down_proj, {sizes.hidden, sizes.inner});
      }
      for (const std::int64_t rows : kRowCounts) {
        const Tensor x = values_.floats({rows, sizes.hidden});
        const Tensor ids =
            values_.integers({rows, sizes.top_k}, static_cast<int>(sizes.num_experts));
        const Tensor expert_weights = values_.floats({rows, sizes.top_k});
        const Tensor got = host_tensor(DType::kF32, {rows, sizes.hidden});
        const Tensor want = host_tensor(DType::kF32, {rows, sizes.hidden});
        backend_->experts(x, ids, expert_weights, weights, got);
        reference_->experts(x, ids, expert_weights, weights, want);
        expect_close(got, want, kTolerance);
        for (std::int64_t row = 0; row < rows; row += 3) {
          const Tensor alone = host_tensor(DType::kF32, {1, sizes.hidden});
          backend_->experts(x.slice(row, 1), ids.slice(row, 1), expert_weights.slice(row, 1),
                            weights, alone);
          EXPECT_TRUE(same_bits(alone, got.slice(row, 1)));
        }
      }
    }
  }
}

TEST_P(BackendTest, Swiglu) {
  for (const std::int64_t size : {1, 15, 16, 100}) {
    for (const std::int64_t rows : kRowCounts) {
      const Tensor gate = values_.floats({rows, size}, 4);
      const Tensor up = values_.floats({rows, size});
      const Tensor want = host_tensor(DType::kF32, {rows, size});
      reference_->gated_activation({}, gate, up, want);
      backend_->gated_activation({}, gate, up, gate);
      expect_close(gate, want, kTolerance);
    }
  }
  // Far out silu is 0 or the identity, never NaN.
  const Tensor gate = host_tensor(DType::kF32, {1, 18});
  const Tensor up = host_tensor(DType::kF32, {1, 18});
  std::fill_n(up.view().f32(), 18, 1.0F);
  std::fill_n(gate.view().f32(), 9, -1e4F);
  std::fill_n(gate.view().f32() + 9, 9, 1e4F);
  backend_->gated_activation({}, gate, up, gate);
  for (int i = 0; i < 18; ++i) {
    EXPECT_NEAR(gate.view().f32()[i], i < 9 ? 0.0F : 1e4F, 1e-20F);
  }
}

TEST_P(BackendTest, AddAndGatherRows) {
  for (const std::int64_t rows : kRowCounts) {
    const Tensor x = values_.floats({rows, 21});
    const Tensor y = values_.floats({rows, 21});
    const Tensor sum = host_tensor(DType::kF32, {rows, 21});
    for (std::int64_t i = 0; i < rows * 21; ++i) {
      sum.view().f32()[i] = x.view().f32()[i] + y.view().f32()[i];
    }
    backend_->add(x, y);
    EXPECT_TRUE(same_bits(x, sum));
    if (rows == 0) continue;
    const Tensor picks = values_.integers({5}, static_cast<int>(rows));
    const Tensor got = host_tensor(DType::kF32, {5, 21});
    backend_->gather_rows(x, picks, got);
    for (std::int64_t i = 0; i < 5; ++i) {
      EXPECT_TRUE(same_bits(got.slice(i, 1), x.slice(picks.view().i32()[i], 1)));
    }
  }
}

TEST_P(BackendTest, LogSumExp) {
  for (const std::int64_t size : {1, 5, 16, 80, 1539}) {
    for (const std::int64_t rows : kRowCounts) {
      const Tensor logits = values_.floats({rows, size}, 10);
      const Tensor got = host_tensor(DType::kF32, {rows});
      const Tensor want = host_tensor(DType::kF32, {rows});
      backend_->log_sum_exp(logits, got);
      reference_->log_sum_exp(logits, want);
      expect_close(got, want, kTolerance);
    }
  }
}

// A damaged weight must not pass as a number.
TEST_P(BackendTest, LogSumExpShowsNan) {
  for (const std::int64_t at : {0, 7, 17}) {
    const Tensor logits = values_.floats({1, 18});
    logits.view().f32()[at] = NAN;
    const Tensor got = host_tensor(DType::kF32, {1});
    backend_->log_sum_exp(logits, got);
    EXPECT_FALSE(std::isfinite(got.view().f32()[0])) << at;
  }
}

TEST_P(BackendTest, RefusesShapesThatDoNotFit) {
  const Tensor x = host_tensor(DType::kF32, {2, 8});
  const Tensor weight = host_tensor(DType::kBF16, {4, 9});
  const Tensor out = host_tensor(DType::kF32, {2, 4});
  EXPECT_THROW(backend_->linear(x, std::array{LinearPart{weight, {}, out}}), Error);
  EXPECT_THROW(backend_->add(x, out), Error);
  EXPECT_THROW(backend_->rms_norm(x, weight, 1e-6F, x), Error);
}

}  // namespace
}  // namespace peira::model
