// The operations that read a sequence's past (attention over the cache, convolution, delta rule) of
// every backend against the reference, and the same bytes however rows are split over calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/model/backend_fixture.h"
#include "tests/model/batch_rows.h"

namespace peira::model {
namespace {

struct Heads {
  std::int64_t query, kv, dim;
};

// Sequences of given lengths whose pages lie scattered over one cache.
struct Sequences {
  std::vector<std::int64_t> lengths;
  std::vector<std::vector<std::int32_t>> pages;
  std::int64_t num_pages = 0;
  std::int64_t num_rows = 0;

  Sequences(std::vector<std::int64_t> given, std::mt19937& random) : lengths(std::move(given)) {
    for (const std::int64_t length : lengths) {
      num_pages += pages_of(length);
      num_rows += length;
    }
    std::vector<std::int32_t> free(static_cast<std::size_t>(num_pages));
    for (std::size_t i = 0; i < free.size(); ++i) free[i] = static_cast<std::int32_t>(i);
    std::shuffle(free.begin(), free.end(), random);
    for (const std::int64_t length : lengths) {
      const auto count = static_cast<std::ptrdiff_t>(pages_of(length));
      pages.emplace_back(free.end() - count, free.end());
      free.resize(free.size() - static_cast<std::size_t>(count));
    }
  }

  static std::int64_t pages_of(std::int64_t length) {
    return (length + kKvPageTokens - 1) / kKvPageTokens;
  }

  // All rows in calls of at most `split` rows of one sequence; split 0: all sequences in one call.
  // body(rows, first_row, count) for each call.
  void in_calls(
      Backend& backend, std::int64_t split,
      const std::function<void(const BatchRows&, std::int64_t, std::int64_t)>& body) const {
    std::vector<SequenceRows> all;
    std::int64_t first_row = 0;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const std::int64_t step = split == 0 ? lengths[s] : split;
      for (std::int64_t done = 0; done < lengths[s]; done += step) {
        const std::int64_t count = std::min(step, lengths[s] - done);
        const SequenceRows rows{.first_row = split == 0 ? static_cast<int>(first_row) : 0,
                                .num_rows = static_cast<int>(count),
                                .first_position = static_cast<int>(done),
                                .pages = pages[s],
                                // Not in the order of the sequences.
                                .state_slot = static_cast<int>(lengths.size() - 1 - s)};
        if (split == 0) {
          all.push_back(rows);
        } else {
          const DeviceRows device(backend, {rows});
          body(device.rows, first_row + done, count);
        }
      }
      first_row += lengths[s];
    }
    if (split == 0) {
      const DeviceRows device(backend, all);
      body(device.rows, 0, num_rows);
    }
  }
};

class BackendSequenceTest : public test::BackendFixture {
 protected:
  static KvLayer cache(Backend& backend, DType dtype, std::int64_t num_pages, const Heads& heads,
                       std::vector<Tensor>& owned) {
    const auto own = [&](DType type, const Shape& shape) {
      owned.push_back(backend.allocate(type, shape));
      return owned.back().view();
    };
    KvLayer layer{own(dtype, {num_pages, heads.kv, heads.dim, kKvPageTokens}),
                  own(dtype, {num_pages, heads.kv, kKvPageTokens, heads.dim})};
    if (dtype == DType::kI8) {
      layer.key_scales = own(DType::kF32, {num_pages, heads.kv, kKvPageTokens});
      layer.value_scales = own(DType::kF32, {num_pages, heads.kv, kKvPageTokens});
    }
    return layer;
  }

  // Stores and attends in calls as Sequences::in_calls() makes them.
  static Floats attend(Backend& backend, const Sequences& sequences, const Heads& heads,
                       DType kv_dtype, AttentionOptions options, const ConstTensorView& q,
                       const ConstTensorView& k, const ConstTensorView& v, std::int64_t split) {
    std::vector<Tensor> owned;
    const KvLayer layer = cache(backend, kv_dtype, sequences.num_pages, heads, owned);
    options.sinks = vector(backend, options.sinks);
    Floats out;
    sequences.in_calls(
        backend, split, [&](const BatchRows& rows, std::int64_t first, std::int64_t count) {
          const Tensor result = floats(backend, {count, heads.query * heads.dim});
          backend.store_kv(put(backend, k.slice(first, count)), put(backend, v.slice(first, count)),
                           rows, layer);
          backend.attention(put(backend, q.slice(first, count)), rows, layer, options, result);
          const Floats part = get(backend, result);
          out.insert(out.end(), part.begin(), part.end());
        });
    return out;
  }

