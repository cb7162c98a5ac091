// peira gate and peira score --diff as a user and a CI job meet them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;

// A suite of 60 sums, and stored replies of which `wrong` are wrong.
void write_suite(const Workspace& workspace) {
  std::string csv = "id,question,answer\n";
  for (int row = 0; row < 60; ++row) {
    const std::string n = std::to_string(row);
    csv += "q" + n + "," + n + " + " + n + "?," + std::to_string(2 * row) + "\n";
  }
  workspace.write("sums.csv", csv);
  workspace.write("sums.json",
                  R"({"name": "sums", "data": "sums.csv",
                      "fields": {"id": "id", "question": "question", "answer": "answer"},
                      "prompt": "{{question}}", "extractor": "last-number", "scorer": "number"})");
}

void write_model(const Workspace& workspace, const std::string& name, int wrong) {
  std::string lines;
  for (int row = 0; row < 60; ++row) {
    const int sum = 2 * row + (row < wrong ? 1 : 0);
    lines += dump_json(Json{{"id", "q" + std::to_string(row)},
                            {"response", "It is " + std::to_string(sum)}}) +
             "\n";
  }
  workspace.write(name, lines);
}

std::string run(const Workspace& workspace, const std::string& model) {
  const CommandResult result =
      workspace.peira({"run", workspace.dir() / "sums.json", "--model",
                       "replay:" + (workspace.dir() / model).string(), "--json", "--quiet"});
  EXPECT_EQ(result.exit_status, 0) << result.err;
  return workspace.peira({"list", "--json"}).json()["runs"][0]["run_id"].get<std::string>();
}

TEST(Gate, DecidesByExitCodeAndWritesWhatCiReads) {
  const Workspace workspace;
  write_suite(workspace);
  write_model(workspace, "good.jsonl", 6);
  write_model(workspace, "bad.jsonl", 40);
  const std::string good = run(workspace, "good.jsonl");
  const CommandResult passed = workspace.peira({"gate", good, "--min", "sums=0.7"});
  EXPECT_EQ(passed.exit_status, 0) << passed.out << passed.err;
  EXPECT_THAT(passed.out, HasSubstr("Passed: 1 of 1 gate passes."));
  EXPECT_EQ(workspace.peira({"gate", good, "--min", "sums=0.9"}).exit_status, 5);

  const std::string bad = run(workspace, "bad.jsonl");
  const CommandResult failed =
      workspace.peira({"gate", bad, "--min", "sums=0.7", "--no-worse-than", good, "--by", "0.05",
                       "--vary", "all", "--github", "--junit", workspace.dir() / "gates.xml",
                       "--summary-md", workspace.dir() / "summary.md"});
  EXPECT_EQ(failed.exit_status, 1) << failed.err;
  EXPECT_THAT(failed.out, HasSubstr("\n::error title=gate sums.accuracy >= 0.7::refuted"));
  EXPECT_THAT(failed.out, HasSubstr("verdicts moved: "));
  EXPECT_THAT(read_file(workspace.dir() / "gates.xml"), HasSubstr("failures=\"2\""));
  EXPECT_THAT(read_file(workspace.dir() / "summary.md"), HasSubstr("### peira gate: fail"));
}

TEST(Gate, PricesCostByTheFileBesideTheStore) {
  const Workspace workspace;
  write_suite(workspace);
  write_model(workspace, "good.jsonl", 6);
  const std::string good = run(workspace, "good.jsonl");
  const CommandResult unknown = workspace.peira({"gate", good, "--max", "sums.cost=0.01"});
  EXPECT_EQ(unknown.exit_status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no price of model"));
  EXPECT_THAT(unknown.err, HasSubstr("--prices FILE"));
}

// The two scorers of gpqa read different words: what moves is known beforehand.
TEST(ScoreDiff, ListsWhatMovesBetweenTwoScorers) {
  const Workspace workspace;
  constexpr int kRows = 12;
  std::string lines;
  for (int row = 0; row < kRows; ++row) {
    // simple-evals reads the first, the authors' baseline the second; a third reply says both.
    const std::string one = "Answer: A", other = "The correct answer is (A)";
    const std::string reply = row % 3 == 0 ? one : row % 3 == 1 ? other : other + ". " + one;
    lines += dump_json(Json{{"row", row}, {"response", reply}}) + "\n";
  }
  workspace.write("replies.jsonl", lines);
  const CommandResult ran =
      workspace.peira({"run", "gpqa", "--limit", std::to_string(kRows), "--model",
                       "replay:" + (workspace.dir() / "replies.jsonl").string(), "--quiet"});
  ASSERT_EQ(ran.exit_status, 0) << ran.err;

  const CommandResult same =
      workspace.peira({"score", "latest", "--diff", "simple-evals,simple-evals", "--json"});
  EXPECT_EQ(same.exit_status, 0) << same.err;
  EXPECT_EQ(same.json()["moved"], 0);
  EXPECT_EQ(same.json()["answers"], kRows);

  const std::string id = workspace.peira({"list", "--json"}).json()["runs"].back()["run_id"];
  const CommandResult moved =
      workspace.peira({"score", id, "--diff", "simple-evals,official", "--json"});
  EXPECT_EQ(moved.exit_status, 1) << moved.err;
  const Json diff = moved.json();
  EXPECT_EQ(diff["moved"], 8);
  EXPECT_EQ(diff["causes"], (Json{{"extraction", 8}}));
  ASSERT_EQ(diff["verdicts"].size(), 8U);
  int read_before = 0;
  for (const Json& verdict : diff["verdicts"]) {
    const bool before = verdict["answer_before"] == "A";
    const bool after = verdict["answer_after"] == "A";
    EXPECT_NE(before, after) << verdict;
    const double worth = verdict["gold"] == "A" ? 1 : 0;
    EXPECT_EQ(verdict["value_before"], before ? worth : 0) << verdict;
    EXPECT_EQ(verdict["value_after"], after ? worth : 0) << verdict;
    read_before += before ? 1 : 0;
  }
  EXPECT_EQ(read_before, 4);
  const CommandResult told = workspace.peira({"score", id, "--diff", "simple-evals,official"});
  EXPECT_THAT(told.out, HasSubstr("8 of 12 verdicts moved, 8 by extraction ("));

  const CommandResult typo = workspace.peira({"score", id, "--diff", "simple-evals"});
  EXPECT_EQ(typo.exit_status, 2);
  EXPECT_THAT(typo.err, HasSubstr("try: --diff simple-evals,official"));
}

}  // namespace
}  // namespace peira::e2e
