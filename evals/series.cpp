#include "evals/series.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "evals/level_change.h"
#include "stats/clustered_mean.h"
#include "stats/distributions.h"
#include "stats/intervals.h"
#include "stats/moments.h"

namespace peira::evals {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
constexpr double kOutside = 0.00134989803163009;  // beyond three standard deviations, a side
constexpr double kJump = 3.16712418331199e-05;    // beyond four, a side
constexpr double kRecovered = 100;                // times likelier that a drift is over
constexpr double kKnown = 1e9;                    // degrees of freedom of what was not measured
// Standard deviation between nights that is taken for granted until theirs is learnt: a guess, wide
// enough for checkpoints of one training. How much runs of equal manifests differ, be it nothing,
// says nothing of how much nights of different ones do.
constexpr double kUnlearntNoise = 0.03;
constexpr double kLeastCommon = 0.5;  // share of questions both sides must have

// How large a difference could be when nothing changed, by one view of the noise.
struct Noise {
  double std_error = 0;
  double df = 0;
};

double tail(double t, double df) { return stats::t_upper_tail(t, df); }

// Of several views, the one that explains `difference` best: no noise is mistaken for a change
// because another view does not see it.
const Noise& most_lenient(const std::vector<Noise>& views, double difference) {
  return *std::max_element(views.begin(), views.end(), [&](const Noise& a, const Noise& b) {
    const double size = std::abs(difference);
    // Of nothing every view explains all: the wider one then.
    if (size == 0) return a.std_error < b.std_error;
    return tail(size / a.std_error, a.df) < tail(size / b.std_error, b.df);
  });
}

// The nights of one series that belong together: what tonight is held against.
struct Level {
  std::vector<std::size_t> nights;     // counted ones, all of the level
  std::vector<std::size_t> baseline;   // those that nothing was wrong with
  std::vector<std::size_t> reference;  // of these, the ones whose gates passed
};

// Nights whose verdicts no longer count against them.
struct Forgiven {
  std::string from, to;
};

// Replays what was said: begun anew, accepted, improved, recovered.
Level level_of(std::span<const NightJudgement> history, const NightValues& tonight) {
  Level level;
  std::vector<Forgiven> forgiven;
  const auto accept = [&](const std::string& from, const std::string& to) {
    if (from.empty()) return;
    std::erase_if(level.nights, [&](std::size_t i) { return history[i].night < from; });
    forgiven.push_back({from, to});
  };
  for (std::size_t i = 0; i < history.size(); ++i) {
    const NightJudgement& said = history[i];
    if (said.begins) level.nights.clear();
    accept(said.accepted_from, said.night);
    if (said.counted) level.nights.push_back(i);
    if (said.verdict == SeriesVerdict::kImproved && said.change) {
      accept(said.change->gradual ? said.change->latest : said.change->night, said.night);
    }
    if (said.recovered && said.change) {
      std::erase_if(level.nights, [&](std::size_t j) {
        return history[j].night >= said.change->night && history[j].night < said.recovery_from;
      });
      forgiven.push_back({said.recovery_from, said.night});
    }
  }
  accept(tonight.accepted_from, tonight.night);
  if (!level.nights.empty() && history[level.nights.back()].basis != tonight.basis) {
    level.nights.clear();
  }
  for (const std::size_t i : level.nights) {
    const NightJudgement& said = history[i];
    const bool is_forgiven = std::any_of(forgiven.begin(), forgiven.end(), [&](const Forgiven& f) {
      return said.night >= f.from && said.night <= f.to;
    });
    const bool is_bad = said.drifting || said.verdict == SeriesVerdict::kDropped ||
                        said.verdict == SeriesVerdict::kImproved;
    if (is_bad && !is_forgiven) continue;
    level.baseline.push_back(i);
    if (said.green || is_forgiven) level.reference.push_back(i);
  }
  return level;
}

stats::Moments levels_at(std::span<const NightJudgement> history,
                         const std::vector<std::size_t>& nights) {
  stats::Moments levels;
  for (const std::size_t i : nights) levels.add(history[i].level);
  return levels;
}

// Tonight less the mean of the reference nights, question by question.
struct PairedNights {
  double difference = 0;
  std::int64_t num_questions = 0;
  double std_error = 0;  // over clusters of questions; at least one question's weight
  double df = 0;         // 0: a single cluster has no spread
};

PairedNights pair_nights(const NightValues& tonight, std::span<const NightValues> reference) {
  const std::size_t n = tonight.questions.size();
  std::vector<double> sums(n, 0.0);
  std::vector<double> counts(n, 0.0);
  std::unordered_map<std::uint64_t, std::size_t> place;
  for (const NightValues& night : reference) {
    if (night.questions == tonight.questions) {
      for (std::size_t q = 0; q < n; ++q) sums[q] += night.values[q];
      for (std::size_t q = 0; q < n; ++q) counts[q] += 1;
      continue;
    }
    if (place.empty()) {
      for (std::size_t q = 0; q < n; ++q) place.emplace(tonight.questions[q], q);
    }
    for (std::size_t q = 0; q < night.questions.size(); ++q) {
      const auto found = place.find(night.questions[q]);
      if (found == place.end()) continue;
      sums[found->second] += night.values[q];
      counts[found->second] += 1;
    }
  }
  std::vector<double> differences;
  std::vector<std::int64_t> clusters;
  for (std::size_t q = 0; q < n; ++q) {
    if (counts[q] == 0) continue;
    differences.push_back(tonight.values[q] - sums[q] / counts[q]);
    clusters.push_back(tonight.clusters[q]);
  }
  PairedNights paired;
  paired.num_questions = static_cast<std::int64_t>(differences.size());
  if (differences.empty()) return paired;
  const stats::MeanEstimate mean = stats::clustered_mean(differences, clusters);
  paired.difference = mean.mean;
  paired.df = mean.df.value_or(0);
  // A difference is never known better than to one answer.
  paired.std_error =
      std::max(mean.std_error.value_or(0), 1.0 / static_cast<double>(mean.num_scores));
  return paired;
}

double log_add(double a, double b) {  // ln(e^a + e^b)
  if (a < b) std::swap(a, b);
  return b == kNever ? a : a + std::log1p(std::exp(b - a));
}

double log_mean(const std::array<double, kDriftBets.size()>& logs) {
  double sum = kNever;
  for (const double value : logs) sum = log_add(sum, value);
  return sum - std::log(static_cast<double>(logs.size()));
}

// One step of the Shiryaev-Roberts detectors; `worse` is z turned so that more of it is evidence.
void bet(std::array<double, kDriftBets.size()>& logs, double worse) {
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const double b = kDriftBets[i];
    logs[i] = log_add(0, logs[i]) + b * worse - b * b / 2;
  }
}

