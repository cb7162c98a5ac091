// One arm of a run on its way: samples are asked, replies judged, answers kept. executor.h is what
// others use.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "evals/suite.h"
#include "runner/code_desk.h"
#include "runner/executor.h"
#include "runner/few_shot.h"
#include "runner/judging/verdict_store.h"
#include "runner/media_folder.h"
#include "runner/run_plan.h"
#include "runner/store.h"

namespace peira::runner {

// threads: one at a time.
class Execution {
 public:
  Execution(Store& store, ModelClient& model, const RunOptions& options)
      : store_(store),
        model_(model),
        options_(options),
        plan_(make_dated_plan(store, model, options)),
        media_(store.path(), options.keep_media_bytes),
        finished_(options.epochs) {}

  // Opens the run; there may be nothing to do in it. Then turn() until it says that nothing is
  // left, and end(); outcome() and close() when all arms have ended.
  void begin();

  // One turn of asking and taking. Returns whether there is more to do.
  bool turn();

  void end();

  const RunInfo& info() const { return opened_.info; }
  bool nothing_to_do() const { return nothing_to_do_; }
  // Stopped before its end, for a reason of its own.
  bool gave_up() const { return interrupted_ || too_many_failures(); }

  // What became of the run, and how it is to be written down.
  RunOutcome outcome();
  void close(RunOutcome& outcome);

 private:
  using Clock = std::chrono::steady_clock;

  // Nothing waits less for its batch, however fast the disk.
  static constexpr std::chrono::milliseconds kLeastPatience{20};

  // Which (row, epoch) need not be asked: a bit each.
  class FinishedSet {
   public:
    explicit FinishedSet(int epochs) : epochs_(static_cast<std::size_t>(epochs)) {}
    void insert(std::int64_t row, int epoch) {
      const std::size_t bit = index(row, epoch);
      if (bit >= bits_.size()) bits_.resize(std::max(bit + 1, bits_.size() * 2));
      bits_[bit] = true;
    }
    bool contains(std::int64_t row, int epoch) const {
      const std::size_t bit = index(row, epoch);
      return bit < bits_.size() && bits_[bit];
    }

   private:
    std::size_t index(std::int64_t row, int epoch) const {
      return static_cast<std::size_t>(row) * epochs_ + static_cast<std::size_t>(epoch);
    }
    std::size_t epochs_;
    std::vector<bool> bits_;
  };

  // One answer on its way: asked, perhaps asked again, then judged.
  struct Work {
    std::shared_ptr<const datasets::Sample> sample;
    FinishedAnswer finished;  // filled as it goes
    ModelRequest request;
    int throttles = 0;  // of its attempts: those put off by a busy endpoint
    std::optional<Clock::time_point> throttled_since = {};
  };

  struct InFlight {
    Work work;
    Clock::time_point asked_at;
    bool cancelled = false;
  };

  struct Waiting {
    Work work;
    Clock::time_point ready_at;
  };

  static Clock::duration seconds(double value) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
  }

  // ---- execution.cpp: how it begins and ends ----

  void open_run();
  template <typename Deed>
  void guarded(Deed deed);
  void begin_work();
  // How many requests to hold now: an endpoint finds out what it can take as it goes.
  std::size_t target() const;
  // Questions are asked in an order of their own: all are read first. Earlier sittings' answers
  // are counted before anything is asked.
  void begin_decision();
  bool must_stop();
  bool too_many_failures() const;

  // ---- asking.cpp: what is asked next, and again ----

