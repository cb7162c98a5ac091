// How much device memory operations use between their kernels. Plain arithmetic: what plans ahead
// needs no CUDA.
#pragma once

#include <cstdint>

#include "model/backend/device.h"

namespace peira::model::cuda {

constexpr int kSplitPages = 8;  // attention's split is that many pages, counted from position 0
// Splits get blocks of their own where rows and heads alone leave the device idle, and where what
// they keep fits. Both depend on shapes only.
constexpr std::int64_t kBusyWarps = 8192;
constexpr std::int64_t kMostSplitFloats = std::int64_t{64} << 20;

// Rows whose expert outputs are held at once; more are computed in turns.
constexpr std::int64_t kMostExpertRows = 4096;

// Batch shapes that are kept recorded, and the device memory that a layer takes in each: an H100
// (driver 580, CUDA 13.0) takes 2 MiB for 48 layers, 44 KiB each.
constexpr std::int64_t kMostRecordings = 64;
constexpr std::int64_t kRecordedLayerBytes = 64 << 10;

// Of one call of attention() with its splits apart.
std::int64_t split_bytes(std::int64_t num_rows, std::int64_t num_heads, std::int64_t head_dim,
                         std::int64_t num_splits);
// True when a call keeps its splits apart.
bool is_split(std::int64_t num_rows, std::int64_t num_heads, std::int64_t head_dim,
              std::int64_t num_splits);

// At least what one call of experts() uses, and no less for more rows.
std::int64_t experts_bytes(std::int64_t num_rows, std::int64_t top_k, std::int64_t num_experts,
                           std::int64_t hidden_size, std::int64_t intermediate_size);

// The most that one operation uses of a model and batches of these sizes.
std::int64_t scratch_bytes(const WorkSizes& sizes);

}  // namespace peira::model::cuda
