// What the one or two arms of a run with --stop-when share: the order of the questions, and the
// decision, made from answers in that order whatever order they come in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "evals/stop_rule.h"
#include "runner/store.h"

namespace peira::runner {

// The values of a stored run's questions by sample id, for a rule about the difference to it.
using ReferenceValues = std::unordered_map<std::string, evals::QuestionValue>;

// throws Error(kUsage): the run is incomplete or was itself stopped early.
ReferenceValues reference_values(const Store& store, const RunInfo& run);

// threads: one at a time.
class DecisionControl {
 public:
  // seed      of the run: the order of the questions is drawn from derive_seed("stop-order", seed).
  // num_arms  1, or 2 for a rule against an arm beside: arm 0 is the one the rule speaks of, arm 1
  //           the one it is compared with.
  DecisionControl(evals::StopRule rule, double error, std::uint64_t seed, int num_arms = 1);

  // The stored run of a rule about the difference to it.
  void set_reference(ReferenceValues values, Json manifest);
  // throws Error(kUsage): the reference was measured on other questions or by another scorer.
  void check_reference(const Json& manifest) const;

  // The part "stop" of a manifest. about: what else the decision depends on (the other arm).
  Json manifest_value(const Json& about) const;

  // The benchmark's questions in the order of the file, (row, id); each arm tells its own.
  // throws Error(kUsage): the arms' questions differ, or the reference lacks one.
  void set_questions(int arm, const std::vector<std::pair<std::int64_t, std::string>>& questions,
                     int epochs);

  // Index into the questions of the one at `position` of the seeded order.
  std::size_t question_at(std::size_t position) const { return order_[position]; }
  std::size_t num_questions() const { return order_.size(); }

  // Whether the question at `position` may be asked already: no more than `window` past the first
  // that is not known yet, so that neither arm runs ahead and little is asked in vain.
  bool may_ask(std::size_t position, std::size_t window) const { return position < next_ + window; }

  // An answer, new or from an earlier sitting.
  void record(int arm, std::int64_t row, int epoch, const evals::Score& score);

  // Nothing more need be asked: decided, or every question is known.
  bool finished() const { return decided() || (!order_.empty() && next_ == order_.size()); }
  bool decided() const { return decider_ && decider_->decided(); }
  // throws Error(kInternal): no questions yet.
  evals::StopDecision decision(int arm) const;

  const evals::StopRule& rule() const { return rule_; }

 private:
  struct Pending {
    std::vector<evals::EpochResult> results;
    std::vector<bool> known;
    int num_known = 0;
  };
  void advance();

  evals::StopRule rule_;
  double error_;
  std::uint64_t order_seed_;
  std::vector<int> epochs_;  // [arms], 0 until told
  std::vector<std::pair<std::int64_t, std::string>> questions_;
  std::vector<std::size_t> order_;                             // position -> question
  std::unordered_map<std::int64_t, std::size_t> position_of_;  // row -> position
  std::vector<std::map<std::size_t, Pending>> pending_;        // [arms], by position, not yet used
  std::optional<ReferenceValues> reference_;
  Json reference_manifest_;
  std::optional<evals::StopDecider> decider_;
  std::size_t next_ = 0;  // position of the first question not known in every arm
};

}  // namespace peira::runner
