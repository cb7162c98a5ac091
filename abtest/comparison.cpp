#include "abtest/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "stats/effect_sizes.h"
#include "stats/multiple_comparisons.h"
#include "stats/quantile_difference.h"
#include "stats/sequential_mean.h"
#include "stats/t_tests.h"
#include "stats/two_proportions.h"

namespace peira::abtest {
namespace {

// Below this the limit theorem behind the always-valid interval says nothing.
constexpr std::int64_t kLeastForAnytime = 100;

void set_test(Comparison& out, const stats::TTest& test, std::string method) {
  out.method = std::move(method);
  out.estimate = test.estimate;
  out.std_error = test.std_error;
  out.df = test.df;
  out.fixed_p = test.p;
  out.fixed_interval = test.interval;
  out.warnings.insert(out.warnings.end(), test.warnings.begin(), test.warnings.end());
}

void compare_values(Comparison& out, const ArmData& control, const ArmData& treated,
                    const stats::TestOptions& options) {
  if (control.has_covariate() && treated.has_covariate()) {
    const stats::CupedResult adjusted =
        stats::cuped(control.values(), treated.values(), {.test = options});
    set_test(out, adjusted.adjusted, "Welch t after CUPED");
    out.warnings.insert(out.warnings.end(), adjusted.warnings.begin(), adjusted.warnings.end());
    out.cuped = adjusted;
    return;
  }
  set_test(out, stats::welch_t_test(control.outcomes(), treated.outcomes(), options), "Welch t");
}

stats::ProportionCounts counts_of(const ArmData& control, const ArmData& treated) {
  const auto successes = [](const ArmData& arm) {
    return static_cast<std::int64_t>(std::llround(arm.outcomes().sum()));
  };
  return {.successes_a = successes(control),
          .trials_a = control.num_units(),
          .successes_b = successes(treated),
          .trials_b = treated.num_units()};
}

void compare_shares(Comparison& out, const ArmData& control, const ArmData& treated,
                    const stats::TestOptions& options) {
  const stats::ProportionCounts counts = counts_of(control, treated);
  const stats::TwoProportions test = stats::two_proportions_test(counts);
  out.effect_size = EffectSize{.name = "Cohen h", .value = test.cohens_h, .interval = {}};
  const stats::BetaDistribution uniform;
  out.bayesian = stats::compare_shares(uniform.updated(counts.successes_a, counts.trials_a),
                                       uniform.updated(counts.successes_b, counts.trials_b));
  if (control.has_covariate() && treated.has_covariate()) {
    compare_values(out, control, treated, options);
    return;
  }
  out.method = "pooled z, Miettinen-Nurminen interval";
  out.estimate = test.difference;
  const double na = static_cast<double>(counts.trials_a);
  const double nb = static_cast<double>(counts.trials_b);
  out.std_error = std::sqrt(counts.share_a() * (1 - counts.share_a()) / na +
                            counts.share_b() * (1 - counts.share_b()) / nb);
  out.fixed_p = test.pooled_p;
  out.fixed_interval = stats::miettinen_nurminen_interval(counts, options.confidence);
  out.warnings.insert(out.warnings.end(), test.warnings.begin(), test.warnings.end());
}

void compare_quantiles(Comparison& out, const Metric& metric, const ArmData& control,
                       const ArmData& treated, const ComparisonOptions& options) {
  std::vector<double> a = control.quantile_values();
  std::vector<double> b = treated.quantile_values();
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const stats::QuantileDifference test =
      stats::quantile_difference(a, b, metric.quantile,
                                 {.confidence = 1 - options.alpha,
                                  .num_resamples = options.num_resamples,
                                  .seed = options.seed});
  out.method = "bootstrap of quantiles, " + std::to_string(options.num_resamples) + " resamples";
  out.estimate = test.estimate;
  out.std_error = test.std_error;
  out.fixed_p = stats::PValue{.value = test.p_value, .log10 = std::log10(test.p_value)};
  out.fixed_interval = test.interval;
  out.warnings.insert(out.warnings.end(), test.warnings.begin(), test.warnings.end());
}

// The test that fits the metric's type.
void run_test(Comparison& out, const Metric& metric, const ArmData& control, const ArmData& treated,
              const ComparisonOptions& options) {
  const stats::TestOptions test{.confidence = 1 - options.alpha};
  switch (metric.type) {
    case MetricType::kMean:
    case MetricType::kCount:
      compare_values(out, control, treated, test);
      return;
    case MetricType::kProportion:
      compare_shares(out, control, treated, test);
      return;
    case MetricType::kRatio:
      set_test(out, stats::ratio_metric_test(control.ratio(), treated.ratio(), test),
               "delta method, Welch t");
      return;
    case MetricType::kQuantile:
      compare_quantiles(out, metric, control, treated, options);
      return;
  }
}

void add_bayesian(Comparison& out, const ArmData& control, const ArmData& treated) {
  if (control.type() == MetricType::kProportion) {
    const stats::ProportionCounts counts = counts_of(control, treated);
    const stats::BetaDistribution uniform;
    out.bayesian = stats::compare_shares(uniform.updated(counts.successes_a, counts.trials_a),
                                         uniform.updated(counts.successes_b, counts.trials_b));
  } else if (control.type() != MetricType::kQuantile && *out.std_error > 0) {
    out.bayesian = stats::normal_posterior(*out.estimate, *out.std_error).comparison;
  }
}

// The standard error of one arm's value, for its lift.
std::optional<stats::ArmEstimate> arm_estimate(const ArmData& arm) {
  if (arm.type() == MetricType::kRatio) {
    const stats::RatioEstimate ratio = stats::ratio_metric(arm.ratio());
    return stats::ArmEstimate{.mean = ratio.ratio, .std_error = ratio.std_error};
  }
  const stats::Moments outcomes = arm.outcomes();
  if (!outcomes.std_error()) return std::nullopt;
  return stats::ArmEstimate{.mean = outcomes.mean(), .std_error = *outcomes.std_error()};
}

void add_lift(Comparison& out, const ArmData& control, const ArmData& treated, double confidence) {
  if (control.type() == MetricType::kQuantile) return;
  const std::optional<stats::ArmEstimate> a = arm_estimate(control);
  const std::optional<stats::ArmEstimate> b = arm_estimate(treated);
  if (!a || !b || a->mean == 0) return;
  out.lift = stats::relative_lift(*a, *b, confidence);
}

void add_effect_size(Comparison& out, const ArmData& control, const ArmData& treated,
                     double confidence) {
  if (out.effect_size || control.type() == MetricType::kRatio ||
      control.type() == MetricType::kQuantile || control.num_units() + treated.num_units() < 4) {
    return;
  }
  const stats::StandardizedDifference effect =
      stats::standardized_difference(control.outcomes(), treated.outcomes(), confidence);
  out.effect_size =
      EffectSize{.name = "Hedges g", .value = effect.hedges_g, .interval = effect.g_interval};
}

void add_sequential(Comparison& out, const ComparisonOptions& options, MetricType type) {
  const std::int64_t num_units = out.num_control + out.num_variant;
  const bool has_spread = out.std_error && *out.std_error > 0;
  if (has_spread && num_units >= kLeastForAnytime && type != MetricType::kQuantile) {
    const stats::AsymptoticSequence sequence =
        stats::asymptotic_sequence(*out.estimate, *out.std_error, num_units,
                                   {.tuning_n = options.tuning_n, .alpha = options.alpha});
    out.anytime_interval = sequence.interval;
    out.anytime_p = sequence.p;
  }
  if (options.monitoring != Monitoring::kGroupSequential || !has_spread) return;
  stats::GroupSequential looks({.alpha = options.alpha, .spending = options.spending});
  for (std::size_t i = 0; i < options.looks.size(); ++i) {
    const bool is_this = i + 1 == options.looks.size();
    out.look = looks.look(options.looks[i], is_this && options.is_last_look);
  }
  out.look_interval = stats::repeated_interval(*out.estimate, *out.std_error, *out.look);
}

void add_guardrail(Comparison& out, const Metric& metric, const ArmData& control,
                   const ArmData& treated, const ComparisonOptions& options) {
  if (metric.role != MetricRole::kGuardrail) return;
  double margin = metric.margin;
  if (metric.margin_is_relative) {
    if (!out.control || *out.control == 0) {
      out.warnings.emplace_back("relative_margin_of_zero");
      return;
    }
    margin = stats::absolute_margin(metric.margin, *out.control);
  }
  out.margin = margin;
  const stats::NonInferiorityOptions test{
      .margin = margin, .better = metric.better, .alpha = options.alpha};
  const bool is_share = metric.type == MetricType::kProportion && !out.cuped;
  if (is_share && margin < 1 && options.monitoring == Monitoring::kFixed) {
    out.non_inferiority = stats::non_inferior_proportions(counts_of(control, treated), test);
    return;
  }
  if (options.monitoring == Monitoring::kFixed) {
    out.non_inferiority = stats::non_inferiority(*out.estimate, *out.std_error, out.df, test);
    return;
  }
  // Looked at more than once, the interval that allows it decides; it has no p-value of its own.
  const std::optional<stats::Interval> interval = out.deciding_interval(options.monitoring);
  if (!interval) return;
  stats::NonInferiority result;
  result.difference = *out.estimate;
  result.non_inferior =
      metric.better == stats::Better::kHigher ? interval->low > -margin : interval->high < margin;
  result.p_value = result.non_inferior ? options.alpha : 1;
  result.warnings.emplace_back("decided_by_interval");
  out.non_inferiority = result;
}

void check(const Metric& metric, const ArmData& control, const ArmData& treated,
           const ComparisonOptions& options) {
  if (control.type() != metric.type || treated.type() != metric.type) {
    throw Error(ErrorCode::kUsage, "metric '" + metric.name + "' is a " + to_string(metric.type) +
                                       ", its data are of another type");
  }
  if (!(options.alpha > 0 && options.alpha < 0.5)) {
    throw Error(ErrorCode::kUsage, "InvalidProbability: alpha must lie between 0 and 1/2");
  }
  if (options.monitoring == Monitoring::kGroupSequential && options.looks.empty()) {
    throw Error(ErrorCode::kUsage,
                "InvalidArgument: a group-sequential plan needs the information fraction of this "
                "look\n  try: --look 0.5, or --last-look");
  }
}

}  // namespace

const char* to_string(Monitoring monitoring) {
  switch (monitoring) {
    case Monitoring::kFixed:
      return "fixed";
    case Monitoring::kGroupSequential:
      return "group-sequential";
    case Monitoring::kAnytime:
      return "anytime";
  }
  throw Error(ErrorCode::kInternal, "a monitoring without a name");
}

Monitoring monitoring(const std::string& name) {
  for (const Monitoring value :
       {Monitoring::kFixed, Monitoring::kGroupSequential, Monitoring::kAnytime}) {
    if (name == to_string(value)) return value;
  }
  throw Error(ErrorCode::kUsage,
              "monitoring '" + name + "' is not known\n  try: fixed, group-sequential, anytime");
}

std::optional<double> Comparison::deciding_p(Monitoring monitoring) const {
  switch (monitoring) {
    case Monitoring::kFixed:
      return fixed_p ? std::optional(fixed_p->value) : std::nullopt;
    case Monitoring::kAnytime:
      return anytime_p ? std::optional(anytime_p->value) : std::nullopt;
    case Monitoring::kGroupSequential:
      if (!look || !estimate || !std_error || *std_error == 0) return std::nullopt;
      return std::abs(*estimate / *std_error) >= look->boundary ? 0.0 : 1.0;
  }
  return std::nullopt;
}

std::optional<stats::Interval> Comparison::deciding_interval(Monitoring monitoring) const {
  switch (monitoring) {
    case Monitoring::kFixed:
      return fixed_interval;
    case Monitoring::kAnytime:
      return anytime_interval;
    case Monitoring::kGroupSequential:
      return look_interval;
  }
  return std::nullopt;
}

bool Comparison::is_improvement(stats::Better better) const {
  return estimate && (better == stats::Better::kHigher ? *estimate > 0 : *estimate < 0);
}

Comparison compare(const Metric& metric, const std::string& variant, const ArmData& control,
                   const ArmData& treated, const ComparisonOptions& options) {
  check(metric, control, treated, options);
  Comparison out;
  out.metric = metric.name;
  out.variant = variant;
  out.num_control = control.num_units();
  out.num_variant = treated.num_units();
  out.control = control.estimate(metric.quantile);
  out.treated = treated.estimate(metric.quantile);
  out.control_std_dev = control.std_dev();
  out.treated_std_dev = treated.std_dev();
  if (out.control && out.treated) out.estimate = *out.treated - *out.control;
  try {
    run_test(out, metric, control, treated, options);
    add_effect_size(out, control, treated, 1 - options.alpha);
    add_lift(out, control, treated, 1 - options.alpha);
    add_sequential(out, options, metric.type);
    add_bayesian(out, control, treated);
    add_guardrail(out, metric, control, treated, options);
  } catch (const Error& error) {
    // Too few units, no spread and the like are findings about the data, told where the test would
    // stand; a bad option or a bug is not.
    if (error.code() != ErrorCode::kData) throw;
    Comparison bare;
    bare.metric = out.metric;
    bare.variant = out.variant;
    bare.num_control = out.num_control;
    bare.num_variant = out.num_variant;
    bare.control = out.control;
    bare.treated = out.treated;
    bare.control_std_dev = out.control_std_dev;
    bare.treated_std_dev = out.treated_std_dev;
    if (out.control && out.treated) bare.estimate = *out.treated - *out.control;
    bare.problem = error.what();
    return bare;
  }
  return out;
}

stats::PValue comparison_p_value(const Metric& metric, const ArmData& control,
                                 const ArmData& treated, const ComparisonOptions& options) {
  check(metric, control, treated, options);
  Comparison out;
  run_test(out, metric, control, treated, options);
  return *out.fixed_p;
}

}  // namespace peira::abtest
