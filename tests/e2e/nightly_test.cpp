// peira nightly as a user meets it: nights, kills, alarms, typos.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kQuestions = 100;

// A suite of sums, a model of stored replies of which `wrong` are wrong, and a plan.
void write_sums(const Workspace& workspace) {
  std::string csv = "id,question,answer\n";
  for (int row = 0; row < kQuestions; ++row) {
    const std::string n = std::to_string(row);
    csv += "q" + n + "," + n + " + " + n + "?," + std::to_string(2 * row) + "\n";
  }
  workspace.write("sums.csv", csv);
  workspace.write("sums.json",
                  R"({"name": "sums", "data": "sums.csv",
                      "fields": {"id": "id", "question": "question", "answer": "answer"},
                      "prompt": "{{question}}", "extractor": "last-number", "scorer": "number"})");
  workspace.write("plan.json",
                  R"({"models": [{"model": "replay:model.jsonl", "name": "ours"}],
                      "suites": ["sums.json"], "report": "nights/{date}.html",
                      "notify": {"command": ["./told.sh"]}})");
  const auto script =
      workspace.write("told.sh", "#!/bin/sh\ncat > \"$(dirname \"$0\")/told.json\"\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
}

void write_model(const Workspace& workspace, int wrong, int turn) {
  std::string lines;
  for (int row = 0; row < kQuestions; ++row) {
    const bool right = (row + 11 * turn) % kQuestions >= wrong;
    const int answer = right ? 2 * row : 2 * row + 1;
    lines += dump_json(Json{{"id", "q" + std::to_string(row)},
                            {"response", "It is " + std::to_string(answer)}}) +
             "\n";
  }
  workspace.write("model.jsonl", lines);
}

std::string date(int night) {
  char text[32];
  std::snprintf(text, sizeof(text), "2026-01-%02d", night + 1);
  return text;
}

TEST(Nightly, RingsOnTheNightOnWhichTheModelGotWorse) {
  const Workspace workspace;
  write_sums(workspace);
  const std::string plan = workspace.dir() / "plan.json";
  for (int night = 0; night < 10; ++night) {
    write_model(workspace, 20 + night % 3, night);
    const CommandResult quiet =
        workspace.peira({"nightly", plan, "--date", date(night), "--quiet"});
    EXPECT_EQ(quiet.exit_status, 0) << quiet.out << quiet.err;
  }
  EXPECT_FALSE(std::filesystem::exists(workspace.dir() / "told.json"));
  write_model(workspace, 65, 3);
  const CommandResult worse = workspace.peira({"nightly", plan, "--date", date(10), "--quiet"});
  EXPECT_EQ(worse.exit_status, 1) << worse.err;
  EXPECT_THAT(worse.out, StartsWith("Night 2026-01-11 of plan. 1 series is worse: "
                                    "sums/ours/official/score dr"));
  EXPECT_THAT(worse.out, HasSubstr("95 % CI"));
  const Json told = parse_json(read_file(workspace.dir() / "told.json"), "told.json");
  EXPECT_EQ(told["exit_status"], 1);
  EXPECT_EQ(told["night"], "2026-01-11");
  EXPECT_EQ(told["series"][0]["alarm"], true);
  const std::string page = read_file(workspace.dir() / "nights" / "2026-01-11.html");
  EXPECT_THAT(page, HasSubstr("1 series is worse"));
  // Every night is a point of its chart, tonight's ringed.
  EXPECT_THAT(page, HasSubstr("11 points, 2026-01-01 to 2026-01-11."));
  EXPECT_THAT(page, HasSubstr("class=\"ring\""));

  const CommandResult status = workspace.peira({"nightly", "status", plan, "--json"});
  EXPECT_EQ(status.exit_status, 0) << status.err;
  EXPECT_EQ(status.json()["finished"], true);
  EXPECT_EQ(status.json()["running"], nullptr);
  const CommandResult history =
      workspace.peira({"nightly", "history", plan, "--series", "sums/ours/official/score"});
  EXPECT_THAT(history.out, HasSubstr("2026-01-11"));
  const CommandResult typo =
      workspace.peira({"nightly", "history", plan, "--series", "sums/ours/oficial/score"});
  EXPECT_EQ(typo.exit_status, 2);
  EXPECT_THAT(typo.err, HasSubstr("try: --series sums/ours/official/score"));
  const CommandResult since = workspace.peira(
      {"nightly", plan, "--since", date(0), "--date", date(10), "--json", "--quiet"});
  EXPECT_EQ(since.exit_status, 1);
  ASSERT_EQ(since.json()["backfilled"].size(), 11U);
  for (const Json& night : since.json()["backfilled"]) EXPECT_TRUE(night["differing"].empty());

  // Accepted: the next night is compared with the new level.
  const CommandResult accepted = workspace.peira({"nightly", "accept", plan, "--note", "agreed"});
  EXPECT_EQ(accepted.exit_status, 0) << accepted.err;
  EXPECT_THAT(accepted.out, HasSubstr("sums/ours/official/score: nights from 2026-01-11 on"));
  write_model(workspace, 66, 4);
  EXPECT_EQ(workspace.peira({"nightly", plan, "--date", date(11), "--quiet"}).exit_status, 0);
  EXPECT_EQ(workspace.peira({"nightly", "accept", plan}).exit_status, 2);
}

