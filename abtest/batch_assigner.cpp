#include "abtest/batch_assigner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "abtest/assigner.h"
#include "abtest/assignment.h"
#include "abtest/detail/md5_lanes.h"
#include "abtest/growthbook.h"
#include "abtest/md5.h"
#include "base/error.h"
#include "base/utf8.h"

namespace peira::abtest {
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLongestInOneBlock = 55;  // then comes 0x80 and a length of 8 bytes
constexpr std::size_t kMaxUnitBytes = 512;
constexpr std::uint8_t kNoVariant = 255;
constexpr std::uint32_t kFnvStart = 0x811C9DC5;
constexpr std::uint32_t kFnvPrime = 0x01000193;

std::uint32_t byte_swapped(std::uint32_t x) { return __builtin_bswap32(x); }

// (r mod 100) 100 + r div 100 with r = H mod 10000; H is big-endian over the digest's bytes.
int bucket_of(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  constexpr std::uint64_t kModulus = kNumBuckets;
  constexpr std::uint64_t kPower = (~std::uint64_t{0} % kModulus + 1) % kModulus;  // 2^64
  const std::uint64_t high = std::uint64_t{byte_swapped(a)} << 32 | byte_swapped(b);
  const std::uint64_t low = std::uint64_t{byte_swapped(c)} << 32 | byte_swapped(d);
  const auto r = static_cast<int>((high % kModulus * kPower + low % kModulus) % kModulus);
  return r % 100 * 100 + r / 100;
}

// Blocks of a batch, made word-major for the lanes.
class Blocks {
 public:
  // tail  ":" and the salt.
  void set(std::size_t lane, std::string_view unit, std::string_view tail) {
    std::array<std::uint32_t, kBlockBytes / 4> block{};
    auto* bytes = reinterpret_cast<std::uint8_t*>(block.data());
    std::memcpy(bytes, unit.data(), unit.size());
    std::memcpy(bytes + unit.size(), tail.data(), tail.size());
    const std::size_t length = unit.size() + tail.size();
    bytes[length] = 0x80;
    block[14] = static_cast<std::uint32_t>(8 * length);
    for (std::size_t w = 0; w < block.size(); ++w) {
      words_[w * detail::kMd5Batch + lane] = block[w];
    }
  }
  void hash() { detail::md5_blocks(words_.data(), digests_.data()); }
  int bucket(std::size_t lane) const {
    constexpr std::size_t kStep = detail::kMd5Batch;
    return bucket_of(digests_[lane], digests_[kStep + lane], digests_[2 * kStep + lane],
                     digests_[3 * kStep + lane]);
  }

 private:
  std::array<std::uint32_t, detail::kMd5Words * detail::kMd5Batch> words_{};
  std::array<std::uint32_t, 4 * detail::kMd5Batch> digests_{};
};

bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    seen |= word;
  }
  for (; i < text.size(); ++i) seen |= static_cast<unsigned char>(text[i]);
  return (seen & 0x8080808080808080U) == 0;
}

bool is_unit(std::string_view unit) {
  return !unit.empty() && unit.size() <= kMaxUnitBytes && (is_ascii(unit) || is_valid_utf8(unit));
}

std::uint32_t fnv_bytes(std::uint32_t state, std::string_view ascii) {
  for (const char c : ascii) state = (state ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return state;
}

}  // namespace

void buckets_10000(std::span<const std::string_view> units, std::string_view salt,
                   std::span<int> buckets) {
  const std::string tail = ":" + std::string(salt);
  Blocks blocks;
  for (std::size_t begin = 0; begin < units.size(); begin += detail::kMd5Batch) {
    const std::size_t count = std::min(detail::kMd5Batch, units.size() - begin);
    bool any_short = false;
    for (std::size_t lane = 0; lane < count; ++lane) {
      if (units[begin + lane].size() + tail.size() > kLongestInOneBlock) continue;
      blocks.set(lane, units[begin + lane], tail);
      any_short = true;
    }
    if (any_short) blocks.hash();
    for (std::size_t lane = 0; lane < count; ++lane) {
      const std::string_view unit = units[begin + lane];
      buckets[begin + lane] = unit.size() + tail.size() > kLongestInOneBlock
                                  ? bucket_10000(unit, salt)
                                  : blocks.bucket(lane);
    }
  }
}

