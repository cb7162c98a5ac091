// Expected figures: SciPy 1.17.1 and statsmodels 0.15.0, tests/golden/evals/.
#include "evals/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "stats/random.h"
#include "tests/evals/outcomes.h"

namespace peira::evals {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RunRecord record(const std::string& id, const std::string& variant = "direct") {
  RunRecord run;
  run.run_id = id;
  run.suite = "gpqa";
  run.profile = "simple-evals";
  run.variant = variant;
  run.model = "bundled";
  run.complete = true;
  return run;
}

Comparison compare(std::vector<SampleOutcome> a, std::vector<SampleOutcome> b,
                   const ComparisonOptions& options = {}) {
  return compare_outcomes(record("run-a"), record("run-b", "chain-of-thought"),
                          stream_of(std::move(a)), stream_of(std::move(b)), {"prompt"}, options);
}

// Forty pairs: 18 both right, 4 only A, 11 only B, 7 both wrong.
struct FortyPairs {
  std::vector<SampleOutcome> a, b;
  FortyPairs() {
    for (int row = 0; row < 40; ++row) {
      const bool right_a = row < 22;
      const bool right_b = row < 18 || (row >= 22 && row < 33);
      a.push_back(scored(row, 0, right_a, right_a ? "A" : "B"));
      b.push_back(scored(row, 0, right_b, right_b ? "A" : "C"));
    }
  }
};

TEST(CompareOutcomes, GivesThePairedFigures) {
  const FortyPairs pairs;
  const Comparison got = compare(pairs.a, pairs.b);
  EXPECT_EQ(got.num_pairs, 40);
  EXPECT_EQ(got.num_clusters, 40);
  EXPECT_EQ(got.mean_a, 0.55);
  EXPECT_EQ(got.mean_b, 0.725);
  EXPECT_NEAR(got.difference, 0.175, 1e-15);
  EXPECT_NEAR(*got.std_error, 0.0939687618580143, 1e-13);
  EXPECT_NEAR(*got.low, -0.0150697613773023, 1e-12);
  EXPECT_NEAR(*got.high, 0.365069761377302, 1e-12);
  EXPECT_NEAR(*got.p_value, 0.0701041353810667, 1e-12);
  EXPECT_NEAR(*got.mcnemar_p, 0.11846923828125, 1e-14);
  EXPECT_NEAR(*got.effect_size, 0.294458807154257, 1e-13);
  EXPECT_NEAR(*got.correlation, 0.230712389856337, 1e-13);
  EXPECT_NEAR(*got.detectable, 0.270031071620821, 1e-12);
  EXPECT_EQ(got.score_a.interval, "wilson");
  EXPECT_TRUE(got.binary);
  EXPECT_EQ(got.to_right, 11);
  EXPECT_EQ(got.to_wrong, 4);
  ASSERT_EQ(got.flips.size(), 15u);
  EXPECT_EQ(got.flips[0].sample_id, "q18");
  EXPECT_EQ(got.flips[0].answer_a, "A");
  EXPECT_EQ(got.flips[0].answer_b, "C");
  EXPECT_EQ(got.verdict,
            "No difference shown: B (chain-of-thought) is higher by 17.5 points, 95 % CI -1.5 to "
            "36.5, p = 0.070, paired over 40 questions; 11 questions flipped to right, 4 to wrong. "
            "A difference below 27.0 points could easily not have been seen.");
}

TEST(CompareOutcomes, IsTheNegativeOfItselfSwapped) {
  const FortyPairs pairs;
  const Comparison forth = compare(pairs.a, pairs.b);
  const Comparison back = compare(pairs.b, pairs.a);
  EXPECT_EQ(forth.difference, -back.difference);
  EXPECT_EQ(*forth.low, -*back.high);
  EXPECT_EQ(forth.p_value, back.p_value);
  EXPECT_EQ(forth.to_right, back.to_wrong);
}

TEST(CompareOutcomes, ClustersPairsThatBelongTogether) {
  FortyPairs pairs;
  for (int row = 0; row < 40; ++row) {
    const std::string passage = "p" + std::to_string(row / 4);
    pairs.a[static_cast<std::size_t>(row)].cluster = passage;
    pairs.b[static_cast<std::size_t>(row)].cluster = passage;
  }
  const Comparison got = compare(pairs.a, pairs.b);
  EXPECT_EQ(got.num_clusters, 10);
  EXPECT_NEAR(*got.std_error, 0.149303940559741, 1e-13);
  EXPECT_NEAR(*got.low, -0.162748978571216, 1e-12);
  EXPECT_NEAR(*got.p_value, 0.271246112082282, 1e-12);
  EXPECT_FALSE(got.mcnemar_p);  // pairs are not independent
  EXPECT_THAT(got.verdict, HasSubstr("paired over 40 questions in 10 clusters"));
}

TEST(CompareOutcomes, SaysWhichIsBetter) {
  std::vector<SampleOutcome> a, b;
  for (int row = 0; row < 100; ++row) {
    a.push_back(scored(row, 0, row < 50));
    b.push_back(scored(row, 0, row < 70));
  }
  EXPECT_EQ(
      compare(a, b).verdict,
      "B (chain-of-thought) is better by 20.0 points, 95 % CI 12.0 to 28.0, p < 0.001, paired "
      "over 100 questions; 20 questions flipped to right, 0 to wrong.");
  EXPECT_EQ(compare(b, a).verdict,
            "B (chain-of-thought) is worse by 20.0 points, 95 % CI 12.0 to 28.0, p < 0.001, paired "
            "over 100 questions; 0 questions flipped to right, 20 to wrong.");
}

TEST(CompareOutcomes, DoesNotReadEqualAnswersAsCertainty) {
  std::vector<SampleOutcome> a;
  for (int row = 0; row < 50; ++row) a.push_back(scored(row, 0, row < 30));
  const Comparison got = compare(a, a);
  EXPECT_EQ(*got.p_value, 1);
  EXPECT_EQ(got.interval, "tango");
  EXPECT_LT(*got.low, -0.05);
  EXPECT_THAT(got.verdict, HasSubstr("A and B score the same on every one of 50 questions"));
  EXPECT_THAT(got.flips, IsEmpty());
}

// Five questions, all flipped to right: no spread, so no t test; exact McNemar: 2 / 2^5.
TEST(CompareOutcomes, FallsBackToMcNemarWithoutSpread) {
  std::vector<SampleOutcome> a, b;
  for (int row = 0; row < 5; ++row) {
    a.push_back(scored(row, 0, 0));
    b.push_back(scored(row, 0, 1));
  }
  const Comparison got = compare(a, b);
  EXPECT_FALSE(got.p_value);
  EXPECT_FALSE(got.effect_size);
  EXPECT_EQ(*got.mcnemar_p, 0.0625);
  EXPECT_LT(*got.low, 1);
  EXPECT_THAT(got.verdict, HasSubstr("p = 0.06"));
  EXPECT_THAT(got.verdict, testing::StartsWith("No difference shown"));
}

TEST(CompareOutcomes, AveragesEpochsBeforePairing) {
  std::vector<SampleOutcome> a, b;
  for (int row = 0; row < 3; ++row) {
    for (int epoch = 0; epoch < 4; ++epoch) {
      a.push_back(scored(row, epoch, epoch < row, epoch < row ? "A" : "B"));
      b.push_back(scored(row, epoch, epoch < 2, epoch < 2 ? "A" : "D"));
    }
  }
  const Comparison got = compare(a, b);
  EXPECT_EQ(got.num_pairs, 3);
  EXPECT_DOUBLE_EQ(got.difference, (0.5 + 0.25 + 0) / 3);
  EXPECT_FALSE(got.binary);
  EXPECT_FALSE(got.mcnemar_p);
  ASSERT_EQ(got.flips.size(), 2u);
  EXPECT_EQ(got.flips[0].answer_a, "B x4");
  EXPECT_EQ(got.flips[0].answer_b, "A x2, D x2");
  EXPECT_THAT(got.verdict, HasSubstr("2 questions scored higher, 0 lower"));
}

TEST(CompareOutcomes, LeavesFailuresOutOfBothArms) {
  std::vector<SampleOutcome> a{scored(0, 0, 1), unanswered(1, 0, AnswerState::kFailed),
                               scored(2, 0, 0), scored(3, 0, 1)};
  std::vector<SampleOutcome> b{scored(0, 0, 1), scored(1, 0, 1), scored(2, 0, 1),
                               unanswered(3, 0, AnswerState::kUnparsed)};
  const Comparison got = compare(a, b);
  EXPECT_EQ(got.num_pairs, 3);
  EXPECT_EQ(got.failed_pairs, 1);
  EXPECT_EQ(got.difference, 0);
  EXPECT_EQ(got.flips[1].state_b, AnswerState::kUnparsed);
  EXPECT_EQ(got.flips[1].answer_b, "");
  EXPECT_THAT(got.verdict, HasSubstr("1 question that failed in one run or both."));
}

TEST(CompareOutcomes, PairsById) {
  const auto with_ids = [](const std::vector<std::string>& ids) {
    std::vector<SampleOutcome> outcomes;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      outcomes.push_back(scored(static_cast<std::int64_t>(i), 0, ids[i] < "d"));
      outcomes.back().sample_id = outcomes.back().cluster = ids[i];
    }
    return outcomes;
  };
  const Comparison got =
      compare(with_ids({"a", "b", "c", "d", "e"}), with_ids({"x", "e", "a", "c", "b"}));
  EXPECT_EQ(got.num_pairs, 4);
  EXPECT_EQ(got.only_in_a, 1);
  EXPECT_EQ(got.only_in_b, 1);
  EXPECT_EQ(got.to_right + got.to_wrong, 0);
  EXPECT_THAT(got.verdict, HasSubstr("2 questions are in one run only."));
}

