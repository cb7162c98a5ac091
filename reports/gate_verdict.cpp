// A gate's verdict read back from what `peira gate --json` printed.
#include <cmath>

#include "base/error.h"
#include "reports/gate.h"

namespace peira::reports {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(
      ErrorCode::kData,
      where + ": " + what + "\n  try: peira gate RUN --policy gates.json --json > verdict.json");
}

std::string text_of(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) refuse(where, std::string(key) + " is no text");
  return found->get<std::string>();
}

std::string text_or_empty(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<double> number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> count_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer()
             ? std::optional(found->get<std::int64_t>())
             : std::nullopt;
}

evals::GateStatus status_of(const Json& object, const std::string& where) {
  const std::string word = text_of(object, "status", where);
  for (const auto status :
       {evals::GateStatus::kPass, evals::GateStatus::kFail, evals::GateStatus::kUndecided}) {
    if (word == evals::to_string(status)) return status;
  }
  refuse(where, "status is \"" + word + "\", none of pass, fail, undecided");
}

evals::GateKind kind_of(const Json& object, const std::string& where) {
  const std::string word = text_of(object, "kind", where);
  for (const auto kind : {evals::GateKind::kMin, evals::GateKind::kMax, evals::GateKind::kNoWorse,
                          evals::GateKind::kEquivalent}) {
    if (word == evals::to_string(kind)) return kind;
  }
  refuse(where, "kind is \"" + word + "\", none of min, max, no-worse-than, equivalent-to");
}

evals::GateResult result_from(const Json& given, const std::string& where) {
  if (!given.is_object()) refuse(where, "is no gate");
  evals::GateResult result;
  try {
    result.gate.target = evals::parse_gate_target(text_of(given, "target", where));
  } catch (const Error& error) {
    throw Error(ErrorCode::kData, where + ".target: " + error.what());
  }
  result.gate.kind = kind_of(given, where);
  const std::optional<double> bound = number_of(given, "bound");
  if (!bound) refuse(where, "bound is no number");
  result.gate.bound = *bound;
  result.run_id = text_or_empty(given, "run");
  result.baseline_id = text_or_empty(given, "baseline");
  result.gate.baseline = text_or_empty(given, "against");
  if (result.gate.baseline.empty()) result.gate.baseline = result.baseline_id;
  result.status = status_of(given, where);
  result.why = text_or_empty(given, "why");
  result.vacuous = given.contains("vacuous") && given["vacuous"] == true;
  result.estimate = number_of(given, "estimate");
  result.low = number_of(given, "low");
  result.high = number_of(given, "high");
  result.method = text_or_empty(given, "interval");
  result.pass_p = number_of(given, "pass_p").value_or(1);
  result.fail_p = number_of(given, "fail_p").value_or(1);
  result.fail_p_adjusted = number_of(given, "fail_p_adjusted").value_or(1);
  result.waits_for_family = given.contains("waits_for_family") && given["waits_for_family"] == true;
  result.num_items = count_of(given, "items").value_or(0);
  result.num_clusters = count_of(given, "clusters").value_or(0);
  result.questions_needed = count_of(given, "questions_needed");
  result.epochs_needed = count_of(given, "epochs_needed");
  if (const auto flips = given.find("flips"); flips != given.end() && flips->is_object()) {
    const auto of = [&](const char* cause) { return count_of(*flips, cause).value_or(0); };
    result.flips = evals::FlipCauses{.failure = of("failure"),
                                     .truncation = of("truncation"),
                                     .refusal = of("refusal"),
                                     .extraction = of("extraction"),
                                     .judge = of("judge"),
                                     .answer = of("answer")};
  }
  return result;
}

}  // namespace

evals::GateReport gate_report_from(const Json& verdict, const std::string& where) {
  if (!verdict.is_object()) refuse(where, "is no gate's verdict");
  evals::GateReport report;
  report.status = status_of(verdict, where);
  report.headline = text_of(verdict, "headline", where);
  const std::optional<double> alpha = number_of(verdict, "alpha");
  if (!alpha || !(*alpha > 0 && *alpha < 0.5))
    refuse(where, "alpha does not lie between 0 and 0.5");
  report.alpha = *alpha;
  const auto families = verdict.find("families");
  if (families != verdict.end() && families->is_array()) {
    for (std::size_t i = 0; i < families->size(); ++i) {
      const std::string place = where + ": families[" + std::to_string(i) + "]";
      if (!(*families)[i].is_object()) refuse(place, "is no family");
      evals::GateFamilyResult family;
      family.family = {text_of((*families)[i], "name", place),
                       number_of((*families)[i], "share").value_or(0)};
      family.status = status_of((*families)[i], place);
      report.families.push_back(std::move(family));
    }
  }
  const auto gates = verdict.find("gates");
  if (gates == verdict.end() || !gates->is_array()) refuse(where, "gates is no list");
  for (std::size_t i = 0; i < gates->size(); ++i) {
    report.gates.push_back(result_from((*gates)[i], where + ": gates[" + std::to_string(i) + "]"));
  }
  return report;
}

}  // namespace peira::reports