  // Submits until `target` are in flight. Answers waiting for a retry hold their place, so that a
  // model in trouble is not given more and memory stays bounded.
  void fill(std::size_t target);
  // The next answer that is not there yet; epochs of a sample follow each other, so that an engine
  // can share their prefix.
  std::optional<Work> next_work();
  // The next sample, of the file or of the seeded order; null when there is none, or none that may
  // be asked yet.
  std::shared_ptr<const datasets::Sample> next_sample();
  // `sample` with the lines that are shown of its subtitles; what is wrong with them goes into
  // no_prompt_.
  std::shared_ptr<const datasets::Sample> with_subtitles(const datasets::Sample& sample);
  Work prepare();
  // Makes the request of `work` and sends it, unless the answer needs no model.
  void ask(Work work);
  void submit(Work work);
  // Counts the attempt that failed, and says whether another may follow.
  bool may_retry(Work& work, bool throttled);
  // Waits double, spread by a quarter either way so that retries do not come all at once; they are
  // as long at least as the endpoint asks.
  Clock::duration retry_wait(const Work& work, const ModelResponse& response) const;
  std::string timeout_text() const;
  void cancel_late();
  void wait_for_retry();

  // ---- taking.cpp: what becomes of a reply ----

  void take(ModelClient::Finished finished);
  void take_response(Work work, ModelResponse response);
  // The verdict of the profile's rules; where programs have to run, it takes its time.
  // threads: any.
  evals::Score verdict_on(const Work& work) const;
  // Takes the verdicts on programs that are there, or that come within `patience`.
  void take_programs(std::chrono::milliseconds patience);
  // A reply that the profile's rules do not settle goes to the judge.
  void ask_judge(Work work);
  void take_verdicts(double wait_s);
  // Replies without a verdict at an early end are kept for the next sitting, which judges them.
  void keep_unjudged();
  // The verdict on a reply is there.
  void take_score(Work work);
  void fail(Work work, const std::string& finish_reason, const std::string& failure);

  // ---- keeping.cpp: answers in hand, the store, progress ----

  // An answer is in hand: counted, and kept until its batch is committed.
  void add(FinishedAnswer finished);
  void commit_if_due();
  void commit();
  void show_progress(bool last);
  // Something of ours or the machine's broke: keeps what is in hand if the store still takes it.
  void leave_after(const std::string& failure) noexcept;

  Store& store_;
  ModelClient& model_;
  const RunOptions options_;
  Plan plan_;
  Store::OpenedRun opened_;
  MediaFolder media_;
  bool nothing_to_do_ = false;
  std::int64_t answers_without_media_ = 0;  // whose prompts did not hold all their media
  std::string first_without_media_;         // the sample of the first of them

  std::unique_ptr<datasets::SampleReader> reader_;
  std::unique_ptr<FewShotPool> pool_;
  std::unique_ptr<evals::OptionOrders> orders_;
  FinishedSet finished_;
  std::shared_ptr<const datasets::Sample> sample_;  // whose epochs are being asked
  std::string sample_digest_;
  std::string no_prompt_;  // why sample_ cannot be asked; "" where it can
  std::vector<datasets::Sample> shots_;
  int epoch_ = -1;
  std::int64_t num_read_ = 0;
  // Of a run with a stop rule: its questions in the order of the file, and where in the seeded
  // order asking stands.
  std::vector<std::shared_ptr<const datasets::Sample>> questions_;
  std::size_t position_ = 0;
  bool held_back_ = false;  // the next question may not be asked yet

  std::unordered_map<std::int64_t, InFlight> in_flight_;
  std::vector<Waiting> waiting_;
  std::map<std::int64_t, Work> judging_;  // replies at the judge, by its tickets
  std::map<std::int64_t, Work> running_;  // replies whose programs wait or run
  std::int64_t next_program_ = 0;
  std::optional<VerdictStore> judgement_store_;
  std::vector<Judgement> judgements_;  // of the batch
  std::vector<FinishedAnswer> batch_;
  Clock::time_point batch_began_, last_commit_, started_at_, last_progress_;
  Clock::duration commit_took_{};
  RunProgress progress_;
  double value_sum_ = 0;
  std::int64_t sitting_tokens_ = 0;
  std::string first_failure_;
  bool interrupted_ = false;
  std::unique_ptr<CodeDesk> programs_;  // last: its threads use what stands above
};

}  // namespace peira::runner
