#include "evals/series.h"

#include <algorithm>
#include <cmath>

#include "reports/charts/series_chart.h"
#include "reports/detail/text.h"
#include "reports/details_tables.h"
#include "reports/html/elements.h"
#include "reports/html/sections.h"

namespace peira::reports::html {
namespace {

using evals::SeriesVerdict;

std::vector<SeriesPoint> points_of(const evals::SeriesReport& series) {
  std::vector<SeriesPoint> points;
  for (const evals::NightJudgement& night : series.nights) {
    const bool is_worse =
        night.verdict == SeriesVerdict::kDropped || night.verdict == SeriesVerdict::kDrifted;
    SeriesPoint point;
    point.label = night.night;
    if (night.num_questions > 0) point.value = night.estimate;
    point.low = night.low;
    point.high = night.high;
    point.center = night.center;
    point.limit_low = night.limit_low;
    point.limit_high = night.limit_high;
    point.mark = is_worse                                    ? SeriesPoint::Mark::kAlarm
                 : night.verdict == SeriesVerdict::kImproved ? SeriesPoint::Mark::kBetter
                 : night.counted                             ? SeriesPoint::Mark::kPlain
                                                             : SeriesPoint::Mark::kFaint;
    point.note = std::string(to_string(night.verdict));
    points.push_back(std::move(point));
  }
  return points;
}

// What a lasting change was last said to be, before it was over or tonight.
std::vector<SeriesEvent> events_of(const evals::SeriesReport& series) {
  const auto index_of = [&](const std::string& night) {
    std::size_t index = 0;
    while (index + 1 < series.nights.size() && series.nights[index].night < night) ++index;
    return index;
  };
  std::vector<SeriesEvent> events;
  for (std::size_t i = 0; i < series.nights.size(); ++i) {
    const evals::NightJudgement& night = series.nights[i];
    if (night.begins && i > 0 && !night.accepted_from.empty()) {
      events.push_back({.at = i,
                        .first = i,
                        .last = i,
                        .label = "accepted",
                        .note = night.night + ": this level was accepted as the new reference"});
    }
    const bool goes_on = i + 1 < series.nights.size() && series.nights[i + 1].change;
    if (!night.change || goes_on) continue;
    const evals::LevelChange& change = *night.change;
    SeriesEvent event;
    event.at = index_of(change.night);
    event.first = std::min(index_of(change.earliest), event.at);
    event.last = std::max(index_of(change.latest), event.at);
    event.label = change.gradual ? "slope begins" : "level changed";
    event.note = (change.gradual ? "A slope from " : "A step on ") + change.night + " (between " +
                 change.earliest + " and " + change.latest + "), " +
                 detail::format_number("%+.1f", 100 * change.size) + " points (95 % CI " +
                 detail::format_number("%+.1f", 100 * change.low) + " to " +
                 detail::format_number("%+.1f", 100 * change.high) + ")";
    events.push_back(std::move(event));
  }
  return events;
}

// The alarms of a series with what was said then, the newest first; "" without any.
std::string alarms_html(const evals::SeriesReport& series) {
  constexpr std::size_t kMost = 10;
  std::string list;
  std::size_t count = 0;
  for (std::size_t i = series.nights.size(); i-- > 0;) {
    const evals::NightJudgement& night = series.nights[i];
    const bool is_alarm =
        night.verdict == SeriesVerdict::kDropped ||
        // A drift is told each night while it lasts: here on the night it was noticed.
        (night.verdict == SeriesVerdict::kDrifted &&
         (night.alarm_night.empty() || night.alarm_night == night.night));
    if (!is_alarm) continue;
    if (++count <= kMost) {
      list += "<li><strong>" + detail::escape_html(night.night) +
              "</strong>: " + detail::escape_html(night.sentence) + "</li>";
    }
  }
  if (count == 0) return "";
  std::string out = "<p>Alarms, the newest first";
  if (count > kMost) out += ", " + std::to_string(kMost) + " of " + std::to_string(count);
  return out + ":</p><ul>" + list + "</ul>\n";
}

std::string series_html(const evals::SeriesReport& series, std::size_t number) {
  if (series.nights.empty()) return "";
  const std::string id = "series-" + std::to_string(number);
  const std::string name =
      series.suite + ", " + series.variant + ", " + series.model + ": " + series.metric;
  std::string out = "<article aria-labelledby=\"" + id + "\"><h3 id=\"" + id + "\">" +
                    isolated(name) + "</h3>\n" + paragraph(series.nights.back().sentence);
  SeriesChartOptions options;
  options.id = id + "-chart";
  options.title = name + ", night by night, with control limits";
  options.as_share = true;
  options.events = events_of(series);
  return out + figure(series_chart(points_of(series), options)) + alarms_html(series) +
         details("Night by night (" + std::to_string(series.nights.size()) + ")",
                 table(series_table(series), "Nights, the newest first")) +
         "</article>\n";
}

}  // namespace

std::string series_section(const Report& report) {
  if (report.series.empty()) return "";
  std::string out =
      "<section aria-labelledby=\"trend\"><h2 id=\"trend\">Night after night</h2>\n"
      "<p class=\"muted\">Dots are nights with their 95 % intervals; the shaded band is where "
      "nights lie while nothing changes (99.73 %); a ringed dot is worse, a vertical line is where "
      "a lasting change is placed, and the "
      "shade around it how sure that place is (95 %).</p>\n";
  std::size_t number = 0;
  for (const evals::SeriesReport& series : report.series) out += series_html(series, ++number);
  return out + "</section>\n";
}

}  // namespace peira::reports::html
