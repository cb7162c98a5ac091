// The SIMD kernels of the CPU backend, one file each, compiled for several instruction sets of
// which the best the machine has runs. Contracts of the operations: model/backend/backend.h. Each
// of these does a part of one on the calling thread; backend.cpp splits the work.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/backend/backend.h"

namespace peira::model::cpu {

// Rows one matmul call takes at most, so that its inputs stay in the cache.
constexpr int kMaxMatmulRows = 48;
// Ranges of outputs given to matmul() start at multiples of this.
constexpr std::int64_t kMatmulOutputs = 4;
// Ranges that start at multiples of this read weights as one stream.
constexpr std::int64_t kStreamOutputs = 64;

// The name of the instruction set that runs, e.g. "AVX3".
const char* instruction_set();

// Some outputs of one matrix: out[r * out_stride + (n - first)] = dot(x_rows[r], weight[n]) +
// bias[n] for n in [first, last).
struct MatmulPart {
  const Weight* weight;  // [out_features, in_features] of any type, packed or not
  std::int64_t first;
  std::int64_t last;
  ConstTensorView bias;  // [out_features] or absent
  float* out;
  std::int64_t out_stride;
};

// A row of x in groups of kQuantizedColumns, each a power of two times integers of 16 bits.
struct QuantizedRow {
  const std::int16_t* values;  // [whole groups], the last filled up with zeros
  const float* scales;         // [groups]
  const float* sums;           // [2 * groups], of half a group's values * scale each
};
constexpr std::int64_t kQuantizedColumns = 64;

// values * scale is x rounded to 2^-14 of the power of two below the group's largest magnitude. A
// group with a value that is not finite has a scale that is NaN.
void quantize_row(const float* x, std::int64_t size, std::int16_t* values, float* scales,
                  float* sums);

// True for weights in groups of integers, which want quantised rows.
bool has_integers(const Weight& weight);
// The ranges of outputs of such weights start at multiples of this.
constexpr std::int64_t kIntegerOutputs = 32;

// The products with the parts whose weights are has_integers(); other parts are left alone. The sum
// of a group's products of integers is exact. out is the sum over the groups, in order, of this
// sum, rounded to float32, times (the weights' scale * the scale of x), and with int4 after each
// also of the minimum times the sum of x; then plus the bias. The same bits whatever the
// instruction set, the rows and the range.
//
// rows          at most kMaxMatmulRows.
// next          as for matmul().
// may_use_vnni  false: as on a processor without AVX-VNNI or AVX-512 VNNI.
void matmul_integers(std::span<const QuantizedRow> rows, std::span<const MatmulPart> parts,
                     const MatmulPart* next = nullptr, bool may_use_vnni = true);

// Rows of x as tiles hold them: for each kTileColumns columns kTilePieces pieces, the smallest
// first, for each the columns of each row, all bfloat16. A value of x is the sum of its pieces.
// Memory goes on for kMostTileRows lines of kTileColumns past the last.
struct TileRows {
  const std::uint16_t* values;
  int num_rows;  // at most kMostTileRows
};
constexpr std::int64_t kTileColumns = 32;
constexpr int kTilePieces = 3;
constexpr int kMostTileRows = 16;
static_assert(kMaxMatmulRows % kMostTileRows == 0);

// A row's part of a TileRows: what is left of a value is rounded to bfloat16, three times.
//
// x    [size]; columns up to a whole kTileColumns become zeros.
// out  the row's place in the first piece.
void split_row(const float* x, std::int64_t size, std::uint16_t* out, std::int64_t num_rows);

// True for weights that AMX tiles multiply (amx_matmul.h), which want TileRows.
bool has_tiles(const Weight& weight);
// The ranges of outputs of such weights start at multiples of this.
constexpr std::int64_t kTileOutputs = 32;

// The same rows of x as they are, and as weights may want them.
struct MatmulRows {
  std::span<const float* const> rows;
  std::span<const QuantizedRow> quantized = {};
  std::span<const TileRows> split = {};
};

// x       at most kMaxMatmulRows rows of [in_features].
// parts   of matrices of equal in_features.
// next    what this thread will probably multiply by next: its first weights are asked for while
//         the last of `parts` are multiplied. Or null.
// Each dot product adds in the same order whatever the rows and the range: lane i of the sum takes
// elements i, i + lanes, ..., and the lanes are added in one fixed tree. The products are
// those of the weight widened to float32, so equal values give equal bits in every format but
// int8 and int4 (matmul_integers()) and those that has_tiles() (matmul_amx()).
void matmul(const MatmulRows& x, std::span<const MatmulPart> parts,
            const MatmulPart* next = nullptr);

void rms_norm_row(const float* x, const ConstTensorView& weight, float eps, std::int64_t size,
                  float* out);

void layer_norm_row(const float* x, const ConstTensorView& weight, const ConstTensorView& bias,
                    float eps, std::int64_t size, float* out);

// One head: x [head_dim] in place, cos_sin [head_dim].
void rope_head(float* x, const float* cos_sin, std::int64_t head_dim);

// out[i] = activation(gate[i], up[i]); out may be gate or up.
void gated_activation_row(const GatedActivation& activation, const float* gate, const float* up,
                          std::int64_t size, float* out);

// x = activation(x), but for kGelu.
void activate_row(Activation activation, float* x, std::int64_t size);

// x[i] *= sigmoid(gate[i]), or sigmoid(gate[0]) for all where `is_shared`.
void multiply_sigmoid_row(float* x, const float* gate, bool is_shared, std::int64_t size);
void clamp_row(float* x, float limit, std::int64_t size);
void softcap_row(float* x, float cap, std::int64_t size);
void add_row(float* x, const float* y, std::int64_t size);

// out[i] = sum over k of weights[k] * rows[k][i].
void weighted_sum(std::span<const float* const> rows, const float* weights, std::int64_t size,
                  float* out);

// Consecutive rows of one sequence, for the query heads that share a key-value head. Pointers to q
// and out are at the first row's first such head. scratch is resized as needed.
constexpr int kMaxAttentionQueries = 32;  // num_rows * num_heads of a block, at most
struct AttentionBlock {
  const float* q;
  float* out;
  std::int64_t row_stride;  // floats from a row of q and out to the next
  std::int64_t num_rows;
  std::int64_t num_heads;
  std::int64_t head_dim;
  std::int64_t first_position;  // of the first row
  std::int64_t window;          // see AttentionOptions::sliding_window
  float scale;
  const float* sinks;  // [num_heads], or null
  std::span<const std::int32_t> pages;
  DType dtype;                // of the cache
  const void* keys;           // of page 0 and this key-value head
  const void* values;         // likewise
  std::int64_t page_stride;   // elements from a page to the next
  const float* key_scales;    // likewise, or null
  const float* value_scales;  // likewise, or null
  std::int64_t scale_stride;  // floats from a page's scales to the next's
};
void attention_block(const AttentionBlock& block, std::vector<float>& scratch);

// The same in parts, to the same bits: each span of so many positions, counted from 0, on its own,
// then all together.
constexpr std::int64_t kAttentionSpan = 2048;
static_assert(kAttentionSpan % kKvPageTokens == 0);
struct SpanRange {
  std::int64_t first;
  std::int64_t last;  // not of it
  std::int64_t count() const { return last - first; }
};
// Those with a position that a row of the block sees.
SpanRange spans_of(const AttentionBlock& block);
// Floats that a query leaves of a span: weighted values, the largest score, the sum of
// exponentials.
constexpr std::int64_t attention_partial_size(std::int64_t head_dim) { return head_dim + 2; }
// partials  [num_rows * num_heads, attention_partial_size()] of this span.
void attention_span(const AttentionBlock& block, std::int64_t span, float* partials,
                    std::vector<float>& scratch);
// partials  of all spans of the block, one after the other.
void merge_spans(const AttentionBlock& block, const float* partials);

float log_sum_exp_row(const float* x, std::int64_t size);

}  // namespace peira::model::cpu
