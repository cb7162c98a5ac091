#include "runner/judging/judge_desk.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/judge.h"
#include "runner/request_key.h"
#include "runner/sampling_overrides.h"

namespace peira::runner {

using Clock = std::chrono::steady_clock;

// What the thread does: tasks become questions, questions requests, and replies verdicts.
class JudgeDesk::Worker {
 public:
  Worker(JudgeDesk& desk, ModelClient& model, const std::filesystem::path& store,
         const JudgeSettings& settings)
      : desk_(desk),
        judge_(*desk.judge_),
        model_(model),
        settings_(settings),
        verdicts_(store, VerdictStore::Access::kReadWrite),
        model_identity_(dump_json(model.identity())) {
    model_.prepare(judge_.format);
  }

  void run() {
    while (take_tasks()) {
      start_requests();
      if (in_flight_.empty()) {
        wait_for_retry();
        continue;
      }
      for (ModelClient::Finished& finished : model_.poll()) {
        take(finished.ticket, std::move(finished.response));
      }
      settle();
    }
    for (const auto& [ticket, key] : in_flight_) model_.cancel(ticket);
  }

 private:
  // One reply being judged.
  struct Open {
    std::int64_t ticket = 0;
    int owner = 0;
    JudgeTask task;
    std::vector<std::string> names, keys;  // of its questions
    std::vector<std::string> replies;
    Json how;
    std::size_t num_missing = 0;
    std::string failure;
    std::optional<evals::Score> settled;
  };
  // One question, whoever wants its answer.
  struct Question {
    ModelRequest request;
    std::vector<std::pair<std::int64_t, std::size_t>> wanted_by;  // task, index
    int attempt = 0;                                              // of getting a verdict
    int tries = 0;                                                // of this attempt
    Clock::time_point ready_at{};
    std::optional<Clock::time_point> throttled_since = {};
    bool is_waiting = true;
  };

  // Takes what was handed over; waits when there is nothing else to do. False at the end.
  bool take_tasks() {
    std::deque<Queued> tasks;
    {
      std::unique_lock lock(desk_.mutex_);
      if (questions_.empty()) {
        desk_.arrived_.wait(lock, [&] { return desk_.stop_ || !desk_.queue_.empty(); });
      }
      if (desk_.stop_) return false;
      tasks.swap(desk_.queue_);
      desk_.capacity_ = capacity();
    }
    for (Queued& queued : tasks) open(std::move(queued));
    settle();
    return true;
  }

  std::int64_t capacity() const {
    const int wanted = settings_.in_flight > 0 ? settings_.in_flight : model_.preferred_in_flight();
    return std::max(1, wanted);
  }

  evals::JudgeRequest judge_request(const JudgeTask& task) const {
    evals::JudgeRequest request;
    request.other = task.other;
    request.sample = task.sample.get();
    request.permutation = task.permutation;
    request.response = task.response;
    request.finish_reason = task.finish_reason;
    request.completion_tokens = task.completion_tokens;
    return request;
  }

  void open(Queued queued) {
    Open& open = open_[queued.ticket];
    open.ticket = queued.ticket;
    open.owner = queued.owner;
    open.task = std::move(queued.task);
    open.how = {{"judge", desk_.name_}, {"replies", Json::array()}};
    // With the other reply known there may be nothing left to ask.
    open.settled = judge_.settled(judge_request(open.task));
    std::vector<evals::JudgeQuestion> questions;
    if (!open.settled) questions = judge_.questions(judge_request(open.task));
    open.replies.resize(questions.size());
    open.num_missing = questions.size();
    if (questions.empty()) done_.push_back(open.ticket);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      open.names.push_back(questions[i].name);
      ModelRequest request = request_for(open.task, std::move(questions[i]));
      const std::string key = key_of(request);
      open.keys.push_back(key);
      open.how["replies"].push_back({{"name", open.names.back()}, {"key", key}});
      request.seed = derive_seed({"judge", key, "0"});
      const auto [found, is_new] = questions_.try_emplace(key);
      found->second.wanted_by.emplace_back(open.ticket, i);
      if (!is_new) continue;
      if (std::optional<JudgeReply> kept = verdicts_.find(key)) {
        ++counts_.cached;
        answer(key, kept->text, kept->attempts, /*cached=*/true);
        continue;
      }
      found->second.request = std::move(request);
    }
  }

