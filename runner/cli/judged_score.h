// What `peira score` does with judges: verdicts on stored replies, agreement of two judges, pairs
// of runs, labels of people.
#pragma once

#include <string>

#include "runner/cli/judge_options.h"
#include "runner/cli/model_options.h"

namespace peira::runner::cli {

struct JudgedScoreFlags {
  std::string run, suite, data, profile, store;  // as `peira score` has them
  std::string judges;                            // "A,B": models, or runs judged already
  std::string against;                           // run whose replies are the other ones
  std::string labels;                            // file
  JudgeFlags judge;
  ModelFlags models;
  bool json = false, quiet = false;

  bool is_wanted() const {
    return judge.is_given() || !judges.empty() || !judge.rubric.empty() || !against.empty() ||
           !labels.empty();
  }
};

void add_judged_score_flags(CLI::App& app, JudgedScoreFlags& flags);

int judged_score(const JudgedScoreFlags& flags);

}  // namespace peira::runner::cli