TEST(CompareOutcomes, SaysWhenThereIsNothingToCompare) {
  const Comparison got = compare({scored(0, 0, 1)}, {scored(1, 0, 1)});
  EXPECT_EQ(got.num_pairs, 0);
  EXPECT_FALSE(got.low);
  EXPECT_THAT(got.verdict, testing::StartsWith("Nothing can be compared"));
  EXPECT_EQ(compare({}, {}).num_pairs, 0);
}

TEST(CompareOutcomes, ListsNoMoreFlipsThanAsked) {
  const FortyPairs pairs;
  ComparisonOptions options;
  options.max_flips = 3;
  const Comparison got = compare(pairs.a, pairs.b, options);
  EXPECT_EQ(got.flips.size(), 3u);
  EXPECT_EQ(got.to_right + got.to_wrong, 15);
}

TEST(CompareOutcomes, RefusesOtherSuitesAndDisorder) {
  RunRecord aime = record("run-b");
  aime.suite = "aime";
  EXPECT_THROW(compare_outcomes(record("run-a"), aime, stream_of({}), stream_of({}), {}), Error);
  EXPECT_THROW(compare({scored(1, 0, 1), scored(0, 0, 1)}, {}), Error);
  EXPECT_THROW(compare({scored(1, 1, 1), scored(1, 0, 1)}, {}), Error);
  std::vector<SampleOutcome> twice{scored(0, 0, 1), scored(1, 0, 1)};
  twice[1].sample_id = "q0";
  EXPECT_THROW(compare(twice, {scored(5, 0, 1)}), Error);
}

