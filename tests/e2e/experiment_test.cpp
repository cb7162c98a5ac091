// peira experiment, from a declaration to a verdict.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;

class ExperimentCommand : public testing::Test {
 protected:
  CommandResult experiment(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "experiment");
    return workspace.peira(arguments);
  }
  void create_and_start() {
    const auto got = experiment({"create", "prompt_v2", "--variant", "control=50", "--variant",
                                 "new=50", "--metric", "solved:proportion", "--metric",
                                 "cost:mean:guardrail:lower:margin=0.5", "--start"});
    ASSERT_EQ(got.exit_status, 0) << got.err;
  }
  std::string write(const std::string& name, const std::string& text) const {
    return workspace.write(name, text).string();
  }
  // 61 units with their own variants: new solves 80 % where control solves 50 %.
  void expose_and_record() {
    std::string exposures, outcomes = "event_id,unit,metric,value,ts\n";
    for (int i = 0; i < 61; ++i) {
      const std::string unit = "user_" + std::to_string(i);
      const auto got = experiment({"assign", "prompt_v2", unit, "--json"});
      ASSERT_EQ(got.exit_status, 0) << got.err;
      const std::string variant = got.json()["variant"];
      exposures += "{\"unit\":\"" + unit + "\",\"variant\":\"" + variant + "\",\"ts\":\"2026-11-0" +
                   std::to_string(1 + i % 3) + "T00:00:00Z\",\"attributes\":{\"country\":\"" +
                   (i % 2 ? "DE" : "AT") + "\"}}\n";
      const bool solved = variant == "new" ? i % 5 != 0 : i % 2 == 0;
      const std::string id = std::to_string(i);
      outcomes += "s" + id + "," + unit + ",solved," + (solved ? "1" : "0") +
                  ",2026-11-05T00:00:00Z\nc" + id + "," + unit + ",cost," +
                  std::to_string(3 + i % 7) + ",2026-11-05T00:00:00Z\n";
    }
    ASSERT_EQ(
        experiment({"expose", "prompt_v2", "--file", write("e.jsonl", exposures)}).exit_status, 0);
    outcomes_file = write("o.csv", outcomes);
    const auto got = experiment({"record", "prompt_v2", "--file", outcomes_file, "--json"});
    ASSERT_EQ(got.exit_status, 0) << got.err;
    EXPECT_EQ(got.json()["new"], 122);
  }

  const Workspace workspace;
  std::string outcomes_file;
};

TEST_F(ExperimentCommand, GoesFromDeclarationToVerdict) {
  create_and_start();
  expose_and_record();
  // The same file again counts nothing twice.
  EXPECT_EQ(experiment({"record", "prompt_v2", "--file", outcomes_file, "--json"}).json()["known"],
            122);
  const auto got =
      experiment({"analyze", "prompt_v2", "--segment", "country", "--by-day", "--json"});
  const Json out = got.json();
  EXPECT_EQ(out["arms"][0]["units"].get<int>() + out["arms"][1]["units"].get<int>(), 61);
  EXPECT_EQ(out["metrics"].size(), 2U);
  EXPECT_EQ(out["segments"].size(), 4U);  // two countries, two metrics
  EXPECT_EQ(out["days"].size(), 6U);
  EXPECT_EQ(got.exit_status, out["decision"] == "ship"        ? 0
                             : out["decision"] == "undecided" ? 5
                                                              : 1);
  const auto text = experiment({"analyze", "prompt_v2"});
  EXPECT_THAT(text.out, HasSubstr("Sample ratio: as the split says"));
  EXPECT_THAT(text.out, HasSubstr(out["reason"].get<std::string>()));
  // peira report has the same, day by day.
  const auto report = workspace.peira(
      {"report", "--experiment", "prompt_v2", "--format", "json", "--segment", "country"});
  EXPECT_EQ(report.exit_status, 0) << report.err;
  EXPECT_EQ(report.json(), out);
  const std::string by_report = (workspace.dir() / "a.html").string();
  const std::string by_analyze = (workspace.dir() / "b.html").string();
  workspace.peira({"report", "--experiment", "prompt_v2", "-o", by_report});
  experiment({"analyze", "prompt_v2", "--by-day", "--report", by_analyze});
  const auto until_made = [](const std::string& page) {
    const std::string contents = read_file(page);
    return contents.substr(0, contents.find("How this report was made"));
  };
  EXPECT_THAT(until_made(by_report), HasSubstr("As it came about"));
  EXPECT_EQ(until_made(by_report), until_made(by_analyze));
  EXPECT_EQ(workspace.peira({"report", "latest", "--experiment", "prompt_v2"}).exit_status, 2);
  EXPECT_EQ(experiment({"stop", "prompt_v2", "--conclusion", "ship new"}).exit_status, 0);
  EXPECT_THAT(experiment({"show", "prompt_v2"}).out, HasSubstr("ship new"));
  EXPECT_THAT(experiment({"assign", "prompt_v2", "user_1"}).out, HasSubstr("not_running"));
}

// The buckets of the statistics specification's table.
TEST_F(ExperimentCommand, HashesAsPublished) {
  const auto got = [&](const std::string& scheme, const std::string& seed, const std::string& id) {
    return workspace.peira({"experiment", "hash", "--scheme", scheme, "--seed", seed, id}).out;
  };
  EXPECT_EQ(got("md5_10000", "prompt_v2_test", "user_1"), "user_1\t3512\n");
  EXPECT_EQ(got("md5_100", "prompt_v2_test", "user_2"), "user_2\t83\n");
  EXPECT_EQ(got("md5", "exp1", "alice"), "alice\tb09226f524a0c4175ce0c264e67161c6\n");
  EXPECT_EQ(got("fnv1a_v1", "exp1", "bob"), "bob\t0.63\n");
  EXPECT_EQ(got("fnv1a_v2", "exp1", "bob"), "bob\t0.9226\n");
}

