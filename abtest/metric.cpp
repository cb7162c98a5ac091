#include "abtest/metric.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "stats/quantiles.h"
#include "stats/ratio_metrics.h"

namespace peira::abtest {
namespace {

template <typename Value, std::size_t kCount>
using Names = std::array<std::pair<Value, const char*>, kCount>;

constexpr Names<MetricType, 5> kTypes{{{MetricType::kMean, "mean"},
                                       {MetricType::kProportion, "proportion"},
                                       {MetricType::kCount, "count"},
                                       {MetricType::kRatio, "ratio"},
                                       {MetricType::kQuantile, "quantile"}}};
constexpr Names<MetricRole, 3> kRoles{{{MetricRole::kPrimary, "primary"},
                                       {MetricRole::kSecondary, "secondary"},
                                       {MetricRole::kGuardrail, "guardrail"}}};
constexpr Names<stats::Better, 2> kDirections{
    {{stats::Better::kHigher, "higher"}, {stats::Better::kLower, "lower"}}};

template <typename Value, std::size_t kCount>
const char* name_of(const Names<Value, kCount>& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  throw Error(ErrorCode::kInternal, "an enumerator without a name");
}

template <typename Value, std::size_t kCount>
Value value_of(const Names<Value, kCount>& names, const std::string& name, const char* what) {
  std::string known_names;
  for (const auto& [known, known_name] : names) {
    if (name == known_name) return known;
    known_names += (known_names.empty() ? "" : ", ") + std::string(known_name);
  }
  throw Error(ErrorCode::kUsage,
              std::string(what) + " '" + name + "' is not known\n  try: " + known_names);
}

[[noreturn]] void bad_metric(const Metric& metric, const std::string& what) {
  throw Error(ErrorCode::kUsage, "metric '" + metric.name + "': " + what);
}

void check_outcome(MetricType type, double outcome) {
  if (type == MetricType::kProportion && outcome != 0 && outcome != 1) {
    throw Error(ErrorCode::kData, "InvalidArgument: the outcome of a proportion is 0 or 1, not " +
                                      std::to_string(outcome));
  }
  if (type == MetricType::kCount && outcome < 0) {
    throw Error(ErrorCode::kData,
                "InvalidArgument: a count is not negative, is " + std::to_string(outcome));
  }
}

}  // namespace

const char* to_string(MetricType type) { return name_of(kTypes, type); }
const char* to_string(MetricRole role) { return name_of(kRoles, role); }
const char* to_string(stats::Better better) { return name_of(kDirections, better); }

MetricType metric_type(const std::string& name) { return value_of(kTypes, name, "metric type"); }
MetricRole metric_role(const std::string& name) { return value_of(kRoles, name, "metric role"); }
stats::Better better(const std::string& name) {
  return value_of(kDirections, name, "metric direction");
}

void check_metric(const Metric& metric) {
  if (metric.name.empty() || metric.name.size() > 128) {
    bad_metric(metric, "a name has 1 to 128 bytes");
  }
  if (metric.role == MetricRole::kGuardrail &&
      !(metric.margin > 0 && std::isfinite(metric.margin))) {
    bad_metric(metric, "a guardrail needs margin > 0, the largest loss that can be borne");
  }
  if (!(metric.quantile > 0 && metric.quantile < 1)) {
    bad_metric(metric, "quantile must lie between 0 and 1, is " + std::to_string(metric.quantile));
  }
  if (metric.cap && !std::isfinite(*metric.cap)) bad_metric(metric, "cap must be a finite number");
}

ArmData ArmData::from_values(MetricType type, const stats::CupedArm& values) {
  ArmData data(type);
  data.values_ = values;
  if (type == MetricType::kProportion) {
    const stats::Moments all = data.outcomes();
    const double mean = all.mean();
    // Zeros and ones: the squares of deviations sum to n p (1 - p).
    const double expected = static_cast<double>(all.count()) * mean * (1 - mean);
    const double slack = 1e-6 * (1 + std::abs(expected));
    if (mean < 0 || mean > 1 || std::abs(all.sum_squared_deviations() - expected) > slack) {
      throw Error(ErrorCode::kData,
                  "InvalidArgument: a proportion's sums are not those of zeros and ones: mean " +
                      std::to_string(mean) + ", squared deviations " +
                      std::to_string(all.sum_squared_deviations()) + ", expected " +
                      std::to_string(expected));
    }
  }
  return data;
}

ArmData ArmData::from_ratio(const stats::PairedMoments& units) {
  ArmData data(MetricType::kRatio);
  data.ratio_ = units;
  return data;
}

void ArmData::add(double outcome) {
  check_outcome(type_, outcome);
  values_.add_without_covariate(outcome);
  if (type_ == MetricType::kQuantile) quantile_values_.push_back(outcome);
}

void ArmData::add(double outcome, double covariate) {
  if (type_ == MetricType::kQuantile) {
    add(outcome);
    return;
  }
  check_outcome(type_, outcome);
  values_.add(outcome, covariate);
}

void ArmData::add_ratio(double numerator, double denominator) {
  ratio_.add(numerator, denominator);
}

void ArmData::merge(const ArmData& other) {
  values_.merge(other.values_);
  ratio_.merge(other.ratio_);
  quantile_values_.insert(quantile_values_.end(), other.quantile_values_.begin(),
                          other.quantile_values_.end());
}

std::int64_t ArmData::num_units() const {
  return type_ == MetricType::kRatio ? ratio_.a().count() : outcomes().count();
}

stats::Moments ArmData::outcomes() const {
  if (type_ == MetricType::kRatio) return ratio_.a();
  stats::Moments all = values_.known.a();
  all.merge(values_.unknown);
  return all;
}

std::optional<double> ArmData::estimate(double p) const {
  if (num_units() == 0) return std::nullopt;
  switch (type_) {
    case MetricType::kRatio:
      if (ratio_.b().mean() == 0) return std::nullopt;
      return ratio_.a().mean() / ratio_.b().mean();
    case MetricType::kQuantile:
      return stats::quantile(quantile_values_, p);
    default:
      return outcomes().mean();
  }
}

std::optional<double> ArmData::std_dev() const {
  if (type_ == MetricType::kRatio) return std::nullopt;
  return outcomes().std_dev();
}

}  // namespace peira::abtest
