#include <algorithm>
#include <string>

#include "base/error.h"
#include "model/backend/cuda/check.h"
#include "model/backend/cuda/device.cuh"
#include "model/backend/cuda/kernels.h"
#include "model/backend/cuda/working_memory.h"

namespace peira::model::cuda {
namespace {

constexpr int kRowsPerBlock = 4;
constexpr int kMostExperts = 2048;  // a lane marks those it has given in 64 bits
constexpr int kSortThreads = 256;
constexpr int kTileThreads = 1024;
constexpr int kThreads = 256;

// A warp a row: grid ceil(num_rows / kRowsPerBlock), block (kWarpSize, kRowsPerBlock).
__global__ void route_kernel(const float* logits,    // [num_rows, num_experts]
                             std::int32_t* ids,      // [num_rows, top_k]
                             float* expert_weights,  // [num_rows, top_k]
                             int num_rows, int num_experts, int top_k, bool norm_topk_prob) {
  const int row = static_cast<int>(blockIdx.x * kRowsPerBlock + threadIdx.y);
  if (row >= num_rows) return;
  const int lane = static_cast<int>(threadIdx.x);
  const float* const own = logits + static_cast<std::int64_t>(row) * num_experts;
  float max = -INFINITY;
  for (int e = lane; e < num_experts; e += kWarpSize) max = fmaxf(max, own[e]);
  max = warp_max(max);
  float total = 0;
  for (int e = lane; e < num_experts; e += kWarpSize) total += expf(own[e] - max);
  total = warp_sum(total);

  unsigned long long given = 0;  // bit i: expert i * kWarpSize + lane
  float kept = 0;
  for (int k = 0; k < top_k; ++k) {
    // The largest order, then the lowest id: both in one number. NaN has the lowest order, so that
    // a choice is always one of the experts.
    unsigned long long best = 0;
    for (int e = lane; e < num_experts; e += kWarpSize) {
      if ((given >> (e / kWarpSize) & 1) != 0) continue;
      const unsigned long long candidate =
          (static_cast<unsigned long long>(order_of(own[e])) << 32) |
          static_cast<unsigned>(kMostExperts - e);
      best = candidate > best ? candidate : best;
    }
    best = warp_max(best);
    const int expert = kMostExperts - static_cast<int>(best & 0xFFFFFFFFU);
    if (expert % kWarpSize == lane) given |= 1ULL << (expert / kWarpSize);
    const float prob = expf(own[expert] - max);
    kept += prob;
    if (lane == 0) {
      ids[row * top_k + k] = expert;
      expert_weights[row * top_k + k] = prob;
    }
  }
  const float divisor = norm_topk_prob ? kept : total;
  __syncwarp();
  for (int k = lane; k < top_k; k += kWarpSize) expert_weights[row * top_k + k] /= divisor;
}

// A counting sort: a block an expert counts the slots of lower experts, and lists its own from
// there in order. Grid (num_experts).
__global__ void sort_slots_kernel(const std::int32_t* ids,  // [num_slots]
                                  int num_slots,
                                  std::int32_t* sorted,    // [num_slots]
                                  std::int32_t* firsts,    // [num_experts]
                                  std::int32_t* counts) {  // [num_experts]
  __shared__ int num_lower;
  __shared__ int warp_counts[kSortThreads / kWarpSize];
  const int expert = static_cast<int>(blockIdx.x);
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % kWarpSize;
  const int warp = thread / kWarpSize;
  if (thread == 0) num_lower = 0;
  __syncthreads();
  int lower = 0;
  for (int slot = thread; slot < num_slots; slot += kSortThreads) lower += ids[slot] < expert;
  atomicAdd(&num_lower, lower);  // whole numbers: their order does not matter
  __syncthreads();
  const int first = num_lower;
  int done = 0;
  for (int begin = 0; begin < num_slots; begin += kSortThreads) {
    const int slot = begin + thread;
    const bool is_own = slot < num_slots && ids[slot] == expert;
    const unsigned own_lanes = __ballot_sync(kAllLanes, is_own);
    if (lane == 0) warp_counts[warp] = __popc(own_lanes);
    __syncthreads();
    int before = done;
    for (int w = 0; w < kSortThreads / kWarpSize; ++w) {
      if (w < warp) before += warp_counts[w];
      done += warp_counts[w];
    }
    if (is_own) sorted[first + before + __popc(own_lanes & ((1U << lane) - 1))] = slot;
    __syncthreads();
  }
  if (thread == 0) {
    firsts[expert] = first;
    counts[expert] = done;
  }
}

// Cuts each expert's slots into tiles of at most `tile_slots`, and empties the tiles left over. One
// block.
__global__ void cut_tiles_kernel(const std::int32_t* firsts, const std::int32_t* counts,
                                 int num_experts, int tile_slots, SlotTile* tiles, int num_tiles) {
  __shared__ int sums[kTileThreads];
  const int thread = static_cast<int>(threadIdx.x);
  int base = 0;  // tiles of experts before this turn's
  for (int begin = 0; begin < num_experts; begin += kTileThreads) {
    const int expert = begin + thread;
    const int count = expert < num_experts ? counts[expert] : 0;
    const int own = (count + tile_slots - 1) / tile_slots;
    sums[thread] = own;
    __syncthreads();
    for (int offset = 1; offset < kTileThreads; offset *= 2) {
      const int before = thread >= offset ? sums[thread - offset] : 0;
      __syncthreads();
      sums[thread] += before;
      __syncthreads();
    }
    const int first_tile = base + sums[thread] - own;
    for (int i = 0; i < own; ++i) {
      tiles[first_tile + i] = {expert, firsts[expert] + i * tile_slots,
                               min(tile_slots, count - i * tile_slots)};
    }
    base += sums[kTileThreads - 1];
    __syncthreads();
  }
  for (int tile = base + thread; tile < num_tiles; tile += kTileThreads) tiles[tile] = {0, 0, 0};
}

// Grid (blocks over `size`, num_rows): each row's outputs, added in order of the slot.
__global__ void combine_kernel(const float* outputs,         // [num_rows * top_k, size]
                               const float* expert_weights,  // [num_rows, top_k]
                               float* out,                   // [num_rows, size]
                               int top_k, int size) {
  const int h = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (h >= size) return;
  const std::int64_t row = blockIdx.y;
  float sum = 0;
  for (int k = 0; k < top_k; ++k) {
    const std::int64_t slot = row * top_k + k;
    sum = fmaf(expert_weights[slot], outputs[slot * size + h], sum);
  }
  out[row * size + h] = sum;
}

// Hands out consecutive pieces of one block of scratch memory.
class Pieces {
 public:
  template <typename T>
  T* take(std::int64_t count) {
    T* const piece = reinterpret_cast<T*>(base_ + size_bytes_);
    constexpr std::int64_t kAlignment = 256;
    size_bytes_ +=
        (count * static_cast<std::int64_t>(sizeof(T)) + kAlignment - 1) / kAlignment * kAlignment;
    return piece;
  }
  explicit Pieces(std::byte* base) : base_(base) {}
  std::int64_t size_bytes() const { return size_bytes_; }

