#include "runner/nightly/night.h"

#include <algorithm>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "runner/durations.h"
#include "runner/nightly/metered_client.h"
#include "runner/nightly/night_gates.h"
#include "runner/run_plan.h"

namespace peira::runner {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// What of a plan decides what a night does; its history settings and notifications may change.
std::string digest_of(const std::vector<NightlyEntry>& entries) {
  std::string names;
  for (const NightlyEntry& entry : entries) names += entry.name + "\n";
  return sha256_hex(names);
}

// "smoke-2026-11-26-gpqa-bundled-official": a run's name has letters, digits, ".", "_" and "-".
std::string run_name(const std::string& plan, const std::string& night, const std::string& entry) {
  std::string name = plan + "-" + night + "-";
  for (const char c : entry) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    name += plain ? c : '-';
  }
  constexpr std::size_t kLongest = 150;
  if (name.size() > kLongest) {
    name.resize(kLongest);
    name += "-" + sha256_hex(entry).substr(0, 8);
  }
  return name;
}

// Carries out what is waiting of one night.
class NightRun {
 public:
  NightRun(Store& store, NightStore& nights, const NightlyPlan& plan, NightRecord& night,
           const NightEvents& events)
      : store_(store),
        nights_(nights),
        plan_(plan),
        night_(night),
        events_(events),
        entries_(entries_of(plan)),
        meter_(plan.budget, events.interrupt) {}

  // Returns whether the night is done: false when a signal came.
  bool run() {
    count_earlier_sittings();
    for (const std::size_t i : order()) {
      NightEntry& entry = night_.entries[i];
      if (entry.state != EntryState::kWaiting && entry.state != EntryState::kIncomplete) continue;
      if (meter_.interrupted()) return false;
      if (const std::string spent = meter_.spent(); !spent.empty()) {
        if (entry.run.empty()) {
          entry.state = EntryState::kLeftOut;
          entry.note = spent;
        } else if (entry.state == EntryState::kWaiting) {
          entry.state = EntryState::kIncomplete;
          entry.note = spent;
        }
        nights_.update(night_.key, entry);
        continue;
      }
      run_entry(entry);
      if (meter_.interrupted() && entry.state == EntryState::kWaiting) return false;
    }
    return true;
  }

  const NightMeter& meter() const { return meter_; }

 private:
  const NightlyEntry& planned(const NightEntry& entry) const {
    for (const NightlyEntry& candidate : entries_) {
      if (candidate.name == entry.name) return candidate;
    }
    throw Error(ErrorCode::kInternal, "night " + night_.night + " has an entry of another plan");
  }

  void note(const std::string& text) const {
    if (events_.note) events_.note(text);
  }

  double cost_of(std::int64_t tokens, const NightlyModel& model) const {
    // Of earlier sittings only the sum is known: the dearer price never overspends.
    if (!model.price) return 0;
    return static_cast<double>(tokens) * std::max(model.price->input, model.price->output) / 1e6;
  }

  void count_earlier_sittings() {
    for (const NightEntry& entry : night_.entries) {
      if (entry.run.empty() || entry.action == EntryAction::kRepeat) continue;
      const auto [tokens, wall_s] = nights_.spent_by(entry.run);
      const std::int64_t own = std::max<std::int64_t>(0, tokens - entry.tokens_before);
      meter_.add_earlier(own, cost_of(own, plan_.model(planned(entry).model)),
                         std::max(0.0, wall_s - entry.wall_before_s));
    }
  }

  // Those that waited longest first; the decisions hold no dates, the history does.
  std::vector<std::size_t> order() const {
    std::vector<EntryFacts> facts(night_.entries.size());
    for (const NightRecord& earlier : nights_.nights(plan_.name)) {
      if (earlier.night >= night_.night) break;
      for (const NightEntry& was : earlier.entries) {
        for (std::size_t i = 0; i < facts.size(); ++i) {
          if (was.name == night_.entries[i].name && was.state == EntryState::kComplete) {
            facts[i].last_night = earlier.night;
          }
        }
      }
    }
    return running_order(facts);
  }

