#include "runner/decision_control.h"

#include <numeric>
#include <span>

#include "base/error.h"
#include "base/hash.h"
#include "stats/random.h"

namespace peira::runner {

ReferenceValues reference_values(const Store& store, const RunInfo& run) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kUsage, "--stop-when: run " + run.id + " " + why +
                                       "\n  try: a run that went through all its questions");
  };
  if (!run.complete) refuse("is incomplete: it cannot be compared with question by question");
  if (run.decision && run.decision->stopped_early()) {
    refuse("was itself stopped early, after " + std::to_string(run.decision->num_used) + " of " +
           std::to_string(run.decision->num_questions) + " questions");
  }
  ReferenceValues values;
  std::vector<evals::EpochResult> epochs;
  std::string id;
  const auto keep = [&] {
    if (!epochs.empty()) values[id] = evals::question_value("score", epochs);
    epochs.clear();
  };
  std::int64_t row = -1;
  OutcomeReader reader = store.outcomes(run.id);
  while (const std::optional<evals::SampleOutcome> outcome = reader.next()) {
    if (outcome->row != row) keep();
    row = outcome->row;
    id = outcome->sample_id;
    epochs.push_back({outcome->score.state, outcome->score.value});
  }
  keep();
  return values;
}

DecisionControl::DecisionControl(evals::StopRule rule, double error, std::uint64_t seed,
                                 int num_arms)
    : rule_(std::move(rule)),
      error_(error),
      order_seed_(derive_seed({"stop-order", std::to_string(seed)})),
      epochs_(static_cast<std::size_t>(num_arms), 0),
      pending_(static_cast<std::size_t>(num_arms)) {}

void DecisionControl::set_reference(ReferenceValues values, Json manifest) {
  reference_ = std::move(values);
  reference_manifest_ = std::move(manifest);
}

void DecisionControl::check_reference(const Json& manifest) const {
  if (!reference_) return;
  for (const char* part : {"dataset", "scorer"}) {
    const Json& theirs = reference_manifest_["digests"][part];
    if (theirs == manifest["digests"][part]) continue;
    throw Error(ErrorCode::kUsage, "--stop-when: run " + rule_.reference + " was measured with " +
                                       part + " " + dump_json(reference_manifest_["values"][part]) +
                                       ", this one is with " + dump_json(manifest["values"][part]) +
                                       "\n  try: the same --data and --profile");
  }
}

Json DecisionControl::manifest_value(const Json& about) const {
  Json value{{"rule", rule_.text}, {"error", error_}, {"order_seed", order_seed_}};
  if (!about.is_null()) value["about"] = about;
  return value;
}

void DecisionControl::set_questions(
    int arm, const std::vector<std::pair<std::int64_t, std::string>>& questions, int epochs) {
  epochs_.at(static_cast<std::size_t>(arm)) = epochs;
  if (!order_.empty()) {
    if (questions != questions_) {
      throw Error(ErrorCode::kUsage, "--against: the arms ask different questions");
    }
    return;
  }
  questions_ = questions;
  if (reference_) {
    for (const auto& [row, id] : questions_) {
      if (reference_->contains(id)) continue;
      throw Error(ErrorCode::kUsage, "--stop-when: run " + rule_.reference + " has no question " +
                                         id + ", which this run asks");
    }
  }
  order_.resize(questions_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  stats::Random random(order_seed_);
  random.shuffle(std::span<std::size_t>(order_));
  for (std::size_t position = 0; position < order_.size(); ++position) {
    position_of_[questions_[order_[position]].first] = position;
  }
  decider_.emplace(rule_, error_, static_cast<std::int64_t>(questions_.size()));
}

void DecisionControl::record(int arm, std::int64_t row, int epoch, const evals::Score& score) {
  const auto index = static_cast<std::size_t>(arm);
  const auto found = position_of_.find(row);
  if (found == position_of_.end() || epoch < 0 || epoch >= epochs_[index]) return;
  if (found->second < next_ && !decided()) return;  // asked again after it was used
  Pending& pending = pending_[index][found->second];
  const auto num_epochs = static_cast<std::size_t>(epochs_[index]);
  pending.results.resize(num_epochs);
  pending.known.resize(num_epochs, false);
  const auto at = static_cast<std::size_t>(epoch);
  pending.num_known += pending.known[at] ? 0 : 1;
  pending.known[at] = true;
  pending.results[at] = {score.state, score.value};
  advance();
}

void DecisionControl::advance() {
  while (!finished()) {
    for (std::size_t arm = 0; arm < pending_.size(); ++arm) {
      const auto found = pending_[arm].find(next_);
      if (found == pending_[arm].end() || found->second.num_known < epochs_[arm]) return;
    }
    const auto take = [&](std::size_t arm) {
      const auto node = pending_[arm].extract(next_);
      return evals::question_value(rule_.metric, node.mapped().results);
    };
    evals::QuestionValue value = take(0);
    std::optional<evals::QuestionValue> base;
    if (pending_.size() > 1) {
      base = take(1);
    } else if (reference_) {
      base = reference_->at(questions_[order_[next_]].second);
    }
    if (base) value = {value.low - base->high, value.high - base->low};
    ++next_;
    decider_->add(value);
  }
}

evals::StopDecision DecisionControl::decision(int arm) const {
  if (!decider_) throw Error(ErrorCode::kInternal, "a decision without questions");
  evals::StopDecision decision = decider_->decision();
  decision.order_seed = order_seed_;
  if (arm > 0) decision.role = evals::kAgainst;
  for (const auto& [position, pending] : pending_[static_cast<std::size_t>(arm)]) {
    decision.rows_beyond.push_back(questions_[order_[position]].first);
  }
  return decision;
}

}  // namespace peira::runner
