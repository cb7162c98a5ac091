// Attention of some rows of one sequence over the paged cache, for the query heads of one key-value
// head: for each span of positions all scores, their exponentials, then the weighted values; then
// the spans together. A page is read once for all of them.
//
// What a row's bits depend on: spans begin at multiples of kAttentionSpan. In a span a score is one
// chain over head_dim; a lane of the sum of exponentials takes every so-many-th position, counted
// from position 0; an output is one chain over positions. Spans are added in order. Which rows,
// heads and spans are computed together changes none of it: what is masked adds a zero.
#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/simd-inl.h"
//
#include <hwy/contrib/math/math-inl.h>

#ifndef PEIRA_MODEL_BACKEND_CPU_ATTENTION_VISIBLE_
#define PEIRA_MODEL_BACKEND_CPU_ATTENTION_VISIBLE_
namespace peira::model::cpu {
// The first position that the row at `position` attends to.
inline std::int64_t first_visible(const AttentionBlock& block, std::int64_t position) {
  return block.window == 0 ? std::int64_t{0}
                           : std::max<std::int64_t>(0, position + 1 - block.window);
}
}  // namespace peira::model::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

constexpr bool kHas32Registers = HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON;
// Queries (a head of a row) computed together: they share each key and value that is loaded, and
// their sums fit the registers.
constexpr int kQueries = kHas32Registers ? 4 : 2;
// Pages scored together: more chains hide the latency of a multiply-add.
constexpr int kPages = kHas32Registers ? 2 : 1;
// Vectors of one query's output computed together.
constexpr int kValueVectors = kHas32Registers ? 4 : 2;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kPageVectors = kKvPageTokens / kLanes;
// Below any score, and exp() of it less any maximum is zero.
constexpr float kMasked = -1e30F;

// The cache as one key-value head sees it. T is the type of its elements.
template <class T>
struct Cache {
  const AttentionBlock& block;
  std::int64_t page_number(std::int64_t page) const {
    return block.pages[static_cast<std::size_t>(page)];
  }
  const T* keys(std::int64_t page) const {
    return static_cast<const T*>(block.keys) + page_number(page) * block.page_stride;
  }
  const T* values(std::int64_t page) const {
    return static_cast<const T*>(block.values) + page_number(page) * block.page_stride;
  }
  const float* key_scales(std::int64_t page) const {
    return block.key_scales + page_number(page) * block.scale_stride;
  }
  const float* value_scales(std::int64_t page) const {
    return block.value_scales + page_number(page) * block.scale_stride;
  }
};

// Query i of a block is head i % num_heads of row i / num_heads.
struct Query {
  const float* q;
  float* out;
  float* scores;       // from position first_page * kKvPageTokens of the span
  std::int64_t begin;  // positions attended to: [begin, end)
  std::int64_t end;
};

// Asks for `count` elements from `at`, of what is read next: pages lie anywhere, and a core's own
// prefetcher begins anew in each.
template <class T>
HWY_INLINE void ask_for(const T* at, std::int64_t count) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(at + i, 0, 2);
}

