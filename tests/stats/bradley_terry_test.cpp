#include "stats/bradley_terry.h"

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Rows = std::vector<Battles>;

// Section 23 of the specification: R glm(binomial) without intercept, ties as half wins.
TEST(BradleyTerry, AgreesWithGlm) {
  const BradleyTerry got =
      bradley_terry(Rows{{0, 1, 12, 7, 5}, {0, 2, 9, 9, 6}, {1, 2, 14, 8, 2}}, 3);
  EXPECT_NEAR(got.strengths[1], -0.111780792344695, 1e-12);
  EXPECT_NEAR(got.std_error_of_difference(1, 0, false), 0.334599615366317, 1e-12);
  EXPECT_NEAR(got.std_error_of_difference(1, 0), 0.298383086609968, 1e-12);
  EXPECT_NEAR(got.std_error_centred(2, false), 0.194047582389327, 1e-12);
  EXPECT_NEAR(got.log_likelihood, -49.4747458824023, 1e-11);
  EXPECT_EQ(got.std_error_of_difference(1, 1), 0);
}

// Two players: the strength is the log odds, its standard error sqrt(1/w + 1/l).
TEST(BradleyTerry, IsTheLogOddsForTwoPlayers) {
  const BradleyTerry got = bradley_terry(Rows{{1, 0, 30, 10}}, 2);
  EXPECT_NEAR(got.strengths[1], std::log(3.0), 1e-12);
  EXPECT_NEAR(got.std_error_of_difference(0, 1, false), std::sqrt(1 / 30.0 + 1 / 10.0), 1e-12);
  EXPECT_NEAR(got.std_error_of_difference(0, 1), std::sqrt(1 / 30.0 + 1 / 10.0), 1e-12);
  EXPECT_NEAR(got.centred_strengths[0] + got.centred_strengths[1], 0, 1e-14);
  EXPECT_NEAR(got.elo[1] - got.elo[0], 400 * std::log10(3.0), 1e-9);
}

// The reference shifts strengths, and changes nothing that is published.
TEST(BradleyTerry, DoesNotDependOnTheReference) {
  const Rows rows{{0, 1, 30, 18}, {0, 2, 25, 10}, {1, 2, 22, 20}, {2, 3, 15, 11}, {3, 1, 4, 9}};
  const BradleyTerry first = bradley_terry(rows, 4);
  const BradleyTerry last = bradley_terry(rows, 4, {.reference = 3});
  EXPECT_EQ(first.centred_strengths, last.centred_strengths);
  EXPECT_EQ(first.sandwich_covariance, last.sandwich_covariance);
  EXPECT_EQ(last.strengths[3], 0);
}

TEST(BradleyTerry, NamesWhoIsUnbeaten) {
  const Rows rows{{0, 1, 5, 3}, {0, 2, 4, 0}, {1, 2, 3, 0}};
  try {
    bradley_terry(rows, 3);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("players 2 never beat any of 0, 1"));
    EXPECT_THAT(error.what(), testing::StartsWith("SeparatedData"));
  }
  const BradleyTerry ridge = bradley_terry(rows, 3, {.ridge = 1e-3});
  EXPECT_TRUE(ridge.penalised);
  EXPECT_TRUE(std::isfinite(ridge.std_error_centred(2)));
  // At the maximum the penalty's pull equals the score: 7 battles lost by 2 for sure.
  const double pull = 1e-3 * ridge.centred_strengths[2];
  double score = 0;
  score -= 4 / (1 + std::exp(ridge.strengths[0] - ridge.strengths[2]));
  score -= 3 / (1 + std::exp(ridge.strengths[1] - ridge.strengths[2]));
  EXPECT_NEAR(score, pull, 1e-10);
  EXPECT_FALSE(bradley_terry(Rows{{0, 1, 5, 3}}, 2).penalised);
}

TEST(BradleyTerry, RefusesGroupsThatNeverMet) {
  try {
    bradley_terry(Rows{{0, 2, 1, 1}, {1, 3, 1, 1}}, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("DisconnectedGraph"));
    EXPECT_THAT(error.what(), testing::HasSubstr("0, 2; 1, 3"));
  }
  expect_error(ErrorCode::kData, "DisconnectedGraph", [] {
    bradley_terry(Rows{{0, 1, 2, 1}}, 3, {.ridge = 1e-3});
  });
}