// A policy file that the plan names: its verdict is printed, told, and decides the exit code.
TEST(Nightly, FailsWhereAGateDoes) {
  const Workspace workspace;
  write_sums(workspace);
  workspace.write("gates.json", R"({"gates": [{"target": "sums", "min": 0.6},
                                              {"target": "sums.unparsed", "max": 0.1}]})");
  workspace.write("plan.json",
                  R"({"models": [{"model": "replay:model.jsonl", "name": "ours"}],
                      "suites": ["sums.json"], "report": "night.html", "gates": "gates.json",
                      "notify": {"command": ["./told.sh"], "on": "always"}})");
  const std::string plan = workspace.dir() / "plan.json";
  write_model(workspace, 15, 0);
  const CommandResult good = workspace.peira({"nightly", plan, "--date", date(0), "--quiet"});
  EXPECT_EQ(good.exit_status, 0) << good.out << good.err;
  EXPECT_THAT(good.out, HasSubstr("All gates pass (1)."));

  write_model(workspace, 70, 1);
  const CommandResult bad = workspace.peira({"nightly", plan, "--date", date(1), "--quiet"});
  EXPECT_EQ(bad.exit_status, 1);
  EXPECT_THAT(bad.out, HasSubstr("Gates gates/ours/official: Failed: sums.accuracy >= 0.6: "
                                 "refuted"));
  const Json told = parse_json(read_file(workspace.dir() / "told.json"), "told.json");
  EXPECT_EQ(told["exit_status"], 1);
  EXPECT_EQ(told["gates"][0]["report"]["gates"][0]["status"], "fail");
  EXPECT_EQ(told["gates"][0]["report"]["gates"][1]["status"], "pass");
  EXPECT_THAT(read_file(workspace.dir() / "night.html"), HasSubstr("sums.accuracy &gt;= 0.6"));
  EXPECT_THAT(workspace.peira({"nightly", "status", plan}).out, HasSubstr("refuted"));
  EXPECT_EQ(workspace.peira({"nightly", plan, "--date", date(1), "--quiet"}).exit_status, 1);
}

// What a night said, without what depends on the clock.
Json said(const CommandResult& result) {
  Json night = result.json();
  night.erase("spent");
  return night;
}

TEST(Nightly, KilledInTheMiddleEndsAsIfNothingHadHappened) {
  const std::string text =
      R"({"models": ["bundled"], "suites": [{"suite": "gpqa", "limit": 80},
          {"suite": "aime", "limit": 60}], "prompts": ["official", "direct"]})";
  const Workspace whole, killed;
  const std::string plan_whole = whole.write("plan.json", text);
  const std::string plan_killed = killed.write("plan.json", text);
  const CommandResult want =
      whole.peira({"nightly", plan_whole, "--date", "2026-01-01", "--json", "--quiet"});
  EXPECT_EQ(want.exit_status, 0) << want.err;
  int kills = 0;
  for (int i = 0; i < 12; ++i) {
    const CommandResult result = killed.peira_killed_after(
        60 + 70 * (i % 5), {"nightly", plan_killed, "--date", "2026-01-01", "--quiet"});
    kills += result.exit_status == -SIGKILL ? 1 : 0;
  }
  EXPECT_GT(kills, 2);
  const CommandResult got =
      killed.peira({"nightly", plan_killed, "--date", "2026-01-01", "--json", "--quiet"});
  EXPECT_EQ(got.exit_status, 0) << got.err;
  EXPECT_EQ(said(got), said(want));
  // Nothing doubled: the runs of the plan, each once.
  EXPECT_EQ(killed.peira({"list", "--json"}).json()["runs"].size(), 4U);
}

