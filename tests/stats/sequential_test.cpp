// Section 19 of the statistics specification: every reference number, from
// tests/golden/stats/sequential_vectors.json (confseq, gbstats, rpact and mpmath as each block's
// "oracle" says), and what happens at the edges.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

#include "base/json.h"
#include "stats/betting_test.h"
#include "stats/confidence_sequence.h"
#include "stats/group_sequential.h"
#include "stats/random.h"
#include "stats/sequential_mcnemar.h"
#include "stats/sequential_mean.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_close(const Json& expected, double got, double tolerance, const std::string& name) {
  const auto want = expected.get<double>();
  EXPECT_NEAR(want, got, want == 0 ? tolerance : tolerance * std::abs(want)) << name;
}

void expect_close(const Json& expected, const Interval& got, double tolerance,
                  const std::string& name) {
  expect_close(expected[0], got.low, tolerance, name + " low");
  expect_close(expected[1], got.high, tolerance, name + " high");
}

// Calls `check(in, out, tolerance)` for each vector of `proc`; returns how many there are.
template <typename Check>
int for_each_vector(const std::string& proc, Check check) {
  const std::string path =
      std::string(PEIRA_SOURCE_DIR) + "/tests/golden/stats/sequential_vectors.json";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  int count = 0;
  for (const Json& block : parse_json(text.str(), path)) {
    if (block["proc"] != proc) continue;
    for (const Json& vector : block["vectors"]) {
      check(vector["in"], vector["out"], block["tol"].get<double>());
      ++count;
    }
  }
  return count;
}

TEST(Msprt, MeetsTheReferenceNumbers) {
  const int count =
      for_each_vector("msprt_normal", [](const Json& in, const Json& out, double tol) {
        const Msprt got = msprt(in["delta"], in["se"], {.tau = in["tau"], .alpha = in["alpha"]});
        expect_close(out["lambda_"], std::exp(got.log_lambda), tol, "lambda");
        expect_close(out["p"], got.p.value, tol, "p");
        expect_close(out["half_width"], got.half_width, tol, "half width");
        EXPECT_DOUBLE_EQ(got.interval.high - got.interval.low, 2 * got.half_width);
      });
  EXPECT_EQ(count, 3);
}

TEST(Msprt, KeepsALogarithmWhereTheValueUnderflows) {
  const Msprt got = msprt(3, 0.01, {.tau = 0.5});
  EXPECT_EQ(got.p.value, 0);
  // ln lambda = -ln(2501) / 2 + 2500 / 2501 * 300^2 / 2
  EXPECT_NEAR(got.p.log10, -(-std::log(2501.0) / 2 + 2500.0 / 2501 * 45000) / std::log(10.0), 1e-8);
}

TEST(Msprt, BearsScalesWhoseSquaresUnderflow) {
  const Msprt tiny = msprt(3e-200, 1e-200, {.tau = 2e-200});
  const Msprt usual = msprt(3, 1, {.tau = 2});
  EXPECT_NEAR(tiny.log_lambda, usual.log_lambda, 1e-13);
  EXPECT_NEAR(tiny.half_width / 1e-200, usual.half_width, 1e-13);
  EXPECT_FALSE(std::isnan(msprt(2, 5e-324, {.tau = 0.02}).log_lambda));
}