// The scores of all slots of kPageCount pages from `page`. A lane is a slot. next: as many pages,
// whose keys are asked for meanwhile, or -1.
template <int kCount, int kPageCount, class T>
HWY_INLINE void page_scores(const Cache<T>& cache, const Query* queries, std::int64_t page,
                            std::int64_t offset, std::int64_t next) {
  const FloatTag f;
  constexpr int kVectors = kPageCount * kPageVectors;
  FloatVec sums[kCount][kVectors];
  for (int i = 0; i < kCount; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::Zero(f);
  }
  const T* keys[kPageCount];
  const T* next_keys[kPageCount] = {};
  for (int p = 0; p < kPageCount; ++p) {
    keys[p] = cache.keys(page + p);
    if (next >= 0) next_keys[p] = cache.keys(next + p);
  }
  const std::int64_t head_dim = cache.block.head_dim;
  for (std::int64_t d = 0; d < head_dim; ++d) {
    if (next >= 0) {
      for (const T* const at : next_keys) ask_for(at + d * kKvPageTokens, kKvPageTokens);
    }
    FloatVec key[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      key[v] = load_wide(f, keys[v / kPageVectors] + d * kKvPageTokens + v % kPageVectors * kLanes);
    }
    for (int i = 0; i < kCount; ++i) {
      const FloatVec q_d = hn::Set(f, queries[i].q[d]);
      for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::MulAdd(q_d, key[v], sums[i][v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    FloatVec scale = hn::Set(f, cache.block.scale);
    if constexpr (std::is_same_v<T, std::int8_t>) {
      const float* const scales = cache.key_scales(page + v / kPageVectors);
      scale = hn::Mul(scale, hn::LoadU(f, scales + v % kPageVectors * kLanes));
    }
    for (int i = 0; i < kCount; ++i) {
      hn::StoreU(hn::Mul(sums[i][v], scale), f, queries[i].scores + offset + v * kLanes);
    }
  }
}

// The largest of some scores, and the sum of their exponentials less the largest.
struct SpanSums {
  float max;
  float sum;
};

// Exponentials in place over `padded` scores, a multiple of the vector size.
HWY_INLINE SpanSums exponentials(float* scores, std::int64_t padded) {
  const FloatTag f;
  FloatVec maxes = hn::Set(f, kMasked);
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    maxes = hn::Max(maxes, hn::LoadU(f, scores + i));
  }
  const FloatVec max = hn::MaxOfLanes(f, maxes);
  FloatVec sum = hn::Zero(f);
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    const FloatVec weight = hn::Exp(f, hn::Sub(hn::LoadU(f, scores + i), max));
    hn::StoreU(weight, f, scores + i);
    sum = hn::Add(sum, weight);
  }
  return {hn::GetLane(max), hn::GetLane(hn::SumOfLanes(f, sum))};
}

// out[i][first_d ..] += the values of slots [first, last) weighted; kVectors vectors of tag D.
// next: values of the page after this, asked for meanwhile, or null.
template <int kCount, int kVectors, class D, class T>
HWY_INLINE void add_values(D d, const Query* queries, const T* values, const T* next,
                           std::int64_t head_dim, std::int64_t first_d, std::int64_t offset,
                           std::int64_t first, std::int64_t last) {
  using V = hn::Vec<D>;
  const int lanes = static_cast<int>(hn::Lanes(d));
  V sums[kCount][kVectors];
  for (int i = 0; i < kCount; ++i) {
    for (int v = 0; v < kVectors; ++v) {
      sums[i][v] = hn::LoadU(d, queries[i].out + first_d + v * lanes);
    }
  }
  for (std::int64_t slot = first; slot < last; ++slot) {
    const T* const at = values + slot * head_dim + first_d;
    if (next != nullptr) ask_for(next + slot * head_dim + first_d, kVectors * lanes);
    V value[kVectors];
    for (int v = 0; v < kVectors; ++v) value[v] = load_wide(d, at + v * lanes);
    for (int i = 0; i < kCount; ++i) {
      const V weight = hn::Set(d, queries[i].scores[offset + slot]);
      for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::MulAdd(weight, value[v], sums[i][v]);
    }
  }
  for (int i = 0; i < kCount; ++i) {
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sums[i][v], d, queries[i].out + first_d + v * lanes);
    }
  }
}

template <int kCount, class T>
HWY_INLINE void page_values(const Query* queries, const T* values, const T* next,
                            std::int64_t head_dim, std::int64_t offset, std::int64_t first,
                            std::int64_t last) {
  const FloatTag f;
  std::int64_t d = 0;
  for (; d + kValueVectors * kLanes <= head_dim; d += kValueVectors * kLanes) {
    add_values<kCount, kValueVectors>(f, queries, values, next, head_dim, d, offset, first, last);
  }
  for (; d + kLanes <= head_dim; d += kLanes) {
    add_values<kCount, 1>(f, queries, values, next, head_dim, d, offset, first, last);
  }
  for (; d < head_dim; ++d) {
    add_values<kCount, 1>(OneTag(), queries, values, next, head_dim, d, offset, first, last);
  }
}

