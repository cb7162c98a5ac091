// peira export, import and optimize as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Exchange, GoesOutAndComesBack) {
  const Workspace workspace;
  ASSERT_EQ(
      workspace.peira({"run", "gpqa", "--quiet", "--limit", "12", "--name", "mine"}).exit_status,
      0);
  const std::string log = (workspace.dir() / "mine.eval").string();
  EXPECT_EQ(workspace.peira({"export", "mine", "-o", log}).exit_status, 0);
  const auto imported = workspace.peira({"import", log, "--json"});
  ASSERT_EQ(imported.exit_status, 0) << imported.err;
  const std::string id = imported.json()["runs"][0]["run"];
  EXPECT_NE(id, "mine");  // the name is taken
  const auto compared = workspace.peira({"compare", "mine", id, "--json"});
  EXPECT_EQ(compared.exit_status, 0) << compared.err;  // nothing to --vary: equal manifests
  EXPECT_EQ(compared.json()["num_pairs"], 12);
  EXPECT_THAT(workspace.peira({"import", log}).err, HasSubstr("is there already as " + id));
  EXPECT_THAT(workspace.peira({"run", "gpqa", "--resume", id, "--limit", "12"}).err,
              HasSubstr("was imported"));
}

TEST(Exchange, SaysInOneLineWhatIsWrong) {
  const Workspace workspace;
  const std::string csv = workspace.write("a.csv", "id,score\nq1,1\nq2,\x1b[31mred\n").string();
  const auto bad = workspace.peira({"import", csv});
  EXPECT_EQ(bad.exit_status, 3);
  EXPECT_THAT(bad.err, HasSubstr("a.csv:3: field \"score\""));
  EXPECT_EQ(bad.err.find('\x1b'), std::string::npos);
  const std::string text = workspace.write("b.eval", "no zip at all").string();
  EXPECT_EQ(workspace.peira({"import", text}).exit_status, 3);
  EXPECT_EQ(workspace.peira({"import", "gone.csv"}).exit_status, 4);
  EXPECT_EQ(workspace.peira({"export", "nothing", "-o", "x.csv"}).exit_status != 0, true);
}

TEST(Optimize, ContinuesAfterAKillToTheSameVerdict) {
  const Workspace workspace;
  const std::vector<std::string> command{"optimize", "gpqa", "--variants", "direct,plan-first",
                                         "--budget", "120",  "--quiet",    "--json"};
  workspace.peira_killed_after(400, command);
  const auto first = workspace.peira(command);
  ASSERT_TRUE(first.exit_status == 0 || first.exit_status == 1 || first.exit_status == 5)
      << first.err;
  const Json found = first.json();
  EXPECT_TRUE(found["complete"]);
  EXPECT_LE(found["questions_asked"], 120);
  EXPECT_EQ(found["questions_asked"], found["questions_planned"]);
  EXPECT_EQ(workspace.peira(command).json(), found);
  const Workspace fresh;
  EXPECT_EQ(fresh.peira(command).json(), found);
}

TEST(Optimize, StopsAtItsTokenBudgetAndContinuesUnderALargerOne) {
  const Workspace workspace;
  std::vector<std::string> command{"optimize",          "gpqa",     "--variants",
                                   "direct,plan-first", "--budget", "80",
                                   "--quiet",           "--json",   "--token-budget"};
  command.push_back("3000");
  const auto stopped = workspace.peira(command);
  EXPECT_EQ(stopped.exit_status, 5);
  EXPECT_THAT(stopped.err, HasSubstr("the token budget (3000) is spent"));
  const Json there = stopped.json();
  EXPECT_FALSE(there["complete"]);
  EXPECT_GE(there["tokens"], 3000);
  EXPECT_LT(there["questions_asked"], 80);
  command.back() = "1000000";
  const auto whole = workspace.peira(command);
  EXPECT_TRUE(whole.json()["complete"]) << whole.err;
  EXPECT_GT(whole.json()["tokens"], there["tokens"]);
  EXPECT_THAT(workspace.peira({"optimize", "gpqa", "--budget", "80", "--dollar-budget", "1"}).err,
              HasSubstr("needs the price of bundled"));
  const auto listed = workspace.peira({"optimize", "--list", "--json"});
  EXPECT_EQ(listed.exit_status, 0);
  EXPECT_GT(listed.json()["strategies"].size(), 3U);
}

TEST(Optimize, RefusesToShowTheQuestionsItAsks) {
  const Workspace workspace;
  const auto refused =
      workspace.peira({"optimize", "gpqa", "--variants", "few-shot-2", "--budget", "100"});
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.err, HasSubstr("no training part"));
  EXPECT_THAT(workspace.peira({"optimize", "aime", "--variants", "rule-out", "--budget", "99"}).err,
              HasSubstr("is for questions with options"));
  EXPECT_EQ(workspace.peira({"run", "aime", "--prompt", "rule-out", "--limit", "2"}).exit_status,
            2);
  const auto shown = workspace.peira({"optimize", "gpqa", "--variants", "few-shot-2", "--budget",
                                      "60", "--train-share", "0.3", "--quiet", "--json"});
  EXPECT_TRUE(shown.json()["complete"]) << shown.err;
  EXPECT_GT(shown.json()["split"]["training"], 30);
}

}  // namespace
}  // namespace peira::e2e