  ModelClient& client_of(const NightlyModel& model) {
    if (client_ == nullptr || client_label_ != model.label) {
      client_.reset();  // one in memory at a time
      client_ = model.open();
      client_label_ = model.label;
    }
    return *client_;
  }

  // The name under which tonight's run is, or continues: one whose manifest is another's now was
  // begun before something changed, and stays as it is.
  std::string name_for(const NightEntry& entry, const std::string& identity) const {
    if (!entry.run.empty()) {
      const std::optional<RunInfo> run = find_run(store_, entry.run);
      if (!run || run->identity == identity) return entry.run;
    }
    const std::string base = run_name(plan_.name, night_.night, entry.name);
    std::string name = base;
    for (int number = 2;; ++number) {
      const std::optional<RunInfo> run = find_run(store_, name);
      if (!run || run->identity == identity) return name;
      name = base + "-" + std::to_string(number);
    }
  }

  void run_entry(NightEntry& entry) {
    const NightlyEntry& what = planned(entry);
    const NightlyModel& model = plan_.model(what.model);
    entry.state = EntryState::kWaiting;
    entry.note.clear();
    try {
      MeteredClient client(client_of(model), model, meter_);
      RunOptions options = options_of(plan_, what);
      options.use_cache = options.use_cache && entry.action != EntryAction::kMeasure;
      options.stop_requested = &meter_.stop();
      options.on_progress = [&](const RunProgress& progress) {
        meter_.must_stop();
        if (events_.progress) events_.progress(progress);
      };
      const std::string identity = make_dated_plan(store_, client, options).info.identity;
      const std::string name = name_for(entry, identity);
      if (name != entry.run) {
        entry.run = name;
        const auto [tokens, wall_s] = nights_.spent_by(name);
        entry.tokens_before = tokens;
        entry.wall_before_s = wall_s;
        nights_.update(night_.key, entry);
      }
      options.name = name;
      const RunOutcome outcome = execute_run(store_, client, options);
      for (const std::string& warning : outcome.warnings) {
        if (warned_.insert(warning).second) note("warning: " + warning);
      }
      if (outcome.complete) {
        entry.state = EntryState::kComplete;
      } else if (outcome.interrupted && meter_.interrupted()) {
        return;  // waits for the next sitting
      } else {
        entry.state = EntryState::kIncomplete;
        const std::string answers = std::to_string(outcome.progress.done) + " of " +
                                    std::to_string(outcome.progress.expected) + " answers";
        entry.note =
            outcome.interrupted ? meter_.spent() + " after " + answers : outcome.why_stopped;
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      entry.state = EntryState::kFailed;
      entry.note = first_line(error.what());
      client_.reset();
    }
    nights_.update(night_.key, entry);
    if (entry.state != EntryState::kComplete) {
      note(entry.name + ": " + std::string(to_string(entry.state)) + ": " + entry.note);
    }
  }

  Store& store_;
  NightStore& nights_;
  const NightlyPlan& plan_;
  NightRecord& night_;
  const NightEvents& events_;
  std::vector<NightlyEntry> entries_;
  NightMeter meter_;
  std::unique_ptr<ModelClient> client_;
  std::string client_label_;
  std::set<std::string> warned_;
};

// Decides what the night does and writes that down before anything is asked.
NightRecord begin_night(Store& store, NightStore& nights, const NightlyPlan& plan,
                        const std::string& date) {
  NightRecord night;
  night.plan = plan.name;
  night.night = date;
  night.plan_digest = digest_of(entries_of(plan));
  for (const PlannedEntry& planned : plan_night(&store, &nights, plan, date)) {
    NightEntry entry;
    entry.name = planned.entry.name;
    entry.action = planned.decision.action;
    entry.why = planned.decision.why;
    switch (entry.action) {
      case EntryAction::kRun:
      case EntryAction::kMeasure:
        entry.run = planned.facts.leftover_run;
        if (!entry.run.empty()) {
          const auto [tokens, wall_s] = nights.spent_by(entry.run);
          entry.tokens_before = tokens;
          entry.wall_before_s = wall_s;
        }
        break;
      case EntryAction::kRepeat:
        entry.run = planned.facts.last_run;
        entry.state = EntryState::kComplete;
        break;
      case EntryAction::kSkip:
        entry.state = EntryState::kSkipped;
        break;
    }
    if (!planned.problem.empty()) {
      entry.state = EntryState::kFailed;
      entry.note = planned.problem;
    }
    night.entries.push_back(std::move(entry));
  }
  return nights.begin(std::move(night));
}

// Nights that were killed and never continued: what they completed counts.
void close_unfinished(Store& store, NightStore& nights, const NightlyPlan& plan,
                      const std::string& before, const NightEvents& events) {
  for (NightRecord& night : nights.nights(plan.name)) {
    if (night.finished || night.night >= before) continue;
    for (NightEntry& entry : night.entries) {
      if (entry.state != EntryState::kWaiting) continue;
      const std::optional<RunInfo> run =
          entry.run.empty() ? std::nullopt : find_run(store, entry.run);
      entry.state = run && run->complete ? EntryState::kComplete
                    : run                ? EntryState::kIncomplete
                                         : EntryState::kLeftOut;
      if (entry.state != EntryState::kComplete) entry.note = "the night was not finished";
      nights.update(night.key, entry);
    }
    judge_gates(store, nights, plan, night);
    SeriesBook book(store, nights, plan, night.night);
    const std::vector<SeriesJudgement> said = book.judge(night, failed_entries(night));
    night.finished_at = utc_now();
    night.outcome = outcome_json(night, said);
    nights.finish(night, said);
    if (events.note) {
      events.note("night " + night.night + " was never finished: judged by what it completed");
    }
  }
}

}  // namespace

