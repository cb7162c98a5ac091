// Kernels of linear attention: the causal convolution and the gated delta rule.
#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/linear_attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "model/backend/cpu/linear_attention.h"
#include "model/backend/cpu/simd-inl.h"
//
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

// --- causal convolution ---

// Channels [first, first + Lanes(d)) of all rows. Weights and past are turned so that channels lie
// side by side; both hold few values beside those of the rows.
template <class D>
HWY_INLINE void conv_lanes(D d, const ConvRows& rows, std::int64_t first) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t width = rows.width;
  float* const weight = rows.scratch;          // [width, lanes]
  float* const past = weight + width * lanes;  // [width - 1, lanes], oldest first
  float* const state = rows.state + first * (width - 1);
  for (std::int64_t c = 0; c < lanes; ++c) {
    for (std::int64_t w = 0; w < width; ++w) {
      weight[w * lanes + c] = rows.weight[(first + c) * width + w];
    }
    for (std::int64_t w = 0; w + 1 < width; ++w) {
      past[w * lanes + c] = rows.is_start ? 0.0F : state[c * (width - 1) + w];
    }
  }
  // Where row `t` of the call lies; rows before the call are the past.
  const auto row = [&](std::int64_t t) -> const float* {
    return t < 0 ? past + (t + width - 1) * lanes : rows.x + t * rows.stride + first;
  };
  for (std::int64_t t = 0; t < rows.num_rows; ++t) {
    auto sum = hn::Zero(d);
    for (std::int64_t w = 0; w < width; ++w) {
      sum =
          hn::MulAdd(hn::LoadU(d, weight + w * lanes), hn::LoadU(d, row(t - (width - 1) + w)), sum);
    }
    const auto one_plus_exp = hn::Add(hn::Set(d, 1.0F), hn::Exp(d, hn::Neg(sum)));
    hn::StoreU(hn::Div(sum, one_plus_exp), d, rows.out + t * rows.stride + first);
  }
  for (std::int64_t w = 0; w + 1 < width; ++w) {
    const float* const from = row(rows.num_rows - (width - 1) + w);
    for (std::int64_t c = 0; c < lanes; ++c) state[c * (width - 1) + w] = from[c];
  }
}

void conv_channels(const ConvRows& rows) {
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  std::int64_t c = 0;
  for (; c + lanes <= rows.channels; c += lanes) conv_lanes(f, rows, c);
  for (; c < rows.channels; ++c) conv_lanes(OneTag(), rows, c);
}

// --- gated delta rule ---

void unit_length(const float* x, std::int64_t size, float factor, float* out) {
  constexpr float kEps = 1e-6F;
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  FloatVec sums = hn::Zero(f);
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const FloatVec v = hn::LoadU(f, x + i);
    sums = hn::MulAdd(v, v, sums);
  }
  float total = hn::GetLane(hn::SumOfLanes(f, sums));
  for (; i < size; ++i) total += x[i] * x[i];
  const float scale = factor / std::sqrt(total + kEps);
  for (i = 0; i + lanes <= size; i += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(f, x + i), hn::Set(f, scale)), f, out + i);
  }
  for (; i < size; ++i) out[i] = x[i] * scale;
}

