// How often a stopped run decides wrongly, and how many questions it saves, by simulation: finite
// benchmarks whose full score is known, asked in random order. PEIRA_SIMULATIONS sets the runs of
// each kind [1,000]; the error limit allows three Monte-Carlo standard errors. Prints the table.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "evals/stop_rule.h"
#include "stats/random.h"

namespace peira::evals {
namespace {

constexpr double kError = 0.05;

int num_runs() {
  const char* text = std::getenv("PEIRA_SIMULATIONS");
  return text == nullptr ? 1'000 : std::max(100, std::atoi(text));
}

struct Tally {
  double wrong = 0, undecided = 0, saved = 0;
};

// A benchmark's questions, in file order.
using Benchmark = std::function<std::vector<double>(stats::Random&)>;

Tally simulate(const std::string& rule, Verdict truth, const Benchmark& benchmark, int runs,
               std::uint64_t seed) {
  const StopRule parsed = parse_stop_rule(rule, {});
  Tally tally;
  for (int run = 0; run < runs; ++run) {
    stats::Random random(stats::split_seed(seed, static_cast<std::uint64_t>(run)));
    std::vector<double> questions = benchmark(random);
    random.shuffle(std::span<double>(questions));
    StopDecider decider(parsed, kError, static_cast<std::int64_t>(questions.size()));
    for (const double x : questions) {
      decider.add({x, x});
      if (decider.decided()) break;
    }
    const Verdict verdict = decider.verdict();
    tally.wrong += verdict != Verdict::kUndecided && verdict != truth ? 1 : 0;
    tally.undecided += verdict == Verdict::kUndecided ? 1 : 0;
    tally.saved +=
        1 - static_cast<double>(decider.num_used()) / static_cast<double>(questions.size());
  }
  tally.wrong /= runs;
  tally.undecided /= runs;
  tally.saved /= runs;
  return tally;
}

void expect_valid(const std::string& kind, double gap, const Tally& tally, int runs) {
  std::printf("%-46s gap %+6.3f  wrong %6.4f  questions saved %4.1f %%\n", kind.c_str(), gap,
              tally.wrong, 100 * tally.saved);
  EXPECT_LE(tally.wrong, kError + 3 * std::sqrt(kError * (1 - kError) / runs)) << kind << gap;
  EXPECT_EQ(tally.undecided, 0) << kind << gap;
}

Benchmark right_or_wrong(int size, double score) {
  return [=](stats::Random&) {
    std::vector<double> questions(static_cast<std::size_t>(size), 0);
    std::fill_n(questions.begin(), std::llround(score * size), 1.0);
    return questions;
  };
}

// Gaps in which the threshold is the score itself, or one question off, are where errors are made.
TEST(StopRuleValidity, OfScores) {
  const int runs = num_runs();
  for (const int size : {198, 448, 2000}) {
    for (const double gap : {-0.1, -0.05, -0.02, -1.0 / size, 0.0, 0.02, 0.05, 0.1}) {
      const double score = std::round(0.8 * size) / size + gap;
      // 0.8 of the questions, rounded up to whole ones.
      char rule[64];
      std::snprintf(rule, sizeof rule, "score>=%.17g", std::round(0.8 * size) / size);
      expect_valid("score >= 0.8, " + std::to_string(size) + " questions", gap,
                   simulate(rule, gap >= 0 ? Verdict::kTrue : Verdict::kFalse,
                            right_or_wrong(size, score), runs, 1),
                   runs);
    }
  }
}

// Pairs that agree but for `changed` of them; B is better by `difference`.
Benchmark paired(int size, double difference, double changed) {
  return [=](stats::Random&) {
    std::vector<double> questions(static_cast<std::size_t>(size), 0);
    const auto up = std::llround((changed + difference) / 2 * size);
    const auto down = std::llround((changed - difference) / 2 * size);
    std::fill_n(questions.begin(), up, 1.0);
    std::fill_n(questions.begin() + up, down, -1.0);
    return questions;
  };
}

TEST(StopRuleValidity, OfPairedDifferences) {
  const int runs = num_runs();
  for (const int size : {1000, 5000}) {
    for (const double difference : {-0.07, -0.05, -0.03, -0.02, 0.0, 0.03}) {
      const double gap = difference + 0.03;
      expect_valid("no worse by 0.03, " + std::to_string(size) + " pairs, 10 % change", gap,
                   simulate("no-worse-than x by 0.03", gap >= 0 ? Verdict::kTrue : Verdict::kFalse,
                            paired(size, difference, 0.1), runs, 2),
                   runs);
    }
  }
}

// Several epochs, and clusters whose questions are alike: the order alone is random, so that
// neither makes a difference to the error.
TEST(StopRuleValidity, OfEpochsInClusters) {
  const int runs = num_runs();
  for (const double gap : {-0.02, 0.0, 0.05}) {
    const double target = 0.6;
    const Benchmark benchmark = [&](stats::Random& random) {
      std::vector<double> questions;
      for (int cluster = 0; cluster < 60; ++cluster) {
        const double level = random.uniform();
        for (int i = 0; i < 8; ++i) {
          double right = 0;
          for (int epoch = 0; epoch < 4; ++epoch) right += random.uniform() < level ? 1 : 0;
          questions.push_back(right / 4);
        }
      }
      // Quarters are moved until the benchmark's full score is as far from the target as wanted.
      const auto wanted = std::llround((target + gap) * 4 * 480);
      double sum = 0;
      for (const double x : questions) sum += 4 * x;
      while (static_cast<long long>(sum) != wanted) {
        double& x = questions[random.below(questions.size())];
        const double step = static_cast<long long>(sum) < wanted ? 0.25 : -0.25;
        if (x + step < 0 || x + step > 1) continue;
        x += step;
        sum += 4 * step;
      }
      return questions;
    };
    expect_valid(
        "score >= 0.6, 480 questions in 60 clusters", gap,
        simulate("score>=0.6", gap >= 0 ? Verdict::kTrue : Verdict::kFalse, benchmark, runs / 2, 3),
        runs / 2);
  }
}

}  // namespace
}  // namespace peira::evals
