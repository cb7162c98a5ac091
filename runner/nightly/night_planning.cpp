#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "datasets/dataset.h"
#include "evals/comparison.h"
#include "runner/nightly/night.h"
#include "runner/run_plan.h"

namespace peira::runner {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// The newest nights of an entry: with a complete run, and an unfinished one.
EntryFacts facts_of(const Store& store, const std::vector<NightRecord>& earlier,
                    const NightlyEntry& entry, const RunInfo& tonight,
                    std::optional<int> measure_every) {
  EntryFacts facts;
  facts.identity = tonight.identity;
  const auto entry_of = [&](const NightRecord& night) -> const NightEntry* {
    for (const NightEntry& candidate : night.entries) {
      if (candidate.name == entry.name) return &candidate;
    }
    return nullptr;
  };
  bool newest = true;
  int repeated = 0;  // nights in a row, counted back from the newest, that repeated a run
  for (auto night = earlier.rbegin(); night != earlier.rend(); ++night) {
    const NightEntry* const known = entry_of(*night);
    if (known == nullptr || known->run.empty()) continue;
    if (known->state != EntryState::kComplete) {
      if (newest && known->state != EntryState::kSkipped) {
        const std::optional<RunInfo> run = find_run(store, known->run);
        if (run && !run->complete && run->identity == tonight.identity) {
          facts.leftover_run = run->id;
        }
      }
      newest = false;
      continue;
    }
    newest = false;
    if (facts.last_night.empty()) {
      const RunInfo run = store.run(known->run);
      facts.last_night = night->night;
      facts.last_run = run.id;
      facts.last_identity = run.identity;
      if (run.identity != tonight.identity) {
        facts.changed = evals::differing_parts(run.manifest, tonight.manifest);
      }
    }
    if (known->action != EntryAction::kRepeat) break;
    ++repeated;
  }
  facts.measure_due = measure_every && repeated + 1 >= *measure_every;
  return facts;
}

}  // namespace

std::optional<RunInfo> find_run(const Store& store, const std::string& id) {
  for (RunInfo& run : store.runs()) {
    if (run.id == id) return std::move(run);
  }
  return std::nullopt;
}

RunOptions options_of(const NightlyPlan& plan, const NightlyEntry& entry) {
  const NightlySuite& suite = plan.suites[entry.suite];
  RunOptions options;
  options.suite = evals::find_suite(suite.suite);
  options.profile = suite.profile;
  options.variant = evals::parse_variant(entry.prompt);
  options.samples = source_of(options.suite, suite.data);
  options.limit = suite.limit;
  options.epochs = suite.epochs;
  options.seed = plan.seed;
  options.method = suite.method;
  options.max_tokens = suite.max_tokens;
  static_cast<void>(plan.sampling.over({}));  // a bad value is told before a model is loaded
  options.sampling = plan.sampling;
  options.max_failures = plan.max_failures;
  options.timeout_s = plan.timeout_s;
  options.retries = plan.retries;
  options.in_flight = plan.in_flight;
  // An endpoint's earlier replies would hide what changed behind it.
  options.use_cache = plan.model(entry.model).is_repeatable();
  return options;
}

std::vector<PlannedEntry> plan_night(const Store* store, const NightStore* nights,
                                     const NightlyPlan& plan, const std::string& date) {
  std::vector<NightRecord> earlier;
  if (nights != nullptr) {
    earlier = nights->nights(plan.name);
    std::erase_if(earlier, [&](const NightRecord& night) { return night.night >= date; });
  }
  std::vector<PlannedEntry> planned;
  for (NightlyEntry& entry : entries_of(plan)) {
    planned.emplace_back().entry = std::move(entry);
  }
  for (const NightlyModel& model : plan.models) {
    std::unique_ptr<ModelClient> client;
    std::string problem;
    for (PlannedEntry& one : planned) {
      if (one.entry.model != model.label) continue;
      // What is wrong with a suite or its data is wrong with the plan.
      const RunOptions options = options_of(plan, one.entry);
      try {
        if (client == nullptr && problem.empty()) {
          client = model.open();
        }
      } catch (const Error& error) {
        problem = first_line(error.what());
      }
      if (client == nullptr) {
        one.problem = problem;
        one.decision = {EntryAction::kRun, "its model cannot be opened"};
        continue;
      }
      if (store != nullptr) {
        const Plan tonight = make_dated_plan(*store, *client, options);
        one.facts = facts_of(*store, earlier, one.entry, tonight.info, plan.history.measure_every);
      }
      one.decision = decide_entry(plan.suites[one.entry.suite].schedule, one.facts,
                                  model.is_repeatable(), date);
    }
  }
  return planned;
}

}  // namespace peira::runner
