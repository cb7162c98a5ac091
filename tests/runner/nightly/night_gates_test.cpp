// Gates of a plan, night after night: verdicts, exit codes, and what "last green" comes to mean.
#include "runner/nightly/night_gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "runner/nightly/series_book.h"
#include "runner/tags.h"
#include "tests/runner/nightly/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

NightResult run(const NightlyFolder& folder, int night) {
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  return run_night(store, nights, folder.plan(), night_date(night), false, {});
}

int status_of(const NightResult& result) { return exit_status_of(result.night, result.judgements); }

std::string headline(const NightResult& result) {
  return headline_of(result.night, result.judgements);
}

TEST(NightGates, FailUndecideAndPassTheNight) {
  const NightlyFolder folder(R"({"gates": {"name": "level", "gates":
      [{"target": "sums", "min": 0.7}, {"target": "sums.unparsed", "max": 0.05}]}})");
  folder.set_night(0, 12);
  const NightResult good = run(folder, 0);
  EXPECT_EQ(status_of(good), 0) << headline(good);
  ASSERT_EQ(good.night.gates.size(), 1U);
  EXPECT_EQ(good.night.gates[0].name, "level/replay/official");
  EXPECT_EQ(good.night.gates[0].status, evals::GateStatus::kPass);
  EXPECT_THAT(headline(good), HasSubstr("All gates pass (1)"));

  folder.set_night(1, 34);  // 86 of 120 right: neither shown nor refuted at 0.7
  const NightResult open = run(folder, 1);
  EXPECT_EQ(status_of(open), 5) << headline(open);
  EXPECT_EQ(open.night.outcome["verdict"], "gates undecided");

  folder.set_night(2, 60);
  const NightResult bad = run(folder, 2);
  EXPECT_EQ(status_of(bad), 1);
  EXPECT_THAT(headline(bad),
              HasSubstr("Gates level/replay/official: Failed: sums.accuracy >= 0.7"));
  EXPECT_EQ(bad.night.outcome["gates"][0]["status"], "fail");
  EXPECT_EQ(bad.night.outcome["gates"][0]["report"]["gates"][0]["items"], 120);
  EXPECT_THAT(failed_entries(bad.night), ElementsAre("sums/replay/official"));

  // What was stored says the same.
  const NightStore nights(folder / "store.sqlite", NightStore::Access::kReadOnly);
  const std::optional<NightRecord> stored = nights.find("smoke", night_date(2));
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->gates.size(), 1U);
  EXPECT_EQ(to_json(stored->gates[0]), to_json(bad.night.gates[0]));
  EXPECT_EQ(exit_status_of(*stored, nights.judgements(stored->key)), 1);
}

// A failed night is no reference for the series, and no baseline for later gates.
TEST(NightGates, KnowTheLastGreenRunOfTheirOwnEntry) {
  const NightlyFolder folder(R"({"branch": "main",
      "models": [{"model": "replay:model.jsonl", "name": "replay"},
                 {"model": "replay:other.jsonl", "name": "other"}],
      "gates": {"name": "g", "vary": ["model"], "gates":
          [{"target": "sums", "no_worse_than": "last-green@main", "by": 0.1}]}})");
  const auto write_other = [&](int wrong) {
    std::string lines;
    for (int row = 0; row < NightlyFolder::kQuestions; ++row) {
      lines += dump_json(Json{{"id", "q" + std::to_string(row)},
                              {"response", std::to_string(row < wrong ? -1 : 2 * row)}}) +
               "\n";
    }
    folder.write("other.jsonl", lines);
  };
  folder.set_night(0, 20);
  write_other(100);
  const NightResult first = run(folder, 0);
  EXPECT_EQ(status_of(first), 5);
  EXPECT_THAT(first.night.gates[0].headline, HasSubstr("there is no baseline last-green@main"));

  // Nothing passed there yet: the newest run of the entry that did not fail.
  folder.set_night(1, 20);
  write_other(99);
  const NightResult second = run(folder, 1);
  EXPECT_EQ(second.night.gates[0].status, evals::GateStatus::kPass)
      << second.night.gates[0].headline;
  EXPECT_EQ(second.night.gates[0].report["gates"][0]["baseline"], first.night.entries[0].run);
  // The other model's are its own nights, however good this one's.
  EXPECT_EQ(second.night.gates[1].report["gates"][0]["baseline"], first.night.entries[1].run);

  folder.set_night(2, 70);
  const NightResult worse = run(folder, 2);
  EXPECT_EQ(worse.night.gates[0].status, evals::GateStatus::kFail);
  folder.set_night(3, 70);
  const NightResult still = run(folder, 3);
  EXPECT_EQ(still.night.gates[0].report["gates"][0]["baseline"], second.night.entries[0].run)
      << "a red night became the baseline";
  EXPECT_EQ(still.night.gates[0].status, evals::GateStatus::kFail);

  const Tags tags(folder / "store.sqlite", Tags::Access::kReadOnly);
  EXPECT_TRUE(tags.has_failed(still.night.entries[0].run));
  EXPECT_FALSE(tags.judged("sums", "main", "pass").empty());
}

