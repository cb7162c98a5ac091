#include "reports/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "base/base64.h"
#include "base/error.h"
#include "base/hash.h"
#include "reports/details_tables.h"
#include "reports/gate.h"
#include "reports/html.h"
#include "reports/html/sample_data.h"
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

// What only a page with samples has: one script, named in the policy by its digest.
TEST(Html, LoadsNothingAndRunsItsOwnScriptOnly) {
  Report plain = example_report();
  plain.samples.clear();
  for (const std::string& page : {render_html(plain), render_html(example_report())}) {
    EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
    for (const char* loads : {" src=", "@import", "url(", "<link", "<iframe", "<object"}) {
      // In data a quotation mark is escaped: what stands there is not an attribute.
      EXPECT_THAT(std::regex_replace(page, std::regex("<script[^]*?</script>"), ""),
                  Not(HasSubstr(loads)));
    }
  }
  EXPECT_THAT(render_html(plain), Not(HasSubstr("<script")));
  EXPECT_THAT(render_html(plain), Not(HasSubstr("script-src")));
  const std::string page = render_html(example_report());
  const std::string begin = "<script>";
  const std::size_t start = page.find(begin) + begin.size();
  const std::string source = page.substr(start, page.find("</script>", start) - start);
  const std::string hex = sha256_hex(source);
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  EXPECT_THAT(page, HasSubstr("script-src 'sha256-" + to_base64(bytes) + "'"));
}

TEST(Html, KeepsSamplesInsideTheirBlocks) {
  const std::string page = render_html(example_report());
  // Index, one section, and our own script; hostile text opens none.
  std::size_t count = 0;
  for (std::size_t at = page.find("<script"); at != std::string::npos;
       at = page.find("<script", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 3u);
  EXPECT_THAT(page, HasSubstr("\\u003c/script>\\u003cscript>document.title='owned'"));
  EXPECT_THAT(page, HasSubstr("data:image/png;base64,iVBORw0KGgpwaXhlbHM="));
  EXPECT_THAT(page, Not(HasSubstr("data:image/svg")));
  EXPECT_THAT(page, HasSubstr("no kind that this page shows"));
}

TEST(Html, KeepsPicturesWithinLimits) {
  SampleSection section = example_report().samples[0];
  EXPECT_THAT(html::sample_blocks({section}, {.each_bytes = 13}),
              HasSubstr("too large for this page"));
  EXPECT_THAT(html::sample_blocks({section}, {.each_bytes = 100, .all_bytes = 0}),
              Not(HasSubstr("data:image")));
}

// RFC 4648, section 10.
TEST(Base64, EncodesTheStandardsVectors) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

TEST(Headline, CountsWhatWasCompared) {
  Report example = example_report();
  example.gates.clear();
  const std::string text = headline(example);
  EXPECT_THAT(text, testing::StartsWith("Of 3 comparisons, B is better in "));
  EXPECT_THAT(text, HasSubstr("1 of 1 nightly series is worse."));
  EXPECT_THAT(text, HasSubstr("1 run is incomplete. 8 answers failed."));
  Report one;
  one.runs = {run()};
  EXPECT_EQ(headline(one), "bundled (direct) on gpqa: no score of 0 questions.");
}

TEST(GateVerdict, IsReadBackAsItWasWritten) {
  const evals::GateReport report = example_report().gates[0].report;
  const std::string written = to_json(report).dump();
  const evals::GateReport read = gate_report_from(parse_json(written, "v.json"), "v.json");
  EXPECT_EQ(to_json(read).dump(), written);
  EXPECT_EQ(read.gates[2].gate.text(), "gpqa.accuracy no worse than last-green@main by 0.02");
}

TEST(GateVerdict, NamesWhatIsWrongWithAFile) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      gate_report_from(parse_json(text, "v.json"), "v.json");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal("[]"), HasSubstr("v.json: is no gate's verdict"));
  EXPECT_THAT(refusal(R"({"status": "good"})"), HasSubstr("none of pass, fail, undecided"));
  EXPECT_THAT(refusal(R"({"status": "pass", "headline": "x", "alpha": 1})"),
              HasSubstr("alpha does not lie between"));
  EXPECT_THAT(refusal(R"({"status": "pass", "headline": "x", "alpha": 0.05, "gates": [3]})"),
              HasSubstr("v.json: gates[0]: is no gate"));
  EXPECT_THAT(refusal(R"({"status": "pass", "headline": "x", "alpha": 0.05,
                          "gates": [{"target": "gpqa.unprased", "kind": "min", "bound": 1}]})"),
              HasSubstr("v.json: gates[0].target"));
}

TEST(Headline, BeginsWithTheGatesVerdict) {
  EXPECT_THAT(headline(example_report()), testing::StartsWith("Failed: gpqa.unparsed <= 0.02"));
  Report report;
  report.gates.resize(3);
  report.gates[0].report.status = evals::GateStatus::kPass;
  report.gates[1].report.status = evals::GateStatus::kFail;
  EXPECT_EQ(headline(report), "Of 3 policies 1 pass, 1 fail, 1 are undecided.");
}

