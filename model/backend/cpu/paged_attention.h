// Attention over the paged cache: how the work of one call is split over threads.
#pragma once

#include <cstdint>
#include <vector>

#include "model/backend/backend.h"
#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/linear_attention.h"

namespace peira::model::cpu {

// Rows of a sequence that read its pages together, and key-value heads, in parallel; of those that
// are a large share of all work, such as the one row of a long context, also the spans of
// positions. Neither changes a bit (see attention.cpp). threads: one call at a time; its memory is
// used again.
class PagedAttention {
 public:
  // num_threads  that for_blocks splits work over.
  void run(const ForBlocks& for_blocks, int num_threads, const ConstTensorView& q,
           const BatchRows& rows, const KvLayer& layer, const AttentionOptions& options,
           const TensorView& out);

 private:
  struct Task {
    AttentionBlock block;
    SpanRange spans;
    std::int64_t work;      // multiply-adds
    std::int64_t partials;  // where its spans' begin in partials_, or -1: they are not split
  };
  struct Item {
    std::size_t task;
    std::int64_t span;  // or -1: all
  };
  void find_tasks(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                  const AttentionOptions& options, const TensorView& out);
  void split_tasks(int num_threads);

  std::vector<float> sinks_;
  std::vector<Task> tasks_;
  std::vector<Item> items_;
  std::vector<std::size_t> split_;  // tasks
  std::vector<float> partials_;
  std::int64_t work_ = 0;
};

}  // namespace peira::model::cpu
