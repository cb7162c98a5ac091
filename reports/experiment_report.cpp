#include "reports/experiment_report.h"

#include <cmath>
#include <optional>
#include <utility>

#include "reports/charts/interval_chart.h"
#include "reports/charts/series_chart.h"
#include "reports/detail/text.h"
#include "reports/experiment.h"
#include "reports/html/elements.h"
#include "reports/html/page.h"
#include "reports/terminal_table.h"

namespace peira::reports {
namespace {

using abtest::Analysis;
using abtest::BreakdownRow;
using abtest::Comparison;
using abtest::MetricResult;
using detail::escape_html;
using detail::format_number;

bool is_share(const Analysis& analysis, const std::string& metric) {
  for (const MetricResult& result : analysis.results) {
    if (result.metric.name == metric) {
      return result.metric.type == abtest::MetricType::kProportion;
    }
  }
  return false;
}

// What an effect is drawn in: a share's own points, else shares of the control's value; empty where
// that is zero.
std::optional<double> drawing_scale(const MetricResult& result) {
  if (result.metric.type == abtest::MetricType::kProportion) return 1;
  const std::optional<double>& control = result.comparison.control;
  if (!control || !(std::abs(*control) > 0)) return std::nullopt;
  return 1 / std::abs(*control);
}

std::string forest(const Analysis& analysis, bool of_shares) {
  std::vector<ChartRow> rows;
  for (const MetricResult& result : analysis.results) {
    const Comparison& c = result.comparison;
    const std::optional<double> scale = drawing_scale(result);
    if (is_share(analysis, c.metric) != of_shares || !c.estimate || !scale) continue;
    const auto interval = c.deciding_interval(analysis.monitoring);
    ChartRow row{.label = c.metric + ", " + c.variant,
                 .value = *scale * *c.estimate,
                 .low = {},
                 .high = {},
                 .value_text = format_number("%+.2f", 100 * *scale * *c.estimate) +
                               (of_shares ? " points" : " %"),
                 .group = abtest::to_string(result.metric.role)};
    if (interval && std::isfinite(interval->low) && std::isfinite(interval->high)) {
      row.low = *scale * interval->low;
      row.high = *scale * interval->high;
      row.value_text += " (" + format_number("%+.2f", 100 * *row.low) + " to " +
                        format_number("%+.2f", 100 * *row.high) + ")";
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return "";
  ChartOptions options = difference_axis(rows);
  options.id = of_shares ? "effects-points" : "effects-relative";
  options.title =
      of_shares ? "Effects on shares, in points" : "Effects, in per cent of the control";
  return "<h3>" + escape_html(options.title) + "</h3>\n" +
         html::figure(interval_chart(rows, options));
}

// Rows of one metric and variant, in the order of time.
std::vector<std::pair<std::string, std::vector<const BreakdownRow*>>> by_series(
    const std::vector<BreakdownRow>& rows) {
  std::vector<std::pair<std::string, std::vector<const BreakdownRow*>>> series;
  for (const BreakdownRow& row : rows) {
    const std::string name = row.comparison.metric + ", " + row.comparison.variant;
    std::size_t i = 0;
    while (i < series.size() && series[i].first != name) ++i;
    if (i == series.size()) series.push_back({name, {}});
    series[i].second.push_back(&row);
  }
  return series;
}

std::string time_charts(const Analysis& analysis, const std::vector<BreakdownRow>& rows,
                        bool is_sequential) {
  std::string out;
  std::size_t number = 0;
  for (const auto& [name, days] : by_series(rows)) {
    std::vector<SeriesPoint> points;
    for (const BreakdownRow* day : days) {
      const Comparison& c = day->comparison;
      const auto interval =
          is_sequential ? c.deciding_interval(analysis.monitoring) : c.fixed_interval;
      SeriesPoint point;
      point.label = day->part;
      point.value = c.estimate;
      if (interval && std::isfinite(interval->low) && std::isfinite(interval->high)) {
        point.low = interval->low;
        point.high = interval->high;
      }
      points.push_back(std::move(point));
    }
    SeriesChartOptions options;
    options.id = (is_sequential ? "sequential-" : "day-") + std::to_string(++number);
    options.title = name + (is_sequential ? ", effect so far" : ", effect of each day");
    options.as_share = is_share(analysis, days.front()->comparison.metric);
    options.as_difference = true;
    options.interval_is_band = is_sequential;
    out += "<h3>" + html::isolated(name) + (options.as_share ? ", in points" : "") + "</h3>\n" +
           html::figure(series_chart(points, options));
  }
  return out;
}

Table breakdown_rows_table(const Analysis& analysis, const std::vector<BreakdownRow>& rows,
                           const std::string& part, bool is_sequential) {
  Table table{.headers = {part, "Metric", "Variant", "Units", "Change", "CI", "p", "Adjusted"},
              .rows = {},
              .alignments = {Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight,
                             Align::kRight, Align::kRight, Align::kRight}};
  for (const BreakdownRow& row : rows) {
    const Comparison& c = row.comparison;
    const auto interval =
        is_sequential ? c.deciding_interval(analysis.monitoring) : c.fixed_interval;
    std::string p = "-";
    if (!c.problem && is_sequential) {
      const std::optional<double> deciding = c.deciding_p(analysis.monitoring);
      if (deciding) p = format_number("%.4f", *deciding);
    } else if (!c.problem && c.fixed_p) {
      p = format_number("%.4f", c.fixed_p->value);
    }
    table.rows.push_back({row.part, c.metric, c.variant,
                          std::to_string(c.num_control + c.num_variant),
                          c.estimate ? format_number("%+.4g", *c.estimate) : "-",
                          interval ? format_number("%+.4g", interval->low) + " to " +
                                         format_number("%+.4g", interval->high)
                                   : "-",
                          p, row.adjusted_p ? format_number("%.4f", *row.adjusted_p) : "-"});
  }
  return table;
}

OrderedJson breakdown_json(const std::vector<abtest::BreakdownRow>& rows, const char* part,
                           abtest::Monitoring monitoring) {
  OrderedJson out = OrderedJson::array();
  for (const abtest::BreakdownRow& row : rows) {
    const abtest::Comparison& c = row.comparison;
    const auto interval = c.deciding_interval(monitoring);
    const auto number = [](const std::optional<double>& value) {
      return value ? OrderedJson(*value) : OrderedJson();
    };
    out.push_back(
        {{part, row.part},
         {"metric", c.metric},
         {"variant", c.variant},
         {"n_control", c.num_control},
         {"n_variant", c.num_variant},
         {"estimate", number(c.estimate)},
         {"std_error", number(c.std_error)},
         {"ci", interval ? OrderedJson::array({interval->low, interval->high}) : OrderedJson()},
         {"p", c.problem ? OrderedJson() : number(c.deciding_p(monitoring))},
         {"adjusted_p", number(row.adjusted_p)},
         {"problem", c.problem ? OrderedJson(*c.problem) : OrderedJson()}});
  }
  return out;
}

std::string made_by(const ExperimentReport& report) {
  std::string text = "Experiment " + report.id;
  if (!report.version.empty()) text += ". Made by Peira " + report.version;
  if (!report.generated_at.empty()) text += ", " + report.generated_at;
  return text + ".";
}

std::string section(const std::string& id, const std::string& title, const std::string& body) {
  if (body.empty()) return "";
  return "<section aria-labelledby=\"" + id + "\"><h2 id=\"" + id + "\">" + escape_html(title) +
         "</h2>\n" + body + "</section>\n";
}

}  // namespace

OrderedJson to_json(const ExperimentReport& report) {
  OrderedJson out = experiment_json(report.analysis);
  out["experiment"] = report.id;
  const abtest::Monitoring monitoring = report.analysis.monitoring;
  if (!report.segment.empty()) {
    out["segments"] = breakdown_json(report.segments, "segment", monitoring);
  }
  if (!report.days.empty() || !report.cumulative.empty()) {
    out["days"] = breakdown_json(report.days, "day", monitoring);
    out["cumulative"] = breakdown_json(report.cumulative, "day", monitoring);
  }
  return out;
}

std::string render_html(const ExperimentReport& report) {
  const Analysis& analysis = report.analysis;
  std::string out = html::page_begin(report.id, false) + "<header><h1>" + escape_html(report.id) +
                    "</h1>\n" + html::paragraph(analysis.reason, "headline") +
                    html::paragraph(made_by(report), "muted");
  for (const std::string& warning : analysis.warnings) {
    out += "<div class=\"notice\" role=\"note\"><strong>Warning</strong>" + escape_html(warning) +
           "</div>\n";
  }
  out += "</header>\n<main id=\"main\">\n";
  std::string verdicts;
  for (const abtest::VariantDecision& variant : analysis.variants) {
    verdicts += "<li><strong>" + html::isolated(variant.variant) + ": " +
                escape_html(abtest::to_string(variant.decision)) + "</strong>, " +
                escape_html(variant.reason) + "</li>\n";
  }
  if (!verdicts.empty()) verdicts = "<ul>" + verdicts + "</ul>\n";
  out += section("verdict", "Verdict", verdicts);
  out += section("assignment", "Assignment",
                 html::table(arms_table(analysis), "Exposed units of each variant") +
                     html::paragraph(ratio_sentence(analysis)));
  out +=
      section("effects", "Effects",
              html::table(effects_table(analysis), "Each metric and variant against the control") +
                  forest(analysis, true) + forest(analysis, false) +
                  html::paragraph(reading_note(analysis), "muted"));
  if (!report.cumulative.empty()) {
    out += section(
        "sequential", "As it came about",
        "<p class=\"muted\">The effect over all units up to and with each day; the band is the "
        "interval that the plan reads by" +
            std::string(analysis.monitoring == abtest::Monitoring::kAnytime
                            ? ", a confidence sequence: it holds at every look at once."
                            : ", which holds at its planned looks, not at every day.") +
            "</p>\n" + time_charts(analysis, report.cumulative, true) +
            html::details(
                "Day by day, so far",
                html::table(breakdown_rows_table(analysis, report.cumulative, "Day", true),
                            "Effects up to and with each day")));
  }
  if (!report.days.empty()) {
    out += section(
        "days", "Day by day",
        "<p class=\"muted\">Units by their day of exposure, each day alone, with intervals of one "
        "look: a trend here hints at novelty or learning.</p>\n" +
            time_charts(analysis, report.days, false) +
            html::details("In numbers",
                          html::table(breakdown_rows_table(analysis, report.days, "Day", false),
                                      "Effects of each day")));
  }
  if (!report.segments.empty()) {
    out +=
        section("segments", "By " + report.segment,
                html::table(breakdown_rows_table(analysis, report.segments, report.segment, true),
                            "Adjusted: false discovery rate over these rows"));
  }
  std::string commands;
  for (const std::string& command : report.commands) commands += escape_html(command) + "\n";
  if (!commands.empty()) commands = "<pre tabindex=\"0\">" + commands + "</pre>\n";
  out += section("made", "How this report was made", commands);
  return out + "</main>\n" +
         html::page_end("This page is self-contained: it loads nothing and runs nothing.");
}

std::string render_markdown(const ExperimentReport& report) {
  const Analysis& analysis = report.analysis;
  const auto heading = [](const std::string& text) {
    return "## " + detail::escape_markdown(text) + "\n\n";
  };
  std::string out = "# " + detail::escape_markdown(report.id) + "\n\n**" +
                    detail::escape_markdown(analysis.reason) + "**\n\n" +
                    detail::escape_markdown(made_by(report)) + "\n\n";
  for (const std::string& warning : analysis.warnings) {
    out += "> Warning: " + detail::escape_markdown(warning) + "\n\n";
  }
  for (const abtest::VariantDecision& variant : analysis.variants) {
    out += "- " + detail::escape_markdown(variant.variant) + ": " +
           abtest::to_string(variant.decision) + ", " + detail::escape_markdown(variant.reason) +
           "\n";
  }
  out += "\n" + heading("Assignment") + render_markdown(arms_table(analysis)) + "\n" +
         detail::escape_markdown(ratio_sentence(analysis)) + "\n\n" + heading("Effects") +
         render_markdown(effects_table(analysis)) + "\n" +
         detail::escape_markdown(reading_note(analysis)) + "\n\n";
  const auto add = [&](const std::string& title, const std::vector<BreakdownRow>& rows,
                       const std::string& part, bool is_sequential) {
    if (rows.empty()) return;
    out += heading(title) +
           render_markdown(breakdown_rows_table(analysis, rows, part, is_sequential)) + "\n";
  };
  add("Up to and with each day", report.cumulative, "Day", true);
  add("Day by day", report.days, "Day", false);
  add("By " + report.segment, report.segments, report.segment, true);
  if (!report.commands.empty()) {
    out += heading("How this report was made");
    for (const std::string& command : report.commands) {
      out += detail::markdown_code(command) + "\n\n";
    }
  }
  return out;
}

}  // namespace peira::reports
