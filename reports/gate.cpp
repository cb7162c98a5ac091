#include "reports/gate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "base/utf8.h"
#include "reports/detail/text.h"

namespace peira::reports {
namespace {

bool is_relative(const evals::GateResult& result) {
  return result.gate.kind == evals::GateKind::kNoWorse ||
         result.gate.kind == evals::GateKind::kEquivalent;
}

std::string format(const char* pattern, double value) {
  char text[48];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

// In the words of the metric: percent, points of a difference, or plain.
std::string value_text(const evals::GateResult& result, double value) {
  if (is_share_metric(result.gate.target.metric)) {
    return format(is_relative(result) ? "%+.1f" : "%.1f", 100 * value);
  }
  return format(is_relative(result) ? "%+.4g" : "%.4g", value);
}

std::string unit_text(const evals::GateResult& result) {
  if (is_share_metric(result.gate.target.metric)) return is_relative(result) ? " points" : " %";
  return result.gate.target.metric.starts_with("latency") ? " s" : "";
}

OrderedJson optional(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? OrderedJson(*value) : OrderedJson(nullptr);
}
OrderedJson optional(const std::optional<std::int64_t>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

// printable() text in XML, which forbids a few characters more.
std::string xml(const std::string& text) {
  std::string out;
  for (const char32_t point : to_utf32(printable(text))) {
    const bool allowed = point == 0x9 || point == 0xA || point == 0xD ||
                         (point >= 0x20 && point <= 0xD7FF && !(point >= 0x7F && point <= 0x9F)) ||
                         (point >= 0xE000 && point <= 0xFFFD) || point >= 0x10000;
    switch (point) {
      case U'&':
        out += "&amp;";
        break;
      case U'<':
        out += "&lt;";
        break;
      case U'>':
        out += "&gt;";
        break;
      case U'"':
        out += "&quot;";
        break;
      case U'\'':
        out += "&apos;";
        break;
      default:
        out += to_utf8(std::u32string(1, allowed ? point : U'\uFFFD'));
    }
  }
  return out;
}

// Data of a workflow command. source  actions/toolkit, packages/core/src/command.ts.
std::string command_data(const std::string& text, bool is_property) {
  std::string out;
  for (const char c : text) {
    if (c == '%') {
      out += "%25";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else if (is_property && c == ':') {
      out += "%3A";
    } else if (is_property && c == ',') {
      out += "%2C";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

bool is_share_metric(const std::string& metric) {
  return !metric.starts_with("latency") && metric != "cost" && metric != "prompt_tokens" &&
         metric != "completion_tokens";
}

std::string measured_text(const evals::GateResult& result) {
  if (!result.estimate) return "";
  std::string text = value_text(result, *result.estimate) + unit_text(result);
  if (result.low && result.high) {
    text +=
        " (" + value_text(result, *result.low) + " to " + value_text(result, *result.high) + ")";
  } else if (result.low) {
    text += " (at least " + value_text(result, *result.low) + ")";
  } else if (result.high) {
    text += " (at most " + value_text(result, *result.high) + ")";
  }
  return text;
}

Table gate_table(const evals::GateReport& report) {
  Table table;
  table.headers = {"Gate", "Verdict",
                   "Measured (" + format("%.4g", 100 * (1 - 2 * report.alpha)) + " % CI)", "Items",
                   "Why"};
  table.alignments = {Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft};
  for (const evals::GateResult& result : report.gates) {
    table.rows.push_back({result.gate.text(), evals::to_string(result.status),
                          measured_text(result), std::to_string(result.num_items), result.why});
  }
  return table;
}

namespace {

// Of ranked families: what passes, and what a failure is tested at.
std::string families_note(const evals::GateReport& report, const std::string& rate) {
  std::string order, shares;
  for (const evals::GateFamilyResult& one : report.families) {
    order += (order.empty() ? "" : ", then ") + one.family.name + " (" +
             evals::to_string(one.status) + ")";
    if (one.family.share > 0 && one.family.share < 1) {
      shares += (shares.empty() ? " Of that rate " : ", ") + one.family.name + " has " +
                format("%.4g", 100 * one.family.share) + " % from the beginning";
    }
  }
  if (!shares.empty()) shares += ".";
  return "Families in their order: " + order +
         ". One passes when all before it do; that any passes of which a claim is false has a "
         "chance of at most " +
         rate + " %. Any true claim is failed with one of at most " + rate +
         " % over all families: each is tested once all gates before it have failed." + shares;
}

}  // namespace

std::string gate_error_note(const evals::GateReport& report) {
  const std::string rate = format("%.4g", 100 * report.alpha);
  const bool has_no_worse =
      std::any_of(report.gates.begin(), report.gates.end(), [](const evals::GateResult& result) {
        return result.gate.kind == evals::GateKind::kNoWorse;
      });
  const std::string of_no_worse =
      has_no_worse ? " Of \"no worse than\", true is here: no worse at all." : "";
  if (!report.families.empty()) return families_note(report, rate) + of_no_worse;
  return "The policy passes with a chance of at most " + rate +
         " % while any claim is false, and fails any true claim with one of at most " + rate +
         " %" +
         (report.gates.size() == 1
              ? "."
              : " over all " + std::to_string(report.gates.size()) + " gates (Holm).") +
         of_no_worse;
}

OrderedJson to_json(const evals::GateReport& report) {
  OrderedJson gates = OrderedJson::array();
  for (const evals::GateResult& result : report.gates) {
    OrderedJson gate = {
        {"gate", result.gate.text()},
        {"target", result.gate.target.text()},
        {"kind", evals::to_string(result.gate.kind)},
        {"bound", result.gate.bound},
        {"against",
         result.gate.baseline.empty() ? OrderedJson() : OrderedJson(result.gate.baseline)},
        {"status", evals::to_string(result.status)},
        {"why", result.why},
        {"vacuous", result.vacuous},
        {"run", result.run_id.empty() ? OrderedJson() : OrderedJson(result.run_id)},
        {"baseline", result.baseline_id.empty() ? OrderedJson() : OrderedJson(result.baseline_id)},
        {"measured", measured_text(result)},
        {"estimate", optional(result.estimate)},
        {"low", optional(result.low)},
        {"high", optional(result.high)},
        {"interval", result.method},
        {"pass_p", result.pass_p},
        {"fail_p", result.fail_p},
        {"fail_p_adjusted", result.fail_p_adjusted},
        {"waits_for_family", result.waits_for_family},
        {"items", result.num_items},
        {"clusters", result.num_clusters},
        {"questions_needed", optional(result.questions_needed)},
        {"epochs_needed", optional(result.epochs_needed)}};
    if (result.flips) {
      gate["flips"] = {
          {"answer", result.flips->answer},         {"extraction", result.flips->extraction},
          {"truncation", result.flips->truncation}, {"refusal", result.flips->refusal},
          {"failure", result.flips->failure},       {"judge", result.flips->judge}};
    }
    gates.push_back(std::move(gate));
  }
  OrderedJson families = OrderedJson::array();
  for (const evals::GateFamilyResult& one : report.families) {
    families.push_back({{"name", one.family.name},
                        {"share", one.family.share},
                        {"status", evals::to_string(one.status)}});
  }
  return {{"status", evals::to_string(report.status)},
          {"headline", report.headline},
          {"alpha", report.alpha},
          {"correction", report.families.empty() ? "pass: all gates at alpha; fail: Holm"
                                                 : "pass: families in order at alpha; fail: "
                                                   "gatekeeping over families, Holm within"},
          {"families", std::move(families)},
          {"gates", std::move(gates)}};
}

std::string render_junit(const evals::GateReport& report) {
  std::int64_t failures = 0;
  std::int64_t errors = 0;
  std::string cases;
  for (const evals::GateResult& result : report.gates) {
    cases += "    <testcase classname=\"" + xml("peira.gate." + result.gate.target.suite) +
             "\" name=\"" + xml(result.gate.text()) + "\" time=\"0\"";
    const std::string text =
        xml(result.why + (result.estimate ? "; measured " + measured_text(result) : ""));
    if (result.status == evals::GateStatus::kPass) {
      cases += ">\n      <system-out>" + text + "</system-out>\n    </testcase>\n";
      continue;
    }
    const bool failed = result.status == evals::GateStatus::kFail;
    ++(failed ? failures : errors);
    const std::string tag = failed ? "failure" : "error";
    cases += ">\n      <" + tag + " message=\"" + xml(result.why) + "\" type=\"" +
             evals::to_string(result.status) + "\">" + text + "</" + tag + ">\n    </testcase>\n";
  }
  const std::string counts = "tests=\"" + std::to_string(report.gates.size()) + "\" failures=\"" +
                             std::to_string(failures) + "\" errors=\"" + std::to_string(errors) +
                             "\" time=\"0\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + counts +
         ">\n  <testsuite name=\"peira gate\" skipped=\"0\" " + counts + ">\n" + cases +
         "  </testsuite>\n</testsuites>\n";
}

std::string render_github(const evals::GateReport& report) {
  std::string out;
  for (const evals::GateResult& result : report.gates) {
    if (result.status == evals::GateStatus::kPass) continue;
    const bool failed = result.status == evals::GateStatus::kFail;
    out += std::string(failed ? "::error" : "::warning") +
           " title=" + command_data(printable("gate " + result.gate.text()), true) +
           "::" + command_data(printable(result.why), false) + "\n";
  }
  return out + "::notice title=peira gate::" + command_data(printable(report.headline), false) +
         "\n";
}

std::string render_gate_markdown(const evals::GateReport& report) {
  Table headline;
  headline.headers = {report.headline};
  // As a table's header, where it is made harmless like every cell.
  return "### peira gate: " + std::string(evals::to_string(report.status)) + "\n\n" +
         render_markdown(headline) + "\n" + render_markdown(gate_table(report)) + "\n" +
         gate_error_note(report) + "\n";
}

}  // namespace peira::reports
