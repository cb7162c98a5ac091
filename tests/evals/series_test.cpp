#include "evals/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "evals/level_change.h"
#include "series_simulation.h"

namespace peira::evals {
namespace {

// One question a value, each its own cluster.
NightValues night_of(int index, std::vector<double> values) {
  NightValues night;
  night.night = night_name(index);
  night.run_id = "run-" + night.night;
  night.identity = night.run_id;
  night.basis = "questions";
  for (std::size_t q = 0; q < values.size(); ++q) {
    night.questions.push_back(q);
    night.clusters.push_back(static_cast<std::int64_t>(q));
  }
  night.values = std::move(values);
  return night;
}

// `right` of 100 right, turning over which ones from night to night.
NightValues percent(int index, int right) {
  std::vector<double> values(100, 0.0);
  for (int i = 0; i < right; ++i) values[static_cast<std::size_t>((i + index % 3) % 100)] = 1;
  return night_of(index, values);
}

// Numbers by NumPy and SciPy: tests/golden/evals/make_series_nights.py.
TEST(Series, JudgesNightsAsAnIndependentComputationDoes) {
  const std::string path = std::string(PEIRA_SOURCE_DIR) + "/tests/golden/evals/series_nights.json";
  const Json golden = parse_json(read_file(path), path);
  SeriesOptions options;
  options.window = 6;
  options.min_nights = 4;
  options.run_length = 40;
  Watch watch(1, options, 0.05);
  for (std::size_t t = 0; t < golden["values"].size(); ++t) {
    NightValues night =
        night_of(static_cast<int>(t), golden["values"][t].get<std::vector<double>>());
    for (std::size_t q = 0; q < 60; ++q) night.clusters[q] = static_cast<std::int64_t>(q / 3);
    watch.judge({night});
    const NightJudgement& got = watch.history(0).back();
    const Json& want = golden["said"][t];
    EXPECT_NEAR(got.estimate, want["estimate"].get<double>(), 1e-12) << t;
    const auto expect = [&](const char* key, const std::optional<double>& value) {
      ASSERT_EQ(value.has_value(), want.contains(key)) << key << " of night " << t;
      if (!value) return;
      EXPECT_NEAR(*value, want[key].get<double>(), 1e-9) << key << " of night " << t;
    };
    expect("difference", got.difference);
    expect("std_error", got.std_error);
    expect("df", got.df);
    expect("p", got.p);
    expect("test_level", got.test_level);
    expect("difference_low", got.difference_low);
    expect("difference_high", got.difference_high);
    expect("center", got.center);
    expect("limit_low", got.limit_low);
    expect("z", got.z);
    if (want.contains("down")) {
      for (std::size_t b = 0; b < kDriftBets.size(); ++b) {
        EXPECT_NEAR(got.down[b], want["down"][b].get<double>(), 1e-8) << b << " of night " << t;
      }
    }
    EXPECT_EQ(got.verdict == SeriesVerdict::kDrifted, want.value("alarm", false)) << t;
  }
  EXPECT_EQ(watch.history(0).back().verdict, SeriesVerdict::kDrifted);
}

TEST(Series, SaysNothingBeforeTheNoiseIsKnown) {
  Watch watch(1, {}, 0.05);
  for (int t = 0; t < 8; ++t) {
    watch.judge({percent(t, t == 7 ? 20 : 80)});
    EXPECT_EQ(watch.history(0).back().verdict, SeriesVerdict::kTooLittleHistory) << t;
  }
  EXPECT_EQ(watch.stream().num_tests, 0);
}

TEST(Series, JudgesTheSecondNightWhereEqualManifestsGiveEqualBytes) {
  SeriesOptions options;
  options.repeatable = true;
  options.noise_floor = NoiseFloor{};
  Watch watch(1, options, 0.05);
  watch.judge({percent(0, 80)});
  watch.judge({percent(1, 20)});
  EXPECT_EQ(watch.history(0).back().verdict, SeriesVerdict::kDropped);
  EXPECT_EQ(watch.stream().rejections.size(), 1U);
}

// That a checkpoint gives the same answers twice says nothing of how much two of them differ: a few
// points between the first nights are taken for that.
TEST(Series, TakesAFewPointsBetweenTheFirstCheckpointsForTheirNoise) {
  SeriesOptions options;
  options.repeatable = true;
  options.noise_floor = NoiseFloor{};
  Watch watch(1, options, 0.05);
  watch.judge({percent(0, 80)});
  for (int t = 1; t < 7; ++t) {
    watch.judge({percent(t, t % 2 == 0 ? 79 : 74)});
    const NightJudgement& said = watch.history(0).back();
    EXPECT_EQ(said.verdict, SeriesVerdict::kSteady) << t << ": " << said.sentence;
    ASSERT_TRUE(said.std_error);
    EXPECT_GE(*said.std_error, 0.03) << t;
  }
}

// The same bytes again are no second test, and say what they said.
TEST(Series, CountsARepeatedRunOnce) {
  SeriesOptions options;
  options.repeatable = true;
  options.noise_floor = NoiseFloor{};
  Watch watch(1, options, 0.05);
  NightValues first = percent(0, 80), again = first;
  again.night = night_name(1);
  watch.judge({first});
  watch.judge({again});
  NightValues bad = percent(2, 30), still_bad = bad;
  still_bad.night = night_name(3);
  watch.judge({bad});
  watch.judge({still_bad});
  const std::vector<NightJudgement>& said = watch.history(0);
  EXPECT_FALSE(said[1].counted);
  EXPECT_EQ(said[2].reference_nights, 1);
  EXPECT_EQ(said[2].verdict, SeriesVerdict::kDropped);
  EXPECT_EQ(said[3].verdict, SeriesVerdict::kDrifted);  // it lasts
  EXPECT_FALSE(said[3].counted);
  EXPECT_EQ(watch.stream().num_tests, 1);
}

// Night noise of several points, far beyond what 2,000 questions alone would give.
TEST(Series, LearnsNoiseThatAllQuestionsOfANightShare) {
  Simulation simulation({.num_suites = 1, .num_questions = 2000, .night_noise = 0.03}, {}, 3);
  Watch watch(1, {}, 0.05);
  for (int t = 0; t < 60; ++t) watch.judge(simulation.next());
  const NightJudgement& last = watch.history(0).back();
  EXPECT_EQ(last.verdict, SeriesVerdict::kSteady);
  EXPECT_NEAR(last.night_noise.value(), 0.03, 0.012);  // a third: 27 degrees of freedom
  EXPECT_GT(last.std_error.value(), 3 * last.sampling_error);
}

// A checkpoint a night on an engine without noise, each far from the last: judged by what the
// nights do soon, even if the first ones were found bad.
TEST(Series, LearnsTheNoiseOfNightsThatWereFoundBad) {
  SeriesOptions options;
  options.repeatable = true;
  options.noise_floor = NoiseFloor{};
  Watch watch(1, options, 0.05);
  for (int t = 0; t < 80; ++t) {
    const int swing = t % 4 == 0 ? -14 : t % 4 == 1 ? 9 : t % 4 == 2 ? -8 : 13;
    watch.judge({percent(t, 60 + swing)});
  }
  int alarms = 0;
  for (int t = 40; t < 80; ++t) {
    alarms += is_alarm(watch.history(0)[static_cast<std::size_t>(t)]) ? 1 : 0;
  }
  EXPECT_EQ(alarms, 0);
}

TEST(Series, KeepsSayingDriftedUntilTheOldLevelIsBack) {
  Watch watch(1, {}, 0.05);
  std::vector<int> levels(40, 80);
  for (int t = 20; t < 30; ++t) levels[static_cast<std::size_t>(t)] = 70;
  for (int t = 0; t < 40; ++t) {
    watch.judge({percent(t, levels[static_cast<std::size_t>(t)] + (t * 7 + t / 3) % 5 - 2)});
  }
  const std::vector<NightJudgement>& said = watch.history(0);
  for (int t = 9; t < 20; ++t) {
    EXPECT_EQ(said[static_cast<std::size_t>(t)].verdict, SeriesVerdict::kSteady) << t;
  }
  EXPECT_TRUE(is_alarm(said[22]));
  EXPECT_EQ(said[29].verdict, SeriesVerdict::kDrifted);
  ASSERT_TRUE(said[29].change);
  EXPECT_EQ(said[29].change->night, night_name(20));
  EXPECT_LT(said[29].change->low, -0.10);
  EXPECT_GT(said[29].change->high, -0.10);
  EXPECT_FALSE(said[29].green);
  EXPECT_EQ(said[39].verdict, SeriesVerdict::kSteady);
  // The nights of the drift are no reference afterwards.
  NightValues next = percent(40, 80);
  for (const std::size_t i : reference_nights(said, next, {})) EXPECT_TRUE(i < 20 || i >= 30) << i;
}

TEST(Series, TakesAnAcceptedLevelForTheReference) {
  Watch watch(1, {}, 0.05);
  for (int t = 0; t < 40; ++t) {
    NightValues night = percent(t, (t < 20 ? 80 : 70) + (t * 7 + t / 3) % 5 - 2);
    if (t == 30) night.accepted_from = night_name(20);
    watch.judge({night});
  }
  const std::vector<NightJudgement>& said = watch.history(0);
  EXPECT_EQ(said[29].verdict, SeriesVerdict::kDrifted);
  for (int t = 30; t < 40; ++t) {
    EXPECT_EQ(said[static_cast<std::size_t>(t)].verdict, SeriesVerdict::kSteady) << t;
  }
  EXPECT_EQ(said[30].reference_nights, 10);
}

TEST(Series, MovesTheReferenceUpWithAnImprovement) {
  Watch watch(1, {}, 0.05);
  for (int t = 0; t < 45; ++t)
    watch.judge({percent(t, (t < 20 ? 70 : 80) + (t * 7 + t / 3) % 5 - 2)});
  const std::vector<NightJudgement>& said = watch.history(0);
  bool improved = false;
  for (const NightJudgement& night : said) {
    EXPECT_FALSE(is_alarm(night)) << night.night << ": " << night.sentence;
    improved = improved || (night.verdict == SeriesVerdict::kImproved && night.change.has_value());
  }
  EXPECT_TRUE(improved);
  NightValues next = percent(45, 80);
  for (const std::size_t i : reference_nights(said, next, {})) EXPECT_GE(i, 20U);
}

TEST(Series, BeginsAnewWhenTheQuestionsChange) {
  Watch watch(1, {}, 0.05);
  for (int t = 0; t < 12; ++t) watch.judge({percent(t, 80)});
  NightValues other = percent(12, 20);
  other.basis = "other questions";
  watch.judge({other});
  EXPECT_TRUE(watch.history(0).back().begins);
  EXPECT_EQ(watch.history(0).back().verdict, SeriesVerdict::kTooLittleHistory);
}

TEST(Series, DoesNotJudgeAnIncompleteNight) {
  Watch watch(1, {}, 0.05);
  for (int t = 0; t < 12; ++t) watch.judge({percent(t, 80)});
  NightValues half = percent(12, 20);
  half.complete = false;
  half.why_incomplete = "the token budget was spent";
  watch.judge({half});
  EXPECT_EQ(watch.history(0).back().verdict, SeriesVerdict::kUndecided);
  EXPECT_EQ(watch.history(0).back().sentence, "undecided: the token budget was spent");
  NightValues next = percent(13, 80);
  for (const std::size_t i : reference_nights(watch.history(0), next, {})) EXPECT_LT(i, 12U);
}

// More unparsed replies are worse: the sign turns.
TEST(Series, WatchesRatesThatShouldStayLow) {
  SeriesOptions options;
  options.higher_is_better = false;
  Watch watch(1, options, 0.05);
  for (int t = 0; t < 30; ++t) watch.judge({percent(t, (t < 25 ? 3 : 60) + t % 3)});
  EXPECT_TRUE(is_alarm(watch.history(0)[25]));
}

TEST(Series, GivesTheSameBitsFromStoredJudgements) {
  Simulation simulation({.num_suites = 2, .num_questions = 100, .night_noise = 0.01},
                        {.at = 20, .step = -0.2}, 11);
  Watch watch(2, {}, 0.05);
  std::vector<std::vector<NightJudgement>> stored(2);
  std::string saved;
  for (int t = 0; t < 40; ++t) {
    const std::vector<NightValues> nights = simulation.next();
    // Each night anew from text, as another process would.
    stats::OnlineState stream;
    if (!saved.empty()) stream = stats::load_online_state(saved);
    SeriesOptions options;
    options.num_series = 2;
    std::vector<NightJudgement> said;
    for (std::size_t s = 0; s < 2; ++s) {
      std::vector<NightValues> reference;
      for (const std::size_t i : reference_nights(stored[s], nights[s], options)) {
        reference.push_back(watch.values()[s][i]);
      }
      said.push_back(judge_night(stored[s], nights[s], reference, stream, options));
    }
    watch.judge(nights);
    saved = stats::save_online_state(stream);
    for (std::size_t s = 0; s < 2; ++s) {
      EXPECT_EQ(dump_json(to_json(said[s])), dump_json(to_json(watch.history(s).back()))) << t;
      const Json text = parse_json(dump_json(to_json(said[s])), "judgement");
      stored[s].push_back(night_judgement_from(text, "judgement"));
    }
    EXPECT_EQ(stream, watch.stream());
  }
  EXPECT_TRUE(is_alarm(watch.history(0).back()));
  EXPECT_FALSE(is_alarm(watch.history(1).back()));
}

TEST(Series, RefusesWhatIsNoJudgement) {
  NightJudgement judgement;
  judgement.night = "2026-01-01";
  Json value = to_json(judgement);
  value["level"] = "high";
  try {
    night_judgement_from(value, "store");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_STREQ(error.what(), "store: level: not a number");
  }
  value = to_json(judgement);
  value["down"] = Json::array({1, 2});
  EXPECT_THROW(night_judgement_from(value, "store"), Error);
  value = to_json(judgement);
  value["verdict"] = "fine";
  EXPECT_THROW(night_judgement_from(value, "store"), Error);
}

TEST(Series, RefusesNightsOutOfOrderAndBadNumbers) {
  stats::OnlineState stream;
  const std::vector<NightJudgement> history{judge_night({}, percent(5, 80), {}, stream, {})};
  EXPECT_THROW(judge_night(history, percent(5, 80), {}, stream, {}), Error);
  NightValues bad = percent(6, 80);
  bad.values[3] = std::nan("");
  EXPECT_THROW(judge_night(history, bad, {}, stream, {}), Error);
  bad = percent(6, 80);
  bad.values.pop_back();
  EXPECT_THROW(judge_night(history, bad, {}, stream, {}), Error);
}

// By hand: groups {1, 3} and {5, 5, 8} have squares 2 and 6 over 1 + 2 degrees of freedom.
TEST(Series, PoolsTheNoiseOfEqualManifests) {
  const std::vector<std::vector<double>> groups{{1, 3}, {5, 5, 8}, {4}};
  const std::optional<NoiseFloor> floor = measure_noise_floor(groups);
  ASSERT_TRUE(floor);
  EXPECT_DOUBLE_EQ(floor->std_dev, std::sqrt(8.0 / 3));
  EXPECT_DOUBLE_EQ(floor->df, 3);
  EXPECT_FALSE(measure_noise_floor(std::vector<std::vector<double>>{{4}, {}}));
}

// A clean step of one and a clean slope of a quarter a night.
TEST(LevelChange, TellsAStepFromASlope) {
  std::vector<double> step, slope;
  for (int i = 0; i < 12; ++i) {
    const double jitter = (i % 2 == 0 ? 1 : -1) * 0.01;
    step.push_back((i < 7 ? 5 : 4) + jitter);
    slope.push_back(5 - (i <= 4 ? 0 : 0.25 * (i - 4)) + jitter);
  }
  const std::optional<ChangeFit> a = fit_change(step, {});
  ASSERT_TRUE(a);
  EXPECT_FALSE(a->gradual);
  EXPECT_EQ(a->position, 7U);
  EXPECT_EQ(a->earliest, 7U);
  EXPECT_EQ(a->latest, 7U);
  EXPECT_NEAR(a->size, -1, 0.01);
  EXPECT_LT(a->low, -1);
  EXPECT_GT(a->high, -1.02);
  const std::optional<ChangeFit> b = fit_change(slope, {});
  ASSERT_TRUE(b);
  EXPECT_TRUE(b->gradual);
  EXPECT_EQ(b->position, 4U);
  EXPECT_LE(b->earliest, 4U);
  EXPECT_NEAR(b->size, -1.75, 0.03);
}

TEST(LevelChange, LooksInOneDirectionOnly) {
  const std::vector<double> rising{1, 1, 1, 2, 2, 2};
  EXPECT_TRUE(fit_change(rising, {.direction = 1}));
  const std::optional<ChangeFit> down = fit_change(rising, {.direction = -1});
  if (down) {
    EXPECT_LT(down->size, 0);
  }
  EXPECT_FALSE(fit_change(std::vector<double>{1, 2, 3}, {}));
}

}  // namespace
}  // namespace peira::evals
