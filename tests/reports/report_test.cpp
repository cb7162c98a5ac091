#include "reports/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/html.h"
#include "reports/json.h"
#include "reports/markdown.h"
#include "reports/tables.h"
#include "tests/reports/example_report.h"

namespace peira::reports {
namespace {

using testing::HasSubstr;
using testing::Not;

evals::RunRecord run() {
  evals::RunRecord record;
  record.run_id = "r";
  record.suite = "gpqa";
  record.profile = "simple-evals";
  record.variant = "direct";
  record.model = "bundled";
  record.dataset = "gpqa-sample";
  record.complete = true;
  return record;
}

evals::Comparison comparison_with(std::optional<double> p) {
  evals::Comparison comparison;
  comparison.p_value = p;
  return comparison;
}

// By hand: p = 0.01, 0.03, 0.04 of three tests: 3 * 0.01, 2 * 0.03, max(0.06, 0.04).
TEST(HolmAdjusted, SkipsComparisonsWithoutATest) {
  const auto adjusted = holm_adjusted(
      {comparison_with(0.04), comparison_with({}), comparison_with(0.01), comparison_with(0.03)});
  ASSERT_EQ(adjusted.size(), 4u);
  EXPECT_DOUBLE_EQ(*adjusted[0], 0.06);
  EXPECT_FALSE(adjusted[1]);
  EXPECT_DOUBLE_EQ(*adjusted[2], 0.03);
  EXPECT_DOUBLE_EQ(*adjusted[3], 0.06);
}

TEST(CorrectionNote, IsMadeFromTwoTestsOn) {
  EXPECT_EQ(correction_note({}), "");
  EXPECT_EQ(correction_note({comparison_with(0.5), comparison_with({})}), "");
  EXPECT_THAT(correction_note({comparison_with(0.5), comparison_with(0.1)}),
              HasSubstr("2 comparisons"));
}

TEST(CorrectedVerdict, SaysWhenADifferenceDoesNotSurvive) {
  EXPECT_EQ(corrected_verdict(comparison_with(0.02), {}), "");
  EXPECT_EQ(corrected_verdict(comparison_with(0.02), 0.04),
            "After Holm's correction: p = 0.040, the difference stands.");
  EXPECT_EQ(corrected_verdict(comparison_with(0.02), 0.06),
            "After Holm's correction: p = 0.060, the difference can no longer be told.");
  EXPECT_EQ(corrected_verdict(comparison_with(0.2), 0.6), "After Holm's correction: p = 0.60.");
}

TEST(SampleDataNotice, NamesGeneratedDataOnly) {
  evals::RunRecord official = run();
  official.dataset = "gpqa_diamond";
  EXPECT_EQ(sample_data_notice({official}), "");
  EXPECT_THAT(sample_data_notice({official, run(), run()}),
              testing::StartsWith("Generated sample data: gpqa-sample holds"));
}

TEST(ReproduceCommand, QuotesForAShell) {
  evals::RunRecord record = run();
  record.model = "my model's";
  record.epochs = 4;
  record.seed = 9;
  record.manifest = {
      {"values", {{"sampling", {{"temperature", 0.7}, {"stop", {"x"}}}}, {"limit", 20}}}};
  EXPECT_EQ(reproduce_command(record),
            "peira run gpqa --data gpqa-sample --profile simple-evals --prompt direct --model "
            "'my model'\\''s' --epochs 4 --seed 9 --temperature 0.7 --limit 20");
}

TEST(IncompleteReason, CountsMissingAndFailed) {
  evals::RunRecord record = run();
  EXPECT_EQ(incomplete_reason(record), "");
  record.complete = false;
  record.expected_answers = 10;
  record.states.scored = 6;
  record.states.failed = 1;
  EXPECT_EQ(incomplete_reason(record), "3 of 10 answers are missing, 1 failed");
}

TEST(Html, LoadsAndRunsNothing) {
  const std::string page = render_html(example_report());
  EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'unsafe-inline'"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  EXPECT_THAT(page, Not(HasSubstr("url(")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
}

TEST(Html, EscapesWhatModelsSay) {
  const std::string page = render_html(example_report());
  EXPECT_THAT(page, HasSubstr("&lt;/td&gt;&lt;script&gt;alert(1)"));
  EXPECT_THAT(page, HasSubstr("openai:m&lt;1&gt;@http://host"));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, Not(HasSubstr("\u202E")));
}

TEST(Markdown, EscapesWhatModelsSay) {
  const std::string page = render_markdown(example_report());
  EXPECT_THAT(page, HasSubstr("&lt;/td\\>&lt;script\\>alert(1)"));
  EXPECT_THAT(page, HasSubstr("\\| \\*\\*bold\\*\\*"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
}

TEST(Renderers, KeepRestrictedDataToNumbers) {
  Report report = example_report();
  report.runs = {report.runs[4], report.runs[5]};
  report.comparisons = {report.comparisons[2]};
  for (evals::Flip& flip : report.comparisons[0].flips) {
    flip.answer_a = flip.answer_b = flip.gold = "SECRET";
  }
  for (const std::string& text :
       {render_html(report), render_markdown(report), render_json(report)}) {
    EXPECT_THAT(text, Not(HasSubstr("SECRET")));
    EXPECT_THAT(text, Not(HasSubstr("Secret question text")));
    EXPECT_THAT(text, HasSubstr("gpqa-10"));  // ids stay
  }
}

TEST(Renderers, TakeAnEmptyReport) {
  EXPECT_THAT(render_html({}), HasSubstr("0 runs, 0 comparisons"));
  EXPECT_EQ(render_markdown(Report{}), "# \n\n");
  EXPECT_EQ(Json::parse(render_json({}))["runs"].size(), 0u);
}

TEST(Renderers, TakeARunWithoutAnswers) {
  Report report;
  report.runs = {run()};
  report.comparisons.emplace_back();
  EXPECT_THAT(render_html(report), HasSubstr(">none</span>"));
  EXPECT_THAT(render_markdown(report), HasSubstr("| none |"));
  EXPECT_TRUE(Json::parse(render_json(report))["comparisons"][0]["difference"].is_null());
}

TEST(RunsTable, GivesEveryScoreItsInterval) {
  const Table table = runs_table(example_report().runs);
  ASSERT_EQ(table.rows.size(), 6u);
  for (const auto& row : table.rows)
    EXPECT_THAT(row[6], testing::MatchesRegex(".* % \\(.* to .*\\)"));
  EXPECT_EQ(table.rows[2][4], "60 x 4");
  EXPECT_EQ(table.rows[4][4], "198 (limited)");
}

}  // namespace
}  // namespace peira::reports
