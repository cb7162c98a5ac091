#include "runner/gate/gate_runs.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/nearest.h"
#include "evals/comparison.h"
#include "runner/run_cost.h"

namespace peira::runner {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kData, where + ": " + what);
}

void check_keys(const Json& object, const std::string& where, const std::string& path,
                const std::vector<std::string>& allowed) {
  if (!object.is_object()) refuse(where, (path.empty() ? "the policy" : path) + " is no object");
  std::string keys;
  for (const std::string& key : allowed) keys += (keys.empty() ? "" : ", ") + key;
  for (const auto& item : object.items()) {
    if (std::find(allowed.begin(), allowed.end(), item.key()) == allowed.end()) {
      refuse(where, (path.empty() ? "" : path + ".") + item.key() +
                        ": there is no such key\n  try: one of " + keys);
    }
  }
}

std::optional<double> number_at(const Json& object, const char* key, const std::string& where,
                                const std::string& path) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (!found->is_number()) refuse(where, path + key + ": " + dump_json(*found) + " is no number");
  return found->get<double>();
}

std::string text_at(const Json& object, const char* key, const std::string& where,
                    const std::string& path) {
  const auto found = object.find(key);
  if (found == object.end()) refuse(where, path + key + " is missing");
  if (!found->is_string()) refuse(where, path + key + ": " + dump_json(*found) + " is no text");
  return found->get<std::string>();
}

evals::Gate parse_gate(const Json& item, const std::string& where, const std::string& path) {
  check_keys(item, where, path,
             {"target", "min", "max", "no_worse_than", "by", "equivalent_to", "within", "min_items",
              "weight", "family"});
  const std::string dot = path + ".";
  evals::Gate gate;
  try {
    gate.target = evals::parse_gate_target(text_at(item, "target", where, dot));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kData) throw;
    refuse(where, dot + "target: " + error.what());
  }
  int kinds = 0;
  for (const char* kind : {"min", "max", "no_worse_than", "equivalent_to"}) {
    kinds += item.contains(kind);
  }
  if (kinds != 1) {
    refuse(where, path + ": has " + std::to_string(kinds) +
                      " of min, max, no_worse_than and equivalent_to; a gate has one");
  }
  if (const auto bound = number_at(item, "min", where, dot)) gate.bound = *bound;
  if (const auto bound = number_at(item, "max", where, dot)) {
    gate.kind = evals::GateKind::kMax;
    gate.bound = *bound;
  }
  const auto relative = [&](const char* key, const char* margin, evals::GateKind kind) {
    if (item.contains(margin) && !item.contains(key)) {
      refuse(where, dot + margin + ": goes with " + key);
    }
    if (!item.contains(key)) return;
    gate.kind = kind;
    gate.baseline = text_at(item, key, where, dot);
    const auto bound = number_at(item, margin, where, dot);
    if (!bound) refuse(where, dot + margin + " is missing: the margin, e.g. 0.01 for a point");
    gate.bound = *bound;
  };
  relative("no_worse_than", "by", evals::GateKind::kNoWorse);
  relative("equivalent_to", "within", evals::GateKind::kEquivalent);
  if (const auto weight = number_at(item, "weight", where, dot)) gate.weight = *weight;
  if (const auto found = item.find("min_items"); found != item.end()) {
    if (!found->is_number_integer() || found->get<std::int64_t>() < 1) {
      refuse(where, dot + "min_items: " + dump_json(*found) + " is no whole number above 0");
    }
    gate.min_items = found->get<std::int64_t>();
  }
  return gate;
}

