// peira stats as a user runs it: a line in, a line out, whatever the lines hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;

TEST(StatsCommand, AnswersEachLineAndGoesOnAfterBadOnes) {
  const Workspace workspace;
  const auto got = workspace.peira({"stats", "one_proportion"},
                                   "{\"id\":\"first\",\"in\":{\"x\":81,\"n\":100}}\n"
                                   "this is no JSON\n"
                                   "\n"
                                   "{\"in\":{\"x\":5,\"n\":4}}\n"
                                   "{\"in\":{\"x\":0,\"n\":10}}");
  EXPECT_EQ(got.exit_status, 3);
  const auto lines = got.json_lines();
  ASSERT_EQ(lines.size(), 4u) << got.out;
  EXPECT_EQ(lines[0]["id"], "first");
  EXPECT_EQ(lines[0]["out"]["p"], 0.81);
  EXPECT_EQ(lines[1]["error"], "InvalidArgument");
  EXPECT_THAT(lines[1]["message"].get<std::string>(), HasSubstr("<stdin>:2"));
  EXPECT_EQ(lines[2]["error"], "InvalidArgument");
  EXPECT_EQ(lines[3]["out"]["wilson"][0], 0);
}

TEST(StatsCommand, ListsWhatItRunsAndRunsItsExamples) {
  const Workspace workspace;
  const auto list = workspace.peira({"stats", "list", "--json"});
  EXPECT_EQ(list.exit_status, 0);
  const Json procedures = list.json()["procedures"];
  EXPECT_GT(procedures.size(), 50u);
  for (const Json& procedure : procedures) {
    EXPECT_FALSE(procedure["purpose"].get<std::string>().empty()) << procedure;
  }
  const auto example = workspace.peira({"stats", "mann_whitney", "--example"});
  const auto file = workspace.write("requests.jsonl", example.out + example.out);
  const auto got = workspace.peira({"stats", "mann_whitney", file.string()});
  EXPECT_EQ(got.exit_status, 0);
  ASSERT_EQ(got.json_lines().size(), 2u);
  EXPECT_EQ(got.json_lines()[1]["out"]["U_b"], 16);
}

TEST(StatsCommand, NamesProceduresLikeTheOneMistyped) {
  const Workspace workspace;
  const auto got = workspace.peira({"stats", "wilcoxon"});
  EXPECT_EQ(got.exit_status, 2);
  EXPECT_THAT(got.err, HasSubstr("wilcoxon_signed_rank"));
  EXPECT_EQ(workspace.peira({"stats", "t_test", "no_such_file"}).exit_status, 4);
}

}  // namespace
}  // namespace peira::e2e
