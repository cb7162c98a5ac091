// Helpers the kernels share, compiled once per instruction set (hence the toggled guard).
#if defined(PEIRA_MODEL_BACKEND_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEIRA_MODEL_BACKEND_CPU_SIMD_INL_H_
#undef PEIRA_MODEL_BACKEND_CPU_SIMD_INL_H_
#else
#define PEIRA_MODEL_BACKEND_CPU_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "model/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace peira::model::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
// One lane: for the elements left over by full vectors, with the same operations.
using OneTag = hn::FixedTag<float, 1>;

// `Lanes(d)` weights from `p`, widened exactly.
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const std::int8_t* p) {
  const hn::Rebind<std::int8_t, D> d8;
  return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), hn::LoadU(d8, p)));
}
#if HWY_TARGET == HWY_SCALAR
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const hwy::bfloat16_t* p) {
  return hn::Set(d, hwy::F32FromBF16(*p));
}
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const hwy::float16_t* p) {
  return hn::Set(d, float_from_f16(p->bits));
}
#else
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const hwy::bfloat16_t* p) {
  // Through integers: a bfloat16 is the upper half of a float.
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::Rebind<std::uint32_t, D> d32;
  const auto bits = hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, bits)));
}
template <class D>
HWY_INLINE hn::Vec<D> load_wide(D d, const hwy::float16_t* p) {
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, p));
}
#endif

}  // namespace peira::model::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
