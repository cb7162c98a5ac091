#include "runner/cli/judge_options.h"

#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "runner/cli/command.h"
#include "runner/endpoints/open_model.h"

namespace peira::runner::cli {

void add_judge_flags(CLI::App& app, JudgeFlags& flags) {
  app.add_option("--judge", flags.model,
                 "model that judges the replies, named as for --model; its verdicts are kept and "
                 "never asked for twice")
      ->type_name("MODEL")
      ->group("Judge");
  app.add_option(
         "--rubric", flags.rubric,
         "a judge for any suite: a text that says what a good reply is (graded 1 to 10), or "
         "a .json file (evals/README.md)")
      ->type_name("FILE")
      ->group("Judge");
  app.add_option("--judge-temperature", flags.settings.temperature, "0 is greedy")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0))
      ->group("Judge");
  app.add_option("--judge-max-tokens", flags.settings.max_tokens,
                 "longest verdict, in tokens [the judge's: 4096]")
      ->check(CLI::Range(1, 10'000'000))
      ->group("Judge");
  app.add_option("--judge-attempts", flags.settings.attempts,
                 "how often it is asked until a reply holds a verdict; after that the answer has "
                 "failed, and is not wrong")
      ->capture_default_str()
      ->check(CLI::Range(1, 100))
      ->group("Judge");
  app.add_option("--judge-in-flight", flags.settings.in_flight,
                 "questions held at the judge; 0: as it prefers")
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000))
      ->group("Judge");
  app.add_option("--judge-key-env", flags.key_variable,
                 "environment variable with the judge's API key [PEIRA_JUDGE_API_KEY, else the "
                 "model's]")
      ->type_name("NAME")
      ->group("Judge");
  app.add_option("--judge-extra", flags.extra,
                 "more members of each request to it, as a JSON object; part of the manifest")
      ->type_name("JSON")
      ->group("Judge");
  CLI::Option* const record =
      app.add_option("--judge-record", flags.record,
                     "write what is asked of an openai: judge and its replies to FILE")
          ->type_name("FILE")
          ->group("Judge");
  app.add_option("--judge-replay", flags.replay, "answer from such a FILE instead")
      ->type_name("FILE")
      ->excludes(record)
      ->group("Judge");
}

std::unique_ptr<ModelClient> open_judge(const std::string& model, const JudgeFlags& flags,
                                        const ModelFlags& models) {
  ModelFlags own = models;
  own.endpoint_extra = flags.extra;
  own.endpoint.record = flags.record;
  own.endpoint.replay = flags.replay;
  own.endpoint.api = OpenAiApi::kChat;
  own.endpoint.headers.clear();
  own.endpoint.key_variable = flags.key_variable;
  if (flags.key_variable.empty() && std::getenv("PEIRA_JUDGE_API_KEY") != nullptr) {
    own.endpoint.key_variable = "PEIRA_JUDGE_API_KEY";
  }
  return open_model(model, own.options());
}

JudgeProgress::JudgeProgress(std::int64_t total, bool quiet)
    : total_(total), is_shown_(!quiet && stderr_is_terminal()) {}

void JudgeProgress::show(std::int64_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_shown_ || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  has_line_ = true;
  std::fprintf(stderr, "\rjudging: %lld of %lld", static_cast<long long>(done),
               static_cast<long long>(total_));
}

void JudgeProgress::end() {
  if (has_line_) std::fputs("\r\x1b[K", stderr);
  has_line_ = false;
}

void note_judge_counts(const JudgeDesk& desk) {
  const JudgeDesk::Counts counts = desk.counts();
  if (counts.verdicts == 0) return;
  std::string line = "judge " + desk.name() + ": " + std::to_string(counts.verdicts) +
                     (counts.verdicts == 1 ? " verdict, " : " verdicts, ") +
                     std::to_string(counts.asked) + " requests, " + std::to_string(counts.cached) +
                     " from the store";
  if (counts.nonsense > 0) {
    line += ", " + std::to_string(counts.nonsense) + " replies without a verdict (asked again)";
  }
  if (counts.failures > 0) {
    line += ", " + std::to_string(counts.failures) + " given up: failures, not wrong answers";
  }
  note(line);
}

}  // namespace peira::runner::cli
