// Count, mean and spread of numbers seen one at a time, and how two such streams go together.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace peira::stats {

// Running count, mean and sum of squared deviations (Welford), mergeable in any split.
// threads: none; give each thread its own and merge.
class Moments {
 public:
  Moments() = default;
  // An aggregate made elsewhere. sum_squared_deviations: of the values from their mean, >= 0.
  // throws Error(kUsage) "InvalidArgument": negative count or sum, or not finite.
  Moments(std::int64_t count, double mean, double sum_squared_deviations);

  // From a count, a sum and a sum of squares: for import only, as the last two cancel.
  // throws Error(kUsage) "InvalidArgument": they are no values' sums (a negative variance beyond
  //        what rounding of the sums explains is never clamped), or not finite.
  static Moments from_sums(std::int64_t count, double sum, double sum_squares);

  // throws Error(kData) "NonFiniteInput": `value` is NaN or infinite.
  void add(double value);
  void merge(const Moments& other);

  std::int64_t count() const { return count_; }
  double mean() const { return mean_; }  // 0 when nothing was added
  // Exact for whole numbers, as 0/1 scores are; otherwise rounded once, however many values.
  double sum() const { return sum_ + sum_error_; }
  double sum_squared_deviations() const { return m2_; }
  std::optional<double> variance() const;   // denominator n - 1; empty below two values
  std::optional<double> std_dev() const;    // its root
  std::optional<double> std_error() const;  // of the mean: std_dev / sqrt(n)

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double m2_ = 0;
  void add_to_sum(double value);

  double sum_ = 0;
  double sum_error_ = 0;  // what rounding took from sum_
};

// Moments of two paired streams, with their covariance.
class PairedMoments {
 public:
  PairedMoments() = default;
  // An aggregate made elsewhere. sum_of_products: of the deviations of a and b from their means.
  // throws Error(kUsage) "InvalidArgument": counts differ, or the sum is not finite or larger than
  //        the spread of both allows.
  PairedMoments(const Moments& a, const Moments& b, double sum_of_products);

  // throws Error(kData) "NonFiniteInput".
  void add(double a, double b);
  void merge(const PairedMoments& other);

  const Moments& a() const { return a_; }
  const Moments& b() const { return b_; }
  double sum_of_products() const { return cross_; }  // of deviations from the means
  std::optional<double> covariance() const;          // denominator n - 1; empty below two pairs
  std::optional<double> correlation() const;         // Pearson; empty when an arm does not vary

 private:
  Moments a_, b_;
  double cross_ = 0;  // sum of products of deviations
};

Moments moments_of(std::span<const double> values);

}  // namespace peira::stats