TEST(DollarsText, HasTheDigitsItNeeds) {
  EXPECT_EQ(dollars_text(0), "$0.00");
  EXPECT_EQ(dollars_text(0.000432), "$0.000432");
  EXPECT_EQ(dollars_text(0.25), "$0.2500");
  EXPECT_EQ(dollars_text(1234.5), "$1234.50");
}

// By hand: 28,800 tokens at 1.25 and 7,200 at 10 dollars a million are 0.108 dollars; the example
// says otherwise, and the table what it is told.
TEST(SpendingTable, SumsWhatIsKnown) {
  const Report report = example_report();
  const Table table = spending_table(report.runs, report.details);
  ASSERT_EQ(table.rows.size(), report.runs.size() + 1);
  EXPECT_EQ(table.rows[0][4], "$0.4231");
  EXPECT_EQ(table.rows[0][6], "$1.25 in, $10 out");
  EXPECT_EQ(table.rows[1][4], "no price");
  EXPECT_EQ(table.rows.back()[0], "All");
  EXPECT_EQ(table.rows.back()[4], "$0.4231 of 1 runs");
  EXPECT_EQ(spending_table(report.runs, {}).headers.size(), 4u);
  EXPECT_TRUE(spending_table({run()}, {}).rows.empty());
}

TEST(Json, HoldsNothingThatSteersATerminal) {
  const std::string text = render_json(example_report());
  EXPECT_THAT(text, Not(HasSubstr("\u202E")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  const Json samples = Json::parse(text)["samples"][0]["samples"];
  EXPECT_THAT(samples[1]["sides"][1]["answers"][0]["response"].get<std::string>(),
              HasSubstr("\x1b[31mred \u202Eright-to-left"));
}

// By hand: 1 ... 100 has median 50.5 and p99 99.01 (type 7); bins reach to p99, 100 lies in the
// last.
TEST(DistributionOf, CountsEveryValueOnce) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  const Distribution got = distribution_of("n", "tokens", values).value();
  EXPECT_DOUBLE_EQ(got.median, 50.5);
  EXPECT_DOUBLE_EQ(got.p99, 99.01);
  EXPECT_DOUBLE_EQ(got.mean, 50.5);
  EXPECT_EQ(got.smallest, 1);
  EXPECT_EQ(got.largest, 100);
  std::int64_t sum = 0;
  for (const std::int64_t count : got.bins) sum += count;
  EXPECT_EQ(sum, 100);
  EXPECT_FALSE(distribution_of("n", "", {}));
  const std::vector<double> equal(5, 3.0);
  EXPECT_EQ(distribution_of("n", "", equal)->bins, std::vector<std::int64_t>{5});
}

TEST(OutcomeOf, NamesWhatChanged) {
  const auto side = [](std::initializer_list<double> values) {
    SampleSide out;
    for (const double value : values) {
      AnswerStory answer;
      answer.score.value = value;
      answer.score.state = evals::AnswerState::kScored;
      out.answers.push_back(answer);
    }
    return out;
  };
  SampleStory sample;
  sample.sides = {side({0}), side({1})};
  EXPECT_EQ(outcome_of(sample), "to right");
  sample.sides = {side({1, 0}), side({0, 0})};
  EXPECT_EQ(outcome_of(sample), "lower");
  sample.sides = {side({1}), side({1})};
  EXPECT_EQ(outcome_of(sample), "both right");
  sample.sides = {side({0, 1})};
  EXPECT_EQ(outcome_of(sample), "partly");
  sample.sides = {side({}), side({1})};
  EXPECT_EQ(outcome_of(sample), "no score");
}

TEST(Html, EscapesWhatModelsSay) {
  Report report = example_report();
  report.samples.clear();  // with them, flips are listed as data
  const std::string page = render_html(report);
  EXPECT_THAT(page, HasSubstr("&lt;/td&gt;&lt;script&gt;alert(1)"));
  EXPECT_THAT(page, HasSubstr("openai:m&lt;1&gt;@http://host"));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, Not(HasSubstr("\u202E")));
}

TEST(Markdown, EscapesWhatModelsSay) {
  const std::string page = render_markdown(example_report());
  EXPECT_THAT(page, HasSubstr("&lt;/td\\>&lt;script\\>alert(1)"));
  EXPECT_THAT(page, HasSubstr("\\| \\*\\*bold\\*\\*"));
  // Replies told in full stand in fences longer than any run of ticks in them.
  const std::string outside =
      std::regex_replace(page, std::regex("\n(`{3,})text\n[^]*?\n\\1\n"), "\n");
  EXPECT_THAT(page, HasSubstr("\n````text\n</script><script>"));
  EXPECT_THAT(outside, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
}

TEST(Renderers, KeepRestrictedDataToNumbers) {
  Report report = example_report();
  report.runs = {report.runs[4], report.runs[5]};
  report.comparisons = {report.comparisons[2]};
  report.details.clear();
  report.samples[0].restricted = true;
  for (SampleStory& sample : report.samples[0].samples) {
    sample.metadata["note"] = "SECRET";
    for (SampleSide& side : sample.sides) {
      side.prompt = {Message::from_text("user", "SECRET")};
      for (AnswerStory& answer : side.answers) {
        answer.response = answer.gold = answer.score.answer = answer.score.why = "SECRET";
      }
    }
  }
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
