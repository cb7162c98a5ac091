#include "reports/charts/interval_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "reports/charts/bound_chart.h"
#include "reports/charts/series_chart.h"

namespace peira::reports {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(IntervalChart, PlacesDotsAndWhiskersByShare) {
  const std::vector<ChartRow> rows{{.label = "direct",
                                    .value = 0.5,
                                    .low = 0.4,
                                    .high = 0.625,
                                    .value_text = "50.0 %",
                                    .group = "gpqa"}};
  ChartOptions options;
  options.id = "c";
  options.title = "Scores";
  const std::string svg = interval_chart(rows, options);
  EXPECT_THAT(svg, HasSubstr("cx=\"50.000%\""));
  EXPECT_THAT(svg, HasSubstr("x1=\"40.000%\""));
  EXPECT_THAT(svg, HasSubstr("x2=\"62.500%\""));
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-labelledby=\"c-t c-d\""));
  EXPECT_THAT(svg, HasSubstr("<desc id=\"c-d\">direct: 50.0 %. </desc>"));
  EXPECT_THAT(svg, HasSubstr(">100 %</text>"));
}

TEST(IntervalChart, EscapesLabels) {
  const std::vector<ChartRow> rows{
      {.label = "<script>\"&", .value = 0, .low = {}, .high = {}, .value_text = "", .group = ""}};
  const std::string svg = interval_chart(rows, {});
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&quot;&amp;"));
}

TEST(IntervalChart, KeepsValuesInsideTheAxis) {
  const std::vector<ChartRow> rows{
      {.label = "x", .value = 2, .low = -1, .high = 3, .value_text = "", .group = ""}};
  EXPECT_THAT(interval_chart(rows, {}), HasSubstr("cx=\"100.000%\""));
  ChartOptions empty;
  empty.axis_high = empty.axis_low;
  EXPECT_THROW(interval_chart(rows, empty), Error);
}

TEST(DifferenceAxis, IsSymmetricAndRound) {
  const std::vector<ChartRow> rows{
      {.label = "x", .value = 0.03, .low = -0.01, .high = 0.07, .value_text = "", .group = ""}};
  const ChartOptions options = difference_axis(rows);
  EXPECT_EQ(options.axis_high, 0.1);
  EXPECT_EQ(options.axis_low, -0.1);
  EXPECT_EQ(options.tick_step, 0.05);
  const std::vector<ChartRow> whole{
      {.label = "x", .value = 1, .low = 0.4, .high = 1, .value_text = "", .group = ""}};
  EXPECT_EQ(difference_axis(whole).axis_high, 1);
}

// By hand: values 0.6 to 0.75 reach 0.15; with a fifth of it on either side the axis goes from 0.57
// to 0.78, so that 0.6 lies at a seventh of its width.
TEST(BoundChart, ShadesWhatIsAllowed) {
  const std::string svg = bound_chart({.value = 0.7,
                                       .low = 0.65,
                                       .high = 0.75,
                                       .allowed_low = 0.6,
                                       .allowed_high = {},
                                       .as_share = true},
                                      "b", "Gate <1>");
  EXPECT_THAT(svg, HasSubstr("<rect class=\"allowed\" x=\"14.286%\" y=\"0\" width=\"85.714%\""));
  EXPECT_THAT(svg, HasSubstr("Gate &lt;1&gt;"));
  EXPECT_THAT(svg, HasSubstr("Measured 70 %, interval 65 % to 75 %. Allowed from 60 %.</desc>"));
}

TEST(BoundChart, TakesAnythingMeasured) {
  for (const double value : {0.0, 1.0, -1e300, 1e-300}) {
    const std::string svg = bound_chart(
        {.value = value, .low = {}, .high = INFINITY, .allowed_low = {}, .allowed_high = value},
        "b", "Gate");
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
  }
}

TEST(SeriesChart, DrawsALineWhereSomethingChanged) {
  const std::vector<SeriesPoint> points(5, SeriesPoint{.label = "n",
                                                       .value = 0.5,
                                                       .low = {},
                                                       .high = {},
                                                       .center = {},
                                                       .limit_low = {},
                                                       .limit_high = {}});
  SeriesChartOptions options;
  options.id = "s";
  options.events = {{.at = 2, .first = 1, .last = 3, .label = "level changed", .note = "A <step>"}};
  const std::string svg = series_chart(points, options);
  EXPECT_THAT(svg, HasSubstr("class=\"change\""));
  EXPECT_THAT(svg, HasSubstr(">level changed</text>"));
  EXPECT_THAT(svg, HasSubstr("A &lt;step&gt;"));
  options.events[0].last = 5;
  EXPECT_THROW(series_chart(points, options), Error);
}

TEST(FlipsBar, SharesItsWidth) {
  const std::string svg =
      flips_bar({.to_wrong = 10, .unchanged = 70, .to_right = 20}, "f", "Flips");
  EXPECT_THAT(svg, HasSubstr("x=\"10%\" y=\"0\" width=\"70%\""));
  EXPECT_THAT(svg, HasSubstr("x=\"80%\" y=\"0\" width=\"20%\""));
  EXPECT_THAT(svg, HasSubstr("<desc id=\"f-d\">10 to wrong. 70 unchanged. 20 to right. </desc>"));
  EXPECT_THAT(flips_bar({}, "f", "None"), Not(HasSubstr("<rect")));
}

}  // namespace
}  // namespace peira::reports