TEST_F(ExperimentCommand, TakesSumsAndTables) {
  create_and_start();
  const std::string sums = write("sums.csv",
                                 "variant,metric,n,sum,sum_squares\n"
                                 "control,solved,1000,500,500\nnew,solved,1010,606,606\n"
                                 "control,cost,1000,3000,9900\nnew,cost,1010,3030,9999\n");
  const auto got = experiment({"analyze", "prompt_v2", "--from-summary", sums, "--json"});
  EXPECT_EQ(got.exit_status, 0) << got.err;
  EXPECT_EQ(got.json()["winner"], "new");
  const std::string table = write("t.csv", "variant,solved,cost\ncontrol,1,2\nnew,0,3\nnew,2,3\n");
  const auto bad = experiment({"analyze", "prompt_v2", "--from-outcomes", table});
  EXPECT_EQ(bad.exit_status, 3);
  EXPECT_THAT(bad.err, HasSubstr("t.csv:4: metric 'solved'"));
  EXPECT_THAT(experiment({"sql", "prompt_v2", "--dialect", "postgres"}).out,
              HasSubstr("COUNT(DISTINCT variant)"));
}

// Two prompts of the bundled model over its sample suite: the same data as peira compare.
TEST_F(ExperimentCommand, TakesRunsAsArms) {
  for (const char* prompt : {"official", "direct"}) {
    ASSERT_EQ(workspace.peira({"run", "gpqa", "--prompt", prompt, "--limit", "80"}).exit_status, 0);
  }
  const auto got =
      experiment({"benchmark", "--arm", "official=latest~1", "--arm", "direct=latest", "--json"});
  const Json out = got.json();
  EXPECT_EQ(out["control"], "official");
  const Json compared =
      workspace.peira({"compare", "latest~1", "latest", "--vary", "prompt", "--json"}).json();
  EXPECT_EQ(out["suites"][0]["comparison"]["difference"], compared["difference"]);
  EXPECT_EQ(out["suites"][0]["adjusted_p"], compared["p_value"]);  // one test: nothing to adjust
  const std::string decision = out["arms"][0]["decision"];
  EXPECT_EQ(got.exit_status, decision == "ship" ? 0 : decision == "keep-control" ? 1 : 5);
  // A loss of 50 points is ruled out; a run against itself says nothing.
  const auto verdict = [&](const std::string& other, const std::string& margin) {
    const auto guarded = experiment({"benchmark", "--arm", "official=latest~1", "--arm",
                                     "other=" + other, "--guardrail", "gpqa=" + margin, "--json"});
    return guarded.json()["suites"][0]["verdict"].get<std::string>();
  };
  EXPECT_EQ(verdict("latest", "0.5"), "holds");
  EXPECT_NE(verdict("latest", "0.0001"), "holds");
  EXPECT_EQ(verdict("latest~1", "0.02"), "no test");
  const auto bad = experiment({"benchmark", "--arm", "official=latest"});
  EXPECT_EQ(bad.exit_status, 2);
  EXPECT_THAT(bad.err, HasSubstr("a control and another arm"));
}

TEST_F(ExperimentCommand, SaysWhatIsWrongInALine) {
  create_and_start();
  const auto expect_error = [&](const std::vector<std::string>& arguments, int status,
                                const std::string& text) {
    const auto got = experiment(arguments);
    EXPECT_EQ(got.exit_status, status) << got.err;
    EXPECT_THAT(got.err, HasSubstr(text));
  };
  expect_error({"create", "x", "--variant", "a=50", "--variant", "b=40", "--metric", "m"}, 2,
               "add up to 90 %, not 100");
  expect_error({"create", "x", "--variant", "a", "--variant", "b=40", "--metric", "m"}, 2,
               "KEY=PERCENT");
  expect_error({"create", "prompt_v2", "--variant", "a=50", "--variant", "b=50", "--metric", "m"},
               2, "already");
  expect_error({"analyze", "nothing"}, 2, "there are prompt_v2");
  expect_error({"expose", "prompt_v2", "--unit", "u", "--variant", "old"}, 2,
               "its variants are control, new");
  expect_error({"record", "prompt_v2", "--unit", "u", "--metric", "x", "--value", "1"}, 2,
               "its metrics are solved, cost");
  expect_error(
      {"record", "prompt_v2", "--unit", "u", "--metric", "cost", "--value", "1", "--time", "soon"},
      2, "is no time");
  const std::string file = write(
      "o.csv", "event_id,unit,metric,value,ts\n1,u,cost,1,0\n2,u,cost,many,0\n3,u,cost,1,0\n");
  expect_error({"record", "prompt_v2", "--file", file}, 3, "o.csv:3: value 'many'");
  expect_error({"record", "prompt_v2", "--file", file, "--on-error", "skip"}, 3,
               "1 lines were skipped");
  // The good lines of the file are in, once.
  EXPECT_EQ(experiment({"record", "prompt_v2", "--file", file, "--on-error", "skip", "--json"})
                .json()["known"],
            2);
  expect_error({"ramp", "prompt_v2"}, 2, "nothing to change");
}

}  // namespace
}  // namespace peira::e2e
