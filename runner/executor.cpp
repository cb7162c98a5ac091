#include "runner/executor.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "evals/judge.h"
#include "runner/code_desk.h"
#include "runner/endpoints/shared_client.h"
#include "runner/episodes/episode_run.h"
#include "runner/few_shot.h"
#include "runner/judge.h"
#include "runner/manifest.h"
#include "runner/request_key.h"
#include "runner/run_plan.h"

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;

// Nothing waits less for its batch, however fast the disk.
constexpr std::chrono::milliseconds kLeastPatience{20};
// Replies held while their programs wait or run: each keeps its problem's tests in memory.
constexpr std::size_t kMostPrograms = 64;
constexpr std::chrono::seconds kLongestFarewell{10};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

// Half the width of the 95 % Wilson interval of a mean score over n samples.
std::optional<double> wilson_half_width(double p, double n) {
  if (n < 1) return std::nullopt;
  constexpr double z = 1.959963984540054;
  return z / (1 + z * z / n) * std::sqrt(std::max(0.0, p * (1 - p)) / n + z * z / (4 * n * n));
}

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
  // left, and end(); conclude() when all arms have ended.
  void begin() {
    open_run();
    nothing_to_do_ = opened_.info.complete;
    if (!nothing_to_do_) guarded([&] { begin_work(); });
  }

  // One turn of asking and taking. Returns whether there is more to do.
  bool turn() {
    if (nothing_to_do_ || must_stop()) return false;
    bool more = true;
    guarded([&] {
      fill(target());
      if (in_flight_.empty() && waiting_.empty() && judging_.empty() && running_.empty()) {
        more = held_back_ && !must_stop();
        return;
      }
      if (!judging_.empty()) take_verdicts(in_flight_.empty() ? 0.02 : 0);
      take_programs(std::chrono::milliseconds(in_flight_.empty() ? 20 : 0));
      if (in_flight_.empty()) {
        if (judging_.empty() && running_.empty() && !waiting_.empty()) wait_for_retry();
      } else {
        for (ModelClient::Finished& finished : model_.poll()) take(std::move(finished));
        cancel_late();
      }
      commit_if_due();
      show_progress(false);
    });
    return more;
  }

  void end() {
    if (nothing_to_do_) return;
    guarded([&] {
      // What is still in flight is asked again by the next sitting.
      for (const auto& [ticket, flight] : in_flight_) model_.cancel(ticket);
      // Replies that were paid for are judged before the run is left, unless that takes too long.
      const Clock::time_point deadline = Clock::now() + kLongestFarewell;
      while (!running_.empty() && Clock::now() < deadline) take_programs(kLeastPatience);
      keep_unjudged();
      commit();
    });
  }

  const RunInfo& info() const { return opened_.info; }
  bool nothing_to_do() const { return nothing_to_do_; }
  // Stopped before its end, for a reason of its own.
  bool gave_up() const { return interrupted_ || too_many_failures(); }

 private:
  void open_run() {
    RunInfo& info = plan_.info;
    const std::string dataset_digest = info.manifest["digests"]["dataset"].get<std::string>();
    // Counting reads and checks the whole file; once is enough for the same bytes.
    const std::optional<std::int64_t> known = store_.known_num_rows(dataset_digest);
    info.num_rows = known ? *known : options_.samples.count();
    const std::int64_t num_samples =
        options_.limit ? std::min(*options_.limit, info.num_rows) : info.num_rows;
    info.limited = num_samples < info.num_rows;
    info.expected_answers = num_samples * options_.epochs;
    info.id = options_.name;
    switch (options_.resume) {
      case Resume::kAuto:
        opened_ = options_.name.empty() ? store_.resume_or_create_run(info)
                                        : store_.resume_or_create_named(info);
        break;
      case Resume::kNew:
        opened_ = store_.create_run(info);
        break;
      case Resume::kRun:
        opened_ = store_.resume_run(options_.resume_run, info);
        break;
    }
    started_at_ = last_commit_ = Clock::now();

    progress_.run_id = opened_.info.id;
    progress_.suite = opened_.info.suite;
    progress_.variant = opened_.info.variant;
    progress_.model = opened_.info.model;
    progress_.expected = opened_.info.expected_answers;
    progress_.done = opened_.info.answers;
    progress_.failures = opened_.info.failures;
    progress_.cached = opened_.info.cached;
    value_sum_ = opened_.info.value_sum;
    std::set<std::pair<std::int64_t, int>> unjudged;
    if (options_.judge != nullptr) {
      judgement_store_.emplace(store_.path(), VerdictStore::Access::kReadWrite);
      if (opened_.resumed) unjudged = judgement_store_->failures(opened_.info.key);
    }
    if (opened_.resumed && !opened_.info.complete) {
      store_.visit_finished(opened_.info.key, [&](std::int64_t row, int epoch, bool failed) {
        if ((failed && options_.retry_failed) || unjudged.contains({row, epoch})) {
          --progress_.done;
          --progress_.failures;
        } else {
          finished_.insert(row, epoch);
        }
      });
    }
    progress_.resumed = progress_.done;
    if (options_.on_start) options_.on_start(opened_.info, opened_.resumed, progress_.done);
  }

  template <typename Deed>
  void guarded(Deed deed) {
    try {
      deed();
    } catch (const std::exception& failure) {
      leave_after(failure.what());
      throw;
    }
  }

  void begin_work() {
    reader_ = options_.samples.open();
    if (plan_.variant.num_shots > 0) {
      pool_ = std::make_unique<FewShotPool>(options_.shots ? *options_.shots : options_.samples,
                                            options_.seed);
    }
    orders_ = std::make_unique<evals::OptionOrders>(plan_.profile->option_order,
                                                    opened_.info.num_rows, options_.seed);
    if (plan_.programs != nullptr) {
      programs_ = std::make_unique<CodeDesk>(plan_.programs->num_workers());
    }
    if (options_.control != nullptr) begin_decision();
    show_progress(false);
  }

  // How many requests to hold now: an endpoint finds out what it can take as it goes.
  std::size_t target() const {
    std::int64_t target =
        options_.in_flight > 0 ? options_.in_flight : model_.preferred_in_flight();
    if (options_.control != nullptr && options_.in_flight == 0) {
      target = std::min(target, std::max<std::int64_t>(4, progress_.expected / 20));
    }
    return static_cast<std::size_t>(std::max<std::int64_t>(1, target));
  }

  // Questions are asked in an order of their own: all are read first. Earlier sittings' answers
  // are counted before anything is asked.
  void begin_decision() {
    options_.control->check_reference(plan_.info.manifest);
    std::vector<std::pair<std::int64_t, std::string>> questions;
    while (!options_.limit || num_read_ < *options_.limit) {
      std::optional<datasets::Sample> sample = reader_->next();
      if (!sample) break;
      ++num_read_;
      questions.emplace_back(sample->row, sample->id);
      questions_.push_back(std::make_shared<const datasets::Sample>(std::move(*sample)));
    }
    options_.control->set_questions(options_.arm, questions, options_.epochs);
    if (!opened_.resumed) return;
    OutcomeReader earlier = store_.outcomes(opened_.info.id);
    while (const std::optional<evals::SampleOutcome> outcome = earlier.next()) {
      if (!finished_.contains(outcome->row, outcome->epoch)) continue;
      options_.control->record(options_.arm, outcome->row, outcome->epoch, outcome->score);
    }
  }

  bool must_stop() {
    if (options_.stop_requested != nullptr && options_.stop_requested->load()) interrupted_ = true;
    return interrupted_ || too_many_failures() ||
           (options_.control != nullptr && options_.control->finished());
  }

  bool too_many_failures() const {
    return options_.max_failures.exceeded(progress_.failures, progress_.expected);
  }

  // Submits until `target` are in flight. Answers waiting for a retry hold their place, so that a
  // model in trouble is not given more and memory stays bounded.
  void fill(std::size_t target) {
    const Clock::time_point now = Clock::now();
    for (std::size_t i = 0; i < waiting_.size();) {
      if (waiting_[i].ready_at > now) {
        ++i;
        continue;
      }
      Work work = std::move(waiting_[i].work);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      submit(std::move(work));
    }
    const auto has_room = [&] {
      return in_flight_.size() + waiting_.size() < target && running_.size() < kMostPrograms &&
             (options_.judge == nullptr || !options_.judge->is_full());
    };
    while (has_room() && !must_stop()) {
      std::optional<Work> work = next_work();
      if (!work) return;
      ask(std::move(*work));
    }
  }

  // The next answer that is not there yet; epochs of a sample follow each other, so that an engine
  // can share their prefix.
  std::optional<Work> next_work() {
    for (;;) {
      if (sample_ != nullptr) {
        while (++epoch_ < options_.epochs) {
          if (!finished_.contains(sample_->row, epoch_)) return prepare();
        }
        sample_ = nullptr;
      }
      std::shared_ptr<const datasets::Sample> sample = next_sample();
      if (sample == nullptr) return std::nullopt;
      bool wanted = false;
      for (int epoch = 0; epoch < options_.epochs && !wanted; ++epoch) {
        wanted = !finished_.contains(sample->row, epoch);
      }
      if (!wanted) continue;
      sample_ = std::move(sample);
      sample_digest_ = sample_digest(*sample_);
      shots_.clear();
      epoch_ = -1;
    }
  }

  // The next sample, of the file or of the seeded order; null when there is none, or none that may
  // be asked yet.
  std::shared_ptr<const datasets::Sample> next_sample() {
    if (options_.control == nullptr) {
      if (options_.limit && num_read_ >= *options_.limit) return nullptr;
      std::optional<datasets::Sample> sample = reader_->next();
      if (!sample) return nullptr;
      ++num_read_;
      return std::make_shared<const datasets::Sample>(std::move(*sample));
    }
    const std::size_t window =
        std::max<std::size_t>(1, target() / static_cast<std::size_t>(options_.epochs));
    held_back_ = position_ < questions_.size() && !options_.control->may_ask(position_, window);
    if (held_back_ || position_ == questions_.size()) return nullptr;
    return questions_[options_.control->question_at(position_++)];
  }

  Work prepare() {
    const datasets::Sample& sample = *sample_;
    Work work;
    work.sample = sample_;
    FinishedAnswer& finished = work.finished;
    finished.sample = {sample.row, sample.id, sample.cluster.empty() ? sample.id : sample.cluster,
                       sample_digest_, sample.metadata};
    AnswerRecord& answer = finished.answer;
    answer.row = sample.row;
    answer.epoch = epoch_;
    if (!sample.choices.empty()) answer.permutation = orders_->permutation(sample, epoch_);
    answer.gold = evals::gold_text(sample, answer.permutation);
    answer.attempts = 0;
    return work;
  }

  // Makes the request of `work` and sends it, unless the answer needs no model.
  void ask(Work work) {
    const datasets::Sample& sample = *work.sample;
    AnswerRecord& answer = work.finished.answer;
    if (asks_never(*plan_.profile, sample.row)) {
      answer.finish_reason = kSkipped;
      Reply reply;
      reply.finish_reason = kSkipped;
      answer.score =
          judge(*plan_.profile, sample, answer.permutation, reply, options_.seed, answer.epoch);
      add(std::move(work.finished));
      return;
    }

    ModelRequest& request = work.request;
    request.sample_id = sample.id;
    request.sample = work.sample;
    request.row = sample.row;
    request.epoch = answer.epoch;
    request.max_tokens = plan_.max_tokens;
    request.sampling = plan_.sampling;
    request.stop = options_.stop;
    request.format = plan_.format;
    request.seed = derive_seed(
        {"request", std::to_string(options_.seed), sample.id, std::to_string(answer.epoch)});
    Json messages;
    try {
      if (pool_ != nullptr && shots_.empty()) {
        shots_ = pool_->choose(sample, plan_.variant.num_shots);
      }
      request.messages =
          plan_.profile->prompt({&sample, answer.permutation, shots_}, plan_.variant);
      messages = messages_json(request.messages);
      media_.keep(request.messages);
    } catch (const Error& failure) {
      if (failure.code() != ErrorCode::kData) throw;
      fail(std::move(work), "error", std::string("no prompt: ") + failure.what());
      return;
    }
    if (plan_.by_likelihood) {
      for (int k = 0; k < static_cast<int>(sample.choices.size()); ++k) {
        request.continuations.push_back(plan_.profile->option_continuation(k));
      }
    }

    Transcript& transcript = work.finished.transcript;
    transcript.seed = request.seed;
    transcript.messages = dump_json(messages);
    transcript.continuations = request.continuations;
    for (const datasets::Sample& shot : shots_) transcript.shots.push_back(shot.id);

    if (options_.use_cache) {
      std::string key = request_key(request, messages, plan_.model_identity);
      if (std::optional<ModelResponse> cached = store_.find_cached(key)) {
        answer.cached = true;
        take_response(std::move(work), std::move(*cached));
        return;
      }
      work.finished.cache_key = std::move(key);
    }
    submit(std::move(work));
  }

  void submit(Work work) {
    ++work.finished.answer.attempts;
    const Clock::time_point now = Clock::now();
    std::int64_t ticket = 0;
    try {
      ticket = model_.submit(work.request);
    } catch (const Error& failure) {
      if (failure.code() == ErrorCode::kInternal || failure.code() == ErrorCode::kUnavailable) {
        throw;
      }
      fail(std::move(work), "error", failure.what());
      return;
    }
    in_flight_.emplace(ticket, InFlight{std::move(work), now});
  }

  void take(ModelClient::Finished finished) {
    const auto found = in_flight_.find(finished.ticket);
    if (found == in_flight_.end()) return;  // given up on earlier
    InFlight flight = std::move(found->second);
    in_flight_.erase(found);
    ModelResponse& response = finished.response;
    if (response.latency_s == 0) response.latency_s = seconds_since(flight.asked_at);
    if (response.finish_reason == "timeout" && response.failure.empty()) {
      response.failure = timeout_text();
    }
    if (is_failure(response.finish_reason) && response.retryable &&
        may_retry(flight.work, response.throttled)) {
      waiting_.push_back({std::move(flight.work), Clock::now()});
      Waiting& waiting = waiting_.back();
      waiting.ready_at += retry_wait(waiting.work, response);
      return;
    }
    take_response(std::move(flight.work), std::move(response));
  }

  // Counts the attempt that failed, and says whether another may follow.
  bool may_retry(Work& work, bool throttled) {
    if (!throttled) {
      work.throttled_since.reset();
      return work.finished.answer.attempts - work.throttles <= options_.retries;
    }
    ++work.throttles;
    const Clock::time_point now = Clock::now();
    if (!work.throttled_since) work.throttled_since = now;
    return now - *work.throttled_since < seconds(options_.throttled_s);
  }

  // Waits double, spread by a quarter either way so that retries do not come all at once; they are
  // as long at least as the endpoint asks.
  Clock::duration retry_wait(const Work& work, const ModelResponse& response) const {
    const int attempts = work.finished.answer.attempts;
    const std::uint64_t draw = derive_seed({"retry", work.sample->id, std::to_string(attempts)});
    const double spread = 0.75 + 0.5 * static_cast<double>(draw >> 11U) * 0x1p-53;
    const int doublings = (response.throttled ? work.throttles : attempts - work.throttles) - 1;
    const double wait =
        std::min(60.0, options_.retry_wait_s * std::ldexp(1.0, std::clamp(doublings, 0, 30)));
    return seconds(std::max(wait * spread, response.retry_after_s * (spread + 0.25)));
  }

  void take_response(Work work, ModelResponse response) {
    FinishedAnswer& finished = work.finished;
    AnswerRecord& answer = finished.answer;
    Transcript& transcript = finished.transcript;
    answer.finish_reason = response.finish_reason;
    answer.failure = response.failure;
    const auto count = [](std::int64_t told, const std::vector<std::int32_t>& tokens) {
      return told > 0 ? told : static_cast<std::int64_t>(tokens.size());
    };
    answer.prompt_tokens = count(response.num_prompt_tokens, response.prompt_tokens);
    answer.completion_tokens = count(response.num_completion_tokens, response.tokens);
    answer.latency_s = response.latency_s;
    transcript.prompt_text = std::move(response.prompt_text);
    transcript.prompt_tokens = std::move(response.prompt_tokens);
    transcript.response = std::move(response.text);
    transcript.reasoning = std::move(response.reasoning);
    transcript.tokens = std::move(response.tokens);
    transcript.continuation_logprobs = std::move(response.continuation_logprobs);

    if (plan_.by_likelihood && !is_failure(answer.finish_reason) &&
        transcript.continuation_logprobs.size() != transcript.continuations.size()) {
      fail(std::move(work), "error", "the model gives no log-likelihoods of continuations");
      return;
    }
    if (programs_ != nullptr && !plan_.by_likelihood) {
      const auto held = running_.emplace(next_program_++, std::move(work)).first;
      programs_->give(held->first, [this, &kept = held->second] { return verdict_on(kept); });
      return;
    }
    answer.score = verdict_on(work);
    if (options_.judge != nullptr && evals::is_judge_failure(answer.score.why)) {
      ask_judge(std::move(work));
      return;
    }
    take_score(std::move(work));
  }

  // The verdict of the profile's rules; where programs have to run, it takes its time.
  // threads: any.
  evals::Score verdict_on(const Work& work) const {
    const AnswerRecord& answer = work.finished.answer;
    const Transcript& transcript = work.finished.transcript;
    Reply reply;
    reply.response = transcript.response;
    reply.finish_reason = answer.finish_reason;
    reply.failure = answer.failure;
    reply.completion_tokens = answer.completion_tokens;
    reply.continuation_logprobs = transcript.continuation_logprobs;
    return judge(*plan_.profile, *work.sample, answer.permutation, reply, options_.seed,
                 answer.epoch, plan_.programs.get());
  }

  // Takes the verdicts on programs that are there, or that come within `patience`.
  void take_programs(std::chrono::milliseconds patience) {
    if (running_.empty()) return;
    for (CodeDesk::Judged& judged : programs_->take(patience)) {
      const auto found = running_.find(judged.ticket);
      Work work = std::move(found->second);
      running_.erase(found);
      work.finished.answer.score = std::move(judged.score);
      take_score(std::move(work));
    }
  }

  // A reply that the profile's rules do not settle goes to the judge.
  void ask_judge(Work work) {
    const AnswerRecord& answer = work.finished.answer;
    JudgeTask task;
    task.sample = work.sample;
    task.permutation = answer.permutation;
    task.response = work.finished.transcript.response;
    task.finish_reason = answer.finish_reason;
    task.completion_tokens = answer.completion_tokens;
    task.epoch = answer.epoch;
    judging_.emplace(options_.judge->submit(options_.arm, std::move(task)), std::move(work));
  }

  void take_verdicts(double wait_s) {
    for (JudgeDesk::Verdict& verdict : options_.judge->poll(options_.arm, wait_s)) {
      const auto found = judging_.find(verdict.ticket);
      if (found == judging_.end()) continue;
      Work work = std::move(found->second);
      judging_.erase(found);
      AnswerRecord& answer = work.finished.answer;
      answer.score = std::move(verdict.score);
      judgements_.push_back({answer.row, answer.epoch, std::move(verdict.how)});
      take_score(std::move(work));
    }
  }

  // Replies without a verdict at an early end are kept for the next sitting, which judges them.
  void keep_unjudged() {
    for (auto& [ticket, work] : judging_) {
      AnswerRecord& answer = work.finished.answer;
      answer.score = evals::judge_failure("the run ended before there was a verdict");
      answer.failure = answer.score.why;
      batch_.push_back(std::move(work.finished));
    }
    judging_.clear();
  }

  // The verdict on a reply is there.
  void take_score(Work work) {
    FinishedAnswer& finished = work.finished;
    AnswerRecord& answer = finished.answer;
    const Transcript& transcript = finished.transcript;
    if (answer.score.state == evals::AnswerState::kFailed && answer.failure.empty()) {
      answer.failure = answer.score.why;
    }
    if (!answer.cached) sitting_tokens_ += answer.completion_tokens;
    // A failure may pass next time; an empty reply is more often a fault than an answer.
    const bool is_empty = transcript.response.empty() && transcript.continuation_logprobs.empty();
    const bool has_no_reply = answer.score.state == evals::AnswerState::kFailed &&
                              !evals::is_judge_failure(answer.failure);
    if (has_no_reply || is_empty) {
      finished.cache_key.clear();
    }
    add(std::move(finished));
  }

  void fail(Work work, const std::string& finish_reason, const std::string& failure) {
    AnswerRecord& answer = work.finished.answer;
    answer.finish_reason = finish_reason;
    // One line: hints for a command make no sense in a sample's record.
    answer.failure = failure.substr(0, failure.find('\n'));
    Reply reply;
    reply.finish_reason = answer.finish_reason;
    reply.failure = answer.failure;
    answer.score =
        judge(*plan_.profile, *work.sample, answer.permutation, reply, options_.seed, answer.epoch);
    work.finished.cache_key.clear();
    add(std::move(work.finished));
  }

  // An answer is in hand: counted, and kept until its batch is committed.
  void add(FinishedAnswer finished) {
    ++progress_.done;
    value_sum_ += finished.answer.score.value;
    if (options_.control != nullptr) {
      const AnswerRecord& answer = finished.answer;
      options_.control->record(options_.arm, answer.row, answer.epoch, answer.score);
    }
    if (finished.answer.score.state == evals::AnswerState::kFailed) {
      ++progress_.failures;
      if (first_failure_.empty()) first_failure_ = finished.answer.failure;
    }
    if (finished.answer.cached) ++progress_.cached;
    if (batch_.empty()) batch_began_ = Clock::now();
    batch_.push_back(std::move(finished));
    commit_if_due();
    show_progress(false);
  }

  void commit_if_due() {
    if (batch_.empty()) return;
    const Clock::duration patience = std::min<Clock::duration>(
        options_.batch_interval, std::max<Clock::duration>(kLeastPatience, 100 * commit_took_));
    if (static_cast<int>(batch_.size()) >= options_.batch_answers ||
        Clock::now() - batch_began_ >= patience) {
      commit();
    }
  }

  void commit() {
    if (batch_.empty()) return;
    const Clock::time_point now = Clock::now();
    if (judgement_store_) judgement_store_->put(opened_.info.key, judgements_);
    judgements_.clear();
    store_.commit(opened_.info, batch_, std::chrono::duration<double>(now - last_commit_).count());
    commit_took_ = Clock::now() - now;
    last_commit_ = now;
    batch_.clear();
  }

  std::string timeout_text() const {
    if (!options_.timeout_s) return "the model gave up waiting";
    std::string text = std::to_string(*options_.timeout_s);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return "no answer within " + text + " s";
  }

  void cancel_late() {
    if (!options_.timeout_s) return;
    const Clock::time_point now = Clock::now();
    const Clock::duration limit = seconds(*options_.timeout_s);
    // A client that does not even finish what was cancelled is not waited for.
    const Clock::duration grace = limit + seconds(options_.cancel_grace_s);
    std::vector<std::int64_t> lost;
    for (auto& [ticket, flight] : in_flight_) {
      if (!flight.cancelled && now - flight.asked_at >= limit) {
        flight.cancelled = true;
        model_.cancel(ticket);
      } else if (flight.cancelled && now - flight.asked_at >= grace) {
        lost.push_back(ticket);
      }
    }
    for (const std::int64_t ticket : lost) {
      ModelResponse response;
      response.finish_reason = "timeout";
      take({ticket, std::move(response)});
    }
  }

  void wait_for_retry() {
    Clock::time_point wake = Clock::now() + std::chrono::milliseconds(50);
    for (const Waiting& waiting : waiting_) wake = std::min(wake, waiting.ready_at);
    std::this_thread::sleep_until(wake);
  }

  void show_progress(bool last) {
    const Clock::time_point now = Clock::now();
    if (!last && (!options_.on_progress || now - last_progress_ < std::chrono::milliseconds(100))) {
      return;
    }
    last_progress_ = now;
    RunProgress& progress = progress_;
    progress.in_flight = static_cast<std::int64_t>(in_flight_.size());
    progress.elapsed_s = std::chrono::duration<double>(now - started_at_).count();
    const auto done = static_cast<double>(progress.done);
    progress.mean_score = progress.done > 0 ? value_sum_ / done : 0;
    progress.half_width = wilson_half_width(progress.mean_score, done / options_.epochs);
    const auto fresh = static_cast<double>(progress.done - progress.resumed);
    if (progress.elapsed_s > 0) {
      progress.answers_per_s = fresh / progress.elapsed_s;
      progress.tokens_per_s = static_cast<double>(sitting_tokens_) / progress.elapsed_s;
    }
    progress.eta_s.reset();
    if (fresh > 0 && progress.answers_per_s > 0) {
      progress.eta_s =
          static_cast<double>(progress.expected - progress.done) / progress.answers_per_s;
    }
    progress.finished = last;
    if (options_.on_progress) options_.on_progress(progress);
  }

  // Something of ours or the machine's broke: keeps what is in hand if the store still takes it.
  void leave_after(const std::string& failure) noexcept {
    try {
      commit();
      store_.finish_run(opened_.info, false, failure.substr(0, failure.find('\n')), plan_.warnings);
    } catch (const std::exception&) {
      // The first failure is the one to tell; the store is whole up to the last batch.
    }
  }

 public:
  // What became of the run, and how it is to be written down.
  RunOutcome outcome() {
    RunOutcome outcome;
    outcome.run_id = opened_.info.id;
    outcome.resumed = opened_.resumed;
    outcome.interrupted = interrupted_;
    if (reader_ != nullptr) {
      for (std::string& warning : reader_->warnings()) plan_.warnings.push_back(std::move(warning));
    }
    if (media_.num_left_out() > 0) {
      plan_.warnings.push_back(std::to_string(media_.num_left_out()) +
                               " media of prompts are not kept in " + media_.path().string() +
                               ": too large or too many (--keep-media), or not readable");
    }
    outcome.warnings = plan_.warnings;
    const std::int64_t missing = progress_.expected - progress_.done;
    const bool decided = options_.control != nullptr && options_.control->finished();
    if (too_many_failures()) {
      outcome.why_stopped =
          std::to_string(progress_.failures) + " of " + std::to_string(progress_.expected) +
          " answers failed, more than --max-failures " + options_.max_failures.text() +
          (first_failure_.empty() ? "" : "; the first: " + first_failure_);
    } else if (decided) {
      if (!nothing_to_do_) outcome.decision = options_.control->decision(options_.arm);
    } else if (interrupted_ && missing > 0) {
      outcome.why_stopped = "interrupted";
    } else if (missing > 0) {
      outcome.why_stopped = options_.control != nullptr
                                ? "the other arm stopped"
                                : std::to_string(missing) +
                                      " answers are missing: " + options_.samples.name +
                                      " holds fewer samples than counted";
    }
    outcome.complete = nothing_to_do_ || outcome.why_stopped.empty();
    return outcome;
  }

  void close(RunOutcome& outcome) {
    opened_.lock = RunLock();
    show_progress(true);
    outcome.progress = progress_;
  }

 private:
  Store& store_;
  ModelClient& model_;
  const RunOptions options_;
  Plan plan_;
  Store::OpenedRun opened_;
  MediaFolder media_;
  bool nothing_to_do_ = false;

  std::unique_ptr<datasets::SampleReader> reader_;
  std::unique_ptr<FewShotPool> pool_;
  std::unique_ptr<evals::OptionOrders> orders_;
  FinishedSet finished_;
  std::shared_ptr<const datasets::Sample> sample_;  // whose epochs are being asked
  std::string sample_digest_;
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

