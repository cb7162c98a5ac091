// Scores of several answers to each question: how much of their variance is between questions and
// how much within, and what more answers would still buy. Every difference is b - a.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace peira::stats {

// One model's answers. x_i is question i's expected score, sigma_i^2 the variance of its answers:
// Var(mean) = [Var(x) + E(sigma_i^2) / K] / n.
struct QuestionVariance {
  double mean = 0;  // of the questions' means
  std::int64_t num_questions = 0;
  double inverse_answers = 1;     // mean of 1 / K_i
  double total = 0;               // variance of the questions' means
  double std_error = 0;           // sqrt(total / n): holds the sampling noise already
  std::optional<double> within;   // E(sigma_i^2); empty when no question has two answers
  std::optional<double> between;  // total - within mean(1/K); may be negative, reported as is
};

// scores  [num_questions][K_i], one row a question; K_i >= 1 may differ.
// throws  Error(kData): "TooFewObservations" below two questions, "EmptyInput": a question without
//         answers, "NonFiniteInput".
// source  Miller (2024), arXiv:2411.00640, section 3; unequal K_i: pooled squares over
//         sum (K_i - 1).
QuestionVariance question_variance(std::span<const std::vector<double>> scores);

struct PairedQuestionVariance {
  QuestionVariance a, b;
  double difference = 0;
  double paired_std_error = 0;
  double unpaired_std_error = 0;      // what ignoring the pairs would give
  std::optional<double> correlation;  // of the questions' means; empty when an arm does not vary
  // Variance of the true differences between questions; empty without two answers a question in
  // both arms. May be negative, reported as is.
  std::optional<double> true_difference_variance;
  // Paired standard errors with endlessly many answers and with one a question.
  std::optional<double> std_error_endless, std_error_single;
};

// Rows of both are the same questions in the same order.
// throws  as question_variance; "LengthMismatch".
PairedQuestionVariance paired_question_variance(std::span<const std::vector<double>> scores_a,
                                                std::span<const std::vector<double>> scores_b);

}  // namespace peira::stats
