#include "reports/charts/interval_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

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
