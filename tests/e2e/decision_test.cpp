// run --stop-when, compare's margins and rankings, power: what they print and how they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(StopWhen, EndsWithTheVerdictAsItsStatus) {
  const Workspace workspace;
  const auto yes =
      workspace.peira({"run", "gpqa", "--quiet", "--stop-when", "gpqa>=0.6", "--name", "yes"});
  EXPECT_EQ(yes.exit_status, 0) << yes.err;
  EXPECT_THAT(yes.out, StartsWith("Decided: 'gpqa>=0.6' is true after "));
  EXPECT_THAT(yes.out, HasSubstr("stopped at "));
  const auto no = workspace.peira({"run", "gpqa", "--quiet", "--stop-when", "gpqa<0.6", "--json"});
  EXPECT_EQ(no.exit_status, 1) << no.err;
  const Json decision = no.json()["runs"][0]["decision"];
  EXPECT_EQ(decision["verdict"], "false");
  EXPECT_TRUE(decision["stopped_early"]);
  EXPECT_GT(decision["share_saved"], 0.3);
  EXPECT_EQ(no.json()["runs"][0]["metrics"][0]["num_samples"], decision["questions_used"]);
  EXPECT_THAT(workspace.peira({"list"}).out, HasSubstr("stopped"));
  EXPECT_THAT(workspace.peira({"show", "yes"}).out, StartsWith("Decided: 'gpqa>=0.6'"));
  const auto bad = workspace.peira({"run", "gpqa", "--stop-when", "gpqa=0.6"});
  EXPECT_EQ(bad.exit_status, 2);
  EXPECT_THAT(bad.err, HasSubstr("try: --stop-when"));
}

TEST(StopWhen, RunsAnArmBesideAndComparesWithAStoredRun) {
  const Workspace workspace;
  const auto pair =
      workspace.peira({"run", "gpqa", "--quiet", "--prompt", "direct", "--against", "official",
                       "--stop-when", "no-worse-than against by 0.02", "--name", "pair", "--json"});
  EXPECT_EQ(pair.exit_status, 1) << pair.err;
  const Json runs = pair.json()["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["run_id"], "pair");
  EXPECT_EQ(runs[1]["run_id"], "pair-against");
  EXPECT_EQ(runs[1]["variant"], "official");
  EXPECT_EQ(runs[0]["decision"]["questions_used"], runs[1]["decision"]["questions_used"]);
  const auto compared = workspace.peira({"compare", "pair-against", "pair", "--vary", "prompt"});
  EXPECT_EQ(compared.exit_status, 0) << compared.err;
  EXPECT_THAT(compared.err, HasSubstr("stopped when its claim was decided"));

  EXPECT_EQ(
      workspace.peira({"run", "gpqa", "--quiet", "--name", "base", "--limit", "100"}).exit_status,
      0);
  const auto better = workspace.peira({"run", "gpqa", "--quiet", "--prompt", "direct",
                                       "--stop-when", "better-than base", "--limit", "100"});
  EXPECT_EQ(better.exit_status, 1) << better.err;
  EXPECT_EQ(workspace.peira({"run", "gpqa", "--stop-when", "better-than pair"}).exit_status, 2);
  EXPECT_EQ(workspace.peira({"run", "gpqa", "--stop-when", "better-than against"}).exit_status, 2);
  EXPECT_EQ(workspace.peira({"run", "gpqa", "--against", "direct"}).exit_status, 2);
}

TEST(Compare, JudgesMarginsAndRanksMany) {
  const Workspace workspace;
  const auto runs =
      workspace.peira({"run", "gpqa", "--quiet", "--name", "p", "--limit", "80", "--prompt",
                       "official", "--prompt", "direct", "--prompt", "chain-of-thought"});
  ASSERT_EQ(runs.exit_status, 0) << runs.err;
  const auto compare = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"compare", "p-official", "p-direct", "--vary", "prompt"});
    return workspace.peira(more);
  };
  const auto worse = compare({"--no-worse-by", "0.01"});
  EXPECT_EQ(worse.exit_status, 1) << worse.err;
  EXPECT_THAT(worse.out, StartsWith("B (direct) is worse by "));
  EXPECT_THAT(worse.out, HasSubstr("no worse than A by 1.0 points: refuted"));
  EXPECT_EQ(compare({"--no-worse-by", "0.5"}).exit_status, 0);
  EXPECT_EQ(compare({"--equivalent-within", "0.5"}).exit_status, 0);
  const auto unpaired = compare({"--unpaired", "--json"});
  EXPECT_FALSE(unpaired.json()["paired"]);

  const auto ranked = workspace.peira(
      {"compare", "p-official", "p-direct", "p-chain-of-thought", "--vary", "prompt", "--json"});
  EXPECT_EQ(ranked.exit_status, 0) << ranked.err;
  EXPECT_EQ(ranked.json()["runs"].size(), 3U);
  EXPECT_EQ(ranked.json()["pairs"].size(), 3U);
  EXPECT_EQ(ranked.json()["test"], "Cochran's Q");

  const auto power =
      workspace.peira({"power", "--run", "p-direct", "--against", "p-official", "--json"});
  EXPECT_EQ(power.exit_status, 0) << power.err;
  EXPECT_EQ(power.json()["num_questions"], 80);
  EXPECT_GT(power.json()["epochs"][0]["smallest_difference"], 0.02);
}

// (1.96 + 0.84)^2 * 2 * 0.21 * 0.5 / 0.03^2 = 1831.4.
TEST(Power, CountsQuestions) {
  const Workspace workspace;
  const auto got = workspace.peira({"power", "--difference", "0.03", "--score", "0.7", "--json"});
  EXPECT_EQ(got.exit_status, 0) << got.err;
  EXPECT_EQ(got.json()["epochs"][0]["questions"], 1832);
  EXPECT_EQ(workspace.peira({"power", "--difference", "0.03"}).exit_status, 2);
  EXPECT_EQ(workspace.peira({"power", "--score", "0.7"}).exit_status, 2);
}

}  // namespace
}  // namespace peira::e2e
