#include <algorithm>
#include <cmath>
#include <vector>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// log(1 + exp(x)) without overflow.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

void to_unit_length(const float* x, std::int64_t size, double factor, std::vector<double>& out) {
  constexpr double kEps = 1e-6;
  double sum_sq = 0;
  for (std::int64_t i = 0; i < size; ++i) sum_sq += double{x[i]} * x[i];
  const double scale = factor / std::sqrt(sum_sq + kEps);
  out.resize(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) out[static_cast<std::size_t>(i)] = x[i] * scale;
}

}  // namespace

void causal_conv(const ConstTensorView& x, const ConstTensorView& weight, const BatchRows& rows,
                 const TensorView& state, const TensorView& out) {
  const std::int64_t channels = x.shape[1];
  const std::int64_t width = weight.shape[1];
  for (const SequenceRows& sequence : rows.sequences) {
    float* const past = state.f32() + sequence.state_slot * channels * (width - 1);
    if (sequence.first_position == 0) std::fill_n(past, channels * (width - 1), 0.0F);
    for (std::int64_t t = sequence.first_row; t < sequence.first_row + sequence.num_rows; ++t) {
      for (std::int64_t c = 0; c < channels; ++c) {
        float* const own = past + c * (width - 1);
        const float now = x.f32()[t * channels + c];
        double sum = double{weight_at(weight, c * width + width - 1)} * now;
        for (std::int64_t w = 0; w + 1 < width; ++w) {
          sum += double{weight_at(weight, c * width + w)} * own[w];
        }
        for (std::int64_t w = 0; w + 2 < width; ++w) own[w] = own[w + 1];
        if (width > 1) own[width - 2] = now;
        out.f32()[t * channels + c] = static_cast<float>(sum * sigmoid(sum));
      }
    }
  }
}

void gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                      const ConstTensorView& b, const ConstTensorView& a_log,
                      const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                      const TensorView& state, const TensorView& out) {
  const std::int64_t value_heads = state.shape[1];
  const std::int64_t key_dim = state.shape[2];
  const std::int64_t value_dim = state.shape[3];
  const std::int64_t key_size = num_key_heads * key_dim;
  const std::int64_t group = value_heads / num_key_heads;
  std::vector<double> q, k;
  std::vector<double> memory(static_cast<std::size_t>(value_dim));
  for (const SequenceRows& sequence : rows.sequences) {
    for (std::int64_t h = 0; h < value_heads; ++h) {
      float* const own =
          state.f32() + (sequence.state_slot * value_heads + h) * key_dim * value_dim;
      if (sequence.first_position == 0) std::fill_n(own, key_dim * value_dim, 0.0F);
      for (std::int64_t t = sequence.first_row; t < sequence.first_row + sequence.num_rows; ++t) {
        const float* const row = qkv.f32() + t * qkv.shape[1];
        to_unit_length(row + h / group * key_dim, key_dim,
                       1 / std::sqrt(static_cast<double>(key_dim)), q);
        to_unit_length(row + key_size + h / group * key_dim, key_dim, 1, k);
        const float* const v = row + 2 * key_size + h * value_dim;
        const double decay =
            std::exp(-std::exp(double{weight_at(a_log, h)}) *
                     softplus(double{a.f32()[t * value_heads + h]} + weight_at(dt_bias, h)));
        const double beta = sigmoid(b.f32()[t * value_heads + h]);
        std::fill(memory.begin(), memory.end(), 0);
        for (std::int64_t i = 0; i < key_dim; ++i) {
          for (std::int64_t j = 0; j < value_dim; ++j) {
            float& cell = own[i * value_dim + j];
            cell = static_cast<float>(cell * decay);
            memory[static_cast<std::size_t>(j)] += cell * k[static_cast<std::size_t>(i)];
          }
        }
        float* const to = out.f32() + (t * value_heads + h) * value_dim;
        for (std::int64_t j = 0; j < value_dim; ++j) {
          const double delta = (v[j] - memory[static_cast<std::size_t>(j)]) * beta;
          double sum = 0;
          for (std::int64_t i = 0; i < key_dim; ++i) {
            float& cell = own[i * value_dim + j];
            cell = static_cast<float>(cell + k[static_cast<std::size_t>(i)] * delta);
            sum += cell * q[static_cast<std::size_t>(i)];
          }
          to[j] = static_cast<float>(sum);
        }
      }
    }
  }
}

}  // namespace peira::model::reference