  void check_attention(const Heads& heads, DType kv_dtype, int sliding_window, bool has_sinks) {
    SCOPED_TRACE(std::to_string(heads.query) + " query and " + std::to_string(heads.kv) +
                 " kv heads of " + std::to_string(heads.dim) + ", " + name_of(kv_dtype) +
                 " cache, window " + std::to_string(sliding_window) +
                 (has_sinks ? ", with sinks" : ""));
    for (const std::vector<std::int64_t>& lengths :
         {std::vector<std::int64_t>{1}, {32}, {33, 1, 70}, {5, 64, 96, 2}}) {
      const Sequences sequences(lengths, values_.random());
      const Tensor q = values_.floats({sequences.num_rows, heads.query, heads.dim});
      const Tensor k = values_.floats({sequences.num_rows, heads.kv, heads.dim});
      const Tensor v = values_.floats({sequences.num_rows, heads.kv, heads.dim});
      const Tensor sinks = values_.vector(DType::kBF16, {heads.query});
      AttentionOptions options;
      options.scale = 1.0F / std::sqrt(static_cast<float>(heads.dim));
      options.sliding_window = sliding_window;
      if (has_sinks) options.sinks = sinks;
      const auto run = [&](Backend& backend, std::int64_t split) {
        return attend(backend, sequences, heads, kv_dtype, options, q, k, v, split);
      };
      const Floats got = run(*backend_, 1000);
      expect_close(got, run(*reference_, 1000));
      for (const std::int64_t split : {1, 7, 0}) {
        EXPECT_TRUE(same_bits(run(*backend_, split), got)) << "split " << split;
      }
    }
  }
};

// Contexts of many pages, which a device may compute in parts: the last rows of each sequence, all
// of them in one call, each sequence in its own, row by row, and among all rows.
class LongContextTest : public BackendSequenceTest {
 protected:
  static constexpr std::int64_t kTail = 5;

