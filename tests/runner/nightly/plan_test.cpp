#include "runner/nightly/plan.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/files.h"
#include "runner/nightly/series_book.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner {
namespace {

NightlyPlan read(const std::string& text) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "plan.json", text);
  return read_nightly_plan(folder / "plan.json");
}

// The error of `text`, from its first JSON path on; the code must be kData.
std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData) << error.what();
    const std::string what = error.what();
    const std::string mark = "plan.json: ";
    const std::size_t at = what.find(mark);
    return at == std::string::npos ? what : what.substr(at + mark.size());
  }
  return "accepted";
}

// `member` in a plan that is good otherwise.
std::string with(const std::string& member) {
  return R"({"models": ["bundled"], "suites": ["gpqa"], )" + member + "}";
}

TEST(NightlyPlan, ReadsASmallOne) {
  const NightlyPlan plan = read(R"({"models": ["bundled"], "suites": ["gpqa", "aime"]})");
  EXPECT_EQ(plan.name, "plan");
  ASSERT_EQ(plan.suites.size(), 2U);
  EXPECT_EQ(plan.suites[1].suite, "aime");
  EXPECT_EQ(plan.suites[1].prompts, std::vector<std::string>{"official"});
  EXPECT_EQ(plan.suites[1].metrics, std::vector<std::string>{"score"});
  EXPECT_EQ(plan.suites[1].models, std::vector<std::string>{"bundled"});
  EXPECT_EQ(to_string(plan.suites[1].schedule), "every night");
  EXPECT_FALSE(plan.budget.tokens);
}

TEST(NightlyPlan, ReadsEveryKey) {
  const NightlyPlan plan = read(R"({
    "name": "smoke", "store": "s.sqlite", "report": "out/{date}.html", "seed": 7,
    "models": ["instant",
               {"model": "openai:m@http://localhost:1/v1", "name": "remote",
                "price": {"input": 0.5, "output": 2}},
               {"model": "bundled", "name": "small", "device": "cpu", "threads": 2, "batch": 4,
                "weights": "int8", "kv_dtype": "bf16", "template_date": "2026-01-01",
                "template_options": {"enable_thinking": false}}],
    "suites": [{"suite": "gpqa", "profile": "official", "prompts": ["direct"], "models": ["small"],
                "metrics": ["score", "unparsed"], "limit": 10, "epochs": 2, "method": "generate",
                "max_tokens": 99, "schedule": "every 7 days or when changed"}, "aime"],
    "prompts": ["official", "chain-of-thought"], "metrics": ["score"], "schedule": "when changed",
    "sampling": {"temperature": 0.5, "top_p": 0.9, "top_k": 5},
    "budget": {"minutes": 1.5, "tokens": 1000},
    "history": {"window": 14, "min_nights": 5, "alpha": 0.01, "procedure": "saffron",
                "renew_after": 90, "run_length": 500, "measure_every": 30},
    "notify": {"command": ["true"], "webhook": "env:HOOK", "on": "always"},
    "max_failures": "3", "timeout_s": 30, "retries": 1, "in_flight": 4})");
  EXPECT_EQ(plan.models[1].price->input, 0.5);
  EXPECT_FALSE(plan.models[1].is_repeatable());
  EXPECT_TRUE(plan.models[2].is_repeatable());
  EXPECT_EQ(plan.models[2].engine.weights, model::WeightPrecision::kInt8);
  EXPECT_EQ(plan.model("small").template_date, "2026-01-01");
  EXPECT_EQ(plan.suites[0].models, std::vector<std::string>{"small"});
  EXPECT_EQ(plan.suites[0].schedule.every_days, 7);
  EXPECT_TRUE(plan.suites[0].schedule.when_changed);
  EXPECT_FALSE(plan.suites[1].schedule.every_days);
  EXPECT_EQ(plan.suites[1].prompts.size(), 2U);
  EXPECT_EQ(plan.history.procedure, stats::OnlineProcedure::kSaffron);
  EXPECT_EQ(plan.history.renew_after, 90);
  EXPECT_EQ(plan.max_failures.text(), "3");
  EXPECT_EQ(entries_of(plan).size(), 1U + 3 * 2);
  EXPECT_EQ(entries_of(plan)[0].name, "gpqa/small/direct/official");
}

