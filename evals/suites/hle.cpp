// Humanity's Last Exam: text and pictures, judged by a model; or by a rule of ours, for use
// offline.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "evals/extractors/answer_line.h"
#include "evals/judge.h"
#include "evals/math/equivalence.h"
#include "evals/prompt.h"
#include "evals/python_text.h"
#include "evals/scorers/judgement.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

constexpr std::string_view kSystem =
    "Write your reply in this form, three parts with these labels:\n"
    "Explanation: {why you chose your answer}\n"
    "Answer: {the answer you chose}\n"
    "Confidence: {how sure you are of the answer, from 0% to 100%}";

// The meaning of the official judge's instructions, field by field.
constexpr std::string_view kJudgeIntroduction =
    "Decide whether the response below to a question is correct, going by the reference answer and "
    "nothing else.";
constexpr std::string_view kJudgeFields =
    "Give your verdict in these fields:\n\n"
    "extracted_final_answer: The exact final answer of the response. Write 'None' if the response "
    "has no exact final answer.\n\n"
    "reasoning: Why the extracted answer is correct or incorrect by the reference answer. Look "
    "only "
    "for differences between the two that matter. Give no background to the problem, do not try to "
    "solve it, argue for no answer other than the reference answer, and attend only to whether the "
    "answers match.\n\n"
    "correct: 'yes' if the extracted answer matches the reference answer, or lies within a small "
    "margin of error for numerical problems. 'no' otherwise: if anything is inconsistent, "
    "ambiguous or not equivalent, or if the extracted answer is wrong.\n\n"
    "confidence: The confidence that the response states, between 0% and 100%, as a whole number. "
    "Write 100 if the response states none.";

ResponseFormat judge_format() {
  ResponseFormat format;
  format.kind = ResponseFormat::Kind::kJsonSchema;
  format.schema = OrderedJson{
      {"type", "object"},
      {"properties",
       OrderedJson{{"extracted_final_answer", OrderedJson{{"type", "string"}}},
                   {"reasoning", OrderedJson{{"type", "string"}}},
                   {"correct",
                    OrderedJson{{"type", "string"}, {"enum", OrderedJson::array({"yes", "no"})}}},
                   {"confidence", OrderedJson{{"type", "integer"}}}}},
      {"required",
       OrderedJson::array({"extracted_final_answer", "reasoning", "correct", "confidence"})},
      {"additionalProperties", false}};
  format.where = "the judge's verdict";
  return format;
}

std::string question_text(const datasets::Sample& sample) {
  std::string text;
  for (const Part& part : sample.parts) text += part.text;
  return text;
}

std::string defect_of(std::string_view reply) {
  const std::optional<Json> verdict = judge_object(reply);
  if (!verdict) return "no JSON object: " + excerpt(reply, 80);
  for (const char* const key : {"extracted_final_answer", "reasoning", "correct"}) {
    const auto found = verdict->find(key);
    if (found == verdict->end() || !found->is_string()) {
      return std::string("\"") + key + "\" is no text: " + excerpt(reply, 80);
    }
  }
  const std::string& correct = verdict->at("correct").get_ref<const std::string&>();
  if (correct != "yes" && correct != "no") {
    return "\"correct\" is \"" + excerpt(correct, 40) + "\", neither yes nor no";
  }
  const auto confidence = verdict->find("confidence");
  // The schema asks for one; a judge that leaves it away is read as one that saw none stated.
  if (confidence != verdict->end() && !confidence->is_number_integer()) {
    return "\"confidence\" is no whole number: " + excerpt(dump_json(*confidence), 40);
  }
  return {};
}

Score verdict_of(const JudgeRequest& request, std::span<const std::string> replies) {
  const Json verdict = *judge_object(replies.front());
  const std::string extracted = verdict.at("extracted_final_answer").get<std::string>();
  const std::string gold = request.sample->target;
  const bool is_right = verdict.at("correct") == "yes";
  const auto stated = verdict.find("confidence");
  const double confidence = stated == verdict.end() ? 1 : stated->get<double>() / 100;
  Score score;
  if (!is_right && python::lower(python::strip(extracted)) == "none") {
    score = without_answer(request, gold);
  } else {
    score = judged(extracted, "judge", is_right, gold);
  }
  score.why += "; the judge: " + excerpt(verdict.at("reasoning").get<std::string>(), 200);
  note_confidence(score, confidence);
  return score;
}

// Nothing was said: no judge could find an answer in it.
std::optional<Score> settled(const JudgeRequest& request) {
  if (is_failure(request) || python::strip(request.response).empty()) {
    return without_answer(request, request.sample->target);
  }
  return std::nullopt;
}

