#include "stats/item_response.h"

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Items = std::vector<ResponseItem>;
using Scores = std::vector<double>;

// One item of difficulty 0: half right at ability 0.
TEST(Ability, IsWhereScoresAreExpected) {
  const Ability got = ability_mle(Items{{1, 0}, {1, 0}}, Scores{1, 0});
  EXPECT_NEAR(got.ability, 0, 1e-15);
  EXPECT_NEAR(got.std_error, 1 / std::sqrt(0.5), 1e-14);
  EXPECT_NEAR(expected_score(Items{{1, 0}, {1, 0}}, got.ability), 0.5, 1e-15);
}

TEST(Ability, NeedsAPriorWhenAllIsRightOrWrong) {
  const Items items{{1, 0}, {2, 1}};
  expect_error(ErrorCode::kData, "NotEstimable", [&] { ability_mle(items, Scores{1, 1}); });
  expect_error(ErrorCode::kData, "NotEstimable", [&] { ability_mle(items, Scores{0, 0}); });
  EXPECT_GT(ability_map(items, Scores{1, 1}).ability, 0.5);
  EXPECT_LT(ability_map(items, Scores{0, 0}).ability, -0.2);
}

TEST(Ability, RefusesBadItems) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { ability_map(Items{{0, 0}}, Scores{1}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { ability_map(Items{{1, 0}}, Scores{2}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { ability_map(Items{{1, NAN}}, Scores{1}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { ability_map(Items{{1, 0}}, Scores{NAN}); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { ability_map(Items{}, Scores{}); });
  expect_error(ErrorCode::kData, "LengthMismatch", [] { ability_map(Items{{1, 0}}, Scores{}); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { expected_score(Items{}, 0); });
}

ItemBank bank_of(std::size_t n) {
  Random random(8);
  ItemBank bank{"v1", {}};
  for (std::size_t i = 0; i < n; ++i) {
    bank.items.push_back({0.5 + 1.5 * random.uniform(), 4 * random.uniform() - 2});
  }
  return bank;
}

// By hand from its own parts: 2 of 5 items are anchors.
TEST(EstimateBenchmark, BlendsAnchorsWithPredictions) {
  const ItemBank bank = bank_of(5);
  const AnchorScores anchors{"v1", {3, 1}, {1, 0}, {0.3, 0.7}};
  const BenchmarkEstimate got = estimate_benchmark(bank, anchors, 0.25);
  const double theta = ability_map(Items{bank.items[3], bank.items[1]}, anchors.scores).ability;
  const double rest = expected_score(Items{bank.items[0], bank.items[2], bank.items[4]}, theta);
  EXPECT_NEAR(got.p_irt, 0.4 * 0.5 + 0.6 * rest, 1e-15);
  EXPECT_NEAR(got.gp_irt, 0.25 * 0.3 + 0.75 * got.p_irt, 1e-15);
  EXPECT_LT(got.interval.low, got.p_irt);
  EXPECT_GT(got.interval.high, got.p_irt);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"ignores_item_parameter_error"});
}

// Anchors that are the whole benchmark leave nothing to predict.
TEST(EstimateBenchmark, IsTheMeanWhenEveryItemIsAnAnchor) {
  const BenchmarkEstimate got =
      estimate_benchmark(bank_of(4), {"v1", {0, 1, 2, 3}, {1, 0, 1, 1}, {}}, 0);
  EXPECT_DOUBLE_EQ(got.p_irt, 0.75);
  EXPECT_DOUBLE_EQ(got.interval.low, 0.75);
}

TEST(EstimateBenchmark, RefusesWhatDoesNotFit) {
  const auto call = [](AnchorScores anchors, double blend = 0.5) {
    return [=] { estimate_benchmark(bank_of(4), anchors, blend); };
  };
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({"v2", {0}, {1}, {}}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({"v1", {4}, {1}, {}}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({"v1", {1, 1}, {1, 0}, {}}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({"v1", {0, 1}, {1, 0}, {0.5, 0.6}}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({"v1", {0, 1}, {1, 0}, {-0.5, 1.5}}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({"v1", {0}, {1}, {}}, 1.5));
  expect_error(ErrorCode::kData, "EmptyInput", call({"v1", {}, {}, {}}));
  expect_error(ErrorCode::kData, "LengthMismatch", call({"v1", {0}, {1, 0}, {}}));
}

// 1,000 models of known ability on 80 items: the interval of the likelihood estimate covers 95 %.
TEST(Ability, HasAStandardErrorThatCovers) {
  Random random(4);
  const ItemBank bank = bank_of(80);
  constexpr int kStudies = 1000;
  int held = 0;
  for (int study = 0; study < kStudies; ++study) {
    Scores scores;
    for (const ResponseItem& item : bank.items) {
      scores.push_back(random.uniform() < chance_right(item, 0.4));
    }
    const Ability got = ability_mle(bank.items, scores);
    held += std::abs(got.ability - 0.4) < 1.959963984540054 * got.std_error;
  }
  EXPECT_NEAR(held / static_cast<double>(kStudies), 0.95, 4 * std::sqrt(0.95 * 0.05 / kStudies));
}

}  // namespace
}  // namespace peira::stats
