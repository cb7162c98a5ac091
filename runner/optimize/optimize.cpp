#include "runner/optimize/optimize.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "evals/prompt_strategies.h"
#include "runner/nightly/metered_client.h"
#include "runner/nightly/night.h"
#include "runner/run_cost.h"

namespace peira::runner::optimize {
namespace {

// What a search run cannot go on from: caught here, nowhere else.
struct Stopped {
  std::string why;
};

// The samples at `positions` of `source` (by place in the file), numbered anew from 0 in the file's
// order.
class PartReader final : public datasets::SampleReader {
 public:
  PartReader(std::unique_ptr<datasets::SampleReader> reader, std::vector<std::size_t> positions)
      : reader_(std::move(reader)), positions_(std::move(positions)) {}

  std::optional<datasets::Sample> next() override {
    while (next_ < positions_.size()) {
      std::optional<datasets::Sample> sample = reader_->next();
      if (!sample) break;
      if (at_++ != positions_[next_]) continue;
      sample->row = static_cast<std::int64_t>(next_++);
      return sample;
    }
    return std::nullopt;
  }
  std::vector<std::string> warnings() const override { return reader_->warnings(); }

 private:
  std::unique_ptr<datasets::SampleReader> reader_;
  std::vector<std::size_t> positions_;
  std::size_t at_ = 0, next_ = 0;
};

SampleSource part_of(const SampleSource& whole, const std::string& part,
                     std::span<const std::size_t> positions, std::span<const SampleKey> samples) {
  std::vector<std::size_t> sorted(positions.begin(), positions.end());
  std::sort(sorted.begin(), sorted.end());
  Sha256 digest;
  for (const std::size_t position : sorted) {
    digest.update(std::to_string(samples[position].id.size()) + ":" + samples[position].id);
  }
  SampleSource source;
  source.name = whole.name;
  source.restricted = whole.restricted;
  source.identity = {{"of", whole.identity}, {"part", part}, {"sha256_of_ids", digest.hex()}};
  source.count = [count = sorted.size()] { return static_cast<std::int64_t>(count); };
  source.open = [open = whole.open, sorted] {
    return std::make_unique<PartReader>(open(), sorted);
  };
  return source;
}

// What a search is known by, shared by the names of its runs.
std::string search_digest(ModelClient& model, const OptimizeOptions& options, const Json& split) {
  Json prompts = Json::array();
  for (const evals::PromptVariant& variant : options.challengers) {
    prompts.push_back({variant.name, variant.template_text});
  }
  const RunOptions& run = options.run;
  return sha256_hex(dump_json(Json{
                        {"split", split},
                        {"model", model.identity()},
                        {"prompts", std::move(prompts)},
                        {"reference", {options.reference.name, options.reference.template_text}},
                        {"budget", options.budget},
                        {"suite", run.suite.name},
                        {"profile", run.profile},
                        {"seed", run.seed},
                        {"max_tokens", run.max_tokens ? Json(*run.max_tokens) : Json(nullptr)},
                        {"shots", run.shots ? run.shots->identity : Json(nullptr)}}))
      .substr(0, 8);
}

void check_prompts(const OptimizeOptions& options, const datasets::Sample& first) {
  std::vector<std::string> seen{options.reference.name};
  std::vector<const evals::PromptVariant*> all{&options.reference};
  for (const evals::PromptVariant& variant : options.challengers) {
    if (std::find(seen.begin(), seen.end(), variant.name) != seen.end()) {
      throw Error(ErrorCode::kUsage, "prompt " + variant.name +
                                         (variant.name == seen.front() ? " is the reference itself"
                                                                       : " is given twice"));
    }
    seen.push_back(variant.name);
    all.push_back(&variant);
  }
  for (const evals::PromptVariant* variant : all) {
    if (const auto misfit = evals::strategy_misfit(*variant, first)) {
      throw Error(ErrorCode::kUsage, "prompt " + variant->name + " " + *misfit);
    }
    if (variant->num_shots > 0 && !options.run.shots && !(options.training_share > 0)) {
      throw Error(ErrorCode::kUsage,
                  "prompt " + variant->name + ": " + options.run.samples.name +
                      " has no training part to take examples from, and questions that are asked "
                      "must not be shown with their answers\n  try: --train-share 0.2, which sets "
                      "some apart, or --shots FILE");
    }
  }
  if (options.run.shots && options.run.shots->identity == options.run.samples.identity) {
    throw Error(ErrorCode::kUsage,
                "--shots is the evaluated file itself\n  try: --train-share 0.2");
  }
}

}  // namespace

OptimizeOutcome optimize_prompt(Store& store, ModelClient& model, const OptimizeOptions& options) {
  if (options.dollar_budget && !options.price) {
    throw Error(ErrorCode::kUsage, "a budget in dollars needs the price of " + model.name() +
                                       "\n  try: --prices FILE, with {\"MODEL\": {\"input\": 1.25, "
                                       "\"output\": 10}} in dollars a million tokens");
  }
  std::vector<SampleKey> samples;
  {
    const auto reader = options.run.samples.open();
    while (const std::optional<datasets::Sample> sample = reader->next()) {
      if (samples.empty()) check_prompts(options, *sample);
      samples.push_back({sample->id, sample->cluster.empty() ? sample->id : sample->cluster});
    }
  }
  if (samples.empty()) {
    throw Error(ErrorCode::kData, options.run.samples.name + ": holds no samples");
  }
  const Split split = split_samples(samples, options.seed, options.training_share);
  OptimizeOutcome outcome;
  outcome.plan = plan_halving(options.challengers.size(), options.budget, split.development.size(),
                              split.held_out.size());
  Sha256 digest;
  for (const auto* const part : {&split.training, &split.development, &split.held_out}) {
    for (const std::size_t position : *part) digest.update(samples[position].id + "\n");
    digest.update("\n");
  }
  outcome.split = {{"seed", options.seed},
                   {"training_share", options.training_share},
                   {"training", split.training.size()},
                   {"development", split.development.size()},
                   {"held_out", split.held_out.size()},
                   {"sha256", digest.hex()}};

  std::optional<SampleSource> shots = options.run.shots;
  if (!shots && options.training_share > 0) {
    shots = part_of(options.run.samples, "training", split.training, samples);
  }
  NightlyModel priced;
  if (options.price) {
    priced.price = *options.price;
  }
  NightMeter meter({.minutes = {}, .cost = options.dollar_budget, .tokens = options.token_budget},
                   options.run.stop_requested);
  MeteredClient metered(model, priced, meter);
  const std::string search = search_digest(model, options, outcome.split);
  const auto ask = [&](std::size_t variant, std::size_t stage,
                       std::span<const std::size_t> positions) {
    const bool is_final = stage == outcome.plan.rounds.size();
    const bool is_reference = variant == options.challengers.size();
    RunOptions run = options.run;
    run.variant = is_reference ? options.reference : options.challengers[variant];
    run.samples =
        part_of(options.run.samples, is_final ? "held-out" : "development", positions, samples);
    run.limit.reset();
    run.shots = run.variant.num_shots > 0 ? shots : std::nullopt;
    run.name = "optimize-" + search + "-" +
               (is_final ? "final" : "round" + std::to_string(stage + 1)) + "-" + run.variant.name;
    std::replace(run.name.begin(), run.name.end(), ':', '-');
    if (const std::optional<RunInfo> earlier = find_run(store, run.name)) {
      if (const auto cost = run_cost(store, *earlier, options.price.value_or(Price{}))) {
        meter.add_earlier(cost->prompt_tokens + cost->completion_tokens, cost->dollars, 0);
      }
    }
    const auto count_spent = [&] {
      outcome.tokens = meter.tokens();
      if (options.price) outcome.dollars = meter.cost();
    };
    count_spent();
    if (meter.must_stop()) throw Stopped{meter.interrupted() ? "interrupted" : meter.spent()};
    run.stop_requested = &meter.stop();
    const RunOutcome asked = execute_run(store, metered, run);
    count_spent();
    outcome.runs.push_back(asked.run_id);
    if (is_final) (is_reference ? outcome.reference_run : outcome.winner_run) = asked.run_id;
    outcome.questions_asked += store.run(asked.run_id).answers;
    if (!asked.complete) {
      const std::string spent = meter.interrupted() ? std::string() : meter.spent();
      throw Stopped{spent.empty() ? asked.run_id + ": " + asked.why_stopped
                                  : spent + ", in " + asked.run_id};
    }
    if (options.on_note) {
      for (const std::string& warning : asked.warnings) options.on_note("warning: " + warning);
    }

    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < positions.size(); ++i) places[samples[positions[i]].id] = i;
    std::vector<std::optional<double>> scores(positions.size());
    OutcomeReader reader = store.scores(asked.run_id);
    while (const std::optional<evals::SampleOutcome> answer = reader.next()) {
      if (answer->score.state == evals::AnswerState::kFailed) continue;
      scores[places.at(answer->sample_id)] = answer->score.value;
    }
    return scores;
  };
  try {
    outcome.selection = select_prompt(outcome.plan, split, samples, options.challengers.size(), ask,
                                      options.alpha, options.seed);
    outcome.complete = true;
  } catch (const Stopped& stopped) {
    outcome.why_stopped = stopped.why;
  }
  return outcome;
}

}  // namespace peira::runner::optimize
