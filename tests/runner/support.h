// A small suite, samples in memory and scripted models: what the runner's tests run on.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "evals/suite.h"
#include "runner/executor.h"
#include "runner/store.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner::testing {

using TempFolder = test::TemporaryFolder;

class VectorReader : public datasets::SampleReader {
 public:
  explicit VectorReader(std::vector<datasets::Sample> samples) : samples_(std::move(samples)) {}
  std::optional<datasets::Sample> next() override {
    if (next_ == samples_.size()) return std::nullopt;
    return samples_[next_++];
  }

 private:
  std::vector<datasets::Sample> samples_;
  std::size_t next_ = 0;
};

inline SampleSource source_from(std::string name, std::vector<datasets::Sample> samples) {
  SampleSource source;
  std::string digests;
  for (const datasets::Sample& sample : samples) digests += sample_digest(sample);
  source.name = std::move(name);
  source.identity = {{"kind", "memory"}, {"sha256", sha256_hex(digests)}};
  source.count = [count = samples.size()] { return static_cast<std::int64_t>(count); };
  source.open = [samples = std::move(samples)] { return std::make_unique<VectorReader>(samples); };
  return source;
}

// "what is N plus N?", target the sum.
inline std::vector<datasets::Sample> sums(int count) {
  std::vector<datasets::Sample> samples;
  for (int row = 0; row < count; ++row) {
    datasets::Sample sample;
    sample.id = "sum-" + std::to_string(row);
    sample.row = row;
    const std::string number = std::to_string(row);
    sample.parts = {Part::from_text("what is " + number + " plus " + number + "?")};
    sample.target = std::to_string(2 * row);
    sample.metadata = {{"parity", row % 2 == 0 ? "even" : "odd"}};
    sample.cluster = sample.id;
    samples.push_back(std::move(sample));
  }
  return samples;
}

// "pick N", four options.
inline std::vector<datasets::Sample> choices(int count) {
  std::vector<datasets::Sample> samples;
  for (int row = 0; row < count; ++row) {
    datasets::Sample sample;
    sample.id = "pick-" + std::to_string(row);
    sample.row = row;
    sample.parts = {Part::from_text("pick " + std::to_string(row))};
    for (int k = 0; k < 4; ++k) {
      sample.choices.push_back("option " + std::to_string(row) + "." + std::to_string(k));
    }
    sample.correct_choice = 1;
    sample.target = sample.choices[1];
    sample.cluster = sample.id;
    samples.push_back(std::move(sample));
  }
  return samples;
}

// Profiles "exact" (the reply is the target) and "lenient" (any reply counts as right). Prompts are
// the question, after the examples in few-shot variants; with options, a letter is the answer.
inline evals::Suite exact_suite() {
  evals::Suite suite;
  suite.name = "sums";
  suite.title = "Sums";
  suite.data_kind = "memory";
  suite.breakdowns = {"parity"};
  suite.default_max_tokens = 32;
  evals::Profile exact;
  exact.name = "exact";
  exact.source = "tests";
  exact.prompt = [](const evals::PromptRequest& request, const evals::PromptVariant& variant) {
    std::vector<Message> messages;
    for (const datasets::Sample& shot : request.shots) {
      messages.push_back(Message::from_text("user", shot.parts[0].text));
      messages.push_back(Message::from_text("assistant", shot.target));
    }
    std::string text = (variant.name == "official" ? "" : variant.name + ": ");
    text += request.sample->parts[0].text;
    for (const int option : request.permutation) {
      text += "\n" + request.sample->choices[static_cast<std::size_t>(option)];
    }
    messages.push_back(Message::from_text("user", text));
    return messages;
  };
  exact.score = [](const evals::ScoreRequest& request) {
    evals::Score score;
    score.answer = std::string(request.response);
    score.rule = "whole-reply";
    if (score.answer.empty()) {
      score.state = evals::AnswerState::kEmpty;
      return score;
    }
    score.state = evals::AnswerState::kScored;
    const std::string gold = evals::gold_text(*request.sample, request.permutation);
    score.value = score.answer == gold ? 1 : 0;
    score.why = "said " + score.answer + "; gold is " + gold;
    score.notes = {"noted"};
    return score;
  };
  evals::Profile lenient = exact;
  lenient.name = "lenient";
  lenient.score = [](const evals::ScoreRequest& request) {
    evals::Score score;
    score.state = evals::AnswerState::kScored;
    score.answer = std::string(request.response);
    score.value = 1;
    score.why = "anything goes";
    return score;
  };
  suite.profiles = {exact, lenient};
  return suite;
}

inline evals::Suite choice_suite() {
  evals::Suite suite = exact_suite();
  suite.name = "choices";
  for (evals::Profile& profile : suite.profiles) {
    profile.option_continuation = [](int option) {
      return std::string(1, static_cast<char>('A' + option));
    };
  }
  return suite;
}

// Answers by `respond`, out of order when told to, and counts what it was asked.
class FakeClient : public ModelClient {
 public:
  using Respond = std::function<ModelResponse(const ModelRequest&)>;
  explicit FakeClient(Respond respond) : respond_(std::move(respond)) {}

  std::string name() const override { return "fake"; }
  Json identity() const override {
    Json identity{{"weights", weights}, {"engine", "fake"}};
    if (!date.empty()) identity["template"] = {{"sha256", "fake"}, {"date", date}};
    return identity;
  }
  std::string opening_date() const override { return today; }
  void set_date(const std::string& chosen) override { date = chosen; }
  int preferred_in_flight() const override { return in_flight; }
  model::SamplingParams default_sampling() const override { return {.temperature = 0.5}; }