// Columns [first, first + kVectors * Lanes(d)) of one head's state over all rows: they stay in the
// cache, and each is summed over the key's elements in their order.
template <int kVectors, class D>
HWY_INLINE void delta_columns(D d, const DeltaRows& rows, std::int64_t first) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t key_dim = rows.key_dim;
  const std::int64_t stride = rows.state_stride;
  float* const state = rows.state + first;
  for (std::int64_t t = 0; t < rows.num_rows; ++t) {
    const float* const q = rows.q + t * rows.qk_stride;
    const float* const k = rows.k + t * rows.qk_stride;
    const float* const v = rows.v + t * rows.v_stride + first;
    const V decay = hn::Set(d, rows.decay[t * rows.gate_stride]);
    const V beta = hn::Set(d, rows.beta[t * rows.gate_stride]);
    V memory[kVectors];
    V out[kVectors];
    for (int n = 0; n < kVectors; ++n) {
      memory[n] = hn::Zero(d);
      out[n] = hn::Zero(d);
    }
    for (std::int64_t i = 0; i < key_dim; ++i) {
      const V key = hn::Set(d, k[i]);
      for (int n = 0; n < kVectors; ++n) {
        memory[n] = hn::MulAdd(hn::LoadU(d, state + i * stride + n * lanes), key, memory[n]);
      }
    }
    V delta[kVectors];
    for (int n = 0; n < kVectors; ++n) {
      delta[n] = hn::Mul(hn::NegMulAdd(memory[n], decay, hn::LoadU(d, v + n * lanes)), beta);
    }
    for (std::int64_t i = 0; i < key_dim; ++i) {
      const V key = hn::Set(d, k[i]);
      const V query = hn::Set(d, q[i]);
      for (int n = 0; n < kVectors; ++n) {
        float* const cell = state + i * stride + n * lanes;
        const V updated = hn::MulAdd(key, delta[n], hn::Mul(hn::LoadU(d, cell), decay));
        hn::StoreU(updated, d, cell);
        out[n] = hn::MulAdd(updated, query, out[n]);
      }
    }
    for (int n = 0; n < kVectors; ++n) {
      hn::StoreU(out[n], d, rows.out + t * rows.out_stride + first + n * lanes);
    }
  }
}

void delta_block(const DeltaRows& rows) {
  // Four vectors: their sums, and as many of outputs and deltas, fit 16 registers.
  constexpr int kVectors = 4;
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  std::int64_t j = 0;
  for (; j + kVectors * lanes <= rows.columns; j += kVectors * lanes) {
    delta_columns<kVectors>(f, rows, j);
  }
  for (; j + lanes <= rows.columns; j += lanes) delta_columns<1>(f, rows, j);
  for (; j < rows.columns; ++j) delta_columns<1>(OneTag(), rows, j);
}

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "model/backend/reference/kernels.h"

