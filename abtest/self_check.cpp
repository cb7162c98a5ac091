#include "abtest/self_check.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "abtest/assignment.h"
#include "base/error.h"
#include "stats/distributions.h"
#include "stats/random.h"
#include "stats/srm.h"

namespace peira::abtest {
namespace {

constexpr std::int64_t kLeastUnits = 20;
constexpr std::int64_t kSplitResamples = 199;  // of a quantile's bootstrap, in each split

void add_outcome(ArmData& data, const Metric& metric, const UnitOutcome& outcome) {
  if (!outcome.value) {
    if (metric.missing_is_zero && metric.type != MetricType::kRatio) data.add(0);
    return;
  }
  const double value = metric.cap ? std::min(*outcome.value, *metric.cap) : *outcome.value;
  if (metric.type == MetricType::kRatio) {
    if (outcome.other) data.add_ratio(value, *outcome.other);
  } else if (outcome.other) {
    data.add(value, *outcome.other);
  } else {
    data.add(value);
  }
}

// Two-sided exact binomial: twice the smaller tail.
double binomial_p(std::int64_t successes, std::int64_t trials, double rate) {
  const double low = stats::binomial_cdf(successes, trials, rate);
  const double high = successes == 0 ? 1 : 1 - stats::binomial_cdf(successes - 1, trials, rate);
  return std::min(1.0, 2 * std::min(low, high));
}

double upper_tail(std::int64_t successes, std::int64_t trials, double rate) {
  return successes == 0 ? 1 : 1 - stats::binomial_cdf(successes - 1, trials, rate);
}

void judge(MetricSelfCheck& check, const Metric& metric, const std::vector<double>& p_values,
           const SelfCheckOptions& options) {
  check.num_tests = static_cast<std::int64_t>(p_values.size());
  if (p_values.empty()) {
    check.note = "no split allowed a test";
    return;
  }
  check.num_rejected = std::count_if(p_values.begin(), p_values.end(),
                                     [&options](double p) { return p < options.alpha; });
  check.rejection_rate =
      static_cast<double>(check.num_rejected) / static_cast<double>(check.num_tests);
  check.uniformity = stats::uniform_test(p_values);
  const bool is_discrete =
      metric.type == MetricType::kProportion || metric.type == MetricType::kQuantile;
  if (is_discrete) {
    check.rate_p = upper_tail(check.num_rejected, check.num_tests, options.alpha);
    check.passed = check.rate_p >= options.failure_p;
    check.note = "p-values take few values: only an error rate above alpha fails";
  } else {
    check.rate_p = binomial_p(check.num_rejected, check.num_tests, options.alpha);
    check.passed =
        check.rate_p >= options.failure_p && check.uniformity.p_value >= options.failure_p;
  }
}

}  // namespace

SelfCheck self_check(std::span<const MeasuredUnit> units, std::span<const Metric> metrics,
                     const SelfCheckOptions& options) {
  for (const Metric& metric : metrics) check_metric(metric);
  if (options.num_splits < 1 || !(options.alpha > 0 && options.alpha < 0.5)) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: splits and alpha must be positive");
  }
  if (static_cast<std::int64_t>(units.size()) < kLeastUnits) {
    throw Error(ErrorCode::kData, "TooFewObservations: " + std::to_string(units.size()) +
                                      " units, a self-check needs " + std::to_string(kLeastUnits));
  }
  constexpr double kRatioThreshold = 0.001;
  SelfCheck out;
  out.num_units = static_cast<std::int64_t>(units.size());
  out.num_splits = options.num_splits;
  std::vector<std::vector<double>> p_values(metrics.size());
  for (std::int64_t split = 0; split < options.num_splits; ++split) {
    const std::string salt = "aa/" + std::to_string(options.seed) + "/" + std::to_string(split);
    std::vector<ArmData> arms[2];
    for (auto& arm : arms) {
      for (const Metric& metric : metrics) arm.emplace_back(metric.type);
    }
    std::int64_t counts[2] = {0, 0};
    for (const MeasuredUnit& unit : units) {
      const std::size_t side = bucket_10000(unit.unit, salt) < kNumBuckets / 2 ? 0 : 1;
      ++counts[side];
      for (std::size_t m = 0; m < metrics.size(); ++m) {
        add_outcome(arms[side][m], metrics[m], unit.outcomes[m]);
      }
    }
    const double halves[2] = {1, 1};
    const stats::SrmResult ratio =
        stats::sample_ratio_mismatch(counts, halves, {.threshold = kRatioThreshold});
    out.ratio_alarms += ratio.status == stats::SrmStatus::kMismatch ? 1 : 0;
    const ComparisonOptions comparison{
        .alpha = options.alpha,
        .seed = stats::split_seed(options.seed, static_cast<std::uint64_t>(split)),
        .num_resamples = kSplitResamples};
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      try {
        p_values[m].push_back(
            comparison_p_value(metrics[m], arms[0][m], arms[1][m], comparison).value);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kData) throw;  // this split allows no test
      }
    }
  }
  out.ratio_alarm_p = upper_tail(out.ratio_alarms, out.num_splits, kRatioThreshold);
  out.passed = out.ratio_alarm_p >= options.failure_p;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    MetricSelfCheck check;
    check.metric = metrics[m].name;
    judge(check, metrics[m], p_values[m], options);
    out.passed = out.passed && check.passed;
    out.metrics.push_back(std::move(check));
  }
  return out;
}

GeneratedUnits generated_units(std::int64_t num_units, std::uint64_t seed) {
  GeneratedUnits out;
  out.metrics = {{.name = "quality", .type = MetricType::kMean},
                 {.name = "solved", .type = MetricType::kProportion},
                 {.name = "requests", .type = MetricType::kCount},
                 {.name = "tokens", .type = MetricType::kRatio},
                 {.name = "latency", .type = MetricType::kQuantile, .quantile = 0.9}};
  stats::Random random(seed);
  const auto normal = [&random] {
    return std::sqrt(-2 * std::log(1 - random.uniform())) *
           std::cos(2 * std::numbers::pi * random.uniform());
  };
  for (std::int64_t i = 0; i < num_units; ++i) {
    const double before = normal();
    const double answers = 1 + static_cast<double>(random.below(6));
    out.units.push_back(
        {.unit = "unit_" + std::to_string(i),
         .outcomes = {{.value = before + normal(), .other = before},
                      {.value = random.uniform() < 0.4 ? 1.0 : 0.0},
                      {.value = std::floor(std::log(1 - random.uniform()) / std::log(0.7))},
                      {.value = answers * (200 + 40 * normal()), .other = answers},
                      {.value = std::exp(0.5 * normal())}}});
  }
  return out;
}

}  // namespace peira::abtest
