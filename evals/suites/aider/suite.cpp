#include <string>
#include <utility>

#include "base/error.h"
#include "evals/edits/edit_format.h"
#include "evals/suites/aider/episode.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

// The reply of an episode is its record.
Score score_record(const ScoreRequest& request) {
  const aider::ExerciseRecord record =
      aider::record_from(std::string(request.response), request.sample->id);
  Score score;
  score.state = AnswerState::kScored;
  score.rule = "tests";
  const std::size_t tries = record.tests_outcomes.size();
  score.value = record.passed() ? 1 : 0;
  score.answer = record.passed() ? "passed on try " + std::to_string(tries) : "failed";
  score.why = record.passed() ? "the tests pass on try " + std::to_string(tries)
                              : "the tests fail on each of " + std::to_string(tries) + " tries";
  const auto note = [&](int count, const char* what) {
    if (count > 0) score.notes.push_back(std::to_string(count) + " " + what);
  };
  note(record.num_malformed_responses, "malformed-response");
  note(record.num_exhausted_context_windows, "exhausted-context-window");
  note(record.test_timeouts, "test-timeout");
  return score;
}

Profile profile_for(edits::EditFormat format) {
  Profile profile;
  profile.name = edits::to_string(format);
  profile.source =
      "Aider-AI/aider 5dc9490, benchmark/benchmark.py: two tries; wording ours, no linter";
  profile.option_order = OptionOrder::kFile;
  profile.prompt = [format](const PromptRequest& request, const PromptVariant& variant) {
    if (!variant.name.empty() && variant.name != "official") {
      throw Error(ErrorCode::kUsage, "--prompt " + variant.name +
                                         ": this suite has its own conversation\n  try: "
                                         "--prompt official");
    }
    return aider::first_messages(*request.sample, format);
  };
  profile.episode = [format](const datasets::Sample& sample) {
    return aider::make_episode(sample, format);
  };
  profile.score = score_record;
  return profile;
}

}  // namespace

Suite aider_suite() {
  Suite suite;
  suite.name = "aider-polyglot";
  suite.title = "Exercises in six languages, edited and tested in two tries (Aider polyglot)";
  suite.data_kind = "exercises";
  suite.default_data = "aider-sample";
  suite.breakdowns = {"language"};
  suite.default_max_tokens = 8192;
  for (const edits::EditFormat format :
       {edits::EditFormat::kWhole, edits::EditFormat::kDiff, edits::EditFormat::kDiffFenced}) {
    suite.profiles.push_back(profile_for(format));
  }
  return suite;
}

}  // namespace peira::evals