namespace peira::model::cpu {

HWY_EXPORT(conv_channels);
HWY_EXPORT(unit_length);
HWY_EXPORT(delta_block);

namespace {

// Channels, or columns of a state, of one task: with more, tasks are too few to share out when a
// single token is decoded; with fewer, rows are read in pieces smaller than a few cache lines.
constexpr std::int64_t kTaskColumns = 64;

std::int64_t tasks_of(std::int64_t columns) { return (columns + kTaskColumns - 1) / kTaskColumns; }

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// log(1 + exp(x)) without overflow.
float softplus(float x) { return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace

void causal_conv(const ForBlocks& for_blocks, const ConstTensorView& x,
                 const ConstTensorView& weight, const BatchRows& rows, const TensorView& state,
                 const TensorView& out) {
  const std::int64_t channels = x.shape[1];
  const std::int64_t width = weight.shape[1];
  const std::int64_t num_tasks = tasks_of(channels);
  const auto num_sequences = static_cast<std::int64_t>(rows.sequences.size());
  if (num_sequences == 0) return;
  constexpr std::int64_t kWorkOfSilu = 20;
  const std::int64_t work = x.rows() * kTaskColumns * (width + kWorkOfSilu) / num_sequences;
  for_blocks(num_sequences * num_tasks, work, 1, [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> buffer;  // the task's weights, then the kernel's scratch
    buffer.resize(static_cast<std::size_t>(3 * width * kTaskColumns));
    float* const wide = buffer.data();
    for (std::int64_t i = begin; i < end; ++i) {
      const SequenceRows& sequence = rows.sequences[static_cast<std::size_t>(i / num_tasks)];
      const std::int64_t first = i % num_tasks * kTaskColumns;
      const std::int64_t count = std::min(kTaskColumns, channels - first);
      for (std::int64_t w = 0; w < count * width; ++w) {
        wide[w] = reference::weight_at(weight, first * width + w);
      }
      const std::int64_t at = sequence.first_row * channels + first;
      HWY_DYNAMIC_DISPATCH(conv_channels)
      ({.x = x.f32() + at,
        .weight = wide,
        .state = state.f32() + (sequence.state_slot * channels + first) * (width - 1),
        .out = out.f32() + at,
        .scratch = wide + width * kTaskColumns,
        .num_rows = sequence.num_rows,
        .channels = count,
        .stride = channels,
        .width = width,
        .is_start = sequence.first_position == 0});
    }
  });
}

void gated_delta_rule(const ForBlocks& for_blocks, const ConstTensorView& qkv,
                      const ConstTensorView& a, const ConstTensorView& b,
                      const ConstTensorView& a_log, const ConstTensorView& dt_bias,
                      int num_key_heads, const BatchRows& rows, const TensorView& state,
                      const TensorView& out) {
  const std::int64_t num_rows = qkv.rows();
  const std::int64_t stride = qkv.shape[1];
  const std::int64_t value_heads = state.shape[1];
  const std::int64_t key_dim = state.shape[2];
  const std::int64_t value_dim = state.shape[3];
  const std::int64_t key_size = num_key_heads * key_dim;
  const std::int64_t group = value_heads / num_key_heads;
  const auto num_sequences = static_cast<std::int64_t>(rows.sequences.size());
  if (num_sequences == 0) return;

  // First what all columns of a head share, row by row. The buffers are this thread's; the pool's
  // threads fill and read them while it waits.
  thread_local std::vector<float> unit_buffer, decay_buffer, beta_buffer;
  unit_buffer.resize(static_cast<std::size_t>(num_rows * 2 * key_size));
  decay_buffer.resize(static_cast<std::size_t>(num_rows * value_heads));
  beta_buffer.resize(decay_buffer.size());
  float* const unit = unit_buffer.data();  // [T, 2 * key_size]: queries, then keys
  float* const decay = decay_buffer.data();
  float* const beta = beta_buffer.data();
  const float query_factor = 1 / std::sqrt(static_cast<float>(key_dim));
  constexpr std::int64_t kWorkOfGates = 400;
  for_blocks(num_rows, 4 * key_size + kWorkOfGates * value_heads, 1,
             [&](std::int64_t begin, std::int64_t end) {
               for (std::int64_t t = begin; t < end; ++t) {
                 for (std::int64_t h = 0; h < 2 * num_key_heads; ++h) {
                   HWY_DYNAMIC_DISPATCH(unit_length)
                   (qkv.f32() + t * stride + h * key_dim, key_dim,
                    h < num_key_heads ? query_factor : 1.0F,
                    unit + (t * 2 * key_size + h * key_dim));
                 }
                 for (std::int64_t h = 0; h < value_heads; ++h) {
                   const std::int64_t at = t * value_heads + h;
                   decay[at] = std::exp(-std::exp(reference::weight_at(a_log, h)) *
                                        softplus(a.f32()[at] + reference::weight_at(dt_bias, h)));
                   beta[at] = sigmoid(b.f32()[at]);
                 }
               }
             });

  const std::int64_t num_tasks = tasks_of(value_dim);
  const std::int64_t work = 3 * num_rows * key_dim * kTaskColumns / num_sequences;
  for_blocks(
      num_sequences * value_heads * num_tasks, work, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t h = i / num_tasks % value_heads;
          const SequenceRows& sequence =
              rows.sequences[static_cast<std::size_t>(i / num_tasks / value_heads)];
          const std::int64_t t = sequence.first_row;
          const std::int64_t first = i % num_tasks * kTaskColumns;
          const std::int64_t count = std::min(kTaskColumns, value_dim - first);
          float* const own =
              state.f32() + (sequence.state_slot * value_heads + h) * key_dim * value_dim + first;
          if (sequence.first_position == 0) {
            for (std::int64_t k = 0; k < key_dim; ++k) {
              std::fill_n(own + k * value_dim, count, 0.0F);
            }
          }
          HWY_DYNAMIC_DISPATCH(delta_block)
          ({.q = unit + t * 2 * key_size + h / group * key_dim,
            .k = unit + t * 2 * key_size + key_size + h / group * key_dim,
            .v = qkv.f32() + t * stride + 2 * key_size + h * value_dim + first,
            .decay = decay + t * value_heads + h,
            .beta = beta + t * value_heads + h,
            .state = own,
            .out = out.f32() + (t * value_heads + h) * value_dim + first,
            .num_rows = sequence.num_rows,
            .key_dim = key_dim,
            .columns = count,
            .state_stride = value_dim,
            .qk_stride = 2 * key_size,
            .v_stride = stride,
            .gate_stride = value_heads,
            .out_stride = value_heads * value_dim});
        }
      });
}

}  // namespace peira::model::cpu
#endif