  ModelRequest request_for(const JudgeTask& task, evals::JudgeQuestion question) const {
    ModelRequest request;
    request.messages = std::move(question.messages);
    request.max_tokens = settings_.max_tokens.value_or(judge_.max_tokens);
    request.sampling.temperature = settings_.temperature;
    request.format = judge_.format;
    request.sample_id = task.sample->id + (question.name.empty() ? "" : "/" + question.name);
    request.row = task.sample->row;
    request.epoch = task.epoch;
    return request;
  }

  // The content of a question: whose reply it is about does not matter.
  std::string key_of(const ModelRequest& request) const {
    const Json content{{"messages", messages_json(request.messages)},
                       {"max_tokens", request.max_tokens},
                       {"sampling", sampling_json(request.sampling)},
                       {"format", canonical_json(request.format)}};
    return sha256_hex(model_identity_ + "\n" + dump_json(content));
  }

  void start_requests() {
    const Clock::time_point now = Clock::now();
    for (auto& [key, question] : questions_) {
      if (static_cast<std::int64_t>(in_flight_.size()) >= capacity()) return;
      if (!question.is_waiting || question.ready_at > now) continue;
      question.is_waiting = false;
      ++question.tries;
      ++counts_.asked;
      in_flight_.emplace(model_.submit(question.request), key);
    }
  }

  void wait_for_retry() {
    Clock::time_point wake = Clock::now() + std::chrono::milliseconds(50);
    for (const auto& [key, question] : questions_) {
      if (question.is_waiting) wake = std::min(wake, question.ready_at);
    }
    std::this_thread::sleep_until(wake);
  }

  void take(std::int64_t ticket, ModelResponse response) {
    const auto flight = in_flight_.find(ticket);
    if (flight == in_flight_.end()) return;
    const std::string key = flight->second;
    in_flight_.erase(flight);
    Question& question = questions_.at(key);
    if (is_failure(response.finish_reason)) {
      if (response.retryable && may_retry(question, response)) return;
      give_up(key, response.failure.empty() ? response.finish_reason : response.failure);
      return;
    }
    const std::string defect = judge_.defect(response.text);
    if (defect.empty()) {
      fresh_.push_back({key, response.text, question.attempt + 1});
      answer(key, response.text, question.attempt + 1, /*cached=*/false);
      return;
    }
    ++counts_.nonsense;
    if (++question.attempt >= settings_.attempts) {
      give_up(key, "no verdict in " + std::to_string(settings_.attempts) +
                       (settings_.attempts == 1 ? " attempt: " : " attempts: ") + defect);
      return;
    }
    question.request.seed = derive_seed({"judge", key, std::to_string(question.attempt)});
    question.request.sampling.temperature =
        std::max(settings_.temperature, JudgeSettings::kRetryTemperature);
    question.tries = 0;
    question.is_waiting = true;
  }

