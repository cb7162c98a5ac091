#include <algorithm>

#include "runner/nightly/night.h"

namespace peira::runner {
namespace {

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json series_json(const std::string& name, const evals::NightJudgement& said) {
  Json out{{"series", name},
           {"verdict", std::string(to_string(said.verdict))},
           {"alarm", is_alarm(said.verdict)},
           {"sentence", said.sentence},
           {"run", said.run_id},
           {"estimate", said.num_questions > 0 ? Json(said.estimate) : Json(nullptr)},
           {"low", number_or_null(said.low)},
           {"high", number_or_null(said.high)},
           {"num_questions", said.num_questions},
           {"reference_nights", said.reference_nights},
           {"difference", number_or_null(said.difference)},
           {"difference_low", number_or_null(said.difference_low)},
           {"difference_high", number_or_null(said.difference_high)},
           {"p", number_or_null(said.p)},
           {"test_level", number_or_null(said.test_level)},
           {"night_noise", number_or_null(said.night_noise)},
           {"change", nullptr}};
  if (said.change) {
    out["change"] = {{"since", said.change->night},       {"gradual", said.change->gradual},
                     {"earliest", said.change->earliest}, {"latest", said.change->latest},
                     {"size", said.change->size},         {"low", said.change->low},
                     {"high", said.change->high}};
  }
  return out;
}

std::size_t count_entries(const NightRecord& night, EntryState state) {
  return static_cast<std::size_t>(
      std::count_if(night.entries.begin(), night.entries.end(),
                    [&](const NightEntry& entry) { return entry.state == state; }));
}

std::size_t count_gates(const NightRecord& night, evals::GateStatus status) {
  return static_cast<std::size_t>(
      std::count_if(night.gates.begin(), night.gates.end(),
                    [&](const NightGateVerdict& gates) { return gates.status == status; }));
}

// "Gates smoke/ours/official: Failed: ... (and 1 more fails)"; "" where there are none.
std::string gates_sentence(const NightRecord& night) {
  for (const auto status : {evals::GateStatus::kFail, evals::GateStatus::kUndecided}) {
    const std::size_t count = count_gates(night, status);
    if (count == 0) continue;
    const auto first =
        std::find_if(night.gates.begin(), night.gates.end(),
                     [&](const NightGateVerdict& gates) { return gates.status == status; });
    std::string text = "Gates " + first->name + ": " + first->headline;
    if (text.ends_with('.')) text.pop_back();
    if (count > 1)
      text += "; and " + std::to_string(count - 1) + " more " + evals::to_string(status);
    return text;
  }
  if (night.gates.empty()) return "";
  return "All gates pass (" + std::to_string(night.gates.size()) + ")";
}

std::string verdict_of(const NightRecord& night, std::span<const SeriesJudgement> judgements,
                       int status) {
  if (status == 0) return "passed";
  if (status == 4) return "unavailable";
  const bool worse = std::any_of(judgements.begin(), judgements.end(),
                                 [](const auto& one) { return is_alarm(one.second.verdict); });
  if (status == 1) return worse ? "worse" : "gates failed";
  const bool all_measured =
      std::all_of(night.entries.begin(), night.entries.end(), [](const NightEntry& entry) {
        return entry.state == EntryState::kComplete || entry.state == EntryState::kSkipped;
      });
  return all_measured ? "gates undecided" : "incomplete";
}

std::string plural(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

bool is_alarm(evals::SeriesVerdict verdict) {
  return verdict == evals::SeriesVerdict::kDropped || verdict == evals::SeriesVerdict::kDrifted;
}

int exit_status_of(const NightRecord& night, std::span<const SeriesJudgement> judgements) {
  if (count_gates(night, evals::GateStatus::kFail) > 0) return 1;
  for (const auto& [series, said] : judgements) {
    if (is_alarm(said.verdict)) return 1;
  }
  const std::size_t failed = count_entries(night, EntryState::kFailed);
  const std::size_t skipped = count_entries(night, EntryState::kSkipped);
  if (failed > 0 && failed + skipped == night.entries.size()) return 4;
  const bool incomplete = failed + count_entries(night, EntryState::kIncomplete) +
                              count_entries(night, EntryState::kLeftOut) +
                              count_entries(night, EntryState::kWaiting) >
                          0;
  return incomplete || count_gates(night, evals::GateStatus::kUndecided) > 0 ? 5 : 0;
}

std::string headline_of(const NightRecord& night, std::span<const SeriesJudgement> judgements) {
  const SeriesJudgement* worst = nullptr;
  std::size_t alarms = 0, improved = 0, early = 0;
  for (const SeriesJudgement& one : judgements) {
    const evals::NightJudgement& said = one.second;
    improved += said.verdict == evals::SeriesVerdict::kImproved ? 1 : 0;
    early += said.verdict == evals::SeriesVerdict::kTooLittleHistory ? 1 : 0;
    if (!is_alarm(said.verdict)) continue;
    ++alarms;
    const auto size = [](const evals::NightJudgement& j) {
      return std::abs(j.change ? j.change->size : j.difference.value_or(0));
    };
    if (worst == nullptr || size(said) > size(worst->second)) worst = &one;
  }
  std::string text;
  if (worst != nullptr) {
    text = plural(alarms, "series is worse", "series are worse") + ": " + worst->first + " " +
           worst->second.sentence;
    if (alarms > 1) text += "; and " + std::to_string(alarms - 1) + " more";
  } else if (judgements.empty()) {
    text = "Nothing was due";
  } else if (early == judgements.size()) {
    text = plural(early, "series", "series") + " measured; too little history to judge by yet";
  } else {
    text = "Nothing is worse: " + plural(judgements.size(), "series", "series");
    if (improved > 0) text += ", " + std::to_string(improved) + " improved";
    if (early > 0) text += ", " + std::to_string(early) + " with too little history";
  }
  // The worst first.
  if (const std::string gates = gates_sentence(night); !gates.empty()) {
    const bool failed = count_gates(night, evals::GateStatus::kFail) > 0;
    text = failed && worst == nullptr ? gates + ". " + text : text + ". " + gates;
  }
  const std::size_t missing =
      count_entries(night, EntryState::kFailed) + count_entries(night, EntryState::kIncomplete) +
      count_entries(night, EntryState::kLeftOut) + count_entries(night, EntryState::kWaiting);
  if (missing > 0) {
    text += ". Incomplete: " + std::to_string(missing) + " of " +
            std::to_string(night.entries.size()) + " were not measured";
  }
  return text + ".";
}

Json outcome_json(const NightRecord& night, std::span<const SeriesJudgement> judgements) {
  const int status = exit_status_of(night, judgements);
  Json entries = Json::array();
  for (const NightEntry& entry : night.entries) {
    entries.push_back({{"entry", entry.name},
                       {"action", std::string(to_string(entry.action))},
                       {"why", entry.why},
                       {"state", std::string(to_string(entry.state))},
                       {"run", entry.run},
                       {"note", entry.note}});
  }
  Json series = Json::array();
  for (const auto& [name, said] : judgements) series.push_back(series_json(name, said));
  Json gates = Json::array();
  for (const NightGateVerdict& one : night.gates) gates.push_back(to_json(one));
  return {{"plan", night.plan},
          {"night", night.night},
          {"exit_status", status},
          {"verdict", verdict_of(night, judgements, status)},
          {"headline", headline_of(night, judgements)},
          {"entries", std::move(entries)},
          {"series", std::move(series)},
          {"gates", std::move(gates)}};
}

}  // namespace peira::runner
