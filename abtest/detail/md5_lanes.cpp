#include "abtest/detail/md5_lanes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "abtest/detail/md5_lanes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include "abtest/detail/md5_rounds.h"

HWY_BEFORE_NAMESPACE();
namespace peira::abtest::detail::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<std::uint32_t, kMd5Batch>;
using Words = hn::Vec<Tag>;

template <int kShift>
HWY_INLINE Words rotate(Words x) {
  return hn::Or(hn::ShiftLeft<kShift>(x), hn::ShiftRight<32 - kShift>(x));
}

// Steps kStep to 63. The four state words change places, so that none is copied.
template <std::size_t kStep>
HWY_INLINE void steps(const std::uint32_t* words, Words& a, Words& b, Words& c, Words& d) {
  if constexpr (kStep < 64) {
    const Tag tag;
    Words mixed;
    if constexpr (kStep < 16) {
      mixed = hn::Xor(d, hn::And(b, hn::Xor(c, d)));
    } else if constexpr (kStep < 32) {
      mixed = hn::Xor(c, hn::And(d, hn::Xor(b, c)));
    } else if constexpr (kStep < 48) {
      mixed = hn::Xor(b, hn::Xor(c, d));
    } else {
      mixed = hn::Xor(c, hn::Or(b, hn::Not(d)));
    }
    const Words word = hn::LoadU(tag, words + kMd5WordOf[kStep] * kMd5Batch);
    a = hn::Add(hn::Add(a, mixed), hn::Add(word, hn::Set(tag, kMd5Sines[kStep])));
    a = hn::Add(rotate<kMd5Shifts[kStep]>(a), b);
    steps<kStep + 1>(words, d, a, b, c);
  }
}

}  // namespace

void md5_blocks(const std::uint32_t* words, std::uint32_t* digests) {
  const Tag tag;
  for (std::size_t lane = 0; lane < kMd5Batch; lane += hn::Lanes(tag)) {
    Words a = hn::Set(tag, kMd5State[0]);
    Words b = hn::Set(tag, kMd5State[1]);
    Words c = hn::Set(tag, kMd5State[2]);
    Words d = hn::Set(tag, kMd5State[3]);
    steps<0>(words + lane, a, b, c, d);
    hn::StoreU(hn::Add(a, hn::Set(tag, kMd5State[0])), tag, digests + lane);
    hn::StoreU(hn::Add(b, hn::Set(tag, kMd5State[1])), tag, digests + kMd5Batch + lane);
    hn::StoreU(hn::Add(c, hn::Set(tag, kMd5State[2])), tag, digests + 2 * kMd5Batch + lane);
    hn::StoreU(hn::Add(d, hn::Set(tag, kMd5State[3])), tag, digests + 3 * kMd5Batch + lane);
  }
}

}  // namespace peira::abtest::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peira::abtest::detail {

HWY_EXPORT(md5_blocks);

void md5_blocks(const std::uint32_t* words, std::uint32_t* digests) {
  HWY_DYNAMIC_DISPATCH(md5_blocks)(words, digests);
}

}  // namespace peira::abtest::detail
#endif
