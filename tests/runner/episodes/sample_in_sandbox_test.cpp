// The generated exercises with their reference solutions, in the real sandbox with the real tools:
// one for each language that this machine can run.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "datasets/dataset.h"
#include "evals/python_text.h"
#include "runner/episodes/episode_run.h"
#include "runner/episodes/exercise_source.h"
#include "runner/episodes/turn_store.h"
#include "runner/sandbox/sandbox.h"
#include "tests/runner/support.h"

namespace peira::runner {
namespace {

using testing::FakeClient;
using testing::say;
using testing::TempFolder;

// Every file of the packed sample, the reference solutions among them.
std::map<std::string, std::string> packed_files() {
  const std::filesystem::path path =
      std::filesystem::path(PEIRA_SOURCE_DIR) / "datasets" / "samples" / "aider-sample.jsonl";
  std::map<std::string, std::string> files;
  const std::string text = read_file(path);
  for (const std::string_view line : evals::python::split(text, "\n")) {
    if (line.empty()) continue;
    const Json entry = parse_json(line, path.string());
    files[entry.at("path").get<std::string>()] = entry.at("text").get<std::string>();
  }
  return files;
}

// What a model that knows it would write: each file of "solution" as its counterpart of "example".
std::string solution_of(const datasets::Exercise& exercise,
                        const std::map<std::string, std::string>& files) {
  const std::string folder = exercise.language + "/exercises/practice/" + exercise.name + "/";
  const Json config = parse_json(files.at(folder + ".meta/config.json"), "config.json");
  std::string reply;
  std::size_t next = 0;
  for (const Json& example : config.at("files").at("example")) {
    const std::string name = exercise.editable.at(next++);
    reply += name + "\n```\n" + files.at(folder + example.get<std::string>()) + "```\n\n";
  }
  return reply;
}

TEST(SampleInSandbox, ReferenceSolutionsPassAndStubsFail) {
  if (!check_sandbox().available()) GTEST_SKIP() << "this machine allows no isolation";
  const std::unique_ptr<evals::CodeRunner> programs = open_code_runner();
  const std::vector<Toolchain> toolchains = detect_toolchains();
  const std::map<std::string, std::string> files = packed_files();
  const SampleSource all = source_of(evals::find_suite("aider-polyglot"), "");

  // The first exercise of each language.
  std::vector<datasets::Sample> samples;
  std::set<std::string> languages;
  const auto reader = all.open();
  while (std::optional<datasets::Sample> sample = reader->next()) {
    if (!why_not(*sample->exercise, toolchains).empty()) continue;
    if (languages.insert(sample->exercise->language).second) samples.push_back(*sample);
  }
  if (samples.empty()) GTEST_SKIP() << "no language's tools are here";

  FakeClient model([&](const ModelRequest& request) {
    const bool knows =
        text_of(request.messages.back()).find("errors of the tests") != std::string::npos;
    for (const datasets::Sample& sample : samples) {
      if (knows && sample.id == request.sample_id) return say(solution_of(*sample.exercise, files));
    }
    return say("I do not know yet.");
  });
  TempFolder folder;
  Store store(folder / "runs.sqlite");
  RunOptions options;
  options.suite = evals::find_suite("aider-polyglot");
  options.samples = testing::source_from("sample", samples);
  options.programs = programs.get();
  options.toolchains = toolchains;
  options.max_failures = FailureLimit::parse("100%");  // each language speaks for itself

  const RunOutcome outcome = execute_run(store, model, options);

  EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
  for (const datasets::Sample& sample : samples) {
    const SampleStory story = store.story(outcome.run_id, sample.id).at(0);
    EXPECT_EQ(story.answer.score.answer, "passed on try 2") << sample.id;
    if (story.answer.score.answer == "passed on try 2") continue;
    for (const Turn& turn :
         TurnStore(store.path()).turns(store.run(outcome.run_id).key, sample.row, 0)) {
      if (turn.kind == "run") ADD_FAILURE() << sample.id << ": " << dump_json(turn.result);
    }
  }
}

}  // namespace
}  // namespace peira::runner
