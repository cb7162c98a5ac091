// Carries a run out: keeps a model full of requests, judges replies as they arrive, commits them in
// batches, and leaves at any moment a store from which the same command continues.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evals/code_runner.h"
#include "evals/suite.h"
#include "runner/decision_control.h"
#include "runner/endpoints/model_client.h"
#include "runner/episodes/toolchains.h"
#include "runner/failure_limit.h"
#include "runner/judging/judge_desk.h"
#include "runner/media_folder.h"
#include "runner/sample_source.h"
#include "runner/sampling_overrides.h"
#include "runner/store.h"

namespace peira::runner {

// How far a run is, for whoever shows it.
struct RunProgress {
  std::string run_id, suite, variant, model;
  std::int64_t done = 0;      // answers in hand, earlier sittings' among them
  std::int64_t expected = 0;  // samples x epochs
  std::int64_t resumed = 0;   // of `done`: from earlier sittings
  std::int64_t failures = 0, cached = 0, in_flight = 0;
  double mean_score = 0;             // over `done`
  std::optional<double> half_width;  // of its 95 % Wilson interval, counting samples not epochs
  double elapsed_s = 0;              // this sitting
  double answers_per_s = 0;          // this sitting
  std::optional<double> eta_s;       // empty before there is a rate
  double tokens_per_s = 0;           // completion tokens, this sitting, cached ones left out
  bool finished = false;             // the last call
};

enum class Resume {
  kAuto,  // continue the run of RunOptions::name, else the newest incomplete run of equal manifest,
          // else begin a new one
  kNew,   // always begin a new one
  kRun    // continue RunOptions::resume_run, refusing a changed manifest
};

struct RunOptions {
  evals::Suite suite;
  std::string profile;           // "" takes the suite's default
  evals::PromptVariant variant;  // from evals::parse_variant
  SampleSource samples;
  // Where few-shot examples are drawn from; empty: the same samples. See few_shot.h for the policy.
  std::optional<SampleSource> shots;

  std::optional<std::int64_t> limit;  // first N samples only
  int epochs = 1;                     // answers per sample
  std::uint64_t seed = 0;
  bool unsafe_no_sandbox = false;   // programs of replies run as this user, isolated by nothing
  std::string method = "generate";  // or "loglikelihood" (multiple choice only)

  std::optional<int> max_tokens;  // empty: the suite's default
  SamplingOverrides sampling;
  std::vector<std::string> stop;
  // Of a suite whose questions have subtitles; empty: those of the frames that are shown.
  std::optional<datasets::SubtitleSelection> subtitles;
  // The form that replies are held to; empty: the suite's or variant's own.
  std::optional<ResponseFormat> response_format;

  FailureLimit max_failures;
  std::optional<double> timeout_s;  // per sample and attempt; empty: none
  double cancel_grace_s = 5;        // a cancelled request that has not ended by then is left behind
  int retries = 3;                  // further attempts after failures that may pass
  double retry_wait_s = 1;          // before the first; doubles each time, at most 60 s
  // An endpoint that says "too much, later" (ModelResponse::throttled) is asked again, with the
  // same waits or those it asks for, without counting against `retries`: for so long.
  double throttled_s = 900;
  int in_flight = 0;  // 0: as many as the model prefers
  bool use_cache = true;
  // Most bytes of the media kept beside the store, in all; 0 keeps none.
  std::int64_t keep_media_bytes = MediaFolder::kDefaultLimit;

  std::string name;  // the run's id; "" makes one from suite, time and a few digits
  Resume resume = Resume::kAuto;
  std::string resume_run;     // for Resume::kRun: a full id
  bool retry_failed = false;  // ask again what failed in earlier sittings

  // Of a run that stops when its rule is decided: questions in a seeded random order, all kept in
  // memory; the run's arm in it. Without in_flight, fewer requests are held than the model prefers,
  // so that little is asked in vain.
  DecisionControl* control = nullptr;
  int arm = 0;
  Json arm_identity = nullptr;  // what else the decision depends on, for the manifest

  // A batch is committed when it holds `batch_answers`, or when its oldest answer has waited a
  // hundred times as long as the last commit took (so that commits cost about 1 % of the time), at
  // least 20 ms and at most `batch_interval`.
  int batch_answers = 256;
  std::chrono::milliseconds batch_interval{1000};

  // Who judges the replies of a profile with a judge; its verdict prompt must be the profile's.
  // What it fails to judge is a failure of the answer, whose reply is kept: continuing asks the
  // judge alone.
  JudgeDesk* judge = nullptr;
  // Of a suite of several turns: what runs its programs, and with which tools; what people should
  // know of it.
  evals::CodeRunner* programs = nullptr;
  std::vector<Toolchain> toolchains = {};
  std::vector<std::string> notes = {};
  bool in_episode = false;  // set by execute_episode_run(): the model holds the conversations

  const std::atomic<bool>* stop_requested = nullptr;  // set by a signal handler
  std::function<void(const RunInfo&, bool resumed, std::int64_t done)> on_start;
  std::function<void(const RunProgress&)> on_progress;  // a few times a second
};

struct RunOutcome {
  std::string run_id;
  bool complete = false;     // every answer there and failures within the limit
  bool resumed = false;      // continued an earlier sitting
  bool interrupted = false;  // stop_requested was set
  std::string why_stopped;   // one line when not complete
  std::optional<evals::StopDecision> decision = {};  // made in this sitting
  RunProgress progress;                              // as at the end
  std::vector<std::string> warnings;
};

// Runs, or continues, one suite x model x variant x seed.
//
// Deterministic: what is stored under (row, epoch) depends on the manifest alone, never on order of
// arrival, on what was killed when, or on `in_flight`. Request seed: derive_seed("request", seed,
// sample id, epoch); scorer seed: derive_seed("score", ...).
//
// Where prompts are told the date and nobody chose one, a run keeps the date of the day on which it
// was begun: continued later, it still is one run.
//
// What goes wrong with one sample (timeout, error after retries, prompt too long) is stored as its
// failure. Too many failures stop the run, incomplete.
//
// throws Error(kUsage): the options contradict; changed manifest on kRun.
//        Error(kData): the data file is bad (found before anything is asked).
//        Error(kUnavailable): the store or the model is gone; what was committed stays.
// cost   memory: one bit per expected answer, else independent of the number of samples.
RunOutcome execute_run(Store& store, ModelClient& model, const RunOptions& options);

// One arm of a run beside another.
struct ArmOfPair {
  ModelClient& model;
  RunOptions options;
};

// Runs, or continues, two arms of one decision question by question: `arm` is the one the rule
// speaks of, `against` the one it is compared with; they may share a model. Both record their
// inference as runs of their own, and end together.
//
// control  of two arms; the options' own control and arm are set here.
// returns  the outcomes of `arm` and of `against`.
// throws   as execute_run.
std::pair<RunOutcome, RunOutcome> execute_pair(Store& store, ArmOfPair arm, ArmOfPair against,
                                               DecisionControl& control);

}  // namespace peira::runner
