// Where replies are taken to be judged by a model: asks it, again where it answers nonsense, and
// keeps what it said.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "datasets/sample.h"
#include "evals/judge.h"
#include "evals/suite.h"
#include "runner/endpoints/model_client.h"
#include "runner/judging/verdict_store.h"

namespace peira::runner {

struct JudgeSettings {
  double temperature = 0;
  std::optional<int> max_tokens = {};  // empty: the judge's own
  // How often one question is asked until a reply holds a verdict. From the second time on another
  // seed is drawn with, at kRetryTemperature at least: greedy decoding would only say the same.
  int attempts = 3;
  int retries = 3;  // after failures of the endpoint that may pass, each waiting twice as long
  double retry_wait_s = 1;
  double throttled_s = 900;  // how long "too much, later" is borne with, as in RunOptions
  int in_flight = 0;         // 0: as many as the model prefers

  static constexpr double kRetryTemperature = 0.5;
};

// One reply to be judged.
struct JudgeTask {
  std::shared_ptr<const datasets::Sample> sample;
  std::vector<int> permutation;
  std::string response;
  std::string other;  // the reply compared with, of judges that compare two
  std::string finish_reason;
  std::int64_t completion_tokens = -1;
  int epoch = 0;
};

// Deterministic: a question's seed is drawn from its content; what is asked twice is asked once.
//
// Works on a thread of its own, so that the model under test is never kept waiting. A verdict is in
// the store before it is handed out: a killed process asks for none of those again.
//
// threads: one at a time calls it; `model` belongs to it while it lives.
class JudgeDesk {
 public:
  // store   the file of the store that verdicts are kept in.
  // throws  Error(kUsage): the model cannot be held to the form of a verdict; as VerdictStore.
  JudgeDesk(ModelClient& model, std::shared_ptr<const evals::ModelJudge> judge,
            const std::filesystem::path& store, const JudgeSettings& settings = {});
  ~JudgeDesk();
  JudgeDesk(const JudgeDesk&) = delete;
  JudgeDesk& operator=(const JudgeDesk&) = delete;

  const evals::ModelJudge& judge() const { return *judge_; }
  // The judging model, for people.
  const std::string& name() const { return name_; }
  // The part "judge" of a manifest: {"model": identity, "prompt": judge_value, "sampling", ...}.
  const Json& value() const { return value_; }

  // Hands over a reply; `owner` tells apart those who share the desk.
  std::int64_t submit(int owner, JudgeTask task);

  struct Verdict {
    std::int64_t ticket = 0;
    evals::Score score;  // or judge_failure()
    Json how;            // as Judgement::how
  };
  // Verdicts of `owner`'s tasks that are there, after waiting for at most `wait_s` for a first.
  // throws  what went wrong beneath: the store is gone, a bug.
  std::vector<Verdict> poll(int owner, double wait_s);

  // Whether it has as much to do as it can keep in flight, and as much again.
  bool is_full() const;

  struct Counts {
    std::int64_t verdicts = 0;  // handed out, failures among them
    std::int64_t asked = 0;     // questions put to the model, again ones among them
    std::int64_t cached = 0;    // questions answered from the store
    std::int64_t nonsense = 0;  // replies without a verdict
    std::int64_t failures = 0;  // tasks that got none
  };
  Counts counts() const;

 private:
  class Worker;

  const std::shared_ptr<const evals::ModelJudge> judge_;
  std::string name_;
  Json value_;
  std::int64_t next_ticket_ = 1;

  struct Queued {
    std::int64_t ticket;
    int owner;
    JudgeTask task;
  };
  mutable std::mutex mutex_;  // over all below
  std::condition_variable arrived_, answered_;
  std::deque<Queued> queue_;
  std::map<int, std::vector<Verdict>> verdicts_;
  std::int64_t open_ = 0;  // handed over and not answered
  std::int64_t capacity_ = 1;
  Counts counts_;
  std::exception_ptr failure_;
  bool stop_ = false;

  std::unique_ptr<Worker> worker_;
  std::thread thread_;
};

}  // namespace peira::runner
