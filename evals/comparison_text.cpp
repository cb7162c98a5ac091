#include "evals/comparison_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/error.h"
#include "evals/comparison.h"
#include "stats/power.h"

namespace peira::evals {
namespace {

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  const std::string text = buffer;
  return text.find_first_not_of("-0.") == std::string::npos && text[0] == '-' ? text.substr(1)
                                                                              : text;
}

std::string points(double share) { return points_text(share); }

// "B (direct)" where the runs' variants differ, else by model or profile, else just "B".
std::string name_of(const char* arm, const RunRecord& run, const RunRecord& other) {
  std::string name(arm);
  if (run.model != other.model) return name + " (" + run.model + ")";
  if (run.variant != other.variant) return name + " (" + run.variant + ")";
  if (run.profile != other.profile) return name + " (" + run.profile + ")";
  return name;
}

std::string flips_text(const Comparison& comparison) {
  if (comparison.binary) {
    return count_text(comparison.to_right, "question", "questions") + " flipped to right, " +
           std::to_string(comparison.to_wrong) + " to wrong";
  }
  return count_text(comparison.to_right, "question", "questions") + " scored higher, " +
         std::to_string(comparison.to_wrong) + " lower";
}

// What was left out of a comparison, as further sentences; "" when nothing was.
std::string left_out_text(const Comparison& comparison) {
  std::string text;
  const std::int64_t unpaired = comparison.only_in_a + comparison.only_in_b;
  if (comparison.failed_pairs > 0) {
    text += " Left out: " +
            count_text(comparison.failed_pairs, "question that failed", "questions that failed") +
            " in one run or both.";
  }
  if (!comparison.paired) {
    if (unpaired > 0) text += " The runs have no question in common.";
  } else if (unpaired > 0) {
    text += " " + count_text(unpaired, "question is", "questions are") + " in one run only.";
  }
  for (const auto& [arm, run] : {std::pair{"A", &comparison.a}, std::pair{"B", &comparison.b}}) {
    if (!run->complete) text += std::string(" Run ") + arm + " is incomplete.";
    if (run->decision && run->decision->stopped_early()) {
      text += std::string(" Run ") + arm + " was stopped early, after " +
              std::to_string(run->decision->num_used) + " of " +
              count_text(run->decision->num_questions, "question", "questions") +
              ": a comparison of its score is not protected against that.";
    }
  }
  return text;
}

// Questions needed; "" where they are more than a billion.
std::string needed_text(double difference, const stats::EvalDesign& design) {
  try {
    return std::to_string(stats::sample_size_eval(design, difference).needed);
  } catch (const Error&) {
    return "";
  }
}

const char* outcome_text(MarginTest::Outcome outcome) {
  switch (outcome) {
    case MarginTest::Outcome::kPass:
      return "shown";
    case MarginTest::Outcome::kFail:
      return "refuted";
    case MarginTest::Outcome::kInconclusive:
      break;
  }
  return "undecided";
}

std::string margin_numbers(const MarginTest& test) {
  return std::string(outcome_text(test.outcome)) + " (90 % CI of B - A " + points(test.low) +
         " to " + points(test.high) + " points, " + p_value_text(test.p) + ").";
}

}  // namespace

std::string points_text(double share) { return format("%.1f", 100 * share); }