// The queries that see the same slots of a page together, others one by one.
template <int kCount, class T>
HWY_INLINE void page_values_of(const Query* queries, const T* values, const T* next,
                               std::int64_t head_dim, std::int64_t offset, std::int64_t position) {
  const auto first = [&](int i) { return std::max<std::int64_t>(queries[i].begin - position, 0); };
  const auto last = [&](int i) {
    return std::min<std::int64_t>(queries[i].end - position, kKvPageTokens);
  };
  bool is_same = true;
  for (int i = 1; i < kCount; ++i) {
    is_same = is_same && first(i) == first(0) && last(i) == last(0);
  }
  if (is_same) {
    page_values<kCount>(queries, values, next, head_dim, offset, first(0), last(0));
  } else {
    for (int i = 0; i < kCount; ++i) {
      page_values<1>(queries + i, values, next, head_dim, offset, first(i), last(i));
    }
  }
}

// body(integral_constant count, first) over tiles that together cover `count` queries.
template <class Body>
HWY_INLINE void for_tiles(std::size_t count, const Body& body) {
  std::size_t i = 0;
  for (; i + kQueries <= count; i += kQueries) body(std::integral_constant<int, kQueries>(), i);
  for (; i + 2 <= count; i += 2) body(std::integral_constant<int, 2>(), i);
  for (; i < count; ++i) body(std::integral_constant<int, 1>(), i);
}

// The partial results of span `span` (see attention_spans()).
template <class T>
void span_typed(const AttentionBlock& block, std::int64_t span, float* partials, float* scores) {
  const Cache<T> cache{block};
  const auto num_heads = static_cast<std::size_t>(block.num_heads);
  const auto num_queries = static_cast<std::size_t>(block.num_rows) * num_heads;
  const std::int64_t stride = attention_partial_size(block.head_dim);
  std::array<Query, kMaxAttentionQueries> queries;
  const std::int64_t begin =
      std::max(span * kAttentionSpan, first_visible(block, block.first_position));
  const std::int64_t end =
      std::min((span + 1) * kAttentionSpan, block.first_position + block.num_rows);
  const std::int64_t first_page = begin / kKvPageTokens;
  const std::int64_t end_page = (end + kKvPageTokens - 1) / kKvPageTokens;
  const std::int64_t padded = (end_page - first_page) * kKvPageTokens;
  for (std::size_t i = 0; i < num_queries; ++i) {
    const auto row = static_cast<std::int64_t>(i / num_heads);
    const std::int64_t at =
        row * block.row_stride + static_cast<std::int64_t>(i % num_heads) * block.head_dim;
    const std::int64_t position = block.first_position + row;
    const std::int64_t last = std::min(position + 1, end);
    // A row that sees nothing of the span begins where it ends.
    const std::int64_t first =
        std::clamp(first_visible(block, position), begin, std::max(last, begin));
    const auto index = static_cast<std::int64_t>(i);
    queries[i] = {block.q + at, partials + index * stride, scores + index * padded, first,
                  std::max(last, first)};
  }

  const auto offset_of = [&](std::int64_t page) { return (page - first_page) * kKvPageTokens; };
  std::int64_t page = first_page;
  for (; page + kPages <= end_page; page += kPages) {
    for_tiles(num_queries, [&](auto count, std::size_t i) HWY_ATTR {
      const bool asks = i == 0 && page + 2 * kPages <= end_page;
      page_scores<count(), kPages>(cache, &queries[i], page, offset_of(page),
                                   asks ? page + kPages : -1);
    });
  }
  for (; page < end_page; ++page) {
    for_tiles(num_queries, [&](auto count, std::size_t i) HWY_ATTR {
      page_scores<count(), 1>(cache, &queries[i], page, offset_of(page), -1);
    });
  }

  for (std::size_t i = 0; i < num_queries; ++i) {
    const Query& query = queries[i];
    const std::int64_t first = query.begin - first_page * kKvPageTokens;
    const std::int64_t last = query.end - first_page * kKvPageTokens;
    std::fill(query.scores, query.scores + first, kMasked);
    std::fill(query.scores + last, query.scores + padded, kMasked);
    const SpanSums sums = exponentials(query.scores, padded);
    if constexpr (std::is_same_v<T, std::int8_t>) {
      for (page = first_page; page < end_page; ++page) {
        const float* const scales = cache.value_scales(page);
        float* const weights = query.scores + offset_of(page);
        for (int slot = 0; slot < kKvPageTokens; ++slot) weights[slot] *= scales[slot];
      }
    }
    std::fill_n(query.out, block.head_dim, 0.0F);
    query.out[block.head_dim] = sums.max;
    query.out[block.head_dim + 1] = sums.sum;
  }

  for (page = first_page; page < end_page; ++page) {
    for_tiles(num_queries, [&](auto count, std::size_t i) HWY_ATTR {
      const T* const next = i == 0 && page + 1 < end_page ? cache.values(page + 1) : nullptr;
      page_values_of<count()>(&queries[i], cache.values(page), next, block.head_dim,
                              offset_of(page), page * kKvPageTokens);
    });
  }
}

