#include "reports/experiment.h"

#include <cmath>
#include <cstdio>
#include <optional>
#include <vector>

namespace peira::reports {
namespace {

using abtest::Analysis;
using abtest::Comparison;
using abtest::MetricResult;
using abtest::MetricRole;
using abtest::MetricType;
using abtest::Monitoring;

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

bool is_share(const MetricResult& result) { return result.metric.type == MetricType::kProportion; }

// 71.0 % for a share, four digits for anything else.
std::string value_text(const MetricResult& result, std::optional<double> value) {
  if (!value) return "-";
  return is_share(result) ? formatted("%.1f %%", 100 * *value) : formatted("%.4g", *value);
}

std::string change_text(const MetricResult& result, std::optional<double> value) {
  if (!value) return "-";
  return is_share(result) ? formatted("%+.1f", 100 * *value) : formatted("%+.4g", *value);
}

std::string interval_text(const MetricResult& result,
                          const std::optional<stats::Interval>& interval) {
  if (!interval) return "-";
  const double scale = is_share(result) ? 100 : 1;
  const char* format = is_share(result) ? "%+.1f" : "%+.4g";
  return formatted(format, scale * interval->low) + " to " +
         formatted(format, scale * interval->high);
}

std::string p_text(std::optional<double> p) {
  if (!p) return "-";
  if (*p < 0.0001) return "<0.0001";
  return formatted(*p < 0.1 ? "%.4f" : "%.3f", *p);
}

const char* monitoring_text(Monitoring monitoring) {
  switch (monitoring) {
    case Monitoring::kFixed:
      return "p and interval hold for one look, at the planned end";
    case Monitoring::kGroupSequential:
      return "read by this look's boundary; p and interval of one look are not the plan's";
    case Monitoring::kAnytime:
      return "always-valid p and interval: they may be looked at at any time";
  }
  return "";
}

OrderedJson json_of(std::optional<double> value) {
  if (!value || std::isnan(*value)) return nullptr;
  if (std::isinf(*value)) return *value > 0 ? "+inf" : "-inf";
  return *value;
}

OrderedJson json_of(const std::optional<stats::Interval>& interval) {
  if (!interval) return nullptr;
  return OrderedJson::array({json_of(interval->low), json_of(interval->high)});
}

OrderedJson json_of(const std::optional<stats::PValue>& p) {
  if (!p) return nullptr;
  return {{"value", p->value}, {"log10", json_of(p->log10)}};
}

OrderedJson result_json(const MetricResult& result, Monitoring monitoring) {
  const Comparison& c = result.comparison;
  OrderedJson out{{"metric", result.metric.name},
                  {"type", abtest::to_string(result.metric.type)},
                  {"role", abtest::to_string(result.metric.role)},
                  {"better", abtest::to_string(result.metric.better)},
                  {"variant", c.variant},
                  {"verdict", abtest::to_string(result.verdict)},
                  {"n_control", c.num_control},
                  {"n_variant", c.num_variant},
                  {"control", json_of(c.control)},
                  {"treated", json_of(c.treated)},
                  {"control_std", json_of(c.control_std_dev)},
                  {"treated_std", json_of(c.treated_std_dev)},
                  {"method", c.method},
                  {"estimate", json_of(c.estimate)},
                  {"std_error", json_of(c.std_error)},
                  {"df", json_of(c.df)},
                  {"p", json_of(c.deciding_p(monitoring))},
                  {"adjusted_p", json_of(result.adjusted_p)},
                  {"significant", result.significant},
                  {"ci", json_of(c.deciding_interval(monitoring))},
                  {"p_fixed_horizon", json_of(c.fixed_p)},
                  {"ci_fixed_horizon", json_of(c.fixed_interval)},
                  {"p_always_valid", json_of(c.anytime_p)},
                  {"ci_always_valid", json_of(c.anytime_interval)}};
  out["problem"] = c.problem ? OrderedJson(*c.problem) : OrderedJson(nullptr);
  if (c.look) {
    out["look"] = {{"information", c.look->info},
                   {"spent_alpha", c.look->spent},
                   {"boundary_z", json_of(c.look->boundary)},
                   {"ci", json_of(c.look_interval)}};
  }
  if (c.lift) {
    out["lift"] = {{"estimate", c.lift->lift},
                   {"std_error", c.lift->std_error},
                   {"ci_delta", json_of(std::optional(c.lift->delta_interval))},
                   {"ci_fieller", json_of(c.lift->fieller_interval)}};
  }
  if (c.effect_size) {
    out["effect_size"] = {{"name", c.effect_size->name},
                          {"value", c.effect_size->value},
                          {"ci", json_of(c.effect_size->interval)}};
  }
  if (c.cuped) {
    out["cuped"] = {{"theta", c.cuped->theta},
                    {"variance_reduction", c.cuped->variance_reduction},
                    {"raw_estimate", c.cuped->raw.estimate},
                    {"raw_p", c.cuped->raw.p.value},
                    {"without_covariate", c.cuped->num_without_covariate}};
  }
  if (c.bayesian) {
    out["bayesian"] = {{"chance_to_beat_control", c.bayesian->chance_to_beat},
                       {"expected_loss_of_control", c.bayesian->expected_loss_choose_a},
                       {"expected_loss_of_variant", c.bayesian->expected_loss_choose_b},
                       {"note", "not a p-value; not safe against stopping when it looks good"}};
  }
  if (c.non_inferiority) {
    out["non_inferiority"] = {{"margin", json_of(c.margin)},
                              {"p", c.non_inferiority->p_value},
                              {"holds", c.non_inferiority->non_inferior}};
  }
  out["warnings"] = c.warnings;
  return out;
}

OrderedJson srm_json(const Analysis& analysis) {
  if (!analysis.srm) return nullptr;
  const stats::SrmResult& srm = *analysis.srm;
  return {{"status", analysis.srm_failed ? "failed" : stats::to_string(srm.status)},
          {"chi2", srm.chi_squared},
          {"df", srm.df},
          {"p", json_of(srm.p_value)},
          {"sequential_p", srm.sequential_p}};
}

// What the test stands for when there is none.
std::string note_text(const MetricResult& result) {
  if (result.comparison.problem) return *result.comparison.problem;
  std::string note;
  if (result.comparison.cuped) {
    note = "CUPED: " + formatted("%.0f %%", 100 * result.comparison.cuped->variance_reduction) +
           " less variance";
  }
  if (result.comparison.margin) {
    note += (note.empty() ? "" : "; ") + std::string("margin ") +
            (is_share(result) ? formatted("%.2g", 100 * *result.comparison.margin)
                              : formatted("%.4g", *result.comparison.margin));
  }
  return note;
}

}  // namespace

Table arms_table(const Analysis& analysis) {
  Table arms{
      .headers = {"Variant", "Units"}, .rows = {}, .alignments = {Align::kLeft, Align::kRight}};
  for (std::size_t i = 0; i < analysis.arms.size(); ++i) {
    arms.rows.push_back(
        {analysis.arms[i] + (i == 0 ? " (control)" : ""), std::to_string(analysis.num_units[i])});
  }
  return arms;
}

std::string ratio_sentence(const Analysis& analysis) {
  if (!analysis.srm) return "";
  const std::optional<double> p = analysis.monitoring == Monitoring::kFixed
                                      ? analysis.srm->p_value
                                      : std::optional(analysis.srm->sequential_p);
  return "Sample ratio: " + std::string(analysis.srm_failed ? "BROKEN" : "as the split says") +
         " (p = " + p_text(p) + ")";
}

Table effects_table(const Analysis& analysis) {
  Table metrics{
      .headers = {"Metric", "Role", "Variant", "Control", "Treated", "Change",
                  formatted("%.4g", 100 * (1 - analysis.alpha)) + " % CI", "p", "Adjusted",
                  "Verdict", "Note"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight,
                     Align::kRight, Align::kRight, Align::kRight, Align::kRight}};
  for (const MetricResult& result : analysis.results) {
    const Comparison& c = result.comparison;
    const bool is_guardrail = result.metric.role == MetricRole::kGuardrail;
    const std::optional<double> p =
        is_guardrail && c.non_inferiority ? std::optional(c.non_inferiority->p_value) : result.p;
    metrics.rows.push_back({result.metric.name, abtest::to_string(result.metric.role), c.variant,
                            value_text(result, c.control), value_text(result, c.treated),
                            change_text(result, c.estimate),
                            interval_text(result, c.deciding_interval(analysis.monitoring)),
                            p_text(p), p_text(result.adjusted_p),
                            analysis.srm_failed ? "-" : abtest::to_string(result.verdict),
                            note_text(result)});
  }
  return metrics;
}

std::string reading_note(const Analysis& analysis) {
  return "Monitoring " + std::string(abtest::to_string(analysis.monitoring)) + ": " +
         monitoring_text(analysis.monitoring) +
         ".\nAdjusted: Holm over primary metrics and variants, Benjamini-Hochberg over secondary "
         "ones; a guardrail's p is of being worse by its margin.";
}

std::string experiment_text(const Analysis& analysis, const TerminalOptions& options) {
  std::string out = analysis.reason + "\n\n" + render_terminal(arms_table(analysis), options);
  if (const std::string ratio = ratio_sentence(analysis); !ratio.empty()) out += ratio + "\n";
  out += '\n' + render_terminal(effects_table(analysis), options) + reading_note(analysis) + "\n";
  for (const std::string& warning : analysis.warnings) {
    out += "warning: " + printable(warning) + "\n";
  }
  return out;
}

OrderedJson experiment_json(const Analysis& analysis) {
  OrderedJson out{{"decision", abtest::to_string(analysis.decision)},
                  {"winner", analysis.winner ? OrderedJson(*analysis.winner) : OrderedJson()},
                  {"reason", analysis.reason},
                  {"monitoring", abtest::to_string(analysis.monitoring)},
                  {"alpha", analysis.alpha},
                  {"srm", srm_json(analysis)}};
  out["arms"] = OrderedJson::array();
  for (std::size_t i = 0; i < analysis.arms.size(); ++i) {
    out["arms"].push_back(
        {{"key", analysis.arms[i]}, {"units", analysis.num_units[i]}, {"control", i == 0}});
  }
  out["variants"] = OrderedJson::array();
  for (const abtest::VariantDecision& variant : analysis.variants) {
    out["variants"].push_back({{"variant", variant.variant},
                               {"decision", abtest::to_string(variant.decision)},
                               {"reason", variant.reason}});
  }
  out["metrics"] = OrderedJson::array();
  for (const MetricResult& result : analysis.results) {
    OrderedJson metric = result_json(result, analysis.monitoring);
    if (analysis.srm_failed) metric["verdict"] = nullptr;
    out["metrics"].push_back(std::move(metric));
  }
  out["warnings"] = analysis.warnings;
  return out;
}

std::string self_check_text(const abtest::SelfCheck& check, const TerminalOptions& options) {
  std::string out = std::string(check.passed ? "passed" : "FAILED") + ": " +
                    std::to_string(check.num_splits) + " splits of " +
                    std::to_string(check.num_units) + " units that make no difference\n\n";
  Table table{
      .headers = {"Metric", "Found one", "p of that rate", "p of uniformity", "Verdict", "Note"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight}};
  for (const abtest::MetricSelfCheck& metric : check.metrics) {
    table.rows.push_back({metric.metric, formatted("%.2f %%", 100 * metric.rejection_rate),
                          p_text(metric.rate_p), p_text(metric.uniformity.p_value),
                          metric.passed ? "passed" : "FAILED", metric.note});
  }
  table.rows.push_back({"(sample ratio)",
                        formatted("%.2f %%", 100.0 * static_cast<double>(check.ratio_alarms) /
                                                 static_cast<double>(check.num_splits)),
                        p_text(check.ratio_alarm_p), "", "", ""});
  return out + render_terminal(table, options);
}

OrderedJson self_check_json(const abtest::SelfCheck& check) {
  OrderedJson out{{"passed", check.passed},
                  {"splits", check.num_splits},
                  {"units", check.num_units},
                  {"ratio_alarms", check.ratio_alarms},
                  {"ratio_alarm_p", check.ratio_alarm_p}};
  out["metrics"] = OrderedJson::array();
  for (const abtest::MetricSelfCheck& metric : check.metrics) {
    out["metrics"].push_back({{"metric", metric.metric},
                              {"passed", metric.passed},
                              {"tests", metric.num_tests},
                              {"rejected", metric.num_rejected},
                              {"rejection_rate", metric.rejection_rate},
                              {"rate_p", metric.rate_p},
                              {"ks_statistic", metric.uniformity.statistic},
                              {"ks_p", metric.uniformity.p_value},
                              {"note", metric.note}});
  }
  return out;
}

}  // namespace peira::reports
