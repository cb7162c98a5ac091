// The options that name a judge, shared by run and score.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "evals/judge.h"
#include "runner/cli/model_options.h"
#include "runner/endpoints/model_client.h"
#include "runner/judging/judge_desk.h"

namespace peira::runner::cli {

struct JudgeFlags {
  std::string model;  // "": none
  std::string key_variable, record, replay, extra;
  std::string rubric;  // file of a judge for any suite
  JudgeSettings settings;

  bool is_given() const { return !model.empty(); }
};

void add_judge_flags(CLI::App& app, JudgeFlags& flags);

// The judging model. `models` has the options that hold for any model of the command.
// throws  as open_model().
std::unique_ptr<ModelClient> open_judge(const std::string& model, const JudgeFlags& flags,
                                        const ModelFlags& models);

// "judging: 120 of 500" on a terminal, now and then.
// threads: one at a time.
class JudgeProgress {
 public:
  JudgeProgress(std::int64_t total, bool quiet);
  void show(std::int64_t done);
  void end();

 private:
  std::int64_t total_;
  bool is_shown_, has_line_ = false;
  std::chrono::steady_clock::time_point last_{};
};

// One line to stderr on what the desk did, when it did anything: "judge: 200 verdicts ...".
void note_judge_counts(const JudgeDesk& desk);

}  // namespace peira::runner::cli