// "families": [{"name": "primary"}, {"name": "details", "share": 0.2}], which gates name; or
// "fixed-sequence": every gate is one, in their order.
void read_families(const Json& policy, const Json& gates, const std::string& where,
                   const std::string& dot, evals::GatePolicy& out) {
  const auto given = policy.find("families");
  const auto gate_path = [&](std::size_t i) { return dot + "gates[" + std::to_string(i) + "]."; };
  const bool is_sequence = given != policy.end() && *given == "fixed-sequence";
  std::vector<std::string> names;
  if (is_sequence) {
    for (std::size_t i = 0; i < out.gates.size(); ++i) {
      out.gates[i].family = i;
      out.families.push_back({std::to_string(i + 1) + ": " + out.gates[i].text()});
    }
  } else if (given != policy.end()) {
    if (!given->is_array() || given->empty()) {
      refuse(where, dot + "families: is neither a list of families nor \"fixed-sequence\"");
    }
    for (std::size_t i = 0; i < given->size(); ++i) {
      const std::string path = dot + "families[" + std::to_string(i) + "]";
      check_keys((*given)[i], where, path, {"name", "share"});
      evals::GateFamily family;
      family.name = text_at((*given)[i], "name", where, path + ".");
      family.share = number_at((*given)[i], "share", where, path + ".").value_or(0);
      names.push_back(family.name);
      out.families.push_back(std::move(family));
    }
  }
  for (std::size_t i = 0; i < gates.size(); ++i) {
    if (names.empty()) {
      if (gates[i].contains("family")) {
        refuse(where, gate_path(i) + "family: " +
                          (is_sequence ? "in a fixed sequence every gate is its own"
                                       : "the policy names no families"));
      }
      continue;
    }
    const std::string name = text_at(gates[i], "family", where, gate_path(i));
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::string nearest = nearest_name(name, names);
      refuse(where, gate_path(i) + "family: there is no family \"" + name + "\"" +
                        (nearest.empty() ? "" : "\n  try: " + nearest));
    }
    out.gates[i].family = static_cast<std::size_t>(found - names.begin());
  }
}

void check_baseline(const evals::GateArm& baseline, const evals::GateArm& candidate,
                    const std::vector<std::string>& vary) {
  const std::vector<std::string> differing =
      evals::differing_parts(baseline.record.manifest, candidate.record.manifest);
  const auto digest = [](const evals::GateArm& arm) {
    const Json& value = arm.record.manifest["digests"]["dataset"];
    return arm.record.dataset + " (" +
           (value.is_string() ? value.get<std::string>().substr(0, 12) : "no digest") + ")";
  };
  if (std::find(differing.begin(), differing.end(), "dataset") != differing.end()) {
    throw Error(ErrorCode::kUsage, "the baseline " + baseline.record.run_id + " is of dataset " +
                                       digest(baseline) + ", run " + candidate.record.run_id +
                                       " of " + digest(candidate) +
                                       ": other questions are no baseline\n  try: a baseline made "
                                       "on the same file");
  }
  static_cast<void>(
      evals::check_comparable(baseline.record.manifest, candidate.record.manifest, vary));
}

// Whether `baseline` has the candidate's questions and differs in nothing but what `vary` names.
bool is_comparable(const RunInfo& baseline, const evals::GateArm& candidate,
                   const std::vector<std::string>& vary) {
  try {
    const std::vector<std::string> differing =
        evals::check_comparable(baseline.manifest, candidate.record.manifest, vary);
    return std::find(differing.begin(), differing.end(), "dataset") == differing.end();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) throw;
    return false;
  }
}

PriceTable prices_from(const Json& prices, const std::string& where, const std::string& dot,
                       const std::filesystem::path& folder) {
  if (prices.is_string()) return PriceTable::read(folder / prices.get<std::string>());
  const bool is_one_price =
      prices.is_object() && (prices.contains("input") || prices.contains("output"));
  if (is_one_price) {
    refuse(where, dot + "prices: of which model?\n  try: {\"MODEL\": " + dump_json(prices) +
                      "}, or the file of such a table");
  }
  return PriceTable(prices, where + ": " + dot + "prices");
}

}  // namespace

GatePlan gate_plan_from(const Json& policy, const std::string& where, const std::string& path,
                        const std::filesystem::path& folder) {
  check_keys(policy, where, path, {"alpha", "vary", "prices", "families", "gates"});
  const std::string dot = path.empty() ? "" : path + ".";
  GatePlan plan;
  if (const auto alpha = number_at(policy, "alpha", where, dot)) plan.policy.alpha = *alpha;
  if (policy.contains("vary")) {
    if (!policy["vary"].is_array()) refuse(where, dot + "vary: is no list");
    for (const Json& word : policy["vary"]) {
      if (!word.is_string()) refuse(where, dot + "vary: " + dump_json(word) + " is no text");
      plan.vary.push_back(word.get<std::string>());
    }
  }
  if (policy.contains("prices")) plan.prices = prices_from(policy["prices"], where, dot, folder);
  const auto gates = policy.find("gates");
  if (gates == policy.end() || !gates->is_array() || gates->empty()) {
    refuse(where, dot + "gates: is no list of gates");
  }
  for (std::size_t i = 0; i < gates->size(); ++i) {
    plan.policy.gates.push_back(
        parse_gate((*gates)[i], where, dot + "gates[" + std::to_string(i) + "]"));
  }
  read_families(policy, *gates, where, dot, plan.policy);
  try {
    evals::check_policy(plan.policy);
  } catch (const Error& error) {
    refuse(where, (path.empty() ? "" : path + ": ") + error.what());
  }
  return plan;
}

