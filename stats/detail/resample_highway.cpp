// The same in Highway's vectors, chosen for the machine at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/detail/resample_highway.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "stats/detail/resample_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace peira::stats::detail {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most eight lanes: wider ones would reach over the 156 words the recurrence looks back.
using Words = hn::CappedTag<std::uint64_t, 8>;

void ExtendTwister(std::uint64_t* words, std::size_t count) {
  const Words d;
  const std::size_t lanes = hn::Lanes(d);
  const auto upper = hn::Set(d, 0xFFFFFFFF80000000u);
  const auto one = hn::Set(d, std::uint64_t{1});
  const auto twist = hn::Set(d, 0xB5026F5AA96619E9u);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto here = hn::LoadU(d, words + i);
    const auto next = hn::LoadU(d, words + i + 1);
    const auto ahead = hn::LoadU(d, words + i + 156);
    const auto x = hn::Or(hn::And(here, upper), hn::AndNot(upper, next));
    const auto odd = hn::Sub(hn::Zero(d), hn::And(x, one));  // all ones where the last bit is set
    const auto made = hn::Xor(hn::Xor(ahead, hn::ShiftRight<1>(x)), hn::And(odd, twist));
    hn::StoreU(made, d, words + 312 + i);
  }
  for (; i < count; ++i) {
    const std::uint64_t x = (words[i] & 0xFFFFFFFF80000000u) | (words[i + 1] & 0x7FFFFFFFu);
    words[312 + i] = words[i + 156] ^ (x >> 1) ^ ((x & 1) != 0 ? 0xB5026F5AA96619E9u : 0u);
  }
}

void IndicesBelow(const std::uint64_t* words, std::size_t count, std::uint32_t bound,
                  std::uint32_t* indices) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR  // which has no halves of a lane
  const Words d;
  const hn::Rebind<std::uint32_t, Words> d32;
  const hn::Repartition<std::uint32_t, Words> halves;
  const std::size_t lanes = hn::Lanes(d);
  const auto factor = hn::BitCast(halves, hn::Set(d, std::uint64_t{bound}));
  const auto temper = [&](auto x) HWY_ATTR {
    x = hn::Xor(x, hn::And(hn::ShiftRight<29>(x), hn::Set(d, 0x5555555555555555u)));
    x = hn::Xor(x, hn::And(hn::ShiftLeft<17>(x), hn::Set(d, 0x71D67FFFEDA60000u)));
    x = hn::Xor(x, hn::And(hn::ShiftLeft<37>(x), hn::Set(d, 0xFFF7EEE000000000u)));
    return hn::Xor(x, hn::ShiftRight<43>(x));
  };
  // The high half of the 128-bit product, from two 64-bit ones as bound has 32 bits.
  const auto below = [&](auto x) HWY_ATTR {
    const auto high = hn::MulEven(hn::BitCast(halves, hn::ShiftRight<32>(x)), factor);
    const auto low = hn::MulEven(hn::BitCast(halves, x), factor);
    return hn::ShiftRight<32>(hn::Add(high, hn::ShiftRight<32>(low)));
  };
  for (; i + lanes <= count; i += lanes) {
    const auto index = below(temper(hn::LoadU(d, words + i)));
    hn::StoreU(hn::TruncateTo(d32, index), d32, indices + i);
  }
#endif
  for (; i < count; ++i) {
    std::uint64_t x = words[i];
    x ^= (x >> 29) & 0x5555555555555555u;
    x ^= (x << 17) & 0x71D67FFFEDA60000u;
    x ^= (x << 37) & 0xFFF7EEE000000000u;
    x ^= x >> 43;
    indices[i] =
        static_cast<std::uint32_t>(((x >> 32) * bound + (((x & 0xFFFFFFFFu) * bound) >> 32)) >> 32);
  }
}

void AddGathered(const double* values, const std::uint32_t* indices, std::size_t count,
                 double* lanes_out) {
  // Scalar loads in eight chains beat gather instructions here, and add in the stated order.
  double sums[8];
  for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] = lanes_out[lane];
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += values[indices[i + lane]];
  }
  for (std::size_t lane = 0; lane < 8; ++lane) lanes_out[lane] = sums[lane];
  for (; i < count; ++i) lanes_out[i % 8] += values[indices[i]];
}

}  // namespace HWY_NAMESPACE
}  // namespace peira::stats::detail
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peira::stats::detail {

HWY_EXPORT(ExtendTwister);
HWY_EXPORT(IndicesBelow);
HWY_EXPORT(AddGathered);

void extend_twister(std::uint64_t* words, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(ExtendTwister)(words, count);
}

void indices_below(const std::uint64_t* words, std::size_t count, std::uint32_t bound,
                   std::uint32_t* indices) {
  HWY_DYNAMIC_DISPATCH(IndicesBelow)(words, count, bound, indices);
}

void add_gathered(const double* values, const std::uint32_t* indices, std::size_t count,
                  double* lanes) {
  HWY_DYNAMIC_DISPATCH(AddGathered)(values, indices, count, lanes);
}

}  // namespace peira::stats::detail
#endif  // HWY_ONCE
