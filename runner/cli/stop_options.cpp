#include "runner/cli/stop_options.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/error.h"
#include "runner/cli/command.h"

namespace peira::runner::cli {

void add_stop_flags(CLI::App& app, StopFlags& flags) {
  app.add_option("--stop-when", flags.rules,
                 "stop once this is decided: 'gpqa>=0.80' (also <=, >, <), 'no-worse-than RUN by "
                 "0.01', 'better-than RUN'; once a suite")
      ->type_name("CLAIM")
      ->allow_extra_args(false)
      ->group("Decision");
  app.add_option("--stop-error", flags.error, "most chance that the decision is wrong")
      ->capture_default_str()
      ->check(CLI::Range(1e-9, 0.499999))
      ->group("Decision");
  app.add_option("--against", flags.against,
                 "run this model or prompt beside, question by question; the claim's RUN is then "
                 "'against'")
      ->type_name("MODEL_OR_PROMPT")
      ->group("Decision");
}

std::optional<AgainstArm> parse_against(const std::string& text) {
  if (text.empty()) return std::nullopt;
  AgainstArm arm;
  if (text.starts_with("model=")) {
    arm.model = text.substr(6);
    return arm;
  }
  if (text.starts_with("prompt=")) {
    arm.variant = evals::parse_variant(text.substr(7));
    return arm;
  }
  std::error_code ignored;
  const bool is_template =
      std::filesystem::is_regular_file(text, ignored) && !text.ends_with(".gguf");
  if (text == "official" || text == "direct" || text == "chain-of-thought" ||
      text.starts_with("few-shot-") || is_template) {
    arm.variant = evals::parse_variant(text);
  } else {
    arm.model = text;
  }
  return arm;
}

std::vector<std::optional<evals::StopRule>> rules_for(const StopFlags& flags,
                                                      const std::vector<RunOptions>& planned) {
  const auto usage = [](const std::string& message) { throw Error(ErrorCode::kUsage, message); };
  std::vector<std::string> suites;
  for (const RunOptions& options : planned) {
    if (std::find(suites.begin(), suites.end(), options.suite.name) == suites.end()) {
      suites.push_back(options.suite.name);
    }
  }
  std::vector<std::optional<evals::StopRule>> rules(planned.size());
  for (const std::string& text : flags.rules) {
    const evals::StopRule rule = evals::parse_stop_rule(text, suites);
    const bool beside = rule.reference == evals::kAgainst;
    if (beside && flags.against.empty()) {
      usage("--stop-when '" + rule.text +
            "': nothing runs beside\n  try: --against MODEL_OR_PROMPT, or a stored run's id");
    }
    if (!beside && !flags.against.empty()) {
      usage("--against " + flags.against +
            ": the claim must be about it\n  try: --stop-when "
            "'no-worse-than against by 0.01', or 'better-than against'");
    }
    for (std::size_t i = 0; i < planned.size(); ++i) {
      if (!rule.suite.empty() && rule.suite != planned[i].suite.name) continue;
      if (rules[i]) {
        usage("--stop-when '" + rule.text + "': suite " + planned[i].suite.name +
              " has a claim already, '" + rules[i]->text + "'");
      }
      // Tells a pass@K with too few epochs before anything is asked.
      const std::vector<evals::EpochResult> none(static_cast<std::size_t>(planned[i].epochs));
      static_cast<void>(evals::question_value(rule.metric, none));
      rules[i] = rule;
    }
  }
  if (flags.rules.empty() && !flags.against.empty()) {
    usage("--against " + flags.against +
          ": says nothing without a claim\n  try: --stop-when 'no-worse-than against by 0.01'; or "
          "two runs and peira compare");
  }
  return rules;
}

std::unique_ptr<DecisionControl> control_for(const Store& store, evals::StopRule rule,
                                             const StopFlags& flags, const RunOptions& options) {
  const bool beside = rule.reference == evals::kAgainst;
  if (!rule.is_difference() || beside) {
    return std::make_unique<DecisionControl>(std::move(rule), flags.error, options.seed,
                                             beside ? 2 : 1);
  }
  const RunInfo reference = store.run(store.resolve_run(rule.reference));
  if (reference.suite != options.suite.name) {
    throw Error(ErrorCode::kUsage, "--stop-when '" + rule.text + "': run " + reference.id +
                                       " is of suite " + reference.suite + ", not of " +
                                       options.suite.name);
  }
  rule.name_reference(reference.id);
  auto control = std::make_unique<DecisionControl>(std::move(rule), flags.error, options.seed);
  control->set_reference(reference_values(store, reference), reference.manifest);
  return control;
}

int decision_status(const std::vector<evals::RunRecord>& records, bool incomplete) {
  bool is_false = false;
  for (const evals::RunRecord& record : records) {
    if (!record.decision) continue;
    incomplete = incomplete || record.decision->verdict == evals::Verdict::kUndecided;
    is_false = is_false || record.decision->verdict == evals::Verdict::kFalse;
  }
  if (incomplete) return kIncomplete;
  return is_false ? kFailed : kPassed;
}

}  // namespace peira::runner::cli
