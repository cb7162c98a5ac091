// One benchmark number night after night: is tonight worse, has it drifted, or is it noise?
//
// Two watches on each series, whose false alarms are stated beforehand:
//   drop   tonight against the pooled previous good nights, paired by question, at a level that
//          online control of the false discovery rate leaves after all earlier tests of all series;
//   drift  a detector that adds up small evidence over nights, with a stated average time between
//          false alarms over all series together.
// Pure: numbers in, verdicts out. What a night says depends on the nights before it alone, so that
// judging them again one by one gives the same words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "stats/online_fdr.h"

namespace peira::evals {

enum class SeriesVerdict {
  kTooLittleHistory,  // nothing to compare with yet
  kSteady,
  kDropped,   // tonight is worse, at the level that months of nights leave
  kDrifted,   // worse since an earlier night; stays until it recovers or is accepted
  kImproved,  // better: a jump of four standard errors, or since an earlier night
  kUndecided  // tonight has no complete run that could be compared
};
// "too little history", "steady", "dropped", "drifted", "improved", "undecided".
std::string_view to_string(SeriesVerdict verdict);
// throws Error(kData): none of these.
SeriesVerdict series_verdict_from(std::string_view name);

// What a night measured: one number a question.
struct NightValues {
  std::string night;  // "2026-11-26"; nights come in rising order
  std::string run_id;
  std::string identity;  // of the run's manifest
  std::string basis;     // what nights must share to be compared: questions and scorer
  bool complete = true;
  std::string why_incomplete = {};  // one line
  // A night whose gates failed is reference only while fewer than min_nights others are.
  bool gates_passed = true;
  // The reference begins anew at this night (inclusive): somebody accepted a change. "" otherwise.
  std::string accepted_from = {};
  std::vector<std::uint64_t> questions = {};  // [n] a key of each question's id, each once
  std::vector<double> values = {};            // [n] finite
  std::vector<std::int64_t> clusters = {};    // [n] equal for questions that may be correlated
};

// Key of a question: 64 bits of its id's hash, the same on every machine.
std::uint64_t question_key(std::string_view id);

// How much estimates of runs with equal manifests differ (A/A runs).
struct NoiseFloor {
  double std_dev = 0;  // of one run's estimate; 0 where equal manifests give equal bytes
  double df = 0;       // degrees of freedom it was measured with; 0 where known, not measured
};
// From the estimates of runs in groups of equal manifests, pooled; empty without two in one group.
std::optional<NoiseFloor> measure_noise_floor(std::span<const std::vector<double>> groups);

struct SeriesOptions {
  bool higher_is_better = true;
  int window = 28;     // good nights pooled as the reference, at most
  int min_nights = 8;  // nights from which their own noise is learnt; 3 at least
  // Runs of equal manifests are byte equal: such a night repeats an earlier one, and is no new
  // evidence.
  bool repeatable = false;
  std::optional<NoiseFloor> noise_floor = {};  // without it, few nights give no verdict
  double run_length =
      1000;            // nights between false alarms of drift, on average, all series together
  int num_series = 1;  // watched together
};

// When and by how much a level changed.
struct LevelChange {
  bool gradual = false;          // a slope from `night` on, not a step
  std::string night;             // first changed night; of a slope, the last unchanged one
  std::string earliest, latest;  // between which `night` lies (95 %)
  double size = 0;               // of the step, or of the slope until tonight
  double low = 0, high = 0;      // 95 %, over every plausible `night`
};

// How fast evidence is bet on shifts of so many standard deviations a night.
inline constexpr std::array<double, 5> kDriftBets{0.25, 0.5, 1, 2, 3};

// What was said of one night of one series, and all that later nights need of it.
struct NightJudgement {
  std::string night, run_id, identity, basis;
  std::string accepted_from;
  SeriesVerdict verdict = SeriesVerdict::kTooLittleHistory;
  std::string sentence;  // one line: the verdict with its numbers
  bool counted = false;  // new evidence: complete, and no repetition of an earlier night
  bool green = false;    // may serve as reference
  bool begins = false;   // first of a new reference: nothing before it is compared with

