#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {

void route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
           const TensorView& expert_weights) {
  const std::int64_t num_experts = logits.shape[1];
  const std::int64_t top_k = expert_ids.shape[1];
  std::vector<double> probs(static_cast<std::size_t>(num_experts));
  std::vector<bool> is_taken(probs.size());
  std::vector<std::size_t> chosen(static_cast<std::size_t>(top_k));
  for (std::int64_t t = 0; t < logits.shape[0]; ++t) {
    const std::span<const float> row(logits.f32() + t * num_experts, probs.size());
    const float max = *std::max_element(row.begin(), row.end());
    double total = 0;
    for (std::size_t e = 0; e < row.size(); ++e) {
      total += probs[e] = std::exp(double{row[e]} - double{max});
    }
    is_taken.assign(row.size(), false);
    double kept = 0;
    for (std::size_t& slot : chosen) {
      slot = row.size();
      for (std::size_t e = 0; e < row.size(); ++e) {
        if (!is_taken[e] && (slot == row.size() || row[e] > row[slot])) slot = e;
      }
      is_taken[slot] = true;
      kept += probs[slot];
    }
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const std::int64_t at = t * top_k + static_cast<std::int64_t>(k);
      expert_ids.i32()[at] = static_cast<std::int32_t>(chosen[k]);
      expert_weights.f32()[at] =
          static_cast<float>(probs[chosen[k]] / (norm_topk_prob ? kept : total));
    }
  }
}

void gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                      const ConstTensorView& up, const TensorView& out) {
  const double limit = activation.limit;
  const double alpha = activation.alpha;
  for (std::int64_t i = 0; i < gate.num_elements(); ++i) {
    const double z = gate.f32()[i];
    const double u = up.f32()[i];
    double value = 0;
    switch (activation.kind) {
      case GatedActivation::Kind::kSwiGlu:
        value = z / (1 + std::exp(-z)) * u;
        break;
      case GatedActivation::Kind::kGeGluTanh: {
        // source  Hendrycks and Gimpel 2016, arXiv:1606.08415.
        const double inner = std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z);
        value = 0.5 * z * (1 + std::tanh(inner)) * u;
        break;
      }
      case GatedActivation::Kind::kClampedSwiGlu: {
        const double g = std::min(z, limit);
        value = g / (1 + std::exp(-alpha * g)) * (std::clamp(u, -limit, limit) + 1);
        break;
      }
    }
    out.f32()[i] = static_cast<float>(value);
  }
}

void activate(Activation activation, const TensorView& x) {
  for (std::int64_t i = 0; i < x.num_elements(); ++i) {
    const double z = x.f32()[i];
    double value = 0;
    switch (activation) {
      case Activation::kGelu:
        // source  Hendrycks and Gimpel 2016, arXiv:1606.08415.
        value = 0.5 * z * (1 + std::erf(z / std::numbers::sqrt2));
        break;
      case Activation::kGeluTanh:
        value =
            0.5 * z * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z)));
        break;
      case Activation::kSilu:
        value = z / (1 + std::exp(-z));
        break;
    }
    x.f32()[i] = static_cast<float>(value);
  }
}

void multiply_sigmoid(const TensorView& x, const ConstTensorView& gate) {
  const std::int64_t size = x.shape[1];
  const std::int64_t per_gate = size / gate.shape[1];
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    for (std::int64_t i = 0; i < size; ++i) {
      const double z = gate.f32()[t * gate.shape[1] + i / per_gate];
      float& value = x.f32()[t * size + i];
      value = static_cast<float>(value / (1 + std::exp(-z)));
    }
  }
}

void clamp(const TensorView& x, float limit) {
  for (std::int64_t i = 0; i < x.num_elements(); ++i) {
    x.f32()[i] = std::clamp(x.f32()[i], -limit, limit);
  }
}

void softcap(const TensorView& x, float cap) {
  for (std::int64_t i = 0; i < x.num_elements(); ++i) {
    x.f32()[i] = static_cast<float>(double{cap} * std::tanh(double{x.f32()[i]} / cap));
  }
}

void experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
             const ConstTensorView& expert_weights, const ExpertWeights& weights,
             const TensorView& out) {
  const std::int64_t hidden = x.shape[1];
  const std::int64_t top_k = expert_ids.shape[1];
  const std::int64_t inter = weights.gate_proj.front().shape()[0];
  const Tensor gate = host_tensor(DType::kF32, {1, inter});
  const Tensor up = host_tensor(DType::kF32, {1, inter});
  const Tensor expert_out = host_tensor(DType::kF32, {1, hidden});
  std::vector<double> sum(static_cast<std::size_t>(hidden));
  const auto row_of = [](const ConstTensorView& bias, std::size_t expert) {
    return bias ? bias.at(static_cast<std::int64_t>(expert)) : ConstTensorView{};
  };
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    std::fill(sum.begin(), sum.end(), 0);
    for (std::int64_t k = 0; k < top_k; ++k) {
      const auto expert = static_cast<std::size_t>(expert_ids.i32()[t * top_k + k]);
      linear(x.slice(t, 1), {weights.gate_proj[expert], row_of(weights.gate_bias, expert), gate});
      linear(x.slice(t, 1), {weights.up_proj[expert], row_of(weights.up_bias, expert), up});
      gated_activation(weights.activation, gate, up, gate);
      linear(gate, {weights.down_proj[expert], row_of(weights.down_bias, expert), expert_out});
      const double weight = expert_weights.f32()[t * top_k + k];
      for (std::int64_t h = 0; h < hidden; ++h) {
        sum[static_cast<std::size_t>(h)] += weight * double{expert_out.view().f32()[h]};
      }
    }
    for (std::int64_t h = 0; h < hidden; ++h) {
      out.f32()[t * hidden + h] = static_cast<float>(sum[static_cast<std::size_t>(h)]);
    }
  }
}

void add(const TensorView& x, const ConstTensorView& y) {
  for (std::int64_t i = 0; i < x.num_elements(); ++i) x.f32()[i] += y.f32()[i];
}

void log_sum_exp(const ConstTensorView& logits, const TensorView& out) {
  const std::int64_t size = logits.shape[1];
  for (std::int64_t t = 0; t < logits.shape[0]; ++t) {
    const float* row = logits.f32() + t * size;
    const double max = *std::max_element(row, row + size);
    double sum = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += std::exp(double{row[i]} - max);
    out.f32()[t] = static_cast<float>(max + std::log(sum));
  }
}

void arg_max(const ConstTensorView& x, const TensorView& index, const TensorView& value) {
  const std::int64_t size = x.shape[1];
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    const float* const row = x.f32() + t * size;
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < size; ++i) {
      if (row[i] > row[best] || (std::isnan(row[best]) && !std::isnan(row[i]))) best = i;
    }
    index.i32()[t] = static_cast<std::int32_t>(best);
    value.f32()[t] = row[best];
  }
}

void pick(const ConstTensorView& x, const ConstTensorView& columns, const TensorView& out) {
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    out.f32()[t] = x.f32()[t * x.shape[1] + columns.i32()[t]];
  }
}

}  // namespace peira::model::reference
