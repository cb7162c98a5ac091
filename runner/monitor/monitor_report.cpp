#include "runner/monitor/monitor_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner {
namespace {

using reports::Align;

std::string seconds_text(double seconds) {
  char text[32];
  if (seconds < 0.9995) {
    std::snprintf(text, sizeof text, seconds < 0.00995 ? "%.1f ms" : "%.0f ms", 1000 * seconds);
  } else {
    std::snprintf(text, sizeof text, seconds < 99.95 ? "%.2f s" : "%.0f s", seconds);
  }
  return text;
}

std::string rate_text(const std::optional<double>& rate) {
  if (!rate) return "-";
  char text[32];
  std::snprintf(text, sizeof text, *rate < 10 ? "%.2f" : *rate < 100 ? "%.1f" : "%.0f", *rate);
  return text;
}

std::string percent_text(double share) {
  // No share that is not quite everything is shown as all of it.
  const double shown = share < 1 && share > 0.9995 ? 99.9 : 100 * share;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", shown);
  return text;
}

std::string number_text(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string share_with_interval(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "-";
  const stats::Interval interval =
      stats::wilson_interval(static_cast<double>(part), static_cast<double>(whole));
  return percent_text(static_cast<double>(part) / static_cast<double>(whole)) + " (" +
         number_text(100 * interval.low, 1) + " to " + number_text(100 * interval.high, 1) + ")";
}

std::string length_of(const WindowSummary& window) {
  return duration_text(window.to_ms - window.from_ms);
}

std::string plural(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// "02:15:04" of the day at the window's end, else with its date.
std::string moment(std::int64_t ms, std::int64_t to_ms) {
  const std::string text = utc_text_of(ms), end = utc_text_of(to_ms);
  return text.substr(0, 10) == end.substr(0, 10) ? text.substr(11, 8)
                                                 : text.substr(0, 10) + " " + text.substr(11, 5);
}

ReportSection windows_section(const MonitorReport& report) {
  ReportSection section{
      .heading = "",
      .table = {.headers = {"Window", "Requests", "Answered (95 % CI)", "Server errors", "p50",
                            "p95", "p99", "First token p95", "Requests/s", "Tokens/s in", "out"},
                .rows = {},
                .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                               Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                               Align::kRight, Align::kRight, Align::kRight}},
      .note = ""};
  bool is_partly = false;
  for (const WindowSummary& window : report.rolling) {
    const auto latency = [](const LatencySummary& summary, double value) {
      return summary.count == 0 ? std::string("-") : seconds_text(value);
    };
    const auto error_rate = window.error_rate();
    section.table.rows.push_back(
        {length_of(window), std::to_string(window.num_requests()),
         share_with_interval(window.count(RequestOutcome::kOk), window.num_requests()),
         error_rate ? percent_text(*error_rate) : "-", latency(window.total, window.total.p50),
         latency(window.total, window.total.p95), latency(window.total, window.total.p99),
         latency(window.first_token, window.first_token.p95),
         rate_text(window.rate(window.num_requests())),
         rate_text(window.rate(window.prompt_tokens)),
         rate_text(window.rate(window.completion_tokens))});
    is_partly = is_partly || window.recorded_s * 1000 <
                                 0.99 * static_cast<double>(window.to_ms - window.from_ms);
  }
  if (is_partly) {
    section.note = "Rates are over the time in which requests were recorded: " +
                   duration_text(std::llround(report.window.recorded_s * 1000)) + " of the last " +
                   length_of(report.window) + ".";
  }
  return section;
}

ReportSection latency_section(const WindowSummary& window) {
  ReportSection section{
      .heading = "Latency of answered requests",
      .table = {.headers = {"", "Count", "Mean", "p50", "p90", "p95", "p99", "Longest"},
                .rows = {},
                .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                               Align::kRight, Align::kRight, Align::kRight, Align::kRight}},
      .note = ""};
  const auto add = [&](const std::string& name, const LatencySummary& of) {
    if (of.count == 0) return;
    section.table.rows.push_back({name, std::to_string(of.count), seconds_text(of.mean),
                                  seconds_text(of.p50), seconds_text(of.p90), seconds_text(of.p95),
                                  seconds_text(of.p99), seconds_text(of.max)});
  };
  add("Whole answer", window.total);
  add("First token", window.first_token);
  add("Queue", window.queue);
  if (const LatencySummary& rate = window.generation_rate; rate.count > 0) {
    section.note = "After its first token, half of the answers came at " +
                   number_text(rate.p50, 1) + " tokens a second or more.";
  }
  return section;
}

ReportSection outcomes_section(const WindowSummary& window) {
  ReportSection section{.heading = "Outcomes",
                        .table = {.headers = {"Outcome", "Requests", "Share"},
                                  .rows = {},
                                  .alignments = {Align::kLeft, Align::kRight, Align::kRight}},
                        .note = ""};
  static const std::array<const char*, kNumRequestOutcomes> kNames{
      "answered", "client error", "rejected (429, 503)", "timed out", "client went away", "failed"};
  for (int i = 0; i < kNumRequestOutcomes; ++i) {
    const std::int64_t count = window.count(static_cast<RequestOutcome>(i));
    if (count == 0) continue;
    section.table.rows.push_back(
        {kNames[static_cast<std::size_t>(i)], std::to_string(count),
         percent_text(static_cast<double>(count) / static_cast<double>(window.num_requests()))});
  }
  return section;
}

ReportSection modalities_section(const WindowSummary& window) {
  ReportSection section{
      .heading = "Modalities",
      .table = {.headers = {"Content", "Requests", "Share", "Prompt tokens", "Generated"},
                .rows = {},
                .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                               Align::kRight}},
      .note = ""};
  for (const auto& [name, share] : window.modalities) {
    section.table.rows.push_back({name, std::to_string(share.requests),
                                  percent_text(static_cast<double>(share.requests) /
                                               static_cast<double>(window.num_requests())),
                                  std::to_string(share.prompt_tokens),
                                  std::to_string(share.completion_tokens)});
  }
  if (window.cached_tokens > 0) {
    section.note = std::to_string(window.cached_tokens) + " of " +
                   std::to_string(window.prompt_tokens) +
                   " prompt tokens were found in the prefix cache.";
  }
  return section;
}

