// Nights of suites as they could be: questions with chances of their own, a night's own luck.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "evals/series.h"
#include "stats/distributions.h"
#include "stats/random.h"

namespace peira::evals {

struct SimulatedSuites {
  int num_suites = 1;
  int num_questions = 500;
  double night_noise = 0;  // standard deviation of what all questions of a night share
  double correlation = 0;  // of that between suites
};

// A change of the expected score, from night `at` on (counted from 0).
struct SimulatedChange {
  int at = 1 << 30;
  double step = 0;   // in score units
  double slope = 0;  // per night
  int suites = 1;    // the first so many change
};

// The date `index` days after 2026-01-01, as civil-from-days has it.
inline std::string night_name(int index) {
  int z = index + 20454 + 719468;  // days since 0000-03-01
  const int era = z / 146097;
  const int doe = z - era * 146097;
  const int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int mp = (5 * doy + 2) / 153;
  const int day = doy - (153 * mp + 2) / 5 + 1;
  const int month = mp < 10 ? mp + 3 : mp - 9;
  char text[16];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02d", (yoe + era * 400 + (month <= 2)) % 10000,
                month % 100, day % 100);
  return text;
}

class Simulation {
 public:
  Simulation(const SimulatedSuites& suites, const SimulatedChange& change, std::uint64_t seed)
      : suites_(suites), change_(change), random_(seed) {
    chances_.resize(static_cast<std::size_t>(suites.num_suites));
    for (std::vector<double>& chances : chances_) {
      for (int q = 0; q < suites.num_questions; ++q) {
        // Most questions are always right or always wrong; the rest are in between.
        const double kind = random_.uniform();
        chances.push_back(kind < 0.5 ? 0.97 : kind < 0.65 ? 0.03 : random_.uniform());
      }
    }
  }

  // The values of all suites on the next night.
  std::vector<NightValues> next() {
    const double common = normal();
    std::vector<NightValues> nights;
    for (std::size_t s = 0; s < chances_.size(); ++s) {
      const double luck = suites_.night_noise * (std::sqrt(suites_.correlation) * common +
                                                 std::sqrt(1 - suites_.correlation) * normal());
      NightValues night;
      night.night = night_name(index_);
      night.run_id = std::to_string(s) + "-" + night.night;
      night.identity = night.run_id;
      night.basis = "questions";
      double mean = 0, spread = 0;
      for (const double p : chances_[s]) {
        mean += p / suites_.num_questions;
        spread += p * (1 - p) / suites_.num_questions;
      }
      double shift = 0;
      if (index_ >= change_.at && static_cast<int>(s) < change_.suites) {
        shift = change_.step + change_.slope * (index_ - change_.at + 1);
      }
      for (std::size_t q = 0; q < chances_[s].size(); ++q) {
        const double p = chances_[s][q];
        // Luck moves what is uncertain; a change turns right answers wrong.
        const double moved = std::clamp(p + luck * p * (1 - p) / spread, 0.0, 1.0);
        const double chance = std::clamp(moved * (1 + shift / mean), 0.0, 1.0);
        night.questions.push_back(q);
        night.clusters.push_back(static_cast<std::int64_t>(q));
        night.values.push_back(random_.uniform() < chance ? 1 : 0);
      }
      nights.push_back(std::move(night));
    }
    ++index_;
    return nights;
  }

 private:
  double normal() { return stats::normal_quantile(std::max(random_.uniform(), 1e-300)); }

  SimulatedSuites suites_;
  SimulatedChange change_;
  stats::Random random_;
  std::vector<std::vector<double>> chances_;
  int index_ = 0;
};

// Judges night after night as a plan's nights do.
class Watch {
 public:
  Watch(int num_suites, SeriesOptions options, double alpha) : options_(options) {
    options_.num_series = num_suites;
    stream_.alpha = alpha;
    history_.resize(static_cast<std::size_t>(num_suites));
    values_.resize(static_cast<std::size_t>(num_suites));
  }

  void judge(const std::vector<NightValues>& nights) {
    for (std::size_t s = 0; s < nights.size(); ++s) {
      std::vector<NightValues> reference;
      for (const std::size_t i : reference_nights(history_[s], nights[s], options_)) {
        reference.push_back(values_[s][i]);
      }
      history_[s].push_back(judge_night(history_[s], nights[s], reference, stream_, options_));
      values_[s].push_back(nights[s]);
    }
  }

  const std::vector<NightJudgement>& history(std::size_t suite) const { return history_[suite]; }
  const std::vector<std::vector<NightValues>>& values() const { return values_; }
  const stats::OnlineState& stream() const { return stream_; }

 private:
  SeriesOptions options_;
  stats::OnlineState stream_;
  std::vector<std::vector<NightJudgement>> history_;
  std::vector<std::vector<NightValues>> values_;
};

inline bool is_alarm(const NightJudgement& judgement) {
  return judgement.verdict == SeriesVerdict::kDropped ||
         judgement.verdict == SeriesVerdict::kDrifted;
}

}  // namespace peira::evals