std::string points(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", 100 * value);
  return text;
}

std::string by_points(double size) {
  return points(std::abs(size)) + (size < 0 ? " points lower" : " points higher");
}

std::string interval_text(double low, double high) {
  return "95 % CI " + points(low) + " to " + points(high);
}

std::string small(double p) {
  char text[32];
  std::snprintf(text, sizeof(text), p < 0.001 ? "%.0e" : "%.3f", p);
  return text;
}

std::string nights_text(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " good night" : " good nights");
}

void check_options(const SeriesOptions& options) {
  const bool good = options.window >= 1 && options.min_nights >= 3 && options.run_length >= 1 &&
                    std::isfinite(options.run_length) && options.num_series >= 1;
  if (!good) {
    throw Error(ErrorCode::kUsage,
                "InvalidArgument: a series needs a window of at least 1, min_nights of at least 3, "
                "run_length and num_series of at least 1");
  }
}

void check_values(const NightValues& values) {
  if (values.values.size() != values.questions.size() ||
      values.clusters.size() != values.questions.size()) {
    throw Error(ErrorCode::kData, "LengthMismatch: night " + values.night + " has " +
                                      std::to_string(values.questions.size()) + " questions, " +
                                      std::to_string(values.values.size()) + " values and " +
                                      std::to_string(values.clusters.size()) + " clusters");
  }
  for (const double value : values.values) {
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::kData, "NonFiniteInput: a value of night " + values.night);
    }
  }
}

// Everything about one judgement, step by step.
class Judge {
 public:
  Judge(std::span<const NightJudgement> history, const NightValues& tonight,
        std::span<const NightValues> reference, stats::OnlineState& stream,
        const SeriesOptions& options)
      : history_(history),
        tonight_(tonight),
        reference_(reference),
        stream_(stream),
        options_(options),
        level_(level_of(history, tonight)),
        sign_(options.higher_is_better ? 1 : -1) {}