BatchAssigner::BatchAssigner(const Experiment& experiment) : experiment_(experiment) {
  if (experiment.status != Status::kRunning) {
    throw Error(ErrorCode::kUsage, "experiment '" + experiment.id + "' is " +
                                       to_string(experiment.status) + ": it assigns nobody");
  }
  const bool asks_more =
      !experiment.condition.empty() ||
      std::ranges::any_of(experiment.filters, [&experiment](const Filter& filter) {
        return filter.attribute != experiment.hash_attribute;
      });
  if (asks_more) {
    throw Error(ErrorCode::kUsage,
                "experiment '" + experiment.id +
                    "' is assigned by attributes, not by ids alone"
                    "\n  try: peira experiment assign ID UNIT --attributes JSON, one by one");
  }
  is_plain_ = experiment.forced.empty() && !experiment.holdout && !experiment.layer &&
              !experiment.name_space && experiment.filters.empty();
  const std::vector<int> shares = experiment.shares();
  variant_of_bucket_.resize(kNumBuckets);
  for (int bucket = 0; bucket < kNumBuckets; ++bucket) {
    const int coarse = experiment.mode == HashMode::kMd5_100 ? bucket / 100 * 100 : bucket;
    const auto variant = variant_of_bucket(coarse, shares);
    variant_of_bucket_[static_cast<std::size_t>(bucket)] =
        variant && *variant < kNoVariant ? static_cast<std::uint8_t>(*variant) : kNoVariant;
  }
  is_plain_ = is_plain_ && experiment.variants.size() < kNoVariant;
  if (experiment.mode == HashMode::kFnv1aV1 || experiment.mode == HashMode::kFnv1aV2) {
    std::vector<double> weights;
    for (const int share : shares) weights.push_back(static_cast<double>(share) / kNumBuckets);
    // Places are thousandths or ten-thousandths: a variant each, by the same comparison of doubles.
    const int num_places = experiment.mode == HashMode::kFnv1aV1 ? 1000 : 10'000;
    const std::vector<growthbook::Range> ranges = growthbook::bucket_ranges(
        weights.size(), static_cast<double>(experiment.coverage) / kNumBuckets, weights);
    variant_of_place_.assign(static_cast<std::size_t>(num_places), kNotAssigned);
    for (int place = 0; place < num_places; ++place) {
      const auto variant =
          growthbook::choose_variation(static_cast<double>(place) / num_places, ranges);
      if (variant) variant_of_place_[static_cast<std::size_t>(place)] = static_cast<int>(*variant);
    }
    seed_state_ = fnv_bytes(kFnvStart, experiment.salt);
    is_plain_ = is_plain_ && is_ascii(experiment.salt);
  }
}

// Version 2: the seed comes first, so its part of the hash is known.
int BatchAssigner::assign_fnv(std::string_view unit) const {
  const std::uint32_t inner = fnv_bytes(seed_state_, unit);
  std::array<char, 10> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), inner).ptr;
  const std::uint32_t outer =
      fnv_bytes(kFnvStart, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  return variant_of_place_[outer % 10'000];
}

// Version 1: the seed comes last; all units take its next byte together.
void BatchAssigner::assign_fnv_v1(std::span<const std::string_view> units,
                                  std::span<int> variants) {
  states_.resize(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) states_[i] = fnv_bytes(kFnvStart, units[i]);
  for (const char c : experiment_.salt) {
    for (std::uint32_t& state : states_) {
      state = (state ^ static_cast<unsigned char>(c)) * kFnvPrime;
    }
  }
  for (std::size_t i = 0; i < units.size(); ++i) {
    variants[i] = variant_of_place_[states_[i] % 1000];
  }
}

void BatchAssigner::assign(std::span<const std::string_view> units, std::span<int> variants) {
  const bool is_fnv = !variant_of_place_.empty();
  constexpr std::size_t kPiece = 4096;  // buckets of a piece stay in the cache
  for (std::size_t begin = 0; begin < units.size(); begin += kPiece) {
    const std::size_t count = std::min(kPiece, units.size() - begin);
    const auto piece = units.subspan(begin, count);
    const auto out = variants.subspan(begin, count);
    if (is_plain_ && !is_fnv) {
      assign_batch(piece, out);
      continue;
    }
    const bool is_v1 = is_plain_ && experiment_.mode == HashMode::kFnv1aV1;
    if (is_v1) assign_fnv_v1(piece, out);
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_short = !piece[i].empty() && piece[i].size() <= kMaxUnitBytes;
      if (is_plain_ && is_short && is_ascii(piece[i])) {
        if (!is_v1) out[i] = assign_fnv(piece[i]);
      } else if (!is_unit(piece[i])) {
        out[i] = kBadUnit;
      } else {
        const AssignmentDecision decision = decide_unit(experiment_, piece[i]);
        out[i] = decision.variant ? static_cast<int>(*decision.variant) : kNotAssigned;
      }
    }
  }
}

void BatchAssigner::assign_batch(std::span<const std::string_view> units, std::span<int> variants) {
  buckets_.resize(units.size());
  buckets_10000(units, experiment_.salt, buckets_);
  const bool is_partial = experiment_.coverage < kNumBuckets;
  if (is_partial) {
    traffic_buckets_.resize(units.size());
    buckets_10000(units, experiment_.id + "/traffic", traffic_buckets_);
  }
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::uint8_t variant = variant_of_bucket_[static_cast<std::size_t>(buckets_[i])];
    const bool covered = !is_partial || traffic_buckets_[i] < experiment_.coverage;
    variants[i] = !is_unit(units[i])                 ? kBadUnit
                  : covered && variant != kNoVariant ? variant
                                                     : kNotAssigned;
  }
}

}  // namespace peira::abtest
