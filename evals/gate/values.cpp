#include "evals/gate/values.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/json.h"
#include "evals/score_mean.h"
#include "stats/moments.h"
#include "stats/pass_at_k.h"

namespace peira::evals::detail {
namespace {

double cost_of(const SampleOutcome& outcome, const GatePrices& prices) {
  constexpr double kPer = 1e6;
  return (static_cast<double>(outcome.prompt_tokens) * prices.input +
          static_cast<double>(outcome.completion_tokens) * prices.output) /
         kPer;
}

std::optional<AnswerState> state_of(const std::string& metric) {
  const bool is_state = metric == "unparsed" || metric == "truncated" || metric == "refused" ||
                        metric == "empty" || metric == "failed";
  return is_state ? answer_state_from(metric) : std::nullopt;
}

// The value of one question, its epochs in [begin, end).
class UnitReader {
 public:
  UnitReader(const GateArm& arm, const std::string& metric, double bound)
      : arm_(arm), metric_(metric), bound_(bound), state_(state_of(metric)) {
    if (metric.starts_with("pass@")) {
      std::from_chars(metric.data() + 5, metric.data() + metric.size(), k_);
    }
  }

  bool is_share() const {
    return metric_ == "accuracy" || k_ > 0 || state_ || quantile_of(metric_).has_value();
  }
  bool higher_is_better() const { return metric_ == "accuracy" || k_ > 0; }

  std::optional<UnitValue> read(const SampleOutcome* begin, const SampleOutcome* end,
                                std::vector<double>& measurements) const {
    UnitValue unit;
    unit.id = begin->sample_id;
    unit.cluster = std::string(cluster_key(begin->cluster, begin->sample_id));
    stats::Moments answered;
    std::int64_t right = 0;
    std::int64_t failed = 0;
    for (const SampleOutcome* outcome = begin; outcome != end; ++outcome) {
      if (outcome->score.state == AnswerState::kFailed && state_ != AnswerState::kFailed) {
        ++failed;
        continue;
      }
      right += outcome->score.value == 1;
      answered.add(value_of(*outcome, measurements));
    }
    const std::int64_t count = answered.count();
    unit.num_answers = static_cast<int>(count);
    if (k_ > 0) {
      if (count + failed < k_) return std::nullopt;
      if (count >= k_) unit.value = stats::pass_at_k(count, right, k_);
      unit.lowest = stats::pass_at_k(count + failed, right, k_);
      unit.highest = stats::pass_at_k(count + failed, right + failed, k_);
      return unit;
    }
    if (count == 0 && !is_share()) return std::nullopt;
    if (count > 0) unit.value = answered.mean();
    const auto all = static_cast<double>(count + failed);
    unit.lowest = failed == 0 || !is_share() ? answered.mean() : answered.sum() / all;
    unit.highest = failed == 0 || !is_share()
                       ? answered.mean()
                       : (answered.sum() + static_cast<double>(failed)) / all;
    unit.within = answered.variance().value_or(0);
    return unit;
  }

 private:
  double value_of(const SampleOutcome& outcome, std::vector<double>& measurements) const {
    if (state_) return outcome.score.state == *state_ ? 1 : 0;
    if (metric_ == "latency.mean") return outcome.latency_s;
    if (quantile_of(metric_)) {
      measurements.push_back(outcome.latency_s);
      return outcome.latency_s <= bound_ ? 1 : 0;
    }
    if (metric_ == "prompt_tokens") return static_cast<double>(outcome.prompt_tokens);
    if (metric_ == "completion_tokens") return static_cast<double>(outcome.completion_tokens);
    if (metric_ == "cost") {
      if (!arm_.prices) {
        const std::string& model = arm_.record.model;
        throw Error(ErrorCode::kUsage,
                    "gate on cost: no price of model " + model + " (run " + arm_.record.run_id +
                        ") is known\n  try: --prices FILE with {" + dump_json(Json(model)) +
                        ": {\"input\": 1.25, \"output\": 10}}, in dollars a million tokens");
      }
      return cost_of(outcome, *arm_.prices);
    }
    return outcome.score.value;
  }

  const GateArm& arm_;
  const std::string& metric_;
  double bound_;
  std::optional<AnswerState> state_;
  int k_ = 0;
};

}  // namespace

std::optional<double> quantile_of(const std::string& metric) {
  if (metric == "latency.p50") return 0.5;
  if (metric == "latency.p95") return 0.95;
  return std::nullopt;
}

UnitValues unit_values(const GateArm& arm, const GateTarget& target, double bound) {
  const UnitReader reader(arm, target.metric, bound);
  UnitValues values;
  const bool is_cost = target.metric == "cost";
  values.is_share = reader.is_share();
  values.higher_is_better = reader.higher_is_better();
  bool field_is_there = target.field.empty();
  const SampleOutcome* const end = arm.outcomes.data() + arm.outcomes.size();
  for (const SampleOutcome* at = arm.outcomes.data(); at != end;) {
    const SampleOutcome* next = at;
    while (next != end && next->row == at->row) ++next;
    bool is_in_cell = target.field.empty();
    if (!is_in_cell) {
      const auto found = at->metadata.find(target.field);
      field_is_there = field_is_there || found != at->metadata.end();
      is_in_cell = found != at->metadata.end() && found->second == target.value;
    }
    if (is_in_cell) {
      ++values.num_in_cell;
      if (auto unit = reader.read(at, next, values.measurements)) {
        values.num_scored += unit->value.has_value();
        values.units.push_back(std::move(*unit));
      }
      for (const SampleOutcome* one = at; is_cost && one != next; ++one) {
        values.num_unmeasured += one->score.state != AnswerState::kFailed &&
                                 one->prompt_tokens + one->completion_tokens == 0;
      }
    }
    at = next;
  }
  if (!field_is_there && !arm.outcomes.empty()) {
    std::string fields;
    for (const auto& [field, value] : arm.outcomes.front().metadata) {
      fields += (fields.empty() ? "" : ", ") + field;
    }
    throw Error(ErrorCode::kUsage, "gate " + target.text() + ": questions of run " +
                                       arm.record.run_id + " have no field \"" + target.field +
                                       "\"; they have " + (fields.empty() ? "none" : fields));
  }
  std::sort(values.measurements.begin(), values.measurements.end());
  return values;
}

}  // namespace peira::evals::detail
