// What gates came to, as CI systems read it: JUnit XML, GitHub annotations, job summaries, JSON.
// The golden files are checked by tests/golden/reports/check_gate_outputs.py: the XML by an XML
// parser and the rules of the common JUnit schema, annotations as GitHub's runner reads them, the
// Markdown as a Markdown parser renders it. After an intended change run the test with
// PEIRA_UPDATE_GOLDEN=1, then that script.
#include "reports/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "reports/details_json.h"

namespace peira::reports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What nobody should have to fear: markup of three kinds, ends of lines, of tables, of commands and
// of XML sections, terminal escapes, text that turns around, bytes that are no text.
const std::string kHostile =
    "a|b `c` ``` *d* _e_ [f](javascript:g) <script>alert(1)</script> <!-- & &amp; ]]> \"q\" 'r' "
    "100% ::error::x ::set-output name=y::z, k:v,\r\n::stop-commands::t\n| s | \x1b[31mred\x1b[0m "
    "\x1b]8;;http://u\x07v \xe2\x80\xaetxet \x01\x7f\xc2\x9b \xff\xc0\x80 \\| \\`";

evals::GateReport hostile_report() {
  evals::GateReport report;
  const auto add = [&](evals::GateKind kind, evals::GateStatus status, const std::string& suite,
                       const std::string& why) -> evals::GateResult& {
    evals::GateResult& result = report.gates.emplace_back();
    result.gate.target.suite = suite;
    result.gate.kind = kind;
    result.gate.bound = 0.5;
    result.status = status;
    result.why = why;
    result.estimate = 0.625;
    result.low = 0.5;
    result.high = 0.75;
    result.num_items = 40;
    return result;
  };
  add(evals::GateKind::kMin, evals::GateStatus::kPass, "plain", "shown, p = 0.004");
  evals::GateResult& cell =
      add(evals::GateKind::kMin, evals::GateStatus::kFail, kHostile, "refuted: " + kHostile);
  cell.gate.target.field = "subject";
  cell.gate.target.value = kHostile;
  evals::GateResult& pair =
      add(evals::GateKind::kNoWorse, evals::GateStatus::kUndecided, "other", kHostile);
  pair.gate.baseline = kHostile;
  report.status = evals::GateStatus::kFail;
  report.headline = "Failed: " + kHostile;
  return report;
}

void expect_golden(const std::string& name, const std::string& rendered) {
  const std::string path = std::string(PEIRA_SOURCE_DIR) + "/tests/golden/reports/" + name;
  if (std::getenv("PEIRA_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << rendered;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(rendered, expected.str()) << path;
}

TEST(GateOutputs, AreAsTheyWereChecked) {
  const evals::GateReport report = hostile_report();
  expect_golden("gate.junit.xml", render_junit(report));
  expect_golden("gate.github.txt", render_github(report));
  expect_golden("gate.summary.md", render_gate_markdown(report));
  expect_golden("gate.json",
                to_json(report).dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

// No byte that a terminal obeys, in any of them.
TEST(GateOutputs, SteerNoTerminal) {
  const evals::GateReport report = hostile_report();
  for (const std::string& text :
       {render_junit(report), render_github(report), render_gate_markdown(report),
        without_steering(dump_json(to_json(report)))}) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      EXPECT_TRUE(byte >= 0x20 || c == '\n') << static_cast<int>(byte);
    }
    EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
  }
}

// A line of annotations is one command: whatever the texts hold, none is added and none is ended.
TEST(GateOutputs, OfGitHubAreOneCommandALine) {
  const std::string text = render_github(hostile_report());
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(line.starts_with("::error title=") || line.starts_with("::warning title=") ||
                line.starts_with("::notice title="))
        << line;
    const std::size_t end = line.find("::", 2);
    ASSERT_NE(end, std::string::npos);
    const std::string properties = line.substr(2, end - 2);
    EXPECT_EQ(properties.find(','), std::string::npos) << properties;
    EXPECT_EQ(properties.find(':'), std::string::npos) << properties;
  }
  EXPECT_EQ(count, 3);  // a failed gate, an undecided one, the headline
}

TEST(GateOutputs, SayWhatFamiliesMean) {
  evals::GateReport report = hostile_report();
  report.families = {{{"primary", 0.8}, evals::GateStatus::kFail},
                     {{"details", 0.2}, evals::GateStatus::kUndecided}};
  const std::string note = gate_error_note(report);
  EXPECT_THAT(note, HasSubstr("primary (fail), then details (undecided)"));
  EXPECT_THAT(note, HasSubstr("primary has 80 % from the beginning, details has 20 %"));
  EXPECT_THAT(note, Not(HasSubstr("Holm")));
  EXPECT_EQ(to_json(report)["families"][1]["share"], 0.2);
  report.headline = "Failed";
  for (evals::GateResult& gate : report.gates) {
    gate.why = "why";
    gate.gate.target.suite = "s";
    gate.gate.target.field = "";
    gate.waits_for_family = gate.status == evals::GateStatus::kUndecided;
  }
  const Json written = parse_json(dump_json(to_json(report)), "verdict");
  EXPECT_EQ(dump_json(to_json(gate_report_from(written, "verdict"))), dump_json(to_json(report)));
  EXPECT_THAT(gate_error_note(hostile_report()), HasSubstr("over all 3 gates (Holm)"));
}

}  // namespace
}  // namespace peira::reports