// Runs the arms turn by turn and writes down together how they ended.
std::vector<RunOutcome> execute(Store& store, std::span<Execution* const> arms) {
  for (Execution* arm : arms) arm->begin();
  for (bool more = true; more;) {
    more = false;
    for (Execution* arm : arms) more = arm->turn() || more;
    // One arm alone decides nothing.
    for (const Execution* arm : arms) more = more && !arm->gave_up();
  }
  for (Execution* arm : arms) arm->end();
  std::vector<RunOutcome> outcomes;
  std::vector<Store::Ending> endings;
  for (Execution* arm : arms) {
    const RunOutcome outcome = outcomes.emplace_back(arm->outcome());
    if (arm->nothing_to_do()) continue;
    endings.push_back(
        {arm->info(), outcome.complete, outcome.why_stopped, outcome.warnings, outcome.decision});
  }
  if (!endings.empty()) store.finish_runs(endings);
  for (std::size_t i = 0; i < arms.size(); ++i) arms[i]->close(outcomes[i]);
  return outcomes;
}

// What an arm is, in the manifest of the other.
Json arm_identity(const ArmOfPair& arm) {
  return {{"model", sha256_hex(dump_json(arm.model.identity()))},
          {"profile", arm.options.profile},
          {"prompt", arm.options.variant.name},
          {"template", sha256_hex(arm.options.variant.template_text)}};
}

}  // namespace