  void check(const Heads& heads, DType kv_dtype, int sliding_window, bool has_sinks,
             const std::vector<std::int64_t>& lengths) {
    SCOPED_TRACE(std::to_string(heads.query) + " query and " + std::to_string(heads.kv) +
                 " kv heads of " + std::to_string(heads.dim) + ", " + name_of(kv_dtype) +
                 " cache, window " + std::to_string(sliding_window) +
                 (has_sinks ? ", with sinks" : ""));
    const Sequences sequences(lengths, values_.random());
    const Tensor q = values_.floats({sequences.num_rows, heads.query, heads.dim});
    const Tensor k = values_.floats({sequences.num_rows, heads.kv, heads.dim});
    const Tensor v = values_.floats({sequences.num_rows, heads.kv, heads.dim});
    const Tensor sinks = values_.vector(DType::kBF16, {heads.query});
    AttentionOptions options;
    options.scale = 1.0F / std::sqrt(static_cast<float>(heads.dim));
    options.sliding_window = sliding_window;
    if (has_sinks) options.sinks = sinks;
    // Rows [first, first + count) of each sequence attend, over a cache that holds all of it.
    struct Part {
      std::size_t sequence;
      std::int64_t first, count;
    };
    const auto run = [&](Backend& backend, const std::vector<std::vector<Part>>& calls) {
      std::vector<Tensor> owned;
      const KvLayer layer = cache(backend, kv_dtype, sequences.num_pages, heads, owned);
      sequences.in_calls(backend, 0, [&](const BatchRows& rows, std::int64_t, std::int64_t) {
        backend.store_kv(put(backend, k), put(backend, v), rows, layer);
      });
      AttentionOptions there = options;
      there.sinks = vector(backend, options.sinks);
      Floats out;
      for (const std::vector<Part>& parts : calls) {
        std::vector<SequenceRows> rows;
        std::int64_t num_rows = 0;
        const std::int64_t row_size = heads.query * heads.dim;
        Floats queries;
        for (const Part& part : parts) {
          rows.push_back({.first_row = static_cast<int>(num_rows),
                          .num_rows = static_cast<int>(part.count),
                          .first_position = static_cast<int>(part.first),
                          .pages = sequences.pages[part.sequence]});
          std::int64_t first = part.first;
          for (std::size_t s = 0; s < part.sequence; ++s) first += lengths[s];
          const float* const from = q.view().f32() + first * row_size;
          queries.insert(queries.end(), from, from + part.count * row_size);
          num_rows += part.count;
        }
        const DeviceRows device(backend, rows);
        const Tensor result = floats(backend, {num_rows, row_size});
        const ConstTensorView host{queries.data(), DType::kF32, {num_rows, heads.query, heads.dim}};
        backend.attention(put(backend, host), device.rows, layer, there, result);
        const Floats part = get(backend, result);
        out.insert(out.end(), part.begin(), part.end());
      }
      return out;
    };
    std::vector<Part> tails, all;
    std::vector<std::vector<Part>> alone, row_by_row;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const std::int64_t count = std::min(kTail, lengths[s]);
      const Part tail{s, lengths[s] - count, count};
      tails.push_back(tail);
      alone.push_back({tail});
      for (std::int64_t i = 0; i < count; ++i) row_by_row.push_back({{s, tail.first + i, 1}});
      all.push_back({s, 0, lengths[s]});
    }
    const Floats got = run(*backend_, {tails});
    expect_close(got, run(*reference_, {tails}));
    EXPECT_TRUE(same_bits(run(*backend_, alone), got)) << "sequences alone";
    EXPECT_TRUE(same_bits(run(*backend_, row_by_row), got)) << "row by row";
    if (backend_->name() == reference_->name()) return;  // plain loops: minutes
    const Floats among = run(*backend_, {all});
    std::size_t at = 0;
    std::size_t end = 0;
    const auto row_size = static_cast<std::size_t>(heads.query * heads.dim);
    for (const Part& tail : tails) {
      const auto size = static_cast<std::size_t>(tail.count) * row_size;
      end += static_cast<std::size_t>(lengths[tail.sequence]) * row_size;
      EXPECT_TRUE(
          same_bits(std::span(among).subspan(end - size, size), std::span(got).subspan(at, size)))
          << "among all rows, sequence " << tail.sequence;
      at += size;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, LongContextTest, test::all_subjects(), test::subject_name);

// Lengths around the borders of pages and of splits of eight pages; one much longer.
TEST_P(LongContextTest, Attention) {
  for (const Heads& heads :
       {Heads{4, 2, 16}, Heads{3, 3, 12}, Heads{1, 1, 7}, Heads{8, 1, 128}, Heads{2, 1, 256}}) {
    check(heads, DType::kF32, 0, false, {257});
    check(heads, DType::kF32, 0, false, {700, 1, 256, 1100, 255});
  }
  check({4, 1, 64}, DType::kF32, 0, false, {3000});
}

TEST_P(LongContextTest, AttentionOverBf16AndInt8Caches) {
  for (const DType dtype : {DType::kBF16, DType::kI8}) {
    check({4, 2, 16}, dtype, 0, false, {257, 700});
    check({10, 2, 34}, dtype, 0, true, {1100, 31});
    check({8, 1, 128}, dtype, 300, false, {511, 900});
  }
}

// Windows inside the last split, over one border, over several, and past the context.
TEST_P(LongContextTest, AttentionWithinAWindowAndWithSinks) {
  for (const int window : {1, 40, 256, 257, 600, 5000}) {
    check({4, 2, 16}, DType::kF32, window, window % 2 == 0, {257, 1100, 512});
  }
  check({3, 3, 12}, DType::kF32, 0, true, {700, 300});
  check({6, 1, 64}, DType::kF32, 128, true, {1030});
}

INSTANTIATE_TEST_SUITE_P(All, BackendSequenceTest, test::all_subjects(), test::subject_name);

constexpr std::array kHeads{Heads{4, 2, 16}, Heads{3, 3, 12},  Heads{1, 1, 2},
                            Heads{6, 1, 64}, Heads{10, 2, 34}, Heads{8, 1, 128}};

TEST_P(BackendSequenceTest, Attention) {
  for (const Heads& heads : kHeads) check_attention(heads, DType::kF32, 0, false);
}

TEST_P(BackendSequenceTest, AttentionOverBf16AndInt8Caches) {
  for (const Heads& heads :
       {Heads{4, 2, 16}, Heads{3, 3, 12}, Heads{10, 2, 34}, Heads{8, 1, 128}}) {
    check_attention(heads, DType::kBF16, 0, false);
    check_attention(heads, DType::kI8, 0, false);
  }
}

// Windows of one row, inside a page, of whole pages, over a page's border, and longer than any
// context.
TEST_P(BackendSequenceTest, AttentionWithinAWindow) {
  for (const int window : {1, 5, 32, 40, 64, 500}) {
    check_attention({4, 2, 16}, DType::kF32, window, false);
  }
  check_attention({10, 2, 34}, DType::kF32, 33, false);
  check_attention({3, 3, 12}, DType::kBF16, 7, false);
  check_attention({3, 3, 12}, DType::kI8, 7, false);
}

TEST_P(BackendSequenceTest, AttentionWithSinks) {
  for (const Heads& heads : {Heads{4, 2, 16}, Heads{3, 3, 12}, Heads{8, 1, 128}}) {
    check_attention(heads, DType::kF32, 0, true);
    check_attention(heads, DType::kF32, 8, true);
  }
  check_attention({4, 2, 16}, DType::kBF16, 33, true);
  check_attention({4, 2, 16}, DType::kI8, 33, true);
}

// A window as long as the context changes nothing; one a token shorter does.
TEST_P(BackendSequenceTest, AWindowPastTheContextIsNone) {
  const Heads heads{4, 2, 16};
  const Sequences sequences({70}, values_.random());
  const Tensor q = values_.floats({70, 4, 16});
  const Tensor k = values_.floats({70, 2, 16});
  const Tensor v = values_.floats({70, 2, 16});
  const auto run = [&](int window) {
    return attend(*backend_, sequences, heads, DType::kF32,
                  {.scale = 0.25F, .sliding_window = window}, q, k, v, 0);
  };
  const Floats all = run(0);
  expect_close(run(70), all);
  const Floats shorter = run(69);
  expect_close({shorter.begin(), shorter.end() - 64}, {all.begin(), all.end() - 64});
  EXPECT_GT(std::abs(shorter.back() - all.back()), 1e-5F);  // the last row lost its first token
}

// By hand, one head of dimension 2, all scores 0: with a sink of log 2 and three visible rows each
// weight is 1/5; without the sink the window of two halves the last two values.
TEST_P(BackendSequenceTest, SinksTakeWeightAndWindowsForget) {
  const Heads heads{1, 1, 2};
  const Sequences sequences({3}, values_.random());
  const Tensor zero = host_tensor(DType::kF32, {3, 1, 2});
  const Tensor v = host_tensor(DType::kF32, {3, 1, 2});
  std::copy_n(std::array{5.0F, 10.0F, 15.0F, -10.0F, 30.0F, 20.0F}.data(), 6, v.view().f32());
  const Tensor sink = host_tensor(DType::kF32, {1});
  sink.view().f32()[0] = std::log(2.0F);
  const Floats with_sink =
      attend(*backend_, sequences, heads, DType::kF32, {.sinks = sink}, zero, zero, v, 0);
  EXPECT_NEAR(with_sink[4], 10.0F, 1e-5);  // (5 + 15 + 30) / 5
  EXPECT_NEAR(with_sink[5], 4.0F, 1e-5);   // (10 - 10 + 20) / 5
  const Floats in_window =
      attend(*backend_, sequences, heads, DType::kF32, {.sliding_window = 2}, zero, zero, v, 0);
  EXPECT_NEAR(in_window[4], 22.5F, 1e-5);
  EXPECT_NEAR(in_window[5], 5.0F, 1e-5);
}

// The int8 cache holds round(x / (max|x| / 127)), ties to even. One visible row: attention returns
// its value vector. 127 makes the scale 1: 2.5 rounds to 2, 3.5 to 4; zeros stay zeros.
TEST_P(BackendSequenceTest, Int8CacheRoundsTiesToEven) {
  const Heads heads{1, 1, 4};
  const Sequences sequences({1}, values_.random());
  const Tensor zero = host_tensor(DType::kF32, {1, 1, 4});
  const Tensor v = host_tensor(DType::kF32, {1, 1, 4});
  std::copy_n(std::array{-127.0F, 2.5F, 3.5F, 0.0F}.data(), 4, v.view().f32());
  EXPECT_THAT(attend(*backend_, sequences, heads, DType::kI8, {}, zero, zero, v, 0),
              ::testing::ElementsAre(-127, 2, 4, 0));
  EXPECT_THAT(attend(*backend_, sequences, heads, DType::kI8, {}, zero, zero, zero, 0),
              ::testing::ElementsAre(0, 0, 0, 0));
}

TEST_P(BackendSequenceTest, CausalConv) {
  for (const std::int64_t channels : {1, 6, 16, 50}) {
    for (const std::int64_t width : {1, 2, 4}) {
      for (const std::vector<std::int64_t>& lengths :
           {std::vector<std::int64_t>{1}, {2}, {33, 1, 20}}) {
        const Sequences sequences(lengths, values_.random());
        const Tensor x = values_.floats({sequences.num_rows, channels});
        const Tensor weight = values_.vector(DType::kBF16, {channels, width});
        const auto run = [&](Backend& backend, std::int64_t split) {
          // What a former sequence left in a slot must not show.
          const Tensor state =
              put(backend,
                  values_.floats({static_cast<std::int64_t>(lengths.size()), channels, width - 1}));
          const ConstTensorView placed = backend.place_vector(weight);
          Floats out;
          sequences.in_calls(backend, split,
                             [&](const BatchRows& rows, std::int64_t first, std::int64_t count) {
                               const Tensor result = floats(backend, {count, channels});
                               backend.causal_conv(put(backend, x.slice(first, count)), placed,
                                                   rows, state, result);
                               const Floats part = get(backend, result);
                               out.insert(out.end(), part.begin(), part.end());
                             });
          return out;
        };
        const Floats got = run(*backend_, 1000);
        expect_close(got, run(*reference_, 1000));
        for (const std::int64_t split : {1, 7, 0}) {
          EXPECT_TRUE(same_bits(run(*backend_, split), got)) << "split " << split;
        }
      }
    }
  }
}

TEST_P(BackendSequenceTest, GatedDeltaRule) {
  struct Sizes {
    std::int64_t key_heads, value_heads, key_dim, value_dim;
  };
  for (const Sizes& sizes : {Sizes{1, 1, 2, 3}, Sizes{2, 4, 16, 8}, Sizes{1, 3, 20, 33}}) {
    for (const std::vector<std::int64_t>& lengths :
         {std::vector<std::int64_t>{1}, {2}, {33, 1, 20}}) {
      const Sequences sequences(lengths, values_.random());
      const std::int64_t rows = sequences.num_rows;
      const std::int64_t value_size = sizes.value_heads * sizes.value_dim;
      const Tensor qkv = values_.floats({rows, 2 * sizes.key_heads * sizes.key_dim + value_size});
      const Tensor a = values_.floats({rows, sizes.value_heads});
      const Tensor b = values_.floats({rows, sizes.value_heads});
      const Tensor a_log = values_.vector(DType::kF32, {sizes.value_heads});
      const Tensor dt_bias = values_.vector(DType::kBF16, {sizes.value_heads});
      const auto run = [&](Backend& backend, std::int64_t split) {
        const Tensor state =
            put(backend, values_.floats({static_cast<std::int64_t>(lengths.size()),
                                         sizes.value_heads, sizes.key_dim, sizes.value_dim}));
        Floats out;
        sequences.in_calls(
            backend, split, [&](const BatchRows& batch, std::int64_t first, std::int64_t count) {
              const Tensor result = floats(backend, {count, value_size});
              backend.gated_delta_rule(put(backend, qkv.slice(first, count)),
                                       put(backend, a.slice(first, count)),
                                       put(backend, b.slice(first, count)),
                                       backend.place_vector(a_log), backend.place_vector(dt_bias),
                                       static_cast<int>(sizes.key_heads), batch, state, result);
              const Floats part = get(backend, result);
              out.insert(out.end(), part.begin(), part.end());
            });
        return out;
      };
      const Floats got = run(*backend_, 1000);
      // The state carries roundings of float32 from token to token.
      expect_close(got, run(*reference_, 1000), 10 * test::kTolerance);
      for (const std::int64_t split : {1, 7, 0}) {
        EXPECT_TRUE(same_bits(run(*backend_, split), got)) << "split " << split;
      }
    }
  }
}

}  // namespace
}  // namespace peira::model
