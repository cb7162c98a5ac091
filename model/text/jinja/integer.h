// Python's integers where 64 bits do not hold them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peira::model::jinja {

// Sign and magnitude. Up to 4,300 decimal digits, the most that Python prints.
// throws Failure, every operation: the result is larger.
class BigInteger {
 public:
  BigInteger() = default;
  explicit BigInteger(std::int64_t value);
  explicit BigInteger(std::uint64_t value);
  // `digits` in `base` (2 to 36), a '-' in front or not; empty: they are no such number.
  static std::optional<BigInteger> parse(std::string_view digits, int base);
  // The whole part. value: finite.
  static BigInteger from_double(double value);

  bool is_negative() const { return negative_; }
  bool is_zero() const { return limbs_.empty(); }
  std::optional<std::int64_t> as_int64() const;  // empty: does not fit
  double to_double() const;                      // the nearest; infinite beyond the largest
  // Lower-case digits in `base`, 2 to 36.
  std::string to_string(int base = 10) const;
  // Work that a product or quotient of numbers of this size takes, in a budget's steps.
  std::size_t weight() const { return limbs_.size() * limbs_.size() / 64 + 1; }

  BigInteger operator-() const;
  friend BigInteger operator+(const BigInteger& a, const BigInteger& b);
  friend BigInteger operator-(const BigInteger& a, const BigInteger& b) { return a + -b; }
  friend BigInteger operator*(const BigInteger& a, const BigInteger& b);
  // Rounded down, the remainder with the divisor's sign, as Python has it. divisor: not 0.
  struct Division;
  Division divided_by(const BigInteger& divisor) const;
  // *this / divisor as the nearest float. divisor: not 0.
  double ratio(const BigInteger& divisor) const;
  BigInteger power(std::uint64_t exponent) const;

  // < 0, 0 or > 0 as *this is less than, equal to or greater than `other`.
  int compare(const BigInteger& other) const;
  bool operator==(const BigInteger& other) const { return compare(other) == 0; }

 private:
  void trim();
  std::size_t num_bits() const;
  static int compare_magnitudes(const std::vector<std::uint32_t>& a,
                                const std::vector<std::uint32_t>& b);

  bool negative_ = false;
  std::vector<std::uint32_t> limbs_;  // least significant first, none zero at the end
};

struct BigInteger::Division {
  BigInteger quotient;
  BigInteger remainder;
};

}  // namespace peira::model::jinja
