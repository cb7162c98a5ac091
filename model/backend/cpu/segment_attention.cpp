#include "model/backend/cpu/segment_attention.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "model/backend/cpu/kernels.h"

namespace peira::model::cpu {
namespace {

// One head's keys and values of a segment, as pages of a cache, and room for some of its queries. A
// thread reuses its own.
struct Workspace {
  std::vector<float> keys;    // [pages, head_dim, kKvPageTokens]
  std::vector<float> values;  // [pages, kKvPageTokens, head_dim]
  std::vector<std::int32_t> pages;
  std::vector<float> q, out;  // [kMaxAttentionQueries, head_dim]
  std::vector<float> scores;

  // rows  of the head: row i at rows[i * stride].
  void take(const float* k, const float* v, std::int64_t num_rows, std::int64_t stride,
            std::int64_t head_dim) {
    const std::int64_t num_pages = (num_rows + kKvPageTokens - 1) / kKvPageTokens;
    const auto size = static_cast<std::size_t>(num_pages * kKvPageTokens * head_dim);
    // What is behind the last row of its page is multiplied by weights of zero.
    keys.assign(size, 0);
    values.assign(size, 0);
    pages.resize(static_cast<std::size_t>(num_pages));
    std::iota(pages.begin(), pages.end(), 0);
    for (std::int64_t row = 0; row < num_rows; ++row) {
      const std::int64_t page = row / kKvPageTokens * kKvPageTokens * head_dim;
      const std::int64_t slot = row % kKvPageTokens;
      float* const key = keys.data() + page + slot;
      for (std::int64_t d = 0; d < head_dim; ++d) key[d * kKvPageTokens] = k[row * stride + d];
      std::copy_n(v + row * stride, head_dim, values.data() + page + slot * head_dim);
    }
  }
};

}  // namespace

void segment_attention(const ForBlocks& for_blocks, const ConstTensorView& q,
                       const ConstTensorView& k, const ConstTensorView& v,
                       std::int64_t segment_rows, float scale, const TensorView& out) {
  const std::int64_t num_rows = q.shape[0];
  const std::int64_t num_heads = q.shape[1];
  const std::int64_t head_dim = q.shape[2];
  const std::int64_t stride = num_heads * head_dim;
  const std::int64_t num_segments = (num_rows + segment_rows - 1) / segment_rows;
  const std::int64_t most_rows = std::min(segment_rows, num_rows);
  const auto attend = [&](std::int64_t task) {
    thread_local Workspace work;
    const std::int64_t first = task / num_heads * segment_rows;
    const std::int64_t count = std::min(segment_rows, num_rows - first);
    const std::int64_t at = first * stride + task % num_heads * head_dim;
    work.take(k.f32() + at, v.f32() + at, count, stride, head_dim);
    work.q.resize(static_cast<std::size_t>(kMaxAttentionQueries * head_dim));
    work.out.resize(work.q.size());
    for (std::int64_t row = 0; row < count; row += kMaxAttentionQueries) {
      const std::int64_t queries = std::min<std::int64_t>(kMaxAttentionQueries, count - row);
      for (std::int64_t i = 0; i < queries; ++i) {
        std::copy_n(q.f32() + at + (row + i) * stride, head_dim, work.q.data() + i * head_dim);
      }
      // As if they were the heads of one row at the segment's end, which sees all of it.
      attention_block({.q = work.q.data(),
                       .out = work.out.data(),
                       .row_stride = queries * head_dim,
                       .num_rows = 1,
                       .num_heads = queries,
                       .head_dim = head_dim,
                       .first_position = count - 1,
                       .window = 0,
                       .scale = scale,
                       .sinks = nullptr,
                       .pages = work.pages,
                       .dtype = DType::kF32,
                       .keys = work.keys.data(),
                       .values = work.values.data(),
                       .page_stride = head_dim * kKvPageTokens,
                       .key_scales = nullptr,
                       .value_scales = nullptr,
                       .scale_stride = 0},
                      work.scores);
      for (std::int64_t i = 0; i < queries; ++i) {
        std::copy_n(work.out.data() + i * head_dim, head_dim, out.f32() + at + (row + i) * stride);
      }
    }
  };
  for_blocks(num_segments * num_heads, 2 * most_rows * most_rows * head_dim, 1,
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t task = begin; task < end; ++task) attend(task);
             });
}

}  // namespace peira::model::cpu