Json manifest(const Json& values) {
  Json digests = Json::object();
  for (const auto& [part, value] : values.items()) digests[part] = dump_json(value) + "-digest";
  return {{"digests", digests}, {"values", values}};
}

const Json kBase{{"weights", "sha256:aa"},
                 {"tokenizer", "t1"},
                 {"prompt", {{"variant", "direct"}, {"text", "Reply."}}},
                 {"sampling", {{"temperature", 0.0}, {"max_tokens", 64}}},
                 {"seed", 0},
                 {"extra", 1}};

Json changed(const std::string& part, const Json& value) {
  Json values = kBase;
  values[part] = value;
  return manifest(values);
}

std::string refusal(const Json& a, const Json& b, const std::vector<std::string>& vary) {
  try {
    check_comparable(a, b, vary);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "";
}

TEST(CheckComparable, AllowsEqualManifestsAndDeclaredDifferences) {
  const Json base = manifest(kBase);
  EXPECT_THAT(check_comparable(base, base, {}), IsEmpty());
  const std::vector<std::string> model{"model"};
  EXPECT_THAT(check_comparable(base, changed("weights", "sha256:bb"), model),
              ElementsAre("weights"));
  const std::vector<std::string> all{"all"};
  EXPECT_THAT(check_comparable(base, changed("extra", 2), all), ElementsAre("extra"));
  const std::vector<std::string> variant{"variant", "seed"};
  EXPECT_THAT(check_comparable(base, changed("prompt", "other"), variant), ElementsAre("prompt"));
}

TEST(CheckComparable, NamesEveryUndeclaredDifferenceWithBothValues) {
  Json values = kBase;
  values["weights"] = "sha256:bb";
  values["sampling"]["temperature"] = 0.7;
  values.erase("extra");
  values["seed"] = 3;
  const std::vector<std::string> vary{"seed"};
  EXPECT_EQ(
      refusal(manifest(kBase), manifest(values), vary),
      "the runs differ in what was not declared to vary, so their scores do not compare\n"
      "  weights: sha256:aa in A, sha256:bb in B\n"
      "  sampling: temperature 0.0 in A, 0.7 in B\n"
      "  extra: 1 in A, absent in B\n"
      "  try: --vary model --vary sampling --vary extra, if that is what you mean to compare");
}

TEST(CheckComparable, ShowsDigestsWhereValuesAreAlike) {
  Json other = manifest(kBase);
  other["digests"]["tokenizer"] = "0123456789abcdef";
  EXPECT_THAT(refusal(manifest(kBase), other, {}), HasSubstr("in A, 0123456789ab in B (digests)"));
}

TEST(CheckComparable, RefusesWordsThatNameNothing) {
  EXPECT_THAT(refusal(manifest(kBase), manifest(kBase), {"promt"}),
              HasSubstr("--vary promt: runs have no such part\n  try: one of all, model, profile"));
}

TEST(CheckComparable, RefusesWhatIsNoManifest) {
  EXPECT_THROW(differing_parts(Json::object(), manifest(kBase)), Error);
  EXPECT_THROW(differing_parts(Json{{"digests", 3}}, manifest(kBase)), Error);
}

TEST(PValueText, NeverHidesTheSideOfFivePercent) {
  EXPECT_EQ(p_value_text(0.0004), "p < 0.001");
  EXPECT_EQ(p_value_text(0.0123), "p = 0.012");
  EXPECT_EQ(p_value_text(0.0499), "p = 0.0499");
  EXPECT_EQ(p_value_text(0.284), "p = 0.28");
  EXPECT_EQ(p_value_text(1), "p = 1.00");
}

// 2,000 comparisons of equally good runs over 80 questions: a difference is told in 5 %, within 4
// standard errors (0.0195).
TEST(CompareOutcomes, TellsDifferencesThatAreNotThereAsRarelyAsItSays) {
  stats::Random random(2718);
  constexpr int kStudies = 2000;
  int told = 0;
  for (int study = 0; study < kStudies; ++study) {
    std::vector<SampleOutcome> a, b;
    for (int row = 0; row < 80; ++row) {
      const double skill = random.uniform();
      a.push_back(scored(row, 0, random.uniform() < skill));
      b.push_back(scored(row, 0, random.uniform() < skill));
    }
    told += *compare(std::move(a), std::move(b)).p_value < 0.05;
  }
  EXPECT_NEAR(told / static_cast<double>(kStudies), 0.05, 0.0195);
}

}  // namespace
}  // namespace peira::evals
