// MMMU (Yue et al. 2024, arXiv:2311.16502) and MMMU-Pro (arXiv:2409.02813): college questions over
// pictures.
#include <algorithm>
#include <string>
#include <utility>

#include "datasets/python_list.h"
#include "evals/extractors/mmmu.h"
#include "evals/metrics/official_accuracy.h"
#include "evals/prompt.h"
#include "evals/scorers/judgement.h"
#include "evals/suites/media_prompt.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

std::vector<std::string> displayed_options(const ScoreRequest& request) {
  std::vector<std::string> options;
  for (const int choice : displayed_order(*request.sample, request.permutation)) {
    options.push_back(request.sample->choices[static_cast<std::size_t>(choice)]);
  }
  return options;
}

// The official code guesses here, from one stream over the whole evaluation: what it draws depends
// on every reply before. The verdict says so and counts as wrong; the summary adds the figure with
// the guesses.
Score without_option(const ScoreRequest& request, std::size_t num_options) {
  Score score = without_answer(request, gold_text(*request.sample, request.permutation));
  if (score.state != AnswerState::kFailed) {
    score.notes.push_back(std::string(kGuessNote) + std::to_string(num_options));
    score.why += "; the official code guesses";
  }
  return score;
}

using ParseChoice = std::optional<MmmuChoice> (*)(std::string_view,
                                                  const std::vector<std::string>&);

Score score_choice(const ScoreRequest& request, ParseChoice parse) {
  const std::vector<std::string> options = displayed_options(request);
  if (!is_failure(request)) {
    if (const auto found = parse(request.response, options)) {
      return judge_letter(request, option_letter(found->option), found->rule);
    }
  }
  return without_option(request, options.size());
}

Score score_open(const ScoreRequest& request) {
  const std::string& target = request.sample->target;
  if (is_failure(request)) return without_answer(request, target);
  // Three golds of the validation split are lists of alternatives.
  const auto alternatives =
      target.starts_with('[') ? datasets::parse_python_list(target) : std::nullopt;
  std::vector<MmmuValue> gold;
  for (const std::string& answer : alternatives.value_or(std::vector<std::string>{target})) {
    for (MmmuValue& value : normalize_mmmu(answer)) gold.push_back(std::move(value));
  }
  if (request.response.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return without_answer(request, target);
  return judged(std::string(request.response), "open-answer",
                mmmu_open_matches(parse_mmmu_open(request.response), gold), target);
}

Score score_mmmu(const ScoreRequest& request) {
  return request.sample->choices.empty() ? score_open(request)
                                         : score_choice(request, parse_mmmu_choice);
}

Score score_mmmu_pro(const ScoreRequest& request) {
  return score_choice(request, parse_mmmu_pro_choice);
}

PromptWording choice_wording() {
  PromptWording wording;
  wording.answer_format = "Reply with the letter of the right option and nothing else.";
  wording.body = "{question}\n{choices}\n\n{style}";
  wording.style_official = wording.answer_format;
  wording.style_direct = wording.answer_format;
  wording.style_steps = std::string(five_steps()) +
                        " End with the letter of the right option in parentheses, as in (X).";
  wording.choice_prefix = "(";
  wording.choice_suffix = ") ";
  return wording;
}

PromptWording open_wording() {
  PromptWording wording;
  wording.answer_format = "Reply with one word or a short phrase and nothing else.";
  wording.body = "{question}\n{style}";
  wording.style_official = wording.answer_format;
  wording.style_direct = wording.answer_format;
  wording.style_steps =
      std::string(five_steps()) + " End with a line of the form: The answer is X.";
  return wording;
}

PromptWording pro_wording() {
  PromptWording wording;
  wording.answer_format =
      "The last line of your reply must have the form 'Answer: $LETTER' (without the quotes), "
      "where LETTER is that of the "
      "right option.";
  wording.body = "{question}\n{choices}\n\n{style}";
  wording.style_official = wording.answer_format + " Think step by step before you answer.";
  wording.style_direct = "Reply with the letter of the right option and nothing else.";
  wording.style_steps = std::string(five_steps()) + " " + wording.answer_format;
  wording.choice_suffix = ". ";
  wording.answer_prefix = "Answer: ";
  return wording;
}

// The question and its options stand in the picture.
PromptWording pro_vision_wording() {
  PromptWording wording = pro_wording();
  wording.body = "{question}The question and its options are in the picture. {style}";
  wording.style_direct = "Answer it. " + wording.answer_format;
  return wording;
}

bool has_text(const datasets::Sample& sample) {
  return std::any_of(sample.parts.begin(), sample.parts.end(),
                     [](const Part& part) { return part.kind == PartKind::kText; });
}

}  // namespace

Suite mmmu_suite() {
  Suite suite;
  suite.name = "mmmu";
  suite.title = "College questions over pictures, 30 subjects (MMMU)";
  suite.default_data = "mmmu-sample";
  suite.data_kind = "mmmu";
  suite.breakdowns = {"discipline", "subject", "topic_difficulty", "question_type"};
  Profile official;
  official.name = "official";
  official.source = "MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py and mmmu/main_eval_only.py";
  official.option_order = OptionOrder::kFile;
  official.score = score_mmmu;
  official.prompt = [choice = choice_wording(), open = open_wording()](
                        const PromptRequest& request, const PromptVariant& variant) {
    return place_media(
        render_prompt(request.sample->choices.empty() ? open : choice, request, variant));
  };
  official.option_continuation = [](int option) { return option_letter(option); };
  suite.profiles.push_back(std::move(official));
  return suite;
}

Suite mmmu_pro_suite() {
  Suite suite;
  suite.name = "mmmu-pro";
  suite.title = "MMMU's questions with up to ten options, or whole in a picture (MMMU-Pro)";
  suite.data_kind = "mmmu-pro";
  suite.breakdowns = {"discipline", "subject", "topic_difficulty"};
  Profile official;
  official.name = "official";
  official.source = "MMMU-Benchmark/MMMU, mmmu-pro/evaluate.py";
  official.option_order = OptionOrder::kFile;
  official.score = score_mmmu_pro;
  official.prompt = [standard = pro_wording(), vision = pro_vision_wording()](
                        const PromptRequest& request, const PromptVariant& variant) {
    return place_media(
        render_prompt(has_text(*request.sample) ? standard : vision, request, variant));
  };
  official.option_continuation = [](int option) { return "Answer: " + option_letter(option); };
  suite.profiles.push_back(std::move(official));
  return suite;
}

}  // namespace peira::evals