  NightJudgement judge() {
    carry_over();
    if (!tonight_.complete || tonight_.questions.empty()) {
      return undecided(tonight_.why_incomplete.empty() ? "no complete run"
                                                       : tonight_.why_incomplete);
    }
    const stats::MeanEstimate own = stats::clustered_mean(tonight_.values, tonight_.clusters);
    out_.num_questions = own.num_scores;
    out_.estimate = out_.level = own.mean;
    set_own_interval(own);
    if (level_.nights.empty()) {
      out_.begins = true;
      reset_detectors();
      out_.counted = true;
      out_.green = tonight_.gates_passed;
      out_.sentence = history_.empty()
                          ? "first night: later ones are compared with it"
                          : "begins anew: the questions or the scorer changed, or nothing is left "
                            "to compare with";
      return out_;
    }
    if (repeats_an_earlier_night()) return out_;
    if (!compare_with_reference()) return out_;
    out_.counted = true;
    detect();
    if (out_.drifting) {
      follow_drift();
    } else {
      decide();
    }
    out_.green = tonight_.gates_passed && !out_.drifting &&
                 out_.verdict != SeriesVerdict::kDropped &&
                 !(out_.verdict == SeriesVerdict::kImproved && !out_.change);
    return out_;
  }

 private:
  // Wilson's where every answer is right or wrong and stands alone, else clustered.
  void set_own_interval(const stats::MeanEstimate& own) {
    const bool binary = std::all_of(tonight_.values.begin(), tonight_.values.end(),
                                    [](double value) { return value == 0 || value == 1; });
    std::optional<stats::Interval> interval = own.t_interval();
    if (binary && own.num_clusters == own.num_scores) {
      const auto n = static_cast<double>(own.num_scores);
      interval = stats::wilson_interval(own.mean * n, n);
    }
    if (!interval) return;
    out_.low = interval->low;
    out_.high = interval->high;
  }

  void reset_detectors() {
    out_.down.fill(kNever);
    out_.up.fill(kNever);
    out_.drifting = false;
    out_.change.reset();
    out_.alarm_night.clear();
    out_.recovery = 0;
    out_.recovery_from.clear();
  }

  void carry_over() {
    out_.night = tonight_.night;
    out_.run_id = tonight_.run_id;
    out_.identity = tonight_.identity;
    out_.basis = tonight_.basis;
    out_.accepted_from = tonight_.accepted_from;
    out_.log_alarm = std::log(options_.run_length * options_.num_series);
    if (history_.empty()) return;
    const NightJudgement& last = history_.back();
    out_.down = last.down;
    out_.up = last.up;
    out_.drifting = last.drifting;
    if (last.drifting) {
      out_.change = last.change;
      out_.alarm_night = last.alarm_night;
      out_.recovery = last.recovery;
      out_.recovery_from = last.recovery_from;
    }
    if (!tonight_.accepted_from.empty()) reset_detectors();
  }

  NightJudgement& undecided(const std::string& why) {
    out_.verdict = SeriesVerdict::kUndecided;
    out_.sentence = "undecided: " + why;
    return out_;
  }

  // The same run, or one equal to it to the byte, is no new evidence, whatever was said of that.
  bool repeats_an_earlier_night() {
    const auto same =
        std::find_if(level_.nights.rbegin(), level_.nights.rend(), [&](std::size_t i) {
          return (!tonight_.run_id.empty() && history_[i].run_id == tonight_.run_id) ||
                 (options_.repeatable && history_[i].identity == tonight_.identity);
        });
    if (same == level_.nights.rend()) return false;
    const NightJudgement& earlier = history_[*same];
    const bool is_baseline =
        std::binary_search(level_.baseline.begin(), level_.baseline.end(), *same);
    out_.estimate = earlier.estimate;
    out_.level = earlier.level;
    out_.difference = earlier.difference;
    out_.std_error = earlier.std_error;
    out_.df = earlier.df;
    out_.difference_low = earlier.difference_low;
    out_.difference_high = earlier.difference_high;
    out_.reference_nights = earlier.reference_nights;
    out_.sampling_error = earlier.sampling_error;
    out_.night_noise = earlier.night_noise;
    out_.center = earlier.center;
    out_.limit_low = earlier.limit_low;
    out_.limit_high = earlier.limit_high;
    out_.verdict = is_baseline ? SeriesVerdict::kSteady : earlier.verdict;
    if (out_.drifting && is_baseline) {
      out_.drifting = false;
      out_.recovered = true;
      out_.recovery_from = tonight_.night;
      out_.down.fill(kNever);
      out_.up.fill(kNever);
    } else if (out_.drifting) {
      out_.verdict = SeriesVerdict::kDrifted;
    }
    out_.green = tonight_.gates_passed && is_baseline;
    out_.sentence = std::string(to_string(out_.verdict)) + ": the same bytes as on " +
                    earlier.night + (out_.recovered ? ", before the drift" : "");
    return true;
  }

