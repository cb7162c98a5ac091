#include "model/text/jinja/integer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/text/jinja/failure.h"

namespace peira::model::jinja {
namespace {

constexpr std::size_t kMaxLimbs = 447;  // 4,300 decimal digits are 14,285 bits
constexpr int kLimbBits = 32;

// Divides `limbs` by a small number in place; returns the remainder.
std::uint32_t divide_small(std::vector<std::uint32_t>& limbs, std::uint32_t divisor) {
  std::uint64_t remainder = 0;
  for (std::size_t i = limbs.size(); i-- > 0;) {
    const std::uint64_t value = remainder << kLimbBits | limbs[i];
    limbs[i] = static_cast<std::uint32_t>(value / divisor);
    remainder = value % divisor;
  }
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  return static_cast<std::uint32_t>(remainder);
}

std::vector<std::uint32_t> subtract(const std::vector<std::uint32_t>& larger,
                                    const std::vector<std::uint32_t>& smaller) {
  std::vector<std::uint32_t> out = larger;
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t take = (i < smaller.size() ? smaller[i] : 0) + borrow;
    borrow = out[i] < take ? 1 : 0;
    out[i] = static_cast<std::uint32_t>(out[i] - take);
  }
  return out;
}

}  // namespace

BigInteger::BigInteger(std::int64_t value)
    : BigInteger(value < 0 ? ~static_cast<std::uint64_t>(value) + 1
                           : static_cast<std::uint64_t>(value)) {
  negative_ = value < 0;
}

BigInteger::BigInteger(std::uint64_t value) {
  for (; value != 0; value >>= kLimbBits) limbs_.push_back(static_cast<std::uint32_t>(value));
}

void BigInteger::trim() {
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  if (limbs_.empty()) negative_ = false;
  if (limbs_.size() > kMaxLimbs) fail("an integer has more than 4300 digits");
}

std::optional<BigInteger> BigInteger::parse(std::string_view digits, int base) {
  BigInteger out;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.empty()) return std::nullopt;
  for (const char c : digits) {
    const int letter = (c | 0x20) - 'a';
    const int digit = c >= '0' && c <= '9'         ? c - '0'
                      : letter >= 0 && letter < 26 ? letter + 10
                                                   : 36;
    if (digit >= base) return std::nullopt;
    std::uint64_t carry = static_cast<std::uint64_t>(digit);
    for (std::uint32_t& limb : out.limbs_) {
      carry += std::uint64_t{limb} * static_cast<std::uint64_t>(base);
      limb = static_cast<std::uint32_t>(carry);
      carry >>= kLimbBits;
    }
    if (carry != 0) out.limbs_.push_back(static_cast<std::uint32_t>(carry));
    if (out.limbs_.size() > kMaxLimbs) out.trim();
  }
  out.negative_ = negative;
  out.trim();
  return out;
}

BigInteger BigInteger::from_double(double value) {
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(std::trunc(value)), &exponent);
  constexpr int kMantissaBits = 53;
  BigInteger out(static_cast<std::uint64_t>(std::ldexp(fraction, kMantissaBits)));
  if (exponent >= kMantissaBits) {
    out = out *
          BigInteger(std::int64_t{2}).power(static_cast<std::uint64_t>(exponent - kMantissaBits));
  } else {
    out = out.divided_by(BigInteger(std::int64_t{2})
                             .power(static_cast<std::uint64_t>(kMantissaBits - exponent)))
              .quotient;
  }
  out.negative_ = value < 0;
  out.trim();
  return out;
}

std::optional<std::int64_t> BigInteger::as_int64() const {
  if (limbs_.size() > 2) return std::nullopt;
  std::uint64_t magnitude = 0;
  for (std::size_t i = limbs_.size(); i-- > 0;) magnitude = magnitude << kLimbBits | limbs_[i];
  const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + (negative_ ? 1 : 0);
  if (magnitude > most) return std::nullopt;
  return static_cast<std::int64_t>(negative_ ? ~magnitude + 1 : magnitude);
}

std::size_t BigInteger::num_bits() const {
  if (is_zero()) return 0;
  return limbs_.size() * kLimbBits - static_cast<std::size_t>(std::countl_zero(limbs_.back()));
}

double BigInteger::to_double() const {
  if (is_zero()) return 0;
  // The 64 highest bits, the lowest of them set when anything is left below: rounded to nearest.
  std::uint64_t top = 0;
  const std::size_t low = num_bits() > 64 ? num_bits() - 64 : 0;
  for (std::size_t i = limbs_.size(); i-- > low / kLimbBits;) {
    const auto shift = static_cast<std::int64_t>(i * kLimbBits) - static_cast<std::int64_t>(low);
    top |= shift >= 0 ? std::uint64_t{limbs_[i]} << shift : std::uint64_t{limbs_[i]} >> -shift;
  }
  bool rest = (limbs_[low / kLimbBits] & ((1U << low % kLimbBits) - 1)) != 0;
  for (std::size_t i = 0; i < low / kLimbBits; ++i) rest = rest || limbs_[i] != 0;
  if (rest) top |= 1U;
  const double magnitude = std::ldexp(static_cast<double>(top), static_cast<int>(low));
  return negative_ ? -magnitude : magnitude;
}

