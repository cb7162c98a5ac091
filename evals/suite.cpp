#include "evals/suite.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "evals/prompt.h"

namespace peira::evals {
namespace {

constexpr std::array<std::string_view, 6> kStateNames{"scored", "unparsed", "truncated",
                                                      "empty",  "refused",  "failed"};

const std::string& shown_choice(const datasets::Sample& sample, std::span<const int> permutation,
                                std::size_t position) {
  const std::size_t index =
      permutation.empty() ? position : static_cast<std::size_t>(permutation[position]);
  return sample.choices[index];
}

}  // namespace

std::string_view to_string(AnswerState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::optional<AnswerState> answer_state_from(std::string_view name) {
  for (std::size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == name) return static_cast<AnswerState>(i);
  }
  return std::nullopt;
}

const Profile& Suite::profile(std::string_view profile_name) const {
  if (profile_name.empty()) return profiles.front();
  std::string known;
  for (const Profile& profile : profiles) {
    if (profile.name == profile_name) return profile;
    known += (known.empty() ? "" : ", ") + profile.name;
  }
  throw Error(ErrorCode::kUsage, "suite " + name + " has no profile \"" +
                                     std::string(profile_name) + "\"\n  try: " + known);
}

const ResponseFormat& Profile::format_of(const PromptVariant& variant) const {
  const auto found = variant_formats.find(variant.num_shots > 0 ? "direct" : variant.name);
  return found == variant_formats.end() ? response_format : found->second;
}

int gold_position(const datasets::Sample& sample, std::span<const int> permutation) {
  if (sample.correct_choice < 0) return -1;
  const std::string& gold = sample.choices[static_cast<std::size_t>(sample.correct_choice)];
  const std::size_t shown = permutation.empty() ? sample.choices.size() : permutation.size();
  for (std::size_t k = 0; k < shown; ++k) {
    if (shown_choice(sample, permutation, k) == gold) return static_cast<int>(k);
  }
  return -1;
}

std::string gold_text(const datasets::Sample& sample, std::span<const int> permutation) {
  const int position = gold_position(sample, permutation);
  return position < 0 ? sample.target : option_letter(position);
}

Score score_by_likelihood(const datasets::Sample& sample, std::span<const int> permutation,
                          std::span<const double> logprobs) {
  const std::size_t shown = permutation.empty() ? sample.choices.size() : permutation.size();
  if (shown == 0 || logprobs.size() != shown) {
    throw Error(ErrorCode::kInternal,
                "sample " + sample.id + ": " + std::to_string(logprobs.size()) +
                    " log-likelihoods for " + std::to_string(shown) + " options");
  }
  std::size_t best = 0;
  bool any = false;
  for (std::size_t k = 0; k < shown; ++k) {
    if (std::isnan(logprobs[k])) continue;
    if (!any || logprobs[k] > logprobs[best]) best = k;
    any = true;
  }
  const std::string gold = gold_text(sample, permutation);
  Score score;
  score.rule = "loglikelihood";
  if (!any) {
    score.state = AnswerState::kFailed;
    score.why = "no option has a log-likelihood; gold is " + gold;
    return score;
  }
  score.state = AnswerState::kScored;
  score.answer = option_letter(static_cast<int>(best));
  score.value = score.answer == gold ? 1 : 0;
  score.why = "option " + score.answer + " is the most probable; gold is " + gold;
  return score;
}

}  // namespace peira::evals