  // Puts a question off whose request failed in a way that may pass; false when it was long enough.
  bool may_retry(Question& question, const ModelResponse& response) {
    const Clock::time_point now = Clock::now();
    if (response.throttled) {
      if (!question.throttled_since) question.throttled_since = now;
      const std::chrono::duration<double> borne = now - *question.throttled_since;
      if (borne.count() >= settings_.throttled_s) return false;
      --question.tries;
    } else if (question.tries > settings_.retries) {
      return false;
    }
    const double wait =
        std::min(60.0, settings_.retry_wait_s * std::ldexp(1.0, std::clamp(question.tries, 0, 6)));
    question.ready_at =
        now + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double>(std::max(wait, response.retry_after_s)));
    question.is_waiting = true;
    return true;
  }

  void answer(const std::string& key, const std::string& text, int attempts, bool cached) {
    for (const auto& [ticket, index] : questions_.at(key).wanted_by) {
      Open& open = open_.at(ticket);
      open.replies[index] = text;
      Json& how = open.how["replies"][index];
      how["text"] = text;
      how["attempts"] = attempts;
      how["cached"] = cached;
      if (--open.num_missing == 0) done_.push_back(ticket);
    }
    questions_.erase(key);
  }

  void give_up(const std::string& key, const std::string& why) {
    for (const auto& [ticket, index] : questions_.at(key).wanted_by) {
      Open& open = open_.at(ticket);
      if (open.failure.empty()) open.failure = why.substr(0, why.find('\n'));
      open.how["replies"][index]["failure"] = open.failure;
      if (--open.num_missing == 0) done_.push_back(ticket);
    }
    questions_.erase(key);
  }

  // Keeps new replies, then hands out the verdicts that are complete.
  void settle() {
    verdicts_.put(fresh_);
    fresh_.clear();
    if (done_.empty()) return;
    std::vector<std::pair<int, Verdict>> out;
    for (const std::int64_t ticket : done_) {
      Open& open = open_.at(ticket);
      Verdict verdict;
      verdict.ticket = ticket;
      ++counts_.verdicts;
      if (open.settled) {
        verdict.score = *open.settled;
      } else if (open.failure.empty()) {
        verdict.score = judge_.verdict(judge_request(open.task), open.replies);
      } else {
        ++counts_.failures;
        verdict.score = evals::judge_failure(open.failure);
        open.how["failure"] = open.failure;
      }
      verdict.how = std::move(open.how);
      out.emplace_back(open.owner, std::move(verdict));
      open_.erase(ticket);
    }
    done_.clear();
    const std::lock_guard lock(desk_.mutex_);
    for (auto& [owner, verdict] : out) desk_.verdicts_[owner].push_back(std::move(verdict));
    desk_.open_ -= static_cast<std::int64_t>(out.size());
    desk_.counts_ = counts_;
    desk_.answered_.notify_all();
  }

  JudgeDesk& desk_;
  const evals::ModelJudge& judge_;
  ModelClient& model_;
  const JudgeSettings settings_;
  VerdictStore verdicts_;
  const std::string model_identity_;
  std::map<std::int64_t, Open> open_;
  std::map<std::string, Question> questions_;      // by key
  std::map<std::int64_t, std::string> in_flight_;  // the model's ticket -> key
  std::vector<JudgeReply> fresh_;                  // not committed yet
  std::vector<std::int64_t> done_;                 // tasks whose questions are all answered
  Counts counts_;
};

JudgeDesk::JudgeDesk(ModelClient& model, std::shared_ptr<const evals::ModelJudge> judge,
                     const std::filesystem::path& store, const JudgeSettings& settings)
    : judge_(std::move(judge)), name_(model.name()) {
  model::SamplingParams sampling;
  sampling.temperature = settings.temperature;
  value_ = {{"model", model.identity()},
            {"name", name_},
            {"prompt", evals::judge_value(*judge_)},
            {"sampling", sampling_json(sampling)},
            {"attempts", settings.attempts}};
  value_["sampling"]["max_tokens"] = settings.max_tokens.value_or(judge_->max_tokens);
  worker_ = std::make_unique<Worker>(*this, model, store, settings);
  thread_ = std::thread([this] {
    try {
      worker_->run();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      answered_.notify_all();
    }
  });
}

JudgeDesk::~JudgeDesk() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    arrived_.notify_all();
  }
  thread_.join();
}

std::int64_t JudgeDesk::submit(int owner, JudgeTask task) {
  const std::lock_guard lock(mutex_);
  const std::int64_t ticket = next_ticket_++;
  queue_.push_back({ticket, owner, std::move(task)});
  ++open_;
  arrived_.notify_all();
  return ticket;
}

std::vector<JudgeDesk::Verdict> JudgeDesk::poll(int owner, double wait_s) {
  std::unique_lock lock(mutex_);
  std::vector<Verdict>& verdicts = verdicts_[owner];
  answered_.wait_for(lock, std::chrono::duration<double>(wait_s),
                     [&] { return failure_ != nullptr || !verdicts.empty(); });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  return std::exchange(verdicts, {});
}

bool JudgeDesk::is_full() const {
  const std::lock_guard lock(mutex_);
  return open_ >= 2 * capacity_;
}

JudgeDesk::Counts JudgeDesk::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace peira::runner