 private:
  std::byte* base_;
  std::int64_t size_bytes_ = 0;
};

MatmulPart part_of(const MatrixRef& weight, const ConstTensorView& bias, float* out) {
  MatmulPart part;
  part.weight = weight;
  part.bias = bias.data;
  part.bias_dtype = bias.dtype;
  part.out = out;
  return part;
}

void experts_of_some(const ConstTensorView& x, const ConstTensorView& expert_ids,
                     const ConstTensorView& expert_weights, const ExpertWeights& weights,
                     const PlacedExperts& placed, const TensorView& out, Stream& stream) {
  const std::int64_t rows = x.rows();
  const auto hidden = static_cast<int>(x.shape[1]);
  const auto top_k = static_cast<int>(expert_ids.shape[1]);
  const auto num_experts = static_cast<int>(weights.gate_proj.size());
  const int inner = placed.gate.num_outputs;
  const std::int64_t num_slots = rows * top_k;
  const int tile_slots = slots_per_tile(num_slots, num_experts);
  const std::int64_t num_tiles =
      num_slots / tile_slots + std::min<std::int64_t>(num_experts, num_slots);

  const std::int64_t most_bytes = experts_bytes(rows, top_k, num_experts, hidden, inner);
  Pieces pieces(static_cast<std::byte*>(stream.scratch(most_bytes)));
  auto* const sorted = pieces.take<std::int32_t>(num_slots);
  auto* const firsts = pieces.take<std::int32_t>(num_experts);
  auto* const counts = pieces.take<std::int32_t>(num_experts);
  auto* const tiles = pieces.take<SlotTile>(num_tiles);
  auto* const gate = pieces.take<float>(num_slots * inner);
  auto* const up = pieces.take<float>(num_slots * inner);
  auto* const outputs = pieces.take<float>(num_slots * hidden);
  if (pieces.size_bytes() > most_bytes) {
    throw Error(ErrorCode::kInternal, "cuda: experts() needs more memory than is planned for");
  }

  sort_slots_kernel<<<static_cast<unsigned>(num_experts), kSortThreads, 0, stream>>>(
      expert_ids.i32(), static_cast<int>(num_slots), sorted, firsts, counts);
  check(cudaGetLastError());
  cut_tiles_kernel<<<1, kTileThreads, 0, stream>>>(firsts, counts, num_experts, tile_slots, tiles,
                                                   static_cast<int>(num_tiles));
  check(cudaGetLastError());

  Matmul job;
  job.slots = sorted;
  job.tiles = tiles;
  job.num_tiles = static_cast<int>(num_tiles);
  job.slots_per_tile = tile_slots;
  job.x = x.f32();
  job.num_inputs = hidden;
  job.slots_per_x = top_k;
  job.parts[0] = part_of(placed.gate, weights.gate_bias, gate);
  job.num_parts = 1;
  const MatmulPart up_part = part_of(placed.up, weights.up_bias, up);
  if (placed.up.dtype == placed.gate.dtype) {
    job.parts[1] = up_part;
    job.num_parts = 2;
    matmul(job, stream);
  } else {
    matmul(job, stream);
    job.parts[0] = up_part;
    matmul(job, stream);
  }
  gated_activation(weights.activation, gate, up, gate, num_slots * inner, stream);
  job.x = gate;
  job.num_inputs = inner;
  job.slots_per_x = 1;
  job.parts[0] = part_of(placed.down, weights.down_bias, outputs);
  job.num_parts = 1;
  matmul(job, stream);

  const dim3 grid(blocks_for(hidden, kThreads), static_cast<unsigned>(rows));
  combine_kernel<<<grid, kThreads, 0, stream>>>(outputs, expert_weights.f32(), out.f32(), top_k,
                                                hidden);
  check(cudaGetLastError());
}

}  // namespace

void route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
           const TensorView& expert_weights, Stream& stream) {
  if (expert_ids.num_elements() == 0) return;
  const auto num_rows = static_cast<int>(logits.rows());
  const auto num_experts = static_cast<int>(logits.shape[1]);
  if (num_experts > kMostExperts) {
    throw Error(ErrorCode::kUnavailable,
                "device cuda: " + std::to_string(num_experts) + " experts, more than the " +
                    std::to_string(kMostExperts) + " it can choose from\n  try: --device cpu");
  }
  const dim3 block(kWarpSize, kRowsPerBlock);
  route_kernel<<<blocks_for(num_rows, kRowsPerBlock), block, 0, stream>>>(
      logits.f32(), expert_ids.i32(), expert_weights.f32(), num_rows, num_experts,
      static_cast<int>(expert_ids.shape[1]), norm_topk_prob);
  check(cudaGetLastError());
}

void experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
             const ConstTensorView& expert_weights, const ExpertWeights& weights,
             const PlacedExperts& placed, const TensorView& out, Stream& stream) {
  for (std::int64_t first = 0; first < x.rows(); first += kMostExpertRows) {
    const std::int64_t count = std::min(kMostExpertRows, x.rows() - first);
    experts_of_some(x.slice(first, count), expert_ids.slice(first, count),
                    expert_weights.slice(first, count), weights, placed, out.slice(first, count),
                    stream);
  }
}

}  // namespace peira::model::cuda
