#include "runner/gate/gate_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(GatePlan, ReadsEveryKind) {
  const GatePlan plan = parse_gate_plan(R"({"alpha": 0.1, "vary": ["model"],
    "prices": {"input": 1, "output": 2},
    "gates": [{"target": "sums", "min": 0.5, "min_items": 30, "weight": 2},
              {"target": "sums.unparsed", "max": 0.1},
              {"target": "sums[parity=odd]", "no_worse_than": "last-green@main", "by": 0.01},
              {"target": "sums", "equivalent_to": "main", "within": 0.02}]})",
                                        "p.json");
  EXPECT_DOUBLE_EQ(plan.policy.alpha, 0.1);
  ASSERT_EQ(plan.policy.gates.size(), 4U);
  EXPECT_EQ(plan.policy.gates[0].min_items, 30);
  EXPECT_EQ(plan.policy.gates[2].baseline, "last-green@main");
  EXPECT_EQ(plan.policy.gates[3].kind, evals::GateKind::kEquivalent);
}

TEST(GatePlan, NamesThePathOfATypoAndTheKeysThereAre) {
  const auto refusal = [](const char* text) {
    return message_of([text] { parse_gate_plan(text, "p.json"); });
  };
  EXPECT_THAT(refusal(R"({"gates": [{"target": "s", "min": 0.5}, {"target": "s", "mni": 1}]})"),
              HasSubstr("p.json: gates[1].mni: there is no such key\n  try: one of target, min"));
  EXPECT_THAT(refusal(R"({"gate": []})"), HasSubstr("p.json: gate: there is no such key"));
  EXPECT_THAT(refusal(R"({"gates": [{"target": "s.unprased", "max": 0.5}]})"),
              HasSubstr("try: unparsed"));
  EXPECT_THAT(refusal(R"({"gates": [{"target": "s", "min": "high"}]})"), HasSubstr("no number"));
  EXPECT_THAT(refusal(R"({"gates": [{"target": "s", "min": 0.5, "max": 0.6}]})"),
              HasSubstr("has 2 of"));
  EXPECT_THAT(refusal(R"({"gates": [{"target": "s", "no_worse_than": "x"}]})"),
              HasSubstr("by is missing"));
  EXPECT_THAT(refusal(R"({"gates": []})"), HasSubstr("no list of gates"));
  EXPECT_THAT(refusal(R"([1])"), HasSubstr("no object"));
}

TEST(GateRuns, JudgesStoredRunsAndFindsTheLastGreenOne) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  const std::string first = execute_run(store, model, sums_options(60)).run_id;
  RunOptions options = sums_options(60);
  options.seed = 5;
  const std::string second = execute_run(store, model, options).run_id;
  Tags tags(store.path());

  GatePlan plan = parse_gate_plan(
      R"({"vary": ["all"], "gates": [{"target": "sums", "min": 0.3},
          {"target": "sums", "no_worse_than": "last-green@main", "by": 0.3}]})",
      "p.json");
  const std::vector<std::string> runs{second};
  const evals::GateReport before = gate_runs(store, tags, plan, runs);
  EXPECT_EQ(before.gates[0].status, evals::GateStatus::kPass);
  EXPECT_THAT(before.gates[1].why, HasSubstr("no baseline last-green@main"));
  EXPECT_EQ(before.status, evals::GateStatus::kUndecided);

  tags.record({first, "sums", "main", "", "pass", "2026-01-01T00:00:00Z"});
  tags.record({second, "sums", "main", "", "pass", "2026-01-02T00:00:00Z"});
  const evals::GateReport after = gate_runs(store, tags, plan, runs);
  EXPECT_EQ(after.gates[1].baseline_id, first);
  EXPECT_EQ(after.status, evals::GateStatus::kPass);

  tags.record({first, "sums", "main", "", "fail", "2026-01-03T00:00:00Z"});
  EXPECT_FALSE(tags.last_green("sums", "main", {second}));
}

TEST(GateRuns, RefusesAnotherDatasetAndUndeclaredDifferences) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  const std::string other = execute_run(store, model, sums_options(40)).run_id;
  const std::string run = execute_run(store, model, sums_options(60)).run_id;
  RunOptions options = sums_options(60);
  options.seed = 5;
  const std::string seeded = execute_run(store, model, options).run_id;
  Tags tags(store.path());
  const std::vector<std::string> runs{run};
  const auto against = [&](const std::string& baseline) {
    GatePlan plan;
    evals::Gate gate;
    gate.target = evals::parse_gate_target("sums");
    gate.kind = evals::GateKind::kNoWorse;
    gate.bound = 0.1;
    gate.baseline = baseline;
    plan.policy.gates = {gate};
    plan.vary = baseline == other ? std::vector<std::string>{"all"} : std::vector<std::string>{};
    return message_of([&] { gate_runs(store, tags, plan, runs); });
  };
  EXPECT_THAT(against(other), HasSubstr("other questions are no baseline"));
  EXPECT_THAT(against(seeded), HasSubstr("--vary seed"));
  EXPECT_THAT(against("nothing"), HasSubstr("neither a tag nor a run"));
  tags.set("main", run);
  EXPECT_EQ(against("main"), "");  // its own baseline: held back, not refused
}

TEST(Tags, AreSetMovedListedAndRemoved) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  EXPECT_TRUE(Tags(store.path(), Tags::Access::kReadOnly).list().empty());
  Tags tags(store.path());
  tags.set("main/gpqa", "a");
  tags.set("main/gpqa", "b");
  EXPECT_EQ(tags.find("main/gpqa"), "b");
  EXPECT_EQ(tags.list().size(), 1U);
  tags.remove("main/gpqa");
  EXPECT_FALSE(tags.find("main/gpqa"));
  EXPECT_THROW(tags.remove("main/gpqa"), Error);
  for (const char* bad : {"", "latest", "last-green@x", "a b", "-x", "../\n"}) {
    EXPECT_THROW(tags.set(bad, "a"), Error) << bad;
  }
}

}  // namespace
}  // namespace peira::runner::testing
