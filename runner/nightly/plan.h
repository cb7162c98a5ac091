// A nightly plan: which suites, models and prompts, how often, for how much, and who is told.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/engine.h"
#include "runner/endpoints/open_model.h"
#include "runner/endpoints/prices.h"
#include "runner/failure_limit.h"
#include "runner/gate/gate_runs.h"
#include "runner/sampling_overrides.h"
#include "stats/online_fdr.h"

namespace peira::runner {

struct NightlyModel {
  std::string label;  // what its series are called
  std::string spec;   // as after --model
  model::EngineOptions engine = {};
  OrderedJson template_options = OrderedJson::object();
  std::string template_date =
      {};  // told to templates that ask; "": today, another prompt each night
  EndpointOptions endpoint = {};  // of openai:
  // For the cost budget and gates on cost: the plan's own, or as price_models() finds it.
  std::optional<Price> price = {};
  bool has_own_price = false;

  // throws  as open_model().
  std::unique_ptr<ModelClient> open() const;

  // Whether runs of equal manifests are equal to the byte: all but endpoints.
  bool is_repeatable() const { return !spec.starts_with("openai:"); }
};

struct NightlySchedule {
  std::optional<int> every_days = 1;  // empty: never by the calendar
  bool when_changed = false;          // when a digest of the manifest differs from the last run's
};
// "every night", "every N days", "when changed", "every N days or when changed".
std::string to_string(const NightlySchedule& schedule);
// throws Error(kUsage): none of these.
NightlySchedule parse_schedule(const std::string& text);

struct NightlySuite {
  std::string suite;  // name or declaration file
  std::string data;   // "" takes the suite's own
  std::string profile;
  std::vector<std::string> prompts;
  std::vector<std::string> models;  // labels
  std::vector<std::string> metrics;
  std::optional<std::int64_t> limit;
  int epochs = 1;
  std::string method = "generate";
  std::optional<int> max_tokens;
  NightlySchedule schedule;
};

struct NightlyBudget {
  std::optional<double> minutes, cost;
  std::optional<std::int64_t> tokens;  // read and written, of answers that were asked
};

struct NightlyHistory {
  int window = 28, min_nights = 8;
  double alpha = 0.05;
  stats::OnlineProcedure procedure = stats::OnlineProcedure::kLordPlusPlus;
  // Nights after which the stream of tests begins anew, its false discovery rate then being
  // stated for so many nights; empty: never.
  std::optional<int> renew_after;
  double run_length = 1000;
  // Nights after which a run that nothing changed for is asked again, past the cache, to see that
  // equal manifests still give equal answers; empty: never.
  std::optional<int> measure_every;
};

struct NightlyNotify {
  std::vector<std::string> command;  // gets the night as JSON on stdin
  std::string webhook;               // URL the same JSON is posted to, or "env:NAME" holding it
  std::string on = "alarm";          // or "always", "change" (another outcome than the last night)
};

// Gates that each night's runs must pass, for one model and prompt at a time.
struct NightlyGates {
  std::string name;  // of the policy file, else what the plan calls it
  GatePlan plan;
  std::vector<std::string> models, prompts;  // labels; prompts as suites have them
  std::optional<std::size_t> suite = {};     // runs of this one of the plan's suites alone
};

struct NightlyPlan {
  std::filesystem::path file;
  std::string name;  // of the history in the store
  std::vector<NightlyModel> models;
  std::vector<NightlySuite> suites;
  SamplingOverrides sampling;
  std::uint64_t seed = 0;
  NightlyBudget budget;
  FailureLimit max_failures;
  std::optional<double> timeout_s;
  int retries = 3, in_flight = 0;
  NightlyHistory history;
  std::vector<NightlyGates> gates;
  std::string
      branch;  // on which the gates' verdicts count; "": of the runs, else of the plan's folder
  std::optional<PriceTable> prices;
  std::string report;  // path with "{date}"; "" for none
  std::string store;   // "" takes the user's
  NightlyNotify notify;

  const NightlyModel& model(const std::string& label) const;
};

// What is watched of a run: "score", higher is better, or the share of replies that came to
// "unparsed", "truncated", "empty", "refused" or "failed".
const std::vector<std::string>& nightly_metrics();

// The plan in `file`. Relative paths in it start at its folder.
// throws Error(kData) "file: path.in.json: what; allowed: ...\n  try: the nearest": a key or a word
//        that does not exist, a value of the wrong type or range; Error(kUnavailable): unreadable.
NightlyPlan read_nightly_plan(const std::filesystem::path& file);
// The same of its text.
NightlyPlan parse_nightly_plan(const std::string& text, const std::filesystem::path& file);

// Gives every model of `plan` that has no price of its own that of the plan's table, else of
// prices.json beside `store`, on the day of `night`.
// throws Error(kData): there is a cost budget, and a model without a price; as PriceTable::read.
void price_models(NightlyPlan& plan, const std::filesystem::path& store, const std::string& night);

}  // namespace peira::runner