  bool compare_with_reference() {
    const std::vector<std::size_t> used = reference_nights(history_, tonight_, options_);
    if (used.size() != reference_.size()) {
      throw Error(ErrorCode::kInternal, "the reference of night " + tonight_.night + " has " +
                                            std::to_string(reference_.size()) + " nights, not " +
                                            std::to_string(used.size()));
    }
    if (used.empty()) {
      out_.counted = true;
      out_.green = tonight_.gates_passed;
      out_.sentence = "too little history: no good night to compare with";
      return false;
    }
    paired_ = pair_nights(tonight_, reference_);
    const auto asked = static_cast<double>(tonight_.questions.size());
    if (static_cast<double>(paired_.num_questions) < kLeastCommon * asked) {
      undecided("only " + std::to_string(paired_.num_questions) + " of " +
                std::to_string(tonight_.questions.size()) +
                " questions are those of the nights before");
      return false;
    }
    const stats::Moments levels = levels_at(history_, used);
    const auto w = static_cast<double>(used.size());
    out_.reference_nights = static_cast<std::int64_t>(used.size());
    out_.difference = paired_.difference;
    out_.level = levels.mean() + paired_.difference;
    out_.sampling_error = paired_.std_error;
    night_variance_ = paired_.std_error * paired_.std_error / (1 + 1 / w);

    const std::vector<Noise> views = noise_views(levels, paired_.std_error);
    if (levels.count() >= options_.min_nights) {
      const double beyond = levels.variance().value_or(0) - night_variance_;
      out_.night_noise = std::sqrt(std::max(0.0, beyond));
    }
    if (views.empty()) {
      out_.counted = true;
      out_.green = tonight_.gates_passed;
      out_.sentence = "too little history: " + by_points(paired_.difference) + " than the " +
                      nights_text(out_.reference_nights) + " before; judged from " +
                      std::to_string(options_.min_nights) + " on";
      return false;
    }
    noise_ = most_lenient(views, paired_.difference);
    out_.std_error = noise_.std_error;
    out_.df = noise_.df;
    const stats::Interval interval =
        stats::t_interval(paired_.difference, noise_.std_error, noise_.df);
    out_.difference_low = interval.low;
    out_.difference_high = interval.high;
    out_.center = levels.mean();
    // Of limits every view must agree that a night lies outside.
    double reach = 0;
    for (const Noise& view : views) {
      reach = std::max(reach, view.std_error * stats::t_quantile(1 - kOutside, view.df));
    }
    out_.limit_low = levels.mean() - reach;
    out_.limit_high = levels.mean() + reach;
    return true;
  }

  // Views of the noise in (tonight - mean of nights with these levels); empty where there is too
  // little to judge by.
  std::vector<Noise> noise_views(const stats::Moments& levels, double sampling_error) const {
    const double widening = std::sqrt(1 + 1 / static_cast<double>(levels.count()));
    // Nights that were found bad tell of the noise too where there are few others: a series that
    // moves every night must not keep all its nights from being learnt from.
    stats::Moments spread = levels;
    if (levels.count() < options_.min_nights) spread = levels_at(history_, level_.nights);
    const bool learnt = spread.count() >= options_.min_nights;
    std::vector<Noise> views;
    if (!learnt && !options_.noise_floor) return views;
    if (paired_.df > 0) views.push_back({sampling_error, paired_.df});
    const double between = spread.std_dev().value_or(0);
    if (learnt) {
      // Nights may be equal by chance: a level is known to one answer at best.
      const double one_answer = 1 / static_cast<double>(paired_.num_questions);
      views.push_back(
          {std::max(between, one_answer) * widening, static_cast<double>(spread.count() - 1)});
    } else {
      views.push_back(
          {std::hypot(sampling_error, std::max(between, kUnlearntNoise) * widening), kKnown});
    }
    if (options_.noise_floor && options_.noise_floor->std_dev > 0) {
      const double df = options_.noise_floor->df;
      views.push_back({options_.noise_floor->std_dev * widening, df > 0 ? df : kKnown});
    }
    return views;
  }