RunOutcome execute_run(Store& store, ModelClient& model, const RunOptions& options) {
  if (options.suite.profile(options.profile).episode && !options.in_episode) {
    return execute_episode_run(store, model, options);
  }
  Execution execution(store, model, options);
  Execution* const arms[] = {&execution};
  return execute(store, arms).front();
}

std::pair<RunOutcome, RunOutcome> execute_pair(Store& store, ArmOfPair arm, ArmOfPair against,
                                               DecisionControl& control) {
  for (const ArmOfPair* side : {&arm, &against}) {
    if (side->options.suite.profile(side->options.profile).episode) {
      throw Error(ErrorCode::kUsage, "--against: suite " + side->options.suite.name +
                                         " is run to its end\n  try: two runs and peira compare");
    }
  }
  const Json identity = arm_identity(arm);
  const Json identity_against = arm_identity(against);
  arm.options.control = against.options.control = &control;
  arm.options.arm = 0;
  against.options.arm = 1;
  arm.options.arm_identity = {{"arm", "in question"}, {"beside", identity_against}};
  against.options.arm_identity = {{"arm", evals::kAgainst}, {"beside", identity}};

  std::optional<SharedClient> shared;
  if (&arm.model == &against.model) shared.emplace(arm.model);
  Execution first(store, shared ? shared->share(0) : arm.model, arm.options);
  Execution second(store, shared ? shared->share(1) : against.model, against.options);
  Execution* const arms[] = {&first, &second};
  std::vector<RunOutcome> outcomes = execute(store, arms);
  return {std::move(outcomes[0]), std::move(outcomes[1])};
}

}  // namespace peira::runner
