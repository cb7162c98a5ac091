#include "runner/executor.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "runner/endpoints/shared_client.h"
#include "runner/episodes/episode_run.h"
#include "runner/execution/execution.h"

namespace peira::runner {
namespace {

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
