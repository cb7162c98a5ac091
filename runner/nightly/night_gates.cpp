#include "runner/nightly/night_gates.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "evals/suite.h"
#include "reports/gate.h"
#include "runner/durations.h"
#include "runner/gate/gate_runs.h"
#include "runner/nightly/series_book.h"
#include "runner/revision.h"
#include "runner/run_cost.h"
#include "runner/tags.h"

namespace peira::runner {
namespace {

// What one policy is judged on: the entries of one model and prompt.
struct Candidate {
  const NightlyEntry* entry = nullptr;
  std::string suite, run;
  bool is_due = false;
};

class GateJudge {
 public:
  GateJudge(const Store& store, const NightStore& nights, const NightlyPlan& plan,
            NightRecord& night)
      : store_(store), plan_(plan), night_(night), entries_(entries_of(plan)), tags_(store.path()) {
    for (const NightRecord& earlier : nights.nights(plan.name)) {
      for (const NightEntry& entry : earlier.entries) {
        if (entry.run.empty()) continue;
        entry_of_run_.emplace(entry.run, entry.name);
        const bool counts = earlier.night < night.night && entry.state == EntryState::kComplete;
        if (counts) last_run_[entry.name] = entry.run;
      }
    }
    for (const NightEntry& entry : night.entries) {
      if (!entry.run.empty()) entry_of_run_.emplace(entry.run, entry.name);
    }
  }

  void judge() {
    night_.gates.clear();
    for (const NightlyGates& gates : plan_.gates) {
      for (const std::string& model : gates.models) {
        for (const std::string& prompt : gates.prompts) judge_one(gates, model, prompt);
      }
    }
    record();
  }

 private:
  std::vector<Candidate> candidates_of(const NightlyGates& gates, const std::string& model,
                                       const std::string& prompt) const {
    std::set<std::string> gated;
    for (const evals::Gate& gate : gates.plan.policy.gates) gated.insert(gate.target.suite);
    std::vector<Candidate> candidates;
    for (const NightlyEntry& entry : entries_) {
      const bool is_meant = entry.model == model && entry.prompt == prompt &&
                            (!gates.suite || *gates.suite == entry.suite);
      const std::string suite = evals::find_suite(plan_.suites[entry.suite].suite).name;
      if (!is_meant || !gated.contains(suite)) continue;
      Candidate candidate{&entry, suite, "", false};
      for (const NightEntry& tonight : night_.entries) {
        if (tonight.name != entry.name) continue;
        candidate.is_due = tonight.state != EntryState::kSkipped;
        // One that was begun and not completed is held back by its gates.
        if (tonight.state == EntryState::kComplete || tonight.state == EntryState::kIncomplete) {
          candidate.run = tonight.run;
        }
      }
      const auto last = last_run_.find(entry.name);
      if (!candidate.is_due && last != last_run_.end()) candidate.run = last->second;
      candidates.push_back(std::move(candidate));
    }
    return candidates;
  }

  GateSources sources_of(const NightlyGates& gates, const NightlyModel& model,
                         const std::vector<Candidate>& candidates) const {
    GateSources sources =
        gate_sources(gates.plan, plan_.prices ? *plan_.prices : prices_for(store_, ""));
    // A price that the plan gives its model holds for all its runs.
    if (model.has_own_price) {
      sources.price = [price = model.price](const RunInfo&) { return price; };
    }
    std::set<std::string> own;
    for (const Candidate& candidate : candidates) own.insert(candidate.entry->name);
    sources.may_be_last_green = [this, own](const RunInfo& run) {
      const auto entry = entry_of_run_.find(run.id);
      return entry == entry_of_run_.end() || own.contains(entry->second);
    };
    return sources;
  }

  void judge_one(const NightlyGates& gates, const std::string& model, const std::string& prompt) {
    const std::vector<Candidate> candidates = candidates_of(gates, model, prompt);
    const bool any_due = std::any_of(candidates.begin(), candidates.end(),
                                     [](const Candidate& one) { return one.is_due; });
    if (!any_due) return;
    NightGateVerdict said;
    said.name = gates.name + "/" + model + "/" + evals::parse_variant(prompt).name;
    std::vector<std::string> runs;
    for (const Candidate& candidate : candidates) {
      if (!candidate.run.empty()) runs.push_back(candidate.run);
    }
    try {
      const evals::GateReport report = gate_runs(store_, tags_, gates.plan, runs,
                                                 sources_of(gates, plan_.model(model), candidates));
      said.status = report.status;
      said.headline = report.headline;
      said.report = parse_json(dump_json(reports::to_json(report)), said.name);
      for (const Candidate& candidate : candidates) {
        const bool failed = std::any_of(report.gates.begin(), report.gates.end(),
                                        [&](const evals::GateResult& gate) {
                                          return gate.status == evals::GateStatus::kFail &&
                                                 gate.gate.target.suite == candidate.suite;
                                        });
        if (failed && candidate.is_due) said.failed_entries.push_back(candidate.entry->name);
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUsage && error.code() != ErrorCode::kData) throw;
      const std::string what = error.what();
      said.headline = "Undecided: " + what.substr(0, what.find('\n')) + ".";
    }
    for (const Candidate& candidate : candidates) {
      if (!candidate.is_due || candidate.run.empty()) continue;
      const auto [place, fresh] = status_of_run_.emplace(candidate.run, said.status);
      if (!fresh) place->second = worse(place->second, said.status);
    }
    night_.gates.push_back(std::move(said));
  }

  static evals::GateStatus worse(evals::GateStatus a, evals::GateStatus b) {
    for (const auto status : {evals::GateStatus::kFail, evals::GateStatus::kUndecided}) {
      if (a == status || b == status) return status;
    }
    return evals::GateStatus::kPass;
  }

  // Of a run that several policies judged, one outcome: it is green where all of them are.
  void record() {
    for (const auto& [id, status] : status_of_run_) {
      const RunInfo run = store_.run(id);
      Revision revision = revision_from(run.manifest);
      if (revision.branch.empty()) {
        revision = revision_of(std::filesystem::absolute(plan_.file).parent_path());
      }
      if (!plan_.branch.empty()) revision.branch = plan_.branch;
      tags_.record(
          {id, run.suite, revision.branch, revision.commit, evals::to_string(status), utc_now()});
    }
  }

  const Store& store_;
  const NightlyPlan& plan_;
  NightRecord& night_;
  std::vector<NightlyEntry> entries_;
  Tags tags_;
  std::map<std::string, std::string> entry_of_run_, last_run_;  // by run; by entry
  std::map<std::string, evals::GateStatus> status_of_run_;
};

}  // namespace

void judge_gates(const Store& store, const NightStore& nights, const NightlyPlan& plan,
                 NightRecord& night) {
  if (plan.gates.empty()) return;
  GateJudge(store, nights, plan, night).judge();
}

std::vector<std::string> failed_entries(const NightRecord& night) {
  std::vector<std::string> names;
  for (const NightGateVerdict& gates : night.gates) {
    names.insert(names.end(), gates.failed_entries.begin(), gates.failed_entries.end());
  }
  return names;
}

}  // namespace peira::runner
