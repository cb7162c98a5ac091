#include "stats/online_fdr.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

constexpr double kSaffronLambda = 0.5;
constexpr double kAddisLambda = 0.25;
constexpr double kAddisTau = 0.5;

constexpr std::array<std::pair<OnlineProcedure, std::string_view>, 5> kNames{
    {{OnlineProcedure::kLordPlusPlus, "lord++"},
     {OnlineProcedure::kSaffron, "saffron"},
     {OnlineProcedure::kAddis, "addis"},
     {OnlineProcedure::kLond, "lond"},
     {OnlineProcedure::kAlphaSpending, "alpha-spending"}}};

double lord_gamma(std::int64_t j) {
  const double x = static_cast<double>(j);
  return 0.07720838 * std::log(std::max(x, 2.0)) / (x * std::exp(std::sqrt(std::log(x))));
}

double power_gamma(std::int64_t j) { return 0.4374901658 * std::pow(static_cast<double>(j), -1.6); }

// w0 gamma(now) + (alpha - w0) gamma(since the first rejection) + alpha sum gamma(since others).
template <typename Gamma, typename Since>
double wealth(const OnlineState& state, double w0, Gamma gamma, std::int64_t now, Since since) {
  double level = w0 * gamma(now);
  for (std::size_t j = 0; j < state.rejections.size(); ++j) {
    level += (j == 0 ? state.alpha - w0 : state.alpha) * gamma(since(state.rejections[j]));
  }
  return level;
}

double lambda_of(OnlineProcedure procedure) {
  return procedure == OnlineProcedure::kAddis ? kAddisLambda : kSaffronLambda;
}

void require_consistent(const OnlineState& state) {
  const auto within = [](std::int64_t value, std::int64_t low, std::int64_t high) {
    return value >= low && value <= high;
  };
  bool good = state.num_tests >= 0 && within(state.kept, 0, state.num_tests) &&
              within(state.candidates, 0, state.kept);
  OnlineRejection last;
  for (const OnlineRejection& rejection : state.rejections) {
    // Every rejection is one test more, and its small p is kept and a candidate.
    good = good && rejection.test > last.test && rejection.kept > last.kept &&
           rejection.candidates > last.candidates &&
           rejection.kept - last.kept <= rejection.test - last.test &&
           rejection.candidates - last.candidates <= rejection.kept - last.kept;
    last = rejection;
  }
  good = good && within(last.test, 0, state.num_tests) && within(last.kept, 0, state.kept) &&
         within(last.candidates, 0, state.candidates) &&
         state.kept - last.kept <= state.num_tests - last.test &&
         state.candidates - last.candidates <= state.kept - last.kept;
  if (!good || !(state.alpha > 0) || !(state.alpha < 1)) {
    throw Error(ErrorCode::kData,
                "InvalidArgument: a state of online tests that no stream leads to");
  }
}

}  // namespace

std::string_view to_string(OnlineProcedure procedure) {
  for (const auto& [value, name] : kNames) {
    if (value == procedure) return name;
  }
  return "";
}

OnlineProcedure online_procedure_from(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  detail::invalid_argument("no online procedure is called \"" + std::string(name) +
                           "\"\n  try: lord++, saffron, addis, lond or alpha-spending");
}

bool OnlineState::operator==(const OnlineState& other) const {
  const auto same = [](const OnlineRejection& a, const OnlineRejection& b) {
    return a.test == b.test && a.kept == b.kept && a.candidates == b.candidates;
  };
  return procedure == other.procedure && alpha == other.alpha && num_tests == other.num_tests &&
         kept == other.kept && candidates == other.candidates &&
         std::equal(rejections.begin(), rejections.end(), other.rejections.begin(),
                    other.rejections.end(), same);
}

double next_level(const OnlineState& state) {
  detail::require_open_unit(state.alpha, "alpha");
  const double alpha = state.alpha;
  const std::int64_t t = state.num_tests + 1;
  switch (state.procedure) {
    case OnlineProcedure::kLordPlusPlus:
      return wealth(state, alpha / 10, lord_gamma, t,
                    [t](const OnlineRejection& r) { return t - r.test; });
    case OnlineProcedure::kSaffron: {
      const auto since = [&](const OnlineRejection& r) {
        return t - r.test - (state.candidates - r.candidates);
      };
      return std::min(kSaffronLambda, (1 - kSaffronLambda) * wealth(state, alpha / 2, power_gamma,
                                                                    t - state.candidates, since));
    }
    case OnlineProcedure::kAddis: {
      const auto since = [&](const OnlineRejection& r) {
        return state.kept + 1 - r.kept - (state.candidates - r.candidates);
      };
      return std::min(kAddisLambda, (kAddisTau - kAddisLambda) *
                                        wealth(state, alpha / 2, power_gamma,
                                               state.kept + 1 - state.candidates, since));
    }
    case OnlineProcedure::kLond:
      return alpha * lord_gamma(t) * static_cast<double>(state.rejections.size() + 1);
    case OnlineProcedure::kAlphaSpending:
      return alpha * lord_gamma(t);
  }
  return 0;
}

std::optional<OnlineDecision> test_online(OnlineState& state, double p) {
  if (std::isnan(p)) return std::nullopt;
  detail::require_unit(p, "a p-value");
  OnlineDecision decision{state.num_tests + 1, next_level(state), false};
  decision.reject = p <= decision.level;
  ++state.num_tests;
  // A rejected p is below its level, and that at most lambda: it counts in both.
  if (p <= kAddisTau || decision.reject) ++state.kept;
  if (p <= lambda_of(state.procedure) || decision.reject) ++state.candidates;
  if (decision.reject) {
    state.rejections.push_back({state.num_tests, state.kept, state.candidates});
  }
  return decision;
}

std::string save_online_state(const OnlineState& state) {
  OrderedJson rejections = OrderedJson::array();
  for (const OnlineRejection& r : state.rejections) {
    rejections.push_back({r.test, r.kept, r.candidates});
  }
  const OrderedJson json{{"procedure", to_string(state.procedure)},
                         {"alpha", state.alpha},
                         {"num_tests", state.num_tests},
                         {"kept", state.kept},
                         {"candidates", state.candidates},
                         {"rejections", rejections}};
  return json.dump();
}

OnlineState load_online_state(const std::string& text) {
  OnlineState state;
  try {
    const Json json = parse_json(text, "state of online tests");
    state.procedure = online_procedure_from(json.at("procedure").get<std::string>());
    state.alpha = json.at("alpha").get<double>();
    state.num_tests = json.at("num_tests").get<std::int64_t>();
    state.kept = json.at("kept").get<std::int64_t>();
    state.candidates = json.at("candidates").get<std::int64_t>();
    for (const Json& row : json.at("rejections")) {
      const auto counts = row.get<std::array<std::int64_t, 3>>();
      state.rejections.push_back({counts[0], counts[1], counts[2]});
    }
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kData,
                std::string("InvalidArgument: no state of online tests: ") + error.what());
  }
  require_consistent(state);
  return state;
}

}  // namespace peira::stats
