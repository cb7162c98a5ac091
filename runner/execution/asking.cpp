// Which answers are asked for next, and which again.
#include "runner/execution/execution.h"

#include <cmath>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/judge.h"
#include "runner/manifest.h"
#include "runner/pdf_parts.h"
#include "runner/request_key.h"

namespace peira::runner {
namespace {

// Replies held while their programs wait or run: each keeps its problem's tests in memory.
constexpr std::size_t kMostPrograms = 64;

}  // namespace

void Execution::fill(std::size_t target) {
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

std::optional<Execution::Work> Execution::next_work() {
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
    no_prompt_.clear();
    if (plan_.subtitles != nullptr) sample = with_subtitles(*sample);
    sample_ = std::move(sample);
    sample_digest_ = sample_digest(*sample_);
    shots_.clear();
    epoch_ = -1;
  }
}

std::shared_ptr<const datasets::Sample> Execution::with_subtitles(const datasets::Sample& sample) {
  auto subtitled = std::make_shared<datasets::Sample>(sample);
  try {
    plan_.subtitles->choose(*subtitled);
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::kData) throw;
    no_prompt_ = failure.what();
  }
  return subtitled;
}

std::shared_ptr<const datasets::Sample> Execution::next_sample() {
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

Execution::Work Execution::prepare() {
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

void Execution::ask(Work work) {
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

  if (!no_prompt_.empty()) {
    fail(std::move(work), "error", "no prompt: " + no_prompt_);
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
    if (plan_.subtitles != nullptr) {
      for (datasets::Sample& shot : shots_) plan_.subtitles->choose(shot);
    }
    request.messages = plan_.profile->prompt({&sample, answer.permutation, shots_}, plan_.variant);
    request.messages = with_pdf_pages(std::move(request.messages));
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

void Execution::submit(Work work) {
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

bool Execution::may_retry(Work& work, bool throttled) {
  if (!throttled) {
    work.throttled_since.reset();
    return work.finished.answer.attempts - work.throttles <= options_.retries;
  }
  ++work.throttles;
  const Clock::time_point now = Clock::now();
  if (!work.throttled_since) work.throttled_since = now;
  return now - *work.throttled_since < seconds(options_.throttled_s);
}

Execution::Clock::duration Execution::retry_wait(const Work& work,
                                                 const ModelResponse& response) const {
  const int attempts = work.finished.answer.attempts;
  const std::uint64_t draw = derive_seed({"retry", work.sample->id, std::to_string(attempts)});
  const double spread = 0.75 + 0.5 * static_cast<double>(draw >> 11U) * 0x1p-53;
  const int doublings = (response.throttled ? work.throttles : attempts - work.throttles) - 1;
  const double wait =
      std::min(60.0, options_.retry_wait_s * std::ldexp(1.0, std::clamp(doublings, 0, 30)));
  return seconds(std::max(wait * spread, response.retry_after_s * (spread + 0.25)));
}

std::string Execution::timeout_text() const {
  if (!options_.timeout_s) return "the model gave up waiting";
  std::string text = std::to_string(*options_.timeout_s);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return "no answer within " + text + " s";
}

void Execution::cancel_late() {
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

void Execution::wait_for_retry() {
  Clock::time_point wake = Clock::now() + std::chrono::milliseconds(50);
  for (const Waiting& waiting : waiting_) wake = std::min(wake, waiting.ready_at);
  std::this_thread::sleep_until(wake);
}

}  // namespace peira::runner
