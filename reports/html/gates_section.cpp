#include <cmath>

#include "reports/charts/bound_chart.h"
#include "reports/detail/text.h"
#include "reports/gate.h"
#include "reports/html/elements.h"
#include "reports/html/sections.h"

namespace peira::reports::html {
namespace {

using evals::GateKind;
using evals::GateResult;
using evals::GateStatus;

bool is_better_higher(const std::string& metric) {
  return metric == "accuracy" || metric.starts_with("pass@");
}

const char* card_class(GateStatus status) {
  return status == GateStatus::kPass ? "better" : status == GateStatus::kFail ? "worse" : "open";
}

std::string badge(GateStatus status) {
  const char* classes = status == GateStatus::kPass   ? "ok"
                        : status == GateStatus::kFail ? "bad"
                                                      : "info";
  return std::string("<span class=\"badge ") + classes + "\">" + evals::to_string(status) +
         "</span>";
}

BoundPicture picture_of(const GateResult& result) {
  BoundPicture picture;
  picture.value = *result.estimate;
  const auto finite = [](const std::optional<double>& value) {
    return value && std::isfinite(*value) ? value : std::nullopt;
  };
  picture.low = finite(result.low);
  picture.high = finite(result.high);
  switch (result.gate.kind) {
    case GateKind::kMin:
      picture.allowed_low = result.gate.bound;
      break;
    case GateKind::kMax:
      picture.allowed_high = result.gate.bound;
      break;
    case GateKind::kNoWorse:
      // Of what is better when it is less, a loss is a rise.
      if (is_better_higher(result.gate.target.metric)) {
        picture.allowed_low = -result.gate.bound;
      } else {
        picture.allowed_high = result.gate.bound;
      }
      break;
    case GateKind::kEquivalent:
      picture.allowed_low = -result.gate.bound;
      picture.allowed_high = result.gate.bound;
      break;
  }
  picture.as_share = is_share_metric(result.gate.target.metric);
  picture.as_difference =
      result.gate.kind == GateKind::kNoWorse || result.gate.kind == GateKind::kEquivalent;
  return picture;
}

std::string gate_html(const GateResult& result, const std::string& id) {
  std::string out = "<article class=\"gate\" aria-labelledby=\"" + id + "\"><h4 id=\"" + id +
                    "\">" + isolated(result.gate.text()) + " " + badge(result.status) + "</h4>\n";
  out += "<div class=\"pair\"><div>";
  const std::string measured = measured_text(result);
  if (!measured.empty()) {
    out += "<p><strong>" + isolated(measured) + "</strong> <span class=\"muted\">over " +
           std::to_string(result.num_items) + (result.num_items == 1 ? " item" : " items") +
           "</span></p>";
  }
  out += paragraph(result.why, "muted");
  out += "</div>";
  if (result.estimate && std::isfinite(*result.estimate)) {
    out += "<div class=\"figure\">" +
           bound_chart(picture_of(result), id + "-picture",
                       result.gate.text() + ": what was measured, and what is allowed") +
           "</div>";
  }
  return out + "</div></article>\n";
}

}  // namespace

std::string gates_section(const Report& report) {
  if (report.gates.empty()) return "";
  std::string out = "<section aria-labelledby=\"gates\"><h2 id=\"gates\">Gates</h2>\n";
  std::size_t number = 0;
  for (const GateSection& section : report.gates) {
    const std::string id = "policy-" + std::to_string(++number);
    if (!section.title.empty()) out += "<h3>" + isolated(section.title) + "</h3>\n";
    out += "<div class=\"card " + std::string(card_class(section.report.status)) +
           "\"><p class=\"verdict\">" + isolated(section.report.headline) + "</p>\n";
    out += paragraph("Shaded is what a gate allows; the whisker is the " +
                         detail::format_number("%.4g", 100 * (1 - 2 * section.report.alpha)) +
                         " % confidence interval. Tests decide, not the picture. " +
                         gate_error_note(section.report),
                     "muted small");
    std::size_t gate = 0;
    for (const GateResult& result : section.report.gates) {
      out += gate_html(result, id + "-gate-" + std::to_string(++gate));
    }
    out += details("All gates as a table",
                   table(gate_table(section.report), "All gates of this policy"));
    out += "</div>\n";
  }
  return out + "</section>\n";
}

}  // namespace peira::reports::html
