#include "abtest/analysis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "base/error.h"
#include "stats/multiple_comparisons.h"

namespace peira::abtest {
namespace {

void check(const AnalysisInput& input) {
  if (input.arms.size() < 2) {
    throw Error(ErrorCode::kUsage, "an analysis needs a control and at least one variant");
  }
  std::set<std::string> keys, names;
  for (const ArmInput& arm : input.arms) {
    if (!keys.insert(arm.key).second) {
      throw Error(ErrorCode::kUsage, "two variants are called '" + arm.key + "'");
    }
  }
  for (const Metric& metric : input.metrics) {
    check_metric(metric);
    if (!names.insert(metric.name).second) {
      throw Error(ErrorCode::kUsage, "two metrics are called '" + metric.name + "'");
    }
  }
}

std::string number(double value, const char* format = "%.4g") {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void check_ratio(const AnalysisInput& input, const AnalysisOptions& options, Analysis& out) {
  std::vector<double> weights;
  int num_positive = 0;
  std::int64_t total = 0;
  for (const ArmInput& arm : input.arms) {
    out.arms.push_back(arm.key);
    out.num_units.push_back(arm.num_units);
    weights.push_back(arm.weight);
    num_positive += arm.weight > 0 ? 1 : 0;
    total += arm.num_units;
  }
  if (total > 0 && num_positive > 1) {
    out.srm =
        stats::sample_ratio_mismatch(out.num_units, weights, {.threshold = options.srm_threshold});
    // A plan that is looked at all the time is checked by the test that allows it.
    out.srm_failed = out.monitoring == Monitoring::kFixed
                         ? out.srm->status == stats::SrmStatus::kMismatch
                         : out.srm->sequential_mismatch;
    if (out.srm->units_of_zero_weight > 0) {
      out.warnings.push_back(std::to_string(out.srm->units_of_zero_weight) +
                             " units are in a variant of weight 0: the split or the log is wrong");
    }
  }
  const double all = static_cast<double>(total + input.num_crossovers);
  if (input.num_crossovers > 0) {
    const double share = static_cast<double>(input.num_crossovers) / all;
    out.warnings.push_back(
        std::to_string(input.num_crossovers) + " units were seen in two variants and are excluded" +
        (share > options.crossover_warning
             ? ": " + number(100 * share, "%.2f") + " % of all, assignment is not stable"
             : ""));
  }
  if (input.num_unexposed > 0) {
    out.warnings.push_back(std::to_string(input.num_unexposed) +
                           " outcomes belong to units never exposed and are excluded");
  }
  if (input.num_early > 0) {
    out.warnings.push_back(std::to_string(input.num_early) +
                           " outcomes lie before their unit's exposure and are excluded");
  }
}

void adjust(std::vector<MetricResult>& results, MetricRole role,
            std::vector<double> (*correct)(std::span<const double>)) {
  std::vector<double> p_values;
  std::vector<MetricResult*> tested;
  for (MetricResult& result : results) {
    if (result.metric.role != role || !result.p) continue;
    p_values.push_back(*result.p);
    tested.push_back(&result);
  }
  const std::vector<double> adjusted = correct(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->adjusted_p = adjusted[i];
}

bool beyond_zero_for_worse(const MetricResult& result, const stats::Interval& interval) {
  return result.metric.better == stats::Better::kHigher ? interval.high < 0 : interval.low > 0;
}

MetricVerdict verdict_of(const MetricResult& result, Monitoring monitoring) {
  const Comparison& comparison = result.comparison;
  if (comparison.problem) return MetricVerdict::kNoTest;
  if (result.metric.role == MetricRole::kGuardrail) {
    if (!comparison.non_inferiority) return MetricVerdict::kNoTest;
    if (comparison.non_inferiority->non_inferior) return MetricVerdict::kNotWorse;
    const std::optional<stats::Interval> interval = comparison.deciding_interval(monitoring);
    return interval && beyond_zero_for_worse(result, *interval) ? MetricVerdict::kHarmed
                                                                : MetricVerdict::kUndecided;
  }
  if (!result.p) return MetricVerdict::kNoTest;
  if (!result.significant) return MetricVerdict::kNoDifference;
  return comparison.is_improvement(result.metric.better) ? MetricVerdict::kImproved
                                                         : MetricVerdict::kWorse;
}

// Names of the variant's metrics of `role` with this verdict, "a, b".
std::string names_of(const std::vector<const MetricResult*>& results, MetricRole role,
                     MetricVerdict verdict) {
  std::string names;
  for (const MetricResult* result : results) {
    if (result->metric.role != role || result->verdict != verdict) continue;
    names += (names.empty() ? "" : ", ") + result->metric.name;
  }
  return names;
}

VariantDecision decide(const std::string& variant,
                       const std::vector<const MetricResult*>& results) {
  const auto primary = [&results](MetricVerdict verdict) {
    return names_of(results, MetricRole::kPrimary, verdict);
  };
  const auto guard = [&results](MetricVerdict verdict) {
    return names_of(results, MetricRole::kGuardrail, verdict);
  };
  VariantDecision decision;
  decision.variant = variant;
  const std::string worse = primary(MetricVerdict::kWorse);
  const std::string harmed = guard(MetricVerdict::kHarmed);
  if (!worse.empty() || !harmed.empty()) {
    decision.decision = Decision::kKeepControl;
    decision.reason = !worse.empty() ? "worse on " + worse : "harms the guardrail " + harmed;
    return decision;
  }
  const std::string improved = primary(MetricVerdict::kImproved);
  std::string open = guard(MetricVerdict::kUndecided);
  const std::string untested_guard = guard(MetricVerdict::kNoTest);
  if (!untested_guard.empty()) open += (open.empty() ? "" : ", ") + untested_guard;
  if (improved.empty()) {
    const std::string untested = primary(MetricVerdict::kNoTest);
    decision.reason = untested.empty() ? "no primary metric shows a difference"
                                       : "no test of " + untested + " is possible";
    return decision;
  }
  if (!open.empty()) {
    decision.reason =
        "better on " + improved + ", but the guardrail " + open + " is not yet shown to hold";
    return decision;
  }
  decision.decision = Decision::kShip;
  decision.reason = "better on " + improved;
  return decision;
}

// The primary result of a variant with the largest share of its control, to choose among several.
double standing(const Analysis& analysis, const std::string& variant) {
  double best = 0;
  for (const MetricResult& result : analysis.results) {
    if (result.comparison.variant != variant || result.verdict != MetricVerdict::kImproved ||
        result.metric.role != MetricRole::kPrimary) {
      continue;
    }
    const Comparison& comparison = result.comparison;
    if (comparison.estimate && comparison.std_error && *comparison.std_error > 0) {
      best = std::max(best, std::abs(*comparison.estimate / *comparison.std_error));
    }
  }
  return best;
}

void decide_all(Analysis& out) {
  if (out.srm_failed) {
    out.decision = Decision::kInvalid;
    const double p =
        out.monitoring == Monitoring::kFixed ? out.srm->p_value.value_or(0) : out.srm->sequential_p;
    out.reason = "units did not fall on the variants as the split says (p = " + number(p) +
                 "): assignment or logging is broken, no result counts";
    return;
  }
  for (std::size_t i = 1; i < out.arms.size(); ++i) {
    std::vector<const MetricResult*> own;
    for (const MetricResult& result : out.results) {
      if (result.comparison.variant == out.arms[i]) own.push_back(&result);
    }
    out.variants.push_back(decide(out.arms[i], own));
  }
  const VariantDecision* best = nullptr;
  bool all_bad = true;
  for (const VariantDecision& variant : out.variants) {
    all_bad = all_bad && variant.decision == Decision::kKeepControl;
    if (variant.decision != Decision::kShip) continue;
    if (best == nullptr || standing(out, variant.variant) > standing(out, best->variant)) {
      best = &variant;
    }
  }
  if (best != nullptr) {
    out.decision = Decision::kShip;
    out.winner = best->variant;
    out.reason = "ship " + best->variant + ": " + best->reason;
  } else if (all_bad) {
    out.decision = Decision::kKeepControl;
    out.reason =
        "keep " + out.arms[0] + ": " + out.variants[0].variant + " is " + out.variants[0].reason;
    if (out.variants[0].reason.starts_with("harms")) {
      out.reason =
          "keep " + out.arms[0] + ": " + out.variants[0].variant + " " + out.variants[0].reason;
    }
  } else {
    out.decision = Decision::kUndecided;
    const auto open =
        std::find_if(out.variants.begin(), out.variants.end(),
                     [](const VariantDecision& v) { return v.decision == Decision::kUndecided; });
    out.reason = "undecided: " + open->variant + ": " + open->reason;
  }
}

}  // namespace

const char* to_string(MetricVerdict verdict) {
  switch (verdict) {
    case MetricVerdict::kImproved:
      return "improved";
    case MetricVerdict::kWorse:
      return "worse";
    case MetricVerdict::kNoDifference:
      return "no difference shown";
    case MetricVerdict::kNotWorse:
      return "holds";
    case MetricVerdict::kHarmed:
      return "harmed";
    case MetricVerdict::kUndecided:
      return "undecided";
    case MetricVerdict::kNoTest:
      return "no test";
  }
  throw Error(ErrorCode::kInternal, "a verdict without a name");
}

const char* to_string(Decision decision) {
  switch (decision) {
    case Decision::kShip:
      return "ship";
    case Decision::kKeepControl:
      return "keep-control";
    case Decision::kUndecided:
      return "undecided";
    case Decision::kInvalid:
      return "invalid";
  }
  throw Error(ErrorCode::kInternal, "a decision without a name");
}

Analysis analyze(const AnalysisInput& input, const AnalysisOptions& options) {
  check(input);
  Analysis out;
  out.monitoring = options.comparison.monitoring;
  out.alpha = options.comparison.alpha;
  check_ratio(input, options, out);

  const auto num_primary = static_cast<double>(
      std::count_if(input.metrics.begin(), input.metrics.end(),
                    [](const Metric& metric) { return metric.role == MetricRole::kPrimary; }));
  const double num_tests = std::max(1.0, num_primary * static_cast<double>(input.arms.size() - 1));
  for (const Metric& metric : input.metrics) {
    const auto data_of = [&metric](const ArmInput& arm) {
      const auto found = arm.metrics.find(metric.name);
      return found == arm.metrics.end() ? ArmData(metric.type) : found->second;
    };
    ComparisonOptions comparison = options.comparison;
    if (comparison.monitoring == Monitoring::kGroupSequential &&
        metric.role == MetricRole::kPrimary) {
      comparison.alpha /= num_tests;
    }
    const ArmData control = data_of(input.arms[0]);
    for (std::size_t i = 1; i < input.arms.size(); ++i) {
      MetricResult result;
      result.metric = metric;
      result.comparison =
          compare(metric, input.arms[i].key, control, data_of(input.arms[i]), comparison);
      if (!result.comparison.problem) result.p = result.comparison.deciding_p(out.monitoring);
      out.results.push_back(std::move(result));
    }
  }
  if (out.monitoring == Monitoring::kGroupSequential) {
    for (MetricResult& result : out.results) result.adjusted_p = result.p;
  } else {
    adjust(out.results, MetricRole::kPrimary, stats::holm);
    adjust(out.results, MetricRole::kSecondary, stats::benjamini_hochberg);
  }
  for (MetricResult& result : out.results) {
    result.significant = result.adjusted_p && *result.adjusted_p < out.alpha;
    result.verdict = verdict_of(result, out.monitoring);
  }
  decide_all(out);
  return out;
}

}  // namespace peira::abtest