TEST(NightGates, LeaveRedNightsOutOfTheReference) {
  const NightlyFolder folder(R"({"history": {"min_nights": 3},
      "gates": {"gates": [{"target": "sums.unparsed", "max": 0.5}, {"target": "sums", "min": 0.7}]}})");
  for (int night = 0; night < 5; ++night) {
    folder.set_night(night, night == 2 ? 60 : 20 + night % 2);
    const NightResult result = run(folder, night);
    EXPECT_EQ(result.judgements[0].second.green, night != 2) << headline(result);
  }
}

TEST(NightGates, OfSeveralPoliciesTheWorstCounts) {
  const NightlyFolder folder(R"({"branch": "main", "gates": [
      {"name": "strict", "gates": [{"target": "sums", "min": 0.99}]},
      {"name": "lax", "gates": [{"target": "sums", "min": 0.3}]}]})");
  folder.set_night(0, 40);
  const NightResult result = run(folder, 0);
  EXPECT_EQ(status_of(result), 1);
  EXPECT_EQ(result.night.gates[1].status, evals::GateStatus::kPass);
  const Tags tags(folder / "store.sqlite", Tags::Access::kReadOnly);
  EXPECT_TRUE(tags.judged("sums", "main", "pass").empty()) << "passed one policy of two";
  EXPECT_TRUE(tags.has_failed(result.night.entries[0].run));
}

TEST(NightGates, AreUndecidedByABaselineThatIsNone) {
  const NightlyFolder folder(R"({"gates": {"name": "g", "gates":
      [{"target": "sums", "no_worse_than": "main", "by": 0.1}]}})");
  const NightResult result = run(folder, 0);
  EXPECT_EQ(status_of(result), 5);
  EXPECT_THAT(result.night.gates[0].headline,
              StartsWith("Undecided: baseline \"main\" is neither a tag nor a run"));
  EXPECT_TRUE(result.night.gates[0].report.is_null());
}

TEST(NightGates, JudgeCostByThePlansPrices) {
  const auto with_prices = [](const std::string& prices) {
    return R"({"prices": )" + prices + R"(, "gates": {"name": "g", "gates":
        [{"target": "sums", "min": 0.2}, {"target": "sums.cost", "max": 0.01}]}})";
  };
  // Replies of a file have no token counts: nothing is known of their cost, so nothing passes.
  const NightlyFolder folder(with_prices(R"({"replay:model.jsonl": {"input": 1, "output": 2}})"));
  const NightResult result = run(folder, 0);
  EXPECT_EQ(result.night.gates[0].status, evals::GateStatus::kUndecided);
  EXPECT_THAT(dump_json(result.night.gates[0].report), HasSubstr("token counts"));
}

TEST(NightGates, OfAnIncompleteRunAreUndecided) {
  const NightlyFolder folder(R"({
      "gates": {"name": "g", "gates": [{"target": "sums", "min": 0.2}]}})");
  std::string half;  // of the questions have a reply, all of them right
  for (int row = 0; row < NightlyFolder::kQuestions / 2; ++row) {
    half +=
        dump_json(Json{{"id", "q" + std::to_string(row)}, {"response", std::to_string(2 * row)}}) +
        "\n";
  }
  folder.write("model.jsonl", half);
  const NightResult result = run(folder, 0);
  EXPECT_EQ(status_of(result), 5);
  ASSERT_EQ(result.night.gates.size(), 1U);
  EXPECT_EQ(result.night.gates[0].status, evals::GateStatus::kUndecided);
  EXPECT_THAT(result.night.gates[0].headline, HasSubstr("is incomplete"));
}

