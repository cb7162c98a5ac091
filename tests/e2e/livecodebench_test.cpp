// Programs judged by tests, end to end: files of programs, runs, profiles, date windows, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;

std::string row(const std::string& id, const std::string& date, const std::string& name,
                const Json& tests) {
  return Json{{"question_title", id},
              {"question_content", "Add the numbers."},
              {"platform", name.empty() ? "atcoder" : "leetcode"},
              {"question_id", id},
              {"contest_id", "c"},
              {"contest_date", date},
              {"starter_code", name.empty() ? "" : "class Solution:"},
              {"difficulty", "easy"},
              {"public_test_cases", tests.dump()},
              {"private_test_cases", "[]"},
              {"metadata", name.empty() ? "{}" : "{\"func_name\": \"" + name + "\"}"}}
             .dump() +
         "\n";
}

Json test_of(const std::string& input, const std::string& output, const std::string& kind) {
  return {{"input", input}, {"output", output}, {"testtype", kind}};
}

// Two problems: one on stdin of 2024-05, one a function of 2024-07.
std::string data_file(const Workspace& workspace) {
  const auto path = workspace.dir() / "problems.jsonl";
  write_file_atomic(
      path,
      row("add", "2024-05-04T00:00:00", "",
          Json::array({test_of("1 2\n", "3\n", "stdin"), test_of("5 6\n", "11\n", "stdin")})) +
          row("sum", "2024-07-06T18:30:00", "total",
              Json::array({test_of("[1, 2]", "3", "functional")})));
  return path.string();
}

bool has_sandbox(const Workspace& workspace) {
  const auto probe = workspace.peira({"run", "livecodebench", "--data", data_file(workspace),
                                      "--model", "instant", "--quiet", "--new"});
  return probe.exit_status != 4;
}

TEST(LiveCodeBench, ScoresFilesOfPrograms) {
  const Workspace workspace;
  const std::string data = data_file(workspace);
  if (!has_sandbox(workspace)) GTEST_SKIP() << "programs cannot be isolated here";
  const auto programs = workspace.dir() / "programs.json";
  // In another order than the problems: told apart by id.
  write_file_atomic(programs,
                    Json{{{"question_id", "sum"},
                          {"code_list",
                           {"class Solution:\n    def total(self, x):\n        return sum(x)",
                            "class Solution:\n    def total(self, x):\n        return 0"}}},
                         {{"question_id", "add"},
                          {"code_list",
                           {"for l in sys.stdin:\n    print(sum(map(int, l.split())))",
                            "print(sum(map(int, input().split())))"}}}}
                        .dump());
  const std::vector<std::string> score{"score",       "livecodebench",   "--data", data,
                                       "--responses", programs.string(), "--json"};
  const auto official = workspace.peira(score);
  ASSERT_EQ(official.exit_status, 0) << official.err;
  const auto lines = official.json_lines();
  ASSERT_EQ(lines.size(), 5U);
  // Sorted by id; the official grader's stdin cannot be iterated.
  EXPECT_EQ(lines[0]["id"], "add");
  EXPECT_EQ(lines[0]["value"], 0);
  EXPECT_EQ(lines[1]["value"], 1);
  EXPECT_EQ(lines[2]["value"], 1);
  EXPECT_EQ(lines[3]["value"], 0);
  EXPECT_EQ(lines[4]["summary"]["metrics"][0]["value"], 0.5);

  std::vector<std::string> as_fixed = score;
  as_fixed.insert(as_fixed.end(), {"--profile", "fixed"});
  const auto fixed = workspace.peira(as_fixed);
  ASSERT_EQ(fixed.exit_status, 0) << fixed.err;
  EXPECT_EQ(fixed.json_lines()[0]["value"], 1);

  std::vector<std::string> windowed = score;
  windowed.insert(windowed.end(), {"--until", "2024-07-06"});
  const auto outside = workspace.peira(windowed);
  EXPECT_EQ(outside.exit_status, 3);
  EXPECT_THAT(outside.err, HasSubstr("no problem has the question_id \"sum\""));
}

TEST(LiveCodeBench, RunsAndJudgesAgain) {
  const Workspace workspace;
  if (!has_sandbox(workspace)) GTEST_SKIP() << "programs cannot be isolated here";
  const auto run = workspace.peira(
      {"run", "livecodebench", "--model", "bundled", "--limit", "6", "--json", "--quiet"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  const Json record = run.json()["runs"][0];
  EXPECT_EQ(record["states"]["failed"], 0);
  EXPECT_EQ(record["profile"], "official");
  const std::string id = record["run_id"];
  const auto again = workspace.peira({"score", id, "--profile", "fixed", "--json"});
  EXPECT_EQ(again.exit_status, 0) << again.err;
  EXPECT_EQ(again.json()["run"]["profile"], "fixed");
}

TEST(LiveCodeBench, RefusesAFileOfAnotherPacking) {
  const Workspace workspace;
  const std::string text = row("add", "2024-05-04T00:00:00", "", Json::array());
  Json bad = Json::parse(text);
  bad["private_test_cases"] = "Y29zCnN5c3RlbQooUyd0cnVlJwp0Ui4=";  // a pickle that would run
  const auto path = workspace.dir() / "bad.jsonl";
  write_file_atomic(path, bad.dump() + "\n");
  const auto run = workspace.peira(
      {"run", "livecodebench", "--data", path.string(), "--model", "instant", "--quiet"});
  EXPECT_EQ(run.exit_status, 3);
  EXPECT_THAT(run.err, HasSubstr("bad.jsonl:1: private_test_cases: tests are not packed as "
                                 "the official files pack them"));
  EXPECT_THAT(run.err, HasSubstr("try: "));
}

TEST(LiveCodeBench, RefusesDaysThatAreNone) {
  const Workspace workspace;
  const auto run =
      workspace.peira({"run", "livecodebench", "--since", "May", "--model", "instant"});
  EXPECT_EQ(run.exit_status, 2);
  EXPECT_THAT(run.err, HasSubstr("--since May: not a day\n  try: --since 2024-10-01"));
}

}  // namespace
}  // namespace peira::e2e
