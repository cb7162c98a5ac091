#include "abtest/outcome_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace peira::abtest {
namespace {

using testing::HasSubstr;

std::vector<ArmInput> arms() { return {{.key = "control"}, {.key = "new"}}; }

std::vector<Metric> metrics() {
  return {{.name = "solved", .type = MetricType::kProportion},
          {.name = "quality", .type = MetricType::kMean},
          {.name = "tokens", .type = MetricType::kRatio}};
}

constexpr std::string_view kTable =
    "unit,variant,solved,quality,quality:covariate,tokens,tokens:denominator,note\n"
    "u1,control,1,0.5,0.4,100,2,x\n"
    "u1,control,0,0.7,,50,1,\"a \"\"b\"\", c\"\n"
    "u2,new,0,0.1,0.2,30,3,\n"
    "u3,control,,0.9,,,,\n"
    "u4,control,1,1,1,1,1,\n"
    "u4,new,1,1,1,1,1,\n"
    "u5,new,1,0.3,0.1,10,5,\r\n";

AnalysisInput read(std::string_view text, std::size_t piece) {
  OutcomeTable table(arms(), metrics(), "t.csv");
  for (std::size_t at = 0; at < text.size(); at += piece) table.add(text.substr(at, piece));
  return table.finish();
}

std::string error_of(std::string_view text) {
  try {
    read(text, 7);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

// By hand from the table above: u1's rows go together, u4 was seen in both variants.
TEST(OutcomeTable, PutsUnitsTogether) {
  for (const std::size_t piece : {1U, 3U, 64U, 4096U}) {
    const AnalysisInput got = read(kTable, piece);
    EXPECT_EQ(got.num_crossovers, 1);
    const ArmInput& control = got.arms[0];
    EXPECT_EQ(control.num_units, 2);
    EXPECT_EQ(got.arms[1].num_units, 2);
    EXPECT_EQ(control.metrics.at("solved").num_units(), 1);  // u3 was not measured
    EXPECT_DOUBLE_EQ(*control.metrics.at("solved").estimate(), 1);
    EXPECT_DOUBLE_EQ(*control.metrics.at("quality").estimate(), (0.6 + 0.9) / 2);
    EXPECT_EQ(control.metrics.at("quality").values().known.a().count(), 1);
    EXPECT_DOUBLE_EQ(*control.metrics.at("tokens").estimate(), 50);
    EXPECT_DOUBLE_EQ(*got.arms[1].metrics.at("tokens").estimate(), 5);
  }
}

TEST(OutcomeTable, CountsMissingAsZeroWhereTheMetricSaysSo) {
  std::vector<Metric> only = {
      {.name = "solved", .type = MetricType::kProportion, .missing_is_zero = true}};
  OutcomeTable table(arms(), only, "t.csv");
  table.add(kTable);
  EXPECT_DOUBLE_EQ(*table.finish().arms[0].metrics.at("solved").estimate(), 0.5);
}

TEST(OutcomeTable, CapsValues) {
  std::vector<Metric> only = {{.name = "quality", .cap = 0.55}};
  OutcomeTable table(arms(), only, "t.csv");
  table.add("variant,quality\ncontrol,0.5\ncontrol,9\nnew,1\n");
  EXPECT_DOUBLE_EQ(*table.finish().arms[0].metrics.at("quality").estimate(), (0.5 + 0.55) / 2);
}

TEST(OutcomeTable, SaysWhereItIsWrong) {
  EXPECT_THAT(error_of(""), HasSubstr("no header"));
  EXPECT_THAT(error_of("unit,solved,quality,tokens\n"), HasSubstr("t.csv:1: no column 'variant'"));
  EXPECT_THAT(error_of("variant,solved,quality,tokens\n"), HasSubstr("'tokens:denominator'"));
  const std::string header = "unit,variant,solved,quality,tokens,tokens:denominator\n";
  EXPECT_THAT(error_of(header + "u,other,1,1,1,1\n"),
              HasSubstr("t.csv:2: variant 'other' is not of this experiment"));
  EXPECT_THAT(error_of(header + "u,new,1,abc,1,1\n"), HasSubstr("'abc' is not a finite number"));
  EXPECT_THAT(error_of(header + "u,new,1,inf,1,1\n"), HasSubstr("not a finite number"));
  EXPECT_THAT(error_of(header + "u,new,0.5,1,1,1\n"), HasSubstr("metric 'solved'"));
  EXPECT_THAT(error_of(header + "u,new,1,1\n"), HasSubstr("has 4 cells, the header 6"));
  EXPECT_THAT(error_of(header + "b,new,1,1,1,1\na,new,1,1,1,1\n"), HasSubstr("sort the table"));
  EXPECT_THAT(error_of(header + "\"b,new,1,1,1,1\n"), HasSubstr("does not end"));
  EXPECT_THAT(error_of(header + std::string((1U << 20U) + 2, 'x')), HasSubstr("1 MiB"));
}

TEST(OutcomeTable, RefusesQuantiles) {
  const std::vector<Metric> only = {{.name = "p90", .type = MetricType::kQuantile}};
  EXPECT_THROW(OutcomeTable(arms(), only, "t.csv"), Error);
}

}  // namespace
}  // namespace peira::abtest
