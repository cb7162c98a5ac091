// Prices as people write them, and what runs come to by them.
#include "runner/run_cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::HasSubstr;

PriceTable table(const std::string& text) { return PriceTable(parse_json(text, "p"), "p"); }

std::string failure_of(const std::string& text) {
  try {
    table(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

TEST(PriceTable, FindsTheClosestNameAndTheDaysPrice) {
  const PriceTable prices = table(R"({
    "x": {"input": 1, "output": 2},
    "openai:y": [{"since": "2026-02-01", "input": 3, "output": 30}, {"input": 4, "output": 40}],
    "z": [{"since": "2026-02-01", "input": 9, "output": 9}],
    "x@https://eu.example/v1/": {"input": 5, "output": 6}})");

  EXPECT_EQ(prices.find("openai:x", "https://other.example/v1", "2026-11-26").value().input, 1);
  EXPECT_EQ(prices.find("openai:x", "https://eu.example/v1", "2026-11-26").value().input, 5);
  EXPECT_EQ(prices.find("x", "", "2026-11-26").value().output, 2);
  EXPECT_EQ(prices.find("y", "", "2026-01-31T23:59:59Z").value().output, 40);
  EXPECT_EQ(prices.find("y", "", "2026-02-01T00:00:00Z").value().output, 30);
  EXPECT_FALSE(prices.find("z", "", "2026-01-31").has_value());
  EXPECT_FALSE(prices.find("openai:w", "", "2026-11-26").has_value());
}

TEST(PriceTable, TellsWhatIsWrong) {
  EXPECT_THAT(failure_of("[]"), HasSubstr("p: prices are an object"));
  EXPECT_THAT(failure_of(R"({"x": 3})"), HasSubstr("p: \"x\": no price"));
  EXPECT_THAT(failure_of(R"({"x": {"input": 1}})"), HasSubstr("output"));
  EXPECT_THAT(failure_of(R"({"x": {"input": -1, "output": 1}})"), HasSubstr("is -1"));
  EXPECT_THAT(failure_of(R"({"x": {"input": "1", "output": 1}})"), HasSubstr("is \"1\""));
  EXPECT_THAT(failure_of(R"({"x": {"inputs": 1, "output": 1}})"), HasSubstr("\"inputs\""));
  EXPECT_THAT(failure_of(R"({"x": {"input": 1, "output": 1, "since": "may"}})"),
              HasSubstr("not a day"));
  EXPECT_THAT(failure_of(R"({"x": [{"input": 1, "output": 1}, {"input": 2, "output": 1}]})"),
              HasSubstr("two prices without"));
  EXPECT_THAT(failure_of(R"({"x": {"input": 1, "output": 1},
                             "openai:x": {"input": 1, "output": 1}})"),
              HasSubstr("already"));
}

// By hand: 12 answers of 3 + 3 tokens at $2 and $10 a million are 12 * 3 * 12 / 1e6 dollars.
TEST(RunCost, CountsWhatTheModelWasAskedForOnly) {
  const TempFolder folder;
  Store store(folder / "store.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(12);
  options.use_cache = true;
  const std::string first = execute_run(store, model, options).run_id;
  options = sums_options(15);
  options.use_cache = true;
  options.resume = Resume::kNew;
  const std::string second = execute_run(store, model, options).run_id;
  ASSERT_EQ(store.run(second).cached, 12);

  std::ofstream(folder / "prices.json") << R"({"fake": {"input": 2, "output": 10}})";
  const PriceTable prices = prices_for(store, "");
  const RunCost cost = run_cost(store, store.run(first), prices).value();
  EXPECT_EQ(cost.prompt_tokens, 36);
  EXPECT_DOUBLE_EQ(cost.dollars, 12 * 3 * 12 / 1e6);
  EXPECT_DOUBLE_EQ(run_cost(store, store.run(second), prices).value().dollars, 3 * 3 * 12 / 1e6);
  EXPECT_FALSE(run_cost(store, store.run(first), table(R"({})")).has_value());
}

TEST(RunCost, OfAnswersWithoutTokenCountsIsNotKnown) {
  const TempFolder folder;
  Store store(folder / "store.sqlite");
  FakeClient model([](const ModelRequest&) {
    ModelResponse response;
    response.text = "0";
    response.finish_reason = "stop";
    return response;
  });
  const std::string run = execute_run(store, model, sums_options(3)).run_id;
  EXPECT_FALSE(run_cost(store, store.run(run), table(R"({"fake": {"input": 2, "output": 10}})")));
}

}  // namespace
}  // namespace peira::runner::testing
