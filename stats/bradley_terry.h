// Strengths of players (models) from pairwise battles: P(i beats j) = 1 / (1 + exp(s_j - s_i)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// Battles of two players. Rows of one pair add up; ties count half to each side.
struct Battles {
  std::size_t i = 0;
  std::size_t j = 0;
  double wins_i = 0;  // >= 0; whole, or sums of weights
  double wins_j = 0;
  double ties = 0;
};

struct BradleyTerryOptions {
  std::size_t reference = 0;  // the player whose strength is 0
  // Penalty ridge / 2 * sum of squared centred strengths, for battles that separate players: 0 is
  // maximum likelihood. 1e-3 is a customary value.
  double ridge = 0;
};

struct BradleyTerry {
  std::vector<double> strengths;          // [k], reference at 0; in log odds
  std::vector<double> centred_strengths;  // [k], summing to 0: publish these
  std::vector<double> elo;                // 1000 + 400 / ln 10 * centred strength
  double log_likelihood = 0;
  bool penalised = false;

  // Covariances [k * k] of the centred strengths. The model's takes every battle for an independent
  // draw; the sandwich stays right with ties as halves and is the one to publish.
  std::vector<double> model_covariance;
  std::vector<double> sandwich_covariance;

  std::size_t num_players() const { return strengths.size(); }
  // Standard error of strength i against strength j; 0 for i = j.
  double std_error_of_difference(std::size_t i, std::size_t j, bool sandwich = true) const;
  double std_error_centred(std::size_t i, bool sandwich = true) const;
  // Normal interval of a centred strength.
  Interval interval(std::size_t i, double confidence = 0.95) const;
};

// Fits the strengths by Newton's method.
//
// num_players  k >= 2, every one of them in a battle.
// throws       Error(kUsage) "InvalidArgument": a player out of range or against itself, a negative
//              or non-finite count, a bad option; Error(kData): "EmptyInput" (no battles),
//              "DisconnectedGraph" (the message lists the components), "SeparatedData" without a
//              ridge (a set of players that nobody outside it ever beat, or that beat nobody:
//              strengths are infinite); Error(kInternal) "NoConvergence".
//              "BudgetExceeded" (Error(kUsage)) past 2,000 players.
// source       Bradley and Terry (1952); existence: Ford (1957). R glm(cbind(w, l) ~ X - 1,
//              binomial); sandwich H^-1 (sum of squared scores) H^-1, a tie's score being that of
//              half a win.
BradleyTerry bradley_terry(std::span<const Battles> battles, std::size_t num_players,
                           const BradleyTerryOptions& options = {});

// Ranks a player may have: 1 + the number of players whose lower limit exceeds its upper limit, and
// k less the number whose upper limit lies below its lower limit.
struct RankInterval {
  std::size_t best = 1;
  std::size_t worst = 1;
};
std::vector<RankInterval> rank_intervals(std::span<const Interval> strengths);

struct BradleyTerryBootstrap {
  std::vector<Interval> centred;  // [k], percentiles of the centred refits
  std::int64_t num_resamples = 0;
  std::int64_t num_degenerate = 0;  // resamples without finite strengths, left out
  std::uint64_t seed = 0;
};

// Percentile intervals from resampled clusters of battles (all battles of a user or of a prompt;
// one battle a cluster if they are independent).
//
// clusters  [n], the battles of one cluster each; n draws with replacement a resample, in order.
// throws    as bradley_terry for the battles themselves; Error(kUsage) "InvalidArgument",
//           "InvalidProbability"; Error(kData) "NotEstimable": fewer than half of the resamples
//           have finite strengths.
// cost      one fit a resample.
BradleyTerryBootstrap bradley_terry_bootstrap(std::span<const std::vector<Battles>> clusters,
                                              std::size_t num_players, std::int64_t num_resamples,
                                              std::uint64_t seed, double confidence = 0.95);

}  // namespace peira::stats