  // Tonight against all nights of the level; into the detectors.
  void detect() {
    if (out_.drifting) return;
    const stats::Moments levels = levels_at(history_, level_.baseline);
    if (levels.count() == 0) return;
    const double widening = 1 + 1 / static_cast<double>(levels.count());
    const std::vector<Noise> views = noise_views(levels, std::sqrt(night_variance_ * widening));
    if (views.empty()) return;
    const double residual = out_.level - levels.mean();
    const Noise& noise = most_lenient(views, residual);
    const double p = std::max(tail(std::abs(residual) / noise.std_error, noise.df), 1e-300);
    const double z = p < 0.5 ? std::copysign(-stats::normal_quantile(p), residual) : 0.0;
    out_.z = z;
    bet(out_.down, -sign_ * z);
    bet(out_.up, sign_ * z);
  }

  // The nights of the level and tonight: their levels in order.
  std::vector<double> levels_until_tonight() const {
    std::vector<double> levels;
    for (const std::size_t i : level_.nights) levels.push_back(history_[i].level);
    levels.push_back(out_.level);
    return levels;
  }

  const std::string& night_at(std::size_t position) const {
    return position < level_.nights.size() ? history_[level_.nights[position]].night
                                           : tonight_.night;
  }

  LevelChange find_change(int direction, std::optional<std::size_t> last_candidate) const {
    LevelChange change;
    const std::optional<ChangeFit> fit =
        fit_change(levels_until_tonight(), {.direction = direction,
                                            .last_candidate = last_candidate,
                                            .least_variance = night_variance_});
    if (!fit) {
      change.night = change.earliest = change.latest = tonight_.night;
      change.size = *out_.difference;
      change.low = *out_.difference_low;
      change.high = *out_.difference_high;
      return change;
    }
    change.gradual = fit->gradual;
    change.night = night_at(fit->position);
    change.earliest = night_at(fit->earliest);
    change.latest = night_at(fit->latest);
    change.size = fit->size;
    change.low = fit->low;
    change.high = fit->high;
    return change;
  }

  std::string since_text(const LevelChange& change) const {
    std::string text = change.gradual ? by_points(change.size) + " by now, sliding since about "
                                      : by_points(change.size) + " since about ";
    text += change.night + " (" + interval_text(change.low, change.high);
    if (change.earliest != change.latest) {
      text += "; begun between " + change.earliest + " and " + change.latest;
    }
    return text + ")";
  }

  // What is known of a drift that was noticed before: how large it is by now, whether it is over.
  void follow_drift() {
    std::size_t alarm = 0;
    while (alarm < level_.nights.size() && night_at(alarm) < out_.alarm_night) ++alarm;
    LevelChange change = find_change(-sign_, alarm);
    stats::Moments before, after;
    for (const std::size_t i : level_.nights) {
      const NightJudgement& said = history_[i];
      if (said.night < change.night || (change.gradual && said.night == change.night)) {
        before.add(said.level);
      } else if (said.night <= out_.alarm_night) {
        after.add(said.level);
      }
    }
    if (before.count() > 0 && after.count() > 0) {
      const double spread = std::max(before.variance().value_or(0), night_variance_);
      const double gap = before.mean() - after.mean();
      const double step = gap / spread * (out_.level - (before.mean() + after.mean()) / 2);
      if (out_.recovery + step <= 0) {
        out_.recovery = 0;
        out_.recovery_from.clear();
      } else {
        if (out_.recovery == 0) out_.recovery_from = tonight_.night;
        out_.recovery += step;
      }
    }
    if (out_.recovery >= std::log(kRecovered)) {
      out_.recovered = true;
      out_.drifting = false;
      out_.down.fill(kNever);
      out_.up.fill(kNever);
      out_.verdict = SeriesVerdict::kSteady;
      out_.sentence =
          "steady: the drift since " + out_.change->night + " is over since " + out_.recovery_from;
      return;
    }
    out_.change = std::move(change);
    out_.verdict = SeriesVerdict::kDrifted;
    out_.sentence = "drifted: " + since_text(*out_.change) + ", noticed on " + out_.alarm_night;
  }

