// Row-wise kernels: normalisation, rotation, activation, sums.
#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/backend/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/simd-inl.h"
//
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {
namespace {

// body(tag, i) over [0, size): full vectors, then single elements.
template <class Body>
HWY_INLINE void for_lanes(std::int64_t size, const Body& body) {
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) body(f, i);
  for (; i < size; ++i) body(OneTag(), i);
}

template <class Weight>
HWY_INLINE void rms_norm_typed(const float* x, const Weight* weight, float eps, std::int64_t size,
                               float* out) {
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  FloatVec sum_sq = hn::Zero(f);
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const FloatVec v = hn::LoadU(f, x + i);
    sum_sq = hn::MulAdd(v, v, sum_sq);
  }
  float total = hn::GetLane(hn::SumOfLanes(f, sum_sq));
  for (; i < size; ++i) total += x[i] * x[i];
  const float inv_rms = 1.0F / std::sqrt(total / static_cast<float>(size) + eps);
  for_lanes(size, [&](auto d, std::int64_t at) {
    const auto normed = hn::Mul(hn::LoadU(d, x + at), hn::Set(d, inv_rms));
    hn::StoreU(hn::Mul(normed, load_wide(d, weight + at)), d, out + at);
  });
}

void rms_norm_any(const float* x, const void* weight, DType dtype, float eps, std::int64_t size,
                  float* out) {
  if (dtype == DType::kBF16) {
    rms_norm_typed(x, static_cast<const hwy::bfloat16_t*>(weight), eps, size, out);
  } else if (dtype == DType::kF16) {
    rms_norm_typed(x, static_cast<const hwy::float16_t*>(weight), eps, size, out);
  } else {
    rms_norm_typed(x, static_cast<const float*>(weight), eps, size, out);
  }
}

template <class Weight, class Bias>
HWY_INLINE void layer_norm_typed(const float* x, const Weight* weight, const Bias* bias, float eps,
                                 std::int64_t size, float* out) {
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  FloatVec sums = hn::Zero(f);
  std::int64_t i = 0;
  for (; i + lanes <= size; i += lanes) sums = hn::Add(sums, hn::LoadU(f, x + i));
  float total = hn::GetLane(hn::SumOfLanes(f, sums));
  for (; i < size; ++i) total += x[i];
  const float mean = total / static_cast<float>(size);
  FloatVec squares = hn::Zero(f);
  for (i = 0; i + lanes <= size; i += lanes) {
    const FloatVec v = hn::Sub(hn::LoadU(f, x + i), hn::Set(f, mean));
    squares = hn::MulAdd(v, v, squares);
  }
  float square = hn::GetLane(hn::SumOfLanes(f, squares));
  for (; i < size; ++i) square += (x[i] - mean) * (x[i] - mean);
  const float inv_std = 1.0F / std::sqrt(square / static_cast<float>(size) + eps);
  for_lanes(size, [&](auto d, std::int64_t at) {
    const auto centred = hn::Sub(hn::LoadU(d, x + at), hn::Set(d, mean));
    const auto normed = hn::Mul(centred, hn::Set(d, inv_std));
    hn::StoreU(hn::MulAdd(normed, load_wide(d, weight + at), load_wide(d, bias + at)), d, out + at);
  });
}

template <class Weight>
void layer_norm_weighted(const float* x, const Weight* weight, const void* bias, DType bias_dtype,
                         float eps, std::int64_t size, float* out) {
  if (bias_dtype == DType::kBF16) {
    layer_norm_typed(x, weight, static_cast<const hwy::bfloat16_t*>(bias), eps, size, out);
  } else if (bias_dtype == DType::kF16) {
    layer_norm_typed(x, weight, static_cast<const hwy::float16_t*>(bias), eps, size, out);
  } else {
    layer_norm_typed(x, weight, static_cast<const float*>(bias), eps, size, out);
  }
}

void layer_norm_any(const float* x, const void* weight, DType dtype, const void* bias,
                    DType bias_dtype, float eps, std::int64_t size, float* out) {
  if (dtype == DType::kBF16) {
    layer_norm_weighted(x, static_cast<const hwy::bfloat16_t*>(weight), bias, bias_dtype, eps, size,
                        out);
  } else if (dtype == DType::kF16) {
    layer_norm_weighted(x, static_cast<const hwy::float16_t*>(weight), bias, bias_dtype, eps, size,
                        out);
  } else {
    layer_norm_weighted(x, static_cast<const float*>(weight), bias, bias_dtype, eps, size, out);
  }
}

void rope_one(float* x, const float* cos_sin, std::int64_t head_dim) {
  const std::int64_t half = head_dim / 2;
  for_lanes(half, [&](auto d, std::int64_t i) {
    const auto first = hn::LoadU(d, x + i);
    const auto second = hn::LoadU(d, x + half + i);
    const auto cos = hn::LoadU(d, cos_sin + i);
    const auto sin = hn::LoadU(d, cos_sin + half + i);
    hn::StoreU(hn::NegMulAdd(second, sin, hn::Mul(first, cos)), d, x + i);
    hn::StoreU(hn::MulAdd(first, sin, hn::Mul(second, cos)), d, x + half + i);
  });
}

