// The analysis of an experiment: is the assignment sound, what moved, and what follows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "abtest/comparison.h"
#include "abtest/metric.h"
#include "stats/srm.h"

namespace peira::abtest {

// One variant as it was exposed and measured.
struct ArmInput {
  std::string key;
  double weight = 1;           // share of the split, any scale; 0: gets no units
  std::int64_t num_units = 0;  // exposed, whether measured or not: what the ratio check counts
  std::map<std::string, ArmData> metrics =
      {};  // by the metric's name; missing: nothing was measured
};

struct AnalysisInput {
  std::vector<ArmInput> arms;  // the control first
  std::vector<Metric> metrics;
  std::int64_t num_crossovers = 0;  // units seen in two variants: excluded from the arms
  std::int64_t num_unexposed = 0;   // outcomes of units never exposed: excluded
  std::int64_t num_early = 0;       // outcomes before their unit's exposure: excluded
};

struct AnalysisOptions {
  ComparisonOptions comparison;
  double srm_threshold = 0.001;
  // Share of all units above which crossovers are a warning.
  double crossover_warning = 0.01;
};

enum class MetricVerdict {
  kImproved,      // better, significant after correction
  kWorse,         // worse, significant after correction
  kNoDifference,  // none shown: not the same as none
  kNotWorse,      // guardrail: not worse by its margin
  kHarmed,        // guardrail: worse, and a loss beyond the margin cannot be ruled out
  kUndecided,     // guardrail: neither shown
  kNoTest         // the data allow none; the comparison's `problem` says why
};

const char* to_string(MetricVerdict verdict);

struct MetricResult {
  Metric metric;
  Comparison comparison;
  std::optional<double> p;           // the plan's, before correction
  std::optional<double> adjusted_p;  // Holm over primary, Benjamini-Hochberg over secondary ones
  bool significant = false;          // adjusted p < alpha
  MetricVerdict verdict = MetricVerdict::kNoTest;
};

enum class Decision {
  kShip,         // a variant is better on a primary metric, worse on none, and guardrails hold
  kKeepControl,  // every variant is worse on a primary metric or harms a guardrail
  kUndecided,
  kInvalid  // the assignment is broken: no result counts
};

const char* to_string(Decision decision);

struct VariantDecision {
  std::string variant;
  Decision decision = Decision::kUndecided;
  std::string reason;
};

struct Analysis {
  std::vector<std::string> arms;  // the control first
  std::vector<std::int64_t> num_units;
  std::optional<stats::SrmResult> srm;  // empty when no unit was exposed
  bool srm_failed = false;              // no verdict is given then
  // By metric, then variant.
  std::vector<MetricResult> results;
  std::vector<VariantDecision> variants;
  Decision decision = Decision::kUndecided;
  std::optional<std::string> winner;  // the variant to ship
  std::string reason;                 // one sentence
  std::vector<std::string> warnings;
  Monitoring monitoring = Monitoring::kFixed;
  double alpha = 0.05;
};

// Order: sample ratio mismatch; exposure integrity; each metric and variant against the control;
// correction for many looks (Holm over primary metrics x variants, Benjamini and Hochberg over
// secondary ones; guardrails are non-inferiority tests, uncorrected: each of them must pass);
// verdicts.
//
// With kGroupSequential, alpha is split evenly over the primary comparisons, as a boundary has no
// p-value to adjust.
//
// throws  Error(kUsage): fewer than two arms, equal keys, a bad metric or option.
Analysis analyze(const AnalysisInput& input, const AnalysisOptions& options = {});

}  // namespace peira::abtest