GatePlan parse_gate_plan(std::string_view text, const std::string& where) {
  return gate_plan_from(parse_json(text, where), where, "",
                        std::filesystem::path(where).parent_path());
}

GatePlan read_gate_plan(const std::filesystem::path& file) {
  return parse_gate_plan(read_file(file), file.string());
}

GateSources gate_sources(const GatePlan& plan, const PriceTable& otherwise) {
  const PriceTable& table = plan.prices ? *plan.prices : otherwise;
  return {[table](const RunInfo& run) { return price_of(run, table); }};
}

evals::GateArm load_gate_arm(const Store& store, const std::string& run_id,
                             const GateSources& sources) {
  const RunInfo info = store.run(run_id);
  evals::GateArm arm;
  if (const auto price = sources.price ? sources.price(info) : std::nullopt) {
    arm.prices = evals::GatePrices{price->input, price->output};
  }
  arm.record.run_id = info.id;
  arm.record.suite = info.suite;
  arm.record.profile = info.profile;
  arm.record.variant = info.variant;
  arm.record.model = info.model;
  arm.record.method = info.method;
  arm.record.dataset = info.dataset;
  arm.record.manifest = info.manifest;
  arm.record.expected_answers = info.expected_answers;
  arm.record.epochs = info.epochs;
  arm.record.seed = info.seed;
  arm.record.limited = info.limited;
  arm.record.restricted = info.restricted;
  arm.record.complete = info.complete && !info.running;
  arm.record.decision = info.decision;
  arm.replies = std::to_string(info.transcript_key);
  arm.num_rows = info.num_rows;
  std::set<std::int64_t> beyond;
  if (info.decision) {
    beyond.insert(info.decision->rows_beyond.begin(), info.decision->rows_beyond.end());
  }
  OutcomeReader reader = store.outcomes(run_id);
  while (std::optional<evals::SampleOutcome> outcome = reader.next()) {
    if (!beyond.contains(outcome->row)) arm.outcomes.push_back(std::move(*outcome));
  }
  return arm;
}

evals::GateReport gate_runs(const Store& store, const Tags& tags, const GatePlan& plan,
                            std::span<const std::string> runs, const GateSources& sources) {
  std::vector<evals::GateArm> candidates;
  const std::set<std::string> excluded(runs.begin(), runs.end());
  for (const std::string& run : excluded) candidates.push_back(load_gate_arm(store, run, sources));

  std::deque<evals::GateArm> arms;  // stay where they are
  std::map<std::pair<std::string, std::string>, const evals::GateArm*> baselines;
  for (const evals::Gate& gate : plan.policy.gates) {
    const std::pair key{gate.baseline, gate.target.suite};
    if (gate.baseline.empty() || baselines.contains(key)) continue;
    const auto candidate = std::find_if(
        candidates.begin(), candidates.end(),
        [&](const evals::GateArm& arm) { return arm.record.suite == gate.target.suite; });
    if (candidate == candidates.end()) continue;
    const auto id = resolve_baseline(store, tags, gate.baseline,
                                     {.suite = gate.target.suite,
                                      .excluded = excluded,
                                      .belongs = sources.may_be_last_green,
                                      .comparable = [&](const RunInfo& run) {
                                        return is_comparable(run, *candidate, plan.vary);
                                      }});
    if (!id) continue;
    arms.push_back(load_gate_arm(store, *id, sources));
    // A run beside itself differs in nothing; evaluate() says that it is no baseline.
    check_baseline(arms.back(), *candidate, plan.vary);
    baselines.emplace(key, &arms.back());
  }
  return evals::evaluate(plan.policy, candidates, baselines);
}

}  // namespace peira::runner
