#include <hwy/base.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/media/pixel_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "model/media/pixel_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace peira::model::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Weights of 16 bits times bytes sum to less than 2^24: float32 holds every partial sum exactly, so
// that the fused products give the integers of the reference. Wider weights go through the integer
// loop.
struct ExactFloats {
  using Tag = hn::ScalableTag<float>;
  using Weight = float;
  static auto load(Tag d, const std::uint8_t* in) {
    const hn::Rebind<std::uint8_t, Tag> bytes;
    const hn::Rebind<std::int32_t, Tag> ints;
    return hn::ConvertTo(d, hn::PromoteTo(ints, hn::LoadU(bytes, in)));
  }
  template <class V>
  static V add(V weight, V value, V sum) {
    return hn::MulAdd(weight, value, sum);
  }
  template <class V>
  static auto shifted(Tag d, V sum, int precision) {
    const float unit = 1.0F / static_cast<float>(1 << precision);  // exact: a power of two
    const hn::Rebind<std::int32_t, Tag> ints;
    return hn::ConvertTo(ints, hn::Floor(hn::Mul(sum, hn::Set(d, unit))));
  }
};

struct Integers {
  using Tag = hn::ScalableTag<std::int32_t>;
  using Weight = std::int32_t;
  static auto load(Tag d, const std::uint8_t* in) {
    const hn::Rebind<std::uint8_t, Tag> bytes;
    return hn::PromoteTo(d, hn::LoadU(bytes, in));
  }
  template <class V>
  static V add(V weight, V value, V sum) {
    return hn::Add(hn::Mul(weight, value), sum);
  }
  template <class V>
  static auto shifted(Tag, V sum, int precision) {
    return hn::ShiftRightSame(sum, precision);
  }
};

template <class Arithmetic>
HWY_INLINE void resample_row(const std::uint8_t* in, std::int64_t row_bytes,
                             const std::int32_t* weights, int count, int precision,
                             std::uint8_t* out) {
  const typename Arithmetic::Tag d;
  using Weight = typename Arithmetic::Weight;
  const hn::Rebind<std::uint8_t, typename Arithmetic::Tag> bytes;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto half = hn::Set(d, static_cast<Weight>(1 << (precision - 1)));
  std::int64_t at = 0;
  for (; at + 2 * lanes <= row_bytes; at += 2 * lanes) {
    auto sum0 = half;
    auto sum1 = half;
    for (int tap = 0; tap < count; ++tap) {
      const auto weight = hn::Set(d, static_cast<Weight>(weights[tap]));
      const std::uint8_t* const from = in + tap * row_bytes + at;
      sum0 = Arithmetic::add(weight, Arithmetic::load(d, from), sum0);
      sum1 = Arithmetic::add(weight, Arithmetic::load(d, from + lanes), sum1);
    }
    hn::StoreU(hn::DemoteTo(bytes, Arithmetic::shifted(d, sum0, precision)), bytes, out + at);
    hn::StoreU(hn::DemoteTo(bytes, Arithmetic::shifted(d, sum1, precision)), bytes,
               out + at + lanes);
  }
  for (; at < row_bytes; ++at) {
    std::int64_t sum = std::int64_t{1} << (precision - 1);
    for (int tap = 0; tap < count; ++tap)
      sum += std::int64_t{weights[tap]} * in[tap * row_bytes + at];
    out[at] = static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> precision, 0, 255));
  }
}

void resample(const std::uint8_t* in, std::int64_t row_bytes, const ResampleWeights& plan,
              std::uint8_t* out) {
  for (std::size_t row = 0; row < plan.first.size(); ++row) {
    const std::uint8_t* const from = in + plan.first[row] * row_bytes;
    const std::int32_t* const weights =
        &plan.weights[row * static_cast<std::size_t>(plan.max_count)];
    std::uint8_t* const to = out + static_cast<std::int64_t>(row) * row_bytes;
    if (plan.precision <= 15) {
      resample_row<ExactFloats>(from, row_bytes, weights, plan.count[row], plan.precision, to);
    } else {
      resample_row<Integers>(from, row_bytes, weights, plan.count[row], plan.precision, to);
    }
  }
}

void normalize(const std::uint8_t* in, std::int64_t size, const PixelScale& scale,
               std::int64_t plane, float* out) {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const hn::Rebind<std::int32_t, decltype(d)> ints;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t at = 0;
  for (; at + lanes <= size; at += lanes) {
    hn::Vec<decltype(bytes)> channel[3];
    hn::LoadInterleaved3(bytes, in + 3 * at, channel[0], channel[1], channel[2]);
    for (int c = 0; c < 3; ++c) {
      const auto value = hn::ConvertTo(d, hn::PromoteTo(ints, channel[c]));
      const auto centred = hn::Sub(value, hn::Set(d, scale.mean[c]));
      hn::StoreU(hn::Div(centred, hn::Set(d, scale.std[c])), d, out + c * plane + at);
    }
  }
  for (; at < size; ++at) {
    for (int c = 0; c < 3; ++c) {
      out[c * plane + at] = (static_cast<float>(in[3 * at + c]) - scale.mean[c]) / scale.std[c];
    }
  }
}

}  // namespace
}  // namespace peira::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peira::model {

HWY_EXPORT(resample);
HWY_EXPORT(normalize);

void resample_rows(const std::uint8_t* in, std::int64_t row_bytes, const ResampleWeights& plan,
                   std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(resample)(in, row_bytes, plan, out);
}

void normalize_pixels(const std::uint8_t* in, std::int64_t size, const PixelScale& scale,
                      std::int64_t plane, float* out) {
  HWY_DYNAMIC_DISPATCH(normalize)(in, size, scale, plane, out);
}

void transpose_pixels(const std::uint8_t* in, std::int64_t height, std::int64_t width,
                      std::uint8_t* out) {
  constexpr std::int64_t kTile = 32;  // a tile of both sides stays in the first-level cache
  for (std::int64_t y0 = 0; y0 < height; y0 += kTile) {
    const std::int64_t y1 = std::min(y0 + kTile, height);
    for (std::int64_t x0 = 0; x0 < width; x0 += kTile) {
      const std::int64_t x1 = std::min(x0 + kTile, width);
      for (std::int64_t x = x0; x < x1; ++x) {
        for (std::int64_t y = y0; y < y1; ++y)
          std::memcpy(out + (x * height + y) * 3, in + (y * width + x) * 3, 3);
      }
    }
  }
}

}  // namespace peira::model
#endif
