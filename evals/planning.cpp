#include "evals/planning.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "evals/score_mean.h"

namespace peira::evals {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

void check_correlation(double correlation) {
  if (correlation >= -1 && correlation < 1) return;
  throw Error(ErrorCode::kUsage, "InvalidArgument: a correlation of " + number(correlation) +
                                     ": it lies between -1 and 1, below 1");
}

}  // namespace

RunVariance run_variance(const OutcomeStream& outcomes) {
  RunVariance out;
  stats::Moments means, inverse, epochs;
  ClusteredValues clustered;
  double squares = 0;
  std::int64_t df = 0;
  std::int64_t row = -1;
  std::string cluster, id;
  out.binary = true;
  const auto close = [&] {
    if (epochs.count() == 0) return;
    const double mean = epochs.sum() / static_cast<double>(epochs.count());
    means.add(mean);
    inverse.add(1 / static_cast<double>(epochs.count()));
    clustered.add(cluster_key(cluster, id), mean);
    squares += epochs.sum_squared_deviations();
    df += epochs.count() - 1;
    out.binary = out.binary && (mean == 0 || mean == 1);
    epochs = stats::Moments();
  };
  while (const std::optional<SampleOutcome> outcome = outcomes()) {
    if (outcome->row != row) close();
    row = outcome->row;
    cluster = outcome->cluster;
    id = outcome->sample_id;
    if (outcome->score.state != AnswerState::kFailed) epochs.add(outcome->score.value);
  }
  close();
  if (means.count() < 2) {
    throw Error(ErrorCode::kData, "the run has " + std::to_string(means.count()) +
                                      " questions with a score: a spread needs two");
  }
  out.num_questions = means.count();
  out.mean = means.mean();
  out.total = *means.variance();
  out.inverse_epochs = inverse.mean();
  if (df > 0) out.within = squares / static_cast<double>(df);
  out.binary = out.binary && df == 0;
  if (clustered.has_repeated_cluster() && out.total > 0) {
    const std::optional<double> error = clustered.mean().estimate().std_error;
    if (error) out.design_effect = *error * *error * static_cast<double>(means.count()) / out.total;
  }
  return out;
}

ComparisonPlan plan_from(const Comparison& comparison) {
  if (!comparison.variance || comparison.variance->observed <= 0) {
    throw Error(ErrorCode::kData,
                "the runs answer alike on all " + std::to_string(comparison.num_pairs) +
                    " questions in both: their difference has no spread to plan with");
  }
  const VarianceParts& parts = *comparison.variance;
  ComparisonPlan plan;
  plan.epochs = std::max(parts.epochs_a, parts.epochs_b);
  plan.split = parts.sampling_a && parts.sampling_b;
  if (plan.split) {
    plan.design.question_variance = std::max(*parts.questions, 0.0);
    plan.design.sampling_variance_a = *parts.sampling_a;
    plan.design.sampling_variance_b = *parts.sampling_b;
  } else {
    plan.design.question_variance = parts.observed;
  }
  plan.design.design_effect = std::max(parts.design_effect, 1e-6);
  const auto n = static_cast<double>(comparison.num_pairs);
  const auto variance_of = [n](const Metric& score) {
    return score.std_error ? *score.std_error * *score.std_error * n : 0;
  };
  plan.unpaired_variance = (variance_of(comparison.score_a) + variance_of(comparison.score_b)) /
                           plan.design.design_effect;
  plan.binary = comparison.binary && !plan.split;
  plan.basis = "Measured on " + std::to_string(comparison.num_pairs) +
               " questions in both runs: "
               "variance of a question's difference " +
               number(parts.observed) +
               (comparison.correlation ? ", correlation " + number(*comparison.correlation) : "");
  if (plan.split) {
    plan.basis += "; between questions " + number(plan.design.question_variance) +
                  ", of one answer " + number(*parts.sampling_a) + " in A and " +
                  number(*parts.sampling_b) + " in B";
  }
  if (comparison.num_clusters < comparison.num_pairs) {
    plan.basis += "; clusters multiply it by " + number(plan.design.design_effect);
  }
  plan.basis += ".";
  return plan;
}

ComparisonPlan plan_from(const RunVariance& pilot, double correlation) {
  check_correlation(correlation);
  ComparisonPlan plan;
  plan.epochs = 1 / pilot.inverse_epochs;
  plan.split = pilot.within.has_value();
  plan.binary = pilot.binary;
  plan.unpaired_variance = 2 * pilot.total;
  plan.design.design_effect = std::max(pilot.design_effect, 1e-6);
  plan.basis = "From " + std::to_string(pilot.num_questions) + " questions of one run (score " +
               number(pilot.mean) + ")";
  if (plan.split) {
    const double between = std::max(pilot.total - *pilot.within * pilot.inverse_epochs, 0.0);
    plan.design.question_variance = 2 * between * (1 - correlation);
    plan.design.sampling_variance_a = plan.design.sampling_variance_b = *pilot.within;
    plan.basis += ": variance between questions " + number(between) + ", of one answer " +
                  number(*pilot.within);
  } else {
    plan.design.question_variance = 2 * pilot.total * (1 - correlation);
    plan.basis += ": variance of a question's score " + number(pilot.total);
  }
  plan.basis += "; assumed: the other run varies as much and correlates by " + number(correlation) +
                " with it over questions.";
  return plan;
}

ComparisonPlan plan_from(double score, double correlation, std::optional<double> sampling_share) {
  check_correlation(correlation);
  if (!(score > 0) || !(score < 1)) {
    throw Error(ErrorCode::kUsage,
                "InvalidArgument: a score of " + number(score) + ": it must lie between 0 and 1");
  }
  if (sampling_share && (!(*sampling_share >= 0) || !(*sampling_share <= 1))) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: a sampling share of " +
                                       number(*sampling_share) + ": it lies in [0, 1]");
  }
  const double single = score * (1 - score);
  const double noise = sampling_share.value_or(0) * single;
  ComparisonPlan plan;
  plan.split = sampling_share.has_value();
  plan.binary = !plan.split;
  plan.unpaired_variance = 2 * single;
  plan.design.question_variance = 2 * (single - noise) * (1 - correlation);
  plan.design.sampling_variance_a = plan.design.sampling_variance_b = noise;
  plan.basis = "Assumed: answers right or wrong, " + number(100 * score) +
               " % right, both runs correlating by " + number(correlation) + " over questions" +
               (plan.split ? "; " + number(100 * *sampling_share) +
                                 " % of the variance of an answer is noise of sampling"
                           : "") +
               ".";
  return plan;
}

stats::SampleSize mcnemar_size(const ComparisonPlan& plan, double difference,
                               const stats::PowerOptions& options) {
  // var(d) = psi - D^2 for d in {-1, 0, 1}, psi the share of questions that fall differently.
  const double psi = std::min(
      1.0, std::max(std::abs(difference), plan.design.question_variance + difference * difference));
  return stats::sample_size_mcnemar((psi - difference) / 2, (psi + difference) / 2, options);
}

}  // namespace peira::evals