// Judged again later, nights keep what their gates said at the time.
TEST(NightGates, AreNotJudgedAfterTheFact) {
  const NightlyFolder folder(
      R"({"gates": {"name": "g", "gates": [{"target": "sums", "min": 0.7}]}})");
  folder.set_night(0, 60);
  const NightResult bad = run(folder, 0);
  EXPECT_EQ(status_of(bad), 1);
  Store store(folder / "store.sqlite");
  NightStore nights(store.path());
  backfill(store, nights, folder.plan(), night_date(0), night_date(1), {});
  const NightRecord again = *nights.find("smoke", night_date(0));
  ASSERT_EQ(again.gates.size(), 1U);
  EXPECT_EQ(again.gates[0].status, evals::GateStatus::kFail);
  EXPECT_EQ(again.outcome["exit_status"], 1);
  EXPECT_FALSE(nights.judgements(again.key)[0].second.green);
}

std::string refusal(const std::string& more) {
  try {
    const NightlyFolder folder(more);
    static_cast<void>(folder.plan());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    const std::string what = error.what();
    return what.substr(what.find("plan.json: ") + 11);
  }
  return "accepted";
}

TEST(NightGates, RefusesWhatThePlanCannotGate) {
  EXPECT_THAT(
      refusal(R"({"gates": {"gates": [{"target": "sum", "min": 0.5}]}})"),
      HasSubstr("gates: gate sum.accuracy >= 0.5: suite sum is none of: sums\n  try: sums"));
  EXPECT_THAT(refusal(R"({"gates": [{"gates": [{"target": "sums", "mni": 0.5}]}]})"),
              StartsWith("gates[0].gates[0].mni: there is no such key"));
  EXPECT_THAT(refusal(R"({"gates": {"gates": [{"target": "sums.acuracy", "min": 0.5}]}})"),
              HasSubstr("try: accuracy"));
  EXPECT_THAT(refusal(R"({"gates": {"gates": [{"target": "sums", "min": 1.5}]}})"),
              HasSubstr("a share is shown to lie beyond a bound between 0 and 1"));
  EXPECT_THAT(refusal(R"({"gates": {"modles": [], "gates": []}})"),
              StartsWith("gates.modles: no such key; allowed: policy, name, models"));
  EXPECT_THAT(refusal(R"({"gates": {"models": ["repaly"], "gates": []}})"),
              HasSubstr("try: replay"));
  EXPECT_THAT(
      refusal(R"({"gates": {"prompts": ["direct"], "gates": [{"target": "sums", "min": 0.5}]}})"),
      HasSubstr("there are 0 runs a night of suite sums with model replay and prompt direct"));
  EXPECT_THAT(refusal(R"({"gates": []})"), HasSubstr("gates: must be a policy or a list"));
  EXPECT_THAT(refusal(R"({"gates": {"policy": "p.json", "alpha": 0.1}})"),
              HasSubstr("gates.alpha: stands in the policy file"));
}

TEST(NightGates, ReadsPoliciesFromFilesAndOfSuites) {
  const NightlyFolder folder(R"({"gates": "gates.json", "suites":
      [{"suite": "sums.json", "gates": {"alpha": 0.01, "gates": [{"target": "sums", "min": 0.5}]}}]})");
  folder.write("gates.json", R"({"gates": [{"target": "sums", "max": 0.99}]})");
  const NightlyPlan plan = folder.plan();
  ASSERT_EQ(plan.gates.size(), 2U);
  EXPECT_EQ(plan.gates[0].name, "gates");
  EXPECT_FALSE(plan.gates[0].suite);
  EXPECT_EQ(plan.gates[1].name, "suites[0].gates");
  EXPECT_EQ(plan.gates[1].suite, 0U);
  EXPECT_EQ(plan.gates[1].plan.policy.alpha, 0.01);
  EXPECT_THAT(plan.gates[1].prompts, ElementsAre("official"));
  EXPECT_THAT(plan.gates[1].models, ElementsAre("replay"));
}

}  // namespace
}  // namespace peira::runner::testing
