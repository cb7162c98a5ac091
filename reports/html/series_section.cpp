#include "evals/series.h"

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
  return out + figure(series_chart(points_of(series), options)) +
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
      "nights lie while nothing changes (99.73 %); a ringed dot is worse.</p>\n";
  std::size_t number = 0;
  for (const evals::SeriesReport& series : report.series) out += series_html(series, ++number);
  return out + "</section>\n";
}

}  // namespace peira::reports::html