TEST(NightlyPlan, NamesThePlaceOfATypoAndTheNearestKey) {
  EXPECT_EQ(refusal(R"({"models": ["bundled"], "suites": [{"suite": "gpqa", "limitt": 3}]})"),
            "suites[0].limitt: no such key; allowed: suite, data, profile, prompts, models, "
            "metrics, limit, epochs, method, max_tokens, schedule, gates\n  try: limit");
  EXPECT_EQ(refusal(R"({"modles": ["bundled"], "suites": ["gpqa"]})").substr(0, 20),
            "modles: no such key;");
  EXPECT_TRUE(refusal(with(R"("budget": {"token": 5})")).ends_with("\n  try: tokens"));
  EXPECT_EQ(refusal(with(R"("history": {"alpa": 0.1})")),
            "history.alpa: no such key; allowed: window, min_nights, alpha, procedure, "
            "renew_after, run_length, measure_every\n  try: alpha");
  EXPECT_EQ(refusal(with(R"("notify": {"comand": ["true"]})")),
            "notify.comand: no such key; allowed: command, webhook, on\n  try: command");
  EXPECT_EQ(
      refusal(R"({"models": [{"model": "bundled", "price": {"in": 1}}], "suites": ["gpqa"]})"),
      "models[0].price.in: no such key; allowed: input, output");
  EXPECT_EQ(refusal(with(R"("metrics": ["score", "scroe"])")),
            "metrics: \"scroe\" is none of: score, unparsed, truncated, empty, refused, "
            "failed\n  try: score");
  EXPECT_TRUE(refusal(R"({"models": ["bundled"], "suites": ["gqpa"]})")
                  .starts_with("suites[0]: there is no suite \"gqpa\""));
  EXPECT_TRUE(refusal(with(R"("prompts": "dirct")"))
                  .starts_with("suites[0]: unknown prompt variant \"dirct\""));
  EXPECT_TRUE(
      refusal(R"({"models": ["bundled"], "suites": [{"suite": "gpqa", "models": ["bundle"]}]})")
          .ends_with("\n  try: bundled"));
}

TEST(NightlyPlan, RefusesValuesThatCannotBe) {
  EXPECT_EQ(refusal(with(R"("budget": {"minutes": -1})")),
            "budget.minutes: must be a number of at least 0, is -1");
  EXPECT_EQ(refusal(with(R"("budget": {"tokens": 1.5})")),
            "budget.tokens: must be a whole number of at least 1, is 1.5");
  EXPECT_EQ(refusal(with(R"("seed": 18446744073709551615)")),
            "seed: must be a whole number of at least 0, is 18446744073709551615");
  EXPECT_TRUE(refusal(with(R"("schedule": "every 0 days")"))
                  .starts_with("schedule: \"every 0 days\" is no schedule"));
  EXPECT_TRUE(refusal(with(R"("name": "../x")")).starts_with("name: \"../x\" must be of letters"));
  EXPECT_TRUE(refusal(with(R"("history": {"window": 4, "min_nights": 9})"))
                  .starts_with("history.min_nights: is 9"));
  EXPECT_TRUE(refusal(with(R"("notify": {"on": "alarm"})")).starts_with("notify: needs a command"));
  EXPECT_TRUE(refusal(with(R"("notify": {"webhook": "file:///etc/passwd"})"))
                  .starts_with("notify.webhook: must begin"));
  EXPECT_TRUE(refusal(with(R"("notify": {"command": "rm -rf /"})"))
                  .starts_with("notify.command: must be a list"));
  EXPECT_TRUE(refusal(with(R"("max_failures": "many")")).starts_with("max_failures: \"many\""));
  EXPECT_EQ(refusal(R"({"models": [], "suites": ["gpqa"]})"),
            "models: must be a list of models, is an empty list");
  EXPECT_EQ(refusal(R"({"suites": ["gpqa"]})"), "models: is missing; it must be a list of models");
  EXPECT_TRUE(refusal(R"({"models": ["bundled", "bundled"], "suites": ["gpqa"]})")
                  .starts_with("models[1]: there are two"));
  EXPECT_EQ(refusal("[1]"), "must be an object, is a list");
  EXPECT_TRUE(refusal("{\"models\": [").starts_with("not valid JSON") ||
              refusal("{\"models\": [").find("not valid JSON") != std::string::npos);
  EXPECT_NE(refusal(std::string(600, '[')), "accepted");
}

TEST(NightlyPlan, PricesModelsByItsOwnTableOrTheOneBesideTheStore) {
  const test::TemporaryFolder folder;
  const auto priced = [&](const std::string& member) {
    NightlyPlan plan = read(with(R"("budget": {"cost": 1})" + member));
    price_models(plan, folder / "store.sqlite", "2026-06-01");
    return plan.models[0].price->output;
  };
  try {
    priced("");
    FAIL() << "a cost budget without a price";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_NE(std::string(error.what()).find("budget.cost: model \"bundled\" has no price"),
              std::string::npos);
  }
  write_file_atomic(folder / "prices.json",
                    R"({"bundled": [{"input": 1, "output": 2},
                                    {"since": "2026-05-01", "input": 1, "output": 3}]})");
  EXPECT_EQ(priced(""), 3);
  EXPECT_EQ(priced(R"(, "prices": {"bundled": {"input": 1, "output": 7}})"), 7);
  EXPECT_TRUE(refusal(with(R"("prices": {"bundled": {"input": 1}})")).find("output") !=
              std::string::npos);
}

TEST(NightlyPlan, RefusesTheSameEntryTwice) {
  const NightlyPlan plan = read(R"({"models": ["bundled"], "suites": ["gpqa", "gpqa"]})");
  EXPECT_THROW(entries_of(plan), Error);
}

TEST(NightlySchedule, ReadsWhatItWrites) {
  for (const char* text : {"every night", "every 2 days", "every 30 days", "when changed",
                           "every 7 days or when changed", "every night or when changed"}) {
    EXPECT_EQ(to_string(parse_schedule(text)), text);
  }
  for (const char* text : {"", "every", "every days", "every -1 days", "every 7", "daily",
                           "every 7 days or changed", " or when changed"}) {
    EXPECT_THROW(parse_schedule(text), Error) << text;
  }
}

}  // namespace
}  // namespace peira::runner
