// Video-MME (Fu et al. 2024, arXiv:2405.21075): three questions on each of 900 videos.
#include <string>
#include <utility>
#include <vector>

#include "evals/extractors/video_mme.h"
#include "evals/metrics/official_accuracy.h"
#include "evals/prompt.h"
#include "evals/scorers/judgement.h"
#include "evals/suites/media_prompt.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

PromptWording wording(bool with_subtitles) {
  PromptWording out;
  out.answer_format = "Reply with nothing but the letter (A, B, C or D) of that option.";
  out.body = std::string("Choose the option that best answers this question about the video") +
             (with_subtitles ? " and its subtitles" : "") +
             ". {style}\n{question}\n{choices}\nThe best answer is:";
  out.style_official = out.answer_format;
  out.style_direct = out.answer_format;
  out.style_steps =
      std::string(five_steps()) + " Then reply with the letter alone on the last line.";
  out.choice_suffix = ". ";
  return out;
}

// Every question of a user behind the subtitles of its video.
std::vector<Message> behind_subtitles(std::vector<Message> messages, const PromptRequest& request) {
  std::vector<Message*> questions;
  for (Message& message : messages) {
    if (message.role == "user") questions.push_back(&message);
  }
  // Those of solved examples come first, in their order.
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const datasets::Sample& sample = i + 1 < questions.size() ? request.shots[i] : *request.sample;
    std::vector<Part>& parts = questions[i]->parts;
    parts.insert(parts.begin(),
                 Part::from_text("The subtitles of this video are:\n" + sample.subtitles + "\n"));
  }
  return messages;
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

Suite video_mme_suite(bool with_subtitles) {
  Suite suite;
  suite.name = with_subtitles ? "video-mme-subtitles" : "video-mme";
  suite.title = std::string("Questions on short, medium and long videos (Video-MME") +
                (with_subtitles ? ", with subtitles)" : ")");
  suite.default_data = "video-mme-sample";
  suite.data_kind = suite.name;
  suite.breakdowns = {"duration", "domain", "sub_category", "task_type"};
  Profile official;
  official.name = "official";
  official.source = std::string("BradyFU/Video-MME, evaluation/eval_your_results.py, ") +
                    (with_subtitles ? "with subtitles" : "without subtitles");
  official.option_order = OptionOrder::kFile;
  official.score = score_video_mme;
  official.prompt = [text = wording(with_subtitles), with_subtitles](const PromptRequest& request,
                                                                     const PromptVariant& variant) {
    std::vector<Message> messages = render_prompt(text, request, variant);
    if (with_subtitles) messages = behind_subtitles(std::move(messages), request);
    return place_media(std::move(messages));
  };
  official.option_continuation = [](int option) { return option_letter(option); };
  suite.profiles.push_back(std::move(official));
  return suite;
}

}  // namespace peira::evals
