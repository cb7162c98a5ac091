// Attention over contexts of several spans: the plain loops' values, and the same bits whatever the
// threads, the rows computed together and the other sequences of a batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "model/backend/backend.h"
#include "tests/model/batch_rows.h"

namespace peira::model {
namespace {

constexpr std::int64_t kHeads = 6;
constexpr std::int64_t kKvHeads = 2;
constexpr std::int64_t kHeadDim = 20;
constexpr int kContext = 6500;  // three spans of 2048 and a part

using Floats = std::vector<float>;

// One cache of random keys and values, whose pages lie in no order.
class LongAttention : public ::testing::TestWithParam<int> {
 protected:
  LongAttention() {
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0, 1);
    const auto fill = [&](const Tensor& tensor) {
      for (std::int64_t i = 0; i < tensor.shape().num_elements(); ++i) {
        tensor.view().f32()[i] = normal(random);
      }
    };
    const std::int64_t num_pages = (kContext + kKvPageTokens - 1) / kKvPageTokens;
    for (std::int64_t page = 0; page < num_pages; ++page) {
      pages_.push_back(static_cast<std::int32_t>(page * 7 % num_pages));
    }
    keys_ = host_tensor(DType::kF32, {num_pages, kKvHeads, kHeadDim, kKvPageTokens});
    values_ = host_tensor(DType::kF32, {num_pages, kKvHeads, kKvPageTokens, kHeadDim});
    sinks_ = host_tensor(DType::kF32, {kHeads});
    q_ = host_tensor(DType::kF32, {kContext, kHeads, kHeadDim});
    for (const Tensor* tensor : {&keys_, &values_, &sinks_, &q_}) fill(*tensor);
  }

  AttentionOptions options() const {
    AttentionOptions out{.scale = 0.4F};
    out.sliding_window = GetParam();
    if (GetParam() != 0) out.sinks = sinks_;
    return out;
  }

  // Rows [first, first + count) of the context.
  Floats attend(Backend& backend, int first, int count) const {
    const DeviceRows sequence(
        backend, {{.first_row = 0, .num_rows = count, .first_position = first, .pages = pages_}});
    const Tensor out = host_tensor(DType::kF32, {count, kHeads * kHeadDim});
    backend.attention(ConstTensorView(q_).slice(first, count), sequence.rows, {keys_, values_},
                      options(), out);
    const float* const data = out.view().f32();
    return {data, data + out.shape().num_elements()};
  }

  std::vector<std::int32_t> pages_;
  Tensor keys_, values_, sinks_, q_;
};
// None; shorter than a span; over two borders of spans.
INSTANTIATE_TEST_SUITE_P(Windows, LongAttention, ::testing::Values(0, 700, 4200));

std::unique_ptr<Backend> cpu(int threads) {
  return make_backend({.device = "cpu", .num_threads = threads});
}

TEST_P(LongAttention, GivesThePlainLoopsValues) {
  const auto reference = make_backend({.device = "reference"});
  const auto backend = cpu(3);
  for (const int first : {0, 2040, 4090, 6490}) {
    const Floats want = attend(*reference, first, 10);
    const Floats got = attend(*backend, first, 10);
    for (std::size_t i = 0; i < want.size(); ++i) {
      // Sums of up to 6500 terms, weights that add to one, values of a few units.
      ASSERT_NEAR(got[i], want[i], 2e-6) << "element " << i << " of rows from " << first;
    }
  }
}

TEST_P(LongAttention, KeepsItsBitsOverThreadsAndRows) {
  const auto one = cpu(1);
  for (const int first : {2044, 4093, 6490}) {
    constexpr int kRows = 10;
    Floats alone;
    for (int row = 0; row < kRows; ++row) {
      const Floats values = attend(*one, first + row, 1);
      alone.insert(alone.end(), values.begin(), values.end());
    }
    EXPECT_EQ(attend(*one, first, kRows), alone);
    for (const int threads : {2, 8}) {
      const auto backend = cpu(threads);
      EXPECT_EQ(attend(*backend, first, kRows), alone) << threads << " threads";
      Floats singly;
      for (int row = 0; row < kRows; ++row) {
        const Floats values = attend(*backend, first + row, 1);
        singly.insert(singly.end(), values.begin(), values.end());
      }
      EXPECT_EQ(singly, alone) << threads << " threads, row by row";
    }
  }
}

// A long context's only row beside short ones: it is split, they are not.
TEST_P(LongAttention, KeepsItsBitsBesideOthers) {
  const auto one = cpu(1);
  const auto many = cpu(4);
  const Floats last = attend(*one, kContext - 1, 1);
  const Floats early = attend(*one, 40, 3);
  const DeviceRows both(
      *many, {{.first_row = 0, .num_rows = 3, .first_position = 40, .pages = pages_},
              {.first_row = 3, .num_rows = 1, .first_position = kContext - 1, .pages = pages_}});
  const std::int64_t row = kHeads * kHeadDim;
  const Tensor q = host_tensor(DType::kF32, {4, kHeads, kHeadDim});
  std::memcpy(q.view().data, q_.view().f32() + 40 * row, static_cast<std::size_t>(3 * row) * 4);
  std::memcpy(q.view().f32() + 3 * row, q_.view().f32() + (kContext - 1) * row,
              static_cast<std::size_t>(row) * 4);
  const Tensor out = host_tensor(DType::kF32, {4, row});
  many->attention(q, both.rows, {keys_, values_}, options(), out);
  const float* const got = out.view().f32();
  EXPECT_EQ(Floats(got, got + 3 * row), early);
  EXPECT_EQ(Floats(got + 3 * row, got + 4 * row), last);
}

}  // namespace
}  // namespace peira::model
