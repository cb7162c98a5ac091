#include "reports/experiment_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peira::reports {
namespace {

using testing::HasSubstr;
using testing::Not;

ExperimentReport example() {
  abtest::MetricResult solved;
  solved.metric.name = "solved<b>";
  solved.metric.type = abtest::MetricType::kProportion;
  solved.comparison.metric = solved.metric.name;
  solved.comparison.variant = "new";
  solved.comparison.control = 0.5;
  solved.comparison.treated = 0.6;
  solved.comparison.estimate = 0.1;
  solved.comparison.fixed_interval = stats::Interval{.low = 0.02, .high = 0.18};
  ExperimentReport report;
  report.id = "prompt_v2";
  report.analysis.arms = {"control", "new"};
  report.analysis.num_units = {500, 510};
  report.analysis.reason = "ship new";
  report.analysis.results = {solved};
  report.days = {{.part = "2026-11-25", .comparison = solved.comparison, .adjusted_p = {}},
                 {.part = "2026-11-26", .comparison = solved.comparison, .adjusted_p = {}}};
  report.cumulative = report.days;
  return report;
}

TEST(ExperimentReport, SaysVerdictAssignmentAndEffects) {
  const std::string page = render_html(example());
  EXPECT_THAT(page, HasSubstr("<p class=\"headline\">ship new</p>"));
  EXPECT_THAT(page, HasSubstr("+10.00 points (+2.00 to +18.00)"));
  EXPECT_THAT(page, HasSubstr("510"));
  EXPECT_THAT(page, HasSubstr("sequential-1"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("solved<b>")));
}

}  // namespace
}  // namespace peira::reports
