#include "stats/question_variance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/moments.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Scores = std::vector<std::vector<double>>;

// By hand: means 1/2 and 1, pooled squares 1/2 over 1 + 2 spare answers, mean(1/K) = 5/12.
TEST(QuestionVariance, TakesUnequalNumbersOfAnswers) {
  const QuestionVariance got = question_variance(Scores{{0, 1}, {1, 1, 1}});
  EXPECT_DOUBLE_EQ(got.mean, 0.75);
  EXPECT_DOUBLE_EQ(got.total, 0.125);
  EXPECT_DOUBLE_EQ(got.std_error, 0.25);
  EXPECT_DOUBLE_EQ(got.within.value(), 0.5 / 3);
  EXPECT_DOUBLE_EQ(got.inverse_answers, 5.0 / 12);
  EXPECT_DOUBLE_EQ(got.between.value(), 0.125 - 0.5 / 3 * 5 / 12);
}

TEST(QuestionVariance, SaysNothingOfSamplingFromSingleAnswers) {
  const QuestionVariance got = question_variance(Scores{{0}, {1}, {1}});
  EXPECT_FALSE(got.within);
  EXPECT_FALSE(got.between);
  EXPECT_DOUBLE_EQ(got.std_error, std::sqrt(1.0 / 9));
  const PairedQuestionVariance both =
      paired_question_variance(Scores{{0}, {1}, {1}}, Scores{{1}, {1}, {1}});
  EXPECT_FALSE(both.true_difference_variance);
  EXPECT_FALSE(both.std_error_endless);
  EXPECT_FALSE(both.correlation);  // b does not vary
  EXPECT_DOUBLE_EQ(both.paired_std_error, std::sqrt(1.0 / 9));
}

// Simulated: abilities uniform, so Var(x) = 1/12 and E(sigma^2) = E x(1-x) = 1/6.
TEST(QuestionVariance, RecoversBothParts) {
  Random random(21);
  Scores scores(20'000);
  for (auto& answers : scores) {
    const double ability = random.uniform();
    for (int k = 0; k < 4; ++k) answers.push_back(random.uniform() < ability);
  }
  const QuestionVariance got = question_variance(scores);
  EXPECT_NEAR(*got.within, 1.0 / 6, 0.003);
  EXPECT_NEAR(*got.between, 1.0 / 12, 0.003);
}

TEST(QuestionVariance, RefusesWhatShowsNoVariance) {
  expect_error(ErrorCode::kData, "TooFewObservations", [] { question_variance(Scores{{1, 0}}); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { question_variance(Scores{{1, 0}, {}}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] {
    question_variance(Scores{{1, NAN}, {1}});
  });
  expect_error(ErrorCode::kData, "LengthMismatch", [] {
    paired_question_variance(Scores{{1}, {0}}, Scores{{1}});
  });
}

}  // namespace
}  // namespace peira::stats
