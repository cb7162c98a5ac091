#include "runner/nightly/metered_client.h"

#include <algorithm>
#include <cstdio>

namespace peira::runner {
namespace {

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.10g", value);
  return text;
}

}  // namespace

void NightMeter::add_earlier(std::int64_t tokens, double cost, double seconds) {
  tokens_ += tokens;
  cost_ += cost;
  earlier_s_ += seconds;
}

void NightMeter::add(std::int64_t prompt_tokens, std::int64_t completion_tokens,
                     const NightlyModel& model) {
  tokens_ += prompt_tokens + completion_tokens;
  if (model.price) cost_ += model.price->cost(prompt_tokens, completion_tokens);
}

double NightMeter::seconds() const {
  return earlier_s_ +
         std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

bool NightMeter::must_stop() {
  if (!stop_.load() && (interrupted() || !spent().empty())) stop_.store(true);
  return stop_.load();
}

std::string NightMeter::spent() const {
  if (budget_.tokens && tokens_ >= *budget_.tokens) {
    return "the token budget (" + std::to_string(*budget_.tokens) + ") is spent";
  }
  if (budget_.cost && cost_ >= *budget_.cost) {
    return "the cost budget (" + short_number(*budget_.cost) + ") is spent";
  }
  if (budget_.minutes && seconds() >= 60 * *budget_.minutes) {
    return "the time budget (" + short_number(*budget_.minutes) + " minutes) is spent";
  }
  return {};
}

std::int64_t MeteredClient::submit(ModelRequest request) {
  meter_.must_stop();
  return inner_.submit(std::move(request));
}

std::vector<ModelClient::Finished> MeteredClient::poll() {
  std::vector<Finished> finished = inner_.poll();
  for (const Finished& one : finished) {
    const ModelResponse& response = one.response;
    const auto count = [](std::int64_t told, std::size_t tokens) {
      return told > 0 ? told : static_cast<std::int64_t>(tokens);
    };
    meter_.add(count(response.num_prompt_tokens, response.prompt_tokens.size()),
               count(response.num_completion_tokens, response.tokens.size()), model_);
  }
  meter_.must_stop();
  return finished;
}

}  // namespace peira::runner