  void prepare(const ResponseFormat& format) override {
    if (!takes_formats) ModelClient::prepare(format);
  }
  std::int64_t submit(ModelRequest request) override {
    ++asked[{request.row, request.epoch}];
    if (on_submit) on_submit(request);
    waiting_.emplace_back(next_ticket_, std::move(request));
    most_in_flight = std::max(most_in_flight, static_cast<int>(waiting_.size()));
    return next_ticket_++;
  }
  std::vector<Finished> poll() override {
    if (on_poll) on_poll();
    // One at a time, the oldest or by a draw: both orders must lead to the same store.
    if (!waiting_.empty()) {
      std::size_t index = 0;
      if (order_seed != 0) {
        order_seed = order_seed * 6364136223846793005U + 1442695040888963407U;
        index = static_cast<std::size_t>(order_seed >> 33U) % waiting_.size();
      }
      auto [ticket, request] = std::move(waiting_[index]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
      ModelResponse response = respond_(request);
      if (response.finish_reason == "never") {
        held_.insert(ticket);  // until it is cancelled
      } else {
        ready_.push_back({ticket, std::move(response)});
      }
    }
    return std::exchange(ready_, {});
  }
  void cancel(std::int64_t ticket) override {
    cancels.push_back(ticket);
    const std::size_t waited =
        std::erase_if(waiting_, [&](const auto& item) { return item.first == ticket; });
    if (waited + held_.erase(ticket) == 0 || ignores_cancel) return;
    ModelResponse timeout;
    timeout.finish_reason = "timeout";
    ready_.push_back({ticket, std::move(timeout)});
  }

  std::string weights = "fake-1";
  std::string today, date;  // told to a template, when set
  int in_flight = 8;
  std::uint64_t order_seed = 0;
  std::function<void(const ModelRequest&)> on_submit;
  std::function<void()> on_poll;
  std::map<std::pair<std::int64_t, int>, int> asked;
  std::vector<std::int64_t> cancels;
  int most_in_flight = 0;
  bool ignores_cancel = false, takes_formats = false;

 private:
  Respond respond_;
  std::int64_t next_ticket_ = 1;
  std::deque<std::pair<std::int64_t, ModelRequest>> waiting_;
  std::set<std::int64_t> held_;
  std::vector<Finished> ready_;
};

inline ModelResponse say(const std::string& text) {
  ModelResponse response;
  response.text = text;
  response.finish_reason = "stop";
  response.prompt_tokens = {1, 2, 3};
  response.tokens = {7, -1, 40000};
  response.num_prompt_tokens = 3;
  response.num_completion_tokens = 3;
  return response;
}

// Right for two of three samples.
inline ModelResponse mostly_right(const ModelRequest& request) {
  const bool right = request.row % 3 != 2;
  ModelResponse response = say(std::to_string(right ? 2 * request.row : -1));
  response.reasoning = "seed " + std::to_string(request.seed);
  response.prompt_text = "<" + text_of(request.messages.back()) + ">";
  return response;
}

inline RunOptions sums_options(int count) {
  RunOptions options;
  options.suite = exact_suite();
  options.variant.name = "official";
  options.samples = source_from("sums", sums(count));
  options.use_cache = false;
  return options;
}

// All that must not depend on when a run was killed or in which order answers came, as text:
// everything but times and attempts.
inline std::string contents(const Store& store, const std::string& run_id) {
  std::string text;
  StoryReader reader = store.stories(run_id);
  while (const std::optional<SampleStory> story = reader.next()) {
    const auto& [sample, answer, transcript] = *story;
    const Json row{{"row", sample.row},
                   {"id", sample.id},
                   {"cluster", sample.cluster},
                   {"digest", sample.digest},
                   {"metadata", sample.metadata},
                   {"epoch", answer.epoch},
                   {"permutation", answer.permutation},
                   {"gold", answer.gold},
                   {"state", evals::to_string(answer.score.state)},
                   {"value", answer.score.value},
                   {"answer", answer.score.answer},
                   {"rule", answer.score.rule},
                   {"why", answer.score.why},
                   {"notes", answer.score.notes},
                   {"finish_reason", answer.finish_reason},
                   {"failure", answer.failure},
                   {"prompt_tokens", answer.prompt_tokens},
                   {"completion_tokens", answer.completion_tokens},
                   {"messages", transcript.messages},
                   {"prompt_text", transcript.prompt_text},
                   {"prompt_ids", transcript.prompt_tokens},
                   {"response", transcript.response},
                   {"reasoning", transcript.reasoning},
                   {"tokens", transcript.tokens},
                   {"continuations", transcript.continuations},
                   {"logprobs", transcript.continuation_logprobs},
                   {"shots", transcript.shots},
                   {"seed", transcript.seed}};
    text += dump_json(row) + "\n";
  }
  const RunInfo info = store.run(run_id);
  text += std::to_string(info.answers) + " " + std::to_string(info.failures) + " " +
          std::to_string(info.value_sum) + " " + std::to_string(info.prompt_tokens) + " " +
          std::to_string(info.completion_tokens) + " " + info.status() + "\n";
  return text;
}

}  // namespace peira::runner::testing