NightResult run_night(Store& store, NightStore& nights, const NightlyPlan& plan,
                      const std::string& date, bool again, const NightEvents& events) {
  const NightLock lock(store.path(), plan.name);
  if (again) nights.forget(plan.name, date);
  const std::vector<NightRecord> all = nights.nights(plan.name);
  if (!all.empty() && all.back().night > date) {
    throw Error(ErrorCode::kUsage, "night " + date + " is before " + all.back().night +
                                       ", the newest of plan " + plan.name + "\n  try: --since " +
                                       date + " to judge nights missed");
  }
  NightResult result;
  std::optional<NightRecord> found = nights.find(plan.name, date);
  if (found && found->finished) {
    result.judgements = nights.judgements(found->key);
    result.night = std::move(*found);
    result.was_there = true;
    return result;
  }
  close_unfinished(store, nights, plan, date, events);
  if (found && found->plan_digest != digest_of(entries_of(plan))) {
    throw Error(ErrorCode::kUsage, "night " + date +
                                       " was begun with other suites, models or prompts than " +
                                       plan.file.string() +
                                       " has now\n  try: --again to begin it anew; its runs stay");
  }
  result.night = found ? std::move(*found) : begin_night(store, nights, plan, date);
  NightRun run(store, nights, plan, result.night, events);
  if (!run.run()) {
    result.interrupted = true;
    return result;
  }
  judge_gates(store, nights, plan, result.night);
  SeriesBook book(store, nights, plan, date);
  result.judgements = book.judge(result.night, failed_entries(result.night));
  result.night.finished = true;
  result.night.finished_at = utc_now();
  result.night.outcome = outcome_json(result.night, result.judgements);
  result.night.outcome["spent"] = {{"tokens", run.meter().tokens()},
                                   {"cost", run.meter().cost()},
                                   {"seconds", run.meter().seconds()}};
  nights.finish(result.night, result.judgements);
  return result;
}

}  // namespace peira::runner
