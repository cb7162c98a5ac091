#include "runner/nightly/series_book.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "evals/suite.h"

namespace peira::runner {
namespace {

constexpr std::size_t kMostRepeats = 64;  // runs of one manifest that are looked at
constexpr std::size_t kMostCached = 256;

bool is_state(evals::AnswerState state, const std::string& metric) {
  return evals::to_string(state) == metric;
}

// What runs must share so that their nights are comparable: questions, how many, and the scorer.
std::string basis_of(const RunInfo& run) {
  std::string parts;
  const Json& digests = run.manifest["digests"];
  for (const char* part : {"dataset", "scorer", "limit", "method", "epochs"}) {
    parts += std::string(part) + "=" + digests.value(part, std::string()) + ";";
  }
  return sha256_hex(parts);
}

}  // namespace

std::vector<NightlyEntry> entries_of(const NightlyPlan& plan) {
  std::vector<NightlyEntry> entries;
  std::set<std::string> names;
  for (std::size_t s = 0; s < plan.suites.size(); ++s) {
    const NightlySuite& suite = plan.suites[s];
    std::string base = evals::find_suite(suite.suite).name;
    if (!suite.data.empty()) base += "@" + std::filesystem::path(suite.data).stem().string();
    for (const std::string& model : suite.models) {
      for (const std::string& prompt : suite.prompts) {
        NightlyEntry entry;
        entry.suite = s;
        entry.model = model;
        entry.prompt = prompt;
        entry.name = base + "/" + model + "/" + evals::parse_variant(prompt).name;
        if (!suite.profile.empty()) entry.name += "/" + suite.profile;
        if (!names.insert(entry.name).second) {
          throw Error(ErrorCode::kData, plan.file.string() + ": suites[" + std::to_string(s) +
                                            "]: " + entry.name + " stands in the plan twice");
        }
        entries.push_back(std::move(entry));
      }
    }
  }
  return entries;
}

evals::NightValues values_of_run(const Store& store, const std::string& run_id,
                                 const std::string& metric) {
  const RunInfo run = store.run(run_id);
  evals::NightValues values;
  values.run_id = run.id;
  values.identity = run.identity;
  values.basis = basis_of(run);
  values.complete = run.complete;
  if (!run.complete) values.why_incomplete = "run " + run.id + " is incomplete";

  std::map<std::string, std::int64_t> clusters;
  std::string id, cluster;
  double sum = 0, count = 0;
  const auto end_question = [&] {
    if (count > 0) {
      values.questions.push_back(evals::question_key(id));
      values.values.push_back(sum / count);
      const auto number = static_cast<std::int64_t>(clusters.size());
      values.clusters.push_back(clusters.emplace(cluster, number).first->second);
    }
    sum = count = 0;
  };
  OutcomeReader reader = store.scores(run_id);
  bool first = true;
  while (const std::optional<evals::SampleOutcome> outcome = reader.next()) {
    if (first || outcome->sample_id != id) {
      end_question();
      id = outcome->sample_id;
      cluster = outcome->cluster.empty() ? id : outcome->cluster;
      first = false;
    }
    const evals::AnswerState state = outcome->score.state;
    const bool failed = state == evals::AnswerState::kFailed;
    if (metric == "score") {
      if (failed) continue;
      sum += outcome->score.value;
    } else {
      // A reply that never came is neither read nor unread.
      if (failed && metric != "failed") continue;
      sum += is_state(state, metric) ? 1 : 0;
    }
    count += 1;
  }
  end_question();
  return values;
}

SeriesBook::SeriesBook(const Store& store, const NightStore& nights, const NightlyPlan& plan,
                       const std::string& until)
    : store_(store),
      plan_(plan),
      entries_(entries_of(plan)),
      acceptances_(nights.acceptances(plan.name)),
      history_(nights.history(plan.name, until)) {
  for (std::size_t e = 0; e < entries_.size(); ++e) {
    for (const std::string& metric : plan.suites[entries_[e].suite].metrics) {
      series_.push_back({entries_[e].name + "/" + metric, metric, e});
    }
  }
  for (const NightRecord& night : nights.nights(plan.name)) {
    for (const NightEntry& entry : night.entries) {
      if (!entry.run.empty()) night_of_run_.emplace(entry.run, night.night);
    }
    if (!night.finished || (!until.empty() && night.night >= until)) continue;
    if (night.stream.empty()) continue;
    if (night.stream_begun != stream_begun_) nights_of_stream_.clear();
    stream_ = stats::load_online_state(night.stream);
    stream_begun_ = night.stream_begun;
    nights_of_stream_.push_back(night.night);
  }
}

void SeriesBook::renew_stream(const std::string& night) {
  const NightlyHistory& history = plan_.history;
  const bool over =
      history.renew_after && static_cast<int>(nights_of_stream_.size()) >= *history.renew_after;
  const bool changed = stream_.alpha != history.alpha || stream_.procedure != history.procedure;
  if (!stream_begun_.empty() && !over && !changed) return;
  stream_ = stats::OnlineState();
  stream_.alpha = history.alpha;
  stream_.procedure = history.procedure;
  stream_begun_ = night;
  nights_of_stream_.clear();
}

const evals::NightValues& SeriesBook::values(const std::string& run_id, const std::string& metric) {
  const auto key = std::pair(run_id, metric);
  const auto found = cache_.find(key);
  if (found != cache_.end()) return found->second;
  if (cache_.size() >= kMostCached) cache_.clear();
  return cache_.emplace(key, values_of_run(store_, run_id, metric)).first->second;
}

// Of the engine, runs of whatever day: they should be equal. Of an endpoint, runs of one day beside
// each other: its nights have equal manifests too, and what changed between them is what is looked
// for.
SeriesBook::Repeats SeriesBook::measure_repeats(const Series& series,
                                                const RunInfo& tonight) const {
  const bool repeatable = plan_.model(entries_[series.entry].model).is_repeatable();
  std::map<std::string, std::vector<std::string>> groups;  // day -> runs
  std::size_t count = 0;
  for (const RunInfo& run : store_.runs()) {
    // Only what was there when tonight's run had ended: later runs must not change what is said.
    if (run.identity != tonight.identity || !run.complete || !run.rescored_from.empty() ||
        run.cached > 0 || run.finished_at > tonight.finished_at || count == kMostRepeats) {
      continue;
    }
    const auto night = night_of_run_.find(run.id);
    const std::string day =
        night == night_of_run_.end() ? run.started_at.substr(0, 10) : night->second;
    groups[repeatable ? "" : day].push_back(run.id);
    ++count;
  }
  Repeats result;
  std::vector<std::vector<double>> estimates;
  for (const auto& [day, runs] : groups) {
    if (runs.size() < 2) continue;
    std::vector<double>& group = estimates.emplace_back();
    std::optional<evals::NightValues> first;
    for (const std::string& id : runs) {
      evals::NightValues values = values_of_run(store_, id, series.metric);
      if (values.values.empty()) continue;
      double sum = 0;
      for (const double value : values.values) sum += value;
      group.push_back(sum / static_cast<double>(values.values.size()));
      if (!first) {
        first = std::move(values);
      } else if (values.questions != first->questions || values.values != first->values) {
        result.equal = false;
      }
    }
  }
  result.floor = evals::measure_noise_floor(estimates);
  return result;
}

std::string SeriesBook::accepted_from(const Series& series, const std::string& night) const {
  const auto history = history_.find(series.name);
  std::string from;
  for (const Acceptance& acceptance : acceptances_) {
    if (!acceptance.series.empty() && acceptance.series != series.name) continue;
    // It speaks of the series' first night after it was given.
    const bool is_first = history == history_.end() || history->second.empty() ||
                          history->second.back().night <= acceptance.after_night;
    if (is_first && acceptance.after_night < night) from = acceptance.from;
  }
  return from;
}

std::vector<SeriesJudgement> SeriesBook::judge(NightRecord& night,
                                               const std::vector<std::string>& gate_failed) {
  renew_stream(night.night);
  std::vector<SeriesJudgement> said;
  for (const Series& series : series_) {
    const NightlyEntry& planned = entries_[series.entry];
    const auto entry = std::find_if(night.entries.begin(), night.entries.end(),
                                    [&](const NightEntry& e) { return e.name == planned.name; });
    if (entry == night.entries.end() || entry->state == EntryState::kSkipped) continue;

    evals::SeriesOptions options;
    options.higher_is_better = series.metric == "score";
    options.window = plan_.history.window;
    options.min_nights = plan_.history.min_nights;
    options.run_length = plan_.history.run_length;
    options.num_series = static_cast<int>(series_.size());
    options.repeatable = plan_.model(planned.model).is_repeatable();

    std::vector<evals::NightJudgement>& history = history_[series.name];
    evals::NightValues tonight;
    if (entry->state == EntryState::kComplete) {
      tonight = values(entry->run, series.metric);
      const Repeats measured = measure_repeats(series, store_.run(entry->run));
      // Equal manifests give equal bytes until they are seen not to.
      options.repeatable = options.repeatable && measured.equal;
      options.noise_floor = options.repeatable ? evals::NoiseFloor{} : measured.floor;
    } else {
      tonight.run_id = entry->run;
      tonight.complete = false;
      tonight.why_incomplete = entry->note.empty() ? "no complete run" : entry->note;
      if (!history.empty()) tonight.basis = history.back().basis;
    }
    tonight.night = night.night;
    tonight.gates_passed =
        std::find(gate_failed.begin(), gate_failed.end(), planned.name) == gate_failed.end();
    tonight.accepted_from = accepted_from(series, night.night);

    std::vector<evals::NightValues> reference;
    if (tonight.complete) {
      for (const std::size_t i : evals::reference_nights(history, tonight, options)) {
        reference.push_back(values(history[i].run_id, series.metric));
        reference.back().night = history[i].night;
      }
    }
    history.push_back(evals::judge_night(history, tonight, reference, stream_, options));
    said.emplace_back(series.name, history.back());
  }
  nights_of_stream_.push_back(night.night);
  night.stream = stats::save_online_state(stream_);
  night.stream_begun = stream_begun_;
  return said;
}

std::vector<evals::SeriesReport> SeriesBook::reports() const {
  std::vector<evals::SeriesReport> list;
  for (const Series& series : series_) {
    const auto history = history_.find(series.name);
    if (history == history_.end() || history->second.empty()) continue;
    const NightlyEntry& entry = entries_[series.entry];
    evals::SeriesReport report;
    report.suite = evals::find_suite(plan_.suites[entry.suite].suite).name;
    report.model = entry.model;
    report.variant = evals::parse_variant(entry.prompt).name;
    report.metric = series.metric;
    report.higher_is_better = series.metric == "score";
    report.nights = history->second;
    list.push_back(std::move(report));
  }
  return list;
}

std::vector<std::string> SeriesBook::series() const {
  std::vector<std::string> names;
  for (const Series& series : series_) names.push_back(series.name);
  return names;
}

}  // namespace peira::runner