TEST(Msprt, RefusesWhatHasNoAnswer) {
  expect_error(ErrorCode::kData, "ZeroVariance", [] { msprt(0.1, 0, {.tau = 1}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { msprt(0.1, 1, {.tau = 0}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { msprt(NAN, 1, {.tau = 1}); });
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [] { msprt(0.1, 1, {.tau = 1, .alpha = 0}); });
}

TEST(RunningP, KeepsTheSmallest) {
  RunningP running;
  EXPECT_EQ(running.add({.value = 0.2, .log10 = std::log10(0.2)}).value, 0.2);
  EXPECT_EQ(running.add({.value = 0.5, .log10 = std::log10(0.5)}).value, 0.2);
}

TEST(AsymptoticSequence, MeetsTheReferenceNumbers) {
  const int count =
      for_each_vector("asymptotic_cs", [](const Json& in, const Json& out, double tol) {
        const AsymptoticSequence got = asymptotic_sequence(
            in["estimate"], in["se"], in["n"], {.tuning_n = in["tuning_n"], .alpha = in["alpha"]});
        expect_close(out["rho"], got.rho, tol, "rho");
        expect_close(out["half_width"], got.half_width, tol, "half width");
        expect_close(out["log_e"], got.log_e.value(), tol, "log e");
        expect_close(out["p"], got.p.value().value, tol, "p");
      });
  EXPECT_EQ(count, 2);
}

// By the formula with 2a for a: n rho^2 = (-2 ln 0.1 + ln(1 - 2 ln 0.1)) for n = tuning_n.
TEST(AsymptoticSequence, IsOpenOnOneSide) {
  const AsymptoticSequence got = asymptotic_sequence(
      0.02, 0.01, 500, {.tuning_n = 500, .alpha = 0.05, .alternative = Alternative::kGreater});
  const double spread = -2 * std::log(0.1) + std::log(1 - 2 * std::log(0.1)) + 1;
  const double half =
      0.01 * std::sqrt(2 * spread / (spread - 1) * std::log1p(std::sqrt(spread) / 0.1));
  EXPECT_NEAR(got.interval.low, 0.02 - half, 1e-14);
  EXPECT_EQ(got.interval.high, kInfinity);
  EXPECT_FALSE(got.p.has_value());
}

TEST(AsymptoticSequence, RefusesFewObservations) {
  expect_error(ErrorCode::kData, "TooFewObservations", [] { asymptotic_sequence(0, 1, 99); });
  expect_error(ErrorCode::kData, "ZeroVariance", [] { asymptotic_sequence(0, 0, 100); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { asymptotic_sequence(0, 1, 100, {.tuning_n = 0}); });
}

TEST(EmpiricalBernstein, MeetsTheReferenceNumbers) {
  const int count =
      for_each_vector("eb_confidence_sequence", [](const Json& in, const Json& out, double tol) {
        EmpiricalBernstein sequence({.alpha = in["alpha"], .truncation = in["truncation"]});
        for (const Json& x : in["x"]) {
          sequence.add(x);
          if (sequence.count() != 5) continue;
          expect_close(out["lower_t5"], sequence.interval().low, tol, "lower at 5");
          expect_close(out["upper_t5"], sequence.interval().high, tol, "upper at 5");
        }
        expect_close(out["lower_last"], sequence.interval().low, tol, "lower");
        expect_close(out["upper_last"], sequence.interval().high, tol, "upper");
        expect_close(out["lower_running_last"], sequence.running().low, tol, "running lower");
        expect_close(out["upper_running_last"], sequence.running().high, tol, "running upper");
      });
  EXPECT_EQ(count, 1);
}

// Swapping right and wrong mirrors the interval, but for the first score, whose deviation is taken
// from 0 on either side.
TEST(EmpiricalBernstein, NarrowsAroundTheMean) {
  EmpiricalBernstein sequence;
  Random random(11);
  for (int i = 0; i < 20'000; ++i) sequence.add(random.uniform() < 0.3 ? 1 : 0);
  EXPECT_GT(sequence.running().low, 0.27);
  EXPECT_LT(sequence.running().high, 0.33);
  EXPECT_LT(sequence.running().low, 0.3);
  EXPECT_GT(sequence.running().high, 0.3);
}

TEST(EmpiricalBernstein, RefusesScoresOutOfRange) {
  EmpiricalBernstein sequence;
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { sequence.add(1.5); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [&] { sequence.add(kInfinity); });
  EXPECT_EQ(sequence.count(), 0);
}

TEST(HedgedBetting, MeetsTheReferenceNumbers) {
  const int count =
      for_each_vector("betting_hedged", [](const Json& in, const Json& out, double tol) {
        HedgedBetting betting(
            {.alpha = in["alpha"], .theta = in["theta"], .truncation = in["trunc_scale"]});
        for (const Json& x : in["x"]) betting.add(x);
        expect_close(out["capital_m03"], std::exp(betting.log_capital(0.3)), tol, "capital at 0.3");
        expect_close(out["capital_m05"], std::exp(betting.log_capital(0.5)), tol, "capital at 0.5");
        expect_close(out["capital_m07"], std::exp(betting.log_capital(0.7)), tol, "capital at 0.7");
        expect_close(out["cs_last"], betting.interval(), tol, "interval");
      });
  EXPECT_EQ(count, 1);
}

TEST(HedgedBetting, KnowsTheMeanOfAListSeenWhole) {
  HedgedBetting betting({.population = 4});
  EXPECT_EQ(betting.interval().high, 1);
  for (const double x : {1.0, 0.0, 1.0, 0.25}) betting.add(x);
  EXPECT_NEAR(betting.interval().low, 0.5625, 1e-9);
  EXPECT_NEAR(betting.interval().high, 0.5625, 1e-9);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { betting.add(1); });
}

// With a list without end nothing is known that independent scores would not tell.
TEST(HedgedBetting, NearsIndependentScoresAsTheListGrows) {
  HedgedBetting independent({});
  HedgedBetting finite({.population = 1'000'000'000});
  for (int i = 0; i < 50; ++i) {
    independent.add(i % 3 == 0 ? 0 : 1);
    finite.add(i % 3 == 0 ? 0 : 1);
  }
  EXPECT_NEAR(independent.interval().low, finite.interval().low, 1e-6);
  EXPECT_NEAR(independent.interval().high, finite.interval().high, 1e-6);
}

// Five scores, one gambler's wealth by hand: prod (1 - c + c x / m).
TEST(BettingTest, MixesConstantBets) {
  BettingTest test(0.5, std::nullopt);
  EXPECT_NEAR(test.log_capital(), 0, 1e-15);
  for (const double x : {1.0, 1.0, 0.0, 1.0, 0.5}) test.add(x);
  double sum = 0;
  for (const double c : {0.005, 0.007, 0.010, 0.014, 0.020, 0.028, 0.040, 0.056, 0.080, 0.11,
                         0.15,  0.21,  0.29,  0.38,  0.48,  0.58,  0.68,  0.78,  0.89,  0.99}) {
    sum += std::pow(1 + c, 3) * (1 - c);
  }
  EXPECT_NEAR(test.log_capital(), std::log(sum / 20), 1e-14);
}

TEST(BettingTest, IsCertainOnceTheRestCannotChangeIt) {
  // Six of ten right: the mean of the ten is above 0.5 whatever comes.
  BettingTest test(0.5, 10);
  for (int i = 0; i < 6; ++i) {
    EXPECT_LT(test.log_capital(), kInfinity);
    test.add(1);
  }
  EXPECT_EQ(test.log_capital(), kInfinity);
  EXPECT_TRUE(test.rejects(1e-300));
}

// Exactly the mean is no more than the mean.
TEST(BettingTest, DoesNotRejectTheMeanItself) {
  BettingTest test(0.8, 240);
  for (int i = 0; i < 240; ++i) test.add(i % 5 == 0 ? 0 : 1);
  EXPECT_LT(test.log_capital(), kInfinity);
  EXPECT_FALSE(test.rejects(0.05));
}

TEST(BettingTest, IsReplayedBitForBit) {
  Random random(3);
  std::vector<double> scores;
  for (int i = 0; i < 300; ++i) scores.push_back(random.uniform());
  BettingTest whole(0.45, 1000);
  BettingTest saved(0.45, 1000);
  for (int i = 0; i < 300; ++i) {
    whole.add(scores[static_cast<std::size_t>(i)]);
    if (i < 100) saved = whole;
  }
  for (int i = 100; i < 300; ++i) saved.add(scores[static_cast<std::size_t>(i)]);
  const double a = whole.log_capital();
  const double b = saved.log_capital();
  EXPECT_EQ(std::memcmp(&a, &b, sizeof a), 0);
}

TEST(BettingInterval, EndsWhereTheTestTurns) {
  std::vector<double> scores;
  for (int i = 0; i < 60; ++i) scores.push_back(i % 4 == 0 ? 0 : 1);
  for (const std::optional<std::int64_t> population : {std::optional<std::int64_t>(), {100}}) {
    const Interval interval = betting_interval(scores, population, 0.05);
    const auto rejects = [&](double mean, bool from_above) {
      BettingTest test(from_above ? 1 - mean : mean, population);
      for (const double x : scores) test.add(from_above ? 1 - x : x);
      return test.rejects(0.05);
    };
    EXPECT_TRUE(rejects(interval.low - 1e-6, false));
    EXPECT_FALSE(rejects(interval.low + 1e-6, false));
    EXPECT_TRUE(rejects(interval.high + 1e-6, true));
    EXPECT_FALSE(rejects(interval.high - 1e-6, true));
  }
  EXPECT_EQ(betting_interval({}, 10, 0.05).low, 0);
  EXPECT_EQ(betting_interval({}, 10, 0.05).high, 1);
}

TEST(SequentialMcNemar, MeetsTheReferenceNumbers) {
  const int count =
      for_each_vector("sequential_mcnemar", [](const Json& in, const Json& out, double tol) {
        SequentialMcNemar test(in["a"]);
        test.add_discordant(in["n10"], in["n01"]);
        expect_close(out["log_e"], test.log_e(), tol, "log e");
        expect_close(out["e"], std::exp(test.log_e()), tol, "e");
        expect_close(out["p"], test.p().value, tol, "p");
        expect_close(out["cs_p01_share"], test.share_interval(in["alpha"]), tol, "share");
      });
  EXPECT_EQ(count, 2);
}

TEST(SequentialMcNemar, SaysNothingWithoutDiscordantQuestions) {
  SequentialMcNemar test;
  test.add(true, true);
  test.add(false, false);
  EXPECT_EQ(test.log_e(), 0);
  EXPECT_EQ(test.p().value, 1);
  EXPECT_EQ(test.share_interval().low, 0);
  EXPECT_EQ(test.share_interval().high, 1);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { SequentialMcNemar(0); });
}

// Ten to none by hand: E = B(11, 1) / B(1, 1) 2^10 = 1024 / 11; the shares p with
// ln(1/11) - 10 ln p < ln 20 are those above 220^(-1/10).
TEST(SequentialMcNemar, HandlesOneSidedTallies) {
  SequentialMcNemar all_b, all_a;
  for (int i = 0; i < 10; ++i) {
    all_b.add(false, true);
    all_a.add(true, false);
  }
  EXPECT_NEAR(std::exp(all_b.log_e()), 1024.0 / 11, 1e-10);
  EXPECT_NEAR(all_b.share_interval().low, std::pow(220.0, -0.1), 1e-12);
  EXPECT_EQ(all_b.share_interval().high, 1);
  EXPECT_EQ(all_a.share_interval().low, 0);
  EXPECT_NEAR(all_a.share_interval().high, 1 - std::pow(220.0, -0.1), 1e-12);
}

TEST(GroupSequential, MeetsTheReferenceNumbers) {
  const int count =
      for_each_vector("group_sequential", [](const Json& in, const Json& out, double tol) {
        const auto info = in["info"].get<std::vector<double>>();
        const double alpha = in["alpha"];
        const auto obf = group_sequential(info, {.alpha = alpha});
        const auto pocock = group_sequential(info, {.alpha = alpha, .spending = Spending::kPocock});
        const auto hsd = group_sequential(
            info, {.alpha = alpha, .spending = Spending::kHwangShihDeCani, .parameter = -4});
        for (std::size_t k = 0; k < info.size(); ++k) {
          expect_close(out["obf_spent"][k], obf[k].spent, tol, "obf spent");
          expect_close(out["obf_z"][k], obf[k].boundary, tol, "obf z");
          expect_close(out["pocock_spent"][k], pocock[k].spent, tol, "pocock spent");
          expect_close(out["pocock_z"][k], pocock[k].boundary, tol, "pocock z");
          expect_close(out["hsd_minus4_z"][k], hsd[k].boundary, tol, "hsd z");
        }
      });
  EXPECT_EQ(count, 3);
}

TEST(GroupSequential, SpendsWhatIsLeftAtTheLastLook) {
  GroupSequential trial({.spending = Spending::kPower, .parameter = 2});
  EXPECT_NEAR(trial.look(0.5).spent, 0.0125, 1e-15);
  const GroupLook last = trial.look(1.2, true);
  EXPECT_EQ(last.info, 1);
  EXPECT_DOUBLE_EQ(last.spent, 0.05);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [&] { trial.look(1); });
}

// One look with everything is the fixed test: z of 0.975.
TEST(GroupSequential, IsTheFixedTestForOneLook) {
  GroupSequential trial({});
  EXPECT_NEAR(trial.look(1).boundary, 1.959963984540054, 1e-12);
}

TEST(GroupSequential, NeverStopsWhereNothingMayBeSpent) {
  GroupSequential trial({});
  const GroupLook early = trial.look(1e-4);
  EXPECT_EQ(early.boundary, kInfinity);
  EXPECT_NEAR(trial.look(1).boundary, 1.959963984540054, 1e-9);
  EXPECT_EQ(repeated_interval(0.1, 0.2, early).high, kInfinity);
}

TEST(GroupSequential, RefusesPlansThatDoNotRise) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    group_sequential(std::vector<double>{0.5, 0.5});
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    group_sequential(std::vector<double>{0.5, 1.1});
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { GroupSequential({.spending = Spending::kPower, .parameter = 0}); });
}

}  // namespace
}  // namespace peira::stats