ReportSection errors_section(const WindowSummary& window) {
  ReportSection section{.heading = "Errors",
                        .table = {.headers = {"Outcome", "Class", "Count", "First seen",
                                              "Last seen", "Last requests"},
                                  .rows = {},
                                  .alignments = {Align::kLeft, Align::kLeft, Align::kRight}},
                        .note = ""};
  constexpr std::size_t kMostRows = 20;
  for (const ErrorGroup& group : window.errors) {
    if (section.table.rows.size() == kMostRows) {
      section.note = std::to_string(window.errors.size() - kMostRows) + " more kinds: --json";
      break;
    }
    std::string examples;
    for (const std::string& id : group.examples) examples += (examples.empty() ? "" : " ") + id;
    std::string outcome(to_string(group.outcome));
    std::replace(outcome.begin(), outcome.end(), '_', ' ');
    section.table.rows.push_back({outcome, group.error_class, std::to_string(group.count),
                                  moment(group.first_ms, window.to_ms),
                                  moment(group.last_ms, window.to_ms), examples});
  }
  return section;
}

ReportSection quality_section(const MonitorReport& report) {
  ReportSection section{
      .heading = "Quality: runs that finished in the window",
      .table = {.headers = {"Finished", "Suite", "Prompt", "Model", "Score (95 % CI)",
                            "Against the runs before (95 % CI)", "Run"},
                .rows = {},
                .alignments = {Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft,
                               Align::kRight, Align::kRight, Align::kLeft}},
      .note = ""};
  for (const QualityPoint& point : report.quality) {
    std::string score = percent_text(point.score.value);
    if (point.score.low && point.score.high) {
      score += " (" + number_text(100 * *point.score.low, 1) + " to " +
               number_text(100 * *point.score.high, 1) + ")";
    }
    std::string change = "-";
    if (point.change) {
      const auto points = [](double difference) {
        char text[32];
        std::snprintf(text, sizeof text, "%+.1f", 100 * difference);
        return std::string(text);
      };
      change = points(point.change->difference);
      if (point.change->low && point.change->high) {
        change += " (" + points(*point.change->low) + " to " + points(*point.change->high) + ")";
      }
      change += " points, " + plural(point.change->num_runs, "run");
    }
    std::string finished = point.finished_at.substr(0, 16);
    std::replace(finished.begin(), finished.end(), 'T', ' ');
    section.table.rows.push_back(
        {finished, point.suite, point.variant, point.model, score, change, point.run_id});
  }
  return section;
}

