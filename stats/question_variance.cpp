#include "stats/question_variance.h"

#include <algorithm>
#include <cmath>

#include "stats/detail/checks.h"
#include "stats/moments.h"

namespace peira::stats {

QuestionVariance question_variance(std::span<const std::vector<double>> scores) {
  detail::require_count(static_cast<std::int64_t>(scores.size()), 2, "questions");
  Moments means;
  double squares = 0;      // of answers around their question's mean
  std::int64_t spare = 0;  // sum (K_i - 1)
  double inverses = 0;
  for (const std::vector<double>& answers : scores) {
    if (answers.empty()) detail::empty_input("a question has no answers");
    const Moments question = moments_of(answers);
    means.add(question.mean());
    squares += question.sum_squared_deviations();
    spare += question.count() - 1;
    inverses += 1 / static_cast<double>(question.count());
  }
  QuestionVariance result;
  result.mean = means.mean();
  result.num_questions = means.count();
  result.inverse_answers = inverses / static_cast<double>(means.count());
  result.total = *means.variance();
  result.std_error = *means.std_error();
  if (spare > 0) {
    result.within = squares / static_cast<double>(spare);
    result.between = result.total - *result.within * result.inverse_answers;
  }
  return result;
}

PairedQuestionVariance paired_question_variance(std::span<const std::vector<double>> scores_a,
                                                std::span<const std::vector<double>> scores_b) {
  detail::require_same_length(scores_a.size(), scores_b.size(), "questions of a and b");
  PairedQuestionVariance result;
  result.a = question_variance(scores_a);
  result.b = question_variance(scores_b);
  PairedMoments means;
  Moments differences;
  for (std::size_t i = 0; i < scores_a.size(); ++i) {
    const double a = moments_of(scores_a[i]).mean();
    const double b = moments_of(scores_b[i]).mean();
    means.add(a, b);
    differences.add(b - a);
  }
  const double n = static_cast<double>(differences.count());
  result.difference = differences.mean();
  result.paired_std_error = *differences.std_error();
  result.unpaired_std_error = std::sqrt((result.a.total + result.b.total) / n);
  result.correlation = means.correlation();
  if (result.a.within && result.b.within) {
    const double noise =
        *result.a.within * result.a.inverse_answers + *result.b.within * result.b.inverse_answers;
    const double truth = *differences.variance() - noise;
    result.true_difference_variance = truth;
    result.std_error_endless = std::sqrt(std::max(0.0, truth) / n);
    result.std_error_single =
        std::sqrt(std::max(0.0, truth + *result.a.within + *result.b.within) / n);
  }
  return result;
}

}  // namespace peira::stats