void span_any(const AttentionBlock& block, std::int64_t span, float* partials, float* scores) {
  switch (block.dtype) {
    case DType::kI8:
      return span_typed<std::int8_t>(block, span, partials, scores);
    case DType::kBF16:
      return span_typed<hwy::bfloat16_t>(block, span, partials, scores);
    default:
      return span_typed<float>(block, span, partials, scores);
  }
}

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peira::model::cpu {

HWY_EXPORT(span_any);

namespace {

float* at_least(std::vector<float>& scratch, std::int64_t count) {
  if (scratch.size() < static_cast<std::size_t>(count)) {
    scratch.resize(static_cast<std::size_t>(count));
  }
  return scratch.data();
}

}  // namespace

SpanRange spans_of(const AttentionBlock& block) {
  return {first_visible(block, block.first_position) / kAttentionSpan,
          (block.first_position + block.num_rows - 1) / kAttentionSpan + 1};
}

void attention_span(const AttentionBlock& block, std::int64_t span, float* partials,
                    std::vector<float>& scratch) {
  const std::int64_t queries = block.num_rows * block.num_heads;
  HWY_DYNAMIC_DISPATCH(span_any)
  (block, span, partials, at_least(scratch, queries * kAttentionSpan));
}

void merge_spans(const AttentionBlock& block, const float* partials) {
  const std::int64_t stride = attention_partial_size(block.head_dim);
  const std::int64_t head_dim = block.head_dim;
  const std::int64_t num_queries = block.num_rows * block.num_heads;
  const std::int64_t first_span = spans_of(block).first;
  for (std::int64_t i = 0; i < num_queries; ++i) {
    const std::int64_t row = i / block.num_heads;
    const std::int64_t head = i % block.num_heads;
    const std::int64_t position = block.first_position + row;
    // The spans this row sees, whatever the others of the block see.
    const std::int64_t first = first_visible(block, position) / kAttentionSpan - first_span;
    const std::int64_t last = position / kAttentionSpan - first_span;
    const auto partial = [&](std::int64_t span) {
      return partials + (span * num_queries + i) * stride;
    };
    const float sink =
        block.sinks != nullptr ? block.sinks[head] : -std::numeric_limits<float>::infinity();
    float max = sink;
    for (std::int64_t span = first; span <= last; ++span) {
      max = std::max(max, partial(span)[head_dim]);
    }
    float* const out = block.out + row * block.row_stride + head * head_dim;
    std::fill_n(out, head_dim, 0.0F);
    float total = 0;
    for (std::int64_t span = first; span <= last; ++span) {
      const float* const from = partial(span);
      const float weight = std::exp(from[head_dim] - max);
      total += weight * from[head_dim + 1];
      for (std::int64_t d = 0; d < head_dim; ++d) out[d] += weight * from[d];
    }
    total += std::exp(sink - max);
    const float inverse = 1.0F / total;
    for (std::int64_t d = 0; d < head_dim; ++d) out[d] *= inverse;
  }
}

void attention_block(const AttentionBlock& block, std::vector<float>& scratch) {
  thread_local std::vector<float> partials;
  const SpanRange spans = spans_of(block);
  const std::int64_t size =
      block.num_rows * block.num_heads * attention_partial_size(block.head_dim);
  float* const to = at_least(partials, spans.count() * size);
  for (std::int64_t span = spans.first; span < spans.last; ++span) {
    attention_span(block, span, to + (span - spans.first) * size, scratch);
  }
  merge_spans(block, to);
}

}  // namespace peira::model::cpu
#endif