// 1 + exp(-z). Exp() is defined up to 104 only; at 100 it has overflowed already, to infinity.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V one_plus_exp_neg(D d, V z) {
  return hn::Add(hn::Set(d, 1.0F), hn::Exp(d, hn::Min(hn::Set(d, 100.0F), hn::Neg(z))));
}

// Exp() maps NaN to an ordinary number; a damaged weight must stay visible.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid_of(D d, V z) {
  return hn::IfThenElse(hn::IsNaN(z), z, hn::Div(hn::Set(d, 1.0F), one_plus_exp_neg(d, z)));
}

// tanh(z) = 1 - 2 / (exp(2z) + 1) loses digits next to zero; there the difference is taken of
// exponentials less one.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_of(D d, V z) {
  const V twice = hn::Expm1(d, hn::Min(hn::Add(z, z), hn::Set(d, 40.0F)));
  return hn::Div(twice, hn::Add(twice, hn::Set(d, 2.0F)));
}

// z / (1 + exp(-alpha z)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V silu_of(D d, V z, V alpha_z) {
  return hn::Div(z, one_plus_exp_neg(d, alpha_z));
}

// 0.5 z (1 + tanh(y)) with y = sqrt(2 / pi) (z + 0.044715 z^3). 0.5 (1 + tanh(y)) = sigmoid(2 y),
// which keeps its digits where tanh is close to -1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_tanh_of(D d, V z) {
  constexpr float kSqrt2OverPi = 0.7978845608028654F;
  const V cubic = hn::Mul(hn::Mul(hn::Mul(z, z), z), hn::Set(d, 0.044715F));
  const V inner = hn::Mul(hn::Set(d, kSqrt2OverPi), hn::Add(z, cubic));
  return hn::Mul(z, sigmoid_of(d, hn::Add(inner, inner)));
}

void activate_one(Activation activation, float* x, std::int64_t size) {
  const bool is_silu = activation == Activation::kSilu;
  for_lanes(size, [&](auto d, std::int64_t i) {
    const auto z = hn::LoadU(d, x + i);
    hn::StoreU(is_silu ? silu_of(d, z, z) : gelu_tanh_of(d, z), d, x + i);
  });
}

void gated_activation_one(const GatedActivation& activation, const float* gate, const float* up,
                          std::int64_t size, float* out) {
  switch (activation.kind) {
    case GatedActivation::Kind::kSwiGlu:
      for_lanes(size, [&](auto d, std::int64_t i) {
        const auto z = hn::LoadU(d, gate + i);
        hn::StoreU(hn::Mul(silu_of(d, z, z), hn::LoadU(d, up + i)), d, out + i);
      });
      return;
    case GatedActivation::Kind::kGeGluTanh:
      for_lanes(size, [&](auto d, std::int64_t i) {
        const auto gelu = gelu_tanh_of(d, hn::LoadU(d, gate + i));
        hn::StoreU(hn::Mul(gelu, hn::LoadU(d, up + i)), d, out + i);
      });
      return;
    case GatedActivation::Kind::kClampedSwiGlu:
      for_lanes(size, [&](auto d, std::int64_t i) {
        const auto limit = hn::Set(d, activation.limit);
        const auto g = hn::Min(hn::LoadU(d, gate + i), limit);
        const auto u = hn::Clamp(hn::LoadU(d, up + i), hn::Neg(limit), limit);
        const auto silu = silu_of(d, g, hn::Mul(hn::Set(d, activation.alpha), g));
        hn::StoreU(hn::Mul(silu, hn::Add(u, hn::Set(d, 1.0F))), d, out + i);
      });
      return;
  }
}

void multiply_sigmoid_one(float* x, const float* gate, bool is_shared, std::int64_t size) {
  for_lanes(size, [&](auto d, std::int64_t i) {
    const auto z = is_shared ? hn::Set(d, *gate) : hn::LoadU(d, gate + i);
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), sigmoid_of(d, z)), d, x + i);
  });
}

void clamp_one(float* x, float limit, std::int64_t size) {
  for_lanes(size, [&](auto d, std::int64_t i) {
    // The limit first: Min and Max give their second operand where one is NaN.
    const auto below = hn::Min(hn::Set(d, limit), hn::LoadU(d, x + i));
    hn::StoreU(hn::Max(hn::Set(d, -limit), below), d, x + i);
  });
}

void softcap_one(float* x, float cap, std::int64_t size) {
  for_lanes(size, [&](auto d, std::int64_t i) {
    const auto v = hn::LoadU(d, x + i);
    const auto capped = hn::Mul(hn::Set(d, cap), tanh_of(d, hn::Div(v, hn::Set(d, cap))));
    hn::StoreU(hn::IfThenElse(hn::IsNaN(v), v, capped), d, x + i);
  });
}