  void decide() {
    const double worse = -sign_ * paired_.difference / noise_.std_error;
    out_.p = tail(worse, noise_.df);
    const std::optional<stats::OnlineDecision> decision = stats::test_online(stream_, *out_.p);
    out_.test_level = decision->level;

    const std::string compared = by_points(paired_.difference) + " than the " +
                                 nights_text(out_.reference_nights) + " before (" +
                                 interval_text(*out_.difference_low, *out_.difference_high) + ")";
    if (log_mean(out_.down) >= out_.log_alarm) {
      out_.drifting = true;
      out_.alarm_night = tonight_.night;
      out_.change = find_change(-sign_, std::nullopt);
      out_.recovery = 0;
    }
    if (decision->reject && (!out_.drifting || out_.change->night == tonight_.night)) {
      out_.verdict = SeriesVerdict::kDropped;
      out_.sentence = "dropped: " + compared + ", p = " + small(*out_.p) + ", at most " +
                      small(*out_.test_level) + " was asked for";
    } else if (out_.drifting) {
      out_.verdict = SeriesVerdict::kDrifted;
      out_.sentence = "drifted: " + since_text(*out_.change);
    } else if (log_mean(out_.up) >= out_.log_alarm) {
      out_.change = find_change(sign_, std::nullopt);
      out_.verdict = SeriesVerdict::kImproved;
      out_.down.fill(kNever);
      out_.up.fill(kNever);
      out_.sentence = "improved: " + since_text(*out_.change) + "; the reference begins anew there";
    } else if (tail(-worse, noise_.df) <= kJump) {
      out_.verdict = SeriesVerdict::kImproved;
      out_.sentence = "improved: " + compared +
                      "; a jump this large is often a changed extractor: look at what flipped";
    } else {
      out_.verdict = SeriesVerdict::kSteady;
      const double seen = noise_.std_error * stats::t_quantile(1 - *out_.test_level, noise_.df);
      out_.sentence = "steady: " + compared + "; one night shows " + points(seen) + " points";
    }
  }

  std::span<const NightJudgement> history_;
  const NightValues& tonight_;
  std::span<const NightValues> reference_;
  stats::OnlineState& stream_;
  const SeriesOptions& options_;
  Level level_;
  int sign_;
  PairedNights paired_;
  Noise noise_;
  double night_variance_ = 0;  // of one night's level about the true one, by its questions alone
  NightJudgement out_;
};

}  // namespace

std::uint64_t question_key(std::string_view id) { return derive_seed({"question", id}); }

std::optional<NoiseFloor> measure_noise_floor(std::span<const std::vector<double>> groups) {
  double squares = 0, df = 0;
  for (const std::vector<double>& group : groups) {
    const stats::Moments moments = stats::moments_of(group);
    if (moments.count() < 2) continue;
    squares += moments.sum_squared_deviations();
    df += static_cast<double>(moments.count() - 1);
  }
  if (df == 0) return std::nullopt;
  return NoiseFloor{std::sqrt(squares / df), df};
}

NightJudgement::NightJudgement() {
  down.fill(kNever);
  up.fill(kNever);
}

std::vector<std::size_t> reference_nights(std::span<const NightJudgement> history,
                                          const NightValues& tonight,
                                          const SeriesOptions& options) {
  check_options(options);
  const Level level = level_of(history, tonight);
  // Gates that never pass must not blind the watch.
  const bool few = level.reference.size() < static_cast<std::size_t>(options.min_nights);
  const std::vector<std::size_t>& nights = few ? level.baseline : level.reference;
  const std::size_t count = std::min(nights.size(), static_cast<std::size_t>(options.window));
  return {nights.end() - static_cast<std::ptrdiff_t>(count), nights.end()};
}

NightJudgement judge_night(std::span<const NightJudgement> history, const NightValues& tonight,
                           std::span<const NightValues> reference, stats::OnlineState& stream,
                           const SeriesOptions& options) {
  check_options(options);
  check_values(tonight);
  for (const NightValues& night : reference) check_values(night);
  if (!history.empty() && tonight.night <= history.back().night) {
    throw Error(ErrorCode::kUsage, "night " + tonight.night + " is not after " +
                                       history.back().night + ", the newest one judged");
  }
  return Judge(history, tonight, reference, stream, options).judge();
}

}  // namespace peira::evals