std::string count_text(std::int64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

const char* to_string(MarginTest::Outcome outcome) {
  switch (outcome) {
    case MarginTest::Outcome::kPass:
      return "pass";
    case MarginTest::Outcome::kFail:
      return "fail";
    case MarginTest::Outcome::kInconclusive:
      break;
  }
  return "inconclusive";
}

std::string equivalence_sentence(const MarginTest& test) {
  return "Equivalent within " + points(test.margin) + " points: " + margin_numbers(test);
}

std::string no_worse_sentence(const MarginTest& test) {
  return "B no worse than A by " + points(test.margin) + " points: " + margin_numbers(test);
}

std::optional<double> VarianceParts::sampling_share() const {
  if (!sampling_a || !sampling_b || observed <= 0) return std::nullopt;
  return std::clamp((*sampling_a / epochs_a + *sampling_b / epochs_b) / observed, 0.0, 1.0);
}

std::string advice_of(const Comparison& comparison) {
  if (!comparison.variance || comparison.variance->observed <= 0) return "";
  const VarianceParts& parts = *comparison.variance;
  const double difference = std::abs(comparison.difference);
  const bool is_open = !comparison.p_value || *comparison.p_value >= 0.05;
  const auto n = static_cast<double>(comparison.num_pairs);
  stats::EvalDesign design{.question_variance = parts.observed,
                           .sampling_variance_a = 0,
                           .sampling_variance_b = 0,
                           .epochs_a = 1,
                           .epochs_b = 1,
                           .design_effect = std::max(parts.design_effect, 1e-6)};
  std::string text;
  const std::optional<double> share = parts.sampling_share();
  if (!share) {
    text =
        "With one answer a question, sampling noise cannot be told from differences between "
        "questions: --epochs 2 or more would.";
  } else {
    const double saved = 100 * (1 - std::sqrt(1 - *share / 2));
    text =
        "Sampling noise is " + format("%.0f", 100 * *share) +
        " % of the variance of the difference: twice the epochs would cut the standard error by " +
        format("%.0f", saved) + " %, twice the questions by 29 %.";
  }
  if (!is_open || difference == 0) return text;
  const std::string questions = needed_text(difference, design);
  if (questions.empty()) return text;
  text += " A true difference of " + points(difference) +
          " points, as observed, would be seen four "
          "times in five with " +
          questions + " questions";
  if (share && parts.questions) {
    // n D^2 / (z_{a/2} + z_b)^2 is the variance a question may have at the questions there are.
    constexpr double kReach = 1.959963984540054 + 0.8416212335729143;
    const double sampling = *parts.sampling_a + *parts.sampling_b;
    const double room = n * difference * difference / (kReach * kReach * design.design_effect) -
                        std::max(*parts.questions, 0.0);
    if (room > 0 && sampling > 0) {
      const double epochs = std::ceil(sampling / room);
      if (epochs < 1e6)
        text += ", or with these questions at " + format("%.0f", epochs) + " epochs";
    } else if (sampling > 0) {
      text += "; no number of epochs would do with these questions";
    }
  }
  return text + ".";
}

std::string p_value_text(double p) {
  if (p < 0.001) return "p < 0.001";
  if (p < 0.1) return "p = " + format(p >= 0.0495 && p < 0.0505 ? "%.4f" : "%.3f", p);
  return "p = " + format("%.2f", p);
}

std::string verdict_of(const Comparison& comparison) {
  if (!comparison.has_difference()) {
    return "Nothing can be compared: no question was answered in both runs." +
           left_out_text(comparison);
  }
  const std::string name_b = name_of("B", comparison.b, comparison.a);
  std::string pairs = "paired over " + count_text(comparison.num_pairs, "question", "questions") +
                      (comparison.num_clusters < comparison.num_pairs
                           ? " in " + count_text(comparison.num_clusters, "cluster", "clusters")
                           : "");
  if (!comparison.paired) {
    pairs = "unpaired: " + count_text(comparison.score_a.num_samples, "question", "questions") +
            " in A, " + std::to_string(comparison.score_b.num_samples) + " others in B";
  } else if (comparison.to_right + comparison.to_wrong == 0) {
    std::string text = "No difference shown: A and B score the same on ";
    text += comparison.num_pairs == 1
                ? "the one question"
                : "every one of " + std::to_string(comparison.num_pairs) + " questions";
    if (comparison.low && comparison.high) {
      text +=
          " (95 % CI " + points(*comparison.low) + " to " + points(*comparison.high) + " points)";
    }
    return text + "." + left_out_text(comparison);
  }

  const bool higher = comparison.difference > 0;
  const std::optional<double> p = comparison.p_value ? comparison.p_value : comparison.mcnemar_p;
  const bool is_told = p && *p < 0.05 && comparison.difference != 0;
  // The interval is stated in the direction of the sentence: of the amount by which B is ahead or
  // behind.
  std::string numbers;
  if (comparison.low && comparison.high) {
    const double low = higher ? *comparison.low : -*comparison.high;
    const double high = higher ? *comparison.high : -*comparison.low;
    numbers += "95 % CI " + points(low) + " to " + points(high) + ", ";
  }
  if (p) numbers += p_value_text(*p) + ", ";
  numbers += pairs;
  const std::string amount = points(std::abs(comparison.difference)) + " points, " + numbers;
  const std::string flips = comparison.paired ? "; " + flips_text(comparison) + "." : ".";
  if (is_told) {
    return name_b + " is " + (higher ? "better" : "worse") + " by " + amount + flips +
           left_out_text(comparison);
  }
  std::string text = "No difference shown: " + name_b + " is " + (higher ? "higher" : "lower") +
                     " by " + amount + flips;
  if (!p) {
    text +=
        " Every difference points the same way by the same amount, so nothing tells chance "
        "from effect.";
  } else if (comparison.detectable) {
    text += " A difference below " + points(*comparison.detectable) +
            " points could easily not have been seen.";
  }
  return text + left_out_text(comparison);
}

}  // namespace peira::evals
