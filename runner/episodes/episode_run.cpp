#include "runner/episodes/episode_run.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "runner/episodes/episode_client.h"

namespace peira::runner {

RunOutcome execute_episode_run(Store& store, ModelClient& model, const RunOptions& options) {
  const evals::Profile& profile = options.suite.profile(options.profile);
  if (options.programs == nullptr) {
    throw Error(ErrorCode::kUsage,
                "suite " + options.suite.name +
                    " runs programs, and this command cannot\n  try: peira run " +
                    options.suite.name);
  }
  if (options.control != nullptr) {
    throw Error(ErrorCode::kUsage, "--stop-when: suite " + options.suite.name +
                                       " is run to its end\n  try: without --stop-when");
  }
  if (options.method != "generate") {
    throw Error(ErrorCode::kUsage, "--method " + options.method + ": suite " + options.suite.name +
                                       " is a conversation");
  }
  TurnStore turns(store.path());
  EpisodeClient client(model, *options.programs, turns, profile,
                       {options.use_cache, options.toolchains, options.notes});
  RunOptions adapted = options;
  // Turns are cached one by one; a whole conversation never comes from the cache.
  adapted.use_cache = false;
  adapted.in_episode = true;
  adapted.on_start = [&](const RunInfo& info, bool resumed, std::int64_t done) {
    client.set_run(info.key);
    if (options.on_start) options.on_start(info, resumed, done);
  };
  return execute_run(store, client, adapted);
}

std::optional<EditingTotals> editing_totals(const Store& store, const std::string& run_id) {
  const RunInfo info = store.run(run_id);
  if (info.suite != "aider-polyglot") return std::nullopt;
  using Records = std::vector<std::optional<evals::aider::ExerciseRecord>>;
  Records all;
  std::map<std::string, Records> by_language;
  EditingTotals totals;
  totals.edit_format = info.profile;
  StoryReader stories = store.stories(run_id);
  while (const std::optional<SampleStory> story = stories.next()) {
    std::optional<evals::aider::ExerciseRecord> record;
    if (story->answer.score.state == evals::AnswerState::kScored) {
      record = evals::aider::record_from(story->transcript.response, story->sample.id);
    }
    const auto language = story->sample.metadata.find("language");
    by_language[language == story->sample.metadata.end() ? "?" : language->second].push_back(
        record);
    all.push_back(std::move(record));
  }
  totals.all = evals::aider::totals(all);
  for (const auto& [language, records] : by_language) {
    totals.by_language.emplace(language, evals::aider::totals(records));
  }
  return totals;
}

}  // namespace peira::runner
