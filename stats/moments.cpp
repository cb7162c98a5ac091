#include "stats/moments.h"

#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "stats/errors.h"

namespace peira::stats {
namespace {

void require_finite(double value) {
  if (!std::isfinite(value)) {
    throw Error(ErrorCode::kData, "NonFiniteInput: a value is NaN or infinite");
  }
}

}  // namespace

Moments::Moments(std::int64_t count, double mean, double sum_squared_deviations)
    : count_(count),
      mean_(mean),
      m2_(sum_squared_deviations),
      sum_(mean * static_cast<double>(count)) {
  if (count < 0 || !(m2_ >= 0) || !std::isfinite(m2_) || !std::isfinite(mean)) {
    throw Error(ErrorCode::kUsage,
                "InvalidArgument: inconsistent aggregate: count, mean and squared deviations must "
                "be finite and the first and last not negative");
  }
}

Moments Moments::from_sums(std::int64_t count, double sum, double sum_squares) {
  if (count == 0 && sum == 0 && sum_squares == 0) return {};
  if (count < 1 || !std::isfinite(sum) || !std::isfinite(sum_squares)) {
    throw StatsError("InvalidArgument", "inconsistent aggregate: a count of " +
                                            std::to_string(count) + " and sums that are not " +
                                            "those of so many finite numbers");
  }
  const double n = static_cast<double>(count);
  const double mean = sum / n;
  // sum x^2 - (sum x)^2 / n with the rounding of the product taken along.
  const double square = sum * mean;
  const double rounding = std::fma(sum, mean, -square);
  const double deviations = (sum_squares - square) - rounding;
  // The sums themselves are rounded: by at least an ulp of the larger of both.
  const double noise = 4 * std::numeric_limits<double>::epsilon() * std::abs(square);
  if (deviations < -noise || (count == 1 && deviations > noise)) {
    throw StatsError("InvalidArgument", "inconsistent aggregate: the sum of squares is " +
                                            std::to_string(sum_squares) + ", " +
                                            std::to_string(count) + " numbers of that sum have " +
                                            (count == 1 ? "" : "at least ") +
                                            std::to_string(square));
  }
  return {count, mean, count == 1 || deviations <= noise ? 0 : deviations};
}

void Moments::add(double value) {
  require_finite(value);
  ++count_;
  add_to_sum(value);
  const double deviation = value - mean_;
  mean_ += deviation / static_cast<double>(count_);
  m2_ += deviation * (value - mean_);
}

// Two sums, exactly: Neumaier (1974). At 10^9 values of 10^9 a plain sum would be off by more than
// the values' spread.
void Moments::add_to_sum(double value) {
  const double sum = sum_ + value;
  sum_error_ += std::abs(sum_) >= std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_;
  sum_ = sum;
}

void Moments::merge(const Moments& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const double n1 = static_cast<double>(count_);
  const double n2 = static_cast<double>(other.count_);
  const double shift = other.mean_ - mean_;
  mean_ += shift * n2 / (n1 + n2);
  m2_ += other.m2_ + shift * shift * n1 * n2 / (n1 + n2);
  count_ += other.count_;
  add_to_sum(other.sum_);
  sum_error_ += other.sum_error_;
}

std::optional<double> Moments::variance() const {
  if (count_ < 2) return std::nullopt;
  return m2_ / static_cast<double>(count_ - 1);
}

std::optional<double> Moments::std_dev() const {
  if (count_ < 2) return std::nullopt;
  return std::sqrt(m2_ / static_cast<double>(count_ - 1));
}

std::optional<double> Moments::std_error() const {
  if (count_ < 2) return std::nullopt;
  return std::sqrt(m2_ / static_cast<double>(count_ - 1) / static_cast<double>(count_));
}

PairedMoments::PairedMoments(const Moments& a, const Moments& b, double sum_of_products)
    : a_(a), b_(b), cross_(sum_of_products) {
  // Cauchy and Schwarz, with room for the rounding of whoever summed.
  const double most = std::sqrt(a.sum_squared_deviations()) * std::sqrt(b.sum_squared_deviations());
  if (a.count() != b.count() || !(std::abs(cross_) <= most * (1 + 1e-9))) {
    throw Error(ErrorCode::kUsage,
                "InvalidArgument: inconsistent aggregate: both counts must be equal and the sum of "
                "products no larger than both spreads allow");
  }
}

void PairedMoments::add(double a, double b) {
  require_finite(a);
  require_finite(b);
  const double deviation_a = a - a_.mean();
  a_.add(a);
  b_.add(b);
  cross_ += deviation_a * (b - b_.mean());
}

void PairedMoments::merge(const PairedMoments& other) {
  if (other.a_.count() == 0) return;
  const double n1 = static_cast<double>(a_.count());
  const double n2 = static_cast<double>(other.a_.count());
  cross_ += other.cross_ +
            (other.a_.mean() - a_.mean()) * (other.b_.mean() - b_.mean()) * n1 * n2 / (n1 + n2);
  a_.merge(other.a_);
  b_.merge(other.b_);
}

std::optional<double> PairedMoments::covariance() const {
  if (a_.count() < 2) return std::nullopt;
  return cross_ / static_cast<double>(a_.count() - 1);
}

std::optional<double> PairedMoments::correlation() const {
  const double spread = std::sqrt(a_.sum_squared_deviations() * b_.sum_squared_deviations());
  if (a_.count() < 2 || !(spread > 0)) return std::nullopt;
  return std::fmin(1.0, std::fmax(-1.0, cross_ / spread));
}

Moments moments_of(std::span<const double> values) {
  Moments moments;
  for (const double value : values) moments.add(value);
  return moments;
}

}  // namespace peira::stats
