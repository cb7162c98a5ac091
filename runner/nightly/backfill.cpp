// Nights judged after the fact, as they would have been.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "evals/comparison.h"
#include "runner/durations.h"
#include "runner/nightly/night.h"
#include "runner/nightly/night_gates.h"
#include "runner/run_plan.h"

namespace peira::runner {
namespace {

// The runs of an entry that somebody made outside of nights, by the day they were begun on.
class Adoption {
 public:
  Adoption(const Store& store, const NightlyPlan& plan) : runs_(store.runs()) {
    entries_ = entries_of(plan);
    for (const NightlyModel& model : plan.models) {
      const std::unique_ptr<ModelClient> client = model.open();
      for (const NightlyEntry& entry : entries_) {
        if (entry.model != model.label) continue;
        wanted_.emplace(entry.name, make_dated_plan(store, *client, options_of(plan, entry)).info);
      }
    }
  }

  // Entries of a night of `date`; empty where no run was begun on that day.
  std::vector<NightEntry> entries_on(const std::string& date) const {
    std::vector<NightEntry> entries;
    bool any = false;
    for (const NightlyEntry& planned : entries_) {
      NightEntry entry;
      entry.name = planned.name;
      entry.action = EntryAction::kSkip;
      entry.state = EntryState::kSkipped;
      entry.why = "no run of that day";
      for (const RunInfo& run : runs_) {  // newest first
        if (!run.complete || run.started_at.substr(0, 10) != date || !fits(run, planned.name)) {
          continue;
        }
        entry.action = EntryAction::kRun;
        entry.state = EntryState::kComplete;
        entry.why = "a run of that day";
        entry.run = run.id;
        any = true;
        break;
      }
      entries.push_back(std::move(entry));
    }
    if (!any) entries.clear();
    return entries;
  }

 private:
  // The same question asked of the same model by name: what the model was made of may differ.
  bool fits(const RunInfo& run, const std::string& entry) const {
    const RunInfo& wanted = wanted_.at(entry);
    if (run.suite != wanted.suite || run.profile != wanted.profile ||
        run.variant != wanted.variant || run.model != wanted.model || !run.rescored_from.empty()) {
      return false;
    }
    const std::vector<std::string> may_differ = evals::parts_of_vary("model");
    for (const std::string& part : evals::differing_parts(run.manifest, wanted.manifest)) {
      if (std::find(may_differ.begin(), may_differ.end(), part) == may_differ.end()) return false;
    }
    return true;
  }

  std::vector<RunInfo> runs_;
  std::vector<NightlyEntry> entries_;
  std::map<std::string, RunInfo> wanted_;
};

std::vector<std::string> differing_series(std::span<const SeriesJudgement> before,
                                          std::span<const SeriesJudgement> now) {
  std::map<std::string, std::string> said;
  for (const auto& [series, judgement] : before) said[series] = dump_json(to_json(judgement));
  std::vector<std::string> differing;
  for (const auto& [series, judgement] : now) {
    const auto was = said.find(series);
    if (was == said.end() || was->second != dump_json(to_json(judgement))) {
      differing.push_back(series);
    }
    if (was != said.end()) said.erase(was);
  }
  for (const auto& [series, unused] : said) differing.push_back(series);
  return differing;
}

}  // namespace

std::vector<BackfilledNight> backfill(Store& store, NightStore& nights, const NightlyPlan& plan,
                                      const std::string& since, const std::string& until,
                                      const NightEvents& events) {
  const NightLock lock(store.path(), plan.name);
  const int first = day_number(since), last = day_number(until);
  if (first > last) {
    throw Error(ErrorCode::kUsage, "--since " + since + " is after " + until);
  }
  std::map<std::string, BackfilledNight> done;
  std::set<std::string> known;
  for (const NightRecord& night : nights.nights(plan.name)) known.insert(night.night);
  const Adoption adoption(store, plan);
  for (int day = first; day < last; ++day) {
    const std::string date = date_of_day(day);
    if (known.contains(date)) continue;
    NightRecord night;
    night.plan = plan.name;
    night.night = date;
    night.entries = adoption.entries_on(date);
    if (night.entries.empty()) continue;
    nights.begin(std::move(night));
    done[date].adopted = true;
  }

  SeriesBook book(store, nights, plan, since);
  for (NightRecord& night : nights.nights(plan.name)) {
    // Tonight is carried out, not judged after the fact.
    if (night.night < since || (!night.finished && night.night >= until)) continue;
    BackfilledNight& result = done[night.night];
    result.night = night.night;
    result.is_new = !night.finished;
    for (NightEntry& entry : night.entries) {
      if (entry.state != EntryState::kWaiting) continue;
      entry.state = EntryState::kIncomplete;
      entry.note = "the night was not finished";
      nights.update(night.key, entry);
    }
    const std::vector<SeriesJudgement> before = nights.judgements(night.key);
    const Json was = night.outcome;
    // Gates are not judged after the fact: today's baselines were not that night's.
    const std::vector<SeriesJudgement> said = book.judge(night, failed_entries(night));
    if (!result.is_new) result.differing = differing_series(before, said);
    if (result.is_new) night.finished_at = utc_now();
    night.finished = true;
    night.outcome = outcome_json(night, said);
    if (was.is_object() && was.contains("spent")) night.outcome["spent"] = was["spent"];
    night.outcome["notified"] = was.is_object() ? was.value("notified", Json(false)) : Json(false);
    nights.finish(night, said);
    if (events.note) events.note("judged " + night.night);
  }
  std::vector<BackfilledNight> list;
  for (auto& [date, night] : done) {
    night.night = date;
    list.push_back(std::move(night));
  }
  return list;
}

}  // namespace peira::runner
