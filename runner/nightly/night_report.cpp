#include "runner/nightly/night_report.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reports/gate.h"
#include "runner/nightly/series_book.h"
#include "runner/report_content.h"
#include "runner/run_cost.h"
#include "runner/summary.h"

namespace peira::runner {
namespace {

// Two years: more nights than a page's width has places for, and a table that still opens at once.
constexpr std::size_t kMostNights = 730;

std::optional<reports::Cost> cost_of(const Store& store, const NightEntry& entry,
                                     const NightlyPlan& plan,
                                     const std::vector<NightlyEntry>& entries) {
  const auto planned = std::find_if(entries.begin(), entries.end(), [&](const NightlyEntry& one) {
    return one.name == entry.name;
  });
  if (planned == entries.end()) return std::nullopt;
  const NightlyModel& model = plan.model(planned->model);
  if (!model.price) return std::nullopt;
  return report_cost(run_cost(store, store.run(entry.run), *model.price));
}

// Every series up to and with the night reported.
std::vector<evals::SeriesReport> series_until(const SeriesBook& book, const std::string& night) {
  std::vector<evals::SeriesReport> list = book.reports();
  for (evals::SeriesReport& series : list) {
    std::erase_if(series.nights,
                  [&](const evals::NightJudgement& said) { return said.night > night; });
    if (series.nights.size() > kMostNights) {
      series.nights.erase(series.nights.begin(), series.nights.end() - kMostNights);
    }
  }
  std::erase_if(list, [](const evals::SeriesReport& series) { return series.nights.empty(); });
  return list;
}

// The last night that served as reference before `said`, of the same questions and scorer.
const evals::NightJudgement* last_good(const std::vector<evals::NightJudgement>& earlier,
                                       const evals::NightJudgement& said) {
  const auto good =
      std::find_if(earlier.rbegin(), earlier.rend(), [&](const evals::NightJudgement& night) {
        return night.green && night.counted && night.basis == said.basis &&
               night.run_id != said.run_id;
      });
  return good == earlier.rend() ? nullptr : &*good;
}

}  // namespace

reports::Report night_report(const Store& store, const NightStore& nights, const NightlyPlan& plan,
                             const NightResult& result) {
  reports::Report report;
  report.title = "Night " + result.night.night + " of " + plan.name;
  report.lead = headline_of(result.night, result.judgements);
  const std::vector<NightlyEntry> entries = entries_of(plan);
  for (const NightEntry& entry : result.night.entries) {
    if (entry.state == EntryState::kComplete) {
      report.runs.push_back(summarize(store, entry.run));
      report.details.push_back(run_details(store, entry.run));
      report.details.back().cost = cost_of(store, entry, plan, entries);
    } else if (entry.state != EntryState::kSkipped) {
      report.notes.push_back(entry.name + ": " + std::string(to_string(entry.state)) + ": " +
                             (entry.note.empty() ? entry.why : entry.note) + ".");
    }
  }
  for (const NightGateVerdict& verdict : result.night.gates) {
    if (verdict.report.is_null()) {
      report.notes.push_back("Gates " + verdict.name + ": " + verdict.headline);
    } else {
      report.gates.push_back(
          {verdict.name, reports::gate_report_from(verdict.report, "gates " + verdict.name)});
    }
  }
  const auto history = nights.history(plan.name, result.night.night);
  for (const auto& [series, said] : result.judgements) {
    const bool moved = is_alarm(said.verdict) || said.verdict == evals::SeriesVerdict::kImproved;
    const auto earlier = history.find(series);
    if (!moved || !series.ends_with("/score") || earlier == history.end()) continue;
    const evals::NightJudgement* good = last_good(earlier->second, said);
    if (good == nullptr) continue;
    report.notes.push_back(series + " is compared below with its last good night, " + good->night +
                           ".");
    report.comparisons.push_back(compare_runs(store, good->run_id, said.run_id, {"all"}));
  }
  report.series = series_until(SeriesBook(store, nights, plan, ""), result.night.night);
  return report;
}

}  // namespace peira::runner