ModelJudge hle_judge() {
  ModelJudge judge;
  judge.name = "hle";
  judge.wording = std::string(kJudgeIntroduction) + "\n" + std::string(kJudgeFields);
  judge.source = "centerforaisafety/hle 67b3251, hle_eval/run_judge_results.py";
  judge.format = judge_format();
  judge.questions = [](const JudgeRequest& request) {
    std::string text(kJudgeIntroduction);
    text += "\n\n[question]: " + question_text(*request.sample);
    text += "\n\n[response]: " + std::string(request.response);
    text += "\n\n[reference answer]: " + request.sample->target;
    text += "\n\n" + std::string(kJudgeFields);
    return std::vector<JudgeQuestion>{{"", {Message::from_text("user", std::move(text))}}};
  };
  judge.settled = settled;
  judge.defect = defect_of;
  judge.verdict = verdict_of;
  return judge;
}

std::vector<Message> hle_prompt(const PromptRequest& request, const PromptVariant& variant) {
  PromptWording wording;
  wording.system = kSystem;
  wording.answer_format = "Explanation: ..., Answer: ..., Confidence: ...%";
  wording.answer_prefix = "Answer: ";
  wording.answer_suffix = "\nConfidence: 100%";
  wording.body = "{question}";
  if (variant.template_text.empty() && variant.name != "official") {
    // The official code has one wording; ours of the other variants put their style below it.
    wording.style_direct = "Leave the explanation away: answer and confidence only.";
    wording.style_steps = five_steps();
    wording.body = "{question}\n\n{style}";
  }
  return render_prompt(wording, request, variant);
}

// The rule of the offline profile: the last line "Answer: ...", a letter or a text.
// with_algebra  an exact match is one of mathematical answers too, whatever form they have.
Score score_by_rule(const ScoreRequest& request, bool with_algebra) {
  const datasets::Sample& sample = *request.sample;
  const std::optional<std::string_view> line =
      is_failure(request) ? std::nullopt : last_answer_line(request.response);
  const auto kind = sample.metadata.find("answer_type");
  const bool is_choice = kind != sample.metadata.end() && kind->second == "multipleChoice";
  Score score;
  if (!line) {
    score = without_answer(request, sample.target);
  } else if (is_choice) {
    const std::string letter = leading_letter(*line);
    if (letter.empty()) {
      score = judged(excerpt(*line, 200), "answer-line",
                     folded_text(*line) == folded_text(sample.target), sample.target);
    } else {
      score = judged(letter, "answer-line-letter",
                     letter == leading_letter(sample.target) ||
                         folded_text(*line) == folded_text(sample.target),
                     sample.target);
    }
  } else {
    score = judged(std::string(*line), "answer-line",
                   folded_text(*line) == folded_text(sample.target), sample.target);
    if (with_algebra && score.value == 0) {
      const math::Equivalence found = math::compare_answers(*line, sample.target);
      score.value = found.is_equal() ? 1 : 0;
      score.why += "; " + found.how;
    }
  }
  if (score.state == AnswerState::kScored) {
    if (const std::optional<double> confidence = stated_confidence(request.response)) {
      note_confidence(score, *confidence);
    }
  }
  return score;
}

}  // namespace

Suite hle_suite(bool text_only) {
  Suite suite;
  suite.name = text_only ? "hle-text" : "hle";
  suite.title = text_only ? "Humanity's Last Exam, the questions without a picture"
                          : "Humanity's Last Exam: expert questions, some with a picture";
  suite.data_kind = suite.name;
  suite.default_data = "hle-sample";
  suite.breakdowns = {"category", "answer_type"};
  if (!text_only) suite.breakdowns.emplace_back("modality");
  suite.default_max_tokens = 8192;

  Profile official;
  official.name = "official";
  official.source = "centerforaisafety/hle 67b3251";
  official.prompt = hle_prompt;
  official.judge = std::make_shared<const ModelJudge>(hle_judge());
  official.score = [judge = official.judge](const ScoreRequest& request) {
    if (std::optional<Score> score = judge->settled(JudgeRequest(request))) return *score;
    return judge_failure("none was asked");
  };
  suite.profiles.push_back(std::move(official));

  Profile rule;
  rule.name = "hle-rule";
  rule.source = "the last line 'Answer:', compared as text; no official rule exists";
  rule.prompt = hle_prompt;
  rule.score = [](const ScoreRequest& request) { return score_by_rule(request, false); };
  suite.profiles.push_back(rule);

  Profile algebra = std::move(rule);
  algebra.name = "hle-math";
  algebra.source = "hle-rule, exact matches also by equivalence as mathematics (evals/math)";
  algebra.score = [](const ScoreRequest& request) { return score_by_rule(request, true); };
  suite.profiles.push_back(std::move(algebra));
  return suite;
}

}  // namespace peira::evals