ReportSection alerts_section(const MonitorReport& report) {
  ReportSection section{
      .heading = "Alerts",
      .table = {.headers = {"When", "", "Rule", "What"}, .rows = {}, .alignments = {}},
      .note = ""};
  for (const AlertEvent& alert : report.alerts) {
    section.table.rows.push_back({moment(alert.at_ms, report.window.to_ms),
                                  alert.has_fired ? "fired" : "resolved", alert.rule, alert.text});
  }
  return section;
}

std::vector<QualityPoint> quality_points(const Store& store, std::int64_t from_ms,
                                         std::int64_t to_ms, const std::string& model) {
  constexpr int kHistory = 8;
  std::vector<QualityPoint> points;
  for (QualitySeries& series : quality_series(store, "", model, to_ms)) {
    while (!series.runs.empty() && finished_ms(series.runs.back()) > from_ms) {
      const RunInfo& newest = series.runs.back();
      const evals::RunRecord record = summarize(store, newest.id);
      if (!record.metrics.empty()) {
        points.push_back({newest.id, series.suite, series.variant, series.model, newest.finished_at,
                          record.metrics.front(), newest_change(store, series, kHistory, 0.95)});
      }
      series.runs.pop_back();
    }
  }
  std::stable_sort(points.begin(), points.end(), [](const QualityPoint& a, const QualityPoint& b) {
    return std::pair(a.finished_at, a.run_id) < std::pair(b.finished_at, b.run_id);
  });
  return points;
}

}  // namespace

MonitorReport make_monitor_report(const std::filesystem::path& path, std::int64_t to_ms,
                                  const std::vector<std::int64_t>& windows_ms,
                                  const RequestFilter& filter) {
  MonitorReport report;
  report.filter = filter;
  const Store runs(path, Store::Access::kReadOnly);
  const std::int64_t from_ms = to_ms - windows_ms.front();
  report.quality = quality_points(runs, from_ms, to_ms, filter.model);
  const MonitorStore store(path, MonitorStore::Access::kReadOnly);
  report.rolling = summarize_windows(store, to_ms, windows_ms, filter);
  report.window = report.rolling.front();
  std::stable_sort(report.rolling.begin(), report.rolling.end(),
                   [](const WindowSummary& a, const WindowSummary& b) {
                     return a.from_ms > b.from_ms;  // the shortest first
                   });
  report.alerts = store.alerts(from_ms, to_ms);
  return report;
}