std::string BigInteger::to_string(int base) const {
  if (is_zero()) return "0";
  // Several digits at a time, as many as one limb holds.
  const auto unit = static_cast<std::uint32_t>(base);
  std::uint32_t chunk = unit;
  int chunk_digits = 1;
  for (; std::uint64_t{chunk} * unit <= UINT32_MAX; ++chunk_digits) chunk *= unit;
  std::string out;
  std::vector<std::uint32_t> rest = limbs_;
  while (!rest.empty()) {
    std::uint32_t digits = divide_small(rest, chunk);
    for (int i = 0; i < chunk_digits && (digits != 0 || !rest.empty()); ++i, digits /= unit) {
      out += "0123456789abcdefghijklmnopqrstuvwxyz"[digits % unit];
    }
  }
  if (negative_) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

BigInteger BigInteger::operator-() const {
  BigInteger out = *this;
  out.negative_ = !negative_ && !is_zero();
  return out;
}

int BigInteger::compare_magnitudes(const std::vector<std::uint32_t>& a,
                                   const std::vector<std::uint32_t>& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (std::size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

int BigInteger::compare(const BigInteger& other) const {
  if (negative_ != other.negative_) return negative_ ? -1 : 1;
  const int order = compare_magnitudes(limbs_, other.limbs_);
  return negative_ ? -order : order;
}

BigInteger operator+(const BigInteger& a, const BigInteger& b) {
  BigInteger out;
  if (a.negative_ == b.negative_) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < std::max(a.limbs_.size(), b.limbs_.size()) || carry != 0; ++i) {
      carry += i < a.limbs_.size() ? a.limbs_[i] : 0;
      carry += i < b.limbs_.size() ? b.limbs_[i] : 0;
      out.limbs_.push_back(static_cast<std::uint32_t>(carry));
      carry >>= kLimbBits;
    }
    out.negative_ = a.negative_;
  } else {
    const bool a_larger = BigInteger::compare_magnitudes(a.limbs_, b.limbs_) >= 0;
    out.limbs_ = a_larger ? subtract(a.limbs_, b.limbs_) : subtract(b.limbs_, a.limbs_);
    out.negative_ = a_larger ? a.negative_ : b.negative_;
  }
  out.trim();
  return out;
}

BigInteger operator*(const BigInteger& a, const BigInteger& b) {
  BigInteger out;
  out.limbs_.assign(a.limbs_.size() + b.limbs_.size(), 0);
  for (std::size_t i = 0; i < a.limbs_.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.limbs_.size() || carry != 0; ++j) {
      carry += out.limbs_[i + j];
      if (j < b.limbs_.size()) carry += std::uint64_t{a.limbs_[i]} * b.limbs_[j];
      out.limbs_[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= kLimbBits;
    }
  }
  out.negative_ = a.negative_ != b.negative_;
  out.trim();
  return out;
}

// Bit by bit: numbers of this size are rare enough for the plainest way.
BigInteger::Division BigInteger::divided_by(const BigInteger& divisor) const {
  Division out;
  std::vector<std::uint32_t>& rest = out.remainder.limbs_;
  out.quotient.limbs_.assign(limbs_.size(), 0);
  for (std::size_t bit = limbs_.size() * kLimbBits; bit-- > 0;) {
    std::uint32_t carry = limbs_[bit / kLimbBits] >> (bit % kLimbBits) & 1U;
    for (std::uint32_t& limb : rest) {
      const std::uint32_t top = limb >> (kLimbBits - 1);
      limb = limb << 1U | carry;
      carry = top;
    }
    if (carry != 0) rest.push_back(carry);
    if (compare_magnitudes(rest, divisor.limbs_) < 0) continue;
    rest = subtract(rest, divisor.limbs_);
    while (!rest.empty() && rest.back() == 0) rest.pop_back();
    out.quotient.limbs_[bit / kLimbBits] |= 1U << (bit % kLimbBits);
  }
  out.quotient.negative_ = negative_ != divisor.negative_;
  out.remainder.negative_ = negative_;
  out.quotient.trim();
  out.remainder.trim();
  if (!out.remainder.is_zero() && out.remainder.negative_ != divisor.negative_) {
    out.quotient = out.quotient - BigInteger(std::int64_t{1});
    out.remainder = out.remainder + divisor;
  }
  return out;
}

double BigInteger::ratio(const BigInteger& divisor) const {
  // A quotient of 65 bits or more, its lowest set when there is a remainder, rounds as the ratio.
  constexpr std::size_t kEnough = 66;
  const std::size_t size = num_bits();
  const std::size_t needed = divisor.num_bits() + kEnough;
  const std::size_t shift = needed > size ? needed - size : 0;
  BigInteger dividend = *this * BigInteger(std::int64_t{2}).power(shift);
  dividend.negative_ = false;
  BigInteger positive = divisor;
  positive.negative_ = false;
  Division parts = dividend.divided_by(positive);
  if (!parts.remainder.is_zero()) parts.quotient.limbs_[0] |= 1U;
  const double magnitude = std::ldexp(parts.quotient.to_double(), -static_cast<int>(shift));
  return negative_ != divisor.negative_ ? -magnitude : magnitude;
}

BigInteger BigInteger::power(std::uint64_t exponent) const {
  BigInteger out(std::int64_t{1});
  BigInteger square = *this;
  for (; exponent != 0; exponent >>= 1U) {
    if ((exponent & 1U) != 0) out = out * square;
    if (exponent > 1) square = square * square;
  }
  return out;
}

}  // namespace peira::model::jinja
