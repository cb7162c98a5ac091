// Error control for a stream of tests without end, such as one gate a night: the level of each test
// depends on what came before and is known before its p-value is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peira::stats {

enum class OnlineProcedure {
  kLordPlusPlus,  // false discovery rate, independent or positively dependent p-values: the default
  kSaffron,       // the same, stronger when many nulls are false; independent p-values
  kAddis,         // the same, stronger when many p-values are conservative
  kLond,          // the same, simplest; positively dependent p-values
  kAlphaSpending  // family-wise error, any dependence
};

std::string_view to_string(OnlineProcedure procedure);
// throws Error(kUsage) "InvalidArgument": none of lord++, saffron, addis, lond, alpha-spending.
OnlineProcedure online_procedure_from(std::string_view name);

// A rejection and what had come up to and including it.
struct OnlineRejection {
  std::int64_t test = 0;        // its number, from 1
  std::int64_t kept = 0;        // tests with p <= 0.5 (ADDIS keeps these only)
  std::int64_t candidates = 0;  // tests with p <= lambda (SAFFRON and ADDIS)
};

// All that the next level depends on: a value to be stored.
struct OnlineState {
  OnlineProcedure procedure = OnlineProcedure::kLordPlusPlus;
  double alpha = 0.05;
  std::int64_t num_tests = 0;
  std::int64_t kept = 0;
  std::int64_t candidates = 0;
  std::vector<OnlineRejection> rejections;

  bool operator==(const OnlineState&) const;
};

struct OnlineDecision {
  std::int64_t test = 0;  // its number, from 1
  double level = 0;       // alpha_t
  bool reject = false;    // p <= level
};

// Level of the next test.
// source  with gamma summing to 1: LORD++ (Ramdas et al. 2017)
//         w0 gamma_t + (alpha - w0) gamma_{t - tau1} + alpha sum_{j >= 2} gamma_{t - tau_j},
//         w0 = alpha / 10, gamma_j = 0.07720838 ln(max(j, 2)) / (j exp(sqrt(ln j)));
//         SAFFRON (Ramdas et al. 2018) with lambda = 1/2 and ADDIS (Tian and Ramdas 2019) with
//         lambda = 1/4, tau = 1/2, both w0 = alpha / 2, gamma_j = 0.4374901658 j^-1.6;
//         LOND (Javanmard and Montanari 2018) alpha gamma_t (D + 1); alpha spending alpha gamma_t.
//         R onlineFDR 2.19.1 with its defaults.
// cost    grows with the number of rejections.
// throws  Error(kUsage) "InvalidProbability": alpha outside (0, 1).
double next_level(const OnlineState& state);

// Tests the next p-value and moves the state on. A NaN (a test that could not be run) is no test:
// empty, and the state stays.
// throws  Error(kUsage) "InvalidProbability": p outside [0, 1].
std::optional<OnlineDecision> test_online(OnlineState& state, double p);

// The state as one line of JSON and back: replaying a log from either gives the same bits.
// throws  load: Error(kData) "InvalidArgument": no state, or one that no stream leads to.
std::string save_online_state(const OnlineState& state);
OnlineState load_online_state(const std::string& text);

}  // namespace peira::stats
