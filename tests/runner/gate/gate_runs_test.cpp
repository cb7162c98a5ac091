#include "runner/gate/gate_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

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
    "prices": {"gpt-x": {"input": 1, "output": 2}},
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
  ASSERT_TRUE(plan.prices);
  EXPECT_EQ(plan.prices->find("openai:gpt-x", "", "2026-01-01")->output, 2);
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

TEST(GatePlan, RanksGatesInFamilies) {
  const GatePlan plan = parse_gate_plan(R"({
    "families": [{"name": "primary"}, {"name": "details", "share": 0.2}],
    "gates": [{"target": "s", "min": 0.5, "family": "details"},
              {"target": "t", "min": 0.5, "family": "primary"}]})",
                                        "p.json");
  EXPECT_EQ(plan.policy.families[1].share, 0.2);
  EXPECT_EQ(plan.policy.gates[0].family, 1U);
  EXPECT_EQ(plan.policy.gates[1].family, 0U);
  const GatePlan sequence = parse_gate_plan(R"({"families": "fixed-sequence",
    "gates": [{"target": "s", "min": 0.5}, {"target": "t", "min": 0.5}]})",
                                            "p.json");
  EXPECT_EQ(sequence.policy.families[1].name, "2: t.accuracy >= 0.5");
  EXPECT_EQ(sequence.policy.gates[1].family, 1U);
  const auto refusal = [](const std::string& families, const std::string& family) {
    return message_of([&] {
      parse_gate_plan(R"({"families": )" + families + R"(, "gates": [{"target": "s", "min": 0.5)" +
                          family + "}]}",
                      "p.json");
    });
  };
  EXPECT_THAT(refusal(R"([{"name": "primary"}])", R"(, "family": "primry")"),
              HasSubstr("gates[0].family: there is no family \"primry\"\n  try: primary"));
  EXPECT_THAT(refusal(R"([{"name": "primary"}])", ""), HasSubstr("gates[0].family is missing"));
  EXPECT_THAT(refusal(R"([{"name": "a"}, {"name": "b"}])", R"(, "family": "a")"),
              HasSubstr("family \"b\": no gate is in it"));
  EXPECT_THAT(refusal(R"([{"nme": "a"}])", ""), HasSubstr("families[0].nme: there is no such key"));
  EXPECT_THAT(refusal(R"("ordered")", ""), HasSubstr("neither a list of families nor"));
  EXPECT_THAT(refusal(R"("fixed-sequence")", R"(, "family": "a")"), HasSubstr("its own"));
}

// A run whose manifest says that it was made on the branch.
std::string made_on(const char* branch, Store& store, FakeClient& model, std::uint64_t seed) {
  RunOptions options = sums_options(60);
  options.seed = seed;
  setenv("GITHUB_REF_NAME", branch, 1);
  const std::string id = execute_run(store, model, options).run_id;
  unsetenv("GITHUB_REF_NAME");
  return id;
}

TEST(GateRuns, JudgesStoredRunsAndFindsTheLastGreenOne) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  // Not on main, whatever this project's own folder has checked out.
  unsetenv("GITHUB_HEAD_REF");
  const std::string first = made_on("topic", store, model, 0);
  const std::string second = made_on("topic", store, model, 5);
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
  EXPECT_EQ(tags.judged("sums", "main", "pass"), std::vector<std::string>{second});
  EXPECT_TRUE(tags.has_failed(first));
}

TEST(GateRuns, UntilOnePassedTheLastGreenIsTheNewestMadeThere) {
  unsetenv("GITHUB_HEAD_REF");
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  const std::string old = made_on("main", store, model, 1);
  const std::string side = made_on("side", store, model, 2);
  const std::string candidate = made_on("topic", store, model, 3);
  Tags tags(store.path());
  const auto green = [&](const BaselineQuery& query) {
    return resolve_baseline(store, tags, "last-green@main", query).value_or("none");
  };
  const BaselineQuery query{.suite = "sums", .excluded = {candidate}};
  EXPECT_EQ(green(query), old);
  EXPECT_EQ(green({.suite = "other", .excluded = {}}), "none");
  EXPECT_EQ(green({.suite = "sums", .excluded = {old}}), "none");
  tags.record({old, "sums", "main", "", "fail", "2026-01-01T00:00:00Z"});
  EXPECT_EQ(green(query), "none") << "a run that failed its gates";
  tags.record({side, "sums", "main", "", "pass", "2026-01-02T00:00:00Z"});
  EXPECT_EQ(green(query), side);
  // Of those that passed, one that can be compared stands before a newer one that cannot.
  tags.record({old, "sums", "main", "", "pass", "2026-01-03T00:00:00Z"});
  EXPECT_EQ(green(query), old);
  BaselineQuery particular = query;
  particular.comparable = [&](const RunInfo& run) { return run.id == side; };
  EXPECT_EQ(green(particular), side);
  particular.comparable = [](const RunInfo&) { return false; };
  EXPECT_EQ(green(particular), old) << "refused later, with what it differs in";
  particular.belongs = [&](const RunInfo& run) { return run.id == side; };
  EXPECT_EQ(green(particular), side);
}

TEST(GateRuns, PricesCostByTheSharedTable) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  const std::string run = execute_run(store, model, sums_options(60)).run_id;
  const RunInfo info = store.run(run);
  ASSERT_GT(info.prompt_tokens, 0);
  Tags tags(store.path());
  GatePlan plan = parse_gate_plan(R"({"gates": [{"target": "sums.cost", "max": 1}]})", "p.json");
  const std::vector<std::string> runs{run};
  EXPECT_THAT(message_of([&] { gate_runs(store, tags, plan, runs); }), HasSubstr("no price"));
  const PriceTable table(Json{{info.model, {{"input", 3}, {"output", 15}}}}, "prices.json");
  const evals::GateReport report = gate_runs(store, tags, plan, runs, gate_sources(plan, table));
  const double total = (3.0 * static_cast<double>(info.prompt_tokens) +
                        15.0 * static_cast<double>(info.completion_tokens)) /
                       1e6;
  EXPECT_NEAR(*report.gates[0].estimate, total / static_cast<double>(info.answers), 1e-12);
  // The policy's own table goes before.
  plan.prices = PriceTable(Json{{info.model, {{"input", 0}, {"output", 0}}}}, "own");
  EXPECT_EQ(*gate_runs(store, tags, plan, runs, gate_sources(plan, table)).gates[0].estimate, 0);
  EXPECT_THAT(message_of([] {
                parse_gate_plan(R"({"prices": {"input": 1, "output": 2}, "gates": []})", "p.json");
              }),
              HasSubstr("prices: of which model?"));
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
