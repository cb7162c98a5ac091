// Simulated nights: how often quiet ones ring, and how soon real changes are noticed.
// PEIRA_SIMULATIONS sets the years of each kind [6]; limits allow three Monte-Carlo standard
// errors. Prints the tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "series_simulation.h"

namespace peira::evals {
namespace {

constexpr double kAlpha = 0.05;
constexpr int kNightsAYear = 365;

int num_years() {
  const char* text = std::getenv("PEIRA_SIMULATIONS");
  return text == nullptr ? 6 : std::max(2, std::atoi(text));
}

struct Quiet {
  const char* name;
  SimulatedSuites suites;
  bool floor_known = false;  // judged from the second night on, by the questions alone
};

TEST(SeriesValidity, QuietYearsRingAtMostAsOftenAsStated) {
  const Quiet kinds[] = {
      {"1 suite, 500 questions", {1, 500, 0, 0}},
      {"1 suite, 1,000 questions, 1 point of night noise", {1, 1000, 0.01, 0}},
      {"1 suite, 1,000 questions, 3 points of night noise", {1, 1000, 0.03, 0}},
      {"5 suites, 200 questions", {5, 200, 0, 0}},
      {"5 suites, 200 questions, 1 point, independent", {5, 200, 0.01, 0}},
      {"5 suites, 200 questions, 1 point, correlated 0.8", {5, 200, 0.01, 0.8}},
      {"1 suite, 40 questions", {1, 40, 0, 0}},
      {"1 suite, 500 questions, judged from the second night", {1, 500, 0, 0}, true},
      {"the same, 1,000 questions, 1 point of night noise", {1, 1000, 0.01, 0}, true},
      {"the same, 1,000 questions, 3 points of night noise", {1, 1000, 0.03, 0}, true}};
  const int years = num_years();
  const double run_length = SeriesOptions().run_length;
  std::printf(
      "\nquiet years (%d each)  | years with a drop alarm | drift alarms a 1,000 nights | red "
      "nights\n",
      years);
  std::uint64_t seed = 100;
  for (const Quiet& kind : kinds) {
    ++seed;
    int years_with_drop = 0, drifts = 0, red = 0;
    for (int year = 0; year < years; ++year) {
      Simulation simulation(kind.suites, {},
                            stats::split_seed(seed, static_cast<std::uint64_t>(year)));
      SeriesOptions options;
      if (kind.floor_known) options.noise_floor = NoiseFloor{};
      Watch watch(kind.suites.num_suites, options, kAlpha);
      for (int t = 0; t < kNightsAYear; ++t) watch.judge(simulation.next());
      bool dropped = false;
      for (std::size_t s = 0; s < static_cast<std::size_t>(kind.suites.num_suites); ++s) {
        bool drifting = false;
        for (const NightJudgement& night : watch.history(s)) {
          dropped = dropped || night.verdict == SeriesVerdict::kDropped;
          drifts += night.drifting && !drifting ? 1 : 0;
          drifting = night.drifting;
          red += is_alarm(night) ? 1 : 0;
        }
      }
      years_with_drop += dropped ? 1 : 0;
    }
    const double nights = static_cast<double>(years) * kNightsAYear;
    std::printf("%-52s | %5.1f %% (stated <= 5 %%) | %5.2f (stated <= 1) | %4.1f %%\n", kind.name,
                100.0 * years_with_drop / years, 1000 * drifts / nights,
                100.0 * red / nights / kind.suites.num_suites);
    const double allowed_years = kAlpha * years;
    EXPECT_LE(years_with_drop, allowed_years + 3 * std::sqrt(allowed_years)) << kind.name;
    const double allowed = nights / run_length;
    EXPECT_LE(drifts, allowed + 3 * std::sqrt(allowed)) << kind.name;
  }
}

struct Changed {
  const char* name;
  SimulatedSuites suites;
  SimulatedChange change;
  int within;  // nights in which nine of ten changes are noticed
};

TEST(SeriesValidity, RealChangesAreNoticedWithinNights) {
  constexpr int kBegins = 60, kNights = 150, kLater = 5;
  const auto step = [](double size) { return SimulatedChange{kBegins, size, 0, 1}; };
  const auto slope = [](double size) { return SimulatedChange{kBegins, 0, size, 1}; };
  const Changed kinds[] = {
      {"drop of 2 points, 500 questions", {1, 500, 0, 0}, step(-0.02), 25},
      {"drop of 2 points, 2,000 questions", {1, 2000, 0, 0}, step(-0.02), 8},
      {"drop of 2 points, 2,000 questions, 1 point of noise", {1, 2000, 0.01, 0}, step(-0.02), 25},
      {"drop of 2 points in one of 5 suites, 1,000 each", {5, 1000, 0, 0}, step(-0.02), 20},
      {"drop of 5 points, 500 questions", {1, 500, 0, 0}, step(-0.05), 6},
      {"0.1 points a night, 500 questions", {1, 500, 0, 0}, slope(-0.001), 45},
      {"0.1 points a night, 2,000 questions", {1, 2000, 0, 0}, slope(-0.001), 25}};
  const int years = num_years() * 3;
  std::printf(
      "\nchanges (%d each) | noticed after nights: median, 90 %% | not in %d | size covered | "
      "night "
      "in its range\n",
      years, kNights - kBegins);
  std::uint64_t seed = 200;
  for (const Changed& kind : kinds) {
    ++seed;
    std::vector<int> delays;
    int sizes = 0, covered = 0, in_range = 0;
    for (int year = 0; year < years; ++year) {
      Simulation simulation(kind.suites, kind.change,
                            stats::split_seed(seed, static_cast<std::uint64_t>(year)));
      Watch watch(kind.suites.num_suites, {}, kAlpha);
      int noticed = -1;
      for (int t = 0; t < kNights && (noticed < 0 || t <= noticed + kLater); ++t) {
        watch.judge(simulation.next());
        const bool alarm = is_alarm(watch.history(0).back());
        if (t >= kBegins && alarm && noticed < 0) noticed = t;
      }
      delays.push_back(noticed < 0 ? kNights : noticed - kBegins + 1);
      const NightJudgement& later = watch.history(0).back();
      if (noticed < 0 || !later.change) continue;
      ++sizes;
      const double passed = static_cast<double>(watch.history(0).size()) - kBegins;
      const double truth = kind.change.step + kind.change.slope * passed;
      covered += later.change->low <= truth && truth <= later.change->high ? 1 : 0;
      // Of a slope the last unchanged night is named.
      const std::string began = night_name(later.change->gradual ? kBegins - 1 : kBegins);
      in_range += later.change->earliest <= began && began <= later.change->latest ? 1 : 0;
    }
    std::sort(delays.begin(), delays.end());
    const auto at = [&](double share) {
      return delays[static_cast<std::size_t>(share * static_cast<double>(delays.size() - 1))];
    };
    const auto missed = std::count(delays.begin(), delays.end(), kNights);
    std::printf("%-52s | %3d, %3d | %4.1f %% | %5.1f %% | %5.1f %%\n", kind.name, at(0.5), at(0.9),
                100.0 * static_cast<double>(missed) / years, sizes ? 100.0 * covered / sizes : 0.0,
                sizes ? 100.0 * in_range / sizes : 0.0);
    EXPECT_LE(at(0.9), kind.within) << kind.name;
    if (kind.change.slope == 0) {
      EXPECT_GE(covered, 0.95 * sizes - 3 * std::sqrt(0.05 * sizes) - 1) << kind.name;
    }
  }
}

}  // namespace
}  // namespace peira::evals
