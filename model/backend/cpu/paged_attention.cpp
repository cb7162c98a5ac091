#include "model/backend/cpu/paged_attention.h"

#include <algorithm>
#include <cstddef>

#include "model/backend/reference/kernels.h"

namespace peira::model::cpu {

void PagedAttention::run(const ForBlocks& for_blocks, int num_threads, const ConstTensorView& q,
                         const BatchRows& rows, const KvLayer& layer,
                         const AttentionOptions& options, const TensorView& out) {
  sinks_.clear();
  for (std::int64_t n = 0; options.sinks && n < q.shape[1]; ++n) {
    sinks_.push_back(reference::weight_at(options.sinks, n));
  }
  find_tasks(q, rows, layer, options, out);
  split_tasks(num_threads);
  const auto count = static_cast<std::int64_t>(items_.size());
  for_blocks(count, work_ / std::max<std::int64_t>(count, 1), 1,
             [&](std::int64_t first, std::int64_t last) {
               // A thread's own, used again.
               thread_local std::vector<float> scores;
               for (std::int64_t i = first; i < last; ++i) {
                 const Item& item = items_[static_cast<std::size_t>(i)];
                 const Task& task = tasks_[item.task];
                 if (item.span < 0) {
                   attention_block(task.block, scores);
                   continue;
                 }
                 const std::int64_t size = task.block.num_rows * task.block.num_heads *
                                           attention_partial_size(task.block.head_dim);
                 attention_span(
                     task.block, item.span,
                     partials_.data() + task.partials + (item.span - task.spans.first) * size,
                     scores);
               }
             });
  for (const std::size_t task : split_) {
    merge_spans(tasks_[task].block, partials_.data() + tasks_[task].partials);
  }
}

// A task for each block of rows and each key-value head; more heads than a block takes are split.
void PagedAttention::find_tasks(const ConstTensorView& q, const BatchRows& rows,
                                const KvLayer& layer, const AttentionOptions& options,
                                const TensorView& out) {
  tasks_.clear();
  work_ = 0;
  const std::int64_t num_heads = q.shape[1];
  const std::int64_t head_dim = q.shape[2];
  const std::int64_t kv_heads = layer.keys.shape[1];
  const std::int64_t group = num_heads / kv_heads;
  const std::int64_t heads_at_once = std::min<std::int64_t>(group, kMaxAttentionQueries);
  constexpr std::int64_t kMostRows = 8;  // a guess: a page's keys then serve 8 rows from the cache
  const std::int64_t rows_at_once =
      std::clamp<std::int64_t>(kMaxAttentionQueries / heads_at_once, 1, kMostRows);
  const std::int64_t kv_stride = head_dim * kKvPageTokens;
  const auto of_head = [&](const TensorView& x, std::int64_t at) -> const void* {
    if (x.data == nullptr) return nullptr;
    return static_cast<const std::byte*>(x.data) + bytes_of(x.dtype, at);
  };
  const auto add = [&](const SequenceRows& sequence, std::int64_t row, std::int64_t kv_head,
                       std::int64_t head) {
    const std::int64_t at = ((sequence.first_row + row) * num_heads + head) * head_dim;
    const AttentionBlock block{
        .q = q.f32() + at,
        .out = out.f32() + at,
        .row_stride = num_heads * head_dim,
        .num_rows = std::min<std::int64_t>(rows_at_once, sequence.num_rows - row),
        .num_heads = std::min(heads_at_once, (kv_head + 1) * group - head),
        .head_dim = head_dim,
        .first_position = sequence.first_position + row,
        .window = options.sliding_window,
        .scale = options.scale,
        .sinks = sinks_.empty() ? nullptr : sinks_.data() + head,
        .pages = sequence.pages,
        .dtype = layer.keys.dtype,
        .keys = of_head(layer.keys, kv_head * kv_stride),
        .values = of_head(layer.values, kv_head * kv_stride),
        .page_stride = kv_heads * kv_stride,
        .key_scales = static_cast<const float*>(of_head(layer.key_scales, kv_head * kKvPageTokens)),
        .value_scales =
            static_cast<const float*>(of_head(layer.value_scales, kv_head * kKvPageTokens)),
        .scale_stride = kv_heads * kKvPageTokens};
    const std::int64_t context = block.first_position + block.num_rows;
    const std::int64_t visible =
        block.window == 0 ? context : std::min<std::int64_t>(context, block.window);
    const std::int64_t work = 2 * visible * block.num_rows * block.num_heads * head_dim;
    work_ += work;
    tasks_.push_back({block, spans_of(block), work, -1});
  };
  for (const SequenceRows& sequence : rows.sequences) {
    for (std::int64_t row = 0; row < sequence.num_rows; row += rows_at_once) {
      for (std::int64_t kv_head = 0; kv_head < kv_heads; ++kv_head) {
        for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group;
             head += heads_at_once) {
          add(sequence, row, kv_head, head);
        }
      }
    }
  }
}

// Spans of their own for the tasks that would keep a thread busy for long while others have none
// left. The longest contexts are a sequence's last rows: they go first.
void PagedAttention::split_tasks(int num_threads) {
  constexpr std::int64_t kTasksAThread = 4;
  items_.clear();
  split_.clear();
  std::int64_t size = 0;
  for (std::size_t i = tasks_.size(); i-- > 0;) {
    Task& task = tasks_[i];
    const bool is_split = num_threads > 1 && task.spans.count() > 1 &&
                          task.work * num_threads * kTasksAThread > work_;
    if (!is_split) {
      items_.push_back({i, -1});
      continue;
    }
    task.partials = size;
    split_.push_back(i);
    size += task.spans.count() * task.block.num_rows * task.block.num_heads *
            attention_partial_size(task.block.head_dim);
    for (std::int64_t span = task.spans.first; span < task.spans.last; ++span) {
      items_.push_back({i, span});
    }
  }
  if (partials_.size() < static_cast<std::size_t>(size)) {
    partials_.resize(static_cast<std::size_t>(size));
  }
}

}  // namespace peira::model::cpu