void add_one(float* x, const float* y, std::int64_t size) {
  for_lanes(size, [&](auto d, std::int64_t i) {
    hn::StoreU(hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, x + i);
  });
}

void weighted_sum_one(const float* const* rows, const float* weights, int count, std::int64_t size,
                      float* out) {
  for_lanes(size, [&](auto d, std::int64_t i) {
    auto sum = hn::Zero(d);
    for (int k = 0; k < count; ++k) {
      sum = hn::MulAdd(hn::Set(d, weights[k]), hn::LoadU(d, rows[k] + i), sum);
    }
    hn::StoreU(sum, d, out + i);
  });
}

float log_sum_exp_one(const float* x, std::int64_t size) {
  const FloatTag f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  float max = x[0];
  std::int64_t i = 0;
  if (size >= lanes) {
    FloatVec maxes = hn::LoadU(f, x);
    for (i = lanes; i + lanes <= size; i += lanes) maxes = hn::Max(maxes, hn::LoadU(f, x + i));
    max = hn::GetLane(hn::MaxOfLanes(f, maxes));
  }
  for (; i < size; ++i) max = std::max(max, x[i]);
  float total = 0;
  // Zero unless an element is NaN or infinite: Exp() maps NaN to an ordinary number.
  float not_finite = 0;
  FloatVec sums = hn::Zero(f);
  FloatVec differences = hn::Zero(f);
  for (i = 0; i + lanes <= size; i += lanes) {
    const FloatVec v = hn::LoadU(f, x + i);
    sums = hn::Add(sums, hn::Exp(f, hn::Sub(v, hn::Set(f, max))));
    differences = hn::Add(differences, hn::Sub(v, v));
  }
  total = hn::GetLane(hn::SumOfLanes(f, sums));
  not_finite = hn::GetLane(hn::SumOfLanes(f, differences));
  for (; i < size; ++i) {
    total += std::exp(x[i] - max);
    not_finite += x[i] - x[i];
  }
  return max + std::log(total) + not_finite;
}

}  // namespace
}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peira::model::cpu {

HWY_EXPORT(rms_norm_any);
HWY_EXPORT(layer_norm_any);
HWY_EXPORT(rope_one);
HWY_EXPORT(gated_activation_one);
HWY_EXPORT(activate_one);
HWY_EXPORT(multiply_sigmoid_one);
HWY_EXPORT(clamp_one);
HWY_EXPORT(softcap_one);
HWY_EXPORT(add_one);
HWY_EXPORT(weighted_sum_one);
HWY_EXPORT(log_sum_exp_one);

void rms_norm_row(const float* x, const ConstTensorView& weight, float eps, std::int64_t size,
                  float* out) {
  HWY_DYNAMIC_DISPATCH(rms_norm_any)(x, weight.data, weight.dtype, eps, size, out);
}

void layer_norm_row(const float* x, const ConstTensorView& weight, const ConstTensorView& bias,
                    float eps, std::int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(layer_norm_any)
  (x, weight.data, weight.dtype, bias.data, bias.dtype, eps, size, out);
}

void activate_row(Activation activation, float* x, std::int64_t size) {
  HWY_DYNAMIC_DISPATCH(activate_one)(activation, x, size);
}

void rope_head(float* x, const float* cos_sin, std::int64_t head_dim) {
  HWY_DYNAMIC_DISPATCH(rope_one)(x, cos_sin, head_dim);
}

void gated_activation_row(const GatedActivation& activation, const float* gate, const float* up,
                          std::int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(gated_activation_one)(activation, gate, up, size, out);
}

void multiply_sigmoid_row(float* x, const float* gate, bool is_shared, std::int64_t size) {
  HWY_DYNAMIC_DISPATCH(multiply_sigmoid_one)(x, gate, is_shared, size);
}

void clamp_row(float* x, float limit, std::int64_t size) {
  HWY_DYNAMIC_DISPATCH(clamp_one)(x, limit, size);
}

void softcap_row(float* x, float cap, std::int64_t size) {
  HWY_DYNAMIC_DISPATCH(softcap_one)(x, cap, size);
}

void add_row(float* x, const float* y, std::int64_t size) {
  HWY_DYNAMIC_DISPATCH(add_one)(x, y, size);
}

void weighted_sum(std::span<const float* const> rows, const float* weights, std::int64_t size,
                  float* out) {
  HWY_DYNAMIC_DISPATCH(weighted_sum_one)
  (rows.data(), weights, static_cast<int>(rows.size()), size, out);
}

float log_sum_exp_row(const float* x, std::int64_t size) {
  return HWY_DYNAMIC_DISPATCH(log_sum_exp_one)(x, size);
}

}  // namespace peira::model::cpu
#endif
