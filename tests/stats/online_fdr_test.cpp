#include "stats/online_fdr.h"

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

constexpr OnlineProcedure kAll[] = {OnlineProcedure::kLordPlusPlus, OnlineProcedure::kSaffron,
                                    OnlineProcedure::kAddis, OnlineProcedure::kLond,
                                    OnlineProcedure::kAlphaSpending};

std::vector<double> stream(int n) {
  Random random(31);
  std::vector<double> p;
  for (int i = 0; i < n; ++i) {
    p.push_back(random.uniform() < 0.2 ? random.uniform() * 1e-4 : random.uniform());
  }
  return p;
}

// Stopped anywhere, stored and loaded, a stream goes on as if never stopped: to the bit.
TEST(OnlineFdr, ReplaysToTheBit) {
  const std::vector<double> p = stream(120);
  for (const OnlineProcedure procedure : kAll) {
    OnlineState straight{.procedure = procedure, .alpha = 0.1, .rejections = {}};
    OnlineState stored = straight;
    for (const double value : p) {
      stored = load_online_state(save_online_state(stored));
      const auto a = test_online(straight, value);
      const auto b = test_online(stored, value);
      EXPECT_EQ(a->level, b->level);
      EXPECT_EQ(a->reject, b->reject);
      EXPECT_EQ(a->test, b->test);
    }
    EXPECT_EQ(straight, stored);
    EXPECT_GT(straight.rejections.size(), 2u) << to_string(procedure);
  }
}

TEST(OnlineFdr, SkipsATestThatCouldNotBeRun) {
  OnlineState state;
  test_online(state, 0.2);
  const OnlineState before = state;
  EXPECT_FALSE(test_online(state, std::nan("")));
  EXPECT_EQ(state, before);
}

TEST(OnlineFdr, RefusesWhatIsNoProbability) {
  OnlineState state;
  expect_error(ErrorCode::kUsage, "InvalidProbability", [&] { test_online(state, 1.1); });
  EXPECT_EQ(state, OnlineState{});
  state.alpha = 0;
  expect_error(ErrorCode::kUsage, "InvalidProbability", [&] { next_level(state); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { online_procedure_from("lord"); });
  EXPECT_EQ(online_procedure_from("addis"), OnlineProcedure::kAddis);
}

TEST(OnlineFdr, LoadsNoStateThatNoStreamLeadsTo) {
  OnlineState state;
  for (const double p : stream(40)) test_online(state, p);
  const auto refuse = [](const OnlineState& bad) {
    expect_error(ErrorCode::kData, "InvalidArgument",
                 [&] { load_online_state(save_online_state(bad)); });
  };
  OnlineState bad = state;
  bad.num_tests = 3;
  refuse(bad);
  bad = state;
  bad.rejections[1].test = bad.rejections[0].test;
  refuse(bad);
  bad = state;
  bad.candidates = bad.kept + 1;
  refuse(bad);
  bad = state;
  bad.alpha = 1.5;
  refuse(bad);
  for (
      const char* text :
      {"", "{}", "[1]", R"({"procedure":"lord++"})",
       R"({"procedure":"x","alpha":0.05,"num_tests":0,"kept":0,"candidates":0,"rejections":[]})",
       R"({"procedure":"lond","alpha":0.05,"num_tests":1,"kept":0,"candidates":0,"rejections":[[1]]})"}) {
    expect_error(ErrorCode::kData, "InvalidArgument", [&] { load_online_state(text); });
  }
}

// 1,500 streams of 100 independent tests, a fifth with an effect: the mean share of false among the
// rejected stays at or below alpha; alpha spending's chance of any false rejection too.
TEST(OnlineFdr, KeepsTheFalseDiscoveryRate) {
  constexpr int kStreams = 1500;
  for (const OnlineProcedure procedure : kAll) {
    Random random(17);
    double false_share = 0;
    int any_false = 0;
    for (int s = 0; s < kStreams; ++s) {
      OnlineState state{.procedure = procedure, .alpha = 0.1, .rejections = {}};
      int wrong = 0;
      int rejected = 0;
      for (int t = 0; t < 100; ++t) {
        const bool effect = random.uniform() < 0.2;
        const double u = random.uniform();
        const auto decision = test_online(state, effect ? u * u * u * u * u : u);
        rejected += decision->reject;
        wrong += decision->reject && !effect;
      }
      false_share += rejected > 0 ? static_cast<double>(wrong) / rejected : 0;
      any_false += wrong > 0;
    }
    const double slack = 4 * std::sqrt(0.1 * 0.9 / kStreams);
    EXPECT_LT(false_share / kStreams, 0.1 + slack) << to_string(procedure);
    if (procedure == OnlineProcedure::kAlphaSpending) {
      EXPECT_LT(any_false / static_cast<double>(kStreams), 0.1 + slack);
    }
  }
}

}  // namespace
}  // namespace peira::stats