std::string monitor_sentence(const MonitorReport& report) {
  const WindowSummary& window = report.window;
  std::string out = plural(window.num_requests(), "request") + " in " + length_of(window);
  if (window.num_requests() > 0) {
    out += ", " + percent_text(*window.success_rate()) + " answered";
    if (window.total.count > 0) out += ", 95 % of them within " + seconds_text(window.total.p95);
  }
  const auto fired = std::count_if(report.alerts.begin(), report.alerts.end(),
                                   [](const AlertEvent& alert) { return alert.has_fired; });
  if (fired > 0) out += "; " + plural(fired, "alert") + " fired";
  out += ".";
  if (window.num_dropped > 0) {
    out += " " + plural(window.num_dropped, "more request") +
           " could not be recorded: the monitor's queue was full.";
  }
  if (window.num_crashed > 0) {
    out += " " + plural(window.num_crashed, "recorder") + " ended without a farewell (killed?).";
  }
  return out;
}

std::vector<ReportSection> monitor_sections(const MonitorReport& report) {
  std::vector<ReportSection> sections{windows_section(report)};
  const WindowSummary& window = report.window;
  if (window.num_requests() > 0) {
    if (window.total.count > 0) sections.push_back(latency_section(window));
    sections.push_back(outcomes_section(window));
    sections.push_back(modalities_section(window));
    if (window.models.size() > 1) {
      ReportSection models{.heading = "Models",
                           .table = {.headers = {"Model", "Requests"},
                                     .rows = {},
                                     .alignments = {Align::kLeft, Align::kRight}},
                           .note = ""};
      bool is_asked = false, is_served = false;
      for (const auto& [name, count] : window.models) {
        models.table.rows.push_back({name, std::to_string(count)});
        (name.ends_with(" (asked)") ? is_asked : is_served) = true;
      }
      if (is_asked && is_served) {
        models.note =
            "Answered here and asked by peira run: what is both is counted at either end. --source "
            "serve and --source run tell them apart.";
      }
      sections.push_back(std::move(models));
    }
    if (!window.errors.empty()) sections.push_back(errors_section(window));
  }
  if (!report.quality.empty()) sections.push_back(quality_section(report));
  if (!report.alerts.empty()) sections.push_back(alerts_section(report));
  return sections;
}

OrderedJson to_json(const MonitorReport& report) {
  const auto or_null = [](const std::optional<double>& value) {
    return value ? OrderedJson(*value) : OrderedJson(nullptr);
  };
  OrderedJson out = to_json(report.window);
  OrderedJson filter = OrderedJson::object();
  if (!report.filter.model.empty()) filter["model"] = report.filter.model;
  if (!report.filter.source.empty()) filter["source"] = report.filter.source;
  if (!report.filter.route.empty()) filter["route"] = report.filter.route;
  out["filter"] = std::move(filter);
  OrderedJson quality = OrderedJson::array();
  for (const QualityPoint& point : report.quality) {
    OrderedJson entry{{"run_id", point.run_id},
                      {"finished_at", point.finished_at},
                      {"suite", point.suite},
                      {"prompt", point.variant},
                      {"model", point.model},
                      {"metric", point.score.name},
                      {"score", point.score.value},
                      {"low", or_null(point.score.low)},
                      {"high", or_null(point.score.high)},
                      {"change", nullptr}};
    if (const auto& change = point.change) {
      entry["change"] = {{"difference", change->difference},
                         {"low", or_null(change->low)},
                         {"high", or_null(change->high)},
                         {"questions", change->num_questions},
                         {"runs_before", change->num_runs}};
    }
    quality.push_back(std::move(entry));
  }
  out["quality"] = std::move(quality);
  OrderedJson alerts = OrderedJson::array();
  for (const AlertEvent& alert : report.alerts) {
    alerts.push_back({{"at", utc_text_of(alert.at_ms)},
                      {"event", alert.has_fired ? "fired" : "resolved"},
                      {"rule", alert.rule},
                      {"metric", alert.metric},
                      {"filter", alert.filter},
                      {"text", alert.text}});
  }
  out["alerts"] = std::move(alerts);
  OrderedJson rolling = OrderedJson::array();
  for (const WindowSummary& window : report.rolling) rolling.push_back(to_json(window));
  out["windows"] = std::move(rolling);
  return out;
}

}  // namespace peira::runner
