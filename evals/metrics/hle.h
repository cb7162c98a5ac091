// The figures that the official code of "Humanity's Last Exam" prints, roundings and all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace peira::evals {

// One judged prediction, in the order of the predictions file.
struct HleVerdict {
  bool is_correct = false;
  double confidence = 1;  // as a fraction: the judge's percentage / 100, never clamped
};

struct HleFigures {
  double accuracy = 0;    // per cent, two decimals; of all rows: a missing prediction is wrong
  double half_width = 0;  // per cent, of the interval by the rounded accuracy
  // Per cent. Empty below 100 verdicts, where the official code fails.
  std::optional<double> calibration_error;
};

// verdicts  those there are; at most num_rows.
// num_rows  questions of the data set, at least 1.
// throws    Error(kUsage): more verdicts than rows, or no rows.
// source    centerforaisafety/hle 67b3251, hle_eval/run_judge_results.py: bins of 100 verdicts by
//           rising confidence, the rest in the last bin, which the sum leaves out. Its sort is not
//           stable and ties are common; ours is, so that figures may differ by a point.
HleFigures hle_figures(std::span<const HleVerdict> verdicts, std::int64_t num_rows);

}  // namespace peira::evals
