// Video-MME (Fu et al. 2024, arXiv:2405.21075): three questions on each of 900 videos.
#include <string>
#include <utility>

#include "evals/extractors/video_mme.h"
#include "evals/metrics/official_accuracy.h"
#include "evals/prompt.h"
#include "evals/scorers/judgement.h"
#include "evals/suites/media_prompt.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

PromptWording wording() {
  PromptWording out;
  out.answer_format = "Reply with nothing but the letter (A, B, C or D) of that option.";
  out.body =
      "Choose the option that best answers this question about the video. "
      "{style}\n{question}\n{choices}\nThe best answer "
      "is:";
  out.style_official = out.answer_format;
  out.style_direct = out.answer_format;
  out.style_steps =
      std::string(five_steps()) + " Then reply with the letter alone on the last line.";
  out.choice_suffix = ". ";
  return out;
}

Score score_video_mme(const ScoreRequest& request) {
  if (!is_failure(request)) {
    if (const auto letter = extract_video_mme(request.response)) {
      return judge_letter(request, std::string(1, *letter), "first-capital");
    }
  }
  Score score = without_answer(request, gold_text(*request.sample, request.permutation));
  if (score.state != AnswerState::kFailed) {
    score.notes.emplace_back(kUncountedNote);
    score.why += "; the official script leaves it out of the count";
  }
  return score;
}

}  // namespace

Suite video_mme_suite() {
  Suite suite;
  suite.name = "video-mme";
  suite.title = "Questions on short, medium and long videos (Video-MME)";
  suite.default_data = "video-mme-sample";
  suite.data_kind = "video-mme";
  suite.breakdowns = {"duration", "domain", "sub_category", "task_type"};
  Profile official;
  official.name = "official";
  official.source = "BradyFU/Video-MME, evaluation/eval_your_results.py, without subtitles";
  official.option_order = OptionOrder::kFile;
  official.score = score_video_mme;
  official.prompt = [text = wording()](const PromptRequest& request, const PromptVariant& variant) {
    return place_media(render_prompt(text, request, variant));
  };
  official.option_continuation = [](int option) { return option_letter(option); };
  suite.profiles.push_back(std::move(official));
  return suite;
}

}  // namespace peira::evals
