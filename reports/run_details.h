// What a report says of a run beyond its record: how long, how much, how sure, what failed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/calibration.h"

namespace peira::reports {

// How values spread, in numbers and as a histogram.
struct Distribution {
  std::string name;  // "Latency"
  std::string unit;  // "s", "tokens"
  std::int64_t count = 0;
  double mean = 0, smallest = 0, median = 0, p90 = 0, p95 = 0, p99 = 0, largest = 0;
  // Bins of equal width from `bins_low`; what lies above the last edge is counted in the last bin.
  double bins_low = 0, bin_width = 0;
  std::vector<std::int64_t> bins;
  bool last_is_open = false;  // the last bin holds values above its upper edge
};

// `values` summed up; empty for none. The histogram reaches to the 99th percentile, so that one
// slow answer does not flatten it, on edges that are round numbers.
// throws Error(kData) "NonFiniteInput".
std::optional<Distribution> distribution_of(const std::string& name, const std::string& unit,
                                            std::span<const double> values);

// Failed answers of one kind.
struct FailureGroup {
  std::string reason;  // one line
  std::int64_t count = 0;
  std::vector<std::string> sample_ids;  // the first ones
};

// Stated confidence against correctness.
struct Calibration {
  std::string source;  // what the confidences are: "probability of the chosen option"
  std::int64_t num_answers = 0;
  stats::CalibrationError error;  // ten bins of equal width
  std::optional<stats::CalibrationInterval> interval;
  double brier = 0;
  std::optional<double> auroc;  // empty when all answers are right, or all wrong
};

// confidences, correct  [n], as for stats::calibration_error; empty for no answers.
std::optional<Calibration> calibration_of(const std::string& source,
                                          std::span<const double> confidences,
                                          std::span<const double> correct, std::uint64_t seed);

// What a run came to at the prices of its day.
struct Cost {
  double dollars = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;  // that were paid for
  double input_price = 0, output_price = 0;               // dollars a million tokens
};

struct RunDetails {
  std::vector<Distribution> distributions;
  std::vector<FailureGroup> failures;  // most frequent first, then by reason
  std::optional<Calibration> calibration;
  std::optional<Cost> cost;  // of the whole run, where prices are known
};

}  // namespace peira::reports
