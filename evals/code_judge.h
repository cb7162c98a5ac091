// Verdicts that need a program to be run: what is run, and what its end comes to. A declaration,
// like a profile; runner/ runs.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "evals/code_runner.h"
#include "evals/suite.h"

namespace peira::evals {

// How replies are judged by running them.
//
// threads: immutable once made; its functions may be called from any, several at once.
struct CodeJudge {
  // The interpreter that programs are run with, and how to have it say its version.
  std::string language;  // "Python"
  CodeRequest version;

  // The verdict where nothing needs to be run: no reply, or no program in it. Empty: run it.
  std::function<std::optional<Score>(const ScoreRequest& request)> settled;
  // What to run. Not called for replies that `settled` takes.
  std::function<CodeRequest(const ScoreRequest& request)> program;
  // The verdict, once it has ended.
  std::function<Score(const ScoreRequest& request, const CodeResult& result)> verdict;
};

// settled(), else run with `runner` and judged. throws what `runner` throws.
Score judge_by_running(const CodeJudge& judge, const ScoreRequest& request, CodeRunner& runner);

}  // namespace peira::evals
