#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "evals/gate/gate.h"
#include "evals/gate/quantile_pairs.h"
#include "evals/gate/tests.h"
#include "evals/gate/values.h"
#include "stats/distributions.h"
#include "stats/gatekeeping.h"
#include "stats/quantiles.h"

namespace peira::evals {
namespace {

using detail::ClusteredPair;
using detail::ClusteredValue;
using detail::Estimate;
using detail::OneSided;
using detail::UnitValue;
using detail::UnitValues;

constexpr double kPower = 0.8;

std::string number(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

[[noreturn]] void refuse(const Gate& gate, const std::string& what) {
  throw Error(ErrorCode::kUsage, "gate " + gate.text() + ": " + what);
}

bool is_relative(const Gate& gate) {
  return gate.kind == GateKind::kNoWorse || gate.kind == GateKind::kEquivalent;
}

// Whether the metric is a share of [0, 1].
bool is_share_metric(const std::string& metric) {
  return !metric.starts_with("latency") && metric != "cost" && metric != "prompt_tokens" &&
         metric != "completion_tokens";
}

void check_gate(const Gate& gate) {
  if (!(gate.weight > 0) || !std::isfinite(gate.weight)) refuse(gate, "a weight is above 0");
  if (gate.min_items && *gate.min_items < 1) refuse(gate, "min_items is at least 1");
  if (!std::isfinite(gate.bound)) refuse(gate, "the bound is not a number");
  const bool is_share = is_share_metric(gate.target.metric);
  if (is_relative(gate)) {
    if (!(gate.bound > 0) || (is_share && gate.bound >= 1)) {
      refuse(gate, "a margin is above 0, in the metric's units\n  try: 0.01 for one point");
    }
    return;
  }
  if (is_share && !(gate.bound > 0 && gate.bound < 1)) {
    refuse(gate,
           "a share is shown to lie beyond a bound between 0 and 1, ends excluded\n  try: "
           "--max " +
               gate.target.text() + "=0.01, or 0.99 for a --min");
  }
  if (!is_share && !(gate.bound > 0)) refuse(gate, "the bound must be above 0");
}

void check_families(const GatePolicy& policy) {
  const auto refuse_family = [](const GateFamily& family, const std::string& what) {
    throw Error(ErrorCode::kUsage, "family \"" + family.name + "\": " + what);
  };
  double shares = 0;
  std::set<std::string> names;
  for (std::size_t f = 0; f < policy.families.size(); ++f) {
    const GateFamily& family = policy.families[f];
    if (!names.insert(family.name).second) refuse_family(family, "there are two of that name");
    if (f == 0 && family.share != 0) {
      refuse_family(family, "the first family has the share that the others leave");
    }
    if (!(family.share >= 0 && family.share < 1)) {
      refuse_family(family, "a share of alpha lies between 0 and 1");
    }
    shares += family.share;
    const bool has_gate = std::any_of(policy.gates.begin(), policy.gates.end(),
                                      [f](const Gate& gate) { return gate.family == f; });
    if (!has_gate) refuse_family(family, "no gate is in it");
  }
  if (shares >= 1) {
    refuse_family(policy.families.back(), "the later families' shares leave none to the first");
  }
  for (const Gate& gate : policy.gates) {
    if (gate.family >= std::max<std::size_t>(1, policy.families.size())) {
      refuse(gate, "is in no family");
    }
  }
}

std::vector<ClusteredValue> column(const std::vector<UnitValue>& units, double UnitValue::*member) {
  std::vector<ClusteredValue> values;
  values.reserve(units.size());
  for (const UnitValue& unit : units) values.push_back({unit.cluster, unit.*member});
  return values;
}

// Units of both runs with the same question.
struct PairedUnits {
  std::vector<std::pair<const UnitValue*, const UnitValue*>> pairs;  // baseline, candidate
  std::int64_t num_scored = 0;                                       // with a value on both sides
};

PairedUnits pair_units(const UnitValues& baseline, const UnitValues& candidate) {
  std::unordered_map<std::string_view, const UnitValue*> by_id;
  for (const UnitValue& unit : baseline.units) by_id.emplace(unit.id, &unit);
  PairedUnits out;
  for (const UnitValue& unit : candidate.units) {
    const auto found = by_id.find(unit.id);
    if (found == by_id.end()) continue;
    out.pairs.emplace_back(found->second, &unit);
    out.num_scored += found->second->value.has_value() && unit.value.has_value();
  }
  return out;
}

// Which end a pair's failures are set to; the difference is oriented so that larger is better.
enum class Failures { kLeftOut, kWorst, kBest };

std::vector<ClusteredPair> oriented(const PairedUnits& units, bool higher_is_better,
                                    Failures failures) {
  std::vector<ClusteredPair> pairs;
  pairs.reserve(units.pairs.size());
  for (const auto& [baseline, candidate] : units.pairs) {
    double before = 0;
    double after = 0;
    if (failures == Failures::kLeftOut) {
      if (!baseline->value || !candidate->value) continue;
      before = *baseline->value;
      after = *candidate->value;
    } else {
      const bool low_candidate = (failures == Failures::kWorst) == higher_is_better;
      after = low_candidate ? candidate->lowest : candidate->highest;
      before = low_candidate ? baseline->highest : baseline->lowest;
    }
    pairs.push_back(higher_is_better ? ClusteredPair{candidate->cluster, before, after}
                                     : ClusteredPair{candidate->cluster, after, before});
  }
  return pairs;
}

// What more data would have to overcome.
struct Planning {
  double distance = 0;  // of the estimate from where the verdict turns
  double std_error = 0;
  std::int64_t num_units = 0, num_clusters = 0;
  double sampling_share = 0;  // of the variance: what more epochs average out
  double epochs = 1;
};

void plan(const Planning& planning, double alpha, GateResult& result) {
  if (!(planning.std_error > 0) || !(planning.distance > 0) || planning.num_clusters < 2) return;
  const auto df = static_cast<double>(planning.num_clusters - 1);
  const double reach = stats::t_quantile(1 - alpha, df) + stats::t_quantile(kPower, df);
  const double ratio = std::pow(reach * planning.std_error / planning.distance, 2);
  const double questions = std::ceil(ratio * static_cast<double>(planning.num_units));
  if (questions > 1e9) return;
  // An estimate that was far enough, but for a test that is less sure than t: one more at least.
  result.questions_needed = std::max(static_cast<std::int64_t>(questions), planning.num_units + 1);
  const double room = 1 / ratio - (1 - planning.sampling_share);
  if (planning.sampling_share <= 0 || room <= 0) return;
  const double epochs = std::ceil(planning.sampling_share * planning.epochs / room);
  if (epochs < 1e6) {
    result.epochs_needed =
        std::max(static_cast<std::int64_t>(epochs), static_cast<std::int64_t>(planning.epochs) + 1);
  }
}

// Share of the variance of a mean that is noise between answers to one question.
double sampling_share(double noise_sum, std::int64_t count, double std_error) {
  if (count == 0 || !(std_error > 0)) return 0;
  const auto n = static_cast<double>(count);
  return std::clamp(noise_sum / n / (n * std_error * std_error), 0.0, 1.0);
}

double noise_of(const UnitValue& unit) {
  return unit.num_answers > 1 ? unit.within / unit.num_answers : 0;
}

void judge_level(const UnitValues& values, double alpha, GateResult& result) {
  const Gate& gate = result.gate;
  const bool is_quantile = detail::quantile_of(gate.target.metric).has_value();
  const double bound = is_quantile ? *detail::quantile_of(gate.target.metric) : gate.bound;
  // A quantile is at most t when at least that share of the values is.
  const bool shows_above = (gate.kind == GateKind::kMin) != is_quantile;
  const auto lowest = column(values.units, &UnitValue::lowest);
  const auto highest = column(values.units, &UnitValue::highest);
  const OneSided low = detail::test_mean(lowest, bound, values.is_share);
  const OneSided high = detail::test_mean(highest, bound, values.is_share);
  result.pass_p = shows_above ? low.above : high.below;
  result.fail_p = shows_above ? high.below : low.above;

  std::vector<ClusteredValue> scored;
  double noise = 0;
  int answers = 0;
  for (const UnitValue& unit : values.units) {
    if (!unit.value) continue;
    scored.push_back({unit.cluster, *unit.value});
    noise += noise_of(unit);
    answers += unit.num_answers;
  }
  if (scored.empty()) return;
  const Estimate estimate = detail::estimate_mean(scored, values.is_share, alpha);
  result.num_clusters = estimate.num_clusters;
  result.estimate = estimate.value;
  result.method = estimate.method;
  if (estimate.has_interval) {
    result.low = estimate.interval.low;
    result.high = estimate.interval.high;
  }
  if (is_quantile && !values.measurements.empty()) {
    const stats::QuantileInterval quantile =
        stats::quantile_interval(values.measurements, bound, 1 - 2 * alpha);
    result.estimate = quantile.estimate;
    result.low = std::isfinite(quantile.low) ? std::optional(quantile.low) : std::nullopt;
    result.high = std::isfinite(quantile.high) ? std::optional(quantile.high) : std::nullopt;
    result.method = "order statistics";
  }
  const double error = estimate.std_error.value_or(0);
  plan({.distance = std::abs(estimate.value - bound),
        .std_error = error,
        .num_units = estimate.num_units,
        .num_clusters = estimate.num_clusters,
        .sampling_share = sampling_share(noise, estimate.num_units, error),
        .epochs = static_cast<double>(answers) / static_cast<double>(scored.size())},
       alpha, result);
}

void judge_pairs(const UnitValues& baseline, const UnitValues& candidate, double alpha,
                 GateResult& result) {
  const Gate& gate = result.gate;
  const PairedUnits units = pair_units(baseline, candidate);
  result.num_items = units.num_scored;
  const bool up = candidate.higher_is_better;
  const bool is_share = candidate.is_share;
  const auto worst = oriented(units, up, Failures::kWorst);
  const auto best = oriented(units, up, Failures::kBest);
  const double margin = gate.bound;
  if (gate.kind == GateKind::kNoWorse) {
    result.pass_p = detail::test_difference(worst, -margin, is_share).above;
    result.fail_p = detail::test_difference(best, 0, is_share).below;
  } else {
    result.pass_p = std::max(detail::test_difference(worst, -margin, is_share).above,
                             detail::test_difference(best, margin, is_share).below);
    // Either side may be overstepped: two tests.
    result.fail_p =
        std::min(1.0, 2 * std::min(detail::test_difference(best, -margin, is_share).below,
                                   detail::test_difference(worst, margin, is_share).above));
  }
  const auto scored = oriented(units, up, Failures::kLeftOut);
  if (scored.empty()) return;
  const Estimate estimate = detail::estimate_difference(scored, is_share, alpha);
  result.num_clusters = estimate.num_clusters;
  const double sign = up ? 1 : -1;
  result.estimate = sign * estimate.value;
  result.method = estimate.method;
  if (estimate.has_interval) {
    result.low = up ? estimate.interval.low : -estimate.interval.high;
    result.high = up ? estimate.interval.high : -estimate.interval.low;
  }
  double noise = 0;
  std::int64_t answers = 0;
  for (const auto& [before, after] : units.pairs) {
    noise += noise_of(*before) + noise_of(*after);
    answers += after->num_answers;
  }
  double distance = std::abs(estimate.value) - margin;
  if (gate.kind == GateKind::kNoWorse) {
    distance = estimate.value > -margin ? estimate.value + margin : std::abs(estimate.value);
  }
  const double error = estimate.std_error.value_or(0);
  plan({.distance = std::abs(distance),
        .std_error = error,
        .num_units = estimate.num_units,
        .num_clusters = estimate.num_clusters,
        .sampling_share = sampling_share(noise, estimate.num_units, error),
        .epochs = static_cast<double>(answers) / static_cast<double>(units.pairs.size())},
       alpha, result);
}

// A quantile of what is measured, lower being better.
void judge_quantile_pairs(const GateArm& baseline, const GateArm& candidate, double alpha,
                          GateResult& result) {
  const Gate& gate = result.gate;
  const detail::QuantileChange change =
      detail::quantile_change(baseline, candidate, gate.target,
                              *detail::quantile_of(gate.target.metric), gate.bound, alpha);
  result.num_items = change.num_pairs;
  result.num_clusters = change.num_clusters;
  if (change.num_pairs == 0) return;
  result.estimate = change.estimate;
  if (change.method.empty()) return;
  result.method = change.method;
  result.low = change.interval.low;
  result.high = change.interval.high;
  double distance = std::abs(change.estimate) - gate.bound;
  if (gate.kind == GateKind::kNoWorse) {
    result.pass_p = change.slower_by_margin;
    result.fail_p = change.slower_at_all;
    distance = change.estimate < gate.bound ? gate.bound - change.estimate : change.estimate;
  } else {
    result.pass_p = std::max(change.slower_by_margin, change.faster_by_margin);
    result.fail_p = std::min(1.0, 2 * std::min(change.within_above, change.within_below));
  }
  plan({.distance = std::abs(distance),
        .std_error = change.std_error,
        .num_units = change.num_pairs,
        .num_clusters = change.num_clusters},
       alpha, result);
}

// One answer to questions of different gold, or none to any: a broken model or reader.
std::string degenerate(const GateArm& arm) {
  std::set<std::string_view> answers, golds;
  std::int64_t read = 0;
  for (const SampleOutcome& outcome : arm.outcomes) {
    if (golds.size() < 2) golds.insert(outcome.gold);
    if (outcome.score.state != AnswerState::kScored) continue;
    ++read;
    if (answers.size() < 2) answers.insert(outcome.score.answer);
  }
  if (read == 0) return "no answer could be read from any reply of run " + arm.record.run_id;
  if (answers.size() == 1 && golds.size() > 1 && read > 1) {
    return "run " + arm.record.run_id + " gives the same answer everywhere";
  }
  return "";
}

// Why the run cannot stand for its suite, whatever its numbers; "" when it can.
std::string unfit(const GateArm& arm, const char* which) {
  const RunRecord& run = arm.record;
  const std::string name = std::string(which) + " run " + run.run_id;
  if (!run.complete) return name + " is incomplete";
  return "";
}

// Why the gate cannot pass though it may fail; "" when it may pass.
std::string vacuous(const GateArm& arm, const Gate& gate, const UnitValues& values,
                    std::int64_t num_items, const char* which) {
  const RunRecord& run = arm.record;
  const std::string name = std::string(which) + " run " + run.run_id;
  if (run.decision && run.decision->stopped_early()) return name + " was stopped early";
  if (gate.min_items && num_items < *gate.min_items) {
    return std::to_string(num_items) + " questions scored, " + std::to_string(*gate.min_items) +
           " declared (min_items)";
  }
  if (!gate.min_items && run.limited) return name + " is limited: not every question was asked";
  if (std::string why = degenerate(arm); !why.empty()) return why;
  if (values.num_unmeasured > 0) {
    return std::to_string(values.num_unmeasured) + " answers of " + name +
           " came without token counts";
  }
  const bool measures = !is_share_metric(gate.target.metric) || !values.measurements.empty();
  if (measures) {
    const auto is_zero = [](double value) { return value == 0; };
    const bool none =
        values.measurements.empty()
            ? std::all_of(values.units.begin(), values.units.end(),
                          [](const UnitValue& unit) { return unit.value.value_or(0) == 0; })
            : std::all_of(values.measurements.begin(), values.measurements.end(), is_zero);
    if (none) return name + " has no " + gate.target.metric + " measured";
  }
  return "";
}

std::int64_t count_questions(const GateArm& arm) {
  std::int64_t count = 0;
  std::int64_t last = -1;
  for (const SampleOutcome& outcome : arm.outcomes) {
    count += count == 0 || outcome.row != last;
    last = outcome.row;
  }
  return count;
}

void hold_back(GateResult& result, const std::string& why) {
  result.vacuous = true;
  result.why = why;
}

GateResult judge(const Gate& gate, const GatePolicy& policy, const GateArm* candidate,
                 const GateArm* baseline) {
  GateResult result;
  result.gate = gate;
  const double alpha = policy.alpha;
  if (candidate == nullptr) {
    hold_back(result, "no run of suite " + gate.target.suite + " was given");
    return result;
  }
  result.run_id = candidate->record.run_id;
  if (std::string why = unfit(*candidate, "the"); !why.empty()) {
    hold_back(result, why);
    return result;
  }
  const UnitValues values = detail::unit_values(*candidate, gate.target, gate.bound);
  result.num_items = values.num_scored;
  if (values.num_in_cell == 0) {
    hold_back(result, gate.target.field.empty()
                          ? "the run has no questions"
                          : "no question has " + gate.target.field + " = " + gate.target.value);
    return result;
  }
  std::string why;
  if (is_relative(gate)) {
    if (baseline == nullptr) {
      hold_back(result, "there is no baseline " + gate.baseline + " of suite " + gate.target.suite);
      return result;
    }
    result.baseline_id = baseline->record.run_id;
    if (result.baseline_id == result.run_id || baseline->replies == candidate->replies) {
      hold_back(result, "the baseline " + result.baseline_id + " has the candidate's own replies");
      return result;
    }
    if (why = unfit(*baseline, "the baseline"); !why.empty()) {
      hold_back(result, why);
      return result;
    }
    const UnitValues before = detail::unit_values(*baseline, gate.target, gate.bound);
    if (detail::quantile_of(gate.target.metric)) {
      judge_quantile_pairs(*baseline, *candidate, alpha, result);
    } else {
      judge_pairs(before, values, alpha, result);
    }
    result.flips = explain_flips(*baseline, *candidate);
    why = vacuous(*baseline, gate, before, result.num_items, "the baseline");
    if (why.empty() && !gate.min_items && count_questions(*baseline) < baseline->num_rows) {
      why = "the baseline run was asked " + std::to_string(count_questions(*baseline)) + " of " +
            std::to_string(baseline->num_rows) + " questions";
    }
    if (why.empty() && result.num_items == 0) why = "no question was answered in both runs";
    if (const auto quantile = detail::quantile_of(gate.target.metric);
        why.empty() && !result.low && quantile) {
      why = "a difference of " + gate.target.metric + " needs " +
            std::to_string(detail::fewest_clusters(*quantile)) +
            " independent questions, there are " + std::to_string(result.num_clusters);
    }
  } else {
    judge_level(values, alpha, result);
    if (result.num_items == 0) why = "no question was answered";
  }
  if (why.empty()) why = vacuous(*candidate, gate, values, result.num_items, "the");
  if (why.empty() && !gate.min_items && count_questions(*candidate) < candidate->num_rows) {
    why = "the run was asked " + std::to_string(count_questions(*candidate)) + " of " +
          std::to_string(candidate->num_rows) + " questions of its dataset";
  }
  if (!why.empty()) hold_back(result, why);
  return result;
}

// The families' shares of alpha; of a policy without families all is one's.
std::vector<double> shares_of(const GatePolicy& policy) {
  std::vector<double> shares{1};
  for (std::size_t f = 1; f < policy.families.size(); ++f) {
    shares.push_back(policy.families[f].share);
    shares.front() -= policy.families[f].share;
  }
  return shares;
}

void adjust(const std::vector<double>& shares, std::vector<GateResult>& gates) {
  std::vector<stats::RankedHypothesis> hypotheses;
  for (const GateResult& gate : gates) {
    hypotheses.push_back({gate.fail_p, gate.gate.family, gate.gate.weight});
  }
  const std::vector<double> adjusted = stats::gatekeeping(hypotheses, shares);
  for (std::size_t i = 0; i < gates.size(); ++i) gates[i].fail_p_adjusted = adjusted[i];
}

// Passes and fails what may be; families in their order.
void settle(const GatePolicy& policy, GateReport& report) {
  const std::vector<double> shares = shares_of(policy);
  adjust(shares, report.gates);
  bool all_before_pass = true;
  for (std::size_t f = 0; f < shares.size(); ++f) {
    bool all_pass = true;
    bool any_failed = false;
    for (GateResult& gate : report.gates) {
      if (gate.gate.family != f) continue;
      const bool is_shown = !gate.vacuous && gate.pass_p <= policy.alpha;
      gate.waits_for_family = is_shown && !all_before_pass;
      if (is_shown && all_before_pass) {
        gate.status = GateStatus::kPass;
      } else if (gate.fail_p_adjusted <= policy.alpha) {
        gate.status = GateStatus::kFail;
      }
      any_failed = any_failed || gate.status == GateStatus::kFail;
      all_pass = all_pass && gate.status == GateStatus::kPass;
    }
    all_before_pass = all_before_pass && all_pass;
    if (policy.families.empty()) continue;
    GateFamilyResult family{policy.families[f]};
    family.family.share = shares[f];
    family.status = any_failed ? GateStatus::kFail
                    : all_pass ? GateStatus::kPass
                               : GateStatus::kUndecided;
    report.families.push_back(std::move(family));
  }
}

void explain(GateResult& result, double alpha) {
  if (result.status == GateStatus::kUndecided && result.vacuous) return;
  std::string text;
  if (result.waits_for_family) {
    text = "shown, p = " + number(result.pass_p) +
           ", but it counts only once every family before its own passes";
  } else if (result.status == GateStatus::kUndecided && result.fail_p <= alpha) {
    text = "refuted by itself, p = " + number(result.fail_p) +
           ", but not among all gates, p = " + number(result.fail_p_adjusted) + " after correction";
  } else if (result.status == GateStatus::kPass) {
    text = "shown, p = " + number(result.pass_p);
    const bool has_ends = result.low && result.high;
    if (is_relative(result.gate) && has_ends) {
      const bool up =
          result.gate.target.metric == "accuracy" || result.gate.target.metric.starts_with("pass@");
      const double low = up ? *result.low : -*result.high;
      const double high = up ? *result.high : -*result.low;
      if (low > 0) text += "; improved";
      if (high < 0) text += "; significantly worse, but within the margin";
    }
  } else if (result.status == GateStatus::kFail) {
    // A loss is what was shown; that it is beyond the margin need not be.
    text = (result.gate.kind == GateKind::kNoWorse
                ? "significantly worse, and a loss beyond the margin is not excluded, p = "
                : "refuted, p = ") +
           number(result.fail_p_adjusted) + " after correction";
  } else {
    text = "neither shown (p = " + number(result.pass_p) +
           (result.gate.kind == GateKind::kNoWorse ? ") nor significantly worse (p = "
                                                   : ") nor refuted (p = ") +
           number(result.fail_p_adjusted) + ") at " + number(alpha);
    if (result.questions_needed) {
      text += "; about " + std::to_string(*result.questions_needed) + " questions";
      if (result.epochs_needed) {
        text += ", or " + std::to_string(*result.epochs_needed) + " epochs of these,";
      }
      text += " would decide four times in five if the estimate is true";
    }
  }
  if (result.flips && result.flips->total() > 0) text += "; " + flips_sentence(*result.flips);
  result.why = text;
}

std::string headline_of(const GateReport& report) {
  std::int64_t passed = 0;
  const GateResult* failed = nullptr;
  const GateResult* open = nullptr;
  for (const GateResult& gate : report.gates) {
    passed += gate.status == GateStatus::kPass;
    if (gate.status == GateStatus::kFail && failed == nullptr) failed = &gate;
    if (gate.status == GateStatus::kUndecided && open == nullptr) open = &gate;
  }
  const std::string of = std::to_string(passed) + " of " + std::to_string(report.gates.size()) +
                         (report.gates.size() == 1 ? " gate passes" : " gates pass");
  if (failed != nullptr)
    return "Failed: " + failed->gate.text() + ": " + failed->why + " (" + of + ").";
  if (open != nullptr)
    return "Undecided: " + open->gate.text() + ": " + open->why + " (" + of + ").";
  return "Passed: " + of + ".";
}

}  // namespace

void check_policy(const GatePolicy& policy) {
  if (policy.gates.empty()) {
    throw Error(ErrorCode::kUsage,
                "there is no gate to judge\n  try: --min gpqa=0.80, or --policy FILE");
  }
  if (!(policy.alpha > 0 && policy.alpha < 0.5)) {
    throw Error(ErrorCode::kUsage,
                "alpha is " + number(policy.alpha) + ", must lie between 0 and 0.5");
  }
  for (const Gate& gate : policy.gates) check_gate(gate);
  check_families(policy);
}

GateReport evaluate(
    const GatePolicy& policy, std::span<const GateArm> candidates,
    const std::map<std::pair<std::string, std::string>, const GateArm*>& baselines) {
  check_policy(policy);
  std::map<std::string, const GateArm*> by_suite;
  for (const GateArm& arm : candidates) {
    const auto [entry, fresh] = by_suite.emplace(arm.record.suite, &arm);
    if (!fresh) {
      throw Error(ErrorCode::kUsage, "runs " + entry->second->record.run_id + " and " +
                                         arm.record.run_id + " are both of suite " +
                                         arm.record.suite + ": a gate judges one");
    }
  }
  GateReport report;
  report.alpha = policy.alpha;
  for (const Gate& gate : policy.gates) {
    const auto candidate = by_suite.find(gate.target.suite);
    const auto baseline = baselines.find({gate.baseline, gate.target.suite});
    report.gates.push_back(judge(gate, policy,
                                 candidate == by_suite.end() ? nullptr : candidate->second,
                                 baseline == baselines.end() ? nullptr : baseline->second));
  }
  settle(policy, report);
  bool any_failed = false;
  bool all_passed = true;
  for (GateResult& gate : report.gates) {
    explain(gate, policy.alpha);
    any_failed = any_failed || gate.status == GateStatus::kFail;
    all_passed = all_passed && gate.status == GateStatus::kPass;
  }
  report.status = any_failed   ? GateStatus::kFail
                  : all_passed ? GateStatus::kPass
                               : GateStatus::kUndecided;
  report.headline = headline_of(report);
  return report;
}

}  // namespace peira::evals