TEST(BradleyTerry, RefusesBattlesThatAreNone) {
  const auto call = [](Rows rows, std::size_t k, BradleyTerryOptions options = {}) {
    return [=] { bradley_terry(rows, k, options); };
  };
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({{0, 0, 1, 1}}, 2));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({{0, 2, 1, 1}}, 2));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({{0, 1, -1, 1}}, 2));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({{0, 1, 1, 1}}, 1));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({{0, 1, 1, 1}}, 2, {.reference = 2}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({{0, 1, 1, 1}}, 2, {.ridge = -1}));
  expect_error(ErrorCode::kData, "EmptyInput", call({}, 2));
}

TEST(RankIntervals, CountWhoIsClearlyAheadAndBehind) {
  const std::vector<RankInterval> ranks =
      rank_intervals(std::vector<Interval>{{2, 3}, {0.5, 1.5}, {1, 2.5}, {-1, 0}});
  EXPECT_EQ(ranks[0].best, 1u);
  EXPECT_EQ(ranks[0].worst, 2u);
  EXPECT_EQ(ranks[1].best, 2u);
  EXPECT_EQ(ranks[1].worst, 3u);
  EXPECT_EQ(ranks[3].best, 4u);
  EXPECT_EQ(ranks[3].worst, 4u);
}

std::vector<Rows> simulated_battles(Random& random, const std::vector<double>& strengths, int n) {
  std::vector<Rows> battles;
  for (int b = 0; b < n; ++b) {
    const std::size_t i = random.below(strengths.size());
    const std::size_t j = (i + 1 + random.below(strengths.size() - 1)) % strengths.size();
    const bool wins = random.uniform() < 1 / (1 + std::exp(strengths[j] - strengths[i]));
    battles.push_back({{i, j, wins ? 1.0 : 0.0, wins ? 0.0 : 1.0}});
  }
  return battles;
}

// 600 tournaments of 4 players and 150 battles: intervals of every centred strength hold it in 95
// %, within 4 standard errors of the 2,400 (taken as 600 independent ones).
TEST(BradleyTerry, HasIntervalsThatCover) {
  Random random(77);
  const std::vector<double> truth{0.6, 0.2, -0.1, -0.7};
  int held = 0;
  constexpr int kStudies = 600;
  for (int study = 0; study < kStudies; ++study) {
    Rows rows;
    for (const Rows& battle : simulated_battles(random, truth, 150)) rows.push_back(battle[0]);
    const BradleyTerry fit = bradley_terry(rows, 4);
    for (std::size_t i = 0; i < 4; ++i) {
      const Interval interval = fit.interval(i);
      held += interval.low <= truth[i] && truth[i] <= interval.high;
    }
  }
  EXPECT_NEAR(held / (4.0 * kStudies), 0.95, 4 * std::sqrt(0.95 * 0.05 / kStudies));
}

TEST(BradleyTerryBootstrap, SpreadsAsTheSandwichSays) {
  Random random(5);
  const std::vector<Rows> battles = simulated_battles(random, {0.5, 0, -0.5}, 400);
  Rows all;
  for (const Rows& battle : battles) all.push_back(battle[0]);
  const BradleyTerry fit = bradley_terry(all, 3);
  const BradleyTerryBootstrap got = bradley_terry_bootstrap(battles, 3, 600, 9);
  EXPECT_EQ(got.num_degenerate, 0);
  for (std::size_t i = 0; i < 3; ++i) {
    const Interval want = fit.interval(i);
    EXPECT_NEAR(got.centred[i].high - got.centred[i].low, want.high - want.low,
                0.15 * (want.high - want.low));
  }
  const BradleyTerryBootstrap again = bradley_terry_bootstrap(battles, 3, 600, 9);
  EXPECT_EQ(got.centred[0].low, again.centred[0].low);
}

TEST(BradleyTerryBootstrap, CountsResamplesWithoutStrengths) {
  const std::vector<Rows> battles{{{0, 1, 1, 0}}, {{0, 1, 0, 1}}, {{0, 1, 1, 0}}, {{0, 1, 1, 0}}};
  const BradleyTerryBootstrap got = bradley_terry_bootstrap(battles, 2, 200, 1);
  // Without a win of player 1: (3/4)^4; without one of player 0: (1/4)^4.
  EXPECT_NEAR(static_cast<double>(got.num_degenerate) / 200, 0.32, 0.14);
  // A cycle of three: only 6 of 27 resamples hold all its battles.
  expect_error(ErrorCode::kData, "NotEstimable", [] {
    const std::vector<Rows> cycle{{{0, 1, 1, 0}}, {{1, 2, 1, 0}}, {{2, 0, 1, 0}}};
    bradley_terry_bootstrap(cycle, 3, 200, 3);
  });
}

}  // namespace
}  // namespace peira::stats