  std::int64_t num_questions = 0;
  double estimate = 0;              // tonight's own mean
  std::optional<double> low, high;  // its 95 % interval: Wilson's, or clustered
  double level = 0;  // estimate as it would be over the questions of the nights before

  // Tonight less the reference; empty without one. `worse` is its sign when higher is better.
  std::optional<double> difference, std_error, df;
  std::optional<double> difference_low, difference_high;  // 95 %
  std::int64_t reference_nights = 0;
  double sampling_error = 0;          // standard error of the difference from questions alone
  std::optional<double> night_noise;  // learnt: standard deviation between nights beyond that
  std::optional<double> p;            // one-sided: tonight is no worse
  std::optional<double> test_level;   // what p had to be at most
  std::optional<double> z;            // against all nights of the level, for the detectors

  // Control chart: where nights lie when nothing changes (99.73 %).
  std::optional<double> center, limit_low, limit_high;

  // Logarithms of the detectors' values, a bet each; -infinity before any evidence.
  std::array<double, kDriftBets.size()> down, up;
  double log_alarm = 0;  // logarithm of what the mean over bets had to reach
  // While a drift lasts, also over nights without a verdict of their own.
  bool drifting = false;
  std::optional<LevelChange> change;  // with `drifting`, and with kImproved since a night
  std::string alarm_night;            // when the drift was noticed
  // Log evidence that the old level is back, and the night from which it grew.
  double recovery = 0;
  std::string recovery_from;
  bool recovered = false;  // tonight it sufficed: the nights of the drift are left out from now on

  NightJudgement();
};

// Exact: from_json(to_json(j)) judges later nights to the same bits.
Json to_json(const NightJudgement& judgement);
// throws Error(kData) naming `where`.
NightJudgement night_judgement_from(const Json& value, const std::string& where);

// Which of `history` (one series, oldest first) serve as tonight's reference: rising indices.
std::vector<std::size_t> reference_nights(std::span<const NightJudgement> history,
                                          const NightValues& tonight, const SeriesOptions& options);

// Judges tonight.
//
// history    the series' earlier nights, oldest first, as judged.
// reference  the values of the nights that reference_nights() names, in that order.
// stream     tests of all series so far; moved on by at most one. Series of one night come in a
//            fixed order.
// throws     Error(kUsage): tonight is not after the last night, or options out of range;
//            Error(kData): values and questions differ in number, or a value is not finite.
//
// Drop. D = mean over questions in common of tonight less the reference's mean. The p-value is the
// largest of those from the standard error over questions (clustered, t with clusters - 1), from
// the spread of the reference nights' levels (S sqrt(1 + 1/W), t with W - 1: exact for any variance
// between nights), and from the noise floor; so noise that all questions of a night share is never
// taken for a change. Of fewer than min_nights nights nothing is judged where the noise floor is
// not known. Where it is, the spread of the nights is taken to be what it was so far, 3 points at
// least: a floor of zero, of runs that are equal to the byte, says nothing of how much nights of
// different manifests differ.
// Drift. Tonight's level against the mean of all earlier ones of this level is a recursive
// residual, t with m - 1 degrees of freedom, independent of the earlier residuals when nothing
// changes (Quesenberry 1991); as normal score z it enters Shiryaev-Roberts detectors R = (1 + R')
// exp(b z - b^2/2), one for each of kDriftBets, whose mean is an e-detector: the average run length
// to 1/alpha is at least 1/alpha (Shin, Ramdas and Rinaldo 2023, arXiv:2203.03532). Alarm at
// run_length x num_series: the mean over series is an e-detector too, whatever their dependence.
// A drift is over once the nights since its alarm are, together, a hundred times likelier at the
// old level than at the new one. An improvement since a night becomes the reference by itself, a
// worsening only when accepted.
NightJudgement judge_night(std::span<const NightJudgement> history, const NightValues& tonight,
                           std::span<const NightValues> reference, stats::OnlineState& stream,
                           const SeriesOptions& options);

// A series for a report: points in the order of nights, with control limits where there are some.
struct SeriesReport {
  std::string suite, model, variant, metric;
  bool higher_is_better = true;
  std::vector<NightJudgement> nights;  // the last is tonight
};

}  // namespace peira::evals