TEST(Nightly, RefusesASecondNightAtATime) {
  const Workspace workspace;
  const std::string plan =
      workspace.write("plan.json", R"({"models": ["instant"], "suites": ["aime"]})");
  EXPECT_EQ(workspace.peira({"nightly", plan, "--date", "2026-01-01"}).exit_status, 0);
  const auto lock = workspace.dir() / "data" / "peira.sqlite.nightly-plan.lock";
  const int file = open(lock.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(flock(file, LOCK_EX | LOCK_NB), 0);
  const CommandResult second = workspace.peira({"nightly", plan, "--date", "2026-01-02"});
  EXPECT_EQ(second.exit_status, 4);
  EXPECT_THAT(second.err, StartsWith("error: a night of plan plan is being carried out by "));
  close(file);
  EXPECT_EQ(workspace.peira({"nightly", plan, "--date", "2026-01-02"}).exit_status, 0);
}

TEST(Nightly, SaysWhatItWouldDo) {
  const Workspace workspace;
  const std::string plan =
      workspace.write("plan.json", R"({"models": ["instant", "missing"], "suites": ["aime"]})");
  const CommandResult dry = workspace.peira({"nightly", plan, "--dry-run"});
  EXPECT_EQ(dry.exit_status, 0) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("no night yet"));
  EXPECT_THAT(dry.out, HasSubstr("cannot run"));
  EXPECT_FALSE(std::filesystem::exists(workspace.dir() / "data" / "peira.sqlite"));
  EXPECT_THAT(workspace.peira({"nightly", "status", plan}).err, HasSubstr("no night of plan plan"));
  const CommandResult night = workspace.peira({"nightly", plan, "--json"});
  EXPECT_EQ(night.exit_status, 5);
  EXPECT_EQ(night.json()["verdict"], "incomplete");
}

TEST(Nightly, NamesTyposInOneLineEach) {
  const Workspace workspace;
  const auto refused = [&](const std::string& text, int status) {
    const std::string plan = workspace.write("plan.json", text);
    const CommandResult result = workspace.peira({"nightly", plan});
    EXPECT_EQ(result.exit_status, status) << result.err;
    EXPECT_THAT(result.err, StartsWith("error: "));
    return result.err;
  };
  EXPECT_THAT(refused(R"({"models": ["bundled"], "suits": ["gpqa"]})", 3),
              HasSubstr("plan.json: suits: no such key; allowed: name, models, suites,"));
  EXPECT_THAT(
      refused(R"({"models": ["bundled"], "suites": ["gpqa"],
                          "budget": {"minuts": 1}})",
              3),
      HasSubstr("budget.minuts: no such key; allowed: minutes, tokens, cost\n  try: minutes"));
  EXPECT_THAT(refused("{\"models\": [\x01]}", 3), HasSubstr("not valid JSON"));
  const std::string plan =
      workspace.write("plan.json", R"({"models": ["bundled"], "suites": ["gpqa"]})");
  EXPECT_EQ(workspace.peira({"nightly", plan, "--date", "yesterday"}).exit_status, 2);
  EXPECT_EQ(workspace.peira({"nightly", plan, "--since", "2026-02-30"}).exit_status, 2);
  EXPECT_EQ(workspace.peira({"nightly"}).exit_status, 2);
  EXPECT_EQ(workspace.peira({"nightly", "missing.json"}).exit_status, 4);
}

TEST(Nightly, ExamplesWorkAsWritten) {
  const std::string examples = std::string(PEIRA_SOURCE_DIR) + "/runner/nightly/examples";
  const Workspace workspace;
  const CommandResult dry = workspace.peira({"nightly", examples + "/plan.json", "--dry-run"});
  EXPECT_EQ(dry.exit_status, 0) << dry.err;
  // Every command line in the examples, with its paths put here, asking nothing.
  int num_commands = 0;
  for (const char* file : {"/peira-nightly.service", "/github-nightly.yml"}) {
    std::istringstream lines(read_file(examples + file));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = line.find("peira nightly ");
      if (at == std::string::npos || at == 0 || line[at - 1] != '/') continue;
      std::istringstream words(line.substr(at + 6));
      std::vector<std::string> arguments;
      for (std::string word; words >> word;) {
        const std::size_t name = word.rfind('/');
        if (word.ends_with("plan.json")) {
          word = examples + "/plan.json";
        } else if (name != std::string::npos) {
          word = (workspace.dir() / word.substr(name + 1)).string();
        }
        arguments.push_back(word);
      }
      if (arguments[1] != "status") arguments.emplace_back("--dry-run");
      const CommandResult result = workspace.peira(arguments);
      EXPECT_EQ(result.exit_status, 0) << line << "\n" << result.err;
      ++num_commands;
    }
  }
  EXPECT_EQ(num_commands, 3);
  if (std::system("command -v systemd-analyze > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "no systemd-analyze here";
  }
  // The unit as it is, but for the place of the binary.
  std::string unit = read_file(examples + "/peira-nightly.service");
  const std::string installed = "/usr/local/bin/peira";
  unit.replace(unit.find(installed), installed.size(), PEIRA_BINARY);
  workspace.write("peira-nightly.service", unit);
  workspace.write("peira-nightly.timer", read_file(examples + "/peira-nightly.timer"));
  const std::string verify = "systemd-analyze verify --man=no '" +
                             (workspace.dir() / "peira-nightly.timer").string() + "' '" +
                             (workspace.dir() / "peira-nightly.service").string() + "' > '" +
                             (workspace.dir() / "verified").string() + "' 2>&1";
  const int status = std::system(verify.c_str());
  EXPECT_EQ(status, 0);
  EXPECT_THAT(read_file(workspace.dir() / "verified"), Not(HasSubstr("peira-nightly")));
}

}  // namespace
}  // namespace peira::e2e
