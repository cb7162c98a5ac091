#include "runner/serve/engine_service.h"

#include <algorithm>
#include <random>

#include "base/hash.h"

namespace peira::runner {

std::optional<Generation::Failure> Generation::wait_taken() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return taken_ || failure_; });
  return failure_;
}

std::optional<Generation::Event> Generation::next(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return !events_.empty() || open_choices_ == 0; });
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

bool Generation::is_done() const {
  const std::lock_guard lock(mutex_);
  return (taken_ || failure_) && open_choices_ == 0 && events_.empty();
}

std::optional<double> Generation::queue_seconds() const {
  const std::lock_guard lock(mutex_);
  if (!taken_at_) return std::nullopt;
  return std::chrono::duration<double>(*taken_at_ - submitted_at_).count();
}

std::optional<double> Generation::first_token_seconds() const {
  const std::lock_guard lock(mutex_);
  if (!first_token_at_) return std::nullopt;
  return std::chrono::duration<double>(*first_token_at_ - submitted_at_).count();
}

bool Generation::has_one_open() const {
  const std::lock_guard lock(mutex_);
  return open_choices_ == 1;
}

void Generation::take() {
  const std::lock_guard lock(mutex_);
  taken_ = true;
  taken_at_ = Clock::now();
  changed_.notify_all();
}

void Generation::fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  failure_ = Failure{error.code(), error.what()};
  open_choices_ = 0;
  changed_.notify_all();
}

void Generation::push(Event event) {
  const std::lock_guard lock(mutex_);
  if (!first_token_at_) first_token_at_ = Clock::now();
  if (event.result) --open_choices_;
  events_.push_back(std::move(event));
  changed_.notify_all();
}

EngineService::EngineService(model::LanguageModel& model, int most_requests)
    : model_(model), most_requests_(std::max(1, most_requests)), thread_([this] { run(); }) {}

EngineService::~EngineService() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<Generation> EngineService::submit(ApiRequest request) {
  auto generation = std::make_shared<Generation>();
  generation->open_choices_ =
      request.prompts.size() * static_cast<std::size_t>(request.num_choices);
  generation->request_ = std::move(request);
  const std::lock_guard lock(mutex_);
  if (closed_ || broken_ || num_open_ >= most_requests_) return nullptr;
  ++num_open_;
  waiting_.push_back(generation);
  wake_.notify_one();
  return generation;
}

void EngineService::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

int EngineService::num_waiting() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(waiting_.size());
}

bool EngineService::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [&] { return num_open_ == 0; });
}

std::optional<std::string> EngineService::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

void EngineService::end() {
  const std::lock_guard lock(mutex_);
  --num_open_;
  ended_.notify_all();
}

void EngineService::start(const std::shared_ptr<Generation>& generation) {
  ApiRequest& request = generation->request_;
  const std::int64_t positions = model_.engine().config().max_position_embeddings;
  if (!request.has_seed) {
    // Of nobody's choosing, so that two requests that ask for chance get different ones.
    std::random_device entropy;
    for (model::TextRequest& prompt : request.prompts) {
      prompt.seed = (std::uint64_t{entropy()} << 32U) | entropy();
    }
  }
  std::vector<std::int64_t> made;
  try {
    int choice = 0;
    for (const model::TextRequest& prompt : request.prompts) {
      model::TextRequest text = prompt;
      if (text.max_tokens < 0) {
        const std::int64_t size = model_.count_prompt(text);
        text.max_tokens = static_cast<int>(std::max<std::int64_t>(0, positions - size));
      }
      for (int n = 0; n < request.num_choices; ++n, ++choice) {
        model::TextRequest one = text;
        if (n > 0) one.seed = derive_seed({"choice", std::to_string(text.seed), std::to_string(n)});
        if (request.stream) {
          one.on_delta = [waiting = std::weak_ptr<Generation>(generation),
                          choice](const model::TextDelta& delta) {
            if (const auto still = waiting.lock()) still->push({choice, delta, std::nullopt});
          };
        } else {
          one.on_delta = [waiting =
                              std::weak_ptr<Generation>(generation)](const model::TextDelta&) {
            if (const auto still = waiting.lock()) {
              const std::lock_guard lock(still->mutex_);
              if (!still->first_token_at_) still->first_token_at_ = Generation::Clock::now();
            }
          };
        }
        const std::int64_t ticket = model_.submit(std::move(one));
        made.push_back(ticket);
        tickets_.emplace(ticket, Ticket{generation, choice});
      }
    }
  } catch (const Error& error) {
    for (const std::int64_t ticket : made) {
      tickets_.erase(ticket);
      model_.cancel(ticket);
    }
    end();
    generation->fail(error);
    return;
  }
  generation->take();
}

void EngineService::run() {
  try {
    while (true) {
      std::deque<std::shared_ptr<Generation>> fresh;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || !waiting_.empty() || !model_.idle(); });
        if (stop_) break;
        fresh.swap(waiting_);
      }
      for (const auto& generation : fresh) start(generation);
      for (const auto& [ticket, open] : tickets_) {
        if (open.generation->cancelled_) model_.cancel(ticket);
      }
      if (model_.idle()) continue;
      for (model::LanguageModel::Finished& finished : model_.step()) {
        auto node = tickets_.extract(finished.ticket);
        if (node.empty()) continue;  // of a request that was refused half-way
        const std::shared_ptr<Generation> generation = node.mapped().generation;
        // Its place is free before anyone can know of its end.
        if (generation->has_one_open()) end();
        generation->push({node.mapped().choice, {}, std::move(finished.result)});
      }
    }
    const Error stopping(ErrorCode::kUnavailable, "the server is stopping");
    std::deque<std::shared_ptr<Generation>> left;
    {
      const std::lock_guard lock(mutex_);
      left.swap(waiting_);
    }
    for (const auto& [ticket, open] : tickets_) left.push_back(open.generation);
    for (const auto& generation : left) generation->fail(stopping);
  } catch (const std::exception& error) {
    const Error broken(ErrorCode::kInternal, std::string("the engine broke: ") + error.what());
    std::deque<std::shared_ptr<Generation>> left;
    {
      const std::lock_guard lock(mutex_);
      broken_ = error.what();
      left.swap(waiting_);
    }
    for (const auto& [ticket, open] : tickets_) left.push_back(open.generation);
    for (const auto& generation : left) generation->fail(broken);
    {
      const std::lock_guard lock(mutex_);
      num_open_ = 0;
    }
    ended_.notify_all();
  }
}

}  // namespace peira::runner
